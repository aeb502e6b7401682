# SPDX-License-Identifier: MIT
"""A night of whirlpools: long brush strokes turn around stars and a moon over rolling hills."""
import numpy as np

from .brush import Brush
from .toolbox import axes, blur, fbm, gloss, mix, noise, ramp, rgb, slope_light, smoothstep

NIGHT = rgb("0b1440", "142a78", "1f4fae", "2f7fcf", "6fb4e6", "cfe6ee")
LIGHT = rgb("fffbe0", "ffe873", "ffc22e", "f0a020")
# Place, reach and sense of each whirl.
WHIRLS = ((0.80, 0.16, 0.15, 1), (0.40, 0.37, 0.17, -1), (0.60, 0.44, 0.12, 1), (0.14, 0.13, 0.09, 1), (0.42, 0.10, 0.075, -1),
          (0.16, 0.40, 0.085, 1), (0.88, 0.48, 0.08, -1), (0.60, 0.18, 0.06, 1))


def draw(rng):
    x, y = axes()
    vx = 1.0 + 0.3 * noise(rng, 3)
    vy = 0.75 * np.sin(7.5 * x + 3 * y) * smoothstep(0.75, 0.2, y)
    tone = 0.42 + 0.30 * fbm(rng, 3, 3, stretch=2) + 0.16 * np.sin(38 * y + 7 * np.sin(7 * x))
    shine = np.zeros_like(x)
    for cx, cy, reach, sense in WHIRLS:
        dx, dy = x - cx, y - cy
        distance = np.hypot(dx, dy)
        pull = np.exp(-(distance / reach) ** 2) * 7
        vx, vy = vx - sense * pull * dy / (distance + 0.01), vy + sense * pull * dx / (distance + 0.01)
        tone = tone + 0.26 * np.exp(-(distance / reach) ** 2) * np.sin(distance * 130)
        shine = np.maximum(shine, np.exp(-(distance / (0.44 * reach)) ** 2) * (0.9 + 0.35 * np.sin(distance * 160)))
    colours = ramp(np.clip(tone, 0, 1), NIGHT)
    colours = mix(colours, ramp(np.clip(1.15 - shine, 0, 1), LIGHT), smoothstep(0.30, 0.42, shine))

    flow = np.arctan2(vy, vx)
    for number, (level, swell) in enumerate(((0.66, 0.075), (0.76, 0.06), (0.87, 0.05))):
        ridge = level - swell * np.sin(5.2 * x + 1.9 * number + 0.6) - 0.3 * swell * np.sin(13 * x + number)
        hill = y > ridge
        band = 0.5 + 0.34 * np.sin((y - ridge) * 95) + 0.4 * fbm(rng, 6, 3)
        palette = (rgb("16306f", "2a58a0", "5f97c4"), rgb("123f4f", "2f7a5f", "9ab84a"), rgb("0e2f30", "3f7a2f", "d8b83a"))[number]
        colours = np.where(hill[..., None], ramp(np.clip(band, 0, 1), palette), colours)
        flow = np.where(hill, np.arctan2(-swell * 5.2 * np.cos(5.2 * x + 1.9 * number + 0.6), 1.0), flow)
    # Cypresses: dark flames in the foreground.
    for centre, top, width in ((0.13, 0.42, 0.050), (0.225, 0.60, 0.034)):
        flame = np.abs(x - centre - 0.014 * np.sin(24 * y)) < width * np.clip((y - top) * 3.2, 0, 1) ** 0.7 * (1 - 0.3 * np.sin(31 * y))
        colours = np.where(flame[..., None], ramp(0.5 + 0.5 * np.sin(x * 170 + 9 * y), rgb("0c1a16", "1c4030", "5a6a2c", "2a1c10")), colours)
        flow = np.where(flame, np.pi / 2 + 0.35 * np.sin(24 * y), flow)

    brush = Brush(rng, colours * 0.55, flow)
    brush.cover(blur(colours, 6), 26, 190, 30, bristles=9, variety=0.16)
    brush.cover(colours, 17, 110, 17, bristles=6, variety=0.14)
    brush.cover(colours, 17, 60, 10, bristles=4, variety=0.17, where=noise(rng, 60) > -0.25)
    picture, thickness = brush.result()
    thickness = blur(thickness, 1.2)
    return picture * (1 + np.clip(slope_light(thickness, 0.16), -0.35, 0.35)[..., None]) + 0.10 * gloss(thickness, 0.5)[..., None] ** 2
