"""Coverage of the 95 % intervals of qPCR and digital PCR against known truth, from wells to the reported unit."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest
from tests.unit.quantify.plates import attributes, drawn_plates, manifest

from correlates.quantify import quantify
from correlates.quantify.settings import Dpcr, Qpcr, Reference, ReplicateRules, Step
from correlates.schema import PRODUCT, WELLS

pytestmark = pytest.mark.calibration
DNA_NG = 200.0
CONCENTRATIONS = 24


def qpcr_coverage(
    *,
    plates: int = 4000,
    samples: int = 25,
    cv: float = 0.0,
    lowest: float = 10.0,
    seed: int = 20200923,
    **noise: float,
) -> pl.DataFrame:
    """Share of intervals that hold the truth, per true quantity."""
    rng = np.random.default_rng(seed)
    truth = np.geomspace(lowest, 1e6, samples)
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
    ("label", "settings"),
    [
        ("SD of Cq 0.05", {"sd": 0.05}),
        ("SD 0.05, standards' own error 0.05", {"sd": 0.05, "level_sd": 0.05}),
        ("SD 0.15", {}),
        ("SD 0.15, chain 10 %", {"cv": 10.0}),
        ("SD 0.15, chain 20 %", {"cv": 20.0}),
        ("SD 0.3", {"sd": 0.3}),
        ("SD 0.15, duplicates", {"replicates": 2}),
        ("SD 0.15, standards' own error 0.1", {"level_sd": 0.1}),
        ("SD 0.15, five levels", {"levels": (1e6, 1e5, 1e4, 1e3, 1e2), "lowest": 100.0}),
        ("SD 0.15, three samples a plate", {"samples": 3, "plates": 10_000}),
    ],
)
def test_qpcr_over_five_decades(label: str, settings: dict[str, object]) -> None:
    """4,000 plates of 25 samples: the standard error of one share is 0.34 %; of the whole, plates being alike, below 0.2 %."""
    found = qpcr_coverage(**settings)  # type: ignore[arg-type]
    shares = found["hit"].to_numpy()
    sys.stdout.write(f"\n{label}: {shares.mean():.4f} overall, {shares.min():.3f} to {shares.max():.3f}; "
          f"bias of ln {found['bias'].min():+.3f} to {found['bias'].max():+.3f}")  # fmt: skip
    assert 0.94 <= shares.mean() <= 0.96 + 0.004
    assert shares.min() >= 0.93
    assert shares.max() <= 0.97
    assert abs(found["bias"].to_numpy()).max() < 0.05


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
    copies, repeats = np.geomspace(1e-4, 3.0, CONCENTRATIONS), 2000
    reference = np.full(CONCENTRATIONS, 0.5)
    wells = dpcr_wells(copies, reference, repeats, rng)
    named = [f"{r}-{i}" for r in range(repeats) for i in range(CONCENTRATIONS)]
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
            true=number.replace_strict(list(range(CONCENTRATIONS)), [float(t) for t in truth], return_dtype=pl.Float64),
        )
        .group_by("number")
        .agg(hit=((pl.col("lower") <= pl.col("true")) & (pl.col("true") <= pl.col("upper"))).mean())
        .sort("number")
    )
    shares = found["hit"].to_numpy()
    positives = 2 * 16_000 * -np.expm1(-copies)
    many = positives >= 10
    unit = "per cell" if per_cell else "per reaction"
    sys.stdout.write(f"\n{unit}, chain {cv:g} %: {shares.mean():.4f}; from 10 positives {shares[many].min():.3f} to "
          f"{shares[many].max():.3f}; below {shares[~many].min():.3f} to {shares[~many].max():.3f}, "
          f"mean {shares[~many].mean():.3f}")  # fmt: skip
    # 2,000 repeats: the standard error of one share is 0.5 %
    assert shares[many].min() >= 0.93
    assert shares[many].max() <= 0.97
    assert 0.945 <= shares[many].mean() <= 0.955
    assert 0.94 <= shares[~many].mean() <= 0.97  # single ones swing, the counts being few
    assert shares[~many].min() >= 0.92


def false_alarms(replicates: int, sd: float, sampling: str, seed: int = 11) -> pl.DataFrame:
    """Share of sound sets of replicates that a spread rule fails, per true quantity."""
    truth = np.geomspace(10.0, 1e6, 11)
    rng = np.random.default_rng(seed)
    wells = drawn_plates(np.tile(truth, (1000, 1)), rng, sd=sd, replicates=replicates)
    rules = ReplicateRules(sampling=sampling)  # type: ignore[arg-type]
    settings = Qpcr(files=(), targets={"CAR": ("CAR",)}, on_failure="flag", replicates=rules)
    names = wells.filter(role="unknown")["sample_id"].unique().sort().to_list()
    checks = quantify("q", wells, manifest(names), PRODUCT.empty(), settings).checks
    number = pl.col("item").str.split("-").list.get(1).cast(pl.Int64)
    return (
        checks.filter(pl.col("rule").is_in(["replicate_sd", "replicate_cv"]))
        .group_by("rule", copies=number.replace_strict(list(range(11)), [float(t) for t in truth]))
        .agg(failed=(~pl.col("passed")).mean())
        .pivot("rule", index="copies", values="failed")
        .select("copies", "replicate_sd", "replicate_cv")
        .sort("copies")
    )


@pytest.mark.parametrize(("replicates", "sd"), [(3, 0.15), (3, 0.2), (2, 0.15)])
def test_sound_replicates_are_rarely_failed(replicates: int, sd: float) -> None:
    """At most 1 % by construction for a technical SD up to 0.233 (triplicate) and 0.194 (duplicate); for the SD of Cq.

    The CV of quantities is skewed (log-normal), so its rule may fail slightly more. Standard error 0.3 %.
    """
    aware, plain = false_alarms(replicates, sd, "allowed"), false_alarms(replicates, sd, "ignored")
    sys.stdout.write(f"\n{replicates} wells, SD {sd}: {aware.rows()}\n  ignoring sampling: {plain.rows()}")
    assert aware["replicate_sd"].to_numpy().max() <= 0.02
    assert plain["replicate_sd"].to_numpy()[0] > 0.2


def test_a_wrong_well_is_found_where_it_can_be() -> None:
    """A well one cycle late at 1,000 copies and more; at 10 copies sampling hides it, and the rule does not claim otherwise."""
    truth = np.array([10.0, 1e3, 1e5])
    wells = drawn_plates(np.tile(truth, (1000, 1)), np.random.default_rng(12), sd=0.15)
    first = pl.col("well_id").is_first_distinct() & (pl.col("role") == "unknown")
    first = first & pl.struct("sample_id").is_first_distinct()
    late = wells.with_columns(signal=pl.when(first).then(pl.col("signal") + 1.5).otherwise("signal"))
    settings = Qpcr(files=(), targets={"CAR": ("CAR",)}, on_failure="flag")
    names = wells.filter(role="unknown")["sample_id"].unique().sort().to_list()
    checks = quantify("q", late, manifest(names), PRODUCT.empty(), settings).checks.filter(rule="replicate_sd")
    number = pl.col("item").str.split("-").list.get(1).cast(pl.Int64)
    found = checks.group_by(number.alias("n")).agg(failed=(~pl.col("passed")).mean()).sort("n")["failed"].to_list()
    sys.stdout.write(f"\na well 1.5 cycles late is found at 10, 1,000, 100,000 copies: {found}")
    assert found[1] > 0.95
    assert found[2] > 0.95


def test_qpcr_per_cell() -> None:
    """Target and reference on the same plate, both curves drawn: the interval of the ratio over five decades of target."""
    plates, samples = 4000, 12
    rng = np.random.default_rng(21)
    truth = np.geomspace(10.0, 1e6, samples)
    target = drawn_plates(np.tile(truth, (plates, 1)), rng, slope_sd=0.05)
    cells = np.full((plates, samples), 30_000.0)
    reference = drawn_plates(2.0 * cells, rng, slope_sd=0.05).with_columns(
        target=pl.lit("RPP"), well_id=pl.format("{}/RPP", "well_id")
    )
    wells = pl.concat([target, reference])
    names = wells.filter(role="unknown")["sample_id"].unique().sort().to_list()
    settings = Qpcr(
        files=(),
        targets={"CAR": ("CAR",), "RPP30": ("RPP",)},
        on_failure="flag",
        reference=Reference(target="RPP30"),
    )
    made = quantify("q", wells, manifest(names), PRODUCT.empty(), settings).measurements
    number = pl.col("sample_id").str.split("-").list.get(1).cast(pl.Int64)
    per_cell = number.replace_strict(
        list(range(samples)), [float(t) / 30_000.0 for t in truth], return_dtype=pl.Float64
    )
    found = (
        made.with_columns(true=per_cell)
        .group_by("true")
        .agg(hit=((pl.col("lower") <= pl.col("true")) & (pl.col("true") <= pl.col("upper"))).mean())
        .sort("true")
    )
    shares = found["hit"].to_numpy()
    sys.stdout.write(f"\nper cell: {shares.mean():.4f} overall, {shares.min():.3f} to {shares.max():.3f}")
    assert 0.94 <= shares.mean() <= 0.964
    assert shares.min() >= 0.93
    assert shares.max() <= 0.97


def test_cells_per_ul_through_vector_copies_and_leukocytes() -> None:
    """4,000 plates; DNA, vector copies per cell and leukocytes are each measured with the lognormal error that the chain declares."""
    rng = np.random.default_rng(11)
    plates, samples = 4000, 25
    truth = np.geomspace(10.0, 1e6, samples)
    wells = drawn_plates(np.tile(truth, (plates, 1)), rng, slope_sd=0.05)
    named = wells.filter(role="unknown")["sample_id"].unique().sort().to_list()
    cv = {"dna_ng": 3.0, "vcn": 8.0, "leukocytes_per_ul": 5.0}
    true = {
        "dna_ng": rng.uniform(100.0, 300.0, len(named)),
        "vcn": rng.uniform(1.0, 5.0, len(named)),
        "leukocytes_per_ul": rng.uniform(200.0, 9000.0, len(named)),
    }
    seen = {k: true[k] * np.exp(cv[k] / 100.0 * rng.standard_normal(len(named))) for k in true}
    samples_table = manifest(
        named, dna_ng=seen["dna_ng"].tolist(), leukocytes_per_ul=seen["leukocytes_per_ul"].tolist()
    )
    product = attributes({f"U-{n}": {"VCN": float(v)} for n, v in zip(named, seen["vcn"], strict=True)})
    chain = (
        Step(divide_by="samples.dna_ng", scale=1000.0, gives="copies/ug DNA", cv=cv["dna_ng"]),
        Step(multiply_by=6.6e-6, gives="copies/cell"),
        Step(divide_by="product.VCN", gives="ratio", cv=cv["vcn"]),
        Step(multiply_by="samples.leukocytes_per_ul", gives="cells/uL", cv=cv["leukocytes_per_ul"]),
    )
    settings = Qpcr(files=(), targets={"CAR": ("CAR",)}, on_failure="flag", chain=chain)
    made = quantify("q", wells, samples_table, product, settings).measurements
    factor = 1000.0 / true["dna_ng"] * 6.6e-6 / true["vcn"] * true["leukocytes_per_ul"]
    copies = np.array([truth[int(n.split("-")[1])] for n in named])
    known = pl.DataFrame({"sample_id": named, "true": copies * factor, "copies": copies})
    found = (
        made.join(known, on="sample_id")
        .with_columns(hit=(pl.col("lower") <= pl.col("true")) & (pl.col("true") <= pl.col("upper")))
        .group_by("copies")
        .agg(pl.col("hit").mean())
        .sort("copies")
    )
    shares = found["hit"].to_numpy()
    sys.stdout.write(f"\ncells/uL: {shares.mean():.4f} overall, {shares.min():.3f} to {shares.max():.3f}")
    assert set(made["unit"]) == {"cells/uL"}
    assert shares.min() >= 0.93
    assert shares.max() <= 0.97
