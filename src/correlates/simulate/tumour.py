"""Lesions and response assessments of the simulated trial: sizes that agree with the response under Lugano 2014 (CT).

At every visit the sizes are such that the size rules give the investigator's response: complete response, every node at
most 15 mm and extranodal lesions gone; partial response, the sum of products at most half of baseline with a lesion
above 15 mm; progression, a lesion above 15 mm whose product is up by half from its nadir and whose longest diameter is up
by 5 mm (to 20 mm) or 10 mm, or a new lesion above 15 mm; stable disease otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from correlates.simulate.causal import stream
from correlates.simulate.outcomes import Course
from correlates.simulate.schedule import PLACE, SCANS, VISITS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

TOO_SMALL, NOT_EVALUABLE = "TOO SMALL TO MEASURE", "NOT EVALUABLE"
_SMALLEST = 180.0  # mm2: area of a target lesion at least
_NODES = (
    "CERVICAL LYMPH NODE",
    "AXILLARY LYMPH NODE",
    "MEDIASTINAL LYMPH NODE",
    "MESENTERIC LYMPH NODE",
    "RETROPERITONEAL LYMPH NODE",
    "INGUINAL LYMPH NODE",
)
_EXTRANODAL = ("LIVER", "LUNG", "SOFT TISSUE", "KIDNEY")
_VISIT_NE = 0.012

LESIONS_SCHEMA: dict[str, pl.DataType] = {
    "subject_id": pl.String(), "lesion_id": pl.String(), "kind": pl.String(), "location": pl.String(), "visit": pl.String(),
    "day": pl.Int64(), "ldiam_mm": pl.Float64(), "lperp_mm": pl.Float64(), "state": pl.String(),
}  # fmt: skip
ASSESSMENTS_SCHEMA: dict[str, pl.DataType] = {
    "subject_id": pl.String(), "visit": pl.String(), "day": pl.Int64(), "response": pl.String(),
}  # fmt: skip


@dataclass(slots=True)
class Lesion:
    """A lesion while its subject is being drawn: baseline, present and smallest size (mm)."""

    lesion_id: str
    kind: str
    location: str
    nodal: bool
    base: tuple[int, int]
    now: tuple[int, int]
    nadir: tuple[int, int]

    def set(self, size: tuple[int, int]) -> None:
        """Take a new size; the nadir is the smallest product so far."""
        self.now = size
        if size[0] * size[1] < self.nadir[0] * self.nadir[1]:
            self.nadir = size


@dataclass(slots=True)
class Records:
    """Rows of the two tables while they are collected."""

    lesions: list[tuple[object, ...]] = field(default_factory=list)
    assessments: list[tuple[object, ...]] = field(default_factory=list)


def draw_tumour(
    seed: int, subjects: list[str], spd: Floats, plan: Course, day: Ints, kept: Bools
) -> tuple[pl.DataFrame, pl.DataFrame, Floats]:
    """Lesions, assessments and the baseline sum of products that the lesions have (mm2).

    Parameters
    ----------
    spd
        Sum of products that the lesions should have (mm2); whole millimetres move it slightly.
    plan
        The clinical course.
    day, kept
        Actual days of the visits and whether they were kept, subject x visit.
    """
    rng = stream(seed, "tumour")
    records = Records()
    actual = np.zeros(len(subjects))
    for i, subject in enumerate(subjects):
        lesions = _baseline(rng, float(spd[i]))
        actual[i] = sum(x.base[0] * x.base[1] for x in lesions if x.kind == "target")
        _write(records, subject, "Baseline", int(rng.integers(-14, -6)), lesions, blind=False)
        for visit, on, response in visits(rng, plan, i, day[i], kept[i]):
            new = _change(rng, lesions, response)
            _write(records, subject, visit, on, lesions, blind=response == "NE")
            if new is not None:
                records.lesions.append(
                    (subject, new.lesion_id, new.kind, new.location, visit, on, *map(float, new.now), None)
                )
            records.assessments.append((subject, visit, on, response))
    return (
        pl.DataFrame(records.lesions, schema=LESIONS_SCHEMA, orient="row"),
        pl.DataFrame(records.assessments, schema=ASSESSMENTS_SCHEMA, orient="row"),
        actual,
    )


def visits(rng: np.random.Generator, plan: Course, i: int, day: Ints, kept: Bools) -> list[tuple[str, int, str]]:
    """Scans of one subject: visit, day and response, up to progression, further therapy, death or end of follow-up."""
    progression, death = plan.progression[i], plan.death[i]
    stop = min(plan.end[i], min(plan.new_therapy[i], plan.transplant[i], death) - 1.0)
    reached, first, best = int(plan.reached[i]), str(plan.first[i]), str(plan.best[i])
    documented: list[tuple[str, int, str]] = []
    draws = rng.random(len(SCANS))
    for place, u in zip(SCANS, draws, strict=True):
        on = int(day[place])
        if on > stop or on >= progression - 12.0:
            break
        needed = place in (PLACE["Week 4"], reached, PLACE["Month 12"])
        if not needed and not kept[place]:
            continue
        response = first if place < reached else best
        documented.append((VISITS[place].name, on, "NE" if not needed and u < _VISIT_NE else response))
    if progression <= stop:
        scheduled = [VISITS[p].name for p in SCANS if int(day[p]) == int(progression)]
        documented.append((scheduled[0] if scheduled else "Unscheduled", int(progression), "PD"))
    return documented


def _baseline(rng: np.random.Generator, spd: float) -> list[Lesion]:
    most = int(min(6, max(1, spd // (1.5 * _SMALLEST))))
    k = int(min(most, 1 + rng.binomial(5, 0.65)))
    share = rng.dirichlet(np.full(k, 1.5))
    areas = list(_SMALLEST + max(spd - k * _SMALLEST, 0.0) * share)
    kinds = ["target"] * k
    extra = int(rng.integers(0, 3)) if k > 1 else 0
    areas += [_SMALLEST * 1.2] * extra
    kinds += ["non-target"] * extra
    aspects = rng.uniform(0.62, 0.95, len(areas))
    sites = rng.permutation(len(_NODES))
    extranodal = rng.random(len(areas)) < 0.18
    lesions = []
    for j, (area, aspect, kind) in enumerate(zip(areas, aspects, kinds, strict=True)):
        longest = max(16, round(math.sqrt(area / aspect)))
        size = (longest, max(10, round(area / longest)))
        size = (max(size), min(size))
        place = _EXTRANODAL[j % len(_EXTRANODAL)] if extranodal[j] else _NODES[sites[j % len(_NODES)]]
        name = f"T{j + 1:02d}" if kind == "target" else f"NT{j - k + 1:02d}"
        lesions.append(Lesion(name, kind, place, not extranodal[j], size, size, size))
    return lesions


def _change(rng: np.random.Generator, lesions: list[Lesion], response: str) -> Lesion | None:
    if response == "CR":
        _complete(rng, lesions)
    elif response == "PR":
        _partial(rng, lesions)
    elif response == "SD":
        _stable(rng, lesions)
    elif response == "PD":
        return _progress(rng, lesions)
    return None


def _scaled(size: tuple[int, int], ratio: float) -> tuple[int, int]:
    root = math.sqrt(ratio)
    return max(1, round(size[0] * root)), max(1, math.floor(size[1] * root))


def _complete(rng: np.random.Generator, lesions: list[Lesion]) -> None:
    for lesion, ratio in zip(lesions, rng.uniform(0.03, 0.30, len(lesions)), strict=True):
        if not lesion.nodal:
            lesion.set((0, 0))
            continue
        longest, across = _scaled(lesion.base, float(ratio))
        longest = min(longest, 15, lesion.now[0])
        lesion.set((longest, min(across, longest, max(lesion.now[1], 1))))


def _stable(rng: np.random.Generator, lesions: list[Lesion]) -> None:
    largest = _largest(lesions)
    for lesion, ratio in zip(lesions, rng.uniform(0.72, 1.08, len(lesions)), strict=True):
        longest, across = _scaled(lesion.base, float(ratio))
        lesion.set((max(longest, 16) if lesion is largest else longest, across))


def _largest(lesions: list[Lesion]) -> Lesion:
    return max((x for x in lesions if x.kind == "target"), key=lambda x: x.base[0] * x.base[1])


def _partial(rng: np.random.Generator, lesions: list[Lesion]) -> None:
    ratio = float(rng.uniform(0.12, 0.42))
    largest = _largest(lesions)
    for lesion in lesions:
        size = _scaled(lesion.base, ratio)
        if lesion is largest:
            longest = max(size[0], 16)
            size = (longest, max(4, math.floor(ratio * lesion.base[0] * lesion.base[1] / longest)))
        if size[0] * size[1] < lesion.now[0] * lesion.now[1]:
            lesion.set(size)


def _progress(rng: np.random.Generator, lesions: list[Lesion]) -> Lesion | None:
    how = rng.random()
    new = None
    if how < 0.6:
        longest = int(rng.integers(17, 46))
        site = _NODES[int(rng.integers(len(_NODES)))]
        across = max(10, int(longest * rng.uniform(0.6, 0.95)))
        new = Lesion("NEW01", "new", site, True, (longest, across), (longest, across), (longest, across))  # noqa: FBT003
    if how > 0.35:
        growth = math.sqrt(float(rng.uniform(1.7, 2.8)))
        for lesion in lesions:
            longest, across = lesion.nadir
            grown = max(math.ceil(longest * growth), longest + (6 if longest <= 20 else 11), 17)
            lesion.set((grown, min(grown, max(math.ceil(across * growth), 10))))
    return new


def _write(records: Records, subject: str, visit: str, on: int, lesions: list[Lesion], *, blind: bool) -> None:
    for lesion in lesions:
        longest, across = lesion.now
        state = None
        if blind:
            state = NOT_EVALUABLE
        elif 0 < longest <= 5:
            state = TOO_SMALL
        size = (None, None) if state else (float(longest), float(across))
        records.lesions.append((subject, lesion.lesion_id, lesion.kind, lesion.location, visit, on, *size, state))
