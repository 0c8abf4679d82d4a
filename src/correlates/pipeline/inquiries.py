"""Runners of the analyses with a question of their own: efficacy against toxicity, a ratio, subgroups; and the clock of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from correlates.association.settings import Biomarker, Endpoint
from correlates.pipeline.store import Tables
from correlates.pipeline.translate import endpoint
from correlates.plan import analyses as asked
from correlates.plan.analysis_names import FAMILY
from correlates.stats.multiplicity import Adjust
from correlates.terms import OutcomeKind

if TYPE_CHECKING:
    from correlates.pipeline.analyses import Context


def families(words: Sequence[str]) -> tuple[str, ...]:
    """The columns of the results whose values make a family."""
    return tuple(FAMILY.get(word, word) for word in words)


def on_landmark(context: Context, endpoints: Sequence[Endpoint], day: float | None) -> pl.DataFrame:
    """The analysis table from the landmark on; the whole table without one."""
    from correlates.association.timing import at_landmark

    t = context.tables
    if day is None:
        return t["analysis"]
    return at_landmark(t["analysis"], t["parameters"], t["outcomes"], endpoints, day)


def renamed(endpoints: Sequence[Endpoint], day: float | None) -> list[Endpoint]:
    """Endpoints that are counted from a landmark, under a name that says so."""
    from dataclasses import replace

    from correlates.association.timing import from_day, on_clock

    if day is None:
        return list(endpoints)
    return [replace(e, name=on_clock(e.name, from_day(day)), column=e.column or e.name) for e in endpoints]


def told_back(
    context: Context, results: pl.DataFrame, codes: Sequence[str], endpoints: Sequence[Endpoint]
) -> pl.DataFrame:
    """Results with the notice that they describe, where an outcome was decided before the biomarker was known."""
    from correlates.association.known import decided_before
    from correlates.association.timing import looking_back

    kinds = [e.name for e in endpoints if e.kind is not OutcomeKind.TIME]
    t = context.tables
    return looking_back(results, decided_before(t["parameters"], t["outcomes"], list(codes), kinds))


def efficacy_against_toxicity(context: Context, name: str, analysis: asked.EfficacyAgainstToxicity) -> Tables:
    """Run an analysis of efficacy against toxicity."""
    from correlates.association.efficacy_toxicity import EfficacyToxicity
    from correlates.association.efficacy_toxicity import efficacy_against_toxicity as hold
    from correlates.association.known import decided_before
    from correlates.association.timing import refuse_future

    plan, t = context.file.plan, context.tables
    plain = [endpoint(plan, e, t["outcomes"]) for e in (analysis.efficacy, *analysis.toxicity)]
    first, *others = renamed(plain, analysis.landmark)
    chosen = context.chosen(analysis.biomarkers)
    codes = [b.code for b in chosen]
    settings = EfficacyToxicity(
        name=name,
        censored=analysis.censored,
        margin=analysis.margin,
        populations=analysis.populations,
        families=families(analysis.families.by),
        adjust=Adjust(analysis.families.adjust),
        sure=analysis.sure,
        curves=tuple(b.code for b in context.chosen(analysis.curves)) if analysis.curves else (),
        efficacy_at_least=analysis.efficacy_at_least,
        toxicity_at_most=analysis.toxicity_at_most,
        replicates=analysis.replicates,
        seed=plan.study.seed,
        prespecified=True,
    )
    if analysis.landmark is None:
        refuse_future(name, chosen, plain, t["parameters"])
    classed = [e.name for e in plain if e.kind is not OutcomeKind.TIME]
    decided = decided_before(t["parameters"], t["outcomes"], codes, classed) if analysis.landmark is None else {}
    frame = on_landmark(context, plain, analysis.landmark)
    return {"results": hold(frame, chosen, first, others, settings, decided)}


def ratio(context: Context, name: str, analysis: asked.RatioAnalysis) -> Tables:
    """Run the test of ratios."""
    from correlates.association.known import decided_before
    from correlates.association.ratio import RatioSettings, examine_ratio
    from correlates.parameters.settings import Ratio

    plan, t = context.file.plan, context.tables
    plain = [endpoint(plan, e, t["outcomes"]) for e in analysis.endpoints]
    ratios: list[tuple[Biomarker, Biomarker, Biomarker]] = []
    for code in analysis.of:
        parameter = plan.parameters[code]
        assert isinstance(parameter, Ratio)
        top, bottom = (context.biomarker(part) for part in parameter.of)
        ratios.append((context.biomarker(code), top, bottom))
    settings = RatioSettings(
        name=name,
        censored=analysis.censored,
        population=analysis.population,
        adjust=Adjust(analysis.adjust),
        prespecified=True,
    )
    codes = [top.code for _, top, _ in ratios]
    decided = (
        decided_before(t["parameters"], t["outcomes"], codes, [e.name for e in plain])
        if analysis.landmark is None
        else {}
    )
    frame = on_landmark(context, plain, analysis.landmark)
    return {"results": examine_ratio(frame, ratios, renamed(plain, analysis.landmark), settings, decided)}


def subgroups(context: Context, name: str, analysis: asked.Subgroups) -> Tables:
    """Run the effects in declared subgroups."""
    from correlates.association.subgroups import SubgroupBy, SubgroupSettings, by_subgroup
    from correlates.association.timing import known_later, labelled_naive, refuse_future

    plan, t = context.file.plan, context.tables
    plain = [endpoint(plan, e, t["outcomes"]) for e in analysis.endpoints]
    chosen = context.chosen(analysis.biomarkers)
    clocked = analysis.landmark is not None or analysis.naive
    if not clocked:
        refuse_future(name, chosen, plain, t["parameters"])
    settings = SubgroupSettings(
        name=name,
        censored=analysis.censored,
        by=tuple(SubgroupBy(code=s.of, cut=s.cut) for s in analysis.by),
        across=analysis.across,
        population=analysis.population,
        adjust=Adjust(analysis.adjust),
        window_share=analysis.window_share,
        shared_share=analysis.shared_share,
        permutations=analysis.permutations,
        seed=plan.study.seed,
        prespecified=True,
    )
    frame = on_landmark(context, plain, analysis.landmark)
    results = by_subgroup(frame, chosen, renamed(plain, analysis.landmark), settings)
    if analysis.landmark is None:
        codes = [b.code for b in chosen]
        results = told_back(context, results, codes, plain)
        if analysis.naive:
            times = [e.name for e in plain if e.kind is OutcomeKind.TIME]
            results = labelled_naive(results, known_later(t["parameters"], codes), times)
    return {"results": results}
