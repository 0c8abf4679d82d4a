"""Methods ``firth`` and ``logistic_ml``: the odds of an event per doubling, standard deviation or unit of a biomarker."""

from __future__ import annotations

from functools import partial

import numpy as np

from correlates.association.describe import COUNTS, SHARE, counts, share
from correlates.association.notices import Notice
from correlates.association.record import (
    Block,
    Estimate,
    Method,
    Outcome,
    Scores,
    Statistic,
    all_positive,
    censored,
    centred,
    constant,
    flagged,
    merged,
)
from correlates.association.settings import Univariable
from correlates.association.small_samples import OPTIONS as SMALL
from correlates.association.small_samples import VARIANT, asymptotic, p_values
from correlates.association.wilcoxon import P_ADJUSTED, P
from correlates.stats.arrays import Bools, Floats, divide, where
from correlates.stats.logistic import Penalty, Separation, logistic_screen
from correlates.terms import OutcomeKind, Reason

PER = {"log2": "doubling", "sd": "standard deviation", "unit": "unit"}
_LARGEST = 700.0  # exp of more does not fit a number


def unscalable(block: Block) -> tuple[Reason | None, ...]:
    """Why a biomarker cannot be a covariate: one value only, or a logarithm of what is not positive."""
    flat = constant(block.values, block.present)
    limits = censored(block) > 0
    positive = all_positive(block)
    reasons: list[Reason | None] = []
    for biomarker, same, cut, above in zip(
        block.biomarkers, flat.tolist(), limits.tolist(), positive.tolist(), strict=True
    ):
        if same:
            reasons.append(Reason.ALL_CENSORED if cut else Reason.CONSTANT)
        elif biomarker.scale == "log2" and not above:
            reasons.append(Reason.NOT_POSITIVE)
        else:
            reasons.append(None)
    return tuple(reasons)


def scaled(block: Block, analysis: Univariable) -> tuple[Floats, Floats]:
    """The covariate on the scale of its odds ratio (m, n), and the standard deviation on the scale of the biomarker (m,)."""
    options = analysis.logistic
    factor = where(block.censoring < 0, options.left_factor, where(block.censoring > 0, options.right_factor, 1.0))
    values = where(block.present, block.values * factor, 0.0)
    count = block.present.sum(axis=1)
    mean = divide(values.sum(axis=1), count)
    deviation = where(block.present, values - mean[:, None], 0.0)
    sd = np.sqrt(divide((deviation**2).sum(axis=1), count - 1))
    logged = np.array([b.scale == "log2" for b in block.biomarkers], dtype=np.bool_)
    by_sd = np.array([b.scale == "sd" for b in block.biomarkers], dtype=np.bool_)
    values = where(by_sd[:, None], deviation / where(sd > 0, sd, 1.0)[:, None], values)
    logs = np.log2(where(block.present & logged[:, None], values, 1.0))
    return where(logged[:, None], logs, values), sd


def exponential(log: Floats) -> tuple[Floats, list[list[Notice]]]:
    """Exp of logarithms (m,), and a notice where it does not fit a number."""
    beyond = np.abs(log) > _LARGEST
    safe = where(beyond, 0.0, log)
    return where(beyond, np.nan, np.exp(safe)), flagged(beyond, Notice.INFINITE)


