#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws the style pictures of this folder. Needs numpy and Pillow (Debian: python3-numpy python3-pil).

usage: draw_styles.py [NAME...]        without names: all of them

Every picture comes from a program in drawing/ and a fixed seed: drawing it again gives the same picture.
"""
import importlib
import pathlib
import sys
import zlib

import numpy as np

from drawing.toolbox import to_image

FOLDER = pathlib.Path(__file__).resolve().parent
LARGEST_FILE = 380_000  # bytes
NAMES = ("collage", "etching", "impasto", "ink_wash", "mosaic", "pointillism", "stained_glass", "swirls", "woodcut")


def draw(name):
    picture = importlib.import_module(f"drawing.{name}").draw(np.random.default_rng(zlib.crc32(name.encode())))
    path = FOLDER / f"{name}.jpg"
    # Full colour resolution, unless that would make the file large.
    for subsampling, quality in ((0, 88), (2, 88), (2, 82)):
        to_image(picture).save(path, quality=quality, subsampling=subsampling, optimize=True)
        if path.stat().st_size < LARGEST_FILE:
            break
    print(f"{path} ({path.stat().st_size // 1000} kB)", flush=True)


if __name__ == "__main__":
    names = sys.argv[1:] or NAMES
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        sys.exit(f"draw_styles.py: no style {', '.join(unknown)}; there are: {', '.join(NAMES)}")
    for chosen in names:
        draw(chosen)
