"""Luminex xPONENT: CSV export of 96-well bead-based multiplex plates.

Model. Each analyte and plate has its own five-parameter logistic of net median fluorescence on concentration; a well
shows ``net = f(x) exp(e1) + e2`` with constant relative and constant absolute noise, plus the background of the
region. The printed results, coefficients and R^2 are those of the software: a fit to the standards of the plate as
their expected concentrations are typed in.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from correlates.errors import InternalError, Problem
from correlates.simulate.cytokines import ANALYTES
from correlates.simulate.exports.logistic import Logistic, fit
from correlates.simulate.exports.source import (
    chunks,
    collected,
    generator,
    stamp,
    truth_rows,
    wart_row,
)
from correlates.simulate.trial import Trial
from correlates.simulate.warts import Warts

Array = NDArray[np.float64]
Texts = NDArray[np.str_]

LEVELS = 8
STEP = 3.0
"""Standards 1 (highest) to 8, each a third of the one before, in duplicate."""
CONTROL_SHARES = (1 / 8, 1 / 100)
"""Expected concentration of the two controls, as a share of the highest standard."""
REPLICATES = 2
RELATIVE_SD = 0.05
SD_AT_LLOQ = 0.15
"""Standard deviation of the net signal at an analyte's lower limit of quantification, as a share of it."""
MIN_EVENTS = 50
LOW_BEADS = (8, 22)
DILUTIONS = {"A": 2.0, "B": 2.0, "C": 500.0}
"""Kits and the dilution of serum in each: cytokines and chemokines in A and B, acute-phase and vascular proteins in C."""
ABUNDANT = 1e6
"""Upper limit in serum from which an analyte belongs to the kit of abundant proteins, pg/mL."""
_FIXED = 1 + LEVELS + len(CONTROL_SHARES)
SAMPLES_PER_PLATE = 96 // REPLICATES - _FIXED
_REGIONS = (12, 13, 14, 15, 18, 19, 20, 21, 22, 25, 26, 27, 28, 29, 30, 33, 34, 35, 36, 37, 38, 42, 43, 44, 45)
_COUNT_WARNING = "The acquisition had at least one region that did not reach the specified count."


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """A reagent kit: analytes, dilution of the samples, and in the well the highest standard and LLOQ of each, pg/mL."""

    name: str
    dilution: float
    analytes: tuple[str, ...]
    top: Array
    lloq: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """What an xPONENT file prints: arrays of shape (analytes, wells) and the typed-in expectations."""

    name: str
    number: int
    kit: Kit
    samples: tuple[str, ...]
    median: Array
    net: Array
    counts: NDArray[np.int64]
    expected: Array
    fitted: Logistic


def write_xponent(trial: Trial, folder: Path, warts: Warts, *, kits: int = len(DILUTIONS)) -> pl.DataFrame:
    """Write the Luminex plates of the first ``kits`` panels into ``folder``; return the truth behind them."""
    folder.mkdir(parents=True, exist_ok=True)
    serum = _concentrations(trial, warts)
    truth: list[pl.DataFrame] = []
    for k, kit in enumerate(_kits(trial)[:kits]):
        present = serum.select("sample_id", *kit.analytes).drop_nulls()
        spans = chunks(present.height, SAMPLES_PER_PLATE)
        typed_wrong = len(spans) // 2 if warts.luminex_shifted_decimal and k == 0 else None
        clogged = len(spans) // 3 if warts.luminex_low_beads and k == 0 else None
        rng = generator(trial, f"luminex kit {kit.name}")
        base = _base(rng, kit)
        for i, span in enumerate(spans):
            name = f"Luminex_{kit.name}_P{i + 1:02d}"
            part = present[span]
            true = _plate_curves(rng, base)
            plate, rows = _run(rng, name, i + 1, kit, part, true, typed_wrong=i == typed_wrong, clogged=i == clogged)
            path = folder / f"{name}.csv"
            path.write_bytes(_file(trial, plate))
            ids = [f"{name}/{analyte}" for analyte in kit.analytes]
            coefficients = {"A": true.a, "B": true.b, "C": true.c, "D": true.d, "F": true.f}
            truth += [truth_rows("plate", ids, {f"luminex_{n}": v for n, v in coefficients.items()}), *rows]
    return pl.concat(truth) if truth else truth_rows("plate", [])


