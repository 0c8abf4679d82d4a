"""Bio-Rad QuantaSoft: result table of a two-colour droplet digital PCR plate.

Model. A droplet of 0.85 nL holds Poisson numbers of CAR and RPP30 copies, independent of each other; copies/uL are
copies per reaction over 20 uL. Concentrations and intervals are printed by the vendor's formulas: with p the positive
share of n accepted droplets and v the droplet volume in uL, -ln(1 - p)/v and
-ln(1 - (p -/+ z sqrt(p (1 - p)/n)))/v; linked copies are the sum of both less that of droplets positive for either.
"""

from __future__ import annotations

from math import hypot
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from correlates.simulate.exports.source import (
    chunks,
    copies_per_reaction,
    generator,
    truth_rows,
    wart_row,
)
from correlates.simulate.trial import Trial
from correlates.simulate.warts import Warts

Array = NDArray[np.float64]

DROPLET_UL = 0.85e-3
REACTION_UL = 20.0
RPP30_PER_GENOME = 2.0
SUBSET = 60
"""Samples measured by droplet digital PCR beside qPCR."""
SAMPLES_PER_PLATE = 44
REPLICATES = 2
TARGETS = (("CAR", "FAM", "Unknown"), ("RPP30", "HEX", "Reference"))

COLUMNS = (
    "Well", "Sample description 1", "Sample description 2", "Sample description 3", "Sample description 4", "Target",
    "Conc(copies/µL)", "pg/µL", "Status", "Status Reason", "Experiment", "SampleType", "TargetType", "Supermix",
    "DyeName(s)", "Copies/20µLWell", "TotalConfMax", "TotalConfMin", "PoissonConfMax", "PoissonConfMin",
    "Accepted Droplets", "Positives", "Negatives", "Copies/uL linked molecules", "CNV", "TotalCNVMax", "TotalCNVMin",
    "PoissonCNVMax", "PoissonCNVMin", "ReferenceCopies", "UnknownCopies", "Threshold1", "Threshold2", "Threshold3",
    "ThresholdSigmaAbove", "ThresholdSigmaBelow", "ReferenceUsed", "Ratio", "TotalRatioMax", "TotalRatioMin",
    "PoissonRatioMax", "PoissonRatioMin", "Fractional Abundance", "TotalFractionalAbundanceMax",
    "TotalFractionalAbundanceMin", "PoissonFractionalAbundanceMax", "PoissonFractionalAbundanceMin",
    "MeanAmplitudeOfPositives", "MeanAmplitudeOfNegatives", "MeanAmplitudeTotal", "ExperimentComments", "MergedWells",
    "TotalConfidenceMax68", "TotalConfidenceMin68", "PoissonConfidenceMax68", "PoissonConfidenceMin68",
    "TotalCNVMax68", "TotalCNVMin68", "PoissonCNVMax68", "PoissonCNVMin68", "TotalRatioMax68", "TotalRatioMin68",
    "PoissonRatioMax68", "PoissonRatioMin68", "TotalFractionalAbundanceMax68", "TotalFractionalAbundanceMin68",
    "PoissonFractionalAbundanceMax68", "PoissonFractionalAbundanceMin68", "TiltCorrected", "Ch1+Ch2+", "Ch1+Ch2-",
    "Ch1-Ch2+", "Ch1-Ch2-",
)  # fmt: skip
_Z = {"": 1.96, "68": 1.0}


