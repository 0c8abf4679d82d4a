"""Calibration of the simulated trial: published aggregates beside what many simulated trials give.

``python -m correlates.simulate.calibration [TRIALS]`` prints the tables of the documentation as Markdown.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from correlates.simulate.assemble import draw
from correlates.simulate.causal import DEFAULT, Coefficients
from correlates.simulate.trial import Trial

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_YEAR, _MONTH = 365, 30.4375
_MONTH_60 = 1826


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """A published figure and how the same figure is read from a simulated trial.

    ``kind`` says how it is compared: ``rate`` in percentage points, ``median`` and ``ratio`` in percent of the published
    figure, ``context`` not calibrated, printed for comparison.
    """

    code: str
    label: str
    unit: str
    published: float
    kind: str
    source: str


_NEJM = "Neelapu 2017, NEJM 377:2531"
_FIVE = "Neelapu 2023, Blood 141:2307"
_LABEL = "US label of axicabtagene ciloleucel, 12.3 (recalled)"
_LOCKE = "Locke 2020, Blood Adv 4:4898 (recalled)"


def _aggregate(code: str, label: str, unit: str, published: float, kind: str, source: str) -> Aggregate:
    return Aggregate(code=code, label=label, unit=unit, published=published, kind=kind, source=source)


AGGREGATES: tuple[Aggregate, ...] = (
    _aggregate("orr", "Objective response", "%", 82.5, "rate", f"82 % ({_NEJM}), 83 % ({_FIVE})"),
    _aggregate("cr", "Complete response", "%", 56.0, "rate", f"54 % ({_NEJM}), 58 % ({_FIVE})"),
    _aggregate(
        "ongoing_12",
        "Response ongoing at 1 year",
        "%",
        40.0,
        "rate",
        "about 40 % (Locke 2019, Lancet Oncol 20:31, recalled)",
    ),
    _aggregate("ongoing_60", "Response ongoing at 60 months", "%", 31.0, "rate", _FIVE),
    _aggregate("crs3", "CRS of grade 3 or higher", "%", 13.0, "rate", _NEJM),
    _aggregate("ne3", "Neurologic event of grade 3 or higher", "%", 28.0, "rate", _NEJM),
    _aggregate("tocilizumab", "Tocilizumab", "%", 43.0, "rate", f"{_NEJM} (recalled)"),
    _aggregate("steroids", "Corticosteroids", "%", 27.0, "rate", f"{_NEJM} (recalled)"),
    _aggregate("os_60", "Alive at 60 months", "%", 42.6, "rate", _FIVE),
    _aggregate("os_60_event_free", "Alive at 60 months, if event-free at 24", "%", 92.3, "rate", _FIVE),
    _aggregate("os_60_event", "Alive at 60 months, if not", "%", 11.3, "rate", _FIVE),
    _aggregate("os_median", "Median overall survival", "month", 25.8, "median", _FIVE),
    _aggregate("spd", "Tumour burden, median", "mm2", 3720.0, "median", _LOCKE),
    _aggregate("doubling", "Doubling time, median", "day", 1.6, "median", _LOCKE),
    _aggregate("peak_ongoing", "Peak, ongoing at 60 months, median", "cells/uL", 65.76, "median", _FIVE),
    _aggregate("peak_relapsed", "Peak, relapsed, median", "cells/uL", 35.27, "median", _FIVE),
    _aggregate("peak_none", "Peak, nonresponse, median", "cells/uL", 12.08, "median", _FIVE),
    _aggregate("ratio_relapsed", "Peak, ongoing to relapsed", "ratio", 1.86, "ratio", _FIVE),
    _aggregate("ratio_none", "Peak, ongoing to nonresponse", "ratio", 5.44, "ratio", _FIVE),
    _aggregate("peak_responders", "Peak, responders, median", "cells/uL", 43.6, "median", _LABEL),
    _aggregate(
        "peak_nonresponders",
        "Peak, nonresponders, median",
        "cells/uL",
        21.2,
        "context",
        f"{_LABEL}; at odds with 12.08",
    ),
    _aggregate("auc_responders", "AUC0-28, responders, median", "day x cells/uL", 557.1, "context", _LABEL),
    _aggregate("auc_nonresponders", "AUC0-28, nonresponders, median", "day x cells/uL", 222.0, "context", _LABEL),
    _aggregate(
        "tmax_7_14", "Day of the sampled peak within 7-14", "%", 100.0, "context", f"{_LABEL}: peak in 7-14 days"
    ),
    _aggregate("peak_tocilizumab", "Peak, tocilizumab to none", "ratio", 2.32, "context", _LABEL),
    _aggregate("peak_steroids", "Peak, corticosteroids to none", "ratio", 1.55, "context", _LABEL),
)


def _median(values: Floats, where: Bools) -> float | None:
    return float(np.median(values[where])) if where.any() else None


def _share(where: Bools, among: Bools | None = None) -> float | None:
    base = where if among is None else where[among]
    return 100.0 * float(base.mean()) if base.size else None


def _over(a: float | None, b: float | None) -> float | None:
    return a / b if a is not None and b else None


def _day(trial: Trial, column: str) -> Floats:
    return trial.patients[column].cast(pl.Float64).fill_null(np.inf).to_numpy()


def status(trial: Trial, day: int) -> npt.NDArray[np.str_]:
    """What has become of each response by ``day``, whatever the end of follow-up: ongoing, relapsed, nonresponse, other."""
    progression = _day(trial, "uncensored_progression_day")
    ended = np.minimum(
        _day(trial, "uncensored_death_day"), np.minimum(_day(trial, "new_therapy_day"), _day(trial, "transplant_day"))
    )
    best = trial.patients["best_response"].to_numpy()
    responder = np.isin(best, ("CR", "PR"))
    return np.select(
        [np.isin(best, ("SD", "PD")), responder & (progression <= day), responder & (ended > day)],
        ["nonresponse", "relapsed", "ongoing"],
        "other",
    )


def _sampled_auc(trial: Trial) -> Floats:
    """Area from 0 to 28 by the linear trapezoid over the samples taken, as a noncompartmental analysis gives it."""
    blood = trial.samples.filter(
        (pl.col("matrix") == "blood") & ~pl.col("missed") & pl.col("study_day").is_between(1, 91)
    )
    areas = {}
    for (subject,), frame in blood.sort("study_day").group_by("subject_id"):
        day = np.concatenate([[0.0], frame["study_day"].to_numpy()])
        level = np.concatenate([[0.0], frame["car_cells_per_ul"].to_numpy()])
        inside = np.append(day[day < 28.0], 28.0)
        areas[subject] = float(np.trapezoid(np.interp(inside, day, level), inside))
    return np.array([areas.get(s, np.nan) for s in trial.patients["subject_id"]])


def measure(trial: Trial) -> dict[str, float | None]:
    """Every aggregate of one trial, by code; None where the trial has nobody to read it from."""
    p = trial.patients
    best = p["best_response"].to_numpy()
    responder = np.isin(best, ("CR", "PR"))
    silent = np.isin(best, ("SD", "PD"))
    peak = p["sampled_peak"].fill_null(0.0).to_numpy()
    late, year = status(trial, _MONTH_60), status(trial, _YEAR)
    death, progression = _day(trial, "uncensored_death_day"), _day(trial, "uncensored_progression_day")
    event_free = np.minimum(death, progression) > 24 * _MONTH
    alive = death > _MONTH_60
    area = _sampled_auc(trial)
    known = np.isfinite(area)
    blood = trial.samples.filter(
        (pl.col("matrix") == "blood") & ~pl.col("missed") & pl.col("study_day").is_between(1, 28)
    )
    top = (
        blood.sort("car_cells_per_ul", descending=True)
        .group_by("subject_id")
        .agg(pl.col("study_day").first())["study_day"]
        .to_numpy()
    )
    toci, steroids = p["tocilizumab"].to_numpy(), p["steroids"].to_numpy()
    ongoing, relapsed, none = (_median(peak, late == s) for s in ("ongoing", "relapsed", "nonresponse"))
    return {
        "orr": _share(responder),
        "cr": _share(best == "CR"),
        "ongoing_12": _share(year == "ongoing"),
        "ongoing_60": _share(late == "ongoing"),
        "crs3": _share(p["crs_grade"].to_numpy() >= 3),
        "ne3": _share(p["ne_grade"].to_numpy() >= 3),
        "tocilizumab": _share(toci),
        "steroids": _share(steroids),
        "os_60": _share(alive),
        "os_60_event_free": _share(alive, event_free),
        "os_60_event": _share(alive, ~event_free),
        "os_median": float(np.median(death)) / _MONTH if np.isfinite(np.median(death)) else None,
        "spd": _median(p["spd"].to_numpy(), np.ones(p.height, dtype=bool)),
        "doubling": _median(trial.product["doubling_time_days"].to_numpy(), np.ones(p.height, dtype=bool)),
        "peak_ongoing": ongoing,
        "peak_relapsed": relapsed,
        "peak_none": none,
        "ratio_relapsed": _over(ongoing, relapsed),
        "ratio_none": _over(ongoing, none),
        "peak_responders": _median(peak, responder),
        "peak_nonresponders": _median(peak, silent),
        "auc_responders": _median(area, responder & known),
        "auc_nonresponders": _median(area, silent & known),
        "tmax_7_14": 100.0 * float(((top >= 6) & (top <= 16)).mean()) if top.size else None,
        "peak_tocilizumab": _over(_median(peak, toci), _median(peak, ~toci)),
        "peak_steroids": _over(_median(peak, steroids), _median(peak, ~steroids)),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """A biomarker that is tested against an endpoint: a true cause, or a negative control."""

    biomarker: str
    endpoint: str
    true: bool


_TRUE: Mapping[str, tuple[str, ...]] = {
    "durable": ("peak_per_burden", "peak", "burden", "naive_number", "cd8_number", "crp"),
    "crs3": ("peak", "burden", "crp"),
    "ne3": ("peak", "ifng_coculture", "il15_day0"),
    "durable vs nonresponder": ("peak_per_burden",),
    "durable vs relapsed": ("peak_per_burden",),
}
_NULL = ("age", "ecog", "subtype", "stage", "ipi")
DRIVERS: tuple[Driver, ...] = (
    *(Driver(biomarker=b, endpoint=e, true=True) for e, several in _TRUE.items() for b in several),
    *(Driver(biomarker=b, endpoint=e, true=False) for e in ("durable", "crs3", "ne3") for b in _NULL),
)


def _biomarkers(trial: Trial) -> dict[str, Floats]:
    p, q = trial.patients, trial.product
    peak = p["sampled_peak"].fill_null(0.0).to_numpy()
    crp = trial.labs.filter((pl.col("test") == "CRP") & (pl.col("visit") == "Baseline")).select(
        "subject_id", crp="value"
    )
    values: dict[str, Callable[[], pl.Series | Floats]] = {
        "peak_per_burden": lambda: peak / p["spd"].to_numpy(),
        "peak": lambda: peak,
        "burden": lambda: p["spd"],
        "naive_number": lambda: q["ccr7_cd45ra_1e6"],
        "cd8_number": lambda: q["cd8_1e6"],
        "crp": lambda: p.join(crp, on="subject_id", how="left", maintain_order="left")["crp"],
        "ifng_coculture": lambda: q["ifng_coculture_pg_ml"],
        "il15_day0": lambda: p["il15_day0_pg_ml"],
        "age": lambda: p["age"],
        "ecog": lambda: p["ecog"],
        "subtype": lambda: p["subtype"] == "DLBCL",
        "stage": lambda: p["stage"].replace_strict({"I": 1, "II": 2, "III": 3, "IV": 4}, return_dtype=pl.Int64),
        "ipi": lambda: p["ipi"],
    }
    return {
        name: np.asarray(pl.Series(make()).cast(pl.Float64).fill_null(np.nan), dtype=np.float64)
        for name, make in values.items()
    }


def p_values(trial: Trial) -> list[float | None]:
    """Two-sided Wilcoxon rank-sum P of every pair of ``DRIVERS``; None where a group is empty."""
    from scipy.stats import mannwhitneyu

    p = trial.patients
    durable = p["durability"].to_numpy()
    groups = {
        "durable": (durable == "durable", np.isin(durable, ("relapsed", "nonresponder"))),
        "durable vs nonresponder": (durable == "durable", durable == "nonresponder"),
        "durable vs relapsed": (durable == "durable", durable == "relapsed"),
        "crs3": (p["crs_grade"].to_numpy() >= 3, p["crs_grade"].to_numpy() < 3),
        "ne3": (p["ne_grade"].to_numpy() >= 3, p["ne_grade"].to_numpy() < 3),
    }
    values = _biomarkers(trial)
    found: list[float | None] = []
    for driver in DRIVERS:
        x = values[driver.biomarker]
        yes, no = (x[g & np.isfinite(x)] for g in groups[driver.endpoint])
        tested = yes.size > 0 and no.size > 0
        found.append(float(mannwhitneyu(yes, no, method="asymptotic").pvalue) if tested else None)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Two tables over many trials.

    Attributes
    ----------
    aggregates
        One row per aggregate: published figure, median, mean, 5 % and 95 % quantile over trials, deviation.
    drivers
        One row per biomarker and endpoint: whether it is a true cause, share of trials with P below 0.05.
    """

    aggregates: pl.DataFrame
    drivers: pl.DataFrame


