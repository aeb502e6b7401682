# SPDX-License-Identifier: MIT
"""Ink on wet paper: peaks in the mist, a pine bough and bamboo, brushed dry and washed wet, with a red seal."""
import numpy as np

from .toolbox import axes, blur, chance, fbm, mix, noise, paper, rgb, smoothstep

PAPER, INK, INDIGO, OCHRE, SEAL = rgb("efe6d2", "14161c", "33465c", "a9825a", "b8281e")


def ridges(rng, x, level, height, sharp):
    """A skyline of peaks, y for every pixel's x."""
    line = sum(rng.uniform(0.5, 1) / k * np.abs(np.sin(np.pi * (k * sharp * x + rng.uniform(0, 1)))) for k in (1, 2, 3.7))
    return level - height * line


def bamboo(rng, x, y, ink):
    """Stalks in segments with dry edges, and clusters of pointed leaves."""
    dry = fbm(rng, 8, 5, 0.6, stretch=24)
    for centre, lean, width in ((0.865, -0.05, 0.017), (0.93, 0.035, 0.012), (0.80, 0.02, 0.008)):
        across = (x - centre - lean * (y - 0.5)) / width
        joint = np.abs(((y * 6.3 + centre * 9) % 1) - 0.5) * 2
        side = 0.35 + 0.65 * smoothstep(-0.9, 0.9, across) + 0.45 * dry
        stalk = smoothstep(1.05, 0.92, np.abs(across) * (1 - 0.10 * smoothstep(0.9, 1, joint))) * smoothstep(0.99, 0.965, joint)
        ink = np.maximum(ink, np.clip(stalk * side, 0, 0.95))
        ink = np.maximum(ink, smoothstep(1.3, 1.0, np.abs(across)) * smoothstep(0.965, 0.985, joint) * 0.9)
    # Leaves hang in fans from a point on a twig; those behind are paler.
    for _ in range(34):
        cx, cy, depth = rng.uniform(0.60, 1.0), rng.uniform(0.0, 0.80), rng.choice((0.35, 0.55, 0.85, 1.0))
        for _ in range(int(rng.integers(3, 6))):
            turn, length, width = rng.normal(1.75, 0.55), rng.uniform(0.07, 0.15), rng.uniform(0.011, 0.020)
            u = ((x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)) / length
            v = (-(x - cx) * np.sin(turn) + (y - cy) * np.cos(turn)) / width + 0.9 * u * u
            body = np.clip(u, 0, 1) ** 0.5 * np.clip(1 - u, 0, 1) ** 0.9 * 1.6
            tone = depth * (1 - 0.4 * np.clip(u, 0, 1)) + 0.30 * dry
            ink = np.maximum(ink, smoothstep(1.0, 0.7, np.abs(v) / np.maximum(body, 1e-3)) * (body > 0) * np.clip(tone, 0, 1))
    return ink


def pine(rng, x, y, ink):
    """A crooked bough from the left with fans of needles."""
    dry = fbm(rng, 30, 4, 0.6, stretch=0.3)
    bough = 0.165 + 0.11 * x + 0.022 * np.sin(17 * x) + 0.012 * np.sin(41 * x)
    thick = 0.034 * (1 - 1.7 * x).clip(0.1)
    ink = np.maximum(ink, smoothstep(1.0, 0.8, np.abs(y - bough) / thick) * (x < 0.50) * np.clip(0.75 + 0.6 * dry, 0.15, 1))
    for _ in range(26):
        cx = rng.uniform(0.02, 0.50)
        cy = 0.165 + 0.11 * cx + 0.022 * np.sin(17 * cx) + rng.uniform(-0.055, 0.045)
        reach, spin = rng.uniform(0.035, 0.06), rng.uniform(0, 6)
        dx, dy = x - cx, y - cy
        distance, angle = np.hypot(dx, dy * 1.25), np.arctan2(dy, dx)
        needle = smoothstep(0.35, 0.8, np.cos(angle * 22 + spin + 14 * distance))
        fan = smoothstep(1.0, 0.85, distance / reach / (0.85 + 0.15 * np.sin(3 * angle + spin)))
        ink = np.maximum(ink, needle * fan * rng.choice((0.45, 0.75, 1.0)))
    return ink


