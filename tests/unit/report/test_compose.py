from __future__ import annotations

import pytest
from tests.unit.figures.small_run import LABELS, SETTINGS, comparison, empty, odds, outcomes, results

from correlates.figures import Drawn
from correlates.figures.forest import FOREST
from correlates.figures.groups import COMPARISON
from correlates.report import Block, Facts, Text, compose
from correlates.schema import PARAMETERS
from correlates.tables import DisplayTable


def _facts(**more):
    given = {
        "title": "T",
        "study": "S",
        "product": None,
        "labels": LABELS,
        "notices": {},
        "comparisons": ("peak",),
        "missing": (),
        "used": (),
        "general": ("General.",),
        "blocks": (Block(title="Software", text="x"),),
    }
    return Facts(**(given | more))


def _names(section):
    return [p.name if isinstance(p, Drawn | DisplayTable) else type(p).__name__ for p in section.parts]


def test_associations_read_from_the_comparison_to_the_forest_to_the_tables():
    tables = comparison()
    rows = [
        *tables["results"].to_dicts(),
        *odds("CMAX", "durable", (1.4, 1.1, 1.8)),
        *odds("IL6", "durable", (1.4, 1.1, 1.8), prespecified=False),
    ]
    tables["results"] = results(rows)
    figures = {
        "associations": {"comparison": COMPARISON.draw(tables, SETTINGS), "forest": FOREST.draw(tables, SETTINGS)}
    }
    sections = {s.name: s for s in compose(tables, figures, _facts()).sections}
    assert _names(sections["associations"]) == [
        "Text",
        "compare_peak",
        "classes_peak",
        "tests_peak",
        "forest",
        "associations_prespecified",
        "associations_exploratory",
    ]
    (text,) = sections["associations"].parts[0].paragraphs
    assert text.startswith("3 tests were made, 2 of them of prespecified and 1 of exploratory biomarkers.")


def test_tests_that_failed_are_counted_apart():
    failed = [r | {"value": None} for r in odds("A", "durable", (1.4, 1.1, 1.8), error="too-few")]
    tables = {**empty(), "results": results([*failed, *odds("B", "durable", (1.4, 1.1, 1.8))])}
    (section,) = (s for s in compose(tables, {}, _facts()).sections if s.name == "associations")
    assert section.parts[0].paragraphs[0].startswith("1 tests were made")
    assert "1 more could not be made" in section.parts[0].paragraphs[0]


def test_a_run_with_nothing_in_it_still_makes_a_report():
    content = compose(empty(), {}, _facts())
    assert [s.name for s in content.sections] == ["overview", "associations", "methods", "provenance"]
    assert content.sections[0].parts == (Text(paragraphs=("0 subjects.",)),)
    assert content.sections[1].parts[0].paragraphs == (
        "The plan declares no analysis, or none of its biomarkers has a value.",
    )
    assert content.brief == ()


@pytest.mark.parametrize("part", ["endpoints", "rules"])
def test_the_overview_holds_endpoints_and_their_rules(part):
    tables = {**empty(), "outcomes": outcomes({"A": "durable"})}
    assert part in _names(compose(tables, {}, _facts()).sections[0])


def test_tests_of_biomarkers_measured_after_the_infusion_are_said_to_describe():
    made = results([*odds("A", "durable", (1.4, 1.1, 1.8)), *odds("B", "durable", (1.4, 1.1, 1.8))])
    rows = [
        {
            "subject_id": "s",
            "code": code,
            "kind": "cmax",
            "label": code,
            "timing": timing,
            "rule": "{}",
            "source_ids": [],
        }
        for code, timing in (("A", "post"), ("B", "baseline"))
    ]
    tables = {**empty(), "results": made, "parameters": PARAMETERS.frame(rows)}
    (section,) = (s for s in compose(tables, {}, _facts()).sections if s.name == "associations")
    assert "1 are of biomarkers measured after the infusion" in section.parts[0].paragraphs[0]
