"""ProteinSimple Simple Plex (Ella): CSV of cartridges, four analytes, three glass nano-reactors per inlet and analyte.

Model. The factory curve of an analyte and lot is ``signal = D + (A - D) / (1 + (x / C)^B)^G``. Each nano-reactor shows
the signal of its inlet with relative and absolute noise; the printed concentrations are the curve inverted. Serum is
run undiluted.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from correlates.simulate.cytokines import ANALYTES
from correlates.simulate.exports.source import chunks, collected, generator, truth_rows
from correlates.simulate.trial import Trial
from correlates.simulate.warts import Warts

Array = NDArray[np.float64]

INLETS = 16
GNRS = 3
CONTROLS = (("LowControl", 0.02), ("HighControl", 0.3))
"""Controls run on each cartridge and their concentration as a share of the upper limit."""
SAMPLES_PER_CARTRIDGE = INLETS - len(CONTROLS)
CARTRIDGES_PER_FILE = 8
RELATIVE_SD = 0.04
ABSOLUTE_SD = 0.05

COLUMNS = (
    "SampleName", "InletComment", "KitId", "AnalyteName", "GnrCount", "Gnr1Background", "Gnr1RFU", "Gnr2RFU",
    "Gnr3RFU", "RFU", "RFUPercentCV", "Gnr1Signal", "Gnr2Signal", "Gnr3Signal", "Signal",
    "Gnr1CalculatedConcentration", "Gnr2CalculatedConcentration", "Gnr3CalculatedConcentration",
    "CalculatedConcentration", "NonlimitedCalculatedConcentration", "CalculatedConcentrationPercentCV",
    "CurveCoefficientA", "CurveCoefficientB", "CurveCoefficientC", "CurveCoefficientD", "CurveCoefficientG",
)  # fmt: skip


def write_simple_plex(trial: Trial, folder: Path, warts: Warts) -> pl.DataFrame:
    """Write the cartridges of a trial into ``folder``; return the truth behind them."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = generator(trial, "simple plex")
    long = trial.cytokines.filter(pl.col("panel") == "simple_plex")
    present = set(long["analyte"].unique())
    kit = [a for a in ANALYTES if a.code in present]
    analytes = [a.code for a in kit]
    if not analytes:
        return truth_rows("plate", [])
    lloq, uloq = np.array([a.lloq for a in kit]), np.array([a.uloq for a in kit])
    curve = _factory_curves(rng, uloq)
    wide = long.pivot("analyte", index="sample_id", values="pg_ml")
    serum = collected(trial, warts).select("sample_id").join(wide, on="sample_id", maintain_order="left")
    spans = chunks(serum.height, SAMPLES_PER_CARTRIDGE)
    for f, files in enumerate(chunks(len(spans), CARTRIDGES_PER_FILE), start=1):
        lines = [",".join(COLUMNS)]
        for k, span in enumerate(spans[files], start=files.start + 1):
            part = serum[span]
            names = [*(name for name, _ in CONTROLS), *part["sample_id"]]
            shares = np.array([share for _, share in CONTROLS])
            amounts = np.concatenate([shares[:, None] * uloq, part.select(analytes).to_numpy()])
            lines += _cartridge(rng, f"KIT{20_400 + k}", names, analytes, amounts, curve, lloq, uloq)
        path = folder / f"KitsExport_{f:02d}.csv"
        path.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8", newline="")
    true = {f"simple_plex_{n}": curve[i] for i, n in enumerate("ABCDG")}
    return truth_rows("plate", [f"simple_plex/{a}" for a in analytes], {**true, "lloq": lloq, "uloq": uloq})


def _factory_curves(rng: np.random.Generator, uloq: Array) -> Array:
    """Coefficients A, B, C, D, G by row, one column per analyte, as printed (six digits)."""
    n = uloq.size
    rows = [
        rng.uniform(0.05, 0.3, n),
        rng.uniform(0.95, 1.15, n),
        uloq * rng.uniform(1.5, 3.0, n),
        rng.uniform(2500, 6000, n),
        rng.uniform(0.9, 1.2, n),
    ]
    return np.array([[float(f"{v:.6g}") for v in row] for row in rows])


def _cartridge(
    rng: np.random.Generator,
    kit: str,
    names: list[str],
    analytes: list[str],
    amounts: Array,
    curve: Array,
    lloq: Array,
    uloq: Array,
) -> list[str]:
    a, b, c, d, g = (row[None, :, None] for row in curve)
    shape = (*amounts.shape, GNRS)
    signal = d + (a - d) / (1 + (amounts[..., None] / c) ** b) ** g
    signal = signal * np.exp(rng.normal(0, RELATIVE_SD, shape)) + rng.normal(0, ABSOLUTE_SD, shape)
    background = rng.uniform(0.8, 2.5, (*amounts.shape, 1))
    rfu, background = np.round(signal + background, 3), np.round(background, 3)
    signal = rfu - background
    rfu_mean, signal_mean = rfu.mean(axis=2), signal.mean(axis=2)
    each = _invert(signal, curve[..., None])
    overall = _invert(signal_mean[..., None], curve[..., None])[..., 0]
    with np.errstate(invalid="ignore"):
        cv = 100 * each.std(axis=2, ddof=1) / each.mean(axis=2)
    limited = np.where((overall >= lloq) & (overall <= uloq), overall, np.nan)
    coefficients = [[_number(v) for v in column] for column in curve.T]
    rows = []
    for i, name in enumerate(names):
        for j, analyte in enumerate(analytes):
            cells = [
                name,
                "",
                kit,
                f"{analyte} (pg/mL)",
                str(GNRS),
                _number(background[i, j, 0]),
                *map(_number, rfu[i, j]),
                _number(rfu_mean[i, j]),
                _number(100 * rfu[i, j].std(ddof=1) / rfu_mean[i, j]),
                *map(_number, signal[i, j]),
                _number(signal_mean[i, j]),
                *map(_number, each[i, j]),
                _number(limited[i, j]),
                _number(overall[i, j]),
                _number(cv[i, j]),
                *coefficients[j],
            ]
            rows.append(",".join(cells))
    return rows


def _invert(signal: Array, curve: Array) -> Array:
    """Concentration at a signal; NaN at or beyond the asymptotes."""
    a, b, c, d, g = curve
    share = (signal - d) / (a - d)
    inside = (share > 0) & (share < 1)
    return np.where(inside, c * (np.where(inside, share, 0.5) ** (-1 / g) - 1) ** (1 / b), np.nan)


def _number(value: float) -> str:
    return f"{value:.6g}" if np.isfinite(value) else "NaN"
