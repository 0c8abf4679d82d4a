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
from correlates.stats.performance import concordant_pairs, performance

_CHUNK = 1 << 22  # comparisons of two subjects made at a time

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

    def measures(self, eta: Floats, weight: Floats) -> Measures:
        """Measures of predictors (B, n) on the subjects they are weighted over (B, n)."""

    def pairs(self, eta: Floats, weight: Floats) -> tuple[Floats, Floats]:
        """Pairs that the predictor orders as the outcome does (ties half), and all that can be ordered (B,)."""

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

    def measures(self, eta: Floats, weight: Floats) -> Measures:
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
        return concordant_pairs(where(weight > 0, eta, 0.0), self.event, weight)

    def permuted(self, order: Ints) -> BinaryTarget:
        """See :class:`Target`."""
        return BinaryTarget(event=self.event[order])


@dataclass(frozen=True, slots=True, kw_only=True)
class SurvivalTarget:
    """A time (n,) to an event (n,) or to censoring, from the start of the study."""

    time: Floats
    event: Bools

    @property
    def family(self) -> Family:
        """Cox, ties by Breslow's rule."""
        return survival(self.time, self.event)

    @property
    def size(self) -> int:
        """N."""
        return int(self.event.size)

    def measures(self, eta: Floats, weight: Floats) -> Measures:
        """Harrell's C, and the slope of a Cox regression on the predictor (1 is ideal)."""
        won, pairs = self.pairs(eta, weight)
        total = weight.sum(axis=1, keepdims=True)
        filled = where(weight > 0, eta, 0.0)
        centre = (weight * filled).sum(axis=1, keepdims=True) / total
        spread = np.sqrt((weight * (filled - centre) ** 2).sum(axis=1) / total[:, 0])
        varied = spread > 1e-10 * (1.0 + np.abs(centre[:, 0]))
        unit = where(varied, spread, 1.0)[:, None]
        scaled = where(varied[:, None] & (weight > 0), (filled - centre) / unit, 0.0)
        fit = elastic_net(scaled[:, :, None], self.family, [1e-9], weight, mixing=0.0)
        slope = where(varied & fit.converged, fit.coefficient[:, 0, 0] / unit[:, 0], np.nan)
        return {"c_index": divide(won, pairs), "slope": slope}

    def pairs(self, eta: Floats, weight: Floats) -> tuple[Floats, Floats]:
        """One has the event while the other goes on, as :mod:`correlates.stats.concordance` has it."""
        comparable = self.comparable().astype(np.float64)
        count, n = eta.shape
        won, pairs = np.empty(count), np.empty(count)
        filled = where(weight > 0, eta, 0.0)
        step = max(1, _CHUNK // max(n * n, 1))
        for first in range(0, count, step):
            part = slice(first, first + step)
            one, other = filled[part, :, None], filled[part, None, :]
            higher = ((one > other) + 0.5 * (one == other)) * comparable
            mass = weight[part]
            won[part] = (mass * (higher @ mass[:, :, None])[:, :, 0]).sum(axis=1)
            pairs[part] = (mass * (mass @ comparable.T)).sum(axis=1)
        return won, pairs

    def comparable(self) -> Bools:
        """Whether the row's subject (n, n) has the event while the column's goes on."""
        later = self.time[None, :] > self.time[:, None]
        later |= (self.time[None, :] == self.time[:, None]) & ~self.event[None, :]
        found: Bools = later & self.event[:, None]
        return found

    def permuted(self, order: Ints) -> SurvivalTarget:
        """See :class:`Target`."""
        return SurvivalTarget(time=self.time[order], event=self.event[order])


def binary_target(outcome: npt.ArrayLike) -> BinaryTarget:
    """A binary outcome, checked."""
    given = np.asarray(outcome)
    return BinaryTarget(event=membership(given, given.size))


def survival_target(time: npt.ArrayLike, event: npt.ArrayLike) -> SurvivalTarget:
    """A time to event, checked: times are finite and not negative."""
    times = np.asarray(time, dtype=np.float64)
    if times.ndim != 1 or not np.isfinite(times).all() or (times < 0).any():
        raise ValueError("time must be (n,), finite and not negative")
    return SurvivalTarget(time=times, event=membership(event, times.size))
