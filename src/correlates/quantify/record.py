"""What a quantification is and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from correlates.errors import PlanError, Problem
from correlates.schema import CHECKS, CURVE_POINTS, CURVES, MEASUREMENTS, PRODUCT, SAMPLES, WELLS, conform
from correlates.terms import AssayKind, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantified:
    """What a quantification gives; every frame is of the table of its name.

    Attributes
    ----------
    measurements
        One row per sample and analyte.
    curves, curve_points
        The calibrations and their wells; empty where the method has none.
    checks
        Every rule that was applied, with what was found and what was done.
    """

    measurements: pl.DataFrame
    curves: pl.DataFrame
    curve_points: pl.DataFrame
    checks: pl.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantifier:
    """One kind of assay.

    Attributes
    ----------
    code
        What the settings call it (``settings.kind``).
    label
        Name for people.
    needs
        What the instrument must have written.
    methods
        Codes of the ``method`` column it writes, with their meaning.
    function
        Called with name, wells, samples, product, settings and the names of the files; gives :class:`Quantified`.
    formula
        How the quantity comes about, in one line.
    citation
        Where that is from.
    """

    code: AssayKind
    label: str
    needs: tuple[SignalKind, ...]
    methods: Mapping[str, str]
    function: Callable[[str, pl.DataFrame, pl.DataFrame, pl.DataFrame, Any, Mapping[str, str]], Quantified]
    formula: str
    citation: str


def quantified(
    *,
    measurements: pl.DataFrame,
    checks: pl.DataFrame,
    curves: pl.DataFrame | None = None,
    curve_points: pl.DataFrame | None = None,
) -> Quantified:
    """Conform the four frames to their tables and sort them by their keys, so that row order never depends on the input."""
    return Quantified(
        measurements=conform(measurements, MEASUREMENTS).sort("measurement_id"),
        curves=conform(CURVES.empty() if curves is None else curves, CURVES).sort("curve_id"),
        curve_points=conform(CURVE_POINTS.empty() if curve_points is None else curve_points, CURVE_POINTS).sort(
            "curve_id", "well_id"
        ),
        checks=conform(checks, CHECKS).sort("check_id"),
    )


def conform_inputs(
    wells: pl.DataFrame, samples: pl.DataFrame, product: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The three input tables, conformed.

    Raises
    ------
    InputError
        With every deviation from the tables, a well or a sample that stands twice among them.
    """
    return conform(wells, WELLS, rows="row"), conform(samples, SAMPLES), conform(product, PRODUCT)


def positive_settings(*, confidence: float, **numbers: float | None) -> None:
    """Refuse settings that are not positive (null is for a setting that is not given) and a level outside 0 to 1.

    Raises
    ------
    PlanError
        With every such setting.
    """
    wrong = {name: value for name, value in numbers.items() if value is not None and not value > 0}
    problems = [
        Problem(code="not-positive", what=f"{name} is not positive", found=f"{value:g}", expected="a positive number")
        for name, value in wrong.items()
    ]
    if not 0 < confidence < 1:
        problems.append(
            Problem(
                code="not-a-level",
                what="confidence is no level",
                found=f"{confidence:g}",
                expected="a number between 0 and 1, as 0.95",
            )
        )
    if problems:
        raise PlanError(problems)
