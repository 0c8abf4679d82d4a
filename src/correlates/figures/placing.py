"""Where labels of points stand so that they hide neither each other nor a point: the first free place around each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_LETTER, _BOLD, _LINE = 5.6, 6.3, 12.0  # width of a letter, of a bold one, and height of a line at 10 px
_RADII = (7.0, 13.0, 21.0, 32.0, 46.0, 64.0, 86.0)
_TURNS = (0, 180, 90, 270, 30, 330, 150, 210, 60, 300, 120, 240)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The left end and the middle height of a label, in pixels; ``led`` whether it is far enough from its point for a line to it."""

    x: float
    y: float
    led: bool


Box = tuple[float, float, float, float]


def place(
    labels: Sequence[str],
    points: Sequence[tuple[float, float]],
    others: Sequence[tuple[float, float]],
    *,
    width: float,
    height: float,
    bold: Sequence[bool] = (),
) -> list[Place]:
    """A place for each label.

    Parameters
    ----------
    labels, points
        What is told, and the point it is told of, in pixels from the upper left; first come, first served.
    others
        All points that must not be hidden.
    width, height
        Of the panel: labels stay inside.
    bold
        Which labels are in bold letters, which are wider; none where not given.

    Notes
    -----
    Places are tried in circles of growing radius; where none is free, the one that hides least is taken.
    """
    taken: list[Box] = []
    dots: list[Box] = [(x - 4, y - 4, x + 4, y + 4) for x, y in others]
    found = []
    for label, (x, y), heavy in zip(labels, points, bold or [False] * len(labels), strict=True):
        long = (_BOLD if heavy else _LETTER) * len(label)
        best, least = None, math.inf
        for radius in _RADII:
            for turn in _TURNS:
                cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
                left = x + radius * cos + (-long if cos < -0.3 else -long / 2 if abs(cos) <= 0.3 else 0.0)
                middle = y - radius * sin
                box = (left, middle - _LINE / 2, left + long, middle + _LINE / 2)
                if box[0] < 0 or box[1] < 0 or box[2] > width or box[3] > height:
                    continue
                cost = 4 * sum(_shared(box, b) for b in taken) + sum(_shared(box, b) for b in dots) + 0.02 * radius
                if cost < least:
                    best, least = (Place(x=left, y=middle, led=radius > 14), box), cost
            if best is not None and least < 0.02 * radius + 0.5:
                break
        if best is None:
            best = Place(x=x + 7, y=y, led=False), (x + 7, y - _LINE / 2, x + 7 + long, y + _LINE / 2)
        found.append(best[0])
        taken.append(best[1])
    return found


def _shared(one: Box, other: Box) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return wide * high if wide > 0 and high > 0 else 0.0
