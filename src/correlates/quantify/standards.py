"""Standard curves of qPCR plates: one line per file, plate and analyte, its wells and its acceptance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from correlates.quantify.rules import check_rows, figure, gather
from correlates.quantify.settings import Qpcr
from correlates.schema import CURVE_POINTS, CURVES
from correlates.stats import calibration
from correlates.terms import Flag, Role

KEY = ("file_id", "plate", "analyte")
_HIGHEST_EXPONENT = 300.0  # beyond this a power of ten is no number any more
_MODEL = "linear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Fitted lines.

    Attributes
    ----------
    table
        One row per file, plate and analyte in the order of :data:`KEY`: ``curve`` (its number), the key, ``curve_id``,
        ``n_wells``, ``n_levels``, ``standard_ids``, ``fit`` (number among the fitted, null where no line could be fitted),
        ``why`` (null where fitted), ``slope``, ``intercept``, ``r_squared``, ``residual_sd``, ``invertible``.
    used
        The standard wells of the fitted lines: ``fit``, ``x`` (log10 nominal), ``signal``, ``nominal``, ``well_id``.
    fits
        The lines by number ``fit``.
    """

    table: pl.DataFrame
    used: pl.DataFrame
    fits: calibration.LineFits


def usable(wells: pl.DataFrame, curve_levels: str = "all") -> pl.DataFrame:
    """Add what a well says: ``omitted``, ``detected`` (a Cq), ``undetected`` (the instrument says: no Cq), and ``partial``.

    ``partial`` marks standards of a level that the curve leaves out (``curve_levels: always_detected``): one of its replicates on
    the plate is undetermined.
    """
    omitted = (pl.col("flag") == Flag.OMITTED.value).fill_null(value=False)
    wells = wells.with_columns(
        omitted=omitted,
        detected=pl.col("signal").is_not_null() & ~omitted,
        undetected=pl.col("signal").is_null() & (pl.col("flag") == Flag.UNDETERMINED.value).fill_null(value=False),
    )
    if curve_levels == "all":
        return wells.with_columns(partial=pl.lit(value=False))
    standard = pl.col("role") == Role.STANDARD.value
    missed = (pl.col("undetected") & standard).any().over(*KEY, "nominal")
    return wells.with_columns(partial=standard & missed & pl.col("nominal").is_not_null())


def fit(wells: pl.DataFrame, assay: str) -> Lines:
    """Fit the lines of all plates.

    ``wells`` are those of the declared analytes with :func:`usable`. A line needs three wells with a Cq on two levels;
    with fewer there is no residual to judge it by.
    """
    table = (
        wells.select(KEY)
        .unique()
        .sort(KEY)
        .with_row_index("curve")
        .with_columns(
            curve_id=pl.concat_str(pl.lit(assay), "file_id", "plate", "analyte", separator="/"),
            curve=pl.col("curve").cast(pl.Int64),
        )
    )
    candidates = (
        wells.filter(
            (pl.col("role") == Role.STANDARD.value) & pl.col("detected") & ~pl.col("partial") & (pl.col("nominal") > 0)
        )
        .join(table.select("curve", *KEY), on=KEY)
        .sort("curve", "nominal", "well_id")
        .select("curve", "nominal", "signal", "well_id", x=pl.col("nominal").log10())
    )
    counts = candidates.group_by("curve").agg(
        n_wells=pl.len().cast(pl.Int64),
        n_levels=pl.col("nominal").n_unique().cast(pl.Int64),
        standard_ids=pl.col("well_id").sort(),
        highest_used=pl.col("nominal").max(),
        lowest_used=pl.col("nominal").min(),
    )
    enough = (pl.col("n_wells") >= 3) & (pl.col("n_levels") >= 2)
    table = (
        table.join(counts, on="curve", how="left", maintain_order="left")
        .with_columns(pl.col("n_wells", "n_levels").fill_null(0), pl.col("standard_ids").fill_null([]))
        .with_columns(
            fit=pl.when(enough).then(enough.cum_sum() - 1).cast(pl.Int64),
            why=pl.when(pl.col("n_wells") == 0)
            .then(pl.lit("no standard well with a Cq and a nominal quantity"))
            .when(~enough)
            .then(pl.format("{} standard wells on {} levels", "n_wells", "n_levels")),
        )
    )
    used = candidates.join(table.select("curve", "fit"), on="curve", maintain_order="left").filter(
        pl.col("fit").is_not_null()
    )
    n_fits = table["fit"].count()
    fits = calibration.fit_lines(used["x"].to_numpy(), used["signal"].to_numpy(), used["fit"].to_numpy(), n_fits)
    lines = pl.DataFrame(
        {
            "fit": np.arange(n_fits, dtype=np.int64),
            "slope": fits.slope,
            "intercept": fits.intercept,
            "r_squared": fits.r_squared,
            "residual_sd": fits.residual_sd,
            "df": fits.df.astype(np.float64),
        },
        schema_overrides={"slope": pl.Float64},
    )
    table = table.join(lines, on="fit", how="left", maintain_order="left").with_columns(
        invertible=(pl.col("slope") < 0).fill_null(value=False)
    )
    return Lines(table=table, used=used, fits=fits)


