"""Luminex xPONENT and INTELLIFLEX: one CSV of a key-value head and blocks that each begin with ``DataType:``."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
from correlates.readers.cells import Numbers, decimal_mark, fold, number, numbers, position, positions
from correlates.readers.content import Content, Sheet
from correlates.readers.record import Parsed, Reader
from correlates.terms import AssayKind, Role, SignalKind

_PLACE = r"^\s*(?:\d+\s*\(\s*)?(\d+)\s*[,;]\s*([A-Za-z]{1,2}\d{1,2})\s*\)?\s*$"
_NOT_ANALYTES = ("location", "sample", "total events", "notes", "dilution factor", "comments")
_SIGNALS = ("Median", "Net MFI", "Mean", "Avg Net MFI")
_STANDARDS = "standard expected concentration"
_CONTROLS = "control expected concentration"
_RANGES = ("Control Range - Low", "Control Range - High")
_OWN_CURVE = ("Analysis Types", "Analysis Coefficients", "R^2")
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
    whole = {name: part for name, part in blocks.items() if part.column("Location") and part.column("Sample")}
    signal = next((whole[name] for name in _by_name(whole, _SIGNALS)), None)
    if signal is None:
        problems.append(
            Problem(
                code="missing-block",
                what="The file has no block of fluorescence by Location and Sample",
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
        name: _kept(signal, part) if _per_well(part) else as_text(sheet, *_extent(parts, name))
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


def _kept(signal: Block, part: Block) -> dict[str, object]:
    """What the header keeps of a block that joins the rows: its columns, and rows of wells that the signal block lacks."""
    by = "Location" if part.column("Location") else "Sample"
    known = signal.frame[signal.column(by) or ""]
    strange = ~part.frame[part.column(by) or ""].is_in(known.drop_nulls().to_list()).fill_null(value=False)
    kept: dict[str, object] = {"columns": part.frame.columns}
    return kept | ({"rows without a well": part.filter(strange).records()} if strange.any() else {})


def _extent(parts: list[Part], name: str) -> tuple[int, int]:
    part = next(p for p in parts if p.name == name)
    return part.head, part.end


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plate:
    """The shape of the result: the wells of the signal block in their order, by analyte."""

    file: str
    signal: Block
    analytes: list[str]
    decimal: str
    problems: list[Problem]

    @property
    def height(self) -> int:
        return len(self.signal)

    def long(self, part: Block, index: pl.Series) -> pl.Series:
        """A block's cells, analyte by analyte, in the order of the wells; null where the block lacks an analyte."""
        there = [a for a in self.analytes if a in part.frame.columns]
        if not there:
            return _nulls(self.height * len(self.analytes))
        frame = part.frame.select(there)[index]
        if len(there) < len(self.analytes):
            missing = [_nulls(self.height).alias(a) for a in self.analytes if a not in there]
            frame = frame.with_columns(missing).select(self.analytes)
        return pl.concat([column.alias("") for column in frame.get_columns()])

    def tile(self, series: pl.Series) -> pl.Series:
        """A column of the wells, once per analyte."""
        return pl.concat([series] * len(self.analytes)) if self.analytes else series.clear()

    def each(self, values: Sequence[str | None]) -> pl.Series:
        """A value of every analyte, once per well."""
        return pl.Series([value for value in values for _ in range(self.height)], dtype=pl.String)

    def checked(self, part: Block, index: pl.Series) -> Numbers:
        """A block's cells as numbers; text where a number is expected is a problem of its analyte."""
        text = self.long(part, index)
        found = numbers(text, self.decimal)
        if found.bad.any():
            lines = self.tile(part.lines.gather(index)).filter(found.bad)
            names, cells = self.each(self.analytes).filter(found.bad), text.filter(found.bad)
            for analyte in names.unique(maintain_order=True):
                at = names == analyte
                self.problems.append(not_a_number(self.file, part.sheet, analyte, lines.filter(at), cells.filter(at)))
        return found


def _is_analyte(name: str) -> bool:
    return fold(name) not in _NOT_ANALYTES and not name.startswith("column ")


