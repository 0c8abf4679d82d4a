"""Tables, figures and methods to the content of a report, in the order in which it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from correlates import tables as show
from correlates.figures import Drawn
from correlates.report.content import Block, Content, Part, Section, Source, Text
from correlates.report.methods import Used, paragraphs, references
from correlates.terms import Reason, Status, Timing

_FIRST = "comparison"
"""The figure that stands above the tables it is drawn from; every other figure of a section stands before its tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the report says beside the tables and figures.

    Attributes
    ----------
    labels
        Label of a parameter, endpoint, class, assay or method.
    notices
        Sentence of a notice of the results.
    comparisons
        Analyses that compare one biomarker across classes.
    forests
        Analyses of trees and forests.
    missing
        Analyses of who is left out.
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
    comparisons: tuple[str, ...]
    forests: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    used: Sequence[Used]
    general: Sequence[str]
    blocks: tuple[Block, ...]


def compose(
    tables: Mapping[str, pl.DataFrame], figures: Mapping[str, Mapping[str, tuple[Drawn, ...]]], facts: Facts
) -> Content:
    """The content of the report.

    Parameters
    ----------
    tables
        The tables of the run by name.
    figures
        Charts by section (assays, kinetics, associations) and kind of figure.
    facts
        Everything else.
    """
    drawn = {section: [d for charts in kinds.values() for d in charts] for section, kinds in figures.items()}
    sections = (
        Section(name="overview", title="Study and data", parts=_overview(tables, facts, figures.get("overview", {}))),
        Section(name="assays", title="Assay quality", parts=(*drawn.get("assays", ()), *_assays(tables, facts))),
        Section(
            name="kinetics",
            title="Kinetics and parameters",
            parts=(*drawn.get("kinetics", ()), *_kinetics(tables, facts)),
        ),
        Section(
            name="outcomes",
            title="Outcomes: response, survival, toxicity",
            parts=(*drawn.get("outcomes", ()), *_outcomes(tables, facts)),
        ),
        Section(
            name="associations",
            title="Associations with efficacy and toxicity",
            parts=_associations(tables, figures.get("associations", {}), facts),
        ),
        Section(
            name="balance",
            title="Efficacy against toxicity",
            parts=_balance(tables["results"], drawn.get("balance", []), facts),
        ),
        Section(name="ratio", title="Is the ratio right?", parts=_ratio(tables["results"], facts)),
        Section(
            name="subgroups",
            title="Subgroups",
            parts=_subgroups(tables["results"], drawn.get("subgroups", []), facts),
        ),
        Section(name="forests", title="Trees and forests", parts=_forests(tables, drawn.get("forests", ()), facts)),
        Section(
            name="models",
            title="Multivariable models",
            parts=_models(tables, drawn.get("models", []), facts),
        ),
        Section(name="methods", title="Methods", parts=_methods(facts)),
        Section(name="provenance", title="Provenance", parts=(*_present(show.files(tables["files"])), *facts.blocks)),
    )
    kept = tuple(section for section in sections if section.parts)
    return Content(title=facts.title, study=facts.study, product=facts.product, brief=_brief(tables), sections=kept)


def _reasons() -> dict[str, str]:
    return {reason.value: reason.label for reason in Reason}


def _present(*tables: show.DisplayTable | None) -> tuple[Part, ...]:
    return tuple(table for table in tables if table is not None and table.height)


def _overview(
    tables: Mapping[str, pl.DataFrame], facts: Facts, figures: Mapping[str, tuple[Drawn, ...]]
) -> tuple[Part, ...]:
    reasons, labels = _reasons(), facts.labels
    outcomes, exclusions = tables["outcomes"], tables["exclusions"]
    return (
        Text(paragraphs=_overview_text(tables)),
        *(chart for charts in figures.values() for chart in charts),
        *_present(
            show.populations(tables["analysis"], exclusions, labels, reasons),
            show.endpoints(outcomes, labels, reasons),
            show.rules(outcomes, labels),
            show.exclusions(exclusions, labels, reasons),
        ),
    )


