"""SAS transport v5: what its limits do not hold is split or told, never cut.

A text of more than 200 bytes stands in the variable and in further ones named after it with a number; joined in their order they
are the text. A number beyond what the format holds (about 1e-78 to 4e74) is missing, and a variable tells it as text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from correlates.standards.record import LABEL, NAME, TEXT, Dataset, Variable

_SMALLEST, _LARGEST = 1e-78, 16.0**62
"""Magnitudes that come back to the last bit: the format holds 5.4e-79 to 7.2e75, what writes it a little less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written: the dataset as it stands in the file, and what had to be told otherwise, in words."""

    path: Path
    dataset: Dataset
    remarks: tuple[str, ...]


def write_xpt(dataset: Dataset, folder: Path) -> Written:
    """Write a dataset as NAME.xpt (version 5), its variables labelled; texts are UTF-8."""
    import pyreadstat

    fitted, remarks = fit(dataset)
    path = folder / f"{dataset.name.lower()}.xpt"
    frame = fitted.frame.with_columns(
        pl.col(v.name).cast(pl.Float64) if v.kind != "text" else pl.col(v.name).fill_null("") for v in fitted.variables
    )
    pyreadstat.write_xport(
        frame,
        path,
        file_label=fitted.label,
        column_labels=[v.label for v in fitted.variables],
        table_name=fitted.name,
        file_format_version=5,
    )
    return Written(path=path, dataset=fitted, remarks=tuple(remarks))


def fit(dataset: Dataset) -> tuple[Dataset, list[str]]:
    """The dataset within the limits of the format, and what was done for it."""
    variables: list[Variable] = []
    columns: list[pl.Series] = []
    remarks: list[str] = []
    taken = {v.name for v in dataset.variables}
    for variable in dataset.variables:
        series = dataset.frame[variable.name]
        if variable.kind == "text":
            parts, series_parts = _split(variable, series, taken)
            variables += parts
            columns += series_parts
            if len(parts) > 1:
                remarks.append(
                    f"{dataset.name}.{variable.name}: texts of more than {TEXT} bytes stand in {', '.join(p.name for p in parts)}"
                )
            letters = series.drop_nulls().filter(~series.drop_nulls().str.contains(r"^[\x00-\x7F]*$"))
            if letters.len():
                remarks.append(
                    f"{dataset.name}.{variable.name}: {letters.len()} texts hold letters beyond ASCII (UTF-8)"
                )
            continue
        beyond = _beyond(series)
        variables.append(variable)
        columns.append(series.set(beyond, None) if beyond.any() else series)
        if beyond.any():
            name = _named(variable.name, "C", taken)
            told = pl.Series(
                name, [repr(v) if b else None for v, b in zip(series, beyond, strict=True)], dtype=pl.String
            )
            variables.append(
                replace(variable, name=name, label=f"{variable.name} Beyond the Format, as Text", kind="text")
            )
            columns.append(told)
            remarks.append(
                f"{dataset.name}.{variable.name}: {beyond.sum()} numbers beyond the format stand in {name} as text"
            )
    return replace(dataset, variables=tuple(variables), frame=pl.DataFrame(columns)), remarks


def _beyond(series: pl.Series) -> pl.Series:
    size = series.cast(pl.Float64).abs()
    return ((size > 0) & ((size < _SMALLEST) | (size > _LARGEST))).fill_null(value=False)


def _split(variable: Variable, series: pl.Series, taken: set[str]) -> tuple[list[Variable], list[pl.Series]]:
    longest = series.str.len_bytes().max()
    if longest is None or int(str(longest)) <= TEXT:
        return [variable], [series]
    pieces = [None if text is None else chunks(text) for text in series]
    count = max(len(p) for p in pieces if p)
    made, columns = [], []
    for place in range(count):
        name = variable.name if place == 0 else _named(variable.name, str(place), taken)
        label = variable.label if place == 0 else f"{variable.label[: LABEL - 9].rstrip()} (part {place + 1})"
        made.append(replace(variable, name=name, label=label))
        values = [p[place] if p and place < len(p) else None for p in pieces]
        columns.append(pl.Series(name, values, dtype=pl.String))
    return made, columns


def chunks(text: str, size: int = TEXT) -> list[str]:
    """A text in pieces of at most ``size`` bytes of UTF-8, none of which ends with a blank: joined they are the text.

    Examples
    --------
    >>> chunks("one two three", 8)
    ['one two', ' three']
    """
    pieces, rest = [], text
    while len(rest.encode()) > size:
        end = len(rest.encode()[:size].decode(errors="ignore"))
        while end > 1 and rest[end - 1] == " ":
            end -= 1
        pieces.append(rest[:end])
        rest = rest[end:]
    return [*pieces, rest]


def _named(stem: str, ending: str, taken: set[str]) -> str:
    """A further name made of a variable's, that no other has."""
    name, index = f"{stem[: NAME - len(ending)]}{ending}", 0
    while name in taken:
        index += 1
        tail = f"{ending}{index}"
        name = f"{stem[: NAME - len(tail) - 1]}_{tail}"
    taken.add(name)
    return name
