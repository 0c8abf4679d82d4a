"""Two groups by ranks: Wilcoxon rank-sum, Hodges-Lehmann shift and ratio, AUC. Used by the method of that name and by declared pairs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from correlates.association.notices import Notice
from correlates.association.record import Block, Estimate, Scope, Statistic, flagged, merged
from correlates.association.settings import Univariable
from correlates.stats.arrays import Bools, Floats, Ints, where
from correlates.stats.auc import auc
from correlates.stats.rank import Variant, hodges_lehmann, wilcoxon

_ROUGH = 10  # size of a class below which a normal approximation is worth a notice


def statistics(scope: Scope) -> tuple[Statistic, ...]:
    """The statistics told of two groups; ``p`` and ``p_adjusted`` are declared by the methods."""
    of = (scope,)
    return (
        Statistic(name="variant", label="What P was computed from", scopes=of),
        Statistic(name="w", label="Mann-Whitney U", scopes=of),
        Statistic(name="shift", label="Hodges-Lehmann shift", unit="own", scopes=of),
        Statistic(name="shift_lower", label="Hodges-Lehmann shift, lower limit", unit="own", scopes=of),
        Statistic(name="shift_upper", label="Hodges-Lehmann shift, upper limit", unit="own", scopes=of),
        Statistic(name="shift_level", label="Level of the Hodges-Lehmann interval", scopes=of),
        Statistic(name="ratio", label="Hodges-Lehmann ratio", unit="ratio", scopes=of),
        Statistic(name="ratio_lower", label="Hodges-Lehmann ratio, lower limit", unit="ratio", scopes=of),
        Statistic(name="ratio_upper", label="Hodges-Lehmann ratio, upper limit", unit="ratio", scopes=of),
        Statistic(name="auc", label="Area under the ROC curve", scopes=of),
        Statistic(name="auc_lower", label="Area under the ROC curve, lower limit", scopes=of),
        Statistic(name="auc_upper", label="Area under the ROC curve, upper limit", scopes=of),
    )


class TwoGroups(NamedTuple):
    """P, the other estimates, and the notices of the whole result."""

    p: Estimate
    estimates: list[Estimate]
    notices: list[list[Notice]]


def compare_two(block: Block, first: int, second: int, analysis: Univariable, level: str) -> TwoGroups:
    """Class ``first`` against class ``second`` of the block; shift, ratio and AUC are of the first.

    Limits order what they can in P and AUC; shift and ratio take censored values as their limits, and say so.
    """
    inside = (block.group == first) | (block.group == second)
    present = block.present & inside
    cases = block.group == first
    options = analysis.wilcoxon
    values, censoring = block.values, block.censoring
    test = wilcoxon(
        values,
        cases,
        present,
        censoring=censoring,
        exact=options.exact,
        exact_below=options.exact_below,
        ties_up_to=options.ties_up_to,
        continuity=options.continuity,
    )
    n = test.n_cases + test.n_controls
    cut = (present & (block.censoring != 0)).sum(axis=1)
    smaller = np.minimum(test.n_cases, test.n_controls)
    shift = hodges_lehmann(
        values, cases, present, level=analysis.level, exact=options.exact, exact_below=options.exact_below
    )
    area = auc(values, cases, present, censoring=censoring, level=analysis.level, limits=options.auc_limits)

    def estimate(name: str, value: Floats, notices: list[list[Notice]] | None = None) -> Estimate:
        return Estimate(name=name, level=level, value=value, n=n, n_censored=cut, notices=notices)

    limits = flagged(cut > 0, Notice.LIMITS_COUNTED)
    below = flagged(shift.attained < analysis.level - 1e-12, Notice.LEVEL_NOT_REACHED)
    short = merged(below, limits)
    asymptotic = flagged(np.isnan(shift.attained), Notice.NO_LEVEL)
    undefined = merged(
        flagged(area.degenerate & (smaller > 1), Notice.AUC_DEGENERATE),
        flagged(smaller < 2, Notice.TOO_FEW_FOR_INTERVAL),
    )
    found = [
        Estimate(name="variant", level=level, text=[str(v) for v in test.variant], n=n, n_censored=cut),
        estimate("w", test.w),
        estimate("shift", shift.estimate, limits),
        estimate("shift_lower", shift.lower, short),
        estimate("shift_upper", shift.upper, short),
        estimate("shift_level", where(np.isnan(shift.attained), np.nan, shift.attained), merged(below, asymptotic)),
        *_ratios(block, cases, present, analysis, level, n, cut, limits, below),
        estimate("auc", area.estimate),
        estimate("auc_lower", where(area.degenerate, np.nan, area.lower), undefined),
        estimate("auc_upper", where(area.degenerate, np.nan, area.upper), undefined),
    ]
    rough = (test.variant == Variant.NORMAL.value) & (smaller < _ROUGH)
    p = estimate("p", test.p_value, flagged(smaller == 0, Notice.EMPTY_CLASS))
    return TwoGroups(p, found, flagged(rough, Notice.EXACT_NOT_USED))


def _ratios(
    block: Block,
    cases: Bools,
    present: Bools,
    analysis: Univariable,
    level: str,
    n: Ints,
    cut: Ints,
    limits: list[list[Notice]],
    below: list[list[Notice]],
) -> list[Estimate]:
    """The shift on the log2 scale, as a ratio, for the biomarkers declared on it."""
    logged = np.array([b.scale == "log2" for b in block.biomarkers], dtype=np.bool_)
    positive: Bools = np.all(where(present, block.values, 1.0) > 0, axis=1)
    usable = np.flatnonzero(logged & positive)
    three = np.full((3, len(block.biomarkers)), np.nan)
    if usable.size:
        shift = hodges_lehmann(
            np.log2(where(present[usable], block.values[usable], 1.0)),
            cases,
            present[usable],
            level=analysis.level,
            exact=analysis.wilcoxon.exact,
            exact_below=analysis.wilcoxon.exact_below,
        )
        three[:, usable] = np.exp2(np.stack((shift.estimate, shift.lower, shift.upper)))
    why = merged(flagged(~logged, Notice.NOT_LOG2), flagged(logged & ~positive, Notice.VALUES_NOT_POSITIVE), limits)
    return [
        Estimate(
            name=name,
            level=level,
            value=three[row],
            n=n,
            n_censored=cut,
            notices=merged(why, below) if row else why,
        )
        for row, name in enumerate(("ratio", "ratio_lower", "ratio_upper"))
    ]
