"""Procedures that make a multivariable model, each from the raw candidates to linear predictors, ready to be validated whole.

Declared covariates; stepwise by AIC or BIC; elastic net, group lasso, adaptive lasso (Zou, JASA 2006;101:1418-1429) with the penalty chosen by cross-validation
inside; stability selection with a refit. Logistic and proportional-odds models are fitted by Firth's (Jeffreys') likelihood, Cox models by maximum partial likelihood
with Breslow's ties and a ridge too small to be seen (1e-6), which keeps a monotone likelihood finite.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from correlates.stats.arrays import Bools, Floats, Ints, divide, where
from correlates.stats.candidates import Candidates, filled
from correlates.stats.design import Term, expand
from correlates.stats.elastic_net import ElasticNetPath, elastic_net, largest_penalty, penalties
from correlates.stats.logistic import Penalty
from correlates.stats.logistic_resamples import logistic_resamples
from correlates.stats.ordinal import ordinal_resamples
from correlates.stats.ordinal_target import OrdinalTarget
from correlates.stats.stability import Assumption, stability_selection
from correlates.stats.target import BinaryTarget, Target
from correlates.stats.validation import Fitted, folds_of

RIDGE = 1e-6
"""Penalty of a refitted Cox model, in standard deviations of its columns."""
_PATIENCE = 10  # penalties without a rise after which a path is left
_NUMBERS = 1 << 24  # of a batch of tuning fits held at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Coefficients (B, 1 + k), intercept first (0 for Cox, and for grades, which have thresholds); log-likelihoods (B,); whether each was reached (B,)."""

    coefficient: Floats
    log_likelihood: Floats
    converged: Bools


def estimates(target: Target, x: Floats, weight: Floats) -> Estimates:
    """Unpenalised (Firth, for a binary outcome) coefficients of all columns x (n, k) or (B, n, k) in each resample."""
    if isinstance(target, OrdinalTarget):
        ordinal = ordinal_resamples(x, target.grade, weight, levels=target.levels)
        nothing = np.zeros((weight.shape[0], 1))
        return Estimates(
            coefficient=np.concatenate((nothing, ordinal.coefficient), axis=1),
            log_likelihood=ordinal.log_likelihood,
            converged=ordinal.converged,
        )
    if x.shape[-1] == 0:
        start = target.family.start(weight)
        value = target.family.value(np.broadcast_to(start[:, None], weight.shape), weight)
        return Estimates(
            coefficient=start[:, None], log_likelihood=value, converged=np.ones(start.size, dtype=np.bool_)
        )
    if isinstance(target, BinaryTarget):
        fit = logistic_resamples(x, target.event, weight, penalty=Penalty.FIRTH)
        return Estimates(coefficient=fit.coefficient, log_likelihood=fit.log_likelihood, converged=fit.converged)
    cox = elastic_net(x, target.family, [RIDGE], weight, mixing=0.0)
    beta = np.concatenate((cox.intercept, cox.coefficient[:, 0]), axis=1)
    return Estimates(coefficient=beta, log_likelihood=cox.log_likelihood[:, 0], converged=cox.converged)


def estimates_where_varied(target: Target, x: Floats, weight: Floats) -> Estimates:
    """The same; a column that does not vary in a resample has coefficient 0 there.

    So a class that nobody of a resample has is taken as the reference by its model, and the others are estimated without its column.
    """
    there = (weight > 0)[:, :, None]
    own = x if x.ndim == 3 else x[None]
    low, high = (side(where(there, own, empty), axis=1) for side, empty in ((np.min, np.inf), (np.max, -np.inf)))
    varied = high > low
    if varied.all():
        return estimates(target, x, weight)
    count, p = varied.shape
    coefficient = np.zeros((count, 1 + p))
    log_likelihood, converged = np.full(count, np.nan), np.zeros(count, dtype=np.bool_)
    for pattern in np.unique(varied, axis=0):
        at, inside = np.flatnonzero((varied == pattern).all(axis=1)), np.flatnonzero(pattern)
        fit = estimates(target, (x if x.ndim == 2 else x[at])[..., inside], weight[at])
        coefficient[at[:, None], np.append(0, 1 + inside)] = fit.coefficient
        log_likelihood[at], converged[at] = fit.log_likelihood, fit.converged
    return Estimates(coefficient=coefficient, log_likelihood=log_likelihood, converged=converged)


