"""Tables of an assay report: limits, standards, replicates, blanks, controls, plates held together, wells of digital PCR."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from correlates.rounding import NOTHING, fixed, interval, number, percent, ratio, unit_text
from correlates.tables.record import Column, DisplayTable, counts, marked, numbers, words
from correlates.terms import Censoring, Role, Status

WORST = 25
"""Replicate sets listed as the worst of an assay."""


def _two(value: float | None) -> str:
    return number(value, 2)


def _four(value: float | None) -> str:
    return fixed(value, 4)


def _titled(name: str, assay: str) -> str:
    return f"{name}_{assay}"


def standard_curves(assay: str, curves: pl.DataFrame, printed: pl.DataFrame) -> DisplayTable | None:
    """Straight standard curves beside the ones that the instrument printed; None where there is none."""
    lines = curves.filter(pl.col("model") == "linear")
    if lines.is_empty():
        return None
    theirs = printed.select(
        "file_id",
        "plate",
        target="analyte",
        slope_="slope",
        intercept_="intercept",
        r_squared_="r_squared",
        efficiency_="efficiency",
    )
    rows = lines.join(theirs, on=["file_id", "plate", "target"], how="left").sort("target", "plate")

    def beside(label: str, column: str) -> tuple[Column, ...]:
        return (numbers(label, rows[column], _four),) if printed.height else ()

    return DisplayTable(
        name=_titled("standard_curves", assay),
        title="Standard curves",
        columns=(
            words("Accepted", ["yes" if a else "no" for a in rows["accepted"]], choose=True),
            words("Plate", rows["plate"]),
            words("Target", rows["target"], choose=True),
            counts("Levels", rows["n_levels"]),
            counts("Wells", rows["n_wells"]),
            numbers("Slope", rows["slope"], _four),
            *beside("its slope", "slope_"),
            numbers("Intercept", rows["intercept"], _four),
            *beside("its intercept", "intercept_"),
            numbers("R\N{SUPERSCRIPT TWO}", rows["r_squared"], _four),
            *beside("its R\N{SUPERSCRIPT TWO}", "r_squared_"),
            numbers("Efficiency (%)", [None if e is None else 100 * e for e in rows["efficiency"]], _four),
            *beside("its efficiency (%)", "efficiency_"),
            numbers("Residual SD (Cq)", rows["residual_sd"], fixed),
            numbers("Lowest accurate", rows["lowest"]),
            numbers("Highest accurate", rows["highest"]),
            words("Unit", [unit_text(u) for u in rows["unit"]]),
        ),
        note="Ordinary least squares of Cq on log10 quantity; efficiency 10^(-1/slope) - 1. Lowest and highest accurate: standard levels "
        "whose mean back-calculated quantity is within the declared accuracy."
        + (" its: as the instrument's software printed it." if printed.height else ""),
    )


def logistic_curves(assay: str, curves: pl.DataFrame) -> DisplayTable | None:
    """Logistic calibration curves with their limits of quantification; None where there is none."""
    rows = curves.filter(pl.col("model") != "linear").sort("target", "plate")
    if rows.is_empty():
        return None
    return DisplayTable(
        name=_titled("calibration_curves", assay),
        title="Calibration curves and limits of quantification",
        columns=(
            words("Accepted", ["yes" if a else "no" for a in rows["accepted"]], choose=True),
            words("Plate", rows["plate"], choose=True),
            words("Analyte", rows["target"], choose=True),
            words("Model", rows["model"]),
            counts("Levels", rows["n_levels"]),
            counts("Wells", rows["n_wells"]),
            numbers("Residual SD (weighted)", rows["residual_sd"], fixed),
            numbers("LLOQ", rows["lowest"]),
            numbers("ULOQ", rows["highest"]),
            words("Unit", [unit_text(u) for u in rows["unit"]]),
        ),
        note="LLOQ and ULOQ: ends of the widest run of standard levels whose recovery and CV meet the rules, before dilution. The "
        "parameters and their covariance are in the table of curves of the report folder.",
    )


def standards(assay: str, curves: pl.DataFrame, points: pl.DataFrame) -> DisplayTable | None:
    """Back-calculated standards by analyte and level over the plates; None where there is none."""
    joined = points.filter((pl.col("role") == Role.STANDARD.value) & (pl.col("nominal") > 0)).join(
        curves.select("curve_id", "target", "plate", "unit"), on="curve_id"
    )
    if joined.is_empty():
        return None
    by_plate = joined.group_by("target", "unit", "nominal", "curve_id").agg(
        mean=pl.col("recovery").mean(),
        cv=100 * pl.col("back_calculated").std() / pl.col("back_calculated").mean(),
        wells=pl.len(),
        unused=(~pl.col("used")).sum(),
    )
    rows = (
        by_plate.group_by("target", "unit", "nominal")
        .agg(
            plates=pl.len(),
            wells=pl.col("wells").sum(),
            unused=pl.col("unused").sum(),
            recovery=pl.col("mean").mean(),
            low=pl.col("mean").min(),
            high=pl.col("mean").max(),
            within=pl.col("cv").drop_nulls().drop_nans().median(),
            between=100 * pl.col("mean").std() / pl.col("mean").mean(),
        )
        .sort("target", "nominal")
    )
    return DisplayTable(
        name=_titled("standards", assay),
        title="Back-calculated standards",
        columns=(
            words("Analyte", rows["target"], choose=True),
            numbers("Nominal", rows["nominal"]),
            words("Unit", [unit_text(u) for u in rows["unit"]]),
            counts("Plates", rows["plates"]),
            counts("Wells", rows["wells"]),
            counts("Not used", rows["unused"]),
            numbers("Recovery (%)", rows["recovery"]),
            marked("Range over plates (%)", _ranges(rows["low"], rows["high"]), rows["low"]),
            numbers("CV within plate, median (%)", rows["within"], _two),
            numbers("CV between plates (%)", rows["between"], _two),
        ),
        note="Recovery: mean over plates of the mean back-calculated quantity of a level, in per cent of nominal.",
    )


def _ranges(low: pl.Series, high: pl.Series) -> list[str]:
    return [
        NOTHING if a is None else number(a) if a == b else f"{number(a)} to {number(b)}"
        for a, b in zip(low, high, strict=True)
    ]


def replicates(assay: str, sets: pl.DataFrame) -> DisplayTable | None:
    """How far replicate wells lie apart, by analyte; None where no sample has two wells."""
    valued = sets.filter(pl.col("spread").is_not_null())
    if valued.is_empty():
        return None
    spread = pl.col("spread")
    rows = (
        valued.group_by("analyte", "measure", "role")
        .agg(
            n=pl.len(),
            median=spread.median(),
            p90=spread.quantile(0.9, "linear"),
            p95=spread.quantile(0.95, "linear"),
            highest=spread.max(),
        )
        .sort("analyte", "measure", "role")
    )
    return DisplayTable(
        name=_titled("replicates", assay),
        title="Spread of replicate wells",
        columns=(
            words("Analyte", rows["analyte"], choose=True),
            words("Of", [_ROLES.get(r, r) for r in rows["role"]], choose=True),
            words("Measured by", rows["measure"]),
            counts("Sets", rows["n"]),
            numbers("Median", rows["median"]),
            numbers("90th percentile", rows["p90"]),
            numbers("95th percentile", rows["p95"]),
            numbers("Highest", rows["highest"]),
        ),
    )


_ROLES = {"unknown": "samples", "qc": "controls", "standard": "standards"}


def worst_replicates(assay: str, sets: pl.DataFrame) -> DisplayTable | None:
    """The sets of replicate wells that lie furthest apart; None where no sample has two wells."""
    rows = sets.filter(pl.col("spread").is_not_null()).sort("spread", descending=True).head(WORST)
    if rows.is_empty():
        return None
    return DisplayTable(
        name=_titled("worst_replicates", assay),
        title="Replicates that lie furthest apart",
        columns=(
            words("Plate", rows["plate"], choose=True),
            words("Sample", rows["sample_id"]),
            words("Analyte", rows["analyte"], choose=True),
            words("Wells", [_listed(w) for w in rows["wells"]]),
            numbers("Level", rows["level"]),
            numbers("Spread", rows["spread"]),
            words("Measured by", rows["measure"]),
        ),
        note=f"The {rows.height} widest of {sets.height:,} sets.",
    )


def _listed(items: Sequence[str], most: int = 8) -> str:
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")


def blanks(assay: str, wells: pl.DataFrame) -> DisplayTable | None:
    """No-template controls and blanks by plate and target; None where there is none."""
    empty = wells.filter(pl.col("role").is_in([Role.NTC.value, Role.BLANK.value]))
    if empty.is_empty():
        return None
    counted = empty["positives"].is_not_null().any()
    cq = bool((empty["signal_kind"] == "cq").any())
    rows = (
        empty.group_by("analyte", "plate", "role")
        .agg(
            n=pl.len(),
            seen=(pl.col("positives") > 0).sum() if counted else pl.col("signal").is_not_null().sum(),
            low=pl.col("signal").min(),
            mean=pl.col("signal").mean(),
            sd=pl.col("signal").std(),
            high=pl.col("signal").max(),
            positives=pl.col("positives").sum(),
            partitions=pl.col("partitions").sum(),
        )
        .sort("analyte", "plate", "role")
    )
    shown: tuple[Column, ...]
    if counted:
        shown = (
            counts("Wells with a positive partition", rows["seen"]),
            counts("Positive partitions", rows["positives"]),
            counts("Partitions", rows["partitions"]),
        )
    elif cq:
        shown = (counts("Wells with a Cq", rows["seen"]), numbers("Lowest Cq", rows["low"], _four))
    else:
        shown = (
            numbers("Mean signal", rows["mean"]),
            numbers("SD", rows["sd"]),
            marked("Range", _ranges(rows["low"], rows["high"]), rows["low"]),
        )
    return DisplayTable(
        name=_titled("blanks", assay),
        title="No-template controls and blanks",
        columns=(
            words("Plate", rows["plate"], choose=True),
            words("Analyte", rows["analyte"], choose=True),
            words("Kind", ["no template" if r == Role.NTC.value else "blank" for r in rows["role"]]),
            counts("Wells", rows["n"]),
            *shown,
        ),
    )


def controls(assay: str, frame: pl.DataFrame) -> DisplayTable | None:
    """Control samples plate by plate, against nominal and against the limits of all plates; None where there is none."""
    if frame.is_empty():
        return None
    rows = frame.sort("analyte", "sample_id", "plate_order")
    bound = rows["largest_z"].drop_nulls().max()
    short = (
        f" Limits of so few plates cannot flag everything: |z| is at most {number(float(bound), 2)} here, and 1_3s needs eleven plates."  # type: ignore[arg-type]
        if bound is not None and float(bound) <= 3  # type: ignore[arg-type]
        else ""
    )
    return DisplayTable(
        name=_titled("controls", assay),
        title="Control samples",
        columns=(
            words("Control", rows["sample_id"], choose=True),
            words("Analyte", rows["analyte"], choose=True),
            words("Plate", rows["plate"]),
            numbers("Result", rows["estimate"]),
            words("Unit", [unit_text(u) for u in rows["unit"]]),
            numbers("Nominal", rows["nominal"]),
            numbers("Recovery (%)", rows["recovery"]),
            numbers("CV of wells (%)", rows["cv"], _two),
            counts("Plates", rows["n_plates"]),
            numbers("Geometric mean", rows["centre"]),
            numbers("CV between plates (%)", rows["between_cv"], _two),
            numbers("z", rows["z"], ratio),
            words("Flagged by", [", ".join(r) for r in rows["rules"]], choose=True),
        ),
        note="z: distance from the geometric mean of all plates in SD of log10. Westgard rules: 1_2s warns (beyond 2 SD), 1_3s beyond 3 SD, "
        "2_2s two plates in turn beyond 2 SD on one side. No limits with fewer than three plates." + short,
    )


def plate_ratios(assay: str, frame: pl.DataFrame) -> DisplayTable | None:
    """Ratios between plates by common samples; None where no sample stands on two plates."""
    if frame.is_empty():
        return None
    rows = frame.sort("analyte", "first_plate", "plate")
    spans = [interval(low, high) for low, high in rows.select("lower", "upper").iter_rows()]
    return DisplayTable(
        name=_titled("plate_ratios", assay),
        title="Plates held together by common samples",
        columns=(
            words("Analyte", rows["analyte"], choose=True),
            words("Plate", rows["plate"], choose=True),
            words("Over plate", rows["first_plate"], choose=True),
            counts("Common samples", rows["n_common"]),
            counts("Quantified on both", rows["n"]),
            numbers("Ratio", rows["ratio"], fixed),
            marked("95 % interval", spans, rows["lower"]),
            marked("Range", _ranges(rows["lowest"], rows["highest"]), rows["lowest"]),
        ),
        note="Geometric mean of the results of the later over the earlier plate, with Student's interval on the log scale. "
        "Samples beyond a limit on either plate are counted and left out; samples are taken for the same where their names are.",
    )


def partitions(assay: str, wells: pl.DataFrame) -> DisplayTable | None:
    """Wells of digital PCR with their interval beside the instrument's own; None where there is none."""
    if wells.is_empty():
        return None
    rows = wells.sort("analyte", "plate", "well_id")
    spans = [
        [interval(low, high) for low, high in rows.select(*ends).iter_rows()]
        for ends in (("lower", "upper"), ("printed_lower", "printed_upper"))
    ]
    return DisplayTable(
        name=_titled("partitions", assay),
        title="Wells",
        columns=(
            words("Plate", rows["plate"], choose=True),
            words("Well", rows["well"]),
            words("Sample", rows["sample_id"]),
            words("Target", rows["analyte"], choose=True),
            words("Role", rows["role"], choose=True),
            counts("Positive", rows["positives"]),
            counts("Partitions", rows["partitions"]),
            numbers("Partition (nL)", rows["partition_nl"]),
            numbers("Copies/\N{MICRO SIGN}L", rows["concentration"], _four),
            marked("95 % interval", spans[0], rows["lower"]),
            numbers("Instrument's", rows["printed"], _four),
            marked("Its interval", spans[1], rows["printed_lower"]),
        ),
        note="Copies per \N{MICRO SIGN}L of the reaction; mid-P interval of the share of positives. The volume of a partition is "
        "the one declared, or the one by which the file's own concentrations were computed: then the concentrations agree by "
        "construction and the intervals are what is compared.",
    )


