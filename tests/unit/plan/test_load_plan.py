import json
from importlib import resources
from pathlib import Path

import jsonschema
import pytest

from correlates.errors import PlanError
from correlates.plan import check_names, expand, find_inputs, load_plan, plan_schema
from correlates.plan.document import load

DEMO = Path(str(resources.files("correlates.simulate").joinpath("plan.yaml")))
TEMPLATE = Path(str(resources.files("correlates.cli").joinpath("templates/plan.yaml")))


def write(folder: Path, text: str) -> Path:
    path = folder / "plan.yaml"
    path.write_text(text)
    return path


def refused(folder: Path, text: str) -> str:
    with pytest.raises(PlanError) as caught:
        check_names(load_plan(write(folder, text)))
    return str(caught.value)


@pytest.mark.parametrize("path", [DEMO, TEMPLATE], ids=["demo", "template"])
def test_the_plans_we_ship_load_and_their_names_resolve(path: Path):
    check_names(load_plan(path))


@pytest.mark.parametrize("path", [DEMO, TEMPLATE], ids=["demo", "template"])
def test_the_json_schema_accepts_what_the_model_accepts(path: Path):
    data = json.loads(json.dumps(load(path).data))
    schema = plan_schema()
    schema.pop("$schema")  # drafts after 7 are newer than some validators; the keywords used are common to both
    jsonschema.validate(data, schema, format_checker=None)


def test_the_json_schema_describes_the_settings():
    definitions = plan_schema()["$defs"]
    assert (
        definitions["CurveRules"]["properties"]["r_squared"]["description"] == "Smallest coefficient of determination."
    )


STUDY = "study: {id: X, title: T}\n"


def test_an_unknown_key_has_line_column_and_suggestion(tmp_path: Path):
    text = refused(
        tmp_path, STUDY + "assays:\n  car:\n    kind: qpcr\n    file: [a]\n    files: [a]\n    targets: {CAR: [CAR]}\n"
    )
    assert "Unknown key 'file' in assays.car (plan.yaml:5:5)." in text
    assert "Did you mean 'files'?" in text


def test_all_problems_are_reported_at_once(tmp_path: Path):
    text = refused(
        tmp_path,
        "study: {id: X, titel: T}\nparameters:\n  A: {take: cmx, of: q}\n  B: {of: q}\n  C: {take: auc, of: q, rule: up}\n",
    )
    assert "Key 'title' is absent from study" in text
    assert "Did you mean 'title'?" in text
    assert "parameters.A.take cannot be 'cmx' (plan.yaml:3:13)" in text
    assert "Did you mean 'cmax'?" in text
    assert "Key 'take' is absent from parameters.B" in text
    assert "parameters.C.rule cannot be 'up' (plan.yaml:5:31). Expected: one of linear, linear_up_log_down, " in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("study: [\n", "cannot be read as YAML"),
        ("study: {id: X, title: T}\nstudy: {id: Y, title: T}\n", "cannot be read as YAML"),
        ("- a\n", "not a mapping"),
        ("", "not a mapping"),
    ],
    ids=["syntax", "twice", "list", "empty"],
)
def test_what_is_not_a_plan_is_refused_with_its_line(tmp_path: Path, text: str, message: str):
    said = refused(tmp_path, text)
    assert message in said
    assert "plan.yaml:" in said


def test_a_plan_that_is_not_there(tmp_path: Path):
    with pytest.raises(PlanError, match="There is no plan"):
        load_plan(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("parameters:\n  A: {take: cmax, of: car}\n", "Unknown assay 'car' (plan.yaml:3:23)"),
        ("parameters:\n  A: {take: ratio, of: [B, A]}\n", "Unknown parameter 'B' (plan.yaml:3:25)"),
        ("endpoints:\n  e: {derive: at_least, of: crs, grade: 3}\n", "Unknown endpoint 'crs'"),
        ("biomarkers: {exploratory: {g: [PEAK.*]}}\n", "Unknown parameter 'PEAK.*'"),
        ("analyses:\n  a: {do: univariable, endpoints: [d]}\n", "Unknown endpoint 'd' (plan.yaml:3:36)"),
        ("populations:\n  p: {has: [A]}\n", "Unknown parameter 'A'"),
        ("parameters:\n  A: {take: spd}\n", "needs a source of kind sdtm"),
        ("report: {forest: {endpoints: [d]}}\n", "Unknown endpoint 'd'"),
    ],
)
def test_every_reference_is_followed(tmp_path: Path, text: str, message: str):
    assert message in refused(tmp_path, STUDY + text)


