"""Methods ``peto`` and ``censored_regression``: biomarkers with values beyond limits, which may differ between plates."""

from __future__ import annotations

from functools import partial

import numpy as np

from correlates.association.covariate import exponential, unscalable
from correlates.association.describe import COUNTS, SHARE, counts, share
from correlates.association.notices import Notice
from correlates.association.record import Block, Estimate, Method, Outcome, Statistic, flagged, merged
from correlates.association.settings import Univariable
from correlates.association.small_samples import OPTIONS as SMALL
from correlates.association.small_samples import VARIANT, asymptotic, is_small, p_values
from correlates.association.wilcoxon import P_ADJUSTED, P, unrankable
from correlates.stats.arrays import Bools, Floats, divide, where
from correlates.stats.censored_regression import censored_regression
from correlates.stats.log_rank import log_rank_contributions, log_rank_rows
from correlates.stats.survival_panel import quantile_panel, survival_panel
from correlates.terms import OutcomeKind, Reason


def _several_limits(block: Block) -> Bools:
    """Whether the censored values of a biomarker lie at more than one limit (m,)."""
    cut = block.present & (block.censoring != 0)
    high = np.max(where(cut, block.values, -np.inf), axis=1, initial=-np.inf)
    low = np.min(where(cut, block.values, np.inf), axis=1, initial=np.inf)
    found: Bools = high > low
    return found


def _peto(block: Block, analysis: Univariable) -> Outcome:
    k = len(block.levels)
    cut = block.present & (block.censoring != 0)
    below, above = ((block.present & (block.censoring == side)).any(axis=1) for side in (-1, 1))
    both = below & above
    present = block.present & ~both[:, None]
    # values below a limit turn into times that are censored on the right: the lowest value has the longest time
    flip = ~above[:, None]
    top = np.max(where(present, block.values, -np.inf), axis=1, initial=-np.inf)[:, None]
    time = where(present, where(flip, top - block.values, block.values), 0.0)
    test = log_rank_rows(time, ~cut, block.group, k, present, rho=1.0)
    scores = log_rank_contributions(time, ~cut, present, rho=1.0)
    values = {"p": test.p_value, "chi_square": test.chi_square, "df": test.df.astype(np.float64)}
    errors = [
        Reason.CENSORED_BOTH_WAYS if mixed else Reason.NOT_ESTIMABLE if bad else None
        for mixed, bad in zip(both.tolist(), np.isnan(test.p_value).tolist(), strict=True)
    ]
    medians = []
    for j in range(k):
        middle = quantile_panel(survival_panel(time, ~cut, present & (block.group == j)))[0]
        medians.append(where(np.isnan(middle), np.nan, where(flip[:, 0], top[:, 0] - middle, middle)))
    found = [
        Estimate(
            name="median_km", level=level, value=medians[j], notices=flagged(np.isnan(medians[j]), Notice.AT_LIMIT)
        )
        for j, level in enumerate(block.levels)
    ]
    return Outcome(
        estimates=(
            *p_values(block, analysis, scores, partial(_classes, block), values["p"], "chi-square"),
            *(Estimate(name=name, value=values[name]) for name in ("chi_square", "df")),
            *share(block),
            *counts(block),
            *found,
        ),
        errors=tuple(errors),
        notices=tuple(tuple(row) for row in flagged(_several_limits(block), Notice.LIMITS_DIFFER)),
    )


def _classes(block: Block, keep: Bools) -> Floats:
    """Membership of each class, of some subjects."""
    return where(block.group[keep, None] == np.arange(len(block.levels)), 1.0, 0.0)


PETO = Method(
    code="peto",
    label="Peto-Peto generalised Wilcoxon test",
    endpoints=(OutcomeKind.BINARY, OutcomeKind.CLASS),
    biomarkers=("numeric",),
    statistics=(
        P,
        P_ADJUSTED,
        VARIANT,
        asymptotic("chi-square"),
        Statistic(name="chi_square", label="Peto-Peto chi-square"),
        Statistic(name="df", label="Degrees of freedom"),
        Statistic(name="median_km", label="Median by Kaplan-Meier", unit="own", scopes=("group",)),
        *SHARE,
        *COUNTS,
    ),
    unusable=unrankable,
    compute=_peto,
    options=("level", "least_per_class", "few_events", "high_censored_share", *SMALL),
    formula="log-rank test with weights S(t-) on the values turned round (the highest has the earliest time), values below a limit censored at it; P by permutation of its scores in few subjects",
    citation="Peto and Peto, JRSS A 1972;135:185-206; Helsel, Statistics for Censored Environmental Data, 2nd ed. 2012, chapter 9",
    docs="methods/censored_values.md",
)


