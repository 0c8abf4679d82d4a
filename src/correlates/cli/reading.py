"""``read``: any supported export into tidy wells."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from correlates.errors import Problem, UsageError

if TYPE_CHECKING:
    import polars as pl

    from correlates.readers import ReadFile


def read_export(file: Path, *, reader: str | None, form: Literal["csv", "parquet", "json"], out: Path | None) -> None:
    """Read a file and write its wells.

    Raises
    ------
    UsageError
        Parquet asked for on standard output, or no such file.
    InputError
        The file is of no known format, or is wrong.
    """
    from correlates.readers import read

    if form == "parquet" and out is None:
        raise UsageError(Problem(code="needs-a-file", what="Parquet cannot go to standard output", do="Add --out FILE"))
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise UsageError(Problem(code="no-file", what=f"{str(file)!r} {what}", expected="an instrument export"))
    result = read(file, reader=reader)
    wells, record = _counted(result), result.file.row(0, named=True)
    if form == "csv":
        text = wells.write_csv()
    elif form == "json":
        text = wells.write_json() + "\n"
    if out is None:
        sys.stdout.write(text)
    elif form == "parquet":
        wells.write_parquet(out)
    else:
        out.write_text(text, encoding="utf-8")
    software = f", {record['software']}" if record["software"] else ""
    print(f"{file.name}: {record['reader']}{software}: {wells.height:,} wells", file=sys.stderr)


def _counted(result: ReadFile) -> pl.DataFrame:
    """The wells; where the file lists amplitudes and no classes, counted by a threshold of each channel, which is told."""
    if result.amplitudes.is_empty() or result.wells["positives"].null_count() == 0:
        return result.wells
    from correlates.quantify.amplitudes import count_wells
    from correlates.quantify.settings import Dpcr

    found = count_wells(result.wells, result.amplitudes, Dpcr(files=(), targets={}), "read")
    for text, channel in found.checks.select("found", "target").iter_rows():
        print(f"threshold of {channel}: {text}", file=sys.stderr)
    return found.wells
