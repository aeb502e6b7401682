# SPDX-License-Identifier: MIT
"""What the style pictures are made with: noise, cells, colour ramps, light on relief, label maps.

Pictures are float arrays [N, N, 3] in 0..1, fields are [N, N]; x runs right and y down, both 0..1 over the canvas.
"""
import numpy as np
from PIL import Image, ImageFilter

FINAL_SIZE = 768
N = 2 * FINAL_SIZE  # drawn at twice the size, for smooth edges


def axes():
    """x and y of every pixel's centre, [N, N] each."""
    line = (np.arange(N, dtype=np.float32) + 0.5) / N
    return np.meshgrid(line, line)


def rgb(*codes):
    """Colours from hexadecimal codes, [len(codes), 3]."""
    return np.array([[int(code[i:i + 2], 16) / 255 for i in (0, 2, 4)] for code in codes], np.float32)


def resize(field, width, height, how=Image.BICUBIC):
    return np.asarray(Image.fromarray(field.astype(np.float32), "F").resize((width, height), how))


def noise(rng, cells_x, cells_y=None):
    """Smooth noise in about -1..1 with so many bumps across; few across and many down makes streaks."""
    cells_y = cells_x if cells_y is None else cells_y
    field = rng.uniform(-1, 1, (int(cells_y) + 3, int(cells_x) + 3))
    return resize(field, N, N)


def fbm(rng, cells, octaves=5, gain=0.5, stretch=1.0):
    """Sum of noises, each twice as fine and `gain` times as strong as the one before; about -1..1."""
    total = np.zeros((N, N), np.float32)
    strength = norm = 1.0
    for octave in range(octaves):
        size = min(cells * 2 ** octave, N // 2)
        total += strength * noise(rng, size, max(2, size * stretch))
        norm += strength
        strength *= gain
    return total / norm * 1.6


def smoothstep(low, high, value):
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def ramp(t, colours, stops=None):
    """The colour at t (0..1) on a line of colours; stops say where each lies."""
    stops = np.linspace(0, 1, len(colours)) if stops is None else stops
    return np.stack([np.interp(t, stops, colours[:, c]) for c in range(3)], -1).astype(np.float32)


def mix(a, b, amount):
    """a where amount is 0, b where it is 1; pictures, single colours or fields, with a field as the amount."""
    if np.shape(a)[-1:] == (3,) or np.shape(b)[-1:] == (3,):
        amount = np.asarray(amount)[..., None]
    return a * (1 - amount) + b * amount


def chance(labels, salt=0):
    """A number 0..1 for every label, the same for the same label and salt."""
    h = (np.asarray(labels).astype(np.int64) * 2654435761 + salt * 40503 + 12345) & 0xFFFFFFFF
    for multiplier in (0x45D9F3B, 0x119DE1F3):
        h = ((h >> 16) ^ h) * multiplier & 0xFFFFFFFF
    return (((h >> 16) ^ h) & 0xFFFFFF) / np.float32(0x1000000)


def cells(u, v, jitter=0.8, salt=0):
    """Voronoi cells over any two coordinates, one cell a unit square.

    Returns the distance to the nearest centre, the distance to the border between the two nearest cells, and the cell's label.
    """
    iu, iv = np.floor(u).astype(np.int64), np.floor(v).astype(np.int64)
    first = np.full(u.shape, 9.0, np.float32)
    second = np.full(u.shape, 9.0, np.float32)
    label = np.zeros(u.shape, np.int64)
    for dv in (-1, 0, 1):
        for du in (-1, 0, 1):
            cu, cv = iu + du, iv + dv
            code = cu * 7919 + cv * 104729
            d = np.hypot(cu + 0.5 + jitter * (chance(code, salt) - 0.5) - u, cv + 0.5 + jitter * (chance(code, salt + 1) - 0.5) - v)
            nearer = d < first
            second = np.where(nearer, first, np.minimum(second, d))
            label = np.where(nearer, code, label)
            first = np.minimum(first, d)
    return first, second - first, label


def blur(field, radius):
    """Gaussian blur; radius in pixels of the canvas."""
    if field.ndim == 3:
        return np.stack([blur(field[..., c], radius) for c in range(field.shape[-1])], -1)
    low, high = float(field.min()), float(field.max()) + 1e-6
    # Pillow blurs 8-bit pictures only; two of them carry 16 bits.
    scaled = (field - low) / (high - low) * 65535
    coarse = np.floor(scaled / 256)
    parts = [np.asarray(Image.fromarray(part.astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius)), np.float32)
             for part in (coarse, scaled - coarse * 256)]
    return (parts[0] * 256 + parts[1]) / 65535 * (high - low) + low


def moved(field, down, right):
    """The field moved by so many pixels; its border is repeated where nothing comes in."""
    rows = np.clip(np.arange(N) - down, 0, N - 1)
    columns = np.clip(np.arange(N) - right, 0, N - 1)
    return field[rows][:, columns]


def edges(labels):
    """1 where a pixel's label differs from its right or lower neighbour's, else 0."""
    edge = np.zeros(labels.shape, np.float32)
    edge[:, :-1] = labels[:, 1:] != labels[:, :-1]
    edge[:-1] = np.maximum(edge[:-1], labels[1:] != labels[:-1])
    return edge


def seams(labels, width):
    """Rounded lines of `width` pixels along the borders between labels, 0..1."""
    soft = blur(edges(labels), width / 2)
    return smoothstep(0.16, 0.34, soft * width / 2)


def slope_light(height, depth=1.0, angle=2.4):
    """How much light falls on a relief lit from `angle` (radians, from the upper left by default); 0 on flat ground."""
    gy, gx = np.gradient(height)
    return depth * (gx * np.cos(angle) - gy * np.sin(angle)) * N / 256


def gloss(height, depth, power=24):
    """Highlights of wet paint, 0..1."""
    gy, gx = np.gradient(height * depth * N / 256)
    facing = (1.0 - 0.55 * gx - 0.75 * gy) / np.sqrt(1 + gx * gx + gy * gy) / np.sqrt(1 + 0.55 ** 2 + 0.75 ** 2)
    return np.clip(facing, 0, 1) ** power


def paper(rng, strength=0.05):
    """Paper grain to add to a picture."""
    return strength * (0.6 * fbm(rng, 220, 3) + 0.4 * noise(rng, 40, N // 3) * 0.5 + 0.4 * noise(rng, N // 3, 40) * 0.5)[..., None]


def to_image(picture):
    return Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)).resize((FINAL_SIZE, FINAL_SIZE), Image.LANCZOS)


def from_image(image):
    return np.asarray(image.convert("RGB"), np.float32) / 255
