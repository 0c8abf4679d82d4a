"""One panel with every trap, by every method and every inquiry: each trap a row with a reason, the others as if it were not there."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from correlates.association import (
    INQUIRIES,
    METHODS,
    Biomarker,
    Endpoint,
    Forests,
    ImputationOptions,
    SurvivalOptions,
    Univariable,
    associate,
    grow_forests,
)
from correlates.association.efficacy_toxicity import EfficacyToxicity, efficacy_against_toxicity
from correlates.association.from_known_day import KnownDaySettings, from_known_day
from correlates.association.ratio import RatioSettings, examine_ratio
from correlates.association.subgroups import SubgroupBy, SubgroupSettings, by_subgroup
from correlates.association.survival_curves import survival
from correlates.association.survival_settings import Grouping, Survival
from correlates.errors import DerivationError
from correlates.stats.multiplicity import Adjust
from correlates.terms import OutcomeKind

N = 44
EVENT = Endpoint(name="event", label="e", kind=OutcomeKind.BINARY)
TOXIC = Endpoint(name="toxic", label="t", kind=OutcomeKind.BINARY)
CLASSES = Endpoint(name="classes", label="c", kind=OutcomeKind.CLASS, levels=("a", "b", "c"))
TIME = Endpoint(name="time", label="t", kind=OutcomeKind.TIME)
NUMBER = Endpoint(name="number", label="n", kind=OutcomeKind.NUMBER)
GRADE = Endpoint(name="grade", label="g", kind=OutcomeKind.GRADE)
OF_KIND = {e.kind: e for e in (EVENT, CLASSES, GRADE, TIME, NUMBER)}
GOOD = Biomarker(code="GOOD", label="good", scale="log2")
SEX = Biomarker(code="SEX", label="sex", kind="categorical")
TRAPS = (
    Biomarker(code="CONSTANT", label="one value", scale="sd"),
    Biomarker(code="BELOW", label="all below one limit", scale="log2"),
    Biomarker(code="PLATES", label="all below limits that differ", scale="log2"),
    Biomarker(code="INFINITE", label="an infinite value", scale="sd"),
    Biomarker(code="ZERO", label="a zero on a log scale", scale="log2"),
    Biomarker(code="THREE", label="three subjects", scale="sd"),
    Biomarker(code="NOBODY", label="nobody", scale="sd"),
    Biomarker(code="SPLIT", label="separates the classes", scale="unit"),
    Biomarker(code="RARE", label="a category of one", kind="categorical"),
    Biomarker(code="ONE", label="one category", kind="categorical"),
)
REASONS = {
    "CONSTANT": {"constant"},
    "BELOW": {"all-censored"},
    "PLATES": {"all-censored"},
    "INFINITE": {"not-finite"},
    "NOBODY": {"too-few"},
    "ONE": {"constant"},
}
"""Traps of which no method can make anything, and why."""
NEVER = set(REASONS)
MAYBE = {
    "ZERO": {None, "not-positive", "nothing-missing"},
    "THREE": {None, "too-few", "monotone"},
    "SPLIT": {None, "separated", "monotone", "nothing-missing"},
    "RARE": {None},
}
"""Traps of which some methods make something, and what the others say."""
ELSE = {"not-applicable"}
"""What a method of numbers says of categories, and the other way round."""


def _frame(n=N):
    rng = np.random.default_rng(9)
    event, toxic = np.arange(n) % 2 == 0, np.arange(n) % 3 == 0
    good = np.exp(rng.normal(size=n))
    return pl.DataFrame(
        {
            "subject_id": [f"S{i:02}" for i in range(n)],
            "GOOD": [None if i == 7 else float(v) for i, v in enumerate(good)],
            "SEX": ["FM"[i % 5 > 1] for i in range(n)],
            "AGE": rng.normal(60, 8, n).round(),
            "CONSTANT": [2.0] * n,
            "BELOW": [0.5] * n,
            "BELOW|censoring": ["left"] * n,
            "PLATES": [0.5 + (i % 2) for i in range(n)],
            "PLATES|censoring": ["left"] * n,
            "INFINITE": [float("inf"), *rng.normal(size=n - 1)],
            "ZERO": [0.0, *np.exp(rng.normal(size=n - 1))],
            "THREE": [float(i) if i < 3 else None for i in range(n)],
            "NOBODY": pl.Series([None] * n, dtype=pl.Float64),
            "SPLIT": np.where(event, 5.0, 1.0) + rng.random(n),
            "RARE": ["only one" if i == 0 else "others" for i in range(n)],
            "ONE": ["all"] * n,
            "event": event,
            "toxic": toxic,
            "classes": [("a", "b", "c")[i % 3] for i in range(n)],
            "grade": np.where(event, 3, np.arange(n) % 3),
            "time": rng.exponential(100, n) + 1,
            "time|event": event | toxic,
            "number": rng.normal(size=n),
        }
    )


PARAMETERS = pl.DataFrame(
    [
        {"subject_id": s, "code": b.code, "known_on_day": 5.0}
        for s in _frame()["subject_id"]
        for b in (GOOD, SEX, *TRAPS)
    ]
)
FORESTS = {"conditional_tree", "conditional_forest", "random_forest", "boruta"}


def _inquire(code, frame, biomarkers):
    if code in ("kaplan_meier", "cumulative_incidence"):
        causes = () if code == "kaplan_meier" else ("event",)
        days = dict.fromkeys(frame["subject_id"].to_list(), 0.0)
        parts = [
            survival(
                frame.with_columns(pl.lit("event").alias("time|cause")),
                Survival(name="a", endpoint="time", grouping=Grouping(by=b), causes=causes),
                known=days,
            ).results
            for b in biomarkers
            if b.kind == "categorical"
        ]
        return pl.concat(parts)
    if code == "efficacy_against_toxicity":
        settings = EfficacyToxicity(name="a", margin=1.5, adjust=Adjust.NONE)
        return efficacy_against_toxicity(frame, biomarkers, EVENT, (TOXIC, TIME), settings)
    if code == "ratio":
        of = [(Biomarker(code=f"{b.code}_PER", label="r", scale="log2"), b, GOOD) for b in biomarkers if b is not GOOD]
        return examine_ratio(frame, [r for r in of if r[1].kind == "numeric"], (EVENT,), RatioSettings(name="a"))
    if code in ("subgroups", "local_effect"):
        settings = SubgroupSettings(
            name="a", by=(SubgroupBy(code="SEX"), SubgroupBy(code="RARE")), across=("AGE",), permutations=19
        )
        return by_subgroup(frame, biomarkers, (EVENT, TIME), settings)
    if code == "cox_from_known_day":
        known = PARAMETERS.filter(pl.col("subject_id").is_in(frame["subject_id"].to_list()))
        return from_known_day(frame, biomarkers, (TIME,), known, KnownDaySettings(name="a"))
    settings = Forests(name="a", methods=(code,), trees=8, rounds=6, adjust=Adjust.NONE)
    return grow_forests(frame, biomarkers, (EVENT, TIME), settings)[0]


def _sound(results):
    """No value is infinite, and none is missing without an error or a notice."""
    assert results.height
    assert results["value"].drop_nulls().is_finite().all()
    silent = results.filter(
        pl.col("value").is_null()
        & pl.col("text").is_null()
        & pl.col("error").is_null()
        & (pl.col("notices").list.len() == 0)
    )
    assert silent.is_empty(), silent.select("biomarker", "stat_name", "level")


def _of(results, code):
    """Rows of a biomarker by statistic; numbers to what another order of additions leaves the same."""
    own = results.filter(pl.col("biomarker") == code).sort("endpoint", "stat_name", "level")
    own = own.filter(pl.col("stat_name") != "p_adjusted").select(
        "endpoint", "stat_name", "level", "value", "text", "error", "n"
    )
    return [
        tuple(pytest.approx(v, rel=1e-7, abs=1e-12) if isinstance(v, float) else v for v in row) for row in own.rows()
    ]


def _method(record, frame, biomarkers):
    settings = Univariable(
        name="a",
        methods=(record.code,),
        adjust=Adjust.NONE,
        permutations=200,
        imputation=ImputationOptions(imputations=2, iterations=1),
    )
    return associate(frame, biomarkers, (OF_KIND[record.endpoints[0]],), settings)


@pytest.mark.parametrize("record", METHODS, ids=lambda r: r.code)
def test_every_trap_is_a_row_and_the_rest_is_unharmed_by_a_method(record):
    results = _method(record, _frame(), (GOOD, *TRAPS, SEX))
    _sound(results)
    errors = {b: set(e) for b, e in results.group_by("biomarker").agg("error").iter_rows()}
    assert set(errors) == {b.code for b in (GOOD, *TRAPS, SEX)}
    for code, reasons in (REASONS | MAYBE).items():
        assert errors[code] <= reasons | ELSE, code
        assert len(errors[code]) == 1, code
    good = "GOOD" if "numeric" in record.biomarkers else "SEX"
    assert errors[good] == {None}
    alone = _method(record, _frame(), (GOOD, SEX))
    for code in ("GOOD", "SEX"):
        assert _of(results, code) == _of(alone, code), code


def test_what_lies_beyond_a_limit_is_not_imputed():
    """With every value below the limit left out of the frame the estimate is the same: nothing was drawn in their place."""
    low = np.exp(np.random.default_rng(3).normal(size=N))
    signs = ["left" if v < 0.6 else "none" for v in low]
    values = [None if i % 7 == 3 else max(float(v), 0.6) for i, v in enumerate(low)]
    signs = [s if v is not None else "none" for s, v in zip(signs, values, strict=True)]
    frame = _frame().with_columns(pl.Series("GOOD", values), pl.Series("GOOD|censoring", signs))
    settings = Univariable(
        name="a", methods=("firth_imputed",), adjust=Adjust.NONE, imputation=ImputationOptions(imputations=3)
    )
    whole = associate(frame, (GOOD,), (EVENT,), settings)
    quantified = associate(frame.filter(pl.col("GOOD|censoring") == "none"), (GOOD,), (EVENT,), settings)
    told = {
        stat: [r.filter(stat_name=stat)["value"][0] for r in (whole, quantified)]
        for stat in ("p", "odds_ratio", "df", "n_imputed")
    }
    assert all(one == pytest.approx(other, rel=1e-12) for one, other in told.values())
    assert told["n_imputed"][0] == sum(v is None for v in values)


def test_pairs_of_one_endpoint_do_not_disturb_the_grades_of_another():
    frame, pairs = _frame(), (("a", "b"), ("0", "9"))
    settings = Univariable(name="a", methods=("dunn",), adjust=Adjust.NONE, pairs=pairs)
    found = associate(frame, (GOOD,), (GRADE,), settings).filter(stat_name="p")
    assert found["level"].to_list() == ["", "0 vs 9"]
    assert found["value"][1] is None
    assert found["notices"][1].to_list() == ["empty-class"]
    with pytest.raises(DerivationError, match="class of endpoint 'classes' '0'"):
        associate(frame, (GOOD,), (CLASSES,), settings)


def test_the_p_of_a_selected_cutpoint_is_a_bound_or_a_permutation():
    told = {}
    for how in ("bound", "permutation"):
        survival_ = SurvivalOptions(cutpoint_p=how, permutations=400)
        settings = Univariable(name="a", methods=("cutpoint",), adjust=Adjust.NONE, survival=survival_)
        found = associate(_frame(), (GOOD,), (TIME,), settings)
        told[how] = [found.filter(stat_name=s)[c][0] for s, c in (("p", "value"), ("cutpoint", "value"))]
        assert found.filter(stat_name="variant")["text"][0] == ("hothorn-lausen" if how == "bound" else how)
    assert told["bound"][0] > told["permutation"][0] - 3 * 0.025
    assert told["bound"][1] == told["permutation"][1]


@pytest.mark.parametrize("record", INQUIRIES, ids=lambda r: r.code)
def test_every_trap_is_a_row_and_the_rest_is_unharmed_by_an_inquiry(record):
    results = _inquire(record.code, _frame(), (GOOD, *TRAPS, SEX))
    _sound(results)
    mine = results.filter(pl.col("method") == record.code)
    numeric = record.code not in ("kaplan_meier", "cumulative_incidence")
    usable = mine.filter(pl.col("error").is_null())
    assert not usable.is_empty() or record.code == "ratio"
    if numeric and record.code != "ratio":
        assert "GOOD" in usable["biomarker"].to_list()
    if numeric and record.code not in FORESTS and record.code != "ratio":
        assert not set(usable["biomarker"].drop_nulls()) & NEVER
        alone = _inquire(record.code, _frame(), (GOOD,)).filter(pl.col("method") == record.code)
        assert _of(mine, "GOOD") == _of(alone, "GOOD")


@pytest.mark.parametrize("record", INQUIRIES, ids=lambda r: r.code)
@pytest.mark.parametrize("trial", ["three subjects", "one class", "nobody"])
def test_a_trial_of_which_nothing_can_be_said(record, trial):
    frame = _frame()
    if trial == "three subjects":
        frame = frame.head(3)
    elif trial == "one class":
        frame = frame.with_columns(
            event=pl.lit(value=False), toxic=pl.lit(value=False), **{"time|event": pl.lit(value=False)}
        )
    else:
        frame = frame.clear()
    results = _inquire(record.code, frame, (GOOD, *TRAPS[:3], SEX))
    _sound(results)
