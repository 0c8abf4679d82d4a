"""Names that the analyses of exposure and the panels of subjects refer to."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

from correlates.errors import Problem, unknown
from correlates.parameters.sensitivity import area_of, no_area
from correlates.plan.document import Path_
from correlates.plan.exposure_analyses import Sensitivity
from correlates.plan.load import PlanFile


def exposure_names(file: PlanFile) -> Iterator[Problem]:
    """What is wrong with the names of sensitivity analyses and of the panels of individual subjects."""
    for name, analysis in file.plan.analyses.items():
        if isinstance(analysis, Sensitivity):
            yield from _areas(file, analysis, ("analyses", name))
    yield from _panels(file)


def _areas(file: PlanFile, analysis: Sensitivity, path: Path_) -> Iterator[Problem]:
    """The parameters of a sensitivity analysis that no rule of an area moves."""
    specs = file.plan.parameters
    for index, name in enumerate(analysis.parameters):
        codes = [name] if name in specs else [c for c in specs if fnmatchcase(c, name)] or [name]
        if not any(area_of(code, specs) for code in codes):
            yield replace(no_area(name), where=file.document.where((*path, "parameters", index)))


def _panels(file: PlanFile) -> Iterator[Problem]:
    """The panels of individual subjects: names that exist, and pages that hold somebody."""
    wanted = file.plan.report.profiles
    if wanted is None:
        return
    path: Path_ = ("report", "profiles")
    named: tuple[tuple[str, str, str | None, Collection[str]], ...] = (
        ("assay", "assay", wanted.assay, file.plan.assays),
        ("peak", "parameter", wanted.peak, file.plan.parameters),
        ("curve", "population model", wanted.curve, file.plan.population_models),
    )
    for field, kind, name, known in named:
        if name is not None and name not in known:
            where = file.document.where((*path, field))
            yield unknown(kind, name, sorted(known), where=where, code=f"unknown-{kind.replace(' ', '-')}")
    if wanted.per_page < 1:
        yield Problem(
            code="wrong-value",
            what="A page of individual time courses holds no subject",
            where=file.document.where((*path, "per_page")),
            found=str(wanted.per_page),
            expected="1 or more",
        )
