"""Subjects and their products: demography, prespecified covariates, product attributes."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from correlates.simulate.causal import Coefficients, stream

Floats = npt.NDArray[np.float64]

CUT_OFF = date(2019, 8, 11)


def covariates(seed: int, subjects: list[str], cut_off: Floats) -> pl.DataFrame:
    """Age, sex, ECOG, subtype, stage, IPI and day of infusion.

    The prespecified covariates of the analysis plan are drawn without looking at anything else: they are negative
    controls. IPI counts age above 60 and stage III or IV and two further points drawn independently of the laboratory, so
    that it stays one.

    Parameters
    ----------
    cut_off
        Day of the data cut-off, whose date is the same for all subjects.
    """
    rng = stream(seed, "covariates")
    n = len(subjects)
    age = np.clip(np.rint(57.0 + 11.5 * rng.standard_normal(n)), 23, 77).astype(np.int64)
    sex = np.where(rng.random(n) < 0.67, "M", "F")
    ecog = (rng.random(n) < 0.58).astype(np.int64)
    subtype = rng.choice(["DLBCL", "PMBCL", "TFL"], size=n, p=[0.76, 0.08, 0.16])
    stage = rng.choice(["I", "II", "III", "IV"], size=n, p=[0.04, 0.11, 0.22, 0.63])
    points = rng.binomial(2, 0.45, size=n)
    ipi = (age > 60).astype(np.int64) + np.isin(stage, ("III", "IV")) + points
    return pl.DataFrame(
        {
            "subject_id": subjects,
            "age": age,
            "sex": sex,
            "ecog": ecog,
            "subtype": subtype,
            "stage": stage,
            "ipi": ipi.astype(np.int64),
            "infusion_date": [CUT_OFF - timedelta(days=int(d)) for d in cut_off],
        }
    )


def product(subjects: list[str], natural: dict[str, Floats], coefficients: Coefficients) -> pl.DataFrame:
    """Product attributes; the dose is per kilogram with a cap, and the numbers infused are shares of it."""
    weight = np.round(natural["weight"], 1)
    dose = np.minimum(coefficients.constant("dose_per_kg") * weight, coefficients.constant("dose_cap"))
    naive, cd8 = np.round(natural["naive_percent"], 2), np.round(natural["cd8_percent"], 2)
    return pl.DataFrame(
        {
            "subject_id": subjects,
            "viable_dose_1e6": np.round(dose, 1),
            "doubling_time_days": np.round(natural["doubling_time"], 3),
            "cd4_cd8_ratio": np.round((100.0 - cd8) / cd8, 4),
            "ccr7_cd45ra_percent": naive,
            "cd8_percent": cd8,
            "vcn": np.round(natural["vcn"], 2),
            "transduction_percent": np.round(natural["transduction"], 1),
            "viability_percent": np.round(natural["viability"], 1),
            "ifng_coculture_pg_ml": np.round(natural["ifng_coculture"], 0),
            "weight_kg": weight,
            "ccr7_cd45ra_1e6": np.round(dose * naive / 100.0, 3),
            "cd8_1e6": np.round(dose * cd8 / 100.0, 3),
        }
    )
