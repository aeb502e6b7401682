# SPDX-License-Identifier: MIT
"""A bristle brush that follows a flow field and leaves colour and thickness behind."""
import numpy as np
from PIL import Image, ImageDraw

from .toolbox import N, from_image


class Brush:
    """Paints strokes over `ground` [N, N, 3]; `flow` [N, N] is the direction of the strokes in radians."""

    def __init__(self, rng, ground, flow):
        self.rng = rng
        self.flow = flow
        self.colour = Image.fromarray((np.clip(ground, 0, 1) * 255).astype(np.uint8))
        self.thickness = Image.fromarray(np.zeros((N, N), np.float32))
        self.colour_pen = ImageDraw.Draw(self.colour)
        self.thickness_pen = ImageDraw.Draw(self.thickness)

    def path(self, x, y, length, step):
        """Points along the flow from (x, y), in pixels; the stroke keeps its sense where the field turns by half a turn."""
        points = [(x, y)]
        heading = None
        for _ in range(max(2, int(length / step))):
            angle = float(self.flow[min(N - 1, max(0, int(y))), min(N - 1, max(0, int(x)))])
            if heading is not None and np.cos(angle - heading) < 0:
                angle += np.pi
            heading = angle
            x, y = x + step * np.cos(angle), y + step * np.sin(angle)
            points.append((x, y))
        return np.array(points)

    def stroke(self, x, y, length, width, colour, bristles=7, variety=0.10):
        """One stroke; every bristle has a shade and a length of its own."""
        path = self.path(x, y, length, max(4.0, width * 0.35))
        along = np.gradient(path, axis=0)
        normal = np.stack([-along[:, 1], along[:, 0]], -1) / (np.linalg.norm(along, axis=1, keepdims=True) + 1e-6)
        for place in self.rng.permutation(np.linspace(-0.5, 0.5, bristles)):
            shade = np.clip(colour * (1 + self.rng.normal(0, variety)) + self.rng.normal(0, variety * 0.25, 3), 0, 1)
            begin = self.rng.integers(0, 2)
            end = len(path) - self.rng.integers(0, max(1, len(path) // 4))
            # Rounded ends: the outer bristles touch the canvas later and leave it earlier.
            cut = int(round(abs(place) * 1.2))
            line = [tuple(p) for p in path[begin + cut:max(begin + cut + 2, end - cut)] + normal[begin + cut:max(begin + cut + 2, end - cut)] * place * width]
            if len(line) < 2:
                continue
            thick = max(2, int(round(1.35 * width / bristles)))
            self.colour_pen.line(line, fill=tuple(int(255 * c) for c in shade), width=thick, joint="curve")
            self.thickness_pen.line(line, fill=float(self.rng.uniform(0.25, 1.0) * (1 - 0.5 * abs(place))), width=thick, joint="curve")

    def cover(self, colours, spacing, length, width, bristles=7, variety=0.10, where=None):
        """Strokes all over the canvas (or where the mask `where` is true), coloured from `colours` [N, N, 3]."""
        count = int(N / spacing) + 2
        places = (np.stack(np.meshgrid(np.arange(count), np.arange(count)), -1).reshape(-1, 2) + self.rng.uniform(-0.9, 0.9, (count * count, 2))) * spacing
        for x, y in self.rng.permutation(places):
            column, row = min(N - 1, max(0, int(x))), min(N - 1, max(0, int(y)))
            if where is None or where[row, column]:
                self.stroke(x, y, length * self.rng.uniform(0.6, 1.3), width * self.rng.uniform(0.75, 1.2), colours[row, column], bristles, variety)

    def result(self):
        """The painted colours [N, N, 3] and the paint's thickness [N, N]."""
        return from_image(self.colour), np.asarray(self.thickness)
