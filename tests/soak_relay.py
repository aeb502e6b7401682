# SPDX-License-Identifier: MIT
"""The measuring part of soak_relay.sh, which says what the arguments are."""
import argparse
import contextlib
import json
import pathlib
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

SAMPLE_EVERY = 5.0  # seconds
CALM = 90.0  # likewise, at most: a viewer over UDP that has died is given up after a minute, as RTSP has it
FLOOD_SPELL = 10.0  # likewise: as long as the relay bears with a connection that asks nothing
MB = 1 << 20

# What --check allows: a leak of weeks shows in minutes as more than the allocator's breathing.
MAX_GROWTH_BYTES = 8 * MB
MAX_GROWTH_HANDLES = 4


class Camera:
    """A camera that is killed and started again, always on one port."""

    def __init__(self, build, size, rate):
        width, height = size.split("x")
        launch = (f"( videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width={width},height={height},framerate={rate}/1 ! "
                  "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! rtph264pay name=pay0 config-interval=-1 )")
        self.command = [build / "tests/pipelines/test-camera", "PORT", launch]
        self.port = 0
        self.start()

    def start(self):
        self.command[1] = str(self.port)
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def kill(self):
        self.process.kill()
        self.process.wait()

    def is_called(self):
        """Whether somebody is connected to it (/proc/net/tcp: local address, state 01)."""
        local = f":{self.port:04X}"
        with open("/proc/net/tcp") as table:
            return any(fields[1].endswith(local) and fields[3] == "01" for fields in map(str.split, table))


class Viewer:
    """Somebody who watches, and counts the frames of each second."""

    def __init__(self, url, protocol="tcp"):
        self.rates = []  # (moment, frames a second)
        self.process = subprocess.Popen(["gst-launch-1.0", "-v", "rtspsrc", f"location={url}", f"protocols={protocol}", "latency=0", "!", "decodebin",
                                         "!", "fpsdisplaysink", "text-overlay=false", "fps-update-interval=1000", "sync=false",
                                         "video-sink=fakesink"], stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.count, daemon=True).start()

    def count(self):
        for line in self.process.stdout:
            if found := re.search(r"last-message = rendered.*current: ([0-9.]+)", line):
                self.rates.append((time.monotonic(), float(found.group(1))))

    def stop(self):
        self.process.kill()
        self.process.wait()