def calibrate(trials: int = 200, n: int = 101, *, seed: int = 1, coefficients: Coefficients = DEFAULT) -> Calibration:
    """Draw ``trials`` trials (seeds from ``seed`` on) and tabulate them.

    Rates are compared with the mean over trials, medians and ratios with the median over trials: a median that is not
    reached in a trial counts as infinite.
    """
    rows: dict[str, list[float]] = {a.code: [] for a in AGGREGATES}
    tests: list[list[float]] = [[] for _ in DRIVERS]
    for k in range(trials):
        trial = draw(seed + k, n, coefficients=coefficients)
        for code, value in measure(trial).items():
            rows[code].append(np.inf if value is None else value)
        for collected, value in zip(tests, p_values(trial), strict=True):
            collected.extend([] if value is None else [value])
    aggregates = []
    for a in AGGREGATES:
        values = np.array(rows[a.code])
        low, middle, high = np.quantile(values, [0.05, 0.5, 0.95], method="nearest")
        simulated = float(values.mean()) if a.unit == "%" else float(middle)
        off = simulated - a.published if a.unit == "%" else 100.0 * (simulated / a.published - 1.0)
        aggregates.append(
            (a.code, a.label, a.unit, a.kind, a.published, simulated, float(low), float(high), off, a.source)
        )
    drivers = [
        (
            d.endpoint,
            d.biomarker,
            d.true,
            100.0 * float(np.mean(np.array(t) < 0.05)),
            *map(float, np.quantile(t, [0.05, 0.5, 0.95])),
            len(t),
        )
        for d, t in zip(DRIVERS, tests, strict=True)
    ]
    return Calibration(
        aggregates=pl.DataFrame(
            aggregates,
            schema=["code", "label", "unit", "kind", "published", "simulated", "low", "high", "deviation", "source"],
            orient="row",
        ),
        drivers=pl.DataFrame(
            drivers,
            schema=["endpoint", "biomarker", "true", "rejected", "low_p", "median_p", "high_p", "trials"],
            orient="row",
        ),
    )


