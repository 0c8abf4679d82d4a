"""Droplet amplitudes of one well (QuantaSoft, QX Manager): one row per droplet, one column per channel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePath

import polars as pl

from correlates.errors import InputError, Problem, Where
from correlates.readers.block import as_json
from correlates.readers.cells import fold, position
from correlates.readers.content import Content
from correlates.readers.record import Parsed, Reader
from correlates.readers.wells import rows_of
from correlates.terms import AssayKind, Flag, Role, SignalKind

_SHOWN = 20
_NAMED = re.compile(r"(?:(.*)[_\- ])?([A-P](?:0?[1-9]|1\d|2[0-4]))[_\- ]+Amplitudes?", re.IGNORECASE)
# Bio-Rad: 1 neither, 2 the first channel alone, 3 both, 4 the second alone
_POSITIVE = (frozenset({"2", "3"}), frozenset({"3", "4"}))
_CLASSED = frozenset({"1", "2", "3", "4"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Droplets:
    """What a file holds: heading and line of it, amplitudes by channel, class of each droplet, other columns as written."""

    columns: tuple[str, ...]
    line: int
    amplitudes: pl.DataFrame
    headings: tuple[str, ...]
    clusters: pl.Series | None
    others: dict[str, list[str]]


def _heading(content: Content) -> int | None:
    """Index of the first row that is not blank, where it names amplitudes and no wells."""
    if content.kind != "text" or "mplitude" not in content.text[:4000]:
        return None
    rows = content.sheets[0].rows
    head = next((i for i, row in enumerate(rows) if any(row)), None)
    cells = [fold(cell) for cell in rows[head]] if head is not None else []
    return head if any(cell.endswith("amplitude") for cell in cells) and "well" not in cells else None


def recognise(content: Content) -> bool:
    """Text whose first row has a column of amplitudes per channel (Ch1 Amplitude, Ch2 Amplitude, Cluster) and no Well."""
    return _heading(content) is not None


def read_amplitudes(path: Path) -> pl.DataFrame:
    """Read the amplitudes of the droplets of one well.

    Parameters
    ----------
    path
        A file with a column ``... Amplitude`` per channel; the software's own ``Cluster`` is left out.

    Returns
    -------
    polars.DataFrame
        One row per droplet; one column of numbers per channel, named as in the file without the word Amplitude
        (``Ch1``, ``Assay1``). An empty cell is null.

    Raises
    ------
    InputError
        With every problem: no column of amplitudes, no droplet, a cell that is no number.
    """
    found, problems = _droplets(Content.of(path))
    if problems:
        raise InputError(problems)
    return found.amplitudes


def _droplets(content: Content) -> tuple[_Droplets, list[Problem]]:
    head = _heading(content)
    if head is None:
        first = next((row for sheet in content.sheets for row in sheet.rows if any(row)), ())
        raise InputError(
            Problem(
                code="no-amplitudes",
                what="The file holds no droplet amplitudes",
                where=Where(file=content.name),
                found=", ".join(first[:8]) or content.kind,
                expected="columns Ch1 Amplitude, Ch2 Amplitude ...",
                do="Export the amplitudes of the well, one droplet per row",
            )
        )
    sheet = content.sheets[0]
    names = sheet.rows[head]
    body = [(line, row) for line, row in zip(sheet.lines[head + 1 :], sheet.rows[head + 1 :], strict=True) if any(row)]
    problems: list[Problem] = []
    columns: dict[str, pl.Series] = {}
    headings: list[str] = []
    clusters: pl.Series | None = None
    others: dict[str, list[str]] = {}
    for place, name in enumerate(names):
        cells = [row[place] if place < len(row) else "" for _, row in body]
        if fold(name) == "cluster":
            clusters = pl.Series("cluster", cells, dtype=pl.String).replace("", None)
            continue
        if not fold(name).endswith("amplitude"):
            others[name] = cells
            continue
        text = pl.Series(cells, dtype=pl.String).replace("", None)
        number = text.cast(pl.Float64, strict=False)
        number = pl.select(pl.when(number.is_finite()).then(number)).to_series()
        odd = (text.is_not_null() & number.is_null()).arg_true().to_list()
        problems += [
            Problem(
                code="not-a-number",
                what="An amplitude is not a number",
                where=Where(file=content.name, row=body[i][0], column=name),
                found=repr(text[i]),
                expected="a number, or an empty cell",
            )
            for i in odd[:_SHOWN]
        ]
        channel = name.strip()[: -len("amplitude")].strip() or name
        if channel in columns:
            problems.append(
                Problem(
                    code="duplicate-column",
                    what=f"Channel {channel!r} stands more than once",
                    where=Where(file=content.name, row=sheet.lines[head], column=name),
                    expected="one column per channel",
                )
            )
            continue
        columns[channel] = number.rename(channel)
        headings.append(name)
    if not body:
        problems.append(Problem(code="no-rows", what="The file holds no droplets", where=Where(file=content.name)))
    return _Droplets(
        columns=names,
        line=sheet.lines[head],
        amplitudes=pl.DataFrame(list(columns.values())),
        headings=tuple(headings),
        clusters=clusters,
        others=others,
    ), problems


def read(content: Content) -> Parsed:
    """One row per channel: its droplets, and those that the software's clusters call positive; every amplitude beside."""
    found, problems = _droplets(content)
    stem = PurePath(content.name).stem
    named = _NAMED.fullmatch(stem)
    well = position(named[2]) if named else stem
    plate = (named[1] if named else None) or stem
    sample = f"{plate} {well}" if named else stem
    told = found.clusters is not None and len(found.headings) == 2 and _classed(found.clusters)
    records, parts = [], []
    for place, (heading, channel) in enumerate(zip(found.headings, found.amplitudes.columns, strict=True)):
        values = found.amplitudes[channel]
        there = values.is_not_null()
        partitions = int(there.sum())
        positives: int | None = None
        if told:
            assert found.clusters is not None
            positives = int((found.clusters.is_in(list(_POSITIVE[place])) & there).sum())
        records.append(
            {
                "plate": plate,
                "well": well,
                "sample_id": sample,
                "target": channel,
                "role": Role.UNKNOWN.value,
                "signal_kind": SignalKind.PARTITIONS.value,
                "signal": positives / partitions if positives is not None and partitions else None,
                "flag": None if positives is not None and partitions else Flag.MISSING.value,
                "positives": positives,
                "partitions": partitions,
                "row": found.line,
                "extras": as_json([pl.Series("Amplitude", [heading])], 1)[0],
            }
        )
        parts.append(
            pl.DataFrame(
                {
                    "target": pl.repeat(channel, len(values), dtype=pl.String, eager=True),
                    "partition": pl.int_range(1, len(values) + 1, eager=True),
                    "amplitude": values,
                    "cluster": found.clusters
                    if found.clusters is not None
                    else pl.repeat(None, len(values), dtype=pl.String, eager=True),
                }
            )
        )
    header: dict[str, object] = {"columns": list(found.columns)}
    if found.others:
        header["other columns"] = found.others
    return Parsed(
        rows=rows_of(records),
        header=header,
        software="Bio-Rad QuantaSoft or QX Manager",
        problems=tuple(problems),
        amplitudes=pl.concat(parts),
    )


def _classed(clusters: pl.Series) -> bool:
    """Whether every droplet stands in one of the four clusters of two channels."""
    return clusters.null_count() == 0 and set(clusters.unique()) <= _CLASSED


READER = Reader(
    code="droplet_amplitudes",
    label="Bio-Rad droplet amplitudes",
    assay=AssayKind.DPCR,
    software="QuantaSoft, QX Manager (QX100, QX200): amplitudes of one well",
    extensions=(".csv",),
    release="recommended",
    recognise=recognise,
    read=read,
    citation="Bio-Rad QuantaSoft, export of the amplitude and cluster data of a well",
    notes="One well a file; plate and well are those of the file name (PLATE_A01_Amplitude.csv).",
)
