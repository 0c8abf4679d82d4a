"""The table a saved model is applied to: its columns found by code, numbers and limits read, units held against those of the model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from correlates.errors import CorrelatesError, InputError, Problem, unknown
from correlates.schema.table import NUMBER
from correlates.stats.arrays import Bools, Floats
from correlates.units import factor

_LIMIT = re.compile(r"^\s*([<>≤≥]=?)?\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*$")
_LEAST = 3  # values from which a column that lies wholly outside the range of the model looks like another unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """A covariate of n subjects in the unit of the model: ``values`` (0 where absent), ``present``, and which are limits."""

    values: Floats
    present: Bools
    limits: Bools


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelData:
    """What a model needs of a table: numbers and words by covariate, subjects, and what must be known of whole columns."""

    subjects: pl.Series
    numbers: Mapping[str, Numbers]
    words: Mapping[str, list[str | None]]
    warnings: tuple[str, ...]


def read(data: pl.DataFrame, numeric: Mapping[str, Mapping[str, Any]], words: Sequence[str]) -> ModelData:
    """The covariates of a model in a table.

    Parameters
    ----------
    data
        ``subject_id`` and a column per covariate: its code, or ``CODE [unit]`` where the values are in another unit, which is converted.
        A number may be a limit (``<5``, ``>200``): it counts as the limit, as it did in the model.
    numeric
        By code: unit and range of the covariates that are numbers.
    words
        Codes of those that are categories.

    Raises
    ------
    InputError
        With every column that is missing, there twice, not of numbers, or in a unit that does not convert.
    """
    problems: list[Problem] = []
    if "subject_id" not in data.columns:
        problems.append(unknown("column", "subject_id", data.columns, code="unknown-column"))
    numbers: dict[str, Numbers] = {}
    found: dict[str, list[str | None]] = {}
    warnings: list[str] = []
    for code, known in numeric.items():
        name, unit = _named(data, code, problems)
        if name is None:
            continue
        times = _factor(code, unit, known["unit"], problems)
        made = _numbers(data[name], known["unit"], problems)
        if made is None or times is None:
            continue
        numbers[code] = Numbers(values=made.values * times, present=made.present, limits=made.limits)
        warnings += _outside(code, numbers[code], known)
    for code in words:
        name, _ = _named(data, code, problems)
        if name is not None:
            found[code] = data[name].cast(pl.String).to_list()
    if problems:
        raise InputError(problems)
    return ModelData(subjects=data["subject_id"], numbers=numbers, words=found, warnings=tuple(warnings))


def _named(data: pl.DataFrame, code: str, problems: list[Problem]) -> tuple[str | None, str | None]:
    """The column of a covariate, and the unit in its heading."""
    with_unit = re.compile(rf"^{re.escape(code)} ?\[(.+)\]$")
    there = [(name, m.group(1) if (m := with_unit.match(name)) else None) for name in data.columns]
    mine = [(name, unit) for name, unit in there if name == code or unit is not None]
    if len(mine) == 1:
        return mine[0]
    if not mine:
        problems.append(unknown("column", code, data.columns, code="unknown-column"))
    else:
        problems.append(
            Problem(
                code="column-twice",
                what=f"More than one column holds {code!r}",
                found=", ".join(name for name, _ in mine),
                expected="one",
            )
        )
    return None, None


def _factor(code: str, unit: str | None, wanted: str | None, problems: list[Problem]) -> float | None:
    if unit is None or unit == wanted:
        return 1.0
    if wanted is None:
        problems.append(
            Problem(
                code="units-do-not-convert",
                what=f"The model knows no unit of {code!r}, and the table has one",
                found=unit,
                do=f"Give the values as they were in the trial of the model, under the heading {code}",
            )
        )
        return None
    try:
        return factor(unit, wanted)
    except CorrelatesError:
        problems.append(
            Problem(
                code="units-do-not-convert",
                what=f"{code!r} is in another unit than in the model, and no conversion is vouched for",
                found=unit,
                expected=wanted,
                do=f"Convert the values and call the column {code}",
            )
        )
        return None


def _numbers(series: pl.Series, unit: str | None, problems: list[Problem]) -> Numbers | None:
    if series.dtype.is_numeric():
        values = series.cast(NUMBER)
        present = (values.is_not_null() & values.is_finite().fill_null(value=False)).to_numpy().astype(np.bool_)
        return Numbers(
            values=np.where(present, values.fill_null(0.0).fill_nan(0.0).to_numpy(), 0.0),
            present=present,
            limits=np.zeros(present.size, dtype=np.bool_),
        )
    texts = series.cast(pl.String).to_list()
    read_ = [None if t is None or not t.strip() else _LIMIT.match(t) for t in texts]
    strange = sorted({t for t, m in zip(texts, read_, strict=True) if t is not None and t.strip() and m is None})
    if strange:
        problems.append(
            Problem(
                code="not-numeric",
                what=f"The column {series.name!r} does not hold numbers",
                found=", ".join(strange[:5]),
                expected=f"numbers{' in ' + unit if unit else ''}, or limits such as <5",
            )
        )
        return None
    return Numbers(
        values=np.array([0.0 if m is None else float(m.group(2)) for m in read_]),
        present=np.array([m is not None for m in read_], dtype=np.bool_),
        limits=np.array([m is not None and m.group(1) is not None for m in read_], dtype=np.bool_),
    )


def _outside(code: str, found: Numbers, known: Mapping[str, Any]) -> list[str]:
    """A column that lies wholly on one side of the range the model was made from."""
    low, high = known["range"]
    there = found.values[found.present]
    if there.size < _LEAST or not ((there < low).all() or (there > high).all()):
        return []
    unit = f" {known['unit']}" if known["unit"] else ""
    return [
        f"Every value of {code} lies outside the range of the model, {low:.4g} to {high:.4g}{unit}: is it in another unit? "
        f"({there.min():.4g} to {there.max():.4g} found)"
    ]
