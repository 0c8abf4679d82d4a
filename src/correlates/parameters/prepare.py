"""What of the measurements and laboratory results takes part, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

import polars as pl

from correlates.errors import InputError, Problem
from correlates.parameters.checks import check
from correlates.parameters.courses import Courses, common_unit, courses, unit_problem
from correlates.parameters.recorded import parsed
from correlates.parameters.settings import Clock, Lab
from correlates.parameters.settings import Parameter as ParameterSettings
from correlates.schema.table import NUMBER, TEXT
from correlates.terms import Status
from correlates.units import factor, unit

_ULN = "multiple of upper limit of normal"


_DAY = {"actual": ("study_day", "study-day-known"), "nominal": ("nominal_day", "nominal-day-known")}
"""The column of a clock, and the rule a sample without it breaks."""


def usable(
    measurements: pl.DataFrame, subjects: Sequence[str], clock: Clock = "actual"
) -> tuple[pl.DataFrame, list[dict[str, object]]]:
    """Measurements that take part in courses, and checks of those of a known subject that cannot.

    Those with status reported and a value take part; a sample without day of the clock or of a subject that is not in the table
    of subjects is left out, with a check per subject and assay.
    """
    column, rule_of_day = _DAY[clock]
    reported = measurements.filter(
        (pl.col("status") == Status.REPORTED.value) & pl.col("value").is_not_null() & pl.col("subject_id").is_not_null()
    )
    known = pl.col("subject_id").is_in(list(subjects))
    dated = pl.col(column).is_not_null()
    notes: list[dict[str, object]] = []
    for rule, mask, required in (
        ("subject-known", ~known, "a row in the table of subjects"),
        (rule_of_day, known & ~dated, "a study day" if clock == "actual" else "a planned day"),
    ):
        left_out = reported.filter(mask).group_by("assay", "subject_id", maintain_order=True).agg("measurement_id")
        notes += [
            check(
                assay=assay,
                subject=subject,
                rule=rule,
                found=f"{len(ids)} measurements without it",
                value=len(ids),
                required=required,
                passed=False,
                action="excluded",
                source_ids=ids,
            )
            for assay, subject, ids in left_out.iter_rows()
        ]
    samples = reported.filter(known & dated).select(
        "assay",
        "analyte",
        "subject_id",
        "value",
        "unit",
        day=pl.col(column).cast(NUMBER),
        actual=pl.col("study_day").cast(NUMBER),
        nominal=pl.col("nominal_day").cast(NUMBER),
        censoring=pl.col("censoring").fill_null("none"),
        id="measurement_id",
    )
    return samples, notes


def measurement_problems(samples: pl.DataFrame, assays: Set[str]) -> list[Problem]:
    """Units of the samples of an analyte that do not convert to its most frequent one."""
    pairs = samples.filter(pl.col("assay").is_in(sorted(assays))).select("assay", "analyte", "unit")
    found: list[Problem] = []
    several = pairs.unique().group_by("assay", "analyte").len().filter(pl.col("len") > 1).sort("assay", "analyte")
    for assay, analyte, _ in several.iter_rows():
        column = pairs.filter((pl.col("assay") == assay) & (pl.col("analyte") == analyte))["unit"]
        target = str(common_unit(column))
        wrong = [unit_problem(f"{analyte} of {assay}", str(u), target) for u in column.unique().sort() if u != target]
        found += [p for p in wrong if p is not None]
    return found


def _wants_multiple(spec: Lab) -> bool:
    return spec.unit is not None and unit(spec.unit).dimension == _ULN


def _units_of(spec: Lab, labs: pl.DataFrame) -> list[str]:
    found = labs.filter(pl.col("test") == spec.test)["unit"].drop_nulls().unique().sort()
    return [str(u) for u in found]


def lab_problems(specs: Mapping[str, ParameterSettings], labs: pl.DataFrame) -> list[Problem]:
    """Units of laboratory results that do not convert to the one asked for (or to the most frequent one)."""
    found: list[Problem] = []
    for code, spec in specs.items():
        if not isinstance(spec, Lab):
            continue
        units = _units_of(spec, labs)
        target = spec.unit or common_unit(labs.filter(pl.col("test") == spec.test)["unit"])
        if target is None:
            continue
        try:
            if _wants_multiple(spec):
                continue
        except InputError as error:
            found += error.problems
            continue
        wrong = [unit_problem(f"{code} (test {spec.test})", u, target) for u in units if u != target]
        found += [p for p in wrong if p is not None]
    return found


def lab_courses(
    code: str, spec: Lab, labs: pl.DataFrame, subjects: Sequence[str]
) -> tuple[Courses, list[dict[str, object]]]:
    """Time courses of one laboratory test in the unit asked for, or in the most frequent one.

    ``x ULN`` divides by the upper limit of normal. A result without a unit among others that have one is left out.
    """
    rows = parsed(labs.filter(pl.col("test") == spec.test)).filter(
        pl.col("value").is_not_null() & pl.col("day").is_not_null() & pl.col("subject_id").is_in(list(subjects))
    )
    notes: list[dict[str, object]] = []

    def without(mask: pl.Expr, rule: str, required: str) -> pl.DataFrame:
        lost = rows.filter(~mask).group_by("subject_id", maintain_order=True).agg("source_id")
        notes.extend(
            check(
                subject=subject,
                target=spec.test,
                rule=rule,
                found=f"{code}: {len(ids)} results without it",
                value=len(ids),
                required=required,
                passed=False,
                action="excluded",
                source_ids=ids,
                parts=(code,),
            )
            for subject, ids in lost.iter_rows()
        )
        return rows.filter(mask)

    units = _units_of(spec, labs)
    target = spec.unit or common_unit(labs.filter(pl.col("test") == spec.test)["unit"])
    if target is not None and _wants_multiple(spec):
        multiple = pl.col("unit").is_in([u for u in units if _is_multiple(u)])
        rows = without(
            multiple | (pl.col("upper_normal") > 0).fill_null(value=False),
            "upper-normal-known",
            "an upper limit of normal",
        )
        rows = rows.with_columns(
            value=pl.when(multiple.fill_null(value=False))
            .then("value")
            .otherwise(pl.col("value") / pl.col("upper_normal")),
            unit=pl.lit(target),
        )
    elif target is not None:
        rows = without(pl.col("unit").is_not_null(), "unit-known", "a unit")
        factors = {u: _factor(u, target) for u in units}
        rows = (
            rows.with_columns(
                value=pl.col("value") * pl.col("unit").replace_strict(factors, return_dtype=pl.Float64, default=1.0),
                unit=pl.lit(target),
            )
            if factors
            else rows
        )
    samples = rows.select(
        "subject_id",
        "value",
        "censoring",
        analyte=pl.lit(spec.test),
        day=pl.col("day").cast(NUMBER),
        actual=pl.col("day").cast(NUMBER),
        nominal=pl.lit(None, dtype=NUMBER),
        unit=pl.col("unit").cast(TEXT),
        id="source_id",
    )
    return courses(samples, assay=None, analytes=[spec.test], subjects=subjects), notes


def _is_multiple(name: str) -> bool:
    try:
        return unit(name).dimension == _ULN
    except InputError:
        return False


def _factor(source: str, target: str) -> float:
    return 1.0 if source == target else factor(source, target)
