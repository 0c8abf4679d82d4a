"""The stage: declared parameters in, one row per subject and parameter out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import polars as pl

from correlates.errors import DerivationError
from correlates.parameters.checks import table as checks_table
from correlates.parameters.checks import together
from correlates.parameters.courses import Courses, courses
from correlates.parameters.modelled import modelled_problems, words_of
from correlates.parameters.prepare import lab_courses, lab_problems, measurement_problems, usable
from correlates.parameters.record import Computed, Inputs, Parameter
from correlates.parameters.registry import record
from correlates.parameters.settings import (
    Characteristic,
    Composite,
    Lab,
    Modelled,
    Product,
    Profile,
    Ratio,
    Signature,
    Window,
)
from correlates.parameters.settings import Parameter as ParameterSettings
from correlates.parameters.validate import problems, ratio_order
from correlates.schema import CHECKS, PARAMETERS, POPULATION_FITS, POPULATION_SUBJECTS, conform
from correlates.terms import Reason, Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """What the stage makes: the tables ``parameters`` and ``checks``."""

    parameters: pl.DataFrame
    checks: pl.DataFrame


def timing_of(window: tuple[float, float]) -> Timing:
    """The timing of a window: post when it reaches past day 0, day 0 when it is that day, else baseline."""
    if window[1] > 0:
        return Timing.POST
    return Timing.DAY_0 if window == (0, 0) else Timing.BASELINE


def derive(
    specs: Mapping[str, ParameterSettings],
    *,
    measurements: pl.DataFrame,
    burden: pl.DataFrame,
    product: pl.DataFrame,
    characteristics: pl.DataFrame,
    labs: pl.DataFrame,
    subjects: pl.DataFrame,
    population_fits: pl.DataFrame | None = None,
    population_subjects: pl.DataFrame | None = None,
) -> Derived:
    """Derive parameters: one row per subject and code.

    Parameters
    ----------
    specs
        Settings by code; a family over analytes gives CODE.ANALYTE for each analyte of its assay.
    measurements, burden, product, characteristics, labs, subjects, population_fits, population_subjects
        The tables of those names (the last two may be left out where no population model is declared). Of the measurements those are used that are reported, have a value and a study day.

    Returns
    -------
    Derived
        Rows in the order of ``specs``, then analytes, then ``subjects``. A value that cannot be had is null with a
        reason.

    Raises
    ------
    DerivationError
        With every problem: a name nobody knows (assay, analyte, attribute, test, characteristic, code of a ratio), codes
        that stand twice or depend on each other in a circle, units that do not convert, a window that ends before it
        starts.
    """
    who = subjects["subject_id"].to_list()
    fits = POPULATION_FITS.empty() if population_fits is None else population_fits
    fitted = POPULATION_SUBJECTS.empty() if population_subjects is None else population_subjects
    samples, notes = usable(measurements, who)
    analytes = {
        assay: part["analyte"].unique().sort().to_list()
        for (assay,), part in measurements.select("assay", "analyte").group_by("assay")
        if isinstance(assay, str)
    }
    of_courses = [s for s in specs.values() if isinstance(s, Profile | Window)]
    used = {s.of for s in of_courses if s.days == "actual"}
    planned = {s.of for s in of_courses if s.days == "nominal"}
    planned_samples = samples.clear()
    if planned:
        whole = measurements.filter(pl.col("assay").is_in(sorted(planned)))
        planned_samples, more = usable(whole, who, "nominal")
        notes += [note for note in more if note["rule"] != "subject-known"]
    wrong = (
        measurement_problems(samples, used | planned)
        + problems(
            specs,
            analytes=analytes,
            burden=burden,
            product=product,
            characteristics=characteristics,
            labs=labs,
            subjects=who,
        )
        + lab_problems(specs, labs)
        + [p for c, s in specs.items() if isinstance(s, Modelled) for p in modelled_problems(c, s, fits, fitted)]
    )
    if wrong:
        raise DerivationError(wrong)

    tests: dict[str, Courses] = {}
    for code, spec in specs.items():
        if isinstance(spec, Lab):
            tests[code], lab_notes = lab_courses(code, spec, labs, who)
            notes += lab_notes
    by_assay, by_plan = (
        {
            assay: courses(part.filter(pl.col("assay") == assay), assay=assay, analytes=analytes[assay], subjects=who)
            for assay in sorted(assays)
        }
        for part, assays in ((samples, used), (planned_samples, planned))
    )
    made = (*by_assay.values(), *by_plan.values(), *tests.values())
    notes += [note for c in made for note in c.checks]
    undated = {(s.of, s.days): _without_day(measurements, s) for s in of_courses}
    done: dict[str, pl.DataFrame] = {}
    checked = [checks_table(notes)]
    inputs = Inputs(
        subjects=subjects,
        courses=by_assay,
        nominal_courses=by_plan,
        lab_courses=tests,
        burden=burden,
        product=product,
        characteristics=characteristics,
        population_fits=fits,
        population_subjects=fitted,
        done=done,
    )
    for code in ratio_order(specs):
        spec = specs[code]
        entry = record(spec.take)
        computed: Computed = entry.compute(code, spec, inputs)
        checked.append(computed.checks)
        frame = _described(code, spec, entry, computed.rows)
        if isinstance(spec, Profile | Window):
            frame = _undated(frame, undated[spec.of, spec.days])
        done[code] = frame
    table = pl.concat([PARAMETERS.empty(), *(done[code].select(PARAMETERS.names) for code in specs)])
    return Derived(parameters=conform(table, PARAMETERS), checks=conform(together(checked), CHECKS))


def _described(code: str, spec: ParameterSettings, entry: Parameter, rows: pl.DataFrame) -> pl.DataFrame:
    """Adds what follows from the settings: kind, label, timing, and the rule in force."""
    timing: pl.Expr = (
        pl.lit(_timing(spec).value) if not isinstance(spec, Ratio | Composite | Signature) else pl.col("timing")
    )
    labels = {a: label_of(code, spec, entry, a) for a in rows["analyte"].unique().to_list()}
    rules = {a: rule_of(spec, a) for a in labels}
    frame = pl.DataFrame(
        {"analyte": list(labels), "label": list(labels.values()), "rule": [rules[a] for a in labels]},
        schema={"analyte": pl.String, "label": pl.String, "rule": pl.String},
    )
    if "rule" in rows.columns:
        frame = frame.drop("rule")
    return rows.join(frame, on="analyte", how="left", nulls_equal=True, maintain_order="left").with_columns(
        kind=pl.lit(entry.kind),
        timing=timing,
        unit=pl.coalesce("unit", pl.col("unit").drop_nulls().first().over("code")),
    )


def _without_day(measurements: pl.DataFrame, spec: Profile | Window) -> pl.DataFrame:
    """Subjects and analytes of an assay that have measurements, none of them with a day."""
    day = pl.col("study_day" if spec.days == "actual" else "nominal_day")
    has_value = pl.col("value").is_not_null() & pl.col("subject_id").is_not_null()
    mine = measurements.filter((pl.col("assay") == spec.of) & has_value)
    if mine.select(day.is_not_null().all()).item():
        return mine.clear().select("subject_id", "analyte")
    none_dated = mine.group_by("subject_id", "analyte").agg(undated=day.is_null().all())
    return none_dated.filter("undated").select("subject_id", "analyte")


def _undated(rows: pl.DataFrame, undated: pl.DataFrame) -> pl.DataFrame:
    """Where a subject has measurements of the analyte and none of them has a day, that is why there is no sample in the window."""
    if undated.is_empty():
        return rows
    no_day = (pl.col("reason") == Reason.NO_SAMPLE.value) & pl.col("undated").is_not_null()
    return (
        rows.join(
            undated.with_columns(undated=pl.lit(value=True)),
            on=["subject_id", "analyte"],
            how="left",
            maintain_order="left",
        )
        .with_columns(reason=pl.when(no_day).then(pl.lit(Reason.NO_STUDY_DAY.value)).otherwise("reason"))
        .drop("undated")
    )


def _timing(spec: ParameterSettings) -> Timing:
    if isinstance(spec, Window):
        return spec.timing if spec.timing is not None else timing_of(spec.window)
    if isinstance(spec, Profile | Lab):
        return timing_of(spec.window)
    if isinstance(spec, Modelled):
        return Timing.POST
    if isinstance(spec, Product):
        return Timing.PRODUCT
    if isinstance(spec, Characteristic):
        return spec.timing
    return Timing.BASELINE


def rule_of(spec: ParameterSettings, analyte: str | None) -> str:
    """The settings in force, as JSON; in a family with the analyte of this parameter."""
    settings = asdict(spec)
    if analyte is not None and "analyte" in settings:
        settings["analyte"] = analyte
    return json.dumps(settings, sort_keys=True, ensure_ascii=False)


def label_of(code: str, spec: ParameterSettings, entry: Parameter, analyte: str | None) -> str:
    """The label for people: the declared one (with the analyte, in a family), or the record's template filled in."""
    each = isinstance(spec, Profile | Window) and spec.each is not None
    if spec.label is not None:
        if not each:
            return spec.label
        filled = spec.label.replace("{analyte}", str(analyte))
        return filled if "{analyte}" in spec.label else f"{spec.label}, {analyte}"
    words: dict[str, str] = {"analyte": analyte or code}
    if isinstance(spec, Profile | Window | Lab):
        words |= {"start": f"{spec.window[0]:g}", "end": f"{spec.window[1]:g}"}
    if isinstance(spec, Lab):
        words["test"] = spec.test
    if isinstance(spec, Characteristic):
        words["name"] = spec.name
    if isinstance(spec, Product):
        words |= {"attribute": spec.attribute, "times": f" x {spec.times}" if spec.times else ""}
    if isinstance(spec, Modelled):
        words |= {"quantity": words_of(spec), "name": spec.of}
    if isinstance(spec, Ratio):
        words |= {"numerator": spec.of[0], "denominator": spec.of[1]}
    return entry.label.format(**words)
