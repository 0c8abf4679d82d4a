"""From the tables of an assay report to its figures and its page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from correlates.pipeline.assay import KINDS
from correlates.pipeline.manifest import code_fingerprint
from correlates.pipeline.publish import plan_text
from correlates.pipeline.store import Progress
from correlates.pipeline.translate import used
from correlates.plan import Plan
from correlates.provenance import environment
from correlates.schema import MEASUREMENTS
from correlates.terms import Reason, Role

if TYPE_CHECKING:
    from correlates.figures import Drawn, FigureSettings
    from correlates.report import Section
    from correlates.tables import DisplayTable

_MOST_RESULTS = 20_000
"""Results of samples that stand in the page; more are in the folder alone."""

_GENERAL = (
    "Each assay is quantified by the settings below; where none are declared they are the defaults of the software, and every target is "
    "an analyte of its own. Values outside the limits of quantification are censored at their limit. Results by plate, control charts "
    "and plate ratios are of each plate alone, before any unit chain."
)


def publish(
    plan: Plan, tables: Mapping[str, pl.DataFrame], folder: Path, stages: Mapping[str, str], progress: Progress
) -> tuple[tuple[str, ...], str]:
    """Write figures, methods.md and report.html; returns the names of the figures and the settings as a plan."""
    from correlates.figures import Drawn, FigureSettings, library, save
    from correlates.report import Block, Content, Section, Source, Text, markdown, render
    from correlates.report.methods import paragraphs, references
    from correlates.tables import files as file_table

    with library() as script:
        settings = FigureSettings(labels={n: a.label for n, a in plan.assays.items() if a.label})
        sections = [_overview(plan, tables)]
        sections += [_assay(plan, name, tables, settings) for name in plan.assays]
        together = _together(tables, settings)
        sections += [together] if together is not None else []
        items, text = used(plan, {}), plan_text(plan)
        sources = references(items)
        sections += [
            Section(
                name="methods",
                title="Methods",
                parts=(Text(paragraphs=(_GENERAL, *paragraphs(items, sources))), Source(entries=sources)),
            ),
            Section(
                name="provenance",
                title="Provenance",
                parts=(
                    *([listed] if (listed := file_table(tables["files"])) else []),
                    Block(title="The settings as a plan, with every default in force", text=text),
                    Block(title="Software", text=json.dumps({**environment(), "code": code_fingerprint()}, indent=1)),
                    Block(title="Stage keys", text=json.dumps(dict(stages), indent=1)),
                ),
            ),
        ]
        charts = [part for section in sections for part in section.parts if isinstance(part, Drawn)]
        for chart in charts:
            progress(f"drawing {chart.name}")
            save(chart, folder / "figures")
        counts = (
            ("file", tables["files"].height),
            ("plate", tables["wells"].select("file_id", "plate").n_unique()),
            ("well", tables["wells"].height),
            ("result", tables["measurements"].height),
            ("check", tables["checks"].filter(~pl.col("passed")).height),
        )
        ends = {"check": " that did not hold"}
        content = Content(
            title=plan.study.title,
            study=plan.study.id,
            product=None,
            brief=tuple((f"{word}{'' if n == 1 else 's'}{ends.get(word, '')}", f"{n:,}") for word, n in counts),
            sections=tuple(sections),
        )
        progress("writing the report")
        page = render(content, script())
    (folder / "report.html").write_text(page, encoding="utf-8")
    (folder / "methods.md").write_text(markdown(plan.study.title, items, (_GENERAL,)), encoding="utf-8")
    return tuple(chart.name for chart in charts), text


def _overview(plan: Plan, tables: Mapping[str, pl.DataFrame]) -> Section:
    from correlates.report import Section
    from correlates.tables import assays
    from correlates.tables.assay_tables import overview

    software = {
        source: ", ".join(sorted({s for s in found if s}))
        for source, found in tables["files"].group_by("source").agg("software").iter_rows()
    }
    groups = [(name, KINDS[a.kind], software.get(name, "")) for name, a in plan.assays.items()]
    labels = {name: a.label or name for name, a in plan.assays.items()}
    parts: list[DisplayTable] = [overview(groups, tables["files"], tables["wells"], tables["measurements"])]
    results = assays(tables["measurements"], labels)
    return Section(name="overview", title="Overview", parts=(*parts, *([results] if results else [])))


def _of(assay: str, tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The tables of one assay; those without a column for it stay whole."""
    return {
        name: frame.filter(pl.col("assay") == assay) if "assay" in frame.columns else frame
        for name, frame in tables.items()
    }


