"""How the model describes the data: predictions, residuals, discrepancies and the visual predictive check."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from correlates.population.density import Data, Floats, P, individual_means, log_level, unpack

_DRAWS, _SIMULATIONS, _BINS, _LEAST = 400, 500, 20, 5
PERCENTILES = (10, 50, 90)
"""Percentiles of the visual predictive check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """Of every sample (k,): predictions for the subject and for a typical one, residual, discrepancy."""

    individual: Floats
    population: Floats
    residual: Floats
    discrepancy: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One statistic of one span of days; NaN where it lies among censored samples."""

    bin: int
    day: float
    first: float
    last: float
    n: int
    statistic: str
    observed: float
    median: float
    lower: float
    upper: float


def predict(
    thetas: Floats, phi: Floats, data: Data, *, correlated: bool, simulated: Floats, rng: np.random.Generator
) -> Predicted:
    """Predictions and residuals.

    A residual is the normal quantile of the probability of a lower value: ``(ln y - ln prediction) / sigma`` of a
    quantified sample. Of a censored one only a range of probabilities is known, and one is drawn from it (randomised
    quantile residuals, Dunn and Smyth 1996). The discrepancy is the same with the distribution of simulated subjects
    in place of the subject's own (npd of Brendel 2006; for censored samples Nguyen 2012).

    Parameters
    ----------
    thetas, phi
        Draws (s, d) and (s, n, 6).
    data
        What was fitted.
    correlated
        Whether the covariance is full.
    simulated
        Logarithms of simulated samples (q, k) in the order of the valid samples.
    rng
        Source of what is drawn within a range.
    """
    thin = slice(None, None, max(1, thetas.shape[0] // _DRAWS))
    who, where = np.nonzero(data.valid)
    days, logs, code = data.days[who, where], data.logs[who, where], data.code[who, where]
    population = unpack(thetas[thin], data.design.shape[1], correlated=correlated, xp=np)
    own = np.median(log_level(phi[thin][:, who, :], days, np), axis=0)
    typical = np.median(log_level(individual_means(population, data, np)[:, who, :], days, np), axis=0)
    sigma = float(np.median(population.sigma))
    low = ndtr((logs - own) / sigma)
    share = (simulated < logs).mean(axis=0)
    edge = 0.5 / simulated.shape[0]
    return Predicted(
        individual=np.exp(own),
        population=np.exp(typical),
        residual=np.where(code == 0, (logs - own) / sigma, ndtri(_within(low, code, 1e-6, rng))),
        discrepancy=ndtri(np.where(code == 0, np.clip(share, edge, 1.0 - edge), _within(share, code, edge, rng))),
    )


def _within(share: Floats, code: np.ndarray, edge: float, rng: np.random.Generator) -> Floats:
    """A probability drawn below the share of a left-censored sample, and above that of a right-censored one."""
    drawn = rng.random(share.shape)
    return np.clip(np.where(code < 0, drawn * share, share + drawn * (1.0 - share)), edge, 1.0 - edge)


def simulate(thetas: Floats, data: Data, *, correlated: bool, rng: np.random.Generator) -> Floats:
    """Logarithms of the samples of simulated trials with the design of the data (q, k)."""
    who, where = np.nonzero(data.valid)
    days = data.days[who, where]
    picks = np.linspace(0, thetas.shape[0] - 1, min(_SIMULATIONS, thetas.shape[0])).astype(np.int64)
    population = unpack(thetas[picks], data.design.shape[1], correlated=correlated, xp=np)
    means = individual_means(population, data, np)
    between = rng.standard_normal((picks.size, data.days.shape[0], P)) @ population.root.transpose(0, 2, 1)
    levels = log_level((means + between)[:, who, :], days, np)
    return np.asarray(levels + population.sigma[:, None] * rng.standard_normal(levels.shape))


def bins(visits: Floats) -> np.ndarray:
    """Spans of neighbouring visits with about equal numbers of samples: the number of the span of each sample, from 1."""
    days, counts = np.unique(visits, return_counts=True)
    least = max(_LEAST, visits.size / _BINS)
    number, filled = np.zeros(days.size, dtype=np.int64), 0.0
    current = 1
    for i, count in enumerate(counts):
        if filled >= least:
            current, filled = current + 1, 0.0
        number[i], filled = current, filled + count
    if filled < _LEAST and current > 1:
        number[number == current] = current - 1
    return number[np.searchsorted(days, visits)]


def check(data: Data, visits: Floats, limits: Floats, simulated: Floats, interval: float) -> list[Check]:
    """The visual predictive check: percentiles and share below the limit, of the data and of simulated trials.

    A simulated sample below the limit of its own design is censored like the observed ones; censored samples count as
    lower than all quantified ones, and a percentile that falls among them has no value.

    Parameters
    ----------
    data
        What was fitted.
    visits
        Planned (or actual) day of each sample (k,).
    limits
        Logarithm of the limit of quantification of each sample (k,), -inf where none is known.
    simulated
        Logarithms of simulated samples (q, k).
    interval
        Level of the prediction intervals.
    """
    who, where = np.nonzero(data.valid)
    days, logs, code = data.days[who, where], data.logs[who, where], data.code[who, where]
    observed = np.where(code < 0, -np.inf, logs)
    hidden = np.where(simulated < limits, -np.inf, simulated)
    tail = 0.5 * (1.0 - interval)
    found = []
    number = bins(visits)
    for b in np.unique(number):
        mine = number == b
        span = {"bin": int(b), "day": float(np.median(days[mine])), "n": int(mine.sum())}
        ends = {"first": float(days[mine].min()), "last": float(days[mine].max())}
        for p in PERCENTILES:
            many = np.quantile(hidden[:, mine], p / 100.0, axis=1, method="higher")
            middle, low, high = np.quantile(many, [0.5, tail, 1.0 - tail], method="higher")
            seen = float(np.quantile(observed[mine], p / 100.0, method="higher"))
            values = [float(np.exp(v)) if np.isfinite(v) else np.nan for v in (seen, middle, low, high)]
            found.append(_checked(span, ends, f"p{p}", values))
        shares = np.isneginf(hidden[:, mine]).mean(axis=1)
        middle, low, high = np.quantile(shares, [0.5, tail, 1.0 - tail])
        values = [float((code[mine] < 0).mean()), float(middle), float(low), float(high)]
        found.append(_checked(span, ends, "below", values))
    return found


def _checked(span: dict[str, float], ends: dict[str, float], statistic: str, values: list[float]) -> Check:
    return Check(
        bin=int(span["bin"]),
        day=span["day"],
        n=int(span["n"]),
        first=ends["first"],
        last=ends["last"],
        statistic=statistic,
        observed=values[0],
        median=values[1],
        lower=values[2],
        upper=values[3],
    )
