"""QuantStudio Real-Time PCR Software: text export of a 384-well standard-curve experiment.

Model. A reaction holds ``N ~ Poisson(copies)`` template copies; ``Cq = intercept + slope log10 N + noise`` and no Cq
where ``N = 0``. The printed quantities are those of the software: least squares of Cq on log10 quantity over the
standard wells of the plate.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from correlates.simulate.exports.source import (
    chunks,
    copies_per_reaction,
    generator,
    position,
    stamp,
    truth_rows,
    wart_row,
)
from correlates.simulate.trial import Trial
from correlates.simulate.warts import Warts

Array = NDArray[np.float64]

TARGET = "CAR"
STANDARDS = (1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 1e1)
"""Nominal copies per reaction of the standards."""
CONTROLS = (("QC-HIGH", 20_000.0), ("QC-LOW", 100.0))
"""Quality controls and their true copies per reaction."""
REPLICATES = 3
COLUMNS = 24
WELLS = 384
MAX_CYCLES = 40.0
NOISE_SD = 0.08
"""Standard deviation of Cq between replicate wells beyond Poisson sampling."""
SAMPLE_SD = 0.05
"""Standard deviation of Cq between samples of equal content (pipetting of DNA, inhibition)."""
RERUN_SHARE = 0.85
"""Share of the samples of a failed plate of which enough DNA was left."""

_FIXED = len(STANDARDS) + 1 + len(CONTROLS)
SAMPLES_PER_PLATE = WELLS // REPLICATES - _FIXED

SETUP_COLUMNS = (
    "Well", "Well Position", "Sample Name", "Sample Color", "Biogroup Name", "Biogroup Color", "Target Name",
    "Target Color", "Task", "Reporter", "Quencher", "Quantity", "Comments",
)  # fmt: skip
RESULT_COLUMNS = (
    "Well", "Well Position", "Omit", "Sample Name", "Target Name", "Task", "Reporter", "Quencher", "CT", "Ct Mean",
    "Ct SD", "Quantity", "Quantity Mean", "Quantity SD", "Automatic Ct Threshold", "Ct Threshold",
    "Automatic Baseline", "Baseline Start", "Baseline End", "Comments", "Y-Intercept", "R(superscript 2)", "Slope",
    "Efficiency", "Amp Score", "Cq Conf", "HIGHSD", "OUTLIERRG",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """A plate to run: its samples with their expected copies per reaction, and its true standard curve."""

    name: str
    number: int
    comment: str
    samples: tuple[str, ...]
    copies: Array
    slope: float
    intercept: float
    level_sd: float
    rng: np.random.Generator


def write_quantstudio(trial: Trial, folder: Path, warts: Warts) -> pl.DataFrame:
    """Write the qPCR plates of a trial into ``folder``; return the truth behind them."""
    folder.mkdir(parents=True, exist_ok=True)
    dna = copies_per_reaction(trial, warts)
    plates, truth = _plan(trial, dna, warts)
    for plate in plates:
        path = folder / f"{plate.name}.txt"
        path.write_text(_plate_text(trial, plate, warts), encoding="utf-8", newline="\n")
        true = {
            "qpcr_slope": [plate.slope],
            "qpcr_intercept": [plate.intercept],
            "qpcr_efficiency": [10 ** (-1 / plate.slope) - 1],
        }
        truth.append(truth_rows("plate", [plate.name], true))
    truth.append(truth_rows("sample", dna["sample_id"].to_list(), {"car_copies_per_reaction": dna["copies"]}))
    if warts.control_samples and plates:
        for name, copies in CONTROLS:
            truth.append(wart_row("control_samples", name, "On every qPCR plate, in no manifest", copies))
    return pl.concat(truth)


def _plan(trial: Trial, dna: pl.DataFrame, warts: Warts) -> tuple[list[Plate], list[pl.DataFrame]]:
    names, copies = dna["sample_id"].to_list(), dna["copies"].to_numpy()
    spans = chunks(len(names), SAMPLES_PER_PLATE)
    failed = len(spans) // 2 if warts.qpcr_failed_plate and len(spans) > 1 else None
    truth: list[pl.DataFrame] = []
    plates: list[Plate] = []

    def plate(number: int, ids: list[str], amounts: Array, *, comment: str, bad: bool) -> Plate:
        kind = "plate" if comment == "NA" else "repeat"
        rng = generator(trial, f"qpcr {kind} {number}")
        slope, intercept = rng.normal(-3.36, 0.04), rng.normal(38.5, 0.2)
        return Plate(
            name=f"CAR_qPCR_P{number:02d}",
            number=number,
            comment=comment,
            samples=tuple(ids),
            copies=amounts,
            slope=-2.8 if bad else slope,
            intercept=intercept,
            level_sd=0.35 if bad else 0.03,
            rng=rng,
        )

    for i, span in enumerate(spans):
        plates.append(plate(i + 1, names[span], copies[span], comment="NA", bad=i == failed))
    if failed is not None:
        bad = plates[failed]
        truth.append(wart_row("qpcr_failed_plate", bad.name, "True slope of the plate", bad.slope))
        if warts.qpcr_rerun:
            rng = generator(trial, "qpcr samples repeated")
            n = len(bad.samples)
            keep = np.sort(rng.choice(n, size=max(1, round(RERUN_SHARE * n)), replace=False))
            again = plate(
                len(spans) + 1,
                [bad.samples[k] for k in keep],
                bad.copies[keep],
                comment=f"Repeat of {bad.name}",
                bad=False,
            )
            plates.append(again)
            truth.append(
                wart_row("qpcr_rerun", again.name, f"Repeat of {bad.name}: samples repeated", float(len(keep)))
            )
            lost = sorted(set(bad.samples) - set(again.samples))
            truth += [wart_row("qpcr_rerun", sample, f"Not repeated after {bad.name}") for sample in lost]
    return plates, truth


def _plate_text(trial: Trial, plate: Plate, warts: Warts) -> str:
    rng = plate.rng
    controls = CONTROLS if warts.control_samples else ()
    names = ["", *([""] * len(STANDARDS)), *(name for name, _ in CONTROLS), *plate.samples]
    tasks = ["NTC", *(["STANDARD"] * len(STANDARDS)), *(["UNKNOWN"] * (len(CONTROLS) + len(plate.samples)))]
    copies = np.concatenate([[0.0], STANDARDS, [amount for _, amount in CONTROLS], plate.copies])
    groups = len(names)

    counts = rng.poisson(np.repeat(copies[:, None], REPLICATES, axis=1))
    shift = (
        rng.normal(0.0, 1.0, (groups, 1)) * np.where(np.array(tasks) == "STANDARD", plate.level_sd, SAMPLE_SD)[:, None]
    )
    with np.errstate(divide="ignore"):
        cq = plate.intercept + plate.slope * np.log10(counts) + shift + rng.normal(0.0, NOISE_SD, counts.shape)
    cq = np.where((counts > 0) & (cq <= MAX_CYCLES), np.round(cq, 3), np.nan)
    score = np.where(np.isnan(cq), 0.0, rng.normal(1.21, 0.02, cq.shape))
    confidence = np.where(np.isnan(cq), 0.0, np.clip(rng.normal(0.975, 0.01, cq.shape), 0.85, 0.999))

    levels = slice(1, 1 + len(STANDARDS))
    slope, intercept, r2 = _line(np.repeat(np.log10(STANDARDS), REPLICATES), cq[levels].ravel())
    curve = f"{intercept:.3f}\t{r2:.3f}\t{slope:.3f}\t{100 * (10 ** (-1 / slope) - 1):.3f}"
    quantity = 10 ** ((cq - intercept) / slope)

    present = [k for k in range(groups) if controls or not (1 + len(STANDARDS) <= k < _FIXED)]
    setup: list[tuple[int, str]] = []
    results: list[tuple[int, str]] = []
    for k in present:
        nominal = f"{STANDARDS[k - 1]:,.3f}" if tasks[k] == "STANDARD" else ""
        colour = '"RGB(0,0,255)"' if names[k] else ""
        seen = ~np.isnan(cq[k])
        ct_mean, ct_sd = _mean_sd(cq[k][seen])
        q_mean, q_sd = _mean_sd(quantity[k][seen]) if tasks[k] == "UNKNOWN" else ("", "")
        high_sd = "Y" if seen.sum() > 1 and np.std(cq[k][seen], ddof=1) > 0.5 else "N"
        for r in range(REPLICATES):
            index = k * REPLICATES + r
            well = f"{index + 1}\t{position(index, COLUMNS)}"
            setup.append(
                (
                    index,
                    f'{well}\t{names[k]}\t{colour}\t\t\t{TARGET}\t"RGB(176,23,31)"\t{tasks[k]}\tFAM\tNFQ-MGB\t{nominal}\t',
                )
            )
            value = f"{cq[k, r]:.3f}" if seen[r] else "Undetermined"
            amount = nominal or (f"{quantity[k, r]:,.3f}" if seen[r] and tasks[k] == "UNKNOWN" else "")
            end = max(int(cq[k, r]) - 4, 5) if seen[r] else 39
            results.append(
                (
                    index,
                    f"{well}\tfalse\t{names[k]}\t{TARGET}\t{tasks[k]}\tFAM\tNFQ-MGB\t{value}\t{ct_mean}\t{ct_sd}\t{amount}"
                    f"\t{q_mean}\t{q_sd}\ttrue\t0.074\ttrue\t3\t{end}\t\t{curve}\t{score[k, r]:.3f}\t{confidence[k, r]:.3f}"
                    f"\t{high_sd}\tN",
                )
            )
    filled = {index for index, _ in setup}
    empty = [(i, f"{i + 1}\t{position(i, COLUMNS)}" + "\t" * 11) for i in range(WELLS) if i not in filled]
    lines = [
        *_header(trial, plate),
        "",
        "[Sample Setup]",
        "\t".join(SETUP_COLUMNS),
        *(text for _, text in sorted(setup + empty)),
        "",
        "[Results]",
        "\t".join(RESULT_COLUMNS),
        *(text for _, text in results),
        "",
    ]
    return "\n".join(lines)


def _line(x: Array, y: Array) -> tuple[float, float, float]:
    """Slope, intercept and R squared of least squares over the wells that have a Cq."""
    seen = ~np.isnan(y)
    x, y = x[seen], y[seen]
    dx, dy = x - x.mean(), y - y.mean()
    slope = float(dx @ dy / (dx @ dx))
    return slope, float(y.mean() - slope * x.mean()), float((dx @ dy) ** 2 / ((dx @ dx) * (dy @ dy)))


def _mean_sd(values: Array) -> tuple[str, str]:
    if values.size == 0:
        return "", ""
    return f"{values.mean():,.3f}", f"{values.std(ddof=1):,.3f}" if values.size > 1 else ""


def _header(trial: Trial, plate: Plate) -> list[str]:
    run = stamp(trial, plate.number, 11, 42)
    calibrated = stamp(trial, -30).strftime("%m-%d-%Y")
    kinds = ("Background", "Pure Dye FAM", "Pure Dye ROX", "ROI", "Uniformity")
    fields = {"Block Type": "384-Well Block"}
    for kind in kinds:
        fields[f"Calibration {kind} is expired"] = "No"
        fields[f"Calibration {kind} performed on"] = calibrated
    fields |= {
        "Chemistry": "TAQMAN",
        "Date Created": run.strftime("%Y-%m-%d 09:12:04 AM EST"),
        "Experiment Barcode": "",
        "Experiment Comment": plate.comment,
        "Experiment File Name": f"D:\\Bioanalysis\\CAR\\{plate.name}.eds",
        "Experiment Name": plate.name,
        "Experiment Run End Time": run.strftime("%Y-%m-%d 11:42:31 AM EST"),
        "Experiment Type": "Standard Curve",
        "Instrument Name": "QS7-02",
        "Instrument Serial Number": "278870417",
        "Instrument Type": "QuantStudio(TM) 7 Flex System",
        "Passive Reference": "ROX",
        "Quantification Cycle Method": "Ct",
        "Signal Smoothing On": "true",
        "Stage/ Cycle where Analysis is performed": "Stage 2, Step 2",
        "User Name": "NA",
    }
    return [f"* {key} = {value}" for key, value in fields.items()]
