"""Survival curves, cumulative incidences and the timeline of toxicities: what they draw and what they say."""

from __future__ import annotations

from typing import Any

import polars as pl

from correlates.association.settings import Biomarker
from correlates.association.survival_curves import survival
from correlates.association.survival_settings import Grouping, Survival
from correlates.figures import FigureSettings, Toxicity
from correlates.figures.survival import CURVES, INCIDENCES
from correlates.figures.toxicity import TOXICITIES
from correlates.schema import OUTCOMES, TOXICITY

ANALYSIS = pl.DataFrame(
    {
        "subject_id": [f"S{i}" for i in range(6)],
        "pfs": [10.0, 20.0, 30.0, 40.0, 50.0, 60.0],
        "pfs|event": [True, False, True, True, False, True],
        "pfs|cause": ["relapse", None, "death", "relapse", None, "relapse"],
        "crs3": [True, True, True, False, False, False],
    }
)


def tables(**more: Any) -> dict[str, pl.DataFrame]:
    grouping = (
        Grouping(by=Biomarker(code="crs3", label="CRS 3", kind="categorical")) if more.pop("grouped", True) else None
    )
    settings = Survival(name="one", endpoint="pfs", grouping=grouping, causes=("relapse", "death"), **more)
    found = survival(ANALYSIS, settings, known=dict.fromkeys(ANALYSIS["subject_id"], 5.0))
    return {"results": found.results, "survival": found.curves}


SETTINGS = FigureSettings(survivals=("one",), labels={"pfs": "Progression-free survival", "crs3": "CRS grade >= 3"})


def test_curves_by_group_say_n_events_median_and_p() -> None:
    (drawn,) = CURVES.draw(tables(landmark=5.0), SETTINGS)
    assert drawn.title == "Progression-free survival by CRS grade >= 3"
    assert set(drawn.data["label"]) == {"CRS grade >= 3: no", "CRS grade >= 3: yes"}
    assert "CRS grade >= 3: yes: n = 3, 2 events" in drawn.caption
    assert "Log-rank P" in drawn.caption
    assert set(drawn.data["kind"]) == {"step", "censored", "at_risk"}
    assert "Time from the landmark, day 5 (days)" in str(drawn.spec)


def test_a_biased_comparison_says_so_and_a_refused_one_is_not_drawn() -> None:
    (drawn,) = CURVES.draw(tables(naive=True), SETTINGS)
    assert "BIASED" in drawn.caption
    (incidence,) = INCIDENCES.draw(tables(naive=True), SETTINGS)
    assert "BIASED" in incidence.caption
    assert CURVES.draw(tables(), SETTINGS) == ()


def test_everybody_together_has_one_curve_without_a_legend() -> None:
    (drawn,) = CURVES.draw(tables(grouped=False), SETTINGS)
    assert drawn.title == "Progression-free survival"
    assert drawn.caption.startswith("6 subjects: 4 events, median 40 days")
    assert "Log-rank" not in drawn.caption


def test_incidences_tell_each_kind_of_event() -> None:
    (drawn,) = INCIDENCES.draw(tables(landmark=5.0), SETTINGS)
    assert "CRS grade >= 3: yes, n = 3: relapse 1, death 1." in drawn.caption
    assert "Gray's test: relapse P" in drawn.caption
    assert set(drawn.data.filter(pl.col("kind") == "step")["cause"]) == {"relapse", "death"}


def spell(subject: str, day: int | None, end: int | None, grade: int) -> dict[str, Any]:
    return {"subject_id": subject, "endpoint": "crs", "scale": "lee_2014", "day": day, "end_day": end, "grade": grade,
            "most": grade, "daily": False, "source_ids": ["x"]}  # fmt: skip


def outcome(subject: str, endpoint: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"subject_id": subject, "endpoint": endpoint, "kind": kind, "rule": "{}", "source_ids": []} | more


def test_the_timeline_takes_the_worst_of_a_day_and_marks_treatments() -> None:
    course = [
        spell("A", 2, 5, 1),
        spell("A", 4, 4, 3),
        spell("B", 3, None, 2),
        spell("C", None, 9, 4),
        spell("D", 40, 45, 2),
    ]
    rows = [outcome(s, "crs", "grade", grade=g, scale="lee_2014") for s, g in (("A", 3), ("B", 2), ("D", 2))]
    rows += [outcome("A", "toci", "binary", event=True, day=4.0), outcome("B", "toci", "binary", event=False)]
    frames = {"toxicity": TOXICITY.frame(course), "outcomes": OUTCOMES.frame(rows)}
    settings = FigureSettings(
        toxicity=Toxicity(endpoints=("crs",), treatments=("toci",)), labels={"toci": "Tocilizumab"}
    )
    (drawn,) = TOXICITIES.draw(frames, settings)
    cells = {(s, d): g for s, d, g in drawn.data.select("subject_id", "day", "grade").iter_rows()}
    assert cells == {("A", 2): 1, ("A", 3): 1, ("A", 4): 3, ("A", 5): 1, ("B", 3): 2}
    assert "3 subjects with a grade" in drawn.caption
    assert "maximum: grade 2: 2, grade 3: 1" in drawn.caption
    assert "First given: Tocilizumab 1." in drawn.caption
    assert TOXICITIES.draw(frames, FigureSettings()) == ()
