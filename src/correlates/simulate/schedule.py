"""Visits of the simulated trial: planned days, actual days, missed visits, samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from correlates.simulate.causal import Coefficients, stream

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A planned visit: nominal day, earliest and latest actual day, what is done (probabilities of sampling)."""

    name: str
    day: int
    earliest: int
    latest: int
    blood: float = 0.0
    serum: float = 0.0
    labs: bool = False
    scan: bool = False


def _visit(
    name: str,
    day: int,
    window: tuple[int, int],
    *,
    blood: float = 0.0,
    serum: float = 0.0,
    labs: bool = False,
    scan: bool = False,
) -> Visit:
    return Visit(
        name=name, day=day, earliest=window[0], latest=window[1], blood=blood, serum=serum, labs=labs, scan=scan
    )


VISITS: tuple[Visit, ...] = (
    _visit("Baseline", -7, (-10, -6), blood=1.0, serum=1.0, labs=True),
    _visit("Day 0", 0, (0, 0), serum=1.0, labs=True),
    _visit("Day 3", 3, (2, 3), blood=0.5, serum=1.0, labs=True),
    _visit("Day 5", 5, (4, 5), blood=0.7, serum=0.4),
    _visit("Day 7", 7, (6, 8), blood=1.0, serum=1.0, labs=True),
    _visit("Day 9", 9, (9, 9), blood=0.8, serum=0.4),
    _visit("Day 11", 11, (10, 12), blood=0.8, serum=0.2),
    _visit("Week 2", 14, (13, 16), blood=1.0, serum=1.0, labs=True),
    _visit("Week 3", 21, (20, 23), blood=0.9),
    _visit("Week 4", 28, (26, 30), blood=1.0, serum=1.0, labs=True, scan=True),
    _visit("Month 3", 91, (84, 99), blood=1.0, scan=True),
    _visit("Month 6", 183, (173, 193), blood=1.0, scan=True),
    _visit("Month 9", 274, (262, 286), blood=1.0, scan=True),
    _visit("Month 12", 372, (366, 386), blood=1.0, scan=True),
    _visit("Month 15", 457, (445, 469), scan=True),
    _visit("Month 18", 548, (534, 562), scan=True),
    _visit("Month 24", 731, (715, 747), scan=True),
    _visit("Month 30", 913, (895, 931), scan=True),
)
"""Month 12 is planned a week after day 365, so that a visit in time documents a whole year."""

SCANS = tuple(i for i, v in enumerate(VISITS) if v.scan)
PLACE = {v.name: i for i, v in enumerate(VISITS)}


def days(seed: int, n: int) -> Ints:
    """Actual days, subject x visit: the nominal day and a jitter of about a third of the window, inside the window."""
    rng = stream(seed, "visit days")
    nominal = np.array([v.day for v in VISITS])
    low = np.array([v.earliest for v in VISITS])
    high = np.array([v.latest for v in VISITS])
    jitter = rng.standard_normal((n, len(VISITS))) * (high - low) / 5.0
    return np.asarray(np.clip(np.rint(nominal + jitter), low, high), dtype=np.int64)


def attended(seed: int, n: int, coefficients: Coefficients) -> Bools:
    """Whether a visit was kept, subject x visit; day 0 always is, baseline nearly always."""
    rng = stream(seed, "missed visits")
    miss = np.full(len(VISITS), coefficients.constant("missed_visit"))
    miss[PLACE["Baseline"]] /= 4.0
    miss[PLACE["Day 0"]] = 0.0
    return rng.random((n, len(VISITS))) >= miss


_COUNT_DAYS = np.array([-8, 0, 3, 5, 7, 10, 14, 21, 28, 91, 183, 274, 372])
_ALC = np.log([1.0, 0.06, 0.04, 0.05, 0.10, 0.25, 0.40, 0.50, 0.55, 0.75, 0.9, 1.0, 1.1])
_AMC = np.log([1.0, 0.30, 0.08, 0.05, 0.10, 0.35, 0.60, 0.75, 0.85, 0.95, 1.0, 1.0, 1.0])


