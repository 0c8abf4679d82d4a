"""What a reader is: one record per instrument format, and what its function gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from correlates.errors import Problem
from correlates.readers.content import Content
from correlates.terms import AssayKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a reader found in a file, before ids are given and the table is checked.

    Attributes
    ----------
    rows
        One row per well x target: the columns of ``schema.WELLS`` except ``well_id`` and ``file_id``.
    header
        All of the file outside its rows; values that JSON can hold.
    software
        Software and version that wrote the file, when it says so.
    problems
        Everything that is wrong with the file. A file with problems gives no wells.
    amplitudes
        Of a file that lists the partitions of one well: ``target``, ``partition``, ``amplitude``, ``cluster``.
    """

    rows: pl.DataFrame
    header: dict[str, object] = field(default_factory=dict)
    software: str | None = None
    problems: tuple[Problem, ...] = ()
    amplitudes: pl.DataFrame | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A reader of one instrument format.

    ``recognise`` looks at the content, never at the name; at most one reader recognises a file. ``release`` is
    *recommended* when the reader was checked against real exports and *candidate* when it works from a description.
    """

    code: str
    label: str
    assay: AssayKind
    software: str
    extensions: tuple[str, ...]
    release: Literal["recommended", "candidate"]
    recognise: Callable[[Content], bool]
    read: Callable[[Content], Parsed]
    citation: str
    notes: str = ""
