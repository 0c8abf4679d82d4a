from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from tests.unit.figures.small_run import SETTINGS, empty, measurement, measurements, outcomes

from correlates.figures import Expansion
from correlates.figures.expansion import EXPANSION

CLASS_OF = {"A": "durable", "B": "durable", "C": "durable", "D": "relapsed", "E": None}


def _tables(extra=()):
    rows = [measurement(f"{s}{d}", s, d, 10.0 * (i + 1) + d) for i, s in enumerate(CLASS_OF) for d in (0.0, 7.0, 14.0)]
    return {**empty(), "measurements": measurements([*rows, *extra]), "outcomes": outcomes(CLASS_OF)}


def _both(tables, settings=SETTINGS):
    individual, median = EXPANSION.draw(tables, settings)
    return individual, median


def test_every_class_has_its_panel_with_n_and_the_undetermined_come_last():
    individual, _ = _both(_tables())
    assert individual.spec["facet"]["sort"] == [
        "Durable responders (n = 3)",
        "Relapsed (n = 1)",
        "Undetermined (n = 1)",
    ]
    assert individual.data.height == 15
    assert individual.caption.startswith("5 subjects, 15 samples")


def test_the_median_is_of_the_class_and_day_where_three_subjects_are():
    _, median = _both(_tables())
    assert median.data["group"].unique().to_list() == ["Durable responders (n = 3)"]
    assert median.data.sort("study_day").select("study_day", "median", "q1", "q3", "n").rows() == [
        (0.0, 20.0, 15.0, 25.0, 3),
        (7.0, 27.0, 22.0, 32.0, 3),
        (14.0, 34.0, 29.0, 39.0, 3),
    ]


def test_a_median_with_half_of_the_values_below_the_limit_is_marked_as_a_bound():
    tables = _tables()
    low = pl.col("sample_id").is_in(["A7.0", "B7.0"])
    tables["measurements"] = tables["measurements"].with_columns(
        censoring=pl.when(low).then(pl.lit("left")).otherwise("censoring")
    )
    individual, median = _both(tables)
    states = dict(median.data.select("study_day", "state").iter_rows())
    assert states == {0.0: "median quantified", 7.0: "median at or below LLOQ", 14.0: "median quantified"}
    assert median.data.filter(pl.col("study_day") == 7)["n_below"].item() == 2
    assert (individual.data["state"] == "below LLOQ").sum() == 2
    assert "2 values below" in individual.caption


def test_what_is_excluded_outside_the_days_or_of_nobody_is_not_drawn():
    extra = [
        measurement("x1", "A", 3.0, 1e6, status="excluded", reason="plate-failed"),
        measurement("x2", "A", 400.0, 1e6),
        measurement("x3", "A", -6.0, 1e6),
        measurement("x4", None, 3.0, 1e6),
        measurement("x5", "A", 3.0, None),
    ]
    individual, _ = _both(_tables(extra))
    assert individual.data.height == 15
    assert individual.data["value"].max() < 1e6


def test_a_visit_counts_as_a_whole_in_the_median_whatever_the_days_it_took_place_on():
    visit = [
        measurement(f"y{s}", s, day, value, nominal_day=365.0)
        for s, day, value in (("A", 360.0, 1.0), ("B", 366.0, 2.0), ("C", 372.0, 6.0))
    ]
    individual, median = _both(_tables(visit))
    assert median.data.filter(pl.col("study_day") == 365).select("median", "n").rows() == [(2.0, 3)]
    assert individual.data["study_day"].max() == 360.0
    assert "2 samples of a planned day up to 365 were taken on a day that is not drawn" in individual.caption


def test_a_value_of_zero_has_no_place_on_a_log_axis_and_is_counted():
    individual, _ = _both(_tables([measurement("z", "A", 3.0, 0.0)]))
    assert individual.data.height == 15
    assert "1 values that are not positive" in individual.caption


def test_without_classes_there_is_one_panel():
    settings = replace(SETTINGS, expansion=Expansion(assay="qpcr", by=None))
    individual, median = _both(_tables(), settings)
    assert individual.spec["facet"]["sort"] == ["All subjects (n = 5)"]
    assert individual.spec["columns"] == 1
    assert median.data["n"].to_list() == [5, 5, 5]


def test_two_analytes_of_an_assay_are_not_mixed():
    other = [measurement(f"o{s}", s, 7.0, 5.0, analyte="RPP30", measurement_id=f"o{s}") for s in "ABC"]
    names = [d.name for d in EXPANSION.draw(_tables(other), SETTINGS)]
    assert names == [
        "expansion_individual_CAR",
        "expansion_median_CAR",
        "expansion_individual_RPP30",
        "expansion_median_RPP30",
    ]


def test_the_limit_is_drawn_where_it_is_known_and_on_the_axis():
    individual, _ = _both(_tables())
    assert individual.spec["datasets"]["limit"] == []  # 0.1 lies below everything drawn
    tables = _tables()
    tables["measurements"] = tables["measurements"].with_columns(lloq=pl.lit(12.0))
    (limit,) = _both(tables)[0].spec["datasets"]["limit"]
    assert limit == {"value": 12.0, "text": "median LLOQ"}


@pytest.mark.parametrize("change", [{"expansion": None}, {"expansion": Expansion(assay="nothing")}])
def test_nothing_asked_or_nothing_there_is_no_chart(change):
    assert EXPANSION.draw(_tables(), replace(SETTINGS, **change)) == ()
