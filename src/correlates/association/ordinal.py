"""Method ``proportional_odds``: the odds of a higher grade per doubling, standard deviation or unit of a biomarker."""

from __future__ import annotations

from functools import partial

import numpy as np

from correlates.association.covariate import PER, exponential, ordinal_covariate, score_covariate, unscalable
from correlates.association.describe import COUNTS, SHARE, counts, share
from correlates.association.jonckheere_terpstra import outcome_ranks
from correlates.association.notices import Notice
from correlates.association.record import (
    Block,
    Estimate,
    Method,
    Outcome,
    Scores,
    Statistic,
    centred,
    flagged,
    merged,
)
from correlates.association.settings import Univariable
from correlates.association.small_samples import OPTIONS as SMALL
from correlates.association.small_samples import VARIANT, asymptotic, p_values
from correlates.association.wilcoxon import P_ADJUSTED, P
from correlates.stats.arrays import Bools, Floats
from correlates.stats.cutpoint import rank_scores
from correlates.terms import OutcomeKind, Reason


def _compute(block: Block, analysis: Univariable) -> Outcome:
    fit, sd = ordinal_covariate(block, analysis)
    odds, why = exponential(fit.coefficient)
    low, low_why = exponential(fit.lower)
    high, high_why = exponential(fit.upper)
    errors = tuple(
        None if done else Reason.CONSTANT if same else Reason.MONOTONE if sign else Reason.NOT_CONVERGED
        for done, same, sign in zip(fit.converged.tolist(), fit.constant.tolist(), fit.monotone.tolist(), strict=True)
    )
    untested = flagged(fit.parallel_df < 1, Notice.NO_TEST)
    open_low = merged(low_why, flagged(np.isnan(fit.lower), Notice.MARGINAL))
    open_high = merged(high_why, flagged(np.isnan(fit.upper), Notice.MARGINAL))
    crooked = flagged(np.nan_to_num(fit.parallel_p, nan=1.0) < 0.05, Notice.NOT_PARALLEL)
    return Outcome(
        estimates=(
            *p_values(
                block,
                analysis,
                score_covariate(block, analysis),
                partial(_ridits, block),
                fit.p_value,
                "likelihood ratio",
            ),
            Estimate(name="odds_ratio", value=odds, notices=why),
            Estimate(name="odds_ratio_lower", value=low, notices=open_low),
            Estimate(name="odds_ratio_upper", value=high, notices=open_high),
            Estimate(name="log_odds_ratio", value=fit.coefficient),
            Estimate(name="standard_error", value=fit.standard_error),
            Estimate(name="chi_square", value=fit.chi_square),
            Estimate(name="parallel_p", value=fit.parallel_p, notices=untested),
            Estimate(name="parallel_chi_square", value=fit.parallel_chi_square, notices=untested),
            Estimate(name="per", text=[PER[b.scale] for b in block.biomarkers]),
            Estimate(name="sd", value=sd),
            *share(block),
            *counts(block),
        ),
        errors=errors,
        notices=tuple(tuple(row) for row in crooked),
    )


def _ridits(block: Block, keep: Bools) -> Floats:
    """The score of a proportional-odds model at no association: mid-ranks of the outcome among some subjects."""
    return rank_scores(block.score[keep])


def _scores(block: Block, analysis: Univariable) -> Scores:
    """The score statistic at no association: the covariate against the ridits of the outcome."""
    return Scores(
        biomarkers=centred(score_covariate(block, analysis), block.present), outcome=outcome_ranks(block).outcome
    )


PROPORTIONAL_ODDS = Method(
    code="proportional_odds",
    label="Proportional-odds regression",
    endpoints=(OutcomeKind.GRADE, OutcomeKind.CLASS),
    biomarkers=("numeric",),
    statistics=(
        P,
        P_ADJUSTED,
        VARIANT,
        asymptotic("likelihood ratio"),
        Statistic(name="odds_ratio", label="Odds ratio of a higher grade"),
        Statistic(name="odds_ratio_lower", label="Odds ratio of a higher grade, lower limit"),
        Statistic(name="odds_ratio_upper", label="Odds ratio of a higher grade, upper limit"),
        Statistic(name="log_odds_ratio", label="Log odds ratio"),
        Statistic(name="standard_error", label="Standard error of the log odds ratio"),
        Statistic(name="chi_square", label="Likelihood-ratio chi-square"),
        Statistic(name="parallel_p", label="P value of proportional odds (score test)"),
        Statistic(name="parallel_chi_square", label="Chi-square of proportional odds"),
        Statistic(name="per", label="What the odds ratio is per"),
        Statistic(name="sd", label="Standard deviation of the biomarker", unit="own"),
        *SHARE,
        *COUNTS,
    ),
    unusable=unscalable,
    covariate="likelihood",
    compute=_compute,
    options=("level", "few_events", "high_censored_share", "censored", *SMALL),
    formula="logit P(Y >= k) = alpha_k + beta x, limits from the profile likelihood; P of the score, the sum of x times the ridit of the grade, by permutation in few subjects, by likelihood ratio in many; score test of one beta at all thresholds",
    citation="McCullagh, JRSS B 1980;42:109-142; Peterson and Harrell, Appl Statist 1990;39:205-217; Pitman, JRSS Suppl 1937;4:225-232",
    docs="methods/proportional_odds.md",
    scores=_scores,
)
