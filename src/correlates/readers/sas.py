"""SAS files: one dataset from a transport file (v5, v8) or a SAS7BDAT file."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from correlates.errors import InputError, Problem, Where
from correlates.readers.clinical import ROW
from correlates.readers.content import Content
from correlates.schema.table import TEXT

_XPT = b"HEADER RECORD*******LIB"
_SAS = bytes.fromhex("000000000000000000000000c2ea8160b31411cfbd92080009c7318c181f1011")
_OBS = re.compile(rb"HEADER RECORD\*{7}OBS(?:V8)? +HEADER RECORD!{7}(.{32})", re.DOTALL)
_NAMES = re.compile(rb"HEADER RECORD\*{7}NAM(?:ESTR|STV8) +HEADER RECORD!{7}(.{32})", re.DOTALL)
_NAME_LENGTH = 140  # bytes that describe one variable
_MEMBER = re.compile(rb"HEADER RECORD\*{7}MEMB(?:ER|V8) +HEADER RECORD")


def is_sas(content: Content) -> bool:
    """Whether the bytes are those of a SAS transport or SAS7BDAT file."""
    return content.data.startswith((_XPT, _SAS))


def read_sas(content: Content, path: Path, name: str) -> tuple[pl.DataFrame, str | None, dict[str, object], str | None]:
    """A SAS file: its rows, the name of the dataset inside, what the file says of itself, and who wrote it."""
    import pyreadstat

    transport = content.data.startswith(_XPT)
    members = len(_MEMBER.findall(content.data)) if transport else 1
    if members > 1:
        raise InputError(
            Problem(
                code="several-datasets",
                what="The transport file holds more than one dataset",
                where=Where(file=name),
                found=f"{members} datasets",
                expected="one dataset per file, as SDTM submissions have it",
                do="Export each dataset to a file of its own",
            )
        )
    reader = pyreadstat.read_xport if transport else pyreadstat.read_sas7bdat
    encoding = "UTF-8"
    try:
        try:
            values, meta = reader(str(path), output_format="dict", disable_datetime_conversion=True)
        except UnicodeDecodeError:
            encoding = "WINDOWS-1252"
            values, meta = reader(str(path), output_format="dict", disable_datetime_conversion=True, encoding=encoding)
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, UnicodeDecodeError) as error:
        raise InputError(
            Problem(
                code="damaged-file",
                what="The SAS file cannot be read: it is damaged, cut short, or its text is in an unknown encoding",
                where=Where(file=name),
                found=str(error),
                expected="a whole SAS transport (XPT) or SAS7BDAT file in UTF-8 or Windows-1252",
                do="Export or copy the file again",
            )
        ) from error
    if transport:
        _whole_transport(content.data, len(next(iter(values.values()), [])), name)
    frame = pl.DataFrame([pl.Series(n, list(v), strict=False) for n, v in values.items()])
    blank = [pl.when(pl.col(n).str.strip_chars_end() != "").then(pl.col(n).str.strip_chars_end()).alias(n)
             for n, t in frame.schema.items() if t == TEXT]  # fmt: skip
    frame = frame.with_columns(blank).with_row_index(ROW, offset=1)
    header: dict[str, object] = {
        "columns": list(meta.column_names),
        "labels": dict(meta.column_names_to_labels),
        "formats": {n: f for n, f in meta.original_variable_types.items() if f},
        "label": meta.file_label,
        "format": "xport" if transport else "sas7bdat",
        "created": meta.creation_time,
        "encoding": encoding,
    }
    return frame, meta.table_name, header, _sas_version(content.data) if transport else None


def _sas_version(data: bytes) -> str | None:
    """Program and version in the first real header: SAS, SAS, SASLIB, version, operating system."""
    head = data[80:160].decode("ascii", errors="replace")
    version = head[24:32].strip()
    return f"{head[:8].strip()} {version}".strip() or None


def _record_length(data: bytes) -> int:
    """Bytes of one record: the sum of the lengths of the variables; 0 where the file does not say."""
    found = _NAMES.search(data)
    count = found[1][6:10].decode("ascii", errors="replace") if found else ""
    if found is None or not count.strip().isdigit():
        return 0
    names = [data[found.end() + i * _NAME_LENGTH :][:_NAME_LENGTH] for i in range(int(count))]
    return sum(int.from_bytes(name[4:6], "big") for name in names)


def _whole_transport(data: bytes, rows: int, name: str) -> None:
    """A transport file is made of 80-byte records and padded with blanks: anything else has been cut."""
    record = _record_length(data)
    found = _OBS.search(data)
    start = found.end() if found else 0
    stated = found[1][:15].decode("ascii", errors="replace").strip() if found else ""
    announced = int(stated) if stated.isdigit() and int(stated) > 0 else None
    rest = data[start + record * ((len(data) - start) // record) :] if record and found else b""
    reason = None
    if len(data) % 80:
        reason = f"{len(data)} bytes, which is no multiple of 80"
    elif rest.strip(b" "):
        reason = f"{len(rest)} bytes of an unfinished record at the end"
    elif announced is not None and announced != rows:
        reason = f"{rows} of {announced} records"
    if reason:
        raise InputError(
            Problem(
                code="truncated-file",
                what="The transport file is cut short",
                where=Where(file=name, row=rows),
                found=reason,
                expected="a whole file",
                do="Export or copy the file again",
            )
        )
