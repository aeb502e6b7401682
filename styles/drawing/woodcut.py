# SPDX-License-Identifier: MIT
"""A print from three blocks: ink lines that swell along waves, clouds and hills, a red sun and a blue-green sea."""
import numpy as np

from .toolbox import axes, fbm, mix, moved, noise, paper, rgb, smoothstep

PAPER, INK, RED, SEA, SAND = rgb("f1e4c6", "1b1a1e", "d3402b", "2f7f86", "e2a94f")


def carve(phase, tone, rough):
    """Ink left between the cuts of a gouge: lines along the level sets of `phase`, thicker where `tone` is darker (1)."""
    wave = 0.5 + 0.5 * np.cos(2 * np.pi * phase)
    return smoothstep(-0.10, 0.10, wave - 1 + tone + 0.10 * rough)


def crests(x, level, shift, height):
    """Outline of a row of waves that lean over to the right."""
    t = x * 2.2 + shift
    t = t - 0.055 * np.sin(2 * np.pi * t)
    return level - height * (np.abs(np.sin(np.pi * t)) ** 0.8) - 0.25 * height * np.sin(4 * np.pi * t + 1)


def draw(rng):
    x, y = axes()
    rough = fbm(rng, 90, 3)
    bend = 0.03 * fbm(rng, 3, 3)
    sun = np.hypot(x - 0.66, y - 0.30) - 0.17

    # Sky: lines around the sun, broken by swirling clouds.
    swirl = 0.10 * noise(rng, 4) + 0.05 * noise(rng, 9)
    ink = carve(sun * 34 + 2.5 * swirl, 0.30 + 0.28 * smoothstep(0.0, 0.6, sun) + 0.9 * swirl, rough)
    cloud = fbm(rng, 4, 3, stretch=2.2) - 0.10
    inside = smoothstep(-0.004, 0.004, cloud)
    ink = mix(ink, carve(cloud * 9, 0.62 - 1.5 * cloud, rough), inside)
    ink = np.maximum(ink, smoothstep(0.045, 0.02, np.abs(cloud)))
    red = smoothstep(0.0, -0.004, sun + 0.004 * rough)
    ink = mix(ink, carve(y * 52 + 3 * bend, 0.06 + 0.55 * smoothstep(0.10, -0.12, y - 0.34), rough), red * (1 - inside))
    sand = (1 - red) * (1 - inside)
    sea = np.zeros_like(x)

    # Hills: cuts that run down the slopes.
    for number, (level, height, frequency) in enumerate(((0.52, 0.17, 5.2), (0.60, 0.12, 8.1))):
        ridge = level - height * np.abs(np.sin(frequency * x + 2.1 * number + 6 * bend)) + 0.6 * bend
        hill = smoothstep(-0.002, 0.002, y - ridge)
        depth = np.maximum(y - ridge, 0)
        slope = np.cos(frequency * x + 2.1 * number + 6 * bend) * np.sign(np.sin(frequency * x + 2.1 * number + 6 * bend))
        tone = 0.45 + 0.50 * slope - 1.2 * depth
        ink = mix(ink, np.maximum(carve(x * 46 + 34 * depth * (0.4 + number) + 40 * bend, tone, rough), smoothstep(0.010, 0.005, depth)), hill)
        red, sand, sea = red * (1 - hill), mix(sand, 0.9 * (number == 1), hill), sea * (1 - hill)

    # Sea: rows of waves, each with foam along its crest.
    for row in range(6):
        level, height = 0.66 + 0.085 * row, 0.035 + 0.022 * row
        crest = crests(x, level, 0.37 * row, height) + 0.4 * bend
        body = smoothstep(-0.002, 0.002, y - crest)
        depth = np.maximum(y - crest, 0)
        curl = 0.012 * noise(rng, 22 - 2 * row)
        tone = 0.30 + 5.0 * np.minimum(depth, 0.13) + 0.16 * noise(rng, 12) - 0.2 * smoothstep(0.03, 0.0, depth)
        line = carve((depth + 0.6 * curl) * (58 - 4 * row), tone, rough)
        foam = smoothstep(0.016 + 0.003 * row, 0.010, depth + curl)
        drops = smoothstep(0.25, 0.35, noise(rng, 70 - 6 * row)) * smoothstep(0.030, 0.012, depth + curl)
        ink = mix(ink, np.maximum(line * (1 - foam) * (1 - drops), smoothstep(0.006, 0.003, depth)), body)
        red, sand = red * (1 - body), sand * (1 - body)
        sea = mix(sea, (1 - foam) * (1 - drops), body)

    # The colour blocks lie a little beside the ink and print unevenly.
    grain = smoothstep(-0.75, 0.1, fbm(rng, 130, 3))
    board = 0.85 + 0.15 * noise(rng, 5, 160)
    picture = np.ones((*x.shape, 3), np.float32) * PAPER
    for block, colour, strength in ((sand, SAND, 0.62), (sea, SEA, 0.92), (red, RED, 0.95)):
        picture = mix(picture, colour, moved(block, 4, -5) * strength * grain * board)
    picture = mix(picture, INK, ink * (0.80 + 0.20 * grain))
    return picture + paper(rng, 0.05)
