"""Methods ``gray`` and ``fine_gray``: cumulative incidence of one kind of event where others compete with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from correlates.association.covariate import PER, exponential, scaled, unscalable
from correlates.association.describe import COUNTS, SHARE, counts, share
from correlates.association.grouping import BOUND, CUTS, bound_estimates, cut, one_group, uncut, unequal
from correlates.association.notices import Notice
from correlates.association.record import Block, Estimate, Method, Outcome, Statistic, censored, flagged, merged
from correlates.association.settings import Univariable
from correlates.association.small_samples import OPTIONS as SMALL
from correlates.association.small_samples import VARIANT, asymptotic, group_p_values, p_values
from correlates.association.survival import GROUP_COUNTS, OPTIONS, group_counts
from correlates.association.wilcoxon import P_ADJUSTED, P
from correlates.stats.arrays import Bools, Floats, Ints
from correlates.stats.competing_risks import gray_screen, incidence_at_panel
from correlates.stats.fine_gray import fine_gray_scores
from correlates.stats.fine_gray_panel import fine_gray_screen
from correlates.terms import OutcomeKind, Reason


def _gray(block: Block, analysis: Univariable) -> Outcome:
    options = analysis.survival
    course = block.follow_up()
    k = CUTS[options.cut]
    groups = cut(block, k)
    test = gray_screen(course.time, course.cause, groups.group, k, block.present)
    values = {"p": test.p_value, "chi_square": test.chi_square, "df": test.df.astype(np.float64)}
    errors = [
        why or (Reason.NOT_ESTIMABLE if bad else None)
        for why, bad in zip(one_group(groups), np.isnan(test.p_value).tolist(), strict=True)
    ]
    found = []
    for j, name in enumerate(groups.names):
        mine = block.present & (groups.group == j)
        rivals = (mine & (course.cause > 1)).sum(axis=1)
        n, limits = mine.sum(axis=1), (mine & (block.censoring != 0)).sum(axis=1)
        found.append(
            Estimate(name="group_competing", level=name, value=rivals.astype(np.float64), n=n, n_censored=limits)
        )
        there = incidence_at_panel(course.time, course.cause, mine, options.times, level=analysis.level)
        for stat, rows in (
            ("incidence", there.incidence),
            ("incidence_lower", there.lower),
            ("incidence_upper", there.upper),
        ):
            for day, value in zip(options.times, rows.T, strict=True):
                found.append(Estimate(name=stat, level=f"{name} on day {day:g}", value=value, n=n, n_censored=limits))

    def statistics(rows: Ints) -> Callable[[Ints], Floats]:
        time, cause = course.time[rows], course.cause[rows]
        return lambda drawn: gray_screen(time, cause, drawn, k).chi_square

    limits_told = flagged(censored(block) > 0, Notice.LIMITS_COUNTED)
    return Outcome(
        estimates=(
            *group_p_values(block, analysis, groups.group, values["chi_square"], values["p"], statistics),
            *(Estimate(name=name, value=values[name]) for name in ("chi_square", "df")),
            *share(block),
            *counts(block),
            *group_counts(block, groups),
            *bound_estimates(groups),
            *found,
        ),
        errors=tuple(errors),
        notices=tuple(tuple(row) for row in merged(unequal(groups), limits_told)),
    )


GRAY = Method(
    code="gray",
    label="Gray's test of cumulative incidence",
    endpoints=(OutcomeKind.TIME,),
    biomarkers=("numeric",),
    statistics=(
        P,
        P_ADJUSTED,
        VARIANT,
        asymptotic("chi-square"),
        Statistic(name="chi_square", label="Gray's chi-square"),
        Statistic(name="df", label="Degrees of freedom"),
        *GROUP_COUNTS,
        Statistic(name="group_competing", label="Subjects of the group with a competing event", scopes=("group",)),
        BOUND,
        Statistic(name="incidence", label="Cumulative incidence", scopes=("cell",)),
        Statistic(name="incidence_lower", label="Cumulative incidence, lower limit", scopes=("cell",)),
        Statistic(name="incidence_upper", label="Cumulative incidence, upper limit", scopes=("cell",)),
        *SHARE,
        *COUNTS,
    ),
    unusable=uncut,
    compute=_gray,
    options=(*OPTIONS, *SMALL),
    formula="score (d_i - d R_i / R) summed over times, R_i the risk set of the subdistribution; P by permutation of the groups in few subjects; cumulative incidence by Aalen and Johansen",
    citation="Gray, Ann Statist 1988;16:1141-1154; Aalen and Johansen, Scand J Statist 1978;5:141-150",
    docs="methods/competing_risks.md",
)


def _fine_gray(block: Block, analysis: Univariable) -> Outcome:
    course = block.follow_up()
    x, sd = scaled(block, analysis)
    fit = fine_gray_screen(x, course.time, course.cause, block.present, level=analysis.level)
    errors: list[Reason | None] = [
        None if done else Reason.CONSTANT if same else Reason.MONOTONE if endless else Reason.NOT_CONVERGED
        for done, same, endless in zip(
            fit.converged.tolist(), fit.constant.tolist(), fit.monotone.tolist(), strict=True
        )
    ]
    ratio, why = exponential(fit.coefficient)
    low, low_why = exponential(fit.lower)
    high, high_why = exponential(fit.upper)
    return Outcome(
        estimates=(
            *p_values(block, analysis, x, partial(_null_scores, block), fit.p_value, "Wald"),
            Estimate(name="hazard_ratio", value=ratio, notices=why),
            Estimate(name="hazard_ratio_lower", value=low, notices=low_why),
            Estimate(name="hazard_ratio_upper", value=high, notices=high_why),
            Estimate(name="log_hazard_ratio", value=fit.coefficient),
            Estimate(name="standard_error", value=fit.standard_error),
            Estimate(name="per", text=[PER[b.scale] for b in block.biomarkers]),
            Estimate(name="sd", value=sd),
            *share(block),
            *counts(block),
        ),
        errors=tuple(errors),
        notices=((),) * len(block.biomarkers),
    )


def _null_scores(block: Block, keep: Bools) -> Floats:
    course = block.follow_up()
    return fine_gray_scores(course.time[keep], course.cause[keep])


FINE_GRAY = Method(
    code="fine_gray",
    label="Fine-Gray regression",
    endpoints=(OutcomeKind.TIME,),
    biomarkers=("numeric",),
    statistics=(
        P,
        P_ADJUSTED,
        VARIANT,
        asymptotic("Wald"),
        Statistic(name="hazard_ratio", label="Subdistribution hazard ratio"),
        Statistic(name="hazard_ratio_lower", label="Subdistribution hazard ratio, lower limit"),
        Statistic(name="hazard_ratio_upper", label="Subdistribution hazard ratio, upper limit"),
        Statistic(name="log_hazard_ratio", label="Log subdistribution hazard ratio"),
        Statistic(name="standard_error", label="Standard error of the log subdistribution hazard ratio"),
        Statistic(name="per", label="What the hazard ratio is per"),
        Statistic(name="sd", label="Standard deviation of the biomarker", unit="own"),
        *SHARE,
        *COUNTS,
    ),
    unusable=unscalable,
    covariate="quantified",
    compute=_fine_gray,
    options=(*OPTIONS, "censored", *SMALL),
    formula="partial likelihood of the subdistribution, subjects with a competing event kept at risk with weight G(t-) / G(T-); Wald limits by the sandwich; P by permutation of the score at no association in few subjects, by Wald in many",
    citation="Fine and Gray, JASA 1999;94:496-509",
    docs="methods/competing_risks.md",
)
