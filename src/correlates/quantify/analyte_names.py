"""Analytes of an immunoassay: their name in the analysis, and the unit their concentrations are typed in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import polars as pl

from correlates import units
from correlates.errors import CorrelatesError, InputError, PlanError, Problem, Where
from correlates.quantify.rules import check_rows, gather
from correlates.quantify.samples_join import wells_left_out
from correlates.terms import Role, SignalKind

_IN_BRACKETS = re.compile(r"^(.*\S)\s*[(\[]([^()\[\]]+)[)\]]$")
_PLATE = ("file_id", "plate")


def split_unit(target: str) -> tuple[str, str | None]:
    """A name as written, without its unit, and the unit.

    Examples
    --------
    >>> split_unit("IL-6 (pg/mL)")
    ('IL-6', 'pg/mL')
    >>> split_unit("IL-12 (p70)")
    ('IL-12 (p70)', None)
    """
    text = target.strip()
    found = _IN_BRACKETS.match(text)
    symbol = None if found is None else _known(found[2])
    return (text, None) if found is None or symbol is None else (found[1], symbol)


def report_unit(name: str) -> str:
    """Symbol of the declared unit. Raises PlanError for one nobody knows."""
    try:
        return units.unit(name).symbol
    except CorrelatesError as error:
        raise PlanError(error.problems) from error


def named_wells(
    wells: pl.DataFrame,
    analytes: Mapping[str, Sequence[str]],
    unit: str,
    kinds: Sequence[SignalKind],
    assay: str,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Wells with ``analyte``, their nominal quantity in ``unit``, and what was noticed.

    Parameters
    ----------
    wells
        Table of wells.
    analytes
        Name in the analysis: names in the files, with or without their unit. Others keep their own name without the unit.
    unit
        Symbol of the unit of the report.
    kinds
        Signals the method works on; wells of another kind are left out, and named.
    assay
        Name of the assay.

    Raises
    ------
    InputError
        A unit of the file measures something else than ``unit``, or two names of one analyte stand in one well.
    """
    spelled = {name.strip(): analyte for analyte, names in analytes.items() for name in names}
    names, within = [], []
    targets = wells["target"].unique().sort().to_list()
    for target in targets:
        bare, symbol = split_unit(target)
        names.append(spelled.get(target.strip()) or spelled.get(bare) or bare)
        within.append(symbol)
    table = pl.DataFrame(
        {"target": targets, "analyte": names, "in_name": within},
        schema={"target": pl.String, "analyte": pl.String, "in_name": pl.String},
    )
    named = wells.join(table, on="target", how="left", maintain_order="left")
    words = [kind.value for kind in kinds]
    other = named.filter(~pl.col("signal_kind").is_in(words))
    named = named.filter(pl.col("signal_kind").is_in(words))
    _refuse_twice(named)
    named, unit_checks = _in_unit(named, unit, assay)
    absent = pl.DataFrame({"analyte": [a for a in analytes if a not in set(names)]}, schema={"analyte": pl.String})
    nameless = named.filter((pl.col("role") == Role.UNKNOWN.value) & pl.col("sample_id").is_null())
    checks = gather(
        (
            unit_checks,
            *wells_left_out(
                other.group_by(*_PLATE).agg(
                    pl.col("signal_kind").unique().sort().str.join(", "), pl.len(), pl.col("well_id").sort()
                ),
                absent,
                nameless,
                assay=assay,
                required=" or ".join(words),
            ),
        )
    )
    return named, checks


def _known(text: str) -> str | None:
    try:
        return units.unit(text).symbol
    except InputError:
        return None


def _refuse_twice(named: pl.DataFrame) -> None:
    key = [*_PLATE, "well", "analyte"]
    twice = named.filter(named.select(pl.struct(key).is_duplicated()).to_series())
    if twice.height:
        raise InputError(
            [
                Problem(
                    code="duplicate-well",
                    what=f"Well {well} of {plate} holds analyte {analyte} more than once",
                    where=Where(file=file),
                    found=", ".join(found),
                    expected="one name of the analyte per well",
                    do="Name one of them in the assay's analytes",
                )
                for file, plate, well, analyte, found in twice.group_by(key)
                .agg(pl.col("target").sort())
                .sort(key)
                .iter_rows()
            ]
        )


def _in_unit(named: pl.DataFrame, unit: str, assay: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Nominal and reported quantities in the unit of the report; the unit of a plate and analyte is the first it states."""
    key = [*_PLATE, "target"]
    stated = (
        named.group_by(key)
        .agg(
            pl.col("analyte").first(),
            pl.col("nominal_unit").drop_nulls().sort().first().alias("nominal"),
            pl.col("reported_unit").drop_nulls().sort().first().alias("reported"),
            pl.col("in_name").first(),
        )
        .with_columns(text=pl.coalesce("nominal", "reported", "in_name"))
        .select(*key, "analyte", "text")
        .sort(key)
    )
    factors: dict[str, float] = {}
    strange: list[str] = []
    problems: list[Problem] = []
    for text in stated["text"].drop_nulls().unique().sort().to_list():
        if _known(text) is None:
            strange.append(text)
            continue
        try:
            factors[text] = units.factor(text, unit)
        except InputError:
            file, _, target, _, _ = stated.filter(pl.col("text") == text).row(0)
            problems.append(
                Problem(
                    code="units-do-not-convert",
                    what=f"Concentrations of {target} are in {text}, which is no {unit}",
                    where=Where(file=file),
                    found=text,
                    expected=f"a unit that converts to {unit}",
                    do="Give this analyte an assay of its own with its unit",
                )
            )
    if problems:
        raise InputError(problems)
    factor = pl.col("text").replace_strict(factors, default=1.0, return_dtype=pl.Float64)
    stated = stated.with_columns(unit_factor=factor)
    unread = stated.filter(pl.col("text").is_in(strange))
    checks = check_rows(
        unread,
        assay=assay,
        scope="plate",
        rule="unit_known",
        item=pl.format("{}/{}", *_PLATE),
        target=pl.col("analyte"),
        passed=pl.lit(value=False),
        found=pl.col("text"),
        required=f"a unit of concentration; taken as {unit}",
        action="kept",
    )
    return (
        named.join(stated.select(*key, "unit_factor"), on=key, how="left", maintain_order="left")
        .with_columns(
            nominal=pl.col("nominal") * pl.col("unit_factor"), reported=pl.col("reported") * pl.col("unit_factor")
        )
        .drop("in_name"),
        checks,
    )