def write_quantasoft(trial: Trial, folder: Path, warts: Warts) -> pl.DataFrame:
    """Write the droplet digital PCR plates of a subset of the samples into ``folder``; return the truth behind them."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = generator(trial, "ddpcr")
    chosen = _subset(copies_per_reaction(trial, warts))
    truth = [truth_rows("sample", chosen["sample_id"].to_list(), {"ddpcr_copies_per_reaction": chosen["copies"]})]
    per_plate = max(1, -(-chosen.height // max(1, -(-chosen.height // SAMPLES_PER_PLATE))))
    low = chosen.height // 2 if warts.ddpcr_low_droplets else None
    for number, span in enumerate(chunks(chosen.height, per_plate), start=1):
        part = chosen[span]
        names = np.repeat([*part["sample_id"], "NTC"], REPLICATES)
        per_ul = np.array([[*part["copies"], 0.0], [*(part["genomes"] * RPP30_PER_GENOME), 0.0]]) / REACTION_UL
        load = np.repeat(per_ul, REPLICATES, axis=1) * DROPLET_UL
        accepted = np.clip(rng.normal(17_200, 900, names.size), 15_000, 19_000).astype(int)
        if low is not None and span.start <= low < span.stop:
            well = (low - span.start) * REPLICATES + 1
            accepted[well] = 5_000 + accepted[well] % 2_500
            sample = str(names[well])
            where = f"ddPCR_P{number:02d}.csv {_well(well)}"
            truth.append(wart_row("ddpcr_low_droplets", where, sample, float(accepted[well])))
        p = -np.expm1(-load)
        shares = np.stack([p[0] * p[1], p[0] * (1 - p[1]), (1 - p[0]) * p[1], (1 - p[0]) * (1 - p[1])], axis=1)
        quadrants = rng.multinomial(accepted, shares)
        amplitudes = rng.normal([9000.0, 2150.0, 6000.0, 1320.0], [180.0, 30.0, 60.0, 25.0], (names.size, 4))
        lines = [",".join(COLUMNS)]
        for i, name in enumerate(names):
            lines += _rows(_well(i), str(name), quadrants[i], amplitudes[i])
        path = folder / f"ddPCR_P{number:02d}.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return pl.concat(truth)


def _subset(dna: pl.DataFrame) -> pl.DataFrame:
    """Samples spread evenly over the range of expected copies, in the order of the trial."""
    positive = dna.with_row_index("order").filter(pl.col("copies") > 0).sort("copies", "sample_id")
    take = np.unique(np.linspace(0, positive.height - 1, min(SUBSET, positive.height)).round().astype(int))
    return positive.filter(pl.int_range(pl.len()).is_in(take.tolist())).sort("order").drop("order")


def _well(index: int) -> str:
    """Well name of a 0-based index counted down the columns of a 96-well plate, as A01."""
    column, row = divmod(index, 8)
    return f"{chr(ord('A') + row)}{column + 1:02d}"


def _rows(well: str, name: str, quadrants: NDArray[np.int64], amplitudes: Array) -> list[str]:
    both, first, second, neither = (int(q) for q in quadrants)
    n = both + first + second + neither
    positives = (both + first, both + second)
    # A target without a positive droplet gets no call, and nothing is derived from it.
    called = [k > 0 for k in positives]
    concentration = [-np.log(1 - k / n) / DROPLET_UL if k < n else np.inf for k in positives]
    bounds = {z: [_poisson_bounds(k, n, _Z[z]) for k in positives] for z in _Z}
    linked = max(0.0, sum(concentration) + np.log(max(neither, 1) / n) / DROPLET_UL)
    low = n < 10_000
    rows = []
    for t, (target, dye, kind) in enumerate(TARGETS):
        cells = dict.fromkeys(COLUMNS, "")
        k = positives[t]
        on, off = amplitudes[2 * t], amplitudes[2 * t + 1]
        cells |= {
            "Well": well,
            "Sample description 1": name,
            "Target": target,
            "Conc(copies/µL)": _single(concentration[t]) if called[t] else "No Call",
            "Status": "Low Droplets" if low else "OK",
            "Experiment": "ABS",
            "SampleType": "NTC" if name == "NTC" else "Unknown",
            "TargetType": kind,
            "Supermix": "ddPCR Supermix for Probes (No dUTP)",
            "DyeName(s)": dye,
            "Copies/20µLWell": _single(concentration[t] * REACTION_UL) if called[t] else "No Call",
            "Accepted Droplets": str(n),
            "Positives": str(k),
            "Negatives": str(n - k),
            "MeanAmplitudeOfPositives": _double(on) if called[t] else "0",
            "MeanAmplitudeOfNegatives": _double(off),
            "MeanAmplitudeTotal": _double((on * k + off * (n - k)) / n),
            "TiltCorrected": "No",
            "Ch1+Ch2+": str(both),
            "Ch1+Ch2-": str(first),
            "Ch1-Ch2+": str(second),
            "Ch1-Ch2-": str(neither),
        }
        if called[t]:
            for z in _Z:
                prefix = "PoissonConf" if z == "" else "PoissonConfidence"
                low_bound, high_bound = bounds[z][t]
                cells[f"{prefix}Max{z}"], cells[f"{prefix}Min{z}"] = _single(high_bound), _single(low_bound)
        if all(called):
            cells["Copies/uL linked molecules"] = _double(linked)
            if t == 0:
                cells |= _ratio(concentration, bounds)
        rows.append(",".join(cells.values()))
    return rows


def _poisson_bounds(k: int, n: int, z: float) -> tuple[float, float]:
    p = k / n
    half = z * np.sqrt(p * (1 - p) / n)
    low, high = max(p - half, 0.0), min(p + half, 1 - 0.5 / n)
    return float(-np.log(1 - low) / DROPLET_UL), float(-np.log(1 - high) / DROPLET_UL)


def _ratio(concentration: list[float], bounds: dict[str, list[tuple[float, float]]]) -> dict[str, str]:
    """Ratio, copy number (two reference copies) and fractional abundance, half-widths by first-order propagation."""
    ratio = concentration[0] / concentration[1]
    share = 100 * ratio / (1 + ratio)
    cells = {
        "Ratio": _double(ratio),
        "CNV": _double(2 * ratio),
        "ReferenceCopies": "2",
        "ReferenceUsed": TARGETS[1][0],
        "Fractional Abundance": _double(share),
    }
    for z, pairs in bounds.items():
        relative = [(high - low) / 2 / c for (low, high), c in zip(pairs, concentration, strict=True)]
        half = ratio * hypot(*relative)
        for name, value, width in (
            ("Ratio", ratio, half),
            ("CNV", 2 * ratio, 2 * half),
            ("FractionalAbundance", share, 100 * half / (1 + ratio) ** 2),
        ):
            cells[f"Poisson{name}Max{z}"] = _double(value + width)
            cells[f"Poisson{name}Min{z}"] = _double(max(0.0, value - width))
    return cells


def _single(value: float) -> str:
    """A single-precision number as the vendor prints it: up to 15 digits."""
    return f"{float(np.float32(value)):.15g}"


def _double(value: float) -> str:
    return f"{value:.15g}"
