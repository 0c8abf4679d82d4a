"""``read``: any supported export into tidy wells."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from correlates.errors import Problem, UsageError


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
    wells, record = result.wells, result.file.row(0, named=True)
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
