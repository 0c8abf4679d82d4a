"""Factory calibration (Simple Plex): the instrument's own five-parameter curve, read off again and compared with what it printed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from correlates.quantify.extras import number_of
from correlates.quantify.immunoassay_controls import judge
from correlates.quantify.immunoassay_curves import KEY, PLATE
from correlates.quantify.immunoassay_samples import reduce
from correlates.quantify.rules import check_rows, figure, gather
from correlates.quantify.settings import Immunoassay
from correlates.schema import CURVE_POINTS, CURVES
from correlates.stats import logistic_curve

METHOD = "factory_5pl"
_LETTERS = ("A", "B", "C", "D", "G")
_REACTORS = (1, 2, 3)
_AGREES = 1.0  # percent: coefficients and concentrations are printed with about six digits
_CUT = 1e-6  # relative difference from which the printed concentration was cut at a limit

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """Sets of replicate wells with their quantity and limits, and the tables of the calibration."""

    sets: pl.DataFrame
    curves: pl.DataFrame
    curve_points: pl.DataFrame
    checks: pl.DataFrame


def read_factory(
    named: pl.DataFrame, unknown: pl.DataFrame, table: pl.DataFrame, settings: Immunoassay, assay: str
) -> Calibrated:
    """Recompute every concentration from the coefficients in the file.

    The three glass nano-reactors of an inlet are replicates of the reading, not of the pipetting: with one inlet the interval of a
    sample is t(2) of the logarithms of their concentrations; with several inlets it is t of the logarithms of the inlets'. The
    uncertainty of the factory's curve is not published and not in it.

    Parameters
    ----------
    named, table
        Wells and curves of ``immunoassay_curves.prepare``.
    unknown
        Wells of samples (``immunoassay_samples.sample_wells``).
    settings, assay
        The rules, and the name of the assay.
    """
    all_wells = named.select("well_id", "curve", "analyte", "usable", "signal", "reported", "extras").with_columns(
        **{letter: number_of(f"CurveCoefficient{letter}") for letter in _LETTERS},
        **{f"gnr{k}": number_of(f"Gnr{k}Signal") for k in _REACTORS},
        printed=number_of("NonlimitedCalculatedConcentration"),
    )
    parameters = all_wells.select(_LETTERS).cast(pl.Float64).fill_null(float("nan")).to_numpy()
    a, b, c, d, g = parameters.T
    sound = np.isfinite(parameters).all(axis=1) & (c > 0) & (g > 0) & (b != 0) & (a != d)
    parameters = np.where(sound[:, None], parameters, np.nan)
    columns = {f"of_gnr{k}": pl.Series(_inverse(parameters, all_wells[f"gnr{k}"])[0]).fill_nan(None) for k in _REACTORS}
    quantity, _ = _inverse(parameters, all_wells["signal"])
    all_wells = all_wells.with_columns(sound=pl.Series(sound), quantity=pl.Series(quantity).fill_nan(None), **columns)
    calibrations = _calibrations(all_wells, table)
    limited = _limits(all_wells, calibrations, settings)
    by_curve = limited.select(_LETTERS).cast(pl.Float64).fill_null(float("nan")).to_numpy()

    def read_off(curve: pl.Series, signal: pl.Series) -> pl.Series:
        return pl.Series(_inverse(by_curve[curve.to_numpy()], signal)[0]).fill_nan(None)

    limited, control_checks = judge(named, limited, read_off, settings, assay)
    sets = _sets(unknown, all_wells, limited, settings)
    return Calibrated(
        sets=sets,
        curves=_curves(limited, settings, assay),
        curve_points=CURVE_POINTS.empty(),
        checks=gather((_checks(all_wells, limited, settings, assay), control_checks)),
    )


def _inverse(parameters: Floats, signal: pl.Series) -> tuple[Floats, NDArray[np.int64]]:
    return logistic_curve.inverse(parameters, signal.cast(pl.Float64).fill_null(float("nan")).to_numpy())


def _calibrations(wells: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Per curve the coefficients (those of the first well that has them) and how many there are."""
    sound = pl.col("sound")
    coefficients = (
        wells.sort("well_id")
        .group_by("curve")
        .agg(
            *(pl.col(letter).filter(sound).first() for letter in _LETTERS),
            different=pl.struct(_LETTERS).filter(sound).n_unique(),
            fitted=sound.any(),
        )
    )
    return table.join(coefficients, on="curve", how="left", maintain_order="left").with_columns(
        why=pl.when(~pl.col("fitted")).then(
            pl.lit("the file has no coefficients of the factory's curve (export CurveCoefficientA to G)")
        ),
        accepted=pl.col("fitted") & (pl.col("different") == 1),
        failed=pl.when(pl.col("fitted") & (pl.col("different") > 1))
        .then(pl.lit("one_calibration"))
        .otherwise(pl.lit("")),
    )


