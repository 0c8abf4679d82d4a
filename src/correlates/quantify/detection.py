"""Limits of detection and quantification of qPCR from replicates of the standards, over all plates of an assay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from correlates.errors import PlanError, Problem
from correlates.quantify import standards
from correlates.quantify.rules import check_rows, figure
from correlates.quantify.samples_join import analyte_wells
from correlates.quantify.settings import Qpcr
from correlates.schema import conform
from correlates.schema.assay_review import DETECTION_CURVES, DETECTION_LEVELS, DETECTION_LIMITS
from correlates.stats import calibration
from correlates.stats.detection import DetectionLimit, Link, detection_limit, detection_probability
from correlates.stats.poisson import exact_share
from correlates.stats.quantification import QuantificationLimit, cv_at, precision_profile, quantification_limit
from correlates.terms import Role, SignalKind

_LINKS = (Link.PROBIT, Link.LOGIT, Link.CLOGLOG)
_POINTS = 80
_WHY = {
    "too-few-levels": "fewer than two levels with enough replicates",
    "detected-nowhere": "nothing was detected: the limit lies above the levels",
    "detected-everywhere": "every replicate was detected: the limit lies below the lowest level",
    "detection-all-or-nothing": "levels were detected always or never: the limit lies between two of them",
    "detection-not-increasing": "detection does not rise with the level",
    "not-converged": "the fit did not settle",
    "cv-limit-not-reached": "the CV is above the limit at the highest level",
    "cv-does-not-fall-with-level": "the CV does not fall with the level",
    "cv-falls-within-one-step": "the CV falls between the two lowest levels: the points do not tell where in between",
}

# designs for which tests/calibration show the bias of the reduced limit to be within 5 %
_LEVELS_SHOWN = 5
_LOWEST_SHOWN = 0.6
_REPLICATES_SHOWN = (
    (12, 2.05),
    (20, 3.2),
)  # replicates of a level, and the largest step; the first for probit and logit

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Tables of limits: see :mod:`correlates.schema.assay_review`."""

    levels: pl.DataFrame
    limits: pl.DataFrame
    curves: pl.DataFrame


def check_rules(settings: Qpcr) -> None:
    """Refuse rules of detection that cannot be.

    Raises
    ------
    PlanError
        With every such setting.
    """
    rules = settings.detection
    problems = []
    if not 0.5 <= rules.probability < 1:
        problems.append(
            Problem(
                code="not-a-level",
                what="detection.probability is no probability of detection",
                found=f"{rules.probability:g}",
                expected="a number from 0.5 to below 1, as 0.95",
            )
        )
    for name, value, least in (("cv", rules.cv, 0), ("replicates", rules.replicates, 1)):
        if not value > least:
            problems.append(
                Problem(
                    code="not-positive",
                    what=f"detection.{name} is too small",
                    found=f"{value:g}",
                    expected=f"a number above {least}",
                )
            )
    if problems:
        raise PlanError(problems)


def of_wells(wells: pl.DataFrame, settings: Qpcr, assay: str) -> Limits:
    """:func:`limits` of the wells of an assay as they were read."""
    chosen, _ = analyte_wells(wells, settings.targets, SignalKind.CQ, assay)
    return limits(standards.usable(chosen), settings, assay)


