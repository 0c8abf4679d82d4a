"""Methods ``spearman`` and ``kendall``: rank correlation of a biomarker with a grade or with another parameter."""

from __future__ import annotations

import numpy as np

from correlates.association.describe import SHARE, share
from correlates.association.jonckheere_terpstra import outcome_ranks
from correlates.association.notices import Notice
from correlates.association.record import Block, Estimate, Method, Outcome, Statistic, flagged, merged
from correlates.association.settings import Univariable
from correlates.association.wilcoxon import P_ADJUSTED, P, unrankable
from correlates.stats.arrays import Bools, Floats, divide
from correlates.stats.pairs import kendall
from correlates.stats.spearman import spearman
from correlates.terms import OutcomeKind, Reason


def _outcome_share(block: Block) -> Estimate:
    cut = (block.present & (block.score_censoring != 0)).sum(axis=1)
    return Estimate(name="share_outcome_censored", value=divide(cut, block.present.sum(axis=1)))


def _limits(value: Floats, n: Bools) -> list[list[Notice]]:
    """Why there are no limits."""
    return merged(flagged(np.abs(value) >= 1.0, Notice.PERFECT), flagged(n, Notice.TOO_FEW_FOR_INTERVAL))


def _errors(value: Floats) -> tuple[Reason | None, ...]:
    return tuple(Reason.NOT_ESTIMABLE if bad else None for bad in np.isnan(value).tolist())


def _spearman(block: Block, analysis: Univariable) -> Outcome:
    found = spearman(
        block.values,
        block.score,
        block.present,
        censoring=block.censoring,
        outcome_censoring=block.score_censoring,
        level=analysis.level,
    )
    why = _limits(found.rho, found.n < 4)
    return Outcome(
        estimates=(
            Estimate(name="p", value=found.p_value),
            Estimate(name="rho", value=found.rho),
            Estimate(name="rho_lower", value=found.lower, notices=why),
            Estimate(name="rho_upper", value=found.upper, notices=why),
            Estimate(name="variant", text=[str(v) for v in found.variant]),
            *share(block),
            _outcome_share(block),
        ),
        errors=_errors(found.rho),
        notices=((),) * len(block.biomarkers),
    )


def _kendall(block: Block, analysis: Univariable) -> Outcome:
    found = kendall(
        block.values,
        block.score,
        block.present,
        censoring=block.censoring,
        outcome_censoring=block.score_censoring,
        level=analysis.level,
    )
    why = _limits(found.tau, found.n < 5)
    return Outcome(
        estimates=(
            Estimate(name="p", value=found.p_value),
            Estimate(name="tau", value=found.tau),
            Estimate(name="tau_lower", value=found.lower, notices=why),
            Estimate(name="tau_upper", value=found.upper, notices=why),
            Estimate(name="variant", text=[str(v) for v in found.variant]),
            Estimate(name="concordant", value=found.concordant),
            Estimate(name="discordant", value=found.discordant),
            *share(block),
            _outcome_share(block),
        ),
        errors=_errors(found.tau),
        notices=((),) * len(block.biomarkers),
    )


_OUTCOME_SHARE = Statistic(name="share_outcome_censored", label="Share of values of the other parameter censored")
_VARIANT = Statistic(name="variant", label="What P was computed from")
_OPTIONS = ("level", "few_events", "high_censored_share")

SPEARMAN = Method(
    code="spearman",
    label="Spearman's rank correlation",
    endpoints=(OutcomeKind.GRADE, OutcomeKind.NUMBER),
    biomarkers=("numeric",),
    statistics=(
        P,
        P_ADJUSTED,
        Statistic(name="rho", label="Spearman's rho"),
        Statistic(name="rho_lower", label="Spearman's rho, lower limit"),
        Statistic(name="rho_upper", label="Spearman's rho, upper limit"),
        _VARIANT,
        *SHARE,
        _OUTCOME_SHARE,
    ),
    unusable=unrankable,
    compute=_spearman,
    options=_OPTIONS,
    formula="correlation of the mid-ranks; t = rho sqrt((n - 2) / (1 - rho^2)); limits tanh(atanh rho -/+ z sqrt((1 + rho^2 / 2) / (n - 3)))",
    citation="Hollander and Wolfe 1999, section 8.5; Bonett and Wright, Psychometrika 2000;65:23-28",
    docs="methods/rank_correlation.md",
    scores=lambda block, _: outcome_ranks(block),
)

KENDALL = Method(
    code="kendall",
    label="Kendall's tau-b",
    endpoints=(OutcomeKind.GRADE, OutcomeKind.NUMBER),
    biomarkers=("numeric",),
    statistics=(
        P,
        P_ADJUSTED,
        Statistic(name="tau", label="Kendall's tau-b"),
        Statistic(name="tau_lower", label="Kendall's tau-b, lower limit"),
        Statistic(name="tau_upper", label="Kendall's tau-b, upper limit"),
        _VARIANT,
        Statistic(name="concordant", label="Concordant pairs"),
        Statistic(name="discordant", label="Discordant pairs"),
        *SHARE,
        _OUTCOME_SHARE,
    ),
    unusable=unrankable,
    compute=_kendall,
    options=_OPTIONS,
    formula="(concordant - discordant) / sqrt(pairs ordered in the biomarker x pairs ordered in the outcome); a pair counts where its limits order it",
    citation="Kendall, Rank Correlation Methods, 4th ed. 1970; Brown, Hollander and Korwar 1974 (censored values); Fieller, Hartley and Pearson, Biometrika 1957;44:470-481",
    docs="methods/rank_correlation.md",
)
