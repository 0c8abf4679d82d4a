"""Replicate wells of a sample: which are used, their mean Cq, their spread."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special

from correlates import units
from correlates.quantify.rules import check_rows, figure, gather
from correlates.quantify.settings import Qpcr
from correlates.quantify.standards import exponent
from correlates.stats import calibration, poisson

SET = ("curve", "sample_id")
FALSE_ALARM = 0.01  # of a set of replicates that differ by chance; see spread_limits

Floats = NDArray[np.float64]


def spread_limits(
    sets: pl.DataFrame, settings: Qpcr, max_cv: float, n: str = "n_detected"
) -> tuple[pl.Series, pl.Series]:
    """Largest SD of Cq and largest CV of the quantity that a set of replicates may show.

    Parameters
    ----------
    sets
        Has ``quantity``, ``slope`` and the number of wells in column ``n``.
    settings
        ``replicates.max_sd`` is the limit of the SD where sampling plays no part; ``replicates.sampling`` whether it does.
    max_cv
        The limit of the CV where sampling plays no part, percent.

    Returns
    -------
    tuple
        SD limit (Cq) and CV limit (percent); the plain limits where there is no quantity.

    Notes
    -----
    limit^2 = max^2 + c x sampling variance at that quantity, c being the 99 % quantile of chi-square(df)/df, df = wells - 1.
    A set whose technical SD is at most max/sqrt(c) (0.233 Cq in triplicate, 0.194 in duplicate, for 0.5) fails in at most
    1 % of cases at any quantity. Sampling variance: of Cq (slope/ln 10)^2 Var(ln N | N > 0), of the quantity's CV^2
    1/copies, N ~ Poisson(copies).
    """
    quantity = sets["quantity"].cast(pl.Float64).fill_null(np.inf).to_numpy()
    known = np.isfinite(quantity) & (quantity > 0)
    of_cq, relative = np.zeros(len(quantity)), np.zeros(len(quantity))
    if settings.replicates.sampling == "allowed" and counts_copies(settings):
        wells = np.maximum(sets[n].to_numpy() - 1, 1).astype(np.float64)
        quantile = 2.0 * special.gammaincinv(wells / 2.0, 1.0 - FALSE_ALARM) / wells
        copies = np.where(known, quantity, 1.0)
        slope = sets["slope"].cast(pl.Float64).fill_null(0.0).to_numpy()
        of_cq = np.where(known, quantile * sampling_variance(copies, slope), 0.0)
        relative = np.where(known, quantile / copies, 0.0)
    return (
        pl.Series("sd_limit", np.sqrt(settings.replicates.max_sd**2 + of_cq)),
        pl.Series("cv_limit", np.sqrt(max_cv**2 + 1e4 * relative)),
    )


def counts_copies(settings: Qpcr) -> bool:
    """Whether the standards are counted in copies, so that the sampling of molecules is known."""
    return units.unit(settings.quantity).dimension == "copies per reaction"


def sampling_variance(copies: Floats, slope: Floats) -> Floats:
    """Variance of Cq from the sampling of molecules into one well."""
    return np.asarray((slope / calibration.LN10) ** 2 * poisson.log_sampling_variance(copies), dtype=np.float64)


def mark_outliers(wells: pl.DataFrame, settings: Qpcr) -> pl.DataFrame:
    """Add ``dropped``: the one replicate further than the limit of the SD from the median of three or more.

    ``sd_limit`` is that of the quantity at the median. Two replicates that are equally far from the median cannot be told
    apart: neither is dropped.
    """
    if settings.replicates.outliers == "keep":
        return wells.with_columns(dropped=pl.lit(value=False), sd_limit=pl.lit(None, dtype=pl.Float64))
    median = pl.col("signal").filter("detected").median().over(SET)
    away = pl.when("detected").then((pl.col("signal") - median).abs())
    wells = wells.with_columns(_n=pl.col("detected").sum().over(SET))
    at_median = wells.with_columns(signal=median).with_columns(quantity=10.0 ** exponent())
    wells = wells.with_columns(spread_limits(at_median, settings, settings.replicates.max_cv, "_n")[0])
    return (
        wells.with_columns(_away=away)
        .with_columns(_furthest=pl.col("_away").max().over(SET))
        .with_columns(_alone=(pl.col("_away") == pl.col("_furthest")).sum().over(SET) == 1)
        .with_columns(
            dropped=(
                (pl.col("_n") >= 3)
                & pl.col("_alone")
                & (pl.col("_away") == pl.col("_furthest"))
                & (pl.col("_away") > pl.col("sd_limit"))
            ).fill_null(value=False)
        )
        .drop("_away", "_n", "_furthest", "_alone")
    )


def reduce(wells: pl.DataFrame, settings: Qpcr) -> pl.DataFrame:
    """Reduce the unknown wells (with the line of their plate beside them) to one row per plate, analyte and sample.

    Returns
    -------
    polars.DataFrame
        ``curve``, ``sample_id``, ``n_detected``, ``n_undetected``, ``mean_cq``, ``var_cq`` (null below two wells),
        ``cv`` (percent, of the wells' quantities), ``mean_quantity`` (a well without a Cq holds nothing), ``nominal``, ``source_ids`` (wells used), ``dropped_ids``, ``dropped_cq``,
        ``dropped_limit``.
    """
    marked = mark_outliers(wells, settings).with_columns(quantity=10.0 ** exponent())
    used = pl.col("detected") & ~pl.col("dropped")
    read = pl.col("quantity").filter(used)
    return (
        marked.group_by(SET)
        .agg(
            n_detected=used.sum().cast(pl.Int64),
            n_undetected=pl.col("undetected").sum().cast(pl.Int64),
            n_wells=pl.len().cast(pl.Int64),
            mean_cq=pl.col("signal").filter(used).mean(),
            var_cq=pl.col("signal").filter(used).var(),
            cv=100.0 * read.std() / read.mean(),
            mean_quantity=read.sum() / (used.sum() + pl.col("undetected").sum()),
            nominal=pl.col("nominal").first(),
            source_ids=pl.col("well_id").filter(used | pl.col("undetected")).sort(),
            dropped_ids=pl.col("well_id").filter("dropped").sort(),
            dropped_cq=pl.col("signal").filter("dropped").first(),
            dropped_limit=pl.col("sd_limit").filter("dropped").first(),
        )
        .sort(SET)
    )


def judge(sets: pl.DataFrame, settings: Qpcr) -> pl.DataFrame:
    """Add ``replicates_failed`` (the rules that failed, in words; null when none) and one ``ok_`` column per rule.

    ``sets`` has ``quantity`` (null where there is none) and ``slope`` besides what :func:`reduce` gives. Adds ``sd_limit``
    and ``cv_limit`` (:func:`spread_limits`). A rule that does not apply (the spread of one well, the spread below the lower
    limit) is null.
    """
    rules = settings.replicates
    sets = sets.with_columns(*spread_limits(sets, settings, rules.max_cv))
    quantifiable = (pl.col("quantity") >= settings.lloq).fill_null(value=False)
    spread = quantifiable & (pl.col("n_detected") >= 2)
    verdicts = {
        "replicates": pl.col("n_detected") + pl.col("n_undetected") >= rules.minimum,
        "replicate_sd": pl.when(spread).then(pl.col("var_cq").sqrt() <= pl.col("sd_limit")),
        "replicate_cv": pl.when(spread).then(pl.col("cv") <= pl.col("cv_limit")),
        "replicate_detection": (pl.col("n_undetected") == 0) | (pl.col("n_detected") == 0) | ~quantifiable,
    }
    return sets.with_columns(**{f"ok_{rule}": verdict for rule, verdict in verdicts.items()}).with_columns(
        replicates_failed=pl.concat_list(
            [pl.when((~pl.col(f"ok_{rule}")).fill_null(value=False)).then(pl.lit(rule)) for rule in verdicts]
        )
        .list.drop_nulls()
        .list.join(", ")
        .replace("", None)
    )


def checks(sets: pl.DataFrame, settings: Qpcr, assay: str) -> pl.DataFrame:
    """One row per rule and set of replicates (``sets`` as :func:`judge` gives, with the keys of the plate)."""
    rules = settings.replicates
    action = "excluded" if rules.on_failure == "exclude" else "flagged"
    n = pl.col("n_detected") + pl.col("n_undetected")
    sd = pl.col("var_cq").sqrt()
    aware = rules.sampling == "allowed" and counts_copies(settings)
    why = "; sampling of that many copies allowed for" if aware else ""
    told: tuple[tuple[str, pl.Expr, pl.Expr, str | pl.Expr], ...] = (
        ("replicates", pl.format("{} of {} wells usable", n, "n_wells"), n, f"at least {rules.minimum}"),
        (
            "replicate_sd",
            figure(sd),
            sd,
            pl.format(
                "SD of Cq at most {} ({}{})", figure(pl.col("sd_limit"), 3), pl.lit(f"{rules.max_sd:g}"), pl.lit(why)
            ),
        ),
        (
            "replicate_cv",
            figure(pl.col("cv")),
            pl.col("cv"),
            pl.format(
                "CV at most {} % ({}{})", figure(pl.col("cv_limit"), 3), pl.lit(f"{rules.max_cv:g}"), pl.lit(why)
            ),
        ),
        (
            "replicate_detection",
            pl.format("Cq in {} of {} wells", "n_detected", n),
            pl.col("n_detected"),
            "a Cq in every well, in none, or a quantity below the lower limit",
        ),
    )
    plate = pl.format("{}/{}", "file_id", "plate")
    rows = [
        check_rows(
            sets.filter(pl.col(f"ok_{rule}").is_not_null()),
            assay=assay,
            scope="sample",
            rule=rule,
            item=pl.col("sample_id"),
            part=plate,
            target=pl.col("analyte"),
            passed=pl.col(f"ok_{rule}"),
            found=found,
            value=value,
            required=required,
            action=action,
            sources=pl.col("source_ids"),
        )
        for rule, found, value, required in told
    ]
    rows.append(
        check_rows(
            sets.filter(pl.col("dropped_cq").is_not_null()),
            assay=assay,
            scope="sample",
            rule="replicate_outlier",
            item=pl.col("sample_id"),
            part=plate,
            target=pl.col("analyte"),
            passed=pl.lit(value=False),
            found=pl.format("one Cq of {}", figure(pl.col("dropped_cq"), 5)),
            value=pl.col("dropped_cq"),
            required=pl.format("within {} of the median of the replicates", figure(pl.col("dropped_limit"), 3)),
            action="excluded",
            sources=pl.col("dropped_ids"),
        )
    )
    return gather(rows)
