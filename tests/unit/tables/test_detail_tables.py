"""Pairs of classes, categories, groups that were cut and days of them: what stands behind a P value is shown."""

from __future__ import annotations

import polars as pl
from tests.unit.association.trial import BIOMARKERS, CATEGORICAL, DURABILITY, DURABLE, PAIRS, PFS, table

from correlates.association import SurvivalOptions, Univariable, associate
from correlates.tables import associations, at_days, by_group, categories, pairs
from correlates.tables.record import ci_label

PEAK = BIOMARKERS[:1]


def _rows(shown):
    return [
        dict(zip([c.label for c in shown.columns], row, strict=True))
        for row in zip(*(c.texts for c in shown.columns), strict=True)
    ]


def test_pairs_are_shown_with_their_effects_and_their_own_adjustment():
    methods = ("kruskal_wallis", "dunn")
    found = associate(table(), PEAK, (DURABILITY,), Univariable(name="a", methods=methods, pairs=PAIRS, level=0.9))
    rows = _rows(pairs(found, {"class:durable": "Durable responders"}))
    assert [row["Compared"] for row in rows] == [
        "Durable responders against nonresponder",
        "Durable responders against relapsed",
    ] * 2
    assert [row["Test"].split(",")[0] for row in rows] == ["Wilcoxon rank-sum"] * 2 + ["Dunn"] * 2
    assert {row["Adjusted by"] for row in rows} == {"Holm"}
    assert all("(" in row["HL ratio (90 % CI)"] for row in rows[:2])
    assert all(row["Dunn's z"] == "\N{EN DASH}" for row in rows[:2])
    assert pairs(found, {}, ("a",)) is None


def test_counts_of_categories_add_up():
    found = associate(table(), CATEGORICAL, (DURABLE, DURABILITY), Univariable(name="a", methods=("fisher",)))
    rows = [row for row in _rows(categories(found, {})) if row["Biomarker"] == "SEX" and row["Endpoint"] == "durable"]
    frame = table()
    for row in rows:
        mine = frame.filter(SEX=row["Category"])
        hits = int(mine["durable"].sum())
        assert row["Subjects by class"] == f"not durable {mine.height - hits}, durable {hits}"
        assert row["n"] == str(mine.height)
    assert [row["Category"] for row in rows] == ["F", "M"]


def test_groups_that_were_cut_are_shown_at_declared_days_and_with_their_bounds():
    options = SurvivalOptions(times=(90.0,), rho=1.0)
    settings = Univariable(name="a", methods=("log_rank", "cutpoint", "gray"), survival=options, permutations=100)
    found = associate(table(), PEAK, (PFS,), settings)
    shown = _rows(at_days(found, {}))
    assert [(row["Group"], row["What"]) for row in shown] == [
        ("low", "Without the event"),
        ("high", "Without the event"),
    ] * 2 + [("low", "Incidence of the event"), ("high", "Incidence of the event")]
    assert {row["Day"] for row in shown} == {"90"}
    bounds = {(row["Method"], row["Group"]): row["Up to"] for row in _rows(by_group(found, {}))}
    assert bounds["cutpoint", "low"] != "\N{EN DASH}"
    assert bounds["cutpoint", "high"] == "\N{EN DASH}"
    assert "weighted" in found.filter(method="log_rank", stat_name="p")["notices"][0]
    assert "weighted" not in found.filter(method="cutpoint", stat_name="p")["notices"][0]


def test_an_association_says_what_its_p_is_of_and_what_its_model_assumes():
    settings = Univariable(name="a", methods=("wilcoxon", "firth"), level=0.9)
    found = associate(table(), BIOMARKERS, (DURABLE,), settings)
    rows = _rows(associations(found, {}, {}, {}, "prespecified") or associations(found, {}, {}, {}, "exploratory"))
    peak = next(row for row in rows if row["Code"] == "PEAK" and row["Method"] == "wilcoxon")
    age = next(row for row in rows if row["Code"] == "AGE" and row["Method"] == "wilcoxon")
    assert peak["P from"] == found.filter(biomarker="PEAK", stat_name="variant")["text"][0]
    assert peak["Hodges-Lehmann (90 % CI)"].startswith("\N{MULTIPLICATION SIGN} ")
    assert not age["Hodges-Lehmann (90 % CI)"].startswith("\N{MULTIPLICATION SIGN}")
    timed = associate(table(), PEAK, (PFS,), Univariable(name="a", methods=("cox",), permutations=100))
    row = _rows(associations(timed, {}, {}, {}, "exploratory"))[0]
    assert row["Checks"].startswith("proportional hazards P ")
    both = associations(pl.concat([found, timed]), {}, {}, {}, "prespecified") or associations(
        pl.concat([found, timed]), {}, {}, {}, "exploratory"
    )
    assert ci_label(pl.concat([found, timed])) == "CI"
    assert {row["Method"]: row["CI of"] for row in _rows(both)} == {"wilcoxon": "90 %", "firth": "90 %", "cox": "95 %"}
