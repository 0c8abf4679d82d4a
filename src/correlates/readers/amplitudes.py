"""Droplet amplitudes of one well (QuantaSoft, QX Manager): one row per droplet, one column per channel."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from correlates.errors import InputError, Problem, Where
from correlates.readers.cells import fold
from correlates.readers.content import Content

_SHOWN = 20


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
    content = Content.of(path)
    sheet = content.sheets[0] if content.kind == "text" else None
    head = next((i for i, row in enumerate(sheet.rows) if any(row)), None) if sheet is not None else None
    names = sheet.rows[head] if sheet is not None and head is not None else ()
    places = {name: i for i, name in enumerate(names) if fold(name).endswith("amplitude")}
    if sheet is None or head is None or not places:
        raise InputError(
            Problem(
                code="no-amplitudes",
                what="The file holds no droplet amplitudes",
                where=Where(file=content.name),
                found=", ".join(names[:8]) or content.kind,
                expected="columns Ch1 Amplitude, Ch2 Amplitude ...",
                do="Export the amplitudes of the well, one droplet per row",
            )
        )
    body = [(line, row) for line, row in zip(sheet.lines[head + 1 :], sheet.rows[head + 1 :], strict=True) if any(row)]
    problems: list[Problem] = []
    columns: dict[str, pl.Series] = {}
    for name, place in places.items():
        text = pl.Series([row[place] if place < len(row) else "" for _, row in body], dtype=pl.String).replace("", None)
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
        columns[channel] = number.rename(channel)
    if not body:
        problems.append(Problem(code="no-rows", what="The file holds no droplets", where=Where(file=content.name)))
    if problems:
        raise InputError(problems)
    return pl.DataFrame(list(columns.values()))
