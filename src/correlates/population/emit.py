"""From a posterior to the declared tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl

from correlates.population.density import Floats, P, PriorNumbers, individual_means, unpack
from correlates.population.diagnostics import Diagnostics
from correlates.population.exposures import LABELS, bands, curve_of, label_of, name_of, quantiles, summaries, unit_of
from correlates.population.predictive import check, predict, simulate
from correlates.population.prepare import Prepared
from correlates.population.settings import NAMES, PopulationModel
from correlates.schema import (
    CHECKS,
    POPULATION,
    POPULATION_CURVES,
    POPULATION_ESTIMATES,
    POPULATION_PREDICTIVE,
    POPULATION_SUBJECTS,
    conform,
)
from correlates.terms import Reason

_SUMMARISED = 1000
Rows = list[dict[str, object]]


def nothing(
    name: str,
    settings: PopulationModel,
    prepared: Prepared,
    subjects: Sequence[str],
    reason: Reason,
    detail: str,
    found: Diagnostics | None,
) -> dict[str, pl.DataFrame]:
    """The tables of a model that reports no number: every row is there, with the reason."""
    estimates: Rows = [
        {**row, "reason": reason.value} for row in _named(settings, prepared, _prior_words(settings, prepared, None))
    ]
    rows: Rows = []
    for subject in subjects:
        why = prepared.left_out.get(subject, reason)
        rows += [
            {"subject_id": subject, **_which(quantity, day), "reason": why.value, **_used(prepared, subject)}
            for quantity, day in quantities(settings)
        ]
    return _conformed(
        name,
        settings,
        prepared,
        fits=[_fit_row(settings, prepared, found, reason=reason.value, detail=detail)],
        estimates=estimates,
        subjects=[{**row, "unit": unit_of(str(row["quantity"]), prepared.unit)} for row in rows],
    )


def tables(
    name: str,
    settings: PopulationModel,
    prepared: Prepared,
    subjects: Sequence[str],
    theta: Floats,
    phi: Floats,
    prior: PriorNumbers,
    found: Diagnostics,
) -> dict[str, pl.DataFrame]:
    """The tables of a model that converged; ``theta`` (c, s, d) and ``phi`` (c, s, n, 6) are its draws."""
    thetas, phis = theta.reshape(-1, theta.shape[-1]), phi.reshape(-1, *phi.shape[2:])
    rng = np.random.default_rng([settings.seed or 0, 2])
    simulated = simulate(thetas, prepared.data, correlated=prior.correlated, rng=rng)
    return _conformed(
        name,
        settings,
        prepared,
        fits=[_fit_row(settings, prepared, found, reason=None, detail=None)],
        estimates=_estimates(settings, prepared, thetas, phis, prior, found),
        subjects=_subjects(settings, prepared, subjects, phis),
        points=_points(prepared, thetas, phis, prior, simulated, rng),
        curves=_curves(settings, prepared, phis),
        predictive=_predictive(settings, prepared, simulated),
    )


def quantities(settings: PopulationModel) -> list[tuple[str, float | None]]:
    """Quantity and day of every number of a subject, in their order."""
    made: list[tuple[str, float | None]] = [(name, None) for name in NAMES]
    made += [("auc", end) for end in settings.auc_to] + [("level", day) for day in settings.level_on]
    later = ("days_above_lloq", "doubling_time", "contraction_half_life", "terminal_half_life")
    return made + [(quantity, None) for quantity in later]


def _conformed(name: str, settings: PopulationModel, prepared: Prepared, **rows: Rows) -> dict[str, pl.DataFrame]:
    leveled = {POPULATION_ESTIMATES, POPULATION_SUBJECTS, POPULATION_CURVES, POPULATION_PREDICTIVE}
    made = {}
    for table in POPULATION:
        extra = {"model": name, **({"level": settings.interval} if table in leveled else {})}
        own = [{**row, **extra} for row in rows.get(table.name.removeprefix("population_"), [])]
        made[table.name] = conform(table.frame(own), table)
    made["checks"] = conform(CHECKS.frame(list(prepared.checks)), CHECKS)
    return made


def _fit_row(
    settings: PopulationModel, prepared: Prepared, found: Diagnostics | None, *, reason: str | None, detail: str | None
) -> dict[str, object]:
    codes = prepared.data.code[prepared.data.valid]
    row: dict[str, object] = {
        "label": settings.label or f"Population kinetics of {prepared.analyte}",
        "assay": settings.assay,
        "analyte": prepared.analyte,
        "unit": prepared.unit,
        "method": settings.method,
        "n_subjects": len(prepared.subjects),
        "n_samples": int(codes.size),
        "n_below": int((codes < 0).sum()),
        "n_above": int((codes > 0).sum()),
        "converged": reason is None,
        "reason": reason,
        "detail": detail,
        "seed": settings.seed,
        "settings": json.dumps(asdict(settings), sort_keys=True, ensure_ascii=False),
    }
    if found is not None:
        row |= {
            "chains": found.chains,
            "draws": found.draws,
            "divergences": found.divergences,
            "step": _number(found.step),
            "importance": _number(found.importance),
            "pareto": _number(found.pareto),
            "rhat": None if found.rhat is None else _number(max(found.rhat.max(), found.rhat_subjects or 0.0)),
            "ess_bulk": None if found.ess_bulk is None else _number(found.ess_bulk.min()),
            "ess_tail": None if found.ess_tail is None else _number(found.ess_tail.min()),
        }
    return row


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _used(prepared: Prepared, subject: str) -> dict[str, object]:
    mine = prepared.points.filter(pl.col("subject_id") == subject)
    return {
        "known_on_day": mine["day"].max(),
        "n_samples": mine.height,
        "n_below": int((mine["code"] < 0).sum()),
        "source_ids": mine["measurement_id"].to_list(),
    }


def _named(settings: PopulationModel, prepared: Prepared, priors: dict[str, str]) -> Rows:
    """Kind, name, label, unit and prior of every estimate, in their order."""
    own = prepared.unit
    rows: Rows = [
        {
            "kind": "typical",
            "name": n,
            "label": f"{LABELS[n]} of a typical subject",
            "unit": unit_of(n, own),
            "prior": priors[n],
        }
        for n in NAMES
    ]
    rows += [
        {
            "kind": "derived",
            "name": name_of(q, d),
            "label": f"{label_of(q, d)} of a typical subject",
            "unit": unit_of(q, own),
            "prior": "",
        }
        for q, d in _derived(settings)
    ]
    rows += [
        {
            "kind": "effect",
            "name": e.name,
            "label": f"Ratio of {LABELS[e.name.split('~')[0]]} {e.label.split(' ', 1)[1]}",
            "unit": None,
            "prior": priors["effect"],
        }
        for e in prepared.effects
    ]
    rows += [
        {
            "kind": "omega",
            "name": n,
            "label": f"Standard deviation of ln {LABELS[n]} between subjects",
            "unit": None,
            "prior": priors["omega"],
        }
        for n in NAMES
    ]
    if settings.covariance == "full":
        rows += [
            {
                "kind": "correlation",
                "name": f"{NAMES[c]}:{NAMES[r]}",
                "label": f"Correlation of ln {LABELS[NAMES[c]]} and ln {LABELS[NAMES[r]]}",
                "unit": None,
                "prior": priors["correlation"],
            }
            for r in range(P)
            for c in range(r)
        ]
    rows.append(
        {
            "kind": "residual",
            "name": "sigma",
            "label": "Residual standard deviation of ln value",
            "unit": None,
            "prior": priors["sigma"],
        }
    )
    return rows


def _derived(settings: PopulationModel) -> list[tuple[str, float | None]]:
    times: list[tuple[str, float | None]] = [
        (q, None) for q in ("doubling_time", "contraction_half_life", "terminal_half_life")
    ]
    return times + [("auc", end) for end in settings.auc_to]


def _prior_words(settings: PopulationModel, prepared: Prepared, prior: PriorNumbers | None) -> dict[str, str]:
    priors = settings.priors
    words = {}
    for i, name in enumerate(NAMES):
        median, sd = getattr(priors, name)
        centre = median if prior is None else float(np.exp(prior.mean[i]))
        said = "the median of the subjects' highest samples" if centre is None else f"{centre:.4g}"
        unit = unit_of(name, prepared.unit)
        source = " (median of the subjects' highest samples)" if median is None and centre is not None else ""
        words[name] = (
            f"log-normal, median {said}{f' {unit}' if unit and centre is not None else ''}{source}, sd of ln {sd:g}"
        )
    return words | {
        "omega": f"half-normal, scale {priors.omega:g}",
        "correlation": f"LKJ, shape {priors.correlation:g}",
        "sigma": f"half-normal, scale {priors.sigma:g}",
        "effect": f"ln ratio normal, sd {priors.effect:g}",
    }


def _estimates(
    settings: PopulationModel,
    prepared: Prepared,
    thetas: Floats,
    phis: Floats,
    prior: PriorNumbers,
    found: Diagnostics,
) -> Rows:
    rows = _named(settings, prepared, _prior_words(settings, prepared, prior))
    effects = len(prepared.effects)
    population = unpack(thetas, effects, correlated=prior.correlated, xp=np)
    typical = curve_of(population.mu)
    correlation = population.corr @ population.corr.transpose(0, 2, 1)
    derived = {
        "doubling_time": np.log(2.0) * np.asarray(typical.tmax) / population.mu[:, 2],
        "contraction_half_life": np.log(2.0) / np.asarray(typical.alpha),
        "terminal_half_life": np.log(2.0) / np.asarray(typical.beta),
    } | {name_of("auc", end): typical.auc(end) for end in settings.auc_to}
    names = {e.name: i for i, e in enumerate(prepared.effects)}
    place = {("typical", n): i for i, n in enumerate(NAMES)} | {("effect", n): P + i for n, i in names.items()}
    place |= {("omega", n): P + effects + i for i, n in enumerate(NAMES)} | {("residual", "sigma"): thetas.shape[1] - 1}
    shrunk = _shrinkage(prepared, phis, population)
    for row in rows:
        kind, name = str(row["kind"]), str(row["name"])
        if kind == "typical":
            draws = np.asarray(getattr(typical, name))
        elif kind == "derived":
            draws = np.asarray(derived[name])
        elif kind == "effect":
            draws = np.exp(population.effects[:, names[name]])
        elif kind == "omega":
            draws = population.omega[:, NAMES.index(name)]
            row["shrinkage"] = None if shrunk is None else float(shrunk[NAMES.index(name)])
        elif kind == "correlation":
            first, second = name.split(":")
            draws = correlation[:, NAMES.index(first), NAMES.index(second)]
        else:
            draws = population.sigma
        value, lower, upper = (float(q) for q in quantiles(draws, settings.interval))
        row |= {"value": value, "lower": lower, "upper": upper, "sd": float(draws.std(ddof=1))}
        at = place.get((kind, name))
        if at is not None and found.ess_bulk is not None and found.ess_tail is not None:
            row |= {"ess_bulk": float(found.ess_bulk[at]), "ess_tail": float(found.ess_tail[at])}
            row["rhat"] = None if found.rhat is None else float(found.rhat[at])
    return rows


def _shrinkage(prepared: Prepared, phis: Floats, population: Any) -> Floats | None:
    """One minus the standard deviation of the subjects' posterior means over the standard deviation between subjects."""
    if phis.shape[1] < 2:
        return None
    away = (phis - individual_means(population, prepared.data, np)).mean(axis=0)
    return np.asarray(1.0 - away.std(axis=0, ddof=1) / np.median(population.omega, axis=0))


