"""Tables of an assay report on limits: of detection and quantification by replicates, of blank and detection by control wells."""

from __future__ import annotations

import polars as pl

from correlates.rounding import NOTHING, interval, number, p_value, percent, unit_text
from correlates.tables.record import DisplayTable, counts, marked, numbers, words


def _four(value: float | None) -> str:
    return number(value, 4)


def detection_limits(assay: str, limits: pl.DataFrame) -> DisplayTable | None:
    """Limits of detection and quantification of each analyte, by every way; None where there is none."""
    if limits.is_empty():
        return None
    spans = [
        NOTHING if low is None else interval(low, high) for low, high in limits.select("lower", "upper").iter_rows()
    ]
    outside = ["outside the tested levels" if e else None for e in limits["extrapolated"]]
    return DisplayTable(
        name=f"detection_limits_{assay}",
        title="Limits of detection and quantification",
        columns=(
            words("Target", limits["analyte"], choose=True),
            words("Limit", limits["label"], choose=True),
            words("By the settings", ["yes" if c else None for c in limits["chosen"]], choose=True),
            numbers("Value", limits["value"], _four),
            marked("95 % interval", spans, limits["lower"]),
            words("Unit", [unit_text(u) for u in limits["unit"]]),
            numbers("P of fit", limits["fit_p"], p_value),
            words("Remark", [why or far for why, far in zip(limits["why"], outside, strict=True)]),
        ),
        note="Binomial regression of detection on log10 quantity over the replicates of the standards of all plates, Fieller's interval. "
        "P of fit: of the deviance; a small one says that no such curve describes the levels, and that the interval is too short. "
        "No limit of quantification lies below the chosen limit of detection.",
    )


def detection_levels(assay: str, levels: pl.DataFrame) -> DisplayTable | None:
    """Detection and precision at each level of the standards; None where no level has replicates enough."""
    if levels.is_empty():
        return None
    shares = levels["detected"] / levels["tested"]
    spans = [
        f"{percent(low, 1)} to {percent(high, 1)}"
        for low, high in levels.select("share_lower", "share_upper").iter_rows()
    ]
    return DisplayTable(
        name=f"detection_levels_{assay}",
        title="Detection and precision by level",
        columns=(
            words("Target", levels["analyte"], choose=True),
            numbers("Nominal", levels["level"]),
            words("Unit", [unit_text(u) for u in levels["unit"]]),
            counts("Plates", levels["plates"]),
            counts("Tested", levels["tested"]),
            counts("Detected", levels["detected"]),
            numbers("Share", shares, lambda s: percent(s, 1)),
            marked("95 % interval", spans, levels["share_lower"]),
            numbers("Mean Cq", levels["mean_cq"], _four),
            numbers("SD of Cq", levels["sd_cq"]),
            numbers("Mean quantity", levels["mean"]),
            numbers("CV (%)", levels["cv"]),
            numbers("Recovery (%)", levels["recovery"]),
        ),
        note="Quantities of the detected replicates, read back from the line over the levels of which every replicate was detected. "
        "Where some were not, mean and CV are those of the detected alone.",
    )


def blank_limits(assay: str, limits: pl.DataFrame) -> DisplayTable | None:
    """Limits of blank and detection of digital PCR from control wells; None where there is no control well."""
    if limits.is_empty():
        return None
    return DisplayTable(
        name=f"blank_limits_{assay}",
        title="Limits of blank and detection from the control wells",
        columns=(
            words("Target", limits["analyte"], choose=True),
            counts("Control wells", limits["wells"]),
            counts("Partitions", limits["partitions"]),
            counts("False positives", limits["positives"]),
            numbers("Limit of blank (partitions a well)", limits["limit_of_blank"]),
            numbers("at the upper limit of the mean", limits["limit_of_blank_upper"]),
            numbers("Limit of detection (copies a well)", limits["limit_of_detection"]),
            numbers("of the upper limit of blank", limits["limit_of_detection_upper"]),
            numbers("Limit of detection (copies/\N{MICRO SIGN}L)", limits["concentration"]),
            numbers("P that wells are alike", limits["dispersion_p"], p_value),
        ),
        note="False positive partitions of wells without target are Poisson: the limit of blank is what 95 % of such wells do not "
        "exceed, the limit of detection the copies in a well that exceed it in 95 %. A small P says that single wells are contaminated. "
        "With few control wells the columns of the upper limit are the ones to go by.",
    )


def thresholds(assay: str, frame: pl.DataFrame) -> DisplayTable | None:
    """Thresholds and counts of wells whose amplitudes the file lists; None where no file does."""
    if frame.is_empty():
        return None
    origin = {"fitted": "fitted", "declared": "declared", "plate": "the plate's other wells"}
    return DisplayTable(
        name=f"thresholds_{assay}",
        title="Thresholds from amplitudes",
        columns=(
            words("Plate", frame["plate"], choose=True),
            words("Well", frame["well"]),
            words("Channel", frame["channel"], choose=True),
            numbers("Threshold", frame["threshold"], _four),
            words("From", [origin.get(o or "") for o in frame["origin"]], choose=True),
            counts("Partitions", frame["partitions"]),
            counts("Positive above it", frame["positives"]),
            counts("By the instrument", frame["instrument_positives"]),
            words("Used", frame["counted_by"], choose=True),
            counts("Rain", frame["rain"]),
            numbers("Mean of the negatives", frame["negative_mean"], _four),
            numbers("SD", frame["negative_sd"]),
            numbers("Mean of the positives", frame["positive_mean"], _four),
            numbers("SD of the positives", frame["positive_sd"]),
            words("Remark", frame["detail"]),
        ),
        note="A mixture of two normal laws; rain: partitions further than the declared number of SD from both populations. By the "
        "instrument: the partitions that its software classed as positive.",
    )