def _outcomes(tables: Mapping[str, pl.DataFrame], facts: Facts) -> tuple[Part, ...]:
    return _present(
        show.sensitivity(tables["sensitivity"], facts.labels),
        show.agreements(tables["responses"]),
        show.disagreements(tables["responses"]),
        show.medians(tables["results"], facts.labels, _reasons(), facts.notices),
        show.at_days(tables["results"], facts.labels),
    )


def _assays(tables: Mapping[str, pl.DataFrame], facts: Facts) -> tuple[Part, ...]:
    checks, labels = tables["checks"], facts.labels
    return _present(
        show.curves(tables["curves"], checks, labels),
        show.assays(tables["measurements"], labels),
        show.agreement(tables["agreement"], labels),
        show.checks_by_rule(checks, labels),
        show.checks(checks, labels),
    )


def _kinetics(tables: Mapping[str, pl.DataFrame], facts: Facts) -> tuple[Part, ...]:
    reasons, fits = _reasons(), tables["population_fits"]
    return _present(
        show.population_fits(fits, facts.labels, reasons),
        show.population_estimates(tables["population_estimates"], fits, reasons),
        show.parameters(tables["parameters"], reasons),
        *show.persistence(tables["persistence_at"], facts.labels),
        *show.exposure_rules(tables["exposure_rules"], tables["exposure_rules_values"], facts.labels, reasons),
    )


def _associations(
    tables: Mapping[str, pl.DataFrame], figures: Mapping[str, tuple[Drawn, ...]], facts: Facts
) -> tuple[Part, ...]:
    results = tables["results"].filter(~pl.col("method").is_in((*show.APART, *show.SURVIVAL_METHODS)))
    if tables["results"].is_empty():
        return (Text(paragraphs=("The plan declares no analysis, or none of its biomarkers has a value.",)),)
    reasons = _reasons()
    elsewhere = (*facts.comparisons, *facts.forests, *facts.missing)
    rest = [chart for kind, charts in figures.items() if kind != _FIRST for chart in charts]
    return (
        Text(paragraphs=(_association_text(results, tables["parameters"]),)),
        *figures.get(_FIRST, ()),
        *show.comparisons(results, facts.comparisons, facts.labels, reasons, facts.notices),
        *rest,
        *_present(
            *(
                show.associations(
                    results,
                    facts.labels,
                    reasons,
                    facts.notices,
                    which,
                    elsewhere,
                )
                for which in ("prespecified", "exploratory")
            ),
            show.pairs(results, facts.labels, elsewhere),
            show.categories(results, facts.labels, elsewhere),
            show.by_group(results, facts.labels),
            *show.left_out(results, facts.missing, facts.labels, reasons),
        ),
    )


def _forests(tables: Mapping[str, pl.DataFrame], drawn: Sequence[Drawn], facts: Facts) -> tuple[Part, ...]:
    shown = show.forests(tables["results"], tables["trees"], facts.forests, facts.labels, _reasons(), facts.notices)
    if not shown:
        return ()
    text = (
        "Trees and forests ask which of many biomarkers tell an endpoint, without a model of how. They find what a single test misses "
        "(a biomarker that matters in some subjects only) and, in a trial of this size, little that is certain."
    )
    return (Text(paragraphs=(text,)), *drawn, *_present(*shown))


def _models(tables: Mapping[str, pl.DataFrame], charts: Sequence[Drawn], facts: Facts) -> tuple[Part, ...]:
    found = tables["models"]
    if found.is_empty():
        return ()
    text = (
        "Each model is told as TRIPOD asks: who was analysed, how candidates became the model, how often each was chosen, and apparent "
        "performance beside what is left of it when everything that was done to the outcome is done again in resamples. With this many "
        "subjects a model is a hypothesis: none is for use on patients before it has held in another trial."
    )
    shown = show.models(found, tables["predictions"], facts.labels, _reasons(), facts.notices)
    return (Text(paragraphs=(text,)), *_present(*shown), *charts)


_INDICATION = (
    "Tocilizumab and corticosteroids are given for toxicity, toxicity follows expansion, and both drugs may change the expansion and the response that come after: an "
    "association of a peak with an outcome holds what the treatment of toxicity did, and none of these models takes that out (confounding by indication)."
)


