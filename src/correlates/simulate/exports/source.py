"""What the writers of instrument files share: random streams, the samples to run, plate positions, truth rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl

from correlates.simulate.causal import stream
from correlates.simulate.trial import Trial
from correlates.simulate.warts import Warts

NG_PER_DIPLOID_GENOME = 0.0066
"""Mass of the DNA of one diploid human cell, ng."""

TRUTH_SCHEMA = {"level": pl.String, "id": pl.String, "name": pl.String, "value": pl.Float64, "text": pl.String}


def generator(trial: Trial, block: str) -> np.random.Generator:
    """The random stream of one file or step: a change in one leaves the others as they were."""
    return stream(trial.seed, f"exports {block}")


def collected(trial: Trial, warts: Warts) -> pl.DataFrame:
    """The samples that reached the laboratory, in the order they were taken by subject."""
    return trial.samples.filter(~pl.col("missed").fill_null(value=False)) if warts.missed_visits else trial.samples


def copies_per_reaction(trial: Trial, warts: Warts) -> pl.DataFrame:
    """Expected transgene copies and diploid genomes per reaction of every sample that has DNA.

    Returns
    -------
    polars.DataFrame
        ``sample_id``, ``subject_id``, ``genomes`` (diploid, per reaction) and ``copies`` (per reaction). Copies are
        the CAR+ share of the extracted cells (CAR cells/uL over lymphocytes plus monocytes per uL) times the vector
        copy number times the genomes; genomes are DNA mass over 0.0066 ng.
    """
    leukocytes = pl.col("lymphocytes_per_ul") + pl.col("monocytes_per_ul")
    genomes = pl.col("dna_ng") / NG_PER_DIPLOID_GENOME
    return (
        collected(trial, warts)
        .filter(pl.col("dna_ng").is_not_null() & pl.col("car_cells_per_ul").is_not_null())
        .join(trial.product.select("subject_id", "vcn"), on="subject_id", how="left", maintain_order="left")
        .select(
            "sample_id",
            "subject_id",
            genomes=genomes,
            copies=pl.col("car_cells_per_ul") / leukocytes * pl.col("vcn") * genomes,
        )
    )


def laboratory_day(trial: Trial, number: int) -> date:
    """Day on which the central laboratory ran plate ``number``: after the last patient's samples were in."""
    last = trial.patients["infusion_date"].max()
    assert isinstance(last, date)
    return last + timedelta(days=200 + number)


def stamp(trial: Trial, number: int, hour: int = 9, minute: int = 0) -> datetime:
    """Date and time of plate ``number``."""
    return datetime.combine(laboratory_day(trial, number), time(hour, minute))


def position(index: int, columns: int) -> str:
    """Well name of a 0-based index counted along rows, as A1."""
    row, column = divmod(index, columns)
    return f"{chr(ord('A') + row)}{column + 1}"


def chunks(size: int, of: int) -> list[slice]:
    """Slices of at most ``of`` that cover ``size``."""
    return [slice(start, min(start + of, size)) for start in range(0, size, of)]


def truth_rows(
    level: str, ids: Sequence[str], values: Mapping[str, Iterable[float]] | None = None, *, text: str | None = None
) -> pl.DataFrame:
    """Rows of the truth table: one per id and name."""
    frames = [
        pl.DataFrame(
            {"level": level, "id": ids, "name": name, "value": np.asarray(list(column), dtype=float), "text": text},
            schema=TRUTH_SCHEMA,
        )
        for name, column in (values or {}).items()
    ]
    return pl.concat(frames) if frames else pl.DataFrame(schema=TRUTH_SCHEMA)


def wart_row(code: str, where: str, text: str, value: float | None = None) -> pl.DataFrame:
    """The truth row of a planted wart: its code, where it stands and what was done."""
    return pl.DataFrame(
        {"level": ["wart"], "id": [code], "name": [where], "value": [value], "text": [text]}, schema=TRUTH_SCHEMA
    )
