"""Left-censored normal regression (Tobit), many at once, and the decline of time courses with values below their limits.

Sources: Tobin J. Econometrica 1958;26:24-36. Olsen RJ. Econometrica 1978;46:1211-1215 (the parameters in which the likelihood is
concave).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import erfcx, log_ndtr

from correlates.stats.log_line import log_lines
from correlates.stats.profiles import LEFT, NONE, Codes, Floats, Ints, Mask, some
from correlates.stats.terminal import MIN_POINTS, after_peak

DEFINED, NO_SAMPLE, NOTHING, TOO_FEW, NOT_DECLINING, NOT_CONVERGED = 0, 1, 2, 3, 4, 5
"""Why the half-life of a censored decline is defined or not."""

_STEPS, _HALVINGS, _DECREMENT, _VANISHED = 100, 40, 1e-13, 1e7
_EXACT = 1e-11  # distance of ln(value) from a line that goes through it


@dataclass(frozen=True, slots=True, kw_only=True)
class Tobit:
    """Left-censored normal regressions. 0 where ``converged`` is false.

    Attributes
    ----------
    coefficient
        (m, p).
    sigma
        Standard deviation of the residuals, (m,).
    covariance
        Of the coefficients and of ln(sigma), (m, p + 1, p + 1): the inverse of the observed information.
    log_likelihood
        (m,).
    converged
        Whether there is a maximum, (m,): none where the model passes through all quantified values and the limits allow it.
    """

    coefficient: Floats
    sigma: Floats
    covariance: Floats
    log_likelihood: Floats
    converged: Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class CensoredSlopes:
    """Declines with values below their limits; every array has shape (m,) unless said otherwise. 0 where ``status`` is not 0.

    Attributes
    ----------
    half_life
        ln 2 over minus the slope.
    standard_error
        Of the slope of ln(value) on time; 0 where all quantified values lie on the line.
    sigma
        Standard deviation of ln(value) about the line.
    status
        0 defined; 1 no sample; 2 nothing quantifiable; 3 fewer than three quantified values after the peak; 4 not declining; 5 the
        likelihood has no maximum.
    n_quantified, n_censored
        Values of the line, at or above their limits and below them.
    first_time, last_time
        Time of its first and last value.
    used
        The values, (m, k).
    """

    half_life: Floats
    standard_error: Floats
    sigma: Floats
    status: Codes
    n_quantified: Ints
    n_censored: Ints
    first_time: Floats
    last_time: Floats
    used: Mask


def _log_likelihood(residual: Floats, t: Floats, quantified: Mask, left: Mask) -> Floats:
    """Of residuals over sigma, with t = 1 / sigma; minus infinity where t is not positive."""
    positive = t > 0
    each = np.log(np.where(positive, t, 1.0))[:, None] - 0.5 * residual**2 - 0.5 * np.log(2.0 * np.pi)
    exact = np.where(quantified, each, 0.0).sum(axis=1)
    below = np.where(left, log_ndtr(np.where(left, residual, 0.0)), 0.0).sum(axis=1)
    return np.where(positive, exact + below, -np.inf)


def _step(theta: Floats, row: Floats, quantified: Mask, left: Mask) -> tuple[Floats, Floats, Floats]:
    """Newton's step, how far below the maximum it is expected to be, and the observed information."""
    residual = np.einsum("mkp,mp->mk", row, theta)
    below = np.where(left, residual, 0.0)
    mills = np.where(left, np.sqrt(2.0 / np.pi) / erfcx(-below / np.sqrt(2.0)), 0.0)  # phi / Phi, far below 0 too
    push = np.where(quantified, -residual, mills)
    weight = np.where(quantified, 1.0, mills * (mills + below))
    gradient = np.einsum("mk,mkp->mp", push, row)
    information = np.einsum("mk,mkp,mkq->mpq", weight, row, row)
    count = quantified.sum(axis=1)
    gradient[:, -1] += count / theta[:, -1]
    information[:, -1, -1] += count / theta[:, -1] ** 2
    size = theta.shape[1]
    ridge = 1e-13 * np.trace(information, axis1=1, axis2=2)[:, None, None] * np.eye(size)
    step = np.linalg.solve(information + ridge, gradient[:, :, None])[:, :, 0]
    return step, (gradient * step).sum(axis=1), information


