"""Agreement of two assays of the same samples: every statistic a laboratory reports, and every censored pair counted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from correlates.schema import AGREEMENT, conform
from correlates.stats import agreement as pairs
from correlates.stats import deming as lines
from correlates.stats import passing_bablok as ranks
from correlates.terms import Censoring, Status

_CODES = {Censoring.NONE.value: 0, Censoring.LEFT.value: -1, Censoring.RIGHT.value: 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementSettings:
    """Two assays to hold against each other, and how."""

    assays: tuple[str, str]
    """The assay on the x axis (the reference, or the one in use), and the one on the y axis."""
    decision_points: tuple[float, ...] = ()
    """Values of the first assay at which the bias is stated."""
    error_ratio: float = 1.0
    """Variance of the error of the first assay over that of the second, for Deming lines."""
    confidence: float = 0.95
    """Level of the intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A statistic before it is a row of the table."""

    method: str
    name: str
    label: str
    value: float | None
    lower: float | None = None
    upper: float | None = None
    level: str = ""
    cautions: tuple[str, ...] = field(default=())
    reason: str | None = None


def agreement(name: str, measurements: pl.DataFrame, settings: AgreementSettings) -> pl.DataFrame:
    """Hold two assays against each other on the samples both have measured in one unit.

    Parameters
    ----------
    name
        Name of the analysis.
    measurements
        Table of measurements; excluded ones do not take part.
    settings
        The assays, the decision points and the level.

    Returns
    -------
    polars.DataFrame
        Table ``agreement``: for each analyte measured by both, the number of pairs by what is known of them (quantified,
        below or above a limit), Bland-Altman bias and limits as differences and as ratios, Lin's concordance, Deming,
        weighted Deming, Passing-Bablok and its equivariant form, and the bias at the decision points.

    Notes
    -----
    Pairs with a censored value are counted and never enter the other statistics. A statistic that is not defined for the
    pairs is a row with a reason.
    """
    first, second = settings.assays
    parts = [AGREEMENT.empty()]
    for (analyte, unit), group in _pairs(measurements, first, second).group_by(
        ["analyte", "unit"], maintain_order=True
    ):
        codes = [group[c].replace_strict(_CODES).to_numpy() for c in ("censoring", "censoring_y")]
        x, y = group["value"].to_numpy(), group["value_y"].to_numpy()
        split = pairs.split_pairs(x, y, *codes)
        n = int(split.uncensored.sum())
        rows = [*_counts(split), *_statistics(x[split.uncensored], y[split.uncensored], settings)]
        parts.append(
            AGREEMENT.frame(
                [
                    {
                        "analysis_id": name,
                        "first": first,
                        "second": second,
                        "analyte": analyte,
                        "unit": unit,
                        "method": row.method,
                        "stat_name": row.name,
                        "stat_label": row.label,
                        "level": row.level,
                        "value": row.value,
                        "lower": row.lower,
                        "upper": row.upper,
                        "n": n,
                        "cautions": list(row.cautions),
                        "reason": row.reason,
                    }
                    for row in rows
                ]
            )
        )
    return conform(pl.concat(parts), AGREEMENT)


def _pairs(measurements: pl.DataFrame, first: str, second: str) -> pl.DataFrame:
    usable = measurements.filter((pl.col("status") == Status.REPORTED.value) & pl.col("value").is_not_null())
    x, y = (
        usable.filter(pl.col("assay") == assay).select("sample_id", "analyte", "unit", "value", "censoring")
        for assay in (first, second)
    )
    return x.join(y, on=["sample_id", "analyte", "unit"], suffix="_y").sort("analyte", "unit", "sample_id")


def _counts(split: pairs.Split) -> Iterator[_Row]:
    for kind, count in split.counts:
        if count:
            yield _Row(method="pairs", name="pairs", label="Pairs", value=float(count), level=kind.value)
    if excluding := int(split.excluding.sum()):
        yield _Row(
            method="pairs",
            name="excluding",
            label="Censored pairs whose statements exclude each other",
            value=float(excluding),
        )


def _statistics(x: np.ndarray, y: np.ndarray, settings: AgreementSettings) -> Iterator[_Row]:
    level = settings.confidence
    for scale, method in ((pairs.Scale.DIFFERENCE, "bland_altman"), (pairs.Scale.RATIO, "bland_altman_ratio")):
        yield from _bland_altman(method, pairs.bland_altman(x, y, scale=scale, confidence=level))
    yield from _concordance(pairs.concordance(x, y, confidence=level))
    ratio = settings.error_ratio
    for method, fit in (
        ("deming", lines.deming(x, y, error_ratio=ratio, confidence=level)),
        ("weighted_deming", lines.weighted_deming(x, y, error_ratio=ratio, confidence=level)),
    ):
        at = lines.bias_at(fit, settings.decision_points)
        yield from _line(method, fit.slope, fit.intercept, at, (), fit.why)
    for method, robust in (
        ("passing_bablok", ranks.passing_bablok(x, y, confidence=level)),
        ("equivariant_passing_bablok", ranks.equivariant(x, y, confidence=level)),
    ):
        cautions = tuple(caution.value for caution in robust.cautions)
        bias = ranks.bias_at(robust, settings.decision_points) if robust.covariance is not None else None
        yield from _line(method, robust.slope, robust.intercept, bias, cautions, robust.why)
        if robust.linearity is not None:
            yield _Row(
                method=method, name="linearity_p", label="P of the test of linearity", value=robust.linearity.p_value
            )
        yield _Row(method=method, name="tied", label="Share of tied pairs of samples", value=robust.tied)


def _bland_altman(method: str, found: pairs.BlandAltman) -> Iterator[_Row]:
    what = "ratio" if found.scale is pairs.Scale.RATIO else "difference"
    reason = found.why.value if found.why else None
    yield _estimate(method, "bias", f"Bias (mean {what})", found.bias, reason)
    for name, limit in (("lower_limit", found.lower_limit), ("upper_limit", found.upper_limit)):
        label = f"{name.split('_')[0].capitalize()} limit of agreement ({what})"
        low, high = limit.exact if limit else (None, None)
        yield _Row(
            method=method,
            name=name,
            label=label,
            value=limit.estimate if limit else None,
            lower=_finite(low),
            upper=_finite(high),
            reason=reason,
        )
    yield _estimate(method, "trend", f"Slope of the {what} on the level", found.trend, reason)


def _concordance(found: pairs.Concordance) -> Iterator[_Row]:
    reason = found.why.value if found.why else None
    yield _estimate("concordance", "ccc", "Lin's concordance correlation", found.ccc, reason)
    for name, label, value in (
        ("pearson", "Pearson correlation (precision)", found.pearson),
        ("bias_correction", "Bias correction factor (accuracy)", found.bias_correction),
    ):
        yield _Row(method="concordance", name=name, label=label, value=value, reason=reason)


def _line(
    method: str,
    slope: pairs.Estimate | None,
    intercept: pairs.Estimate | None,
    bias: pairs.BiasAt | None,
    cautions: tuple[str, ...],
    why: pairs.Why | None,
) -> Iterator[_Row]:
    reason = why.value if why else None
    for name, label, found in (("slope", "Slope", slope), ("intercept", "Intercept", intercept)):
        yield _estimate(method, name, label, found, reason, cautions)
    if bias is None:
        return
    for at, value, low, high in zip(bias.point, bias.bias, bias.lower, bias.upper, strict=True):
        yield _Row(
            method=method,
            name="bias_at",
            label="Bias at a decision point",
            level=f"{at:g}",
            value=float(value),
            lower=_finite(low),
            upper=_finite(high),
            cautions=cautions,
        )


def _estimate(
    method: str, name: str, label: str, found: pairs.Estimate | None, reason: str | None, cautions: tuple[str, ...] = ()
) -> _Row:
    if found is None:
        return _Row(method=method, name=name, label=label, value=None, reason=reason or pairs.Why.TOO_FEW.value)
    return _Row(
        method=method,
        name=name,
        label=label,
        value=found.estimate,
        lower=_finite(found.lower),
        upper=_finite(found.upper),
        cautions=cautions,
    )


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
