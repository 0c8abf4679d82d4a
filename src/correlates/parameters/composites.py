"""Published composites: from parameters already computed, in the units of their formula."""

from __future__ import annotations

import numpy as np
import polars as pl

from correlates.errors import DerivationError, InputError, Problem
from correlates.parameters.courses import CODE_OF, WORD_OF, unit_problem
from correlates.parameters.emit import ROWS
from correlates.parameters.ratios import ORDER, part_rows
from correlates.parameters.record import Computed, Inputs
from correlates.parameters.scores import Input, formula, score
from correlates.parameters.settings import Composite
from correlates.schema.table import NUMBER, TEXT
from correlates.terms import Reason
from correlates.units import factor, unit

REASONS = (None, Reason.BOTH_CENSORED, Reason.NOT_POSITIVE, Reason.POINTS_OPEN)
"""The reasons in the order of the status of :func:`correlates.parameters.scores.score`."""


def _factor(item: Input, own: str) -> float:
    """What a number in ``own`` is multiplied with to be in the unit of the formula.

    An amount of substance becomes a mass by the molar mass: 1 umol/L is molar mass x 1e-6 g/L.
    """
    if item.unit is None:
        return 1.0
    if item.molar_mass is not None and unit(own).dimension == unit("umol/L").dimension:
        return factor(own, "umol/L") * item.molar_mass * 1e-6 * factor("g/L", item.unit)
    return factor(own, item.unit)


def _values(code: str, item: Input, rows: pl.DataFrame, problems: list[Problem]) -> tuple[pl.Series, pl.Series]:
    """The numbers of an input in the unit of the formula, and why there is none: ``(value, reason)``."""
    reason = rows["reason"]
    if item.read is not None and rows["category"].is_not_null().any():
        texts = rows["category"].to_list()
        read = [None if t is None else item.read(str(t)) for t in texts]
        strange = [t is not None and v is None for t, v in zip(texts, read, strict=True)]
        words = [Reason.NOT_READABLE.value if s else r for s, r in zip(strange, reason, strict=True)]
        return pl.Series(read, dtype=NUMBER), pl.Series(words, dtype=TEXT)
    if item.unit is None:
        return rows["value"], reason
    factors: dict[str, float] = {}
    for own in rows["unit"].drop_nulls().unique().sort():
        try:
            factors[own] = _factor(item, own)
        except InputError as error:
            named = unit_problem(f"{code}, input {item.name}", own, item.unit)
            problems.extend([named] if named is not None else error.problems)
            factors[own] = 1.0
    by = [None if u is None else factors[u] for u in rows["unit"]]
    values = [None if v is None or f is None else v * f for v, f in zip(rows["value"], by, strict=True)]
    words = [
        Reason.UNIT_MISSING.value if v is not None and f is None else r
        for v, f, r in zip(rows["value"], by, reason, strict=True)
    ]
    return pl.Series(values, dtype=NUMBER), pl.Series(words, dtype=TEXT)


def composite(code: str, settings: Composite, inputs: Inputs) -> Computed:
    """A published composite of parameters (see :func:`correlates.parameters.scores.score`).

    Raises
    ------
    DerivationError
        The unit of an input does not convert to that of the formula.
    """
    of = formula(settings.take)
    parts = [
        inputs.subjects.select("subject_id").join(
            part_rows(settings.of[item.name], inputs), on="subject_id", how="left", maintain_order="left"
        )
        for item in of.inputs
    ]
    problems: list[Problem] = []
    read = [_values(code, item, rows, problems) for item, rows in zip(of.inputs, parts, strict=True)]
    if problems:
        raise DerivationError(problems)
    n = inputs.subjects.height
    values = np.stack([v.fill_null(1.0).to_numpy().astype(np.float64) for v, _ in read], axis=1)
    codes = np.stack(
        [
            p["censoring"].fill_null("none").replace_strict(CODE_OF, return_dtype=pl.Int8).to_numpy().astype(np.int8)
            for p in parts
        ],
        axis=1,
    )
    found = score(of, values, codes)
    absent = [pl.Series(f"r{j}", r, dtype=TEXT) for j, (_, r) in enumerate(read)]
    missing = [pl.Series(f"m{j}", v.is_null()) for j, (v, _) in enumerate(read)]
    rank = {t.value: i for i, t in enumerate(ORDER)}
    late = [pl.Series(f"t{j}", p["timing"].replace_strict(rank, return_dtype=pl.Int64)) for j, p in enumerate(parts)]
    known = [pl.Series(f"k{j}", p["known_on_day"]) for j, p in enumerate(parts)]
    words = {i: None if w is None else w.value for i, w in enumerate(REASONS)}
    frame = pl.DataFrame([*absent, *missing, *late, *known])
    places = range(len(parts))
    why = pl.coalesce(
        *(pl.when(pl.col(f"m{j}")).then(pl.coalesce(f"r{j}", pl.lit(Reason.NOT_ESTIMABLE.value))) for j in places),
        pl.Series("status", found.status).replace_strict(words, return_dtype=TEXT),
    )
    rows = frame.select(
        inputs.subjects["subject_id"],
        code=pl.lit(code),
        analyte=pl.lit(None, dtype=TEXT),
        value=pl.Series("value", found.value, dtype=NUMBER),
        category=pl.lit(None, dtype=TEXT),
        unit=pl.lit(of.unit),
        censoring=pl.Series("censoring", found.censoring).replace_strict(WORD_OF, return_dtype=TEXT),
        reason=why,
        timing=pl.max_horizontal(*(f"t{j}" for j in places)).replace_strict(
            {i: t.value for i, t in enumerate(ORDER)}, return_dtype=TEXT
        ),
        known_on_day=pl.when(pl.all_horizontal(*(pl.col(f"k{j}").is_not_null() for j in places))).then(
            pl.max_horizontal(*(f"k{j}" for j in places))
        ),
        day=pl.lit(None, dtype=NUMBER),
        nominal_day=pl.lit(None, dtype=NUMBER),
        source_ids=pl.concat_list(
            *(pl.lit(f"{settings.of[item.name]}@") + inputs.subjects["subject_id"] for item in of.inputs)
        )
        if n
        else pl.Series([], dtype=pl.List(TEXT)),
    )
    fine = pl.col("reason").is_null()
    return Computed(
        rows=rows.with_columns(
            pl.when(fine).then(pl.col(name)).alias(name) for name in ("value", "censoring", "known_on_day")
        ).select(list(ROWS))
    )
