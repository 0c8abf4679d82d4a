"""Tables, figures and methods to the content of a report, in the order in which it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from correlates import tables as show
from correlates.figures import Drawn
from correlates.report.content import Block, Content, Section
from correlates.report.methods import Used, paragraphs, references
from correlates.tables import DisplayTable
from correlates.terms import Reason, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the report says beside the tables and figures.

    Attributes
    ----------
    labels
        Label of a parameter, endpoint, class, assay or method.
    notices
        Sentence of a notice of the results.
    used
        What the run used, for the methods.
    general
        Paragraphs that open the methods.
    blocks
        Plan with its defaults, software, stage keys: shown as they are.
    """

    title: str
    study: str
    product: str | None
    labels: Mapping[str, str]
    notices: Mapping[str, str]
    used: Sequence[Used]
    general: Sequence[str]
    blocks: tuple[Block, ...]


def compose(tables: Mapping[str, pl.DataFrame], figures: Mapping[str, tuple[Drawn, ...]], facts: Facts) -> Content:
    """The content of the report.

    Parameters
    ----------
    tables
        The tables of the run by name.
    figures
        Charts by section (assays, kinetics, associations).
    facts
        Everything else.
    """
    reasons = {reason.value: reason.label for reason in Reason}
    labels = facts.labels
    overview = _present(
        show.endpoints(tables["outcomes"], labels, reasons), show.exclusions(tables["exclusions"], labels, reasons)
    )
    sources = references(facts.used)
    sections = (
        Section(name="overview", title="Study and data", text=_overview_text(tables), tables=overview),
        Section(
            name="assays",
            title="Assay quality",
            figures=figures.get("assays", ()),
            tables=_present(
                show.assays(tables["measurements"], tables["curves"], labels), show.checks(tables["checks"], labels)
            ),
        ),
        Section(
            name="kinetics",
            title="Cellular kinetics and parameters",
            figures=figures.get("kinetics", ()),
            tables=_present(show.parameters(tables["parameters"])),
        ),
        Section(
            name="associations",
            title="Associations with efficacy and toxicity",
            text=_association_text(tables["results"]),
            figures=figures.get("associations", ()),
            tables=_present(show.univariable(tables["results"], labels, reasons, facts.notices)),
        ),
        Section(
            name="methods",
            title="Methods",
            text=(*facts.general, *paragraphs(facts.used, sources)),
            blocks=(
                Block(title="References", text="\n".join(f"{i}. {s}" for i, s in enumerate(sources, 1)), open=True),
            ),
        ),
        Section(name="provenance", title="Provenance", tables=(show.files(tables["files"]),), blocks=facts.blocks),
    )
    kept = tuple(s for s in sections if s.text or s.figures or s.tables or s.blocks)
    return Content(title=facts.title, study=facts.study, product=facts.product, brief=_brief(tables), sections=kept)


def _present(*tables: DisplayTable | None) -> tuple[DisplayTable, ...]:
    return tuple(table for table in tables if table is not None and table.rows)


def _brief(tables: Mapping[str, pl.DataFrame]) -> tuple[tuple[str, str], ...]:
    results = tables["results"]
    counts = (
        ("subjects", tables["subjects"].height),
        ("instrument files", tables["wells"]["file_id"].n_unique() if tables["wells"].height else 0),
        ("wells", tables["wells"].height),
        ("measurements", tables["measurements"].height),
        ("parameters", tables["parameters"]["code"].n_unique() if tables["parameters"].height else 0),
        ("tests", results.filter((pl.col("stat_name") == "p") & pl.col("value").is_not_null()).height),
    )
    return tuple((label, f"{n:,}") for label, n in counts if n)


def _overview_text(tables: Mapping[str, pl.DataFrame]) -> tuple[str, ...]:
    subjects, measurements, checks = tables["subjects"], tables["measurements"], tables["checks"]
    treated = subjects["infusion_date"].is_not_null().sum()
    lines = [f"{subjects.height} subjects" + (f", {treated} with a recorded infusion." if treated else ".")]
    if measurements.height:
        excluded = measurements.filter(pl.col("status") == Status.EXCLUDED.value).height
        samples = measurements["sample_id"].n_unique()
        lines.append(
            f"{measurements.height:,} measurements of {samples:,} samples; {excluded:,} were excluded by a declared rule."
        )
    failed = checks.filter(~pl.col("passed")).height
    if checks.height:
        lines.append(
            f"{checks.height:,} rules were applied to files, plates, samples and subjects; {failed:,} did not hold."
        )
    return (" ".join(lines),)


def _association_text(results: pl.DataFrame) -> tuple[str, ...]:
    tests = results.filter((pl.col("stat_name") == "p") & (pl.col("level") == ""))
    if tests.is_empty():
        return ()
    declared = tests.filter("prespecified").height
    failed = tests.filter(pl.col("error").is_not_null()).height
    text = (
        f"{tests.height:,} tests were made, {declared:,} of them of prespecified biomarkers. Raw and adjusted P values stand side by "
        "side; families are those of the plan. Exploratory results generate hypotheses."
    )
    if failed:
        text += f" {failed:,} could not be made; each says why."
    return (text,)
