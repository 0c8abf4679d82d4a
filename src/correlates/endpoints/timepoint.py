"""One evaluation as response criteria see it: lesions against baseline and nadir, new lesions, spleen, marrow, PET."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from correlates.endpoints.burden import Size, chosen, summed
from correlates.endpoints.lesions import ACROSS, LONG, Evaluation, Lesion
from correlates.endpoints.settings import Lesions
from correlates.terms import Response

TARGET, NON_TARGET, NEW = "TARGET", "NON-TARGET", "NEW"
SPLEEN = "SPLEEN"
SLACK = 1e-9
"""mm, mm2 or percent: sums of decimal diameters are not exact, and a threshold that is met to the last digit is met."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pet:
    """PET at one evaluation: the Deauville score, and the uptake against baseline where it was recorded."""

    score: int | None = None
    uptake: str | None = None
    """decreased, unchanged or increased; null where nobody says."""
    new_sites: bool = False
    source_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """The sum of the target lesions over the course.

    ``partial`` is the sum of the lesions that have a size, where others have none; ``nadir`` the smallest sum before this
    evaluation, baseline included.
    """

    now: float | None
    partial: float | None
    baseline: float | None
    nadir: float | None
    why: str | None = None

    @property
    def from_baseline(self) -> float | None:
        """Change from baseline in percent; null where either is unknown or baseline is 0."""
        return _percent(self.now, self.baseline)

    @property
    def from_nadir(self) -> float | None:
        """Change from the nadir in percent; null where either is unknown or the nadir is 0."""
        return _percent(self.now, self.nadir)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What a criterion is given of one evaluation after baseline."""

    now: Evaluation
    baseline: Evaluation
    earlier: tuple[Evaluation, ...]
    """Evaluations from baseline to the one before, in order."""
    rules: Lesions
    pet: Pet | None = None
    baseline_pet: Pet | None = None
    marrow: Sequence[tuple[int, bool]] = ()
    """Bone marrow up to this evaluation: day, and whether it was involved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The response at one evaluation, what decided it, and the parts it was put together from."""

    response: Response
    rule: str
    ct: Response | None = None
    pet: Response | None = None
    sums: Sums | None = None
    notes: tuple[str, ...] = field(default=())


def sums(point: Point, size: Size, most: int) -> Sums:
    """The sum of the sizes of the target lesions now, at baseline and at the nadir."""
    rules = point.rules
    choice = chosen(point.baseline, size, most, rules)
    if not choice[0]:
        return Sums(now=None, partial=None, baseline=None, nadir=None, why="no target lesion")

    def total(evaluation: Evaluation, key: str = "total") -> float | None:
        found = summed(evaluation, point.baseline, choice, size, rules)[key]
        return None if found is None else float(str(found))

    before = [t for e in point.earlier if (t := total(e)) is not None]
    now = summed(point.now, point.baseline, choice, size, rules)
    return Sums(
        now=total(point.now),
        partial=total(point.now, "partial"),
        baseline=total(point.baseline),
        nadir=min(before, default=None),
        why=None if now["detail"] is None else str(now["detail"]),
    )


def targets(point: Point) -> dict[str, Lesion | None]:
    """The target lesions of baseline, as this evaluation has them; null where it does not have one."""
    return {name: point.now.lesions.get(name) for name in point.baseline.of(TARGET)}


def others(point: Point) -> dict[str, Lesion | None]:
    """The non-target lesions of baseline, the spleen left out, as this evaluation has them."""
    return {
        name: point.now.lesions.get(name)
        for name, lesion in point.baseline.of(NON_TARGET).items()
        if lesion.location != SPLEEN
    }


def new_lesions(point: Point) -> list[Lesion]:
    """Lesions identified as new that this evaluation has and that are there."""
    return [lesion for lesion in point.now.of(NEW).values() if not lesion.gone]


def spleen(evaluation: Evaluation) -> float | None:
    """Length of the spleen, mm: the longest diameter of the lesion whose site is the spleen and that is no target; null where there is none."""
    for lesion in evaluation.lesions.values():
        if lesion.location == SPLEEN and lesion.kind != TARGET and lesion.problem is None:
            return lesion.diameters.get(LONG)
    return None


def nadir(point: Point, name: str, measure: str) -> float | None:
    """The smallest diameter of a lesion before this evaluation, baseline included; 0 where it was gone."""
    seen = [known for e in point.earlier if (known := measured(e.lesions.get(name), measure, point.rules)) is not None]
    return min(seen, default=None)


def measured(lesion: Lesion | None, measure: str, rules: Lesions) -> float | None:
    """A diameter of a lesion, mm: as measured, 0 where it is gone or merged, the smallest where it is too small to measure."""
    if lesion is None or lesion.problem is not None:
        return None
    if lesion.pieces:
        sizes = [measured(piece, measure, rules) for piece in lesion.pieces]
        return None if None in sizes else sum(s for s in sizes if s is not None)
    if lesion.gone or lesion.merged:
        return 0.0
    if measure in lesion.diameters:
        return lesion.diameters[measure]
    if measure in lesion.too_small or (lesion.too_small and not lesion.diameters):
        return rules.too_small_mm
    only = [v for m, v in lesion.diameters.items() if m in (LONG, ACROSS)]
    return only[0] if len(only) == 1 and rules.one_diameter == "circular" else None


def marrow(point: Point) -> tuple[bool | None, bool | None]:
    """Whether the bone marrow was involved at baseline and is now: by the last finding of each; null where there is none."""
    first = point.baseline.day
    before = [involved for day, involved in point.marrow if day <= first]
    after = [involved for day, involved in point.marrow if first < day <= point.now.day]
    return (before[-1] if before else None), (after[-1] if after else None)


def _percent(now: float | None, reference: float | None) -> float | None:
    return None if now is None or not reference else 100.0 * (now - reference) / reference
