"""Tumour burden of each evaluation: sum of the products of diameters, sum of diameters, metabolic tumour volume.

``SPD = sum over up to six target lesions of longest diameter x longest perpendicular diameter``, mm2 (Cheson 2014, J Clin
Oncol 32:3059; Cheson 2007, J Clin Oncol 25:579). ``SLD = sum over up to five target lesions of the longest diameter, of
lymph nodes the short axis``, mm (RECIST 1.1: Eisenhauer 2009, Eur J Cancer 45:228). ``MTV`` = sum of the metabolic
volumes of all lesions, mL. See docs/methods/tumour_burden.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from correlates.endpoints.lesions import Evaluation, Lesion, area, courses, diameter, why
from correlates.endpoints.settings import Lesions
from correlates.schema.burden import BURDEN
from correlates.schema.table import conform
from correlates.terms import Reason

Size = Callable[[Lesion, Lesions], tuple[float | None, str]]
TARGET = "TARGET"


def burden(lesions: pl.DataFrame, rules: Lesions | None = None) -> pl.DataFrame:
    """Tumour burden of each subject at each evaluation.

    Parameters
    ----------
    lesions
        ``schema.LESIONS`` with ``day`` filled. Rows without a day (incomplete dates) do not enter.
    rules
        How lesions are measured and summed.

    Returns
    -------
    polars.DataFrame
        ``schema.BURDEN``: one row per subject, day and evaluator. ``spd`` in mm2, ``sld`` in mm, ``mtv`` in mL.

    Undefined when
        No target lesion is recorded (``not-measurable``); a target lesion was not evaluable or is missing at a later
        evaluation (``lesion-not-evaluable``); two different values stand for one diameter (``duplicated``); a diameter
        has no unit of length, or is missing (``not-recorded``). The sum over fewer lesions would look like shrinkage: it
        is not given.

    Notes
    -----
    Centimetres are converted. What stood in for a diameter (circular, too small to measure, absent, merged, split) is
    said in ``detail``. With more target lesions than are summed the largest at the first evaluation count throughout.
    Images of one visit on several days are one evaluation, dated by the last.
    """
    rules = rules or Lesions()
    rows: list[dict[str, object]] = []
    for (subject, evaluator), evaluations in courses(lesions).items():
        first = next((e for e in evaluations if e.of(TARGET)), None)
        of_products = chosen(first, area, rules.products, rules)
        of_diameters = chosen(first, diameter, rules.diameters, rules)
        for evaluation in evaluations:
            base = {"subject_id": subject, "evaluator": evaluator, "day": evaluation.day}
            spd = summed(evaluation, first, of_products, area, rules)
            sld = summed(evaluation, first, of_diameters, diameter, rules)
            volumes = [v.volume for v in evaluation.lesions.values() if v.volume is not None]
            rows.append(
                {
                    **base,
                    "spd": spd["total"],
                    "n_lesions": spd["n"],
                    "reason": spd["reason"],
                    "detail": spd["detail"],
                    "sld": sld["total"],
                    "sld_reason": sld["reason"],
                    "sld_detail": sld["detail"],
                    "mtv": sum(volumes) if volumes else None,
                    "mtv_reason": None if volumes else Reason.NOT_RECORDED.value,
                    "source_ids": spd["source_ids"],
                }
            )
    frame = BURDEN.frame(rows).sort("subject_id", "evaluator", "day")
    return conform(frame, BURDEN)


def chosen(first: Evaluation | None, size: Size, most: int, rules: Lesions) -> tuple[list[str], int]:
    """Target lesions that are summed: all that cannot be sized at baseline, and of the others the largest; how many there are."""
    if first is None:
        return [], 0
    there = first.of(TARGET)
    sizes = {name: found for name, lesion in there.items() if (found := size(lesion, rules)[0]) is not None}
    kept = sorted(sizes, key=lambda name: (-sizes[name], name))[:most]
    return [name for name in there if name in kept or name not in sizes], len(there)


def summed(
    evaluation: Evaluation, first: Evaluation | None, choice: tuple[Sequence[str], int], size: Size, rules: Lesions
) -> dict[str, object]:
    """The sum of the sizes of the chosen lesions at one evaluation, or why there is none; ``partial`` is the sum of those that have a size."""
    counted, all_targets = choice
    days = evaluation.days
    notes = [] if len(days) == 1 else [f"measured on days {days[0]} to {days[-1]}"]
    if first is None:
        return {
            "total": None,
            "partial": None,
            "n": None,
            "reason": Reason.NOT_MEASURABLE.value,
            "detail": "no target lesion recorded",
            "source_ids": list(evaluation.source_ids),
        }
    if all_targets > len(counted):
        notes.append(f"{len(counted)} largest of {all_targets} target lesions at baseline")
    there = evaluation.of(TARGET)
    extra = [name for name in there if name not in first.lesions]
    if extra:
        notes.append(f"not a target at baseline, not counted: {', '.join(extra)}")
    total, measured = 0.0, 0
    reasons: list[tuple[Reason, str]] = []
    ids: list[str] = []
    for name in counted:
        lesion = there.get(name)
        if lesion is None:
            reasons.append((Reason.LESION_NOT_EVALUABLE, f"{name} is not recorded"))
            continue
        ids += lesion.source_ids
        found, note = size(lesion, rules)
        if found is None:
            reasons.append(why(lesion, note))
            continue
        total += found
        measured += 1
        notes += [note] if note else []
    words = [text for _, text in reasons] + notes
    return {
        "total": None if reasons else total,
        "partial": total if measured else None,
        "n": measured,
        "reason": reasons[0][0].value if reasons else None,
        "detail": "; ".join(words) or None,
        "source_ids": ids,
    }