def _balance(results: pl.DataFrame, charts: Sequence[Drawn], facts: Facts) -> tuple[Part, ...]:
    tables = _present(
        *(
            show.balance(results, facts.labels, _reasons(), facts.notices, which)
            for which in ("prespecified", "exploratory")
        ),
        show.windows(results, facts.labels),
    )
    if not tables:
        return ()
    text = (
        "Each biomarker is modelled against efficacy and toxicity in the same patients at once, so that its two effects can be compared: whether they are the same, whether "
        "one is there and the other lies within the declared margin, and which of five classes the biomarker belongs to, with the probability of each. A class is a "
        "description of these patients: a biomarker known only after the infusion cannot be chosen beforehand."
    )
    return (Text(paragraphs=(text, _INDICATION)), *charts, *tables)


def _ratio(results: pl.DataFrame, facts: Facts) -> tuple[Part, ...]:
    tables = _present(*show.ratios(results, facts.labels, _reasons(), facts.notices))
    if not tables:
        return ()
    text = (
        "A ratio claims that its numerator and denominator act with equal and opposite strength on the logarithmic scale. Here the claim is tested against a model that "
        "gives each its own coefficient, the exponent of the denominator is estimated, and the ratio is compared with its parts."
    )
    return (Text(paragraphs=(text, _INDICATION)), *tables)


def _subgroups(results: pl.DataFrame, charts: Sequence[Drawn], facts: Facts) -> tuple[Part, ...]:
    tables = _present(show.subgroups(results, facts.labels, _reasons(), facts.notices))
    if not tables:
        return ()
    text = (
        "Effects in subgroups declared beforehand. Whether an effect differs between subgroups is told by the test of interaction; trials of this size find only large "
        "differences, so that a large P value does not show that the effect is the same."
    )
    return (Text(paragraphs=(text,)), *charts, *tables)


def _methods(facts: Facts) -> tuple[Part, ...]:
    sources = references(facts.used)
    by_topic: dict[str, list[Used]] = {}
    for item in facts.used:
        by_topic.setdefault(item.topic, []).append(item)
    parts: list[Part] = [Text(paragraphs=tuple(facts.general))]
    parts += [Text(title=f"{topic}s", paragraphs=paragraphs(items, sources)) for topic, items in by_topic.items()]
    return (*parts, *([Source(entries=sources)] if sources else []))


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
    treated = int(subjects["infusion_date"].is_not_null().sum())
    lines = [f"{subjects.height:,} subjects" + (f", {treated:,} with a recorded infusion." if treated else ".")]
    if measurements.height:
        excluded = measurements.filter(pl.col("status") == Status.EXCLUDED.value).height
        samples = measurements["sample_id"].n_unique()
        lines.append(
            f"{measurements.height:,} measurements of {samples:,} samples; {excluded:,} were excluded by a declared rule."
        )
    if checks.height:
        failed = checks.filter(~pl.col("passed")).height
        lines.append(
            f"{checks.height:,} checks were made of files, plates, samples and subjects; {failed:,} did not hold, and each is listed "
            "with what was done about it."
        )
    return (" ".join(lines),)


def _association_text(results: pl.DataFrame, parameters: pl.DataFrame) -> str:
    tests = results.filter((pl.col("stat_name") == "p") & (pl.col("level") == ""))
    made = tests.filter(pl.col("value").is_not_null())
    declared = made.filter("prespecified").height
    text = (
        f"{made.height:,} tests were made, {declared:,} of them of prespecified and {made.height - declared:,} of exploratory biomarkers. "
        "Raw and adjusted P values stand side by side; families are those of the plan. Exploratory results generate hypotheses: they "
        "confirm none."
    )
    later = parameters.filter(pl.col("timing") == Timing.POST.value)["code"].unique()
    if after := made.filter(pl.col("biomarker").is_in(later.implode())).height:
        text += (
            f" {after:,} are of biomarkers measured after the infusion, each known on the day its parameter states: against an event "
            "that began before that day they describe and do not predict."
        )
    failed = tests.height - made.height
    return text + (f" {failed:,} more could not be made; each says why." if failed else "")
