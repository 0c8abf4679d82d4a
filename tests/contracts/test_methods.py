"""What every method of association must be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.unit.association.trial import (
    BIOMARKERS,
    CATEGORICAL,
    CRS3,
    DURABILITY,
    DURABLE,
    GRADE,
    OTHER,
    PAIRS,
    RELAPSE,
    TROUBLE,
    table,
)

from correlates.association import METHODS, Notice, Univariable, associate, method
from correlates.association.settings import FAMILY_COLUMNS, ImputationOptions, SurvivalOptions
from correlates.errors import DerivationError
from correlates.schema import RESULTS, conform
from correlates.terms import OutcomeKind, Reason

DOCS = Path(__file__).resolve().parents[2] / "docs"
EVERY = [*BIOMARKERS, *TROUBLE, *CATEGORICAL]


FOR = {
    OutcomeKind.BINARY: DURABLE,
    OutcomeKind.CLASS: DURABILITY,
    OutcomeKind.GRADE: GRADE,
    OutcomeKind.TIME: RELAPSE,
    OutcomeKind.NUMBER: OTHER,
}


def _endpoint(record):
    if record.code in ("kruskal_wallis", "dunn"):
        return DURABILITY
    return FOR[record.endpoints[0]]


def _run(record, frame=None, biomarkers=EVERY, **settings):
    endpoint = _endpoint(record)
    settings.setdefault("pairs", PAIRS if endpoint is DURABILITY else ())
    settings.setdefault("survival", SurvivalOptions(times=(90.0, 180.0), horizon=25.0))
    settings.setdefault("imputation", ImputationOptions(imputations=3, iterations=2))
    settings.setdefault("permutations", 300)
    analysis = Univariable(name="one", methods=(record.code,), **settings)
    return associate(table() if frame is None else frame, biomarkers, (endpoint,), analysis)


def _same(one, other, rel=1e-9):
    """Whether two sets of values agree: words exactly, numbers within the tolerance."""
    assert one.keys() == other.keys()
    for key, value in one.items():
        assert other[key] == (pytest.approx(value, rel=rel) if isinstance(value, float) else value), key
    return bool(one)


def _values(results, level=None):
    """Values by biomarker, statistic and level."""
    keyed = results.filter(pl.col("error").is_null())
    return {
        (b, s, lv): v if v is not None else t
        for b, s, lv, v, t in keyed.select("biomarker", "stat_name", "level", "value", "text").iter_rows()
        if level is None or lv == level
    }


@pytest.mark.parametrize("record", METHODS, ids=lambda r: r.code)
def test_record_is_complete(record):
    assert record.code == record.code.lower()
    assert record.label
    assert record.formula
    assert any(ch.isdigit() for ch in record.citation), "a citation has a year"
    assert (DOCS / record.docs).is_file()
    assert record.label.split(" (")[0].split()[0].lower() in (DOCS / record.docs).read_text().lower()
    labels = [s.label for s in record.statistics]
    names = [s.name for s in record.statistics]
    assert len(set(names)) == len(names)
    assert len(set(labels)) == len(labels)
    assert "p" in names
    assert "p_adjusted" in names
    assert method(record.code) is record


@pytest.mark.parametrize("record", METHODS, ids=lambda r: r.code)
def test_statistics_declared_are_the_statistics_given(record):
    results = _run(record)
    conform(results, RESULTS)
    given = results.select("stat_name", "stat_label").unique()
    assert set(given["stat_name"]) == {s.name for s in record.statistics}
    # one label per statistic; that of the adjusted P names the adjustment
    for name, label in given.iter_rows():
        if name == "p_adjusted":
            assert label in ("P value, adjusted (Benjamini-Hochberg)", "P value, adjusted (Holm)")
        else:
            assert label == record.statistic(name).label


@pytest.mark.parametrize("record", METHODS, ids=lambda r: r.code)
def test_every_biomarker_has_the_same_rows(record):
    cells = [s.name for s in record.statistics if "cell" in s.scopes]  # of categories or days: rows with a value only
    results = _run(record).filter(~pl.col("stat_name").is_in(cells))
    shapes = results.group_by("biomarker").agg(pl.struct("stat_name", "level").alias("rows"))
    first = shapes["rows"][0].to_list()
    assert all(rows.to_list() == first for rows in shapes["rows"])
    assert set(results["biomarker"]) == {b.code for b in EVERY}


@pytest.mark.parametrize("record", METHODS, ids=lambda r: r.code)
def test_a_row_has_a_value_or_says_why_not(record):
    for row in _run(record).iter_rows(named=True):
        if row["value"] is None and row["text"] is None:
            assert row["error"] is not None or row["notices"], row
        if row["error"] is not None:
            assert row["error"] in {r.value for r in Reason}
            assert row["value"] is None
            assert row["text"] is None
        assert set(row["notices"]) <= {n.value for n in Notice}


@pytest.mark.parametrize("record", METHODS, ids=lambda r: r.code)
def test_one_bad_biomarker_harms_no_other(record):
    good = [b for b in EVERY if b not in TROUBLE]
    together = {k: v for k, v in _values(_run(record)).items() if k[1] != "p_adjusted"}
    alone = {k: v for k, v in _values(_run(record, biomarkers=good)).items() if k[1] != "p_adjusted"}
    kept = {k: v for k, v in together.items() if k[0] not in {b.code for b in TROUBLE}}
    assert _same(alone, kept)


@pytest.mark.parametrize("record", METHODS, ids=lambda r: r.code)
def test_order_of_subjects_does_not_matter(record):
    frame = table()
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=3)
    assert _same(_values(_run(record, shuffled)), _values(_run(record, frame)), 1e-7)


@pytest.mark.parametrize("record", METHODS, ids=lambda r: r.code)
def test_subjects_without_the_outcome_do_not_matter(record):
    frame = table()
    name = _endpoint(record).column or _endpoint(record).name
    more = pl.concat(
        [
            frame,
            frame.with_columns(
                pl.lit(None, dtype=frame.schema[name]).alias(name), subject_id="T" + pl.col("subject_id")
            ),
        ]
    )
    assert _same(_values(_run(record, more)), _values(_run(record, frame)), 1e-9)


@pytest.mark.parametrize("code", ["wilcoxon", "kruskal_wallis"])
def test_rank_tests_do_not_see_a_monotone_transform(code):
    frame = table()
    bent = frame.with_columns(pl.col("PEAK", "IL6").sqrt())
    rank = ("p", "w", "h", "auc", "auc_lower", "auc_upper", "epsilon_squared", "variant")
    kept = [
        {k: v for k, v in _values(_run(method(code), f, BIOMARKERS)).items() if k[1] in rank} for f in (frame, bent)
    ]
    assert len(kept[0]) > 10
    assert _same(kept[0], kept[1])


@pytest.mark.parametrize(("code", "turn"), [("wilcoxon", "mirror"), ("firth", "sign"), ("logistic_ml", "sign")])
def test_swapping_the_groups(code, turn):
    swapped = replace(DURABLE, event="not durable")
    settings = Univariable(name="one", methods=(code,))
    one, other = (_values(associate(table(), BIOMARKERS, (e,), settings)) for e in (DURABLE, swapped))
    for biomarker in BIOMARKERS:
        get, got = (lambda s, b=biomarker.code, v=values: v[b, s, ""] for values in (one, other))
        assert got("p") == pytest.approx(get("p"), rel=1e-7)
        if turn == "mirror":
            assert got("auc") == pytest.approx(1 - get("auc"))
            assert got("shift") == pytest.approx(-get("shift"))
            assert got("shift_lower") == pytest.approx(-get("shift_upper"))
        else:
            assert got("odds_ratio") == pytest.approx(1 / get("odds_ratio"), rel=1e-6)
            assert got("odds_ratio_lower") == pytest.approx(1 / get("odds_ratio_upper"), rel=1e-6)


@pytest.mark.parametrize("record", METHODS, ids=lambda r: r.code)
def test_settings_in_force_are_printed(record):
    import json

    settings = json.loads(_run(record)["settings"][0])
    assert set(settings) == {"adjust", "families", *record.options}
    assert settings["level"] == 0.95


@pytest.mark.parametrize("record", METHODS, ids=lambda r: r.code)
def test_an_endpoint_of_another_kind_gives_rows_that_say_so(record):
    if OutcomeKind.CLASS in record.endpoints:
        endpoint, biomarkers = DURABLE, [b for b in EVERY if b.kind not in record.biomarkers]
    else:
        endpoint, biomarkers = DURABILITY, EVERY
    results = associate(table(), biomarkers, (endpoint,), Univariable(name="one", methods=(record.code,)))
    assert set(results["error"]) == {"not-applicable"}
    assert set(results["biomarker"]) == {b.code for b in biomarkers}


def test_codes_are_unique_and_an_unknown_one_is_refused():
    assert len({m.code for m in METHODS}) == len(METHODS)
    with pytest.raises(DerivationError, match="Did you mean 'wilcoxon'"):
        method("wilcoxn")


def test_sentences_of_notices_are_unique():
    assert len({n.label for n in Notice}) == len(list(Notice))
    assert all(n.label for n in Notice)


def test_every_family_column_can_be_asked_for():
    results = _run(METHODS[0], biomarkers=BIOMARKERS, families=FAMILY_COLUMNS)
    p = results.filter(pl.col("stat_name") == "p")["value"]
    adjusted = results.filter(pl.col("stat_name") == "p_adjusted")["value"]
    np.testing.assert_array_equal(p, adjusted)  # families of one


def test_crs_has_undetermined_subjects():
    results = associate(table(), BIOMARKERS[:1], (CRS3,), Univariable(name="one", methods=("wilcoxon",)))
    assert results["n_missing"].unique().to_list() == [table()["crs3"].null_count()]


def test_a_plan_can_ask_for_every_method():
    from typing import get_args

    from correlates.plan.analyses import FamilyAdjustment, UnivariableMethod
    from correlates.stats.multiplicity import Adjust

    assert set(get_args(UnivariableMethod)) <= {m.code for m in METHODS}
    assert set(get_args(FamilyAdjustment)) == {a.value for a in Adjust}
