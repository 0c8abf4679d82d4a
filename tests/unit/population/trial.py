"""Simulated trials of the piecewise curve, as tables of measurements."""

from __future__ import annotations

import numpy as np
import polars as pl

from correlates.population import NAMES
from correlates.schema import MEASUREMENTS
from correlates.stats.kinetic_curve import KineticCurve

TYPICAL = {"cmax": 50.0, "tmax": 9.0, "foldx": 200.0, "alpha": 0.16, "fb": 0.05, "beta": 0.012}
SPREAD = {"cmax": 0.8, "tmax": 0.2, "foldx": 0.6, "alpha": 0.3, "fb": 0.6, "beta": 0.5}
SIGMA = 0.3
DAYS = (1, 3, 5, 7, 9, 11, 14, 18, 21, 28, 42, 60, 90, 180)


def simulate(
    seed: int, n: int, *, lloq: float = 0.0, days: tuple[float, ...] = DAYS, shift: np.ndarray | None = None
) -> tuple[pl.DataFrame, list[str], np.ndarray]:
    """Measurements, subjects and their logarithms of the parameters; below ``lloq`` a value is censored at it."""
    rng = np.random.default_rng(seed)
    middle, spread = (np.array([table[name] for name in NAMES]) for table in (TYPICAL, SPREAD))
    phi = np.log(middle) + spread * rng.standard_normal((n, 6))
    if shift is not None:
        phi = phi + shift
    curve = KineticCurve(**{name: np.exp(phi[:, i, None]) for i, name in enumerate(NAMES)})
    values = curve.at(np.array(days)) * np.exp(SIGMA * rng.standard_normal((n, len(days))))
    subjects = [f"S{i:03d}" for i in range(n)]
    rows = [
        {
            "measurement_id": f"qpcr/CAR/{subject}-{day:g}",
            "assay": "qpcr",
            "analyte": "CAR",
            "sample_id": f"{subject}-{day:g}",
            "subject_id": subject,
            "study_day": day,
            "nominal_day": day,
            "value": max(float(value), lloq),
            "unit": "cells/uL",
            "censoring": "left" if value < lloq else "none",
            "lloq": lloq or None,
            "method": "qpcr",
            "status": "reported",
            "source_ids": [f"{subject}-{day:g}"],
        }
        for i, subject in enumerate(subjects)
        for day, value in zip(days, values[i], strict=True)
    ]
    return MEASUREMENTS.frame(rows), subjects, phi
