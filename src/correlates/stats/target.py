"""What a multivariable model predicts, an event or a time to one, and the measures its linear predictors are judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Bools, Floats, Ints, divide, membership, where
from correlates.stats.elastic_net import binary, elastic_net, survival
from correlates.stats.elastic_net_likelihood import Family
from correlates.stats.horizon import AtHorizon, at_horizon, free_at, predicted_risk
from correlates.stats.performance import concordant_pairs, performance, probability, weighted_pairs

_CHUNK = 1 << 17  # comparisons of two subjects made at a time

Measures = Mapping[str, Floats]
"""Name of a measure: its value in each resample (B,), NaN where it is not defined."""


class Target(Protocol):
    """An outcome of n subjects."""

    @property
    def family(self) -> Family:
        """Its log-likelihood."""

    @property
    def event(self) -> Bools:
        """Who had the event (n,): folds and subsamples are balanced by it."""

    @property
    def size(self) -> int:
        """N."""

    def risk(self, eta: Floats, weight: Floats) -> Floats:
        """Probability of the event (B, n) by models of linear predictors (B, n) made from subjects of weights (B, n); NaN where none is told."""

    def measures(self, eta: Floats, weight: Floats, risk: Floats | None = None) -> Measures:
        """Measures of predictors and risks (B, n) on the subjects they are weighted over (B, n); the risks of these subjects, when not given."""

    def pairs(self, eta: Floats, weight: Floats) -> tuple[Floats, Floats]:
        """Pairs that the predictor orders as the outcome does (ties half), and all that can be ordered (B,): of the first measure."""

    def pair_weights(self) -> Mapping[str, Floats]:
        """By measure of discrimination: how much a pair counts of which the row's subject should have the higher predictor (n, n)."""

    def permuted(self, order: Ints) -> Target:
        """The outcome with its subjects in another order (n,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryTarget:
    """A binary outcome (n,)."""

    event: Bools

    @property
    def family(self) -> Family:
        """Logistic."""
        return binary(self.event)

    @property
    def size(self) -> int:
        """N."""
        return int(self.event.size)

    def risk(self, eta: Floats, weight: Floats) -> Floats:  # noqa: ARG002
        """See :class:`Target`."""
        return probability(eta)

    def measures(self, eta: Floats, weight: Floats, risk: Floats | None = None) -> Measures:  # noqa: ARG002
        """AUC, Brier score, scaled Brier score, intercept and slope of calibration."""
        found = performance(eta, self.event, weight)
        return {
            "auc": found.auc,
            "brier": found.brier,
            "scaled_brier": found.scaled_brier,
            "intercept": found.intercept,
            "slope": found.slope,
        }

    def pairs(self, eta: Floats, weight: Floats) -> tuple[Floats, Floats]:
        """Event against non-event."""
        return concordant_pairs(where(np.isfinite(eta), eta, 0.0), self.event, weight)

    def pair_weights(self) -> Mapping[str, Floats]:
        """See :class:`Target`."""
        return {"auc": where(self.event[:, None] & ~self.event[None, :], 1.0, 0.0)}

    def permuted(self, order: Ints) -> BinaryTarget:
        """See :class:`Target`."""
        return BinaryTarget(event=self.event[order])


@dataclass(frozen=True, slots=True, kw_only=True)
class SurvivalTarget:
    """A time (n,) to an event (n,) or to censoring, from the start of the study; with a ``horizon``, what is predicted by then is judged too."""

    time: Floats
    event: Bools
    horizon: float | None = None

    @property
    def family(self) -> Family:
        """Cox, ties by Breslow's rule."""
        return survival(self.time, self.event)

    @property
    def size(self) -> int:
        """N."""
        return int(self.event.size)

    def risk(self, eta: Floats, weight: Floats) -> Floats:
        """See :class:`Target`; NaN without a horizon."""
        if self.horizon is None:
            return np.full(eta.shape, np.nan)
        there = np.isfinite(eta).all(axis=1, keepdims=True)
        found = predicted_risk(where(there, eta, 0.0), self.time, self.event, weight, self.horizon)
        return where(there, found, np.nan)

    def measures(self, eta: Floats, weight: Floats, risk: Floats | None = None) -> Measures:
        """Harrell's C, and the slope of a Cox regression on the predictor (1 is ideal).

        With a horizon also: Uno's C over events by then; the area under the ROC curve, Brier score and scaled Brier score of what has
        happened by then, the censored made up for by inverse probability weights; and events observed (Kaplan-Meier) per event predicted.
        """
        filled = where(weight > 0, eta, 0.0)
        own, pairs = self._tallies(filled, weight)
        total = weight.sum(axis=1, keepdims=True)
        centre = (weight * filled).sum(axis=1, keepdims=True) / total
        spread = np.sqrt((weight * (filled - centre) ** 2).sum(axis=1) / total[:, 0])
        varied = spread > 1e-10 * (1.0 + np.abs(centre[:, 0]))
        unit = where(varied, spread, 1.0)[:, None]
        scaled = where(varied[:, None] & (weight > 0), (filled - centre) / unit, 0.0)
        fit = elastic_net(scaled[:, :, None], self.family, [1e-9], weight, mixing=0.0)
        slope = where(varied & fit.converged, fit.coefficient[:, 0, 0] / unit[:, 0], np.nan)
        harrell = divide((weight * own).sum(axis=1), (weight * pairs).sum(axis=1))
        if self.horizon is None:
            return {"c_index": harrell, "slope": slope}
        at = at_horizon(self.time, self.event, weight, self.horizon)
        won, ordered = weighted_pairs(filled, at.case, at.control)
        chance = where(weight > 0, self.risk(eta, weight) if risk is None else risk, 0.0)
        free = free_at(self.time, self.event, weight, self.horizon)
        brier = where(np.isfinite(free), self._brier(at, chance, total[:, 0]), np.nan)
        alike = self._brier(at, np.broadcast_to(1.0 - free[:, None], chance.shape), total[:, 0])
        return {
            "c_index": harrell,
            "uno_c": divide((at.uno * own).sum(axis=1), (at.uno * pairs).sum(axis=1)),
            "auc_at_horizon": divide(won, ordered),
            "brier_at_horizon": brier,
            "scaled_brier_at_horizon": 1.0 - divide(brier, alike),
            "observed_to_expected": divide(1.0 - free, (weight * chance).sum(axis=1) / total[:, 0]),
            "slope": slope,
        }

    @staticmethod
    def _brier(at: AtHorizon, risk: Floats, total: Floats) -> Floats:
        return divide((at.case * (1.0 - risk) ** 2 + at.control * risk**2).sum(axis=1), total)

    def _tallies(self, eta: Floats, weight: Floats) -> tuple[Floats, Floats]:
        """Of each subject with an event: weight of those that go on then and have a lower predictor (ties half), and of all of them (B, n)."""
        comparable = self.comparable().astype(np.float64)
        count, n = eta.shape
        won = np.empty((count, n))
        step = max(1, _CHUNK // max(n * n, 1))
        for first in range(0, count, step):
            part = slice(first, first + step)
            one, other = eta[part, :, None], eta[part, None, :]
            higher = ((one > other) + 0.5 * (one == other)) * comparable
            won[part] = (higher @ weight[part, :, None])[:, :, 0]
        pairs: Floats = weight @ comparable.T
        return won, pairs

    def pairs(self, eta: Floats, weight: Floats) -> tuple[Floats, Floats]:
        """One has the event while the other goes on, as :mod:`correlates.stats.concordance` has it."""
        won, pairs = self._tallies(where(weight > 0, eta, 0.0), weight)
        return (weight * won).sum(axis=1), (weight * pairs).sum(axis=1)

    def pair_weights(self) -> Mapping[str, Floats]:
        """See :class:`Target`; censoring is estimated from everybody."""
        comparable = where(self.comparable(), 1.0, 0.0)
        if self.horizon is None:
            return {"c_index": comparable}
        at = at_horizon(self.time, self.event, np.ones((1, self.size)), self.horizon)
        return {
            "c_index": comparable,
            "uno_c": at.uno[0][:, None] * comparable,
            "auc_at_horizon": at.case[0][:, None] * at.control[0][None, :],
        }

    def comparable(self) -> Bools:
        """Whether the row's subject (n, n) has the event while the column's goes on."""
        later = self.time[None, :] > self.time[:, None]
        later |= (self.time[None, :] == self.time[:, None]) & ~self.event[None, :]
        found: Bools = later & self.event[:, None]
        return found

    def permuted(self, order: Ints) -> SurvivalTarget:
        """See :class:`Target`."""
        return SurvivalTarget(time=self.time[order], event=self.event[order], horizon=self.horizon)


def binary_target(outcome: npt.ArrayLike) -> BinaryTarget:
    """A binary outcome, checked."""
    given = np.asarray(outcome)
    return BinaryTarget(event=membership(given, given.size))


def survival_target(time: npt.ArrayLike, event: npt.ArrayLike, horizon: float | None = None) -> SurvivalTarget:
    """A time to event, checked: times are finite and not negative, a horizon is above 0."""
    if horizon is not None and not 0.0 < horizon < np.inf:
        raise ValueError(f"the horizon must be above 0 and finite, found {horizon}")
    times = np.asarray(time, dtype=np.float64)
    if times.ndim != 1 or not np.isfinite(times).all() or (times < 0).any():
        raise ValueError("time must be (n,), finite and not negative")
    return SurvivalTarget(time=times, event=membership(event, times.size), horizon=horizon)