def exponent() -> pl.Expr:
    """Log10 quantity of a Cq on the line beside it; null where the line cannot be inverted or the power overflows."""
    raw = (pl.col("signal") - pl.col("intercept")) / pl.col("slope")
    return pl.when(pl.col("invertible") & raw.is_between(-_HIGHEST_EXPONENT, _HIGHEST_EXPONENT)).then(raw)


def points(wells: pl.DataFrame, lines: Lines) -> pl.DataFrame:
    """Standards and controls with what the line says of them (columns of the curve points, and ``curve``)."""
    expected = pl.when((pl.col("nominal") > 0) & pl.col("slope").is_not_null()).then(
        pl.col("intercept") + pl.col("slope") * pl.col("nominal").log10()
    )
    standard = pl.col("role") == Role.STANDARD.value
    reason = (
        pl.when(~standard)
        .then(pl.lit("a control, never part of the fit"))
        .when(pl.col("omitted"))
        .then(pl.lit("omitted in the instrument's software"))
        .when(pl.col("undetected"))
        .then(pl.lit("undetermined: no Cq"))
        .when(pl.col("signal").is_null())
        .then(pl.lit("no signal in the file"))
        .when(pl.col("nominal").is_null())
        .then(pl.lit("no nominal quantity in the file"))
        .when(pl.col("partial"))
        .then(pl.lit("a replicate of the level is undetermined"))
        .when(pl.col("nominal") <= 0)
        .then(pl.lit("the nominal quantity is not positive"))
        .when(pl.col("fit").is_null())
        .then(pl.format("no line: {}", "why"))
    )
    return (
        wells.filter(pl.col("role").is_in([Role.STANDARD.value, Role.QC.value, Role.NTC.value]))
        .join(lines.table.drop("standard_ids"), on=KEY, how="left", maintain_order="left")
        .with_columns(reason=reason, fitted=expected, back_calculated=10.0 ** exponent())
        .with_columns(
            used=pl.col("reason").is_null(),
            recovery=pl.when(pl.col("nominal") > 0).then(100.0 * pl.col("back_calculated") / pl.col("nominal")),
        )
    )


def levels_within(points_: pl.DataFrame, settings: Qpcr) -> pl.DataFrame:
    """How many levels of each curve meet the accuracy, and the lowest and highest that do."""
    limit = settings.accept.accuracy
    return (
        points_.filter("used")
        .group_by("curve", "nominal")
        .agg(pl.col("recovery").mean())
        .with_columns(good=((pl.col("recovery") - 100.0).abs() <= limit).fill_null(value=False))
        .group_by("curve")
        .agg(
            good_levels=pl.col("good").sum().cast(pl.Int64),
            share=pl.col("good").mean(),
            lowest=pl.col("nominal").filter("good").min(),
            highest=pl.col("nominal").filter("good").max(),
        )
    )


