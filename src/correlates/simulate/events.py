"""Adverse events, treatments and disposition of the simulated trial."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from correlates.simulate.causal import stream
from correlates.simulate.outcomes import Course
from correlates.terms import Scale

Floats = npt.NDArray[np.float64]

_LEE, _CTCAE = Scale.LEE_2014.value, Scale.CTCAE_4_03.value
_NEUROLOGIC = (
    "Encephalopathy",
    "Confusional state",
    "Tremor",
    "Aphasia",
    "Somnolence",
    "Agitation",
    "Headache",
    "Delirium",
)
_CYTOPENIAS = (
    ("Neutrophil count decreased", 0.86, (0.05, 0.08, 0.25, 0.62)),
    ("Anaemia", 0.66, (0.12, 0.28, 0.58, 0.02)),
    ("Platelet count decreased", 0.58, (0.22, 0.16, 0.25, 0.37)),
)
_OTHERS = (
    ("Fatigue", 0.50, 0),
    ("Nausea", 0.44, -5),
    ("Decreased appetite", 0.40, 0),
    ("Diarrhoea", 0.36, 0),
    ("Febrile neutropenia", 0.31, 3),
    ("Hypogammaglobulinaemia", 0.15, 40),
    ("Pneumonia", 0.12, 25),
    ("Urinary tract infection", 0.09, 30),
)

EVENTS_SCHEMA: dict[str, pl.DataType] = {
    "subject_id": pl.String(), "term": pl.String(), "category": pl.String(), "grade": pl.Int64(), "scale": pl.String(),
    "start_day": pl.Int64(), "end_day": pl.Int64(),
}  # fmt: skip
TREATMENTS_SCHEMA: dict[str, pl.DataType] = {
    "subject_id": pl.String(), "treatment": pl.String(), "category": pl.String(), "dose": pl.Float64(), "dose_unit": pl.String(),
    "day": pl.Int64(),
}  # fmt: skip
DISPOSITION_SCHEMA: dict[str, pl.DataType] = {"subject_id": pl.String(), "event": pl.String(), "day": pl.Int64()}

Row = tuple[object, ...]


def adverse_events(seed: int, subjects: list[str], plan: Course, last_contact: Floats) -> pl.DataFrame:
    """Adverse events: CRS graded as a syndrome by Lee 2014; its symptoms, neurologic and other events by CTCAE 4.03.

    Only the syndrome has the category ``CRS``: its symptoms are graded on another scale and stand under ``OTHER``.
    """
    rng = stream(seed, "adverse events")
    rows: list[Row] = []
    for i, subject in enumerate(subjects):
        last = int(last_contact[i])
        found = [
            *_crs(rng, int(plan.crs[i]), int(plan.crs_onset[i])),
            *_neurologic(rng, int(plan.ne[i]), int(plan.ne_onset[i])),
            *_other(rng),
        ]
        rows.extend(
            (subject, term, category, grade, scale, start, min(end, last))
            for term, category, grade, scale, start, end in found
            if start <= last
        )
    return pl.DataFrame(rows, schema=EVENTS_SCHEMA, orient="row")


Event = tuple[str, str, int, str, int, int]


def _crs(rng: np.random.Generator, grade: int, onset: int) -> list[Event]:
    length = int(np.clip(np.rint(8.0 * np.exp(0.4 * rng.standard_normal())), 2, 30))
    u = rng.random(5)
    if grade == 0:
        return []
    events: list[Event] = []
    worst = onset
    if grade >= 3:
        worst = onset + 1 + int(u[0] * 3.0)
        events.append(("Cytokine release syndrome", "CRS", 1 + int(u[1] < 0.6), _LEE, onset, worst))
    if grade == 5:
        length = 60
    events.append(("Cytokine release syndrome", "CRS", grade, _LEE, worst, worst + length))
    end = worst + length
    events.append(("Pyrexia", "OTHER", min(3, 1 + int(u[2] < 0.5) + int(grade >= 3)), _CTCAE, onset, end - 1))
    if grade >= 2 or u[3] < 0.15:
        events.append(("Hypotension", "OTHER", min(max(grade, 1), 4), _CTCAE, worst, worst + max(1, length // 2)))
    if u[4] < 0.15 + 0.15 * grade:
        events.append(("Hypoxia", "OTHER", min(max(grade, 1), 4), _CTCAE, worst, worst + max(1, length // 2)))
    if u[3] > 0.6:
        events.append(("Sinus tachycardia", "OTHER", 1, _CTCAE, onset, onset + 3))
    return events


def _neurologic(rng: np.random.Generator, grade: int, onset: int) -> list[Event]:
    length = int(np.clip(np.rint(12.0 * np.exp(0.7 * rng.standard_normal())), 1, 90))
    order = rng.permutation(len(_NEUROLOGIC))
    u = rng.random(6)
    if grade == 0:
        return []
    lead = (
        "Encephalopathy"
        if grade >= 3 and u[0] < 0.75
        else ("Tremor" if grade == 1 and u[0] < 0.5 else _NEUROLOGIC[order[0]])
    )
    if lead == "Headache" and grade >= 3:
        lead = "Encephalopathy"
    events: list[Event] = [(lead, "NEUROLOGIC", grade, _CTCAE, onset, onset + length)]
    more = [t for t in (_NEUROLOGIC[j] for j in order) if t != lead][: int(u[1] * (1 + grade))]
    for term, v in zip(more, u[2:], strict=False):
        lower = min(1 + int(v * grade), 1 if term == "Headache" else grade)
        events.append(
            (term, "NEUROLOGIC", lower, _CTCAE, onset + int(v * 4.0), onset + max(2, length // 2) + int(v * 4.0))
        )
    return events


def _other(rng: np.random.Generator) -> list[Event]:
    events: list[Event] = []
    u = rng.random((len(_CYTOPENIAS) + len(_OTHERS), 3))
    for (term, share, grades), (a, b, c) in zip(_CYTOPENIAS, u[: len(_CYTOPENIAS)], strict=True):
        if a < share:
            grade = 1 + int(np.searchsorted(np.cumsum(grades), b * 0.999))
            start = -3 + int(c * 8.0)
            events.append((term, "OTHER", grade, _CTCAE, start, start + 8 + int(c * 40.0)))
    for (term, share, earliest), (a, b, c) in zip(_OTHERS, u[len(_CYTOPENIAS) :], strict=True):
        if a < share:
            grade = 3 if term in ("Febrile neutropenia", "Pneumonia") else 1 + int(b * 2.2)
            start = earliest + int(c * 14.0)
            events.append((term, "OTHER", grade, _CTCAE, start, start + 3 + int(b * 15.0)))
    return events


def treatments(seed: int, subjects: list[str], plan: Course, dose_1e6: Floats, weight: Floats) -> pl.DataFrame:
    """Conditioning on days -5 to -3, the infusion on day 0, tocilizumab and corticosteroids."""
    rng = stream(seed, "treatments")
    rows: list[Row] = []
    for i, subject in enumerate(subjects):
        repeat, courses = rng.random(), rng.random()
        for day in (-5, -4, -3):
            rows.append((subject, "CYCLOPHOSPHAMIDE", "CONDITIONING", 500.0, "mg/m2", day))
            rows.append((subject, "FLUDARABINE", "CONDITIONING", 30.0, "mg/m2", day))
        rows.append((subject, "ANTI-CD19 CAR T CELLS", "STUDY TREATMENT", float(dose_1e6[i]), "1e6 cells", 0))
        last = min(plan.death[i], plan.end[i])
        if np.isfinite(plan.tocilizumab[i]):
            first = int(plan.tocilizumab[i])
            mg = float(min(800.0, round(8.0 * float(weight[i]))))
            days = [first, first + 1] if repeat < 0.35 else [first]
            rows.extend((subject, "TOCILIZUMAB", "CONCOMITANT", mg, "mg", d) for d in days if d <= last)
        if np.isfinite(plan.steroids[i]):
            first = int(plan.steroids[i])
            days = [first + d for d in range(1 + int(courses * 4.0))]
            drug, mg = (
                ("METHYLPREDNISOLONE", 1000.0) if plan.ne[i] >= 4 or plan.crs[i] >= 4 else ("DEXAMETHASONE", 10.0)
            )
            rows.extend((subject, drug, "CONCOMITANT", mg, "mg", d) for d in days if d <= last)
    return pl.DataFrame(rows, schema=TREATMENTS_SCHEMA, orient="row").sort(
        "subject_id", "day", "treatment", maintain_order=True
    )


def disposition(patients: pl.DataFrame, *, lost: npt.NDArray[np.bool_]) -> pl.DataFrame:
    """What ended follow-up and what happened on the way, from the documented days."""
    wide = patients.select(
        "subject_id", "death_day", "new_therapy_day", "transplant_day", "last_contact_day"
    ).with_columns(pl.Series("lost", lost))
    alive = pl.col("death_day").is_null()
    events = {
        "DEATH": pl.col("death_day"),
        "NEW ANTICANCER THERAPY": pl.col("new_therapy_day"),
        "STEM CELL TRANSPLANT": pl.col("transplant_day"),
        "LOST TO FOLLOW-UP": pl.when(alive & pl.col("lost")).then(pl.col("last_contact_day")),
        "DATA CUT-OFF": pl.when(alive & ~pl.col("lost")).then(pl.col("last_contact_day")),
    }
    frames = [
        wide.select("subject_id", pl.lit(event).alias("event"), day.cast(pl.Int64).alias("day")).drop_nulls("day")
        for event, day in events.items()
    ]
    return pl.concat(frames).cast(dict(DISPOSITION_SCHEMA)).sort("subject_id", "day", "event")  # type: ignore[arg-type]
