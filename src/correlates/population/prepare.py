"""From measurements and covariates to what is fitted, with everything that was left out and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from correlates.errors import DerivationError, InputError, Problem, unknown
from correlates.population.density import Data, P
from correlates.population.settings import NAMES, Covariate, PopulationModel
from correlates.schema.checks import check_row
from correlates.terms import Censoring, Reason, Status, Timing
from correlates.units import factor

_SIDE = {Censoring.NONE.value: 0, Censoring.LEFT.value: -1, Censoring.RIGHT.value: 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One column of the design: a covariate (or one category of it) on one parameter."""

    name: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What is fitted.

    Attributes
    ----------
    data
        The arrays.
    points
        One row per sample in the order subject, day: ``row`` and ``column`` place it in the arrays.
    subjects
        The subjects of the arrays.
    left_out
        Reason of each subject that is not among them.
    effects
        Columns of the design.
    analyte, unit
        What is measured, and its unit.
    checks
        Rows of the table ``checks``.
    """

    data: Data
    points: pl.DataFrame
    subjects: tuple[str, ...]
    left_out: dict[str, Reason]
    effects: tuple[Effect, ...]
    analyte: str
    unit: str | None
    checks: tuple[dict[str, object], ...]


def prepare(
    name: str, settings: PopulationModel, measurements: pl.DataFrame, covariates: pl.DataFrame, subjects: Sequence[str]
) -> Prepared:
    """Select and arrange the samples of a model.

    Parameters
    ----------
    name, settings
        The model.
    measurements
        The table of that name.
    covariates
        Rows of the table ``parameters`` that hold the covariates.
    subjects
        Everybody who is to have a row.

    Raises
    ------
    DerivationError
        An assay, analyte or covariate nobody has; units that do not convert; a covariate that is known only after the
        infusion; a covariate that takes one value or cannot be put on its scale.
    """
    own = measurements.filter(pl.col("assay") == settings.assay)
    analyte = _analyte(name, settings, measurements, own)
    own = own.filter(pl.col("analyte") == analyte)
    unit, factors = _units(name, own)
    notes: list[dict[str, object]] = []
    points = _points(name, settings, own, factors, subjects, notes)
    left_out = _left_out(settings, own, points, subjects)
    enough = [s for s in subjects if s not in left_out]
    design, target, effects, missing = _design(
        name, settings.covariates, covariates, enough, few=len(enough) < settings.least_subjects
    )
    left_out |= dict.fromkeys(missing, Reason.COVARIATE_MISSING)
    notes += [_excluded(name, settings.assay, subject, reason, points) for subject, reason in left_out.items()]
    kept = [s for s in subjects if s not in left_out]
    points = (
        points.filter(pl.col("subject_id").is_in(kept))
        .with_columns(
            row=pl.col("subject_id").replace_strict({s: i for i, s in enumerate(kept)}, return_dtype=pl.Int64)
        )
        .sort("row", "day", "measurement_id")
        .with_columns(column=pl.int_range(pl.len()).over("row"))
    )
    shape = (len(kept), int(points["column"].max() or 0) + 1 if points.height else 0)  # type: ignore[arg-type]
    at = points["row"].to_numpy().astype(np.int64), points["column"].to_numpy().astype(np.int64)
    days, logs = np.zeros(shape), np.zeros(shape)
    code, valid = np.zeros(shape, dtype=np.int8), np.zeros(shape, dtype=np.bool_)
    days[at], valid[at] = points["day"].to_numpy(), True
    logs[at] = np.log(points["value"].to_numpy())
    code[at] = points["code"].to_numpy()
    return Prepared(
        data=Data(days=days, logs=logs, code=code, valid=valid, design=design, target=target),
        points=points,
        subjects=tuple(kept),
        left_out=left_out,
        effects=effects,
        analyte=analyte,
        unit=unit,
        checks=tuple(notes),
    )


def _analyte(name: str, settings: PopulationModel, measurements: pl.DataFrame, own: pl.DataFrame) -> str:
    analytes = own["analyte"].unique().sort().to_list()
    if not analytes:
        known = measurements["assay"].unique().sort().to_list()
        raise DerivationError(unknown("assay", settings.assay, known, code="unknown-assay"))
    if settings.analyte is None and len(analytes) > 1:
        raise DerivationError(
            Problem(
                code="analyte-not-named",
                what=f"The population model {name!r} does not say which analyte of {settings.assay} it is of",
                expected=f"one of {', '.join(analytes)}",
                do="Give analyte",
            )
        )
    if settings.analyte is not None and settings.analyte not in analytes:
        raise DerivationError(unknown("analyte", settings.analyte, analytes, code="unknown-analyte"))
    return str(settings.analyte or analytes[0])


def _units(name: str, own: pl.DataFrame) -> tuple[str | None, dict[str, float]]:
    counts = own["unit"].drop_nulls().value_counts().sort(["count", "unit"], descending=[True, False])
    if counts.is_empty():
        return None, {}
    target, factors, wrong = str(counts["unit"][0]), {}, []
    for found in counts["unit"]:
        try:
            factors[found] = 1.0 if found == target else factor(found, target)
        except InputError as error:
            wrong += [
                Problem(
                    code=p.code, what=f"The population model {name!r}: {p.what}", found=p.found, expected=p.expected
                )
                for p in error.problems
            ]
    if wrong:
        raise DerivationError(wrong)
    return target, factors


def _points(
    name: str,
    settings: PopulationModel,
    own: pl.DataFrame,
    factors: dict[str, float],
    subjects: Sequence[str],
    notes: list[dict[str, object]],
) -> pl.DataFrame:
    """The samples in the window; what has no logarithm is below its limit where it has one, and is left out where not."""
    first, last = settings.window
    there = own.filter(
        (pl.col("status") == Status.REPORTED.value)
        & pl.col("value").is_not_null()
        & pl.col("subject_id").is_in(list(subjects))
    )
    by = pl.col("unit").replace_strict(factors, return_dtype=pl.Float64, default=1.0) if factors else pl.lit(1.0)
    points = there.select(
        "measurement_id",
        "subject_id",
        day="study_day",
        visit=pl.coalesce("nominal_day", "study_day"),
        value=pl.col("value") * by,
        lloq=pl.col("lloq") * by,
        censoring=pl.col("censoring").fill_null(Censoring.NONE.value),
    )
    _note(name, settings.assay, points.filter(pl.col("day").is_null()), "study-day-known", "a study day", notes)
    points = points.filter((pl.col("day") > first) & (pl.lit(last is None) | (pl.col("day") <= (last or 0.0))))
    none, low = pl.col("value") <= 0.0, (pl.col("lloq") > 0.0).fill_null(value=False)
    at_limit = none & low & (pl.col("censoring") != Censoring.RIGHT.value)
    points = points.with_columns(
        value=pl.when(at_limit).then("lloq").otherwise("value"),
        censoring=pl.when(at_limit).then(pl.lit(Censoring.LEFT.value)).otherwise("censoring"),
    )
    _note(name, settings.assay, points.filter(none), "value-positive", "a positive value, or a limit above zero", notes)
    return points.filter(~none).with_columns(code=pl.col("censoring").replace_strict(_SIDE, return_dtype=pl.Int8))


def _note(name: str, assay: str, lost: pl.DataFrame, rule: str, required: str, notes: list[dict[str, object]]) -> None:
    for subject, ids in lost.group_by("subject_id", maintain_order=True).agg("measurement_id").iter_rows():
        notes.append(
            check_row(
                stage="population",
                assay=assay,
                scope="subject",
                item=subject,
                target=name,
                rule=rule,
                found=f"{len(ids)} measurements without it",
                value=float(len(ids)),
                required=required,
                action="excluded",
                source_ids=ids,
            )
        )


def _left_out(
    settings: PopulationModel, own: pl.DataFrame, points: pl.DataFrame, subjects: Sequence[str]
) -> dict[str, Reason]:
    counts = points.group_by("subject_id").agg(n=pl.len(), seen=(pl.col("code") == 0).sum())
    by_subject = {s: (n, seen) for s, n, seen in counts.iter_rows()}
    dated = set(own.filter(pl.col("study_day").is_not_null())["subject_id"].drop_nulls())
    undated = set(own.filter(pl.col("study_day").is_null())["subject_id"].drop_nulls()) - dated
    found = {}
    for subject in subjects:
        n, seen = by_subject.get(subject, (0, 0))
        if n == 0:
            found[subject] = Reason.NO_STUDY_DAY if subject in undated else Reason.NO_SAMPLE
        elif n < settings.least_samples:
            found[subject] = Reason.TOO_FEW_SAMPLES
        elif seen < settings.least_quantifiable:
            found[subject] = Reason.NOTHING_QUANTIFIABLE
    return found


def _excluded(name: str, assay: str, subject: str, reason: Reason, points: pl.DataFrame) -> dict[str, object]:
    ids = points.filter(pl.col("subject_id") == subject)["measurement_id"].to_list()
    return check_row(
        stage="population",
        assay=assay,
        scope="subject",
        item=subject,
        target=name,
        rule="enough-to-fit",
        found=f"{len(ids)} samples: {reason.label}",
        value=float(len(ids)),
        required="enough samples and every covariate",
        action="excluded",
        source_ids=ids,
    )


def _design(
    name: str, wanted: Sequence[Covariate], covariates: pl.DataFrame, subjects: list[str], *, few: bool
) -> tuple[np.ndarray, np.ndarray, tuple[Effect, ...], list[str]]:
    """Columns of the design, what each acts on, what they are called, and who lacks a covariate.

    Where too ``few`` subjects are left for a fit, that they share the value of a covariate is no error of the plan.
    """
    problems: list[Problem] = []
    columns: list[np.ndarray] = []
    target: list[int] = []
    effects: list[Effect] = []
    known = covariates["code"].unique().sort().to_list()
    for item in wanted:
        rows = covariates.filter(pl.col("code") == item.of)
        if rows.is_empty():
            problems.append(unknown("parameter", item.of, known, code="unknown-parameter"))
            continue
        if (rows["timing"] == Timing.POST.value).any():
            problems.append(
                Problem(
                    code="covariate-after-infusion",
                    what=f"The covariate {item.of!r} of the population model {name!r} is known only after the infusion",
                    expected="a covariate of baseline, product or day 0",
                )
            )
            continue
        by = {row["subject_id"]: row for row in rows.iter_rows(named=True)}
        mine = [by.get(s, {}) for s in subjects]
        for values, label, suffix in _columns(name, item, rows, mine, problems):
            columns.append(values)
            target.append(NAMES.index(item.on))
            effects.append(Effect(name=f"{item.on}~{item.of}{suffix}", label=f"{item.on} {label}"))
    problems = [p for p in problems if not (few and p.code == "constant-covariate")]
    if problems:
        raise DerivationError(problems)
    table = np.stack(columns, axis=1) if columns else np.zeros((len(subjects), 0))
    there = [bool(np.isfinite(row).all()) for row in table]
    return (
        table[there],
        np.eye(P)[target] if target else np.zeros((0, P)),
        tuple(effects),
        [s for s, ok in zip(subjects, there, strict=True) if not ok],
    )


def _columns(
    name: str, item: Covariate, rows: pl.DataFrame, mine: list[dict[str, object]], problems: list[Problem]
) -> list[tuple[np.ndarray, str, str]]:
    label = str(rows["label"][0])
    if rows["category"].is_not_null().any():
        words = [row.get("category") for row in mine]
        counts = pl.Series("word", [w for w in words if w is not None], dtype=pl.String).value_counts()
        levels = counts.sort(["count", "word"], descending=[True, False])["word"].to_list()
        if len(levels) < 2:
            problems.append(_constant(name, item))
            return []
        return [
            (
                np.array([np.nan if w is None else float(w == level) for w in words]),
                f"in {level} against {levels[0]} ({label})",
                f"={level}",
            )
            for level in levels[1:]
        ]
    values = np.array(
        [
            np.nan if row.get("value") is None or row.get("censoring") != Censoring.NONE.value else row["value"]
            for row in mine
        ],
        dtype=np.float64,
    )
    seen = values[np.isfinite(values)]
    if item.scale == "log2" and (seen <= 0.0).any():
        problems.append(
            Problem(
                code="not-positive",
                what=f"The covariate {item.of!r} of the population model {name!r} is taken per doubling and is not positive",
                found=f"{float(seen.min()):g}",
                do="Give scale: sd or unit",
            )
        )
        return []
    if seen.size < 2 or np.ptp(seen) == 0.0:
        problems.append(_constant(name, item))
        return []
    if item.scale == "log2":
        return [(np.log2(values) - float(np.median(np.log2(seen))), f"per doubling of {label}", "")]
    if item.scale == "sd":
        return [((values - float(seen.mean())) / float(seen.std(ddof=1)), f"per standard deviation of {label}", "")]
    unit = rows["unit"].drop_nulls()
    per = f"1 {unit[0]}" if unit.len() else "unit"
    return [(values - float(np.median(seen)), f"per {per} of {label}", "")]


def _constant(name: str, item: Covariate) -> Problem:
    return Problem(
        code="constant-covariate",
        what=f"The covariate {item.of!r} of the population model {name!r} takes a single value",
        expected="two values or more among the subjects fitted",
    )
