"""What a dataset is: variables with names and labels that SAS transport can hold, and its rows."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

NAME, LABEL, TEXT = 8, 40, 200
"""Most characters of a name and of a label, most bytes of a text, in SAS transport v5."""
_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,7}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable: ``kind`` is what it holds; ``origin`` says where it comes from (Predecessor or Derived), ``comment`` more of it."""

    name: str
    label: str
    kind: Literal["text", "float", "integer"]
    origin: Literal["Derived", "Predecessor"] = "Derived"
    comment: str = ""

    def __post_init__(self) -> None:
        assert _NAME.fullmatch(self.name), self.name
        assert len(self.label) <= LABEL, self.label


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A dataset.

    Attributes
    ----------
    structure
        One record per what.
    keys
        Variables that order the records.
    frame
        The variables as columns, in their order; text (missing is null), Float64 or Int64.
    parameters
        PARAMCD: what it stands for, in a sentence (the rule of an endpoint, the label of a parameter).
    """

    name: str
    label: str
    structure: str
    keys: tuple[str, ...]
    variables: tuple[Variable, ...]
    frame: pl.DataFrame
    parameters: Mapping[str, str]

    def __post_init__(self) -> None:
        assert len(self.label) <= LABEL, self.label
        assert tuple(self.frame.columns) == tuple(v.name for v in self.variables), self.name


def short_names(codes: Collection[str]) -> dict[str, str]:
    """A name of at most eight characters for each code: itself where it is one, else its beginning, told apart by a number.

    Examples
    --------
    >>> short_names(["CMAX", "PEAK.IL6", "CMAX_PER_BURDEN", "CMAX_PER_LDH"])
    {'CMAX': 'CMAX', 'PEAK.IL6': 'PEAK_IL6', 'CMAX_PER_BURDEN': 'CMAX_PER', 'CMAX_PER_LDH': 'CMAX_002'}
    """
    taken: dict[str, str] = {}
    kept = {code: code.upper() for code in codes if _NAME.fullmatch(code.upper())}
    names = dict.fromkeys(codes, "")
    for code, name in kept.items():
        if name not in taken:
            taken[name] = code
            names[code] = name
    for code in codes:
        if names[code]:
            continue
        plain = re.sub(r"[^A-Z0-9_]", "_", code.upper())
        plain = plain if re.match(r"[A-Z_]", plain) else f"_{plain}"
        name, index = plain[:NAME], 1
        while name in taken:
            index += 1
            name = f"{plain[: NAME - 4].rstrip('_')}_{index:03d}"
        taken[name] = code
        names[code] = name
    return names


def short_label(text: str) -> str:
    """A label of at most forty characters; a longer one is cut, the whole stands in the define."""
    return text if len(text) <= LABEL else text[: LABEL - 3].rstrip() + "..."
