"""What every figure must be: drawn from the tables it names, valid, complete and readable as data."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import polars as pl
import pytest

from correlates.figures import FIGURES, FigureSettings
from correlates.figures.theme import CONFIG
from correlates.pipeline.publish import figure_settings, printed_labels
from correlates.pipeline.store import open_run
from correlates.plan import plan_from_text
from correlates.population import PopulationModel
from correlates.population.fit import fit
from correlates.schema import POPULATION, TABLES

DOCS = Path(__file__).resolve().parents[2] / "docs"
SECTIONS = ("overview", "assays", "kinetics", "outcomes", "associations", "forests", "models", "balance", "subgroups")

each = pytest.mark.parametrize("record", FIGURES, ids=lambda r: r.code)


@pytest.fixture(scope="module")
def tables(demo: Path) -> dict[str, pl.DataFrame]:
    run = open_run(demo / "run")
    made = {name: run.table(name) for name in run.manifest.tables}
    return made | _population(made)  # the demonstration declares no population model


def _population(made: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    subjects = made["subjects"]["subject_id"].to_list()[:30]
    model = PopulationModel(assay="car_qpcr", covariance="diagonal", draws=200)
    found = fit(
        "kinetics", model, measurements=made["measurements"], covariates=made["parameters"].clear(), subjects=subjects
    )
    return {table.name: found.tables[table.name] for table in POPULATION}


@pytest.fixture(scope="module")
def settings(demo: Path, tables: dict[str, pl.DataFrame]) -> FigureSettings:
    plan = plan_from_text((demo / "plan.yaml").read_text(), demo / "plan.yaml").plan
    return figure_settings(plan, printed_labels(plan, tables))


@pytest.fixture(scope="module")
def charts(tables, settings):
    return {record.code: record.draw(tables, settings) for record in FIGURES}


@pytest.fixture(scope="module")
def grammar():
    import altair
    from jsonschema import Draft7Validator

    path = Path(altair.__file__).parent / "vegalite" / "v6" / "schema" / "vega-lite-schema.json"
    return Draft7Validator(json.loads(path.read_text(encoding="utf-8")))


@each
def test_the_record_is_complete(record):
    assert re.fullmatch(r"[a-z_]+", record.code)
    assert record.section in SECTIONS
    assert record.label
    assert record.shows
    assert re.search(r"\d{4}", record.citation)
    assert record.needs
    assert {t.name for t in record.needs} <= {t.name for t in TABLES}


def test_codes_are_unique():
    assert len({r.code for r in FIGURES}) == len(FIGURES)


@each
def test_the_docs_tell_of_it(record):
    assert f"`{record.code}`" in (DOCS / "reference" / "figures.md").read_text(encoding="utf-8")


@each
def test_it_draws_the_demonstration(record, charts):
    assert charts[record.code], "no chart"
    for drawn in charts[record.code]:
        assert drawn.title
        assert drawn.caption.endswith(".")
        assert drawn.data.height


@each
def test_it_draws_from_the_tables_it_names(record, tables, settings, charts):
    named = {table.name for table in record.needs}
    reduced = {name: frame if name in named else frame.clear() for name, frame in tables.items()}
    assert [d.spec for d in record.draw(reduced, settings)] == [d.spec for d in charts[record.code]]


@each
def test_the_order_of_rows_does_not_matter(record, tables, settings, charts):
    order = {"results", "parameters", "outcomes", "analysis"}  # tables whose order is that of the plan
    turned = {name: frame if name in order else frame.reverse() for name, frame in tables.items()}
    again = {d.name: d for d in record.draw(turned, settings)}
    assert set(again) == {d.name for d in charts[record.code]}
    for drawn in charts[record.code]:
        key = drawn.data.columns
        assert again[drawn.name].data.sort(key).equals(drawn.data.sort(key))
        assert again[drawn.name].caption == drawn.caption


@each
def test_empty_tables_are_no_chart(record, settings):
    assert record.draw({table.name: table.empty() for table in TABLES}, settings) == ()


@each
def test_nothing_asked_for_is_no_error(record, tables):
    for drawn in record.draw(tables, FigureSettings()):
        assert drawn.data.height


@each
def test_the_specification_is_valid(record, charts, grammar):
    for drawn in charts[record.code]:
        assert not [error.message[:300] for error in grammar.iter_errors(drawn.spec)]


@each
def test_what_is_drawn_is_what_is_saved_as_data(record, charts):
    for drawn in charts[record.code]:
        text = drawn.data.write_csv()
        saved = pl.read_csv(io.StringIO(text), schema=drawn.data.schema)
        assert saved.equals(drawn.data)
        assert drawn.spec["datasets"]["drawn"] == drawn.data.to_dicts()


def _sizes(node, sizes):
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("fontSize", "labelFontSize", "titleFontSize", "subtitleFontSize"):
                sizes.append(value)
            elif key != "datasets":
                _sizes(value, sizes)
    elif isinstance(node, list):
        for value in node:
            _sizes(value, sizes)


@each
def test_it_prints_on_180_mm_with_letters_of_six_points_and_more(record, charts):
    import vl_convert

    for drawn in charts[record.code]:
        width = float(re.search(r'width="([0-9.]+)"', vl_convert.vegalite_to_svg(drawn.spec)).group(1))
        shrunk = min(1.0, 180 / 25.4 * 96 / width)
        sizes: list[float] = []
        _sizes(drawn.spec, sizes)
        assert min(sizes) * shrunk * 0.75 >= 6, f"{drawn.name} is {width} px wide"


@each
def test_every_axis_with_a_unit_says_it(record, charts):
    units = {
        "standard_curves": "(copies/reaction)",
        "recovery": "(%)",
        "agreement": "(cells/µL)",
        "expansion": "(cells/µL)",
        "flow": "",  # boxes; each says its n
        "swimmer": "(days)",
        "waterfall": "(%)",
        "spider": "(%)",
        "population_model": "(cells/µL)",
        "exposure_rules": "(%)",
        "persistence": "(%)",
        "profiles": "cells/µL",
        "comparison": "(cells/µL)/mm²",
        "forest": "Odds ratio (95 % CI)",
        "survival": "(days)",
        "incidence": "(days)",
        "toxicity": "Day after infusion",
        "conditional_tree": "(cells/µL)/mm²",
        "forest_importance": "Rise of the squared error out of bag when permuted",
        "therapeutic_map": "odds ratio per SD",
        "exposure_response": "Peak CAR T cells (cells/µL)",
        "subgroup_forest": "Odds ratio (95 % CI)",
        "local_effects": "Odds ratio per doubling",
        "response_curves": "(cells/µL)",
        "quartile_rates": "(cells/µL)/mm²",
        "survival_by_biomarker": "Time (days)",
        "calibration": '"Mean predicted probability of the event',
        "decision_curve": '"Net benefit (true positives per subject)',
        "learning_curve": '"AUC in the subjects left out',
        "collinearity": "Spearman's rho",
        "selection_frequency": "Share of the resamples that select the candidate",
        "nomogram": (
            "Peak CAR T cells : tumour burden, (cells/µL)/mm²",
            "(mm²)",
            "(year)",
        ),  # by the model's covariates
    }
    for drawn in charts[record.code]:
        said = units[record.code]
        text = json.dumps(drawn.spec, ensure_ascii=False)
        assert any(f'{unit}"' in text for unit in ((said,) if isinstance(said, str) else said)), drawn.name


def test_all_charts_look_alike_and_fetch_nothing(charts):
    for made in charts.values():
        for drawn in made:
            assert drawn.spec["config"] == CONFIG
            assert "url" not in json.dumps({k: v for k, v in drawn.spec.items() if k not in ("datasets", "$schema")})


def test_names_are_unique(charts):
    names = [d.name for made in charts.values() for d in made]
    assert len(set(names)) == len(names)
