# SPDX-License-Identifier: MIT
"""A copper plate: hatching in sepia follows clouds, cliffs, trees and water; the darker, the more layers of lines cross."""
import numpy as np

from .toolbox import axes, blur, cells, chance, fbm, mix, moved, noise, paper, rgb, smoothstep

PAPER, TONE, INK = rgb("f5e4bd", "cf9c58", "2a1206")


def lines(phase, tone):
    """One layer of hatching: bitten lines along the level sets of `phase`, wider where tone is higher; none where it is negative."""
    wave = np.abs((phase % 1) - 0.5) * 2
    width = np.clip(tone, 0, 1) ** 0.85 * 0.86
    return smoothstep(-0.14, 0.10, width - wave) * smoothstep(0.0, 0.05, tone)


class Plate:
    """Tone (1 is dark) and the phases of two hatchings, replaced region by region from the back to the front."""

    def __init__(self, shape):
        self.tone, self.first, self.second = (np.zeros(shape, np.float32) for _ in range(3))

    def lay(self, where, tone, first, second):
        self.tone = np.where(where, tone, self.tone)
        self.first = np.where(where, first, self.first)
        self.second = np.where(where, second, self.second)


def facets(x, y, across, stretch, bend, salt):
    """Hatching that turns from facet to facet, as on rock or leaves: two phases, a shade per facet, distance to its border."""
    _, border, label = cells((x + bend) * across, (y + 0.6 * bend) * across * stretch, 0.9, salt)
    turn = (chance(label, salt + 3) - 0.5) * 1.7
    along = x * np.cos(turn) + y * np.sin(turn)
    cross = -x * np.sin(turn + 0.5) + y * np.cos(turn + 0.5)
    return along, cross, chance(label, salt + 4), border


def sky(plate, rng, x, y):
    cloud = fbm(rng, 3, 3, 0.45, stretch=1.8) + 0.05
    lit = (moved(cloud, 26, 26) - cloud) * 2.6
    sun = np.hypot(x - 0.40, y - 0.31)
    rays = np.arctan2(y - 0.31, x - 0.40) / (2 * np.pi)
    beam = 0.5 + 0.5 * np.sin(rays * 2 * np.pi * 18 + 2.0 * noise(rng, 3))
    clear = 0.62 - 0.42 * beam * smoothstep(0.75, 0.1, sun) - 0.5 * smoothstep(0.30, 0.06, sun) + 0.25 * smoothstep(0.3, 0, y)
    plate.lay(y < 2, clear, rays * 300, 75 * sun)
    plate.lay(sun < 0.075, -0.2, rays, sun)
    plate.lay(np.abs(sun - 0.077) < 0.002, 1.2, rays, sun)
    body = cloud > 0.16
    plate.lay(body, 0.40 + lit - 0.5 * (cloud - 0.2), 55 * cloud + 40 * y, 90 * y - 40 * x + 20 * cloud)
    plate.lay(np.abs(cloud - 0.16) < 0.010, 0.9, 55 * cloud, y)


def mountains(plate, rng, x, y):
    bend = 0.02 * fbm(rng, 6, 4)
    for number, (level, height, steep, dark) in enumerate(((0.56, 0.26, 2.6, 0.20), (0.64, 0.17, 4.1, 0.42))):
        t = steep * x + 0.55 + 1.6 * number
        ridge = level - height * np.abs(np.sin(t)) ** 1.3 + 1.6 * bend
        side = np.cos(t) * np.sign(np.sin(t))  # which side of a peak the light leaves
        along, cross, shade, border = facets(x, y, 15 + 5 * number, 0.5, bend, 20 + number)
        tone = 0.12 + dark - 0.42 * side + 0.75 * (shade - 0.42) - 0.7 * (y - ridge) + 0.5 * smoothstep(0.10, 0.0, border)
        plate.lay(y > ridge, tone, 112 * along, 96 * cross)
        plate.lay(np.abs(y - ridge) < 0.0024, 1.2, along, cross)


def water(plate, rng, x, y):
    ripple = noise(rng, 6, 46)
    tone = 0.36 + 0.62 * ripple + 0.5 * smoothstep(0.68, 0.63, y) - 0.75 * smoothstep(0.13, 0.02, np.abs(x - 0.40 + 0.02 * ripple))
    plate.lay(y > 0.635, tone, 118 * y + 0.5 * ripple, 118 * y + 60 * x)


def tree(plate, rng, x, y, centre, top, width, height):
    bark = np.abs(x - centre - 0.02 * np.sin(9 * y) - 0.006 * noise(rng, 4, 18))
    girth = 0.017 + 0.06 * np.maximum(y - 0.74, 0) + 0.010 * np.maximum(0.5 - y, 0)
    plate.lay((bark < girth) & (y > top + 0.3 * height) & (y < 0.92), 0.45 + 26 * (x - centre), 140 * y + 900 * (x - centre) ** 2 * 60, 210 * x)
    lobes = fbm(rng, 7, 3, 0.6)
    crown = np.hypot((x - centre) / width, (y - top - height / 2) / (0.56 * height)) + 0.34 * lobes
    bend = 0.010 * fbm(rng, 20, 2)
    along, cross, shade, border = facets(x, y, 34, 1.25, bend, 40)
    lit = 0.52 + 0.9 * (x - centre) / width * 0.5 + 0.5 * (y - top - height / 2) / height + 0.55 * (lobes - moved(lobes, -40, -40)) * 3
    plate.lay(crown < 0.95, lit + 0.8 * (shade - 0.5) + 0.55 * smoothstep(0.16, 0.02, border), 105 * along, 105 * cross)


def bank(plate, rng, x, y):
    edge = 0.815 - 0.085 * np.sin(3.4 * x + 0.3) + 0.015 * fbm(rng, 20, 3)
    lean = 0.012 * fbm(rng, 14, 2)
    blades = noise(rng, 130, 16)
    tuft = fbm(rng, 8, 3, stretch=1.5)
    tone = 0.50 + 0.55 * blades + 0.65 * tuft + 0.5 * (y - 0.85)
    plate.lay(y > edge + 0.016 * blades, tone, 120 * (x + 8 * lean * (y - 0.8)), 90 * x - 46 * y)


def draw(rng):
    x, y = axes()
    plate = Plate(x.shape)
    sky(plate, rng, x, y)
    mountains(plate, rng, x, y)
    water(plate, rng, x, y)
    tree(plate, rng, x, y, 0.84, 0.08, 0.22, 0.52)
    tree(plate, rng, x, y, 0.07, 0.30, 0.13, 0.34)
    bank(plate, rng, x, y)

    hand = 0.10 * fbm(rng, 24, 2)
    tone = np.clip(plate.tone, -0.1, 1.3)
    ink = lines(plate.first + hand, tone * 1.05)
    ink = np.maximum(ink, lines(plate.second - hand, tone - 0.42))
    ink = np.maximum(ink, lines(0.6 * (plate.first + plate.second), tone - 0.80))
    ink = blur(ink, 0.7) * (0.88 + 0.2 * fbm(rng, 160, 2))
    warmth = np.clip(0.16 + 0.42 * blur(tone, 14) + 0.14 * fbm(rng, 3, 4), 0, 0.9)
    ground = mix(np.ones((*x.shape, 3), np.float32) * PAPER, TONE, warmth)
    scratch = smoothstep(0.86, 0.95, noise(rng, 30, 700)) * 0.10
    return mix(ground, INK, np.clip(ink + scratch, 0, 1)) + paper(rng, 0.05)
