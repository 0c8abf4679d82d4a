"""Controls of immunoassay plates: which they are, the range each must lie in, and whether it does, by plate and over the plates."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase

import polars as pl

from correlates.quantify.extras import number_of
from correlates.quantify.rules import check_rows, figure, gather
from correlates.quantify.settings import Immunoassay
from correlates.terms import Role

LOW, HIGH = "Control Range - Low", "Control Range - High"
"""Names of the extras that hold a control's range, as xPONENT calls them."""
FEWEST_PLATES = 3
"""Plates from which a control without a range is compared with its median."""
_UNNAMED = "control without a name"

ReadOff = Callable[[pl.Series, pl.Series], pl.Series]
"""Quantity, undiluted, at signals of curves: (curve, signal) -> quantity; null where the curve cannot be inverted."""


def declared(wells: pl.DataFrame, settings: Immunoassay) -> pl.DataFrame:
    """Give declared control samples the role of a control. A control is never a measurement of a subject."""
    rules = settings.control_rules
    patterns = (*settings.controls, *rules.nominal, *rules.ranges)
    names = [s for s in wells["sample_id"].drop_nulls().unique() if any(fnmatchcase(s, p) for p in patterns)]
    mine = pl.col("sample_id").is_in(names) & (pl.col("role") == Role.UNKNOWN.value)
    wells = wells.with_columns(role=pl.when(mine).then(pl.lit(Role.QC.value)).otherwise("role"))
    control = pl.col("role") == Role.QC.value
    return wells.with_columns(
        sample_id=pl.when(control).then(pl.col("sample_id").fill_null(_UNNAMED)).otherwise("sample_id")
    )