def _compute(block: Block, analysis: Univariable, penalty: Penalty) -> Outcome:
    x, sd = scaled(block, analysis)
    fit = logistic_screen(x, block.group == 1, block.present, penalty=penalty, level=analysis.level)
    odds, odds_notice = exponential(fit.coefficient)
    low, low_notice = exponential(fit.lower)
    high, high_notice = exponential(fit.upper)
    split = fit.separation != Separation.NONE.value
    errors: list[Reason | None] = []
    for reached, separated, same in zip(fit.converged.tolist(), split.tolist(), fit.constant.tolist(), strict=True):
        if reached:
            errors.append(None)
        elif same:
            errors.append(Reason.CONSTANT)
        elif separated and penalty is Penalty.NONE:
            errors.append(Reason.SEPARATED)
        else:
            errors.append(Reason.NOT_CONVERGED)
    notices = merged(flagged(split, Notice.SEPARATION), flagged(censored(block) > 0, Notice.CENSORED_SUBSTITUTED))
    p: tuple[Estimate, ...] = (Estimate(name="p", value=fit.p_value),)
    if penalty is Penalty.NONE:
        p = p_values(block, analysis, x, partial(_events, block), fit.p_value, "likelihood ratio")
    return Outcome(
        estimates=(
            *p,
            Estimate(name="odds_ratio", value=odds, notices=odds_notice),
            Estimate(name="odds_ratio_lower", value=low, notices=low_notice),
            Estimate(name="odds_ratio_upper", value=high, notices=high_notice),
            Estimate(name="log_odds_ratio", value=fit.coefficient),
            Estimate(name="standard_error", value=fit.standard_error),
            Estimate(name="chi_square", value=fit.chi_square),
            Estimate(name="intercept", value=fit.intercept),
            Estimate(name="per", text=[PER[b.scale] for b in block.biomarkers]),
            Estimate(name="sd", value=sd),
            Estimate(name="separation", text=[str(v) for v in fit.separation]),
            *share(block),
            *counts(block),
        ),
        errors=tuple(errors),
        notices=tuple(tuple(row) for row in notices),
    )


def _events(block: Block, keep: Bools) -> Floats:
    return where(block.group[keep] == 1, 1.0, 0.0)


def event_scores(block: Block, analysis: Univariable) -> Scores:
    """The score statistic at no association: the covariate against the event."""
    x, _ = scaled(block, analysis)
    return Scores(biomarkers=centred(x, block.present), outcome=(block.group == 1).astype(np.float64))


_STATISTICS = (
    P,
    P_ADJUSTED,
    Statistic(name="odds_ratio", label="Odds ratio"),
    Statistic(name="odds_ratio_lower", label="Odds ratio, lower limit"),
    Statistic(name="odds_ratio_upper", label="Odds ratio, upper limit"),
    Statistic(name="log_odds_ratio", label="Log odds ratio"),
    Statistic(name="standard_error", label="Standard error of the log odds ratio"),
    Statistic(name="chi_square", label="Likelihood-ratio chi-square"),
    Statistic(name="intercept", label="Intercept"),
    Statistic(name="per", label="What the odds ratio is per"),
    Statistic(name="sd", label="Standard deviation of the biomarker", unit="own"),
    Statistic(name="separation", label="Separation"),
    *SHARE,
    *COUNTS,
)
_OPTIONS = ("level", "least_per_class", "few_events", "high_censored_share", "logistic")

FIRTH = Method(
    code="firth",
    label="Firth logistic regression",
    endpoints=(OutcomeKind.BINARY,),
    biomarkers=("numeric",),
    statistics=_STATISTICS,
    unusable=unscalable,
    compute=partial(_compute, penalty=Penalty.FIRTH),
    options=_OPTIONS,
    formula="maximum of l(b) + 1/2 log det I(b); limits and P from its profile",
    citation="Firth, Biometrika 1993;80:27-38; Heinze and Schemper, Stat Med 2002;21:2409-2419",
    docs="methods/firth_logistic.md",
    scores=event_scores,
)

LOGISTIC_ML = Method(
    code="logistic_ml",
    label="Logistic regression (maximum likelihood)",
    endpoints=(OutcomeKind.BINARY,),
    biomarkers=("numeric",),
    statistics=(*_STATISTICS[:2], VARIANT, asymptotic("likelihood ratio"), *_STATISTICS[2:]),
    unusable=unscalable,
    compute=partial(_compute, penalty=Penalty.NONE),
    options=(*_OPTIONS, *SMALL),
    formula="maximum of l(b) = sum y log p + (1 - y) log(1 - p), limits from its profile; P of the score sum x y by permutation (the conditional law given the number of events) in few subjects, by likelihood ratio in many",
    citation="McCullagh and Nelder, Generalized Linear Models, 2nd ed. 1989, chapter 4; Albert and Anderson, Biometrika 1984;71:1-10; Mehta and Patel, Stat Med 1995;14:2143-2160",
    docs="methods/firth_logistic.md",
    scores=event_scores,
)
