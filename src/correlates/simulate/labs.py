"""Laboratory results of the simulated trial."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from correlates.simulate.causal import stream
from correlates.simulate.cytokines import response_shape
from correlates.simulate.schedule import VISITS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Test:
    """A laboratory test: code, label, unit, limits of normal, decimals, and its course.

    ``course`` are factors on days -7, 0, 3, 7, 14 and 28; ``crs`` and ``neurotoxicity`` add to the logarithm at the height
    of the response, per standard deviation of severity, ``rise`` in a typical subject.
    """

    code: str
    label: str
    unit: str
    low: float | None
    high: float | None
    decimals: int
    node: str | None
    typical: float
    course: tuple[float, float, float, float, float, float]
    rise: float = 0.0
    crs: float = 0.0
    neurotoxicity: float = 0.0
    noise: float = 0.08


TESTS: tuple[Test, ...] = (
    Test("LDH", "Lactate Dehydrogenase", "U/L", 120.0, 250.0, 0, "ldh", 290.0, (1.0, 0.95, 0.95, 1.0, 0.95, 0.85), 0.10, 0.15, 0.05),
    Test("CRP", "C Reactive Protein", "mg/L", 0.0, 10.0, 1, "crp", 28.0, (1.0, 1.1, 1.2, 0.9, 0.5, 0.3), 0.90, 0.55, 0.15, 0.25),
    Test("FERRITIN", "Ferritin", "ng/mL", 30.0, 300.0, 0, "ferritin", 520.0, (1.0, 1.15, 1.2, 1.2, 1.1, 1.0), 0.50, 0.15, 0.40, 0.15),
    Test("ALC", "Lymphocytes", "1e9/L", 1.0, 4.0, 2, None, 0.0, (1.0,) * 6),
    Test("AMC", "Monocytes", "1e9/L", 0.2, 1.0, 2, None, 0.0, (1.0,) * 6),
    Test("ANC", "Neutrophils", "1e9/L", 1.8, 7.5, 2, None, 3.6, (1.0, 0.55, 0.20, 0.06, 0.30, 0.42), noise=0.40),
    Test("PLAT", "Platelets", "1e9/L", 150.0, 400.0, 0, "platelets", 165.0, (1.0, 0.85, 0.62, 0.45, 0.42, 0.60), -0.05, -0.12, -0.05, 0.15),
    Test("HGB", "Hemoglobin", "g/dL", 12.0, 16.0, 1, "haemoglobin", 10.6, (1.0, 0.95, 0.90, 0.86, 0.87, 0.93), -0.02, -0.02, 0.0, 0.04),
    Test("CREAT", "Creatinine", "mg/dL", 0.6, 1.2, 2, None, 0.88, (1.0, 0.97, 0.97, 0.95, 0.97, 1.0), 0.03, 0.08, 0.0, 0.08),
    Test("ALB", "Albumin", "g/L", 35.0, 50.0, 0, "albumin", 37.0, (1.0, 0.96, 0.90, 0.86, 0.90, 0.97), -0.03, -0.04, -0.01, 0.04),
)  # fmt: skip

_DAYS = np.array([-7.0, 0.0, 3.0, 7.0, 14.0, 28.0])
_AT = tuple(i for i, v in enumerate(VISITS) if v.labs)


def labs(
    seed: int,
    subjects: list[str],
    scores: dict[str, Floats],
    natural: dict[str, Floats],
    tmax: Floats,
    day: Ints,
    drawn: Bools,
    lymphocytes: Floats,
    monocytes: Floats,
) -> pl.DataFrame:
    """Laboratory results at the visits of the first four weeks.

    Parameters
    ----------
    natural
        Baseline values of the nodes of the graph, by name.
    drawn
        Whether blood for the laboratory was drawn, subject x visit.
    lymphocytes, monocytes
        Cells per uL, subject x visit: the counts of the blood samples of the same day.
    """
    rng = stream(seed, "labs")
    n = len(subjects)
    at = list(_AT)
    when = day[:, at].astype(np.float64)
    shape = response_shape(when, np.clip(tmax - 2.0, 1.5, 14.0)[:, None])
    between = {t.code: rng.standard_normal((n, 1)) for t in TESTS}
    noise = {t.code: rng.standard_normal((n, len(at))) for t in TESTS}
    row, col = np.nonzero(drawn[:, at])
    frames = []
    for test in TESTS:
        if test.code in ("ALC", "AMC"):
            value = (lymphocytes if test.code == "ALC" else monocytes)[:, at] / 1000.0
        else:
            base = natural[test.node][:, None] if test.node else test.typical * np.exp(0.25 * between[test.code])
            height = test.rise + test.crs * scores["crs"] + test.neurotoxicity * scores["neurotoxicity"]
            value = base * np.interp(when, _DAYS, test.course) * np.exp(height[:, None] * shape)
            value = value * np.exp(test.noise * np.where(when < 0.0, 0.0, noise[test.code]))
        frames.append(
            pl.DataFrame(
                {
                    "subject_id": [subjects[r] for r in row],
                    "test": test.code,
                    "label": test.label,
                    "value": np.round(value[row, col], test.decimals),
                    "unit": test.unit,
                    "upper_normal": test.high,
                    "lower_normal": test.low,
                    "visit": [VISITS[at[c]].name for c in col],
                    "day": day[:, at][row, col],
                }
            )
        )
    return pl.concat(frames).sort("subject_id", "day", "test")
