#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Images a second of adainstyle-trainer beside a plain PyTorch loop of the same losses in float32, on the same pictures.

The plain loop does what the public AdaIN training scripts do: float32, contiguous memory, padding layers, autograd through the
loss network, features of content and style computed anew in every iteration. Its pictures are decoded beforehand, so that only
the training itself is timed. The two take turns, and the best turn of each counts. The trainer is timed once with the features of
its fixed crops still to be computed and once with them kept, as they are from the second epoch on.

Both are also given as a share of the convolution peak, the FLOP/s of a large bf16 channels-last convolution in the same run: nominal
FLOPs, before the trainer's phase convolutions leave some out.
"""
import argparse
import json
import os
import subprocess
import tempfile
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

VGG = [("conv1_1", 3, 64, 0), ("conv1_2", 64, 64, 0), ("conv2_1", 64, 128, 1), ("conv2_2", 128, 128, 0), ("conv3_1", 128, 256, 1),
       ("conv3_2", 256, 256, 0), ("conv3_3", 256, 256, 0), ("conv3_4", 256, 256, 0), ("conv4_1", 256, 512, 1)]
TAPS = {"conv1_1", "conv2_1", "conv3_1", "conv4_1"}


def read_safetensors(path):
    data = open(path, "rb").read()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    return {name: torch.from_numpy(np.frombuffer(data[8 + length:][slice(*entry["data_offsets"])], np.float32).copy()).reshape(entry["shape"])
            for name, entry in header.items() if name != "__metadata__"}


def statistics(x):
    return x.mean((2, 3), keepdim=True), (x.var((2, 3), correction=0, keepdim=True) + 1e-5).sqrt()


def adain(content, style):
    (mean, std), (style_mean, style_std) = statistics(content), style
    return (content - mean) / std * style_std + style_mean


class LossNetwork(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.weights = weights

    def forward(self, x):
        taps = []
        x = F.conv2d(x, self.weights["conv0.weight"], self.weights["conv0.bias"])
        for name, _, _, pool in VGG:
            x = F.max_pool2d(x, 2, 2, ceil_mode=True) if pool else x
            x = F.relu(F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), self.weights[name + ".weight"], self.weights[name + ".bias"]))
            taps += [x] if name in TAPS else []
        return taps


def conv(inputs, outputs, relu=True, stride=1):
    return nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(inputs, outputs, 3, stride), *([nn.ReLU()] if relu else []))


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.block = nn.Sequential(conv(channels, channels), conv(channels, channels, relu=False))

    def forward(self, x):
        return x + self.block(x)


class Small(nn.Module):
    """The preset small: encoder and decoder."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.ModuleList([nn.Sequential(nn.PixelUnshuffle(2), conv(12, 32)), nn.Sequential(conv(32, 64, stride=2), Residual(64)),
                                      Residual(64)])
        self.decoder = nn.ModuleList([Residual(64), nn.Sequential(Residual(64), nn.Upsample(scale_factor=2), conv(64, 32)),
                                      nn.Sequential(conv(32, 12, relu=False), nn.PixelShuffle(2))])

    def encode(self, x):
        taps = []
        for stage in self.encoder:
            x = stage(x)
            taps.append(statistics(x))
        return x, taps

    def decode(self, x, taps):
        for stage, tap in zip(self.decoder, reversed(taps)):
            x = stage(adain(x, tap))
        return x


def paper_decoder():
    up = lambda: nn.Upsample(scale_factor=2)
    return nn.Sequential(conv(512, 256), up(), conv(256, 256), conv(256, 256), conv(256, 256), conv(256, 128), up(), conv(128, 128),
                         conv(128, 64), up(), conv(64, 64), conv(64, 3, relu=False))


# Multiply-adds a pixel.
LOSS_NETWORK = 241_353
PAPER_DECODER = 241_344
SMALL = 25_920


def flops_of_a_picture(options, features_kept):
    """Of one picture of an iteration: a content, its style and its output."""
    # Content and style, where their features are not kept; the output there, and back to the picture.
    loss_network = (2 if features_kept else 4) * LOSS_NETWORK
    # There and, for input and weights, back. Joint: content and style are encoded, the output and the identity decoded.
    trained = 3 * (2 * SMALL if options.mode == "joint" else PAPER_DECODER)
    return 2 * options.crop ** 2 * (loss_network + trained)


