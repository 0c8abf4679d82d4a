"""Small plates of a bead-based immunoassay with known truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import polars as pl

from correlates.schema import WELLS

CURVE = (30_000.0, -1.1, 2_000.0, 20.0, 0.9)
"""A, B, C, D, G of the true curve: A the plateau, D the response at zero."""
SERIES = tuple(10_000.0 / 4.0**k for k in range(8))


def signal_at(quantity: float | np.ndarray, curve: Sequence[float] = CURVE) -> float | np.ndarray:
    """Response of the true curve, written out as the field writes it."""
    a, b, c, d, g = curve
    return d + (a - d) / (1.0 + (quantity / c) ** b) ** g


def bead_wells(
    rows: Iterable[Mapping[str, object]], *, file: str = "f1", plate: str = "P1", target: str = "IL-6 (pg/mL)"
) -> pl.DataFrame:
    """Wells in the order of a 96-well plate: each row gives what differs."""
    made = []
    for number, row in enumerate(rows):
        well = {
            "file_id": file,
            "plate": plate,
            "well": f"{'ABCDEFGH'[number % 8]}{number // 8 + 1}",
            "target": target,
            "role": "unknown",
            "signal_kind": "mfi",
            "count": 80,
            "extras": "{}",
            **row,
        }
        well.setdefault("well_id", f"{well['file_id']}/{well['plate']}/{well['well']}/{well['target']}")
        made.append(well)
    return WELLS.frame(made)


def standards(
    series: Sequence[float] = SERIES,
    *,
    typed: Mapping[int, float] | None = None,
    noise: Sequence[float] = (0.99, 1.01),
    curve: Sequence[float] = CURVE,
) -> list[dict[str, object]]:
    """Standard1, Standard2 ... in duplicate; ``typed`` gives expected concentrations typed in wrongly, by place from 0."""
    typed = typed or {}
    return [
        {
            "role": "standard",
            "sample_id": f"Standard{k + 1}",
            "nominal": typed.get(k, x),
            "signal": float(signal_at(x, curve)) * factor,
        }
        for k, x in enumerate(series)
        for factor in noise
    ]


def sample(name: str, *quantities: float, **other: object) -> list[dict[str, object]]:
    """Replicate wells of a sample whose signals are those of the given quantities."""
    return [{"sample_id": name, "signal": float(signal_at(q)), **other} for q in quantities]
