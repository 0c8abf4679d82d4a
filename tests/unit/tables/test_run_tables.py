"""The tables of assays, checks, parameters and files."""

from __future__ import annotations

import polars as pl
import pytest
from tests.unit.figures.small_run import LABELS, curve, curves, empty, measurement, measurements

from correlates import tables as show
from correlates.schema import CHECKS, FILES, PARAMETERS, conform
from correlates.tables.record import DisplayTable, numbers, words


def _check(**more):
    row = {
        "check_id": f"{more}",
        "stage": "quantify",
        "assay": "qpcr",
        "scope": "plate",
        "item": "f/P2",
        "target": "CAR",
        "rule": "slope",
        "found": "-2.8",
        "required": "-3.6 to -3.1",
        "passed": False,
        "action": "excluded",
        "source_ids": [],
    }
    return row | more


def _checks(*rows):
    return conform(pl.DataFrame(list(rows)), CHECKS)


def test_a_curve_says_its_fit_whether_it_was_accepted_and_which_rules_it_failed():
    fit = {"r_squared": 0.99914, "efficiency": 0.9732, "n_levels": 7, "n_wells": 21, "lowest": 10.0, "highest": 1e6}
    frame = curves([curve("P1", -3.3878, **fit), curve("P2", -2.7961, accepted=False, **fit)])
    table = show.curves(
        frame, _checks(_check(), _check(item="f/P1", passed=True), _check(rule="ntc", target=None)), LABELS
    )
    row = {c.label: c.texts for c in table.columns}
    assert row["Plate"] == ("P2", "P1")  # what failed comes first
    assert row["Accepted"] == ("no", "yes")
    assert row["Slope"] == ("-2.796", "-3.388")
    assert row["R²"] == ("0.9991", "0.9991")
    assert row["Efficiency"] == ("97.3 %", "97.3 %")
    assert row["Rules that did not hold"] == ("slope -2.8; ntc -2.8", "–")


def test_measurements_are_counted_by_what_became_of_them():
    rows = [
        measurement("a", "A", 1, 5.0, lloq=0.1),
        measurement("b", "A", 2, 0.3, lloq=0.3, censoring="left"),
        measurement("c", "A", 3, 9e9, censoring="right"),
        measurement("d", "A", 4, None, reason="signal-missing"),
        measurement("e", "A", 5, 4.0, status="excluded", reason="plate-failed"),
    ]
    table = show.assays(measurements(rows), LABELS)
    row = {c.label: c.texts[0] for c in table.columns}
    assert (row["Samples"], row["Reported"], row["Excluded"], row["No value"]) == ("5", "3", "1", "1")
    assert (row["Below LLOQ"], row["Share below"], row["Above ULOQ"]) == ("1", "33 %", "1")
    assert row["Range of LLOQ"] == "0.1 to 0.3"
    assert row["Assay"] == "Cells by qPCR"


def test_rules_are_counted_and_the_failures_listed():
    frame = _checks(
        _check(), _check(item="f/P1", passed=True, action="none"), _check(rule="ntc", passed=True, action="none")
    )
    by_rule = show.checks_by_rule(frame, LABELS)
    assert by_rule.column("Rule").texts == ("slope", "ntc")
    assert (by_rule.column("Applied").texts, by_rule.column("Did not hold").texts) == (("2", "1"), ("1", "0"))
    assert by_rule.column("What was done").texts == ("excluded", "–")
    failed = show.checks(frame, LABELS)
    assert failed.height == 1
    assert failed.note.startswith("3 checks were made; 1 did not hold.")
    assert show.checks(frame.filter("passed"), LABELS) is None


def test_a_parameter_says_who_has_it_and_why_others_do_not():
    row = {"kind": "cmax", "label": "Peak", "unit": "cells/uL", "timing": "post", "rule": "{}", "source_ids": []}
    values = [(1.0, "left"), (2.0, "none"), (3.0, "none"), (4.0, "none"), (None, None)]
    frame = conform(
        pl.DataFrame(
            [
                {
                    **row,
                    "subject_id": f"S{i}",
                    "code": "CMAX",
                    "value": v,
                    "censoring": c,
                    "reason": None if c else "no-sample",
                }
                for i, (v, c) in enumerate(values)
            ],
            infer_schema_length=None,
        ),
        PARAMETERS,
    )
    shown = {c.label: c.texts[0] for c in show.parameters(frame, {"no-sample": "No measurement"}).columns}
    assert (shown["n"], shown["Censored"], shown["Share censored"], shown["Missing"]) == ("4", "1", "25 %", "1")
    assert (shown["Median"], shown["Quartiles"], shown["Range"]) == ("2.5", "1.75 to 3.25", "1 to 4")
    assert shown["Missing because"] == "No measurement"
    assert show.parameters(empty()["parameters"], {}) is None


def test_files_are_told_with_their_whole_fingerprint():
    row = {"file_id": "f", "path": "a.csv", "sha256": "ab" * 32, "size": 1234, "source": "qpcr", "reader": "csv"}
    table = show.files(conform(pl.DataFrame([row]), FILES))
    assert table.column("SHA-256").texts == ("ab" * 32,)
    assert table.column("Bytes").texts == ("1,234",)


@pytest.mark.parametrize("name", ["assays", "checks", "checks_by_rule", "files", "parameters"])
def test_tables_without_rows_are_none(name):
    frames = {"assays": "measurements", "checks_by_rule": "checks"}
    frame = empty()[frames.get(name, name)]
    assert getattr(show, name)(*((frame,) if name == "files" else (frame, {}))) is None
    assert show.curves(empty()["curves"], empty()["checks"], {}) is None
    assert show.agreement(empty()["agreement"], {}) is None


def test_columns_of_one_table_are_of_one_length():
    with pytest.raises(AssertionError, match="differ in length"):
        DisplayTable(name="x", title="x", columns=(words("a", ["1"]), numbers("b", [1.0, 2.0])))
