"""Daily grades and treatments of a published CAR T-cell cohort (80 patients, days 0 to 14), through a plan."""

from __future__ import annotations

import statistics
from pathlib import Path

import polars as pl
from tests.external import external

from correlates.cli import main
from correlates.readers.grid import read_grid

PLAN = """
study: {{id: NULISA, title: Toxicity after CAR T-cell infusion}}
sources:
  ward:
    kind: daily
    file: {file}
    subject_id: ID
    day: therapy_day
    items: {{crs: crs_grade, icans: icans_grade, tocilizumab: toci, siltuximab: siltux, steroids: steroids, anakinra: anakinra}}
endpoints:
  crs:         {{derive: daily_grade, source: ward, item: crs, scale: astct_2019, window: [0, 14]}}
  icans:       {{derive: daily_grade, source: ward, item: icans, scale: astct_2019, window: [0, 14]}}
  crs_onset:   {{derive: onset, of: crs}}
  crs_days:    {{derive: duration, of: crs}}
  icans_onset: {{derive: onset, of: icans}}
  icans_days:  {{derive: duration, of: icans}}
  crs2:        {{derive: at_least, of: crs, grade: 2}}
  tocilizumab: {{derive: given, source: ward, items: [tocilizumab], window: [0, 14]}}
  siltuximab:  {{derive: given, source: ward, items: [siltuximab], window: [0, 14]}}
  steroids:    {{derive: given, source: ward, items: [steroids], window: [0, 14]}}
  anakinra:    {{derive: given, source: ward, items: [anakinra], window: [0, 14]}}
"""


def test_maxima_onset_duration_and_treatments_through_a_plan(tmp_path: Path) -> None:
    source = external("data/cohorts/nulisa_cart/swimmer_plot_data.xlsx")
    (tmp_path / "plan.yaml").write_text(PLAN.format(file=source))
    assert main(["run", str(tmp_path / "plan.yaml")]) == 0
    tables = tmp_path / "run" / "tables"
    outcomes = pl.read_parquet(tables / "outcomes.parquet")
    assert outcomes["subject_id"].n_unique() == 80

    # as published
    for name, counts in (("crs", [19, 18, 40, 2, 1]), ("icans", [47, 16, 5, 9, 3])):
        mine = outcomes.filter(pl.col("endpoint") == name)
        assert [mine.filter(pl.col("grade") == g).height for g in range(5)] == counts
        assert set(mine["scale"]) == {"astct_2019"}

    # onset, duration and treatments against a computation of plain loops over the cells
    rows = read_grid(source).frame.rows(named=True)
    for item, onset, days in (("crs_grade", "crs_onset", "crs_days"), ("icans_grade", "icans_onset", "icans_days")):
        cells: dict[str, dict[int, int]] = {}
        for row in rows:
            if row[item] not in (None, "NA"):
                day = int(row["therapy_day"])
                per = cells.setdefault(row["ID"].strip(), {})
                per[day] = max(int(row[item]), per.get(day, 0))
        first = {s: min(d for d, g in per.items() if g) for s, per in cells.items() if any(per.values())}
        last = {s: max(d for d, g in per.items() if g) for s, per in cells.items() if any(per.values())}
        found = {
            s: (t, e)
            for s, t, e in outcomes.filter(pl.col("endpoint") == onset)
            .select("subject_id", "time", "event")
            .iter_rows()
        }
        assert {s: t for s, (t, e) in found.items() if e} == first
        assert {s: t for s, (t, e) in found.items() if not e} == {
            s: max(per) for s, per in cells.items() if s not in first
        }
        lasted = outcomes.filter((pl.col("endpoint") == days) & pl.col("time").is_not_null())
        expected = {s: (last[s] - first[s] + 1, last[s] < max(cells[s])) for s in first}
        assert {s: (t, e) for s, t, e in lasted.select("subject_id", "time", "event").iter_rows()} == expected
        assert set(outcomes.filter((pl.col("endpoint") == days) & pl.col("time").is_null())["reason"]) == {
            "not-affected"
        }
    crs = outcomes.filter((pl.col("endpoint") == "crs_onset") & pl.col("event"))["time"]
    assert (statistics.median(crs), min(crs), max(crs)) == (2, 0, 10)
    for name, column in (
        ("tocilizumab", "toci"),
        ("siltuximab", "siltux"),
        ("steroids", "steroids"),
        ("anakinra", "anakinra"),
    ):
        given = {r["ID"].strip() for r in rows if r[column] == "1"}
        assert set(outcomes.filter((pl.col("endpoint") == name) & pl.col("event"))["subject_id"]) == given
    # a day that stands twice is named, a window that the records do not cover too
    rules = pl.read_parquet(tables / "checks.parquet")["rule"]
    assert {"day-twice", "toxicity-window-not-covered"} <= set(rules)
