"""What is read off a nomogram is what the model predicts."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from correlates.figures.nomogram import NOMOGRAM
from correlates.figures.settings import FigureSettings
from correlates.stats.splines import restricted_cubic

_LINEAR = {"name": "LDH", "of": [0], "knots": [], "part": 0, "coefficient": 0.8}
_MODEL = {
    "kind": "logistic",
    "label": "Durable response",
    "n": 90,
    "variables": [
        {"code": "LDH", "unit": "U/L", "take": "log2", "centre": 8.0, "divided_by": 1.0, "range": [100.0, 1600.0]},
        {"code": "AGE", "unit": "year", "take": "as_is", "centre": 50.0, "divided_by": 1.0, "range": [20.0, 80.0]},
        {"code": "STAGE", "unit": None, "is": "III", "classes": ["I", "III", "IV"]},
        {"code": "STAGE", "unit": None, "is": "IV", "classes": ["I", "III", "IV"]},
    ],
    "terms": [
        _LINEAR,
        {"name": "AGE", "of": [1], "knots": [-20.0, 0.0, 20.0], "part": 0, "coefficient": 0.05},
        {"name": "AGE'", "of": [1], "knots": [-20.0, 0.0, 20.0], "part": 1, "coefficient": -0.12},
        {"name": "STAGE=III", "of": [2], "knots": [], "part": 0, "coefficient": 0.4},
        {"name": "STAGE=IV", "of": [3], "knots": [], "part": 0, "coefficient": 1.5},
    ],
    "intercept": -0.5,
    "baseline": {"day": [10.0, 100.0, 300.0, 500.0], "survival": [0.95, 0.8, 0.6, 0.5]},
    "grades": {"names": ["0", "1", "2"], "threshold": [1.0, -1.0]},
}


def _drawn(**changes: object) -> pl.DataFrame:
    text = json.dumps({**_MODEL, **changes})
    table = pl.DataFrame({"analysis_id": ["one"], "stat_name": ["json"], "text": [text]})
    (made,) = NOMOGRAM.draw({"models": table}, FigureSettings())
    return made.data


def _eta(ldh: float, age: float, stage: str, intercept: float) -> float:
    spline = restricted_cubic([age - 50.0], (-20.0, 0.0, 20.0))[0]
    return (
        intercept
        + 0.8 * (np.log2(ldh) - 8.0)
        + float(spline @ [0.05, -0.12])
        + {"I": 0.0, "III": 0.4, "IV": 1.5}[stage]
    )


@pytest.mark.parametrize("kind", ["logistic", "ordinal", "cox"])
def test_points_add_up_to_the_prediction(kind: str) -> None:
    data = _drawn(kind=kind, intercept=-0.5 if kind == "logistic" else 0.0)
    points = {(row["scale"], row["text"]): row["points"] for row in data.iter_rows(named=True)}
    # the line through two totals of a probability gives the linear predictor of any sum of points
    scales = {
        "logistic": ["Probability"],
        "ordinal": ["P of 1 or higher", "P of 2 or higher"],
        "cox": ["P of no event by day 182", "P of no event by day 365"],
    }[kind]
    ages = [s for s in data["scale"].unique() if s.startswith("AGE")]
    assert len(ages) == 2  # it rises and falls
    age = next(points[s, "40"] for s in ages if (s, "40") in points)
    total = points["LDH (U/L)", "1,600"] + age + points["STAGE", "IV"]
    eta = _eta(1600.0, 40.0, "IV", -0.5 if kind == "logistic" else 0.0)
    for scale in scales:
        there = [(at, float(text)) for (s, text), at in points.items() if s == scale and text]
        (a, p), (b, q) = there[0], there[-1]

        def predictor(chance: float, scale: str = scale) -> float:
            if kind == "cox":
                return float(np.log(np.log(chance) / np.log(0.8 if "182" in scale else 0.6)))
            shift = {"P of 1 or higher": 1.0, "P of 2 or higher": -1.0}.get(scale, 0.0)
            return float(np.log(chance / (1 - chance))) - shift

        slope = (predictor(q) - predictor(p)) / (b - a)
        assert predictor(p) + slope * (total - a) == pytest.approx(eta, abs=1e-9)


def test_no_text_of_a_class_stands_on_another() -> None:
    near = [{**t, "coefficient": 0.001 if t["name"] == "STAGE=III" else t["coefficient"]} for t in _MODEL["terms"]]
    crowded = [
        {**t, "coefficient": {"STAGE=III": 0.001, "STAGE=IV": 0.002}.get(t["name"], t["coefficient"])} for t in near
    ]
    sides = _drawn(terms=near).filter(pl.col("scale") == "STAGE")
    assert sides.sort("points")["side"].to_list() == [0, 1, 0]
    lines = _drawn(terms=crowded).filter(pl.col("scale").str.starts_with("STAGE"))
    assert set(lines["scale"]) == {"STAGE: I", "STAGE: III", "STAGE: IV"}


def test_the_ends_of_a_short_line_stand_on_two_sides() -> None:
    weak = [{**t, "coefficient": 0.01} if t["name"] == "LDH" else t for t in _MODEL["terms"]]
    line = _drawn(terms=weak).filter(pl.col("scale").str.starts_with("LDH")).sort("points")
    assert line.filter(pl.col("text") != "")["side"].to_list() == [0, 1]
    assert _drawn().filter(pl.col("scale").str.starts_with("LDH"))["side"].unique().to_list() == [0]


def test_a_product_has_no_nomogram() -> None:
    product = {"name": "LDH:AGE", "of": [0, 1], "knots": [], "part": 0, "coefficient": 0.1}
    table = pl.DataFrame(
        {"analysis_id": ["one"], "stat_name": ["json"], "text": [json.dumps({**_MODEL, "terms": [_LINEAR, product]})]}
    )
    assert NOMOGRAM.draw({"models": table}, FigureSettings()) == ()
