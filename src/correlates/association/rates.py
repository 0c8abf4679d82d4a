"""Method ``quartile_rates``: the rate of the event by quartile of a biomarker, with the test for a trend."""

from __future__ import annotations

import numpy as np

from correlates.association.describe import COUNTS, SHARE, counts, share
from correlates.association.grouping import BOUND, Groups, bound_estimates, cut, one_group, uncut, unequal
from correlates.association.notices import Notice
from correlates.association.record import (
    Block,
    Estimate,
    Method,
    Outcome,
    Scores,
    Statistic,
    censored,
    centred,
    flagged,
)
from correlates.association.settings import Univariable
from correlates.association.wilcoxon import P_ADJUSTED
from correlates.stats.rates import cochran_armitage, rate
from correlates.terms import OutcomeKind


def _compute(block: Block, analysis: Univariable) -> Outcome:
    options = analysis.rates
    groups = cut(block, options.groups)
    k = options.groups
    event = block.group == 1
    hits = np.stack([(block.present & (groups.group == j) & event).sum(axis=1) for j in range(k)], axis=1)
    trend = cochran_armitage(hits, groups.sizes, np.arange(1, k + 1))
    shares = rate(hits, groups.sizes, level=analysis.level, interval=options.interval)
    found = _by_group(block, groups, hits)
    for j, name in enumerate(groups.names):
        empty = flagged(groups.sizes[:, j] == 0, Notice.EMPTY_GROUP)
        n, limits = groups.sizes[:, j], _censored_in(block, groups, j)
        for stat, value in (("rate", shares.estimate), ("rate_lower", shares.lower), ("rate_upper", shares.upper)):
            found.append(Estimate(name=stat, level=name, value=value[:, j], n=n, n_censored=limits, notices=empty))
    return Outcome(
        estimates=(
            Estimate(name="p", value=trend.p_exact),
            Estimate(name="p_asymptotic", value=trend.p_value),
            Estimate(name="z", value=trend.z),
            Estimate(name="interval", text=[options.interval.value] * len(block.biomarkers)),
            *share(block),
            *counts(block),
            *found,
            *bound_estimates(groups),
        ),
        errors=tuple(one_group(groups)),
        notices=tuple(
            tuple(a + b)
            for a, b in zip(unequal(groups), flagged(censored(block) > 0, Notice.LIMITS_COUNTED), strict=True)
        ),
    )


def _censored_in(block: Block, groups: Groups, j: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    found: np.ndarray[tuple[int], np.dtype[np.int64]] = (
        block.present & (groups.group == j) & (block.censoring != 0)
    ).sum(axis=1)
    return found


def _by_group(block: Block, groups: Groups, hits: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> list[Estimate]:
    """Subjects and events of each group."""
    found = []
    for j, name in enumerate(groups.names):
        n, limits = groups.sizes[:, j], _censored_in(block, groups, j)
        found += [
            Estimate(name="group_n", level=name, value=n.astype(np.float64), n=n, n_censored=limits),
            Estimate(name="group_events", level=name, value=hits[:, j].astype(np.float64), n=n, n_censored=limits),
        ]
    return found


def _scores(block: Block, analysis: Univariable) -> Scores:
    """The trend statistic: group numbers against the event."""
    group = cut(block, analysis.rates.groups).group.astype(np.float64)
    return Scores(biomarkers=centred(group, block.present), outcome=(block.group == 1).astype(np.float64))


QUARTILE_RATES = Method(
    code="quartile_rates",
    label="Rate by quartile with Cochran-Armitage trend",
    endpoints=(OutcomeKind.BINARY,),
    biomarkers=("numeric",),
    statistics=(
        Statistic(name="p", label="P value of the trend, exact"),
        P_ADJUSTED,
        Statistic(name="p_asymptotic", label="P value of the trend, asymptotic"),
        Statistic(name="z", label="Cochran-Armitage z"),
        Statistic(name="rate", label="Rate", scopes=("group",)),
        Statistic(name="rate_lower", label="Rate, lower limit", scopes=("group",)),
        Statistic(name="rate_upper", label="Rate, upper limit", scopes=("group",)),
        Statistic(name="interval", label="Interval of the rates"),
        Statistic(name="group_n", label="Subjects of the group", scopes=("group",)),
        Statistic(name="group_events", label="Subjects of the group with the event", scopes=("group",)),
        BOUND,
        *SHARE,
        *COUNTS,
    ),
    unusable=uncut,
    compute=_compute,
    options=("level", "least_per_class", "few_events", "high_censored_share", "rates"),
    formula="z = sum s (x - n p) / sqrt(p (1 - p) sum n (s - mean s)^2) over the groups s = 1, 2, ... with x events of n; P from its exact law given the margins, the asymptotic one beside it",
    citation="Armitage, Biometrics 1955;11:375-386; Wilson, JASA 1927;22:209-212; Clopper and Pearson, Biometrika 1934;26:404-413",
    docs="methods/quartile_rates.md",
    scores=_scores,
)
