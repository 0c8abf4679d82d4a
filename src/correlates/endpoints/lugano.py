"""Lugano 2014 at one evaluation: CT by lesions, PET by the five-point scale, and both together.

Source: Cheson 2014, J Clin Oncol 32:3059, Table 3 (sizes and thresholds below are its own); Barrington 2014, J Clin Oncol
32:3048 (Deauville).
"""

from __future__ import annotations

from correlates.endpoints.lesions import ACROSS, LONG, Lesion
from correlates.endpoints.lesions import area as size_of
from correlates.endpoints.settings import Lesions
from correlates.endpoints.timepoint import (
    SLACK,
    Pet,
    Point,
    Verdict,
    marrow,
    measured,
    nadir,
    new_lesions,
    others,
    spleen,
    sums,
    targets,
)
from correlates.terms import Response

NODE_MM, EXTRANODAL_MM = 15.0, 10.0
"""A node is abnormal above 1.5 cm in its longest diameter, a new extranodal site above 1.0 cm."""
SPLEEN_MM = 130.0
"""Vertical length of the spleen above which it is enlarged (13 cm)."""
_SMALL_MM, _STEP_SMALL, _STEP_LARGE = 20.0, 5.0, 10.0
_NEW_SPLENOMEGALY_MM = 20.0
_RANK = (Response.CR, Response.PR, Response.SD, Response.PD)


def lugano(point: Point) -> Verdict:
    """PET decides where it can be evaluated; where there is none, or it cannot, CT decides."""
    ct = by_ct(point)
    pet = by_pet(point)
    if pet is None:
        return ct
    if pet.response is Response.NE:
        return Verdict(
            response=ct.response,
            rule=f"CT: {ct.rule}",
            ct=ct.response,
            pet=pet.response,
            sums=ct.sums,
            notes=(pet.rule,),
        )
    return Verdict(
        response=pet.response, rule=f"PET: {pet.rule}", ct=ct.response, pet=pet.response, sums=ct.sums, notes=ct.notes
    )


def by_pet(point: Point) -> Verdict | None:
    """Metabolic response: score 1 to 3 complete, 4 or 5 by the uptake against baseline, new sites progressive.

    Null where there was no PET. Scores 4 and 5 need the uptake: as recorded, else by a score that moved between 4 and 5.
    """
    pet = point.pet
    if pet is None:
        return None
    if pet.new_sites:
        return Verdict(response=Response.PD, rule="new FDG-avid site")
    if pet.score is None:
        return Verdict(response=Response.NE, rule="PET without a Deauville score")
    said = f"Deauville {pet.score}"
    if pet.score <= 3:
        return Verdict(response=Response.CR, rule=said)
    uptake = pet.uptake or _moved(pet, point.baseline_pet)
    if uptake is None:
        return Verdict(response=Response.NE, rule=f"{said}, uptake against baseline not recorded")
    found = {"decreased": Response.PR, "unchanged": Response.SD, "increased": Response.PD}[uptake]
    return Verdict(response=found, rule=f"{said}, uptake {uptake}")


def _moved(pet: Pet, baseline: Pet | None) -> str | None:
    if baseline is None or baseline.score is None or pet.score is None or baseline.score == pet.score:
        return None
    return "decreased" if pet.score < baseline.score else "increased"


def by_ct(point: Point) -> Verdict:
    """Anatomic response: progression by any single lesion, the spleen, a new lesion or the marrow; else by the sum of products."""
    total = sums(point, size_of, point.rules.products)
    progressed = _progression(point)
    if progressed:
        return Verdict(response=Response.PD, rule="; ".join(progressed), ct=Response.PD, sums=total)
    unknown = _unknown(point)
    if unknown or (targets(point) and total.now is None):
        words = unknown or [total.why or "a target lesion has no size"]
        return Verdict(response=Response.NE, rule="; ".join(words), ct=Response.NE, sums=total)
    open_ = _not_complete(point)
    if not open_:
        rule = "target nodes at most 15 mm, all else gone or normal"
        return Verdict(response=Response.CR, rule=rule, ct=Response.CR, sums=total)
    change = total.from_baseline
    if not targets(point):
        return Verdict(
            response=Response.SD, rule="no measurable lesion, disease still there", ct=Response.SD, sums=total
        )
    if change is None:
        return Verdict(
            response=Response.NE, rule="no sum of products at baseline, or one of 0 mm2", ct=Response.NE, sums=total
        )
    said = f"SPD {change:+.1f} % from baseline"
    shrunk = _spleen_shrunk(point)
    if change <= -50.0 + SLACK and shrunk is not False:
        return Verdict(response=Response.PR, rule=said, ct=Response.PR, sums=total, notes=tuple(open_))
    if change <= -50.0 + SLACK:
        said += ", spleen not regressed by more than half of its excess"
    return Verdict(response=Response.SD, rule=said, ct=Response.SD, sums=total, notes=tuple(open_))


def _progression(point: Point) -> list[str]:
    """What makes progression on CT, in words."""
    words = [said for name, lesion in targets(point).items() if (said := _grown(point, name, lesion))]
    words += [f"{n}: clear progression" for n, lesion in others(point).items() if lesion and lesion.progressed]
    words += [said for name, lesion in others(point).items() if (said := _back(point, name, lesion))]
    words += [said for lesion in new_lesions(point) if (said := _new(lesion))]
    enlarged = _spleen_grown(point)
    words += [enlarged] if enlarged else []
    before, now = marrow(point)
    if now and before is not True:
        words.append("bone marrow newly involved")
    return words


