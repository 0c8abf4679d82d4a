"""A saved model judged on the outcomes of another study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from correlates.association.saved_model import SavedModel
from correlates.errors import InputError, Problem, unknown
from correlates.schema.table import NUMBER
from correlates.stats.arrays import Bools, Floats, Ints
from correlates.stats.auc import AucLimits, auc
from correlates.stats.concordance import concordance
from correlates.stats.ordinal_target import ordinal_target
from correlates.stats.performance import performance
from correlates.stats.target import survival_target
from correlates.stats.validation import discrimination


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """Performance of a model in another study: ``n`` subjects with prediction and outcome, ``events``, and the measures.

    ``measures``: AUC with DeLong's limits, Brier and scaled Brier score, calibration intercept and slope (logistic); Harrell's C with its
    95 % limits, and slope (Cox, and grades). Of a Cox model also by each of ``days``: Uno's C and the area under the ROC curve with 95 %
    limits (infinitesimal jackknife, the weights for censoring taken as known), Brier and scaled Brier score, and events observed per event
    predicted. None where not defined (one class, a constant prediction, nobody followed to the day). The ``events`` of grades are those above the
    lowest.
    """

    n: int
    events: int
    measures: dict[str, float | None]


def validate_externally(
    model: SavedModel,
    predicted: pl.DataFrame,
    data: pl.DataFrame,
    outcome: str,
    event: str | None = None,
    days: Sequence[float] = (),
) -> External:
    """Hold predictions against the outcomes of the same rows.

    Parameters
    ----------
    model, predicted
        The model, and what :func:`correlates.association.saved_model.predict` gave for ``data``.
    data
        The table.
    outcome
        Column of the outcome: true or false (1, 0) for a logistic model, days for a Cox model, a grade or class of the model for an ordinal one.
    event
        Column that says whether the event was seen (true, false), for a Cox model.
    days
        Of a Cox model: days by which its predictions are judged; those ``predicted`` was made for.

    Raises
    ------
    InputError
        A column that is missing or holds something else; a Cox model without ``event``.
    """
    cox = model.kind == "cox"
    if cox and event is None:
        raise InputError(
            Problem(
                code="no-event-column",
                what=f"{model.name} is a model of a time to event, and no column says whether it was seen",
                do="Add --event COLUMN (true or false)",
            )
        )
    problems = [
        unknown("column", name, data.columns, code="unknown-column")
        for name in (outcome, *([event] if cox and event else []))
        if name not in data.columns
    ]
    if problems:
        raise InputError(problems)
    eta = predicted["linear_predictor"].fill_null(float("nan")).to_numpy()
    if model.kind == "ordinal":
        grade = _grades(data[outcome], model.grades)
        told = np.isfinite(eta) & (grade >= 0)
        return _ordinal(eta[told], grade[told], len(model.grades))
    flag = _flags(data[event if cox and event else outcome])
    seen = np.array([f is not None for f in flag], dtype=np.bool_)
    happened = np.array([bool(f) for f in flag], dtype=np.bool_)
    known: Bools = np.isfinite(eta) & seen
    if cox:
        time = _times(data[outcome])
        known = known & np.isfinite(time)
        found = _survival(eta[known], time[known], happened[known])
        for day in days:
            free = predicted[f"no event by day {day:g}"].fill_null(float("nan")).to_numpy()
            found.measures.update(_by_day(eta[known], 1.0 - free[known], time[known], happened[known], day))
        return found
    return _binary(eta[known], happened[known])


def _flags(series: pl.Series) -> list[bool | None]:
    words = {"true": True, "1": True, "1.0": True, "yes": True, "false": False, "0": False, "0.0": False, "no": False}
    texts = series.cast(pl.String).to_list()
    strange = sorted({t for t in texts if t is not None and t.lower() not in words})
    if strange:
        raise InputError(
            Problem(
                code="not-binary",
                what=f"The column {series.name!r} does not say whether the event happened",
                found=", ".join(strange[:5]),
                expected="true or false, yes or no, 1 or 0",
            )
        )
    return [None if t is None else words[t.lower()] for t in texts]


def _grades(series: pl.Series, grades: tuple[str, ...]) -> Ints:
    """The place of each subject's grade, -1 where there is none; a whole number is a grade with or without its .0."""
    words = [None if w is None else w.removesuffix(".0") for w in series.cast(pl.String).to_list()]
    place = {name: j for j, name in enumerate(grades)}
    strange = sorted({w for w in words if w is not None and w not in place})
    if strange:
        raise InputError(
            Problem(
                code="unknown-class",
                what=f"The column {series.name!r} holds grades or classes that the model does not know",
                found=", ".join(strange[:5]),
                expected=", ".join(grades),
            )
        )
    return np.array([-1 if w is None else place[w] for w in words], dtype=np.int64)