def _rows(content: Content, signal: Block, blocks: dict[str, Block], problems: list[Problem]) -> pl.DataFrame:
    analytes = [name for name in signal.frame.columns if _is_analyte(name)]
    decimal = decimal_mark([signal.frame[name] for name in analytes], signal.delimiter)
    if decimal is None:
        problems.append(undecided_numbers(content.name, signal.sheet, signal.line))
    plate = _Plate(file=content.name, signal=signal, analytes=analytes, decimal=decimal or ".", problems=problems)
    sample = signal.frame[signal.column("Sample") or signal.frame.columns[0]]
    where, well = _places(plate)

    joined = {name: (part, _match(signal, part)) for name, part in blocks.items() if _per_well(part)}
    value = plate.checked(signal, pl.int_range(plate.height, eager=True))
    count = _column(plate, joined, "Count")
    reported = _column(plate, joined, "Result")
    factor = next((p.frame[c].gather(i) for p, i in joined.values() if (c := p.column("Dilution Factor"))), None)
    dilution = _blank_numbers(plate.height) if factor is None else numbers(factor, plate.decimal).value
    role, nominal = _roles(plate, sample, blocks)
    units = _units(blocks)
    unit = plate.each([units.get(a) for a in analytes])
    extras = [*_well_extras(plate, joined), *_cell_extras(plate, joined, value), *_said(plate, blocks, where, well)]
    return (
        pl.DataFrame(
            {
                "_plate": plate.tile(where),
                "well": plate.tile(well),
                "sample_id": plate.tile(sample),
                "target": plate.each(analytes),
                "role": plate.tile(role),
                "nominal": nominal,
                "nominal_unit": unit,
                "signal": value.value,
                "flag": value.flag,
                "count": count,
                "dilution": plate.tile(dilution),
                "reported": reported,
                "reported_unit": unit,
                "row": plate.tile(signal.lines),
                "extras": _with_more(
                    plate,
                    extras,
                    (
                        (role == Role.QC.value, _control_ranges(plate, sample, blocks)),
                        (role == Role.STANDARD.value, _own_curve(plate, blocks)),
                    ),
                ),
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


_Joined = dict[str, tuple[Block, pl.Series]]


def _places(plate: _Plate) -> tuple[pl.Series, pl.Series]:
    """Plate number and well of every row, from ``1(1,A1)``."""
    location = plate.signal.frame[plate.signal.column("Location") or ""]
    number_, well = location.str.extract(_PLACE, 1), location.str.extract(_PLACE, 2)
    lost = well.is_null()
    if lost.any():
        plate.problems.append(
            Problem(
                code="not-a-location",
                what="A location cannot be read",
                where=Where(
                    file=plate.file, sheet=plate.signal.sheet, row=plate.signal.lines.filter(lost)[0], column="Location"
                ),
                found=", ".join(repr(c) for c in location.filter(lost).to_list()[:5]),
                expected="the form 1(1,A1): ordinal (plate, well)",
                do="Export the file again",
            )
        )
    return number_.fill_null("1"), positions(well.fill_null(location).fill_null("?"))


def _column(plate: _Plate, joined: _Joined, name: str) -> pl.Series:
    """The numbers of a block, or nulls where the file lacks it."""
    for found in _by_name({n: p for n, (p, _) in joined.items()}, (name,)):
        return plate.checked(*joined[found]).value
    return _blank_numbers(plate.height * len(plate.analytes))


def _well_extras(plate: _Plate, joined: _Joined) -> list[pl.Series]:
    """Columns of the wells that are no analytes (Total Events, Notes): from another block only where it says otherwise."""
    extras: list[pl.Series] = []
    for name, (part, index) in joined.items():
        for column in part.frame.columns:
            if _is_analyte(column) or fold(column) in ("location", "sample", "dilution factor"):
                continue
            cells = part.frame[column].gather(index)
            if cells.null_count() == plate.height:
                continue
            own = plate.signal.column(column)
            if part is plate.signal:
                extras.append(plate.tile(cells).alias(column))
            elif own is None or not cells.eq_missing(plate.signal.frame[own]).all():
                extras.append(plate.tile(cells).alias(f"{name}: {column}"))
    return extras


def _cell_extras(plate: _Plate, joined: _Joined, value: Numbers) -> list[pl.Series]:
    """Cells of every other block as written; of the signal block where a mark stands instead of a number."""
    extras: list[pl.Series] = []
    for name, (part, index) in joined.items():
        text = plate.long(part, index)
        if fold(name) == "count" or text.null_count() == len(text):
            continue
        if part is not plate.signal or (value.flag.is_not_null() & text.is_not_null()).any():
            extras.append(text.alias(name))
    return extras


def _with_more(plate: _Plate, extras: list[pl.Series], more: Sequence[tuple[pl.Series, list[pl.Series]]]) -> pl.Series:
    """The extras as JSON; some wells (a mask of the wells) have more of them than the others."""
    text = as_json(extras, plate.height * len(plate.analytes))
    for wells, columns in more:
        at = plate.tile(wells).arg_true()
        if columns and len(at):
            whole = [column.gather(at) for column in (*extras, *columns)]
            text = text.scatter(at, as_json(whole, len(at)))
    return text


def _control_ranges(plate: _Plate, sample: pl.Series, blocks: dict[str, Block]) -> list[pl.Series]:
    """The range of each control."""
    names = ["" if name is None else name for name in sample.to_list()]
    extras: list[pl.Series] = []
    for title in _RANGES:
        for found in _by_name(blocks, (title,)):
            expected = _expected(plate, blocks[found])
            values = [expected.get(name, {}).get(a) for a in plate.analytes for name in names]
            text = [None if value is None else f"{value:.12g}" for value in values]
            extras.append(pl.Series(title, text, dtype=pl.String))
    return [e for e in extras if e.null_count() < e.len()]


def _own_curve(plate: _Plate, blocks: dict[str, Block]) -> list[pl.Series]:
    """The instrument's fitted curve of each analyte: fit, coefficients, R^2."""
    extras: list[pl.Series] = []
    for title in _OWN_CURVE:
        for found in _by_name(blocks, (title,)):
            frame = blocks[found].frame
            for record in frame.iter_rows(named=True):
                letter = (record[frame.columns[0]] or "").strip().rstrip(":")
                name = title if fold(letter) in ("", fold(title), "analysistype") else f"{title} {letter}"
                extras.append(plate.each([record.get(a) for a in plate.analytes]).alias(name))
    return [e for e in extras if e.null_count() < e.len()]


def _said(plate: _Plate, blocks: dict[str, Block], where: pl.Series, well: pl.Series) -> list[pl.Series]:
    """Warnings and errors of the wells."""
    warnings = _warnings(blocks)
    if not warnings:
        return []
    keys = pl.DataFrame({"p": where, "w": well}).select(pl.concat_str("p", "w", separator=",")).to_series()
    said = keys.replace_strict(warnings, default=None, return_dtype=pl.String)
    return [plate.tile(said).alias("Warnings/Errors")] if said.null_count() < plate.height else []


def _nulls(height: int) -> pl.Series:
    return pl.Series([None] * height, dtype=pl.String)


def _blank_numbers(height: int) -> pl.Series:
    return pl.Series([None] * height, dtype=pl.Float64)


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
                key = f"{hit[1]},{position(hit[2])}"
                found[key] = f"{found[key]} | {text}" if key in found else text
    return found


def _roles(plate: _Plate, sample: pl.Series, blocks: dict[str, Block]) -> tuple[pl.Series, pl.Series]:
    """Role by well, and nominal concentration by analyte and well.

    A sample that the block of expected concentrations of standards (or controls) names is a standard (or control);
    otherwise names that xPONENT gives decide: Standard1, Control1, Background0.
    """
    expected: dict[str, dict[str, float]] = {}
    listed: dict[str, Role] = {}
    for block_name, known in ((_STANDARDS, Role.STANDARD), (_CONTROLS, Role.QC)):
        for block_ in _by_name(blocks, (block_name,)):
            here = _expected(plate, blocks[block_])
            expected |= here
            listed |= dict.fromkeys(here, known)
    names = ["" if name is None else name for name in sample.to_list()]
    guessed = {
        name: next((role for pattern, role in _ROLE_NAMES if re.match(pattern, name)), None) for name in set(names)
    }
    role = [
        (Role.BLANK if guessed[name] is Role.BLANK else listed.get(name) or guessed[name] or Role.UNKNOWN).value
        for name in names
    ]
    per_well = [expected.get(name, {}) for name in names]
    nominal = [values.get(analyte) for analyte in plate.analytes for values in per_well]
    return pl.Series(role, dtype=pl.String), pl.Series(nominal, dtype=pl.Float64)


def _expected(plate: _Plate, part: Block) -> dict[str, dict[str, float]]:
    """Expected concentration by sample name and analyte. Rows such as BeadID, Units and Lot are not samples."""
    found: dict[str, dict[str, float]] = {}
    first = part.column("Sample", "Reagent", "Standard", "Control") or part.frame.columns[0]
    for line, record in zip(part.lines, part.frame.iter_rows(named=True), strict=True):
        name = record[first]
        if name is None or fold(name).rstrip(":") in ("beadid", "units", "analyte", "lot", "lot#"):
            continue
        values: dict[str, float] = {}
        for analyte in plate.analytes:
            text = record.get(analyte)
            value, flag = number(text or "", plate.decimal)
            if value is not None:
                values[analyte] = value
            elif flag is None:
                problem = not_a_number(plate.file, part.sheet, analyte, pl.Series([line]), pl.Series([text]))
                plate.problems.append(problem)
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
    software="xPONENT (MAGPIX, Luminex 100/200, FLEXMAP 3D)",
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
