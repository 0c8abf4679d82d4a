from __future__ import annotations

import polars as pl
from tests.unit.figures.small_run import CLASSES, SETTINGS, comparison, results

from correlates.figures.groups import COMPARISON


def _drawn(tables):
    (drawn,) = COMPARISON.draw(tables, SETTINGS)
    return drawn


def test_the_boxes_are_those_of_the_results():
    boxes = {row["class"]: row for row in _drawn(comparison()).spec["datasets"]["boxes"]}
    assert {c: (b["q1"], b["median"], b["q3"]) for c, b in boxes.items()} == {
        "durable": (51, 61, 71),
        "relapsed": (21, 31, 41),
        "nonresponder": (1, 2, 3),
    }


def test_whiskers_reach_the_extremes():
    boxes = {row["class"]: (row["low"], row["high"]) for row in _drawn(comparison()).spec["datasets"]["boxes"]}
    assert boxes == {"durable": (50, 70), "relapsed": (20, 40), "nonresponder": (0.1, 9)}


def test_brackets_say_both_p_values_of_the_results_the_narrow_one_below():
    pairs = _drawn(comparison()).spec["datasets"]["pairs"]
    assert [p["text"] for p in pairs] == ["P = .21 (Holm-adjusted .21)", "P < .001 (Holm-adjusted < .001)"]
    assert [(p["x"], p["x2"]) for p in pairs] == [(0, 1), (0, 2)]
    assert pairs[0]["y"] < pairs[1]["y"]


def test_without_an_adjusted_p_value_only_the_raw_one_is_said():
    tables = comparison()
    tables["results"] = tables["results"].filter(pl.col("stat_name") != "p_adjusted")
    drawn = _drawn(tables)
    assert [p["text"] for p in drawn.spec["datasets"]["pairs"]] == ["P = .21", "P < .001"]
    assert "adjusted among" not in drawn.caption


def test_a_censored_value_is_marked_and_counted():
    drawn = _drawn(comparison())
    assert drawn.data.filter(pl.col("state") == "below LLOQ")["subject_id"].to_list() == ["S6"]
    assert "1 values beyond a limit" in drawn.caption
    assert "9 subjects." in drawn.caption
    assert "Kruskal-Wallis over the classes: P = .012." in drawn.caption


def test_classes_stand_in_their_declared_order_with_their_n():
    spec = _drawn(comparison()).spec
    axis = str(spec["layer"][0]["encoding"]["x"]["axis"]["labelExpr"])
    places = [axis.index(word) for word in ("Durable responders", "Relapsed", "Nonresponders")]
    assert places == sorted(places)
    assert axis.count("n = 3") == 3


def test_a_class_without_a_value_is_left_out_and_the_others_keep_their_colours():
    tables = comparison()
    tables["analysis"] = tables["analysis"].with_columns(CMAX=pl.when(pl.col("durability") != "relapsed").then("CMAX"))
    whole, part = _drawn(comparison()), _drawn(tables)

    def colours(drawn):
        scale = next(lay["encoding"]["color"]["scale"] for lay in drawn.spec["layer"] if "color" in lay["encoding"])
        return dict(zip(scale["domain"], scale["range"], strict=True))

    assert set(colours(part)) == {"durable", "nonresponder"}
    assert colours(part).items() <= colours(whole).items()
    assert list(colours(whole)) == list(CLASSES)
    assert [p["text"] for p in part.spec["datasets"]["pairs"]] == ["P < .001 (Holm-adjusted < .001)"]


def test_values_that_are_not_positive_have_a_linear_axis():
    tables = comparison()
    tables["analysis"] = tables["analysis"].with_columns(CMAX=pl.col("CMAX") - 0.1)
    scale = _drawn(tables).spec["layer"][0]["encoding"]["y"]["scale"]
    assert scale.get("type", "linear") == "linear"
    assert scale["domain"][0] < 0


def test_without_quartiles_there_are_points_and_no_boxes():
    tables = comparison()
    tables["results"] = results([row for row in tables["results"].to_dicts() if row["stat_name"] != "median"])
    drawn = _drawn(tables)
    assert drawn.spec["datasets"]["boxes"] == []
    assert len(drawn.spec["datasets"]["drawn"]) == 9


def test_a_biomarker_of_words_is_not_drawn():
    tables = comparison()
    tables["analysis"] = tables["analysis"].with_columns(CMAX=pl.lit("high"))
    assert COMPARISON.draw(tables, SETTINGS) == ()
