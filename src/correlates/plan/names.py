"""Names of a plan: each is defined once and referred to; here every reference is followed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from correlates.endpoints.settings import (
    BestResponse,
    Infusion,
    MaxGrade,
)
from correlates.endpoints.toxicity_settings import (
    CrsGrade,
    DailyGrade,
    IcansGrade,
    TreatmentGiven,
)
from correlates.errors import PlanError, Problem
from correlates.parameters.settings import (
    Burden,
    Characteristic,
    Composite,
    Lab,
    Product,
    Profile,
    Ratio,
    Signature,
    Window,
)
from correlates.parameters.validate import circular, declared_problems
from correlates.plan.analysis_names import analysis_names, inquiry_names
from correlates.plan.document import Path_
from correlates.plan.endpoint_names import endpoint_names
from correlates.plan.exposure_names import exposure_names
from correlates.plan.follow import (
    ALL,
    CLINICAL_SOURCES,
    known_code,
    needs,
    reference,
    sources,
    units,
)
from correlates.plan.load import PlanFile
from correlates.plan.model import FlowSource, ProductSource, SamplesSource, SdtmSource, TableSource
from correlates.plan.population import population_problems
from correlates.plan.timing import check_timing
from correlates.quantify.settings import Dpcr, Immunoassay, Qpcr
from correlates.schema.clinical import CLINICAL


def check_names(file: PlanFile) -> None:
    """Follow every reference of the plan.

    Raises
    ------
    PlanError
        With each name nobody defines, each unit that is unknown or does not convert, and each source that is needed
        and not there; line, column and the closest known name given.
    """
    problems = [
        *_days(file),
        *_parameters(file),
        *_assays(file),
        *endpoint_names(file),
        *_populations(file),
        *_biomarkers(file),
    ]
    problems += [*analysis_names(file), *population_problems(file), *_report(file), *exposure_names(file)]
    if not problems:
        problems += [*inquiry_names(file), *check_timing(file)]
    if problems:
        raise PlanError(problems)


def _days(file: PlanFile) -> Iterator[Problem]:
    """One rule of what the infusion is, and dates that exist behind each rule of imputation."""
    days = file.plan.days
    rules: dict[tuple[str, ...], Infusion] = {}
    if days.infusion is not None:
        rules["days", "infusion"] = days.infusion
    rules |= {("sources", n, "infusion"): s.infusion for n, s in file.plan.sources.items() if isinstance(s, SdtmSource)}
    declared = {path: rule for path, rule in rules.items() if rule != Infusion()}
    if len(set(declared.values())) > 1:
        last = list(declared)[-1]
        yield Problem(
            code="several-infusion-rules",
            what="The plan says in two ways which administration is the infusion",
            where=file.document.where(last),
            found=" and ".join(".".join(path) for path in declared),
            expected="one rule for all clinical sources",
            do="Keep one of them",
        )
    dates = {f"{t.name}.{c.name}" for t in CLINICAL for c in t.columns if c.name.endswith("date")}
    known = sorted((dates | {d.partition(".")[0] for d in dates}) - {"subjects.infusion_date"})
    for name in days.imputation:
        yield from reference(file, "date", name, known, ("days", "imputation", name))


def _assays(file: PlanFile) -> Iterator[Problem]:
    for name, assay in file.plan.assays.items():
        path: Path_ = ("assays", name)
        yield from needs(file, SamplesSource, "samples", path)
        if isinstance(assay, Immunoassay):
            yield from units(file, assay.unit, (*path, "unit"), like="pg/mL")
            continue
        if isinstance(assay, Qpcr):
            yield from units(file, assay.quantity, (*path, "quantity"))
        if assay.reference is not None:
            yield from reference(file, "target", assay.reference.target, assay.targets, (*path, "reference", "target"))
        for index, step in enumerate(assay.chain):
            here = (*path, "chain", index)
            yield from units(file, step.gives, (*here, "gives"))
            for word in ("multiply_by", "divide_by"):
                source = getattr(step, word)
                if isinstance(source, str):
                    table = source.partition(".")[0]
                    yield from reference(file, "table of a factor", table, ("samples", "product"), (*here, word))
                    if table == "product":
                        yield from needs(file, (ProductSource, FlowSource), "product", here)
            if step.multiply_by is not None and step.divide_by is not None:
                yield Problem(
                    code="two-factors",
                    what="A step has both multiply_by and divide_by",
                    where=file.document.where(here),
                    do="Make two steps of it",
                )


def _parameters(file: PlanFile) -> Iterator[Problem]:
    plan = file.plan
    for code, parameter in plan.parameters.items():
        path: Path_ = ("parameters", code)
        for field, problem in declared_problems(code, parameter):
            yield replace(problem, where=file.document.where((*path, *field)))
        if isinstance(parameter, Profile | Window):
            yield from reference(file, "assay", parameter.of, plan.assays, (*path, "of"))
            assay = plan.assays.get(parameter.of)
            if isinstance(assay, Qpcr | Dpcr) and parameter.analyte is not None:
                yield from reference(file, "analyte", parameter.analyte, assay.targets, (*path, "analyte"))
        elif isinstance(parameter, Ratio | Composite | Signature):
            named = parameter.of.items() if isinstance(parameter, Composite) else enumerate(parameter.of)
            for key, part in named:
                yield from reference(file, "parameter", part, set(plan.parameters) - {code}, (*path, "of", key))
        elif isinstance(parameter, Burden):
            yield from needs(file, CLINICAL_SOURCES, "sdtm or records", path)
        elif isinstance(parameter, Product):
            yield from needs(file, (ProductSource, FlowSource), "product", path)
            yield from units(file, parameter.unit, (*path, "unit"))
        elif isinstance(parameter, Lab):
            yield from needs(file, CLINICAL_SOURCES, "sdtm or records", path)
            yield from units(file, parameter.unit, (*path, "unit"))
        elif isinstance(parameter, Characteristic):
            if not sources(file, TableSource):
                yield from needs(file, CLINICAL_SOURCES, "sdtm or records", path)
            if parameter.source is not None:
                holding = sources(file, (*CLINICAL_SOURCES, TableSource))
                yield from reference(file, "source", parameter.source, holding, (*path, "source"))
    for field, problem in circular(plan.parameters):
        yield replace(problem, where=file.document.where(("parameters", *field), key=True))


def _populations(file: PlanFile) -> Iterator[Problem]:
    for name, population in file.plan.populations.items():
        path: Path_ = ("populations", name)
        for index, code in enumerate(population.has):
            yield from reference(file, "parameter", code, file.plan.parameters, (*path, "has", index))
        for index, (code, _) in enumerate(population.category):
            yield from reference(file, "parameter", code, file.plan.parameters, (*path, "category", index))


def _biomarkers(file: PlanFile) -> Iterator[Problem]:
    seen: dict[str, Path_] = {}
    for kind in ("prespecified", "exploratory"):
        for group, codes in getattr(file.plan.biomarkers, kind).items():
            for index, code in enumerate(codes):
                path: Path_ = ("biomarkers", kind, group, index)
                yield from known_code(file, code, path)
                if code in seen:
                    yield Problem(
                        code="biomarker-twice",
                        what=f"Biomarker {code!r} stands in two groups",
                        where=file.document.where(path),
                        found=f"also at {file.document.where(seen[code])}",
                        do="Name it in one group",
                    )
                seen[code] = path


def _report(file: PlanFile) -> Iterator[Problem]:
    report = file.plan.report
    if report.toxicity is not None:
        graded = (MaxGrade, DailyGrade, CrsGrade, IcansGrade)
        for word, names, kinds in (
            ("endpoints", report.toxicity.endpoints, graded),
            ("treatments", report.toxicity.treatments, (TreatmentGiven,)),
        ):
            known = [n for n, e in file.plan.endpoints.items() if isinstance(e, kinds)]
            for index, name in enumerate(names):
                yield from reference(file, "endpoint", name, known, ("report", "toxicity", word, index))
    if report.expansion is not None:
        yield from reference(file, "assay", report.expansion.assay, file.plan.assays, ("report", "expansion", "assay"))
        if report.expansion.by is not None:
            yield from reference(
                file, "endpoint", report.expansion.by, file.plan.endpoints, ("report", "expansion", "by")
            )
    if report.response is not None:
        spot: Path_ = ("report", "response")
        best = [name for name, e in file.plan.endpoints.items() if isinstance(e, BestResponse)]
        yield from reference(file, "endpoint of best response", report.response.best, best, (*spot, "best"))
        if report.response.by is not None:
            yield from reference(file, "endpoint", report.response.by, file.plan.endpoints, (*spot, "by"))
    for word in ("flow", "forest", "response_curves", "quartile_rates", "survival_by_biomarker"):
        yield from _shown(file, word, getattr(report, word))


def _shown(file: PlanFile, word: str, part: object) -> Iterator[Problem]:
    people = {ALL, *file.plan.populations}
    for index, name in enumerate(getattr(part, "endpoints", ())):
        yield from reference(file, "endpoint", name, file.plan.endpoints, ("report", word, "endpoints", index))
    for index, name in enumerate(getattr(part, "populations", ())):
        yield from reference(file, "population", name, people, ("report", word, "populations", index))
    if isinstance(one := getattr(part, "population", None), str):
        yield from reference(file, "population", one, people, ("report", word, "population"))
    for index, name in enumerate(getattr(part, "biomarkers", ())):
        yield from known_code(file, name, ("report", word, "biomarkers", index))
