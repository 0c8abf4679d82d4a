"""Time courses of an assay as padded arrays: one row per analyte and subject, samples in the order of their days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from correlates.errors import InputError, Problem
from correlates.parameters.checks import check
from correlates.parameters.lists import lists
from correlates.stats.profiles import Codes, Floats, Mask, pad
from correlates.terms import Censoring
from correlates.units import factor, unit

CODE_OF = {Censoring.LEFT.value: -1, Censoring.NONE.value: 0, Censoring.RIGHT.value: 1}
WORD_OF = {-1: Censoring.LEFT.value, 0: Censoring.NONE.value, 1: Censoring.RIGHT.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Courses:
    """Padded arrays of m = analytes x subjects profiles, analyte by analyte in the order of ``analytes``.

    Attributes
    ----------
    assay
        Name of the assay (null for laboratory tests).
    analytes, subjects
        What the rows are: row ``a * len(subjects) + s``.
    units
        The unit of each analyte.
    times, values, censoring, valid
        Padded arrays (m, k).
    actual, nominal
        Actual and planned days of the samples, (m, k), NaN where not known; one of the two is ``times``.
    ids, n_ids
        The ids of the rows that the samples were made of, in the long order, and how many of them each sample has.
    offsets
        Position of the first sample of each row in the long order, (m,).
    checks
        What was noticed when the courses were made.
    """

    assay: str | None
    analytes: tuple[str, ...]
    subjects: tuple[str, ...]
    units: tuple[str | None, ...]
    times: Floats
    values: Floats
    censoring: Codes
    valid: Mask
    actual: Floats
    nominal: Floats
    ids: pl.Series
    n_ids: NDArray[np.int64]
    offsets: NDArray[np.int64]
    checks: tuple[dict[str, object], ...] = ()

    def of(self, analyte: str) -> Courses:
        """The courses of one analyte."""
        a, n = self.analytes.index(analyte), len(self.subjects)
        part = slice(a * n, (a + 1) * n)
        return Courses(
            assay=self.assay,
            analytes=(analyte,),
            subjects=self.subjects,
            units=(self.units[a],),
            times=self.times[part],
            values=self.values[part],
            censoring=self.censoring[part],
            valid=self.valid[part],
            actual=self.actual[part],
            nominal=self.nominal[part],
            ids=self.ids,
            n_ids=self.n_ids,
            offsets=self.offsets[part],
            checks=self.checks,
        )

    def within(self, window: tuple[float, float]) -> Mask:
        """The samples of a window, both days included."""
        mask = self.valid & (self.times >= window[0]) & (self.times <= window[1])
        return np.asarray(mask, dtype=np.bool_)

    def only(self, index: NDArray[np.int64], found: Mask) -> Mask:
        """One sample per profile as a mask."""
        mask = np.zeros(self.valid.shape, dtype=np.bool_)
        rows = np.flatnonzero(found)
        mask[rows, index[rows]] = True
        return mask

    def source_ids(self, mask: Mask, at: NDArray[np.int64] | None = None) -> pl.Series:
        """The ids behind the samples of a mask (m, k): one list per profile, or per profile of ``at``."""
        part = mask if at is None else mask[at]
        offsets = self.offsets if at is None else self.offsets[at]
        rows, columns = np.nonzero(part)
        sample = offsets[rows] + columns
        count = self.n_ids[sample]
        start = np.cumsum(count) - count  # of each sample among all ids that are taken
        first = (np.cumsum(self.n_ids) - self.n_ids)[sample]
        place = np.repeat(first - start, count) + np.arange(int(count.sum()))
        return lists(np.repeat(rows, count), self.ids.gather(place), part.shape[0])


def courses(samples: pl.DataFrame, *, assay: str | None, analytes: Sequence[str], subjects: Sequence[str]) -> Courses:
    """Time courses from long rows.

    Parameters
    ----------
    samples
        Columns ``subject_id, analyte, day, value, unit, censoring, id``, any order, no null, and ``actual`` and ``nominal`` days,
        which may be null; subjects and analytes that are not named are left out.
    assay
        Name for the checks.
    analytes, subjects
        The rows wanted.

    Returns
    -------
    Courses
        With one value per subject, analyte and day: several quantified values of one day are averaged (a value below
        the limit beside a quantified one is left out; several below their limits count as below their mean limit; with
        one above the limit the mean is a lower bound). Each such day is a check.
    """
    notes: list[dict[str, object]] = []
    places = pl.DataFrame(
        {"subject_id": subjects, "s": np.arange(len(subjects))}, schema={"subject_id": pl.String, "s": pl.Int64}
    )
    kinds = pl.DataFrame(
        {"analyte": analytes, "a": np.arange(len(analytes))}, schema={"analyte": pl.String, "a": pl.Int64}
    )
    units = _units(samples)
    frame = (
        _in_one_unit(samples, units)
        .join(places, on="subject_id", how="inner")
        .join(kinds, on="analyte", how="inner")
        .with_columns(code=pl.col("censoring").replace_strict(CODE_OF, return_dtype=pl.Int8))
        .sort("a", "s", "day", "id")
    )
    key = ["a", "s", "day"]
    twice = (
        frame.select(pl.struct(key).is_duplicated()).to_series() if frame.height else pl.Series([], dtype=pl.Boolean)
    )
    if twice.any():
        merged, found = _one_per_day(frame.filter(twice), key)
        notes += [_duplicate_check(assay, row) for row in found.iter_rows(named=True)]
        frame = pl.concat(
            [frame.filter(~twice).with_columns(ids=pl.concat_list("id")).select(merged.columns), merged]
        ).sort(key)
    else:
        frame = frame.with_columns(ids=pl.concat_list("id"))
    m = len(analytes) * len(subjects)
    row = frame["a"].to_numpy().astype(np.int64) * len(subjects) + frame["s"].to_numpy().astype(np.int64)
    counts = np.bincount(row, minlength=m) if m else np.zeros(0, dtype=np.int64)
    offsets = (np.cumsum(counts) - counts).astype(np.int64)
    column = np.arange(row.size, dtype=np.int64) - offsets[row]
    shape = (m, int(counts.max(initial=0)))
    return Courses(
        assay=assay,
        analytes=tuple(analytes),
        subjects=tuple(subjects),
        units=tuple(units.get(a) for a in analytes),
        times=pad(frame["day"].to_numpy().astype(np.float64), row, column, shape).astype(np.float64),
        values=pad(frame["value"].to_numpy().astype(np.float64), row, column, shape).astype(np.float64),
        censoring=pad(frame["code"].to_numpy().astype(np.int8), row, column, shape).astype(np.int8),
        valid=np.arange(shape[1])[None, :] < counts[:, None],
        actual=pad(frame["actual"].to_numpy().astype(np.float64), row, column, shape).astype(np.float64),
        nominal=pad(frame["nominal"].to_numpy().astype(np.float64), row, column, shape).astype(np.float64),
        ids=frame["ids"].explode(empty_as_null=False),
        n_ids=frame["ids"].list.len().to_numpy().astype(np.int64),
        offsets=offsets,
        checks=tuple(notes),
    )


def common_unit(column: pl.Series) -> str | None:
    """The unit most rows are in; the alphabet decides between equals."""
    counts = column.drop_nulls().value_counts().sort(["count", column.name], descending=[True, False])
    return counts[column.name][0] if counts.height else None


def _units(samples: pl.DataFrame) -> dict[str, str | None]:
    """The unit most samples of an analyte are in, by analyte."""
    counts = samples.drop_nulls("unit").group_by("analyte", "unit").len()
    first = counts.sort(["analyte", "len", "unit"], descending=[False, True, False]).unique("analyte", keep="first")
    return dict(first.select("analyte", "unit").iter_rows())


def _in_one_unit(samples: pl.DataFrame, units: dict[str, str | None]) -> pl.DataFrame:
    pairs = samples.select("analyte", "unit").unique().sort("analyte", "unit")
    factors = []
    for analyte, own in pairs.iter_rows():
        target = units.get(analyte)
        known = isinstance(own, str) and isinstance(target, str) and own != target
        factors.append(factor(str(own), str(target)) if known else 1.0)
    table = pairs.with_columns(factor=pl.Series(factors, dtype=pl.Float64))
    return (
        samples.join(table, on=["analyte", "unit"], how="left", nulls_equal=True)
        .with_columns(value=pl.col("value") * pl.col("factor"))
        .drop("factor")
    )


def _one_per_day(frame: pl.DataFrame, key: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    code, value = pl.col("code"), pl.col("value")
    seen = code >= 0
    mean = pl.when(seen.any()).then(value.filter(seen).mean()).otherwise(value.mean())
    word = pl.when((code == 1).any()).then(1).when(seen.any()).then(0).otherwise(-1)
    found = frame.group_by(key, maintain_order=True).agg(
        subject_id=pl.col("subject_id").first(),
        analyte=pl.col("analyte").first(),
        value=mean,
        code=word.cast(pl.Int8),
        actual=pl.col("actual").drop_nulls().mean(),
        nominal=pl.col("nominal").drop_nulls().mean(),
        ids=pl.col("id").filter(seen | ~seen.any()),
        all_ids=pl.col("id"),
        n=pl.len(),
    )
    return found.select("a", "s", "day", "value", "code", "actual", "nominal", "ids"), found


def _duplicate_check(assay: str | None, row: dict[str, object]) -> dict[str, object]:
    return check(
        assay=assay,
        subject=str(row["subject_id"]),
        target=str(row["analyte"]),
        rule="one-sample-per-day",
        found=f"{row['n']} samples on day {row['day']:g}",
        value=row["n"],
        required="one sample per day",
        passed=False,
        action="corrected",
        source_ids=row["all_ids"],
        parts=(row["day"],),
    )


def unit_problem(of: str, source: str, target: str) -> Problem | None:
    """The problem of a conversion that cannot be made, or None; ``of`` names what is to be converted."""
    try:
        factor(source, target)
    except InputError as error:
        problem = error.problems[0]
        return replace(problem, what=f"{of}: {problem.what}")
    return None


def same_dimension(first: str, second: str) -> bool:
    """Whether both are known units of one dimension."""
    try:
        return unit(first).dimension == unit(second).dimension
    except InputError:
        return False


def same_unit(first: str, second: str) -> bool:
    """Whether both are spellings of one known unit."""
    return same_dimension(first, second) and unit(first) == unit(second)
