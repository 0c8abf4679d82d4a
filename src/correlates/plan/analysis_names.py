"""Names that analyses refer to, by the annotations of their fields and beyond them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise

from correlates.association.model_transforms import GROUPS
from correlates.endpoints.settings import (
    ResponseTime,
)
from correlates.endpoints.time_settings import TimeToEvent
from correlates.endpoints.toxicity_settings import (
    Duration,
    Onset,
)
from correlates.errors import Problem, unknown
from correlates.parameters.settings import (
    Ratio,
)
from correlates.plan.analyses import (
    Compare,
    EfficacyAgainstToxicity,
    Multivariable,
    RatioAnalysis,
    Selection,
    Subgroups,
    Survival,
    Transform,
    Univariable,
)
from correlates.plan.document import Path_
from correlates.plan.follow import (
    ALL,
    biomarker_groups,
    classes_of,
    expand,
    families,
    known_code,
    reference,
)
from correlates.plan.load import PlanFile
from correlates.plan.strict import Refers, Strict
from correlates.plan.timing import starts_later
from correlates.stats.multiplicity import NEEDS_DATA

_ORDERED = frozenset({"best_response", "durability", "max_grade", "daily_grade", "crs_grade", "icans_grade", "icaht"})
"""Endpoints that are grades or classes."""
FAMILY = {"analysis": "analysis_id", "group": "biomarker_group"}
"""Columns of the results by the words of a plan, where they differ."""
_TIMES = (TimeToEvent, ResponseTime, Onset, Duration)


def analysis_names(file: PlanFile) -> Iterator[Problem]:
    """What is wrong with the names of the analyses."""
    for name, analysis in file.plan.analyses.items():
        path: Path_ = ("analyses", name)
        yield from _followed(file, analysis, path)
        yield from _twice(file, analysis, path)
        if isinstance(analysis, Survival):
            yield from _survival(file, analysis, path)
        if isinstance(analysis, Multivariable | Selection):
            yield from _model(file, analysis, path)
        if isinstance(analysis, Univariable):
            yield from _univariable(file, name, analysis, path)
        if isinstance(analysis, Compare) and analysis.across in file.plan.endpoints:
            classes = classes_of(file, analysis.across)
            for index, pair in enumerate(analysis.pairs):
                for side, word in enumerate(pair):
                    if classes is not None:
                        yield from reference(file, "class", word, classes, (*path, "pairs", index, side))
        if isinstance(analysis, Compare | Univariable):
            for index, pair in enumerate(analysis.pairs):
                if pair[0] == pair[1]:
                    yield Problem(
                        code="pair-of-one",
                        what=f"A pair compares {pair[0]!r} with itself",
                        where=file.document.where((*path, "pairs", index)),
                        expected="two classes",
                    )


def _twice(file: PlanFile, analysis: Strict, path: Path_) -> Iterator[Problem]:
    """Names that a list of an analysis holds more than once, where each is an analysis of its own."""
    for field in ("endpoints", "methods", "populations", "toxicity", "of", "against"):
        listed = getattr(analysis, field, ())
        if not isinstance(listed, tuple):
            continue
        for index, name in enumerate(listed):
            if name in listed[:index]:
                yield Problem(
                    code="listed-twice",
                    what=f"{name!r} is listed twice in {field}",
                    where=file.document.where((*path, field, index)),
                    do="Name it once",
                )
    if getattr(analysis, "biomarkers", None) == ():
        yield Problem(
            code="nothing-listed",
            what="The analysis lists no biomarker",
            where=file.document.where((*path, "biomarkers")),
            expected="groups or codes, or all",
        )


def _univariable(file: PlanFile, name: str, analysis: Univariable, path: Path_) -> Iterator[Problem]:
    """Pairs of classes that an endpoint has, covariates of the imputation that are tested, and an adjustment that can be made."""
    if set(analysis.methods) & {"kruskal_wallis", "dunn"}:
        for endpoint in analysis.endpoints:
            classes = classes_of(file, endpoint) if endpoint in file.plan.endpoints else None
            for index, pair in enumerate(analysis.pairs if classes is not None else ()):
                for side, word in enumerate(pair):
                    yield from reference(file, "class", word, classes or (), (*path, "pairs", index, side))
    groups = biomarker_groups(file)
    wanted = tuple(groups) if isinstance(analysis.biomarkers, str) else analysis.biomarkers
    patterns = [p for c in wanted for p in (groups[c][0] if c in groups else (c,))]
    for index, code in enumerate(analysis.imputation.covariates):
        if code not in expand(patterns, [code]):
            where = file.document.where((*path, "imputation", "covariates", index))
            yield unknown("covariate of the imputation", code, patterns, where=where, code="unknown-covariate")
    if analysis.families.adjust in NEEDS_DATA:
        from correlates.association.blocks import permutation_problems

        families = tuple(FAMILY.get(word, word) for word in analysis.families.by)
        for problem in permutation_problems(name, families, analysis.populations, analysis.methods):
            yield replace(problem, where=file.document.where((*path, "families", "adjust")))


def lacking_analytes(file: PlanFile, codes: Collection[str]) -> Iterator[Problem]:
    """Every ``FAMILY.ANALYTE`` that the analyses or the groups of biomarkers name and the data do not have; ``codes`` are what they have."""

    def look(refers: Refers, name: str, path: Path_) -> Iterator[Problem]:
        head, dot, _ = name.partition(".")
        exact = dot and head in families(file) and not set(name) & set("*?[")
        if refers.to in ("biomarker", "group") and exact and name not in codes:
            there = [code for code in codes if code.startswith(f"{head}.")]
            yield unknown("parameter", name, there, where=file.document.where(path), code="unknown-parameter")

    for name, analysis in file.plan.analyses.items():
        yield from _walked(analysis, ("analyses", name), look)
    for kind in ("prespecified", "exploratory"):
        for group, names in getattr(file.plan.biomarkers, kind).items():
            for index, name in enumerate(names):
                yield from look(Refers("biomarker"), name, ("biomarkers", kind, group, index))


def _survival(file: PlanFile, analysis: Survival, path: Path_) -> Iterator[Problem]:
    """Times to an event, and groups that are known when time begins."""
    plan, times = file.plan, _TIMES
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


def inquiry_names(file: PlanFile) -> Iterator[Problem]:
    """What names alone do not settle: a ratio that is none, a margin within which nothing fits, a subgroup of a family."""
    plan = file.plan
    for name, analysis in plan.analyses.items():
        path: Path_ = ("analyses", name)
        yield from _without_meaning(file, analysis, path)
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


def _without_meaning(file: PlanFile, analysis: Strict, path: Path_) -> Iterator[Problem]:
    """Efficacy held against itself, and subgroups that are none."""
    if isinstance(analysis, EfficacyAgainstToxicity) and analysis.efficacy in analysis.toxicity:
        yield Problem(
            code="one-endpoint-for-both",
            what=f"{analysis.efficacy!r} is the efficacy and a toxicity of the analysis",
            where=file.document.where((*path, "efficacy")),
            expected="an endpoint for each",
        )
    if isinstance(analysis, Subgroups) and not analysis.by and not analysis.across:
        yield Problem(
            code="no-subgroups",
            what="The analysis declares no subgroup, and nothing to look along",
            where=file.document.where(path, key=True),
            do="Set by or across",
        )


def _model(file: PlanFile, analysis: Multivariable | Selection, path: Path_) -> Iterator[Problem]:
    """Covariates that a model names twice: what is transformed, a spline, a product or added must be among them, and numbers where it must be."""
    target = file.plan.endpoints.get(analysis.endpoint)
    if isinstance(analysis, Selection) and target is not None and target.derive in _ORDERED:
        yield Problem(
            code="endpoint-kind",
            what=f"No selection is for grades or classes such as {analysis.endpoint!r}",
            where=file.document.where((*path, "endpoint")),
            found=target.derive,
            expected="a binary endpoint (class_is, at_least), or a time to an event",
            do="Select for a threshold of it, or declare the covariates (do: multivariable)",
        )
    horizon = None if analysis.validation is None else analysis.validation.horizon
    if horizon is not None and target is not None and not isinstance(target, _TIMES):
        yield Problem(
            code="horizon-without-time",
            what=f"A horizon is declared for {analysis.endpoint!r}, which is no time to an event",
            where=file.document.where((*path, "validation", "horizon")),
            found=f"derive: {target.derive}",
            do="Take the horizon out",
        )
    groups = biomarker_groups(file)
    given = analysis.covariates if isinstance(analysis, Multivariable) else analysis.candidates
    wanted = tuple(groups) if isinstance(given, str) else given
    patterns = [p for c in wanted for p in (groups[c][0] if c in groups else (c,))]
    named: list[tuple[str, Path_]] = [(code, (*path, "transforms", code)) for code in analysis.transforms]
    if isinstance(analysis, Multivariable):
        named += [(code, (*path, "splines", code)) for code in analysis.splines]
        named += [(code, (*path, "adds", i)) for i, code in enumerate(analysis.adds)]
        named += [
            (c, (*path, "interactions", i, j))
            for i, pair in enumerate(analysis.interactions)
            for j, c in enumerate(pair)
        ]
    for code, where in named:
        if code not in expand(patterns, [code]):
            yield unknown(
                "covariate of the model", code, patterns, where=file.document.where(where), code="unknown-covariate"
            )
    splines = analysis.splines if isinstance(analysis, Multivariable) else {}
    for word, codes in (("transforms", analysis.transforms), ("splines", splines)):
        for code in codes:
            if getattr(file.plan.parameters.get(code), "categorical", False):
                yield Problem(
                    code="not-a-number",
                    what=f"{code!r} is a category: it has no {word.removesuffix('s')}",
                    where=file.document.where((*path, word, code), key=True),
                    do="Leave it out here; it enters as its classes",
                )
    for code, how in analysis.transforms.items():
        yield from _transform(file, code, how, splines, (*path, "transforms", code))


def _transform(
    file: PlanFile, code: str, how: str | Transform, splines: Collection[str], path: Path_
) -> Iterator[Problem]:
    """A transformation that contradicts itself."""
    cut = how.cut if isinstance(how, Transform) else how if how in GROUPS else None
    if cut is not None and code in splines:
        yield Problem(
            code="two-forms",
            what=f"{code!r} is divided into groups and is a spline too",
            where=file.document.where(path, key=True),
            expected="one of the two",
        )
    if not isinstance(how, Transform):
        return
    others = [word for word in ("take", "per") if getattr(how, word) is not None]
    if cut is not None and others:
        yield Problem(
            code="two-forms",
            what=f"{code!r} is divided into groups: {' and '.join(others)} mean nothing then",
            where=file.document.where((*path, others[0]), key=True),
            expected="cut alone, at values in the unit of the parameter",
        )
    if how.take == "standardised" and how.per is not None:
        yield Problem(
            code="two-forms",
            what=f"{code!r} is told per standard deviation and per {how.per:g}",
            where=file.document.where((*path, "per"), key=True),
            expected="one of the two",
        )
    if isinstance(cut, tuple) and any(b <= a for a, b in pairwise(cut)):
        yield Problem(
            code="cut-not-rising",
            what=f"The cuts of {code!r} do not rise",
            where=file.document.where((*path, "cut")),
            found=", ".join(f"{c:g}" for c in cut),
            expected="each above the one before",
        )
    if cut is None and not others:
        yield Problem(
            code="nothing-declared",
            what=f"The transformation of {code!r} says nothing",
            where=file.document.where(path, key=True),
            expected="take, per or cut",
        )


def _followed(file: PlanFile, part: Strict, path: Path_) -> Iterator[Problem]:
    """Every name that the fields of a part hold, followed to what their annotations say it is a name of."""
    return _walked(part, path, partial(_name, file))


_Look = Callable[[Refers, str, Path_], Iterator[Problem]]


def _walked(part: Strict, path: Path_, look: _Look) -> Iterator[Problem]:
    """The problems of every name that the fields of a part hold."""
    for field, info in type(part).model_fields.items():
        value = getattr(part, field)
        for refers in (m for m in info.metadata if isinstance(m, Refers)):
            yield from _names_in(refers, value, (*path, field), look)
        for key, inner in _parts(value):
            yield from _walked(inner, (*path, field, *key), look)


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


def _names_in(refers: Refers, value: object, path: Path_, look: _Look) -> Iterator[Problem]:
    if isinstance(value, tuple):
        for index, inner in enumerate(value):
            yield from _names_in(refers, inner, (*path, index), look)
    elif isinstance(value, str):
        yield from look(refers, value, path)


def _name(file: PlanFile, refers: Refers, name: str, path: Path_) -> Iterator[Problem]:
    plan = file.plan
    if refers.to == "biomarker":
        yield from known_code(file, name, path)
    elif refers.to == "group":
        if name != ALL and name not in biomarker_groups(file):
            yield from known_code(file, name, path)
    else:
        known: dict[str, Collection[str]] = {
            "endpoint": plan.endpoints,
            "parameter": plan.parameters,
            "population": {ALL, *plan.populations},
            "assay": plan.assays,
            "factor": {*plan.parameters, *plan.endpoints},
        }
        yield from reference(file, refers.to, name, known[refers.to], path)
