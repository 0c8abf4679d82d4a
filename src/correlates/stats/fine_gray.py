"""Fine and Gray's model: proportional hazards of the subdistribution of one cause, with competing causes.

Source: Fine and Gray, JASA 1999;94:496-509 (doi:10.1080/01621459.1999.10474144), weights and sandwich variance of its section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, ndtri

from correlates.stats.arrays import Floats, where
from correlates.stats.cox import covariates, monotone_along
from correlates.stats.kaplan_meier import kaplan_meier

_STEPS = 60
_DECREMENT = 1e-18
_FAR = 15.0  # a linear predictor this wide makes one look whether a maximum exists at all


@dataclass(frozen=True, slots=True, kw_only=True)
class FineGray:
    """One Fine-Gray model with p coefficients (log subdistribution hazard ratios); arrays are (p,), ``covariance`` (p, p).

    Standard errors are of the sandwich with the term for the estimated censoring distribution; limits and P are Wald's, because the
    weighted likelihood has no likelihood ratio test. NaN and None where undefined: ``full_rank`` false (no event of the cause, or
    dependent covariates), ``monotone`` true (no maximum exists), or ``converged`` false.
    """

    coefficient: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    p_value: Floats
    covariance: Floats
    log_likelihood: float | None
    n: int
    n_events: int
    n_competing: int
    full_rank: bool
    monotone: bool
    converged: bool


def fine_gray(
    design: npt.ArrayLike,
    time: npt.ArrayLike,
    cause: npt.ArrayLike,
    *,
    of: int = 1,
    level: float = 0.95,
) -> FineGray:
    """Fine-Gray regression of the cumulative incidence of one cause.

    Parameters
    ----------
    design
        (n, p) covariates known at the start.
    time
        (n,) time of the first event or of censoring.
    cause
        (n,) 0 for censoring, otherwise the cause.
    of
        The cause modelled.
    level
        Confidence level of the limits.

    Notes
    -----
    After a competing event a subject stays in the risk set of time t with weight G(t-) / G(T-), G the Kaplan-Meier estimate of the
    censoring in all subjects together. Ties as Breslow. Variance: A^-1 sum (eta + psi)(eta + psi)' A^-1, eta the score residual, psi
    the share of the estimated G.
    """
    x = covariates(design)
    times, kind = np.asarray(time, dtype=np.float64), np.asarray(cause)
    n, p = x.shape
    if times.shape != (n,) or kind.shape != (n,) or not np.isfinite(times).all():
        raise ValueError(f"time and cause must be ({n},) without NaN or infinity")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, found {level}")
    own, competing = kind == of, (kind != of) & (kind != 0)
    scale = x.std(axis=0) if n else np.ones(p)
    unit = np.where(scale > 0, scale, 1.0)
    scaled = (x - (x.mean(axis=0) if n else 0.0)) / unit
    at, d = np.unique(times[own], return_counts=True)
    weights = _weights(times, kind, competing, at)
    events = np.array([scaled[own & (times == t)].sum(axis=0) for t in at]).reshape(at.size, p)

    full_rank = bool(p and at.size and (scale > 0).all())
    beta = np.zeros(p)
    value, score, information, _, _ = _evaluate(beta, scaled, weights, events, d)
    if full_rank:
        full_rank = bool(np.linalg.eigvalsh(information)[0] > 1e-11 * np.trace(information))
    converged = False
    for _ in range(_STEPS if full_rank else 0):
        step = np.linalg.lstsq(information, score, rcond=1e-14)[0]
        if float(score @ step) < _DECREMENT:
            converged = True
            break
        step *= min(1.0, 5.0 / max(float(np.ptp(scaled @ step)), 5.0))
        for _ in range(30):
            tried = _evaluate(beta + step, scaled, weights, events, d)
            if tried[0] >= value - 1e-13 * (1.0 + abs(value)):
                break
            step = step / 2.0
        beta = beta + step
        value, score, information, _, _ = tried
    monotone = False
    if full_rank and (not converged or np.ptp(scaled @ beta) > _FAR):
        rows = [scaled[i] - scaled[weights[np.searchsorted(at, times[i])] > 0] for i in np.flatnonzero(own)]
        monotone = monotone_along(np.concatenate(rows))
    nothing = np.full(p, np.nan)
    known = converged and not monotone
    covariance = np.full((p, p), np.nan)
    if known:
        inverse = np.linalg.inv(information)
        residual = _residuals(beta, scaled, times, kind == 0, own, competing, weights, at, events, d)
        covariance = inverse @ (residual.T @ residual) @ inverse / np.outer(unit, unit)
    coefficient = beta / unit if known else nothing
    error = np.sqrt(np.diag(covariance)) if known else nothing
    half = float(ndtri(0.5 + level / 2.0)) * error
    return FineGray(
        coefficient=coefficient,
        standard_error=error,
        lower=coefficient - half,
        upper=coefficient + half,
        p_value=where(
            np.isfinite(error), chdtrc(1.0, where(np.isfinite(error), (coefficient / error) ** 2, 0.0)), np.nan
        ),
        covariance=covariance,
        log_likelihood=value if known else None,
        n=n,
        n_events=int(own.sum()),
        n_competing=int(competing.sum()),
        full_rank=full_rank,
        monotone=monotone,
        converged=known,
    )


def fine_gray_scores(time: npt.ArrayLike, cause: npt.ArrayLike, *, of: int = 1) -> Floats:
    """Scores (n,) of the outcome: the score of the model at no association is their sum times the covariate.

    The event of the cause, minus the sum over its event times of d w / (sum of w of those at risk), w the weight of the subject.
    """
    times, kind = np.asarray(time, dtype=np.float64), np.asarray(cause)
    own, competing = kind == of, (kind != of) & (kind != 0)
    at, d = np.unique(times[own], return_counts=True)
    weights = _weights(times, kind, competing, at)
    found: Floats = where(own, 1.0, 0.0) - (d / weights.sum(axis=1)) @ weights
    return found


def _weights(times: Floats, kind: npt.NDArray[np.int64], competing: npt.NDArray[np.bool_], at: Floats) -> Floats:
    """Weight (K, n) of each subject in the risk set of each event time."""
    censoring = kaplan_meier(times, kind == 0)
    before = np.concatenate(([1.0], censoring.survival))
    g_at = before[np.searchsorted(censoring.time, at, side="left")]
    g_own = before[np.searchsorted(censoring.time, times, side="left")]
    late = times[None, :] >= at[:, None]
    return where(late, 1.0, where(competing[None, :], g_at[:, None] / np.maximum(g_own, 1e-300)[None, :], 0.0))


def _evaluate(
    beta: Floats, x: Floats, weights: Floats, events: Floats, d: npt.NDArray[np.int64]
) -> tuple[float, Floats, Floats, Floats, Floats]:
    """Log-likelihood, score, information, and at each event time the weighted sum (K,) and mean (K, p) over the risk set."""
    p = x.shape[1]
    risk = np.exp(x @ beta)
    total = weights @ risk
    mean = (weights @ (risk[:, None] * x)) / total[:, None]
    products = (x[:, :, None] * x[:, None, :]).reshape(-1, p * p)
    second = (weights @ (risk[:, None] * products) / total[:, None]).reshape(-1, p, p)
    spread = second - mean[:, :, None] * mean[:, None, :]
    value = float((events @ beta).sum() - (d * np.log(total)).sum())
    return value, (events - d[:, None] * mean).sum(axis=0), (d[:, None, None] * spread).sum(axis=0), total, mean


def _residuals(
    beta: Floats,
    x: Floats,
    times: Floats,
    censored: npt.NDArray[np.bool_],
    own: npt.NDArray[np.bool_],
    competing: npt.NDArray[np.bool_],
    weights: Floats,
    at: Floats,
    events: Floats,
    d: npt.NDArray[np.int64],
) -> Floats:
    """Score residuals (n, p), the share of the estimated censoring distribution included."""
    *_, total, mean = _evaluate(beta, x, weights, events, d)
    risk = np.exp(x @ beta)
    # what subject j loses at event time k: weight times risk times (x - mean) d / total
    pull = weights * risk[None, :] * (d / total)[:, None]
    eta = -(pull.sum(axis=0)[:, None] * x - pull.T @ mean)
    eta[own] += x[own] - mean[np.searchsorted(at, times[own])]
    moments = np.unique(times[censored])
    psi = np.zeros(x.shape)
    for u in moments:
        earlier = competing & (times < u)
        part = pull[np.ix_(at >= u, earlier)]
        q = (part.sum(axis=0)[:, None] * x[earlier]).sum(axis=0) - (part.sum(axis=1)[:, None] * mean[at >= u]).sum(
            axis=0
        )
        at_risk = int((times >= u).sum())
        leaving = censored & (times == u)
        psi[leaving] += q / at_risk
        psi[times >= u] -= q * leaving.sum() / at_risk**2
    residuals: Floats = eta + psi
    return residuals
