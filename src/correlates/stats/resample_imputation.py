"""Multiple imputation inside every resample: chained equations of many weighted resamples at once, and what fills a gap of a new subject.

Predictive mean matching (Little, J Bus Econ Stat 1988;6:287-296; van Buuren, Flexible Imputation of Missing Data, 2nd ed. 2018, sections 3.4 and 4.5),
the outcome among the predictors (Moons et al., J Clin Epidemiol 2006;59:1092-1101); for a time to event its event and its cumulative hazard (White and
Royston, Stat Med 2009;28:1982-1998). A subject that a resample leaves out teaches it nothing: no donor, no regression.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from correlates.stats.arrays import Floats, Ints, divide, where
from correlates.stats.candidates import Candidates, fillings
from correlates.stats.ordinal_target import OrdinalTarget
from correlates.stats.target import SurvivalTarget, Target

_RIDGE = 1e-5  # share of the diagonal added to cross-products, as in R's mice
_LEAST = 3  # subjects with a value that a resample needs to learn from
_PREDICTORS = 15  # columns, besides the outcome, that a gap is imputed from: those most correlated with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Imputing:
    """Data sets made in each resample, rounds over the variables for each, and subjects a value is drawn from."""

    imputations: int = 10
    iterations: int = 5
    donors: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionalMean:
    """Mean (B, p) and covariance (B, p, p) of the columns, by which a gap becomes its expectation given what is there.

    Made of the completed data sets; the outcome of the subject to be filled is not looked at, so that subjects of a resample and new ones are
    filled alike. Covariances between columns are shrunk by n / (n + p), which keeps them definite with many columns.
    """

    mean: Floats
    covariance: Floats

    def filled(self, given: Candidates) -> Floats:
        """Values (B, n, p)."""
        count = self.mean.shape[0]
        values = np.broadcast_to(given.values, (count, *given.values.shape)).copy()
        patterns, number = np.unique(given.present, axis=0, return_inverse=True)
        for k, there in enumerate(patterns):
            if there.all():
                continue
            rows, absent, known = np.flatnonzero(number.reshape(-1) == k), np.flatnonzero(~there), np.flatnonzero(there)
            expected = np.repeat(self.mean[:, None, absent], rows.size, axis=1)
            if known.size:
                inner = self.covariance[:, known[:, None], known[None, :]]
                across = self.covariance[:, known[:, None], absent[None, :]]
                slope = np.linalg.solve(inner, across)
                expected += (given.values[rows][:, known][None] - self.mean[:, None, known]) @ slope
            values[:, rows[:, None], absent[None, :]] = expected
        return values


@dataclass(frozen=True, slots=True, kw_only=True)
class ImputedResamples:
    """Completed columns (B, k, n, p), equal to the data where they were there; and the rule that fills a gap where the outcome is not known."""

    values: Floats
    rule: ConditionalMean


def impute_resamples(
    given: Candidates, target: Target, weight: Floats, how: Imputing, seed: np.random.SeedSequence
) -> ImputedResamples:
    """Impute the gaps of the subjects of each resample, several times.

    Parameters
    ----------
    given, target
        Columns with gaps, and the outcome.
    weight
        (B, n) how often each subject counts; those of weight 0 are imputed too, but nothing is learned from them.
    how, seed
        Settings, and where the draws come from.

    Notes
    -----
    In each round a variable is regressed on the outcome and up to 15 columns of the others (those most correlated with it in the resample); the
    coefficients are drawn from their posterior, and the value of one of the nearest ``donors`` observed subjects is taken, of a category
    its class: all its columns together, the nearest by the squared distance of their predictions (type 1 matching).
    """
    random = np.random.default_rng(seed)
    count, n = weight.shape
    p, k = given.columns, how.imputations
    mass = np.repeat(weight, k, axis=0)
    start = where(given.present[None], given.values[None], fillings(given, weight)[:, None, :])
    values = np.repeat(start, k, axis=0)
    helpers = np.repeat(_helpers(target, weight), k, axis=0)
    gaps = [
        at for v in np.unique(given.variable) if not given.present[:, at := np.flatnonzero(given.variable == v)].all()
    ]
    near = {int(at[0]): np.repeat(_nearest(start, weight, at), k, axis=0) for at in gaps}
    gaps.sort(key=lambda at: int((~given.present[:, at[0]]).sum()))
    for at in gaps:  # a first draw from the values that are there
        absent, there = np.flatnonzero(~given.present[:, at[0]]), np.flatnonzero(given.present[:, at[0]])
        drawn = _weighted_choice(mass[:, there], absent.size, random)
        some = np.flatnonzero(mass[:, there].sum(axis=1) > 0)  # where nobody has a value the first filling stays
        values[some[:, None, None], absent[None, :, None], at] = given.values[there[drawn[some]]][:, :, at]
    for _ in range(how.iterations):
        for at in gaps:
            others = np.take_along_axis(values, near[int(at[0])][:, None, :], axis=2)
            _redraw(values, given, at, np.concatenate((others, helpers), axis=2), mass, how.donors, random)
    total = mass.sum(axis=1)[:, None]
    mean = (mass[:, None, :] @ values)[:, 0, :] / total
    away = values - mean[:, None, :]
    covariance = np.swapaxes(away * mass[:, :, None], 1, 2) @ away / total[:, :, None]
    means, within = mean.reshape(count, k, p), covariance.reshape(count, k, p, p).mean(axis=1)
    shrunk = within * (n / (n + p))
    diagonal = np.arange(p)
    # a column that does not vary in a resample tells nothing of the others
    shrunk[:, diagonal, diagonal] = np.maximum(within[:, diagonal, diagonal], 1e-12)
    return ImputedResamples(
        values=values.reshape(count, k, n, p), rule=ConditionalMean(mean=means.mean(axis=1), covariance=shrunk)
    )


def _helpers(target: Target, weight: Floats) -> Floats:
    """What the outcome tells the imputation (B, n, h)."""
    if isinstance(target, OrdinalTarget):
        return np.broadcast_to(target.grade.astype(np.float64)[None, :, None], (*weight.shape, 1))
    event = np.broadcast_to(target.event.astype(np.float64), weight.shape)
    if not isinstance(target, SurvivalTarget):
        return event[:, :, None]
    at_risk = (target.time[:, None] >= target.time[None, :]).astype(np.float64)  # subject, time of another
    jump = divide(weight * event, weight @ at_risk)
    hazard = np.nan_to_num(jump) @ at_risk.T
    return np.stack((event, hazard), axis=2)


def _nearest(start: Floats, weight: Floats, at: Ints) -> Ints:
    """The columns (B, m) most correlated with those ``at``, from the first fillings of each resample."""
    p = start.shape[2]
    others = np.setdiff1d(np.arange(p), at)
    if others.size <= _PREDICTORS:
        return np.broadcast_to(others, (start.shape[0], others.size))
    total = weight.sum(axis=1)[:, None]
    away = start - ((weight[:, None, :] @ start)[:, 0, :] / total)[:, None, :]
    spread = np.sqrt((weight[:, :, None] * away**2).sum(axis=1))
    products = np.swapaxes(away[:, :, at] * weight[:, :, None], 1, 2) @ away[:, :, others]
    rho = np.abs(np.nan_to_num(divide(products, spread[:, at, None] * spread[:, None, others]))).max(axis=1)
    best: Ints = others[np.argsort(-rho, axis=1, kind="stable")[:, :_PREDICTORS]]
    return best


def _weighted_choice(mass: Floats, size: int, random: np.random.Generator) -> Ints:
    """Places (R, size) drawn with the weights (R, k); the first where all are 0."""
    ends = np.cumsum(mass, axis=1)
    drawn = random.random((mass.shape[0], size)) * ends[:, -1:]
    found: Ints = (drawn[:, :, None] >= ends[:, None, :]).sum(axis=2)
    place: Ints = np.minimum(found, mass.shape[1] - 1)
    return place


def _redraw(
    values: Floats,
    given: Candidates,
    at: Ints,
    predictors: Floats,
    mass: Floats,
    donors: int,
    random: np.random.Generator,
) -> None:
    """New values of the columns ``at`` where they are absent, in place."""
    there, absent = np.flatnonzero(given.present[:, at[0]]), np.flatnonzero(~given.present[:, at[0]])
    weight = mass[:, there]
    total = weight.sum(axis=1)
    centre = (weight[:, None, :] @ predictors[:, there])[:, 0, :] / np.maximum(total, 1.0)[:, None]
    away = predictors - centre[:, None, :]
    spread = np.sqrt((weight[:, :, None] * away[:, there] ** 2).sum(axis=1) / np.maximum(total, 1.0)[:, None])
    columns = away / where(spread > 1e-12, spread, np.inf)[:, None, :]
    design = np.concatenate((np.ones((*columns.shape[:2], 1)), columns), axis=2)
    seen, known = design[:, there], given.values[there][:, at]
    turned = np.swapaxes(seen * weight[:, :, None], 1, 2)
    gram = turned @ seen
    size = gram.shape[1]
    diagonal = np.arange(size)
    gram[:, diagonal, diagonal] = gram[:, diagonal, diagonal] * (1.0 + _RIDGE) + 1e-9
    inverse = np.linalg.inv(gram)
    estimate = inverse @ (turned @ known[None])
    predicted = seen @ estimate
    rest = (weight[:, :, None] * (known[None] - predicted) ** 2).sum(axis=1)
    df = np.maximum(total - size, 1.0)
    sigma = np.sqrt(rest / random.chisquare(df)[:, None])
    root = np.linalg.cholesky((inverse + np.swapaxes(inverse, 1, 2)) / 2.0)
    drawn = estimate + (root @ random.standard_normal((*estimate.shape,))) * sigma[:, None, :]
    asked = design[:, absent] @ drawn
    distance = ((asked[:, :, None, :] - predicted[:, None, :, :]) ** 2).sum(axis=3)
    distance = where(weight[:, None, :] > 0, distance, np.inf)
    wide = min(donors, there.size)
    near = np.argpartition(distance, wide - 1, axis=2)[:, :, :wide]
    # fewer subjects there than donors: only those
    count = np.minimum((weight > 0).sum(axis=1), wide)[:, None]
    order = np.argsort(np.take_along_axis(distance, near, axis=2), axis=2, kind="stable")
    near = np.take_along_axis(near, order, axis=2)
    place = np.minimum((random.random(near.shape[:2]) * np.maximum(count, 1)).astype(np.int64), wide - 1)
    picked = np.take_along_axis(near, place[:, :, None], axis=2)[:, :, 0]
    enough = np.flatnonzero(total >= _LEAST)
    values[enough[:, None, None], absent[None, :, None], at] = known[picked[enough]]
