"""How tables of flow cytometry are laid out: FlowJo's table editor, FACSDiva's statistics, plain tables.

Nothing is computed: each layout gives the same long list of statistics of populations, with the texts as written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from correlates.errors import InputError, Problem, Where
from correlates.readers.cells import fold
from correlates.readers.content import Content, Sheet
from correlates.readers.grid import split_unit

PARENT, COUNT = "Freq. of Parent", "Count"
"""Statistics that the rules of gates work on, as FlowJo calls them."""

_DIVA = {
    "#events": COUNT,
    "%parent": PARENT,
    "%grand parent": "Freq. of Grandparent",
    "%grandparent": "Freq. of Grandparent",
    "%total": "Freq. of Total",
}
_DIVA_HEADING = re.compile(
    r"^(?P<population>.*\S)\s+(?P<statistic>#Events|%Parent|%Grand ?Parent|%Total)$", re.IGNORECASE
)
_DIVA_MARKS = ("#events", "%parent", "%total")
_NAMES = ("", "sample", "sample:", "sample name", "name", "file", "file name", "filename", "fcs file")
_SUMMARIES = ("mean", "sd", "stddev", "std dev", "std. dev.", "median", "cv", "min", "max", "sum", "geometric mean")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """A statistic of a population of one sample.

    ``path`` holds the gates from the outermost to the population itself, as far as the file tells them; it is empty for
    a column that is no statistic of a population. ``attribute`` is its name: path and statistic, ``CD3+/CAR+ | Count``.
    """

    path: tuple[str, ...]
    statistic: str
    attribute: str
    unit: str | None
    text: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The row or block of a sample: its name, the other cells that describe it, and its statistics."""

    name: str
    line: int
    cells: dict[str, str]
    statistics: tuple[Statistic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A table of flow cytometry as it was laid out; ``summaries`` are rows such as Mean and SD, which are no samples."""

    kind: str
    software: str | None
    samples: tuple[Sample, ...]
    summaries: tuple[tuple[str, int], ...]
    columns: tuple[str, ...]
    sheet: Sheet


def layout_of(content: Content, subject_id: str | None) -> Layout:
    """The statistics of a file.

    Parameters
    ----------
    content
        The file.
    subject_id
        Column that names the subject, where there is one: it is no statistic.

    Raises
    ------
    InputError
        No table, more than one sheet with data, or no column of statistics.
    """
    sheet, rows = content.only_table(
        expected="one table: CSV, tab-delimited text, or a workbook with one sheet",
        do="Export the table as CSV; a FlowJo workspace or FACSDiva experiment (XML) is not a table",
    )
    if any(_is_block_heading(row) for _, row in rows):
        return _blocks(rows, sheet)
    return _wide(rows, sheet, content.name, subject_id)


def _is_block_heading(row: Sequence[str]) -> bool:
    words = [fold(cell) for cell in row]
    return bool(words) and words[0] == "population" and any(word in _DIVA_MARKS for word in words)


def _blocks(rows: Sequence[tuple[int, tuple[str, ...]]], sheet: Sheet) -> Layout:
    """FACSDiva's statistics view: what is known of a tube as key and value, then one row per population; tube by tube."""
    samples: list[Sample] = []
    known: dict[str, str] = {}
    headings: tuple[str, ...] = ()
    found: list[Statistic] = []
    paths: dict[str, tuple[str, ...]] = {}
    began = rows[0][0]

    def close() -> None:
        if found:
            samples.append(Sample(name=_tube(known), line=began, cells=dict(known), statistics=tuple(found)))

    columns: dict[str, None] = {}
    for line, row in rows:
        if _is_block_heading(row):
            headings, began = row, line
            continue
        if headings and len(row) <= 2 and len(headings) > 2:  # the next tube begins
            close()
            headings, found, paths = (), [], {}
            known = {k: v for k, v in known.items() if "tube" not in fold(k)}
        if not headings:
            key, value = row[0].rstrip(":"), (row[1] if len(row) > 1 else "")
            columns[key] = None
            known[key] = value
            continue
        cells = dict(zip((fold(h) for h in headings), row, strict=False))
        population, parent = row[0], cells.get("parent name", "")
        paths[population] = (*paths.get(parent, (parent,) if parent.strip("#- ") else ()), population)
        for heading, text in zip(headings[1:], row[1:], strict=False):
            if fold(heading) != "parent name":
                columns[heading] = None
                found.append(_named(paths[population], _DIVA.get(fold(heading), heading), text, line))
    close()
    return Layout(
        kind="facsdiva blocks",
        software="BD FACSDiva",
        samples=tuple(samples),
        summaries=(),
        columns=tuple(columns),
        sheet=sheet,
    )


def _tube(cells: dict[str, str]) -> str:
    """Specimen and tube, as FACSDiva names the FCS file."""
    folded = {fold(key): value for key, value in cells.items()}
    parts = [folded.get(word) or folded.get(f"{word} name") for word in ("specimen", "tube")]
    return "_".join(part for part in parts if part)


def _wide(rows: Sequence[tuple[int, tuple[str, ...]]], sheet: Sheet, file: str, subject_id: str | None) -> Layout:
    """One row per sample, one column per population and statistic."""
    top, headings = rows[0]
    body = rows[1:]
    columns: dict[int, tuple[tuple[str, ...], str] | None] = {}
    for index, heading in enumerate(headings):
        if heading == subject_id:
            continue
        diva = _DIVA_HEADING.match(heading)
        if "|" in heading:
            population, _, statistic = heading.partition("|")
            columns[index] = (_path(population), statistic.strip())
        elif diva:
            columns[index] = (_path(diva["population"]), _DIVA[" ".join(fold(diva["statistic"]).split())])
    flowjo = any("|" in headings[i] for i in columns)
    kind = "flowjo" if flowjo else "facsdiva" if columns else "table"
    words = [fold(h) for h in headings]
    names = [i for i, word in enumerate(words) if i not in columns and word in _NAMES and headings[i] != subject_id]
    if kind == "table":
        described = {*names, *(i for i, h in enumerate(headings) if h == subject_id)}
        columns |= {i: None for i in range(len(headings)) if i not in described and headings[i]}
    problems = _headings(headings, columns, Where(file=file, sheet=sheet.name, row=top))
    if problems:
        raise InputError(problems)
    samples: list[Sample] = []
    for line, row in body:
        cells = {h: row[i] for i, h in enumerate(headings) if i < len(row) and i not in columns}
        name = next((row[i] for i in names if i < len(row) and row[i]), "") if kind != "facsdiva" else _tube(cells)
        found = tuple(
            _named(known[0], known[1], row[i], line) if known else _plain(headings[i], row[i], line)
            for i, known in columns.items()
            if i < len(row) and row[i]
        )
        samples.append(Sample(name=name, line=line, cells=cells, statistics=found))
    summaries: list[tuple[str, int]] = []
    while flowjo and samples and fold(samples[-1].name) in _SUMMARIES:
        last = samples.pop()
        summaries.insert(0, (last.name, last.line))
    software = {"flowjo": "FlowJo", "facsdiva": "BD FACSDiva", "table": None}[kind]
    return Layout(
        kind=kind,
        software=software,
        samples=tuple(samples),
        summaries=tuple(summaries),
        columns=tuple(headings),
        sheet=sheet,
    )


def _headings(
    headings: Sequence[str], columns: dict[int, tuple[tuple[str, ...], str] | None], where: Where
) -> list[Problem]:
    if not columns:
        return [
            Problem(
                code="no-statistics",
                what="No column is a statistic of a population",
                where=where,
                found=", ".join(repr(h) for h in headings[:8]),
                expected="headings such as 'Lymphocytes/CD3+ | Freq. of Parent', 'P1 %Parent' or 'CAR+ (%)'",
            )
        ]
    twice = sorted({headings[i] for i in columns if list(headings).count(headings[i]) > 1})
    return [
        Problem(
            code="duplicate-heading",
            what=f"The heading {heading!r} stands more than once",
            where=where,
            expected="one column per population and statistic",
            do="Remove one of the columns in the table editor",
        )
        for heading in twice
    ]


def _path(population: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in population.split("/") if part.strip())


def _named(path: tuple[str, ...], statistic: str, text: str, line: int) -> Statistic:
    name, unit = split_unit(statistic)
    if name.startswith("Freq. of") or text.endswith("%"):
        unit = "%"
    return Statistic(path=path, statistic=name, attribute=f"{'/'.join(path)} | {name}", unit=unit, text=text, line=line)


def _plain(heading: str, text: str, line: int) -> Statistic:
    name, unit = split_unit(heading)
    if text.endswith("%"):
        unit = "%"
    return Statistic(
        path=_path(name), statistic=PARENT if unit == "%" else "", attribute=name, unit=unit, text=text, line=line
    )
