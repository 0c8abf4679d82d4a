"""Flow of subjects: from all subjects over the treated and evaluable ones to those an analysis sees, with why the others are not in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import polars as pl

from correlates.figures.record import Drawn, Figure, Tables
from correlates.figures.settings import FigureSettings, Flow
from correlates.figures.theme import BLUE, GREY, INK, chart, layer, rows
from correlates.schema import ANALYSIS, EXCLUSIONS, OUTCOMES, SUBJECTS
from correlates.terms import Reason

_WIDTH, _GAP = 620, 16
_LINE = 13
_POPULATION = "population:"


def _draw(tables: Tables, settings: FigureSettings) -> tuple[Drawn, ...]:
    wanted = settings.flow
    if wanted is None or tables["subjects"].is_empty():
        return ()
    subjects = tables["subjects"]
    treated = subjects.filter(pl.col("infusion_date").is_not_null())["subject_id"]
    outcomes = tables["outcomes"]
    branches = [e for e in wanted.endpoints if not outcomes.filter(pl.col("endpoint") == e).is_empty()]
    if not branches:
        return ()
    boxes: list[dict[str, Any]] = []
    middle = _WIDTH / 2
    y = 0.0
    y = _stack(boxes, "subjects", f"Subjects (n = {subjects.height})", middle, y, _WIDTH * 0.45)
    untreated = subjects.height - treated.len()
    if untreated:
        side = _lines(Counter({settings.reasons.get(Reason.NOT_TREATED, "not treated"): untreated}))
        y = _aside(boxes, "subjects", untreated, side, middle, y, _WIDTH)
    y = _stack(boxes, "treated", f"Treated (n = {treated.len()})", middle, y, _WIDTH * 0.45)
    top, width = y, (_WIDTH - _GAP * (len(branches) - 1)) / len(branches)
    for place, endpoint in enumerate(branches):
        left = place * (width + _GAP)
        _branch(boxes, endpoint, left, width, top, tables, wanted, settings, set(treated))
    data = pl.DataFrame(
        boxes,
        schema={
            "branch": pl.String,
            "step": pl.String,
            "kind": pl.String,
            "n": pl.Int64,
            "text": pl.String,
            "x": pl.Float64,
            "x2": pl.Float64,
            "y": pl.Float64,
            "y2": pl.Float64,
        },
    )
    return (_chart(data, branches, settings),)


def _branch(
    boxes: list[dict[str, Any]],
    endpoint: str,
    left: float,
    width: float,
    top: float,
    tables: Tables,
    wanted: Flow,
    settings: FigureSettings,
    treated: set[str],
) -> None:
    """The boxes of one endpoint: without an outcome by reason, evaluable, and the populations within."""
    rows_ = tables["outcomes"].filter((pl.col("endpoint") == endpoint) & pl.col("subject_id").is_in(list(treated)))
    known = pl.any_horizontal(pl.col("category", "event", "grade", "time").is_not_null())
    inside = set(rows_.filter(known)["subject_id"])
    lost = Counter(settings.reasons.get(r, r) for r in rows_.filter(~known)["reason"].fill_null("no reason given"))
    populations = [p for p in wanted.populations if f"{_POPULATION}{p}" in tables["analysis"].columns]
    steps = _members(inside, populations, tables["analysis"])
    aside = bool(lost) or any(len(after) < len(before) for before, after in pairwise((inside, *steps)))
    x = left + width * (0.27 if aside else 0.5)
    box = width * (0.54 if aside else 0.8)
    y = top
    if lost:
        y = _aside(boxes, endpoint, sum(lost.values()), _lines(lost), x, y, left + width, branch=endpoint)
    name = settings.label(endpoint)
    y = _stack(boxes, "evaluable", f"{name}: evaluable (n = {len(inside)})", x, y, box, branch=endpoint)
    for population, members in zip(populations, steps, strict=True):
        column = f"{_POPULATION}{population}"
        without = inside - members
        if without:
            why = _why(tables["exclusions"], column, without, settings)
            y = _aside(boxes, endpoint, len(without), _lines(why), x, y, left + width, branch=endpoint)
        inside = members
        text = f"{settings.label(population)}: analysed (n = {len(inside)})"
        y = _stack(boxes, population, text, x, y, box, branch=endpoint)


def _members(inside: set[str], populations: list[str], analysis: pl.DataFrame) -> list[set[str]]:
    """Who is left after each population."""
    left, steps = set(inside), []
    for population in populations:
        left = left & set(analysis.filter(pl.col(f"{_POPULATION}{population}"))["subject_id"])
        steps.append(left)
    return steps


def _why(exclusions: pl.DataFrame, scope: str, subjects: Iterable[str], settings: FigureSettings) -> Counter[str]:
    """The first reason of each subject."""
    mine = exclusions.filter((pl.col("scope") == scope) & pl.col("subject_id").is_in(list(subjects)))
    first = mine.sort("subject_id", "reason", "detail").unique("subject_id", keep="first", maintain_order=True)
    return Counter(settings.reasons.get(r, r) for r in first["reason"])


def _lines(counts: Counter[str]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return "\n".join(line for words, n in ordered for line in _wrapped(f"{words}: {n}"))


def _wrapped(text: str, most: int = 34) -> list[str]:
    lines: list[str] = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > most:
            lines.append("  " + word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip() if len(lines) == 1 else f"{lines[-1]} {word}"
    return lines


def _stack(
    boxes: list[dict[str, Any]], step: str, text: str, x: float, y: float, width: float, branch: str = ""
) -> float:
    """A box of the stem below what is there; gives where the next one begins."""
    count = int(text.rpartition("n = ")[2].rstrip(")"))
    text = "\n".join(
        line.strip() for line in _wrapped(text.replace(" (n = ", "\u00a0(n\u00a0=\u00a0"), int(width / 6.4))
    )
    high = _LINE * (text.count("\n") + 1) + 12
    boxes.append(
        {
            "branch": branch,
            "step": step,
            "kind": "in",
            "n": count,
            "text": text,
            "x": x - width / 2,
            "x2": x + width / 2,
            "y": y,
            "y2": y + high,
        }
    )
    return y + high + _GAP


def _aside(
    boxes: list[dict[str, Any]], step: str, n: int, text: str, x: float, y: float, right: float, branch: str = ""
) -> float:
    """A box of those left out, beside the stem."""
    words = f"Not in (n = {n})\n{text}"
    high = _LINE * (words.count("\n") + 1) + 10
    boxes.append(
        {
            "branch": branch,
            "step": step,
            "kind": "out",
            "n": n,
            "text": words,
            "x": x + _GAP,
            "x2": right,
            "y": y,
            "y2": y + high,
        }
    )
    return y + high + _GAP


def _chart(data: pl.DataFrame, branches: list[str], settings: FigureSettings) -> Drawn:
    high = float(data["y2"].max())  # type: ignore[arg-type]
    x: dict[str, Any] = {
        "field": "x",
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [0, _WIDTH], "nice": False, "zero": False},
    }
    y: dict[str, Any] = {
        "field": "y",
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [0, high], "reverse": True, "nice": False, "zero": False},
    }
    frame = layer(
        "drawn",
        {"type": "rect", "fill": "white", "strokeWidth": 1.2, "cornerRadius": 2},
        x=x,
        x2={"field": "x2"},
        y=y,
        y2={"field": "y2"},
        stroke={
            "field": "kind",
            "type": "nominal",
            "scale": {"domain": ["in", "out"], "range": [BLUE, GREY]},
            "legend": None,
        },
    )
    inside = layer(
        "drawn",
        {"type": "text", "align": "center", "baseline": "middle", "lineBreak": "\n", "lineHeight": _LINE, "color": INK},
        x={**x, "field": "centre"},
        y={**y, "field": "first"},
        text={"field": "text", "type": "nominal"},
    )
    centre = {"calculate": "(datum.x + datum.x2) / 2", "as": "centre"}
    first = {
        "calculate": f"(datum.y + datum.y2) / 2 - (split(datum.text, '\\n').length - 1) * {_LINE / 2}",
        "as": "first",
    }
    inside["transform"] = [{"filter": "datum.kind == 'in'"}, centre, first]
    outside = layer(
        "drawn",
        {
            "type": "text",
            "align": "left",
            "baseline": "middle",
            "lineBreak": "\n",
            "lineHeight": _LINE,
            "color": INK,
            "fontSize": 10,
        },
        x={**x, "field": "left"},
        y={**y, "field": "first"},
        text={"field": "text", "type": "nominal"},
    )
    outside["transform"] = [{"filter": "datum.kind == 'out'"}, {"calculate": "datum.x + 6", "as": "left"}, first]
    links = _links(data)
    rule = {
        "mark": {"type": "rule", "color": GREY, "strokeWidth": 1.2},
        "data": {"name": "links"},
        "encoding": {
            "x": {**x, "field": "from_x"},
            "x2": {"field": "to_x"},
            "y": {**y, "field": "from_y"},
            "y2": {"field": "to_y"},
        },
    }
    body = {"width": _WIDTH, "height": high, "layer": [rule, frame, inside, outside]}
    named = ", ".join(settings.label(b) for b in branches)
    return Drawn(
        name="flow",
        title="Flow of subjects",
        caption=f"Subjects from the clinical records to what the analyses see, by endpoint: {named}. Grey boxes: who is not in, by the "
        "first reason of each; every subject is named in the table of exclusions.",
        spec=chart(body, {"drawn": rows(data), "links": links}),
        data=data,
    )


def _links(data: pl.DataFrame) -> list[dict[str, float]]:
    """Lines from each box of the stem to the next, and to the boxes beside it."""
    links: list[dict[str, float]] = []

    def line(x: float, y: float, x2: float, y2: float) -> None:
        links.append({"from_x": x, "from_y": y, "to_x": x2, "to_y": y2})

    stem = list(data.filter(pl.col("branch") == "").iter_rows(named=True))
    trunk = [b for b in stem if b["kind"] == "in"]
    _chain(line, stem)
    foot = trunk[-1]
    middle, low = (foot["x"] + foot["x2"]) / 2, foot["y2"]
    for branch in data.filter(pl.col("branch") != "")["branch"].unique(maintain_order=True):
        mine = list(data.filter(pl.col("branch") == branch).iter_rows(named=True))
        first = next(b for b in mine if b["kind"] == "in")
        x = (first["x"] + first["x2"]) / 2
        line(middle, low, middle, low + _GAP / 2)
        line(middle, low + _GAP / 2, x, low + _GAP / 2)
        line(x, low + _GAP / 2, x, first["y"])
        _chain(line, mine)
    return links


def _chain(line: Any, boxes: list[dict[str, Any]]) -> None:
    trunk = [b for b in boxes if b["kind"] == "in"]
    x = (trunk[0]["x"] + trunk[0]["x2"]) / 2
    for upper, lower in pairwise(trunk):
        line(x, upper["y2"], x, lower["y"])
    for box in boxes:
        if box["kind"] == "out":
            height = (box["y"] + box["y2"]) / 2
            line(x, height, box["x"], height)


FLOW = Figure(
    code="flow",
    label="Flow of subjects",
    section="overview",
    needs=(SUBJECTS, OUTCOMES, ANALYSIS, EXCLUSIONS),
    draw=_draw,
    shows="Subjects, treated, evaluable for each endpoint and analysed in each population, with why the others are not",
    citation="Schulz 2010 (CONSORT 2010), BMJ 340:c332",
)
