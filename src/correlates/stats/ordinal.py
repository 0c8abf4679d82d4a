"""Proportional-odds regression of an ordinal outcome on many covariates: estimates, profile limits, likelihood ratios, the test of its assumption.

logit P(Y >= j) = alpha_j + x'b with Jeffreys' penalty (with two grades Firth's; finite where the grades are separated) or by maximum likelihood.
Sources: McCullagh, JRSS B 1980;42:109-142. Peterson and Harrell, Appl Statist 1990;39:205-217 (score test). Kosmidis, JRSS B 2014;76:169-196 (bias and
boundary estimates of cumulative link models).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, ndtri

from correlates.stats.arrays import Bools, Floats, Ints, divide, where
from correlates.stats.cumulative_logit import chances, expected_information, observed_information, score
from correlates.stats.logistic import Penalty
from correlates.stats.ordinal_likelihood import Fits, Maximum, evaluate, maximise, solved

_OUTER = 60  # steps towards a profile limit
_ROOT = 1e-9  # how far, in log-likelihood, a limit may lie from where it belongs


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdinalModel:
    """A model of p columns for K grades.

    ``threshold`` (K - 1,): alpha_j of the grades above the lowest. ``coefficient`` (p,): log odds ratio of a higher grade per unit, ``standard_error``
    from the observed information, ``lower`` and ``upper`` profile limits (NaN where the profile does not fall that far), ``chi_square`` (1 df) and
    ``p_value`` of the likelihood ratio, ``covariance`` (p, p). ``log_likelihood`` is the objective (penalised, where it is), ``model_chi_square`` its
    ratio against no covariate. ``full_rank`` false: columns are linearly dependent. ``converged`` false: no estimate, by maximum likelihood because
    the grades are separated.
    """

    threshold: Floats
    coefficient: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    chi_square: Floats
    p_value: Floats
    covariance: Floats
    log_likelihood: float
    model_chi_square: float
    full_rank: bool
    converged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdinalResamples:
    """Thresholds (B, K - 1) and coefficients (B, p) in B resamples, NaN where a resample gives none; ``converged`` (B,).

    ``log_likelihood`` (B,) is the plain one. A grade that a resample lacks has the threshold of the next grade there; above the highest there it is
    minus infinity.
    """

    threshold: Floats
    coefficient: Floats
    log_likelihood: Floats
    converged: Bools


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel:
    """Score test that columns have one odds ratio at all thresholds; NaN with two grades, or without a maximum likelihood estimate."""

    chi_square: float
    df: int
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scaled:
    """Standardised columns as fits of one resample, with what takes coefficients back: b = c / spread, a = alpha - sum b centre."""

    fits: Fits
    centre: Floats
    spread: Floats


def _scaled(design: npt.ArrayLike, grade: npt.ArrayLike, penalty: Penalty) -> _Scaled:
    x = np.asarray(design, dtype=np.float64)
    y = np.asarray(grade, dtype=np.float64)
    if x.ndim != 2 or y.shape != (x.shape[0],) or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("design must be (n, p) and grade (n,), both finite")
    grades, code = np.unique(y, return_inverse=True)
    if grades.size < 2:
        raise ValueError("the outcome needs two grades")
    centre = x.mean(axis=0)
    spread = x.std(axis=0)
    spread = where(spread > 1e-13 * np.abs(x).max(axis=0, initial=0.0), spread, 1.0)
    fits = Fits(
        x=(x - centre) / spread,
        y=code.astype(np.int64),
        k=int(grades.size),
        weight=np.ones((1, x.shape[0])),
        penalised=penalty is Penalty.FIRTH,
    )
    return _Scaled(fits=fits, centre=centre, spread=spread)


def _full_rank(x: Floats) -> bool:
    whole = np.column_stack((np.ones(x.shape[0]), x))
    rank = int(np.linalg.matrix_rank(whole, tol=1e-8 * np.sqrt(x.shape[0])))
    return rank == int(whole.shape[1])


def ordinal_model(
    design: npt.ArrayLike, grade: npt.ArrayLike, *, penalty: Penalty | str = Penalty.FIRTH, level: float = 0.95
) -> OrdinalModel:
    """Fit one model.

    Parameters
    ----------
    design
        (n, p) covariates.
    grade
        (n,) ordinal outcome; only its order counts.
    penalty
        ``firth``: Jeffreys' penalty; ``none``: maximum likelihood.
    level
        Confidence level of the profile limits.

    Raises
    ------
    ValueError
        Shapes that do not agree, values that are not finite, one grade only.
    """
    scaled = _scaled(design, grade, Penalty(penalty))
    fits, q, p = scaled.fits, scaled.fits.thresholds, scaled.fits.x.shape[1]
    nothing = np.full(p, np.nan)
    empty = OrdinalModel(
        threshold=np.full(q, np.nan),
        coefficient=nothing,
        standard_error=nothing,
        lower=nothing,
        upper=nothing,
        chi_square=nothing,
        p_value=nothing,
        covariance=np.full((p, p), np.nan),
        log_likelihood=float("nan"),
        model_chi_square=float("nan"),
        full_rank=_full_rank(fits.x),
        converged=False,
    )
    if not empty.full_rank:
        return empty
    top = maximise(fits, fits.start(), np.ones(fits.size, dtype=np.bool_))
    if not top.converged[0]:
        return empty
    own = np.arange(q, q + p)
    each = observed_information(chances(fits.eta(top.theta)), fits.y)
    covariance = np.linalg.inv(fits.information(each)[0])[q:, q:]
    se = np.sqrt(np.diag(covariance))
    without = _held(fits, top, own, np.zeros(p))
    chi = np.maximum(2.0 * (top.value[0] - where(without.converged, without.value, np.nan)), 0.0)
    drop = float(ndtri(0.5 + level / 2.0)) ** 2 / 2.0
    lower, upper = (_limits(fits, top, se, drop, side) for side in (-1.0, 1.0))
    beta = top.theta[0, q:]
    nobody = maximise(fits, fits.start(), np.arange(fits.size) < q)
    return replace(
        empty,
        threshold=top.theta[0, :q] - float((beta / scaled.spread) @ scaled.centre),
        coefficient=beta / scaled.spread,
        standard_error=se / scaled.spread,
        lower=lower / scaled.spread,
        upper=upper / scaled.spread,
        chi_square=chi,
        p_value=chdtrc(1.0, chi),
        covariance=covariance / np.outer(scaled.spread, scaled.spread),
        # log det of the information on the scale of the design
        log_likelihood=float(top.value[0]) + (float(np.log(scaled.spread).sum()) if fits.penalised else 0.0),
        model_chi_square=max(2.0 * float(top.value[0] - nobody.value[0]), 0.0),
        converged=True,
    )


def _held(fits: Fits, top: Maximum, columns: Ints, at: Floats) -> Maximum:
    """Maxima (R,) with one parameter each held: parameter ``columns`` (R,) at the values ``at`` (R,)."""
    rows = np.arange(columns.size)
    start = np.repeat(top.theta, columns.size, axis=0)
    start[rows, columns] = at
    free = np.ones(start.shape, dtype=np.bool_)
    free[rows, columns] = False
    return maximise(_copies(fits, columns.size), start, free)


def _copies(fits: Fits, count: int) -> Fits:
    return replace(fits, weight=np.repeat(fits.weight, count, axis=0))


def _limits(fits: Fits, top: Maximum, se: Floats, drop: float, side: float) -> Floats:
    """Where the profile of each coefficient lies ``drop`` below the maximum (p,), on one side; NaN where it does not fall that far."""
    q, p = fits.thresholds, se.size
    beta = top.theta[0, q:]
    reach = se * np.sqrt(2.0 * drop)
    at = beta + side * reach
    found = np.full(p, np.nan)
    low, high = beta.copy(), np.full(p, side * np.inf)
    live = np.arange(p)
    theta = np.repeat(top.theta, p, axis=0)
    for _ in range(_OUTER):
        here = at[live]
        start = theta[live]
        start[np.arange(live.size), q + live] = here
        free = np.ones(start.shape, dtype=np.bool_)
        free[np.arange(live.size), q + live] = False
        part = _copies(fits, live.size)
        best = maximise(part, start, free, tolerance=1e-13)
        theta[live] = best.theta
        gap = best.value - (top.value[0] - drop)
        hit = best.converged & (np.abs(gap) < _ROOT)
        found[live[hit]] = here[hit]
        low[live] = where(gap > 0, here, low[live])
        high[live] = where(gap > 0, high[live], here)
        pull = evaluate(part, best.theta).gradient[np.arange(live.size), q + live]
        newton = here - divide(gap, pull)
        bounded = np.isfinite(high[live])
        edge = where(bounded, high[live], newton)
        middle = where(bounded, (low[live] + where(bounded, high[live], 0.0)) / 2.0, here + side * 2.0 * reach[live])
        within = ((newton - low[live]) * side > 0) & ((edge - newton) * side >= 0)
        within &= np.abs(newton - here) <= 8.0 * reach[live]
        at[live] = where(within, newton, middle)
        live = live[best.converged & ~hit]
        if not live.size:
            break
    return found


def ratio_without(
    design: npt.ArrayLike, grade: npt.ArrayLike, out: Bools, *, penalty: Penalty | str = Penalty.FIRTH
) -> float:
    """Twice the objective lost when the columns ``out`` (p,) are held at 0, the penalty that of the whole design; NaN where not reached."""
    fits = _scaled(design, grade, Penalty(penalty)).fits
    everything = np.ones(fits.size, dtype=np.bool_)
    top = maximise(fits, fits.start(), everything)
    less = maximise(fits, fits.start(), np.concatenate((everything[: fits.thresholds], ~out)))
    if not (top.converged[0] and less.converged[0]):
        return float("nan")
    return max(2.0 * float(top.value[0] - less.value[0]), 0.0)


def separated(design: npt.ArrayLike, grade: npt.ArrayLike) -> bool:
    """Whether the grades are separated, so that no finite maximum likelihood estimate exists."""
    fits = _scaled(design, grade, Penalty.NONE).fits
    return not bool(maximise(fits, fits.start(), np.ones(fits.size, dtype=np.bool_)).converged[0])


def parallel_test(design: npt.ArrayLike, grade: npt.ArrayLike, columns: npt.ArrayLike) -> Parallel:
    """Score test that the columns (indices) have one coefficient at every threshold; the others keep one each.

    Notes
    -----
    At the maximum likelihood estimate of the common coefficients the score of the wider model is set against its expected information; df = columns x
    (K - 2). With few subjects per grade it rejects too often (Peterson and Harrell 1990).
    """
    fits = _scaled(design, grade, Penalty.NONE).fits
    widened = np.asarray(columns, dtype=np.int64)
    q, df = fits.thresholds, int(widened.size * (fits.thresholds - 1))
    top = maximise(fits, fits.start(), np.ones(fits.size, dtype=np.bool_)) if _full_rank(fits.x) else None
    if df == 0 or top is None or not top.converged[0]:
        return Parallel(chi_square=float("nan"), df=df, p_value=float("nan"))
    at = chances(fits.eta(top.theta))
    n = fits.y.size
    common = np.setdiff1d(np.arange(fits.x.shape[1]), widened)
    # one row per subject and threshold: thresholds, common columns, and each widened column at its threshold alone
    shape = (n, q, q + common.size + q * widened.size)
    rows = np.zeros(shape)
    rows[:, np.arange(q), np.arange(q)] = 1.0
    rows[:, :, q : q + common.size] = fits.x[:, None, common]
    for j in range(q):
        first = q + common.size + j * widened.size
        rows[:, j, first : first + widened.size] = fits.x[:, widened]
    gradient = np.einsum("nj,njs->s", score(at, fits.y)[0], rows)
    information = np.einsum("njs,njl,nlt->st", rows, expected_information(at)[0], rows)
    chi = float(gradient @ solved(information[None], gradient[None])[0])
    if not np.isfinite(chi):
        return Parallel(chi_square=float("nan"), df=df, p_value=float("nan"))
    chi = max(chi, 0.0)
    return Parallel(chi_square=chi, df=df, p_value=float(chdtrc(df, chi)))


def ordinal_resamples(
    design: npt.ArrayLike,
    grade: Ints,
    weight: Floats,
    *,
    levels: int,
    penalty: Penalty | str = Penalty.FIRTH,
) -> OrdinalResamples:
    """Fit one model in B resamples.

    Parameters
    ----------
    design
        (n, p) columns, or (B, n, p) where each resample has its own.
    grade
        (n,) numbers of the grades, 0..levels - 1.
    weight
        (B, n) how often each subject counts.
    levels
        K.
    penalty
        As for :func:`ordinal_model`.
    """
    given = np.asarray(design, dtype=np.float64)
    count = weight.shape[0]
    p = given.shape[-1]
    centre = given.mean(axis=-2, keepdims=True)
    spread = given.std(axis=-2, keepdims=True)
    spread = where(spread > 0, spread, 1.0)
    columns = (given - centre) / spread
    threshold = np.full((count, levels - 1), np.nan)
    beta = np.full((count, p), np.nan)
    value, converged = np.full(count, np.nan), np.zeros(count, dtype=np.bool_)
    occurs = np.stack([weight[:, grade == j].sum(axis=1) > 0 for j in range(levels)], axis=1)
    for pattern in np.unique(occurs, axis=0):
        at = np.flatnonzero((occurs == pattern).all(axis=1))
        if pattern.sum() < 2:
            continue
        code = np.where(pattern[grade], (np.cumsum(pattern) - 1)[grade], 0)
        own = columns if columns.ndim == 2 else columns[at]
        fits = Fits(x=own, y=code, k=int(pattern.sum()), weight=weight[at], penalised=Penalty(penalty) is Penalty.FIRTH)
        top = maximise(fits, fits.start(), np.ones(fits.size, dtype=np.bool_), tolerance=1e-11)
        beta[at] = top.theta[:, fits.thresholds :]
        # the threshold of grade j: that of the lowest grade there from j on
        after = np.concatenate((top.theta[:, : fits.thresholds], np.full((at.size, 1), -np.inf)), axis=1)
        place = np.cumsum(pattern[::-1])[::-1]  # grades there from j on
        threshold[at] = np.concatenate((np.full((at.size, 1), np.inf), after), axis=1)[:, pattern.sum() - place[1:]]
        value[at], converged[at] = top.log_likelihood, top.converged
    back = beta / spread[..., 0, :]
    moved = threshold - (back * centre[..., 0, :]).sum(axis=1)[:, None]
    return OrdinalResamples(
        threshold=where(converged[:, None], moved, np.nan),
        coefficient=where(converged[:, None], back, np.nan),
        log_likelihood=where(converged, value, np.nan),
        converged=converged,
    )
