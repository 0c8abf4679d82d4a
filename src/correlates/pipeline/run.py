"""The steps of an analysis in their order: the only place that knows it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from correlates.errors import PlanError, Problem
from correlates.pipeline.analyses import RESULT_TABLES, associations
from correlates.pipeline.gather import READ, gather
from correlates.pipeline.kinetics import (
    OF_PARAMETERS,
    POPULATION_TABLES,
    POSTERIORS,
    covariate_codes,
    fit_populations,
)
from correlates.pipeline.manifest import Manifest, code_fingerprint, read_manifest, write_manifest
from correlates.pipeline.publish import publish
from correlates.pipeline.store import Progress, Store, Tables, guard, open_run, silent, staging
from correlates.pipeline.translate import populations
from correlates.plan import InputFiles, PlanFile, check_names, find_inputs, load_plan, plan_from_text
from correlates.plan.analyses import Agreement
from correlates.provenance import environment, file_sha256, fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """Where a run is, and what was done for it."""

    folder: Path
    report: Path
    unchanged: bool
    reused: tuple[str, ...]
    seconds: float


def check(path: Path) -> tuple[PlanFile, InputFiles]:
    """Everything that needs no computation: the plan, its names, its files.

    Raises
    ------
    PlanError
        With every problem of the plan.
    """
    file = load_plan(path)
    problems: list[Problem] = []
    for step in (check_names, find_inputs):
        try:
            step(file)
        except PlanError as error:
            problems += error.problems
    if problems:
        raise PlanError(problems)
    return file, find_inputs(file)


def run(path: Path, *, out: Path | None = None, force: bool = False, progress: Progress = silent) -> RunOutcome:
    """Run the whole analysis of a plan and write the run folder, whole or not at all.

    Parameters
    ----------
    path
        The plan file.
    out
        Run folder; ``run`` beside the plan when left out.
    force
        Replace a finished run that was made from something else.
    progress
        Called with a line of text as the work goes on.

    Raises
    ------
    PlanError, InputError, DerivationError, UsageError
        As the fault lies in the plan, the data, what is asked of them, or the target folder.
    """
    began = time.perf_counter()
    file, inputs = check(path)
    target = (out if out is not None else file.folder / "run").absolute()
    prints = {_shown(file, p): file_sha256(p) for p in inputs.all}
    keys = stage_keys(file, inputs, prints)
    previous = read_manifest(target) if target.is_dir() else None
    report = target / "report.html"
    if previous is not None and previous.stages == keys and report.is_file():
        seconds = time.perf_counter() - began
        return RunOutcome(folder=target, report=report, unchanged=True, reused=tuple(keys), seconds=seconds)
    guard(target, force=force)
    with staging(target) as folder:
        store = Store(folder=folder, keys=keys, previous=target if previous else None, progress=progress)
        compute(file, inputs, store)
        figures = publish(file.plan, store.tables, folder, keys, progress)
        write_manifest(_manifest(file, keys, prints, store, figures), folder)
    seconds = time.perf_counter() - began
    return RunOutcome(folder=target, report=report, unchanged=False, reused=tuple(store.reused), seconds=seconds)


def republish(folder: Path, *, progress: Progress = silent) -> Path:
    """Make figures, methods and report of a finished run again, from its tables and the plan it keeps.

    Raises
    ------
    UsageError
        There is no finished run.
    """
    finished = open_run(folder)
    manifest = finished.manifest
    plan = plan_from_text(manifest.plan, folder / "plan.yaml").plan
    tables = {name: finished.table(name) for name in manifest.tables}
    with staging(folder.absolute()) as fresh:
        shutil.copytree(folder / "tables", fresh / "tables", dirs_exist_ok=True)
        if (folder / POSTERIORS).is_dir():
            shutil.copytree(folder / POSTERIORS, fresh / POSTERIORS)
        figures = publish(plan, tables, fresh, manifest.stages, progress)
        write_manifest(replace(manifest, figures=figures), fresh)
    return folder.absolute() / "report.html"


def compute(file: PlanFile, inputs: InputFiles, store: Store) -> None:
    """From raw files to results: every stage, in its order."""
    t = store.tables
    store.stage("read", READ, lambda: gather(file, inputs, store.progress))
    store.stage("quantify", ("measurements", "curves", "curve_points"), lambda: _quantify(file, t))
    store.stage("agreement", ("agreement",), lambda: {"agreement": _agreement(file, t)})
    store.stage(
        "endpoints",
        ("burden", "responses", "outcomes", "sensitivity", "courses", "toxicity"),
        lambda: _endpoints(file, t),
    )
    store.stage("population", POPULATION_TABLES, lambda: fit_populations(file, t, store), writes=POSTERIORS)
    store.stage("parameters", ("parameters",), lambda: _parameters(file, t))
    store.stage("dataset", ("analysis", "exclusions"), lambda: _dataset(file, t))
    store.stage("association", RESULT_TABLES, lambda: associations(file, t))
    store.close()


def stage_keys(file: PlanFile, inputs: InputFiles, prints: Mapping[str, str]) -> dict[str, str]:
    """The key of each stage: its settings, the code, and the keys of the stages and files it rests on."""
    plan = file.plan.model_dump(mode="json")
    files = {name: [_shown(file, p) for p in paths] for name, paths in inputs.assays.items()}
    seed, study = plan["study"]["seed"], plan["study"]
    keys: dict[str, str] = {}
    keys["read"] = fingerprint([code_fingerprint(), plan["sources"], plan["days"], files, prints, _targets(plan)])
    keys["quantify"] = fingerprint([keys["read"], plan["assays"]])
    pairs = {name: a for name, a in plan["analyses"].items() if a["do"] == "agreement"}
    keys["agreement"] = fingerprint([keys["quantify"], pairs])
    keys["endpoints"] = fingerprint([keys["read"], plan["endpoints"], plan["lesions"]])
    models = plan["population_models"]
    covariates = {code: plan["parameters"][code] for code in covariate_codes(file.plan)}
    keys["population"] = fingerprint(
        [keys["quantify"], keys["endpoints"], models, covariates, seed if models else None]
    )
    keys["parameters"] = fingerprint([keys["quantify"], keys["endpoints"], keys["population"], plan["parameters"]])
    keys["dataset"] = fingerprint([keys["parameters"], keys["endpoints"], plan["populations"]])
    keys["association"] = fingerprint([keys["dataset"], plan["biomarkers"], plan["analyses"], seed])
    keys["report"] = fingerprint([keys["association"], keys["agreement"], plan["report"], study])
    return keys


def _shown(file: PlanFile, path: Path) -> str:
    """A path as the plan would write it: a study that is moved as a whole has not changed."""
    return str(path.relative_to(file.folder) if path.is_relative_to(file.folder) else path)


def _targets(plan: Mapping[str, dict[str, dict[str, object]]]) -> dict[str, object]:
    counting = ("counts", "threshold")  # partitions are counted as they are read
    return {
        name: [assay.get("targets", assay.get("analytes")), *(assay.get(key) for key in counting)]
        for name, assay in plan["assays"].items()
    }


def _quantify(file: PlanFile, t: Tables) -> Tables:
    from correlates.quantify import quantify

    sources = t["files"].select("file_id", "source")
    paths = dict(t["files"].select("file_id", "path").iter_rows())
    parts = []
    for name, settings in file.plan.assays.items():
        mine = t["wells"].join(sources.filter(pl.col("source") == name), on="file_id", how="semi")
        parts.append(quantify(name, mine, t["samples"], t["product"], settings, files=paths))
    names = ("measurements", "curves", "curve_points", "checks")
    return {name: pl.concat([getattr(part, name) for part in parts]) for name in names} if parts else _nothing(names)


def _agreement(file: PlanFile, t: Tables) -> pl.DataFrame:
    from correlates.quantify.agreement import AgreementSettings, agreement
    from correlates.schema import AGREEMENT

    parts = [AGREEMENT.empty()]
    for name, analysis in file.plan.analyses.items():
        if isinstance(analysis, Agreement):
            settings = AgreementSettings(
                assays=analysis.assays, decision_points=analysis.decision_points, error_ratio=analysis.error_ratio
            )
            parts.append(agreement(name, t["measurements"], settings))
    return pl.concat(parts)


def _endpoints(file: PlanFile, t: Tables) -> Tables:
    from correlates.endpoints import derive
    from correlates.endpoints.assessed import criteria_of, responses
    from correlates.endpoints.burden import burden
    from correlates.endpoints.checks import unique
    from correlates.schema import CHECKS

    plan = file.plan
    named = dict.fromkeys(criteria_of(getattr(spec, "criteria", None)) for spec in plan.endpoints.values())
    derived, checks = responses(t, [criteria for criteria in named if criteria is not None], plan.lesions)
    outcomes = derive(plan.endpoints, t, derived)
    return {
        "burden": burden(t["lesions"], plan.lesions),
        "responses": derived,
        "outcomes": outcomes.outcomes,
        "sensitivity": outcomes.sensitivity,
        "courses": outcomes.courses,
        "toxicity": outcomes.toxicity,
        "checks": pl.concat([outcomes.checks, CHECKS.frame(unique(checks))]),
    }


def _parameters(file: PlanFile, t: Tables) -> Tables:
    from correlates.parameters import derive

    needs = (*OF_PARAMETERS, "population_fits", "population_subjects")
    derived = derive(file.plan.parameters, **{name: t[name] for name in needs})
    return {"parameters": derived.parameters, "checks": derived.checks}


def _dataset(file: PlanFile, t: Tables) -> Tables:
    from correlates.dataset import build

    made = build(t["parameters"], t["outcomes"], t["subjects"], populations(file.plan))
    return {"analysis": made.analysis, "exclusions": made.exclusions}


def _nothing(names: tuple[str, ...]) -> Tables:
    from correlates.schema import TABLES

    return {table.name: table.empty() for table in TABLES if table.name in names}


def _manifest(
    file: PlanFile, keys: dict[str, str], prints: dict[str, str], store: Store, figures: tuple[str, ...]
) -> Manifest:
    text = file.path.read_text(encoding="utf-8-sig")
    return Manifest(
        study=file.plan.study.id,
        title=file.plan.study.title,
        plan=text,
        plan_sha256=file_sha256(file.path),
        code=code_fingerprint(),
        stages=keys,
        inputs=prints,
        tables={name: frame.height for name, frame in store.tables.items()},
        figures=figures,
        environment=environment(),
        seconds=store.seconds,
    )
