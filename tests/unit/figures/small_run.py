"""Small tables of a run, written by hand: what the figures and display tables are tested on."""

from __future__ import annotations

import json

import polars as pl

from correlates.figures import Expansion, FigureSettings, Forest
from correlates.schema import (
    ANALYSIS,
    CURVE_POINTS,
    CURVES,
    MEASUREMENTS,
    OUTCOMES,
    PARAMETERS,
    RESULTS,
    TABLES,
    conform,
)

CLASSES = ("durable", "relapsed", "nonresponder")
LABELS = {
    "class:durable": "Durable responders",
    "class:relapsed": "Relapsed",
    "class:nonresponder": "Nonresponders",
    "class:undetermined": "Undetermined",
    "durability": "Durability at one year",
    "durable": "Durable response",
    "crs3": "CRS grade >= 3",
    "CMAX": "Peak",
    "qpcr": "Cells by qPCR",
    "ddpcr": "Cells by ddPCR",
}
SETTINGS = FigureSettings(
    expansion=Expansion(assay="qpcr", by="durability", last_day=365),
    forest=Forest(endpoints=("durable", "crs3"), exploratory=2),
    comparisons=("peak",),
    confirmations=(("qpcr", "ddpcr"),),
    labels=LABELS,
    order={"durability": CLASSES},
)


def empty() -> dict[str, pl.DataFrame]:
    """Every table, without rows."""
    return {table.name: table.empty() for table in TABLES}


def measurement(sample: str, subject: str | None, day: float, value: float | None, **more: object) -> dict[str, object]:
    assay = str(more.pop("assay", "qpcr"))
    row = {
        "measurement_id": f"{assay}/CAR/{sample}",
        "assay": assay,
        "analyte": "CAR",
        "sample_id": sample,
        "subject_id": subject,
        "study_day": day,
        "nominal_day": day,
        "value": value,
        "unit": "cells/uL",
        "censoring": None if value is None else "none",
        "lloq": 0.1,
        "method": "qpcr_standard_curve",
        "status": "reported",
        "source_ids": [],
    }
    return {**row, **more}


def measurements(rows: list[dict[str, object]]) -> pl.DataFrame:
    return conform(pl.DataFrame(rows, infer_schema_length=None), MEASUREMENTS)


def outcomes(classes: dict[str, str | None]) -> pl.DataFrame:
    rows = [
        {
            "subject_id": subject,
            "endpoint": "durability",
            "kind": "class",
            "category": name,
            "reason": None if name else "follow-up-too-short",
            "rule": json.dumps({"derive": "durability", "landmark": 365, "nonresponder_best": ["SD", "PD"]}),
            "source_ids": [],
        }
        for subject, name in classes.items()
    ]
    return conform(pl.DataFrame(rows, infer_schema_length=None), OUTCOMES)


def curve(plate: str, slope: float | None, *, accepted: bool = True, **more: object) -> dict[str, object]:
    row = {
        "curve_id": f"qpcr/f/{plate}/CAR",
        "assay": "qpcr",
        "file_id": "f",
        "plate": plate,
        "target": "CAR",
        "model": "linear",
        "slope": slope,
        "intercept": 38.0,
        "unit": "copies/reaction",
        "accepted": accepted,
        "source_ids": [],
    }
    return {**row, **more}


def curves(rows: list[dict[str, object]]) -> pl.DataFrame:
    return conform(pl.DataFrame(rows, infer_schema_length=None), CURVES)


def points(rows: list[dict[str, object]]) -> pl.DataFrame:
    filled = [{"well_id": f"w{i}", "role": "standard", "used": True, **row} for i, row in enumerate(rows)]
    return conform(pl.DataFrame(filled, infer_schema_length=None), CURVE_POINTS)


