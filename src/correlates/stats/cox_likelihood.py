"""Cox partial log-likelihood, with or without Firth's penalty, for a batch of models on one follow-up: value, score, maximum, profile.

l(b) = sum over events of (b'x - log A), A the sum of exp(b'x) over those at risk; with d tied events, Efron's A takes away l/d of the
tied events' own sum for l = 0..d-1 (Efron, JASA 1977;72:557-565, doi:10.1080/01621459.1977.10480613), Breslow's takes away nothing
(Breslow, Biometrics 1974;30:89-99). Penalised: l*(b) = l(b) + 1/2 log det I(b) (Heinze and Schemper, Biometrics 2001;57:114-119,
doi:10.1111/j.0006-341X.2001.00114.x). Newton steps use the exact second derivative of l or l*; where that of l* gives no ascent (l* need
not be concave) the information of l takes its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from correlates.stats.arrays import Bools, Floats, Ints, divide, where
from correlates.stats.at_risk import RiskSets

_DECREMENT = 1e-18  # twice the log-likelihood still to gain at which a maximum is taken as reached
_STALLED = 1e-9  # the same where rounding lets no step gain any more
_WIDEST = (
    5.0  # largest change of the range of a linear predictor in the first step; the bound doubles from step to step
)
_STEPS = 100
_ROOT = 1e-6  # on the scale of the signed root; the Newton step that follows squares it


class Ties(StrEnum):
    """How tied event times enter the partial likelihood."""

    EFRON = "efron"
    BRESLOW = "breslow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """m models with p covariates each on one follow-up.

    ``x`` (m, p, n), centred; ``products`` (m, p * p, n) the outer product of each column with itself; ``present`` (m, n) 0 or 1;
    ``counts`` (m, D) 0 or 1 which events are present; ``fraction`` (m, D) the share of the tied events taken out of A.
    """

    risk: RiskSets
    x: Floats
    products: Floats
    present: Floats
    counts: Floats
    fraction: Floats
    firth: bool

    @property
    def terms(self) -> int:
        """How many coefficients each model has."""
        return int(self.x.shape[1])

    def rows(self, at: Ints) -> Batch:
        """Some of the models."""
        return Batch(
            risk=self.risk,
            x=self.x[at],
            products=self.products[at],
            present=self.present[at],
            counts=self.counts[at],
            fraction=self.fraction[at],
            firth=self.firth,
        )


def batch(risk: RiskSets, x: Floats, present: Floats, *, ties: Ties, firth: bool) -> Batch:
    """A batch of models; x (m, p, n) is centred by model and covariate, rows that are absent become 0."""
    m, p, n = x.shape
    count = np.maximum(present.sum(axis=1), 1.0)
    centred = (x - ((x * present[:, None]).sum(axis=2) / count[:, None])[:, :, None]) * present[:, None]
    counts = present[:, risk.deaths]
    fraction = np.zeros(counts.shape)
    if ties is Ties.EFRON and risk.times:
        earlier = np.cumsum(counts, axis=1) - counts
        position = earlier - earlier[:, risk.starts][:, risk.at]
        tied = np.add.reduceat(counts, risk.starts, axis=1)[:, risk.at]
        fraction = where(counts > 0, position / np.maximum(tied, 1.0), 0.0)
    products = (centred[:, :, None, :] * centred[:, None, :, :]).reshape(m, p * p, n)
    return Batch(
        risk=risk, x=centred, products=products, present=present, counts=counts, fraction=fraction, firth=firth
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """At each event (its share of the tied events taken out): log A (m, D), mean (m, p, D) and covariance (m, p, p, D) of x at risk."""

    log_sum: Floats
    mean: Floats
    covariance: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The (penalised) log-likelihood (m,), its score (m, p), minus its second derivative, and the information of l (m, p, p)."""

    value: Floats
    score: Floats
    curvature: Floats
    information: Floats

    def put(self, at: Bools | Ints, other: Point) -> None:
        """Overwrite the models at ``at``."""
        self.value[at] = other.value
        self.score[at] = other.score
        self.curvature[at] = other.curvature
        self.information[at] = other.information

    def rows(self, at: Bools | Ints) -> Point:
        """Some of the models."""
        return Point(
            value=self.value[at],
            score=self.score[at],
            curvature=self.curvature[at],
            information=self.information[at],
        )


def _at_events(models: Batch, weighted: Floats) -> Floats:
    """Sums (m, q, D) over those at risk at each event, less its fraction of the tied events."""
    risk = models.risk
    sums: Floats = risk.total(weighted)[..., risk.at]
    if models.fraction.any():
        sums -= models.fraction[:, None] * risk.died(weighted)[..., risk.at]
    return sums


