"""Panels of individual subjects: what is drawn, what is marked, how pages are cut, and where a fitted curve comes from."""

from __future__ import annotations

from typing import Any

import polars as pl
from tests.unit.parameters.frames import measurements, run

from correlates.figures.profiles import CURVE, PROFILES
from correlates.figures.settings import FigureSettings, Profiles
from correlates.parameters.settings import Gap, Profile

GIVEN: dict[str, list[tuple[Any, ...]]] = {
    "A": [(3, 2.0), (7, 9.0), (14, 1.0, "left"), (400, 5.0)],
    "B": [(7, 30.0), (14, 20.0, "right"), (28, 0.0)],
    "C": [(7, 3.0)],
}


def draw(tables: dict[str, pl.DataFrame] | None = None, **more: Any) -> tuple[Any, ...]:
    given = measurements(GIVEN).with_columns(lloq=pl.lit(1.0))
    found = run({"CMAX": Profile(take="cmax", of="car")}, list(GIVEN), measurements=given)
    base = {"measurements": given, "parameters": found.parameters} | (tables or {})
    settings = FigureSettings(profiles=Profiles(**({"assay": "car", "peak": "CMAX"} | more)))
    return PROFILES.draw(base, settings)


def test_samples_of_the_days_asked_for_with_what_is_known_of_them() -> None:
    (page,) = draw()
    drawn = page.data.select("subject_id", "study_day", "state", "peak").rows()
    assert drawn == [
        ("A", 3.0, "quantified", False),
        ("A", 7.0, "quantified", True),
        ("A", 14.0, "below LLOQ", False),
        (
            "B",
            7.0,
            "quantified",
            False,
        ),  # its peak is only known to be at least 30: no sample is the peak
        ("B", 14.0, "above ULOQ", False),
        ("C", 7.0, "quantified", True),
    ]
    assert "3 subjects, 6 samples" in page.caption
    assert "1 values below" in page.caption
    assert page.name == "profiles"


def test_a_highest_sample_that_is_no_peak_is_told_from_a_peak() -> None:
    given = measurements({"A": [(3, 2.0), (7, 9.0), (60, 1.0)], "B": [(3, 2.0), (7, 9.0), (14, 1.0)]})
    given = given.with_columns(lloq=pl.lit(0.5))
    spec = Profile(take="cmax", of="car", gap=Gap(after=14.0))
    found = run({"CMAX": spec}, ["A", "B"], measurements=given)
    (page,) = PROFILES.draw(
        {"measurements": given, "parameters": found.parameters},
        FigureSettings(profiles=Profiles(assay="car", peak="CMAX")),
    )
    marks = page.data.filter(pl.col("peak") | pl.col("unsure")).select("subject_id", "study_day", "peak", "unsure")
    assert marks.rows() == [("A", 7.0, False, True), ("B", 7.0, True, False)]
    assert "Dashed ring: the highest sample of 1 " in page.caption


def test_pages() -> None:
    pages = draw(per_page=2)
    assert [p.name for p in pages] == ["profiles_1", "profiles_2"]
    assert [p.data["subject_id"].n_unique() for p in pages] == [2, 1]
    assert "page 2 of 2" in pages[1].title
    first, second = (p.spec["spec"]["layer"][1]["encoding"]["y"]["scale"]["domain"] for p in pages)
    assert first == second


def test_a_fitted_curve_is_drawn_where_a_model_is_named_and_there() -> None:
    curve = pl.DataFrame(
        {
            "model": ["m", "m", "m", "other"],
            "subject_id": ["A", "A", "Z", "A"],
            "day": [1.0, 900.0, 1.0, 2.0],
            "value": [4.0, 4.0, 4.0, 4.0],
        }
    )
    (page,) = draw({"population_curves": curve}, curve="m")
    points = page.data.filter(pl.col("state") == CURVE)
    assert points.select("subject_id", "study_day", "value", "peak").rows() == [("A", 1.0, 4.0, False)]
    assert "fitted curve of m" in page.caption
    assert CURVE not in draw({"population_curves": curve})[0].data["state"]
    assert CURVE not in draw(curve="m")[0].data["state"]


def test_no_peak_asked_for_and_nothing_to_draw() -> None:
    assert not draw(peak=None)[0].data["peak"].any()
    assert draw(assay="nothing") == ()
    assert PROFILES.draw({}, FigureSettings()) == ()
