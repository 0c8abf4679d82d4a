"""What every method with a question of its own must be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from correlates.association import CONVENTIONS, INQUIRIES, METHODS
from correlates.stats.multiplicity import Adjust

DOCS = Path(__file__).resolve().parents[2] / "docs"

each = pytest.mark.parametrize("record", INQUIRIES, ids=lambda r: r.code)


@each
def test_the_record_is_complete(record):
    assert re.fullmatch(r"[a-z_]+", record.code)
    assert record.label
    assert record.formula
    assert re.search(r"\d{4}", record.citation)
    assert (DOCS / record.docs).is_file()
    assert f"{{#{record.code}}}" in (DOCS / "reference" / "methods.md").read_text(encoding="utf-8")
    names = [s.name for s in record.statistics]
    assert len(set(names)) == len(names)


def test_codes_are_unique():
    codes = [r.code for r in (*METHODS, *INQUIRIES)]
    assert len(set(codes)) == len(codes)


@each
def test_the_plan_asks_for_it(record):
    from correlates.plan import plan_schema

    words = {d["properties"]["do"]["const"] for d in plan_schema()["$defs"].values() if "do" in d.get("properties", {})}
    assert record.does in words


@pytest.mark.parametrize("record", CONVENTIONS, ids=lambda r: r.code)
def test_a_convention_is_told_and_sourced(record):
    assert re.search(r"\d{4}", record.citation)
    page = (DOCS / record.docs).read_text(encoding="utf-8")
    assert record.citation.split(",")[0].split(" and ")[0] in page
    assert f"[`{record.code}`](" in (DOCS / "reference" / "methods.md").read_text(encoding="utf-8")


def test_every_adjustment_is_a_convention():
    assert {a.value for a in Adjust} - {"none"} <= {c.code for c in CONVENTIONS}
    assert len({c.code for c in CONVENTIONS}) == len(CONVENTIONS)
