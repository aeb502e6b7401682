# SPDX-License-Identifier: MIT
"""Dots of pure colour: a poppy field by a river under a low sun, warm and cold tones side by side."""
import colorsys

import numpy as np
from PIL import Image, ImageDraw

from .toolbox import N, axes, fbm, from_image, mix, noise, ramp, rgb, slope_light, smoothstep


def scene(rng):
    """The colours that the dots are picked from, [N, N, 3]."""
    x, y = axes()
    bend = fbm(rng, 4, 4)
    glow = np.hypot((x - 0.32) * 0.9, y - 0.34)
    picture = ramp(np.clip(glow * 1.35 + 0.05 * bend, 0, 1), rgb("fff6c4", "ffd45e", "ff9a4d", "f06a8a", "8a6fd8", "3f7fe0", "2a4fb8"))
    cloud = smoothstep(0.10, 0.45, fbm(rng, 3, 4, stretch=3))
    picture = mix(picture, ramp(np.clip(glow, 0, 1), rgb("fff3d8", "ffc3a0", "c9a0e8")), 0.75 * cloud)
    hills = y > 0.43 - 0.05 * np.sin(5 * x + 1) - 0.03 * bend
    picture = np.where(hills[..., None], ramp(0.5 + 0.6 * bend, rgb("2f4aa8", "5a6fd0", "8fa0f0")), picture)
    river = (y > 0.48) & (np.abs(x - 0.46 + 0.25 * np.sin(7 * (y - 0.48)) * (y - 0.3)) < 0.05 + 0.55 * (y - 0.47).clip(0) ** 1.4)
    meadow = y > 0.48 + 0.01 * bend
    picture = np.where(meadow[..., None], ramp(np.clip(1.6 * (y - 0.46) + 0.5 * bend, 0, 1), rgb("f0e060", "9fd040", "3fa858", "1f7f5a")), picture)
    picture = np.where(river[..., None], ramp(np.clip(1.8 * (y - 0.48) + 0.3 * noise(rng, 5, 60), 0, 1), rgb("ffd890", "f79fa8", "5aa8e8", "2f5fc8")), picture)
    # Trees at the right, dark with a lit left side.
    for centre, top, width in ((0.86, 0.10, 0.17), (0.70, 0.25, 0.09), (0.05, 0.28, 0.07)):
        crown = np.hypot((x - centre) / width, (y - (top + 0.55) / 2) / ((0.58 - top) / 2)) + 0.22 * bend + 0.22 * noise(rng, 12) + 0.15 * noise(rng, 24)
        lit = np.clip(0.45 + (x - centre) / width * 0.45 + 0.35 * noise(rng, 10) + 0.3 * noise(rng, 30), 0, 1)
        picture = np.where((crown < 1)[..., None], ramp(lit, rgb("f4e04f", "6fc04a", "1f8058", "1b3f80", "3a1f70")), picture)
    poppies = meadow & ~river & (noise(rng, 46) > 0.52 - 0.5 * (y - 0.55))
    return np.where(poppies[..., None], ramp(noise(rng, 30) * 0.5 + 0.5, rgb("ff2f2f", "ff6a3c", "e81f60", "ffd040")), picture)


def shifted(colour, rng):
    """The colour as one of the pure tints that mix to it: hue moved, saturation raised, now and then the complement."""
    hue, saturation, value = colorsys.rgb_to_hsv(*np.clip(colour, 0, 1))
    hue += rng.normal(0, 0.045) + (0.5 if rng.random() < 0.07 else 0)
    saturation = min(1, saturation * rng.uniform(0.9, 1.45) + 0.04)
    value = min(1, value * rng.uniform(0.80, 1.18))
    return tuple(int(255 * c) for c in colorsys.hsv_to_rgb(hue % 1, saturation, value))


def draw(rng):
    colours = scene(rng)
    ground = Image.fromarray((255 * np.clip(0.55 * colours + 0.45 * rgb("e8d8b8"), 0, 1)).astype(np.uint8))
    pen = ImageDraw.Draw(ground)
    height = np.zeros((N, N), np.float32)
    relief = Image.fromarray(height)
    relief_pen = ImageDraw.Draw(relief)
    for spacing, radius in ((24, 16.0), (20, 12.5), (17, 9.5)):
        count = int(N / spacing)
        places = (np.stack(np.meshgrid(np.arange(count), np.arange(count)), -1).reshape(-1, 2) + rng.uniform(-0.15, 1.15, (count * count, 2))) * spacing
        for px, py in rng.permutation(places):
            if not (0 <= px < N and 0 <= py < N):
                continue
            r, squash = radius * rng.uniform(0.7, 1.15), rng.uniform(0.8, 1.0)
            box = (px - r, py - r * squash, px + r, py + r * squash)
            pen.ellipse(box, fill=shifted(colours[int(py), int(px)], rng))
            relief_pen.ellipse(box, fill=float(rng.uniform(0.3, 1)))
    light = slope_light(np.asarray(relief), 0.030)
    return from_image(ground) + np.clip(light, -0.12, 0.12)[..., None]
