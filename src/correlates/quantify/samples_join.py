"""Which wells belong to which analyte, and which samples to which subject."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from correlates.errors import InputError, Problem, Where
from correlates.quantify.rules import check_rows, gather
from correlates.terms import Role, SignalKind

_PLATE = pl.format("{}/{}", "file_id", "plate")
SAMPLE_COLUMNS = ("subject_id", "study_day", "nominal_day", "matrix")


def analyte_wells(
    wells: pl.DataFrame, targets: Mapping[str, tuple[str, ...]], kind: SignalKind, assay: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The wells of the declared analytes, with the column ``analyte``, and what was noticed while choosing them.

    Parameters
    ----------
    wells
        Table of wells.
    targets
        Analyte: its names in the files. Blanks around names do not matter, case does.
    kind
        The signal the method works on.
    assay
        Name of the assay.

    Raises
    ------
    InputError
        Two names of one analyte stand in the same well: which of them counts is not for this function to decide.
    """
    names = pl.DataFrame(
        [(name.strip(), analyte) for analyte, spellings in targets.items() for name in spellings],
        schema={"name": pl.String, "analyte": pl.String},
        orient="row",
    ).unique(maintain_order=True)
    named = wells.with_columns(name=pl.col("target").str.strip_chars()).join(
        names, on="name", how="left", maintain_order="left"
    )
    known = named.filter(pl.col("analyte").is_not_null() & (pl.col("signal_kind") == kind.value)).drop("name")
    twice = known.filter(pl.struct("file_id", "plate", "well", "analyte").is_duplicated())
    if twice.height:
        raise InputError(
            [
                Problem(
                    code="duplicate-well",
                    what=f"Well {well} holds analyte {analyte} more than once",
                    where=Where(file=file),
                    found=", ".join(found),
                    expected="one name of the analyte per well",
                    do="Name one of them in the assay's targets",
                )
                for file, well, analyte, found in twice.group_by("file_id", "plate", "well", "analyte")
                .agg(pl.col("target").sort())
                .sort("file_id", "plate", "well")
                .select("file_id", pl.format("{} of {}", "well", "plate"), "analyte", "target")
                .iter_rows()
            ]
        )
    return known, _notices(named, known, targets, kind, assay)


def _notices(
    named: pl.DataFrame,
    known: pl.DataFrame,
    targets: Mapping[str, tuple[str, ...]],
    kind: SignalKind,
    assay: str,
) -> pl.DataFrame:
    strange = (
        named.filter(pl.col("analyte").is_null())
        .group_by("file_id", "plate")
        .agg(pl.col("name").unique().sort().str.join(", "), pl.len(), pl.col("well_id").sort())
    )
    other = (
        named.filter(pl.col("analyte").is_not_null() & (pl.col("signal_kind") != kind.value))
        .group_by("file_id", "plate")
        .agg(pl.col("signal_kind").unique().sort().str.join(", "), pl.len(), pl.col("well_id").sort())
    )
    present = set(known["analyte"].unique())
    absent = pl.DataFrame({"analyte": [a for a in targets if a not in present]}, schema={"analyte": pl.String})
    nameless = known.filter((pl.col("role") == Role.UNKNOWN.value) & pl.col("sample_id").is_null())
    return gather(
        (
            check_rows(
                strange,
                assay=assay,
                scope="plate",
                rule="target_declared",
                item=_PLATE,
                passed=pl.lit(value=False),
                found=pl.col("name"),
                value=pl.col("len"),
                required="targets named in the assay",
                action="excluded",
                sources=pl.col("well_id"),
            ),
            *wells_left_out(other, absent, nameless, assay=assay, required=kind.value),
        )
    )


def wells_left_out(
    other: pl.DataFrame, absent: pl.DataFrame, nameless: pl.DataFrame, *, assay: str, required: str
) -> tuple[pl.DataFrame, ...]:
    """Checks of wells with another signal, of analytes without a well, and of samples without a name.

    ``other`` has the plate, ``signal_kind``, ``len`` and ``well_id`` (all of them); ``absent`` the column ``analyte``; ``nameless`` are wells.
    ``required`` names the signal that was expected.
    """
    return (
        check_rows(
            other,
            assay=assay,
            scope="plate",
            rule="signal_kind",
            item=_PLATE,
            passed=pl.lit(value=False),
            found=pl.col("signal_kind"),
            value=pl.col("len"),
            required=required,
            action="excluded",
            sources=pl.col("well_id"),
        ),
        check_rows(
            absent,
            assay=assay,
            scope="source",
            rule="target_found",
            item=pl.lit(assay),
            target=pl.col("analyte"),
            passed=pl.lit(value=False),
            found=pl.lit("no well"),
            value=pl.lit(0.0),
            required="at least one well",
            action="flagged",
        ),
        check_rows(
            nameless,
            assay=assay,
            scope="sample",
            rule="sample_named",
            item=pl.col("well_id"),
            target=pl.col("analyte"),
            passed=pl.lit(value=False),
            found=pl.lit("no sample name"),
            required="the name of a sample",
            action="excluded",
            sources=pl.concat_list("well_id"),
        ),
    )


def with_samples(frame: pl.DataFrame, samples: pl.DataFrame, assay: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Add subject, days and matrix of each sample; a sample that is not in the manifest has nulls and a check.

    ``frame`` has ``sample_id``, ``analyte`` and ``source_ids``.
    """
    joined = frame.join(samples.select("sample_id", *SAMPLE_COLUMNS), on="sample_id", how="left", maintain_order="left")
    strangers = joined.filter(pl.col("subject_id").is_null())
    checks = check_rows(
        strangers,
        assay=assay,
        scope="sample",
        rule="in_manifest",
        item=pl.col("sample_id"),
        target=pl.col("analyte"),
        passed=pl.lit(value=False),
        found=pl.lit("not in the manifest"),
        required="a row of the manifest",
        action="flagged",
        sources=pl.col("source_ids"),
    )
    return joined, checks