def judge(
    wells: pl.DataFrame, table: pl.DataFrame, read_off: ReadOff, settings: Immunoassay, assay: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Judge the controls of every plate and analyte.

    Parameters
    ----------
    wells
        Wells of the assay (``immunoassay_curves.prepare``).
    table
        One row per curve: ``curve``, ``file_id``, ``plate``, ``analyte``, ``fitted``, ``accepted``, ``failed``.
    read_off
        The curves.
    settings, assay
        The rules, and the name of the assay.

    Returns
    -------
    tuple
        ``table``, where a curve whose controls fail it is no longer accepted (rule ``controls``), and the checks: ``control`` and
        ``control_cv`` by control, ``controls`` by plate, ``control_between_plates`` over the plates.

    Notes
    -----
    A control is read off at the mean signal of its wells, times its dilution. Its range is that of the settings, else of the file,
    else ``recovery`` of its nominal concentration, else ``recovery`` of the median of the plates, where at least three carry it.
    """
    controls = wells.filter(pl.col("role") == Role.QC.value)
    if controls.height == 0:
        return table, gather(())
    sets = _sets(controls, read_off).join(
        table.select("curve", "file_id", "plate", "analyte", "fitted"), on="curve", how="left", maintain_order="left"
    )
    sets = _ranges(sets, settings)
    by_plate = (
        sets.filter(pl.col("of") != "none")
        .group_by("curve")
        .agg(
            pl.col("file_id", "plate", "analyte").first(),
            met=pl.col("ok").sum(),
            controls=pl.len(),
            share=pl.col("ok").mean(),
            ids=pl.col("ids").explode(empty_as_null=False).sort(),
        )
        .with_columns(ok=pl.col("share") >= settings.control_rules.share)
        .sort("curve")
    )
    checks = gather((*_by_control(sets, settings, assay), *_over(by_plate, sets, settings, assay)))
    if settings.control_rules.on_failure == "flag":
        return table, checks
    bad = pl.col("curve").is_in(by_plate.filter(~pl.col("ok"))["curve"].to_list())
    named = pl.when(pl.col("failed") == "").then(pl.lit("controls")).otherwise(pl.format("{}, controls", "failed"))
    return table.with_columns(
        accepted=pl.col("accepted") & ~bad, failed=pl.when(bad).then(named).otherwise("failed")
    ), checks


def _sets(controls: pl.DataFrame, read_off: ReadOff) -> pl.DataFrame:
    """One row per curve and control: quantity at the mean signal, CV of the wells' quantities, nominal and range of the file."""
    controls = controls.sort("well_id")
    controls = controls.with_columns(
        each=read_off(controls["curve"], controls["signal"]),
        good=pl.col("usable") & ~pl.col("few"),
        low=number_of(LOW) * pl.col("unit_factor"),
        high=number_of(HIGH) * pl.col("unit_factor"),
    )
    good = pl.col("good")
    sets = (
        controls.group_by("curve", "sample_id")
        .agg(
            pl.col("signal").filter(good).mean(),
            pl.col("nominal").mean(),
            pl.col("dilution").first().fill_null(1.0),
            pl.col("low", "high").mean(),
            wells=good.sum().cast(pl.Int64),
            cv=100.0 * pl.col("each").filter(good).std() / pl.col("each").filter(good).mean(),
            ids=pl.col("well_id").sort(),
        )
        .sort("curve", "sample_id")
    )
    return sets.with_columns(quantity=read_off(sets["curve"], sets["signal"]) * sets["dilution"])


def _ranges(sets: pl.DataFrame, settings: Immunoassay) -> pl.DataFrame:
    """Add ``low``, ``high``, where they are from (``of``), and whether the control meets them (``ok``)."""
    rules = settings.control_rules
    ranges = pl.DataFrame(
        [(s, a, float(low), float(high)) for s, of in rules.ranges.items() for a, (low, high) in of.items()],
        schema={"sample_id": pl.String, "analyte": pl.String, "given_low": pl.Float64, "given_high": pl.Float64},
        orient="row",
    )
    nominal = pl.DataFrame(
        [(s, a, float(q)) for s, of in rules.nominal.items() for a, q in of.items()],
        schema={"sample_id": pl.String, "analyte": pl.String, "given": pl.Float64},
        orient="row",
    )
    key = ["sample_id", "analyte"]
    least, most = (r / 100.0 for r in rules.recovery)
    told = f"{rules.recovery[0]:g} to {rules.recovery[1]:g} % of"
    plates = pl.col("quantity").count().over(key)
    middle = pl.when(plates >= FEWEST_PLATES).then(pl.col("quantity").median().over(key))
    sets = (
        sets.join(ranges, on=key, how="left", maintain_order="left")
        .join(nominal, on=key, how="left", maintain_order="left")
        .with_columns(
            expected=pl.coalesce("given", pl.when(pl.col("nominal") > 0).then("nominal")),
            printed=pl.col("low").is_not_null() & pl.col("high").is_not_null(),
            middle=middle,
        )
        .with_columns(
            of=pl.when(pl.col("given_low").is_not_null())
            .then(pl.lit("the declared range"))
            .when("printed")
            .then(pl.lit("the file's range"))
            .when(pl.col("expected").is_not_null())
            .then(pl.lit(f"{told} nominal"))
            .when(pl.col("middle").is_not_null())
            .then(pl.format("{} the median of {} plates", pl.lit(told), plates))
            .otherwise(pl.lit("none"))
        )
    )
    return sets.with_columns(
        low=pl.coalesce("given_low", pl.when("printed").then("low"), pl.coalesce("expected", "middle") * least),
        high=pl.coalesce("given_high", pl.when("printed").then("high"), pl.coalesce("expected", "middle") * most),
    ).with_columns(ok=pl.col("quantity").is_between("low", "high").fill_null(value=False))


def _by_control(sets: pl.DataFrame, settings: Immunoassay, assay: str) -> tuple[pl.DataFrame, ...]:
    plate = pl.format("{}/{}", "file_id", "plate")
    found = (
        pl.when(~pl.col("fitted"))
        .then(pl.lit("no curve"))
        .when(pl.col("wells") == 0)
        .then(pl.lit("no usable signal"))
        .otherwise(figure(pl.col("quantity")).fill_null("outside the curve"))
    )
    return (
        check_rows(
            sets,
            assay=assay,
            scope="control",
            rule="control",
            item=pl.col("sample_id"),
            part=plate,
            target=pl.col("analyte"),
            passed=pl.col("ok"),
            found=found,
            value=pl.col("quantity"),
            required=pl.when(pl.col("of") == "none")
            .then(pl.lit("a range or a nominal concentration, in the file or declared; none is known"))
            .otherwise(pl.format("{} to {} ({})", figure(pl.col("low")), figure(pl.col("high")), "of")),
            action="flagged",
            sources=pl.col("ids"),
        ),
        check_rows(
            sets.filter(pl.col("cv").is_not_null()),
            assay=assay,
            scope="control",
            rule="control_cv",
            item=pl.col("sample_id"),
            part=plate,
            target=pl.col("analyte"),
            passed=pl.col("cv") <= settings.control_rules.max_cv,
            found=pl.format("CV {} % of {} wells", figure(pl.col("cv"), 3), "wells"),
            value=pl.col("cv"),
            required=f"at most {settings.control_rules.max_cv:g} %",
            action="flagged",
            sources=pl.col("ids"),
        ),
    )


def _over(by_plate: pl.DataFrame, sets: pl.DataFrame, settings: Immunoassay, assay: str) -> tuple[pl.DataFrame, ...]:
    rules = settings.control_rules
    fails = rules.on_failure == "fail_plate"
    between = (
        sets.group_by("sample_id", "analyte")
        .agg(
            plates=pl.col("quantity").count(),
            mean=pl.col("quantity").mean(),
            cv=100.0 * pl.col("quantity").std() / pl.col("quantity").mean(),
            ids=pl.col("ids").explode(empty_as_null=False).sort(),
        )
        .filter(pl.col("plates") >= FEWEST_PLATES)
        .sort("sample_id", "analyte")
    )
    return (
        check_rows(
            by_plate,
            assay=assay,
            scope="plate",
            rule="controls",
            item=pl.format("{}/{}", "file_id", "plate"),
            target=pl.col("analyte"),
            passed=pl.col("ok"),
            found=pl.format("{} of {} controls within their range", "met", "controls"),
            value=pl.col("share"),
            required=f"at least {rules.share:g} of the controls within their range",
            action="excluded" if fails and settings.on_failure == "exclude" else "flagged",
            sources=pl.col("ids"),
        ),
        check_rows(
            between,
            assay=assay,
            scope="source",
            rule="control_between_plates",
            item=pl.col("sample_id"),
            target=pl.col("analyte"),
            passed=pl.col("cv") <= rules.max_cv,
            found=pl.format(
                "mean {}, CV {} % over {} plates", figure(pl.col("mean")), figure(pl.col("cv"), 3), "plates"
            ),
            value=pl.col("cv"),
            required=f"CV of the means at most {rules.max_cv:g} %",
            action="flagged",
            sources=pl.col("ids"),
        ),
    )
