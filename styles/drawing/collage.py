# SPDX-License-Identifier: MIT
"""Cut paper: circles, arcs and wedges in flat strong colours, each sheet printed with its own pattern and casting a shadow."""
import numpy as np

from .toolbox import axes, blur, fbm, mix, moved, noise, paper, rgb, smoothstep

COLOURS = rgb("14213d", "e63946", "f4a81d", "2a9d8f", "f1ead6", "e76f51", "264653", "f2b5a7", "3a6ea5", "8ab17d", "6d2e46", "fcca46")


def pattern(number, x, y, rng):
    """Where the sheet's second colour is printed, 0..1."""
    turn = rng.uniform(0, np.pi)
    u, v = x * np.cos(turn) + y * np.sin(turn), -x * np.sin(turn) + y * np.cos(turn)
    f = rng.uniform(26, 46)
    wave = lambda a: np.sin(2 * np.pi * a)  # noqa: E731
    shapes = (
        lambda: wave(u * f),
        lambda: np.maximum(wave(u * f), wave(v * f)) - 0.55,
        lambda: 0.32 - np.hypot((u * f) % 1 - 0.5, (v * f) % 1 - 0.5),
        lambda: wave(u * f) * wave(v * f),
        lambda: wave(u * f + 0.6 * np.abs(((v * f / 2) % 1) - 0.5) * 4),
        lambda: wave(np.hypot(u - 0.5, v) * f),
        lambda: wave(u * f * 0.6 + 0.35 * wave(v * f * 0.4)),
        lambda: noise(rng, 90) - 0.25,
    )
    value = shapes[number % len(shapes)]()
    return smoothstep(-0.06, 0.06, value)


def shapes(rng, x, y):
    """Sheets from the lowest to the topmost: signed distance to the outline, positive inside."""
    for number in range(9):  # bands of the ground
        turn = -0.35 + 0.08 * number
        yield 0.12 - np.abs((x - 0.5) * np.sin(turn) + (y - 0.5) * np.cos(turn) - (number - 4) * 0.17)
    for _ in range(34):
        cx, cy, size, turn = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.07, 0.21), rng.uniform(0, 2 * np.pi)
        u = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)
        v = -(x - cx) * np.sin(turn) + (y - cy) * np.cos(turn)
        r = np.hypot(u, v)
        kind = rng.integers(0, 7)
        if kind == 0:
            yield size - r
        elif kind == 1:  # half circle
            yield np.minimum(size * 1.15 - r, v)
        elif kind == 2:  # ring
            yield 0.30 * size - np.abs(r - 0.85 * size)
        elif kind == 3:  # triangle
            yield size * 0.6 - np.max([v, -0.5 * v + 0.866 * u, -0.5 * v - 0.866 * u], axis=0)
        elif kind == 4:  # strip
            yield np.minimum(1.7 * size - np.abs(u), 0.22 * size - np.abs(v))
        elif kind == 5:  # quarter of a disc
            yield np.minimum(np.minimum(1.5 * size - np.hypot(u + size / 2, v + size / 2), u + size / 2), v + size / 2)
        else:  # leaf
            yield np.minimum(1.5 * size - np.hypot(u, v - size), 1.5 * size - np.hypot(u, v + size))


def draw(rng):
    x, y = axes()
    ragged = 0.0012 * fbm(rng, 120, 3)
    picture = np.ones((*x.shape, 3), np.float32) * COLOURS[4]
    last = -1
    for distance in shapes(rng, x, y):
        first, second = rng.choice([c for c in range(len(COLOURS)) if c != last], 2, replace=False)
        last = first
        inside = smoothstep(-0.0008, 0.0008, distance + ragged)
        # The shadow falls to the lower right; the cut edge catches light.
        shadow = blur(moved(inside, 9, 7), 9)
        picture = mix(picture, picture * 0.36, shadow * (1 - inside) * 0.9)
        plain = rng.random() < 0.22
        print_ = 0.25 * smoothstep(0.1, 0.6, fbm(rng, 40, 3)) if plain else pattern(int(rng.integers(0, 8)), x, y, rng)
        fibres = 1 + 0.11 * fbm(rng, 120, 3) + 0.06 * noise(rng, 24, 400)
        sheet = mix(np.ones_like(picture) * COLOURS[first], COLOURS[second], print_ * 0.95) * fibres[..., None]
        picture = mix(picture, sheet, inside)
        rim = smoothstep(0.004, 0.0005, distance) * inside
        picture = mix(picture, COLOURS[4], 0.75 * rim)
    return picture + paper(rng, 0.06)