def _times(series: pl.Series) -> Floats:
    if not series.dtype.is_numeric():
        raise InputError(
            Problem(
                code="not-numeric",
                what=f"The column {series.name!r} does not hold numbers",
                found=str(series.dtype),
                expected="days",
            )
        )
    found: Floats = series.cast(NUMBER).fill_null(float("nan")).to_numpy()
    return np.where(found >= 0, found, np.nan)


def _told(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _binary(eta: Floats, happened: Bools) -> External:
    if eta.size == 0:
        return External(n=0, events=0, measures={})
    found, area = performance(eta, happened), auc(eta, happened, limits=AucLimits.LOGIT)
    return External(
        n=int(eta.size),
        events=int(happened.sum()),
        measures={
            "auc": _told(area.estimate[0]),
            "auc_lower": None if area.degenerate[0] else _told(area.lower[0]),
            "auc_upper": None if area.degenerate[0] else _told(area.upper[0]),
            "brier": _told(found.brier[0]),
            "scaled_brier": _told(found.scaled_brier[0]),
            "calibration_intercept": _told(found.intercept[0]),
            "calibration_slope": _told(found.slope[0]),
        },
    )


def _survival(eta: Floats, time: Floats, happened: Bools) -> External:
    if eta.size == 0:
        return External(n=0, events=0, measures={})
    c = concordance(eta, time, happened)
    reach = 1.959963984540054 * float(c.standard_error[0])
    slope = survival_target(time, happened).measures(eta[None], np.ones((1, eta.size)))["slope"]
    return External(
        n=int(eta.size),
        events=int(happened.sum()),
        measures={
            "c_index": _told(c.c[0]),
            "c_index_lower": _told(max(float(c.c[0]) - reach, 0.0)),
            "c_index_upper": _told(min(float(c.c[0]) + reach, 1.0)),
            "calibration_slope": _told(slope[0]),
        },
    )


def _by_day(eta: Floats, risk: Floats, time: Floats, happened: Bools, day: float) -> dict[str, float | None]:
    if eta.size == 0:
        return {}
    target = survival_target(time, happened, day)
    found = target.measures(eta[None], np.ones((1, eta.size)), risk[None])
    told: dict[str, float | None] = {}
    for name, pairs in target.pair_weights().items():
        if name == "c_index":
            continue
        share, variance = discrimination(eta[None], np.zeros((1, eta.size), dtype=np.int64), pairs)
        reach = 1.959963984540054 * float(np.sqrt(variance[0]))
        told |= {
            name: _told(found[name][0]),
            f"{name}_lower": _told(max(share[0] - reach, 0.0)),
            f"{name}_upper": _told(min(share[0] + reach, 1.0)),
        }
    for name in ("brier_at_horizon", "scaled_brier_at_horizon", "observed_to_expected"):
        told[name] = _told(found[name][0])
    return {f"{name.replace('_at_horizon', '')}_day_{day:g}": value for name, value in told.items()}


def _ordinal(eta: Floats, grade: Ints, levels: int) -> External:
    if eta.size == 0:
        return External(n=0, events=0, measures={})
    # the higher the grade, the sooner it would come: then Harrell's C counts pairs of different grades
    c = concordance(eta, (levels - 1.0) - grade, np.ones(grade.size, dtype=np.bool_))
    reach = 1.959963984540054 * float(c.standard_error[0])
    slope = ordinal_target(grade).measures(eta[None], np.ones((1, eta.size)))["slope"]
    return External(
        n=int(eta.size),
        events=int((grade > 0).sum()),
        measures={
            "c_index": _told(c.c[0]),
            "c_index_lower": _told(max(float(c.c[0]) - reach, 0.0)),
            "c_index_upper": _told(min(float(c.c[0]) + reach, 1.0)),
            "calibration_slope": _told(slope[0]),
        },
    )
