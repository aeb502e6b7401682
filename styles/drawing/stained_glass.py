# SPDX-License-Identifier: MIT
"""A leaded window: sun, mountains, a lake and leaves, every piece of glass with its own streaks."""
import numpy as np

from .toolbox import axes, cells, chance, fbm, gloss, mix, noise, ramp, rgb, seams, slope_light, smoothstep

SKY = rgb("fff3b0", "ffc94d", "ff8f2e", "ef4f4f", "b8338f", "5b3bb5", "1f4fd1", "0b2f9e")
PEAKS = rgb("142c7a", "2a52c4", "5b7fe0", "8d6fd0", "c08be0", "3a2f8f")
LAKE = rgb("04465e", "0a7f9c", "1fb6c1", "7fe0d0", "ffd27a", "13509e")
LEAVES = rgb("0b4a2b", "14803c", "3fae49", "9ccc3c", "e3d648", "0a5f4f")
BLOSSOMS = rgb("c4122f", "f0364d", "ff7a59", "ffd1c9", "8e1246")
BARK = rgb("3b1d0e", "7a3f16")
SUN_ON_LAKE = rgb("ffdf80", "ff9d3c", "fff4c2")


def lay_out():
    """Label of the piece of glass and number of its palette at every pixel."""
    x, y = axes()
    rng = np.random.default_rng(1)
    wobble = 0.02 * fbm(rng, 4, 2)
    dx, dy = x - 0.63, y - 0.30
    radius = np.hypot(dx, dy) + wobble
    angle = np.arctan2(dy, dx)

    ring = np.maximum(np.floor(np.sqrt(np.maximum(radius - 0.03, 0)) * 9.5), 1).astype(np.int64) - 2
    sectors = np.where(ring < 0, 1, 14 + 2 * ring)
    spoke = np.floor((angle / (2 * np.pi) + 0.07 * ring + 0.35 * radius) * sectors).astype(np.int64)
    labels = 1_000 + ring * 100 + spoke
    kind = np.zeros(labels.shape, np.int64)

    for layer, (level, height, frequency) in enumerate([(0.47, 0.13, 7), (0.53, 0.09, 12)]):
        ridge = level - height * np.abs(np.sin(frequency * x + 1.3 * layer)) + 0.4 * wobble
        facet = np.floor((x * 9 + (y - level) * (5 if layer else -6)) + 2 * wobble) * 7 + np.floor((y - ridge) * 13)
        labels = np.where(y > ridge, 10_000 * (layer + 1) + facet.astype(np.int64), labels)
        kind = np.where(y > ridge, 1, kind)

    water = y > 0.56 + 0.3 * wobble
    band = np.floor(np.sqrt(np.maximum(y - 0.54, 0)) * 17 + 0.35 * np.sin(9 * x + 20 * y) + 12 * wobble).astype(np.int64)
    piece = np.floor(x * 6 + 0.37 * band + 0.25 * np.sin(14 * y)).astype(np.int64)
    labels = np.where(water, 40_000 + band * 50 + piece, labels)
    away = np.abs((piece + 0.5 - 0.37 * band) / 6 - 0.63)
    in_sun = (away < 0.05 + 0.011 * band) & (chance(labels, 8) > 0.3)
    kind = np.where(water, np.where(in_sun, 6, 2), kind)

    # A bough with leaves frames the window at the left and below.
    bough = np.minimum(np.abs(x - 0.13 - 0.06 * np.sin(5 * y)), np.abs(y - 0.12 - 0.25 * (x - 0.13) ** 2 - 0.5 * wobble) + np.maximum(x - 0.6, 0))
    reach = 0.115 + 0.05 * fbm(rng, 5, 2)
    foliage = (bough < reach) | (y > 0.90 - 0.07 * np.sin(6.5 * x + 0.5) + wobble)
    turn = 0.6 * noise(rng, 3)
    u, v = x * np.cos(0.7) + y * np.sin(0.7) + 0.05 * turn, -x * np.sin(0.7) + y * np.cos(0.7) + 0.05 * turn
    _, _, leaf = cells(u * 15, v * 26, 0.85, 5)
    labels = np.where(foliage, 100_000_000 + leaf, labels)
    kind = np.where(foliage, np.where(chance(leaf, 9) > 0.78, 4, 3), kind)
    trunk = bough < 0.016 + 0.004 * np.sin(30 * y)
    labels = np.where(trunk, 7 + np.floor(6 * (x + y)).astype(np.int64), labels)
    return labels, np.where(trunk, 5, kind), radius


def draw(rng):
    labels, kind, radius = lay_out()
    luck = chance(labels, 3)
    streaks = 0.5 * fbm(rng, 5, 5, 0.6, stretch=6) + 0.5 * fbm(rng, 7, 5, 0.6)
    picture = ramp(np.clip((radius - 0.05) / 0.75 + 0.16 * (luck - 0.5), 0, 1), SKY)
    for number, palette in enumerate((PEAKS, LAKE, LEAVES, BLOSSOMS, BARK, SUN_ON_LAKE), start=1):
        tint = ramp(np.clip(luck + 0.22 * streaks, 0, 1), palette)
        picture = np.where((kind == number)[..., None], tint, picture)

    ripple = fbm(rng, 60, 3) * 0.4 + streaks
    picture = picture * (1.0 + 0.34 * streaks[..., None]) + 0.20 * slope_light(ripple, 1.2)[..., None]
    picture += 0.30 * (smoothstep(0.55, 0.95, gloss(ripple, 0.9, 10)) * smoothstep(0.0, 0.5, streaks))[..., None]

    lead = seams(labels, 9.0)
    picture *= 1 - 0.5 * seams(labels, 26.0)[..., None] * 0.6
    metal = 0.07 + 0.30 * np.clip(slope_light(seams(labels, 7.0), 0.10) + 0.12 * fbm(rng, 150, 2), 0, 1)
    return mix(picture, metal[..., None] * rgb("dfe6f2")[0], lead)
