# SPDX-License-Identifier: MIT
"""The measuring part of soak_relay.sh, which says what the arguments are."""
import json
import pathlib
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time

SAMPLE_EVERY = 5.0  # seconds


def ask(path):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(path)
        connection.sendall(b"GET /status HTTP/1.0\r\n\r\n")
        answer = b""
        while block := connection.recv(65536):
            answer += block
    status = json.loads(answer.split(b"\r\n\r\n", 1)[1])
    return status, status["cameras"][0]


def start_camera(root, port, size, rate):
    width, height = size.split("x")
    launch = (f"( videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width={width},height={height},framerate={rate}/1 ! "
              "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! rtph264pay name=pay0 config-interval=-1 )")
    camera = subprocess.Popen([root / "build/tests/pipelines/test-camera", str(port), launch], stdout=subprocess.PIPE, text=True)
    return camera, int(camera.stdout.readline())


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit("soak_relay: the relay shows no picture")
        time.sleep(0.02)


def slope_per_hour(samples, key):
    """Least squares over (seconds, value)."""
    times = [sample["time"] for sample in samples]
    values = [sample[key] for sample in samples]
    mean_time, mean_value = statistics.fmean(times), statistics.fmean(values)
    spread = sum((t - mean_time) ** 2 for t in times)
    return 3600 * sum((t - mean_time) * (v - mean_value) for t, v in zip(times, values)) / spread


def report(samples, waits, minutes):
    settled = [sample for sample in samples if sample["time"] >= min(300, 15 * minutes)]
    first, last = settled[0], settled[-1]
    mb = 1 << 20
    print(f"{minutes:g} minutes, {len(settled)} samples counted")
    print(f"memory: {first['memory_bytes'] / mb:.1f} MB, then {last['memory_bytes'] / mb:.1f} MB, "
          f"slope {slope_per_hour(settled, 'memory_bytes') / mb:+.2f} MB an hour")
    for key, name in (("threads", "threads"), ("open_files", "open files")):
        values = [sample[key] for sample in settled]
        print(f"{name}: {min(values)} to {max(values)}, at the end {values[-1]}")
    print(f"frames a second: median {statistics.median(sample['fps'] for sample in settled):.1f}")
    print(f"delay: median {statistics.median(sample['delay_ms'] for sample in settled):.0f} ms, "
          f"worst {max(sample['delay_worst_ms'] for sample in settled):.0f} ms")
    print(f"decoded {last['decoded']}, painted {last['painted']}, dropped {last['dropped']}, restarts {last['restarts']}")
    if waits:
        print(f"picture after the camera was back ({len(waits)} kills): median {statistics.median(waits):.2f} s, worst {max(waits):.2f} s")


def main(root, minutes, kills, size, rate):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="soak-relay-"))
    camera, port = start_camera(root, 0, size, rate)
    relay = subprocess.Popen([root / "build/pipelines/relay/rtsp-relay", "--camera", f"door=rtsp://127.0.0.1:{port}/live", "--style",
                              root / "styles/mosaic.jpg", "--size", size, "--port", "0", "--status", f"unix:{folder}/status",
                              "--stall-timeout", "2", "--retry-max", "2"], stderr=open(folder / "log", "w"))
    status = str(folder / "status")
    wait_until(lambda: (folder / "status").exists(), 20)
    wait_until(lambda: ask(status)[1]["painting"], 20)
    url = next(line.split("] ")[1] for line in open(folder / "log") if line.strip().endswith("/door")).strip()
    viewer = subprocess.Popen(["gst-launch-1.0", "-q", "rtspsrc", f"location={url}", "protocols=tcp", "latency=0", "!", "decodebin", "!",
                               "fakesink", "sync=false"])
    began = time.monotonic()
    end = began + 60 * minutes
    chance = random.Random(1)
    kill_at = sorted(chance.uniform(began + 5, end - 15) for _ in range(kills))
    samples, waits = [], []
    try:
        while time.monotonic() < end:
            if kill_at and time.monotonic() >= kill_at[0]:
                kill_at.pop(0)
                camera.kill()
                camera.wait()
                time.sleep(chance.uniform(0, 3))
                before = ask(status)[1]["painted"]
                camera, _ = start_camera(root, port, size, rate)
                back = time.monotonic()
                wait_until(lambda: ask(status)[1]["painted"] > before, 60)
                waits.append(time.monotonic() - back)
            whole, door = ask(status)
            samples.append({"time": time.monotonic() - began, **whole, **door})
            for name, process in (("relay", relay), ("viewer", viewer)):
                if process.poll() is not None:
                    sys.exit(f"soak_relay: the {name} has ended; see {folder}/log")
            time.sleep(max(0.0, min(SAMPLE_EVERY, (kill_at or [end])[0] - time.monotonic())))
        report(samples, waits, minutes)
    finally:
        for process in (viewer, relay, camera):
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
