"""From the analyses of a plan to their tables: one runner per word after ``do:``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from correlates.association.settings import Biomarker, Comparison, Endpoint, FisherOptions, Univariable
from correlates.errors import DerivationError, Problem
from correlates.pipeline import inquiries
from correlates.pipeline.sensitivity import sensitivity
from correlates.pipeline.store import Tables
from correlates.pipeline.translate import biomarkers, class_order, endpoint
from correlates.plan import PlanFile, biomarker_groups, expand
from correlates.plan import analyses as asked
from correlates.plan import exposure_analyses as exposure
from correlates.plan.analysis_names import lacking_analytes
from correlates.stats.multiplicity import Adjust
from correlates.terms import OutcomeKind, Timing

RESULT_TABLES = (
    "results",
    "trees",
    "survival",
    "models",
    "predictions",
    "exposure_rules",
    "exposure_rules_values",
    "persistence",
    "persistence_at",
)
"""The tables of the analyses; a runner gives those it has rows of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a runner is given: the plan, the tables made so far, and the declared biomarkers that the data have."""

    file: PlanFile
    tables: Mapping[str, pl.DataFrame]
    declared: Sequence[Biomarker]

    def biomarker(self, code: str) -> Biomarker:
        """The biomarker of that code; a parameter that is not declared one is exploratory."""
        for declared in self.declared:
            if declared.code == code:
                return declared
        return _undeclared(code, self.tables["parameters"])

    def chosen(self, names: str | Sequence[str]) -> list[Biomarker]:
        """The declared biomarkers that groups, codes and patterns stand for; ``all`` is every one."""
        if isinstance(names, str):
            return list(self.declared)
        codes = set(self.codes(names))
        return [b for b in self.declared if b.code in codes]

    def codes(self, names: Sequence[str]) -> list[str]:
        """The codes that groups, codes and patterns stand for, in their order: parameters, whether declared biomarkers or not."""
        groups = biomarker_groups(self.file)
        patterns = [p for c in names for p in (groups[c][0] if c in groups else (c,))]
        return expand(patterns, self.tables["parameters"]["code"].unique(maintain_order=True).to_list())


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """How a kind of analysis is run.

    Attributes
    ----------
    run
        Of (context, name of the analysis, its part of the plan); gives tables named in :data:`RESULT_TABLES`.
    methods
        Codes of the methods of association it uses, for the methods text and the labels.
    """

    run: Callable[[Context, str, Any], Tables]
    methods: Callable[[Any], Sequence[str]]


def associations(file: PlanFile, tables: Mapping[str, pl.DataFrame]) -> Tables:
    """All analyses of the plan: the tables of :data:`RESULT_TABLES`, empty where no analysis gives rows.

    Raises
    ------
    DerivationError
        The plan names an analyte that the data do not have, or an analysis contradicts them.
    """
    from correlates.schema import TABLES

    if lacking := list(lacking_analytes(file, tables["parameters"]["code"].unique(maintain_order=True).to_list())):
        raise DerivationError(lacking)
    context = Context(file=file, tables=tables, declared=biomarkers(file, tables["parameters"]))
    parts: dict[str, list[pl.DataFrame]] = {t.name: [t.empty()] for t in TABLES if t.name in RESULT_TABLES}
    for name, analysis in file.plan.analyses.items():
        runner = RUNNERS.get(type(analysis))
        if runner is None:
            continue  # it is not of the analysis table: agreement has a stage of its own
        for table, frame in runner.run(context, name, analysis).items():
            parts[table].append(frame)
    return {table: pl.concat(frames) for table, frames in parts.items()}


def _compare(context: Context, name: str, analysis: asked.Compare) -> Tables:
    from correlates.association import compare

    marker = context.biomarker(analysis.biomarker)
    target = endpoint(context.file.plan, analysis.across, context.tables["outcomes"], classes=analysis.classes)
    settings = Comparison(
        name=name,
        pairs=analysis.pairs,
        pair_adjust=Adjust(analysis.adjust),
        population=analysis.population,
        prespecified=marker.prespecified,
    )
    return {"results": compare(context.tables["analysis"], marker, target, settings)}


def _univariable(context: Context, name: str, analysis: asked.Univariable) -> Tables:
    plan = context.file.plan
    settings = Univariable(
        name=name,
        methods=analysis.methods,
        families=inquiries.families(analysis.families.by),
        adjust=Adjust(analysis.families.adjust),
        populations=analysis.populations,
        unit_of=analysis.unit_of,
        pairs=analysis.pairs,
        pair_adjust=Adjust(analysis.pair_adjust),
        level=analysis.level,
        few_events=analysis.few_events,
        high_censored_share=analysis.high_censored_share,
        permutations=analysis.permutations,
        seed=plan.study.seed,
        fisher=FisherOptions(seed=plan.study.seed),
        wilcoxon=analysis.rank_sum,
        censored=analysis.censored,
        rates=analysis.rates,
        curve=analysis.curve,
        small_samples=analysis.small_samples,
        survival=analysis.survival,
        imputation=analysis.imputation,
        prespecified=True,  # it stands in the plan; whether a result is depends on its biomarker too
    )
    targets = [endpoint(plan, e, context.tables["outcomes"]) for e in analysis.endpoints]
    targets = [replace(e, event=analysis.cause) if e.kind is OutcomeKind.TIME else e for e in targets]
    return {"results": _on_its_clock(context, name, analysis, targets, settings)}


def _on_its_clock(
    context: Context, name: str, analysis: asked.Univariable, targets: list[Endpoint], settings: Univariable
) -> pl.DataFrame:
    """The associations, counted from the infusion, from a landmark, or from the day each value is known."""
    from correlates.association import associate
    from correlates.association.from_known_day import KnownDaySettings, from_known_day
    from correlates.association.timing import known_later, labelled_naive, refuse_future

    t, chosen = context.tables, context.chosen(analysis.biomarkers)
    if analysis.landmark is not None:
        frame = inquiries.on_landmark(context, targets, analysis.landmark)
        return associate(frame, chosen, inquiries.renamed(targets, analysis.landmark), settings)
    times = [e for e in targets if e.kind is OutcomeKind.TIME]
    parts = []
    if analysis.from_known_day:
        known = KnownDaySettings(
            name=name,
            censored=settings.censored,
            populations=settings.populations,
            families=settings.families,
            adjust=settings.adjust,
            prespecified=True,
        )
        parts.append(from_known_day(t["analysis"], chosen, times, t["parameters"], known))
        targets = [e for e in targets if e.kind is not OutcomeKind.TIME]
    elif not analysis.naive:
        refuse_future(name, chosen, targets, t["parameters"])
    codes = [b.code for b in chosen]
    if targets or not parts:
        whole = inquiries.told_back(context, associate(t["analysis"], chosen, targets, settings), codes, targets)
        parts.append(
            labelled_naive(whole, known_later(t["parameters"], codes), [e.name for e in times])
            if analysis.naive
            else whole
        )
    return pl.concat(parts)


def _correlation(context: Context, name: str, analysis: asked.Correlation) -> Tables:
    from correlates.association import associate

    settings = Univariable(
        name=name,
        methods=analysis.methods,
        families=inquiries.families(analysis.families.by),
        adjust=Adjust(analysis.families.adjust),
        populations=analysis.populations,
        level=analysis.level,
        seed=context.file.plan.study.seed,
        prespecified=True,
    )
    others = [context.biomarker(code) for code in analysis.against]
    targets = [Endpoint(name=o.code, label=o.label, kind=OutcomeKind.NUMBER) for o in others]
    chosen = [b for b in context.chosen(analysis.biomarkers) if b.code not in analysis.against]
    return {"results": associate(context.tables["analysis"], chosen, targets, settings)}


def _missing(context: Context, name: str, analysis: asked.MissingData) -> Tables:
    from correlates.association import Missing, missing_data

    targets = [endpoint(context.file.plan, e, context.tables["outcomes"]) for e in analysis.endpoints]
    settings = Missing(
        name=name, populations=analysis.populations, times=analysis.times, level=analysis.level, prespecified=True
    )
    found = missing_data(
        context.tables["analysis"],
        context.chosen(analysis.biomarkers),
        [context.biomarker(code) for code in analysis.covariates],
        targets,
        settings,
    )
    return {"results": found}


def _forest(context: Context, name: str, analysis: asked.Forest) -> Tables:
    from correlates.association import Forests, grow_forests
    from correlates.association.timing import LEAVE_OUT, refuse_future

    plan = context.file.plan
    settings = Forests(
        name=name,
        methods=analysis.methods,
        trees=analysis.trees,
        permutations=analysis.permutations,
        rounds=analysis.rounds,
        node_level=analysis.node_level,
        least_split=analysis.least_split,
        least_leaf=analysis.least_leaf,
        population=analysis.population,
        families=inquiries.families(analysis.families.by),
        adjust=Adjust(analysis.families.adjust),
        seed=plan.study.seed,
        prespecified=True,
    )
    targets = [endpoint(plan, e, context.tables["outcomes"]) for e in analysis.endpoints]
    chosen = context.chosen(analysis.biomarkers)
    refuse_future(name, chosen, targets, context.tables["parameters"], do=LEAVE_OUT)
    results, trees = grow_forests(context.tables["analysis"], chosen, targets, settings)
    return {"results": results, "trees": trees}


def _survival(context: Context, name: str, analysis: asked.Survival) -> Tables:
    from correlates.association.survival_curves import survival
    from correlates.association.survival_settings import Grouping, Survival

    plan, tables = context.file.plan, context.tables
    grouping = None
    known: Mapping[str, float] = {}
    if analysis.by is not None:
        levels = analysis.classes or class_order(plan, analysis.by)
        marker = (
            Biomarker(code=analysis.by, label=plan.endpoints[analysis.by].label or analysis.by, kind="categorical")
            if analysis.by in plan.endpoints
            else context.biomarker(analysis.by)
        )
        number = analysis.by in plan.parameters and tables["analysis"][analysis.by].dtype.is_numeric()
        if number and analysis.cut is None:
            raise DerivationError(
                Problem(
                    code="no-cut",
                    what=f"Analysis {name!r}: {analysis.by} is a number, and nothing says where it is divided",
                    expected="cut: median, or values",
                    do="Set cut of the analysis",
                )
            )
        grouping = Grouping(by=marker, levels=tuple(levels), cut=analysis.cut)
        known = _known(analysis.by, tables)
    parts: dict[str, list[pl.DataFrame]] = {"results": [], "survival": []}
    for endpoint_name in analysis.endpoints:
        rows = tables["outcomes"].filter(pl.col("endpoint") == endpoint_name)
        causes = _kinds_of_event(plan.endpoints[endpoint_name]) if analysis.causes else ()
        there = set(rows.filter("event")["category"].drop_nulls())
        settings = Survival(
            name=name,
            endpoint=endpoint_name,
            causes=tuple(c for c in causes if c in there),
            grouping=grouping,
            landmark=analysis.landmark,
            naive=analysis.naive,
            days=analysis.days,
            population=analysis.population,
            interval=analysis.interval,
            level=analysis.level,
            prespecified=True,
            small_samples=analysis.small_samples,
            permutations=analysis.permutations,
            seed=plan.study.seed,
        )
        begins = rows.filter(pl.col("time").is_not_null()).select(
            "subject_id", (pl.col("day") - pl.col("time")).fill_null(0.0)
        )
        found = survival(tables["analysis"], settings, start=dict(begins.iter_rows()), known=known)
        parts["results"].append(found.results)
        parts["survival"].append(found.curves)
    return {table: pl.concat(frames) for table, frames in parts.items()}


def _known(by: str, tables: Tables | Mapping[str, pl.DataFrame]) -> dict[str, float]:
    """The day on which the group of each subject is known; a parameter of before the infusion without a day is known at it."""
    parameters = tables["parameters"].filter(pl.col("code") == by)
    if parameters.height:
        day = pl.coalesce("known_on_day", pl.when(pl.col("timing") != Timing.POST.value).then(0.0))
        return dict(parameters.select("subject_id", day).drop_nulls().iter_rows())
    outcomes = tables["outcomes"].filter(pl.col("endpoint") == by)
    return dict(outcomes.select("subject_id", "known_on_day").drop_nulls().iter_rows())


def _kinds_of_event(endpoint_plan: object) -> tuple[str, ...]:
    """The kinds of event a time endpoint can end in, the one it is named after first."""
    from correlates.endpoints.spells import DEATH, ONSET, RESOLVED
    from correlates.endpoints.time_settings import TimeToEvent
    from correlates.endpoints.time_to_event import causes
    from correlates.endpoints.toxicity_settings import Duration, Onset

    if isinstance(endpoint_plan, TimeToEvent):
        return causes(endpoint_plan)
    return (
        (ONSET, DEATH)
        if isinstance(endpoint_plan, Onset)
        else (RESOLVED, DEATH)
        if isinstance(endpoint_plan, Duration)
        else ()
    )


def _multivariable(context: Context, name: str, analysis: asked.Multivariable) -> Tables:
    from correlates.association.declared_model import multivariable
    from correlates.association.model_settings import Imputation, Multivariable, Validation
    from correlates.association.timing import LEAVE_OUT, refuse_future

    plan = context.file.plan
    codes = list(context.codes(analysis.covariates))
    settings = Multivariable(
        name=name,
        population=analysis.population,
        transforms=_transforms(analysis.transforms),
        courses=_courses(context, codes),
        splines=analysis.splines,
        interactions=analysis.interactions,
        adds=analysis.adds,
        missing=analysis.missing,
        censored=analysis.censored,
        imputation=Imputation(**analysis.imputation.model_dump()),
        prespecified=True,
        seed=plan.study.seed,
        validation=Validation(**analysis.validation.model_dump()),
    )
    target = endpoint(plan, analysis.endpoint, context.tables["outcomes"])
    covariates = [context.biomarker(c) for c in codes]
    refuse_future(name, covariates, [target], context.tables["parameters"], do=LEAVE_OUT)
    made = multivariable(context.tables["analysis"], covariates, target, settings)
    return {"models": made.models, "predictions": made.predictions}


def _courses(context: Context, codes: Sequence[str]) -> dict[str, str]:
    """Of the codes that are a peak or an area: the course of which assay and analyte."""
    plan, found = context.file.plan, {}
    for code in codes:
        name, _, analyte = code.partition(".")
        parameter = plan.parameters.get(code) or plan.parameters.get(name)
        if parameter is not None and parameter.take in ("cmax", "auc", "peak"):
            of = parameter.of
            found[code] = f"{of} {analyte or getattr(parameter, 'analyte', None) or ''}".strip()
    return found


def _transforms(declared: Mapping[str, str | asked.Transform]) -> dict[str, Any]:
    from correlates.association.model_transforms import GROUPS, Transform

    found: dict[str, Transform] = {}
    for code, how in declared.items():
        given: dict[str, Any] = (
            {("cut" if how in GROUPS else "take"): how} if isinstance(how, str) else how.model_dump()
        )
        found[code] = Transform(**given)
    return found


def _selection(context: Context, name: str, analysis: asked.Selection) -> Tables:
    from correlates.association.model_settings import Imputation, Selection, Validation
    from correlates.association.selected_model import selection
    from correlates.association.timing import LEAVE_OUT, refuse_future

    plan = context.file.plan
    given = analysis.model_dump(exclude={"do", "endpoint", "candidates", "validation", "transforms", "imputation"})
    candidates = context.chosen(analysis.candidates)
    if not isinstance(analysis.candidates, str):  # a parameter that is no declared biomarker can be a candidate too
        known = {c.code for c in candidates}
        candidates += [context.biomarker(c) for c in context.codes(analysis.candidates) if c not in known]
    settings = Selection(
        name=name,
        prespecified=True,
        seed=plan.study.seed,
        validation=Validation(**analysis.validated().model_dump()),
        imputation=Imputation(**analysis.imputation.model_dump()),
        transforms=_transforms(analysis.transforms),
        courses=_courses(context, [c.code for c in candidates]),
        **given,
    )
    target = endpoint(plan, analysis.endpoint, context.tables["outcomes"])
    refuse_future(name, candidates, [target], context.tables["parameters"], do=LEAVE_OUT)
    made = selection(context.tables["analysis"], candidates, target, settings)
    return {"models": made.models, "predictions": made.predictions}


def _persistence(context: Context, name: str, analysis: exposure.Persistence) -> Tables:
    from correlates.parameters.persistence import PersistenceSettings, persistence

    tables, plan = context.tables, context.file.plan
    settings = PersistenceSettings(
        assay=analysis.of,
        analyte=analysis.analyte,
        window=analysis.window,
        at=analysis.at,
        days=analysis.days,
        draws=analysis.draws,
        seed=plan.study.seed,
    )
    groups: dict[str, list[str]] = {}
    if analysis.by is not None:
        target = endpoint(plan, analysis.by, tables["outcomes"])
        rows = tables["outcomes"].filter(pl.col("endpoint") == analysis.by)
        groups = {level: rows.filter(pl.col("category") == level)["subject_id"].to_list() for level in target.levels}
    subjects = tables["subjects"]["subject_id"].to_list()
    found = persistence(name, tables["measurements"], subjects, groups, settings)
    return {"persistence": found.intervals, "persistence_at": found.at}


def _undeclared(code: str, parameters: pl.DataFrame) -> Biomarker:
    from correlates.parameters import record

    mine = parameters.filter(pl.col("code") == code)
    row = mine.row(0, named=True)
    category, unit = mine["category"].drop_nulls(), mine["unit"].drop_nulls()
    return Biomarker(
        code=code,
        label=row["label"],
        unit=None if unit.is_empty() else unit[0],
        scale=record(row["kind"]).scale,
        kind="numeric" if category.is_empty() else "categorical",
    )


RUNNERS: Mapping[type, Runner] = {
    asked.Compare: Runner(run=_compare, methods=lambda _: ("kruskal_wallis", "wilcoxon")),
    asked.Univariable: Runner(
        run=_univariable,
        methods=lambda analysis: (*analysis.methods, *(("cox_from_known_day",) if analysis.from_known_day else ())),
    ),
    asked.EfficacyAgainstToxicity: Runner(
        run=inquiries.efficacy_against_toxicity, methods=lambda _: ("efficacy_against_toxicity",)
    ),
    asked.RatioAnalysis: Runner(run=inquiries.ratio, methods=lambda _: ("ratio",)),
    asked.Subgroups: Runner(
        run=inquiries.subgroups,
        methods=lambda analysis: (
            *(("subgroups",) if analysis.by else ()),
            *(("local_effect",) if analysis.across else ()),
        ),
    ),
    asked.Correlation: Runner(run=_correlation, methods=lambda analysis: analysis.methods),
    asked.MissingData: Runner(run=_missing, methods=lambda _: ("wilcoxon", "fisher")),
    asked.Forest: Runner(run=_forest, methods=lambda analysis: analysis.methods),
    asked.Survival: Runner(
        run=_survival,
        methods=lambda analysis: ("kaplan_meier", *(("cumulative_incidence",) if analysis.causes else ())),
    ),
    asked.Multivariable: Runner(run=_multivariable, methods=lambda _: ("firth_model", "cox_model", "ordinal_model")),
    asked.Selection: Runner(run=_selection, methods=lambda analysis: (analysis.method,)),
    exposure.Persistence: Runner(run=_persistence, methods=lambda _: ()),
    exposure.Sensitivity: Runner(run=sensitivity, methods=lambda analysis: (analysis.method,)),
}
"""The runner of each kind of analysis that reads the analysis table."""


def methods_used(analyses: Mapping[str, object], tables: Mapping[str, pl.DataFrame]) -> dict[str, tuple[str, ...]]:
    """Codes of the methods of association that the analyses of a plan use, and the names of those analyses.

    Where the endpoint decides (which model a declared one is, which methods of a list apply), the results say.
    """
    made = {
        row for t in ("results", "models") for row in tables[t].select("analysis_id", "method").unique().iter_rows()
    }
    found: dict[str, tuple[str, ...]] = {}
    for name, analysis in analyses.items():
        runner = RUNNERS.get(type(analysis))
        codes = () if runner is None else tuple(runner.methods(analysis))
        if isinstance(analysis, asked.Univariable | asked.Multivariable):
            codes = tuple(code for code in codes if (name, code) in made)
        if isinstance(analysis, asked.Univariable) and analysis.pairs and "kruskal_wallis" in codes:
            codes = (*codes, "wilcoxon")  # of the pairs
        for code in dict.fromkeys(codes):
            found[code] = (*found.get(code, ()), name)
    return found
