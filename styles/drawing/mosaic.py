# SPDX-License-Identifier: MIT
"""Glass and gold tesserae in courses that follow a peacock's tail of overlapping scales around a sun."""
import numpy as np

from .toolbox import axes, chance, fbm, gloss, mix, ramp, rgb, slope_light, smoothstep

GROUT = rgb("2c2620")[0]
SCALES = (rgb("0b2a6b", "174fb0", "2f86d8"), rgb("046a6e", "0fa39a", "63d0b4"), rgb("7c1530", "c22f3a", "ee6a4a"), rgb("2d1a60", "6238a8", "a878d8"),
          rgb("0f5a33", "3a9a4a", "a8cc58"))
GOLD = rgb("8a5a10", "d9a021", "ffdf70", "fff3b8")
CREAM = rgb("d8c49a", "f3e6c4", "fffaf0")


def tesserae(course, along, size):
    """Splits courses (counted) of height `size` into stones; returns place inside the stone (-0.5..0.5, twice) and its label."""
    row = np.floor(course)
    slide = along / size + chance(row.astype(np.int64), 1) * 7
    # Stones are not all of one length.
    slide = slide + 0.18 * np.sin(2.1 * slide + row)
    column = np.floor(slide)
    return course - row - 0.5, slide - column - 0.5, (row * 10_007 + column).astype(np.int64)


def scales(x, y, across):
    """Overlapping round scales: distance from the scale's centre (1 at its rim), angle, and the scale's label."""
    best = np.full(x.shape, 9.0, np.float32)
    angle = np.zeros_like(best)
    label = np.zeros(x.shape, np.int64)
    row0 = np.floor(y * across * 2).astype(np.int64)
    for step in (1, 0, -1, -2):  # from the lowest row, which lies on top
        row = row0 + step
        for side in (-1, 0, 1):
            column = np.floor(x * across + 0.5 * (row % 2)) + side
            cx, cy = (column + 0.5 - 0.5 * (row % 2)) / across, (row + 0.5) / (2 * across)
            dx, dy = (x - cx) * across, (y - cy) * across
            r = np.hypot(dx, dy) / 0.62
            take = (r < 1) & (best > 1)
            best, angle = np.where(take, r, best), np.where(take, np.arctan2(dx, dy), angle)
            label = np.where(take, (row * 131 + column).astype(np.int64), label)
    return best, angle, label


def draw(rng):
    x, y = axes()
    wobble = 0.0035 * fbm(rng, 8, 3)
    x, y = x + wobble, y - np.roll(wobble, 300, 0)
    size = 1 / 62

    r, angle, scale = scales(x, y, 3.6)
    radius = r * 0.62 / 3.6
    a, b, label = tesserae(radius / size, angle * np.maximum(np.round(radius / size - 0.5) + 0.5, 0.5) * size, size)
    label = label + scale * 1_000_003
    ring = np.floor(radius / size).astype(np.int64)
    luck = np.clip(chance(label, 2) + 0.15 * fbm(rng, 10, 2), 0, 1)
    picture = np.zeros((*x.shape, 3), np.float32)
    family = (chance(scale, 5) * len(SCALES)).astype(np.int64)
    for number, palette in enumerate(SCALES):
        picture = np.where((family == number)[..., None], ramp(luck, palette), picture)
    outer = ring >= np.floor(0.62 / 3.6 / size) - 1
    gold = outer | (ring < 1) | ((ring == 5) & (chance(scale, 7) > 0.4))
    picture = np.where((ring == 4)[..., None], ramp(luck, CREAM), picture)
    picture = np.where((ring <= 3)[..., None] & ~gold[..., None], ramp(luck, SCALES[2]) * 0.45 + 0.55 * ramp(luck, GOLD), picture)

    # The sun: courses around its centre, with rays.
    dx, dy = x - 0.5, y - 0.40
    sun_radius, sun_angle = np.hypot(dx, dy), np.arctan2(dy, dx)
    rays = sun_radius < 0.235 + 0.055 * np.abs(((sun_angle / (2 * np.pi) * 20) % 1) * 2 - 1)
    sa, sb, sun_label = tesserae(sun_radius / size, sun_angle * (np.floor(sun_radius / size) + 0.5) * size, size)
    sun_luck = np.clip(chance(sun_label, 2) * 0.8 + 0.1, 0, 1)
    sun = ramp(np.clip(sun_radius / 0.24 * 0.9 + 0.4 * (sun_luck - 0.5), 0, 1), rgb("fffbe0", "ffe680", "ffb52e", "ef6a2a", "c22f3a"))
    band = np.floor(sun_radius / size)
    sun = np.where(((band == 6) | (band == 11))[..., None], ramp(sun_luck, GOLD), sun)
    sun = np.where((band == 7)[..., None], ramp(sun_luck, SCALES[0]), sun)
    picture = np.where(rays[..., None], sun, picture)
    a, b, label = np.where(rays, sa, a), np.where(rays, sb, b), np.where(rays, sun_label + 77, label)
    shiny = np.where(rays, (band == 6) | (band == 11), gold)
    picture = np.where((gold & ~rays)[..., None], ramp(luck, GOLD), picture)

    # Stones are cushions set at slightly different tilts; gold mirrors the light.
    edge = np.maximum(np.abs(a), np.abs(b) * 0.98) + 0.02 * fbm(rng, 120, 2)
    stone = smoothstep(0.47, 0.38, edge)
    height = smoothstep(0.5, 0.2, edge) + 0.25 * fbm(rng, 60, 3)
    tilt = a * (chance(label, 11) - 0.5) + b * (chance(label, 12) - 0.5)
    picture = picture * (1 + 0.9 * tilt + 0.30 * (chance(label, 13) - 0.5) + 0.10 * fbm(rng, 80, 3))[..., None]
    picture = picture * (1 + 0.05 * np.clip(slope_light(height, 1.0), -4, 4))[..., None]
    picture = picture + ((0.10 + 0.45 * shiny) * gloss(height, 0.5, 14) * (chance(label, 14) > 0.45))[..., None] * rgb("fff2cc")[0] * 0.6
    return mix(np.ones_like(picture) * GROUT * (1 + 0.3 * fbm(rng, 200, 2))[..., None], picture, stone)
