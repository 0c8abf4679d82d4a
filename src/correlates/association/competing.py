"""Methods ``gray`` and ``fine_gray``: cumulative incidence of one kind of event where others compete with it."""

from __future__ import annotations

import numpy as np

from correlates.association.describe import COUNTS, SHARE, counts, share
from correlates.association.grouping import BOUND, CUTS, bound_estimates, cut, one_group, uncut, unequal
from correlates.association.logistic import PER, exponential, scaled, unscalable
from correlates.association.notices import Notice
from correlates.association.record import Block, Estimate, Method, Outcome, Statistic, censored, flagged, merged
from correlates.association.settings import Univariable
from correlates.association.survival import GROUP_COUNTS, OPTIONS, group_counts
from correlates.association.wilcoxon import P_ADJUSTED, P
from correlates.stats.competing_risks import cumulative_incidence, gray_test, incidence_at
from correlates.stats.fine_gray import fine_gray
from correlates.terms import OutcomeKind, Reason


def _gray(block: Block, analysis: Univariable) -> Outcome:
    options, m = analysis.survival, len(block.biomarkers)
    course = block.follow_up()
    k = CUTS[options.cut]
    groups = cut(block, k)
    values = {name: np.full(m, np.nan) for name in ("p", "chi_square", "df")}
    errors = one_group(groups)
    for row in range(m):
        if errors[row] is not None:
            continue
        at = block.present[row]
        test = gray_test(course.time[at], course.cause[at], groups.group[row, at], k)
        if test.p_value is None or test.chi_square is None:
            errors[row] = Reason.NOT_ESTIMABLE
            continue
        values["p"][row], values["chi_square"][row], values["df"][row] = test.p_value, test.chi_square, test.df
    found = []
    causes = len(course.causes)
    for j, name in enumerate(groups.names):
        mine = block.present & (groups.group == j)
        rivals = (mine & (course.cause > 1)).sum(axis=1)
        n, limits = mine.sum(axis=1), (mine & (block.censoring != 0)).sum(axis=1)
        found.append(
            Estimate(name="group_competing", level=name, value=rivals.astype(np.float64), n=n, n_censored=limits)
        )
        at_times = np.full((3, len(options.times), m), np.nan)
        if options.times:
            for row in range(m):
                if mine[row].any():
                    curve = cumulative_incidence(
                        course.time[mine[row]], course.cause[mine[row]], causes, level=analysis.level
                    )
                    there = incidence_at(curve, np.array(options.times))
                    at_times[:, :, row] = there.incidence[0], there.lower[0], there.upper[0]
        for stat, rows in zip(("incidence", "incidence_lower", "incidence_upper"), at_times, strict=True):
            for day, value in zip(options.times, rows, strict=True):
                found.append(Estimate(name=stat, level=f"{name} on day {day:g}", value=value, n=n, n_censored=limits))
    limits_told = flagged(censored(block) > 0, Notice.LIMITS_COUNTED)
    return Outcome(
        estimates=(
            *(Estimate(name=name, value=value) for name, value in values.items()),
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
    options=OPTIONS,
    formula="score (d_i - d R_i / R) summed over times, R_i the risk set of the subdistribution; cumulative incidence by Aalen and Johansen",
    citation="Gray, Ann Statist 1988;16:1141-1154; Aalen and Johansen, Scand J Statist 1978;5:141-150",
    docs="methods/competing_risks.md",
)


def _fine_gray(block: Block, analysis: Univariable) -> Outcome:
    course, m = block.follow_up(), len(block.biomarkers)
    x, sd = scaled(block, analysis)
    names = ("p", "coefficient", "lower", "upper", "standard_error")
    values = {name: np.full(m, np.nan) for name in names}
    errors: list[Reason | None] = [None] * m
    for row in range(m):
        at = block.present[row]
        fit = fine_gray(x[row, at][:, None], course.time[at], course.cause[at], level=analysis.level)
        if not fit.converged:
            errors[row] = Reason.MONOTONE if fit.monotone else Reason.NOT_CONVERGED
            continue
        for name, array in zip(
            names, (fit.p_value, fit.coefficient, fit.lower, fit.upper, fit.standard_error), strict=True
        ):
            values[name][row] = array[0]
    ratio, why = exponential(values["coefficient"])
    low, low_why = exponential(values["lower"])
    high, high_why = exponential(values["upper"])
    return Outcome(
        estimates=(
            Estimate(name="p", value=values["p"]),
            Estimate(name="hazard_ratio", value=ratio, notices=why),
            Estimate(name="hazard_ratio_lower", value=low, notices=low_why),
            Estimate(name="hazard_ratio_upper", value=high, notices=high_why),
            Estimate(name="log_hazard_ratio", value=values["coefficient"]),
            Estimate(name="standard_error", value=values["standard_error"]),
            Estimate(name="per", text=[PER[b.scale] for b in block.biomarkers]),
            Estimate(name="sd", value=sd),
            *share(block),
            *counts(block),
        ),
        errors=tuple(errors),
        notices=tuple(tuple(row) for row in flagged(censored(block) > 0, Notice.CENSORED_SUBSTITUTED)),
    )


FINE_GRAY = Method(
    code="fine_gray",
    label="Fine-Gray regression",
    endpoints=(OutcomeKind.TIME,),
    biomarkers=("numeric",),
    statistics=(
        Statistic(name="p", label="P value (two-sided, Wald)"),
        P_ADJUSTED,
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
    compute=_fine_gray,
    options=(*OPTIONS, "logistic"),
    formula="partial likelihood of the subdistribution, subjects with a competing event kept at risk with weight G(t-) / G(T-); Wald limits by the sandwich",
    citation="Fine and Gray, JASA 1999;94:496-509",
    docs="methods/competing_risks.md",
)
