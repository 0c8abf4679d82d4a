"""The instrument's own curve and concentrations, beside ours: recomputed where its coefficients are printed, and compared."""

from __future__ import annotations

import numpy as np
import polars as pl

from correlates.quantify.extras import number_of
from correlates.quantify.rules import check_rows, figure, gather
from correlates.quantify.settings import Immunoassay
from correlates.stats import logistic_curve
from correlates.terms import Role

COEFFICIENT = "Analysis Coefficients {}"
R_SQUARED = "R^2"
SIGNAL = "Net MFI"
"""Names of the extras that hold xPONENT's coefficients, its R^2, and the signal its curve is of."""
AGREES = 1.0
"""Percent within which a printed concentration must follow from the printed coefficients; both have about six digits."""
_EDGE = 1e-9  # a standard at the limit counts, whatever its last digit
_LETTERS = ("A", "B", "C", "D", "F")
_PLATE = pl.format("{}/{}", "file_id", "plate")


def compare(
    printed: pl.DataFrame, wells: pl.DataFrame, table: pl.DataFrame, settings: Immunoassay, assay: str
) -> pl.DataFrame:
    """Checks of our concentrations against those the instrument's software printed.

    Parameters
    ----------
    printed
        Wells with a printed concentration: ``curve``, ``usable``, ``reported`` (in the unit of the report), ``quantity`` (ours,
        undiluted) and ``dilution`` (the file's).
    wells
        All wells; the standards hold the instrument's coefficients.
    table
        One row per curve: ``curve``, ``file_id``, ``plate``, ``analyte``, ``lloq``, ``uloq``, ``r_squared``.
    settings, assay
        The rules, and the name of the assay.

    Returns
    -------
    polars.DataFrame
        By plate and analyte: ``instrument_concentration``, the largest relative difference of ours to the printed one, among wells
        of standards, controls and samples that we quantify within the limits; and ``instrument_curve``, whether the printed
        concentrations follow from the printed coefficients, with the printed R^2 beside ours; ``printed_negative``, concentrations below
        zero, which are not compared. Only what the file holds. All are information: no result depends on them.

    Notes
    -----
    xPONENT prints A, B, C, D, F of y = A + B/(1 + (x/C)^D)^F, y being Net MFI; a printed concentration includes the dilution.
    """
    known = printed.filter(pl.col("usable") & (pl.col("reported") > 0).fill_null(value=False)).select(
        "curve",
        "well_id",
        "role",
        "reported",
        "quantity",
        "extras",
        "unit_factor",
        times=pl.col("dilution").fill_null(1.0),
    )
    limits = table.select("curve", "file_id", "plate", "analyte", "lloq", "uloq", "r_squared")
    negative = _negative(printed, limits, assay)
    if known.height == 0:
        return negative
    inside = (
        known.drop("extras", "unit_factor")
        .join(limits.select("curve", "lloq", "uloq"), on="curve", how="left", maintain_order="left")
        .filter(
            pl.col("quantity")
            .is_between(pl.col("lloq") * (1 - _EDGE), pl.col("uloq") * (1 + _EDGE))
            .fill_null(value=False)
        )
        .with_columns(ratio=pl.col("quantity") * pl.col("times") / pl.col("reported"))
        .with_columns(difference=100.0 * (pl.col("ratio") - 1.0).abs())
    )
    largest = settings.instrument_difference
    compared = (
        inside.group_by("curve")
        .agg(
            pl.len(),
            middle=pl.col("ratio").median(),
            worst=pl.col("difference").max(),
            ids=pl.col("well_id").filter(pl.col("difference") > largest).sort(),
        )
        .join(limits, on="curve", how="left", maintain_order="left")
        .sort("curve")
    )
    return gather(
        (
            check_rows(
                compared,
                assay=assay,
                scope="plate",
                rule="instrument_concentration",
                item=_PLATE,
                target=pl.col("analyte"),
                passed=pl.col("worst") <= largest,
                found=pl.format(
                    "largest difference {} %, median ratio {} in {} wells",
                    figure(pl.col("worst"), 3),
                    figure(pl.col("middle")),
                    "len",
                ),
                value=pl.col("worst"),
                required=f"within {largest:g} % of the instrument's concentration, between the limits",
                action="flagged",
                sources=pl.col("ids"),
            ),
            _recomputed(wells, known, limits, assay),
            negative,
        )
    )


