"""One parameter over another: the peak per tumour burden, which stands in for an effector:target ratio."""

from __future__ import annotations

import numpy as np
import polars as pl

from correlates.parameters.courses import CODE_OF, WORD_OF, same_dimension
from correlates.parameters.emit import ROWS
from correlates.parameters.record import Computed, Inputs
from correlates.parameters.settings import Ratio
from correlates.parameters.windows import QUOTIENT
from correlates.schema.table import NUMBER, TEXT
from correlates.stats.profiles import quotient
from correlates.terms import Timing
from correlates.units import factor, is_unit, unit

ORDER = (Timing.BASELINE, Timing.PRODUCT, Timing.DAY_0, Timing.POST)
"""Timings from early to late: a ratio is as late as its later part."""


def quotient_unit(numerator: str | None, denominator: str | None) -> tuple[str | None, float]:
    """The unit of a quotient, and what the quotient of the numbers is multiplied with.

    Parts of one dimension give a plain ratio. An unknown unit of a part leaves the unit unknown.
    """
    if numerator is None or denominator is None:
        return None, 1.0
    if numerator == denominator:
        return "ratio", 1.0
    if same_dimension(numerator, denominator):
        return "ratio", factor(numerator, denominator)

    plain = f"{numerator}/{denominator}"
    if is_unit(plain):
        return unit(plain).symbol, 1.0

    def wrapped(text: str) -> str:
        return f"({text})" if "/" in text or " " in text else text

    return f"{wrapped(numerator)}/{wrapped(denominator)}", 1.0


def part_rows(code: str, inputs: Inputs) -> pl.DataFrame:
    """The rows of a parameter already computed, alone or in its family."""
    found = [f.filter(pl.col("code") == code) for f in inputs.done.values()]
    return next(f for f in found if f.height or inputs.subjects.is_empty())


def ratio(code: str, settings: Ratio, inputs: Inputs) -> Computed:
    """Numerator over denominator, subject by subject, with what censoring of the parts leaves known."""
    top, base = (part_rows(part, inputs) for part in settings.of)
    both = top.join(base, on="subject_id", how="left", suffix="_base", maintain_order="left")
    a, b = (both[c].fill_null(0.0).to_numpy().astype(np.float64) for c in ("value", "value_base"))
    ca, cb = (
        both[c].fill_null("none").replace_strict(CODE_OF, return_dtype=pl.Int8).to_numpy().astype(np.int8)
        for c in ("censoring", "censoring_base")
    )
    found = quotient(a, ca, b, cb)
    units = [quotient_unit(u, v) for u, v in both.select("unit", "unit_base").iter_rows()]
    words = {i: None if w is None else w.value for i, w in enumerate(QUOTIENT[:4])}
    rank = {t.value: i for i, t in enumerate(ORDER)}
    later = pl.max_horizontal(
        pl.col("timing").replace_strict(rank, return_dtype=pl.Int64),
        pl.col("timing_base").replace_strict(rank, return_dtype=pl.Int64),
    )
    numbers, bases = pl.col("value"), pl.col("value_base")
    rows = both.with_columns(
        quotient=pl.Series(found.value * np.array([f for _, f in units], dtype=np.float64)),
        word=pl.Series(found.censoring).replace_strict(WORD_OF, return_dtype=TEXT),
        why=pl.Series(found.status).replace_strict(words, return_dtype=TEXT),
        quotient_unit=pl.Series([u for u, _ in units], dtype=TEXT),
    ).select(
        "subject_id",
        code=pl.lit(code),
        analyte=pl.lit(None, dtype=TEXT),
        reason=pl.when(numbers.is_null())
        .then(pl.coalesce("reason", pl.lit("not-estimable")))
        .when(bases.is_null())
        .then(pl.coalesce("reason_base", pl.lit("not-estimable")))
        .otherwise("why"),
        value="quotient",
        category=pl.lit(None, dtype=TEXT),
        unit="quotient_unit",
        censoring="word",
        timing=later.replace_strict({i: t.value for i, t in enumerate(ORDER)}, return_dtype=TEXT),
        known_on_day=pl.when(pl.col("known_on_day").is_not_null() & pl.col("known_on_day_base").is_not_null()).then(
            pl.max_horizontal("known_on_day", "known_on_day_base")
        ),
        day="day",
        nominal_day="nominal_day",
        source_ids=pl.concat_list(*(pl.concat_str(pl.lit(f"{part}@"), "subject_id") for part in settings.of)),
    )
    defined = pl.col("reason").is_null()
    return Computed(
        rows=rows.with_columns(
            pl.when(defined).then(pl.col(name)).alias(name)
            for name in ("value", "censoring", "known_on_day", "day", "nominal_day")
        )
        .with_columns(pl.col("value").cast(NUMBER))
        .select(list(ROWS))
    )