def predictors(coefficient: Floats, x: Floats) -> Floats:
    """Linear predictors (B, n) of coefficients (B, 1 + k)."""
    slopes = coefficient[:, 1:]
    sums = slopes @ x.T if x.ndim == 2 else (x @ slopes[:, :, None])[:, :, 0]
    found: Floats = coefficient[:, :1] + sums
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """All columns, as declared; with ``terms``, the columns these make of the filled variables."""

    terms: tuple[Term, ...] | None = None

    def fit(self, given: Candidates, target: Target, weight: Floats, seed: np.random.SeedSequence) -> Fitted:  # noqa: ARG002
        """See :class:`correlates.stats.validation.Procedure`."""
        x = filled(given, weight)
        if self.terms is not None:
            x = expand(self.terms, x)
        found = estimates_where_varied(target, x, weight)
        eta = where(found.converged[:, None], predictors(found.coefficient, x), np.nan)
        selected = np.ones((weight.shape[0], x.shape[-1]), dtype=np.bool_)
        return Fitted(eta=eta, selected=selected, coefficient=found.coefficient)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepwise:
    """Variables in and out as long as the criterion falls.

    ``criterion`` aic (2 per column) or bic (log n, n the events for Cox). ``direction`` forward from nothing, backward from all
    columns, or both from all. ``shortlist``: of more candidates than this, those with the largest score statistics are
    fitted. ``most``: columns a forward search stops at.
    """

    criterion: Literal["aic", "bic"] = "aic"
    direction: Literal["forward", "backward", "both"] = "backward"
    shortlist: int = 20
    most: int = 10

    def fit(self, given: Candidates, target: Target, weight: Floats, seed: np.random.SeedSequence) -> Fitted:  # noqa: ARG002
        """See :class:`correlates.stats.validation.Procedure`."""
        x = filled(given, weight)
        return _refitted(target, x, weight, [self.search(given, target, x, weight, b) for b in range(weight.shape[0])])

    def search(self, given: Candidates, target: Target, x: Floats, weight: Floats, b: int) -> Ints:
        """The columns chosen in resample b, in the order they entered (or stand in)."""
        own = x if x.ndim == 2 else x[b]
        mass = weight[b]
        inside = own[mass > 0]
        varied = np.ptp(inside, axis=0) > 0
        variables = [np.flatnonzero((given.variable == v) & varied) for v in np.unique(given.variable)]
        variables = [columns for columns in variables if columns.size]
        size = mass.sum() if isinstance(target, BinaryTarget) else mass @ target.event
        price = 2.0 if self.criterion == "aic" else float(np.log(size))
        inner = _Search(target=target, x=own, weight=mass, variables=variables, price=price)
        start = [] if self.direction == "forward" else list(range(len(variables)))
        return inner.run(start, self.direction, self.shortlist, self.most)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    target: Target
    x: Floats
    weight: Floats
    variables: list[Ints]
    price: float

    def run(self, current: list[int], direction: str, shortlist: int, most: int) -> Ints:
        best = self.scores([current])[0]
        if not np.isfinite(best):
            return np.zeros(0, dtype=np.int64)
        while True:
            options: list[list[int]] = []
            if direction != "forward":
                options += [[v for v in current if v != out] for out in current]
            if direction != "backward" and self.columns(current).size < most + (
                0 if direction == "forward" else self.x.shape[1]
            ):
                options += [[*current, v] for v in self.shortlisted(current, shortlist)]
            if not options:
                break
            scored = self.scores(options)
            at = int(np.nanargmin(where(np.isfinite(scored), scored, np.inf)))
            if not scored[at] < best - 1e-10:
                break
            current, best = options[at], scored[at]
        return self.columns(current)

    def columns(self, chosen: list[int]) -> Ints:
        return np.concatenate([self.variables[v] for v in chosen]) if chosen else np.zeros(0, dtype=np.int64)

    def scores(self, options: list[list[int]]) -> Floats:
        """The criterion of each set of variables; sets of one size are fitted together."""
        found = np.full(len(options), np.nan)
        columns = [self.columns(option) for option in options]
        for size in {c.size for c in columns}:
            at = [i for i, c in enumerate(columns) if c.size == size]
            weight = np.broadcast_to(self.weight, (len(at), self.weight.size))
            stack = np.stack([self.x[:, columns[i]] for i in at])
            fit = estimates(self.target, stack, weight)
            found[at] = where(fit.converged, -2.0 * fit.log_likelihood + self.price * size, np.nan)
        return found

    def shortlisted(self, current: list[int], most: int) -> list[int]:
        """Variables not in, those with the largest score statistics first, no more than ``most`` where there are more."""
        rest = [v for v in range(len(self.variables)) if v not in current]
        if len(rest) <= most:
            return rest
        weight = self.weight[None]
        own = self.columns(current)
        fit = estimates(self.target, self.x[:, own], weight)
        if not fit.converged[0]:
            return rest[:most]
        family = self.target.family
        _, residual, curvature = family.evaluate(predictors(fit.coefficient, self.x[:, own]), weight)
        score = (residual @ self.x)[0]
        whole, _ = family.hessian(np.ascontiguousarray(self.x.T)[None], curvature)
        information = whole[0]
        left = np.diag(information).copy()
        if own.size:
            follow = np.linalg.lstsq(information[np.ix_(own, own)], information[own], rcond=None)[0]
            left -= (information[own] * follow).sum(axis=0)
        statistic = np.nan_to_num(divide(score**2, np.maximum(left, 1e-12 * np.diag(information))))
        order = sorted(rest, key=lambda v: -float(statistic[self.variables[v]].max()))
        return order[:most]