def _negative(printed: pl.DataFrame, limits: pl.DataFrame, assay: str) -> pl.DataFrame:
    """Printed concentrations below zero, which no dilution has: by plate and analyte, where there are some."""
    found = (
        printed.filter(pl.col("reported").is_not_null())
        .group_by("curve")
        .agg(
            pl.len(),
            below=(pl.col("reported") < 0).sum(),
            lowest=pl.col("reported").min(),
            ids=pl.col("well_id").filter(pl.col("reported") < 0).sort(),
        )
        .filter(pl.col("below") > 0)
        .join(limits, on="curve", how="left", maintain_order="left")
        .sort("curve")
    )
    return check_rows(
        found,
        assay=assay,
        scope="plate",
        rule="printed_negative",
        item=_PLATE,
        target=pl.col("analyte"),
        passed=pl.lit(value=False),
        found=pl.format(
            "{} of {} printed concentrations below 0, the lowest {}", "below", "len", figure(pl.col("lowest"))
        ),
        value=pl.col("lowest"),
        required="a concentration of 0 or more, or none",
        action="flagged",
        sources=pl.col("ids"),
    )


def coefficients(wells: pl.DataFrame) -> pl.DataFrame:
    """The instrument's curve by ``curve``: A, B, C, D, F and R^2, from the first standard well that holds them."""
    standards = wells.filter(pl.col("role") == Role.STANDARD.value).unique("curve", keep="first", maintain_order=True)
    return standards.select(
        "curve",
        *(number_of(COEFFICIENT.format(letter)).alias(letter) for letter in _LETTERS),
        printed_r2=number_of(R_SQUARED),
    ).filter(pl.all_horizontal(pl.col(letter).is_not_null() for letter in _LETTERS))


def _recomputed(wells: pl.DataFrame, known: pl.DataFrame, limits: pl.DataFrame, assay: str) -> pl.DataFrame:
    curves = coefficients(wells)
    if curves.height == 0:
        return gather(())
    # standards and controls are enough to show whether the coefficients are those of the printed concentrations
    rows = (
        known.filter(pl.col("role") != Role.UNKNOWN.value)
        .join(curves, on="curve", how="inner", maintain_order="left")
        .with_columns(y=number_of(SIGNAL))
        .filter(pl.col("y").is_not_null())
    )
    a, b, c, d, f = rows.select(_LETTERS).to_numpy().T
    parameters = np.stack([a + b, d, c, a, f], axis=1)  # A, B, C, D, G of logistic_curve
    sound = np.isfinite(parameters).all(axis=1) & (c > 0) & (f > 0) & (b != 0) & (d != 0)
    dose, _ = logistic_curve.inverse(np.where(sound[:, None], parameters, np.nan), rows["y"].to_numpy())
    agreement = (
        rows.with_columns(again=pl.Series(dose).fill_nan(None) * pl.col("times") * pl.col("unit_factor"))
        .with_columns(difference=100.0 * (pl.col("again") / pl.col("reported") - 1.0).abs())
        .group_by("curve")
        .agg(
            pl.len(),
            pl.col("printed_r2").first(),
            worst=pl.col("difference").max(),
            lost=pl.col("again").null_count(),
            ids=pl.col("well_id").filter((pl.col("difference") > AGREES).fill_null(value=True)).sort(),
        )
        .join(limits, on="curve", how="left", maintain_order="left")
        .sort("curve")
    )
    return check_rows(
        agreement,
        assay=assay,
        scope="plate",
        rule="instrument_curve",
        item=_PLATE,
        target=pl.col("analyte"),
        passed=((pl.col("worst") <= AGREES) & (pl.col("lost") == 0)).fill_null(value=False),
        found=pl.format(
            "largest difference {} % in {} wells{}; R^2 {} there, {} here",
            figure(pl.col("worst"), 3).fill_null("unknown"),
            "len",
            pl.when(pl.col("lost") > 0)
            .then(pl.format(", {} printed but outside the printed curve", "lost"))
            .otherwise(pl.lit("")),
            figure(pl.col("printed_r2")).fill_null("not printed"),
            figure(pl.col("r_squared")).fill_null("none"),
        ),
        value=pl.col("worst"),
        required=f"printed concentrations of standards and controls within {AGREES:g} % of what the printed coefficients give",
        action="flagged",
        sources=pl.col("ids"),
    )
