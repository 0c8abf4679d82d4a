"""What a plan of univariable analyses contradicts is told before anything is computed, with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from correlates.errors import PlanError, Problem
from correlates.pipeline.conventions import conventions_used
from correlates.plan import check_names, plan_from_text
from correlates.plan.analysis_names import lacking_analytes

PLAN = """
study: {id: S, title: T}
sources:
  clinical: {kind: sdtm, files: ["*.xpt"]}
  samples: {kind: samples, file: samples.csv, columns: {sample_id: S, subject_id: U}}
assays:
  luminex: {kind: immunoassay, files: ["*.csv"], curve: 5PL}
parameters:
  LDH: {take: lab, test: LDH}
  CRP: {take: lab, test: CRP}
  DAY0: {take: at_day, of: luminex, each: analyte, window: [-1, 0], timing: day 0}
endpoints:
  best: {derive: best_response, criteria: lugano_2014}
  durability: {derive: durability, landmark: 365}
  durable: {derive: class_is, of: durability, yes: [durable], no: [relapsed, nonresponder]}
biomarkers:
  exploratory: {labs: [LDH, CRP], day_0: [DAY0.IL6, "DAY0.*"]}
analyses:
  one: ANALYSIS
"""


def _file(analysis: str):
    return plan_from_text(PLAN.replace("ANALYSIS", analysis), Path("plan.yaml"))


def _problems(analysis: str) -> tuple[Problem, ...]:
    with pytest.raises(PlanError) as caught:
        check_names(_file(analysis))
    return caught.value.problems


def test_what_cannot_be_permuted_is_told():
    adjusted = "families: {by: [analysis], adjust: westfall-young-maxt}"
    asked = f"{{do: univariable, endpoints: [durable], methods: [wilcoxon, peto], populations: [all], {adjusted}}}"
    found = _problems(asked)
    assert [p.code for p in found] == ["permuted-family", "not-permutable"]
    assert {str(p.where).rsplit(":", 1)[0].rsplit("/", 1)[-1] for p in found} == {"plan.yaml:19"}
    whole = asked.replace("[wilcoxon, peto]", "[wilcoxon]").replace("[analysis]", "[analysis, endpoint]")
    check_names(_file(whole))


def test_pairs_are_of_classes_and_imputation_of_biomarkers_that_are_tested():
    pairs = _problems(
        "{do: univariable, endpoints: [durability], methods: [dunn], biomarkers: [labs], pairs: [[durable, relapse]]}"
    )
    assert [(p.code, p.what) for p in pairs] == [("unknown-class", "Unknown class 'relapse'")]
    imputed = _problems(
        "{do: univariable, endpoints: [durable], methods: [firth_imputed], biomarkers: [LDH], imputation: {covariates: [CRP]}}"
    )
    assert [p.code for p in imputed] == ["unknown-covariate"]


def test_an_analyte_that_the_data_do_not_have_is_told_wherever_it_is_named():
    file = _file("{do: correlation, biomarkers: [DAY0.IL6, DAY0.IL15], against: [DAY0.IL8, LDH]}")
    check_names(file)
    codes = ["LDH", "CRP", "DAY0.IL6", "DAY0.IL7"]
    found = list(lacking_analytes(file, codes))
    assert [p.what for p in found] == [f"Unknown parameter 'DAY0.{a}'" for a in ("IL15", "IL8")]
    assert all(p.where is not None for p in found)
    assert [p.what for p in lacking_analytes(file, ["LDH", "DAY0.IL15", "DAY0.IL8"])] == [
        "Unknown parameter 'DAY0.IL6'",
        "Unknown parameter 'DAY0.IL6'",
    ]


def test_conventions_in_force_are_told_with_their_analyses():
    file = _file(
        "{do: univariable, endpoints: [durable], methods: [wilcoxon, firth], landmark: 28, "
        "families: {by: [analysis, endpoint], adjust: holm}, censored: {by: substitute, left_factor: 0.5}}"
    )
    told = {u.label: (u.names, u.settings) for u in conventions_used(file.plan.analyses)}
    assert told == {
        "P values adjusted by Holm": (("one",), (("in", "one one family per analysis and endpoint"),)),
        "Landmark analysis": (("one",), (("in", "one day 28"),)),
        "Covariates beyond a limit of quantification, substituted as declared": (
            ("one",),
            (("in", "one below LLOQ the limit times 0.5, above ULOQ times 1"),),
        ),
    }
    ranks = _file("{do: univariable, endpoints: [durable], methods: [wilcoxon], families: {adjust: none}}")
    assert conventions_used(ranks.plan.analyses) == ()


@pytest.mark.parametrize(
    ("analysis", "code"),
    [
        ("{do: univariable, endpoints: [durable, durable], methods: [wilcoxon]}", "listed-twice"),
        ("{do: univariable, endpoints: [durable], populations: [all, all]}", "listed-twice"),
        ("{do: univariable, endpoints: [durable], biomarkers: []}", "nothing-listed"),
        ("{do: univariable, endpoints: [durability], pairs: [[durable, durable]]}", "pair-of-one"),
        (
            "{do: efficacy_against_toxicity, efficacy: durable, toxicity: [durable], margin: 1.5}",
            "one-endpoint-for-both",
        ),
        ("{do: subgroups, biomarkers: [labs], endpoints: [durable]}", "no-subgroups"),
    ],
)
def test_what_says_nothing_or_the_same_twice_is_told(analysis, code):
    assert [p.code for p in _problems(analysis)] == [code]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("endpoints: []", "one or more"),
        ("landmark: -5", "greater than 0"),
        ("survival: {min_share: 0.6, max_share: 0.4}", "min_share below max_share, both from 0 to 1"),
        ("survival: {horizon: 0}", "a horizon after day 0"),
        ("rates: {groups: 1}", "two groups or more"),
        ("imputation: {imputations: 1}", "two imputations or more, of one round and one donor or more"),
        ("censored: {by: exclude, left_factor: 0.5}", "a factor takes effect with `by: substitute` only"),
    ],
)
def test_a_setting_without_meaning_is_refused_with_what_would_have_one(part, expected):
    rest = "" if part.startswith("endpoints") else ", endpoints: [durable]"
    with pytest.raises(PlanError) as caught:
        _file(f"{{do: univariable, {part}{rest}}}")
    assert [p.expected for p in caught.value.problems] == [expected]
    assert caught.value.problems[0].where is not None
