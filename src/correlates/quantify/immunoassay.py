"""Multiplex immunoassays: Luminex, Bio-Plex, MSD by a curve on each plate, Simple Plex by the factory's calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from correlates.errors import PlanError, Problem
from correlates.quantify import immunoassay_controls as controls
from correlates.quantify import immunoassay_curves as curves
from correlates.quantify import immunoassay_instrument as instrument
from correlates.quantify import immunoassay_samples as sets
from correlates.quantify.analyte_names import named_wells, report_unit
from correlates.quantify.bridging import bridge
from correlates.quantify.factory import METHOD as FACTORY
from correlates.quantify.factory import Calibrated, read_factory
from correlates.quantify.record import Quantified, Quantifier, conform_inputs, quantified
from correlates.quantify.rules import gather
from correlates.quantify.settings import Immunoassay
from correlates.stats import logistic_curve
from correlates.terms import AssayKind, SignalKind

SIGNALS = (SignalKind.MFI, SignalKind.ECL, SignalKind.RFU)
_METHODS = {
    "logistic_4pl": "four-parameter logistic of the plate's standards, inverted at the mean signal of the replicates",
    "logistic_5pl": "five-parameter logistic of the plate's standards, inverted at the mean signal of the replicates",
    FACTORY: "the instrument's factory calibration, inverted at the mean signal",
}


def quantify_immunoassay(
    name: str,
    wells: pl.DataFrame,
    samples: pl.DataFrame,
    product: pl.DataFrame,
    settings: Immunoassay,
    files: Mapping[str, str] | None = None,
) -> Quantified:
    """Quantify the samples of a multiplex immunoassay.

    Parameters
    ----------
    name
        Name of the assay.
    wells, samples, product
        The tables of these names; the product attributes are not used.
    settings
        The rules.
    files
        Path by file_id: the last plate of a sample is that of the last file by name.

    Returns
    -------
    Quantified
        One measurement per sample and analyte; one curve per file, plate and analyte.

    Raises
    ------
    InputError
        A table that deviates from its declaration, units that measure something else, or two names of one analyte in one well.
    PlanError
        Settings that cannot be.

    Notes
    -----
    Per file, plate and analyte a weighted logistic curve of the standards (:mod:`correlates.stats.logistic_curve`). A sample is the
    curve's inverse at the mean signal of its replicate wells, times its dilution; the interval is that of inverse prediction for a mean
    of as many wells. LLOQ and ULOQ follow the declared rule (:mod:`correlates.quantify.immunoassay_limits`). Outside them the value is
    the limit, censored left or right, and the point estimate is kept. Controls are judged, the instrument's own results compared, and
    plate effects reported, or undone where bridging is declared. See docs/methods/immunoassay_curves.md.
    """
    _check(settings)
    wells, samples, _ = conform_inputs(wells, samples, product)
    settings = replace(settings, unit=report_unit(settings.unit))
    named, notices = named_wells(wells, settings.analytes, settings.unit, SIGNALS, name)
    named, table, plate_checks = curves.prepare(controls.declared(named, settings), settings, name)
    unknown = sets.sample_wells(named, samples, settings)
    if settings.curve == "factory":
        found = read_factory(named, unknown, table, settings, name)
    else:
        found = _by_standards(named, unknown, table, settings, name)
    judged = sets.judge(found.sets, settings)
    judged, bridge_checks = bridge(judged, settings, name, files or {})
    rows, rerun_checks = sets.one_per_sample(judged, settings, name, files or {})
    measurements, strangers = sets.measure(rows, samples, settings, name)
    return quantified(
        measurements=measurements,
        curves=found.curves,
        curve_points=found.curve_points,
        checks=gather(
            (
                notices,
                plate_checks,
                found.checks,
                sets.set_checks(judged, settings, name),
                bridge_checks,
                rerun_checks,
                strangers,
            )
        ),
    )


def _by_standards(
    named: pl.DataFrame, unknown: pl.DataFrame, table: pl.DataFrame, settings: Immunoassay, name: str
) -> Calibrated:
    calibration = curves.calibrate(named, table, settings, name)
    fits = calibration.fits
    quantity = curves.read_off(fits, unknown["curve"], unknown["signal"])["quantity"]
    reduced = sets.reduce(unknown.with_columns(quantity=quantity))
    signal = reduced["signal"].fill_null(float("nan")).to_numpy()
    predicted = logistic_curve.predict_dose(
        fits, reduced["curve"].to_numpy(), signal, reduced["m"].to_numpy().clip(1), confidence=settings.confidence
    )
    printed = named.filter(pl.col("reported").is_not_null())
    printed = printed.with_columns(quantity=curves.read_off(fits, printed["curve"], printed["signal"])["quantity"])
    compared = calibration.table.with_columns(r_squared=pl.Series(fits.r_squared).fill_nan(None))
    columns = ["curve", "curve_id", "fitted", "accepted", "failed", "why", "lloq", "uloq"]
    reduced = reduced.with_columns(
        quantity=pl.Series(predicted.dose).fill_nan(None),
        quantity_lower=pl.Series(predicted.lower).fill_nan(None),
        quantity_upper=pl.Series(predicted.upper).fill_nan(None),
        side=pl.when(pl.col("signal").is_not_null()).then(pl.Series(predicted.side)),
    ).join(
        calibration.table.select(*columns, method=pl.format("logistic_{}pl", "free")),
        on="curve",
        how="left",
        maintain_order="left",
    )
    return Calibrated(
        sets=reduced,
        curves=calibration.curves,
        curve_points=calibration.curve_points,
        checks=gather((calibration.checks, instrument.compare(printed, named, compared, settings, name))),
    )


def _check(settings: Immunoassay) -> None:
    """Raises PlanError for numbers that cannot be."""
    positive = {
        "dilution": settings.dilution,
        "max_cv": settings.max_cv,
        "largest CV of controls": settings.control_rules.max_cv,
        "largest difference to the instrument": settings.instrument_difference,
        "CV of the limits": settings.limits.cv,
        **{f"nominal {a} of {c}": v for c, of in settings.control_rules.nominal.items() for a, v in of.items()},
        **{f"lloq of {a}": v for a, v in settings.lloq.items()},
        **{f"uloq of {a}": v for a, v in settings.uloq.items()},
    }
    problems = [
        Problem(
            code="not-positive",
            what=f"The {what} of the assay is not positive",
            found=f"{value:g}",
            expected="a number above 0",
        )
        for what, value in positive.items()
        if value is not None and not value > 0
    ]
    problems += [
        Problem(
            code="limits-crossed",
            what=f"The declared limits of {analyte} cross",
            found=f"LLOQ {settings.lloq[analyte]:g}, ULOQ {settings.uloq[analyte]:g}",
            expected="LLOQ below ULOQ",
        )
        for analyte in settings.lloq
        if analyte in settings.uloq and not settings.lloq[analyte] < settings.uloq[analyte]
    ]
    problems += [
        Problem(
            code="limits-crossed",
            what=f"The declared range of {analyte} in {control} crosses",
            found=f"{low:g} to {high:g}",
            expected="the lower end below the upper",
        )
        for control, of in settings.control_rules.ranges.items()
        for analyte, (low, high) in of.items()
        if not low < high
    ]
    if settings.bridging_samples < 2:
        problems.append(
            Problem(
                code="too-few",
                what="Fewer than two samples cannot bridge two plates",
                found=f"bridging_samples {settings.bridging_samples}",
                expected="2 or more",
            )
        )
    if settings.standards.tolerance <= 1:
        problems.append(
            Problem(
                code="not-positive",
                what="The tolerance of the standard series leaves no room",
                found=f"{settings.standards.tolerance:g}",
                expected="a factor above 1",
            )
        )
    if problems:
        raise PlanError(problems)


IMMUNOASSAY = Quantifier(
    code=AssayKind.IMMUNOASSAY,
    label="Immunoassay by logistic calibration curve",
    needs=SIGNALS,
    methods=_METHODS,
    function=quantify_immunoassay,
    formula="quantity = dilution x C ((( A - D)/(mean signal - D))^(1/G) - 1)^(1/B)",
    citation="Gottschalk and Dunn, Anal Biochem 2005;343:54; O'Connell et al., Chemom Intell Lab Syst 1993;20:97; ICH M10 (2022)",
)
