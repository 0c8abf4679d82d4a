"""From the tables of a run to its figures, methods and report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from correlates.pipeline.analyses import methods_used
from correlates.pipeline.conventions import conventions_used
from correlates.pipeline.manifest import code_fingerprint
from correlates.pipeline.pseudonyms import pseudonymise, subject_names
from correlates.pipeline.store import Progress
from correlates.pipeline.translate import class_order, labels, populations, used
from correlates.plan import Plan
from correlates.plan.analyses import (
    Agreement,
    Compare,
    EfficacyAgainstToxicity,
    Forest,
    MissingData,
    Subgroups,
    Survival,
)
from correlates.plan.exposure_analyses import Persistence, Sensitivity
from correlates.provenance import environment
from correlates.terms import Reason

if TYPE_CHECKING:
    from correlates.figures import FigureSettings


def publish(
    plan: Plan, tables: Mapping[str, pl.DataFrame], folder: Path, stages: Mapping[str, str], progress: Progress
) -> tuple[str, ...]:
    """Write figures, methods.md and report.html into a run folder; returns the names of the figures."""
    from correlates.association.notices import Notice
    from correlates.figures import FIGURES, Drawn, library, save
    from correlates.report import Block, Facts, compose, markdown, render

    with library() as script:  # it is put together while the charts are drawn
        shown = pseudonymise(tables) if plan.report.pseudonyms else dict(tables)
        names = printed_labels(plan, shown)
        settings = figure_settings(plan, names)
        figures: dict[str, dict[str, tuple[Drawn, ...]]] = {}
        for figure in FIGURES:
            charts = figure.draw(shown, settings)
            for chart in charts:
                progress(f"drawing {chart.name}")
                save(chart, folder / "figures")
            figures.setdefault(figure.section, {})[figure.code] = charts
        items = (*used(plan, methods_used(plan.analyses, tables)), *conventions_used(plan.analyses))
        general = _general(plan)
        facts = Facts(
            title=plan.study.title,
            study=plan.study.id,
            product=plan.study.product,
            labels=names,
            notices={notice.value: notice.label for notice in Notice},
            comparisons=tuple(name for name, a in plan.analyses.items() if isinstance(a, Compare)),
            forests=tuple(name for name, a in plan.analyses.items() if isinstance(a, Forest)),
            missing=tuple(name for name, a in plan.analyses.items() if isinstance(a, MissingData)),
            used=items,
            general=general,
            blocks=(
                Block(
                    title="The plan, with every default in force",
                    text=plan_text(plan, subject_names(tables) if plan.report.pseudonyms else None),
                ),
                Block(title="Software", text=json.dumps({**environment(), "code": code_fingerprint()}, indent=1)),
                Block(title="Stage keys", text=json.dumps(dict(stages), indent=1)),
            ),
        )
        progress("writing the report")
        page = render(compose(shown, figures, facts), script())
    _write_models(shown["models"], folder)
    (folder / "report.html").write_text(page, encoding="utf-8")
    (folder / "methods.md").write_text(markdown(plan.study.title, items, general), encoding="utf-8")
    return tuple(chart.name for kinds in figures.values() for drawn in kinds.values() for chart in drawn)


def _write_models(models: pl.DataFrame, folder: Path) -> None:
    """Each model of the run as a file of its own, for ``correlates predict``."""
    for name, text in models.filter(pl.col("stat_name") == "json").select("analysis_id", "text").iter_rows():
        target = folder / "models" / f"{name}.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(text + "\n", encoding="utf-8")


def printed_labels(plan: Plan, tables: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    """Label of everything that is printed, the population of every treated subject included."""
    everybody = {name: p.label for name, p in populations(plan).items() if p.label}
    return everybody | labels(plan, tables)


def figure_settings(plan: Plan, names: Mapping[str, str]) -> FigureSettings:
    """What the figures of a plan show, and how its things are called."""
    from correlates.figures import FigureSettings

    return FigureSettings(
        expansion=plan.report.expansion,
        profiles=plan.report.profiles,
        forest=plan.report.forest,
        flow=plan.report.flow,
        response=plan.report.response,
        reasons={reason.value: reason.label for reason in Reason},
        toxicity=plan.report.toxicity,
        survivals=tuple(name for name, a in plan.analyses.items() if isinstance(a, Survival) and a.figure),
        curves=plan.report.response_curves,
        rates=plan.report.quartile_rates,
        by_biomarker=plan.report.survival_by_biomarker,
        comparisons=tuple(name for name, a in plan.analyses.items() if isinstance(a, Compare) and a.figure),
        forests=tuple(name for name, a in plan.analyses.items() if isinstance(a, Forest) and a.figure),
        maps={n: a.named for n, a in plan.analyses.items() if isinstance(a, EfficacyAgainstToxicity) and a.figure},
        subgroups=tuple(name for name, a in plan.analyses.items() if isinstance(a, Subgroups) and a.figure),
        confirmations=tuple(a.assays for a in plan.analyses.values() if isinstance(a, Agreement)),
        sensitivities=tuple(name for name, a in plan.analyses.items() if isinstance(a, Sensitivity) and a.figure),
        persistence=tuple(name for name, a in plan.analyses.items() if isinstance(a, Persistence)),
        labels=names,
        order={name: order for name in plan.endpoints if (order := class_order(plan, name))},
    )


def plan_text(plan: Plan, names: Mapping[str, str] | None = None) -> str:
    """The plan as YAML, with every default in force; subjects that it names are called by ``names``, where given."""
    import io

    from ruamel.yaml import YAML

    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    yaml.width = 120
    stream = io.StringIO()
    data = plan.model_dump(mode="json", exclude_none=True)
    for parameter in data["parameters"].values():
        line = parameter.get("line")
        if line and names:
            line["days"] = {names.get(subject, "unknown"): days for subject, days in line["days"].items()}
    yaml.dump(data, stream)
    return stream.getvalue()


def _general(plan: Plan) -> tuple[str, ...]:
    kinds = sorted({assay.kind for assay in plan.assays.values()})
    return (
        "Days are relative to the infusion (day 0). A value below or above the limits of quantification is carried as censored at "
        "its own limit. Rank tests compare two values where their limits allow it and count them as tied where not; areas, "
        "regression models and shifts take a censored value by the rule declared for them. A missing value has a reason. "
        f"Everything random follows from seed {plan.study.seed}." + (f" Assays: {', '.join(kinds)}." if kinds else ""),
        *_dates(plan),
    )


def _dates(plan: Plan) -> tuple[str, ...]:
    """How days were made of dates, where the plan says more than which administration is the infusion."""
    days, said = plan.days, []
    if days.conditioning is not None:
        named = [*([days.conditioning.category] if days.conditioning.category else []), *days.conditioning.treatments]
        said.append(
            f"Conditioning is {' or '.join(named)} within {days.conditioning.within} days before the infusion; its first day is known for "
            "each subject."
        )
    for date, rule in days.imputation.items():
        reach = "the month too" if rule.missing == "month" else "the day"
        bound = ", not before the infusion" if rule.not_before_infusion else ""
        said.append(
            f"Incomplete dates of {date.replace('_', ' ')} (where {reach} may be missing) are taken as the {rule.rule} day of what is known{bound}."
        )
    return (" ".join(said),) if said else ()
