"""Biomarkers as covariates of regressions: their scale, and values beyond limits by likelihood where the analysis says so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from correlates.association.notices import Notice
from correlates.association.record import Block, all_positive, beyond_one_side, censored, constant, flagged
from correlates.association.settings import Univariable
from correlates.stats.arrays import Bools, Floats, Ints, divide, where
from correlates.stats.censored_covariate import CensoredCovariate, censored_covariate, expected_beyond
from correlates.stats.logistic import LogisticScreen, Penalty, logistic_screen
from correlates.stats.proportional_odds import ProportionalOdds, proportional_odds_screen
from correlates.terms import Reason

PER = {"log2": "doubling", "sd": "standard deviation", "unit": "unit"}
_LARGEST = 700.0  # exp of more does not fit a number


def unscalable(block: Block) -> tuple[Reason | None, ...]:
    """Why a biomarker cannot be a covariate: one value only, nothing but limits of one side, or a logarithm of what is not positive."""
    beyond = beyond_one_side(block)
    flat = constant(block.values, block.present) | beyond
    limits = (censored(block) > 0) | beyond
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
    """The covariate on the scale of its odds ratio (m, n), and the standard deviation on the scale of the biomarker (m,).

    Of a value beyond a limit the limit, times the declared factor where that is substituted.
    """
    options = analysis.censored
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticCovariate:
    """Logistic regressions of m biomarkers: the covariate (m, n), ``mean`` and ``sd`` (m,) of its scale, and the models.

    ``covariance`` (m, 2, 2) of intercept and coefficient where values beyond limits entered by their likelihood; NaN elsewhere.
    """

    x: Floats
    mean: Floats
    sd: Floats
    fit: LogisticScreen
    covariance: Floats


def logistic_covariate(block: Block, analysis: Univariable, penalty: Penalty) -> LogisticCovariate:
    """Logistic regression of the event on each biomarker."""
    x, sd = scaled(block, analysis)
    event = block.group == 1
    fit = logistic_screen(x, event, block.present, penalty=penalty, level=analysis.level)
    mean = divide(where(block.present, block.values, 0.0).sum(axis=1), block.present.sum(axis=1))
    covariance = np.full((sd.size, 2, 2), np.nan)
    rows = _by_likelihood(block, analysis)
    if not rows.size:
        return LogisticCovariate(x=x, mean=mean, sd=sd, fit=fit, covariance=covariance)
    found, standard = _fit(
        block.rows(rows), x[rows], event.astype(np.float64), analysis, firth=penalty is Penalty.FIRTH
    )
    unit, shift = where(standard, found.sd, 1.0), where(standard, found.mean, 0.0)
    x, sd, mean = x.copy(), sd.copy(), mean.copy()
    x[rows] = where(standard[:, None], divide(block.values[rows] - shift[:, None], unit[:, None]), x[rows])
    x = where(block.present & np.isfinite(x), x, 0.0)
    sd[rows], mean[rows] = where(standard, found.sd, sd[rows]), where(standard, found.mean, mean[rows])
    turn = np.zeros((rows.size, 2, 2))
    turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 1] = 1.0, shift, unit
    covariance[rows] = turn @ found.covariance @ np.swapaxes(turn, 1, 2)
    over = {
        "intercept": found.intercept + found.coefficient * shift,
        "coefficient": found.coefficient * unit,
        "standard_error": found.standard_error * unit,
        "lower": found.lower * unit,
        "upper": found.upper * unit,
        "chi_square": found.chi_square,
        "p_value": found.p_value,
        "log_likelihood": np.full(rows.size, np.nan),
        "converged": found.converged,
    }
    return LogisticCovariate(
        x=x,
        mean=mean,
        sd=sd,
        fit=replace(fit, **{name: _overlaid(getattr(fit, name), rows, value) for name, value in over.items()}),
        covariance=covariance,
    )


def ordinal_covariate(block: Block, analysis: Univariable) -> tuple[ProportionalOdds, Floats]:
    """Proportional-odds regression of the grade on each biomarker, and the standard deviations (m,) of their scale."""
    x, sd = scaled(block, analysis)
    fit = proportional_odds_screen(x, block.score, block.present, level=analysis.level)
    rows = _by_likelihood(block, analysis)
    if not rows.size:
        return fit, sd
    found, standard = _fit(block.rows(rows), x[rows], block.score, analysis, firth=False)
    unit = where(standard, found.sd, 1.0)
    none = np.full(rows.size, np.nan)
    over = {
        "coefficient": found.coefficient * unit,
        "standard_error": found.standard_error * unit,
        "lower": found.lower * unit,
        "upper": found.upper * unit,
        "chi_square": found.chi_square,
        "p_value": found.p_value,
        "parallel_chi_square": none,
        "parallel_df": np.zeros(rows.size, dtype=np.int64),
        "parallel_p": none,
        "log_likelihood": none,
        "null_log_likelihood": none,
        "monotone": found.monotone.astype(np.int64),
        "converged": found.converged,
    }
    over = {name: _overlaid(getattr(fit, name), rows, value) for name, value in over.items()}
    return replace(fit, **over), _overlaid(sd, rows, where(standard, found.sd, sd[rows]))


def score_covariate(block: Block, analysis: Univariable) -> Floats:
    """What the score of a regression at no association takes of each subject (m, n): of a value beyond a limit what is expected of it."""
    x, _ = scaled(block, analysis)
    rows = _by_likelihood(block, analysis)
    if rows.size:
        found = expected_beyond(x[rows], block.present[rows], block.censoring[rows])
        x = _overlaid(x, rows, where(np.isfinite(found), found, x[rows]))
    return x


def _by_likelihood(block: Block, analysis: Univariable) -> Ints:
    """The biomarkers of which values beyond limits enter by their likelihood."""
    if analysis.censored.by != "likelihood":
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(censored(block) > 0)


def _fit(
    block: Block, x: Floats, outcome: Floats, analysis: Univariable, *, firth: bool
) -> tuple[CensoredCovariate, Bools]:
    """The models, in the unit of the biomarker where its scale is its own standard deviation, and where that is so (m,)."""
    standard = np.array([b.scale == "sd" for b in block.biomarkers], dtype=np.bool_)
    own = where(standard[:, None], block.values, x)
    found = censored_covariate(
        own, outcome, block.present, censoring=block.censoring, firth=firth, level=analysis.level
    )
    return found, standard


def _overlaid(array: Any, rows: Ints, values: Any) -> Any:
    """The array with other values in some rows."""
    found = array.copy()
    found[rows] = values
    return found
