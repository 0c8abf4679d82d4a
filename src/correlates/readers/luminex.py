"""Luminex xPONENT and INTELLIFLEX: one CSV of a key-value head and blocks that each begin with ``DataType:``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

import polars as pl

from correlates.errors import Problem, Where
from correlates.readers.block import (
    Block,
    as_json,
    as_text,
    block,
    key_values,
    no_rows,
    not_a_number,
    table_end,
    undecided_numbers,
)
from correlates.readers.cells import Numbers, decimal_mark, fold, number, numbers, positions
from correlates.readers.content import Content, Sheet
from correlates.readers.record import Parsed, Reader
from correlates.terms import AssayKind, Role, SignalKind

_LOCATION = re.compile(r"^\s*\d+\s*\(\s*(\d+)\s*[,;]\s*([A-Za-z]{1,2}\d{1,2})\s*\)\s*$")
_PLACE = r"^\s*(?:\d+\s*\(\s*)?(\d+)\s*[,;]\s*([A-Za-z]{1,2}\d{1,2})\s*\)?\s*$"
_NOT_ANALYTES = ("location", "sample", "total events", "notes", "dilution factor", "comments")
_SIGNALS = ("Median", "Net MFI", "Mean", "Avg Net MFI")
_STANDARDS = "standard expected concentration"
_CONTROLS = "control expected concentration"
_ROLE_NAMES = (  # names xPONENT gives to wells of a plate layout
    (r"(?i)^(background|blank|bkgd|bkg)\s*\d*$", Role.BLANK),
    (r"(?i)^standard\s*\d+$", Role.STANDARD),
    (r"(?i)^control\s*\d+$", Role.QC),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One block: its DataType, the indices of its heading and of the row after its last."""

    name: str
    head: int
    end: int


def _program(content: Content) -> str | None:
    """The first row: Program, xPONENT, (blank), instrument. None when the file does not begin so."""
    if content.kind != "text" or "DataType:" not in content.text:
        return None
    first = next((row for row in content.sheets[0].rows if row), ())
    if len(first) < 2 or fold(first[0]) != "program" or fold(first[1]) != "xponent":
        return None
    return fold(first[-1])


def recognise(content: Content) -> bool:
    """Begins with ``Program,xPONENT``, has ``DataType:`` blocks, and the instrument is not an INTELLIFLEX."""
    program = _program(content)
    return program is not None and "intelliflex" not in program


def recognise_intelliflex(content: Content) -> bool:
    """Begins with ``Program,xPONENT,,Intelliflex`` and has ``DataType:`` blocks."""
    program = _program(content)
    return program is not None and "intelliflex" in program


def parts_of(sheet: Sheet) -> list[Part]:
    """The blocks in their order. A block ends before the next, or at a blank row."""
    starts = [i for i, row in enumerate(sheet.rows) if len(row) > 1 and row[0].rstrip(": ").casefold() == "datatype"]
    found = []
    for start, following in zip(starts, [*starts[1:], len(sheet.rows)], strict=True):
        head = next((i for i in range(start + 1, following) if any(sheet.rows[i])), following)
        end = table_end(sheet, head, following) if head < following else following
        found.append(Part(name=sheet.rows[start][1], head=head, end=end))
    return found


def read(content: Content) -> Parsed:
    """One row per well and analyte; every per-well block joins the row, every other block stays in the header."""
    sheet = content.sheets[0]
    parts = parts_of(sheet)
    blocks = {
        part.name: block(sheet, part.head, last=part.end, section=part.name) for part in parts if part.head < part.end
    }
    first = min(part.head for part in parts) - 1
    properties = key_values(sheet, 0, first)
    header: dict[str, object] = {"properties": properties}
    tail = as_text(sheet, parts[-1].end).strip()
    if tail:
        header["after the blocks"] = tail

    problems: list[Problem] = []
    signal = next((blocks[name] for name in _by_name(blocks, _SIGNALS) if blocks[name].column("Location")), None)
    if signal is None:
        problems.append(
            Problem(
                code="missing-block",
                what="The file has no block of fluorescence per well",
                where=Where(file=content.name),
                found=", ".join(part.name for part in parts),
                expected=" or ".join(_SIGNALS),
                do="Export again with the data type Median",
            )
        )
        return Parsed(rows=pl.DataFrame(), header=header, problems=tuple(problems))
    if len(signal) == 0:
        problems.append(no_rows(content.name, signal.sheet, signal.line))
        return Parsed(rows=pl.DataFrame(), header=header, problems=tuple(problems))
    header["signal block"] = signal.sheet
    header["blocks"] = {
        name: {"columns": part.frame.columns} if _per_well(part) else as_text(sheet, *_extent(parts, name))
        for name, part in blocks.items()
    }
    rows = _rows(content, signal, blocks, problems)
    plate = properties.get("Batch") or PurePath(content.name).stem
    several = rows["_plate"].n_unique() > 1
    name = pl.lit(str(plate)) if not several else pl.format("{}, plate {}", pl.lit(str(plate)), pl.col("_plate"))
    rows = rows.with_columns(plate=name).drop("_plate")
    build = properties.get("Build")
    return Parsed(
        rows=rows,
        header=header,
        software=f"xPONENT {build}" if build else "xPONENT",
        problems=tuple(problems),
    )


