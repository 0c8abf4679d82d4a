"""An assay report of instrument files: no plan needed, the same readers, quantification and page as a run."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import polars as pl

from correlates import units
from correlates.errors import InputError, PlanError, Problem, UsageError
from correlates.pipeline.crosscheck import check_files
from correlates.pipeline.manifest import Manifest, code_fingerprint, read_manifest, write_manifest
from correlates.pipeline.run import RunOutcome, check
from correlates.pipeline.store import Progress, Tables, guard, silent, staging
from correlates.plan import PlanFile
from correlates.plan.analyses import Agreement
from correlates.plan.model import Plan, ProductSource, SamplesSource, Study
from correlates.provenance import environment, file_sha256, fingerprint
from correlates.quantify.settings import Assay, Dpcr, Immunoassay, Qpcr
from correlates.readers import ReadFile, read
from correlates.readers.tables import read_product, read_samples
from correlates.schema import AGREEMENT, CHECKS, CURVE_POINTS, CURVES, MEASUREMENTS, PRODUCT, SAMPLES
from correlates.schema.assay_review import AMPLITUDE_BINS, AMPLITUDE_PAIRS, QUADRANTS, REVIEW, THRESHOLDS
from correlates.terms import AssayKind, Role

_FACTORY = ("simple_plex",)  # readers of instruments that are calibrated at the factory
KINDS = {"qpcr": "qPCR", "dpcr": "digital PCR", "immunoassay": "immunoassay"}
"""Kinds of assay as they are printed."""
_POINTS = r'"points":\s*\{'  # in the extras of wells whose file holds the fluorescence of every cycle
_COPIES = ("cop", "copies", "copy")  # what files call copies per reaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The files of one assay: of one reader, or of one assay of a plan."""

    name: str
    settings: Assay
    wells: pl.DataFrame
    amplitudes: pl.DataFrame