def _regression(block: Block, analysis: Univariable) -> Outcome:
    m = len(block.biomarkers)
    logged = np.array([b.scale == "log2" for b in block.biomarkers], dtype=np.bool_)
    y = where(logged[:, None], np.log2(where(block.present & logged[:, None], block.values, 1.0)), block.values)
    event = (block.group == 1).astype(np.float64)
    design = np.stack((np.ones(event.size), event), axis=1)
    fit = censored_regression(y, design, block.present, censoring=block.censoring, level=analysis.level)
    quantified = block.present & (block.censoring == 0)
    known = [(quantified & (block.group == j)).any(axis=1) for j in range(2)]
    errors = tuple(
        None if done else Reason.NOT_CONVERGED if both else Reason.CLASS_ALL_CENSORED
        for done, both in zip(fit.converged.tolist(), (known[0] & known[1]).tolist(), strict=True)
    )
    only = flagged(~logged, Notice.NOT_LOG2)
    few = np.array([is_small(analysis, int(n)) for n in fit.n], dtype=np.bool_) & np.isfinite(fit.f_p_value)
    lower, upper = where(few, fit.t_lower[:, 1], fit.lower[:, 1]), where(few, fit.t_upper[:, 1], fit.upper[:, 1])
    powers = [exponential(v * np.log(2.0)) for v in (fit.coefficient[:, 1], lower, upper)]
    means = (fit.coefficient[:, 0], fit.coefficient[:, 0] + fit.coefficient[:, 1])
    found = []
    for level, mean in zip(block.levels, means, strict=True):
        located: Floats = where(logged, np.exp2(where(logged & np.isfinite(mean), mean, 0.0)), mean)
        found.append(Estimate(name="fitted_median", level=level, value=where(np.isfinite(mean), located, np.nan)))
    return Outcome(
        estimates=(
            Estimate(name="p", value=where(few, fit.f_p_value, fit.p_value)),
            Estimate(name="variant", text=["F" if small else "likelihood ratio" for small in few.tolist()]),
            Estimate(name="p_asymptotic", value=fit.p_value),
            *(
                Estimate(name=f"ratio{end}", value=where(logged, value, np.nan), notices=merged(only, why))
                for end, (value, why) in zip(("", "_lower", "_upper"), powers, strict=True)
            ),
            Estimate(name="difference", value=fit.coefficient[:, 1]),
            Estimate(name="difference_lower", value=lower),
            Estimate(name="difference_upper", value=upper),
            Estimate(name="standard_error", value=fit.standard_error[:, 1]),
            Estimate(name="sigma", value=fit.sigma),
            Estimate(name="chi_square", value=fit.chi_square),
            Estimate(name="z", value=divide(fit.coefficient[:, 1], fit.standard_error[:, 1])),
            Estimate(name="scale", text=["log2" if on else "as measured" for on in logged.tolist()]),
            *share(block),
            *counts(block),
            *found,
        ),
        errors=errors,
        notices=((),) * m,
    )


CENSORED_REGRESSION = Method(
    code="censored_regression",
    label="Censored regression of the biomarker (Tobit, lognormal)",
    endpoints=(OutcomeKind.BINARY,),
    biomarkers=("numeric",),
    statistics=(
        P,
        P_ADJUSTED,
        VARIANT,
        asymptotic("likelihood ratio"),
        Statistic(name="ratio", label="Ratio of geometric means", unit="ratio"),
        Statistic(name="ratio_lower", label="Ratio of geometric means, lower limit", unit="ratio"),
        Statistic(name="ratio_upper", label="Ratio of geometric means, upper limit", unit="ratio"),
        Statistic(name="difference", label="Difference of means on the scale of the model"),
        Statistic(name="difference_lower", label="Difference of means on the scale of the model, lower limit"),
        Statistic(name="difference_upper", label="Difference of means on the scale of the model, upper limit"),
        Statistic(name="standard_error", label="Standard error of the difference"),
        Statistic(name="sigma", label="Standard deviation within the classes, on the scale of the model"),
        Statistic(name="chi_square", label="Likelihood-ratio chi-square"),
        Statistic(name="z", label="Wald z"),
        Statistic(name="scale", label="Scale of the model"),
        Statistic(name="fitted_median", label="Fitted median", unit="own", scopes=("group",)),
        *SHARE,
        *COUNTS,
    ),
    unusable=unscalable,
    compute=_regression,
    options=("level", "least_per_class", "few_events", "high_censored_share", "small_samples"),
    formula="y = a + b event + sigma e, e normal, y log2 of a biomarker on that scale; quantified values by their density, others by the probability beyond the limit; P by likelihood ratio turned into F, limits by t, of n - 2 degrees of freedom in few subjects (those of least squares where nothing is censored); chi-square and normal in many",
    citation="Tobin, Econometrica 1958;26:24-36; Helsel, Statistics for Censored Environmental Data, 2nd ed. 2012, chapter 12",
    docs="methods/censored_values.md",
)
