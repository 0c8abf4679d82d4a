"""Censored normal regression (Tobit), many at once.

Sources: Tobin J. Econometrica 1958;26:24-36. Olsen RJ. Econometrica 1978;46:1211-1215 (the parameters in which the likelihood is
concave).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import erfcx

from correlates.stats.profiles import LEFT, NONE, RIGHT, Codes, Floats, Ints, Mask

_STEPS, _HALVINGS, _DECREMENT, _VANISHED = 100, 40, 1e-13, 1e7
_FLAT = 1e6  # variance of a coefficient, values and covariates of unit size, beyond which nothing is known of it
_RANK = 1e-10  # share of a covariate that the others leave unexplained, below which they explain it all
_FIRST_SIGMA = 1e-3  # of the first guess, values of unit size: least squares may find a line without scatter
_HALF_LOG_2PI = 0.5 * np.log(2.0 * np.pi)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tobit:
    """Censored normal regressions. 0 where ``converged`` is false.

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
        Whether there is a maximum, (m,): see the notes of :func:`tobit`.
    """

    coefficient: Floats
    sigma: Floats
    covariance: Floats
    log_likelihood: Floats
    converged: Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class _Data:
    """What the likelihood reads, one column per regression: -x and y (p + 1 arrays of (k, m) or (k, 1)), and which is how known."""

    columns: tuple[Floats, ...]
    exact: Floats
    side: Codes
    n: Floats

    def of(self, rows: Ints) -> _Data:
        return _Data(
            columns=tuple(c if c.shape[1] == 1 else c[:, rows] for c in self.columns),
            exact=self.exact[:, rows],
            side=self.side[:, rows],
            n=self.n[rows],
        )

    def least_squares(self, use: Floats) -> tuple[Floats, Floats, Mask]:
        """Coefficients of y on x, residual sum of squares, and whether x is of full rank; limits count as values."""
        p = len(self.columns) - 1
        gram = _weighted(use, self.columns)
        b, full = _solve(gram[:p, :p], -gram[:p, p])
        return b, gram[p, p] + (gram[:p, p] * b).sum(axis=0), full


@dataclass(frozen=True, slots=True, kw_only=True)
class _At:
    """Log-likelihood (m,) at a point, its derivative by each residual and minus its second derivative, (k, m)."""

    value: Floats
    push: Floats
    weight: Floats


def _at(theta: Floats, data: _Data) -> _At:
    """The likelihood at theta = (b / sigma, 1 / sigma), (p + 1, m); minus infinity where 1 / sigma is not positive."""
    t = theta[-1]
    z = sum((c * b for c, b in zip(data.columns, theta, strict=True)), np.zeros(data.exact.shape))
    push, weight = -z * data.exact, data.exact.copy()
    each = 0.5 * z * push
    beyond = data.side != 0
    side = data.side[beyond]
    u = side * z[beyond]
    tail = erfcx(np.minimum(u, 37.0) / -np.sqrt(2.0))
    mills = np.sqrt(2.0 / np.pi) / tail  # phi(u) / Phi(u), far below 0 too
    each[beyond] = np.where(u > 8.0, 0.0, np.log(0.5 * tail) - 0.5 * u**2)  # Phi(8) is 1 to the last digit
    push[beyond] = side * mills
    weight[beyond] = mills * (mills + u)
    positive = t > 0
    value = each.sum(axis=0) + data.n * (np.log(np.where(positive, t, 1.0)) - _HALF_LOG_2PI)
    return _At(value=np.where(positive, value, -np.inf), push=push, weight=weight)


def _weighted(weight: Floats, columns: tuple[Floats, ...]) -> Floats:
    """Sums of weight x column x column, (q, q, m)."""
    q = len(columns)
    found = np.empty((q, q, weight.shape[1]))
    for i, a in enumerate(columns):
        part = weight * a
        for j in range(i + 1):
            found[i, j] = found[j, i] = (part * columns[j]).sum(axis=0)
    return found


def _derivatives(at: _At, theta: Floats, data: _Data) -> tuple[Floats, Floats]:
    """Gradient (p + 1, m) and observed information (p + 1, p + 1, m)."""
    gradient = np.stack([(at.push * c).sum(axis=0) for c in data.columns])
    information = _weighted(at.weight, data.columns)
    gradient[-1] += data.n / theta[-1]
    information[-1, -1] += data.n / theta[-1] ** 2
    return gradient, information


def _solve(matrix: Floats, right: Floats) -> tuple[Floats, Mask]:
    """Solutions (q, m) of symmetric positive definite systems (q, q, m), by elimination, and which of them are that; 0 elsewhere."""
    q = right.shape[0]
    a, x = matrix.copy(), right.copy()
    fine = np.ones(right.shape[1], dtype=np.bool_)
    for i in range(q):
        fine &= a[i, i] > _RANK * matrix[i, i]
        a[i, i] = np.where(fine, a[i, i], 1.0)
        for j in range(i + 1, q):
            share = a[i, j] / a[i, i]
            for k in range(j, q):
                a[j, k] -= share * a[i, k]
            x[j] -= share * x[i]
    for i in reversed(range(q)):
        for j in range(i + 1, q):
            x[i] -= a[i, j] * x[j]
        x[i] /= a[i, i]
    return np.where(fine, x, 0.0), fine


def _climb(start: Floats, data: _Data, value: Floats, step: Floats) -> tuple[Floats, _At, Mask]:
    """The point a step leads to, halved until the likelihood does not fall there, and where even the shortest one lets it fall."""
    theta = start + step
    at = _at(theta, data)
    worse = ~(at.value >= value - 1e-14 * np.abs(value))
    share = 1.0
    for _ in range(_HALVINGS):
        if not worse.any():
            break
        share *= 0.5
        rows = np.flatnonzero(worse)
        theta[:, rows] = start[:, rows] + share * step[:, rows]
        again = _at(theta[:, rows], data.of(rows))
        at.value[rows], at.push[:, rows], at.weight[:, rows] = again.value, again.push, again.weight
        worse[rows] = ~(again.value >= value[rows] - 1e-14 * np.abs(value[rows]))
    return theta, at, worse


def _maximum(theta: Floats, data: _Data, rows: Ints) -> Mask:
    """Newton's method from ``theta``, which is changed, for some of the regressions: which of all have come to a maximum."""
    arrived = np.zeros(theta.shape[1], dtype=np.bool_)
    here, mine = theta[:, rows], data.of(rows)
    at = _at(here, mine)
    for _ in range(_STEPS):
        if rows.size == 0:
            break
        gradient, information = _derivatives(at, here, mine)
        step, fine = _solve(information, gradient)
        gain = (gradient * step).sum(axis=0)
        there = fine & (gain < _DECREMENT * np.maximum(1.0, np.abs(at.value))) & (here[-1] + step[-1] > 0)
        theta[:, rows] = here
        theta[:, rows[there]] += step[:, there]
        arrived[rows[there]] = True
        goes_on = np.flatnonzero(fine & ~there)
        here, at, stuck = _climb(here[:, goes_on], mine.of(goes_on), at.value[goes_on], step[:, goes_on])
        left = np.flatnonzero(~stuck & (here[-1] < _VANISHED))
        here, rows, mine = here[:, left], rows[goes_on][left], mine.of(goes_on[left])
        at = _At(value=at.value[left], push=at.push[:, left], weight=at.weight[:, left])
    return arrived