def assay_report(
    paths: Sequence[Path],
    *,
    out: Path,
    plan: Path | None = None,
    controls: Sequence[str] = (),
    targets: Mapping[str, Sequence[str]] | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> RunOutcome:
    """Quantify instrument files and write their assay report into a folder, whole or not at all.

    Parameters
    ----------
    paths
        Files, and folders whose files are all meant. With a plan they may be left out: its own are taken.
    out
        Folder of the report.
    plan
        Plan whose assay settings (with manifest and product table) are taken; without it those of
        :mod:`correlates.quantify.settings`.
    controls
        Names or patterns of control samples that the files call unknown.
    targets
        Analyte -> names in the files, where two files call it differently; other targets keep their own name.
    force
        Replace a finished report made from something else.
    progress
        Called with a line of text as the work goes on.

    Raises
    ------
    UsageError, InputError, PlanError
        As the fault lies in the call, the files or the plan.
    """
    began = time.perf_counter()
    declared = check(plan) if plan is not None else None
    files = _expand(paths) if paths or declared is None else list(dict.fromkeys(_planned(declared)))
    base = declared[0].folder if declared else Path(os.path.commonpath([f.resolve().parent for f in files]))
    prints = {os.path.relpath(f.resolve(), base): file_sha256(f) for f in files}
    told = declared[0].path.read_text(encoding="utf-8-sig") if declared else ""
    others = [_print_of(declared[0], name) for name in declared[0].plan.sources] if declared else []
    key = fingerprint([code_fingerprint(), prints, told, others, list(controls), targets or {}])
    target, keys = out.absolute(), {"assay": key}
    previous = read_manifest(target) if target.is_dir() else None
    report = target / "report.html"
    if previous is not None and previous.stages == keys and report.is_file():
        seconds = time.perf_counter() - began
        return RunOutcome(folder=target, report=report, unchanged=True, reused=("assay",), seconds=seconds)
    guard(target, force=force)
    progress(f"reading {len(files)} file{'s' if len(files) != 1 else ''}")
    exports = _read_all(files, base)
    groups, tables = _grouped(exports, declared, controls, targets or {})
    samples, product = _manifest_of(declared[0]) if declared else (SAMPLES.empty(), PRODUCT.empty())
    tables |= {"samples": samples, "product": product}
    tables |= _quantified(groups, tables, progress)
    pairs = _pairs(groups)
    described = _described(files, groups, pairs)
    tables["agreement"] = _agreement(pairs, tables["measurements"])
    from correlates.pipeline.assay_page import publish

    with staging(target) as folder:
        for name, frame in tables.items():
            frame.write_parquet(folder / "tables" / f"{name}.parquet")
        figures, text = publish(described, tables, folder, keys, progress)
        write_manifest(
            Manifest(
                study=described.study.id,
                title=described.study.title,
                plan=text,
                plan_sha256=fingerprint(text),
                code=code_fingerprint(),
                stages=keys,
                inputs=prints,
                tables={name: frame.height for name, frame in tables.items()},
                figures=figures,
                environment=environment(),
                seconds={"assay": round(time.perf_counter() - began, 3)},
            ),
            folder,
        )
    seconds = time.perf_counter() - began
    return RunOutcome(folder=target, report=report, unchanged=False, reused=(), seconds=seconds)


def _expand(paths: Sequence[Path]) -> list[Path]:
    found: dict[Path, None] = {}
    problems = []
    for path in paths:
        if path.is_dir():
            inside = [p for p in sorted(path.rglob("*")) if p.is_file() and not p.name.startswith((".", "~$"))]
            if not inside:
                problems.append(Problem(code="no-file", what=f"The folder {str(path)!r} holds no file"))
            found.update(dict.fromkeys(inside))
        elif path.is_file():
            found[path] = None
        else:
            problems.append(Problem(code="no-file", what=f"{str(path)!r} does not exist"))
    if not found and not problems:
        problems.append(Problem(code="no-file", what="No file is named", do="Name instrument files, or a plan"))
    if problems:
        raise UsageError(problems)
    return list(found)


def _planned(declared: tuple[PlanFile, object]) -> list[Path]:
    from correlates.plan import find_inputs

    return [path for paths in find_inputs(declared[0]).assays.values() for path in paths]


def _print_of(file: PlanFile, name: str) -> str:
    source = file.plan.sources[name]
    return file_sha256(file.folder / source.file) if isinstance(source, SamplesSource | ProductSource) else ""


def _read_all(files: Sequence[Path], base: Path) -> dict[Path, ReadFile]:
    """Every file, or the problems of all that cannot be read."""
    problems: list[Problem] = []
    exports: dict[Path, ReadFile] = {}
    for path in files:
        try:
            exports[path] = read(path, relative_to=base)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return exports


def _grouped(
    exports: Mapping[Path, ReadFile],
    declared: tuple[PlanFile, object] | None,
    controls: Sequence[str],
    targets: Mapping[str, Sequence[str]],
) -> tuple[list[Group], Tables]:
    from correlates.quantify.plates import with_controls

    of = _assays_of_plan(exports, declared[0]) if declared else {p: e.file["reader"][0] for p, e in exports.items()}
    groups, files = [], []
    for name in dict.fromkeys(of.values()):
        mine = [path for path in exports if of[path] == name]
        files += [exports[path].file.with_columns(source=pl.lit(name)) for path in mine]
        wells = pl.concat([exports[path].wells for path in mine])
        if declared:
            settings: Assay = declared[0].plan.assays[name]
            settings = replace(settings, controls=(*settings.controls, *controls))
        else:
            wells = _named(_by_table(wells, mine, exports))
            settings = _defaults(name, wells, [str(exports[p].file["path"][0]) for p in mine], controls, targets)
        amplitudes = pl.concat([exports[path].amplitudes for path in mine])
        wells = with_controls(wells, settings.controls)
        groups.append(Group(name=name, settings=settings, wells=wells, amplitudes=amplitudes))
    all_files = pl.concat(files)
    check_files(all_files)
    groups, counting = _counted(groups if declared else _labelled(groups))
    return groups, {"files": all_files, "wells": pl.concat([g.wells for g in groups]), **counting}


def _counted(groups: Sequence[Group]) -> tuple[list[Group], Tables]:
    """The groups, partitions counted where their files list amplitudes, and the tables that show how."""
    from correlates.quantify.amplitudes import amplitude_bins, count_wells

    made, parts = (
        [],
        {table.name: [table.empty()] for table in (THRESHOLDS, AMPLITUDE_BINS, AMPLITUDE_PAIRS, QUADRANTS, CHECKS)},
    )
    for group in groups:
        if group.amplitudes.is_empty() or not isinstance(group.settings, Dpcr):
            made.append(group)
            continue
        found = count_wells(group.wells, group.amplitudes, group.settings, group.name)
        shown = amplitude_bins(found.thresholds, group.amplitudes, group.name)
        for name, frame in zip(parts, (found.thresholds, *shown, found.checks), strict=True):
            parts[name].append(frame)
        made.append(replace(group, wells=found.wells))
    return made, {name: pl.concat(frames) for name, frames in parts.items()}


def _by_table(wells: pl.DataFrame, files: Sequence[Path], exports: Mapping[Path, ReadFile]) -> pl.DataFrame:
    """Wells with amplitudes called as the results table among the files calls them, sample and target."""
    from correlates.quantify import amplitude_names

    if all(exports[path].amplitudes.is_empty() for path in files):
        return wells
    tables = [export.wells for path, export in exports.items() if path not in files]
    return amplitude_names.named(wells, amplitude_names.beside(wells, pl.concat([wells.clear(), *tables])))


def _named(wells: pl.DataFrame) -> pl.DataFrame:
    """Wells whose sample has no name are called by plate and position: there is no manifest to miss them."""
    nameless = pl.col("sample_id").is_null() & (pl.col("role") == Role.UNKNOWN.value)
    return wells.with_columns(
        sample_id=pl.when(nameless).then(pl.format("{} {}", "plate", "well")).otherwise("sample_id")
    )


def _labelled(groups: Sequence[Group]) -> list[Group]:
    """Named by the kind of assay, and by the reader too where several are of one kind."""
    kinds = [group.settings.kind for group in groups]
    return [
        replace(
            group,
            settings=replace(group.settings, label=KINDS[kind] + (f", {group.name}" if kinds.count(kind) > 1 else "")),
        )
        for group, kind in zip(groups, kinds, strict=True)
    ]


def _assays_of_plan(exports: Mapping[Path, ReadFile], file: PlanFile) -> dict[Path, str]:
    """The assay of the plan each file is of: the one whose globs name it, else the only one of its kind."""
    from correlates.plan import find_inputs
    from correlates.readers import READERS

    kinds = {record.code: record.assay for record in READERS}
    named = {p.resolve(): name for name, paths in find_inputs(file).assays.items() for p in paths}
    of: dict[Path, str] = {}
    problems = []
    for path, export in exports.items():
        kind = kinds[export.file["reader"][0]]
        alike = [name for name, assay in file.plan.assays.items() if assay.kind == kind.value]
        if path.resolve() in named:
            of[path] = named[path.resolve()]
        elif len(alike) == 1:
            of[path] = alike[0]
        else:
            problems.append(
                Problem(
                    code="which-assay",
                    what=f"{str(path)!r} is of no assay of the plan",
                    found=f"a {kind.value} file; assays of that kind: {', '.join(alike) or 'none'}",
                    expected="a file that an assay of the plan names, or one assay of its kind",
                )
            )
    if problems:
        raise PlanError(problems)
    return of


def _defaults(
    reader: str,
    wells: pl.DataFrame,
    files: Sequence[str],
    controls: Sequence[str],
    targets: Mapping[str, Sequence[str]],
) -> Assay:
    """The settings without a plan: every target is an analyte, everything else as in quantify/settings.py."""
    from correlates.readers import READERS

    kind = next(record.assay for record in READERS if record.code == reader)
    there = wells["target"].str.strip_chars().unique().sort().to_list()
    renamed = {analyte: tuple(n for n in names if n in there) for analyte, names in targets.items()}
    renamed = {analyte: names for analyte, names in renamed.items() if names}
    taken = {name for names in renamed.values() for name in names}
    own = {name: (name,) for name in there if name not in taken}
    patterns, globs = tuple(controls), tuple(files)
    if kind is AssayKind.QPCR:
        unit = _unit(wells, ("copies per reaction", "mass"), "copies/reaction")
        lowest = wells.filter((pl.col("role") == Role.STANDARD.value) & (pl.col("nominal") > 0))["nominal"].min()
        points_alone = wells["signal"].null_count() == wells.height and wells["extras"].str.contains(_POINTS).any()
        default = Qpcr(
            files=globs,
            controls=patterns,
            targets={**renamed, **own},
            quantity=unit,
            cq="second_derivative" if points_alone else "instrument",
        )
        # the default limit is in copies; a standard in other units says itself where it begins
        in_copies = unit == "copies/reaction" or lowest is None
        return default if in_copies else replace(default, lloq=float(lowest))  # type: ignore[arg-type]
    if kind is AssayKind.DPCR:
        return Dpcr(files=globs, controls=patterns, targets={**renamed, **own})
    return Immunoassay(
        files=globs,
        controls=patterns,
        analytes=renamed,
        curve="factory" if reader in _FACTORY else "5PL",
        unit=_unit(wells, ("mass per volume", "activity per volume"), "pg/mL"),
    )


def _unit(wells: pl.DataFrame, dimensions: Sequence[str], default: str) -> str:
    """The most frequent unit that the standards state, of one of the dimensions."""
    known = {
        name.replace(" ", "").casefold(): u.symbol
        for u in units.UNITS
        if u.dimension in dimensions
        for name in (u.symbol, *u.spellings)
    } | (dict.fromkeys(_COPIES, "copies/reaction") if "copies per reaction" in dimensions else {})
    stated = wells["nominal_unit"].drop_nulls().value_counts(sort=True)["nominal_unit"].to_list()
    hits = [known.get(text.replace("µ", "u").replace(" ", "").casefold()) for text in stated]
    return next((hit for hit in hits if hit), default)


def _manifest_of(file: PlanFile) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The manifest and the product table of a plan."""
    samples, product = [SAMPLES.empty()], [PRODUCT.empty()]
    for name, source in file.plan.sources.items():
        if isinstance(source, SamplesSource):
            path = file.folder / source.file
            samples.append(read_samples(path, source.columns, source=name, relative_to=file.folder)[0])
        elif isinstance(source, ProductSource):
            path = file.folder / source.file
            product.append(read_product(path, source.subject_id, source.units, source=name, relative_to=file.folder)[0])
    return pl.concat(samples), pl.concat(product)


def _quantified(groups: Sequence[Group], tables: Tables, progress: Progress) -> Tables:
    from correlates.quantify import detection, quantify, review
    from correlates.quantify import plates as by_plate

    paths = dict(tables["files"].select("file_id", "path").iter_rows())
    declared = (MEASUREMENTS, CURVES, CURVE_POINTS, CHECKS, *REVIEW)
    parts: dict[str, list[pl.DataFrame]] = {table.name: [tables.get(table.name, table.empty())] for table in declared}
    problems: list[Problem] = []
    for group in groups:
        progress(f"quantifying {group.name}: {group.wells.height:,} wells")
        given = (group.wells, tables["samples"], tables["product"], group.settings)
        try:
            found = quantify(group.name, *given, files=paths)
            results = by_plate.plate_results(group.name, *given, paths)
        except InputError as error:
            problems += error.problems
            continue
        wells = review.with_analytes(group.wells, group.settings)
        made = {
            "measurements": found.measurements,
            "curves": found.curves,
            "curve_points": found.curve_points,
            "checks": found.checks.filter(pl.col("rule") != "in_manifest"),  # there need not be one
            "plate_results": results,
            "control_results": by_plate.control_results(results),
            "plate_ratios": by_plate.plate_ratios(results),
            "replicate_sets": review.replicate_sets(wells, results, group.name),
            "printed_curves": review.printed_curves(wells, group.name),
        }
        if isinstance(group.settings, Dpcr):
            made["partition_wells"] = review.partition_wells(group.wells, group.settings, group.name)
            made["blank_limits"] = review.blank_limits(group.wells, group.settings, group.name)
        else:
            made["instrument_ratios"] = by_plate.instrument_ratios(results)
        if isinstance(group.settings, Qpcr):
            limits = detection.of_wells(group.wells, group.settings, group.name)
            made["detection_levels"] = limits.levels
            made["detection_limits"] = limits.limits
            made["detection_curves"] = limits.curves
        for name, frame in made.items():
            parts[name].append(frame)
    if problems:
        raise InputError(problems)
    return {name: pl.concat(frames) for name, frames in parts.items()}


def _pairs(groups: Sequence[Group]) -> dict[str, Agreement]:
    """Assays whose samples may be the same: every two of them."""
    return {
        f"{a.name} and {b.name}": Agreement(do="agreement", assays=(a.name, b.name)) for a, b in combinations(groups, 2)
    }


def _agreement(pairs: Mapping[str, Agreement], measurements: pl.DataFrame) -> pl.DataFrame:
    from correlates.quantify.agreement import AgreementSettings, agreement

    parts = [agreement(name, measurements, AgreementSettings(assays=pair.assays)) for name, pair in pairs.items()]
    return pl.concat([AGREEMENT.empty(), *parts])


def _described(files: Sequence[Path], groups: Sequence[Group], pairs: Mapping[str, Agreement]) -> Plan:
    """What was done as a plan: it can be copied into one."""
    count = f"{len(files)} file{'s' if len(files) != 1 else ''}"
    title = files[0].name if len(files) == 1 else f"{count}: {', '.join(g.settings.label or g.name for g in groups)}"
    return Plan(
        study=Study(id="Assay report", title=title),
        assays={g.name: g.settings for g in groups},
        analyses=dict(pairs),
    )