def instrument_ratios(assay: str, frame: pl.DataFrame) -> DisplayTable | None:
    """Quantities over those of the instrument's software; None where the file has none."""
    if frame.is_empty():
        return None
    rows = frame.sort("analyte", "plate")
    return DisplayTable(
        name=_titled("instrument_ratios", assay),
        title="Against the instrument's own quantities",
        columns=(
            words("Analyte", rows["analyte"], choose=True),
            words("Plate", rows["plate"], choose=True),
            counts("Samples and controls", rows["n"]),
            numbers("Median ratio", rows["median"], fixed),
            marked("Range", _ranges(rows["lowest"], rows["highest"]), rows["lowest"]),
        ),
        note="This report's quantity over the one in the file. One ratio for all samples is a unit or a dilution that one of the two has applied.",
    )


def samples(assay: str, measurements: pl.DataFrame, reasons: dict[str, str]) -> DisplayTable | None:
    """The result of every sample; None where there is none."""
    if measurements.is_empty():
        return None
    rows = measurements.sort("analyte", "sample_id")
    cells: list[dict[str, Any]] = rows.to_dicts()
    return DisplayTable(
        name=_titled("samples", assay),
        title="Results of the samples",
        columns=(
            words("Sample", rows["sample_id"]),
            words("Analyte", rows["analyte"], choose=True),
            marked("Result", [_result(row) for row in cells], rows["value"]),
            words("Unit", [unit_text(u) for u in rows["unit"]]),
            marked("95 % interval", [interval(row["lower"], row["upper"]) for row in cells], rows["lower"]),
            counts("Wells", rows["n_replicates"]),
            numbers("CV (%)", rows["cv"], _two),
            words("Status", rows["status"], choose=True),
            words("Why", [reasons.get(row["reason"], row["reason"]) if row["reason"] else None for row in cells]),
        ),
        note="< below the lower, > above the upper limit of quantification of the sample.",
    )


