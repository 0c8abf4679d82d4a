"""Half-life with values below the limit: censored regression beside leaving them out and beside half the limit, on a known decline."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.censored_decline import censored_slopes
from correlates.stats.log_line import log_lines
from correlates.stats.terminal import after_peak
from correlates.stats.turnbull import beyond, turnbull

pytestmark = pytest.mark.calibration

DAYS = np.array([7.0, 10, 14, 21, 28, 42, 60, 90])
PROFILES, SCATTER = 20_000, 0.3


def declines(limit: float) -> tuple[np.ndarray, ...]:
    """A peak of 60 at day 7 and one phase, half-lives about 10 days; scatter 30 %."""
    rng = np.random.default_rng(20200101)
    half = 10.0 * np.exp(0.4 * rng.standard_normal((PROFILES, 1)))
    top = 60.0 * np.exp(0.5 * rng.standard_normal((PROFILES, 1)))
    clean = top * 2 ** (-(DAYS[None, :] - 7) / half)
    scatter = np.exp(SCATTER * rng.standard_normal((PROFILES, DAYS.size)))
    scatter[:, 0] = np.exp(SCATTER)  # the first sample is the peak
    values = clean * scatter
    below = values < limit
    times = np.broadcast_to(DAYS, values.shape).copy()
    return half[:, 0], times, np.where(below, limit, values), np.where(below, -1, 0).astype(np.int8)


@pytest.mark.parametrize("limit", [1.0, 5.0])
def test_bias_of_three_ways(limit: float) -> None:
    half, times, values, censoring = declines(limit)
    every = np.ones(values.shape, bool)
    tobit = censored_slopes(times, values, censoring, every)
    late = after_peak(times, values, censoring, every)
    left_out = log_lines(times, values, late & (censoring == 0))
    halved = log_lines(times, np.where(censoring < 0, limit / 2, values), late)
    use = (tobit.status == 0) & left_out.declines & halved.declines
    share = (censoring < 0).mean()

    def bias(found: np.ndarray) -> float:
        """Median of estimate over truth, minus 1."""
        return float(np.median(found[use] / half[use]) - 1)

    ours = bias(tobit.half_life)
    without = bias(np.log(2) / -np.where(use, left_out.slope, -1))
    with_half = bias(np.log(2) / -np.where(use, halved.slope, -1))
    slope = np.log(2) / np.where(use, tobit.half_life, 1)
    z = (slope - np.log(2) / half) / np.where(tobit.standard_error > 0, tobit.standard_error, np.inf)
    covered = float((np.abs(z[use]) < 1.959964).mean())
    print(
        f"\n{use.sum()} declines, {share:.1%} below the limit: bias {ours:+.1%} censored, {without:+.1%} left out, "
        f"{with_half:+.1%} half the limit; Wald coverage {covered:.1%}"
    )
    assert abs(ours) < 0.03
    assert without > ours
    assert abs(without) > abs(ours)
    assert abs(with_half) > abs(ours)


def test_limits_of_persistence() -> None:
    """Coverage of the bootstrap limits of the share detectable at a visit, planned visits, 60 subjects, drop-out."""
    rng = np.random.default_rng(5)
    visits = np.array([7.0, 14, 28, 91, 183, 365])
    truth = {day: np.exp(-((day / 150.0) ** 0.8)) for day in (28.0, 91.0, 183.0)}
    trials, hits = 300, dict.fromkeys(truth, 0)
    off: dict[float, list[float]] = {day: [] for day in truth}
    for trial in range(trials):
        loss = 150.0 * rng.weibull(0.8, 60)
        stop = rng.choice(np.arange(2, visits.size), 60)
        lower, upper = np.zeros(60), np.full(60, np.inf)
        for i in range(60):
            seen = visits[: stop[i] + 1]
            lower[i] = max([0.0, *seen[seen < loss[i]]])
            lost = seen[seen >= loss[i]]
            upper[i] = lost[0] if lost.size else np.inf
        at = beyond(turnbull(lower, upper, draws=100, seed=trial), list(truth))
        for j, (day, share) in enumerate(truth.items()):
            hits[day] += bool(at.lower[j] <= share <= at.upper[j])
            off[day].append((at.low[j] + at.high[j]) / 2 - share)
    coverage = {day: hits[day] / trials for day in truth}
    print("\ncoverage", coverage, "bias", {day: round(float(np.mean(v)), 4) for day, v in off.items()})
    assert all(0.90 <= c <= 0.985 for c in coverage.values())
    assert all(abs(np.mean(v)) < 0.015 for v in off.values())
