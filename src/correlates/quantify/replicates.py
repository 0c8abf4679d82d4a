"""Replicate wells of a sample: which are used, their mean Cq, their spread."""

from __future__ import annotations

import polars as pl

from correlates.quantify.rules import check_rows, figure, gather
from correlates.quantify.settings import Qpcr
from correlates.quantify.standards import exponent

SET = ("curve", "sample_id")


def mark_outliers(wells: pl.DataFrame, settings: Qpcr) -> pl.DataFrame:
    """Add ``dropped``: the one replicate further than max_sd from the median of three or more, where the rule is on.

    Two replicates that are equally far from the median cannot be told apart: neither is dropped.
    """
    if settings.replicates.outliers == "keep":
        return wells.with_columns(dropped=pl.lit(value=False))
    median = pl.col("signal").filter("detected").median().over(SET)
    away = pl.when("detected").then((pl.col("signal") - median).abs())
    return (
        wells.with_columns(_away=away, _n=pl.col("detected").sum().over(SET))
        .with_columns(_furthest=pl.col("_away").max().over(SET))
        .with_columns(_alone=(pl.col("_away") == pl.col("_furthest")).sum().over(SET) == 1)
        .with_columns(
            dropped=(
                (pl.col("_n") >= 3)
                & pl.col("_alone")
                & (pl.col("_away") == pl.col("_furthest"))
                & (pl.col("_away") > settings.replicates.max_sd)
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
        ``cv`` (percent, of the wells' quantities), ``source_ids`` (wells used), ``dropped_ids``, ``dropped_cq``.
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
            source_ids=pl.col("well_id").filter(used | pl.col("undetected")).sort(),
            dropped_ids=pl.col("well_id").filter("dropped").sort(),
            dropped_cq=pl.col("signal").filter("dropped").first(),
        )
        .sort(SET)
    )


def judge(sets: pl.DataFrame, settings: Qpcr) -> pl.DataFrame:
    """Add ``replicates_failed`` (the rules that failed, in words; null when none) and one ``ok_`` column per rule.

    ``sets`` has ``quantity`` (null where there is none) besides what :func:`reduce` gives. A rule that does not apply (the
    spread of one well, the spread below the lower limit) is null.
    """
    rules = settings.replicates
    quantifiable = (pl.col("quantity") >= settings.lloq).fill_null(value=False)
    spread = quantifiable & (pl.col("n_detected") >= 2)
    verdicts = {
        "replicates": pl.col("n_detected") + pl.col("n_undetected") >= rules.minimum,
        "replicate_sd": pl.when(spread).then(pl.col("var_cq").sqrt() <= rules.max_sd),
        "replicate_cv": pl.when(spread).then(pl.col("cv") <= rules.max_cv),
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
    told: tuple[tuple[str, pl.Expr, pl.Expr, str], ...] = (
        ("replicates", pl.format("{} of {} wells usable", n, "n_wells"), n, f"at least {rules.minimum}"),
        ("replicate_sd", figure(sd), sd, f"SD of Cq at most {rules.max_sd:g} at or above the lower limit"),
        (
            "replicate_cv",
            figure(pl.col("cv")),
            pl.col("cv"),
            f"CV at most {rules.max_cv:g} % at or above the lower limit",
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
            required=f"within {rules.max_sd:g} of the median of the replicates",
            action="excluded",
            sources=pl.col("dropped_ids"),
        )
    )
    return gather(rows)
