"""Methods ``log_rank``, ``cutpoint`` and ``restricted_mean``: time to an event between groups of a biomarker."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from correlates.association.describe import COUNTS, SHARE, counts, share
from correlates.association.grouping import BOUND, CUTS, Groups, bound_estimates, cut, names, one_group, uncut, unequal
from correlates.association.notices import Notice
from correlates.association.record import (
    Block,
    Estimate,
    Method,
    Outcome,
    Scope,
    Scores,
    Statistic,
    censored,
    centred,
    flagged,
    merged,
)
from correlates.association.settings import Univariable
from correlates.association.small_samples import (
    FEW,
    VARIANT,
    asymptotic,
    drawn_once,
    group_p_values,
    is_rare,
    is_small,
    stages,
    variant_of,
)
from correlates.association.small_samples import OPTIONS as SMALL
from correlates.association.wilcoxon import P_ADJUSTED, P
from correlates.stats.arrays import Bools, Floats, Ints, where
from correlates.stats.cutpoint import CutpointP, DrawnOrders, ScoreTies, SumLaws, log_rank_scores, maximally_selected
from correlates.stats.log_rank import log_rank_screen, two_group_chi_squares
from correlates.stats.permutation import Groupings
from correlates.stats.restricted_mean import contrast_of, contrast_panel, restricted_mean_panel
from correlates.stats.restricted_mean_permuted import PermutedContrast, permuted_contrast, studentised
from correlates.stats.survival_panel import quantile_panel, survival_at_panel, survival_panel
from correlates.terms import OutcomeKind, Reason

_GROUP: tuple[Scope, ...] = ("group",)
GROUP_COUNTS = (
    Statistic(name="group_n", label="Subjects of the group", scopes=_GROUP),
    Statistic(name="group_events", label="Subjects of the group with the event", scopes=_GROUP),
)
_MEDIANS = (
    Statistic(name="median_time", label="Median time, day", scopes=_GROUP),
    Statistic(name="median_time_lower", label="Median time, lower limit, day", scopes=_GROUP),
    Statistic(name="median_time_upper", label="Median time, upper limit, day", scopes=_GROUP),
)
_AT = (
    Statistic(name="survival", label="Share without the event", scopes=("cell",)),
    Statistic(name="survival_lower", label="Share without the event, lower limit", scopes=("cell",)),
    Statistic(name="survival_upper", label="Share without the event, upper limit", scopes=("cell",)),
)
OPTIONS = ("level", "least_subjects", "few_events", "high_censored_share", "survival")
_EXACT_UP_TO = 150


def group_counts(block: Block, groups: Groups) -> list[Estimate]:
    """Subjects of each group, and those with the event of interest."""
    event = block.follow_up().event
    found = []
    for j, name in enumerate(groups.names):
        mine = block.present & (groups.group == j)
        n, limits = mine.sum(axis=1), (mine & (block.censoring != 0)).sum(axis=1)
        for stat, value in (("group_n", n), ("group_events", (mine & event).sum(axis=1))):
            found.append(Estimate(name=stat, level=name, value=value.astype(np.float64), n=n, n_censored=limits))
    return found


def cut_notices(block: Block, groups: Groups) -> tuple[tuple[Notice, ...], ...]:
    """What to know of a biomarker that was cut."""
    competing = flagged(np.full(len(block.biomarkers), len(block.follow_up().causes) > 1), Notice.COMPETING)
    limits = flagged(censored(block) > 0, Notice.LIMITS_COUNTED)
    return tuple(tuple(row) for row in merged(unequal(groups), limits, competing))


def _curves(block: Block, groups: Groups, analysis: Univariable) -> list[Estimate]:
    """Median time and the share without the event at declared days, by group."""
    course = block.follow_up()
    event = course.event
    times = analysis.survival.times
    found = []
    for j, name in enumerate(groups.names):
        mine = block.present & (groups.group == j)
        curves = survival_panel(course.time, event, mine, level=analysis.level)
        there = survival_at_panel(curves, np.array(times))
        at = (there.survival, there.lower, there.upper)
        n, limits = mine.sum(axis=1), (mine & (block.censoring != 0)).sum(axis=1)
        for stat, value in zip(
            ("median_time", "median_time_lower", "median_time_upper"), quantile_panel(curves), strict=True
        ):
            why = flagged(np.isnan(value), Notice.NOT_REACHED)
            found.append(Estimate(name=stat, level=name, value=value, n=n, n_censored=limits, notices=why))
        for stat, values in zip(("survival", "survival_lower", "survival_upper"), at, strict=True):
            for day, value in zip(times, values.T, strict=True):
                found.append(Estimate(name=stat, level=f"{name} on day {day:g}", value=value, n=n, n_censored=limits))
    return found


def _log_rank(block: Block, analysis: Univariable) -> Outcome:
    options = analysis.survival
    course = block.follow_up()
    k = CUTS[options.cut]
    groups = cut(block, k)
    event = course.event
    test = log_rank_screen(course.time, event, groups.group, k, block.present, rho=options.rho, gamma=options.gamma)
    peto = log_rank_screen(course.time, event, groups.group, k, block.present, rho=1.0)
    weighted = (Notice.WEIGHTED,) if options.rho or options.gamma else ()
    expected = [Estimate(name="expected", level=name, value=test.expected[:, j]) for j, name in enumerate(groups.names)]
    errors: list[Reason | None] = [
        error or (Reason.NOT_ESTIMABLE if bad else None)
        for error, bad in zip(one_group(groups), np.isnan(test.p_value).tolist(), strict=True)
    ]

    def statistics(rows: Ints) -> Callable[[Ints], Floats]:
        time, seen = course.time[rows], event[rows]
        if k == 2:
            return two_group_chi_squares(time, seen, rho=options.rho, gamma=options.gamma)
        return lambda drawn: log_rank_screen(time, seen, drawn, k, rho=options.rho, gamma=options.gamma).chi_square

    return Outcome(
        estimates=(
            *group_p_values(block, analysis, groups.group, test.chi_square, test.p_value, statistics),
            Estimate(name="chi_square", value=test.chi_square),
            Estimate(name="df", value=test.df.astype(np.float64)),
            Estimate(name="p_peto", value=peto.p_value),
            *share(block),
            *counts(block),
            *group_counts(block, groups),
            *expected,
            *bound_estimates(groups),
            *_curves(block, groups, analysis),
        ),
        errors=tuple(errors),
        notices=tuple((*weighted, *row) for row in cut_notices(block, groups)),
    )


def everybody(block: Block) -> Bools:
    """The mask of all subjects of a block."""
    return np.ones(block.group.size, dtype=np.bool_)


def null_scores(block: Block, keep: Bools) -> Floats:
    """Log-rank scores of some subjects: the score of a Cox model at no association is their sum times the covariate."""
    course = block.follow_up()
    if not keep.any():
        return np.empty(0)
    return log_rank_scores(course.time[keep], course.event[keep], ties=ScoreTies.NELSON_AALEN)


def _group_scores(block: Block, analysis: Univariable) -> Scores:
    group = cut(block, CUTS[analysis.survival.cut]).group.astype(np.float64)
    return Scores(biomarkers=centred(group, block.present), outcome=null_scores(block, everybody(block)))


def covariate_scores(block: Block, values: Floats) -> Scores:
    """The score statistic of a Cox model at no association: the covariate against log-rank scores."""
    return Scores(biomarkers=centred(values, block.present), outcome=null_scores(block, everybody(block)))


LOG_RANK = Method(
    code="log_rank",
    label="Log-rank test of groups cut at quantiles",
    endpoints=(OutcomeKind.TIME,),
    biomarkers=("numeric",),
    statistics=(
        P,
        P_ADJUSTED,
        VARIANT,
        asymptotic("chi-square"),
        Statistic(name="chi_square", label="Log-rank chi-square"),
        Statistic(name="df", label="Degrees of freedom"),
        Statistic(name="p_peto", label="P value, Peto-Peto weights"),
        *GROUP_COUNTS,
        Statistic(name="expected", label="Events expected in the group without a difference", scopes=_GROUP),
        BOUND,
        *_MEDIANS,
        *_AT,
        *SHARE,
        *COUNTS,
    ),
    unusable=uncut,
    compute=_log_rank,
    options=(*OPTIONS, *SMALL),
    formula="chi-square of observed minus expected events, weights S(t-)^rho (1 - S(t-))^gamma, P by permutation of the groups in few subjects; Kaplan-Meier medians with log-log limits",
    citation="Mantel, Cancer Chemother Rep 1966;50:163-170; Peto and Peto, JRSS A 1972;135:185-206; Harrington and Fleming, Biometrika 1982;69:553-566; Neuhaus, Ann Statist 1993;21:1760-1779; Kaplan and Meier, JASA 1958;53:457-481",
    docs="methods/log_rank.md",
    scores=_group_scores,
)


def _cutpoint(block: Block, analysis: Univariable) -> Outcome:
    options, m = analysis.survival, len(block.biomarkers)
    course = block.follow_up()
    event = course.event
    values = {name: np.full(m, np.nan) for name in ("p", "cutpoint", "statistic", "candidates")}
    higher: list[str | None] = [None] * m
    variant: list[str | None] = [None] * m
    errors: list[Reason | None] = [None] * m
    group = np.zeros(block.values.shape, dtype=np.int64)
    laws, orders = SumLaws(), DrawnOrders(analysis.seed)
    for row in sorted(range(m), key=lambda row: block.present[row].tobytes()):  # those of the same subjects together
        at = block.present[row]
        scores = log_rank_scores(course.time[at], event[at])
        bound = options.cutpoint_p == "bound" and int(at.sum()) <= _EXACT_UP_TO
        for drawn in (0,) if bound else stages(options.permutations):
            found = maximally_selected(
                block.values[row, at],
                scores,
                min_share=options.min_share,
                max_share=options.max_share,
                method=CutpointP.HOTHORN_LAUSEN if bound else CutpointP.PERMUTATION,
                permutations=drawn,
                orders=orders,
                exact_up_to=_EXACT_UP_TO if bound else 0,
                laws=laws,
            )
            if found.p_value is None or found.p_value * (1 + drawn) > FEW:
                break
        if found.p_value is None or found.cutpoint is None or found.statistic is None or found.method is None:
            errors[row] = Reason.NOT_ESTIMABLE
            continue
        values["p"][row] = found.p_value
        values["cutpoint"][row] = found.cutpoint
        values["statistic"][row] = found.statistic
        values["candidates"][row] = found.cuts.size
        higher[row] = "low" if found.low_is_higher else "high"
        variant[row] = found.method.value
        group[row] = block.values[row] > found.cutpoint
    two = names(2)
    sizes = np.stack([(block.present & (group == j)).sum(axis=1) for j in range(2)], axis=1)
    groups = Groups(names=two, group=group, bounds=values["cutpoint"][:, None], sizes=sizes)
    limits = flagged(censored(block) > 0, Notice.LIMITS_COUNTED)
    return Outcome(
        estimates=(
            Estimate(name="p", value=values["p"]),
            Estimate(name="variant", text=variant),
            Estimate(name="cutpoint", value=values["cutpoint"]),
            Estimate(name="statistic", value=values["statistic"]),
            Estimate(name="candidates", value=values["candidates"]),
            Estimate(name="more_events", text=higher),
            *share(block),
            *counts(block),
            *group_counts(block, groups),
            *_curves(block, groups, analysis),
        ),
        errors=tuple(errors),
        notices=tuple(tuple(row) for row in limits),
    )


CUTPOINT = Method(
    code="cutpoint",
    label="Maximally selected cut-point",
    endpoints=(OutcomeKind.TIME,),
    biomarkers=("numeric",),
    statistics=(
        Statistic(name="p", label="P value, corrected for the choice of the cut-point"),
        P_ADJUSTED,
        Statistic(name="variant", label="What P was computed from"),
        Statistic(name="cutpoint", label="Cut-point", unit="own"),
        Statistic(name="statistic", label="Largest standardised log-rank statistic"),
        Statistic(name="candidates", label="Candidate cut-points"),
        Statistic(name="more_events", label="Group with more events than expected"),
        *GROUP_COUNTS,
        *_MEDIANS,
        *_AT,
        *SHARE,
        *COUNTS,
    ),
    unusable=uncut,
    compute=_cutpoint,
    options=(*OPTIONS, "seed"),
    formula="maximum over the cuts of abs(standardised sum of log-rank scores); P is the share of permutations in which the largest of all cuts reaches it, or bounds it",
    citation="Lausen and Schumacher, Biometrics 1992;48:73-85; Hothorn and Lausen, Comput Stat Data Anal 2003;43:121-137",
    docs="methods/maximally_selected_cutpoint.md",
)


def _restricted(block: Block, analysis: Univariable) -> Outcome:
    options, m = analysis.survival, len(block.biomarkers)
    course = block.follow_up()
    event = course.event
    groups = cut(block, 2)
    sides: list[Bools] = [block.present & (groups.group == j) for j in range(2)]
    curves = [survival_panel(course.time, event, side, level=analysis.level) for side in sides]
    horizon = np.minimum(curves[0].last, curves[1].last)
    if options.horizon:
        horizon = np.full(m, options.horizon)
    low, high = (restricted_mean_panel(side, horizon, level=analysis.level) for side in curves)
    contrast = contrast_panel(*high[:2], *low[:2], level=analysis.level)
    known = ~np.isnan(contrast["p_value"])
    errors = [
        why or (None if defined else Reason.NOT_ESTIMABLE)
        for why, defined in zip(one_group(groups), known.tolist(), strict=True)
    ]
    large = contrast["p_value"].copy()
    variant = _permuted(block, analysis, sides, contrast, horizon)
    values = {
        "p": contrast["p_value"],
        "p_asymptotic": large,
        "difference": contrast["difference"],
        "difference_lower": contrast["lower"],
        "difference_upper": contrast["upper"],
        "ratio": contrast["ratio"],
        "ratio_lower": contrast["ratio_lower"],
        "ratio_upper": contrast["ratio_upper"],
        "horizon": horizon,
    }
    values = {name: where(known, value, np.nan) for name, value in values.items()}
    means = [where(known, side, np.nan)[[0, 2, 3]] for side in (low, high)]
    none = flagged(np.isnan(values["ratio"]), Notice.NO_TEST)
    return Outcome(
        estimates=(
            *(
                Estimate(name=name, value=value, notices=none if name.startswith("ratio") else None)
                for name, value in values.items()
            ),
            Estimate(name="variant", text=variant),
            *share(block),
            *counts(block),
            *group_counts(block, groups),
            *bound_estimates(groups),
            *(
                Estimate(name=stat, level=groups.names[j], value=means[j][i], notices=none)
                for j in range(2)
                for i, stat in enumerate(("mean_time", "mean_time_lower", "mean_time_upper"))
            ),
        ),
        errors=tuple(errors),
        notices=cut_notices(block, groups),
    )


def _permuted(
    block: Block, analysis: Univariable, sides: list[Bools], contrast: dict[str, Floats], horizon: Floats
) -> list[str]:
    """Puts permuted P and limits in the place of the normal ones where subjects are few; says what each P was computed from."""
    course, declared = block.follow_up(), analysis.survival.horizon
    laws: dict[tuple[bytes, int, int], PermutedContrast] = {}
    tried: dict[tuple[bytes, int], Groupings] = {}
    variant = ["normal"] * horizon.size
    for row in np.flatnonzero(~np.isnan(contrast["p_value"])).tolist():
        at = block.present[row]
        if not is_small(analysis, int(at.sum())):
            continue
        high = sides[1][row, at]
        plain = contrast_of(contrast, row, float(horizon[row]))
        found = plain
        for permutations in stages(analysis.permutations):
            key = at.tobytes(), int(high.sum()), permutations
            if key not in laws:
                laws[key] = permuted_contrast(
                    course.time[at],
                    course.event[at],
                    high,
                    horizon=declared,
                    permutations=permutations,
                    seed=analysis.seed,
                    drawn=drawn_once(tried, np.sort(high.astype(np.int64)), permutations, analysis.seed),
                )
            found = studentised(plain, laws[key], level=analysis.level)
            variant[row] = variant_of(laws[key].difference)
            if found.p_value is None or not is_rare(laws[key].difference, found.p_value):
                break
        for name in ("p_value", "lower", "upper", "ratio_lower", "ratio_upper"):
            value = getattr(found, name)
            contrast[name][row] = np.nan if value is None else value
    return variant


RESTRICTED_MEAN = Method(
    code="restricted_mean",
    label="Restricted mean time above against below the median",
    endpoints=(OutcomeKind.TIME,),
    biomarkers=("numeric",),
    statistics=(
        P,
        P_ADJUSTED,
        VARIANT,
        asymptotic("normal"),
        Statistic(name="difference", label="Difference of restricted mean times, high less low, day"),
        Statistic(name="difference_lower", label="Difference of restricted mean times, lower limit, day"),
        Statistic(name="difference_upper", label="Difference of restricted mean times, upper limit, day"),
        Statistic(name="ratio", label="Ratio of restricted mean times, high over low", unit="ratio"),
        Statistic(name="ratio_lower", label="Ratio of restricted mean times, lower limit", unit="ratio"),
        Statistic(name="ratio_upper", label="Ratio of restricted mean times, upper limit", unit="ratio"),
        Statistic(name="horizon", label="Day to which the mean is restricted"),
        Statistic(name="mean_time", label="Restricted mean time, day", scopes=_GROUP),
        Statistic(name="mean_time_lower", label="Restricted mean time, lower limit, day", scopes=_GROUP),
        Statistic(name="mean_time_upper", label="Restricted mean time, upper limit, day", scopes=_GROUP),
        *GROUP_COUNTS,
        BOUND,
        *SHARE,
        *COUNTS,
    ),
    unusable=uncut,
    compute=_restricted,
    options=(*OPTIONS, *SMALL),
    formula="difference of the areas under the Kaplan-Meier curves up to the horizon, variance by Greenwood; P and limits by permutation of difference over standard error in few subjects, by the normal law in many",
    citation="Royston and Parmar, BMC Med Res Methodol 2013;13:152; Uno et al., J Clin Oncol 2014;32:2380-2385; Horiguchi and Uno, Stat Med 2020, doi:10.1002/sim.8565; Ditzhaus, Yu and Xu, Stat Med 2023;42:2226-2240",
    docs="methods/restricted_mean.md",
)
