"""Parameters that were recorded: tumour burden, product attributes, characteristics of the subject."""

from __future__ import annotations

import polars as pl

from correlates.parameters.checks import check, table
from correlates.parameters.courses import common_unit
from correlates.parameters.emit import ROWS
from correlates.parameters.record import Computed, Inputs
from correlates.parameters.settings import Burden, Characteristic, Product
from correlates.schema.table import NUMBER, TEXT
from correlates.terms import Censoring, Reason, Timing
from correlates.units import factor

OF_SUBJECTS = ("age", "sex", "race", "arm")
"""Columns of the table of subjects that are characteristics too."""

_RESULT = r"^\s*(<=|>=|<|>|≤|≥)?\s*([-+]?\d*\.?\d+(?:[eE][-+]?\d+)?)\s*$"


def parsed(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds ``censoring`` to rows with ``value`` and ``text``, and fills ``value`` from a text such as ``<5``.

    A text that starts with a less-than sign is left-censored, with a greater-than sign right-censored. The number is
    ``value`` where there is one (a standardised result), else the number of the text, in the unit of the row.
    """
    text = pl.col("text").str.strip_chars()
    sign = text.str.extract(_RESULT, 1)
    number = text.str.extract(_RESULT, 2).cast(NUMBER, strict=False)
    return frame.with_columns(
        value=pl.coalesce("value", number),
        censoring=pl.when(sign.is_in(["<", "<=", "≤"]))
        .then(pl.lit(Censoring.LEFT.value))
        .when(sign.is_in([">", ">=", "≥"]))
        .then(pl.lit(Censoring.RIGHT.value))
        .otherwise(pl.lit(Censoring.NONE.value)),
    )


def _finish(
    rows: pl.DataFrame, subjects: pl.DataFrame, *, code: str, known: float | None, missing: Reason
) -> pl.DataFrame:
    """One row per subject: the rows found, and a reason where there is none. ``missing`` is the reason of no row."""
    defaults = {name: pl.lit(None, dtype=dtype) for name, dtype in ROWS.items() if name not in rows.columns}
    whole = subjects.select("subject_id").join(
        rows.with_columns(**defaults), on="subject_id", how="left", maintain_order="left"
    )
    has = pl.col("value").is_not_null() | pl.col("category").is_not_null()
    return whole.with_columns(
        code=pl.lit(code),
        reason=pl.when(~has).then(pl.coalesce("reason", pl.lit(missing.value))),
        censoring=pl.when(pl.col("value").is_not_null()).then(pl.coalesce("censoring", pl.lit(Censoring.NONE.value))),
        known_on_day=pl.when(has).then(pl.lit(known, dtype=NUMBER)),
        day=pl.when(has).then(pl.col("day").cast(NUMBER)),
        source_ids=pl.col("source_ids").fill_null(pl.lit([], dtype=pl.List(TEXT))),
    ).select(list(ROWS))


_BURDEN = {"spd": ("mm2", "reason"), "sld": ("mm", "sld_reason"), "mtv": ("mL", "mtv_reason")}
"""Unit of a measure of tumour burden, and the column of the reason why it is null."""


def burden_at_baseline(code: str, settings: Burden, inputs: Inputs) -> Computed:
    """Tumour burden at the last assessment on or before day ``until``, and with ``before: conditioning`` before its first day."""
    unit, why = _BURDEN[settings.take]
    last = pl.lit(settings.until)
    frame = inputs.burden
    if settings.before == "conditioning":
        days = inputs.subjects.select("subject_id", first="conditioning_day")
        frame = frame.join(days, on="subject_id", how="left")
        last = pl.min_horizontal(last, pl.col("first") - 1)
    frame = frame.filter(pl.col("day") <= last)
    if settings.evaluator is not None:
        frame = frame.filter(pl.col("evaluator") == settings.evaluator)
    at = frame.sort("day").group_by("subject_id", maintain_order=True).last()
    value = pl.col(settings.take)
    rows = at.select(
        "subject_id",
        "source_ids",
        value=settings.take,
        unit=pl.lit(unit),
        reason=pl.when(value.is_null()).then(pl.coalesce(why, pl.lit(Reason.NOT_MEASURABLE.value))),
        day=pl.col("day").cast(NUMBER),
    )
    return Computed(
        rows=_finish(rows, inputs.subjects, code=code, known=float(settings.until), missing=Reason.NOT_RECORDED)
    )


def product(code: str, settings: Product, inputs: Inputs) -> Computed:
    """A product attribute, or the number of cells: attribute (over 100 where it is a percentage) times the dose."""
    table = parsed(inputs.product).with_columns(ids=pl.concat_list("source_id"))
    one = table.filter(pl.col("attribute") == settings.attribute)
    columns = ["subject_id", "value", "unit", "censoring", "ids"]
    one = one.select(columns).with_columns(value=pl.col("value") / (100.0 if settings.percent else 1.0))
    if settings.times is None:
        target = settings.unit or common_unit(one["unit"])
        one = one if target is None else _in_unit(one, target)
        rows = one.rename({"ids": "source_ids"})
        return Computed(rows=_finish(rows, inputs.subjects, code=code, known=0.0, missing=Reason.NOT_RECORDED))
    other = table.filter(pl.col("attribute") == settings.times).select(columns)
    dose_unit = (settings.unit if settings.percent else None) or common_unit(other["unit"])
    other = other if dose_unit is None else _in_unit(other, dose_unit)
    both = one.join(other, on="subject_id", how="inner", suffix="_times", maintain_order="left")
    left = (pl.col("censoring") == "left").cast(pl.Int8)
    right = (pl.col("censoring") == "right").cast(pl.Int8)
    left_times = (pl.col("censoring_times") == "left").cast(pl.Int8)
    right_times = (pl.col("censoring_times") == "right").cast(pl.Int8)
    low, high = left + left_times, right + right_times
    unbounded = (low > 0) & (high > 0)
    rows = both.select(
        "subject_id",
        value=pl.when(~unbounded).then(pl.col("value") * pl.col("value_times")),
        unit=pl.lit(settings.unit, dtype=TEXT)
        if settings.unit
        else pl.col("unit_times")
        if settings.percent
        else pl.lit(None, dtype=TEXT),
        censoring=pl.when(low > 0).then(pl.lit("left")).when(high > 0).then(pl.lit("right")).otherwise(pl.lit("none")),
        reason=pl.when(unbounded).then(pl.lit(Reason.BOTH_CENSORED.value)),
        source_ids=pl.concat_list("ids", "ids_times"),
    )
    return Computed(rows=_finish(rows, inputs.subjects, code=code, known=0.0, missing=Reason.NOT_RECORDED))


def _in_unit(frame: pl.DataFrame, target: str) -> pl.DataFrame:
    """Values in a unit; a row without unit is taken to be in it already."""
    own = frame["unit"].unique().drop_nulls().to_list()
    factors = {u: 1.0 if u == target else factor(u, target) for u in own}
    by = pl.col("unit").replace_strict(factors, return_dtype=NUMBER, default=1.0) if factors else pl.lit(1.0)
    return frame.with_columns(value=pl.col("value") * by, unit=pl.lit(target))


def characteristic_rows(settings: Characteristic, inputs: Inputs) -> pl.DataFrame:
    """Rows of a characteristic: of the table of that name, else the column of the table of subjects."""
    name = settings.name
    found = of_source(inputs.characteristics, settings)
    if found.height or name.casefold() not in OF_SUBJECTS:
        return found.select("subject_id", "value", "category", "unit", "source_id")
    column = name.casefold()
    number = column == "age"
    return inputs.subjects.filter(pl.col(column).is_not_null()).select(
        "subject_id",
        value=pl.col(column).cast(NUMBER) if number else pl.lit(None, dtype=NUMBER),
        category=pl.lit(None, dtype=TEXT) if number else pl.col(column),
        unit=pl.lit("year" if number else None, dtype=TEXT),
        source_id="source_id",
    )


def of_source(characteristics: pl.DataFrame, settings: Characteristic) -> pl.DataFrame:
    """Rows of the table of characteristics that a parameter is made of; rows that name no source are of every source."""
    found = characteristics.filter(pl.col("name") == settings.name)
    if settings.source is None:
        return found
    return found.filter(pl.col("source").is_in([settings.source, ""]))


def characteristic(code: str, settings: Characteristic, inputs: Inputs) -> Computed:
    """A characteristic as recorded: a number, or a category where it is declared one or no subject has a number."""
    frame = characteristic_rows(settings, inputs)
    number, word = pl.col("value"), pl.col("category")
    notes: list[dict[str, object]] = []
    if settings.categorical or frame["value"].null_count() == frame.height:
        plain = (
            pl.when(number == number.round())
            .then(number.cast(pl.Int64, strict=False).cast(TEXT))
            .otherwise(number.cast(TEXT))
        )
        rows = frame.select("subject_id", category=pl.coalesce(word, plain), source_ids=pl.concat_list("source_id"))
    else:
        strange = frame.filter(number.is_null() & word.is_not_null())
        notes = [
            check(
                subject=str(row["subject_id"]),
                target=settings.name,
                rule="characteristic-is-a-number",
                found=f"{code}: {row['category']!r}",
                required="a number, as other subjects have",
                passed=False,
                action="excluded",
                source_ids=[row["source_id"]],
                parts=(code,),
            )
            for row in strange.iter_rows(named=True)
        ]
        target = common_unit(frame["unit"])
        frame = frame if target is None else _in_unit(frame, target)
        rows = frame.select("subject_id", "value", "unit", source_ids=pl.concat_list("source_id"))
    known = settings.known_on_day
    if known is None and settings.timing is not Timing.POST:
        known = 0.0
    return Computed(
        rows=_finish(rows, inputs.subjects, code=code, known=known, missing=Reason.NOT_RECORDED), checks=table(notes)
    )