def tobit(y: Floats, censoring: Codes, use: Mask, x: Floats) -> Tobit:
    r"""Maximum likelihood of ``y = x b + e``, e normal, where some y are only known to be at most a limit.

    Parameters
    ----------
    y
        Values, or the limits of the left-censored ones, (m, k).
    censoring
        -1 at most the value, 0 the value itself, (m, k). Right-censored ones must not be in ``use``.
    use
        Which of them count, (m, k).
    x
        Design, (m, k, p); a column of ones where an intercept is wanted.

    Returns
    -------
    Tobit

    Notes
    -----
    The log-likelihood is ``sum ln(phi((y - x b) / s) / s)`` over the quantified values plus ``sum ln(Phi((limit - x b) / s))`` over
    the censored ones. In ``b / s`` and ``1 / s`` it is concave (Olsen 1978), and Newton's method with halved steps finds its maximum
    from any start.

    Undefined where there are no more quantified values than coefficients, and where the model passes through all of them with
    every limit above it: the likelihood then grows without bound.
    """
    m, _, p = x.shape
    quantified, left = use & (censoring == NONE), use & (censoring == LEFT)
    n = quantified.sum(axis=1)
    y, x = np.where(use, y, 0.0), np.where(use[:, :, None], x, 0.0)
    scale = np.max(np.abs(y), axis=1, initial=0.0)
    size = np.max(np.abs(x), axis=1, initial=0.0)
    scale, size = np.where(scale > 0, scale, 1.0), np.where(size > 0, size, 1.0)
    row = np.concatenate([-x / size[:, None, :], (y / scale[:, None])[:, :, None]], axis=2)
    theta = np.zeros((m, p + 1))
    theta[:, -1] = 1.0
    information = np.broadcast_to(np.eye(p + 1), (m, p + 1, p + 1)).copy()
    converged = np.zeros(m, dtype=np.bool_)
    now = np.zeros(m)
    active = n > p

    def value(rows: Ints, at: Floats) -> Floats:
        residual = np.einsum("mkp,mp->mk", row[rows], at)
        return _log_likelihood(residual, at[:, -1], quantified[rows], left[rows])

    rows = np.flatnonzero(active)
    now[rows] = value(rows, theta[rows])
    for _ in range(_STEPS):
        rows = np.flatnonzero(active & ~converged)
        if rows.size == 0:
            break
        step, decrement, information[rows] = _step(theta[rows], row[rows], quantified[rows], left[rows])
        pending = np.ones(rows.size, dtype=np.bool_)
        share = 1.0
        for _ in range(_HALVINGS):
            part = np.flatnonzero(pending)
            if part.size == 0:
                break
            trial = theta[rows[part]] + share * step[part]
            found = value(rows[part], trial)
            better = found >= now[rows[part]]
            theta[rows[part[better]]], now[rows[part[better]]] = trial[better], found[better]
            pending[part[better]] = False
            share *= 0.5
        converged[rows] = decrement < _DECREMENT
        active[rows] = (theta[rows, -1] < _VANISHED) & (~pending | converged[rows])
        converged &= active
    t = np.where(converged, theta[:, -1], 1.0)
    coefficient = np.where(converged[:, None], theta[:, :-1] * scale[:, None] / (size * t[:, None]), 0.0)
    jacobian = np.zeros((m, p + 1, p + 1))
    for j in range(p):
        jacobian[:, j, j] = scale / (size[:, j] * t)
        jacobian[:, j, p] = -coefficient[:, j] / t
    jacobian[:, p, p] = -1.0 / t
    inverse = np.linalg.pinv(np.where(converged[:, None, None], information, np.eye(p + 1)), hermitian=True)
    covariance = jacobian @ inverse @ np.swapaxes(jacobian, 1, 2)
    return Tobit(
        coefficient=coefficient,
        sigma=np.where(converged, scale / t, 0.0),
        covariance=np.where(converged[:, None, None], covariance, 0.0),
        log_likelihood=np.where(converged, now - n * np.log(scale), 0.0),
        converged=converged,
    )


