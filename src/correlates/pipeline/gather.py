"""Everything a plan names is read: instrument exports, manifest, product, clinical records, plain tables."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import polars as pl

from correlates.endpoints.days import study_days
from correlates.endpoints.settings import Infusion
from correlates.errors import InputError, Problem
from correlates.pipeline.crosscheck import check_files, check_subjects, check_wells
from correlates.pipeline.store import Progress, Tables
from correlates.plan import InputFiles, Plan, PlanFile
from correlates.plan.model import DailySource, FlowSource, ProductSource, SamplesSource, SdtmSource, TableSource
from correlates.quantify.settings import Dpcr
from correlates.readers import read
from correlates.readers.daily import read_daily
from correlates.readers.flow import read_flow
from correlates.readers.records import read_records
from correlates.readers.sdtm import read_sdtm
from correlates.readers.settings import Records
from correlates.readers.tables import read_product, read_samples, read_table
from correlates.schema import (
    AMPLITUDES,
    CHARACTERISTICS,
    CHECKS,
    CLINICAL,
    DAILY,
    FILES,
    PRODUCT,
    SAMPLES,
    SUBJECTS,
    WELLS,
    conform,
)
from correlates.terms import Role

READ = ("files", "wells", "samples", *(table.name for table in CLINICAL))
"""Tables that reading makes."""


def gather(file: PlanFile, inputs: InputFiles, progress: Progress) -> Tables:
    """Read all files of a plan and put every date on the day axis of the infusion.

    Raises
    ------
    InputError
        With the problems of all files, not of the first only; then with what contradicts across files.
    """
    problems: list[Problem] = []
    parts: dict[str, list[pl.DataFrame]] = {name: [] for name in (*READ, AMPLITUDES.name, "checks")}

    def attempt(action: Callable[[], None]) -> None:
        try:
            action()
        except InputError as error:
            problems.extend(error.problems)

    for name in file.plan.sources:
        attempt(lambda name=name: _source(file, name, inputs, parts))  # type: ignore[misc]
    for name, paths in inputs.assays.items():
        progress(f"reading {len(paths)} file{'s' if len(paths) != 1 else ''} of {name}")
        for path in paths:
            attempt(lambda path=path, name=name: _export(file.folder, path, name, parts))  # type: ignore[misc]
    if problems:
        raise InputError(problems)

    tables = {name: pl.concat(frames) for name, frames in parts.items() if frames}
    for table in (FILES, WELLS, SAMPLES, CHECKS, *CLINICAL):
        tables.setdefault(table.name, table.empty())
    tables["product"] = conform(tables["product"], PRODUCT)  # two sources may not give one attribute
    tables["files"] = _once(tables["files"])
    kinds = {type(source) for source in file.plan.sources.values()}
    if SdtmSource not in kinds and tables["subjects"].is_empty():
        tables["subjects"] = _subjects_of(tables)
    check_subjects(tables)
    if kinds & {SdtmSource, Records}:
        _put_on_days(file.plan, tables)
    check_files(tables["files"])
    _count(file, tables)
    tables["wells"] = _controls(file, tables)
    check_wells(file, tables)
    return tables


def _source(file: PlanFile, name: str, inputs: InputFiles, parts: dict[str, list[pl.DataFrame]]) -> None:
    source, paths = file.plan.sources[name], inputs.sources[name]
    if isinstance(source, SdtmSource):
        clinical = read_sdtm(paths, source=name, relative_to=file.folder)
        for table, frame in clinical.tables.items():
            parts[table].append(frame)
        parts["files"].append(clinical.files)
        parts["checks"].append(clinical.checks)
        return
    if isinstance(source, FlowSource):
        for path in paths:
            read_from = read_flow(
                path,
                subject_id=source.subject_id,
                pattern=source.pattern,
                attributes=source.attributes,
                gates=source.gates,
                exclude=source.exclude,
                source=name,
                relative_to=file.folder,
            )
            for table, part in zip((PRODUCT.name, "checks", "files"), read_from, strict=True):
                parts[table].append(part)
        return
    path = paths[0]
    if isinstance(source, SamplesSource):
        samples, row = read_samples(path, source.columns, source=name, relative_to=file.folder)
        parts["samples"].append(samples)
        parts["files"].append(row)
        return
    if isinstance(source, ProductSource):
        frame, checks, row = read_product(path, source.subject_id, source.units, source=name, relative_to=file.folder)
        table = PRODUCT.name
    elif isinstance(source, Records):
        frame, checks, row = read_records(path, source, source=name, relative_to=file.folder)
        table = source.table
    elif isinstance(source, TableSource):
        frame, checks, row = read_table(
            path, source.subject_id, source.unit_of_analysis, source.columns, source=name, relative_to=file.folder
        )
        table = CHARACTERISTICS.name
    elif isinstance(source, DailySource):
        frame, checks, row = read_daily(
            path, source.subject_id, source.day, source.items, source=name, relative_to=file.folder
        )
        table = DAILY.name
    parts[table].append(frame)
    parts["checks"].append(checks)
    parts["files"].append(row)


def _once(files: pl.DataFrame) -> pl.DataFrame:
    """One row per file: one file may hold the records of several tables, each of which is a source."""
    records = pl.col("reader").str.starts_with("records-")
    several = files.filter(records & pl.len().over("file_id", "path").gt(1))
    if several.is_empty():
        return files
    first = several.group_by("file_id", "path", maintain_order=True).agg(
        pl.col("source").str.join(", "),
        pl.col("reader").str.join(", "),
        pl.exclude("file_id", "path", "source", "reader").first(),
    )
    rest = files.join(several.select("file_id", "path", "source"), on=["file_id", "path", "source"], how="anti")
    return pl.concat([rest, first.select(files.columns)])


def _put_on_days(plan: Plan, tables: Tables) -> None:
    """Fill the days of the clinical tables, and add what was found on the way to the checks."""
    declared = [plan.days.infusion] if plan.days.infusion is not None else []
    declared += [s.infusion for s in plan.sources.values() if isinstance(s, SdtmSource)]
    rules = [rule for rule in dict.fromkeys(declared) if rule != Infusion()] or [Infusion()]
    clinical = {table.name: tables[table.name] for table in CLINICAL}
    dated = study_days(clinical, rules[0], plan.days.conditioning, plan.days.imputation)
    tables.update(dated.tables)
    tables["checks"] = pl.concat([tables["checks"], dated.checks])


def _export(folder: Path, path: Path, assay: str, parts: dict[str, list[pl.DataFrame]]) -> None:
    export = read(path, relative_to=folder, source=assay)
    parts["files"].append(export.file)
    parts["wells"].append(export.wells)
    parts["amplitudes"].append(export.amplitudes)


def _count(file: PlanFile, tables: Tables) -> None:
    """Positive partitions of wells whose files list amplitudes, by the rules of their assay; the amplitudes end here."""
    amplitudes = tables.pop("amplitudes", AMPLITUDES.empty())
    if amplitudes.is_empty():
        return
    from correlates.quantify.amplitudes import count_wells

    sources = tables["files"].select("file_id", "source")
    parts, checks = [], [tables["checks"]] if "checks" in tables else []
    for name in dict.fromkeys(sources["source"]):
        mine = tables["wells"].join(sources.filter(pl.col("source") == name), on="file_id", how="semi")
        settings = file.plan.assays.get(name)
        if isinstance(settings, Dpcr):
            found = count_wells(mine, amplitudes, settings, name)
            mine = found.wells
            checks.append(found.checks)
        parts.append(mine)
    tables["wells"] = pl.concat(parts)
    tables["checks"] = pl.concat(checks)


def _controls(file: PlanFile, tables: Tables) -> pl.DataFrame:
    """The wells, those of declared control samples with the role of a control."""
    wells = tables["wells"].join(tables["files"].select("file_id", "source"), on="file_id", how="left")
    role = pl.col("role")
    for name, assay in file.plan.assays.items():
        for pattern in assay.controls:
            mine = (pl.col("source") == name) & (pl.col("role") == Role.UNKNOWN.value)
            names = [s for s in wells["sample_id"].drop_nulls().unique() if fnmatchcase(s, pattern)]
            role = pl.when(mine & pl.col("sample_id").is_in(names)).then(pl.lit(Role.QC.value)).otherwise(role)
    return wells.with_columns(role=role).drop("source")


def _subjects_of(tables: Tables) -> pl.DataFrame:
    """Without a table of subjects: every subject of the clinical records, the manifest, the product table, the plain and the daily tables, once."""
    ids: dict[str, str] = {}
    for name in (table.name for table in CLINICAL if table.name != SUBJECTS.name):
        for subject, origin in tables[name].select("subject_id", "source_id").iter_rows():
            ids.setdefault(subject, origin)
    for subject, sample in tables["samples"].select("subject_id", "sample_id").iter_rows():
        ids.setdefault(subject, sample)
    return SUBJECTS.frame([{"subject_id": subject, "source_id": origin} for subject, origin in ids.items()])
