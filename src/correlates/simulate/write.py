"""A simulated trial as the folder a laboratory and a clinic hand over: instrument exports, clinical files, manifest.

``truth.parquet`` beside them holds what the files were made from. It is for tests and for judging an analysis; no
analysis reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from correlates.simulate.clinical_files import write_manifest, write_product, write_sdtm
from correlates.simulate.exports.quantasoft import write_quantasoft
from correlates.simulate.exports.quantstudio import write_quantstudio
from correlates.simulate.exports.simple_plex import write_simple_plex
from correlates.simulate.exports.source import TRUTH_SCHEMA
from correlates.simulate.exports.xponent import DILUTIONS, write_xponent
from correlates.simulate.trial import Trial
from correlates.simulate.warts import DEFAULT, Warts


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much of the laboratory's work is written."""

    ddpcr: bool = True
    """Droplet digital PCR beside the qPCR."""
    luminex_panels: int = len(DILUTIONS)
    """Number of Luminex kits."""
    simple_plex: bool = True
    """Simple Plex cartridges."""


SAMPLE_TRUTH = (
    "sample_id", "study_day", "dna_ng", "lymphocytes_per_ul", "monocytes_per_ul", "car_cells_per_ul",
)  # fmt: skip
"""Columns of the samples whose true values are kept."""

WHOLE = Extent()
LIGHT = Extent(luminex_panels=1, simple_plex=False)
"""Enough for the kinetics, the agreement of two assays and a cytokine panel; for many trials in a row."""


def write_trial(trial: Trial, folder: Path, *, warts: Warts = DEFAULT, extent: Extent = WHOLE) -> None:
    """Write a simulated trial as raw files: the same trial and settings give the same bytes.

    Parameters
    ----------
    trial
        The trial with its truth.
    folder
        Where to write; made when absent. Gets ``exports/{qpcr,ddpcr,luminex,simple_plex}``, ``clinical/*.xpt``,
        ``samples.csv``, ``product.csv`` and ``truth.parquet``.
    warts
        Which faults of real data are planted.
    extent
        How much is written; the files that are written are the same whatever the others.
    """
    exports = folder / "exports"
    exports.mkdir(parents=True, exist_ok=True)
    truth = [
        _wide_truth(trial.patients, "subject", "subject_id"),
        _wide_truth(trial.product, "subject", "subject_id"),
        _wide_truth(trial.samples.select(*SAMPLE_TRUTH), "sample", "sample_id"),
        _cytokine_truth(trial),
        write_manifest(trial, folder / "samples.csv", warts),
        write_product(trial, folder / "product.csv", warts),
        write_quantstudio(trial, exports / "qpcr", warts),
    ]
    if extent.ddpcr:
        truth.append(write_quantasoft(trial, exports / "ddpcr", warts))
    if extent.luminex_panels:
        truth.append(write_xponent(trial, exports / "luminex", warts, kits=extent.luminex_panels))
    if extent.simple_plex:
        truth.append(write_simple_plex(trial, exports / "simple_plex", warts))
    write_sdtm(trial, folder / "clinical")
    pl.concat(truth).write_parquet(folder / "truth.parquet")


def _wide_truth(frame: pl.DataFrame, level: str, key: str) -> pl.DataFrame:
    """One row per subject or sample and column; numbers in ``value``, all else in ``text``."""
    kinds = (
        (pl.selectors.numeric() | pl.selectors.boolean(), pl.Float64, "value"),
        (~(pl.selectors.numeric() | pl.selectors.boolean()), pl.String, "text"),
    )
    parts = []
    for kind, dtype, column in kinds:
        part = frame.select(pl.col(key).alias("id"), (kind - pl.selectors.by_name(key)).cast(dtype))
        long = part.unpivot(index="id", variable_name="name", value_name=column).drop_nulls(column)
        parts.append(_filled(long.with_columns(level=pl.lit(level))))
    return pl.concat(parts)


def _cytokine_truth(trial: Trial) -> pl.DataFrame:
    name = pl.format("{} pg/mL", "analyte")
    return _filled(trial.cytokines.select(level=pl.lit("sample"), id="sample_id", name=name, value="pg_ml"))


def _filled(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns of the truth table in their order, null where a column is absent."""
    return frame.select(
        (pl.col(c).cast(t) if c in frame.columns else pl.lit(None, t).alias(c)) for c, t in TRUTH_SCHEMA.items()
    )