def _by_name(blocks: dict[str, Block], names: tuple[str, ...]) -> list[str]:
    folded = {fold(name): name for name in blocks}
    return [folded[fold(name)] for name in names if fold(name) in folded]


def _per_well(part: Block) -> bool:
    """Whether a block has one row per well or per sample, and so joins the rows."""
    return fold(part.frame.columns[0]) in ("location", "sample") and part.column("Sample") is not None


def _extent(parts: list[Part], name: str) -> tuple[int, int]:
    part = next(p for p in parts if p.name == name)
    return part.head, part.end


def _rows(content: Content, signal: Block, blocks: dict[str, Block], problems: list[Problem]) -> pl.DataFrame:
    analytes = [
        name for name in signal.frame.columns if fold(name) not in _NOT_ANALYTES and not name.startswith("column ")
    ]
    location, sample = signal.frame[signal.frame.columns[0]], signal.frame[signal.column("Sample") or ""]
    height, wide = len(signal), len(analytes)

    cells = {name: signal.frame[name] for name in analytes}
    decimal = decimal_mark(list(cells.values()), signal.delimiter)
    if decimal is None:
        problems.append(undecided_numbers(content.name, signal.sheet, signal.line))
        decimal = "."

    def long(part: Block, index: pl.Series) -> pl.Series:
        """A block's cells, analyte by analyte, in the order of the wells; null where the block lacks an analyte."""
        found = [part.frame[a].gather(index) if a in part.frame.columns else _nulls(height) for a in analytes]
        return pl.concat(found) if found else _nulls(0)

    def tile(series: pl.Series) -> pl.Series:
        return pl.concat([series] * wide) if wide else series.clear()

    def checked(part: Block, index: pl.Series) -> Numbers:
        text = long(part, index)
        found = numbers(text, decimal)
        if found.bad.any():
            lines = tile(part.lines.gather(index)).filter(found.bad)
            names = _each(analytes, height).filter(found.bad)
            for analyte in names.unique(maintain_order=True):
                at = names == analyte
                problems.append(
                    not_a_number(content.name, part.sheet, analyte, lines.filter(at), text.filter(found.bad).filter(at))
                )
        return found

    own = pl.int_range(height, eager=True)
    value = checked(signal, own)
    extras: list[pl.Series] = []
    count, reported = _blank_numbers(height * wide), _blank_numbers(height * wide)
    dilution = _blank_numbers(height)
    for name, part in blocks.items():
        if not _per_well(part):
            continue
        index = own if part is signal else _match(signal, part)
        for extra in part.frame.columns:
            if extra in analytes or fold(extra) in ("location", "sample") or extra.startswith("column "):
                continue
            cells_ = part.frame[extra].gather(index)
            if fold(extra) == "dilution factor":
                dilution = numbers(cells_, decimal).value
            elif cells_.null_count() < height:
                label = extra if part is signal else f"{name}: {extra}"
                if part is signal or not cells_.eq_missing(_same(signal, extra)).all():
                    extras.append(tile(cells_).alias(label))
        if not any(a in part.frame.columns for a in analytes):
            continue
        if fold(name) == "count":
            count = checked(part, index).value
        elif part is signal:
            if (value.flag.is_not_null() & long(part, index).is_not_null()).any():
                extras.append(long(part, index).alias(name))
        else:
            text = long(part, index)
            if fold(name) == "result":
                reported = numbers(text, decimal).value
            if text.null_count() < len(text):
                extras.append(text.alias(name))
    warnings = _warnings(blocks)
    place = location.str.extract(_PLACE, 1), location.str.extract(_PLACE, 2)
    if place[1].null_count():
        at = place[1].is_null()
        problems.append(
            Problem(
                code="not-a-location",
                what="A location cannot be read",
                where=Where(file=content.name, sheet=signal.sheet, row=signal.lines.filter(at)[0], column="Location"),
                found=", ".join(repr(c) for c in location.filter(at).to_list()[:5]),
                expected="the form 1(1,A1): ordinal (plate, well)",
                do="Export the file again",
            )
        )
    well = positions(place[1].fill_null(location).fill_null("?"))
    if warnings:
        keys = pl.select(pl.concat_str([place[0], pl.lit(","), well])).to_series()
        said = keys.replace_strict(warnings, default=None, return_dtype=pl.String)
        if said.null_count() < height:
            extras.append(tile(said).alias("Warnings/Errors"))
    role, nominal, unit = _roles(sample, analytes, blocks, decimal, content, problems)
    units = _units(blocks)
    unit_of = pl.Series([units.get(a) for a in analytes], dtype=pl.String)
    per_analyte = _each(list(unit_of), height)
    return (
        pl.DataFrame(
            {
                "_plate": tile(place[0].fill_null("1")),
                "well": tile(well),
                "sample_id": tile(sample),
                "target": _each(analytes, height),
                "role": tile(role),
                "nominal": nominal,
                "nominal_unit": per_analyte,
                "signal": value.value,
                "flag": value.flag,
                "count": count,
                "dilution": tile(dilution),
                "reported": reported,
                "reported_unit": per_analyte,
                "row": tile(signal.lines),
                "extras": as_json(extras, height * wide),
            }
        )
        .with_columns(
            nominal_unit=pl.when(pl.col("nominal").is_not_null()).then("nominal_unit"),
            reported_unit=pl.when(pl.col("reported").is_not_null()).then("reported_unit"),
            signal_kind=pl.lit(SignalKind.MFI.value),
            sheet=pl.lit(signal.sheet),
        )
        .sort("row", maintain_order=True)
    )