def test_settings_of_parameters_that_no_data_could_make_right_are_found_without_data(tmp_path: Path):
    said = refused(
        tmp_path,
        STUDY
        + """sources: {samples: {kind: samples, file: s.csv, columns: {sample_id: S, subject_id: U}}}
assays: {car: {kind: qpcr, files: [a], targets: {CAR: [CAR]}}}
parameters:
  PEAK: {take: cmax, of: car, window: [28, 0], gap: {before: -1}}
  HALF: {take: half_life, of: car, line: {last: 2, days: {S1: [7, 7, 14]}}}
  CAT:  {take: auc, of: car, analyte: CAT, window: [3, 3]}
  RISE: {take: re_expansion, of: car, rise: 0.5}
  BASE: {take: baseline, of: car, window: [-7, 3]}
  INDEX: {take: easix, of: {ldh: PEAK, creatinine: PEAK, crp: PEAK}}
  ONE: {take: ratio, of: [TWO, PEAK]}
  TWO: {take: ratio, of: [ONE, PEAK]}
""",
    )
    for told in (
        "The window of PEAK ends before it begins (plan.yaml:5:39)",
        "gap.before of PEAK is no time (plan.yaml:5:62)",
        "line.last of HALF is too small (plan.yaml:6:49)",
        "line.days of HALF names too few days for subject 'S1' (plan.yaml:6:63)",
        "Unknown analyte 'CAT' (plan.yaml:7:39)",
        "The window of the area CAT has no length (plan.yaml:7:52)",
        "rise of RISE is too small (plan.yaml:8:45)",
        "The baseline BASE would be taken after the infusion (plan.yaml:9:43)",
        "Unknown input of easix 'crp' (plan.yaml:10:63)",
        "INDEX does not say which parameters easix is made of (plan.yaml:10:28)",
        "Parameters depend on each other in a circle (plan.yaml:11:3)",
    ):
        assert told in said


def test_a_class_nobody_defines(tmp_path: Path):
    text = (
        STUDY
        + "sources: {c: {kind: sdtm, files: [x]}}\nendpoints:\n  d: {derive: durability}\n  e: {derive: class_is, of: d, yes: [durabel]}\n"
    )
    assert "Did you mean 'durable'?" in refused(tmp_path, text)


def test_a_biomarker_in_two_groups(tmp_path: Path):
    text = (
        STUDY
        + "sources: {c: {kind: sdtm, files: [x]}}\nparameters: {B: {take: spd}}\nbiomarkers: {prespecified: {g: [B]}, exploratory: {h: [B]}}\n"
    )
    assert "stands in two groups" in refused(tmp_path, text)


def test_units_of_a_chain_are_known(tmp_path: Path):
    text = (
        STUDY
        + "sources: {s: {kind: samples, file: s.csv, columns: {}}}\nassays:\n  q: {kind: qpcr, files: [a], targets: {C: [C]}, chain: [{divide_by: samples.dna_ng, gives: cell/uLs}]}\n"
    )
    assert "Unknown unit 'cell/uLs'" in refused(tmp_path, text)


def test_a_glob_that_matches_nothing_names_what_is_there(tmp_path: Path):
    (tmp_path / "clinical").mkdir()
    (tmp_path / "clinical" / "dm.xpt").write_text("")
    file = load_plan(
        write(tmp_path, STUDY + "sources: {c: {kind: sdtm, files: [clinicl/*.xpt, clinical/*.xpt, clinical/*.sas]}}\n")
    )
    with pytest.raises(PlanError) as caught:
        find_inputs(file)
    text = str(caught.value)
    assert "'clinicl/*.xpt' matches no file (plan.yaml:2:35)" in text
    assert "dm.xpt" in text
    assert len(caught.value.problems) == 2


