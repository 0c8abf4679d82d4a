"""A number back to its wells: what it was made of, by which rule, from which file, sheet and row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from correlates.errors import Problem, UsageError, unknown
from correlates.pipeline.store import FinishedRun, open_run
from correlates.terms import Censoring, OutcomeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One step of a lineage: what it is, its facts, and what it was made of."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    sources: tuple[Node, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """The node for ``--json``."""
        return {"title": self.title, "facts": dict(self.facts), "sources": [s.as_dict() for s in self.sources]}


def trace_value(folder: Path, code: str, subject: str) -> Node:
    """The lineage of a parameter or an outcome of one subject.

    Raises
    ------
    UsageError
        No such run, code or subject.
    """
    run = open_run(folder)
    parameters, outcomes = run.table("parameters"), run.table("outcomes")
    codes = sorted({*parameters["code"].unique(), *outcomes["endpoint"].unique()})
    subjects = sorted({*parameters["subject_id"].unique(), *outcomes["subject_id"].unique()})
    problems = []
    if code not in codes:
        problems.append(unknown("parameter or endpoint", code, codes, code="unknown-code"))
    if subject not in subjects:
        problems.append(unknown("subject", subject, subjects, code="unknown-subject"))
    if problems:
        raise UsageError(problems)
    if code in set(parameters["code"]):
        return _parameter(run, code, subject)
    return _outcome(run, code, subject)


def _endpoints(name: str) -> list[str]:
    """Columns of the analysis table that the endpoint of a result stands for: two of a joint model, one on any clock."""
    from correlates.association.inquiry import BETWEEN
    from correlates.association.timing import clock_of

    return [clock_of(part)[0] for part in name.split(BETWEEN)]


def trace_result(folder: Path, result_id: str) -> Node:
    """The lineage of a result: its statistics, rules, and the subjects and values that went in.

    Raises
    ------
    UsageError
        No such run or result.
    """
    from correlates.association.notices import Notice

    run = open_run(folder)
    results = run.table("results")
    rows = results.filter(pl.col("result_id") == result_id)
    if rows.is_empty():
        raise UsageError(
            Problem(
                code="unknown-result",
                what=f"There is no result {result_id!r}",
                expected=f"a result_id of {run.folder / 'tables' / 'results.parquet'}",
                do="The report shows the id of every result",
            )
        )
    first = rows.row(0, named=True)
    facts = [
        ("analysis", first["analysis_id"]),
        ("biomarker", first["biomarker"] or "none: everybody together"),
        ("endpoint", first["endpoint"]),
        ("population", first["population"]),
        ("method", first["method"]),
        ("declared", "prespecified" if first["prespecified"] else "exploratory"),
        ("family", first["family"] or "none"),
        ("subjects", _text(first["n"])),
    ]
    if first["error"]:
        facts.append(("not computed", first["error"]))
    for row in rows.iter_rows(named=True):
        level = f" [{row['level']}]" if row["level"] else ""
        shown = row["text"] if row["value"] is None else _text(row["value"])
        facts.append((f"{row['stat_label']}{level}", shown or "null"))
    facts += [(f"rule: {key}", _text(value)) for key, value in json.loads(first["settings"]).items()]
    if first["notices"]:
        facts.append(("notices", ", ".join(first["notices"])))
    biomarker, endpoints = first["biomarker"], _endpoints(first["endpoint"])
    analysis = inside = _on_clock(run, first, endpoints)
    if f"population:{first['population']}" in analysis.columns:
        inside = analysis.filter(pl.col(f"population:{first['population']}"))
    held = [name for name in (biomarker, *endpoints) if name]  # a result of everybody together has no biomarker
    # where the excluded are compared with the analysed, whoever lacks the second column belongs to the comparison
    absent = "analysed" in rows["level"].to_list()
    there = pl.any_horizontal(pl.col(endpoints).is_not_null()) if endpoints and not absent else pl.lit(value=True)
    if biomarker:
        there = there & pl.col(biomarker).is_not_null()
    if biomarker and Notice.CENSORED_EXCLUDED.value in first["notices"]:
        there = there & (pl.col(f"{biomarker}|censoring") == Censoring.NONE.value)
    used = inside.filter(there).sort(held[::-1])
    sources = tuple(
        Node(title=f"{row['subject_id']}: {', '.join(_held(row, name) for name in held)}")
        for row in used.iter_rows(named=True)
    )
    left_out = inside.filter(~there)["subject_id"].to_list()
    if left_out:
        facts.append(
            (f"took no part (without {' or '.join(held)} as this result needs them)", ", ".join(sorted(left_out)))
        )
    return Node(title=f"Result {result_id}", facts=tuple(facts), sources=sources)


def _on_clock(run: FinishedRun, result: Mapping[str, Any], columns: Sequence[str]) -> pl.DataFrame:
    """The analysis table as a result saw it: from a landmark, or without those for whom the value came to be known too late."""
    from correlates.association.inquiry import BETWEEN
    from correlates.association.settings import Endpoint
    from correlates.association.timing import FROM_KNOWN, at_landmark, clock_of, day_of

    analysis, parameters, outcomes = run.table("analysis"), run.table("parameters"), run.table("outcomes")
    biomarker = result["biomarker"]
    timed = [c for c in columns if f"{c}|event" in analysis.columns]
    clocks = [clock_of(part)[1] for part in result["endpoint"].split(BETWEEN)]
    declared = json.loads(result["settings"]).get("landmark")
    day = next((d for d in (declared, *map(day_of, clocks)) if d is not None), None)
    if day is not None:
        kinds = {c: OutcomeKind.TIME if c in timed else OutcomeKind.BINARY for c in columns}
        ends = [Endpoint(name=c, label=c, kind=kind) for c, kind in kinds.items()]
        grouping = outcomes.filter(pl.col("endpoint") == biomarker).select(
            "subject_id", "known_on_day", code="endpoint"
        )  # a class that groups the subjects counts as known when it was decided
        known = pl.concat([parameters.select("subject_id", "known_on_day", "code"), grouping], how="vertical_relaxed")
        return at_landmark(analysis, known, outcomes, ends, day)
    if FROM_KNOWN in clocks and biomarker:
        days = parameters.filter(pl.col("code") == biomarker).select("subject_id", entry="known_on_day")
        entry = pl.max_horizontal("entry", pl.lit(0.0)).fill_null(float("inf"))
        joined = analysis.join(days, on="subject_id", how="left", maintain_order="left")
        seen = [pl.when(pl.col(c) > entry).then(pl.col(c)).otherwise(None).alias(c) for c in timed]
        return joined.with_columns(seen).drop("entry")
    return analysis


def _held(row: Mapping[str, object], name: str) -> str:
    """A column of the analysis table in words; of a time, whether it ended in an event and which."""
    shown = f"{name} = {_bound(row.get(f'{name}|censoring'))}{_text(row[name])}"
    if f"{name}|event" not in row:
        return shown
    return f"{shown} ({row.get(f'{name}|cause') or 'event'})" if row[f"{name}|event"] else f"{shown} (censored)"


def _parameter(run: FinishedRun, code: str, subject: str) -> Node:
    rows = run.table("parameters").filter((pl.col("code") == code) & (pl.col("subject_id") == subject))
    if rows.is_empty():
        return Node(title=f"{code} of {subject}: not derived")
    row = rows.row(0, named=True)
    shown = (
        row["category"]
        if row["value"] is None
        else f"{_bound(row['censoring'])}{_text(row['value'])} {row['unit'] or ''}"
    )
    facts = [("parameter", row["label"]), ("value", (shown or "null").strip()), ("timing", row["timing"])]
    if row["reason"]:
        facts.append(("no value because", row["reason"]))
    if row["day"] is not None:
        facts.append(("day", _text(row["day"])))
    if row["known_on_day"] is not None:
        facts.append(("known on day", _text(row["known_on_day"])))
    facts += [(f"rule: {key}", _text(value)) for key, value in json.loads(row["rule"]).items() if value is not None]
    return Node(title=f"{code} of {subject}", facts=tuple(facts), sources=_sources(run, row["source_ids"]))


def _outcome(run: FinishedRun, name: str, subject: str) -> Node:
    rows = run.table("outcomes").filter((pl.col("endpoint") == name) & (pl.col("subject_id") == subject))
    if rows.is_empty():
        return Node(title=f"{name} of {subject}: not derived")
    row = rows.row(0, named=True)
    facts = [
        (key, _text(row[key]))
        for key in ("category", "event", "grade", "scale", "time", "day", "known_on_day", "reason", "detail")
        if row[key] is not None
    ]
    facts += [(f"rule: {key}", _text(value)) for key, value in json.loads(row["rule"]).items() if value is not None]
    return Node(title=f"{name} of {subject}", facts=tuple(facts), sources=_sources(run, row["source_ids"]))


def _sources(run: FinishedRun, ids: Sequence[str]) -> tuple[Node, ...]:
    measurements = run.table("measurements").filter(pl.col("measurement_id").is_in(list(ids)))
    nodes = [_measurement(run, row) for row in measurements.sort("study_day").iter_rows(named=True)]
    known = set(measurements["measurement_id"])
    files = {row["file_id"]: row["path"] for row in run.table("files").iter_rows(named=True)}
    for identifier in ids:
        if identifier in known:
            continue
        head, at, subject = identifier.rpartition("@")
        if at:
            nodes.append(_parameter(run, head, subject) if _is_parameter(run, head) else _outcome(run, head, subject))
            continue
        file_id, _, row_number = identifier.rpartition("/")
        place = files.get(file_id.split("/")[0], file_id)
        nodes.append(Node(title=f"{place}, row {row_number}"))
    return tuple(nodes)


def _is_parameter(run: FinishedRun, code: str) -> bool:
    return not run.table("parameters").filter(pl.col("code") == code).is_empty()


def _measurement(run: FinishedRun, row: dict[str, object]) -> Node:
    facts = [
        ("assay", _text(row["assay"])),
        ("sample", _text(row["sample_id"])),
        ("study day", _text(row["study_day"])),
        ("value", f"{_bound(row['censoring'])}{_text(row['value'])} {row['unit']}"),
    ]
    if row["lower"] is not None or row["upper"] is not None:
        facts.append(("95 % interval", f"{_text(row['lower'])} to {_text(row['upper'])}"))
    for key, label in (("lloq", "LLOQ"), ("uloq", "ULOQ"), ("n_replicates", "replicates"), ("cv", "CV (%)")):
        if row[key] is not None:
            facts.append((label, _text(row[key])))
    if row["reason"]:
        facts.append(("reason", f"{row['reason']}: {row['detail'] or ''}"))
    sources = []
    if row["chain"]:
        sources.append(_chain(str(row["chain"])))
    if row["curve_id"]:
        sources.append(_curve(run, str(row["curve_id"])))
    ids = row["source_ids"]
    sources += _wells(run, list(ids) if isinstance(ids, list) else [])
    return Node(title=f"Measurement {row['measurement_id']}", facts=tuple(facts), sources=tuple(sources))


def _chain(text: str) -> Node:
    facts = []
    for step in json.loads(text):
        values = [f"{key} {_text(value)}" for key, value in step.items() if key != "factor" and value is not None]
        facts.append((str(step.get("factor") or step.get("name") or "factor"), ", ".join(values)))
    return Node(title="Unit chain", facts=tuple(facts))


def _curve(run: FinishedRun, curve_id: str) -> Node:
    rows = run.table("curves").filter(pl.col("curve_id") == curve_id)
    if rows.is_empty():
        return Node(title=f"Curve {curve_id}")
    row = rows.row(0, named=True)
    keys = (
        "model",
        "plate",
        "target",
        "slope",
        "intercept",
        "r_squared",
        "parameters",
        "residual_sd",
        "n_levels",
        "n_wells",
        "lowest",
        "highest",
        "accepted",
    )
    facts = [(key.replace("_", " "), _text(row[key])) for key in keys if row[key] is not None]
    if row["efficiency"] is not None:
        facts.append(("efficiency", f"{100 * row['efficiency']:.2f} %"))
    items = [row["plate"], f"{row['file_id']}/{row['plate']}"]
    failed = run.table("checks").filter(pl.col("item").is_in(items) & ~pl.col("passed"))
    facts += [
        (f"check: {check['rule']}", f"found {check['found']}, required {check['required']}: {check['action']}")
        for check in failed.iter_rows(named=True)
        if check["target"] in (None, row["target"])
    ]
    return Node(title=f"Curve {curve_id}", facts=tuple(facts))


def _wells(run: FinishedRun, ids: list[str]) -> list[Node]:
    files = {row["file_id"]: row["path"] for row in run.table("files").iter_rows(named=True)}
    wells = run.table("wells").filter(pl.col("well_id").is_in(ids))
    return [
        Node(
            title=f"Well {row['well']} of plate {row['plate']}",
            facts=tuple(
                (label, value)
                for label, value in (
                    ("target", row["target"]),
                    (
                        str(row["signal_kind"]),
                        _text(row["signal"]) if row["signal"] is not None else _text(row["flag"]),
                    ),
                    ("positives", _text(row["positives"])),
                    ("partitions", _text(row["partitions"])),
                    ("beads", _text(row["count"])),
                    ("file", files.get(row["file_id"], row["file_id"])),
                    ("sheet", row["sheet"]),
                    ("row", _text(row["row"])),
                )
                if value not in (None, "null")
            ),
        )
        for row in wells.iter_rows(named=True)
    ]


def _bound(censoring: object) -> str:
    return {"left": "<= ", "right": ">= "}.get(str(censoring), "")


def _text(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, list | dict) else str(value)