def _nulls(height: int) -> pl.Series:
    return pl.repeat(None, height, dtype=pl.String, eager=True)


def _blank_numbers(height: int) -> pl.Series:
    return pl.repeat(None, height, dtype=pl.Float64, eager=True)


def _each(values: list[str] | list[str | None], times: int) -> pl.Series:
    """Every value ``times`` times in turn."""
    return pl.Series(values, dtype=pl.String).repeat_by(times).explode(empty_as_null=False) if values else _nulls(0)


def _same(signal: Block, name: str) -> pl.Series:
    found = signal.column(name)
    return signal.frame[found] if found is not None else _nulls(len(signal))


def _match(signal: Block, part: Block) -> pl.Series:
    """For each row of the signal block the row of another block: by location (its nth use), else by sample; else null."""
    by = "Location" if part.column("Location") else "Sample"
    mine, theirs = signal.column(by), part.column(by)
    assert mine is not None
    assert theirs is not None
    if signal.frame[mine].equals(part.frame[theirs]):
        return pl.int_range(len(signal), eager=True)
    left = signal.frame.select(key=mine)
    right = part.frame.select(key=theirs).with_row_index("at")
    if by == "Location":
        nth = pl.int_range(pl.len()).over("key")
        joined = left.with_columns(n=nth).join(
            right.with_columns(n=nth), on=["key", "n"], how="left", maintain_order="left"
        )
    else:
        right = right.unique("key", keep="first", maintain_order=True)
        joined = left.join(right, on="key", how="left", maintain_order="left")
    return joined["at"]


def _units(blocks: dict[str, Block]) -> dict[str, str]:
    """Unit by analyte, from the row ``Units:`` of the block Units. xPONENT writes Bead where none was given."""
    for name in _by_name(blocks, ("Units",)):
        frame = blocks[name].frame
        for record in frame.iter_rows(named=True):
            if fold(str(record[frame.columns[0]])).rstrip(":") == "units":
                return {
                    a: u for a, u in record.items() if isinstance(u, str) and fold(u) not in ("bead", "units:", "units")
                }
    return {}