def test_globs_give_each_file_once_and_sorted(tmp_path: Path):
    for name in ("b.xpt", "a.xpt", ".hidden.xpt", "~$a.xpt"):
        (tmp_path / name).write_text("")
    file = load_plan(write(tmp_path, STUDY + "sources: {c: {kind: sdtm, files: ['*.xpt', a.xpt]}}\n"))
    assert [p.name for p in find_inputs(file).sources["c"]] == ["a.xpt", "b.xpt"]


def test_patterns_expand_in_order_and_once():
    assert expand(["B", "P.*", "P.x"], ["A", "B", "P.x", "P.y"]) == ["B", "P.x", "P.y"]


LATE = (
    STUDY
    + """
sources: {t: {kind: table, file: t.csv, subject_id: ID}, clinical: {kind: sdtm, files: [a.xpt]}}
parameters:
  PEAK: {take: characteristic, name: PEAK, timing: post, known_on_day: 28}
  AGE: {take: characteristic, name: AGE}
  PER_AGE: {take: ratio, of: [PEAK, AGE]}
endpoints:
  os: {derive: time_to_event, measure: os}
  dor: {derive: time_to_event, measure: dor, rules: fda_2018, missed_visits: 0}
  crs: {derive: recorded, source: t, column: CRS}
biomarkers: {prespecified: {all_of_them: [PEAK, AGE, PER_AGE]}}
analyses:
"""
)


def test_an_association_that_conditions_on_the_future_is_refused(tmp_path: Path):
    text = refused(tmp_path, LATE + "  a: {do: univariable, endpoints: [os, crs]}\n")
    assert (
        "known only later: whoever has such a value has lived to have it (plan.yaml:14:3). Found: PEAK, PER_AGE."
        in text
    )
    for word in ("landmark: DAY", "from_known_day: true", "naive: true"):
        assert word in text


@pytest.mark.parametrize(
    "analysis",
    [
        "do: univariable, endpoints: [os], landmark: 30",
        "do: univariable, endpoints: [os], from_known_day: true",
        "do: univariable, endpoints: [os], naive: true",
        "do: univariable, endpoints: [crs]",
        "do: univariable, endpoints: [os], biomarkers: [AGE]",
        "do: subgroups, biomarkers: [PEAK], endpoints: [os], by: [{of: AGE, cut: [65]}], landmark: 30",
        "do: ratio, of: [PER_AGE], endpoints: [crs]",
    ],
)
def test_what_does_not_condition_on_the_future_passes(tmp_path: Path, analysis: str):
    check_names(load_plan(write(tmp_path, LATE + f"  a: {{{analysis}}}\n")))


@pytest.mark.parametrize(
    ("analysis", "told"),
    [
        ("do: univariable, endpoints: [os], naive: true, landmark: 30", "more than one clock"),
        ("do: subgroups, biomarkers: [PEAK], endpoints: [os]", "lived to have it"),
        ("do: univariable, endpoints: [dor], landmark: 30", "does not count from the infusion"),
        ("do: univariable, endpoints: [dor], from_known_day: true", "does not count from the infusion"),
        ("do: ratio, of: [PEAK], endpoints: [crs]", "is not a ratio of two parameters"),
        (
            "do: efficacy_against_toxicity, efficacy: crs, toxicity: [crs], margin: 0.8, toxicity_at_most: 40",
            "between 0 and 1",
        ),
        ("do: efficacy_against_toxicity, efficacy: crs, toxicity: [crs], margin: 0.8", "a number above 1"),
        ("do: efficacy_against_toxicity, efficacy: crs, toxicity: [crs]", "Key 'margin' is absent"),
    ],
)
def test_what_inquiries_cannot_mean_is_refused(tmp_path: Path, analysis: str, told: str):
    assert told in refused(tmp_path, LATE + f"  a: {{{analysis}}}\n")
