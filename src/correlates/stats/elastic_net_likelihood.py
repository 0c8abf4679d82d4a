"""Log-likelihoods under the elastic net, for many weighted resamples of one trial at once: value, residual, curvature of any columns.

A resample is a row of weights (B, n): 0 and 1 for a subsample or a fold left out, counts for a bootstrap. Linear predictors are
(B, n). The curvature is exact, so that Newton's steps converge quadratically also where the data are nearly separated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from correlates.stats.arrays import Bools, Floats, Ints

_LIGHTEST = (
    1e-9  # least variance of a Bernoulli outcome in the curvature: a subject fitted perfectly still holds the step
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curvature:
    """What the curvature needs of a linear predictor: weights (B, n) and, for Cox, the events' shares and sums at risk."""

    weight: Floats
    share: Floats | None = None
    at_risk: Floats | None = None


class Family(Protocol):
    """A log-likelihood of linear predictors."""

    @property
    def intercept(self) -> bool:
        """Whether an intercept, which is not penalised, belongs to the model."""

    def start(self, weight: Floats) -> Floats:
        """The intercept (B,) of the model without covariates."""

    def evaluate(self, eta: Floats, weight: Floats) -> tuple[Floats, Floats, Curvature]:
        """Log-likelihood (B,), its derivative by eta (B, n), and the curvature there."""

    def value(self, eta: Floats, weight: Floats) -> Floats:
        """Log-likelihood (B,)."""

    def hessian(self, columns: Floats, at: Curvature) -> tuple[Floats, Floats]:
        """Minus the second derivative for columns (B, k, n): (B, k, k), the intercept profiled out; and what it takes up (B, k)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bernoulli:
    """A binary outcome (n,), 0 or 1, with an intercept."""

    outcome: Floats

    @property
    def intercept(self) -> bool:
        """Yes."""
        return True

    def start(self, weight: Floats) -> Floats:
        """Log odds of the weighted share of events, kept away from 0 and 1."""
        share = np.clip((weight @ self.outcome) / weight.sum(axis=1), 1e-9, 1.0 - 1e-9)
        odds: Floats = np.log(share / (1.0 - share))
        return odds

    def evaluate(self, eta: Floats, weight: Floats) -> tuple[Floats, Floats, Curvature]:
        """See :class:`Family`."""
        decay = np.exp(-np.abs(eta))
        share = 1.0 / (1.0 + decay)
        probability = np.where(eta >= 0, share, decay * share)
        value = (weight * (self.outcome * eta - np.maximum(eta, 0.0) - np.log1p(decay))).sum(axis=1)
        variance = np.maximum(decay * share * share, _LIGHTEST)
        return value, weight * (self.outcome - probability), Curvature(weight=weight * variance)

    def value(self, eta: Floats, weight: Floats) -> Floats:
        """See :class:`Family`."""
        found: Floats = (weight * (self.outcome * eta - np.logaddexp(0.0, eta))).sum(axis=1)
        return found

    def hessian(self, columns: Floats, at: Curvature) -> tuple[Floats, Floats]:
        """See :class:`Family`."""
        weighted = columns * at.weight[:, None, :]
        total = at.weight.sum(axis=1)
        taken = weighted.sum(axis=2) / total[:, None]
        whole: Floats = weighted @ np.swapaxes(columns, 1, 2)
        whole -= (taken * total[:, None])[:, :, None] * taken[:, None, :]
        return whole, taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Breslow:
    """Cox's partial likelihood, tied events by Breslow's rule; everything in the order of falling time.

    ``order`` (n,) puts subjects there, ``event`` (n,) 0 or 1 and, for each position, ``first`` and ``last`` of those with the same time.
    """

    order: Ints
    event: Floats
    first: Ints
    last: Ints

    @property
    def intercept(self) -> bool:
        """No: it would cancel."""
        return False

    def start(self, weight: Floats) -> Floats:
        """Zero."""
        return np.zeros(weight.shape[0])

    def _sums(self, eta: Floats, weight: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        eta, weight = eta[:, self.order], weight[:, self.order]
        top = np.where(weight > 0, eta, -np.inf).max(axis=1, keepdims=True)
        risk = weight * np.exp(np.minimum(eta - top, 0.0))
        total = np.cumsum(risk, axis=1)[:, self.last]
        return eta - top, weight * self.event, risk, total

    def value(self, eta: Floats, weight: Floats) -> Floats:
        """See :class:`Family`."""
        eta, events, _, total = self._sums(eta, weight)
        found: Floats = (events * (eta - np.log(np.where(events > 0, total, 1.0)))).sum(axis=1)
        return found

    def evaluate(self, eta: Floats, weight: Floats) -> tuple[Floats, Floats, Curvature]:
        """See :class:`Family`."""
        eta, events, risk, total = self._sums(eta, weight)
        safe = np.where(events > 0, total, 1.0)
        value = (events * (eta - np.log(safe))).sum(axis=1)
        share = events / safe
        hazard = np.cumsum(share[:, ::-1], axis=1)[:, ::-1][:, self.first]
        expected = risk * hazard
        residual = np.empty(eta.shape)
        residual[:, self.order] = events - expected
        return value, residual, Curvature(weight=expected, share=share / safe, at_risk=risk)

    def hessian(self, columns: Floats, at: Curvature) -> tuple[Floats, Floats]:
        """See :class:`Family`."""
        assert at.share is not None
        assert at.at_risk is not None
        ordered = columns[:, :, self.order]
        whole: Floats = (ordered * at.weight[:, None, :]) @ np.swapaxes(ordered, 1, 2)
        sums = np.cumsum(ordered * at.at_risk[:, None, :], axis=2)[:, :, self.last]
        happened = np.flatnonzero(self.event > 0)
        sums = sums[:, :, happened]
        whole -= (sums * at.share[:, None, happened]) @ np.swapaxes(sums, 1, 2)
        return whole, np.zeros(columns.shape[:2])


def breslow(time: Floats, event: Bools) -> Breslow:
    """The partial likelihood of a follow-up without delayed entry; censoring at the time of an event counts as after it."""
    order = np.argsort(-time, kind="stable")
    sorted_time = time[order]
    n = time.size
    new = np.ones(n, dtype=np.bool_)
    new[1:] = sorted_time[1:] != sorted_time[:-1]
    starts = np.flatnonzero(new)
    block = np.cumsum(new) - 1
    ends = np.append(starts[1:], n) - 1
    return Breslow(order=order, event=event[order].astype(np.float64), first=starts[block], last=ends[block])
