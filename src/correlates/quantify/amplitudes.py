"""From the amplitudes of single partitions to counts: a threshold per channel of a well."""

from __future__ import annotations

import numpy as np
import polars as pl

from correlates.errors import PlanError, unknown
from correlates.quantify.settings import Threshold
from correlates.stats.mixture import two_normals
from correlates.terms import Reason

COUNTS = {
    "channel": pl.String(),
    "partitions": pl.Int64(),
    "positives": pl.Int64(),
    "threshold": pl.Float64(),
    "rain": pl.Int64(),
    "negative_mean": pl.Float64(),
    "negative_sd": pl.Float64(),
    "positive_mean": pl.Float64(),
    "positive_sd": pl.Float64(),
    "bic_gain": pl.Float64(),
    "reason": pl.String(),
    "detail": pl.String(),
}
"""Columns of what :func:`count_partitions` gives. ``bic_gain`` is by how much two populations are better than one."""

_FEWEST = 5


def count_partitions(amplitudes: pl.DataFrame, rules: Threshold | None = None) -> pl.DataFrame:
    """Positive partitions of each channel of one well.

    Parameters
    ----------
    amplitudes
        One row per partition, one column of numbers per channel (null where the file has none).
    rules
        How the threshold is found; the defaults when left out.

    Returns
    -------
    polars.DataFrame
        One row per channel, in the order of the columns: :data:`COUNTS`. A channel in which two populations are not better
        than one (by the Bayesian information criterion, or too close to each other) has no threshold and no count unless one is declared: all its
        partitions are negative or all are positive, and the amplitudes alone do not say which. Reason ``not-estimable``.

    Raises
    ------
    PlanError
        A declared threshold of a channel that is not there.

    Notes
    -----
    The populations are two normal laws (:func:`correlates.stats.mixture.two_normals`). A partition above the threshold is
    positive.
    """
    rules = rules if rules is not None else Threshold()
    strange = [name for name in rules.at if name not in amplitudes.columns]
    if strange:
        raise PlanError([unknown("channel", name, amplitudes.columns, code="unknown-channel") for name in strange])
    rows = [_channel(name, amplitudes[name], rules) for name in amplitudes.columns]
    return pl.DataFrame(rows, schema=COUNTS)


def _channel(name: str, values: pl.Series, rules: Threshold) -> dict[str, object]:
    x = values.cast(pl.Float64).drop_nulls().drop_nans().to_numpy()
    row: dict[str, object] = {"channel": name, "partitions": len(x)}
    threshold = rules.at.get(name)
    if len(x) < _FEWEST or float(np.ptp(x)) == 0.0:
        if threshold is None:
            return row | {
                "reason": Reason.TOO_FEW_PARTITIONS.value,
                "detail": f"{len(x)} partitions of one or no amplitude",
            }
        return row | {"threshold": threshold, "positives": int((x > threshold).sum())}
    found = two_normals(x, shared_sd=rules.shared_sd, k=rules.k)
    row |= {
        "rain": found.rain,
        "negative_mean": found.mean[0],
        "negative_sd": found.sd[0],
        "positive_mean": found.mean[1],
        "positive_sd": found.sd[1],
        "bic_gain": found.bic_one - found.bic,
    }
    if threshold is None:
        if not found.converged:
            return row | {"reason": Reason.NOT_CONVERGED.value, "detail": f"{found.iterations} iterations"}
        threshold = found.threshold_posterior if rules.rule == "posterior" else found.threshold_sd
        if not found.two or found.separation < rules.separation or threshold is None:
            return row | {"reason": Reason.NOT_ESTIMABLE.value, "detail": "one population: no threshold parts it"}
    return row | {"threshold": threshold, "positives": int((x > threshold).sum())}