def counts(seed: int, day: Ints, alc: Floats, car: Floats) -> tuple[Floats, Floats]:
    """Lymphocytes and monocytes per uL at every visit.

    Conditioning takes the endogenous cells away and they return; CAR T cells are lymphocytes and are added to them.

    Parameters
    ----------
    day
        Actual days, subject x visit.
    alc
        Baseline lymphocytes (1e9/L), one per subject.
    car
        CAR T cells (cells/uL), subject x visit.
    """
    rng = stream(seed, "blood counts")
    n = day.shape[0]
    recovery = rng.standard_normal((n, 1)) * 0.35
    noise = rng.standard_normal((2, *day.shape)) * 0.25
    monocytes = 450.0 * np.exp(0.4 * rng.standard_normal((n, 1)))
    at_baseline = day < 0
    shape_l = np.interp(day, _COUNT_DAYS, _ALC) + np.where(at_baseline, 0.0, recovery + noise[0])
    shape_m = np.interp(day, _COUNT_DAYS, _AMC) + np.where(at_baseline, 0.0, recovery + noise[1])
    lymphocytes = 1000.0 * alc[:, None] * np.exp(shape_l) + car
    return np.maximum(lymphocytes, 5.0), np.maximum(monocytes * np.exp(shape_m), 2.0)


def samples(
    seed: int,
    subjects: list[str],
    day: Ints,
    kept: Bools,
    until: Ints,
    car: Floats,
    lymphocytes: Floats,
    monocytes: Floats,
) -> pl.DataFrame:
    """Blood and serum samples up to each subject's last sampling day; a missed visit stays as a row without values."""
    rng = stream(seed, "sampling")
    n, width = day.shape[0], len(str(len(subjects)))
    frames = []
    for matrix, code in (("blood", "B"), ("serum", "S")):
        share = np.array([getattr(v, matrix) for v in VISITS])
        planned = (rng.random((n, len(VISITS))) < share) & (day <= until[:, None])
        optional = share < 1.0
        planned &= kept | ~optional  # an extra sample that was not taken is no missed visit
        row, col = np.nonzero(planned)
        missed = ~kept[row, col]
        full = np.clip(200.0 + 12.0 * rng.standard_normal(row.size), 150.0, 250.0)
        cells = (lymphocytes + monocytes)[row, col]
        dna = np.round(np.where(cells < 60.0, full * 0.5, full), 1)
        blood = matrix == "blood"
        names = [VISITS[c] for c in col]
        frames.append(
            pl.DataFrame(
                {
                    "sample_id": [
                        f"{r + 1:0{max(width, 3)}d}-{code}-{_code(v.day)}" for r, v in zip(row, names, strict=True)
                    ],
                    "subject_id": [subjects[r] for r in row],
                    "matrix": [matrix] * row.size,
                    "visit": [v.name for v in names],
                    "nominal_day": [v.day for v in names],
                    "study_day": np.where(missed, [v.day for v in names], day[row, col]),
                    "dna_ng": dna if blood else None,
                    "lymphocytes_per_ul": np.round(lymphocytes[row, col]) if blood else None,
                    "monocytes_per_ul": np.round(monocytes[row, col]) if blood else None,
                    "car_cells_per_ul": car[row, col] if blood else None,
                    "missed": missed,
                },
                schema={
                    "sample_id": pl.String,
                    "subject_id": pl.String,
                    "matrix": pl.String,
                    "visit": pl.String,
                    "nominal_day": pl.Int64,
                    "study_day": pl.Int64,
                    "dna_ng": pl.Float64,
                    "lymphocytes_per_ul": pl.Float64,
                    "monocytes_per_ul": pl.Float64,
                    "car_cells_per_ul": pl.Float64,
                    "missed": pl.Boolean,
                },
            )
        )
    together = pl.concat(frames)
    taken = [
        pl.when(~pl.col("missed")).then(pl.col(c))
        for c in ("dna_ng", "lymphocytes_per_ul", "monocytes_per_ul", "car_cells_per_ul")
    ]
    return together.with_columns(taken).sort("subject_id", "matrix", "nominal_day")


def _code(day: int) -> str:
    return f"N{-day:03d}" if day < 0 else f"D{day:03d}"
