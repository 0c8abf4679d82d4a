"""Coverage of the 95 % intervals of qPCR and digital PCR against known truth, from wells to the reported unit."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest
from tests.unit.quantify.plates import drawn_plates, manifest

from correlates.quantify import quantify
from correlates.quantify.settings import Dpcr, Qpcr, Reference, Step
from correlates.schema import PRODUCT, WELLS

pytestmark = pytest.mark.calibration
DNA_NG = 200.0


def qpcr_coverage(
    *, plates: int = 1000, samples: int = 25, cv: float = 0.0, seed: int = 20200923, **noise: float
) -> pl.DataFrame:
    """Share of intervals that hold the truth, per true quantity (10 to 1e6 copies, 25 of them)."""
    rng = np.random.default_rng(seed)
    truth = np.geomspace(10.0, 1e6, samples)
    replicates = int(noise.pop("replicates", 3))
    wells = drawn_plates(np.tile(truth, (plates, 1)), rng, slope_sd=0.05, replicates=replicates, **noise)  # type: ignore[arg-type]
    named = wells.filter(role="unknown")["sample_id"].unique().sort().to_list()
    measured = [float(v) for v in DNA_NG * np.exp(cv / 100.0 * rng.standard_normal(len(named)))]
    chain = (Step(divide_by="samples.dna_ng", scale=1000.0, gives="copies/ug DNA", cv=cv),)
    settings = Qpcr(files=(), targets={"CAR": ("CAR",)}, on_failure="flag", chain=chain)
    made = quantify("q", wells, manifest(named, dna_ng=measured), PRODUCT.empty(), settings).measurements
    number = pl.col("sample_id").str.split("-").list.get(1).cast(pl.Int64)
    true = number.replace_strict(list(range(samples)), [float(t) for t in truth], return_dtype=pl.Float64)
    return (
        made.with_columns(copies=true)
        .with_columns(true=pl.col("copies") * 1000.0 / DNA_NG)
        .with_columns(hit=(pl.col("lower") <= pl.col("true")) & (pl.col("true") <= pl.col("upper")))
        .group_by("copies")
        .agg(pl.col("hit").mean(), bias=(pl.col("estimate") / pl.col("true")).log().mean())
        .sort("copies")
    )


@pytest.mark.parametrize(
    ("label", "settings", "lowest", "highest"),
    [
        ("SD of Cq 0.15", {}, 0.93, 0.975),
        ("SD 0.15, chain 10 %", {"cv": 10.0}, 0.93, 0.97),
        ("SD 0.15, chain 20 %", {"cv": 20.0}, 0.93, 0.97),
        ("SD 0.3", {"sd": 0.3}, 0.93, 0.975),
        ("SD 0.15, duplicates", {"replicates": 2}, 0.93, 0.975),
        ("SD 0.15, standards' own error 0.1", {"level_sd": 0.1}, 0.925, 0.975),
    ],
)
def test_qpcr_over_five_decades(label: str, settings: dict[str, float], lowest: float, highest: float) -> None:
    """1,000 plates of 25 samples: the standard error of one share is 0.7 %; of the whole, plates being alike, below 0.3 %."""
    found = qpcr_coverage(**settings)  # type: ignore[arg-type]
    shares = found["hit"].to_numpy()
    sys.stdout.write(f"\n{label}: {shares.mean():.4f} overall, {shares.min():.3f} to {shares.max():.3f}; "
          f"bias of ln {found['bias'].min():+.3f} to {found['bias'].max():+.3f}")  # fmt: skip
    assert 0.93 <= shares.mean() <= 0.97
    assert lowest <= shares.min()
    assert shares.max() <= highest
    assert abs(found["bias"].to_numpy()).max() < 0.05


def test_a_very_precise_assay_is_covered_conservatively() -> None:
    """SD 0.05: the standards of 10 copies bend the line (mean of log copies), which widens the intervals above them."""
    shares = qpcr_coverage(sd=0.05)["hit"].to_numpy()
    sys.stdout.write(f"\nSD 0.05: {shares.mean():.4f} overall, {shares.min():.3f} to {shares.max():.3f}")
    assert shares.min() >= 0.93


def dpcr_wells(copies: np.ndarray, reference: np.ndarray, repeats: int, rng: np.random.Generator) -> pl.DataFrame:
    """Two wells each of two targets per sample; true copies per partition known."""
    expected = np.repeat(np.stack((np.tile(copies, repeats), np.tile(reference, repeats)), axis=1), 2, axis=0)
    partitions = rng.integers(12_000, 20_000, len(expected))
    positives = rng.binomial(partitions[:, None], -np.expm1(-expected))
    sample = np.repeat([f"{r}-{i}" for r in range(repeats) for i in range(len(copies))], 2)
    frames = []
    for column, target in enumerate(("CAR", "RPP")):
        frames.append(
            pl.DataFrame(
                {
                    "sample_id": sample,
                    "target": target,
                    "positives": positives[:, column],
                    "partitions": partitions,
                    "well": [f"W{i}" for i in range(len(sample))],
                }
            )
        )
    frame = pl.concat(frames).with_columns(
        file_id=pl.lit("f"),
        plate=pl.lit("P"),
        role=pl.lit("unknown"),
        signal_kind=pl.lit("partitions"),
        extras=pl.lit("{}"),
        well_id=pl.format("f/P/{}/{}", "well", "target"),
    )
    missing = [c for c in WELLS.names if c not in frame.columns]
    return frame.with_columns(pl.lit(None, dtype=WELLS.column(c).dtype).alias(c) for c in missing).select(WELLS.names)


@pytest.mark.parametrize("per_cell", [False, True])
@pytest.mark.parametrize("cv", [0.0, 10.0])
def test_dpcr(per_cell: bool, cv: float) -> None:
    rng = np.random.default_rng(7)
    copies, repeats = np.geomspace(1e-4, 3.0, 15), 1000
    reference = np.full(15, 0.5)
    wells = dpcr_wells(copies, reference, repeats, rng)
    named = [f"{r}-{i}" for r in range(repeats) for i in range(15)]
    measured = [float(v) for v in DNA_NG * np.exp(cv / 100.0 * rng.standard_normal(len(named)))]
    # the factor stands for whatever the reported unit rests on; its name does not matter here
    chain = (
        Step(divide_by="samples.dna_ng", scale=DNA_NG, gives="copies/cell" if per_cell else "copies/reaction", cv=cv),
    )
    settings = Dpcr(
        files=(),
        targets={"CAR": ("CAR",), "RPP30": ("RPP",)},
        instrument="qx200",
        reference=Reference(target="RPP30") if per_cell else None,
        chain=chain,
    )
    made = quantify("d", wells, manifest(named, dna_ng=measured), PRODUCT.empty(), settings).measurements
    truth = 2.0 * copies / reference if per_cell else copies * 20_000 / 0.85
    number = pl.col("sample_id").str.split("-").list.get(1).cast(pl.Int64)
    found = (
        made.filter(analyte="CAR")
        .with_columns(
            number=number,
            true=number.replace_strict(list(range(15)), [float(t) for t in truth], return_dtype=pl.Float64),
        )
        .group_by("number")
        .agg(hit=((pl.col("lower") <= pl.col("true")) & (pl.col("true") <= pl.col("upper"))).mean())
        .sort("number")
    )
    shares = found["hit"].to_numpy()
    positives = 2 * 16_000 * -np.expm1(-copies)
    many = positives >= 50
    unit = "per cell" if per_cell else "per reaction"
    sys.stdout.write(f"\n{unit}, chain {cv:g} %: {shares.mean():.4f}; from 50 positives {shares[many].min():.3f} to "
          f"{shares[many].max():.3f}; below {shares[~many].min():.3f} to {shares[~many].max():.3f}")  # fmt: skip
    assert shares[many].min() >= 0.93
    assert shares[many].max() <= 0.972  # 1,000 repeats: SE 0.7 %
    assert 0.93 <= shares[many].mean() <= 0.97
    assert shares[~many].min() >= 0.93  # exact limits of small counts hold more than their level
