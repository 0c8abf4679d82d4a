"""Quality control samples of PCR plates: which they are, what they should hold, and whether they do."""

from __future__ import annotations

from fnmatch import fnmatchcase

import polars as pl

from correlates.errors import PlanError, Problem, unknown
from correlates.quantify.rules import check_rows, figure, gather
from correlates.quantify.settings import Dpcr, Qpcr
from correlates.terms import Role

PLATE = ("file_id", "plate")
_UNNAMED = "control without a name"


def check_controls(settings: Qpcr | Dpcr) -> None:
    """Refuse nominal quantities that are not positive or of no target.

    Raises
    ------
    PlanError
        With every such entry.
    """
    problems = []
    for sample, nominal in settings.controls_nominal.items():
        for analyte, quantity in nominal.items():
            if analyte not in settings.targets:
                problems.append(unknown("target", analyte, list(settings.targets), code="unknown-target"))
            if not quantity > 0:
                problems.append(
                    Problem(
                        code="not-positive",
                        what=f"The nominal {analyte} of control {sample} is not positive",
                        found=f"{quantity:g}",
                        expected="a positive number",
                    )
                )
    if problems:
        raise PlanError(problems)


def declared(wells: pl.DataFrame, settings: Qpcr | Dpcr) -> pl.DataFrame:
    """Give declared control samples the role of a control and their nominal quantity; the plan's stands before the file's.

    ``wells`` has ``analyte``. A control is never a measurement of a subject.
    """
    patterns = (*settings.controls, *settings.controls_nominal)
    names = [s for s in wells["sample_id"].drop_nulls().unique() if any(fnmatchcase(s, p) for p in patterns)]
    mine = pl.col("sample_id").is_in(names) & (pl.col("role") == Role.UNKNOWN.value)
    wells = wells.with_columns(role=pl.when(mine).then(pl.lit(Role.QC.value)).otherwise("role"))
    nominal = pl.DataFrame(
        [(s, a, float(q)) for s, of in settings.controls_nominal.items() for a, q in of.items()],
        schema={"sample_id": pl.String, "analyte": pl.String, "_nominal": pl.Float64},
        orient="row",
    )
    joined = wells.join(nominal, on=["sample_id", "analyte"], how="left", maintain_order="left")
    control = pl.col("role") == Role.QC.value
    return joined.with_columns(
        nominal=pl.when(control).then(pl.coalesce("_nominal", "nominal")).otherwise("nominal"),
        sample_id=pl.when(control).then(pl.col("sample_id").fill_null(_UNNAMED)).otherwise("sample_id"),
    ).drop("_nominal")


def judge(sets: pl.DataFrame, settings: Qpcr | Dpcr, assay: str, unit: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Judge the controls of every plate.

    Parameters
    ----------
    sets
        One row per plate, analyte and control: ``file_id``, ``plate``, ``analyte``, ``sample_id``, ``quantity`` (mean of its
        wells, null where there is none), ``cv``, ``cv_limit`` (percent), ``nominal``, ``source_ids``.
    settings
        ``control_rules``.
    assay, unit
        Name of the assay, unit of the quantities.

    Returns
    -------
    tuple
        Plates and analytes whose controls fail the plate (``file_id``, ``plate``, ``analyte``; empty where the rule is to
        flag), and the checks: ``control_accuracy`` and ``control_cv`` by control, ``controls`` by plate.
    """
    rules = settings.control_rules
    away = 100.0 * pl.col("quantity") / pl.col("nominal") - 100.0
    sets = sets.with_columns(
        accuracy=away,
        ok_accuracy=pl.when(pl.col("nominal") > 0).then((away.abs() <= rules.accuracy).fill_null(value=False)),
        ok_cv=pl.col("cv") <= pl.col("cv_limit"),
    )
    told = pl.col("ok_accuracy").is_not_null() | pl.col("ok_cv").is_not_null()
    by_plate = (
        sets.filter(told)
        .with_columns(ok=pl.col("ok_accuracy").fill_null(value=True) & pl.col("ok_cv").fill_null(value=True))
        .group_by(*PLATE, "analyte")
        .agg(
            met=pl.col("ok").sum(),
            controls=pl.len(),
            share=pl.col("ok").mean(),
            source_ids=pl.col("source_ids").explode(empty_as_null=False).sort(),
        )
        .with_columns(ok=pl.col("share") >= rules.share)
        .sort(*PLATE, "analyte")
    )
    plate = pl.format("{}/{}", "file_id", "plate")
    fails = rules.on_failure == "fail_plate"
    excluded = "excluded" if fails and settings.on_failure == "exclude" else "flagged"
    checks = gather(
        (
            check_rows(
                sets.filter(pl.col("ok_accuracy").is_not_null()),
                assay=assay,
                scope="control",
                rule="control_accuracy",
                item=pl.col("sample_id"),
                part=plate,
                target=pl.col("analyte"),
                passed=pl.col("ok_accuracy"),
                found=pl.when(pl.col("quantity").is_null())
                .then(pl.lit("no quantity"))
                .otherwise(
                    pl.format("{} {}, {} % from nominal", figure(pl.col("quantity")), pl.lit(unit), figure(away, 3))
                ),
                value=away,
                required=pl.format("within {} % of {}", pl.lit(f"{rules.accuracy:g}"), figure(pl.col("nominal"), 6)),
                action="flagged",
                sources=pl.col("source_ids"),
            ),
            check_rows(
                sets.filter(pl.col("ok_cv").is_not_null()),
                assay=assay,
                scope="control",
                rule="control_cv",
                item=pl.col("sample_id"),
                part=plate,
                target=pl.col("analyte"),
                passed=pl.col("ok_cv"),
                found=pl.format("{} %", figure(pl.col("cv"))),
                value=pl.col("cv"),
                required=pl.format(
                    "CV at most {} % ({} before sampling)", figure(pl.col("cv_limit"), 3), pl.lit(f"{rules.max_cv:g}")
                ),
                action="flagged",
                sources=pl.col("source_ids"),
            ),
            check_rows(
                by_plate,
                assay=assay,
                scope="plate",
                rule="controls",
                item=plate,
                target=pl.col("analyte"),
                passed=pl.col("ok"),
                found=pl.format("{} of {} controls within", "met", "controls"),
                value=pl.col("share"),
                required=f"at least {rules.share:g} of the controls within accuracy and CV",
                action=excluded,
                sources=pl.col("source_ids"),
            ),
        )
    )
    failed = by_plate.filter(~pl.col("ok") & pl.lit(fails)).select(*PLATE, "analyte")
    return failed, checks
