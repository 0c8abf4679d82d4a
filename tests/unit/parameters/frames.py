"""Small frames for the tests of the parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from correlates.parameters import Derived, derive
from correlates.schema import BURDEN, CHARACTERISTICS, LABS, MEASUREMENTS, PRODUCT, SUBJECTS


def measurements(
    profiles: Mapping[str, Sequence[tuple[Any, ...]]],
    *,
    assay: str = "car",
    analyte: str = "CAR",
    unit: str = "cells/uL",
) -> pl.DataFrame:
    """Rows (day, value[, censoring]) by subject."""
    rows: list[dict[str, object]] = []
    for subject, points in profiles.items():
        for i, (day, value, *more) in enumerate(points):
            rows.append(
                {
                    "measurement_id": f"{assay}/{analyte}/{subject}/{i}",
                    "assay": assay,
                    "analyte": analyte,
                    "sample_id": f"{subject}-{i}",
                    "subject_id": subject,
                    "study_day": day,
                    "value": value,
                    "unit": unit,
                    "censoring": more[0] if more else "none",
                    "method": "given",
                    "status": "reported",
                    "source_ids": [],
                }
            )
    return MEASUREMENTS.frame(rows)


def subjects(*names: str) -> pl.DataFrame:
    return SUBJECTS.frame(
        [
            {"subject_id": n, "source_id": f"s/{n}", "infusion_date": "2020-01-01", "age": 60.0, "sex": "F"}
            for n in names
        ]
    )


def run(specs: Mapping[str, Any], who: Sequence[str], **tables: pl.DataFrame) -> Derived:
    empty = {
        "measurements": MEASUREMENTS.empty(),
        "burden": BURDEN.empty(),
        "product": PRODUCT.empty(),
        "characteristics": CHARACTERISTICS.empty(),
        "labs": LABS.empty(),
        "subjects": subjects(*who),
    }
    return derive(specs, **(empty | tables))


def one(derived: Derived, code: str, subject: str = "A") -> dict[str, Any]:
    """The row of one subject and code."""
    return derived.parameters.filter((pl.col("code") == code) & (pl.col("subject_id") == subject)).row(0, named=True)


def rules(derived: Derived) -> list[str]:
    return sorted(derived.checks["rule"].to_list())
