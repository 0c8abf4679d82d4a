"""From the words of a plan to the settings of the stages, and to labels for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal

import polars as pl

from correlates.association.settings import Biomarker, Endpoint
from correlates.dataset.settings import Population
from correlates.endpoints.settings import ORDER, BestResponse, DurableClass
from correlates.endpoints.words import categories
from correlates.plan import Plan, PlanFile, biomarker_groups, expand
from correlates.plan.follow import ALL
from correlates.report import Used
from correlates.terms import Durability, OutcomeKind

_CLASS_LABELS = {
    Durability.DURABLE: "Durable responders",
    Durability.RELAPSED: "Relapsed",
    Durability.NONRESPONDER: "Nonresponders",
    Durability.UNDETERMINED: "Undetermined",
}


def populations(plan: Plan) -> dict[str, Population]:
    """The populations of a plan, with the one of every treated subject."""
    return {ALL: Population(label="All treated subjects"), **plan.populations}


def class_order(plan: Plan, name: str) -> tuple[str, ...]:
    """Classes of a class endpoint in the order in which they are shown; empty where the data decide."""
    endpoint = plan.endpoints.get(name)
    if isinstance(endpoint, DurableClass):
        return tuple(d.value for d in ORDER)
    if isinstance(endpoint, BestResponse):
        return tuple(r.value for r in categories(endpoint.criteria))
    return ()


def biomarkers(file: PlanFile, parameters: pl.DataFrame) -> list[Biomarker]:
    """The declared biomarkers that the data have, with patterns expanded over the analytes."""
    facts = {
        row["code"]: row
        for row in parameters.group_by("code", maintain_order=True)
        .agg(pl.col("label", "kind").first(), pl.col("unit", "category").drop_nulls().first())
        .iter_rows(named=True)
    }
    made = []
    for group, (patterns, prespecified) in biomarker_groups(file).items():
        for code in expand(patterns, list(facts)):
            fact = facts[code]
            categorical = fact["category"] is not None
            kind: Literal["categorical", "numeric"] = "categorical" if categorical else "numeric"
            made.append(
                Biomarker(
                    code=code,
                    label=fact["label"],
                    unit=fact["unit"],
                    group=group,
                    prespecified=prespecified,
                    scale=_scale(file.plan, code, fact["kind"]),
                    kind=kind,
                )
            )
    return made


def _scale(plan: Plan, code: str, kind: str) -> Literal["log2", "sd", "unit"]:
    """What an odds ratio is per: as the plan declares it, otherwise as the kind of parameter has it."""
    from correlates.parameters import record

    declared = getattr(plan.parameters.get(code), "scale", None)
    return declared or record(kind).scale


def endpoint(plan: Plan, name: str, outcomes: pl.DataFrame, *, classes: tuple[str, ...] | None = None) -> Endpoint:
    """An endpoint as the analyses see it; ``classes`` restricts a class endpoint, the others being left out."""
    rows = outcomes.filter(pl.col("endpoint") == name)
    kind = OutcomeKind(rows["kind"][0]) if rows.height else OutcomeKind.BINARY
    label = plan.endpoints[name].label or name
    if kind is not OutcomeKind.CLASS:
        return Endpoint(name=name, label=label, kind=kind)
    there = rows["category"].drop_nulls().unique().sort().to_list()
    levels = classes or tuple(c for c in class_order(plan, name) if c in there) or tuple(there)
    return Endpoint(
        name=name, label=label, kind=kind, levels=levels, left_out=tuple(c for c in there if c not in levels)
    )


def labels(plan: Plan, tables: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    """Labels of parameters, endpoints, assays, methods and (as ``class:NAME``) classes."""
    from correlates.association import RECORDS
    from correlates.association.model_record import MODEL_METHODS

    found = {f"class:{d.value}": label for d, label in _CLASS_LABELS.items()}
    found |= {method.code: method.label for method in RECORDS}
    found |= {method.code: method.label for method in MODEL_METHODS}
    found |= dict(tables["parameters"].select("code", "label").unique(maintain_order=True).iter_rows())
    for part in (plan.assays, plan.endpoints, plan.populations):
        found |= {name: item.label for name, item in part.items() if item.label}
    results = tables.get("results")
    if results is not None:
        composed = [n for n in results["endpoint"].unique(maintain_order=True) if n not in plan.endpoints]
        found |= {name: _composed(name, found) for name in composed}
    return found


def _composed(name: str, labels: Mapping[str, str]) -> str:
    """Label of two endpoints at once, or of one on another clock than from the infusion."""
    from correlates.association.inquiry import BETWEEN
    from correlates.association.timing import NAIVE, clock_of

    parts = []
    for part in name.split(BETWEEN):
        endpoint, clock = clock_of(part)
        told = "naive: immortal-time biased" if clock == NAIVE else clock
        label = labels.get(endpoint, endpoint)
        parts.append(f"{label} ({told})" if told else label)
    return " | ".join(parts)


def used(plan: Plan, wanted: Mapping[str, tuple[str, ...]]) -> tuple[Used, ...]:
    """What the plan uses, kind by kind, for the methods text; ``wanted`` are codes of methods of association, with their analyses."""
    from correlates.association import RECORDS
    from correlates.association.model_record import MODEL_METHODS
    from correlates.endpoints import ENDPOINTS
    from correlates.endpoints.assessed import criteria_of
    from correlates.parameters import record
    from correlates.parameters.in_force import in_force
    from correlates.population import MODELS
    from correlates.quantify import QUANTIFIERS

    items = []
    for quantifier in QUANTIFIERS:
        for name, assay in plan.assays.items():
            if assay.kind == quantifier.code:
                items.append(_used("Assay", (name,), quantifier, _settings(assay)))
    for model in MODELS:
        for name, fitted in plan.population_models.items():
            if fitted.model == model.code:
                items.append(_used("Population model", (name,), model, _settings(fitted)))
    kinds: dict[str, list[str]] = {}
    for code, parameter in plan.parameters.items():
        kinds.setdefault(parameter.take, []).append(code)
    items += [
        _used(
            "Parameter",
            tuple(codes),
            record(kind),
            _together({code: in_force(plan.parameters[code]) for code in codes}),
        )
        for kind, codes in kinds.items()
    ]
    for endpoint_kind in ENDPOINTS:
        for name, item in plan.endpoints.items():
            if item.derive == endpoint_kind.code:
                items.append(_used("Endpoint", (name,), endpoint_kind, _settings(item)))
    named = dict.fromkeys(criteria_of(getattr(item, "criteria", None)) for item in plan.endpoints.values())
    settings = _settings(plan.lesions)
    items += [_used("Response rule", (), criteria, settings) for criteria in named if criteria is not None]
    items += [_used("Statistic", wanted[r.code], r, ()) for r in RECORDS if r.code in wanted]
    items += [_used("Multivariable model", wanted[r.code], r, ()) for r in MODEL_METHODS if r.code in wanted]
    return tuple(items)


def _together(several: Mapping[str, tuple[tuple[str, str], ...]]) -> tuple[tuple[str, str], ...]:
    """Settings of several parameters of one kind: a value that all have once, others with the codes of those that have them."""
    found: dict[str, dict[str, list[str]]] = {}
    for code, settings in several.items():
        for key, text in settings:
            found.setdefault(key, {}).setdefault(text, []).append(code)
    return tuple(
        (
            key,
            ", ".join(
                text if len(codes) == len(several) else f"{text} ({', '.join(codes)})" for text, codes in values.items()
            ),
        )
        for key, values in found.items()
    )


def _used(topic: str, names: tuple[str, ...], record: Any, settings: tuple[tuple[str, str], ...]) -> Used:
    return Used(
        topic=topic,
        names=names,
        label=str(record.label),
        formula=record.formula,
        citation=record.citation,
        settings=settings,
    )


def _settings(item: object) -> tuple[tuple[str, str], ...]:
    """Every setting in force, as words."""
    if not is_dataclass(item):
        return ()
    skip = {"kind", "derive", "take", "files", "label", "targets", "analytes", "chain"}
    found = []
    for field in fields(item):
        value = getattr(item, field.name)
        if field.name in skip or value in (None, (), {}):
            continue
        if is_dataclass(value):
            found += [(f"{field.name}.{key}", text) for key, text in _settings(value)]
        else:
            found.append((field.name, _words(value)))
    return tuple(found)


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_words(part) for part in value) + "]"
    if isinstance(value, float):
        return f"{value:g}"
    if is_dataclass(value):
        return ", ".join(f"{key} {text}" for key, text in _settings(value))
    return "none" if value is None else str(value)
