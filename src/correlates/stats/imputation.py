"""Multiple imputation by chained equations: predictive mean matching for numbers, logistic regression for categories.

Sources: van Buuren, Flexible Imputation of Missing Data, 2nd ed. 2018, sections 3.2-3.6 and 4.5. Rubin, J Bus Econ Stat 1986;4:87-94 and
Little, J Bus Econ Stat 1988;6:287-296 (predictive mean matching). White, Royston and Wood, Stat Med 2011;30:377-399 (practice).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from correlates.stats.arrays import Bools, Floats
from correlates.stats.logistic import Penalty, logistic_model

Kind = Literal["number", "category"]
_RIDGE = 1e-5  # share of the diagonal added to cross-products, as in R's mice


@dataclass(frozen=True, slots=True, kw_only=True)
class Imputed:
    """Completed data sets.

    ``values`` (k, n, v) equal the data where they were observed; ``chain_mean`` (k, iterations, v) is the mean of the imputed values of
    each variable after each iteration (NaN where nothing was missing), which shows whether the chains mix.
    """

    values: Floats
    chain_mean: Floats


def impute(
    data: npt.ArrayLike,
    missing: npt.ArrayLike,
    kinds: Sequence[Kind],
    *,
    imputations: int = 20,
    iterations: int = 10,
    donors: int = 5,
    rng: np.random.Generator,
) -> Imputed:
    """Impute what is missing, several times.

    Parameters
    ----------
    data
        (n, v) subjects by variables; of a category its number, 0 and up. What stands where a value is missing does not matter.
    missing
        (n, v) which values are missing.
    kinds
        v words: ``number`` or ``category``.
    imputations, iterations, donors
        Data sets made; rounds over the variables for each; subjects a value is drawn from in predictive mean matching.
    rng
        The generator; each data set has a stream of its own.

    Raises
    ------
    ValueError
        Shapes that do not agree, or a variable without an observed value.

    Notes
    -----
    The outcome and every variable of the model to be fitted belong among the variables, otherwise associations are drawn towards none.
    Numbers: coefficients drawn from the posterior of the linear model on all other variables, then the value of one of the nearest
    observed predictions (type 1 matching), so that imputed values are values that occur. Categories: coefficients drawn from the normal
    approximation around Firth's estimate, one logistic model per category where there are more than two, probabilities scaled to 1.
    """
    x = np.asarray(data, dtype=np.float64)
    gone = np.asarray(missing, dtype=np.bool_)
    if x.ndim != 2 or gone.shape != x.shape or len(kinds) != x.shape[1]:
        raise ValueError("data and missing must be (n, v), and kinds v words")
    if gone.all(axis=0).any():
        raise ValueError("a variable has no observed value")
    order = [j for j in np.argsort(gone.sum(axis=0), kind="stable").tolist() if gone[:, j].any()]
    # what is predicted from variables that nobody lacks is predicted the same way every time
    once = {}
    for j in order:
        if not np.delete(gone, j, axis=1).any():
            once[j] = _prepared(x, x, gone, kinds, j, donors)
    made = np.empty((imputations, *x.shape))
    means = np.full((imputations, iterations, x.shape[1]), np.nan)
    for k, stream in enumerate(rng.spawn(imputations)):
        filled = x.copy()
        for j in order:
            at = gone[:, j]
            filled[at, j] = stream.choice(x[~at, j], size=int(at.sum()))
        for step in range(iterations):
            for j in order:
                at = gone[:, j]
                draw = once.get(j) or _prepared(x, filled, gone, kinds, j, donors)
                filled[at, j] = draw(stream)
                means[k, step, j] = filled[at, j].mean()
        made[k] = filled
    return Imputed(values=made, chain_mean=means)


_Draw = Callable[[np.random.Generator], Floats]
"""Gives the missing values of a variable, with a generator."""


def _prepared(x: Floats, filled: Floats, gone: Bools, kinds: Sequence[Kind], j: int, donors: int) -> _Draw:
    """How a variable is drawn, given the others as they are filled."""
    others = _design(filled, kinds, j)
    if kinds[j] == "number":
        return _number(x[:, j], gone[:, j], others, donors)
    return _category(x[:, j], gone[:, j], others)


def _design(filled: Floats, kinds: Sequence[Kind], but: int) -> Floats:
    """All variables but one, categories as indicators of all but the first, standardised; no intercept."""
    columns: list[Floats] = []
    for j, kind in enumerate(kinds):
        if j == but:
            continue
        if kind == "number":
            columns.append(filled[:, j])
        else:
            columns += [(filled[:, j] == c).astype(np.float64) for c in np.unique(filled[:, j])[1:]]
    if not columns:
        return np.empty((filled.shape[0], 0))
    design = np.stack(columns, axis=1)
    spread = design.std(axis=0)
    kept: Floats = (design[:, spread > 0] - design[:, spread > 0].mean(axis=0)) / spread[spread > 0]
    return kept


def _number(y: Floats, gone: Bools, design: Floats, donors: int) -> _Draw:
    """Predictive mean matching."""
    x = np.column_stack((np.ones(y.size), design))
    seen, known, lacking = x[~gone], y[~gone], x[gone]
    gram = seen.T @ seen
    gram += np.diag(np.diag(gram) * _RIDGE)
    inverse = np.linalg.inv(gram)
    estimate = inverse @ (seen.T @ known)
    fitted = seen @ estimate
    residual = known - fitted
    df = max(known.size - x.shape[1], 1)
    root = np.linalg.cholesky((inverse + inverse.T) / 2.0)

    def draw(rng: np.random.Generator) -> Floats:
        sigma = np.sqrt((residual @ residual) / rng.chisquare(df))
        drawn = estimate + sigma * (root @ rng.standard_normal(x.shape[1]))
        distance = np.abs((lacking @ drawn)[:, None] - fitted[None, :])
        near = np.argsort(distance, axis=1, kind="stable")[:, : min(donors, known.size)]
        picked = near[np.arange(near.shape[0]), rng.integers(0, near.shape[1], near.shape[0])]
        found: Floats = known[picked]
        return found

    return draw


def _category(y: Floats, gone: Bools, design: Floats) -> _Draw:
    """Draws from logistic models; from the observed categories where they do not fit."""
    names, count = np.unique(y[~gone]), int(gone.sum())
    if names.size == 1:
        return lambda _: np.full(count, names[0])
    asked = names[1:] if names.size == 2 else names
    fits = [logistic_model(design[~gone], y[~gone] == name, penalty=Penalty.FIRTH) for name in asked]
    lacking = np.column_stack((np.ones(count), design[gone]))

    def draw(rng: np.random.Generator) -> Floats:
        chance = np.empty((count, names.size))
        for column, (name, fit) in enumerate(zip(asked, fits, strict=True), start=names.size - asked.size):
            if fit.converged and np.isfinite(fit.covariance).all():
                root = np.linalg.cholesky(fit.covariance + 1e-12 * np.eye(fit.coefficient.size))
                drawn = fit.coefficient + root @ rng.standard_normal(fit.coefficient.size)
                chance[:, column] = expit(lacking @ drawn)
            else:
                chance[:, column] = (y[~gone] == name).mean()
        if names.size == 2:
            chance[:, 0] = 1.0 - chance[:, 1]
        ends = np.cumsum(chance / chance.sum(axis=1, keepdims=True), axis=1)
        found: Floats = names[(rng.random(count)[:, None] > ends[:, :-1]).sum(axis=1)]
        return found

    return draw