def _weights(models: Batch, beta: Floats) -> tuple[Floats, Floats, Floats]:
    """Linear predictor (m, n) less its largest value, that value (m,), and the weights exp() of those present."""
    eta = (beta[:, None, :] @ models.x)[:, 0, :]
    top = where(models.present > 0, eta, -np.inf).max(axis=1, initial=-np.inf)
    top = where(np.isfinite(top), top, 0.0)
    eta = where(models.present > 0, eta - top[:, None], 0.0)
    return eta, top, models.present * np.exp(eta)


def moments(models: Batch, beta: Floats) -> tuple[Moments, Floats]:
    """Moments of x over the risk sets, and the linear predictor (m, n) on the same footing as ``log_sum``."""
    m, p = beta.shape
    eta, _, weight = _weights(models, beta)
    stack = np.concatenate((weight[:, None], weight[:, None] * models.x, weight[:, None] * models.products), axis=1)
    sums = _at_events(models, stack)
    total = where((sums[:, 0] > 0) & (models.counts > 0), sums[:, 0], np.nan)
    filled = where(np.isfinite(total), total, 1.0)
    mean = sums[:, 1 : 1 + p] / filled[:, None]
    second = (sums[:, 1 + p :] / filled[:, None]).reshape(m, p, p, mean.shape[2])
    covariance = second - mean[:, :, None] * mean[:, None, :]
    return Moments(log_sum=np.log(total), mean=mean, covariance=covariance), eta


def evaluate(models: Batch, beta: Floats) -> Point:
    """The log-likelihood and its derivatives at beta (m, p); -inf where a risk set has no weight left in numbers."""
    at, eta = moments(models, beta)
    deaths, counts = models.risk.deaths, models.counts
    lost = ((counts > 0) & ~np.isfinite(at.log_sum)).any(axis=1)
    value = (counts * (eta[:, deaths] - where(np.isfinite(at.log_sum), at.log_sum, 0.0))).sum(axis=1)
    score = (counts[:, None] * (models.x[:, :, deaths] - at.mean)).sum(axis=2)
    information = (counts[:, None, None] * at.covariance).sum(axis=3)
    curvature = information.copy()
    if models.firth:
        bonus, push, bend = _penalty(models, beta, at, information)
        value, score, curvature = value + bonus, score + push, curvature - bend
    return Point(value=where(lost, -np.inf, value), score=score, curvature=curvature, information=information)


