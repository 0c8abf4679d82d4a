"""Small frames of wells, samples and product attributes for tests of quantification, and plates drawn with known truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from correlates.schema import PRODUCT, SAMPLES, WELLS

ROWS = "ABCDEFGHIJKLMNOP"
SLOPE, INTERCEPT = -3.4, 38.0
LEVELS = (1e6, 1e5, 1e4, 1e3, 1e2, 1e1)


def position(number: int, columns: int = 24) -> str:
    """A1, A2 ... of the well of that number."""
    return f"{ROWS[number // columns]}{number % columns + 1}"


def cq_wells(rows: Iterable[Mapping[str, object]], *, file: str = "f1", plate: str = "P1") -> pl.DataFrame:
    """Wells of Cq: each row gives what differs; a null signal is undetermined unless a flag is given."""
    made = []
    for number, row in enumerate(rows):
        well = {
            "file_id": file,
            "plate": plate,
            "well": position(number),
            "target": "CAR",
            "role": "unknown",
            "signal_kind": "cq",
            "extras": "{}",
            "signal": None,
            **row,
        }
        if well["signal"] is None and "flag" not in row:
            well["flag"] = "undetermined"
        well.setdefault("well_id", f"{well['file_id']}/{well['plate']}/{well['well']}/{well['target']}")
        made.append(well)
    return WELLS.frame(made)


def partition_wells(rows: Iterable[Mapping[str, object]], *, file: str = "d1", plate: str = "D1") -> pl.DataFrame:
    """Wells of partitions: each row gives sample_id, positives, partitions and what else differs."""
    made = []
    for number, row in enumerate(rows):
        well = {
            "file_id": file,
            "plate": plate,
            "well": position(number),
            "target": "CAR",
            "role": "unknown",
            "signal_kind": "partitions",
            "extras": "{}",
            **row,
        }
        well.setdefault("well_id", f"{well['file_id']}/{well['plate']}/{well['well']}/{well['target']}")
        made.append(well)
    return WELLS.frame(made)


def exact_standards(
    levels: Iterable[float] = LEVELS, *, wells: int = 3, slope: float = SLOPE, intercept: float = INTERCEPT
) -> list[dict[str, object]]:
    """Standards exactly on a line."""
    return [
        {
            "role": "standard",
            "sample_id": f"STD {level:g}",
            "nominal": level,
            "signal": intercept + slope * float(np.log10(level)),
        }
        for level in levels
        for _ in range(wells)
    ]


def no_template(wells: int = 2) -> list[dict[str, object]]:
    """No-template controls without a Cq."""
    return [{"role": "ntc", "sample_id": "NTC"} for _ in range(wells)]


def exact_cq(quantity: float) -> float:
    """Cq of a quantity on the line of :func:`exact_standards`."""
    return INTERCEPT + SLOPE * float(np.log10(quantity))


def manifest(names: Iterable[str], **columns: object) -> pl.DataFrame:
    """A manifest: subject = sample name with the prefix U-; further columns hold one value for all, or a list."""
    listed = list(names)
    rows: list[dict[str, object]] = [{"sample_id": n, "subject_id": f"U-{n}", "study_day": 7.0} for n in listed]
    for column, value in columns.items():
        for number, row in enumerate(rows):
            row[column] = value[number] if isinstance(value, list) else value
    return SAMPLES.frame(rows)


def attributes(values: Mapping[str, Mapping[str, float]]) -> pl.DataFrame:
    """Product attributes: subject -> attribute -> value."""
    return PRODUCT.frame(
        [
            {"subject_id": subject, "attribute": name, "value": value, "source_id": f"p/{subject}"}
            for subject, named in values.items()
            for name, value in named.items()
        ]
    )


def drawn_plates(
    truth: np.ndarray,
    rng: np.random.Generator,
    *,
    sd: float = 0.15,
    replicates: int = 3,
    level_sd: float = 0.0,
    levels: tuple[float, ...] = LEVELS,
    slope_sd: float = 0.0,
) -> pl.DataFrame:
    """Plates with known truth: each well receives a Poisson number of copies, then a normal error of Cq.

    Parameters
    ----------
    truth
        Shape (plates, samples): expected copies per reaction; samples are named ``plate-sample``.
    sd, level_sd, slope_sd
        SD of a well's Cq, of the error a standard level's wells share (pipetting of the series), of the plate's slope.
    """
    plates, samples = truth.shape
    nominal = np.tile(np.repeat(np.array(levels), 3), (plates, 1))
    expected = np.concatenate((nominal, np.repeat(truth, replicates, axis=1)), axis=1)
    copies = rng.poisson(expected)
    slope = SLOPE + slope_sd * rng.standard_normal((plates, 1))
    signal = INTERCEPT + slope * np.log10(np.maximum(copies, 1)) + sd * rng.standard_normal(expected.shape)
    shared = np.repeat(level_sd * rng.standard_normal((plates, len(levels))), 3, axis=1)
    signal[:, : nominal.shape[1]] += shared
    n_standards, n_unknown, n_ntc = nominal.shape[1], samples * replicates, 2
    per_plate = n_standards + n_unknown + n_ntc
    signal = np.concatenate((signal, np.zeros((plates, n_ntc))), axis=1).ravel()
    none = np.concatenate((copies == 0, np.ones((plates, n_ntc), dtype=bool)), axis=1).ravel()
    number = np.tile(np.arange(per_plate), plates)
    plate_of = np.repeat(np.arange(plates), per_plate)
    role = np.array(["standard"] * n_standards + ["unknown"] * n_unknown + ["ntc"] * n_ntc)
    kind = pl.Series(np.tile(role, plates))
    within = pl.Series((number - n_standards) // replicates)
    frame = pl.DataFrame(
        {
            "file_id": pl.Series(plate_of).cast(pl.String).str.zfill(5),
            "role": kind,
            "number": number,
            "within": within,
            "nominal": np.concatenate((nominal, np.full((plates, n_unknown + n_ntc), -1.0)), axis=1).ravel(),
            "signal": signal,
            "none": none,
        }
    )
    positions = [position(i) for i in range(per_plate)]
    frame = frame.with_columns(
        plate=pl.lit("P"),
        well=pl.col("number").replace_strict(list(range(per_plate)), positions, return_dtype=pl.String),
        sample_id=pl.when(pl.col("role") == "unknown")
        .then(pl.format("{}-{}", "file_id", "within"))
        .otherwise(pl.col("role")),
        target=pl.lit("CAR"),
        nominal=pl.when(pl.col("nominal") > 0).then("nominal"),
        signal_kind=pl.lit("cq"),
        signal=pl.when(~pl.col("none")).then("signal"),
        flag=pl.when("none").then(pl.lit("undetermined")),
        extras=pl.lit("{}"),
    ).with_columns(well_id=pl.format("{}/0/{}/CAR", "file_id", "well"))
    missing = [c for c in WELLS.names if c not in frame.columns]
    return frame.with_columns(pl.lit(None, dtype=WELLS.column(c).dtype).alias(c) for c in missing).select(WELLS.names)
