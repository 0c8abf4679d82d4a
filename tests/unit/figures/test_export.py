from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import polars as pl
from tests.unit.figures.small_run import SETTINGS, comparison

from correlates.figures import library, png, save
from correlates.figures.groups import COMPARISON
from correlates.figures.record import file_name


def test_a_chart_is_saved_as_picture_data_and_specification_and_twice_the_same(tmp_path):
    (drawn,) = COMPARISON.draw(comparison(), SETTINGS)
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        save(drawn, folder)
    names = sorted(p.name for p in (tmp_path / "one").iterdir())
    assert names == ["compare_peak.csv", "compare_peak.json", "compare_peak.svg"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert ET.parse(tmp_path / "one" / "compare_peak.svg").getroot().tag.endswith("svg")
    assert json.loads((tmp_path / "one" / "compare_peak.json").read_text())["datasets"]["drawn"]
    assert pl.read_csv(tmp_path / "one" / "compare_peak.csv").height == 9


def test_a_picture_is_a_png():
    (drawn,) = COMPARISON.draw(comparison(), SETTINGS)
    assert png(drawn, scale=1).startswith(b"\x89PNG")


def test_the_library_is_one_text_and_the_same_each_time():
    with library() as one, library() as two:
        script = one()
        assert script == two()
    assert "vegaEmbed" in script


def test_file_names_are_safe_and_stay_apart():
    assert file_name("compare", "peak_to-burden") == "compare_peak_to-burden"
    hostile = [file_name("x", t) for t in ("a/b", "a b", "../a b", "a\\b", "été")]
    assert len(set(hostile)) == len(hostile)
    assert all(set(n) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") for n in hostile)