def _penalty(models: Batch, beta: Floats, at: Moments, information: Floats) -> tuple[Floats, Floats, Floats]:
    """1/2 log det I (m,) with its gradient (m, p) and second derivative (m, p, p).

    With V = I^-1: the gradient is 1/2 tr(V I_k), the second derivative 1/2 tr(V I_kl) - 1/2 tr(V I_k V I_l); I_k and I_kl are sums
    over the events of the third and fourth cumulants of x over the risk set. The fourth is needed only contracted with V.
    """
    m, p = beta.shape
    sign, logdet = np.linalg.slogdet(information)
    regular = (sign > 0) & np.isfinite(logdet)
    inverse = np.linalg.inv(where(regular[:, None, None], information, np.eye(p)))
    _, _, weight = _weights(models, beta)
    w = weight[:, None]
    form = inverse.reshape(m, 1, p * p) @ models.products  # q = x' V x of each row (m, 1, n)
    cubes = (models.products[:, :, None] * models.x[:, None]).reshape(m, p**3, weight.shape[1])
    stack = np.concatenate((w, w * form, w * form * models.x, w * form * models.products, w * cubes), axis=1)
    sums = _at_events(models, stack)
    sums = sums / where(sums[:, :1] > 0, sums[:, :1], 1.0)
    q, qx = sums[:, 1], sums[:, 2 : 2 + p]
    events = sums.shape[2]
    qxx = sums[:, 2 + p : 2 + p + p * p].reshape(m, p, p, events)
    xxx = sums[:, 2 + p + p * p :].reshape(m, p, p, p, events)
    mean, spread = at.mean, at.covariance
    square = mean[:, :, None] * mean[:, None]
    raw = spread + square
    turned = inverse @ mean
    along = (turned * mean).sum(axis=1)
    third = (
        xxx
        - mean[:, :, None, None] * raw[:, None]
        - mean[:, None, :, None] * raw[:, :, None]
        - mean[:, None, None] * raw[:, :, :, None]
        + 2.0 * mean[:, :, None, None] * square[:, None]
    )
    slopes = (models.counts[:, None, None, None] * third).sum(axis=4).reshape(m, p * p, p)
    push = 0.5 * (inverse.reshape(m, 1, p * p) @ slopes)[:, 0]
    ux = (raw * turned[:, None]).sum(axis=2)
    about_q = qxx - mean[:, :, None] * qx[:, None] - qx[:, :, None] * mean[:, None] + q[:, None, None] * square
    about_u = (
        (xxx * turned[:, :, None, None]).sum(axis=1)
        - mean[:, :, None] * ux[:, None]
        - ux[:, :, None] * mean[:, None]
        + along[:, None, None] * square
    )
    fourth = about_q - 2.0 * about_u + along[:, None, None] * spread
    size = (inverse[:, :, :, None] * spread).sum(axis=(1, 2))
    paired = np.einsum("mkid,mij,mjld->mkld", spread, inverse, spread)
    whole = (models.counts[:, None, None] * (fourth - size[:, None, None] * spread - 2.0 * paired)).sum(axis=3)
    moved = inverse @ slopes.reshape(m, p, p * p)  # V I_k, as (m, i, j, k)
    moved = moved.reshape(m, p, p, p)
    traces = np.einsum("mijk,mjil->mkl", moved, moved)
    bend = 0.5 * (whole - traces)
    keep = regular[:, None]
    return where(regular, 0.5 * logdet, -np.inf), where(keep, push, 0.0), where(keep[:, None], bend, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maximum:
    """Where the log-likelihood is largest over the free coefficients: beta (m, p), the point there, and whether it was reached."""

    beta: Floats
    point: Point
    converged: Bools


def maximise(models: Batch, start: Floats, free: Bools) -> Maximum:
    """Newton's method with step halving over the coefficients ``free`` (p,); the others stay at ``start`` (m, p)."""
    beta = start.copy()
    point = evaluate(models, beta)
    converged = np.zeros(beta.shape[0], dtype=np.bool_)
    if not free.any():
        return Maximum(beta=beta, point=point, converged=np.isfinite(point.value))
    active = np.flatnonzero(np.isfinite(point.value))
    here = models.rows(active)
    for taken in range(_STEPS):
        if active.size == 0:
            break
        at = point.rows(active)
        step, gain = _direction(at, free)
        moved = (step[:, None, :] @ here.x)[:, 0, :]
        widest = _WIDEST * 2.0 ** min(taken, 20)
        step *= np.minimum(1.0, widest / np.maximum(np.ptp(moved, axis=1), widest))[:, None]
        done = gain < _DECREMENT
        trying = ~done
        scale = np.ones(active.size)
        for _ in range(30):
            rows = np.flatnonzero(trying)
            if rows.size == 0:
                break
            candidate = beta[active[rows]] + scale[rows, None] * step[rows]
            new = evaluate(here if rows.size == active.size else here.rows(rows), candidate)
            better = new.value >= at.value[rows] - 1e-13 * (1.0 + np.abs(at.value[rows]))
            hit = rows[better]
            beta[active[hit]] = candidate[better]
            point.put(active[hit], new.rows(better))
            trying[hit] = False
            scale[rows[~better]] /= 2.0
        converged[active[done | (trying & (gain < _STALLED))]] = True
        keep = ~(done | trying)
        if not keep.all():
            here, active = here.rows(np.flatnonzero(keep)), active[keep]
    return Maximum(beta=beta, point=point, converged=converged)


def solve(matrix: Floats, right: Floats) -> Floats:
    """Solutions (m, p) of a batch of symmetric systems; NaN where the matrix is singular to rounding."""
    size = matrix.shape[-1]
    if size == 1:
        return divide(right, matrix[:, :, 0])
    scale = np.sqrt(np.maximum(np.abs(np.einsum("mii->mi", matrix)), 1e-300))
    scaled = matrix / (scale[:, :, None] * scale[:, None, :])
    sign, logdet = np.linalg.slogdet(scaled)
    bad = (sign == 0) | ~np.isfinite(logdet) | (logdet < -60.0)
    scaled = where(bad[:, None, None], np.eye(size), scaled)
    solution = np.linalg.solve(scaled, (right / scale)[:, :, None])[:, :, 0] / scale
    return where(bad[:, None], np.nan, solution)


def _direction(at: Point, free: Bools) -> tuple[Floats, Floats]:
    """The step over the free coefficients (m, p), zero elsewhere, and score times step (m,): twice the gain expected."""
    index = np.flatnonzero(free)
    score = at.score[:, index]
    step = solve(at.curvature[:, index[:, None], index], score)
    gain = (score * step).sum(axis=1)
    wrong = ~(gain >= 0)
    if wrong.any():
        fisher = solve(at.information[wrong][:, index[:, None], index], score[wrong])
        step[wrong] = where(np.isfinite(fisher), fisher, 0.0)
        gain[wrong] = (score[wrong] * step[wrong]).sum(axis=1)
    full = np.zeros(at.score.shape)
    full[:, index] = step
    return full, gain


def tangent(at: Point, index: int) -> Floats:
    """How the other coefficients follow (m, p) when coefficient ``index`` moves by 1 along its profile; 1 at ``index``."""
    slope = np.zeros(at.score.shape)
    slope[:, index] = 1.0
    others = np.flatnonzero(np.arange(at.curvature.shape[2]) != index)
    if others.size:
        follow = -solve(at.curvature[:, others[:, None], others], at.curvature[:, others, index])
        slope[:, others] = where(np.isfinite(follow), follow, 0.0)
    return slope


def likelihood_ratio(models: Batch, top: Maximum, index: int) -> tuple[Floats, Bools]:
    """Twice the log-likelihood lost when coefficient ``index`` is held at 0 (m,), and whether that maximum was reached.

    The penalty keeps all the covariates, as coxphf does.
    """
    start = top.beta - top.beta[:, index : index + 1] * tangent(top.point, index)
    origin = np.zeros(start.shape)
    lower = ~(evaluate(models, start).value >= evaluate(models, origin).value)
    null = maximise(models, where(lower[:, None], origin, start), np.arange(models.terms) != index)
    return np.maximum(2.0 * (top.point.value - null.point.value), 0.0), null.converged


def profile_limit(models: Batch, top: Maximum, index: int, side: int, root: float) -> Floats:
    """Where the signed root of the profile log-likelihood ratio of coefficient ``index`` reaches ``root``: (m,), NaN if not found.

    r(b) = sqrt(2 (l max - l profile(b))) is nearly linear in b; Newton on it with its exact slope (the score of the coefficient at
    the maximum over the others), kept safe by a bracket, which is halved where a step has not halved what was missing.
    """
    m = top.beta.shape[0]
    limit = np.full(m, np.nan)
    free = np.arange(models.terms) != index
    unit = np.zeros(top.beta.shape)
    unit[:, index] = 1.0
    spread = np.sqrt(np.maximum(solve(top.point.information, unit)[:, index], 0.0))
    active = np.flatnonzero(top.converged & np.isfinite(spread) & (spread > 0))
    here = models.rows(active)
    centre, highest = top.beta[active, index], top.point.value[active]
    inside, outside = centre.copy(), np.full(active.size, side * np.inf)
    missing = np.full(active.size, np.inf)
    guess = top.beta[active] + (side * root * spread[active])[:, None] * tangent(top.point.rows(active), index)
    for _ in range(_STEPS):
        if active.size == 0:
            break
        at = maximise(here, guess, free)
        b = guess[:, index]
        ratio = np.sqrt(np.maximum(2.0 * (highest - at.point.value), 0.0))
        excess = where(at.converged, ratio - root, np.inf)
        slope = where(ratio > 0, -at.point.score[:, index] / np.maximum(ratio, 1e-300), 0.0)
        proper = at.converged & (slope * side > 0)
        newton = b - where(proper, excess / where(proper, slope, 1.0), 0.0)
        done = proper & (np.abs(excess) < _ROOT)
        limit[active[done]] = newton[done]
        inside, outside = where(excess <= 0, b, inside), where(excess > 0, b, outside)
        bounded = np.isfinite(outside)
        within = ((newton - inside) * side > 0) & (~bounded | ((outside - newton) * side > 0))
        farthest = centre + 4.0 * (inside - centre) + side * 1e-8
        safe = where(bounded, (inside + where(bounded, outside, 0.0)) / 2.0, farthest)
        quick = ~bounded | (np.abs(excess) <= 0.5 * missing)
        missing = np.abs(excess)
        target = where(proper & within & quick, newton, safe)
        target = where(~bounded & ((target - farthest) * side > 0), farthest, target)
        follow = where(at.converged[:, None], tangent(at.point, index), unit[active])
        guess = where(at.converged[:, None], at.beta, top.beta[active]) + (target - b)[:, None] * follow
        guess[:, index] = target
        keep = ~done
        if not keep.all():
            here, active = here.rows(np.flatnonzero(keep)), active[keep]
            centre, highest, guess = centre[keep], highest[keep], guess[keep]
            inside, outside, missing = inside[keep], outside[keep], missing[keep]
    return limit