def _refitted(target: Target, x: Floats, weight: Floats, chosen: list[Ints]) -> Fitted:
    """Models on the columns chosen in each resample; those of one size are fitted together."""
    count, p = weight.shape[0], x.shape[-1]
    eta = np.full(weight.shape, np.nan)
    coefficient = np.full((count, 1 + p), np.nan)
    selected = np.zeros((count, p), dtype=np.bool_)
    for size in {c.size for c in chosen}:
        at = np.array([b for b, c in enumerate(chosen) if c.size == size])
        index = np.stack([chosen[b] for b in at])
        own = np.stack([(x if x.ndim == 2 else x[b])[:, chosen[b]] for b in at])
        fit = estimates(target, own, weight[at])
        eta[at] = where(fit.converged[:, None], predictors(fit.coefficient, own), np.nan)
        selected[at[:, None], index] = True
        coefficient[at, 1:] = 0.0
        coefficient[at, 0] = fit.coefficient[:, 0]
        coefficient[at[:, None], 1 + index] = fit.coefficient[:, 1:]
    return Fitted(eta=eta, selected=selected, coefficient=coefficient)


@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticNet:
    """Elastic net (``mixing`` 1: lasso) with its penalty chosen by cross-validated likelihood within each resample.

    ``rule`` min: the penalty with the largest likelihood; 1se: the largest penalty within one standard error of it. ``adaptive``:
    each column's penalty is divided by |b| of a ridge fit (to the power ``power``), itself tuned and fitted within. ``grouped``: the group lasso of
    the declared groups of columns.
    """

    mixing: float = 1.0
    rule: Literal["min", "1se"] = "min"
    folds: int = 10
    steps: int = 60
    adaptive: bool = False
    power: float = 1.0
    grouped: bool = False

    def fit(self, given: Candidates, target: Target, weight: Floats, seed: np.random.SeedSequence) -> Fitted:
        """See :class:`correlates.stats.validation.Procedure`."""
        path, at, x = self.tuned(given, target, weight, seed)
        rows = np.arange(weight.shape[0])
        beta = np.concatenate((path.intercept[rows, at][:, None], path.coefficient[rows, at]), axis=1)
        return Fitted(eta=predictors(beta, x), selected=path.coefficient[rows, at] != 0, coefficient=beta)

    def tuned(
        self, given: Candidates, target: Target, weight: Floats, seed: np.random.SeedSequence
    ) -> tuple[ElasticNetPath, Ints, Floats]:
        """The paths of the resamples, which penalty of each is chosen (B,), and the filled columns."""
        count, n = weight.shape
        x = filled(given, weight)
        fold = np.stack(
            [
                _inner_folds(target.event, row > 0, self.folds, own)
                for row, own in zip(weight, seed.spawn(count), strict=True)
            ]
        )
        training = where(fold[:, None, :] != np.arange(self.folds)[None, :, None], weight[:, None, :], 0.0)
        training = training.reshape(count * self.folds, n)
        ridge = self._ridge(given, target, weight, x, training) if self.adaptive else None
        factor = None if ridge is None else self._factors(target, x, weight, ridge)
        n, p = given.values.shape
        groups = given.groups if self.grouped else None
        penalty = _steps(target, x, weight, self.mixing, factor, self.steps, 0.01 if n < 2 * p else 0.001, groups)
        at = np.empty(count, dtype=np.int64)
        for part in _parts(given, count, self.folds, self.steps):
            own = np.arange(part.start * self.folds, part.stop * self.folds)
            held = filled(given, training[own])
            scaled = (
                None
                if ridge is None
                else self._factors(target, held, training[own], np.repeat(ridge[part], self.folds))
            )
            score = _followed(target, held, penalty[part], weight[part], training[own], self.mixing, scaled, groups)
            at[part] = _choose(score, self.rule)
        path = elastic_net(
            x,
            target.family,
            penalty[:, : at.max() + 1],
            weight,
            mixing=self.mixing,
            factor=factor,
            groups=groups,
            tolerance=1e-4,
        )
        return path, at, x

    def _ridge(self, given: Candidates, target: Target, weight: Floats, x: Floats, training: Floats) -> Floats:
        """The ridge penalty of each resample (B,), by the same folds."""
        count = weight.shape[0]
        penalty = _steps(target, x, weight, 0.0, None, 20, 1e-4)
        at = np.empty(count, dtype=np.int64)
        for part in _parts(given, count, self.folds, 20):
            own = np.arange(part.start * self.folds, part.stop * self.folds)
            held = filled(given, training[own])
            at[part] = _choose(_followed(target, held, penalty[part], weight[part], training[own], 0.0, None), "min")
        return penalty[np.arange(count), at]

    def _factors(self, target: Target, x: Floats, weight: Floats, ridge: Floats) -> Floats:
        fit = elastic_net(x, target.family, ridge[:, None], weight, mixing=0.0, tolerance=1e-3)
        size = np.abs(fit.coefficient[:, 0] * fit.scale)
        return np.asarray(np.maximum(size, 1e-8) ** -self.power, dtype=np.float64)


