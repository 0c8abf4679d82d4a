"""From what a reader found to the checked table: ids, wells that stand twice, and every problem of the file at once."""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl

from correlates.errors import InputError, Problem, Where
from correlates.readers.record import Parsed
from correlates.schema import AMPLITUDES, FILES, WELLS, conform

_SHOWN = 20
_COUNTS = ("positives", "partitions", "count")


def wells_of(parsed: Parsed, file_id: str, file: str) -> pl.DataFrame:
    """The table of wells of one file.

    Parameters
    ----------
    parsed
        What the reader found.
    file_id
        First 12 hex digits of the SHA-256 of the bytes.
    file
        How messages call the file.

    Returns
    -------
    polars.DataFrame
        ``schema.WELLS``. ``well_id`` is file_id/plate ordinal/well/target.

    Raises
    ------
    InputError
        With every problem of the file: the reader's, wells that stand twice, and deviations from the table.
    """
    problems = list(parsed.problems)
    rows = parsed.rows
    if rows.height == 0:
        if not problems:
            problems.append(_nothing(file))
        raise InputError(problems)
    problems += _twice(rows, file) + _broken_counts(rows, file)
    ordinals = {plate: str(i) for i, plate in enumerate(rows["plate"].unique(maintain_order=True), start=1)}
    plate = pl.col("plate").replace_strict(ordinals, return_dtype=pl.String)
    rows = rows.with_columns(
        pl.lit(file_id).alias("file_id"),
        pl.concat_str([pl.lit(file_id), plate, "well", "target"], separator="/").alias("well_id"),
    )
    try:
        wells = conform(rows, WELLS, file=file, rows="row")
    except InputError as error:
        problems += [p for p in error.problems if p.where is None or p.where.column != "well_id"]
    if problems:
        raise InputError(problems)
    return wells


def amplitudes_of(parsed: Parsed, wells: pl.DataFrame) -> pl.DataFrame:
    """The partitions of a file that lists them, each with the id of its well and channel; of other files no row."""
    if parsed.amplitudes is None:
        return AMPLITUDES.empty()
    named = parsed.amplitudes.join(wells.select("well_id", "target"), on="target", maintain_order="left")
    return conform(named.drop("target"), AMPLITUDES)


def file_row(
    parsed: Parsed, *, file_id: str, path: str, sha256: str, size: int, source: str, reader: str
) -> pl.DataFrame:
    """The row of ``schema.FILES`` of one file."""
    row: dict[str, object] = {
        "file_id": file_id,
        "path": path,
        "sha256": sha256,
        "size": size,
        "source": source,
        "reader": reader,
        "software": parsed.software,
        "header": json.dumps(parsed.header, ensure_ascii=False),
    }
    return conform(FILES.frame([row]), FILES, file=path)


def rows_of(records: list[dict[str, object]]) -> pl.DataFrame:
    """Records of wells as a frame: what readers of documents make. Counts are still numbers: see :func:`wells_of`."""
    schema = WELLS.polars_schema() | {name: pl.Float64() for name in _COUNTS}
    schema = {name: dtype for name, dtype in schema.items() if name not in ("well_id", "file_id")}
    return pl.DataFrame(
        [pl.Series(name, [record.get(name) for record in records], dtype=dtype) for name, dtype in schema.items()]
    )


def _broken_counts(rows: pl.DataFrame, file: str) -> list[Problem]:
    """One problem for each column of counts that holds a number which is not whole."""
    problems = []
    for name in _COUNTS:
        if name not in rows.columns or not rows[name].dtype.is_float():
            continue
        broken = (rows[name] != rows[name].floor()).fill_null(value=False)
        if broken.any():
            problems.append(
                Problem(
                    code="not-whole",
                    what=f"Counts ({name}) that are not whole numbers",
                    where=Where(file=file, row=rows["row"].filter(broken)[0], column=name),
                    found=", ".join(map(str, rows[name].filter(broken).head(5))),
                    expected="a whole number",
                    do="Export counts, not averages",
                )
            )
    return problems


def _nothing(file: str) -> Problem:
    return Problem(
        code="no-rows",
        what="The file holds no wells",
        where=Where(file=file),
        expected="one row per well and target",
        do="Export again after the analysis of the run",
    )


def _twice(rows: pl.DataFrame, file: str) -> list[Problem]:
    """One problem for each well and target that stands more than once on a plate."""
    key: Sequence[str] = ("plate", "well", "target")
    doubled = (
        rows.group_by(key, maintain_order=True)
        .agg(pl.col("row"), pl.col("sheet").first())
        .filter(pl.col("row").list.len() > 1)
    )
    problems = [
        Problem(
            code="duplicate-well",
            what=f"Well {well}, target {target!r} of plate {plate!r} stands more than once (rows {', '.join(map(str, lines))})",
            where=Where(file=file, sheet=sheet, row=lines[-1]),
            expected="each well and target once per plate",
            do="Remove the copy, or give every plate its own file",
        )
        for plate, well, target, lines, sheet in doubled.head(_SHOWN).iter_rows()
    ]
    if doubled.height > _SHOWN:
        problems.append(
            Problem(
                code="duplicate-well",
                what=f"A further {doubled.height - _SHOWN} wells stand more than once",
                where=Where(file=file),
            )
        )
    return problems