def result(stat: str, value: float | None, level: str = "", **more: object) -> dict[str, object]:
    row = {
        "result_id": "r1",
        "analysis_id": "peak",
        "biomarker": "CMAX",
        "biomarker_group": "expansion",
        "endpoint": "durability",
        "population": "all",
        "method": "kruskal_wallis",
        "stat_name": stat,
        "stat_label": "P value, adjusted (Holm)" if stat == "p_adjusted" else stat,
        "level": level,
        "value": value,
        "text": None,
        "unit": "cells/uL" if stat in ("median", "q1", "q3", "shift") else None,
        "n": 9,
        "n_censored": 1,
        "prespecified": True,
        "settings": json.dumps(
            {"pairs": [["durable", "nonresponder"], ["durable", "relapsed"]], "pair_adjust": "holm"}
        ),
        "notices": [],
        "error": None,
    }
    return {**row, **more}


def results(rows: list[dict[str, object]]) -> pl.DataFrame:
    return conform(pl.DataFrame(rows, infer_schema_length=None), RESULTS)


def comparison() -> dict[str, pl.DataFrame]:
    """Nine subjects in three classes with a peak each; the results say quartiles that the points do not."""
    names = [f"S{i}" for i in range(9)]
    values = [50.0, 60.0, 70.0, 20.0, 30.0, 40.0, 0.1, 5.0, 9.0]
    analysis = pl.DataFrame(
        {
            "subject_id": names,
            "CMAX": values,
            "CMAX|censoring": ["none"] * 6 + ["left", "none", "none"],
            "durability": [c for c in CLASSES for _ in range(3)],
            "population:all": [True] * 9,
        }
    )
    rows = [result("p", 0.0123), result("h", 6.5), result("df", 2.0)]
    for name, (q1, median, q3) in {
        "durable": (51, 61, 71),
        "relapsed": (21, 31, 41),
        "nonresponder": (1, 2, 3),
    }.items():
        rows += [
            result(s, v, name) for s, v in (("q1", q1), ("median", median), ("q3", q3), ("n", 3), ("n_censored", 0))
        ]
    rows += [
        result("p", 0.0004, "durable vs nonresponder"),
        result("p_adjusted", 0.0008, "durable vs nonresponder"),
        result("ratio", 4.5, "durable vs nonresponder"),
        result("ratio_lower", 1.5, "durable vs nonresponder"),
        result("ratio_upper", 9.25, "durable vs nonresponder"),
        result("variant", None, "durable vs nonresponder", text="exact"),
        result("p", 0.21, "durable vs relapsed"),
        result("p_adjusted", 0.21, "durable vs relapsed"),
    ]
    parameters = pl.DataFrame(
        [
            {
                "subject_id": s,
                "code": "CMAX",
                "kind": "cmax",
                "label": "Peak",
                "value": v,
                "unit": "cells/uL",
                "censoring": "none",
                "timing": "post",
                "rule": "{}",
                "source_ids": [],
            }
            for s, v in zip(names, values, strict=True)
        ]
    )
    return {
        **empty(),
        "analysis": conform(analysis, ANALYSIS),
        "parameters": conform(parameters, PARAMETERS),
        "results": results(rows),
    }


def odds(code: str, endpoint: str, estimate: tuple[float, float, float], **more: object) -> list[dict[str, object]]:
    """Rows of a logistic regression."""
    common = {"result_id": f"{code}-{endpoint}", "analysis_id": "screen", "biomarker": code, "endpoint": endpoint}
    common |= {"method": "firth", **more}
    p, adjusted = more.pop("p", 0.04), more.pop("p_adjusted", 0.2)
    common = {k: v for k, v in common.items() if k not in ("p", "p_adjusted")}
    value, low, high = estimate
    rows = [("odds_ratio", value), ("odds_ratio_lower", low), ("odds_ratio_upper", high)]
    rows += [("p", p), ("p_adjusted", adjusted)]
    made = [result(stat, v, **common) for stat, v in rows]
    made.append(result("per", None, **{**common, "text": "doubling"}))
    return [*made, result("n", 3.0, "yes", **{**common, "n": 3}), result("n", 6.0, "no", **{**common, "n": 6})]