def _parts(given: Candidates, count: int, folds: int, steps: int) -> list[slice]:
    """Resamples whose tuning fits fit in memory together."""
    n, p = given.values.shape
    each = folds * (p * steps + (0 if given.present.all() else 2 * n * p) + n * steps)
    width = max(1, _NUMBERS // each)
    return [slice(first, min(first + width, count)) for first in range(0, count, width)]


def _steps(
    target: Target,
    x: Floats,
    weight: Floats,
    mixing: float,
    factor: Floats | None,
    count: int,
    ratio: float,
    groups: Ints | None = None,
) -> Floats:
    largest = largest_penalty(x, target.family, weight, mixing=mixing, factor=factor, groups=groups)
    return penalties(np.maximum(largest, 1e-10), count=count, ratio=ratio)


def _followed(
    target: Target,
    x: Floats,
    penalty: Floats,
    outer: Floats,
    inner: Floats,
    mixing: float,
    factor: Floats | None,
    groups: Ints | None = None,
) -> Floats:
    """Log-likelihood (B, K, L) that the subjects left out of each fold add: of all at the coefficients of the others, less that of the others.

    For Cox this is the cross-validated partial likelihood of Verweij and van Houwelingen, Stat Med 1993;12:2305-2314. A path is followed
    until its mean over the folds has not risen for ten penalties; beyond, it is -inf.
    """
    count, length = penalty.shape
    folds = inner.shape[0] // count
    whole = np.repeat(outer, folds, axis=0)
    score = np.full((count * folds, length), -np.inf)
    best, since = np.full(count, -np.inf), np.zeros(count, dtype=np.int64)
    family = target.family

    def watch(step: int, rows: Ints, intercept: Floats, coefficient: Floats) -> Bools:
        own = x if x.ndim == 2 else x[rows]
        eta = predictors(np.concatenate((intercept[:, None], coefficient), axis=1), own)
        score[rows, step] = family.value(eta, whole[rows]) - family.value(eta, inner[rows])
        groups = rows[::folds] // folds
        mean = score[rows, step].reshape(-1, folds).mean(axis=1)
        risen = mean > best[groups] + 1e-9 * np.abs(mean)
        best[groups] = np.maximum(best[groups], mean)
        since[groups] = np.where(risen, 0, since[groups] + 1)
        return np.repeat(since[groups] < _PATIENCE, folds)

    steps = np.repeat(penalty, folds, axis=0)
    elastic_net(x, family, steps, inner, mixing=mixing, factor=factor, groups=groups, tolerance=1e-4, watch=watch)
    return score.reshape(count, folds, length)


def _choose(score: Floats, rule: str) -> Ints:
    """The penalty of each resample (B,) from the scores of its folds (B, K, L)."""
    mean = score.mean(axis=1)
    best: Ints = mean.argmax(axis=1)
    if rule == "min":
        return best
    rows = np.arange(mean.shape[0])
    error = score[rows, :, best].std(axis=1, ddof=1) / np.sqrt(score.shape[1])
    near = mean >= (mean[rows, best] - error)[:, None]
    first: Ints = near.argmax(axis=1)
    return first


def _inner_folds(event: Bools, members: Bools, folds: int, seed: np.random.SeedSequence) -> Ints:
    """Folds of the subjects of one resample (copies together); the others are in fold 0 and have no weight anyway."""
    found = np.zeros(event.size, dtype=np.int64)
    at = np.flatnonzero(members)
    found[at] = folds_of(event[at], folds, 1, seed)[0]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class StabilitySelection:
    """Stability selection within each resample, and a refit of what was selected; ``grouped``: of whole groups, by the group lasso."""

    picked: int
    threshold: float = 0.75
    pairs: int = 50
    mixing: float = 1.0
    assumption: Assumption = Assumption.UNIMODAL
    grouped: bool = False

    def fit(self, given: Candidates, target: Target, weight: Floats, seed: np.random.SeedSequence) -> Fitted:
        """See :class:`correlates.stats.validation.Procedure`."""
        chosen = []
        for row, own in zip(weight, seed.spawn(weight.shape[0]), strict=True):
            found = stability_selection(
                given,
                target,
                seed=own,
                picked=self.picked,
                threshold=self.threshold,
                pairs=self.pairs,
                mixing=self.mixing,
                assumption=self.assumption,
                grouped=self.grouped,
                subjects=np.repeat(np.arange(row.size), row.astype(np.int64)),
            )
            chosen.append(np.flatnonzero(found.selected))
        return _refitted(target, filled(given, weight), weight, chosen)
