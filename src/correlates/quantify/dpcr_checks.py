"""Checks of digital PCR beyond single wells: replicates, control wells, blanks."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl
from scipy import special

from correlates.quantify import controls
from correlates.quantify.replicates import FALSE_ALARM
from correlates.quantify.rules import check_rows, figure, gather
from correlates.quantify.settings import Dpcr
from correlates.schema import conform
from correlates.schema.assay_review import BLANK_LIMITS
from correlates.stats.blank import blank_counts
from correlates.terms import Role

_HETEROGENEOUS = 0.001  # P below which replicate wells do not hold one concentration
_ASSAY_WIDE = 0.01  # the same for all samples of an assay together, which is one test


def sample_checks(merged: pl.DataFrame, assay: str) -> pl.DataFrame:
    """Check samples for several plates, replicate wells that disagree, no negative partition; analytes for spread of wells."""
    several = merged.filter(pl.col("plates") > 1)
    # fewer than five expected positives a well and chi-square is no guide
    told = (pl.col("n_good") > 1) & (pl.col("positives") >= 5 * pl.col("n_good"))
    repeated = merged.filter(told & pl.col("heterogeneity").is_not_null())
    repeated = repeated.with_columns(p=_tail(repeated["n_good"] - 1, repeated["heterogeneity"]))
    full = merged.filter((pl.col("n_good") > 0) & (pl.col("positives") == pl.col("partitions")))
    on_sample = partial(check_rows, assay=assay, scope="sample", item=pl.col("sample_id"), target=pl.col("analyte"))
    return gather(
        (
            on_sample(
                several,
                rule="one_plate",
                passed=pl.lit(value=False),
                found=pl.format("{} plates: {}", "plates", "named"),
                value=pl.col("plates"),
                required="one plate; the counts of all are added",
                action="kept",
                sources=pl.col("source_ids"),
            ),
            on_sample(
                repeated,
                rule="replicates_agree",
                passed=pl.col("p") >= _HETEROGENEOUS,
                found=pl.format("P {}", figure(pl.col("p"), 3)),
                value=pl.col("p"),
                required=f"P at least {_HETEROGENEOUS:g} (chi-square of the wells' shares)",
                action="flagged",
                sources=pl.col("source_ids"),
            ),
            on_sample(
                full,
                rule="all_partitions_positive",
                passed=pl.lit(value=False),
                found=pl.format("{} of {} partitions positive", "positives", "partitions"),
                value=pl.col("positives"),
                required="a negative partition: dilute the sample",
                action="flagged",
                sources=pl.col("source_ids"),
            ),
            _between_wells(repeated, assay),
        )
    )


def _tail(df: pl.Series, statistic: pl.Series) -> pl.Series:
    upper = special.chdtrc(df.to_numpy().astype(np.float64), statistic.to_numpy())
    return pl.Series("p", np.asarray(upper, dtype=np.float64))


def _between_wells(repeated: pl.DataFrame, assay: str) -> pl.DataFrame:
    """Per analyte: the chi-squares of its samples added, and the CV between wells beyond counting (method of moments)."""
    df = pl.col("n_good") - 1
    extra = (df * ((pl.col("cv") / 100.0) ** 2 - pl.col("counting"))).sum() / df.sum()
    table = (
        repeated.group_by("analyte")
        .agg(
            chi=pl.col("heterogeneity").sum(),
            df=df.sum(),
            samples=pl.len(),
            between=100.0 * pl.max_horizontal(pl.lit(0.0), extra).sqrt(),
        )
        .sort("analyte")
    )
    table = table.with_columns(p=_tail(table["df"], table["chi"]))
    return check_rows(
        table,
        assay=assay,
        scope="source",
        rule="between_wells",
        item=pl.lit(assay),
        target=pl.col("analyte"),
        passed=pl.col("p") >= _ASSAY_WIDE,
        found=pl.format(
            "chi-square {} on {} df over {} samples, P {}; CV between wells beyond counting {} %",
            figure(pl.col("chi")),
            "df",
            "samples",
            figure(pl.col("p"), 3),
            figure(pl.col("between"), 3),
        ),
        value=pl.col("between"),
        required=f"P at least {_ASSAY_WIDE:g}: wells of a sample differ by counting alone (else declare a cv in the chain)",
        action="flagged",
    )


def blank_limits(wells: pl.DataFrame, assay: str) -> pl.DataFrame:
    """Limit of blank and of detection of each analyte from the control wells without target of all plates.

    ``wells`` has what :func:`dpcr_wells.judge_wells` and ``add_volumes`` give. The table is ``schema.assay_review.BLANK_LIMITS``.
    """
    empty = wells.filter(pl.col("role").is_in([Role.NTC.value, Role.BLANK.value]) & pl.col("good"))
    rows: list[dict[str, object]] = []
    for (analyte,), group in sorted(empty.group_by("analyte")):
        found = blank_counts(group["positives"].to_numpy())
        # copies of a well are spread over the volume of its partitions
        volume_ul = (group["partitions"] * group["partition_nl"]).mean()
        rows.append(
            {
                "assay": assay,
                "analyte": analyte,
                "wells": found.wells,
                "partitions": group["partitions"].sum(),
                "positives": found.positives,
                "limit_of_blank": float(found.limit_of_blank),
                "limit_of_blank_upper": float(found.limit_of_blank_upper),
                "limit_of_detection": found.limit_of_detection,
                "limit_of_detection_upper": found.limit_of_detection_upper,
                "concentration": None if volume_ul is None else 1000.0 * found.limit_of_detection / float(volume_ul),  # type: ignore[arg-type]
                "dispersion_p": found.dispersion_p,
                "source_ids": group["well_id"].sort().to_list(),
            }
        )
    return conform(BLANK_LIMITS.frame(rows), BLANK_LIMITS)


def blanks(wells: pl.DataFrame, settings: Dpcr, assay: str) -> pl.DataFrame:
    """The limits of :func:`blank_limits` against the lower limit of quantification."""
    table = blank_limits(wells, assay)
    mean = pl.col("positives") / pl.col("wells")
    by_analyte = partial(check_rows, table, assay=assay, scope="source", item=pl.lit(assay), target=pl.col("analyte"))
    return gather(
        (
            by_analyte(
                rule="limit_of_blank",
                passed=pl.col("limit_of_blank") < settings.lloq,
                found=pl.format(
                    "{} positive partitions a well ({} at the upper limit of the mean; {} wells, mean {})",
                    figure(pl.col("limit_of_blank")),
                    figure(pl.col("limit_of_blank_upper")),
                    "wells",
                    figure(mean, 3),
                ),
                value=pl.col("limit_of_blank"),
                required=f"below the lower limit of quantification, {settings.lloq:g} positive partitions",
                action="flagged",
                sources=pl.col("source_ids"),
            ),
            by_analyte(
                rule="limit_of_detection",
                passed=pl.lit(value=True),
                found=pl.format(
                    "{} copies a well, seen above the limit of blank in 95 %", figure(pl.col("limit_of_detection"))
                ),
                value=pl.col("limit_of_detection"),
                required="reported",
                action="none",
                sources=pl.col("source_ids"),
            ),
        )
    )


def control_sets(estimates: pl.DataFrame, settings: Dpcr) -> pl.DataFrame:
    """What :func:`controls.judge` needs, from the estimates of control samples by plate (``file_id``, ``plate``, ``name``).

    The CV of a control's wells may exceed the limit by what counting explains, as in qPCR.
    """
    df = np.maximum(estimates["n_good"].to_numpy() - 1, 1).astype(np.float64)
    quantile = 2.0 * special.gammaincinv(df / 2.0, 1.0 - FALSE_ALARM) / df
    counting = estimates["counting"].cast(pl.Float64).fill_null(0.0).to_numpy()
    limit = np.sqrt(settings.control_rules.max_cv**2 + 1e4 * quantile * np.where(np.isfinite(counting), counting, 0.0))
    return estimates.select(
        *controls.PLATE,
        "analyte",
        "quantity",
        "cv",
        "nominal",
        "source_ids",
        sample_id="name",
        cv_limit=pl.Series(limit),
    )