def convolution_peak():
    """FLOP/s."""
    channels, side, best = 256, 128, 1e9
    layer = nn.Conv2d(channels, channels, 3, padding=1).to(torch.bfloat16, memory_format=torch.channels_last)
    pictures = torch.rand(4, channels, side, side).to(torch.bfloat16, memory_format=torch.channels_last)
    with torch.no_grad():
        for _ in range(6):
            started = time.perf_counter()
            layer(pictures)
            best = min(best, time.perf_counter() - started)
    return 2 * 9 * channels ** 2 * pictures.shape[0] * side ** 2 / best


def plain_loop(options, iterations):
    """Images a second of the plain loop."""
    loss_network = LossNetwork(read_safetensors(options.vgg))
    network = Small() if options.mode == "joint" else paper_decoder()
    adam = torch.optim.Adam(network.parameters(), 1e-4)
    started = None
    for i in range(iterations + 1):
        if i == 1:
            started = time.perf_counter()
        content, style = torch.rand(2, options.batch_size, 3, options.crop, options.crop)
        with torch.no_grad():
            content_taps, style_taps = loss_network(content), loss_network(style)
            target = adain(content_taps[-1], statistics(style_taps[-1]))
        if options.mode == "joint":
            features, own = network.encode(content)
            output = network.decode(features, network.encode(style)[1])
            loss = 20 * (network.decode(features, own) - content).abs().mean()
        else:
            output, loss = network(target), 0
        taps = loss_network(output.clamp(0, 1))
        loss = loss + F.mse_loss(taps[-1], target)
        for a, b in zip(taps, style_taps):
            for x, y in zip(statistics(a), statistics(b)):
                loss = loss + 10 * F.mse_loss(x, y)
        adam.zero_grad()
        loss.backward()
        adam.step()
    return iterations * options.batch_size / (time.perf_counter() - started)


def trainer(options, folder, iterations):
    """Images a second of the trainer in its first epoch and with everything kept."""
    pictures = options.batch_size * iterations
    for kind in ("content", "style"):
        os.makedirs(f"{folder}/{kind}", exist_ok=True)
        names = sorted(os.listdir(getattr(options, kind)))[:pictures]
        for name in names:
            if not os.path.exists(f"{folder}/{kind}/{name}"):
                os.symlink(os.path.abspath(f"{getattr(options, kind)}/{name}"), f"{folder}/{kind}/{name}")
    log = f"{folder}/log-{time.monotonic_ns()}"
    network = "small" if options.mode == "joint" else "vgg19"
    subprocess.run([options.trainer, "train", "--mode", options.mode, "--network", network, "--content", f"{folder}/content", "--style",
                    f"{folder}/style", "--vgg", options.vgg, "--output", f"{folder}/model.safetensors", "--crop", str(options.crop),
                    "--batch-size", str(options.batch_size), "--crops-per-picture", "1", "--iterations", str(2 * iterations), "--log", log,
                    "--log-every", str(iterations), "--identity-weight", "20" if options.mode == "joint" else "0", "--threads",
                    str(options.threads)], check=True, stderr=subprocess.DEVNULL)
    entries = [json.loads(line) for line in open(f"{log}/log.jsonl")]
    return [options.batch_size / entry["seconds_per_iteration"] for entry in entries if entry["kind"] == "train"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainer", default="build/trainer/adainstyle-trainer", help="the built program")
    parser.add_argument("--content", required=True, help="folder of photographs")
    parser.add_argument("--style", required=True, help="folder of style pictures")
    parser.add_argument("--vgg", required=True, help="VGG-19 weights, safetensors")
    parser.add_argument("--mode", choices=("joint", "paper"), default="joint")
    parser.add_argument("--crop", type=int, default=192, help="pixels")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--iterations", type=int, default=6, help="timed iterations of a turn")
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    plain, first, kept, peak = [], [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.turns):
            peak = max(peak, convolution_peak())
            plain.append(plain_loop(options, options.iterations))
            fresh, cached = trainer(options, folder, options.iterations)
            first.append(fresh)
            kept.append(cached)
    print(f"{options.mode}, batch {options.batch_size}, crop {options.crop}, {options.threads} threads; images/s, best of {options.turns} turns")
    print(f"convolution peak          {peak / 1e12:6.2f} TFLOP/s")
    print(f"plain PyTorch fp32        {max(plain):6.2f}")
    for name, speeds, features_kept in (("first epoch ", first, False), ("features kept", kept, True)):
        share = max(speeds) * flops_of_a_picture(options, features_kept) / peak
        print(f"trainer, {name:13}    {max(speeds):6.2f}  {max(speeds) / max(plain):.2f} times  {share:.2f} of the peak")


if __name__ == "__main__":
    main()
