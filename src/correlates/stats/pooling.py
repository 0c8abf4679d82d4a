"""Rubin's rules: one estimate from several imputed data sets.

Sources: Rubin, Multiple Imputation for Nonresponse in Surveys, 1987, chapter 3. Barnard and Rubin, Biometrika 1999;86:948-955
(doi:10.1093/biomet/86.4.948) (degrees of freedom in small samples).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from correlates.stats.arrays import Floats, divide, where

_LEAST = 1e-4  # share of variance between the imputations below which it counts as this (the rule of R's mice)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """Pooled estimates; every array has the shape of one imputation's estimates.

    ``within`` and ``between`` are the variances, ``total`` their sum with the factor 1 + 1/k; ``share`` (lambda) is the part of the total
    that is between, ``missing_information`` the fraction of information lost, ``df`` Barnard and Rubin's degrees of freedom.
    """

    estimate: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    t: Floats
    df: Floats
    p_value: Floats
    within: Floats
    between: Floats
    total: Floats
    share: Floats
    missing_information: Floats


def pool(
    estimate: npt.ArrayLike, variance: npt.ArrayLike, complete_df: npt.ArrayLike, *, level: float = 0.95
) -> Pooled:
    """Pool the estimates of k imputed data sets.

    Parameters
    ----------
    estimate, variance
        (k, ...) estimates and their squared standard errors, k at least 2.
    complete_df
        Degrees of freedom the estimate would have with complete data (subjects less coefficients); infinity for a large sample.
    level
        Confidence level.

    Notes
    -----
    T = W + (1 + 1/k) B; lambda = (1 + 1/k) B / T; df = 1 / (1/df_old + 1/df_obs), df_old = (k - 1) / lambda^2, df_obs = (df_com + 1) /
    (df_com + 3) df_com (1 - lambda); fraction of missing information (r + 2/(df + 3)) / (r + 1), r = (1 + 1/k) B / W. lambda counts as
    at least 1e-4, so that df is defined without variance between. NaN where a fit of any imputation gave nothing.
    """
    q, u = np.asarray(estimate, dtype=np.float64), np.asarray(variance, dtype=np.float64)
    if q.shape != u.shape or q.ndim < 1 or q.shape[0] < 2:
        raise ValueError("estimate and variance must be (k, ...) of one shape with k at least 2")
    k = q.shape[0]
    com = np.broadcast_to(np.asarray(complete_df, dtype=np.float64), q.shape[1:])
    mean, within = q.mean(axis=0), u.mean(axis=0)
    between = q.var(axis=0, ddof=1)
    total = within + (1.0 + 1.0 / k) * between
    share = divide((1.0 + 1.0 / k) * between, total)
    used = np.maximum(share, _LEAST)
    old = (k - 1.0) / used**2
    finite = np.isfinite(com)
    plain = where(finite, com, 1.0)
    observed = (plain + 1.0) / (plain + 3.0) * plain * (1.0 - used)
    df = where(finite, divide(old * observed, old + observed), old)
    r = divide((1.0 + 1.0 / k) * between, within)
    error = np.sqrt(total)
    t = divide(mean, error)
    known = np.isfinite(t) & (df > 0)
    safe_t, safe_df = where(known, t, 0.0), where(known, df, 1.0)
    half = stdtrit(safe_df, 0.5 + level / 2.0) * error
    return Pooled(
        estimate=mean,
        standard_error=error,
        lower=where(known, mean - half, np.nan),
        upper=where(known, mean + half, np.nan),
        t=t,
        df=where(known, df, np.nan),
        p_value=where(known, 2.0 * stdtr(safe_df, -np.abs(safe_t)), np.nan),
        within=within,
        between=between,
        total=total,
        share=share,
        missing_information=(r + 2.0 / (df + 3.0)) / (r + 1.0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledTest:
    """Wald test that several coefficients are 0, pooled over imputations: F with ``df`` and ``denominator_df``."""

    f: float
    df: int
    denominator_df: float
    p_value: float


def pool_wald(estimate: npt.ArrayLike, covariance: npt.ArrayLike) -> PooledTest:
    """Test k coefficients of m imputed data sets together.

    Parameters
    ----------
    estimate
        (m, k) estimates, m at least 2.
    covariance
        (m, k, k) their covariances.

    Notes
    -----
    Li, Raghunathan and Rubin, JASA 1991;86:1065-1073 (D1): with U the mean covariance and B that between imputations,
    r = (1 + 1/m) tr(B U^-1) / k, F = Q'U^-1 Q / (k (1 + r)) on k and v df; t = k (m - 1): v = 4 + (t - 4)(1 + (1 - 2/t)/r)^2 where t > 4,
    otherwise t (1 + 1/k)(1 + 1/r)^2 / 2. NaN where U is singular.
    """
    from scipy.special import fdtrc

    q, u = np.asarray(estimate, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    if q.ndim != 2 or u.shape != (*q.shape, q.shape[1]) or q.shape[0] < 2:
        raise ValueError("estimate must be (m, k) and covariance (m, k, k) with m at least 2")
    m, k = q.shape
    mean, within = q.mean(axis=0), u.mean(axis=0)
    nothing = PooledTest(f=float("nan"), df=k, denominator_df=float("nan"), p_value=float("nan"))
    if not (np.isfinite(within).all() and np.isfinite(q).all()) or np.linalg.matrix_rank(within) < k:
        return nothing
    inverse = np.linalg.inv(within)
    away = q - mean
    between = away.T @ away / (m - 1)
    r = max((1.0 + 1.0 / m) * float(np.trace(between @ inverse)) / k, _LEAST)
    f = float(mean @ inverse @ mean) / (k * (1.0 + r))
    t = k * (m - 1.0)
    v = (
        4.0 + (t - 4.0) * (1.0 + (1.0 - 2.0 / t) / r) ** 2
        if t > 4
        else t * (1.0 + 1.0 / k) * (1.0 + 1.0 / r) ** 2 / 2.0
    )
    return PooledTest(f=f, df=k, denominator_df=v, p_value=float(fdtrc(float(k), v, f)))