def _warnings(blocks: dict[str, Block]) -> dict[str, str]:
    """Messages of the block Warnings/Errors by ``plate,well``."""
    found: dict[str, str] = {}
    for name in _by_name(blocks, ("Warnings/Errors",)):
        part = blocks[name]
        location, message = part.column("Location"), part.column("Message")
        if location is None or message is None:
            continue
        for place, text in part.frame.select(location, message).iter_rows():
            hit = re.match(_PLACE, place or "")
            if hit and text:
                key = f"{hit[1]},{positions(pl.Series([hit[2]]))[0]}"
                found[key] = f"{found[key]} | {text}" if key in found else text
    return found


def _roles(
    sample: pl.Series,
    analytes: list[str],
    blocks: dict[str, Block],
    decimal: str,
    content: Content,
    problems: list[Problem],
) -> tuple[pl.Series, pl.Series, None]:
    """Role by well and nominal concentration by well and analyte.

    A sample that the block of expected concentrations of standards (or controls) names is a standard (or control);
    otherwise names that xPONENT gives decide: Standard1, Control1, Background0.
    """
    role = pl.repeat(Role.UNKNOWN.value, sample.len(), eager=True)
    names = sample.fill_null("")
    for pattern, known in _ROLE_NAMES:
        role = role.zip_with(~names.str.contains(pattern), pl.repeat(known.value, sample.len(), eager=True))
    expected: dict[str, dict[str, float]] = {}
    for block_name, known in ((_STANDARDS, Role.STANDARD), (_CONTROLS, Role.QC)):
        for name in _by_name(blocks, (block_name,)):
            here = _expected(blocks[name], analytes, decimal, content, problems)
            expected |= here
            listed = names.is_in(list(here))
            blank = role == Role.BLANK.value
            role = role.zip_with(~listed | blank, pl.repeat(known.value, sample.len(), eager=True))
    columns = [
        names.replace_strict({s: v[a] for s, v in expected.items() if a in v}, default=None, return_dtype=pl.Float64)
        for a in analytes
    ]
    nominal = pl.concat(columns) if columns else _blank_numbers(0)
    return role, nominal, None


def _expected(
    part: Block, analytes: list[str], decimal: str, content: Content, problems: list[Problem]
) -> dict[str, dict[str, float]]:
    """Expected concentration by sample name and analyte. Rows such as BeadID, Units and Lot are not samples."""
    found: dict[str, dict[str, float]] = {}
    for line, record in zip(part.lines, part.frame.iter_rows(named=True), strict=True):
        name = record[part.column("Sample", "Reagent", "Standard", "Control") or part.frame.columns[0]]
        if name is None or fold(name).rstrip(":") in ("beadid", "units", "analyte", "lot", "lot#"):
            continue
        values: dict[str, float] = {}
        for analyte in analytes:
            text = record.get(analyte)
            value, flag = number(text or "", decimal)
            if value is not None:
                values[analyte] = value
            elif flag is None:
                problems.append(not_a_number(content.name, part.sheet, analyte, pl.Series([line]), pl.Series([text])))
        found[name] = values
    return found


_NOTES = (
    "Signal is the block Median (Net MFI where there is no Median). Expected concentrations are typed by people: "
    "whether a series is monotone and near-geometric is checked where curves are fitted."
)
READER = Reader(
    code="xponent",
    label="Luminex xPONENT",
    assay=AssayKind.IMMUNOASSAY,
    software="xPONENT 3.1 to 4.3 (MAGPIX, Luminex 100/200, FLEXMAP 3D)",
    extensions=(".csv",),
    release="recommended",
    recognise=recognise,
    read=read,
    citation="Luminex xPONENT software, batch export as CSV",
    notes=_NOTES,
)
INTELLIFLEX = Reader(
    code="intelliflex",
    label="Luminex xMAP INTELLIFLEX",
    assay=AssayKind.IMMUNOASSAY,
    software="xMAP INTELLIFLEX software",
    extensions=(".csv",),
    release="recommended",
    recognise=recognise_intelliflex,
    read=read,
    citation="Luminex xMAP INTELLIFLEX software, batch export as CSV",
    notes=_NOTES,
)
