"""Proportional-odds (cumulative logit) regression of an ordinal outcome on each biomarker of a panel, and the test of its assumption.

Sources: McCullagh, JRSS B 1980;42:109-142. Walker and Duncan, Biometrika 1967;54:167-179. Peterson and Harrell, Appl Statist
1990;39:205-217 (score test of proportional odds).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, logit, ndtri

from correlates.stats.arrays import Bools, Floats, Ints, divide, panel, where
from correlates.stats.cumulative_logit import (
    Chances,
    chances,
    expected_bands,
    expected_information,
    log_likelihood,
    observed_information,
    score,
)

_STEPS = 60
_OUTER = 30
_TOLERANCE = 1e-16
_CELLS = 250_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProportionalOdds:
    """Proportional-odds models of m biomarkers; every array is (m,).

    ``coefficient`` is the log odds ratio of a higher outcome per unit of x, ``standard_error`` from the observed information, ``lower``
    and ``upper`` its profile limits, ``chi_square`` (1 df) and ``p_value`` of the likelihood ratio. ``parallel_chi_square``,
    ``parallel_df`` and ``parallel_p`` test that the odds ratio is the same at every threshold. ``levels`` is how many grades occur.
    ``monotone`` is the sign of a coefficient that the likelihood pushes to infinity, otherwise 0; nothing is estimated then. NaN where
    undefined: one grade, a constant biomarker, no convergence (``converged`` false).
    """

    coefficient: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    chi_square: Floats
    p_value: Floats
    parallel_chi_square: Floats
    parallel_df: Ints
    parallel_p: Floats
    log_likelihood: Floats
    null_log_likelihood: Floats
    n: Ints
    levels: Ints
    monotone: Ints
    constant: Bools
    converged: Bools


def proportional_odds_screen(
    x: npt.ArrayLike, outcome: npt.ArrayLike, present: npt.ArrayLike | None = None, *, level: float = 0.95
) -> ProportionalOdds:
    """Proportional-odds regression on each biomarker of a panel, one at a time.

    Parameters
    ----------
    x
        (m, n) biomarkers by subjects, on the scale of the odds ratio wanted.
    outcome
        (n,) ordinal outcome; only its order counts.
    present
        (m, n) which values are there; all, when not given.
    level
        Confidence level of the profile limits.

    Notes
    -----
    logit P(Y >= k) = alpha_k + beta x for the grades k that occur but the lowest, by Fisher scoring. The score test of equal slopes
    widens the model to beta_k and has K - 2 df with K grades, using the expected information at the fit; None of it with two grades.
    """
    values, there = panel(x, present)
    y = np.asarray(outcome, dtype=np.float64)
    if y.shape != (values.shape[1],) or not np.isfinite(y).all():
        raise ValueError(f"outcome must hold {values.shape[1]} finite numbers")
    grades, code = np.unique(y, return_inverse=True)
    m = values.shape[0]
    n = there.sum(axis=1)
    out = {
        name: np.full(m, np.nan)
        for name in [
            "coefficient",
            "standard_error",
            "lower",
            "upper",
            "chi_square",
            "p_value",
            "parallel_chi_square",
            "parallel_p",
            "log_likelihood",
            "null_log_likelihood",
        ]
    }
    df, monotone = np.zeros(m, dtype=np.int64), np.zeros(m, dtype=np.int64)
    converged = np.zeros(m, dtype=np.bool_)
    occurs = np.zeros((m, grades.size), dtype=np.bool_)
    for k in range(grades.size):
        occurs[:, k] = (there & (code == k)).any(axis=1)
    mean = divide(values.sum(axis=1), n)
    centred = where(there, values - mean[:, None], 0.0)
    spread = np.sqrt(divide((centred**2).sum(axis=1), n - 1))
    constant = ~(spread > 1e-13 * np.abs(values).max(axis=1, initial=0.0))
    usable = ~constant & (occurs.sum(axis=1) > 1)
    for pattern in np.unique(occurs[usable], axis=0):
        rows_all = np.flatnonzero(usable & (occurs == pattern).all(axis=1))
        dense = np.cumsum(pattern) - 1
        recoded = np.where(pattern[code], dense[code], 0)
        k = int(pattern.sum())
        step = max(1, _CELLS // max(values.shape[1] * k, 1))
        for first in range(0, rows_all.size, step):
            rows = rows_all[first : first + step]
            scaled = centred[rows] / spread[rows, None]
            found = _fit_all(scaled, recoded, k, there[rows], level)
            for name, array in found.items():
                if name in out:
                    out[name][rows] = array
            for name in ("coefficient", "standard_error", "lower", "upper"):
                out[name][rows] /= spread[rows]
            df[rows] = k - 2
            monotone[rows] = found["monotone"].astype(np.int64)
            converged[rows] = found["converged"] > 0
    return ProportionalOdds(
        **out,
        parallel_df=df,
        n=n,
        levels=occurs.sum(axis=1),
        monotone=monotone,
        constant=constant,
        converged=converged,
    )


def _fit_all(x: Floats, y: Ints, k: int, there: Bools, level: float) -> dict[str, Floats]:
    """Every quantity of a group of rows in which the same k grades occur; NaN where there is no estimate."""
    r = x.shape[0]
    weight = there.astype(np.float64)
    counts = np.stack([(there & (y >= j)).sum(axis=1) for j in range(1, k)], axis=1)
    size = there.sum(axis=1).astype(np.float64)
    start = logit(counts / size[:, None])
    model = _Model(x=x, y=y, k=k, weight=weight)
    nothing = np.zeros(r)
    null = model.log_likelihood(start, nothing)
    sign = _monotone(x, y, k, there)
    alpha, beta, done = model.fit(start, nothing, free=True)
    good = done & (sign == 0)
    top = model.log_likelihood(alpha, beta)
    covariance = model.covariance(alpha, beta)
    se = np.sqrt(where(covariance > 0, covariance, np.nan))
    drop = float(ndtri(0.5 + level / 2.0)) ** 2 / 2.0
    lower = model.limit(alpha, beta, se, top, drop, -1.0)
    upper = model.limit(alpha, beta, se, top, drop, +1.0)
    chi = np.maximum(2.0 * (top - null), 0.0)
    parallel = model.parallel(alpha, beta)
    found = {
        "coefficient": beta,
        "standard_error": se,
        "lower": lower,
        "upper": upper,
        "chi_square": chi,
        "p_value": chdtrc(1.0, where(np.isnan(chi), 0.0, chi)),
        "parallel_chi_square": parallel,
        "parallel_p": where(np.isnan(parallel), np.nan, chdtrc(max(k - 2, 1), np.nan_to_num(parallel))),
        "log_likelihood": top,
    }
    found = {name: where(good, array, np.nan) for name, array in found.items()}
    found["null_log_likelihood"] = null
    found["monotone"] = sign.astype(np.float64)
    found["converged"] = good.astype(np.float64)
    return found


def _monotone(x: Floats, y: Ints, k: int, there: Bools) -> Ints:
    """Sign of a coefficient without a finite estimate: x orders the grades at every threshold."""
    up = np.ones(x.shape[0], dtype=np.bool_)
    down = up.copy()
    for j in range(1, k):
        low, high = there & (y < j), there & (y >= j)
        up &= np.max(where(low, x, -np.inf), axis=1) <= np.min(where(high, x, np.inf), axis=1)
        down &= np.min(where(low, x, np.inf), axis=1) >= np.max(where(high, x, -np.inf), axis=1)
    found: Ints = up.astype(np.int64) - down.astype(np.int64)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """The likelihood of r rows (biomarkers) with k grades: x, weight (r, n), y (n,)."""

    x: Floats
    y: Ints
    k: int
    weight: Floats

    @property
    def everybody(self) -> bool:
        """Whether every subject counts once in every row."""
        return bool((self.weight == 1.0).all())

    def _eta(self, alpha: Floats, beta: Floats) -> Floats:
        """Cumulative logits (r, n, k - 1)."""
        found: Floats = alpha[:, None, :] + (beta[:, None] * self.x)[:, :, None]
        return found

    def log_likelihood(self, alpha: Floats, beta: Floats) -> Floats:
        """(r,); minus infinity where thresholds are out of order."""
        return log_likelihood(self._eta(alpha, beta), self.y, self.weight)

    def _score(self, at: Chances) -> Floats:
        """Derivative of the log-likelihood by each cumulative logit (r, n, k-1)."""
        found = score(at, self.y)
        return found if self.everybody else found * self.weight[:, :, None]

    def _expected(self, at: Chances) -> Floats:
        """Expected information of the cumulative logits of each subject (r, n, k-1, k-1)."""
        found: Floats = expected_information(at) * self.weight[:, :, None, None]
        return found

    def rows(self, at: Ints) -> _Model:
        """The same for some of the rows."""
        return _Model(x=self.x[at], y=self.y, k=self.k, weight=self.weight[at])

    def fit(
        self, alpha: Floats, beta: Floats, *, free: bool, tolerance: float = _TOLERANCE
    ) -> tuple[Floats, Floats, Bools]:
        """Maximise over the thresholds, and the slope where it is free; until a step gains less than the tolerance."""
        q = self.k - 1
        size = q + 1 if free else q
        alpha, beta = alpha.copy(), beta.copy()
        done = np.zeros(beta.size, dtype=np.bool_)
        live = np.flatnonzero(np.isfinite(beta) & np.isfinite(alpha).all(axis=1))
        part = self.rows(live)
        value = part.log_likelihood(alpha[live], beta[live])
        for _ in range(_STEPS):
            if not live.size:
                break
            a0, b0 = alpha[live], beta[live]
            gradient, info = part._system(chances(part._eta(a0, b0)))
            move = _solve(info[:, :size, :size], gradient[:, :size])
            bad = ~np.isfinite(move).all(axis=1)
            move[bad] = 0.0
            reached = ~bad & ((move * gradient[:, :size]).sum(axis=1) < tolerance)
            factor = np.where(bad, 0.0, 1.0)
            for _ in range(30):
                a = a0 + factor[:, None] * move[:, :q]
                b = b0 + factor * move[:, q] if free else b0
                made = part.log_likelihood(a, b)
                worse = ~(made >= value - 1e-12 * (1.0 + np.abs(value))) & (factor > 0)
                if not worse.any():
                    break
                factor = np.where(worse, factor / 2.0, factor)
            alpha[live], beta[live] = a, b
            done[live] = reached
            going = np.flatnonzero(~reached & ~bad)
            live, value = live[going], made[going]
            if going.size < part.weight.shape[0]:
                part = part.rows(going)
        return alpha, beta, done

    def _system(self, at: Chances) -> tuple[Floats, Floats]:
        """Score (r, k) and expected information (r, k, k) of thresholds and slope."""
        each = self._score(at)
        gradient = np.concatenate((each.sum(axis=1), (each.sum(axis=2) * self.x).sum(axis=1)[:, None]), axis=1)
        own, beside = expected_bands(at)
        if not self.everybody:
            own, beside = own * self.weight[:, :, None], beside * self.weight[:, :, None]
        q = self.k - 1
        whole = np.zeros((self.x.shape[0], q + 1, q + 1))
        whole[:, np.arange(q), np.arange(q)] = own.sum(axis=1)
        whole[:, np.arange(q - 1), np.arange(1, q)] = whole[:, np.arange(1, q), np.arange(q - 1)] = beside.sum(axis=1)
        across = own  # the sum of each row of the information
        across[:, :, :-1] += beside
        across[:, :, 1:] += beside
        whole[:, :q, q] = whole[:, q, :q] = (across * self.x[:, :, None]).sum(axis=1)
        whole[:, q, q] = (across.sum(axis=2) * self.x**2).sum(axis=1)
        return gradient, whole

    def _whole(self, info: Floats) -> Floats:
        """Information (r, k, k) of thresholds and slope from that of the cumulative logits (r, n, k - 1, k - 1)."""
        q = self.k - 1
        whole = np.zeros((self.x.shape[0], q + 1, q + 1))
        whole[:, :q, :q] = info.sum(axis=1)
        across = info.sum(axis=3)
        whole[:, :q, q] = whole[:, q, :q] = (across * self.x[:, :, None]).sum(axis=1)
        whole[:, q, q] = (across.sum(axis=2) * self.x**2).sum(axis=1)
        return whole

    def covariance(self, alpha: Floats, beta: Floats) -> Floats:
        """Variance of the slope from the observed information (r,)."""
        info = observed_information(chances(self._eta(alpha, beta)), self.y) * self.weight[:, :, None, None]
        q = self.k - 1
        whole = self._whole(info)
        last = np.zeros((whole.shape[0], q + 1))
        last[:, q] = 1.0
        found: Floats = _solve(whole, last)[:, q]
        return found

    def limit(self, alpha: Floats, beta: Floats, se: Floats, top: Floats, drop: float, side: float) -> Floats:
        """Profile limit of the slope (r,); NaN where the profile does not fall that far."""
        reach = where(np.isnan(se), 1.0, se) * np.sqrt(2.0 * drop)
        at, a = beta + side * reach, alpha.copy()
        found = np.full(beta.size, np.nan)
        open_ = np.isfinite(top) & np.isfinite(at)
        low, high = beta.copy(), np.full(beta.size, side * np.inf)
        live = np.flatnonzero(open_)
        for _ in range(_OUTER):
            if not live.size:
                break
            part, here = self.rows(live), at[live]
            a[live], _, done = part.fit(a[live], here, free=False, tolerance=1e-12)
            gap = part.log_likelihood(a[live], here) - (top[live] - drop)
            hit = done & (np.abs(gap) < 1e-9)
            found[live[hit]] = here[hit]
            pull = (part._score(chances(part._eta(a[live], here))).sum(axis=2) * part.x).sum(axis=1)
            low[live] = np.where(gap > 0, here, low[live])
            high[live] = np.where(gap > 0, high[live], here)
            newton = here - divide(gap, pull)
            bounded = np.isfinite(high[live])
            far = np.where(bounded, high[live], newton)
            middle = np.where(
                bounded, (low[live] + np.where(bounded, high[live], 0.0)) / 2.0, here + side * reach[live]
            )
            within = ((newton - low[live]) * side > 0) & ((far - newton) * side >= 0)
            within &= np.abs(newton - here) <= 8.0 * reach[live]
            at[live] = np.where(within, newton, middle)
            live = live[done & ~hit]
        return found

    def parallel(self, alpha: Floats, beta: Floats) -> Floats:
        """Score statistic of one slope per threshold against a common one (r,); NaN with two grades."""
        r, q = self.x.shape[0], self.k - 1
        if q < 2:
            return np.full(r, np.nan)
        at = chances(self._eta(alpha, beta))
        each, info = self._score(at), self._expected(at)
        x = self.x[:, :, None]
        gradient = np.concatenate((each.sum(axis=1), (each * x).sum(axis=1)), axis=1)
        whole = np.zeros((r, 2 * q, 2 * q))
        whole[:, :q, :q] = info.sum(axis=1)
        whole[:, :q, q:] = (info * x[..., None]).sum(axis=1)
        whole[:, q:, :q] = np.swapaxes(whole[:, :q, q:], 1, 2)
        whole[:, q:, q:] = (info * (x**2)[..., None]).sum(axis=1)
        found: Floats = (gradient * _solve(whole, gradient)).sum(axis=1)
        return where(np.isfinite(found), np.maximum(found, 0.0), np.nan)


def _solve(matrix: Floats, right: Floats) -> Floats:
    """Solutions of r systems; NaN where a matrix is singular."""
    try:
        solved: Floats = np.asarray(np.linalg.solve(matrix, right[:, :, None])[:, :, 0], dtype=np.float64)
    except np.linalg.LinAlgError:
        solved = np.full(right.shape, np.nan)
        for row in range(matrix.shape[0]):
            if np.isfinite(matrix[row]).all() and np.linalg.matrix_rank(matrix[row]) == matrix.shape[1]:
                solved[row] = np.linalg.solve(matrix[row], right[row])
    return solved