def _concentrations(trial: Trial, warts: Warts) -> pl.DataFrame:
    """Serum samples by analyte, pg/mL, in the order they were taken."""
    wide = trial.cytokines.filter(pl.col("panel") == "luminex").pivot("analyte", index="sample_id", values="pg_ml")
    return collected(trial, warts).select("sample_id").join(wide, on="sample_id", maintain_order="left")


def _kits(trial: Trial) -> list[Kit]:
    """The kits that the analytes of the trial are measured with: the first two share what is not abundant."""
    present = set(trial.cytokines.filter(pl.col("panel") == "luminex")["analyte"].unique())
    known = [a for a in ANALYTES if a.code in present]
    unknown = present - {a.code for a in known}
    if unknown:
        what = f"No kit measures {', '.join(sorted(unknown))}"
        raise InternalError(Problem(code="no-kit", what=what, expected="analytes of simulate.cytokines.ANALYTES"))
    scarce = [a for a in known if a.uloq < ABUNDANT]
    half = -(-len(scarce) // 2)
    parts = (scarce[:half], scarce[half:], [a for a in known if a.uloq >= ABUNDANT])
    return [
        Kit(
            name=name,
            dilution=dilution,
            analytes=tuple(a.code for a in part),
            top=np.array([a.uloq / dilution for a in part]),
            lloq=np.array([a.lloq / dilution for a in part]),
        )
        for (name, dilution), part in zip(DILUTIONS.items(), parts, strict=True)
        if part
    ]


def _base(rng: np.random.Generator, kit: Kit) -> Logistic:
    n = len(kit.analytes)
    return Logistic(
        a=rng.uniform(0.0, 4.0, n),
        b=rng.uniform(14_000, 28_000, n),
        c=kit.top * rng.uniform(0.5, 1.0, n),
        d=-rng.uniform(0.95, 1.1, n),
        f=rng.uniform(0.75, 1.25, n),
    )


def _plate_curves(rng: np.random.Generator, base: Logistic) -> Logistic:
    n = base.a.size
    return Logistic(
        a=base.a,
        b=base.b * np.exp(rng.normal(0, 0.10, n)),
        c=base.c * np.exp(rng.normal(0, 0.08, n)),
        d=base.d * np.exp(rng.normal(0, 0.02, n)),
        f=base.f * np.exp(rng.normal(0, 0.03, n)),
    )


def _run(
    rng: np.random.Generator,
    name: str,
    number: int,
    kit: Kit,
    part: pl.DataFrame,
    true: Logistic,
    *,
    typed_wrong: bool,
    clogged: bool,
) -> tuple[Plate, list[pl.DataFrame]]:
    standards = kit.top[:, None] / STEP ** np.arange(LEVELS)
    controls = kit.top[:, None] * np.array(CONTROL_SHARES)
    samples = part.select(kit.analytes).to_numpy().T / kit.dilution
    blank = np.zeros((len(kit.analytes), 1))
    quantities = np.repeat(np.concatenate([blank, standards, controls, samples], axis=1), REPLICATES, axis=1)
    shape = quantities.shape
    floor = SD_AT_LLOQ * (true.at(kit.lloq[:, None]) - true.a[:, None])
    net = true.at(quantities) * np.exp(rng.normal(0, RELATIVE_SD, shape)) + floor * rng.normal(0, 1, shape)
    background = rng.uniform(8, 40, (shape[0], 1)) + 5 * floor
    median = np.maximum(_half(net + background), 1.0)
    counts = np.maximum(rng.poisson(rng.uniform(75, 110, (shape[0], 1)), shape), MIN_EVENTS)
    few = rng.integers(*LOW_BEADS, shape[0])
    rows: list[pl.DataFrame] = []
    if clogged:
        well = (_FIXED + len(part) // 2) * REPLICATES + 1
        counts[:, well] = few
        sample = part["sample_id"][len(part) // 2]
        rows.append(wart_row("luminex_low_beads", f"{name}.csv {_well(well)}", sample, float(few.max())))
    net = median - median[:, :REPLICATES].mean(axis=1, keepdims=True)
    expected = standards.copy()
    if typed_wrong:
        analyte, level = shape[0] // 2, LEVELS // 2
        expected[analyte, level] /= 10
        where = f"{name}.csv {kit.analytes[analyte]} Standard{level + 1}"
        text = f"Typed in as {_amount(expected[analyte, level])}, true value in value"
        rows.append(wart_row("luminex_shifted_decimal", where, text, float(standards[analyte, level])))
    wells = slice(REPLICATES, REPLICATES * (1 + LEVELS))
    fitted = fit(np.repeat(expected, REPLICATES, axis=1), net[:, wells], median[:, wells], true)
    plate = Plate(
        name=name,
        number=number,
        kit=kit,
        samples=tuple(part["sample_id"]),
        median=median,
        net=net,
        counts=counts,
        expected=expected,
        fitted=fitted,
    )
    return plate, rows


def _file(trial: Trial, plate: Plate) -> bytes:
    analytes = list(plate.kit.analytes)
    labels = [
        "Background0",
        *(f"Standard{k + 1}" for k in range(LEVELS)),
        *(f"Control{k + 1}" for k in range(len(CONTROL_SHARES))),
        *plate.samples,
    ]
    names = [label for label in labels for _ in range(REPLICATES)]
    dilution = np.where(np.arange(len(names)) < _FIXED * REPLICATES, 1.0, plate.kit.dilution)
    places = [f"{i + 1}(1,{_well(i)})" for i in range(len(names))]
    events = [str(n) for n in plate.counts.sum(axis=0)]
    low, high = plate.expected.min(axis=1), plate.expected.max(axis=1)
    result = plate.fitted.inverse(plate.net)
    pairs = plate.net.reshape(len(analytes), -1, REPLICATES)
    mean_net = pairs.mean(axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        cv = 100 * pairs.std(axis=2, ddof=1) / mean_net
    average = plate.fitted.inverse(mean_net)
    by_label = dilution[::REPLICATES]
    controls = plate.kit.top[:, None] * np.array(CONTROL_SHARES)
    nominal = np.concatenate([plate.expected, controls], axis=1)
    known = slice(REPLICATES, REPLICATES * _FIXED)
    recovery = 100 * result[:, known] / np.repeat(nominal, REPLICATES, axis=1)
    r2 = _r_squared(plate)
    regions = [str(_REGIONS[i % len(_REGIONS)]) for i in range(len(analytes))]
    coefficients = plate.fitted

    def per_well(title: str, cells: Texts, last: list[str] | None = None, span: slice = slice(None)) -> None:
        tail = ["Total Events"] if last else []
        rows = [["DataType:", title], ["Location", "Sample", *analytes, *tail]]
        columns = [places[span], names[span], *cells.tolist(), *([last[span]] if last else [])]
        blocks.append(rows + [list(row) for row in zip(*columns, strict=True)])

    def per_label(title: str, first: str, keys: list[str], cells: Texts) -> None:
        blocks.append(
            [["DataType:", title], [first, *analytes], *([k, *r] for k, r in zip(keys, cells.T.tolist(), strict=True))]
        )

    def per_analyte(title: str, *rows: list[str]) -> None:
        blocks.append([["DataType:", title], ["Analyte:", *analytes], *rows])

    blocks: list[list[list[str]]] = []
    control_names = labels[1 + LEVELS : _FIXED]
    per_well("Median", _texts(plate.median, "{:.10g}"), events)
    per_well("Net MFI", _texts(plate.net, "{:.10g}"), events)
    per_well("Count", _texts(plate.counts, "{:d}"), events)
    per_well("Result", _ranged(result, low, high, dilution), events)
    per_label("Avg Net MFI", "Sample", labels, _texts(mean_net, "{:.10g}"))
    per_label("Avg Result", "Sample", labels, _ranged(average, low, high, by_label))
    per_label("%CV Replicates", "Sample", labels, _texts(cv, "{:.2f}"))
    per_well("% Recovery", _texts(recovery, "{:.2f}"), span=known)
    per_analyte("Units", ["BeadID:", *regions], ["Units:", *(["pg/mL"] * len(analytes))])
    per_label("Standard Expected Concentration", "Reagent", labels[1 : 1 + LEVELS], _amounts(plate.expected))
    per_label("Control Expected Concentration", "Reagent", control_names, _amounts(controls))
    per_label("Control Range - Low", "Reagent", control_names, _amounts(0.7 * controls))
    per_label("Control Range - High", "Reagent", control_names, _amounts(1.3 * controls))
    per_analyte("Per Bead Count", ["BeadID:", *regions], ["Per Bead:", *([str(MIN_EVENTS)] * len(analytes))])
    factors = [list(row) for row in zip(places, names, (f"{d:g}" for d in dilution), strict=True)]
    blocks.append([["DataType:", "Dilution Factor"], ["Location", "Sample", "Dilution Factor"], *factors])
    per_analyte("Analysis Types", ["AnalysisType", *(["Logistic 5P Weighted"] * len(analytes))])
    values = np.stack([coefficients.a, coefficients.b, coefficients.c, coefficients.d, coefficients.f])
    per_analyte(
        "Analysis Coefficients", *([n, *_texts(v, "{:.6g}").tolist()] for n, v in zip("ABCDF", values, strict=True))
    )
    per_analyte("R^2", ["R^2", *_texts(r2, "{:.4f}").tolist()])
    blocks.append([["DataType:", "Audit Logs"], ["UserId", "Date", "Message"]])
    short = np.flatnonzero((plate.counts < MIN_EVENTS).any(axis=0))
    warnings = [[f"1,{_well(int(w))}", "Warning", _COUNT_WARNING] for w in short]
    blocks.append([["DataType:", "Warnings/Errors"], ["Location", "Status", "Message"], *warnings])

    lines = [*_header(trial, plate, len(names)), "Results", ""]
    text = "\r\n".join(
        line if line == "" else _quoted([line]) if isinstance(line, str) else _quoted(line) for line in lines
    )
    body = "\r\n\r\n".join("\r\n".join(_quoted(row) for row in block) for block in blocks)
    content = f"{text}\r\n{body}\r\n\r\n".encode()
    return content + f"-- CRC --\r\nCRC32: {zlib.crc32(content):08X}\r\n".encode()


def _header(trial: Trial, plate: Plate, wells: int) -> list[list[str] | str]:
    start = stamp(trial, 40 + plate.number, 13, 5)
    stop = stamp(trial, 40 + plate.number, 13, 49)
    calibrated = stamp(trial, 40 + plate.number, 9, 25)
    day, moment = f"{start:%m/%d/%Y}", "{:%m/%d/%Y %H:%M:%S}"

    def clock(t: object) -> str:
        return f"{t:%m/%d/%Y %I:%M:%S %p}"

    serial = "FM3DD14022001"
    passed = f"Passed {moment.format(calibrated)}"
    return [
        ["Program", "xPONENT", "", "FlexMAP 3D"],
        ["Build", "4.3.229.0"],
        ["Date", day, f"{start:%I:%M %p}"],
        "",
        ["SN", serial],
        ["Batch", plate.name],
        ["Version", "1"],
        ["Operator", "bioanalysis"],
        ["ComputerName", "LAB-FM3D-01"],
        ["Country Code", "409"],
        ["ProtocolName", f"Human Cytokine Panel {plate.kit.name}"],
        ["ProtocolVersion", "2"],
        ["ProtocolDescription", f"Serum 1:{plate.kit.dilution:g}, duplicates"],
        ["ProtocolDevelopingCompany", "Central laboratory"],
        ["SampleVolume", "50 uL"],
        ["DDGate", "8000 to 16500"],
        ["SampleTimeout", "60 sec"],
        ["BatchStartTime", clock(start)],
        ["BatchStopTime", clock(stop)],
        ["BatchDescription", "<None>"],
        ["ProtocolPlate", "Name", "Current 96-well plate", "Type", "96", "Plates", "1"],
        ["ProtocolMicrosphere", "Map", "FlexMAP 3D Map", "Type", "MagPlex", "Count", str(len(plate.kit.analytes))],
        ["ProtocolReporterGain", "Standard PMT"],
        ["ProtocolAnalysis", "On", "Fit", "Logistic 5P Weighted"],
        ["NormBead", "None"],
        ["ProtocolHeater", "Off"],
        "",
        ["Most Recent Calibration and Verification Results:"],
        ["Last F3DeCAL1 Calibration", passed],
        ["Last F3DCAL2 Calibration", passed],
        ["Last F3DCAL3 Calibration", passed],
        ["Last F3DeVER1 Verification", passed],
        ["Last F3DVER2 Verification", passed],
        ["Last Fluidics Test", passed],
        [""],
        ["CALInfo:"],
        ["Reporter Calibrator"],
        ["Lot", "ExpirationDate", "CalibrationTime", "RP1Volts", "RP1Val", "Result", "MachineSerialNo"],
        ["B93262", day, clock(calibrated), "727.28", "15508", "Pass", serial],
        "",
        "",
        ["Samples", str(wells), "Min Events", str(MIN_EVENTS), "Per Bead"],
        "",
    ]


def _well(index: int) -> str:
    """Well name of a 0-based index counted down the columns of a 96-well plate, as A1."""
    column, row = divmod(index, 8)
    return f"{chr(ord('A') + row)}{column + 1}"


def _half(values: Array) -> Array:
    """Medians come in halves."""
    halves: Array = np.round(values * 2) / 2
    return halves


def _r_squared(plate: Plate) -> Array:
    y = plate.net[:, REPLICATES : REPLICATES * (1 + LEVELS)]
    at = plate.fitted.at(np.repeat(plate.expected, REPLICATES, axis=1))
    unexplained: Array = ((y - at) ** 2).sum(axis=1)
    total: Array = ((y - y.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    return 1 - unexplained / total


def _texts(values: NDArray[np.generic], style: str) -> Texts:
    flat = [style.format(v) if isfinite(v) else "NaN" for v in values.ravel().tolist()]
    return np.array(flat, dtype=np.str_).reshape(values.shape)


def _amount(value: float) -> str:
    return f"{value:.6g}"


def _amounts(values: Array) -> Texts:
    return _texts(values, "{:.6g}")


def _ranged(values: Array, low: Array, high: Array, dilution: Array) -> Texts:
    """Concentrations times dilution; outside the standards, the limit with its sign."""
    cells = _texts(values * dilution, "{:.4g}")
    under, over = values < low[:, None], values > high[:, None]
    below = np.char.add("<", _texts(low[:, None] * dilution, "{:.4g}"))
    above = np.char.add(">", _texts(high[:, None] * dilution, "{:.4g}"))
    return np.where(under, below, np.where(over, above, cells))


def _quoted(row: list[str]) -> str:
    return ",".join(f'"{cell}"' for cell in row)
