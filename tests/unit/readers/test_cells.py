"""Numbers with either decimal mark, the words instruments write instead, positions and roles."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from correlates.readers.cells import decimal_mark, fold, number, numbers, position, positions, roles
from correlates.terms import Flag, Role


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("27.102", ".", 27.102),
        ("-3.5", ".", -3.5),
        ("+3.5", ".", 3.5),
        ("1,250.000", ".", 1250.0),
        ("12,345,678", ".", 12345678.0),
        ("1.5E+003", ".", 1500.0),
        ("1e-3", ".", 0.001),
        (".5", ".", 0.5),
        ("7", ".", 7.0),
        ("27,102", ",", 27.102),
        ("1.250,5", ",", 1250.5),
        ("12.345.678", ",", 12345678.0),
        ("1.250", ",", 1250.0),
        ("1 250,5", ",", 1250.5),
        ("1\u00a0250,5", ",", 1250.5),
        ("1'250.5", ".", 1250.5),
        ("*3.25", ".", 3.25),
    ],
)
def test_number(text: str, decimal: str, value: float) -> None:
    assert number(text, decimal) == (value, None)
    found = numbers(pl.Series([text]), decimal)
    assert found.value.to_list() == [value]
    assert found.flag.to_list() == [None]
    assert found.bad.to_list() == [False]


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("Undetermined", Flag.UNDETERMINED),
        ("UNDETERMINED", Flag.UNDETERMINED),
        ("No Call", Flag.NO_CALL),
        ("OOR <", Flag.BELOW_RANGE),
        ("<LLOQ", Flag.BELOW_RANGE),
        ("<2.743", Flag.BELOW_RANGE),
        ("< 3,2", Flag.BELOW_RANGE),
        ("BLQ", Flag.BELOW_RANGE),
        ("Below Fit Curve Range", Flag.BELOW_RANGE),
        ("OOR >", Flag.ABOVE_RANGE),
        (">ULOQ", Flag.ABOVE_RANGE),
        ("> 10000", Flag.ABOVE_RANGE),
        ("NaN", Flag.MISSING),
        ("n.d.", Flag.MISSING),
        ("***", Flag.MISSING),
        ("N/A", Flag.MISSING),
        ("---", Flag.MISSING),
        ("", Flag.MISSING),
        ("Infinity", Flag.ABOVE_RANGE),
    ],
)
def test_mark(text: str, flag: Flag) -> None:
    assert number(text) == (None, flag)
    found = numbers(pl.Series([text or None], dtype=pl.String))
    assert found.value.to_list() == [None]
    assert found.flag.to_list() == [flag.value]
    assert found.bad.to_list() == [False]


@pytest.mark.parametrize(
    "text", ["abc", "12 wells", "1,2,3", "1.2.3", "12,50.0", "=1+1", "0x10", "1_000", "--3", "<", "5%"]
)
def test_neither_number_nor_mark(text: str) -> None:
    assert number(text) == (None, None)
    assert numbers(pl.Series([text])).bad.to_list() == [True]


def test_a_column_keeps_its_order() -> None:
    found = numbers(pl.Series(["1.5", None, "Undetermined", "x", "2,000.5", "NaN", "3"]))
    assert found.value.to_list() == [1.5, None, None, None, 2000.5, None, 3.0]
    assert found.flag.to_list() == [None, "missing", "undetermined", None, None, "missing", None]
    assert found.bad.to_list() == [False, False, False, True, False, False, False]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_every_finite_number_reads_back(values: list[float]) -> None:
    found = numbers(pl.Series([repr(v) for v in values], dtype=pl.String))
    assert found.value.to_list() == values
    assert not found.bad.any()


@given(st.text(max_size=12))
def test_a_cell_is_a_number_or_a_mark_or_bad(text: str) -> None:
    value, flag = number(text)
    assert value is None or flag is None
    column = numbers(pl.Series([text], dtype=pl.String))
    assert (column.value[0], column.flag[0]) == (value, None if flag is None else flag.value)


@pytest.mark.parametrize(
    ("cells", "delimiter", "mark"),
    [
        (["27.1", "3"], "\t", "."),
        (["27,1", "3"], "\t", ","),
        (["27,102", "0,074"], "\t", ","),
        (["1,250", "0.074"], "\t", "."),
        (["1,250.000"], "\t", "."),
        (["1.250,000"], "\t", ","),
        (["1,250"], ",", "."),
        (["1,250"], ";", ","),
        (["1,250", "Undetermined"], "\t", None),
        (["Undetermined, see note"], "\t", "."),
        ([], "\t", "."),
    ],
)
def test_decimal_mark(cells: list[str], delimiter: str, mark: str | None) -> None:
    assert decimal_mark([pl.Series(cells, dtype=pl.String)], delimiter) == mark


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("A01", "A1"),
        ("h12", "H12"),
        ("P24", "P24"),
        ("AB05", "AB5"),
        ("A1", "A1"),
        ("12", "12"),
        ("inlet 3", "inlet 3"),
    ],
)
def test_position(written: str, found: str) -> None:
    assert position(written) == found
    assert positions(pl.Series([written, None])).to_list() == [found, None]


def test_roles() -> None:
    words = pl.Series(["STANDARD", "standard", None, "something else"])
    assert roles(words, {"standard": Role.STANDARD}).to_list() == ["standard", "standard", "unknown", "unknown"]


def test_fold_makes_spellings_equal() -> None:
    assert fold("C\u0442") == fold("CT")
    assert fold("Conc(copies/\u03bcL)") == fold("Conc(copies/\u00b5L)")
    assert fold("  Sample   Name ") == "sample name"