def limits(chosen: pl.DataFrame, settings: Qpcr, assay: str) -> Limits:
    """Detection and precision by level of the standards, and the limits that follow.

    Parameters
    ----------
    chosen
        Wells of the assay's analytes, with ``analyte`` and :func:`standards.usable`.
    settings
        ``detection`` and the unit of the standards.
    assay
        Name of the assay.

    Notes
    -----
    A level takes part with ``detection.replicates`` wells over all plates. Quantities are read back from the line of the plate over the levels
    of which every replicate was detected: where some were not, the detected ones hold more than the nominal copies and bend
    the line. An analyte of which a plate has fewer than two such levels has one line over all plates.

    A limit of quantification is never below the limit of detection that the settings choose.
    """
    rules = settings.detection
    standard = (pl.col("role") == Role.STANDARD.value) & (pl.col("nominal") > 0)
    run = chosen.filter(standard & ~pl.col("omitted") & (pl.col("detected") | pl.col("undetected"))).with_columns(
        of_level=pl.len().over("analyte", "nominal"), always=pl.col("detected").all().over("analyte", "nominal")
    )
    run = run.filter(pl.col("of_level") >= rules.replicates)
    levels, found, curves = [], [], []
    for (analyte,), mine in run.group_by("analyte", maintain_order=True):
        name = str(analyte)
        read = _read_back(mine)
        table = _levels(read)
        several = table.height >= 2
        seen = table["detected"].to_numpy(), table["tested"].to_numpy(), table["level"].to_numpy()
        fits = {
            link: detection_limit(seen[2], seen[1], seen[0], link=link, probability=rules.probability)
            for link in _LINKS
            if several
        }
        chosen_fit = fits[Link(rules.link)] if several else None
        lod = None if chosen_fit is None else chosen_fit.reduced if _reduces(settings) else chosen_fit.limit
        precise = table.filter(pl.col("cv").is_not_null() & (pl.col("n") >= 2))
        loq = quantification_limit(
            precise["level"].to_numpy(), precise["cv"].to_numpy() / 100.0, cv_limit=rules.cv / 100.0, at_least=lod
        )
        levels.append(table.with_columns(analyte=pl.lit(name)))
        if several:
            found += _rows(name, fits, loq, seen[2], settings)
            curves += _curves(name, fits, loq, seen[2])
    unit, of = pl.lit(settings.quantity), pl.lit(assay)
    made = pl.concat(levels) if levels else DETECTION_LEVELS.empty()
    return Limits(
        levels=conform(made.with_columns(assay=of, unit=unit).select(DETECTION_LEVELS.names), DETECTION_LEVELS),
        limits=conform(DETECTION_LIMITS.frame(found).with_columns(assay=of, unit=unit), DETECTION_LIMITS),
        curves=conform(DETECTION_CURVES.frame(curves).with_columns(assay=of), DETECTION_CURVES),
    )


def _read_back(wells: pl.DataFrame) -> pl.DataFrame:
    """``back``: the quantity of each detected well of one analyte, by the line of its plate or of all plates."""
    full = wells.filter("always").with_columns(x=pl.col("nominal").log10())
    on_plate = full.group_by(standards.KEY).agg(levels=pl.col("nominal").n_unique(), n=pl.len())
    plates = wells.select(standards.KEY).unique().join(on_plate, on=standards.KEY, how="left")
    own = bool(((plates["levels"].fill_null(0) >= 2) & (plates["n"].fill_null(0) >= 3)).all())
    key = plates.select(standards.KEY).sort(standards.KEY).with_row_index("line")
    key = key.with_columns(line=pl.col("line").cast(pl.Int64) if own else pl.lit(0, dtype=pl.Int64))
    full = full.join(key, on=standards.KEY)
    n = int(key["line"].max()) + 1  # type: ignore[arg-type]
    enough = full["nominal"].n_unique() >= 2 and full.height >= 3
    if not enough:
        return wells.with_columns(back=pl.lit(None, dtype=pl.Float64))
    fits = calibration.fit_lines(full["x"].to_numpy(), full["signal"].to_numpy(), full["line"].to_numpy(), n)
    lines = pl.DataFrame(
        {"line": np.arange(n, dtype=np.int64), "slope": fits.slope, "intercept": fits.intercept}
    ).with_columns(invertible=(pl.col("slope") < 0).fill_null(value=False))
    joined = wells.join(key, on=standards.KEY, how="left").join(lines, on="line", how="left")
    return joined.with_columns(back=pl.when(pl.col("detected")).then(10.0 ** standards.exponent()))


