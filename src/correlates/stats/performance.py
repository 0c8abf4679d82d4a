"""How well linear predictors tell and quantify a binary outcome, for many predictors and weighted resamples at once.

Discrimination: area under the ROC curve, ties counted half. Overall: Brier score and scaled Brier score. Calibration: intercept and slope of the logistic
regression of the outcome on the linear predictor, fitted together (Cox, Biometrika 1958;45:562-565). Decision curve: net benefit
(Vickers and Elkin, Med Decis Making 2006;26:565-574, doi:10.1177/0272989X06295361). Overview: Steyerberg et al., Epidemiology 2010;21:128-138.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Bools, Floats, divide, membership, where

_BLOCK = (
    1 << 13
)  # predictors worked on at a time: larger arrays are fetched from the system anew each time, which costs more than the arithmetic
_CLOSE = 1e-7  # change of a coefficient per standard deviation after which what is left is of its square
_FARTHEST = 50.0  # a coefficient per standard deviation beyond this has left for infinity: the classes are separated


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """Measures of B linear predictors; every array is (B,), NaN where not defined.

    ``auc``: probability that an event has the higher predictor. ``brier``: mean squared difference of probability and outcome.
    ``scaled_brier``: 1 - brier / that of the prevalence for everybody. ``intercept`` and ``slope`` of calibration: 0 and 1 are ideal, a
    slope below 1 tells of predictions that are too extreme. Undefined: AUC with one class; slope and intercept where the predictor
    is constant or separates the classes.
    """

    auc: Floats
    brier: Floats
    scaled_brier: Floats
    intercept: Floats
    slope: Floats

    def difference(self, other: Performance) -> Performance:
        """Measure by measure."""
        return Performance(**{f.name: getattr(self, f.name) - getattr(other, f.name) for f in fields(self)})

    def mean(self) -> dict[str, float]:
        """Mean of each measure over the predictors where it is defined; NaN where it never is."""
        return {
            f.name: float(np.mean(part)) if (part := _defined(getattr(self, f.name))).size else float("nan")
            for f in fields(self)
        }


def _defined(values: Floats) -> Floats:
    found: Floats = values[np.isfinite(values)]
    return found


def performance(eta: npt.ArrayLike, outcome: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> Performance:
    """Measures of linear predictors on the subjects they are weighted over.

    Parameters
    ----------
    eta
        (B, n) linear predictors (log odds); a row with NaN has no measures.
    outcome
        (n,) true for an event.
    weight
        (B, n) how often each subject counts; once, when not given.
    """
    predictor = np.atleast_2d(np.asarray(eta, dtype=np.float64))
    events = membership(outcome, predictor.shape[1]).astype(np.float64)
    weights = (
        np.ones(predictor.shape)
        if weight is None
        else np.broadcast_to(np.asarray(weight, dtype=np.float64), predictor.shape)
    )
    parts = [_measured(predictor[block], events, weights[block]) for block in _blocks(predictor)]
    return Performance(
        **{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Performance)}
    )


def _blocks(of: Floats) -> list[slice]:
    """Rows worked on at a time."""
    step = max(1, _BLOCK // max(of.shape[1], 1))
    return [slice(first, first + step) for first in range(0, of.shape[0], step)] or [slice(0, 0)]


def _measured(predictor: Floats, events: Floats, weights: Floats) -> Performance:
    there: Bools = np.all(np.isfinite(where(weights > 0, predictor, 0.0)), axis=1)
    filled = where(there[:, None] & np.isfinite(predictor), predictor, 0.0)
    total = weights.sum(axis=1)
    prevalence = divide(weights @ events, total)
    brier = divide((weights * (probability(filled) - events) ** 2).sum(axis=1), total)
    intercept, slope = calibration_line(filled, events > 0, weights)
    made = {
        "auc": weighted_auc(filled, events > 0, weights),
        "brier": brier,
        "scaled_brier": 1.0 - divide(brier, prevalence * (1.0 - prevalence)),
        "intercept": intercept,
        "slope": slope,
    }
    return Performance(**{name: where(there, value, np.nan) for name, value in made.items()})


def probability(eta: npt.ArrayLike) -> Floats:
    """1 / (1 + exp(-eta))."""
    given = np.asarray(eta, dtype=np.float64)
    decay = np.exp(-np.abs(given))
    return where(given >= 0, 1.0 / (1.0 + decay), decay / (1.0 + decay))


def weighted_auc(eta: Floats, outcome: Bools, weight: Floats) -> Floats:
    """Area under the ROC curve (B,) of predictors (B, n), subjects counted ``weight`` (B, n) times; ties count half."""
    won, pairs = concordant_pairs(eta, outcome, weight)
    return divide(won, pairs)


def concordant_pairs(eta: Floats, outcome: Bools, weight: Floats) -> tuple[Floats, Floats]:
    """Pairs of an event and a non-event of which the event has the higher predictor, ties half; and all such pairs (B,)."""
    return weighted_pairs(eta, where(outcome, weight, 0.0), where(outcome, 0.0, weight))


def weighted_pairs(eta: Floats, case: Floats, control: Floats) -> tuple[Floats, Floats]:
    """The same of subjects that count as an event and as none by their weights (B, n)."""
    parts = [_pairs(eta[block], case[block], control[block]) for block in _blocks(eta)]
    return np.concatenate([won for won, _ in parts]), np.concatenate([pairs for _, pairs in parts])


def _pairs(eta: Floats, case: Floats, control: Floats) -> tuple[Floats, Floats]:
    order = np.argsort(eta, axis=1)
    ordered = np.take_along_axis(eta, order, axis=1)
    cases, controls = np.take_along_axis(case, order, axis=1), np.take_along_axis(control, order, axis=1)
    count, n = eta.shape
    running = np.concatenate((np.zeros((count, 1)), np.cumsum(controls, axis=1)), axis=1)
    pairs: Floats = cases.sum(axis=1) * controls.sum(axis=1)
    new = np.ones((count, n), dtype=np.bool_)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    if new.all():
        untied: Floats = (cases * (running[:, :-1] + running[:, 1:]) / 2.0).sum(axis=1)
        return untied, pairs
    last = np.ones((count, n), dtype=np.bool_)
    last[:, :-1] = new[:, 1:]
    position = np.arange(n)
    start = np.maximum.accumulate(np.where(new, position, 0), axis=1)
    end = np.minimum.accumulate(np.where(last, position, n)[:, ::-1], axis=1)[:, ::-1]
    below = np.take_along_axis(running, start, axis=1)
    upto = np.take_along_axis(running, end + 1, axis=1)
    won: Floats = (cases * (below + upto) / 2.0).sum(axis=1)
    return won, pairs


def calibration_line(eta: Floats, outcome: Bools, weight: Floats) -> tuple[Floats, Floats]:
    """Intercept and slope (B,) of the logistic regression of the outcome on each predictor, fitted together."""
    total = weight.sum(axis=1, keepdims=True)
    centre = (weight * eta).sum(axis=1, keepdims=True) / total
    spread = np.sqrt(np.maximum((weight * (eta - centre) ** 2).sum(axis=1) / total[:, 0], 0.0))
    varied = spread > 1e-10 * (1.0 + np.abs(centre[:, 0]))
    unit = where(varied, spread, 1.0)
    x = where(varied[:, None] & (weight > 0), (eta - centre) / unit[:, None], 0.0)
    events = outcome.astype(np.float64)
    a, b, reached = _two_coefficients(x, events, weight)
    known = varied & reached
    return where(known, a - b * centre[:, 0] / unit, np.nan), where(known, b / unit, np.nan)


def _two_coefficients(x: Floats, events: Floats, weight: Floats) -> tuple[Floats, Floats, Bools]:
    """Intercept and slope (B,) of a logistic regression on one column each (B, n), by Newton's method; whether reached.

    Not reached: separated classes, one class. Steps are bounded, and from 0 the likelihood of so few coefficients needs no halving.
    """
    count = x.shape[0]
    a, b = np.zeros(count), np.zeros(count)
    reached = np.zeros(count, dtype=np.bool_)
    live = np.arange(count)
    first, second = weight * x, weight * x * x
    happened, weighted = weight @ events, first @ events
    for _ in range(60):
        z, w, wz = x[live], weight[live], first[live]
        chance = 1.0 / (1.0 + np.exp(-np.clip(a[live, None] + b[live, None] * z, -500.0, 500.0)))
        variance = chance * (1.0 - chance)
        s0, s1 = happened[live] - _dot(w, chance), weighted[live] - _dot(wz, chance)
        h00, h01, h11 = _dot(w, variance), _dot(wz, variance), _dot(second[live], variance)
        determinant = h00 * h11 - h01**2
        regular = determinant > 1e-14 * (h00 * h11) + 1e-300
        safe = where(regular, determinant, 1.0)
        da, db = (h11 * s0 - h01 * s1) / safe, (h00 * s1 - h01 * s0) / safe
        size = np.maximum(np.abs(da), np.abs(db))
        short = np.minimum(1.0, 2.0 / np.maximum(size, 2.0))
        a[live] += where(regular, short * da, 0.0)
        b[live] += where(regular, short * db, 0.0)
        done = regular & (size < _CLOSE)
        reached[live[done]] = True
        gone = ~regular | (np.maximum(np.abs(a[live]), np.abs(b[live])) > _FARTHEST)
        live = live[~done & ~gone]
        if live.size == 0:
            break
    return a, b, reached


def _dot(one: Floats, other: Floats) -> Floats:
    """Sums (B,) of products of rows (B, n)."""
    found: Floats = np.einsum("bn,bn->b", one, other)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionCurve:
    """Net benefit at each threshold (T,): of the model, of treating everybody; treating nobody has 0."""

    threshold: Floats
    model: Floats
    everybody: Floats


def decision_curve(predicted: npt.ArrayLike, outcome: npt.ArrayLike, threshold: npt.ArrayLike) -> DecisionCurve:
    """Net benefit = TP/n - FP/n * t/(1 - t) of acting where the predicted probability (n,) is at least t.

    Undefined at t = 1, which is refused with values outside 0 <= t < 1.
    """
    chance = np.asarray(predicted, dtype=np.float64)
    events = membership(outcome, chance.size)
    at = np.asarray(threshold, dtype=np.float64)
    if ((at < 0) | (at >= 1)).any():
        raise ValueError("thresholds must be at least 0 and below 1")
    acted = chance[None, :] >= at[:, None]
    odds = at / (1.0 - at)
    n = chance.size
    model = (acted & events).sum(axis=1) / n - (acted & ~events).sum(axis=1) / n * odds
    share = events.mean()
    return DecisionCurve(threshold=at, model=model, everybody=share - (1.0 - share) * odds)
