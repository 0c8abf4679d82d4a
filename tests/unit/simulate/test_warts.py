"""Warts: declared, planted, recorded, and each left out on its own."""

from dataclasses import fields
from pathlib import Path

import polars as pl
import pytest
from tests.unit.simulate.small_trial import small_trial

from correlates.simulate.warts import CLEAN, DEFAULT, WARTS, Warts
from correlates.simulate.write import write_trial

TRIAL = small_trial(30)


def planted(folder, warts):
    write_trial(TRIAL, folder, warts=warts)
    return set(pl.read_parquet(folder / "truth.parquet").filter(pl.col("level") == "wart")["id"])


def test_every_wart_is_declared_once():
    assert [wart.code for wart in WARTS] == [field.name for field in fields(Warts)]


def test_all_are_planted_by_default_and_recorded(tmp_path):
    assert planted(tmp_path, DEFAULT) == {wart.code for wart in WARTS}


def test_none_is_planted_in_clean_files(tmp_path):
    assert planted(tmp_path, CLEAN) == set()


@pytest.mark.parametrize("code", [wart.code for wart in WARTS])
def test_each_can_be_left_out_alone(tmp_path, code):
    gone = {code, "qpcr_rerun"} if code == "qpcr_failed_plate" else {code}
    assert planted(tmp_path, DEFAULT.without(code)) == {wart.code for wart in WARTS} - gone


def test_unknown_codes_are_refused():
    with pytest.raises(TypeError):
        DEFAULT.without("no_such_wart")


def test_every_wart_is_documented():
    page = Path(__file__).parents[3] / "docs" / "reference" / "simulated_files.md"
    text = page.read_text(encoding="utf-8")
    assert all(f"| `{wart.code}` |" in text for wart in WARTS)