def _subjects(settings: PopulationModel, prepared: Prepared, subjects: Sequence[str], phis: Floats) -> Rows:
    thin = phis[:: max(1, phis.shape[0] // _SUMMARISED)]
    limits = prepared.points.group_by("row").agg(limit=pl.col("lloq").median()).sort("row")["limit"]
    every = prepared.points["lloq"].median()
    known = limits.fill_null(every) if every is not None else limits
    found = list(
        summaries(
            thin,
            known.cast(pl.Float64).fill_null(float("nan")).to_numpy(),
            auc_to=settings.auc_to,
            level_on=settings.level_on,
            interval=settings.interval,
        )
    )
    rows: Rows = []
    place = {s: i for i, s in enumerate(prepared.subjects)}
    for subject in subjects:
        used = _used(prepared, subject)
        for item in found:
            row = {"subject_id": subject, **_which(item.quantity, item.day), **used}
            row["unit"] = unit_of(item.quantity, prepared.unit)
            if subject not in place:
                row["reason"] = prepared.left_out[subject].value
            elif not np.isfinite(item.value[place[subject]]):
                row["reason"] = _why(item.quantity, known_limit=known[place[subject]] is not None).value
            else:
                i = place[subject]
                row |= {
                    "value": float(item.value[i]),
                    "lower": _number(item.lower[i]),
                    "upper": _number(item.upper[i]),
                }
            rows.append(row)
    return rows


def _which(quantity: str, day: float | None) -> dict[str, object]:
    return {"name": name_of(quantity, day), "quantity": quantity, "day": day}


def _why(quantity: str, *, known_limit: bool) -> Reason:
    if quantity == "days_above_lloq":
        return Reason.NEVER_ABOVE_LIMIT if known_limit else Reason.NOT_RECORDED
    return Reason.NOT_RISING if quantity == "doubling_time" else Reason.NOT_ESTIMABLE


def _points(
    prepared: Prepared, thetas: Floats, phis: Floats, prior: PriorNumbers, simulated: Floats, rng: np.random.Generator
) -> Rows:
    found = predict(thetas, phis, prepared.data, correlated=prior.correlated, simulated=simulated, rng=rng)
    return [
        {
            **row,
            "unit": prepared.unit,
            "individual": float(found.individual[i]),
            "population": float(found.population[i]),
            "residual": float(found.residual[i]),
            "discrepancy": float(found.discrepancy[i]),
        }
        for i, row in enumerate(
            prepared.points.select("measurement_id", "subject_id", "day", "value", "censoring", "lloq").iter_rows(
                named=True
            )
        )
    ]


def _curves(settings: PopulationModel, prepared: Prepared, phis: Floats) -> Rows:
    return [
        {"subject_id": prepared.subjects[i], "day": float(d), "value": float(v), "lower": float(a), "upper": float(b)}
        for i, days, value, lower, upper in bands(phis, prepared.data, settings.interval)
        for d, v, a, b in zip(days, value, lower, upper, strict=True)
    ]


def _predictive(settings: PopulationModel, prepared: Prepared, simulated: Floats) -> Rows:
    """The visual predictive check; a sample without a known limit can never have been censored below."""
    points = prepared.points
    limit = pl.when(pl.col("code") < 0).then("value").otherwise("lloq").fill_null(0.0)
    with np.errstate(divide="ignore"):
        limits = np.log(np.maximum(points.select(limit).to_series().to_numpy(), 0.0))
    checks = check(prepared.data, prepared.points["visit"].to_numpy(), limits, simulated, settings.interval)
    return [
        {key: value if not isinstance(value, float) else _number(value) for key, value in asdict(item).items()}
        for item in checks
    ]