def accept(lines: Lines, points_: pl.DataFrame, settings: Qpcr, assay: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Apply the acceptance rules to every plate.

    Returns
    -------
    tuple
        The table of the lines with ``accepted``, ``failed`` (the rules that failed, in words), ``lowest``, ``highest``
        added, and the checks: one row per rule and plate.
    """
    rules = settings.accept
    controls = (
        points_.filter(pl.col("role") == Role.NTC.value)
        .group_by("curve")
        .agg(
            n_ntc=pl.len().cast(pl.Int64),
            ntc_detected=pl.col("detected").sum().cast(pl.Int64),
            ntc_highest=pl.col("back_calculated").filter("detected").max(),
            ntc_unread=(pl.col("detected") & pl.col("back_calculated").is_null()).any(),
            ntc_ids=pl.col("well_id").sort(),
        )
    )
    frame = (
        lines.table.join(levels_within(points_, settings), on="curve", how="left", maintain_order="left")
        .join(controls, on="curve", how="left", maintain_order="left")
        .with_columns(
            pl.col("n_ntc", "ntc_detected", "good_levels").fill_null(0),
            pl.col("share").fill_null(0.0),
            pl.col("ntc_unread").fill_null(value=False),
            pl.col("ntc_ids").fill_null([]),
            efficiency=pl.when(pl.col("invertible")).then((-calibration.LN10 / pl.col("slope")).exp() - 1.0),
        )
        # a slope near zero has an efficiency that is no number: it is not reported
        .with_columns(efficiency=pl.when(pl.col("efficiency") < 1e6).then("efficiency"))
    )
    if rules.ntc == "undetermined":
        clean = pl.col("ntc_detected") == 0
        demand = "no Cq in any no-template control"
    elif rules.ntc == "below_lloq":
        clean = ~pl.col("ntc_unread") & (pl.col("ntc_highest").fill_null(0.0) < settings.lloq)
        demand = f"every no-template control below {settings.lloq:g} {settings.quantity}"
    else:
        clean = pl.lit(value=True)
        demand = "anything"
    low, high = rules.slope
    least, most = rules.efficiency
    verdicts = {
        "curve": pl.col("invertible"),
        "slope": pl.col("slope").is_between(low, high).fill_null(value=False),
        "efficiency": (100.0 * pl.col("efficiency")).is_between(least, most).fill_null(value=False),
        "r_squared": (pl.col("r_squared") >= rules.r_squared).fill_null(value=False),
        "levels": pl.col("n_levels") >= rules.levels,
        "accuracy": pl.col("share") >= rules.accuracy_levels,
        "ntc": clean,
    }
    frame = frame.with_columns(**{f"ok_{rule}": verdict for rule, verdict in verdicts.items()})
    frame = frame.with_columns(
        accepted=pl.all_horizontal([f"ok_{rule}" for rule in verdicts]),
        failed=pl.concat_list([pl.when(~pl.col(f"ok_{rule}")).then(pl.lit(rule)) for rule in verdicts])
        .list.drop_nulls()
        .list.join(", "),
    )
    nothing = pl.lit("none")
    line = (
        pl.when(pl.col("fit").is_null())
        .then(pl.col("why"))
        .when(~pl.col("invertible"))
        .then(pl.lit("the slope is not negative"))
        .otherwise(pl.lit("a line"))
    )
    control = (
        pl.when(pl.col("n_ntc") == 0)
        .then(pl.lit("no no-template control on the plate"))
        .when(pl.col("ntc_detected") == 0)
        .then(pl.format("no Cq in {} wells", "n_ntc"))
        .otherwise(
            pl.format(
                "Cq in {} of {} wells, highest quantity {}",
                "ntc_detected",
                "n_ntc",
                figure(pl.col("ntc_highest")).fill_null("unknown"),
            )
        )
    )
    told: tuple[tuple[str, pl.Expr, pl.Expr | None, str, str], ...] = (
        ("curve", line, None, "a line with a negative slope, of three standard wells or more", "standard_ids"),
        ("slope", figure(pl.col("slope")).fill_null(nothing), pl.col("slope"), f"{low:g} to {high:g}", "standard_ids"),
        (
            "efficiency",
            figure(100.0 * pl.col("efficiency")).fill_null(nothing),
            100.0 * pl.col("efficiency"),
            f"{least:g} to {most:g} %",
            "standard_ids",
        ),
        (
            "r_squared",
            figure(pl.col("r_squared"), 5).fill_null(nothing),
            pl.col("r_squared"),
            f"at least {rules.r_squared:g}",
            "standard_ids",
        ),
        ("levels", pl.col("n_levels").cast(pl.String), pl.col("n_levels"), f"at least {rules.levels}", "standard_ids"),
        (
            "accuracy",
            pl.format("{} of {} levels within", "good_levels", "n_levels"),
            pl.col("share"),
            f"{rules.accuracy_levels:g} of the levels within {rules.accuracy:g} % of nominal",
            "standard_ids",
        ),
        ("ntc", control, pl.col("ntc_highest"), demand, "ntc_ids"),
    )
    plate = pl.format("{}/{}", "file_id", "plate")
    checks = [
        check_rows(
            frame,
            assay=assay,
            scope="plate",
            rule=rule,
            item=plate,
            target=pl.col("analyte"),
            passed=pl.col(f"ok_{rule}"),
            found=found,
            value=value,
            required=required,
            action="excluded" if settings.on_failure == "exclude" else "flagged",
            sources=pl.col(ids),
        )
        for rule, found, value, required, ids in told
    ]
    if rules.ntc != "any":
        checks.append(
            check_rows(
                frame,
                assay=assay,
                scope="plate",
                rule="ntc_present",
                item=plate,
                target=pl.col("analyte"),
                passed=pl.col("n_ntc") > 0,
                found=pl.format("{} wells", "n_ntc"),
                value=pl.col("n_ntc"),
                required="at least one no-template control",
                action="flagged",
                sources=pl.col("ntc_ids"),
            )
        )
    checks.append(
        check_rows(
            frame.filter(pl.col("fit").is_not_null()),
            assay=assay,
            scope="plate",
            rule="lloq_within_standards",
            item=plate,
            target=pl.col("analyte"),
            passed=pl.col("lowest_used") <= settings.lloq,
            found=pl.format("lowest standard {}", figure(pl.col("lowest_used"))),
            value=pl.col("lowest_used"),
            required=f"a standard at or below the lower limit of quantification, {settings.lloq:g}",
            action="flagged",
            sources=pl.col("standard_ids"),
        )
    )
    return frame, gather(checks)


def as_tables(
    accepted: pl.DataFrame, points_: pl.DataFrame, covariance: pl.DataFrame, settings: Qpcr, assay: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The tables of curves and of their points.

    ``covariance`` has, per ``fit``: ``var_intercept``, ``covariance``, ``var_slope``, ``technical_sd``, ``level_sd``.
    """
    curves = (
        accepted.join(covariance, on="fit", how="left", maintain_order="left")
        .with_columns(
            assay=pl.lit(assay),
            model=pl.lit(_MODEL),
            unit=pl.lit(settings.quantity),
            target=pl.col("analyte"),
            source_ids=pl.col("standard_ids"),
            parameters=pl.when(pl.col("fit").is_not_null()).then(
                pl.struct("intercept", "slope", "technical_sd", "level_sd").struct.json_encode()
            ),
            covariance=pl.when(pl.col("fit").is_not_null()).then(
                pl.format("[[{}, {}], [{}, {}]]", "var_intercept", "covariance", "covariance", "var_slope")
            ),
        )
        .select(CURVES.names)
    )
    return curves, points_.select(CURVE_POINTS.names)
