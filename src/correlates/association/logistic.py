"""Methods ``firth`` and ``logistic_ml``: the odds of an event per doubling, standard deviation or unit of a biomarker."""

from __future__ import annotations

from functools import partial

import numpy as np

from correlates.association.covariate import PER, exponential, logistic_covariate, score_covariate, unscalable
from correlates.association.describe import COUNTS, SHARE, counts, share
from correlates.association.notices import Notice
from correlates.association.record import Block, Estimate, Method, Outcome, Scores, Statistic, centred, flagged
from correlates.association.settings import Univariable
from correlates.association.small_samples import OPTIONS as SMALL
from correlates.association.small_samples import VARIANT, asymptotic, p_values
from correlates.association.wilcoxon import P_ADJUSTED, P
from correlates.stats.arrays import Bools, Floats, where
from correlates.stats.logistic import Penalty, Separation
from correlates.terms import OutcomeKind, Reason


def _compute(block: Block, analysis: Univariable, penalty: Penalty) -> Outcome:
    found = logistic_covariate(block, analysis, penalty)
    fit = found.fit
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
    p: tuple[Estimate, ...] = (Estimate(name="p", value=fit.p_value),)
    if penalty is Penalty.NONE:
        x = score_covariate(block, analysis)
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
            Estimate(name="sd", value=found.sd),
            Estimate(name="separation", text=[str(v) for v in fit.separation]),
            *share(block),
            *counts(block),
        ),
        errors=tuple(errors),
        notices=tuple(tuple(row) for row in flagged(split, Notice.SEPARATION)),
    )


def _events(block: Block, keep: Bools) -> Floats:
    return where(block.group[keep] == 1, 1.0, 0.0)


def event_scores(block: Block, analysis: Univariable) -> Scores:
    """The score statistic at no association: the covariate against the event."""
    x = score_covariate(block, analysis)
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
_OPTIONS = ("level", "least_per_class", "few_events", "high_censored_share", "censored")

FIRTH = Method(
    code="firth",
    label="Firth logistic regression",
    endpoints=(OutcomeKind.BINARY,),
    biomarkers=("numeric",),
    statistics=_STATISTICS,
    unusable=unscalable,
    covariate="likelihood",
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
    covariate="likelihood",
    compute=partial(_compute, penalty=Penalty.NONE),
    options=(*_OPTIONS, *SMALL),
    formula="maximum of l(b) = sum y log p + (1 - y) log(1 - p), limits from its profile; P of the score sum x y by permutation (the conditional law given the number of events) in few subjects, by likelihood ratio in many",
    citation="McCullagh and Nelder, Generalized Linear Models, 2nd ed. 1989, chapter 4; Albert and Anderson, Biometrika 1984;71:1-10; Mehta and Patel, Stat Med 1995;14:2143-2160",
    docs="methods/firth_logistic.md",
    scores=event_scores,
)