def draw(rng):
    x, y = axes()
    bleed = 0.012 * fbm(rng, 14, 5, 0.6)
    grit = fbm(rng, 180, 3)
    wash = fbm(rng, 5, 6, 0.6)
    ink = 0.06 + 0.10 * smoothstep(-0.3, 0.6, wash) + 0.08 * smoothstep(0.25, 0.0, y)
    indigo = 0.5 + 0.5 * noise(rng, 3)
    layers = ((0.42, 0.17, 1.3, 0.34), (0.53, 0.20, 1.7, 0.50), (0.66, 0.20, 2.1, 0.68), (0.82, 0.19, 2.3, 0.88), (1.00, 0.19, 3.1, 1.0))
    for level, height, sharp, dark in layers:
        ridge = ridges(rng, x, level, height, sharp) + bleed + 0.006 * noise(rng, 70)
        depth = y - ridge
        body = smoothstep(-0.002, 0.004, depth)
        # Texture strokes run down from the skyline; the wash thins into mist below it and is darkest at its drying edge.
        strokes = fbm(rng, 50, 4, 0.6, stretch=0.12)
        fade = np.exp(-np.maximum(depth, 0) / (0.05 + 0.06 * (1 + wash)).clip(0.03))
        edge = np.exp(-(np.maximum(depth, 0) / 0.006) ** 2) * (0.65 + 0.5 * strokes)
        cut = smoothstep(0.05, 0.5, strokes + 0.35 * fade - 0.12) * np.exp(-np.maximum(depth, 0) / 0.11)
        tone = dark * np.clip(0.55 * fade + 0.70 * edge + 0.62 * cut + 0.07 + 0.10 * grit * fade, 0, 1)
        ink = mix(ink, np.maximum(tone, 0.08 + 0.10 * smoothstep(-0.2, 0.7, wash)), body)
    # Blooms: where a drop of water pushed the ink away.
    ring = fbm(rng, 7, 2)
    ink = ink + 0.13 * np.exp(-((ring - 0.32) / 0.025) ** 2) * smoothstep(0.05, 0.3, ink) - 0.05 * smoothstep(0.34, 0.5, ring)
    ink = pine(rng, x, y, bamboo(rng, x, y, ink))
    spatter = smoothstep(0.80, 0.88, noise(rng, 150)) * smoothstep(0.1, 0.6, noise(rng, 7))
    ink = np.clip(np.maximum(ink, 0.8 * spatter) * (1 + 0.16 * grit), 0, 1)

    tint = mix(mix(INK, INDIGO, np.clip(1.2 - 1.5 * ink, 0, 1) * indigo), OCHRE, 0.30 * (1 - indigo) * smoothstep(0.6, 0.1, ink))
    sun = smoothstep(0.066, 0.060, np.hypot(x - 0.585, y - 0.135) + 0.3 * bleed) * (0.72 + 0.3 * wash + 0.2 * grit)
    ground = mix(np.ones((*x.shape, 3), np.float32) * PAPER, SEAL, np.clip(sun, 0, 1) * 0.9)
    picture = mix(ground, tint, blur(ink, 0.8))
    seal = (np.abs(x - 0.075) < 0.034) & (np.abs(y - 0.80) < 0.045)
    stroke_x, stroke_y = np.abs(((x - 0.041) / 0.0227) % 1 - 0.5), np.abs(((y - 0.755) / 0.0225) % 1 - 0.5)
    block = np.floor((x - 0.041) / 0.0227) + 3 * np.floor((y - 0.755) / 0.0225)
    carved = (np.where(chance(block, 3) > 0.5, stroke_x, stroke_y) < 0.16) | ((chance(block, 4) > 0.4) & (np.hypot(stroke_x, stroke_y) < 0.3))
    picture = mix(picture, SEAL, seal * ~carved * (0.85 + 0.15 * np.clip(grit, -1, 1)))
    return picture + 1.3 * paper(rng, 0.06)