def _levels(read: pl.DataFrame) -> pl.DataFrame:
    counted = (
        read.group_by("nominal")
        .agg(
            plates=pl.struct("file_id", "plate").n_unique().cast(pl.Int64),
            tested=pl.len().cast(pl.Int64),
            detected=pl.col("detected").sum().cast(pl.Int64),
            mean_cq=pl.col("signal").filter("detected").mean(),
            sd_cq=pl.col("signal").filter("detected").std(),
            source_ids=pl.col("well_id").sort(),
        )
        .rename({"nominal": "level"})
        .sort("level")
    )
    share = exact_share(counted["detected"].to_numpy(), counted["tested"].to_numpy())
    back = read.filter(pl.col("back").is_not_null())
    profile = precision_profile(back["nominal"].to_numpy(), back["back"].to_numpy())
    precision = pl.DataFrame(
        {
            "level": profile.level,
            "n": profile.n,
            "mean": profile.mean,
            "sd": profile.sd,
            "cv": 100.0 * profile.cv,
            "recovery": 100.0 * profile.recovery,
        }
    ).with_columns(pl.col("sd", "cv").fill_nan(None))
    return counted.with_columns(pl.Series("share_lower", share[0]), pl.Series("share_upper", share[1])).join(
        precision, on="level", how="left", maintain_order="left"
    )


def _rows(
    analyte: str, fits: dict[Link, DetectionLimit], loq: QuantificationLimit, at: Floats, settings: Qpcr
) -> list[dict[str, object]]:
    rules = settings.detection
    percent = f"{100.0 * rules.probability:g}"
    rows: list[dict[str, object]] = []
    for link, fit in fits.items():
        lower, upper = fit.fieller if fit.fieller is not None else (None, None)
        rows.append(
            {
                "limit": f"lod_{link.value}",
                "label": f"LOD{percent}, {link.value}",
                "chosen": link.value == rules.link and not _reduces(settings),
                "value": _finite(fit.limit),
                "lower": _finite(lower),
                "upper": _finite(upper),
                "fit_p": fit.deviance_p,
                "extrapolated": fit.extrapolated if fit.limit is not None else None,
                "why": None if fit.why is None else _WHY[fit.why.value],
            }
        )
    any_fit = fits[Link(rules.link)]
    lower, upper = any_fit.fieller if any_fit.fieller is not None else (None, None)
    reduced = _finite(any_fit.reduced)
    rows.append(
        {
            "limit": "lod_reduced",
            "label": f"LOD{percent}, {rules.link}, bias reduced",
            "chosen": _reduces(settings),
            "value": reduced,
            "lower": _finite(lower),
            "upper": _finite(upper),
            "fit_p": any_fit.deviance_p,
            "extrapolated": None if reduced is None else not at.min() <= reduced <= at.max(),
            "why": _why_reduced(any_fit),
        }
    )
    rows.append(
        {
            "limit": "lod_rule",
            "label": f"Detected in {percent} % from this level up",
            "chosen": False,
            "value": any_fit.rule,
            "why": f"no level was detected in {percent} %" if any_fit.rule is None else _lowest(any_fit.rule, at),
        }
    )
    rows.append(
        {
            "limit": "loq_rule",
            "label": f"LOQ: CV at most {rules.cv:g} % from this level up, not below the LOD",
            "chosen": True,
            "value": loq.level,
            "why": _WHY[loq.why_level.value]
            if loq.why_level is not None
            else "the LOD; lower by the CV alone"
            if loq.level not in at
            else _lowest(loq.level, at),
        }
    )
    rows.append(
        {
            "limit": "loq_curve",
            "label": f"LOQ: fitted CV {rules.cv:g} %, not below the LOD",
            "chosen": False,
            "value": _finite(loq.modelled),
            "extrapolated": loq.extrapolated if loq.modelled is not None else None,
            "why": None if loq.why_modelled is None else _WHY[loq.why_modelled.value],
        }
    )
    asked = {"lod": rules.probability, "loq": rules.cv}
    return [{"analyte": analyte, "criterion": asked[str(row["limit"])[:3]], **row} for row in rows]