def _limits(wells: pl.DataFrame, calibrations: pl.DataFrame, settings: Immunoassay) -> pl.DataFrame:
    """Limits of each curve: declared, else what the cut of the printed concentrations shows, else none.

    Where the printed concentration is cut to a limit, that is the limit. Where it is left blank beyond a limit, the limit lies
    between the blank and the printed ones: the outermost printed concentration is taken. All cartridges with one calibration count.
    """
    lot = ["analyte", *_LETTERS]
    printed, reported = pl.col("printed"), pl.col("reported")
    uncut = ((reported / printed - 1.0).abs() <= _CUT).fill_null(value=False)
    seen = (
        wells.filter(pl.col("sound") & printed.is_not_null())
        .with_columns(
            raised=pl.when(~uncut & (reported > printed)).then(reported),
            lowered=pl.when(~uncut & (reported < printed)).then(reported),
            plain=pl.when(uncut).then(reported),
            blank=pl.when(reported.is_null()).then(printed),
        )
        .group_by(lot)
        .agg(
            pl.col("raised").max(),
            pl.col("lowered").min(),
            least=pl.col("plain").min(),
            most=pl.col("plain").max(),
            blank_low=pl.col("blank").min(),
            blank_high=pl.col("blank").max(),
        )
        .with_columns(
            shown_low=pl.coalesce("raised", pl.when(pl.col("blank_low") < pl.col("least")).then("least")),
            shown_high=pl.coalesce("lowered", pl.when(pl.col("blank_high") > pl.col("most")).then("most")),
        )
    )
    return calibrations.join(
        seen.select(*lot, "shown_low", "shown_high"), on=lot, how="left", maintain_order="left"
    ).with_columns(
        lloq=pl.col("analyte").replace_strict(settings.lloq, default=pl.col("shown_low"), return_dtype=pl.Float64),
        uloq=pl.col("analyte").replace_strict(settings.uloq, default=pl.col("shown_high"), return_dtype=pl.Float64),
        method=pl.lit(METHOD),
    )


def _sets(
    unknown: pl.DataFrame, wells: pl.DataFrame, calibrations: pl.DataFrame, settings: Immunoassay
) -> pl.DataFrame:
    """Sets of replicate inlets with quantity and interval."""
    from scipy.special import stdtrit

    of_reactors = [f"of_gnr{k}" for k in _REACTORS]
    unknown = unknown.join(
        wells.select("well_id", "quantity", *of_reactors), on="well_id", how="left", maintain_order="left"
    )
    logs = pl.concat_list(of_reactors).list.drop_nulls().list.eval(pl.element().log())
    inlets = pl.col("quantity").filter("kept").log()
    reactors = pl.col("logs").filter("kept").first()
    spread = (
        unknown.with_columns(logs=logs)
        .group_by("curve", "sample_id", "dilution_used")
        .agg(
            k=pl.when(pl.col("kept").sum() > 1).then(inlets.count()).otherwise(reactors.list.len()).cast(pl.Int64),
            sd=pl.when(pl.col("kept").sum() > 1).then(inlets.std()).otherwise(reactors.list.std()),
            reactor_cv=pl.when(pl.col("kept").sum() == 1).then(
                100.0
                * reactors.list.eval(pl.element().exp()).list.std()
                / reactors.list.eval(pl.element().exp()).list.mean()
            ),
        )
    )
    sets = (
        reduce(unknown)
        .join(spread, on=["curve", "sample_id", "dilution_used"], how="left", maintain_order="left")
        .with_columns(cv=pl.coalesce("cv", "reactor_cv"))
        .join(
            calibrations.drop(*KEY, "different", "shown_low", "shown_high"),
            on="curve",
            how="left",
            maintain_order="left",
        )
    )
    parameters = sets.select(_LETTERS).cast(pl.Float64).fill_null(float("nan")).to_numpy()
    dose, side = _inverse(parameters, sets["signal"])
    known = sets["fitted"] & sets["signal"].is_not_null()
    quantile = stdtrit(np.maximum(sets["k"].fill_null(0).to_numpy() - 1, 1), 0.5 + settings.confidence / 2.0)
    half = pl.when(pl.col("k") > 1).then(pl.Series(quantile) * pl.col("sd") / pl.col("k").sqrt())
    quantity = pl.Series(dose).fill_nan(None)
    return sets.with_columns(
        quantity=quantity,
        side=pl.when(known).then(pl.Series(side)),
        quantity_lower=quantity * (-half).exp(),
        quantity_upper=quantity * half.exp(),
    ).drop(*_LETTERS)