def _assay(plan: Plan, name: str, tables: Mapping[str, pl.DataFrame], settings: FigureSettings) -> Section:
    from correlates.figures.assay_charts import ASSAY_FIGURES
    from correlates.figures.assays import RECOVERY, STANDARD_CURVES
    from correlates.quantify.review import with_analytes
    from correlates.report import Section, Text
    from correlates.tables import assay_tables as show
    from correlates.tables import checks, checks_by_rule, limit_tables

    mine = _of(name, tables)
    of_assay = tables["files"].filter(pl.col("source") == name)["file_id"]
    wells = with_analytes(mine["wells"].filter(pl.col("file_id").is_in(of_assay.implode())), plan.assays[name])
    drawn: dict[str, tuple[Drawn, ...]] = {"curves": (*STANDARD_CURVES.draw(mine, settings),)}
    if drawn["curves"] and mine["curves"].filter(pl.col("model") == "linear")["target"].n_unique() > _FEW:
        drawn["curves"] = ()  # a panel each, below
    for figure in ASSAY_FIGURES:
        if figure.section != "agreement":
            drawn[figure.section] = (*drawn.get(figure.section, ()), *figure.draw(mine, settings))
    drawn["curves"] = (*drawn["curves"], *RECOVERY.draw(mine, settings))
    labels = {n: a.label or n for n, a in plan.assays.items()}
    reasons = {reason.value: reason.label for reason in Reason}
    results = mine["measurements"]
    if results.height > _MOST_RESULTS:
        results = MEASUREMENTS.empty()
    topics: tuple[tuple[str, tuple[Drawn, ...], tuple[DisplayTable | None, ...]], ...] = (
        (
            "Calibration",
            drawn["curves"],
            (
                show.standard_curves(name, mine["curves"], mine["printed_curves"]),
                show.logistic_curves(name, mine["curves"]),
                show.standards(name, mine["curves"], mine["curve_points"]),
                show.instrument_ratios(name, mine["instrument_ratios"]),
            ),
        ),
        (
            "Limits of detection and quantification",
            drawn["limits"],
            (
                limit_tables.detection_limits(name, mine["detection_limits"]),
                limit_tables.detection_levels(name, mine["detection_levels"]),
            ),
        ),
        (
            "Partitions",
            drawn["partitions"],
            (
                limit_tables.thresholds(name, mine["thresholds"]),
                show.partitions(name, mine["partition_wells"]),
            ),
        ),
        (
            "Replicate wells",
            drawn["replicates"],
            (show.replicates(name, mine["replicate_sets"]), show.worst_replicates(name, mine["replicate_sets"])),
        ),
        ("Blanks", (), (limit_tables.blank_limits(name, mine["blank_limits"]), show.blanks(name, wells))),
        ("Controls", drawn["controls"], (show.controls(name, mine["control_results"]),)),
        ("Plates", drawn["plates"], (show.plate_ratios(name, mine["plate_ratios"]),)),
        ("Samples", (), (show.samples(name, results, reasons),)),
        (
            "Rules",
            (),
            tuple(
                _renamed(table, name)
                for table in (checks_by_rule(mine["checks"], labels), checks(mine["checks"], labels))
            ),
        ),
    )
    parts: list[Drawn | DisplayTable | Text] = []
    for title, charts, shown in topics:
        kept = [table for table in shown if table is not None]
        note = _note(title, mine, wells, plan, name)
        if charts or kept or note:
            parts.append(Text(title=title, paragraphs=note))
            parts += [*charts, *kept]
    return Section(name=f"assay-{name}", title=labels[name], parts=tuple(parts))


_FEW = 3


def _renamed(table: DisplayTable | None, assay: str) -> DisplayTable | None:
    from dataclasses import replace

    return None if table is None else replace(table, name=f"{table.name}_{assay}")


def _note(
    topic: str, tables: Mapping[str, pl.DataFrame], wells: pl.DataFrame, plan: Plan, name: str
) -> tuple[str, ...]:
    """What a reader must know where there is nothing to show."""
    if topic == "Calibration" and plan.assays[name].kind != "dpcr":
        standards = wells.filter((pl.col("role") == Role.STANDARD.value) & (pl.col("nominal") > 0))
        factory = tables["measurements"]["method"].str.contains("factory").any()
        if standards.is_empty() and not factory:
            return (
                "No standard has a nominal quantity above 0 in the files: no curve can be fitted and no quantity computed.",
            )
        if tables["curves"]["parameters"].null_count() == tables["curves"].height and not factory:
            return ("No curve could be fitted: the rules below say why.",)
    if topic == "Controls" and tables["control_results"].is_empty():
        return ("No well is a control. Samples that are controls can be named: --controls 'QC-*'.",)
    if topic == "Samples" and tables["measurements"].height > _MOST_RESULTS:
        return (f"{tables['measurements'].height:,} results are in tables/measurements.parquet of the report folder.",)
    return ()


def _together(tables: Mapping[str, pl.DataFrame], settings: FigureSettings) -> Section | None:
    from correlates.figures.agreement_charts import BLAND_ALTMAN
    from correlates.report import Section
    from correlates.tables import agreement

    table = agreement(tables["agreement"], settings.labels)
    if table is None:
        return None
    return Section(name="agreement", title="Agreement of assays", parts=(*BLAND_ALTMAN.draw(tables, settings), table))
