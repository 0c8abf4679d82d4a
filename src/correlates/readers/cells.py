"""What stands in a cell: numbers with either decimal mark, the words instruments write instead, positions and roles."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from correlates.terms import Flag, Role

# What instruments and people write where a number was expected, folded by `fold`.
MARKS: dict[str, Flag] = {
    **dict.fromkeys(("undetermined", "undet", "undet.", "no ct", "no cq", "no crt", "no amp"), Flag.UNDETERMINED),
    **dict.fromkeys(("no call", "no calls", "nocall"), Flag.NO_CALL),
    **dict.fromkeys(
        (
            "oor <",
            "oor<",
            "<lloq",
            "< lloq",
            "<loq",
            "< loq",
            "<lod",
            "< lod",
            "<llod",
            "< llod",
            "blq",
            "bloq",
            "bql",
            "blod",
            "<min",
            "< min",
            "below range",
            "below fit curve range",
            "below detection range",
            "below lloq",
            "-inf",
            "-infinity",
        ),
        Flag.BELOW_RANGE,
    ),
    **dict.fromkeys(
        (
            "oor >",
            "oor>",
            ">uloq",
            "> uloq",
            ">uloq.",
            "alq",
            "auloq",
            ">max",
            "> max",
            "above range",
            "above fit curve range",
            "above detection range",
            "above uloq",
            "saturated",
            "inf",
            "+inf",
            "infinity",
            "∞",
        ),
        Flag.ABOVE_RANGE,
    ),
    **dict.fromkeys(
        (
            "",
            "nan",
            "na",
            "n/a",
            "#n/a",
            "n.a.",
            "nd",
            "n.d.",
            "n.d",
            "null",
            "none",
            "-",
            "--",
            "---",
            "—",
            "***",
            "*",
            "oor",
            "not reported",
            "not determined",
            "missing",
            "#div/0!",
            "#value!",
            "#num!",
        ),
        Flag.MISSING,
    ),
    **dict.fromkeys(("omitted", "omit", "excluded"), Flag.OMITTED),
}

_NUMBER = r"[+-]?(?:\d[\d.,\u00a0\u202f' ]*|[.,]\d+)(?:[eE][+-]?\d+)?"
_BOUND = re.compile(rf"([<>])\s*=?\s*({_NUMBER})", re.ASCII)
_STARRED = re.compile(rf"\*+\s*({_NUMBER})", re.ASCII)
_PLAIN = re.compile(_NUMBER, re.ASCII)
_POSITION = re.compile(r"([A-Za-z]{1,2})0*([1-9]\d?)")

# Evidence for a decimal mark: a cell that can be read in one way only.
_POINT = r"^[+-]?(?:\d{1,3}(?:,\d{3})+\.\d+|\d+\.(?:\d{1,2}|\d{4,})|0\d*\.\d+|\d{4,}\.\d+|\.\d+)(?:[eE][+-]?\d+)?$"
_COMMA = r"^[+-]?(?:\d{1,3}(?:\.\d{3})+,\d+|\d+,(?:\d{1,2}|\d{4,})|0\d*,\d+|\d{4,},\d+|,\d+)(?:[eE][+-]?\d+)?$"


@lru_cache(maxsize=4096)  # headings are compared many times
def fold(text: str) -> str:
    """A heading or word for comparison: case, runs of blanks, Cyrillic т and the two micro signs make no difference."""
    text = text.replace("т", "t").replace("Т", "T").replace("μ", "µ")
    return " ".join(text.casefold().split())


def decimal_mark(columns: Iterable[pl.Series], delimiter: str | None) -> str | None:
    """The decimal mark of a file, from the numeric cells that leave no choice.

    Parameters
    ----------
    columns
        Text cells where numbers are expected.
    delimiter
        Of the file; None for a workbook, whose numbers are numbers.

    Returns
    -------
    "." or "," when the cells (or, failing them, a comma or semicolon as delimiter) decide it; None when cells such as
    ``1,250`` in a tab-delimited file can be read both ways and nothing in the file decides.
    """
    cells = [c.drop_nulls() for c in columns]
    text = pl.concat(cells) if cells else pl.Series(dtype=pl.String)
    comma = text.filter(text.str.contains(",", literal=True))
    if comma.is_empty():
        return "."
    if comma.str.contains(_COMMA).any():
        return ","
    if text.str.contains(_POINT).any() or delimiter == ",":
        return "."
    if delimiter == ";":
        return ","
    return None if comma.str.contains(rf"^{_NUMBER}$").any() else "."


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """A column of numbers: the value, the flag where a mark stood instead, and whether a cell is neither."""

    value: pl.Series
    flag: pl.Series
    bad: pl.Series


def numbers(cells: pl.Series, decimal: str = ".") -> Numbers:
    """Read text cells as numbers.

    Parameters
    ----------
    cells
        Text; null is a blank cell.
    decimal
        "." or ","; the other mark, blanks and apostrophes group thousands.

    Returns
    -------
    Numbers
        ``value`` (Float64, null where there is no number), ``flag`` (a word of ``terms.Flag``, ``missing`` for blanks;
        null where there is a number) and ``bad`` (neither a number nor a known mark).
    """
    value = (cells if decimal == "." else cells.str.replace(",", ".", literal=True)).cast(pl.Float64, strict=False)
    if decimal == ",":  # 1.250 groups thousands here, and 1.250,5 has not been read
        value = value.set(cells.str.contains(".", literal=True).fill_null(value=False), None)
    value = value.set((value.is_nan() | value.is_infinite()).fill_null(value=False), None)
    rest = value.is_null()
    if not rest.any():
        return Numbers(value=value, flag=pl.Series([None], dtype=pl.String).new_from_index(0, cells.len()), bad=rest)
    left = cells.filter(rest).fill_null("").unique()
    read = {text: _read_one(text, decimal) for text in left}
    at = rest.arg_true()
    found = [read[text or ""] for text in cells.gather(at)]
    value = value.scatter(at, [f[0] for f in found])
    flag = pl.Series([None], dtype=pl.String).new_from_index(0, cells.len()).scatter(at, [f[1] for f in found])
    return Numbers(value=value, flag=flag, bad=value.is_null() & flag.is_null())


def number(text: str, decimal: str = ".") -> tuple[float | None, Flag | None]:
    """One cell as a number or the flag of the mark in its place; (None, None) when it is neither."""
    plain = text.isascii() and "_" not in text  # float() reads more than a number in a cell may be
    try:
        value = float(text if decimal == "." else text.replace(".", "?").replace(",", ".")) if plain else float("nan")
    except ValueError:
        value = float("nan")
    if value - value == 0:  # finite
        return value, None
    found, flag = _read_one(text, decimal)
    return found, None if flag is None else Flag(flag)


def _read_one(text: str, decimal: str) -> tuple[float | None, str | None]:
    mark = MARKS.get(fold(text))
    if mark is not None:
        return None, mark.value
    bound = _BOUND.fullmatch(text.strip())
    if bound:
        return None, (Flag.BELOW_RANGE if bound[1] == "<" else Flag.ABOVE_RANGE).value
    starred = _STARRED.fullmatch(text.strip())  # Bio-Plex: extrapolated beyond the standards
    plain = starred[1] if starred else text.strip()
    if not _PLAIN.fullmatch(plain):
        return None, None
    group = "," if decimal == "." else "."
    whole, mark_, fraction = plain.partition(decimal)
    if not re.fullmatch(rf"[+-]?(\d*|\d{{1,3}}(?:[{group}\u00a0\u202f' ]\d{{3}})+)(?:[eE][+-]?\d+)?", whole):
        return None, None
    whole = re.sub(rf"[{group}\u00a0\u202f' ]", "", whole)
    try:
        return float(whole + (f".{fraction}" if mark_ else "")), None
    except ValueError:
        return None, None


def positions(cells: pl.Series) -> pl.Series:
    """Well positions without zero padding and in capitals: ``a01`` and ``A1`` are both ``A1``; other text is kept."""
    rows = cells.str.extract(rf"^{_POSITION.pattern}$", 1).str.to_uppercase()
    columns = cells.str.extract(rf"^{_POSITION.pattern}$", 2)
    return pl.select(pl.coalesce(rows + columns, cells)).to_series()


def position(cell: str) -> str:
    """One well position: see :func:`positions`."""
    found = _POSITION.fullmatch(cell.strip())
    return found[1].upper() + found[2] if found else cell.strip()


def roles(words: pl.Series, known: dict[str, Role], default: Role = Role.UNKNOWN) -> pl.Series:
    """Roles from an instrument's words for them; blanks and words not in ``known`` (folded) are ``default``."""
    distinct = words.unique().drop_nulls()
    mapping = {word: known.get(fold(word), default).value for word in distinct}
    return words.replace_strict(mapping, default=default.value, return_dtype=pl.String).fill_null(default.value)