def _inverse(matrix: Floats) -> tuple[Floats, Mask]:
    q, m = matrix.shape[1:]
    found = np.empty(matrix.shape)
    fine = np.ones(m, dtype=np.bool_)
    for i in range(q):
        unit = np.zeros((q, m))
        unit[i] = 1.0
        found[i], fine = _solve(matrix, unit)
    return found, fine


def tobit(y: Floats, censoring: Codes, use: Mask, x: Floats) -> Tobit:
    r"""Maximum likelihood of ``y = x b + e``, e normal, where some y are only known to be at most, or at least, a limit.

    Parameters
    ----------
    y
        Values, or the limits of the censored ones, (m, k).
    censoring
        -1 at most the value, 0 the value itself, 1 at least the value, (m, k).
    use
        Which of them count, (m, k).
    x
        Design, (m, k, p), or (k, p) where all share it; a column of ones where an intercept is wanted.

    Returns
    -------
    Tobit

    Notes
    -----
    The log-likelihood is ``sum ln(phi((y - x b) / s) / s)`` over the quantified values, plus ``sum ln(Phi((limit - x b) / s))`` over
    those below their limits, plus ``sum ln(Phi((x b - limit) / s))`` over those above. In ``b / s`` and ``1 / s`` it is concave (Olsen
    1978), and Newton's method with halved steps finds its maximum from any start; it starts from least squares through the limits.

    Undefined where nothing is quantified; where x is not of full rank; where the model passes through
    all quantified values with every limit on its far side: the likelihood then grows without bound; and where it goes on rising towards
    an infinite coefficient, as in a group without a quantified value: there it flattens, and leaves a coefficient next to no information.
    """
    m = y.shape[0]
    p = x.shape[-1]
    shared = x.ndim == 2
    exact = use & (censoring == NONE)
    n = exact.sum(axis=1).astype(np.float64)
    design = x[None] if shared else np.where(use[:, :, None], x, 0.0)
    y = np.where(use, y, 0.0)
    scale, size = np.max(np.abs(y), axis=1, initial=0.0), np.max(np.abs(design), axis=1, initial=0.0)
    scale, size = np.where(scale > 0, scale, 1.0), np.where(size > 0, size, 1.0)
    data = _Data(
        columns=(
            *(np.ascontiguousarray((-design[:, :, j] / size[:, j : j + 1]).T) for j in range(p)),
            (y / scale[:, None]).T.copy(),
        ),
        exact=exact.T.astype(np.float64),
        side=np.where(use & (censoring == LEFT), 1, np.where(use & (censoring == RIGHT), -1, 0))
        .astype(np.int8)
        .T.copy(),
        n=n,
    )
    b, left_over, full = data.least_squares(use.T.astype(np.float64))
    t = 1.0 / np.maximum(np.sqrt(np.maximum(left_over, 0.0) / np.maximum(use.sum(axis=1), 1)), _FIRST_SIGMA)
    theta = np.concatenate([b * t, t[None]])
    converged = _maximum(theta, data, np.flatnonzero((n > 0) & full))
    theta[:, ~converged] = 0.0
    theta[-1, ~converged] = 1.0
    at = _at(theta, data)
    variance, fine = _inverse(_derivatives(at, theta, data)[1])
    t = theta[-1]
    b = theta[:-1] / t
    # b / s and 1 / s to b and ln(s)
    variance[:-1] -= b[:, None] * variance[-1]
    variance[-1] *= -1.0
    variance = np.swapaxes(variance, 0, 1)
    variance[:-1] -= b[:, None] * variance[-1]
    variance[-1] *= -1.0
    variance /= t**2
    spread = np.diagonal(variance).T
    converged &= fine & ((spread > 0) & (spread < _FLAT)).all(axis=0)
    unit = np.concatenate([scale / size.T, np.ones((1, m))])
    return Tobit(
        coefficient=np.where(converged, b * unit[:-1], 0.0).T.copy(),
        sigma=np.where(converged, scale / t, 0.0),
        covariance=np.moveaxis(np.where(converged, variance * unit * unit[:, None], 0.0), -1, 0).copy(),
        log_likelihood=np.where(converged, at.value - n * np.log(scale), 0.0),
        converged=converged,
    )
