"""RECIST 1.1 at one evaluation: target lesions by the sum of diameters, non-target lesions, new lesions.

Source: Eisenhauer 2009, Eur J Cancer 45:228, sections 4.3 and Tables 1 and 2.
"""

from __future__ import annotations

from correlates.endpoints.lesions import ACROSS, Lesion
from correlates.endpoints.lesions import diameter as size_of
from correlates.endpoints.timepoint import SLACK, Point, Sums, Verdict, measured, new_lesions, sums, targets
from correlates.endpoints.timepoint import others as non_targets
from correlates.terms import Response

NODE_MM = 10.0
"""Short axis below which a lymph node is no longer pathological."""
GROWTH, STEP_MM, SHRINKAGE = 20.0, 5.0, -30.0
"""Progression: 20 % and 5 mm above the nadir; partial response: 30 % below baseline."""


def recist(point: Point) -> Verdict:
    """The overall response of Table 1 (with target lesions) and Table 2 (without)."""
    total = sums(point, size_of, point.rules.diameters)
    target, said = _target(point, total)
    other, words = _other(point)
    new = [lesion.name for lesion in new_lesions(point) if not lesion.uncertain]
    rule = "; ".join(w for w in (said, words, f"new lesion {', '.join(new)}" if new else "") if w)

    def verdict(response: Response) -> Verdict:
        return Verdict(response=response, rule=rule, sums=total)

    if new or Response.PD in (target, other):
        return verdict(Response.PD)
    if target is None:
        if other is None:
            return verdict(Response.NE)
        return verdict(other)
    if target is Response.CR:
        return verdict(Response.CR if other in (None, Response.CR) else Response.PR)
    return verdict(target)


def _target(point: Point, total: Sums) -> tuple[Response | None, str]:
    """The response of the target lesions; null where baseline has none."""
    if not targets(point):
        return None, ""
    now, low = total.now, total.nadir
    seen = now if now is not None else total.partial
    if (
        seen is not None
        and low is not None
        and seen - low >= STEP_MM - SLACK
        and seen >= (1.0 + GROWTH / 100.0) * low - SLACK
    ):
        grown = f"{100.0 * (seen / low - 1.0):+.1f} %" if low else f"{seen:g} mm after 0 mm"
        short = "" if now is not None else f" already without what has no size ({total.why})"
        return Response.PD, f"SLD {grown} from nadir, +{seen - low:g} mm{short}"
    if now is None:
        return Response.NE, total.why or "a target lesion has no size"
    if total.baseline is None:
        return Response.NE, "no sum of diameters at baseline"
    if _disappeared(point):
        return Response.CR, "target lesions gone, nodes below 10 mm in short axis"
    change = total.from_baseline
    if change is None:
        return Response.NE, "sum of diameters 0 mm at baseline"
    return (Response.PR if change <= SHRINKAGE + SLACK else Response.SD), f"SLD {change:+.1f} % from baseline"


def _disappeared(point: Point) -> bool:
    for lesion in targets(point).values():
        assert lesion is not None  # a lesion without a record has no sum
        if lesion.nodal:
            short = measured(lesion, ACROSS, point.rules)
            if short is None or short >= NODE_MM:
                return False
        elif not (lesion.gone or lesion.merged):
            return False
    return True


def _small_node(lesion: Lesion, point: Point) -> bool:
    short = measured(lesion, ACROSS, point.rules)
    return lesion.nodal and short is not None and short < NODE_MM


def _other(point: Point) -> tuple[Response | None, str]:
    """The response of the non-target lesions, non-CR/non-PD as stable disease; null where baseline has none."""
    lesions = non_targets(point)
    if not lesions:
        return None, ""
    progressed = [name for name, lesion in lesions.items() if lesion and lesion.progressed]
    if progressed:
        return Response.PD, f"unequivocal progression of {', '.join(progressed)}"
    unknown = [name for name, lesion in lesions.items() if lesion is None or lesion.problem is not None]
    if unknown:
        return Response.NE, f"non-target {', '.join(unknown)} not evaluated"
    there = [name for name, lesion in lesions.items() if lesion and not lesion.gone and not _small_node(lesion, point)]
    if there:
        return Response.SD, f"non-target {', '.join(there)} still there"
    return Response.CR, "non-target lesions gone"
