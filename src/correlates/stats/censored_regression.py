"""Regression of a biomarker that is below or above its limits in some subjects, by the normal likelihood of what is known (Tobit).

On logarithms of the biomarker it is the lognormal model. Sources: Tobin, Econometrica 1958;26:24-36. Olsen, Econometrica
1978;46:1211-1215 (doi:10.2307/1911445) (a scale on which the likelihood is concave). Helsel, Statistics for Censored Environmental
Data, 2nd ed. 2012, chapters 9 and 12.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, fdtrc, ndtri, stdtrit

from correlates.stats.arrays import Bools, Floats, Ints, panel, where
from correlates.stats.tobit import tobit


@dataclass(frozen=True, slots=True, kw_only=True)
class CensoredRegression:
    """Censored normal regressions of m biomarkers on p covariates.

    ``coefficient``, ``standard_error``, ``lower`` and ``upper`` (Wald) are (m, p); the rest (m,). ``sigma`` is the residual standard
    deviation (maximum likelihood), ``log_sigma_error`` the standard error of its logarithm. ``chi_square`` and ``p_value`` compare with
    the model of the first covariate alone (the intercept), with ``df`` = p - 1. ``f`` on ``df`` and ``residual_df`` degrees of freedom,
    its ``f_p_value``, and ``t_lower`` and ``t_upper`` are those of few subjects (see the function). NaN where undefined:
    ``converged`` false, which is where no maximum exists (a group without a quantified value, no residual variation) or the design
    is not of full rank.
    """

    coefficient: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    t_lower: Floats
    t_upper: Floats
    sigma: Floats
    log_sigma_error: Floats
    log_likelihood: Floats
    null_log_likelihood: Floats
    chi_square: Floats
    df: int
    p_value: Floats
    f: Floats
    residual_df: Floats
    f_p_value: Floats
    n: Ints
    n_censored: Ints
    converged: Bools


def censored_regression(
    y: npt.ArrayLike,
    design: npt.ArrayLike,
    present: npt.ArrayLike | None = None,
    *,
    censoring: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> CensoredRegression:
    """Normal regression of each biomarker, censored values by the probability of lying beyond their limit.

    Parameters
    ----------
    y
        (m, n) biomarkers by subjects, the limit where censored; logarithms for the lognormal model.
    design
        (n, p) covariates, a column of ones first.
    present
        (m, n) which values are there; all, when not given.
    censoring
        (m, n) -1 at most the value, 0 the value, +1 at least the value; nothing is censored, when not given.
    level
        Confidence level.

    Notes
    -----
    The likelihood of :func:`correlates.stats.tobit.tobit`; standard errors from the observed information.

    Few subjects: F = (exp(chi-square / n) - 1) (n - p) / (p - 1), and limits by the t law of n - p degrees of freedom with the
    standard error times sqrt(n / (n - p)). With nothing censored they are the F test and the t limits of least squares, exactly;
    with censored values they are conservative (P below .05 in .034 to .052 where it should be .05, in 20 to 50 subjects).
    """
    values, there = panel(y, present)
    x = np.asarray(design, dtype=np.float64)
    if x.ndim != 2 or x.shape[0] != values.shape[1] or not np.isfinite(x).all():
        raise ValueError(f"design must be ({values.shape[1]}, p) and finite")
    sign = np.zeros(values.shape, dtype=np.int8)
    if censoring is not None:
        sign = np.where(there, np.atleast_2d(np.asarray(censoring)), 0).astype(np.int8)
    centre = values.sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    centred = where(there, values - centre[:, None], 0.0)
    scale = np.sqrt((centred**2).sum(axis=1) / np.maximum(there.sum(axis=1), 1))
    scale = where(scale > 0, scale, 1.0)
    scaled = centred / scale[:, None]
    full = tobit(scaled, sign, there, x)
    null = tobit(scaled, sign, there, x[:, :1])
    good = full.converged & null.converged
    shift = (there & (sign == 0)).sum(axis=1) * np.log(scale)  # density of the biomarker on its own scale
    p = x.shape[1]
    se = np.sqrt(np.diagonal(full.covariance, axis1=1, axis2=2))
    z = float(ndtri(0.5 + level / 2.0))
    coefficient = full.coefficient * scale[:, None]
    coefficient[:, 0] += centre
    error = se[:, :p] * scale[:, None]
    chi = where(good, np.maximum(2.0 * (full.log_likelihood - null.log_likelihood), 0.0), np.nan)
    keep = good[:, None]
    size = there.sum(axis=1)
    residual = size - float(p)
    few = good & (residual > 0)
    safe = where(few, residual, 1.0)
    f = where(few, np.expm1(np.nan_to_num(chi) / np.maximum(size, 1)) * safe / max(p - 1, 1), np.nan)
    half = where(few, stdtrit(safe, 0.5 + level / 2.0) * np.sqrt(size / safe), np.nan)[:, None] * error
    return CensoredRegression(
        coefficient=where(keep, coefficient, np.nan),
        standard_error=where(keep, error, np.nan),
        lower=where(keep, coefficient - z * error, np.nan),
        upper=where(keep, coefficient + z * error, np.nan),
        t_lower=where(keep, coefficient - half, np.nan),
        t_upper=where(keep, coefficient + half, np.nan),
        sigma=where(good, full.sigma * scale, np.nan),
        log_sigma_error=where(good, se[:, p], np.nan),
        log_likelihood=where(good, full.log_likelihood - shift, np.nan),
        null_log_likelihood=where(good, null.log_likelihood - shift, np.nan),
        chi_square=chi,
        df=p - 1,
        p_value=where(good, chdtrc(max(p - 1, 1), np.nan_to_num(chi)), np.nan) if p > 1 else np.full(good.size, np.nan),
        f=f if p > 1 else np.full(good.size, np.nan),
        residual_df=where(few, residual, np.nan),
        f_p_value=where(few, fdtrc(max(p - 1, 1), safe, np.nan_to_num(f)), np.nan)
        if p > 1
        else np.full(good.size, np.nan),
        n=size,
        n_censored=(there & (sign != 0)).sum(axis=1),
        converged=good,
    )