def _curves(calibrations: pl.DataFrame, settings: Immunoassay, assay: str) -> pl.DataFrame:
    missing = {
        c.name: pl.lit(None, dtype=c.dtype)
        for c in CURVES.columns
        if c.nullable and c.name not in ("parameters", "lowest", "highest", "unit")
    }
    return calibrations.with_columns(
        **missing,
        assay=pl.lit(assay),
        target=pl.col("analyte"),
        model=pl.lit("5PL"),
        parameters=pl.when("fitted").then(pl.struct(_LETTERS).struct.json_encode()),
        lowest=pl.col("shown_low"),
        highest=pl.col("shown_high"),
        unit=pl.lit(settings.unit),
        source_ids=pl.lit([], dtype=pl.List(pl.String)),
    ).select(CURVES.names)


def _checks(wells: pl.DataFrame, calibrations: pl.DataFrame, settings: Immunoassay, assay: str) -> pl.DataFrame:
    compared = wells.filter(pl.col("usable") & pl.col("printed").is_not_null() & pl.col("sound"))
    difference = pl.when(pl.col("printed") > 0).then(100.0 * (pl.col("quantity") / pl.col("printed") - 1.0).abs())
    agreement = (
        compared.group_by("curve")
        .agg(
            pl.len(),
            largest=difference.max(),
            lost=pl.col("quantity").is_null().sum(),
            ids=pl.col("well_id").filter((difference > _AGREES).fill_null(value=True)).sort(),
        )
        .join(calibrations, on="curve", maintain_order="left")
    )
    fitted = calibrations.filter("fitted")
    action = "excluded" if settings.on_failure == "exclude" else "flagged"
    return gather(
        (
            check_rows(
                calibrations,
                assay=assay,
                scope="plate",
                rule="curve",
                item=PLATE,
                target=pl.col("analyte"),
                passed=pl.col("fitted"),
                found=pl.coalesce("why", pl.lit("coefficients A, B, C, D, G")),
                required="the coefficients of the factory's curve",
                action=action,
            ),
            check_rows(
                fitted,
                assay=assay,
                scope="plate",
                rule="one_calibration",
                item=PLATE,
                target=pl.col("analyte"),
                passed=pl.col("different") == 1,
                found=pl.format("{} sets of coefficients", "different"),
                value=pl.col("different"),
                required="one set of coefficients per plate and analyte",
                action=action,
            ),
            check_rows(
                agreement,
                assay=assay,
                scope="plate",
                rule="printed_concentration",
                item=PLATE,
                target=pl.col("analyte"),
                passed=((pl.col("largest") <= _AGREES) & (pl.col("lost") == 0)).fill_null(value=False),
                found=pl.format(
                    "largest difference {} % in {} wells{}",
                    figure(pl.col("largest"), 3).fill_null("unknown"),
                    "len",
                    pl.when(pl.col("lost") > 0)
                    .then(pl.format(", {} printed but outside the curve", "lost"))
                    .otherwise(pl.lit("")),
                ),
                value=pl.col("largest"),
                required=f"within {_AGREES:g} % of the printed NonlimitedCalculatedConcentration",
                action="flagged",
                sources=pl.col("ids"),
            ),
            check_rows(
                fitted,
                assay=assay,
                scope="plate",
                rule="limits_known",
                item=PLATE,
                target=pl.col("analyte"),
                passed=pl.col("lloq").is_not_null() & pl.col("uloq").is_not_null(),
                found=pl.format(
                    "{} to {}", figure(pl.col("lloq")).fill_null("none"), figure(pl.col("uloq")).fill_null("none")
                ),
                required="limits of quantification, declared or shown by printed concentrations that are cut",
                action="kept",
            ),
        )
    )
