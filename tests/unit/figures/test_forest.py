from __future__ import annotations

from dataclasses import replace

import polars as pl
from tests.unit.figures.small_run import SETTINGS, empty, odds, results

from correlates.figures import Forest
from correlates.figures.forest import FOREST


def _tables(extra=()):
    new = {"prespecified": False, "biomarker_group": "serum"}
    rows = [
        *odds("CMAX", "durable", (1.44, 1.17, 1.82), p_adjusted=0.01),
        *odds("CMAX", "crs3", (1.0, 0.5, 2.0)),
        *odds("IL6", "durable", (0.9, 0.5, 1.5), p=0.7, **new),
        *odds("IL6", "crs3", (3.0, 1.2, 8.0), p=0.001, **new),
        *odds("IL2", "durable", (1.1, 0.5, 1.5), p=0.6, **new),
        *odds("IL15", "durable", (1.2, 0.5, 1.5), p=0.5, **new),
        *extra,
    ]
    return {**empty(), "results": results(rows)}


def _drawn(tables, settings=SETTINGS):
    (drawn,) = FOREST.draw(tables, settings)
    return drawn


def test_lines_are_headed_and_the_exploratory_ones_with_the_smallest_p_for_any_endpoint_are_kept():
    lines = _drawn(_tables()).spec["datasets"]["lines"]
    assert [(ln["label"], ln["heading"]) for ln in lines] == [
        ("Prespecified: expansion", True),
        ("Peak", False),
        ("Exploratory: serum", True),
        ("IL6", False),
        ("IL15", False),
    ]


def test_the_caption_says_what_is_left_out():
    assert "3 of 4 biomarkers" in _drawn(_tables()).caption
    everything = replace(SETTINGS, forest=Forest(endpoints=("durable", "crs3"), exploratory=20))
    assert "biomarkers:" not in _drawn(_tables(), everything).caption


def test_estimates_stand_as_text_and_in_the_data():
    row = (
        _drawn(_tables())
        .data.filter((pl.col("biomarker") == "CMAX") & (pl.col("endpoint") == "durable"))
        .row(0, named=True)
    )
    assert row["text"] == "1.44 (1.17–1.82)"
    assert (row["odds_ratio"], row["lower"], row["upper"]) == (1.44, 1.17, 1.82)
    assert (row["n"], row["n_events"], row["per"]) == (9, 3, "doubling")


def test_filled_means_significant_after_adjustment():
    markers = {(b, e): m for b, e, m in _drawn(_tables()).data.select("biomarker", "endpoint", "marker").iter_rows()}
    assert markers["CMAX", "durable"] == "prespecified, adjusted P < .05"
    assert markers["CMAX", "crs3"] == "prespecified"
    assert markers["IL6", "crs3"] == "exploratory"  # raw P .001, adjusted .2


def test_without_adjustment_nothing_is_filled():
    tables = _tables()
    tables["results"] = tables["results"].filter(pl.col("stat_name") != "p_adjusted")
    assert not _drawn(tables).data["marker"].str.contains("adjusted").any()


def test_each_panel_says_events_and_subjects():
    titles = [panel["title"] for panel in _drawn(_tables()).spec["hconcat"][1:]]
    assert [t["subtitle"] for t in titles] == ["3 of 9 subjects", "3 of 9 subjects"]
    assert titles[1]["text"] == ["CRS grade ≥\N{NO-BREAK SPACE}3"]


def test_a_wide_interval_is_cut_and_counted_and_the_text_keeps_it():
    drawn = _drawn(_tables(odds("WILD", "durable", (400.0, 2.0, 9e4), p=1e-9, prespecified=True)))
    assert "1 interval reaches beyond the panel" in drawn.caption
    assert drawn.data.filter(pl.col("biomarker") == "WILD")["text"].item() == "400 (2.00–90,000)"


def test_an_interval_without_an_end_says_so():
    drawn = _drawn(_tables(odds("OPEN", "durable", (4.0, 2.0, None), p=1e-9, prespecified=True)))
    assert drawn.data.filter(pl.col("biomarker") == "OPEN")["text"].item() == "4.00 (from 2.0)"


def test_two_biomarkers_of_one_label_are_told_apart_by_code():
    settings = replace(SETTINGS, labels={"IL6": "Same", "IL15": "Same"})
    labels = [ln["label"] for ln in _drawn(_tables(), settings).spec["datasets"]["lines"] if not ln["heading"]]
    assert labels == ["CMAX", "Same [IL6]", "Same [IL15]"]


def test_failed_models_and_other_populations_are_not_drawn():
    extra = [
        *odds("BAD", "durable", (2.0, 1.0, 3.0), p=1e-9, error="separated"),
        *odds("PART", "durable", (2.0, 1.0, 3.0), p=1e-9, population="some"),
    ]
    assert set(_drawn(_tables(extra)).data["biomarker"]) == {"CMAX", "IL6", "IL15"}


def test_no_estimate_is_no_chart():
    tables = {**empty(), "results": results(odds("BAD", "durable", (2.0, 1.0, 3.0), error="separated"))}
    assert FOREST.draw(tables, SETTINGS) == ()
    assert FOREST.draw(_tables(), replace(SETTINGS, forest=None)) == ()
