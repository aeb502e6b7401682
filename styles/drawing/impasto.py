# SPDX-License-Identifier: MIT
"""Northern lights in thick oil: broad knife strokes of green, magenta and orange with ridges that catch the light."""
import numpy as np

from .brush import Brush
from .toolbox import axes, blur, fbm, gloss, mix, noise, ramp, rgb, slope_light, smoothstep


def scene(rng):
    x, y = axes()
    bend = fbm(rng, 3, 3)
    colours = ramp(np.clip(y * 1.5 + 0.12 * bend, 0, 1), rgb("12083a", "2a1470", "5a1f8f", "b02f8a", "ff6f5a", "ffb347"))
    for number, (shift, palette) in enumerate(((0.20, rgb("b8ffd0", "2fe08a", "0fa08f", "123f8a")), (0.34, rgb("fff0b0", "6ff0a0", "12b8a8", "3f2f9f")),
                                               (0.48, rgb("ffd0f0", "ff5fb8", "a02fc0", "301a80")))):
        curtain = shift + 0.09 * np.sin(6.0 * x + 1.7 * number) + 0.045 * np.sin(14 * x + 4 * number) + 0.05 * bend
        up = (curtain - y) / 0.30
        veil = np.where(up > 0, np.exp(-2.4 * up), np.exp(9 * up)) * (0.75 + 0.35 * np.sin(60 * x + 9 * np.sin(5 * x + number)))
        colours = mix(colours, ramp(np.clip(np.abs(up) * 1.1, 0, 1), palette), np.clip(1.15 * veil, 0, 1))
    flow = np.pi / 2 + 0.5 * bend + 0.45 * np.sin(6 * x)
    for number, level in enumerate((0.62, 0.70)):
        ridge = level - 0.13 * np.abs(np.sin(4.1 * x + 1.3 + 1.4 * number)) + 0.02 * bend
        side = np.cos(4.1 * x + 1.3 + 1.4 * number) * np.sign(np.sin(4.1 * x + 1.3 + 1.4 * number))
        snow = 0.5 + 0.5 * side + 0.4 * noise(rng, 20)
        palette = (rgb("fff2f0", "f7a8c0", "7a5fd0", "2a2a80"), rgb("eafcff", "7fd8e8", "2f6fc0", "161a58"))[number]
        colours = np.where((y > ridge)[..., None], ramp(np.clip(snow, 0, 1), palette), colours)
        flow = np.where(y > ridge, np.where(side > 0, 0.9, 2.2), flow)
    lake = y > 0.73
    mirror = np.roll(colours[::-1], int(0.46 * x.shape[0]), 0)
    colours = np.where(lake[..., None], mix(mirror, ramp(noise(rng, 5, 40) * 0.5 + 0.5, rgb("0a2a6a", "12a0a0", "ff8a5a", "ffd27a")), 0.45), colours)
    flow = np.where(lake, 0.12 * noise(rng, 6), flow)
    pines = np.zeros_like(x, bool)
    for centre, top, width in ((0.06, 0.45, 0.07), (0.16, 0.57, 0.05), (0.95, 0.40, 0.08), (0.85, 0.56, 0.05), (0.76, 0.63, 0.035)):
        drop = np.clip((y - top) / (0.93 - top), 0, 1)
        pines |= (np.abs(x - centre) < width * drop * (0.55 + 0.45 * ((drop * 7) % 1))) & (y > top) & (y < 0.93)
    colours = np.where(pines[..., None], ramp(noise(rng, 26) * 0.5 + 0.5, rgb("06182a", "0f3f4a", "1f7a6a", "ff7a4a"), [0, 0.45, 0.9, 1]), colours)
    return colours, np.where(pines, 0.5 + 2.1 * (x % 0.1 > 0.05), flow)


def draw(rng):
    colours, flow = scene(rng)
    brush = Brush(rng, colours * 0.7, flow)
    brush.cover(blur(colours, 8), 34, 130, 52, bristles=15, variety=0.13)
    brush.cover(colours, 30, 80, 34, bristles=11, variety=0.15)
    brush.cover(np.clip(colours * 1.12 + 0.03, 0, 1), 30, 48, 22, bristles=8, variety=0.18, where=noise(rng, 40) > -0.1)
    picture, thickness = brush.result()
    height = blur(thickness, 1.3) + 0.5 * blur(thickness, 5)
    picture = picture * (1 + np.clip(slope_light(height, 0.22), -0.45, 0.40)[..., None])
    return picture + 0.35 * (gloss(height, 1.0, 20) * smoothstep(0.2, 0.8, thickness))[..., None] ** 2
