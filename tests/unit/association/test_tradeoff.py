"""Efficacy against toxicity, ratios, subgroups and clocks on the analysis table: rows, reasons, notices, and the guard."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from correlates.association import associate
from correlates.association.efficacy_toxicity import CLASSES, EfficacyToxicity, efficacy_against_toxicity
from correlates.association.from_known_day import KnownDaySettings, from_known_day
from correlates.association.inquiries import INQUIRIES
from correlates.association.known import decided_before
from correlates.association.ratio import RatioSettings, examine_ratio
from correlates.association.settings import Biomarker, Endpoint, Univariable
from correlates.association.subgroups import SubgroupBy, SubgroupSettings, by_subgroup
from correlates.association.timing import at_landmark, clock_of, known_later, labelled_naive, refuse_future
from correlates.errors import DerivationError
from correlates.schema import RESULTS, conform
from correlates.stats.cox import cox_screen
from correlates.stats.joint_logistic import joint_logistic
from correlates.stats.multiplicity import Adjust
from correlates.terms import OutcomeKind

RECORD = {record.code: record for record in INQUIRIES}
N = 60
E = Endpoint(name="E", label="Efficacy", kind=OutcomeKind.BINARY)
T = Endpoint(name="T", label="Toxicity", kind=OutcomeKind.BINARY)
OS = Endpoint(name="OS", label="Survival", kind=OutcomeKind.TIME)
GOOD = Biomarker(code="GOOD", label="Good", unit="pg/mL", scale="log2", group="g", prespecified=True)
OTHER = Biomarker(code="OTHER", label="Other", unit="mm2", scale="log2", group="g")
TROUBLE = (
    Biomarker(code="CONSTANT", label="Constant", scale="sd"),
    Biomarker(code="ZERO", label="Zero", scale="log2"),
    Biomarker(code="THREE", label="Three subjects", scale="sd"),
    Biomarker(code="INFINITE", label="Infinite", scale="sd"),
    Biomarker(code="WORDS", label="Words", kind="categorical"),
    Biomarker(code="NO_TOXICITY", label="Only those without toxicity", scale="sd"),
    Biomarker(code="NOBODY", label="Nobody", scale="sd"),
    Biomarker(code="CUT", label="All at one limit", scale="sd"),
)
REASONS = {
    "CONSTANT": "constant",
    "ZERO": "not-positive",
    "THREE": "too-few",
    "INFINITE": "not-finite",
    "WORDS": "not-applicable",
    "NO_TOXICITY": "one-class",
    "NOBODY": "too-few",
    "CUT": "all-censored",
}


def _table() -> pl.DataFrame:
    rng = np.random.default_rng(4)
    x, z = rng.normal(size=N), rng.normal(size=N)
    e = rng.random(N) < 1 / (1 + np.exp(-x))
    t = rng.random(N) < 1 / (1 + np.exp(1 - 0.5 * z))
    here = np.arange(N)
    time = np.ceil(rng.exponential(200, N)) + 1

    def some(values, mask):
        return [float(v) if m else None for v, m in zip(values, mask, strict=True)]

    return pl.DataFrame(
        {
            "subject_id": [f"S{i:02}" for i in range(N)],
            "GOOD": np.exp2(x + 5),
            "GOOD|censoring": ["none"] * N,
            "OTHER": np.exp2(z + 9),
            "OTHER|censoring": ["none"] * N,
            "CONSTANT": [3.0] * N,
            "ZERO": np.where(here == 10, 0.0, np.exp2(x)),
            "THREE": some(x, here < 3),
            "INFINITE": [np.inf, *x[1:]],
            "WORDS": ["a" if i % 2 else "b" for i in range(N)],
            "NO_TOXICITY": some(x, ~t),
            "NOBODY": pl.Series([None] * N, dtype=pl.Float64),
            "CUT": [1.0] * N,
            "CUT|censoring": ["left"] * N,
            "E": [None if i < 4 else bool(v) for i, v in enumerate(e)],
            "T": [None if i > 55 else bool(v) for i, v in enumerate(t)],
            "OS": time,
            "OS|event": rng.random(N) < 0.7,
            "SEX": ["F" if i % 2 else "M" for i in range(N)],
            "AGE": rng.integers(40, 80, N).astype(float),
            "population:all": [True] * N,
        }
    )


def _parameters(days: dict[str, float | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "subject_id": f"S{i:02}",
                "code": code,
                "value": 1.0,
                "category": None,
                "known_on_day": day,
                "timing": "post",
            }
            for code, day in days.items()
            for i in range(N)
        ],
        schema={
            "subject_id": pl.String,
            "code": pl.String,
            "value": pl.Float64,
            "category": pl.String,
            "known_on_day": pl.Float64,
            "timing": pl.String,
        },
    )


def _outcomes(days: list[float]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "subject_id": [f"S{i:02}" for i in range(len(days))],
            "endpoint": ["T"] * len(days),
            "category": pl.Series([None] * len(days), dtype=pl.String),
            "event": [True] * len(days),
            "grade": pl.Series([None] * len(days), dtype=pl.Int64),
            "known_on_day": days,
        }
    )


def _value(results, name, level="", biomarker="GOOD"):
    row = results.filter(
        (pl.col("stat_name") == name) & (pl.col("level") == level) & (pl.col("biomarker") == biomarker)
    )
    assert row.height == 1, (name, level)
    return row["value"][0] if row["value"][0] is not None else row["text"][0]


def _settings(**more) -> EfficacyToxicity:
    return EfficacyToxicity(name="b", margin=1.5, prespecified=True, replicates=200, **more)


@pytest.fixture(scope="module")
def balanced() -> pl.DataFrame:
    return efficacy_against_toxicity(
        _table(), (GOOD, OTHER, *TROUBLE), E, (T,), _settings(curves=("GOOD",)), {("GOOD", "T"): 7}
    )


def test_rows_are_results_and_every_statistic_is_declared(balanced):
    conform(balanced, RESULTS)
    record = RECORD["efficacy_against_toxicity"]
    assert set(balanced["stat_name"]) == {s.name for s in record.statistics}
    for row in balanced.iter_rows(named=True):
        assert row["stat_label"]
        assert set(json.loads(row["settings"])) == set(record.options)


def test_every_trouble_is_a_row_with_its_reason(balanced):
    failed = balanced.filter(pl.col("error").is_not_null())
    assert dict(failed.select("biomarker", "error").unique().iter_rows()) == REASONS
    assert failed["value"].null_count() == failed.height
    assert failed.filter(pl.col("stat_name") == "p").height == len(TROUBLE)


def test_trouble_harms_nobody(balanced):
    alone = efficacy_against_toxicity(_table(), (GOOD,), E, (T,), _settings())
    for name in ("p", "ratio_of_odds_ratios", "p_efficacy_not_toxicity", "sd"):
        assert _value(balanced, name) == pytest.approx(_value(alone, name), rel=1e-9)


def test_numbers_are_those_of_the_kernel(balanced):
    table = _table()
    x = np.log2(table["GOOD"].to_numpy())
    x = (x - x.mean()) / x.std(ddof=1)
    known = np.stack([table[c].is_not_null().to_numpy() for c in ("E", "T")])
    events = np.stack([table[c].fill_null(value=False).to_numpy() for c in ("E", "T")])
    fit = joint_logistic(x, events, known=known, margin=np.log(1.5))
    assert _value(balanced, "p") == pytest.approx(fit.difference_p[0], rel=1e-9)
    assert _value(balanced, "odds_ratio", "toxicity") == pytest.approx(np.exp(fit.coefficient[0, 1]), rel=1e-9)
    assert _value(balanced, "n", "efficacy") == 56
    assert _value(balanced, "n_shared") == 52
    chance = [_value(balanced, "class_probability", c) for c in CLASSES]
    assert sum(chance) == pytest.approx(1.0, abs=1e-12)
    assert _value(balanced, "class") == list(CLASSES)[int(np.argmax(chance))]


def test_bootstrap_is_near_the_sandwich(balanced):
    # 200 replicates and 60 subjects: the correction makes the sandwich the larger one
    assert _value(balanced, "bootstrap_error") == pytest.approx(_value(balanced, "difference_error"), rel=0.35)


def test_an_outcome_decided_first_is_told(balanced):
    assert _value(balanced, "n_decided_before", "toxicity") == 7
    told = balanced.filter((pl.col("biomarker") == "GOOD") & (pl.col("stat_name") == "p"))["notices"][0].to_list()
    assert "describes" in told
    other = balanced.filter((pl.col("biomarker") == "OTHER") & (pl.col("stat_name") == "p"))["notices"][0].to_list()
    assert "describes" not in other


def test_a_time_as_efficacy_is_told_on_staying_free_of_its_event():
    settings = EfficacyToxicity(name="b", margin=1.5, curves=("GOOD",), adjust=Adjust.NONE)
    found = efficacy_against_toxicity(_table(), (GOOD, *TROUBLE), OS, (T,), settings)

    def told(stat, level="", column="value"):
        rows = found.filter(biomarker="GOOD", stat_name=stat, level=level)
        return rows[column][0]

    assert (told("measure", "efficacy", "text"), told("measure", "toxicity", "text")) == (
        "1 / hazard ratio",
        "odds ratio",
    )
    assert "odds-and-hazard" in told("p", column="notices")
    assert found.filter(stat_name="exposure").is_empty()  # curves are of two probabilities
    doubled = _table().with_columns(GOOD=pl.col("GOOD").log(2))
    doubled = associate(doubled, (replace(GOOD, scale="sd"),), (OS,), Univariable(name="c", methods=("cox_firth",)))
    ratios = {s: doubled.filter(stat_name=f"hazard_ratio{s}")["value"][0] for s in ("", "_lower", "_upper")}
    assert told("odds_ratio", "efficacy") == pytest.approx(1 / ratios[""], rel=1e-6)
    assert told("odds_ratio_lower", "efficacy") == pytest.approx(1 / ratios["_upper"], rel=1e-6)
    assert told("odds_ratio_upper", "efficacy") == pytest.approx(1 / ratios["_lower"], rel=1e-6)
    errors = dict(found.filter(stat_name="p").select("biomarker", "error").iter_rows())
    assert errors["GOOD"] is None
    assert all(errors[b.code] for b in TROUBLE)


def test_what_cannot_be_meant_is_refused():
    graded = Endpoint(name="T", label="Grade", kind=OutcomeKind.GRADE)
    with pytest.raises(DerivationError) as caught:
        efficacy_against_toxicity(_table(), (GOOD,), graded, (T,), EfficacyToxicity(name="b", margin=0.9))
    assert [p.code for p in caught.value.problems] == ["endpoint-kind", "margin-not-above-one"]


def test_ratio_rows_and_reasons():
    ratio = Biomarker(code="GOOD_PER_OTHER", label="Ratio", unit="ratio", scale="log2")
    zero = Biomarker(code="R0", label="Ratio", scale="log2")
    bad = Biomarker(code="ZERO", label="Zero", scale="log2")
    flat = Biomarker(code="CONSTANT", label="Constant", scale="log2")
    few = Biomarker(code="THREE", label="Three", scale="log2")
    found = examine_ratio(
        _table(),
        [
            (ratio, GOOD, OTHER),
            (zero, bad, OTHER),
            (Biomarker(code="R1", label="R1"), flat, OTHER),
            (Biomarker(code="R2", label="R2"), few, OTHER),
        ],
        [E],
        RatioSettings(name="r"),
        {("GOOD", "E"): 2},
    )
    conform(found, RESULTS)
    errors = dict(found.select("biomarker", "error").unique().iter_rows())
    assert errors == {"GOOD_PER_OTHER": None, "R0": "not-positive", "R1": "constant", "R2": "too-few"}
    mine = found.filter(pl.col("biomarker") == "GOOD_PER_OTHER")
    assert set(mine["stat_name"]) == {s.name for s in RECORD["ratio"].statistics}
    assert {"describes", "confounded-by-indication"} <= set(mine["notices"][0])
    with pytest.raises(DerivationError):
        examine_ratio(_table(), [(ratio, GOOD, OTHER)], [OS], RatioSettings(name="r"))


def test_subgroups_and_local_effects():
    settings = SubgroupSettings(
        name="s", by=(SubgroupBy(code="SEX"), SubgroupBy(code="AGE", cut=(65.0,))), across=("AGE",), permutations=49
    )
    found = by_subgroup(_table(), (GOOD, *TROUBLE), [E, OS], settings, {("GOOD", "E"): 1})
    conform(found, RESULTS)
    good = found.filter(pl.col("biomarker") == "GOOD")
    assert good["error"].null_count() == good.height
    assert set(good.filter(pl.col("method") == "subgroups")["stat_name"]) == {
        s.name for s in RECORD["subgroups"].statistics
    }
    assert set(good.filter(pl.col("method") == "local_effect")["stat_name"]) == {
        s.name for s in RECORD["local_effect"].statistics
    }
    assert set(good.filter(pl.col("stat_name") == "measure")["text"]) == {"odds ratio", "hazard ratio"}
    by_age = good.filter(
        (pl.col("endpoint") == "E") & (pl.col("stat_name") == "n") & pl.col("level").is_in(["< 65", ">= 65"])
    )
    assert by_age["value"].sum() == 56
    failed = found.filter(pl.col("error").is_not_null())
    assert set(failed["biomarker"]) == {b.code for b in TROUBLE} - {"NO_TOXICITY"}
    assert (
        good.filter((pl.col("endpoint") == "E") & (pl.col("stat_name") == "p"))["notices"]
        .list.contains("describes")
        .all()
    )
    assert found["result_id"].n_unique() == found.select("biomarker", "endpoint", "method", "settings").n_unique()


def test_subgroups_that_are_none_are_refused_together():
    settings = SubgroupSettings(
        name="s",
        by=(SubgroupBy(code="AGE"), SubgroupBy(code="SEX", cut=(1.0,)), SubgroupBy(code="AGE", cut=(70.0, 60.0))),
        across=("SEX",),
    )
    with pytest.raises(DerivationError) as caught:
        by_subgroup(_table(), (GOOD,), [E], settings)
    assert [p.code for p in caught.value.problems] == [
        "subgroup-without-cut",
        "cut-of-a-category",
        "cuts-not-ascending",
        "modifier-not-numeric",
    ]


def test_one_subgroup_is_nothing_to_compare():
    table = _table().with_columns(SEX=pl.lit("F"))
    found = by_subgroup(table, (GOOD,), [E], SubgroupSettings(name="s", by=(SubgroupBy(code="SEX"),)))
    assert set(found["error"]) == {"one-subgroup"}


def test_decided_before_counts_subjects_of_pairs():
    outcomes = _outcomes([5.0, 28.0, 40.0])
    parameters = _parameters({"GOOD": 28.0, "OTHER": -1.0, "LATE": None})
    assert decided_before(parameters, outcomes, ["GOOD", "OTHER", "LATE"], ["T"]) == {("GOOD", "T"): 1}


def test_known_later_and_the_refusal():
    parameters = _parameters({"GOOD": 28.0, "OTHER": -1.0, "LATE": None})
    assert known_later(parameters, ["GOOD", "OTHER", "LATE"]) == {"GOOD", "LATE"}
    refuse_future("a", (GOOD, OTHER), (E, T), parameters)
    refuse_future("a", (OTHER,), (OS,), parameters)
    with pytest.raises(DerivationError) as caught:
        refuse_future("a", (GOOD, OTHER), (OS,), parameters)
    problem = caught.value.problems[0]
    assert problem.code == "conditions-on-the-future"
    assert problem.found == "GOOD"
    for word in ("landmark", "from_known_day", "naive"):
        assert word in (problem.do or "")


def test_a_landmark_keeps_what_is_open_and_known():
    table, parameters = _table(), _parameters({"GOOD": 28.0, "OTHER": -1.0})
    parameters = parameters.with_columns(
        known_on_day=pl.when((pl.col("code") == "GOOD") & (pl.col("subject_id") == "S07"))
        .then(31.0)
        .otherwise("known_on_day")
    )
    outcomes = _outcomes([5.0, 28.0, 40.0])
    at = at_landmark(table, parameters, outcomes, (OS, T), 28.0)
    assert at["GOOD"][7] is None
    assert at["GOOD"].null_count() == 1
    assert at["OTHER"].null_count() == 0
    assert at["T"][0] is None
    assert at["T"][1] is None
    assert at["T"][2] == table["T"][2]
    for before, after, seen in zip(table["OS"], at["OS"], at["OS|event"], strict=True):
        assert after == (before - 28.0 if before > 28.0 else None)
        assert (seen is None) == (before <= 28.0)
    assert at["E"].equals(table["E"])


def test_from_the_known_day_is_the_landmark_where_all_days_are_one():
    table = _table()
    found = from_known_day(table, (GOOD,), (OS,), _parameters({"GOOD": 28.0}), KnownDaySettings(name="k"))
    conform(found, RESULTS)
    assert set(found["stat_name"]) == {s.name for s in RECORD["cox_from_known_day"].statistics}
    assert set(found["endpoint"]) == {"OS [from the known day]"}
    time, event = table["OS"].to_numpy(), table["OS|event"].to_numpy()
    later = time > 28
    fit = cox_screen(np.log2(table["GOOD"].to_numpy()[later]), time[later] - 28, event[later])
    assert _value(found, "hazard_ratio") == pytest.approx(np.exp(fit.coefficient[0]), rel=1e-9)
    assert _value(found, "p") == pytest.approx(fit.p_value[0], rel=1e-9)
    assert _value(found, "n_events_before") + _value(found, "n_censored_before") == (~later).sum()


def test_from_the_known_day_says_why_not():
    days = {"GOOD": 1e6, "OTHER": None, **dict.fromkeys(("CONSTANT", "ZERO", "INFINITE"), 1.0)}
    found = from_known_day(
        _table(), (GOOD, OTHER, *TROUBLE[:2], TROUBLE[3]), (OS,), _parameters(days), KnownDaySettings(name="k")
    )
    assert dict(found.select("biomarker", "error").unique().iter_rows()) == {
        "GOOD": "nobody-at-risk",
        "OTHER": "nobody-at-risk",
        "CONSTANT": "constant",
        "ZERO": "not-positive",
        "INFINITE": "not-finite",
    }
    nothing = _table().with_columns(pl.lit(value=False).alias("OS|event"))
    none = from_known_day(nothing, (GOOD,), (OS,), _parameters({"GOOD": 0.0}), KnownDaySettings(name="k"))
    assert set(none["error"]) == {"no-event"}
    with pytest.raises(DerivationError):
        from_known_day(_table(), (GOOD,), (E,), _parameters({"GOOD": 0.0}), KnownDaySettings(name="k"))


def test_naive_is_labelled_wherever_it_is_shown():
    found = from_known_day(
        _table(), (GOOD, OTHER), (OS,), _parameters({"GOOD": 0.0, "OTHER": 0.0}), KnownDaySettings(name="k")
    )
    plain = found.with_columns(endpoint=pl.lit("OS"))
    told = labelled_naive(plain, {"GOOD"}, {"OS"})
    good, other = (told.filter(pl.col("biomarker") == code) for code in ("GOOD", "OTHER"))
    assert set(good["endpoint"]) == {"OS [naive]"}
    assert good["notices"].list.contains("immortal-time-biased").all()
    assert set(other["endpoint"]) == {"OS"}
    assert not other["notices"].list.contains("immortal-time-biased").any()
    assert clock_of("OS [naive]") == ("OS", "naive")
    assert clock_of("OS") == ("OS", "")
