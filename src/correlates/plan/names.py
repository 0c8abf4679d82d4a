"""Names of a plan: each is defined once and referred to; here every reference is followed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase

from correlates.endpoints.settings import (
    AtLeast,
    BestResponse,
    ClassIs,
    DurableClass,
    Infusion,
    MaxGrade,
    Recorded,
    ResponseTime,
)
from correlates.endpoints.time_settings import PRESETS, TimeToEvent, in_force
from correlates.endpoints.toxicity_settings import (
    COMPONENTS,
    CrsGrade,
    Cytopenia,
    DailyGrade,
    Duration,
    Icaht,
    IcansGrade,
    Onset,
    TreatmentGiven,
)
from correlates.endpoints.words import categories
from correlates.errors import InputError, PlanError, Problem, unknown
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
from correlates.plan.analyses import (
    Compare,
    EfficacyAgainstToxicity,
    Multivariable,
    RatioAnalysis,
    Survival,
    Univariable,
)
from correlates.plan.document import Path_
from correlates.plan.exposure_names import exposure_names
from correlates.plan.load import PlanFile
from correlates.plan.model import DailySource, FlowSource, ProductSource, SamplesSource, SdtmSource, TableSource
from correlates.plan.population import population_problems
from correlates.plan.strict import Refers, Strict
from correlates.plan.timing import check_timing, starts_later
from correlates.quantify.settings import Immunoassay, Qpcr
from correlates.readers.settings import Records
from correlates.schema.clinical import CLINICAL
from correlates.stats.multiplicity import NEEDS_DATA
from correlates.terms import Durability, Response, Scale
from correlates.units import factor, unit

CLINICAL_SOURCES = (SdtmSource, Records)
"""Sources of clinical records."""
ALL = "all"
"""The population of every treated subject; always there."""


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
        *_endpoints(file),
        *_populations(file),
        *_biomarkers(file),
    ]
    problems += [*_analyses(file), *population_problems(file), *_report(file), *exposure_names(file)]
    if not problems:
        problems += [*_inquiries(file), *check_timing(file)]
    if problems:
        raise PlanError(problems)


def biomarker_groups(file: PlanFile) -> dict[str, tuple[tuple[str, ...], bool]]:
    """Group name: (codes and patterns, whether prespecified), in the order of the plan."""
    declared = file.plan.biomarkers
    groups = {name: (codes, True) for name, codes in declared.prespecified.items()}
    groups.update({name: (codes, False) for name, codes in declared.exploratory.items()})
    return groups


def expand(patterns: Collection[str], codes: Collection[str]) -> list[str]:
    """Codes that the names and patterns stand for, in the order of the patterns, none twice."""
    chosen: dict[str, None] = {}
    for pattern in patterns:
        hits = [pattern] if pattern in codes else [code for code in codes if fnmatchcase(code, pattern)]
        chosen.update(dict.fromkeys(hits))
    return list(chosen)


def _reference(file: PlanFile, kind: str, name: str, known: Collection[str], path: Path_) -> Iterator[Problem]:
    if name not in known:
        code = f"unknown-{kind.replace(' ', '-')}"
        yield unknown(kind, name, sorted(known), where=file.document.where(path), code=code)


def _sources(file: PlanFile, kind: type | tuple[type, ...]) -> list[str]:
    return [name for name, source in file.plan.sources.items() if isinstance(source, kind)]


def _needs(file: PlanFile, kind: type | tuple[type, ...], word: str, path: Path_) -> Iterator[Problem]:
    if not _sources(file, kind):
        yield Problem(
            code="missing-source",
            what=f"{'.'.join(str(p) for p in path)} needs a source of kind {word}, and the plan has none",
            where=file.document.where(path, key=True),
            do=f"Add one under 'sources' with kind: {word}",
        )


def _units(file: PlanFile, name: str | None, path: Path_, *, like: str | None = None) -> Iterator[Problem]:
    if name is None:
        return
    where = file.document.where(path)
    try:
        unit(name, where=where)
        if like is not None:
            factor(name, like, where=where)
    except InputError as error:
        yield from error.problems


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
        yield from _reference(file, "date", name, known, ("days", "imputation", name))


def _assays(file: PlanFile) -> Iterator[Problem]:
    for name, assay in file.plan.assays.items():
        path: Path_ = ("assays", name)
        yield from _needs(file, SamplesSource, "samples", path)
        if isinstance(assay, Immunoassay):
            yield from _units(file, assay.unit, (*path, "unit"), like="pg/mL")
            continue
        if isinstance(assay, Qpcr):
            yield from _units(file, assay.quantity, (*path, "quantity"))
        if assay.reference is not None:
            yield from _reference(file, "target", assay.reference.target, assay.targets, (*path, "reference", "target"))
        for index, step in enumerate(assay.chain):
            here = (*path, "chain", index)
            yield from _units(file, step.gives, (*here, "gives"))
            for word in ("multiply_by", "divide_by"):
                source = getattr(step, word)
                if isinstance(source, str):
                    table = source.partition(".")[0]
                    yield from _reference(file, "table of a factor", table, ("samples", "product"), (*here, word))
                    if table == "product":
                        yield from _needs(file, (ProductSource, FlowSource), "product", here)
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
        if isinstance(parameter, Profile | Window):
            yield from _reference(file, "assay", parameter.of, plan.assays, (*path, "of"))
            first, last = parameter.window
            if first > last:
                yield Problem(
                    code="empty-window",
                    what=f"The window of {code} ends before it begins",
                    where=file.document.where((*path, "window")),
                    found=f"[{first:g}, {last:g}]",
                    expected="first day, last day",
                )
        elif isinstance(parameter, Ratio | Composite | Signature):
            named = parameter.of.items() if isinstance(parameter, Composite) else enumerate(parameter.of)
            for key, part in named:
                yield from _reference(file, "parameter", part, set(plan.parameters) - {code}, (*path, "of", key))
            if isinstance(parameter, Signature):
                for word, part in (("toward", parameter.toward), *(("log", p) for p in parameter.log)):
                    yield from _reference(file, "part of the signature", part, parameter.of, (*path, word))
        elif isinstance(parameter, Burden):
            yield from _needs(file, CLINICAL_SOURCES, "sdtm or records", path)
        elif isinstance(parameter, Product):
            yield from _needs(file, (ProductSource, FlowSource), "product", path)
            yield from _units(file, parameter.unit, (*path, "unit"))
        elif isinstance(parameter, Lab):
            yield from _needs(file, CLINICAL_SOURCES, "sdtm or records", path)
            yield from _units(file, parameter.unit, (*path, "unit"))
        elif isinstance(parameter, Characteristic):
            if not _sources(file, TableSource):
                yield from _needs(file, CLINICAL_SOURCES, "sdtm or records", path)
            if parameter.source is not None:
                holding = _sources(file, (*CLINICAL_SOURCES, TableSource))
                yield from _reference(file, "source", parameter.source, holding, (*path, "source"))


def _classes(file: PlanFile, name: str) -> tuple[str, ...] | None:
    """Classes of a class endpoint; None where they come from the data."""
    endpoint = file.plan.endpoints[name]
    if isinstance(endpoint, DurableClass):
        return tuple(d.value for d in Durability if d is not Durability.UNDETERMINED)
    if isinstance(endpoint, BestResponse):
        return tuple(r.value for r in (*categories(endpoint.criteria), Response.NE))
    return None


def _endpoints(file: PlanFile) -> Iterator[Problem]:
    plan = file.plan
    with_days = (MaxGrade, DailyGrade, CrsGrade, IcansGrade)
    kinds: dict[type, tuple[type, ...]] = {
        ClassIs: (BestResponse, DurableClass, Recorded),
        AtLeast: (*with_days, Icaht),
        Onset: with_days,
        Duration: with_days,
    }
    for name, endpoint in plan.endpoints.items():
        path: Path_ = ("endpoints", name)
        if isinstance(endpoint, ClassIs | AtLeast | Onset | Duration):
            known = [n for n, e in plan.endpoints.items() if isinstance(e, kinds[type(endpoint)]) and n != name]
            yield from _reference(file, "endpoint", endpoint.of, known, (*path, "of"))
            if isinstance(endpoint, ClassIs) and endpoint.of in known and (classes := _classes(file, endpoint.of)):
                for word in ("yes", "no"):
                    for index, value in enumerate(getattr(endpoint, word) or ()):
                        yield from _reference(file, "class", value, classes, (*path, word, index))
        elif isinstance(endpoint, Recorded):
            yield from _reference(file, "table source", endpoint.source, _sources(file, TableSource), (*path, "source"))
        elif isinstance(endpoint, DailyGrade | CrsGrade | IcansGrade):
            yield from _daily(file, endpoint, path)
        else:
            if not isinstance(endpoint, TreatmentGiven) or endpoint.treatments:
                yield from _needs(file, CLINICAL_SOURCES, "sdtm or records", path)
            if isinstance(endpoint, TreatmentGiven):
                yield from _given(file, endpoint, path)
            if isinstance(endpoint, Icaht | Cytopenia):
                yield from _units(file, endpoint.unit, (*path, "unit"))
            if isinstance(endpoint, TimeToEvent):
                yield from _rules(file, endpoint, path)


def _daily(file: PlanFile, endpoint: DailyGrade | CrsGrade | IcansGrade, path: Path_) -> Iterator[Problem]:
    """The source and the items of an endpoint of daily records."""
    yield from _reference(file, "daily source", endpoint.source, _sources(file, DailySource), (*path, "source"))
    source = file.plan.sources.get(endpoint.source)
    if isinstance(endpoint, DailyGrade):
        named = {"item": endpoint.item}
    else:
        words = ("recorded", *COMPONENTS[type(endpoint)])
        named = {word: item for word in words if (item := getattr(endpoint, word)) is not None}
        if not named:
            yield Problem(
                code="no-components",
                what=f"Endpoint {path[-1]!r} names no component and no recorded grade",
                where=file.document.where(path, key=True),
                expected=f"at least one of {', '.join(words)}",
            )
    if isinstance(endpoint, CrsGrade) and endpoint.scale is Scale.ASTCT_2019 and set(named) - {"recorded"}:
        if endpoint.fever is None:
            yield Problem(
                code="no-fever",
                what=f"Endpoint {path[-1]!r}: without fever there is no CRS by ASTCT 2019, and no item of it is named",
                where=file.document.where(path, key=True),
                expected="fever: the item of the temperature",
                do="Name it, or take the recorded grade alone",
            )
        for word in ("fio2", "organ", "transaminases"):
            if word in named:
                yield Problem(
                    code="not-of-the-scale",
                    what=f"Endpoint {path[-1]!r}: {word} is no part of ASTCT 2019",
                    where=file.document.where((*path, word)),
                    do="Leave it out, or grade by lee_2014",
                )
    if isinstance(source, DailySource):
        for word, item in named.items():
            yield from _reference(file, "item", item, source.items, (*path, word))
        for index, item in enumerate(getattr(endpoint, "therapy", ())):
            yield from _reference(file, "item", item, source.items, (*path, "therapy", index))


def _given(file: PlanFile, endpoint: TreatmentGiven, path: Path_) -> Iterator[Problem]:
    if not endpoint.treatments and not endpoint.items:
        yield Problem(
            code="no-treatment",
            what=f"Endpoint {path[-1]!r} names no treatment and no item",
            where=file.document.where(path, key=True),
            expected="treatments of the exposure records, or items of a daily source",
        )
    if endpoint.items:
        known = _sources(file, DailySource)
        yield from _reference(file, "daily source", endpoint.source or "", known, (*path, "source"))
        source = file.plan.sources.get(endpoint.source or "")
        for index, item in enumerate(endpoint.items if isinstance(source, DailySource) else ()):
            yield from _reference(file, "item", item, getattr(source, "items", ()), (*path, "items", index))


def _rules(file: PlanFile, endpoint: TimeToEvent, path: Path_) -> Iterator[Problem]:
    """Every rule that decides a time is given, by the plan or by a preset."""
    rules = in_force(endpoint)
    if isinstance(rules, list):
        yield Problem(
            code="missing-rule",
            what=f"Endpoint {path[-1]!r}: neither the plan nor a preset gives {', '.join(rules)}",
            where=file.document.where(path, key=True),
            expected=f"rules: {' or '.join(PRESETS)}, or every rule",
            do="Set rules of the endpoint",
        )
    elif rules.missed_visits and endpoint.measure != "os" and not endpoint.visits:
        yield Problem(
            code="no-schedule",
            what=f"Endpoint {path[-1]!r}: missed visits are counted, and the scheduled assessments are not given",
            where=file.document.where(path, key=True),
            expected="visits: days of the scheduled assessments",
            do="Set visits, or missed_visits: 0",
        )


def _populations(file: PlanFile) -> Iterator[Problem]:
    for name, population in file.plan.populations.items():
        path: Path_ = ("populations", name)
        for index, code in enumerate(population.has):
            yield from _reference(file, "parameter", code, file.plan.parameters, (*path, "has", index))
        for index, (code, _) in enumerate(population.category):
            yield from _reference(file, "parameter", code, file.plan.parameters, (*path, "category", index))


def _families(file: PlanFile) -> set[str]:
    """Codes of parameters that become one per analyte."""
    return {code for code, p in file.plan.parameters.items() if isinstance(p, Profile | Window) and p.each}


def _code(file: PlanFile, name: str, path: Path_) -> Iterator[Problem]:
    head, dot, _ = name.partition(".")
    plain = set(file.plan.parameters) - _families(file)
    if dot and head in _families(file):
        return
    if not dot and any(fnmatchcase(code, name) for code in plain):
        return
    known = sorted(plain | {f"{code}.*" for code in _families(file)})
    yield unknown("parameter", name, known, where=file.document.where(path), code="unknown-parameter")


def _biomarkers(file: PlanFile) -> Iterator[Problem]:
    seen: dict[str, Path_] = {}
    for kind in ("prespecified", "exploratory"):
        for group, codes in getattr(file.plan.biomarkers, kind).items():
            for index, code in enumerate(codes):
                path: Path_ = ("biomarkers", kind, group, index)
                yield from _code(file, code, path)
                if code in seen:
                    yield Problem(
                        code="biomarker-twice",
                        what=f"Biomarker {code!r} stands in two groups",
                        where=file.document.where(path),
                        found=f"also at {file.document.where(seen[code])}",
                        do="Name it in one group",
                    )
                seen[code] = path


def _analyses(file: PlanFile) -> Iterator[Problem]:
    for name, analysis in file.plan.analyses.items():
        path: Path_ = ("analyses", name)
        yield from _followed(file, analysis, path)
        if isinstance(analysis, Survival):
            yield from _survival(file, analysis, path)
        if isinstance(analysis, Multivariable):
            yield from _model(file, analysis, path)
        if isinstance(analysis, Compare) and analysis.across in file.plan.endpoints:
            classes = _classes(file, analysis.across)
            for index, pair in enumerate(analysis.pairs):
                for side, word in enumerate(pair):
                    if classes is not None:
                        yield from _reference(file, "class", word, classes, (*path, "pairs", index, side))


def _survival(file: PlanFile, analysis: Survival, path: Path_) -> Iterator[Problem]:
    """Times to an event, and groups that are known when time begins."""
    plan, times = file.plan, (TimeToEvent, ResponseTime, Onset, Duration)
    for index, name in enumerate(analysis.endpoints):
        endpoint = plan.endpoints.get(name)
        if endpoint is not None and not isinstance(endpoint, times):
            known = [n for n, e in plan.endpoints.items() if isinstance(e, times)]
            yield Problem(
                code="wrong-kind",
                what=f"{name!r} is no time to an event",
                where=file.document.where((*path, "endpoints", index)),
                found=f"derive: {endpoint.derive}",
                expected=f"one of {', '.join(known)}"
                if known
                else "an endpoint derived by time_to_event, onset or duration",
            )
        if analysis.landmark is not None and starts_later(endpoint):
            yield Problem(
                code="landmark-of-duration",
                what=f"{name!r} does not count from the infusion, the landmark does",
                where=file.document.where((*path, "landmark")),
                do="Leave the landmark out: groups known by the start of each subject's time may be compared without one",
            )
    grouping = plan.endpoints.get(analysis.by or "")
    if analysis.by is None and (analysis.classes or analysis.cut or analysis.naive):
        yield Problem(
            code="no-groups",
            what="Classes, cut and naive are of groups, and by names none",
            where=file.document.where(path, key=True),
            do="Set by, or leave them out",
        )
    if grouping is not None and analysis.landmark is None and not analysis.naive:
        late = [n for n in analysis.endpoints if not starts_later(plan.endpoints.get(n))]
        if late:
            yield Problem(
                code="immortal-time",
                what=f"{analysis.by!r} is known only after the infusion, and {', '.join(late)} count from it",
                where=file.document.where((*path, "by")),
                expected="groups that are known when time begins",
                do="Set landmark to a day on which the groups are known, or ask for the biased comparison with naive: true",
            )
    parameter = plan.parameters.get(analysis.by or "")
    if analysis.cut is not None and (grouping is not None or getattr(parameter, "categorical", False)):
        yield Problem(
            code="cut-of-classes",
            what=f"{analysis.by!r} has classes, which are not cut",
            where=file.document.where((*path, "cut")),
            do="Leave cut out; classes chooses and orders them",
        )


def _inquiries(file: PlanFile) -> Iterator[Problem]:
    """What names alone do not settle: a ratio that is none, a margin within which nothing fits, a subgroup of a family."""
    plan = file.plan
    for name, analysis in plan.analyses.items():
        path: Path_ = ("analyses", name)
        if isinstance(analysis, RatioAnalysis):
            for index, code in enumerate(analysis.of):
                if not isinstance(plan.parameters[code], Ratio):
                    yield Problem(
                        code="not-a-ratio",
                        what=f"{code!r} is not a ratio of two parameters",
                        where=file.document.where((*path, "of", index)),
                        found=f"take: {plan.parameters[code].take}",
                        expected="a parameter with take: ratio",
                    )
        if isinstance(analysis, EfficacyAgainstToxicity) or (
            isinstance(analysis, Univariable) and analysis.from_known_day
        ):
            adjust = analysis.families.adjust
            if adjust in NEEDS_DATA:
                yield Problem(
                    code="adjustment-needs-data",
                    what=f"{adjust} permutes the outcome, which is not done for this analysis",
                    where=file.document.where((*path, "families", "adjust")),
                    expected="an adjustment of P values: holm, hochberg, bh, by, bonferroni, storey or none",
                )
        if isinstance(analysis, EfficacyAgainstToxicity):
            if not analysis.margin > 1:
                yield Problem(
                    code="margin-not-above-one",
                    what="The margin is an odds ratio within which an effect counts as none",
                    where=file.document.where((*path, "margin")),
                    found=f"{analysis.margin:g}",
                    expected="a number above 1, 1.5 say",
                )
            for word in ("efficacy_at_least", "toxicity_at_most", "sure"):
                value = getattr(analysis, word)
                if not 0 < value < 1:
                    yield Problem(
                        code="not-a-probability",
                        what=f"{word} of {name!r} is a probability",
                        where=file.document.where((*path, word)),
                        found=f"{value:g}",
                        expected="a number between 0 and 1",
                    )


def _model(file: PlanFile, analysis: Multivariable, path: Path_) -> Iterator[Problem]:
    """Covariates that a declared model names twice: what is a spline, a product or added must be among them."""
    groups = biomarker_groups(file)
    patterns = [p for c in analysis.covariates for p in (groups[c][0] if c in groups else (c,))]
    named: list[tuple[str, Path_]] = [(code, (*path, "splines", code)) for code in analysis.splines]
    named += [(code, (*path, "adds", i)) for i, code in enumerate(analysis.adds)]
    named += [
        (c, (*path, "interactions", i, j)) for i, pair in enumerate(analysis.interactions) for j, c in enumerate(pair)
    ]
    for code, where in named:
        if code not in expand(patterns, [code]):
            yield unknown(
                "covariate of the model", code, patterns, where=file.document.where(where), code="unknown-covariate"
            )


def _followed(file: PlanFile, part: Strict, path: Path_) -> Iterator[Problem]:
    """Every name that the fields of a part hold, followed to what their annotations say it is a name of."""
    for field, info in type(part).model_fields.items():
        value = getattr(part, field)
        for refers in (m for m in info.metadata if isinstance(m, Refers)):
            yield from _names_in(file, refers, value, (*path, field))
        for key, inner in _parts(value):
            yield from _followed(file, inner, (*path, field, *key))


def _parts(value: object) -> Iterator[tuple[Path_, Strict]]:
    if isinstance(value, Strict):
        yield (), value
    elif isinstance(value, tuple):
        for index, inner in enumerate(value):
            if isinstance(inner, Strict):
                yield (index,), inner
    elif isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, Strict):
                yield (key,), inner


def _names_in(file: PlanFile, refers: Refers, value: object, path: Path_) -> Iterator[Problem]:
    if isinstance(value, tuple):
        for index, inner in enumerate(value):
            yield from _names_in(file, refers, inner, (*path, index))
    elif isinstance(value, str):
        yield from _name(file, refers, value, path)


def _name(file: PlanFile, refers: Refers, name: str, path: Path_) -> Iterator[Problem]:
    plan = file.plan
    if refers.to == "biomarker":
        yield from _code(file, name, path)
    elif refers.to == "group":
        if name != ALL and name not in biomarker_groups(file):
            yield from _code(file, name, path)
    else:
        known: dict[str, Collection[str]] = {
            "endpoint": plan.endpoints,
            "parameter": plan.parameters,
            "population": {ALL, *plan.populations},
            "assay": plan.assays,
            "factor": {*plan.parameters, *plan.endpoints},
        }
        yield from _reference(file, refers.to, name, known[refers.to], path)


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
                yield from _reference(file, "endpoint", name, known, ("report", "toxicity", word, index))
    if report.expansion is not None:
        yield from _reference(file, "assay", report.expansion.assay, file.plan.assays, ("report", "expansion", "assay"))
        if report.expansion.by is not None:
            yield from _reference(
                file, "endpoint", report.expansion.by, file.plan.endpoints, ("report", "expansion", "by")
            )
    if report.response is not None:
        spot: Path_ = ("report", "response")
        best = [name for name, e in file.plan.endpoints.items() if isinstance(e, BestResponse)]
        yield from _reference(file, "endpoint of best response", report.response.best, best, (*spot, "best"))
        if report.response.by is not None:
            yield from _reference(file, "endpoint", report.response.by, file.plan.endpoints, (*spot, "by"))
    for word in ("flow", "forest", "response_curves", "quartile_rates", "survival_by_biomarker"):
        yield from _shown(file, word, getattr(report, word))


def _shown(file: PlanFile, word: str, part: object) -> Iterator[Problem]:
    people = {ALL, *file.plan.populations}
    for index, name in enumerate(getattr(part, "endpoints", ())):
        yield from _reference(file, "endpoint", name, file.plan.endpoints, ("report", word, "endpoints", index))
    for index, name in enumerate(getattr(part, "populations", ())):
        yield from _reference(file, "population", name, people, ("report", word, "populations", index))
    if isinstance(one := getattr(part, "population", None), str):
        yield from _reference(file, "population", one, people, ("report", word, "population"))
    for index, name in enumerate(getattr(part, "biomarkers", ())):
        yield from _code(file, name, ("report", word, "biomarkers", index))