def markdown(result: Calibration) -> str:
    """Both tables as Markdown."""
    lines = [
        "| aggregate | published | simulated | 5-95 % of trials | deviation | source |",
        "|---|---|---|---|---|---|",
    ]
    for r in result.aggregates.iter_rows(named=True):
        unit = f" {r['unit']}" if r["unit"] not in ("ratio",) else ""
        off = f"{r['deviation']:+.1f} points" if r["unit"] == "%" else f"{r['deviation']:+.1f} %"
        note = off if r["kind"] != "context" else f"{off}, not calibrated"
        shown = [
            f"{r[c]:.4g}" if np.isfinite(r[c]) else "not reached" for c in ("published", "simulated", "low", "high")
        ]
        lines.append(
            f"| {r['label']} | {shown[0]}{unit} | {shown[1]} | {shown[2]} to {shown[3]} | {note} | {r['source']} |"
        )
    lines += [
        "",
        "| endpoint | biomarker | role | P < 0.05 in % of trials | median P | 5-95 % of P |",
        "|---|---|---|---|---|---|",
    ]
    for r in result.drivers.iter_rows(named=True):
        role = "true" if r["true"] else "negative control"
        lines.append(
            f"| {r['endpoint']} | {r['biomarker']} | {role} | {r['rejected']:.1f} | {r['median_p']:.2g} | {r['low_p']:.1g} to {r['high_p']:.2g} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(markdown(calibrate(int(sys.argv[1]) if len(sys.argv) > 1 else 200)) + "\n")
