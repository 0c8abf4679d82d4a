"""The estimates of a declared model: Firth logistic, Cox or proportional-odds regression of the same columns, told in one shape."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.special import chdtrc

from correlates.association.model_columns import Prepared
from correlates.stats.arrays import Bools, Floats, where
from correlates.stats.cox import baseline_hazard, cox_model
from correlates.stats.logistic import Separation, logistic_model
from correlates.stats.logistic import ratio_without as lost_without
from correlates.stats.ordinal import ordinal_model, ratio_without, separated
from correlates.stats.ordinal_target import OrdinalTarget
from correlates.stats.pooling import pool, pool_wald
from correlates.stats.procedures import estimates
from correlates.stats.target import SurvivalTarget
from correlates.terms import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Estimates of p columns: arrays (p,); ``covariance`` (p, p) without the intercept; ``threshold`` of the grades above the lowest.

    ``log_likelihood`` is what was maximised, ``chi`` its ratio against no covariate; NaN where the estimates are pooled over imputed data sets:
    ``each`` (m, p) and ``each_covariance`` (m, p, p) are then those of the sets, ``missing_information`` (p,) the fraction lost.
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
    each: Floats | None = None
    each_covariance: Floats | None = None
    missing_information: Floats | None = None


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


def pooled_fit(prepared: Prepared, designs: Floats, level: float) -> tuple[Fit | None, Reason | None]:
    """Estimates pooled by Rubin's rules over imputed designs (m, n, p), t with Barnard and Rubin's df; none where a set gives none."""
    fits: list[Fit] = []
    for design in designs:
        fit, reason = fit_model(prepared, design, level)
        if fit is None:
            return None, reason
        fits.append(fit)
    estimate = np.stack([f.coefficient for f in fits])
    covariance = np.stack([f.covariance for f in fits])
    p = estimate.shape[1]
    survival = isinstance(prepared.target, SurvivalTarget)
    size = int(prepared.target.event.sum()) if survival else prepared.n - 1
    found = pool(estimate, np.diagonal(covariance, axis1=1, axis2=2), float(max(size - p, 1)), level=level)
    away = estimate - estimate.mean(axis=0)
    between = away.T @ away / (len(fits) - 1)
    separations = [f.separation for f in fits if f.separation not in (None, Separation.NONE.value)]
    return Fit(
        coefficient=found.estimate,
        standard_error=found.standard_error,
        lower=found.lower,
        upper=found.upper,
        chi_square=found.t**2,
        p_value=found.p_value,
        covariance=covariance.mean(axis=0) + (1.0 + 1.0 / len(fits)) * between,
        intercept=float(np.mean([f.intercept for f in fits])),
        log_likelihood=float("nan"),
        chi=float("nan"),
        separation=separations[0] if separations else fits[0].separation,
        threshold=np.mean([f.threshold for f in fits], axis=0),
        each=estimate,
        each_covariance=covariance,
        missing_information=found.missing_information,
    ), None


def tested(prepared: Prepared, design: Floats, out: Bools, fit: Fit) -> dict[str, float]:
    """Test that the columns ``out`` (p,) have no effect: likelihood ratio; the pooled Wald test where data sets are imputed."""
    if fit.each is not None and fit.each_covariance is not None:
        at = np.flatnonzero(out)
        test = pool_wald(fit.each[:, at], fit.each_covariance[:, at[:, None], at[None, :]])
        return {"f": test.f, "df": float(test.df), "denominator_df": test.denominator_df, "p": test.p_value}
    chi = fit.chi if out.all() else ratio(prepared, design, out, fit)
    return {"chi_square": chi, "df": float(out.sum()), "p": float(chdtrc(out.sum(), chi))}


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
    return lost_without(design, target.event, out)


def baseline(prepared: Prepared, design: Floats, coefficient: Floats) -> tuple[list[float], list[float]]:
    """Event times, and survival at a linear predictor of 0 (Breslow); nothing for a binary outcome."""
    target = prepared.target
    if not isinstance(target, SurvivalTarget):
        return [], []
    at = baseline_hazard(design, coefficient, target.time, target.event)
    return at.time.tolist(), at.survival.tolist()
