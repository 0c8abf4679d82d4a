from __future__ import annotations

import polars as pl
from tests.unit.figures.small_run import LABELS, comparison, odds, result, results

from correlates.tables import associations, comparisons

REASONS = {"too-few": "Too few subjects for the method"}
NOTICES = {"few-events": "The smaller class is small"}


def _table(rows, declared="prespecified", **more):
    return associations(results(rows), LABELS, REASONS, NOTICES, declared, **more)


def _row(table, code):
    at = table.column("Code").texts.index(code)
    return {column.label: column.texts[at] for column in table.columns}


def _wilcoxon(code, **more):
    common = {
        "result_id": f"{code}-w",
        "analysis_id": "screen",
        "biomarker": code,
        "endpoint": "durable",
        "method": "wilcoxon",
    }
    common |= more
    return [
        result("p", 0.03, **{**common, "notices": ["few-events"]}),
        result("p_adjusted", 0.06, **common),
        result("auc", 0.708, **common),
        result("auc_lower", 0.6, **common),
        result("auc_upper", 0.816, **common),
        result("n", 3.0, "yes", **{**common, "n": 3}),
        result("median", 12.5, "yes", **{**common, "n": 3}),
        result("median", 0.1, "no", **{**common, "n": 6, "notices": ["at-limit"]}),
    ]


def test_a_row_says_effect_interval_both_p_values_n_events_and_share_censored():
    row = _row(_table(_wilcoxon("CMAX")), "CMAX")
    assert row["Biomarker"] == "Peak"
    assert (row["Measure"], row["Estimate"], row["95 % CI"]) == ("AUC", "0.708", "0.600 to 0.816")
    assert (row["P"], row["P adjusted"]) == (".030", ".060")
    assert (row["n"], row["Events"], row["Censored"]) == ("9", "3", "11 %")
    assert row["Remarks"] == "The smaller class is small"


def test_a_median_at_a_limit_is_marked_as_a_bound():
    row = _row(_table(_wilcoxon("CMAX")), "CMAX")
    assert (row["Median, no event"], row["Median, event"]) == ("0.1†", "12.5")


def test_an_odds_ratio_says_what_it_is_per():
    row = _row(_table(odds("CMAX", "durable", (1.44, 1.17, 1.82))), "CMAX")
    assert (row["Measure"], row["Estimate"], row["95 % CI"]) == ("OR per doubling", "1.44", "1.17 to 1.82")


def test_numbers_sort_by_what_they_are_not_by_what_is_shown():
    rows = [*odds("A", "durable", (10.0, 9.0, 11.0), p=4e-9), *odds("B", "durable", (9.0, 8.0, 10.0), p=2e-4)]
    table = _table(rows)
    assert table.column("P").texts == ("< .001", "< .001")
    assert table.column("P").sort == (4e-9, 2e-4)
    assert table.column("Estimate").sort == (10.0, 9.0)


def test_prespecified_and_exploratory_are_apart():
    rows = [*odds("A", "durable", (2.0, 1.0, 3.0)), *odds("B", "durable", (2.0, 1.0, 3.0), prespecified=False)]
    assert _table(rows).column("Code").texts == ("A",)
    exploratory = _table(rows, "exploratory")
    assert exploratory.column("Code").texts == ("B",)
    assert exploratory.declared == "exploratory"
    assert _table(odds("A", "durable", (2.0, 1.0, 3.0)), "exploratory") is None


def test_a_failed_model_stays_as_a_row_with_its_reason():
    failed = [r | {"value": None, "text": None} for r in odds("A", "durable", (2.0, 1.0, 3.0), error="too-few")]
    row = _row(_table(failed), "A")
    assert row["Remarks"] == "Not computed: too few subjects for the method"
    assert (row["Estimate"], row["95 % CI"], row["P"], row["P adjusted"], row["Measure"]) == ("–",) * 5


def test_a_population_of_all_rows_is_said_once_and_several_have_a_column():
    one, two = odds("A", "durable", (2.0, 1.0, 3.0)), odds("A", "durable", (2.0, 1.0, 3.0), population="some")
    assert _table(one).note.startswith("Population: all.")
    both = _table(one + [r | {"result_id": "other"} for r in two])
    assert both.column("Population").texts == ("all", "some")


def test_comparisons_are_left_to_their_own_tables():
    tables = comparison()
    assert associations(tables["results"], LABELS, {}, {}, "prespecified", ("peak",)) is None


def test_a_comparison_says_its_classes():
    classes, _ = comparisons(comparison()["results"], ("peak",), LABELS, REASONS, NOTICES)
    assert classes.title == "Peak by durability at one year: classes"
    assert classes.column("Class").texts == ("Durable responders", "Relapsed", "Nonresponders")
    assert classes.column("Median, cells/µL").texts == ("61.0", "31.0", "2.00")
    assert classes.column("Quartiles").texts == ("51.0 to 71.0", "21.0 to 41.0", "1.00 to 3.00")


def test_a_comparison_says_its_tests_with_effects_and_both_p_values():
    _, tests = comparisons(comparison()["results"], ("peak",), LABELS, REASONS, NOTICES)
    assert tests.column("Compared").texts == (
        "All classes",
        "Durable responders against nonresponders",
        "Durable responders against relapsed",
    )
    assert tests.column("P").texts == (".012", "< .001", ".21")
    assert tests.column("P adjusted (Holm)").texts == ("–", "< .001", ".21")
    assert tests.column("HL ratio (95 % CI)").texts == ("–", "4.50 (1.50 to 9.25)", "–")
    assert tests.column("Test").texts[0] == "kruskal_wallis, H = 6.50, 2 df"
    assert tests.column("Test").texts[1] == "Wilcoxon rank-sum, exact"


def test_a_comparison_that_is_not_there_has_no_table():
    assert comparisons(comparison()["results"], ("other",), LABELS, {}, {}) == ()
    assert comparisons(comparison()["results"].filter(pl.lit(value=False)), ("peak",), LABELS, {}, {}) == ()
