"""What the draws of the parameters mean: exposures of each subject, its curve, and typical values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from correlates.population.density import Data, Floats
from correlates.population.settings import NAMES, Quantity
from correlates.stats.kinetic_curve import KineticCurve

_CURVE_DRAWS, _BLOCK = 400, 20
UNITS: dict[str, str] = {
    "cmax": "own",
    "tmax": "day",
    "foldx": "none",
    "alpha": "1/day",
    "fb": "none",
    "beta": "1/day",
    "auc": "day x own",
    "level": "own",
    "days_above_lloq": "day",
    "doubling_time": "day",
    "contraction_half_life": "day",
    "terminal_half_life": "day",
}
"""Where the unit of each quantity comes from."""

LABELS: dict[str, str] = {
    "cmax": "Cmax",
    "tmax": "Tmax",
    "foldx": "Fold expansion",
    "alpha": "Rate of contraction",
    "fb": "Share that persists",
    "beta": "Rate of loss of persisting cells",
    "auc": "AUC",
    "level": "Level",
    "days_above_lloq": "Days until below the LLOQ",
    "doubling_time": "Doubling time",
    "contraction_half_life": "Half-life of contraction",
    "terminal_half_life": "Terminal half-life",
}
"""What each quantity is called."""


def unit_of(quantity: str, own: str | None) -> str | None:
    """The unit of a quantity where levels are in ``own``."""
    rule = UNITS[quantity]
    if rule == "none":
        return None
    return rule.replace("own", own or "unit") if "own" in rule else rule


def name_of(quantity: str, day: float | None) -> str:
    """The name of a quantity in the tables: with its day, where it has one."""
    return quantity if day is None else f"{quantity}_{day:g}"


def label_of(quantity: str, day: float | None) -> str:
    """What a quantity is called, with its day."""
    if quantity == "auc":
        return f"AUC day 0 to {day:g}"
    return f"Level on day {day:g}" if quantity == "level" else LABELS[quantity]


def curve_of(phi: Floats) -> KineticCurve:
    """The curves of logarithms of parameters (..., 6); a share above one counts as one."""
    values = {name: np.exp(phi[..., i]) for i, name in enumerate(NAMES)}
    return KineticCurve(**{**values, "fb": np.minimum(values["fb"], 1.0)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Posterior median and interval of each subject (n,); NaN where there is none."""

    quantity: Quantity
    day: float | None
    value: Floats
    lower: Floats
    upper: Floats


def summaries(
    phi: Floats, limits: Floats, *, auc_to: tuple[float, ...], level_on: tuple[float, ...], interval: float
) -> Iterator[Summary]:
    """Every quantity of every subject.

    Parameters
    ----------
    phi
        Draws (s, n, 6).
    limits
        Limit of quantification of each subject (n,); NaN where none is known.
    auc_to, level_on
        Ends of the areas and days of the levels.
    interval
        Level of the intervals.
    """
    curve = curve_of(phi)
    rate = phi[..., 2] / np.asarray(curve.tmax)
    with np.errstate(divide="ignore"):
        doubling = np.where(rate > 0.0, np.log(2.0) / rate, np.inf)
    with np.errstate(invalid="ignore"):  # a subject without a limit has no day on which it is reached
        above = curve.last_day_above(limits)
    plain: list[tuple[Quantity, float | None, Floats]] = [
        *((name, None, np.asarray(getattr(curve, name))) for name in NAMES),
        *(("auc", end, curve.auc(end)) for end in auc_to),
        *(("level", day, curve.at(day)) for day in level_on),
        ("days_above_lloq", None, above),
        ("doubling_time", None, doubling),
        ("contraction_half_life", None, np.log(2.0) / np.asarray(curve.alpha)),
        ("terminal_half_life", None, np.log(2.0) / np.asarray(curve.beta)),
    ]
    for quantity, day, draws in plain:
        value, lower, upper = quantiles(draws, interval)
        yield Summary(quantity=quantity, day=day, value=value, lower=lower, upper=upper)


def quantiles(draws: Floats, interval: float) -> tuple[Floats, Floats, Floats]:
    """Median and equal-tailed interval along the first axis; NaN where the median is not finite or most draws have none.

    An end that is infinite (a doubling time that may never come) is NaN; the few draws without a value (a peak below
    the limit) are left out.
    """
    few = np.isnan(draws).mean(axis=0) > 0.5
    filled = np.where(few, 0.0, draws)
    tail = 0.5 * (1.0 - interval)
    if np.isnan(filled).any():
        ends = np.nanquantile(filled, [0.5, tail, 1.0 - tail], axis=0, method="nearest")
    else:
        method: Literal["linear", "nearest"] = "linear" if np.isfinite(filled).all() else "nearest"
        ends = np.quantile(filled, [0.5, tail, 1.0 - tail], axis=0, method=method)
    ends = np.where(few | ~np.isfinite(ends), np.nan, ends)
    value, lower, upper = ends
    return value, np.where(np.isnan(value), np.nan, lower), np.where(np.isnan(value), np.nan, upper)


def grid(last: float) -> Floats:
    """Days on which a curve is drawn: daily through the peak, then ever wider steps up to ``last``."""
    early = np.arange(0.0, min(28.0, last) + 0.25, 0.5)
    late = np.geomspace(28.0, last, 24)[1:] if last > 28.0 else np.zeros(0)
    return np.unique(np.concatenate([early[early <= last], late, [last]]))


def bands(phi: Floats, data: Data, interval: float) -> Iterator[tuple[int, Floats, Floats, Floats, Floats]]:
    """For each subject the days of its curve, the median and the interval, up to its last sample."""
    thin = phi[:: max(1, phi.shape[0] // _CURVE_DRAWS)]
    for i in range(phi.shape[1]):
        days = grid(float(data.days[i][data.valid[i]].max()))
        levels = curve_of(thin[:, i, None, :]).at(days)
        yield i, days, *quantiles(levels, interval)