def _result(row: dict[str, Any]) -> str:
    sign = {Censoring.LEFT.value: "< ", Censoring.RIGHT.value: "> "}.get(row["censoring"], "")
    return f"{sign}{number(row['value'])}"


def overview(
    groups: Sequence[tuple[str, str, str]], files: pl.DataFrame, wells: pl.DataFrame, measurements: pl.DataFrame
) -> DisplayTable:
    """One row per assay: what its files hold and what came of it. ``groups`` are name, kind and software."""
    of = wells.join(files.select("file_id", "source"), on="file_id", how="left")

    def held(name: str) -> tuple[int, int, int, int, int, float | None]:
        mine, results = of.filter(pl.col("source") == name), measurements.filter(pl.col("assay") == name)
        valued = results.filter((pl.col("status") == Status.REPORTED.value) & pl.col("value").is_not_null())
        return (
            files.filter(pl.col("source") == name).height,
            mine.select("file_id", "plate").n_unique() if mine.height else 0,
            mine.height,
            mine["target"].n_unique(),
            results.height,
            valued.height / results.height if results.height else None,
        )

    rows = [held(name) for name, _, _ in groups]
    return DisplayTable(
        name="overview",
        title="Assays",
        columns=(
            words("Assay", [name for name, _, _ in groups]),
            words("Kind", [kind for _, kind, _ in groups]),
            words("Software", [software for _, _, software in groups]),
            counts("Files", [r[0] for r in rows]),
            counts("Plates", [r[1] for r in rows]),
            counts("Wells x targets", [r[2] for r in rows]),
            counts("Targets", [r[3] for r in rows]),
            counts("Results", [r[4] for r in rows]),
            numbers("With a value", [r[5] for r in rows], percent),
        ),
    )