def _reduces(settings: Qpcr) -> bool:
    return settings.detection.estimate == "reduced"


def _why_reduced(fit: DetectionLimit) -> str | None:
    """Why there is none, or that the design is none of those for which simulation has shown the bias to be within 5 %."""
    if fit.why is not None:
        return _WHY[fit.why.value]
    if fit.reduced is None:
        return _WHY["not-converged"]
    share = fit.detected / fit.tested
    # beyond the lowest level from which everything was detected a level tells nothing of the limit
    near = fit.level <= (fit.level[-1] if fit.all_from is None else fit.all_from)
    step = float((fit.level[near][1:] / fit.level[near][:-1]).max()) if near.sum() > 1 else np.inf
    fewest = int(fit.tested[near].min())
    outside = [
        words
        for words, holds in (
            (f"{len(fit.level)} levels", len(fit.level) >= _LEVELS_SHOWN),
            (f"{100.0 * share[0]:.0f} % detected at the lowest level", share[0] <= _LOWEST_SHOWN),
            (f"{100.0 * share[-1]:.0f} % at the highest", share[-1] >= fit.probability),
            (
                f"{fewest} replicates at steps of {step:.3g}",
                any(fewest >= n and step <= fold for n, fold in _REPLICATES_SHOWN[fit.link is Link.CLOGLOG :]),
            ),
        )
        if not holds
    ]
    return f"bias not known to be within 5 %: {', '.join(outside)}" if outside else None


def _lowest(limit: float | None, at: Floats) -> str | None:
    return "the lowest level tested: the limit may be lower" if limit == at.min() else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None


def _curves(
    analyte: str, fits: dict[Link, DetectionLimit], loq: QuantificationLimit, level: Floats
) -> list[dict[str, object]]:
    at = np.geomspace(level.min() / 2.0, level.max() * 2.0, _POINTS)
    drawn = {link.value: detection_probability(fit, at) for link, fit in fits.items() if fit.why is None}
    if loq.decay is not None:
        inside = np.geomspace(level.min(), level.max(), _POINTS)
        drawn["cv"] = 100.0 * cv_at(loq.decay, inside)
    return [
        {"analyte": analyte, "curve": name, "level": float(x), "fitted": float(y)}
        for name, values in drawn.items()
        for x, y in zip(inside if name == "cv" else at, values, strict=True)
        if np.isfinite(y)
    ]


def checks(found: Limits, settings: Qpcr, assay: str) -> pl.DataFrame:
    """The declared lower limit of quantification against the limits found: it is checked, never replaced."""
    valued = found.limits.filter(pl.col("chosen") & pl.col("value").is_not_null())
    names = {"loq_rule": "limit_of_quantification"}
    rule = pl.col("limit").replace_strict(names, default="limit_of_detection", return_dtype=pl.String)
    parts = []
    for name in ("limit_of_detection", "limit_of_quantification"):
        mine = valued.filter(rule == name)
        spread = pl.when(pl.col("lower").is_not_null()).then(
            pl.format(" ({} to {})", figure(pl.col("lower"), 3), figure(pl.col("upper"), 3).fill_null("no upper bound"))
        )
        outside = pl.when(pl.col("extrapolated").fill_null(value=False)).then(pl.lit(", outside the tested levels"))
        parts.append(
            check_rows(
                mine,
                assay=assay,
                scope="source",
                rule=name,
                item=pl.lit(assay),
                target=pl.col("analyte"),
                passed=pl.col("value") <= settings.lloq,
                found=pl.format(
                    "{} {}{}{} ({})",
                    figure(pl.col("value")),
                    pl.lit(settings.quantity),
                    spread.fill_null(""),
                    outside.fill_null(""),
                    "label",
                ),
                value=pl.col("value"),
                required=f"at most the declared lower limit of quantification, {settings.lloq:g}",
                action="flagged",
            )
        )
    return pl.concat(parts)