class Relay:
    def __init__(self, build, root, folder, camera, size):
        self.socket = str(folder / "status")
        self.log = folder / "log"
        self.process = subprocess.Popen([build / "pipelines/relay/rtsp-relay", "--camera", f"door=rtsp://127.0.0.1:{camera.port}/live",
                                         "--style", root / "styles/mosaic.jpg", "--size", size, "--port", "0", "--status",
                                         f"unix:{self.socket}"], stderr=open(self.log, "w"))
        wait_until(lambda: pathlib.Path(self.socket).exists(), 30)
        wait_until(lambda: self.ask()["painting"], 30)
        self.url = next(line.split("] ")[1] for line in open(self.log) if line.strip().endswith("/door")).strip()

    def ask(self):
        """The status of its camera, with that of the process."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(self.socket)
            connection.sendall(b"GET /status HTTP/1.0\r\n\r\n")
            answer = b""
            while block := connection.recv(65536):
                answer += block
        status = json.loads(answer.split(b"\r\n\r\n", 1)[1])
        return {**status, **status["cameras"][0]}


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit("soak_relay: the relay shows no picture")
        time.sleep(0.02)


class Trouble:
    """What happens to the relay besides time: each kind at moments drawn by chance."""

    def __init__(self, options, relay, camera, began):
        self.options, self.relay, self.camera, self.began = options, relay, camera, began
        self.chance = random.Random(options.seed)
        end = began + 60 * options.minutes
        self.kill_at = sorted(self.chance.uniform(began + 5, end - 15) for _ in range(options.kills))
        self.toggle_at = began
        self.flood_at = began + 5
        self.stop_at = began + 5 if options.stop_reading else end
        self.waits = []  # (second of the kill, whether in a handshake, seconds until the next picture)
        self.guests = [None] * options.come_and_go
        self.joins = 0
        self.frozen = None
        self.flood = []
        self.floods = []  # [first moment, last moment]

    def next_at(self):
        return min([*self.kill_at[:1], self.stop_at, *([self.toggle_at] if self.guests else []), *([self.flood_at] if self.options.half_open else [])],
                   default=float("inf"))

    def act(self):
        now = time.monotonic()
        if self.kill_at and now >= self.kill_at[0]:
            self.kill()
        if self.guests and now >= self.toggle_at:
            self.join_or_leave()
        if self.options.half_open and now >= self.flood_at:
            self.open_half()
        if self.options.stop_reading and now >= self.stop_at:
            self.stop_reading()

    def kill(self):
        at = self.kill_at.pop(0) - self.began
        self.camera.kill()
        time.sleep(self.chance.uniform(0, 3))
        self.camera.start()
        handshake = len(self.waits) % 2 == 1
        if handshake:
            wait_until(self.camera.is_called, 60)
            time.sleep(self.chance.uniform(0, 0.1))
            self.camera.kill()
            self.camera.start()
        before = self.relay.ask()["painted"]
        back = time.monotonic()
        wait_until(lambda: self.relay.ask()["painted"] > before, 60)
        self.waits.append((at, handshake, time.monotonic() - back))

    def join_or_leave(self):
        self.toggle_at = time.monotonic() + self.chance.uniform(0.5, 5)
        place = self.chance.randrange(len(self.guests))
        if self.guests[place]:
            self.guests[place].stop()
            self.guests[place] = None
        else:
            self.guests[place] = Viewer(self.relay.url, self.chance.choice(["tcp", "udp"]))
            self.joins += 1

    def open_half(self):
        """For one spell as many connections as wanted, half of them mute and half in the middle of a request; for the next, none."""
        self.flood_at = time.monotonic() + FLOOD_SPELL
        if self.flood:
            self.close_flood()
            return
        port = int(self.relay.url.split(":")[2].split("/")[0])
        self.flood = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(self.options.half_open)]
        for connection in self.flood[::2]:
            connection.sendall(b"DESCRIBE rtsp://127.0.0.1/door RTSP/1.0\r\nCSe")
        self.floods.append([time.monotonic(), float("inf")])

    def close_flood(self):
        for connection in self.flood:
            connection.close()
        self.flood = []
        self.floods[-1][1] = time.monotonic()

    def flooded(self, moment):
        return any(first + 1 <= moment <= last for first, last in self.floods)

    def stop_reading(self):
        if self.frozen is None:
            self.frozen = Viewer(self.relay.url)
            self.stop_at = time.monotonic() + 5
        else:
            self.frozen.process.send_signal(signal.SIGSTOP)
            self.stop_at = float("inf")

    def end(self):
        for viewer in filter(None, [*self.guests, self.frozen]):
            viewer.stop()
        self.guests, self.frozen = [], None
        if self.flood:
            self.close_flood()


def slope_per_hour(samples, key):
    """Least squares over (seconds, value)."""
    times = [sample["time"] for sample in samples]
    values = [sample[key] for sample in samples]
    mean_time, mean_value = statistics.fmean(times), statistics.fmean(values)
    spread = sum((t - mean_time) ** 2 for t in times)
    return 3600 * sum((t - mean_time) * (v - mean_value) for t, v in zip(times, values)) / spread


def grown(before, after):
    """What there are more of than may be."""
    return [key for key in ("threads", "open_files") if after[key] - before[key] > MAX_GROWTH_HANDLES]


def report(options, samples, calm, viewer, trouble):
    settled = [sample for sample in samples if sample["time"] >= min(300, 15 * options.minutes)]
    first, last = settled[0], settled[-1]
    print(f"{options.minutes:g} minutes, {len(settled)} samples counted")
    print(f"memory: {first['memory_bytes'] / MB:.1f} MB, then {last['memory_bytes'] / MB:.1f} MB, "
          f"slope {slope_per_hour(settled, 'memory_bytes') / MB:+.2f} MB an hour")
    for key, name in (("threads", "threads"), ("open_files", "open files")):
        values = [sample[key] for sample in settled]
        print(f"{name}: {min(values)} to {max(values)}, first {values[0]}, last {values[-1]}")
    print(f"frames painted a second: median {statistics.median(sample['fps'] for sample in settled):.1f}")
    print(f"delay: median {statistics.median(sample['delay_ms'] for sample in settled):.0f} ms, "
          f"worst {max(sample['delay_worst_ms'] for sample in settled):.0f} ms")
    print(f"decoded {last['decoded']}, painted {last['painted']}, dropped {last['dropped']}, restarts {last['restarts']}")
    rates = [rate for _, rate in viewer.rates]
    print(f"the steady viewer's frames in each second: median {statistics.median(rates):.1f}, lowest {min(rates):.1f}")
    if trouble.waits:
        waits = [wait for _, _, wait in trouble.waits]
        print(f"picture after the camera was back ({len(waits)} kills, {sum(inside for _, inside, _ in trouble.waits)} of them again in the "
              f"handshake): median {statistics.median(waits):.2f} s, worst {max(waits):.2f} s")
        print("kills, seconds (h: also in the handshake): " + ", ".join(f"{at:.0f}{'h' * inside} {wait:.2f}" for at, inside, wait in trouble.waits))
    if trouble.joins:
        print(f"viewers that came: {trouble.joins}")
    if trouble.floods:
        print(f"{options.half_open} half-open connections, {len(trouble.floods)} times")
        for name, wanted in (("while they are open", True), ("in between", False)):
            rates = [rate for moment, rate in viewer.rates if trouble.flooded(moment) == wanted]
            print(f"the steady viewer's frames in each second {name}: median {statistics.median(rates):.1f}, lowest {min(rates):.1f}")
    if not options.check:
        return 0
    # Samples in the middle of trouble say nothing about what stays: those before it and after it do.
    before, after = calm
    bad = grown(before, after)
    if after["memory_bytes"] - first["memory_bytes"] > MAX_GROWTH_BYTES:
        bad.append("memory_bytes")
    print("check: " + ("passed" if not bad else "grown: " + ", ".join(f"{key} from {before[key]} to {after[key]}" for key in bad)))
    return 1 if bad else 0


def soak(options, folder, at_end):
    camera = Camera(options.build, options.size, options.rate)
    at_end.callback(lambda: camera.kill())
    relay = Relay(options.build, options.root, folder, camera, options.size)
    at_end.callback(relay.process.wait)
    at_end.callback(relay.process.terminate)
    viewer = Viewer(relay.url)
    at_end.callback(viewer.stop)
    wait_until(lambda: viewer.rates, 30)
    if options.come_and_go:
        # The first viewer over UDP makes the stream's sockets, which stay for all others.
        first = Viewer(relay.url, "udp")
        wait_until(lambda: first.rates, 30)
        first.stop()
    before = relay.ask()
    began = time.monotonic()
    trouble = Trouble(options, relay, camera, began)
    at_end.callback(trouble.end)
    samples = []
    sample_at = began
    while time.monotonic() < began + 60 * options.minutes:
        trouble.act()
        for name, process in (("relay", relay.process), ("viewer", viewer.process)):
            if process.poll() is not None:
                sys.exit(f"soak_relay: the {name} has ended\n{relay.log.read_text()[-2000:]}")
        if time.monotonic() >= sample_at:
            samples.append({"time": time.monotonic() - began, **relay.ask()})
            if options.samples:
                print(json.dumps(samples[-1]), file=options.samples, flush=True)
            sample_at = max(sample_at + SAMPLE_EVERY, time.monotonic())
        time.sleep(max(0.0, min(sample_at, trouble.next_at()) - time.monotonic()))
    trouble.end()
    after = relay.ask()
    give_up = time.monotonic() + CALM
    while options.check and (not after["painting"] or grown(before, after)) and time.monotonic() < give_up:
        time.sleep(1)
        after = relay.ask()
    return report(options, samples, (before, after), viewer, trouble)


def main():
    parser = argparse.ArgumentParser(prog="soak_relay")
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("minutes", type=float, nargs="?", default=60)
    parser.add_argument("kills", type=int, nargs="?", default=0)
    parser.add_argument("size", nargs="?", default="640x360")
    parser.add_argument("rate", type=int, nargs="?", default=25)
    parser.add_argument("--come-and-go", type=int, default=0)
    parser.add_argument("--stop-reading", action="store_true")
    parser.add_argument("--half-open", type=int, default=0)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--samples", type=argparse.FileType("w"))
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with contextlib.ExitStack() as at_end:
        folder = pathlib.Path(at_end.enter_context(tempfile.TemporaryDirectory(prefix="soak-relay-")))
        status = soak(options, folder, at_end)
    sys.exit(status)


if __name__ == "__main__":
    main()
