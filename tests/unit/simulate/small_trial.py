"""A small trial made by hand from closed forms, for tests of the files written from it."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from correlates.simulate.trial import Trial

DAYS = (-7, 0, 3, 7, 11, 14, 28, 91)
ANALYTES = {"IL7": 15.0, "IL8": 26.0, "IL16": 230.0, "IFNG": 20.0, "CXCL10": 300.0, "CCL2": 200.0, "SICAM1": 4e5}
SIMPLE = {"IL6": 20.0, "GZMB": 30.0}


def small_trial(n: int = 12, seed: int = 7, *, blood_days: tuple[int, ...] = DAYS) -> Trial:
    """A trial of ``n`` subjects with all tables filled; subject 3 misses day 14."""
    rng = np.random.default_rng(seed)
    subjects = [f"SIM-1-{i + 1:03d}" for i in range(n)]
    cmax = np.exp(rng.normal(3.5, 1.2, n))
    infusion = [date(2021, 3, 1) + timedelta(days=11 * i) for i in range(n)]
    patients = pl.DataFrame(
        {
            "subject_id": subjects,
            "age": rng.integers(35, 78, n).astype(float),
            "sex": [("M", "F")[i % 2] for i in range(n)],
            "ecog": [i % 2 for i in range(n)],
            "subtype": [("DLBCL", "PMBCL", "TFL")[i % 3] for i in range(n)],
            "stage": [("II", "III", "IV")[i % 3] for i in range(n)],
            "ipi": [i % 5 for i in range(n)],
            "infusion_date": infusion,
            "cmax": cmax,
            "durability": [("durable", "relapsed", "nonresponder")[i % 3] for i in range(n)],
            "death_day": pl.Series([400 if i % 4 == 0 else None for i in range(n)], dtype=pl.Int64),
            "last_contact_day": pl.Series([400 + i for i in range(n)], dtype=pl.Int64),
        }
    )
    product = pl.DataFrame(
        {
            "subject_id": subjects,
            "viable_dose_1e6": np.linspace(120, 200, n),
            "doubling_time_days": np.linspace(1.1, 2.4, n),
            "vcn": np.linspace(1.2, 3.1, n),
            "ifng_coculture_pg_ml": np.linspace(900, 12_345.678, n),
        }
    )
    rows, cytokines = [], []
    for i, subject in enumerate(subjects):
        for day in blood_days:
            missed = i == 2 and day == 14
            visit = "Baseline" if day < 0 else f"Day {day}"
            car = (
                0.0
                if day <= 0
                else float(cmax[i] * np.exp(-0.5 * ((day - 9) / 3) ** 2) + 0.02 * cmax[i] * np.exp(-day / 60))
            )
            rows.append(
                (
                    f"{i + 1:03d}-B-{day}",
                    subject,
                    "blood",
                    visit,
                    day,
                    day,
                    None if missed else 200.0,
                    500.0,
                    300.0,
                    None if missed else car,
                    missed,
                )
            )
            if day <= 28:
                serum = f"{i + 1:03d}-S-{day}"
                rows.append((serum, subject, "serum", visit, day, day, None, None, None, None, missed))
                if not missed:
                    cytokines += [
                        (serum, a, "luminex", float(typical * np.exp(rng.normal(0, 1.2))))
                        for a, typical in ANALYTES.items()
                    ]
                    cytokines += [
                        (serum, a, "simple_plex", float(typical * np.exp(rng.normal(0, 1.2))))
                        for a, typical in SIMPLE.items()
                    ]
    texts = dict.fromkeys(("sample_id", "subject_id", "matrix", "visit"), pl.String)
    days = {"nominal_day": pl.Int64, "study_day": pl.Int64}
    numbers = dict.fromkeys(("dna_ng", "lymphocytes_per_ul", "monocytes_per_ul", "car_cells_per_ul"), pl.Float64)
    samples = {**texts, **days, **numbers, "missed": pl.Boolean}
    measured = {"sample_id": pl.String, "analyte": pl.String, "panel": pl.String, "pg_ml": pl.Float64}
    return Trial(
        seed=seed,
        patients=patients,
        product=product,
        samples=pl.DataFrame(rows, schema=samples, orient="row"),
        cytokines=pl.DataFrame(cytokines, schema=measured, orient="row"),
        lesions=pl.DataFrame(
            [
                (
                    s,
                    f"T{k:02d}",
                    "target",
                    "LYMPH NODE",
                    visit,
                    day,
                    30.0 + k if day < 0 else None,
                    20.0 if day < 0 else None,
                    None if day < 0 else "TOO SMALL TO MEASURE",
                )
                for s in subjects
                for visit, day in (("Baseline", -10), ("Week 4", 28))
                for k in (1, 2)
            ]
            + [(s, "NT01", "non-target", "BONE", "Baseline", -10, None, None, None) for s in subjects],
            schema=("subject_id", "lesion_id", "kind", "location", "visit", "day", "ldiam_mm", "lperp_mm", "state"),
            orient="row",
            infer_schema_length=None,
        ),
        assessments=pl.DataFrame(
            [(s, "Week 4", 28, ("CR", "PR", "SD", "PD")[i % 4]) for i, s in enumerate(subjects)],
            schema=("subject_id", "visit", "day", "response"),
            orient="row",
        ),
        adverse_events=pl.DataFrame(
            [(s, "Cytokine release syndrome", "CRS", 1 + i % 3, "lee_2014", 2, 8) for i, s in enumerate(subjects)]
            + [
                (s, "Encephalopathy", "NEUROLOGIC", 1 + i % 4, "ctcae_4_03", 5, None)
                for i, s in enumerate(subjects[::2])
            ],
            schema=("subject_id", "term", "category", "grade", "scale", "start_day", "end_day"),
            orient="row",
        ),
        treatments=pl.DataFrame(
            [(s, "FLUDARABINE", "CONDITIONING", 30.0, "mg/m2", -5) for s in subjects]
            + [(s, "CAR T CELLS", "STUDY TREATMENT", 150.0, "1e6 cells", 0) for s in subjects],
            schema=("subject_id", "treatment", "category", "dose", "dose_unit", "day"),
            orient="row",
        ),
        labs=pl.DataFrame(
            [
                (s, "LDH", "Lactate Dehydrogenase", 200.0 + 13.37 * i + d, "U/L", 250.0, 120.0, v, d)
                for i, s in enumerate(subjects)
                for v, d in (("Baseline", -7), ("Day 7", 7))
            ],
            schema=("subject_id", "test", "label", "value", "unit", "upper_normal", "lower_normal", "visit", "day"),
            orient="row",
        ),
        disposition=pl.DataFrame(
            [(s, "DEATH", 400) for s in subjects[::4]], schema=("subject_id", "event", "day"), orient="row"
        ),
    )
