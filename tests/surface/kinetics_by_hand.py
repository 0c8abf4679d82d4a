"""Peak and area of one time course, sample by sample, as a person with paper would make them."""

from __future__ import annotations

import itertools
import math

Sample = tuple[float, float, str]
"""Day, value, and whether it is below or above a limit."""


def peak(samples: list[Sample], first: float, last: float) -> tuple[float, str, float] | None:
    inside = [s for s in samples if first <= s[0] <= last]
    seen = [s for s in inside if s[2] != "left"]
    if not inside:
        return None
    top = max(seen or inside, key=lambda s: (s[1], -s[0]))
    return top[1], "right" if any(s[2] == "right" for s in inside) else "none" if seen else "left", top[0]


def area(samples: list[Sample], last: float, *, log: bool, predose: bool) -> tuple[float, str] | None:
    taken = [s for s in samples if 0 <= s[0] <= last]
    if not taken:
        return None
    if predose and taken[0][0] > 0:
        early = [s for s in samples if s[0] < 0]
        if not early:
            return None
        taken.insert(0, (0.0, *early[-1][1:]))
    if taken[-1][0] < last:
        taken += [s for s in samples if s[0] > last][:1]
    seen = [i for i, s in enumerate(taken) if s[2] != "left"]
    if seen:
        shares = [1 if i in seen else 0.5 if seen[0] < i < seen[-1] else 0 for i in range(len(taken))]
        points = [(s[0], s[1] * share) for s, share in zip(taken, shares, strict=True)]
    else:
        points, log = [(s[0], s[1]) for s in taken], False
    if len(points) < 2 or points[-1][0] < last:
        return None
    total = 0.0
    for (t0, a), (t1, b) in itertools.pairwise(points):
        curved = log and 0 < b < a
        share = min(1.0, (last - t0) / (t1 - t0))
        end = a * (b / a) ** share if curved else a + (b - a) * share
        total += share * (t1 - t0) * ((a - end) / math.log(a / end) if curved else (a + end) / 2)
    return total, "right" if any(s[2] == "right" for s in taken) else "none" if seen else "left"


def lonely(samples: list[Sample], day: float) -> bool:
    """The gap rule of the peak in the plan: nothing within 10 days before it (the infusion counts), or within 28 days after it."""
    before = max([s[0] for s in samples if s[0] < day] + ([0.0] if day > 0 else []), default=-math.inf)
    after = min((s[0] for s in samples if s[0] > day), default=math.inf)
    return day - before > 10 or after - day > 28