def censored_slopes(
    times: Floats, values: Floats, censoring: Codes, select: Mask, *, delay: float = 0.0
) -> CensoredSlopes:
    r"""Half-life of the decline by left-censored normal regression of ln(value) on time, values below their limits included.

    Parameters
    ----------
    times, values, censoring
        Padded arrays (m, k); times ascending and without ties.
    select
        The samples of the window, (m, k).
    delay
        A value counts that lies more than this after the peak.

    Returns
    -------
    CensoredSlopes
        ``half_life = -ln 2 / slope`` of the line of largest likelihood through all values after the peak; one below its limit
        says that the line's value there was at most the limit.

    Notes
    -----
    All values after the peak take part: which of them make the straightest line, and would be chosen by adjusted R2, depends on
    which are below the limit. A decline of two phases is described by one line; ``delay`` leaves the first phase out.

    Where all quantified values lie on one line and every limit is above it, the likelihood grows without bound towards that line:
    it is reported, with sigma 0.

    Undefined when there is no sample, none is quantifiable, fewer than three quantified values follow the peak, the line does not
    decline, or no maximum is found.
    """
    m = times.shape[0]
    use = after_peak(times, values, censoring, select, delay=delay)
    quantified = use & (censoring == NONE)
    count = quantified.sum(axis=1).astype(np.int64)
    enough = count >= MIN_POINTS
    logs = np.log(np.where(use, values, 1.0))
    share = 1.0 / np.maximum(use.sum(axis=1), 1)
    middle = np.where(use, times, 0.0).sum(axis=1) * share
    level = np.where(use, logs, 0.0).sum(axis=1) * share
    x, y = np.where(use, times - middle[:, None], 0.0), np.where(use, logs - level[:, None], 0.0)
    line = log_lines(times, values, quantified)
    own_time = np.divide(np.where(quantified, times, 0.0).sum(axis=1), count, out=np.zeros(m), where=enough)
    own_level = np.divide(np.where(quantified, logs, 0.0).sum(axis=1), count, out=np.zeros(m), where=enough)
    expected = own_level[:, None] + line.slope[:, None] * (times - own_time[:, None])
    beneath = ~some(use & (censoring == LEFT) & (expected > logs + 1e-9))
    apart = np.max(np.where(quantified, np.abs(logs - expected), 0.0), axis=1, initial=0.0)
    through = enough & (apart < _EXACT) & beneath
    fit = tobit(y, censoring, use & (enough & ~through)[:, None], np.stack([np.ones(x.shape), x], axis=2))
    slope = np.where(through, line.slope, fit.coefficient[:, 1])
    known = through | fit.converged
    first = np.min(np.where(use, times, np.inf), axis=1, initial=np.inf)
    final = np.max(np.where(use, times, -np.inf), axis=1, initial=-np.inf)
    width = np.where(some(use), np.where(some(use), final, 0.0) - np.where(some(use), first, 0.0), 0.0)
    defined = known & (-slope * width > 1e-12)
    seen = some(select & (censoring >= NONE) & (values > 0))
    late = np.where(enough, np.where(known, np.where(defined, DEFINED, NOT_DECLINING), NOT_CONVERGED), TOO_FEW)
    status = np.where(~some(select), NO_SAMPLE, np.where(~seen, NOTHING, late)).astype(np.int8)
    return CensoredSlopes(
        half_life=np.divide(-np.log(2.0), slope, out=np.zeros(m), where=defined),
        standard_error=np.where(defined, np.sqrt(np.maximum(fit.covariance[:, 1, 1], 0.0)), 0.0),
        sigma=np.where(defined, fit.sigma, 0.0),
        status=status,
        n_quantified=np.where(defined, count, 0),
        n_censored=np.where(defined, use.sum(axis=1) - count, 0).astype(np.int64),
        first_time=np.where(defined, first, 0.0),
        last_time=np.where(defined, final, 0.0),
        used=np.asarray(use & defined[:, None], dtype=np.bool_),
    )
