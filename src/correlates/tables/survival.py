"""Times to an event as tables: medians, follow-up and tests of each analysis, and survival and incidence at the declared days."""

from __future__ import annotations

import json
from collections.abc import Mapping

import polars as pl

from correlates.rounding import NOTHING, fixed, interval, number, p_value
from correlates.tables.record import DisplayTable, counts, marked, numbers, words

METHODS = ("kaplan_meier", "cumulative_incidence")
"""Methods of the results shown here."""
_OF_CUTS = ("log_rank", "cutpoint", "gray")
"""Methods of biomarkers that are cut, whose groups are told at declared days beside them."""
_AT, _CUT_AT = "; day ", " on day "

Texts = Mapping[str, str]


def medians(results: pl.DataFrame, labels: Texts, reasons: Texts, notices: Texts) -> DisplayTable | None:
    """One row per group of a Kaplan-Meier analysis: events, median, follow-up; P of the comparison. None where there is none."""
    mine = results.filter(pl.col("method") == "kaplan_meier")
    if mine.is_empty():
        return None
    rows = []
    for (_,), part in mine.group_by("result_id", maintain_order=True):
        one = part.row(0, named=True)
        groups = part.filter(pl.col("stat_name") == "n")["level"].to_list()
        whole = dict(part.filter(pl.col("level") == "").select("stat_name", "value").iter_rows())
        for group in groups or [""]:
            told = dict(part.filter(pl.col("level") == group).select("stat_name", "value").iter_rows())
            rows.append((one, group, told, whole, len(groups) > 1))
    return DisplayTable(
        name="survival",
        title="Times to an event",
        columns=(
            words("Endpoint", [labels.get(o["endpoint"], o["endpoint"]) for o, *_ in rows], choose=True),
            words("Population", [labels.get(o["population"], o["population"]) for o, *_ in rows]),
            words("By", [labels.get(o["biomarker"], o["biomarker"]) or NOTHING for o, *_ in rows]),
            words("Group", [labels.get(f"class:{g}", g) or "all" for _, g, *_ in rows]),
            words("From", [_from(o) for o, *_ in rows]),
            counts("n", [_whole(t.get("n")) for _, _, t, *_ in rows]),
            counts("Events", [_whole(t.get("n_events")) for _, _, t, *_ in rows]),
            numbers("Median, days", [t.get("median") for _, _, t, *_ in rows], _reached),
            marked(
                "Limits",
                [_span(t.get("median_lower"), t.get("median_upper")) for _, _, t, *_ in rows],
                [t.get("median_lower") for _, _, t, *_ in rows],
            ),
            numbers("Median follow-up, days", [t.get("follow_up") for _, _, t, *_ in rows], _reached),
            marked(
                "Limits of it",
                [_span(t.get("follow_up_lower"), t.get("follow_up_upper")) for _, _, t, *_ in rows],
                [t.get("follow_up_lower") for _, _, t, *_ in rows],
            ),
            numbers("P (log-rank)", [w.get("p") if s else None for *_, w, s in rows], p_value),
            counts("Left out", [_left(w) for *_, w, _ in rows]),
            words("Remarks", [_remarks(o, reasons, notices) for o, *_ in rows]),
            words("Result", [o["result_id"] for o, *_ in rows]),
        ),
        note="Kaplan-Meier estimate; median with its limits (Brookmeyer and Crowley), not reached where the curve stays above one half. "
        "Follow-up: reverse Kaplan-Meier. P is two-sided and not adjusted. Left out: ended on or before the landmark, or group not known by then. "
        "Result: what 'correlates trace RUN --result' takes.",
    )


def at_days(results: pl.DataFrame, labels: Texts) -> DisplayTable | None:
    """Survival and cumulative incidence at the declared days; None where there is none."""
    wanted = results.filter(
        pl.col("stat_name").is_in(["survival", "incidence"]) & pl.col("method").is_in((*METHODS, *_OF_CUTS))
    )
    if wanted.is_empty():
        return None
    found = {
        (r, s, v): value for r, s, v, value in results.select("result_id", "stat_name", "level", "value").iter_rows()
    }
    rows = []
    for one in wanted.iter_rows(named=True):
        stat = one["stat_name"]
        if one["method"] in METHODS:
            name, day = _parted(one["level"])
            group, _, cause = name.rpartition("; ") if stat == "incidence" else (name, "", "")
        else:  # a group of a biomarker that was cut
            group, _, last = one["level"].rpartition(_CUT_AT)
            day, cause = float(last), "the event" if stat == "incidence" else ""
        low, high = (found.get((one["result_id"], f"{stat}_{end}", one["level"])) for end in ("lower", "upper"))
        rows.append((one, group, cause, day, low, high, found.get((one["result_id"], "n_risk", one["level"]))))
    return DisplayTable(
        name="survival_at_days",
        title="Survival and cumulative incidence at the declared days",
        columns=(
            words("Endpoint", [labels.get(o["endpoint"], o["endpoint"]) for o, *_ in rows], choose=True),
            words("By", [labels.get(o["biomarker"], o["biomarker"]) or NOTHING for o, *_ in rows]),
            words("Group", [labels.get(f"class:{g}", g) or "all" for _, g, *_ in rows]),
            words("What", [f"Incidence of {c}" if c else "Without the event" for _, _, c, *_ in rows], choose=True),
            numbers("Day", [d for _, _, _, d, *_ in rows], number),
            numbers("Estimate", [o["value"] for o, *_ in rows], fixed),
            marked("Limits", [interval(lo, hi) for *_, lo, hi, _ in rows], [lo for *_, lo, _, _ in rows]),
            counts("At risk", [_whole(n) for *_, n in rows]),
            words("From", [_from(o) for o, *_ in rows]),
        ),
        note="A dash: nobody of the group was followed that long, or no limit exists there (an estimate of 0 or 1).",
    )


def _parted(level: str) -> tuple[str, float]:
    """Group (and cause) and day of a level."""
    name, at, day = level.rpartition(_AT)
    return (name, float(day)) if at else ("", float(level.removeprefix("day ")))


def _from(one: Mapping[str, object]) -> str:
    landmark = json.loads(str(one["settings"])).get("landmark")
    clock = str(one["endpoint"]).partition(" [from ")[2].removesuffix("]")  # of an analysis that counts from a landmark
    return f"day {landmark:g}" if landmark is not None else clock or "start"


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _left(whole: Mapping[str, float | None]) -> int:
    return int((whole.get("left_out_early") or 0) + (whole.get("left_out_unknown") or 0))


def _reached(value: float | None) -> str:
    return "not reached" if value is None else number(value)


def _span(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return NOTHING
    return f"{_reached(low)} to {_reached(high)}"


_OF_ONE = ("not-reached", "not-adjusted", "no-limit", "beyond-follow-up")


def _remarks(one: Mapping[str, object], reasons: Texts, notices: Texts) -> str:
    told = [n for n in one["notices"] if n not in _OF_ONE]  # type: ignore[attr-defined]
    words_ = [reasons.get(str(one["error"]), str(one["error"]))] if one["error"] else []
    return "; ".join([*words_, *(notices.get(n, n) for n in told)])
