"""Swimmer plot: one lane per subject, coloured by the response it is in, with what happened on the way."""

from __future__ import annotations

from typing import Any

import polars as pl

from correlates.figures.record import Drawn, Figure, Tables
from correlates.figures.settings import FigureSettings
from correlates.figures.theme import GREY, INK, PALE, RESPONSE_COLOURS, VERMILION, chart, layer, rows, tip
from correlates.schema import COURSES, OUTCOMES
from correlates.terms import Response

_LANE, _MARK = "lane", "mark"
_BEFORE = "no response yet"
_STATES: tuple[tuple[str, str], ...] = (
    *((r.value, RESPONSE_COLOURS[r.value]) for r in Response if r not in (Response.PD, Response.NE)),
    (_BEFORE, PALE),
    (Response.PD.value, "#f2c4a6"),  # paler than the mark of progression that stands on it
)
_EVENTS: tuple[tuple[str, str, str, str], ...] = (
    ("progression", "Progression", "diamond", VERMILION),
    ("new_therapy", "New anticancer therapy", "triangle-up", INK),
    ("transplant", "Stem-cell transplant", "square", INK),
    ("death", "Death", "cross", INK),
    ("ongoing", "In follow-up", "triangle-right", GREY),
)


def _draw(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    wanted = settings.response
    if wanted is None:
        return ()
    course = tables["courses"].filter((pl.col("endpoint") == wanted.best) & pl.col("day").is_not_null())
    if course.is_empty():
        return ()
    lanes, marks = [], []
    ordered = course.sort("subject_id", "day", "event", "response")
    for (subject,), group in ordered.group_by("subject_id", maintain_order=True):
        found = _subject(str(subject), group, wanted.last_day)
        lanes += found[0]
        marks += found[1]
    best = dict(
        tables["outcomes"].filter(pl.col("endpoint") == wanted.best).select("subject_id", "category").iter_rows()
    )
    ends = {lane["subject_id"]: lane["to_day"] for lane in lanes}  # the last lane of a subject ends it
    places = {s: i for i, s in enumerate(sorted(ends, key=lambda s: (-ends[s], s)), start=1)}
    schema = {
        "kind": pl.String,
        "place": pl.Int64,
        "subject_id": pl.String,
        "day": pl.Float64,
        "to_day": pl.Float64,
        "state": pl.String,
        "best": pl.String,
    }
    made = [
        {**row, "place": places[row["subject_id"]], "best": settings.class_label(best.get(row["subject_id"]) or "none")}
        for row in (*lanes, *marks)
    ]
    data = pl.DataFrame(made, schema=schema).sort("kind", "place", "day", "state")
    return (_chart(data, settings, wanted.best),)


def _subject(
    subject: str, group: pl.DataFrame, last: float | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Lanes and marks of one subject: a response holds from its day to the next one, or to the end."""
    events = group.to_dicts()
    end = max(e["day"] for e in events)
    died = next((e["day"] for e in events if e["event"] == "death"), None)
    end = died if died is not None else end
    stop = end if last is None else min(end, last)
    responses = [e for e in events if e["event"] == "response" and e["response"] != Response.NE.value and e["day"] > 0]
    lanes: list[dict[str, Any]] = []
    since, state = 0.0, _BEFORE
    for response in (*responses, None):
        to = stop if response is None else min(float(response["day"]), stop)
        if to > since and lanes and lanes[-1]["state"] == state:
            lanes[-1]["to_day"] = to
        elif to > since:
            lanes.append(_row(_LANE, subject, since, to, state))
        if response is None:
            break
        since, state = max(to, since), response["response"]
    if not lanes:
        lanes.append(_row(_LANE, subject, 0.0, max(float(stop), 0.5), state))
    first = next((e["day"] for e in responses if e["response"] == Response.PD.value), None)
    known = {e["event"]: e["day"] for e in reversed(events) if e["event"] in ("new_therapy", "transplant", "death")}
    happened = {"progression": first, **known, "ongoing": None if died is not None else end}
    marks = [
        _row(_MARK, subject, float(day), None, label)
        for event, label, _, _ in _EVENTS
        if (day := happened.get(event)) is not None and (last is None or day <= last)
    ]
    return lanes, marks


def _row(kind: str, subject: str, day: float, to: float | None, state: str) -> dict[str, Any]:
    return {"kind": kind, "subject_id": subject, "day": day, "to_day": to, "state": state}


def _chart(data: pl.DataFrame, settings: FigureSettings, endpoint: str) -> Drawn:
    there = data["state"].unique().to_list()
    lane_names = [name for name, _ in _STATES if name in there]
    lane_colours = [colour for name, colour in _STATES if name in there]
    marks = [(label, shape, colour) for _, label, shape, colour in _EVENTS if label in there]
    n = data["subject_id"].n_unique()
    y: dict[str, Any] = {
        "field": "place",
        "type": "ordinal",
        "axis": {"labels": False, "ticks": False, "title": f"Subjects (n = {n})", "domain": False, "grid": False},
        "scale": {"paddingInner": 0.25},
    }
    longest = float(data["to_day"].max())  # type: ignore[arg-type]
    x: dict[str, Any] = {
        "field": "day",
        "type": "quantitative",
        "title": "Time from infusion (days)",
        "scale": {"domain": [0, longest * 1.02], "nice": False},
        "axis": {"grid": True, "tickCount": 10},
    }
    says = [
        tip("subject_id", "subject"),
        tip("state", "what"),
        tip("day", "from day", number=True),
        tip("best", "best response"),
    ]
    bars = layer(
        "drawn",
        {"type": "bar"},
        x=x,
        x2={"field": "to_day"},
        y=y,
        color={
            "field": "state",
            "type": "nominal",
            "scale": {"domain": lane_names, "range": lane_colours},
            "legend": {"orient": "top", "title": "Response", "symbolType": "square", "columns": 8},
        },
        tooltip=[*says, tip("to_day", "to day", number=True)],
    )
    bars["transform"] = [{"filter": f"datum.kind == '{_LANE}'"}]
    happened = {
        "field": "state",
        "type": "nominal",
        "legend": {"orient": "bottom", "title": "Event", "symbolSize": 50, "columns": 5},
    }
    points = layer(
        "drawn",
        {"type": "point", "filled": True, "size": 30, "opacity": 1},
        x=x,
        y=y,
        color={**happened, "scale": {"domain": [m[0] for m in marks], "range": [m[2] for m in marks]}},
        shape={**happened, "scale": {"domain": [m[0] for m in marks], "range": [m[1] for m in marks]}},
        tooltip=says,
    )
    points["transform"] = [{"filter": f"datum.kind == '{_MARK}'"}]
    step = 7 if n > 60 else 10
    body = {
        "width": 590,
        "height": step * n + 4,
        "layer": [bars, points],
        "resolve": {"scale": {"color": "independent", "shape": "independent"}},
    }
    return Drawn(
        name="swimmer",
        title="Course of each subject",
        caption=f"One lane per treated subject, the longest follow-up on top ({n} subjects; {settings.label(endpoint).lower()}). Colour: "
        "the response from the day it was assessed until the next assessment or the end of follow-up; assessments that were not "
        "evaluable leave it as it was. A lane ends at death or at the last contact.",
        spec=chart(body, {"drawn": rows(data)}),
        data=data,
    )


SWIMMER = Figure(
    code="swimmer",
    label="Swimmer plot",
    section="outcomes",
    needs=(COURSES, OUTCOMES),
    draw=_draw,
    shows="One lane per subject over time: response, progression, new therapy, transplant, death, follow-up",
    citation="Chia 2016, J Natl Cancer Inst 108:djw031",
)
