"""The estimates of a declared model: Firth logistic, Cox or proportional-odds regression of the same columns, told in one shape."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from correlates.association.model_columns import Prepared
from correlates.stats.arrays import Bools, Floats, where
from correlates.stats.cox import baseline_hazard, cox_model
from correlates.stats.logistic import Separation, logistic_model
from correlates.stats.logistic_likelihood import batch, maximise
from correlates.stats.ordinal import ordinal_model, ratio_without, separated
from correlates.stats.ordinal_target import OrdinalTarget
from correlates.stats.procedures import estimates
from correlates.stats.target import SurvivalTarget
from correlates.terms import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Estimates of p columns: arrays (p,); ``covariance`` (p, p) without the intercept; ``threshold`` of the grades above the lowest.

    ``log_likelihood`` is what was maximised, ``chi`` its ratio against no covariate.
    """

    coefficient: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    chi_square: Floats
    p_value: Floats
    covariance: Floats
    intercept: float
    log_likelihood: float
    chi: float
    separation: str | None
    threshold: Floats = field(default_factory=lambda: np.empty(0))


def fit_model(prepared: Prepared, design: Floats, level: float) -> tuple[Fit | None, Reason | None]:
    """Estimates, profile limits and likelihood ratios of the columns (n, p); or why there are none."""
    target = prepared.target
    if isinstance(target, OrdinalTarget):
        return _ordinal(target, design, level)
    if isinstance(target, SurvivalTarget):
        cox = cox_model(design, target.time, target.event, level=level)
        if not cox.full_rank:
            return None, Reason.COLLINEAR
        if cox.monotone:
            return None, Reason.SEPARATED
        if not cox.converged or cox.log_likelihood is None or cox.model_likelihood_ratio is None:
            return None, Reason.NOT_CONVERGED
        return Fit(
            coefficient=cox.coefficient,
            standard_error=cox.standard_error,
            lower=cox.lower,
            upper=cox.upper,
            chi_square=cox.chi_square,
            p_value=cox.p_value,
            covariance=cox.covariance,
            intercept=0.0,
            log_likelihood=cox.log_likelihood,
            chi=cox.model_likelihood_ratio,
            separation=None,
        ), None
    fit = logistic_model(design, target.event, level=level)
    if not fit.full_rank:
        return None, Reason.COLLINEAR
    if not fit.converged or fit.log_likelihood is None or fit.model_chi_square is None:
        return None, Reason.NOT_CONVERGED
    return Fit(
        coefficient=fit.coefficient[1:],
        standard_error=fit.standard_error[1:],
        lower=fit.lower[1:],
        upper=fit.upper[1:],
        chi_square=fit.chi_square[1:],
        p_value=fit.p_value[1:],
        covariance=fit.covariance[1:, 1:],
        intercept=float(fit.coefficient[0]),
        log_likelihood=fit.log_likelihood,
        chi=fit.model_chi_square,
        separation=fit.separation.value,
    ), None


def _ordinal(target: OrdinalTarget, design: Floats, level: float) -> tuple[Fit | None, Reason | None]:
    fit = ordinal_model(design, target.grade, level=level)
    if not fit.full_rank:
        return None, Reason.COLLINEAR
    if not fit.converged:
        return None, Reason.NOT_CONVERGED
    return Fit(
        coefficient=fit.coefficient,
        standard_error=fit.standard_error,
        lower=fit.lower,
        upper=fit.upper,
        chi_square=fit.chi_square,
        p_value=fit.p_value,
        covariance=fit.covariance,
        intercept=0.0,
        log_likelihood=fit.log_likelihood,
        chi=fit.model_chi_square,
        separation=Separation.QUASI.value if separated(design, target.grade) else Separation.NONE.value,
        threshold=fit.threshold,
    ), None


def influence(prepared: Prepared, design: Floats) -> Floats:
    """How each coefficient changes when each subject is left out (n, p): estimate with all less that without; refitted, not approximated."""
    n = prepared.n
    weight = np.concatenate((np.ones((1, n)), 1.0 - np.eye(n)))
    found = estimates(prepared.target, design, weight)
    beta = where(found.converged[:, None], found.coefficient[:, 1:], np.nan)
    change: Floats = beta[0] - beta[1:]
    return change


def ratio(prepared: Prepared, design: Floats, out: Bools, fit: Fit) -> float:
    """Twice the log-likelihood lost without the columns ``out`` (p,); Firth's penalty keeps the whole design."""
    target = prepared.target
    if isinstance(target, SurvivalTarget):
        rest = design[:, ~out]
        if rest.shape[1] == 0:
            return fit.chi
        smaller = cox_model(rest, target.time, target.event)
        return float("nan") if smaller.log_likelihood is None else 2.0 * (fit.log_likelihood - smaller.log_likelihood)
    if isinstance(target, OrdinalTarget):
        return ratio_without(design, target.grade, out)
    columns = np.column_stack((np.ones(prepared.n), design))
    scale = np.sqrt((columns**2).mean(axis=0))
    models = batch((columns / scale)[None], target.event.astype(np.float64)[None], np.ones((1, prepared.n)), firth=True)
    start = np.zeros((1, columns.shape[1]))
    free = np.concatenate(([True], ~out))
    top = maximise(models, start, np.ones(columns.shape[1], dtype=np.bool_))
    null = maximise(models, start, np.asarray(free, dtype=np.bool_))
    if not null.converged[0]:
        return float("nan")
    return max(2.0 * float(top.point.value[0] - null.point.value[0]), 0.0)


def baseline(prepared: Prepared, design: Floats, coefficient: Floats) -> tuple[list[float], list[float]]:
    """Event times, and survival at a linear predictor of 0 (Breslow); nothing for a binary outcome."""
    target = prepared.target
    if not isinstance(target, SurvivalTarget):
        return [], []
    at = baseline_hazard(design, coefficient, target.time, target.event)
    return at.time.tolist(), at.survival.tolist()
