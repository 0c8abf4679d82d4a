"""A small analysis table with everything a stage can meet."""

from __future__ import annotations

import numpy as np
import polars as pl

from correlates.association import Biomarker, Endpoint
from correlates.terms import OutcomeKind

N = 60


def table() -> pl.DataFrame:
    rng = np.random.default_rng(61)
    durable = rng.random(N) < 0.4
    classes = np.where(durable, "durable", np.where(rng.random(N) < 0.5, "relapsed", "nonresponder"))
    peak = np.exp(rng.normal(3 + 0.9 * durable, 1))
    cytokine = np.maximum(np.exp(rng.normal(1, 1, N)), 2.0)
    holes = rng.random(N) < 0.1
    later = np.random.default_rng(62)
    time = np.ceil(later.exponential(200 / (1 + durable), N))
    end = np.ceil(later.uniform(30, 500, N))
    cause = np.where(time > end, None, np.where(later.random(N) < 0.2, "death", "relapse"))
    return pl.DataFrame(
        {
            "subject_id": [f"S{i:02d}" for i in range(N)],
            "PEAK": peak,
            "PEAK|censoring": ["none"] * N,
            "IL6": [None if hole else float(v) for hole, v in zip(holes, cytokine, strict=True)],
            "IL6|censoring": [
                None if hole else "left" if v == 2.0 else "none" for hole, v in zip(holes, cytokine, strict=True)
            ],
            "AGE": rng.integers(30, 80, N),
            "CONSTANT": [1.0] * N,
            "LOW": [5.0] * N,
            "LOW|censoring": ["left"] * N,
            "WILD": [float("inf"), *([1.0] * (N - 1))],
            "ZERO": [0.0, *range(1, N)],
            "EMPTY": pl.Series([None] * N, dtype=pl.Float64),
            "ECOG": rng.integers(0, 2, N),
            "SUBTYPE": rng.choice(["DLBCL", "PMBCL", "TFL"], N),
            "SEX": rng.choice(["F", "M"], N),
            "durable": durable,
            "crs3": [bool(v) if i % 9 else None for i, v in enumerate(rng.random(N) < 0.2)],
            "nobody": [False] * N,
            "durability": classes,
            "grade": rng.integers(0, 3, N),
            "pfs": [None if i == 7 else float(v) for i, v in enumerate(np.minimum(time, end))],
            "pfs|event": time <= end,
            "pfs|cause": pl.Series(cause.tolist(), dtype=pl.String),
            "population:evaluable": [i % 5 != 0 for i in range(N)],
            "population:empty": [False] * N,
            "patient": [f"P{i // 2}" for i in range(N)],
        }
    )


BIOMARKERS = (
    Biomarker(code="PEAK", label="Peak", unit="cells/uL", group="expansion", prespecified=True, scale="log2"),
    Biomarker(code="IL6", label="IL-6", unit="pg/mL", group="cytokines", scale="log2"),
    Biomarker(code="AGE", label="Age", unit="year", group="covariates", prespecified=True),
    Biomarker(code="ECOG", label="ECOG", group="covariates", prespecified=True, scale="unit"),
)
TROUBLE = tuple(
    Biomarker(code=code, label=code, group="trouble", scale=scale)
    for code, scale in (("CONSTANT", "sd"), ("LOW", "log2"), ("WILD", "sd"), ("ZERO", "log2"), ("EMPTY", "sd"))
)
CATEGORICAL = (
    Biomarker(code="SUBTYPE", label="Subtype", group="covariates", kind="categorical"),
    Biomarker(code="SEX", label="Sex", group="covariates", kind="categorical"),
)
DURABLE = Endpoint(name="durable", label="Durable response", kind=OutcomeKind.BINARY, levels=("not durable", "durable"))
CRS3 = Endpoint(name="crs3", label="CRS grade 3 or worse", kind=OutcomeKind.BINARY)
NOBODY = Endpoint(name="nobody", label="Nobody", kind=OutcomeKind.BINARY)
DURABILITY = Endpoint(
    name="durability", label="Durability", kind=OutcomeKind.CLASS, levels=("durable", "relapsed", "nonresponder")
)
GRADE = Endpoint(name="grade", label="Grade", kind=OutcomeKind.GRADE)
PFS = Endpoint(name="pfs", label="Progression-free survival", kind=OutcomeKind.TIME)
RELAPSE = Endpoint(name="relapse", label="Relapse", kind=OutcomeKind.TIME, column="pfs", event="relapse")
OTHER = Endpoint(name="other", label="IL-6 as outcome", kind=OutcomeKind.NUMBER, column="IL6")
PAIRS = (("durable", "nonresponder"), ("durable", "relapsed"))
