"""Cheson 2007 (revised criteria of the International Harmonization Project) at one evaluation.

Source: Cheson 2007, J Clin Oncol 25:579, Table 2 and the text on measurement. FDG-avid disease: a mass of any size is a
complete remission where PET is negative, and a positive PET allows none.
"""

from __future__ import annotations

from correlates.endpoints.lesions import ACROSS, LONG, Lesion
from correlates.endpoints.lesions import area as size_of
from correlates.endpoints.timepoint import (
    SLACK,
    Point,
    Verdict,
    marrow,
    measured,
    nadir,
    new_lesions,
    others,
    sums,
    targets,
)
from correlates.terms import Response

NODE_MM = 15.0
"""Greatest transverse diameter of a normal node; a new lesion above it in any axis is progression."""
SHORT_MM = 10.0
"""Short axis above which a node of 11 to 15 mm is involved, and that a node must have had to grow by its longest diameter alone."""


def cheson(point: Point) -> Verdict:
    """Progression by growth from the nadir or a new lesion; complete by PET, else by size; partial by the sum of products."""
    total = sums(point, size_of, point.rules.products)
    negative = None if point.pet is None or point.pet.score is None else point.pet.score <= 3
    progressed = _progression(point, total.now, total.nadir, negative=negative)
    if progressed:
        return Verdict(response=Response.PD, rule="; ".join(progressed), sums=total)
    unknown = [f"{name} is not recorded" for name, lesion in targets(point).items() if lesion is None]
    unknown += [lesion.problem[1] for lesion in targets(point).values() if lesion and lesion.problem]
    if unknown or (targets(point) and total.now is None):
        words = unknown or [total.why or "a target lesion has no size"]
        return Verdict(response=Response.NE, rule="; ".join(words), sums=total)
    open_ = _not_complete(point, negative=negative)
    if not open_:
        rule = "PET negative" if negative else "nodes of normal size, all else gone"
        return Verdict(response=Response.CR, rule=rule, sums=total)
    change = total.from_baseline
    if not targets(point):
        return Verdict(response=Response.SD, rule="no measurable lesion, disease still there", sums=total)
    if change is None:
        return Verdict(response=Response.NE, rule="no sum of products at baseline, or one of 0 mm2", sums=total)
    said = f"SPD {change:+.1f} % from baseline"
    found = Response.PR if change <= -50.0 + SLACK else Response.SD
    return Verdict(response=found, rule=said, sums=total, notes=tuple(open_))


def _progression(point: Point, now: float | None, low: float | None, *, negative: bool | None) -> list[str]:
    words = []
    for lesion in new_lesions(point):
        sizes = list(lesion.diameters.values())
        if lesion.uncertain or (sizes and max(sizes) <= NODE_MM):
            continue
        words.append(f"new lesion {lesion.name}" + (f": {max(sizes):g} mm" if sizes else ""))
    if now is not None and low and len(targets(point)) > 1 and now >= 1.5 * low - SLACK:
        words.append(f"SPD {100.0 * (now / low - 1.0):+.0f} % from nadir")
    words += [said for name, lesion in targets(point).items() if (said := _grown(point, name, lesion))]
    words += [f"{n}: clear progression" for n, lesion in others(point).items() if lesion and lesion.progressed]
    before, after = marrow(point)
    if after and before is not True:
        words.append("bone marrow newly involved")
    if point.pet is not None and point.pet.new_sites and negative is not True:
        words.append("new site positive on PET")
    return words


def _grown(point: Point, name: str, lesion: Lesion | None) -> str | None:
    """A single lesion: its longest diameter grew by half where its short axis was above 1 cm; a smaller one has to grow beyond 1.5 cm too."""
    long, low = measured(lesion, LONG, point.rules), nadir(point, name, LONG)
    short = nadir(point, name, ACROSS)
    if long is None or low is None or long < 1.5 * low - SLACK or long <= low:
        return None
    if (short is None or short <= SHORT_MM) and long <= NODE_MM:
        return None
    growth = "regrown" if low == 0 else f"longest diameter {100.0 * (long / low - 1.0):+.0f} % from nadir"
    return f"{name}: {growth} ({long:g} mm)"


def _not_complete(point: Point, *, negative: bool | None) -> list[str]:
    words = [f"new lesion {lesion.name}" for lesion in new_lesions(point)]
    before, after = marrow(point)
    if before and after is not False:
        words.append("bone marrow involved" if after else "bone marrow not examined again")
    if negative is False:
        words.append("PET positive")
    if negative is True:
        return words
    for name, lesion in targets(point).items():
        assert lesion is not None  # what is not recorded has come first
        if not _normal(point, name, lesion):
            words.append(f"{name}: still there or not of normal size")
    for name, lesion in others(point).items():
        if lesion is None or lesion.problem is not None:
            words.append(f"{name}: not evaluated")
        elif not lesion.gone and not _normal(point, name, lesion):
            words.append(f"{name}: still there")
    return words


def _normal(point: Point, name: str, lesion: Lesion) -> bool:
    """Gone, or a node that is at most 15 mm; of one that was 11 to 15 mm, with a short axis of at most 10 mm."""
    if lesion.gone or lesion.merged:
        return True
    if not lesion.nodal:
        return False
    long, short = (measured(lesion, m, point.rules) for m in (LONG, ACROSS))
    was = measured(point.baseline.lesions.get(name), LONG, point.rules)
    if long is None or long > NODE_MM:
        return False
    return was is None or was > NODE_MM or (short is not None and short <= SHORT_MM)
