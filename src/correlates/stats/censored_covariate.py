"""Logistic and proportional-odds regression on a biomarker that is below or above its limits in some subjects.

A subject whose value is only known to lie beyond a limit adds to the likelihood the probability of its outcome averaged over the
distribution of the biomarker beyond that limit; nothing is substituted. The distribution is normal on the scale of the model, its mean
and standard deviation by maximum likelihood from all values (:func:`correlates.stats.tobit.tobit`).

Sources: Little and Rubin, Statistical Analysis with Missing Data, 3rd ed. 2019, chapters 6 and 15. May, Ibrahim and Chu, Stat Med
2011;30:2551-2561 (doi:10.1002/sim.4280), regression with covariates subject to a limit of detection. Louis, JRSS B 1982;44:226-233
(information). Firth, Biometrika 1993;80:27-38 (penalty).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, expit, logit, logsumexp, ndtri

from correlates.stats.arrays import Bools, Floats, Ints, divide, panel, where
from correlates.stats.censored_regression import censored_regression
from correlates.stats.cumulative_logit import chances, observed_information, score

_NODES = 24
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(_NODES)
_FAR = 60.0  # the region ends where the normal density is exp(-30) of its largest value there
_STEPS = 80
_TOLERANCE = 1e-17
_CELLS = 400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CensoredCovariate:
    """Regressions on m biomarkers with values beyond limits; every array is (m,), ``covariance`` (m, 2, 2).

    ``coefficient`` is the log odds ratio of the event (of a higher grade) per unit of x with profile limits and the P value of the
    likelihood ratio. ``intercept`` and the ``covariance`` of intercept and coefficient are of a binary outcome, NaN with more grades.
    ``mean`` and ``sd`` are of the distribution of x. ``monotone``: the likelihood rises without end (always 0 with Firth's penalty).
    NaN where undefined: ``converged`` false.
    """

    coefficient: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    chi_square: Floats
    p_value: Floats
    intercept: Floats
    covariance: Floats
    mean: Floats
    sd: Floats
    levels: Ints
    monotone: Bools
    converged: Bools


def beyond_limits(x: npt.ArrayLike, present: npt.ArrayLike, censoring: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Mean and standard deviation (m,) of normal distributions of which some values are only known to lie beyond a limit; NaN without any."""
    values, there = panel(x, present)
    fit = censored_regression(values, np.ones((values.shape[1], 1)), there, censoring=censoring)
    return fit.coefficient[:, 0], fit.sigma


def expected_beyond(x: Floats, present: Bools, censoring: Ints) -> Floats:
    """The biomarker (m, n) with its expected value in place of a limit: the score of the regression at no association takes it."""
    mean, sd = beyond_limits(x, present, censoring)
    found = x.copy()
    rows, columns = np.nonzero(present & (censoring != 0))
    if rows.size:
        z, weight = _nodes(x[rows, columns], censoring[rows, columns], mean[rows], sd[rows])
        found[rows, columns] = (z * weight).sum(axis=1)
    return found


def censored_covariate(
    x: npt.ArrayLike,
    outcome: npt.ArrayLike,
    present: npt.ArrayLike | None = None,
    *,
    censoring: npt.ArrayLike,
    firth: bool = False,
    level: float = 0.95,
) -> CensoredCovariate:
    """Regression of an ordinal or binary outcome on each biomarker of a panel, values beyond limits by their distribution.

    Parameters
    ----------
    x
        (m, n) biomarkers by subjects on the scale of the odds ratio wanted, the limit where censored.
    outcome
        (n,) numbers whose order counts; 0 and 1 for a binary outcome.
    present
        (m, n) which values are there; all, when not given.
    censoring
        (m, n) -1 at most the value, 0 the value, +1 at least the value.
    firth
        Whether the likelihood is penalised (binary outcomes only).
    level
        Confidence level of the profile limits.

    Notes
    -----
    logit P(Y >= k) = a_k + b x. Log-likelihood: sum of log P(Y = y | x) over quantified values, plus sum of log of the integral of
    P(Y = y | x) f(x) over the region beyond the limit, f normal and scaled to 1 there; by Gauss-Legendre of 24 points over the
    region. Penalised: plus 1/2 log det of the expected information of (a, b), averaged over f where x is beyond a limit. At b = 0 it does
    not depend on f, so the test holds its level whatever f is; limits take f as known.

    Undefined where the biomarker has no distribution (fewer than two different quantified values), one grade, no maximum.
    """
    values, there = panel(x, present)
    m, n = values.shape
    y = np.asarray(outcome, dtype=np.float64)
    sign = np.where(there, np.atleast_2d(np.asarray(censoring)), 0).astype(np.int64)
    if y.shape != (n,) or not np.isfinite(y).all() or sign.shape != values.shape:
        raise ValueError(f"outcome must hold {n} finite numbers, and censoring be ({m}, {n})")
    grades, code = np.unique(y, return_inverse=True)
    mean, sd = beyond_limits(values, there, sign)
    out = {name: np.full(m, np.nan) for name in _FIELDS}
    covariance = np.full((m, 2, 2), np.nan)
    monotone, converged = np.zeros(m, dtype=np.bool_), np.zeros(m, dtype=np.bool_)
    occurs = np.zeros((m, grades.size), dtype=np.bool_)
    for k in range(grades.size):
        occurs[:, k] = (there & (code == k)).any(axis=1)
    usable = np.isfinite(mean) & (sd > 0) & (occurs.sum(axis=1) > 1)
    limits = np.array([np.unique(np.stack((values[i], sign[i]))[:, sign[i] != 0], axis=1).shape[1] for i in range(m)])
    shapes = np.concatenate((occurs, limits[:, None]), axis=1)
    for shape in np.unique(shapes[usable], axis=0):
        kept = shape[:-1].astype(np.bool_)
        rows = np.flatnonzero(usable & (shapes == shape).all(axis=1))
        dense = np.where(kept[code], (np.cumsum(kept) - 1)[code], 0)
        k, cells = int(kept.sum()), int(shape[-1])
        if firth and k != 2:
            raise ValueError("the penalty is for binary outcomes")
        step = max(1, _CELLS // ((n + cells * k * _NODES) * (k + 1)))
        for first in range(0, rows.size, step):
            at = rows[first : first + step]
            standard = (values[at] - mean[at, None]) / sd[at, None]
            model = _model(where(there[at], standard, 0.0), dense, there[at], sign[at], k, cells, firth=firth)
            endless = np.zeros(at.size, dtype=np.bool_) if firth else _one_sided(model, there[at])
            one, spread, reached = _fit(model, level)
            good = reached & ~endless
            for name, array in one.items():
                out[name][at] = where(good, array, np.nan)
            for name in ("coefficient", "standard_error", "lower", "upper"):
                out[name][at] /= sd[at]
            if k == 2:
                turn = np.zeros((at.size, 2, 2))
                turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 1] = 1.0, -mean[at] / sd[at], 1.0 / sd[at]
                covariance[at] = where(good[:, None, None], turn @ spread @ np.swapaxes(turn, 1, 2), np.nan)
                out["intercept"][at] -= out["coefficient"][at] * mean[at]
            else:
                out["intercept"][at] = np.nan
            monotone[at], converged[at] = endless, good
    return CensoredCovariate(
        **out,
        p_value=where(np.isnan(out["chi_square"]), np.nan, chdtrc(1.0, np.nan_to_num(out["chi_square"]))),
        covariance=covariance,
        mean=mean,
        sd=sd,
        levels=occurs.sum(axis=1),
        monotone=monotone,
        converged=converged,
    )


_FIELDS = ("coefficient", "standard_error", "lower", "upper", "chi_square", "intercept")


def _nodes(limit: Floats, side: Ints, mean: Floats, sd: Floats) -> tuple[Floats, Floats]:
    """Points (c, q) of normal distributions beyond limits (c,) and their weights, which add to 1."""
    z = side * (limit - mean) / sd  # turned so that the region lies above
    width = np.sqrt(np.maximum(z, 0.0) ** 2 + _FAR) - z
    at = z[:, None] + width[:, None] * (_POINTS + 1.0) / 2.0
    logs = np.log(_WEIGHTS) - at**2 / 2.0
    return mean[:, None] + sd[:, None] * side[:, None] * at, np.exp(logs - logsumexp(logs, axis=1, keepdims=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """r models of N points: the n subjects with their values, then the nodes of each limit for each grade.

    ``x`` (r, N), ``y`` (N,); ``weight`` (r, n) 1 for a quantified value; ``share`` (r, cells, q) weights of the nodes and ``count``
    (r, cells) subjects of each limit and grade.
    """

    x: Floats
    y: Ints
    k: int
    weight: Floats
    share: Floats
    count: Floats
    firth: bool

    def rows(self, at: Ints) -> _Model:
        """Some of the models."""
        return replace(self, x=self.x[at], weight=self.weight[at], share=self.share[at], count=self.count[at])


def _model(x: Floats, y: Ints, there: Bools, sign: Ints, k: int, cells: int, *, firth: bool) -> _Model:
    """Standardised values (r, n) with ``cells`` different limits each, as points."""
    r = x.shape[0]
    place = np.zeros((r, cells, _NODES))
    share = np.ones((r, cells, k, _NODES)) / _NODES
    count = np.zeros((r, cells, k))
    for row in range(r):
        cut = sign[row] != 0
        limits, which = np.unique(np.stack((x[row, cut], sign[row, cut])), axis=1, return_inverse=True)
        zero, one = np.zeros(cells), np.ones(cells)
        place[row], weights = _nodes(limits[0], limits[1].astype(np.int64), zero, one)
        share[row] = weights[:, None]
        np.add.at(count[row], (which.reshape(-1), y[cut]), 1.0)
    nodes = np.broadcast_to(place[:, :, None], (r, cells, k, _NODES)).reshape(r, -1)
    return _Model(
        x=np.concatenate((x, nodes), axis=1),
        y=np.concatenate((y, np.tile(np.repeat(np.arange(k), _NODES), cells))),
        k=k,
        weight=(there & (sign == 0)).astype(np.float64),
        share=share.reshape(r, cells * k, _NODES),
        count=count.reshape(r, cells * k),
        firth=firth,
    )


def _one_sided(model: _Model, there: Bools) -> Bools:
    """Whether the grades follow the values at every threshold, censored ones at their limits (r,): no maximum exists."""
    n = there.shape[1]
    x, y = model.x[:, :n], model.y[:n]
    up, down = (np.ones(x.shape[0], dtype=np.bool_) for _ in range(2))
    for j in range(1, model.k):
        low, high = there & (y < j), there & (y >= j)
        up &= np.max(where(low, x, -np.inf), axis=1) <= np.min(where(high, x, np.inf), axis=1)
        down &= np.min(where(low, x, np.inf), axis=1) >= np.max(where(high, x, -np.inf), axis=1)
    return up | down


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    """Log-likelihood (r,), its slope (r, p) and the information (r, p, p) at thresholds and coefficient; p = k."""

    value: Floats
    slope: Floats
    information: Floats


def _evaluate(model: _Model, theta: Floats) -> _Point:
    if model.k == 2:
        return _evaluate_binary(model, theta)
    r, points = model.x.shape
    n, q = model.weight.shape[1], model.k - 1
    at = chances(theta[:, None, :q] + (theta[:, q:] * model.x)[:, :, None])
    logs = np.log(at.share[:, np.arange(points), model.y])
    joint = np.log(model.share) + logs[:, n:].reshape(model.share.shape)
    averaged = logsumexp(joint, axis=2)
    posterior = np.exp(joint - averaged[:, :, None])
    value = (model.weight * logs[:, :n]).sum(axis=1) + (model.count * averaged).sum(axis=1)
    weight = np.concatenate((model.weight, (model.count[:, :, None] * posterior).reshape(r, -1)), axis=1)
    each = score(at, model.y)
    full = np.concatenate((each, each.sum(axis=2, keepdims=True) * model.x[:, :, None]), axis=2)
    slope = (weight[:, :, None] * full).sum(axis=1)
    information = _whole(observed_information(at, model.y) * weight[:, :, None, None], model.x)
    # less what the values beyond limits leave unknown: the variance of the score over each one's distribution (Louis)
    nodes = full[:, n:].reshape(r, *model.share.shape[1:], q + 1)
    centre = (posterior[..., None] * nodes).sum(axis=2)
    away = nodes - centre[:, :, None]
    lost = (model.count[:, :, None] * posterior)[..., None] * away
    information -= np.swapaxes(lost.reshape(r, -1, q + 1), 1, 2) @ away.reshape(r, -1, q + 1)
    return _Point(value=value, slope=slope, information=information)


def _evaluate_binary(model: _Model, theta: Floats) -> _Point:
    """The same of two grades, whose nodes are shared: the second half of each limit's repeats the first."""
    r, n = model.weight.shape
    x, y = model.x[:, :n], model.y[:n]
    eta = theta[:, :1] + theta[:, 1:] * x
    decay = np.exp(-np.abs(eta))
    above = where(eta >= 0, 1.0, decay) / (1.0 + decay)
    spread = model.weight * decay / (1.0 + decay) ** 2
    value = (model.weight * (where(y, eta, 0.0) - np.maximum(eta, 0.0) - np.log1p(decay))).sum(axis=1)
    residual = model.weight * (y - above)
    share = model.share.reshape(r, -1, 2, _NODES)[:, :, 0]
    at = model.x[:, n:].reshape(r, -1, 2, _NODES)[:, :, 0]
    line = theta[:, :1, None] + theta[:, 1:, None] * at
    yes, no = expit(line), expit(-line)
    chances_of = np.stack(((share * no).sum(axis=2), (share * yes).sum(axis=2)), axis=2)
    count = model.count.reshape(r, -1, 2)
    value += (count * np.log(np.maximum(chances_of, 1e-300))).sum(axis=(1, 2))
    powers = [np.ones(at.shape), at, at**2]
    slope = np.stack((residual.sum(axis=1), (residual * x).sum(axis=1)), axis=1)
    information = np.empty((r, 2, 2))
    for i, j in ((0, 0), (0, 1), (1, 1)):
        information[:, i, j] = information[:, j, i] = (spread * x ** (i + j)).sum(axis=1)
    for grade, (chance, each) in enumerate(((no, -yes), (yes, no))):
        posterior = share * chance / np.maximum(chances_of[:, :, grade : grade + 1], 1e-300)
        own = count[:, :, grade]
        centre = [(posterior * each * powers[i]).sum(axis=2) for i in range(2)]
        for i in range(2):
            slope[:, i] += (own * centre[i]).sum(axis=1)
            for j in range(i, 2):
                seen = (posterior * (yes * no - each**2) * powers[i + j]).sum(axis=2) + centre[i] * centre[j]
                information[:, i, j] += (own * seen).sum(axis=1)
    information[:, 1, 0] = information[:, 0, 1]
    if model.firth:
        bonus, push = _penalty(model, above, yes)
        value, slope = value + bonus, slope + push
    return _Point(value=value, slope=slope, information=information)


def _whole(info: Floats, x: Floats) -> Floats:
    """Information (r, p, p) of thresholds and coefficient from that of the cumulative logits (r, N, k - 1, k - 1)."""
    q = info.shape[2]
    whole = np.zeros((x.shape[0], q + 1, q + 1))
    whole[:, :q, :q] = info.sum(axis=1)
    across = info.sum(axis=3)
    whole[:, :q, q] = whole[:, q, :q] = (across * x[:, :, None]).sum(axis=1)
    whole[:, q, q] = (across.sum(axis=2) * x**2).sum(axis=1)
    return whole


def _penalty(model: _Model, above: Floats, at_nodes: Floats) -> tuple[Floats, Floats]:
    """Half the log determinant of the expected information (r,), and its slope (r, 2); chances of the event (r, n) and at the nodes."""
    r, n = model.weight.shape
    share = model.share.reshape(r, -1, 2, _NODES)[:, :, 0]
    prior = model.count.reshape(r, -1, 2).sum(axis=2)[:, :, None] * share
    place = model.x[:, n:].reshape(r, -1, 2, _NODES)[:, :, 0].reshape(r, -1)
    chance = np.concatenate((above, at_nodes.reshape(r, -1)), axis=1)
    x = np.concatenate((model.x[:, :n], place), axis=1)
    weight = np.concatenate((model.weight, prior.reshape(r, -1)), axis=1) * chance * (1.0 - chance)
    bend = weight * (1.0 - 2.0 * chance)
    square = x**2
    s = [weight.sum(axis=1), (weight * x).sum(axis=1), (weight * square).sum(axis=1)]
    t = [bend.sum(axis=1), (bend * x).sum(axis=1), (bend * square).sum(axis=1), (bend * square * x).sum(axis=1)]
    determinant = np.maximum(s[0] * s[2] - s[1] ** 2, 1e-300)
    push = [(s[2] * t[j] - 2.0 * s[1] * t[j + 1] + s[0] * t[j + 2]) / (2.0 * determinant) for j in range(2)]
    return np.log(determinant) / 2.0, np.stack(push, axis=1)


def _maximise(model: _Model, start: Floats, free: Bools) -> tuple[Floats, _Point, Bools]:
    """Newton's method with halved steps over the free coefficients, and whether the last step would have gained nothing."""
    theta = start.copy()
    at = _evaluate(model, theta)
    done = np.zeros(theta.shape[0], dtype=np.bool_)
    live = np.arange(theta.shape[0])
    index = np.flatnonzero(free)
    for _ in range(_STEPS):
        slope = at.slope[live][:, index]
        step = _ascent(at.information[live][:, index[:, None], index], slope)
        gain = (slope * step).sum(axis=1)
        done[live[gain < _TOLERANCE]] = True
        keep = gain >= _TOLERANCE
        live, step = live[keep], step[keep]
        if not live.size:
            break
        step *= np.minimum(1.0, 4.0 / np.maximum(np.abs(step).max(axis=1), 4.0))[:, None]
        pending = live
        for _ in range(30):
            tried = theta[pending]
            tried[:, index] += step
            found = _evaluate(model.rows(pending), tried)
            good = found.value >= at.value[pending] - 1e-13 * (1.0 + np.abs(at.value[pending]))
            won = pending[good]
            theta[won] = tried[good]
            at.value[won], at.slope[won], at.information[won] = (
                found.value[good],
                found.slope[good],
                found.information[good],
            )
            pending, step = pending[~good], step[~good] / 2.0
            if not pending.size:
                break
        live = np.setdiff1d(live, pending)  # no step helps: given up
    return theta, at, done


def _ascent(information: Floats, slope: Floats) -> Floats:
    """The Newton step; where the information is not positive definite, along its absolute value."""
    values, vectors = np.linalg.eigh(information)
    size = np.maximum(np.abs(values), 1e-10 * np.abs(values).max(axis=1, keepdims=True) + 1e-300)
    along = (np.swapaxes(vectors, 1, 2) @ slope[:, :, None])[:, :, 0] / size
    return np.asarray((vectors @ along[:, :, None])[:, :, 0])


def _fit(model: _Model, level: float) -> tuple[dict[str, Floats], Floats, Bools]:
    """Estimates on the standardised scale, the covariance (r, p, p) and whether a maximum was reached."""
    r, q = model.x.shape[0], model.k - 1
    n = model.weight.shape[1]
    size = model.weight.sum(axis=1) + model.count.sum(axis=1)
    by_grade = np.stack([(model.weight * (model.y[:n] == j)).sum(axis=1) for j in range(model.k)], axis=1)
    by_grade += model.count.reshape(r, -1, model.k).sum(axis=1)
    above = np.cumsum(by_grade[:, ::-1], axis=1)[:, ::-1][:, 1:] / size[:, None]
    start = np.concatenate((logit(above), np.zeros((r, 1))), axis=1)
    everything = np.ones(q + 1, dtype=np.bool_)
    fixed = everything.copy()
    fixed[q] = False
    _, null, null_done = _maximise(model, start, fixed)
    theta, top, done = _maximise(model, start, everything)
    covariance: Floats = np.asarray(np.linalg.pinv(top.information, hermitian=True), dtype=np.float64)
    variance = covariance[:, q, q]
    error = np.sqrt(where(variance > 0, variance, np.nan))
    root = float(ndtri(0.5 + level / 2.0))
    chi = where(null_done, np.maximum(2.0 * (top.value - null.value), 0.0), np.nan)
    known = done & np.isfinite(error)
    found = {
        "coefficient": theta[:, q],
        "standard_error": error,
        "lower": _limit(model, theta, top, covariance, known, -1, root),
        "upper": _limit(model, theta, top, covariance, known, +1, root),
        "chi_square": chi,
        "intercept": theta[:, 0],
    }
    return found, covariance, known & np.isfinite(chi)


def _limit(
    model: _Model, theta: Floats, top: _Point, covariance: Floats, known: Bools, side: int, root: float
) -> Floats:
    """Where the signed root of the profile likelihood ratio of the coefficient reaches ``root`` (r,); NaN where it does not.

    Newton on the root, which is nearly linear, inside a bracket that is halved where a step would leave it.
    """
    q = model.k - 1
    free = np.arange(q + 1) < q
    found = np.full(theta.shape[0], np.nan)
    live = np.flatnonzero(known)
    error = np.sqrt(np.maximum(covariance[:, q, q], 1e-300))
    inside, outside = theta[:, q].copy(), np.full(theta.shape[0], side * np.inf)
    guess = theta + side * root * covariance[:, :, q] / error[:, None]
    for _ in range(60):
        if not live.size:
            break
        here, at, done = _maximise(model.rows(live), guess[live], free)
        b = here[:, q]
        ratio = np.sqrt(np.maximum(2.0 * (top.value[live] - at.value), 0.0))
        excess = where(done, ratio - root, np.inf)
        fall = -at.slope[:, q] / np.maximum(ratio, 1e-300) * side
        newton = b - side * where(fall > 0, divide(excess, where(fall > 0, fall, 1.0)), 0.0)
        hit = done & (np.abs(excess) < 1e-9)
        found[live[hit]] = b[hit]
        inside[live] = where(excess <= 0, b, inside[live])
        outside[live] = where(excess > 0, b, outside[live])
        bounded = np.isfinite(outside[live])
        middle = where(bounded, (inside[live] + where(bounded, outside[live], 0.0)) / 2.0, b + side * 2.0 * error[live])
        within = np.isfinite(newton) & ((newton - inside[live]) * side > 0)
        within &= np.where(bounded, (outside[live] - newton) * side > 0, np.abs(newton - b) < 8.0 * error[live])
        guess[live] = where(done[:, None], here, theta[live])
        guess[live, q] = where(within, newton, middle)
        far = np.abs(guess[live, q] - theta[live, q]) > 1e4
        live = live[~hit & ~far]
    return found
