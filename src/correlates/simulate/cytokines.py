"""Serum analytes of the simulated trial: panel, levels and time courses in pg/mL."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import polars as pl

from correlates.simulate.causal import stream

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Analyte:
    """One serum analyte. Effects are natural logarithms of fold changes.

    Attributes
    ----------
    code, label, panel
        Name in the exports, name for people, assay (``luminex`` or ``simple_plex``).
    typical, spread
        Median at baseline (pg/mL) and standard deviation of its logarithm between subjects.
    inflammation
        Correlation of the logarithm of the baseline with systemic inflammation.
    conditioning
        Rise from baseline to day 0.
    rise
        Rise at the height of the response in a typical subject.
    expansion, crs, neurotoxicity
        Further rise per standard deviation of log peak, of CRS severity, of neurologic severity.
    lag
        Day of the height relative to the day of the peak of CAR T cells.
    lloq, uloq
        Range of the simulated assay in undiluted serum (pg/mL).
    """

    code: str
    label: str
    panel: str
    typical: float
    spread: float
    inflammation: float
    conditioning: float
    rise: float
    expansion: float
    crs: float
    neurotoxicity: float
    lag: float
    lloq: float
    uloq: float


_L, _S = "luminex", "simple_plex"

# Which analytes rise, and with what: IL-6, IL-10, IL-15, IL-2Ra and granzyme B with CRS and neurologic events, IL-2 and
# GM-CSF with neurologic events only (Neelapu 2017, NEJM 377:2531, Figure 3); IL-15, IL-7 and CCL2 rise by day 0
# (Kochenderfer 2017, JCO; Hirayama 2019, Blood 133:1876). Levels and sizes are assumed, of the order seen in serum.
_TABLE = (
    # code       label           panel typical spread inflam cond  rise  exp   crs   ne   lag   lloq    uloq
    ("IL1RA",    "IL-1Ra",        _L,  420.0,   0.75,  0.45, 0.10, 1.30, 0.25, 0.55, 0.25, -2.0,  20.0,   20000.0),
    ("IL1A",     "IL-1a",         _L,    1.2,   0.90,  0.10, 0.00, 0.10, 0.00, 0.05, 0.00, -2.0,   4.0,    4000.0),
    ("IL1B",     "IL-1b",         _L,    0.6,   0.90,  0.15, 0.00, 0.20, 0.00, 0.15, 0.05, -2.0,   1.5,    3000.0),
    ("IL2",      "IL-2",          _L,    0.9,   0.80,  0.05, 0.05, 1.60, 0.40, 0.00, 0.45, -3.5,   1.0,    2000.0),
    ("IL2RA",    "IL-2Ra",        _L, 2900.0,   0.60,  0.50, -0.10, 1.30, 0.30, 0.35, 0.25, 0.0,  100.0, 100000.0),
    ("IL4",      "IL-4",          _L,    0.5,   0.80,  0.00, 0.00, 0.20, 0.05, 0.00, 0.05, -2.0,   2.0,    2000.0),
    ("IL5",      "IL-5",          _L,    1.1,   0.90,  0.05, 0.30, 0.90, 0.15, 0.10, 0.10, -2.0,   1.0,    2000.0),
    ("IL6",      "IL-6",          _S,    4.5,   1.00,  0.65, 0.10, 2.60, 0.35, 0.80, 0.40, -2.5,   0.7,    2600.0),
    ("IL7",      "IL-7",          _L,    9.0,   0.55,  0.00, 1.00, 0.30, -0.05, 0.00, 0.00, -4.0,  2.5,    2500.0),
    ("IL8",      "CXCL8 (IL-8)",  _L,   14.0,   0.75,  0.45, 0.30, 1.50, 0.20, 0.50, 0.35, -2.0,   2.0,    2500.0),
    ("IL10",     "IL-10",         _L,    3.6,   0.90,  0.40, 0.10, 2.10, 0.35, 0.50, 0.35, -2.0,   1.0,    2500.0),
    ("IL12P40",  "IL-12 p40",     _L,   85.0,   0.70,  0.25, -0.05, 0.20, 0.05, 0.05, 0.00, -2.0,  15.0,   8000.0),
    ("IL12P70",  "IL-12 p70",     _L,    0.5,   0.85,  0.05, 0.00, 0.10, 0.05, 0.00, 0.00, -2.0,   2.0,    2500.0),
    ("IL13",     "IL-13",         _L,    1.6,   0.85,  0.05, 0.05, 0.60, 0.15, 0.05, 0.10, -3.0,   3.0,    2500.0),
    ("IL15",     "IL-15",         _S,    4.0,   0.40,  0.15, 1.95, 0.80, 0.25, 0.20, 0.25, -4.0,   0.5,    1200.0),
    ("IL16",     "IL-16",         _L,  210.0,   0.50,  0.20, -0.20, 0.50, 0.15, 0.15, 0.10, 0.0,  10.0,   10000.0),
    ("IL17A",    "IL-17A",        _L,    1.4,   0.85,  0.10, 0.00, 0.30, 0.05, 0.05, 0.00, -2.0,   2.5,    2500.0),
    ("IL18",     "IL-18",         _L,  330.0,   0.55,  0.40, 0.15, 0.60, 0.15, 0.35, 0.10, 0.0,   8.0,    10000.0),
    ("IFNG",     "IFN-g",         _L,    7.0,   0.90,  0.20, 0.05, 2.60, 0.45, 0.45, 0.40, -2.5,   3.0,    5000.0),
    ("TNFA",     "TNF-a",         _L,    4.2,   0.60,  0.50, 0.10, 0.70, 0.15, 0.25, 0.20, -2.0,   0.8,    1500.0),
    ("TNFB",     "TNF-b",         _L,    0.6,   0.90,  0.00, 0.00, 0.20, 0.10, 0.00, 0.00, -2.0,   2.0,    2000.0),
    ("GMCSF",    "GM-CSF",        _L,    1.2,   0.85,  0.05, 0.10, 1.30, 0.25, 0.05, 0.55, -3.0,   2.0,    2500.0),
    ("CXCL10",   "CXCL10 (IP-10)", _L, 420.0,   0.75,  0.45, 0.20, 1.70, 0.35, 0.40, 0.25, -2.0,  10.0,    4000.0),
    ("CCL2",     "CCL2 (MCP-1)",  _L,  290.0,   0.50,  0.35, 0.75, 1.10, 0.10, 0.45, 0.30, -3.0,   8.0,    4000.0),
    ("CCL3",     "CCL3 (MIP-1a)", _L,   19.0,   0.60,  0.30, 0.20, 0.80, 0.15, 0.25, 0.25, -2.0,   6.0,    3500.0),
    ("CCL4",     "CCL4 (MIP-1b)", _L,   95.0,   0.55,  0.25, 0.15, 0.90, 0.20, 0.25, 0.20, -2.0,   5.0,    4000.0),
    ("CCL11",    "CCL11 (eotaxin)", _L, 165.0,  0.45,  0.05, -0.10, 0.00, 0.00, 0.00, 0.00, 0.0,  20.0,    6000.0),
    ("CCL13",    "CCL13 (MCP-4)", _L,   90.0,   0.55,  0.05, 0.00, 0.20, 0.05, 0.05, 0.00, 0.0,   10.0,    4000.0),
    ("CCL17",    "CCL17 (TARC)",  _L,  190.0,   0.90,  0.05, -0.60, 0.00, 0.00, 0.00, -0.15, 0.0, 15.0,    8000.0),
    ("CCL22",    "CCL22 (MDC)",   _L,  780.0,   0.50,  0.00, -0.50, 0.00, 0.00, -0.05, 0.00, 0.0, 40.0,   12000.0),
    ("GZMA",     "Granzyme A",    _L,   28.0,   0.60,  0.10, -0.15, 1.30, 0.45, 0.15, 0.20, 0.0,   6.0,    6000.0),
    ("GZMB",     "Granzyme B",    _S,    6.5,   0.70,  0.15, -0.10, 1.90, 0.55, 0.30, 0.40, -1.0,  2.0,    6000.0),
    ("PRF1",     "Perforin",      _S, 4400.0,   0.45,  0.10, -0.15, 0.70, 0.35, 0.10, 0.10, 0.0, 250.0,   60000.0),
    ("PDL1",     "PD-L1",         _L,   75.0,   0.55,  0.35, 0.05, 0.90, 0.20, 0.30, 0.15, -1.0,  10.0,    5000.0),
    ("FLT3L",    "FLT3L",         _L,   85.0,   0.40,  0.05, 0.90, -0.30, 0.00, 0.00, 0.00, -2.0, 10.0,    5000.0),
    ("VEGF",     "VEGF",          _L,  210.0,   0.75,  0.40, -0.25, 0.10, 0.00, 0.10, 0.10, 0.0,  15.0,    6000.0),
    ("FASL",     "Fas ligand",    _L,   60.0,   0.50,  0.10, -0.10, 0.90, 0.30, 0.10, 0.10, 0.0,  12.0,    5000.0),
    ("SICAM1",   "sICAM-1",       _L, 4.1e5,    0.40,  0.45, -0.05, 0.50, 0.10, 0.20, 0.10, 0.0, 2000.0,   3e6),
    ("SVCAM1",   "sVCAM-1",       _L, 7.2e5,    0.35,  0.45, 0.00, 0.50, 0.10, 0.20, 0.15, 1.0,  2000.0,   4e6),
    ("SAA",      "SAA",           _L, 2.4e7,    1.30,  0.75, 0.20, 1.20, 0.15, 0.60, 0.20, -1.0, 5e4,     2e8),
    ("CRP_S",    "CRP (serum)",   _L, 2.8e7,    1.15,  0.75, 0.10, 1.00, 0.15, 0.60, 0.20, -1.0, 1e5,     3e8),
)  # fmt: skip

ANALYTES: tuple[Analyte, ...] = tuple(Analyte(*row) for row in _TABLE)

_NOISE = 0.22  # within-subject standard deviation of the logarithm
_RISING, _FALLING = 1.8, 6.0  # days: width of the rise (Gaussian), time constant of the fall
_WASHOUT = 9.0  # days: time constant at which the rise of conditioning is lost


def response_shape(day: Floats, height_day: Floats) -> Floats:
    """Share of the response reached on ``day``: zero before infusion, one on ``height_day``, falling exponentially."""
    gap = day - height_day
    shape = np.where(gap < 0.0, np.exp(-0.5 * np.square(gap / _RISING)), np.exp(-np.maximum(gap, 0.0) / _FALLING))
    return np.where(day <= 0.0, 0.0, shape)


def cytokines(
    seed: int,
    serum: pl.DataFrame,
    subjects: list[str],
    scores: dict[str, Floats],
    tmax: Floats,
    il15_day0: Floats,
    tocilizumab_day: Floats,
) -> pl.DataFrame:
    """Levels of every analyte in every serum sample that was taken.

    Parameters
    ----------
    serum
        The serum samples (``sample_id``, ``subject_id``, ``study_day``, ``missed``).
    scores
        Scores of the causal graph.
    il15_day0
        IL-15 on day 0 (pg/mL), which the graph draws because it drives expansion and neurologic events.
    tocilizumab_day
        Day of the first tocilizumab, infinite without; serum IL-6 rises after it because its receptor is blocked.
    """
    rng = stream(seed, "cytokines")
    n, width = len(subjects), len(ANALYTES)
    values = {f.name: np.array([getattr(a, f.name) for a in ANALYTES]) for f in fields(Analyte)}
    codes = list(values["code"])
    loading = values["inflammation"]
    base = loading * scores["inflammation"][:, None] + np.sqrt(1.0 - loading**2) * rng.standard_normal((n, width))
    base[:, codes.index("IL6")] = scores["il6"]
    log_base = np.log(values["typical"]) + values["spread"] * base
    depth = 1.0 + 0.30 * scores["conditioning"][:, None] + 0.15 * rng.standard_normal((n, width))
    conditioning = values["conditioning"] * depth
    il15 = codes.index("IL15")
    conditioning[:, il15] = np.log(il15_day0) - log_base[:, il15]
    rise = (
        values["rise"]
        + values["expansion"] * scores["cmax"][:, None]
        + values["crs"] * scores["crs"][:, None]
        + values["neurotoxicity"] * scores["neurotoxicity"][:, None]
        + 0.25 * (values["rise"] > 0.0) * rng.standard_normal((n, width))
    )
    rise = np.where(values["rise"] > 0.0, np.maximum(rise, 0.0), rise)

    taken = serum.filter(~pl.col("missed"))
    who = {subject: i for i, subject in enumerate(subjects)}
    row = np.array([who[s] for s in taken["subject_id"]], dtype=np.int64)
    day = taken["study_day"].to_numpy().astype(np.float64)[:, None]
    height = np.clip(tmax[row][:, None] + values["lag"], 1.5, 14.0)
    level = log_base[row] + rise[row] * response_shape(day, height)
    level += np.where(day >= 0.0, conditioning[row] * np.exp(-np.maximum(day, 0.0) / _WASHOUT), 0.0)
    since = day[:, 0] - tocilizumab_day[row]
    level[:, codes.index("IL6")] += np.where(since > 0.0, 1.2 * np.exp(-np.maximum(since, 0.0) / 10.0), 0.0)
    noise = _NOISE * rng.standard_normal(level.shape)
    noise[:, il15] *= np.where(day[:, 0] == 0.0, 0.0, 1.0)
    pg_ml = np.exp(level + noise)
    return pl.DataFrame(
        {
            "sample_id": np.repeat(taken["sample_id"].to_numpy(), width),
            "analyte": codes * taken.height,
            "panel": list(values["panel"]) * taken.height,
            "pg_ml": pg_ml.ravel(),
        },
        schema={"sample_id": pl.String, "analyte": pl.String, "panel": pl.String, "pg_ml": pl.Float64},
    )