def _grown(point: Point, name: str, lesion: Lesion | None) -> str | None:
    """A single lesion that is abnormal and grew by half of its smallest product and by 5 mm (up to 2 cm) or 10 mm."""
    if lesion is None:
        return None
    long, short = (measured(lesion, m, point.rules) for m in (LONG, ACROSS))
    low_long, low_short = (nadir(point, name, m) for m in (LONG, ACROSS))
    if long is None or low_long is None:
        return None
    least = NODE_MM if lesion.nodal or low_long > 0 else EXTRANODAL_MM
    products = [p for e in point.earlier if (p := _product(e.lesions.get(name), point)) is not None]
    product, smallest = _product(lesion, point), min(products, default=None)
    if long <= least or product is None or smallest is None or product < 1.5 * smallest - SLACK:
        return None
    step = _STEP_SMALL if low_long <= _SMALL_MM else _STEP_LARGE
    risen = [long - low_long] + ([short - low_short] if short is not None and low_short is not None else [])
    if max(risen) < step - SLACK:
        return None
    if smallest == 0:
        return f"{name} regrown: {long:g} mm"
    return f"{name}: product {100.0 * (product / smallest - 1.0):+.0f} % from nadir, diameter +{max(risen):g} mm"


def _product(lesion: Lesion | None, point: Point) -> float | None:
    return None if lesion is None else size_of(lesion, point.rules)[0]


def _back(point: Point, name: str, lesion: Lesion | None) -> str | None:
    """A lesion that is not measured, had gone and is there again."""
    was_gone = any(e.lesions[name].gone for e in point.earlier if name in e.lesions)
    there = lesion is not None and not lesion.gone and not lesion.uncertain and lesion.problem is None
    return f"{name}: there again after it had gone" if was_gone and there else None


def _new(lesion: Lesion) -> str | None:
    """A new lesion that is large enough, or that has no size and is unequivocal by being recorded as new."""
    if lesion.uncertain:
        return None
    sizes = [v for v in lesion.diameters.values() if v > 0]
    least = NODE_MM if lesion.nodal else EXTRANODAL_MM
    if sizes and max(sizes) <= least and lesion.nodal:
        return None
    if sizes and max(sizes) > least:
        return f"new lesion {lesion.name}: {max(sizes):g} mm"
    return f"new lesion {lesion.name}"


def _spleen_grown(point: Point) -> str | None:
    """An enlarged spleen that grew by more than half of its excess, or a normal one that grew by 2 cm and is enlarged."""
    now, first = spleen(point.now), spleen(point.baseline)
    if now is None or first is None:
        return None
    if first > SPLEEN_MM:
        excess = first - SPLEEN_MM
        if now > first + 0.5 * excess:
            return f"spleen {now:g} mm, more than half of its excess of {excess:g} mm above baseline"
    elif now > SPLEEN_MM and now - first >= _NEW_SPLENOMEGALY_MM:
        return f"spleen {now:g} mm, {now - first:g} mm above baseline"
    lengths = [length for e in point.earlier if (length := spleen(e)) is not None]
    if first > SPLEEN_MM >= min(lengths, default=first) and now > SPLEEN_MM:
        return f"spleen {now:g} mm, enlarged again"
    return None


def _spleen_shrunk(point: Point) -> bool | None:
    """Whether an enlarged spleen regressed by more than half of its excess; null where it was not enlarged or not measured."""
    now, first = spleen(point.now), spleen(point.baseline)
    if now is None or first is None or first <= SPLEEN_MM:
        return None
    return (now - SPLEEN_MM) < 0.5 * (first - SPLEEN_MM)


def _unknown(point: Point) -> list[str]:
    """Target lesions that this evaluation does not tell of: neither complete nor partial response nor stability can be said."""
    words = [f"{name} is not recorded" for name, lesion in targets(point).items() if lesion is None]
    return words + [lesion.problem[1] for lesion in targets(point).values() if lesion and lesion.problem]


def _not_complete(point: Point) -> list[str]:
    """What stands against a complete response on CT, in words."""
    words = []
    for name, lesion in targets(point).items():
        assert lesion is not None  # _unknown has come first
        long = measured(lesion, LONG, point.rules)
        if lesion.nodal and (long is None or long > NODE_MM):
            words.append(f"{name}: {'no longest diameter' if long is None else f'{long:g} mm'}")
        elif not lesion.nodal and not (lesion.gone or lesion.merged):
            words.append(f"{name}: extranodal, still there")
    for name, lesion in others(point).items():
        if lesion is None or lesion.problem is not None:
            words.append(f"{name}: not evaluated")
        elif not lesion.gone and not _normal_node(lesion, point.rules):
            words.append(f"{name}: still there")
    words += [f"new lesion {lesion.name}, too small or uncertain for progression" for lesion in new_lesions(point)]
    length = spleen(point.now)
    if length is not None and length > SPLEEN_MM:
        words.append(f"spleen {length:g} mm")
    before, now = marrow(point)
    if before and now is not False:
        words.append("bone marrow involved" if now else "bone marrow not examined again")
    return words


def _normal_node(lesion: Lesion, rules: Lesions) -> bool:
    long = measured(lesion, LONG, rules)
    return lesion.nodal and long is not None and long <= NODE_MM
