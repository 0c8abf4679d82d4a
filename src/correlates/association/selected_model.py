"""A multivariable model whose covariates are selected from candidates, the selection validated with everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np
import polars as pl

from correlates.association.declared_model import ModelTables
from correlates.association.model_columns import Prepared, one_course_twice, prepare
from correlates.association.model_imputation import Completed, complete, within_resamples
from correlates.association.model_record import Header, Row, models_table
from correlates.association.model_settings import Selection
from correlates.association.model_validation import (
    curve_rows,
    horizon_notices,
    learning_rows,
    performance_rows,
    predictions,
    validate,
)
from correlates.association.notices import Notice
from correlates.association.saved_model import saved
from correlates.association.settings import Biomarker, Endpoint
from correlates.schema.models import PREDICTIONS
from correlates.stats.arrays import Floats, Ints
from correlates.stats.candidates import fillings
from correlates.stats.collinearity import clusters, rank_correlations
from correlates.stats.cox import baseline_hazard
from correlates.stats.design import Term
from correlates.stats.imputed_procedure import MultiplyImputed
from correlates.stats.procedures import ElasticNet, StabilitySelection, Stepwise
from correlates.stats.stability import Assumption, error_bound, picked_for, stability_selection
from correlates.stats.target import SurvivalTarget
from correlates.stats.validation import Procedure
from correlates.terms import Reason


def selection(
    analysis: pl.DataFrame, biomarkers: Sequence[Biomarker], endpoint: Endpoint, settings: Selection
) -> ModelTables:
    """Select a model and validate the selection.

    Parameters
    ----------
    analysis
        Table ``analysis``.
    biomarkers
        The candidates in their order.
    endpoint
        Binary, or a time to event.
    settings
        How.

    Returns
    -------
    ModelTables
        Parts ``model``, ``candidate`` (each with its cluster, how often it was selected, and its coefficient), ``correlation`` (within
        clusters), ``performance``, ``calibration``, ``decision``. Where nothing is selected the model predicts the same for everybody, and
        ``error`` says so.

    Raises
    ------
    DerivationError
        The declaration contradicts the table; see :func:`correlates.association.model_columns.prepare`.
    """
    prepared = prepare(
        analysis,
        biomarkers,
        endpoint,
        settings.population,
        complete=settings.missing == "complete",
        least_present=settings.least_present,
        transforms=settings.transforms,
        horizon=settings.validation.horizon,
    )
    seed = np.random.SeedSequence([settings.seed, *settings.name.encode()])
    chosen, cluster_rows, taking_part = _represented(prepared, settings)
    excluded = [
        Row(part="candidate", term=b.code, stat="univariable_excluded", text=why.value) for b, why in prepared.left_out
    ]
    header = Header(
        analysis=settings.name,
        endpoint=endpoint.name,
        population=settings.population,
        method=settings.method,
        n=prepared.n,
        prespecified=settings.prespecified and all(b.prespecified for b in biomarkers),
        settings={
            k: v for k, v in asdict(settings).items() if k not in {"name", "population", "prespecified", "courses"}
        },
    )
    counts = [
        Row(part="model", stat="n_events", value=float(prepared.target.event.sum())),
        Row(part="model", stat="n_missing", value=float(prepared.n_missing)),
        Row(part="model", stat="candidates", value=float(len(biomarkers))),
        Row(part="model", stat="clusters", value=float(taking_part)),
    ]
    reason = _impossible(chosen)
    if reason is not None:
        rows = [*counts, *cluster_rows, *excluded]
        return ModelTables(models=models_table(header, rows, error=reason), predictions=PREDICTIONS.empty())
    grouped = settings.method == "group_lasso" or (settings.method == "stability" and settings.grouped)
    units = chosen.given.columns
    if grouped:
        chosen, told = _grouped(chosen)
        counts += told
        units = int(np.unique(chosen.given.groups).size)
    picked = settings.picked or picked_for(
        units, settings.threshold, 1.0, pairs=settings.pairs, assumption=settings.assumption
    )
    bound = _bound(settings, units, picked or 1) if settings.method == "stability" else None
    if settings.method == "stability" and bound is None:
        rows = [*counts, *cluster_rows, *excluded]
        return ModelTables(
            models=models_table(header, rows, error=Reason.NO_ERROR_BOUND), predictions=PREDICTIONS.empty()
        )
    procedure = _procedure(settings, picked or 1)
    imputed = settings.missing == "imputed" and not chosen.given.present.all()
    if imputed:
        procedure = MultiplyImputed(inner=procedure, how=within_resamples(settings.imputation))
    validation_seed, whole_seed, stability_seed, imputation_seed = seed.spawn(4)
    raw = complete(chosen, settings.missing, settings.imputation, imputation_seed)
    found = validate(procedure, chosen, settings.validation, validation_seed)
    everyone = np.ones((1, chosen.n))
    whole = procedure.fit(chosen.given, chosen.target, everyone, whole_seed)
    assert whole.coefficient is not None
    coefficient, inside = whole.coefficient[0], np.flatnonzero(whole.selected[0])
    rows = [*counts, Row(part="model", stat="selected", value=float(np.unique(chosen.given.variable[inside]).size))]
    rows.append(Row(part="model", stat="intercept", value=float(coefficient[0])))
    frequency: Floats | None = None
    if bound is not None:
        rows.append(Row(part="model", stat="error_bound", value=bound))
        frequency = stability_selection(
            chosen.given,
            chosen.target,
            seed=stability_seed,
            picked=picked or 1,
            threshold=settings.threshold,
            pairs=settings.pairs,
            mixing=settings.mixing,
            assumption=settings.assumption,
            grouped=settings.grouped,
        ).frequency
    if inside.size:
        rows.append(Row(part="model", stat="json", text=_saved(chosen, endpoint, settings, coefficient, inside, raw)))
    boot = found.bootstrap.selected if found.bootstrap is not None else None
    folds = found.crossed.selected if found.crossed is not None else None
    for c, name in enumerate(chosen.names):
        numbers = {
            "coefficient": float(coefficient[1 + c]),
            "in_model": float(c in inside),
            "frequency": None if frequency is None else float(frequency[c]),
            "bootstrap_frequency": None if boot is None else float(boot[c]),
            "fold_frequency": None if folds is None else float(folds[c]),
        }
        rows += [Row(part="candidate", term=name, stat=s, value=v) for s, v in numbers.items() if v is not None]
    rows += [
        *cluster_rows,
        *excluded,
        *performance_rows(found, overfits=True),
        *curve_rows(chosen, found.crossed, settings.level),
        *learning_rows(found),
    ]
    notices = [Notice.SELECTED_COEFFICIENTS] if inside.size else []
    notices += horizon_notices(found)
    mine = {chosen.variables[int(chosen.given.variable[c])].biomarker.code for c in inside}
    if one_course_twice(mine, settings.courses):
        notices.append(Notice.SAME_COURSE)
    if chosen.censored.any():
        notices.append(Notice.CENSORED_SUBSTITUTED)
    if not chosen.given.present.all():
        notices.append(Notice.GAPS_IMPUTED if imputed else Notice.GAPS_FILLED)
    if found.failed:
        notices.append(Notice.RESAMPLES_WITHOUT_MODEL)
    error = None if inside.size else Reason.NOTHING_SELECTED
    return ModelTables(
        models=models_table(header, rows, notices, error),
        predictions=predictions(chosen, header, whole.eta[0], found),
    )


def _impossible(prepared: Prepared) -> Reason | None:
    if prepared.given.columns == 0 or prepared.n < 10:
        return Reason.TOO_FEW
    if prepared.rarer == 0:
        return Reason.ONE_CLASS
    return Reason.TOO_FEW if prepared.rarer < 5 else None


def _bound(settings: Selection, units: int, picked: int) -> float | None:
    """The bound on false selections of stability selection; None where none holds."""
    try:
        return error_bound(units, picked, settings.threshold, pairs=settings.pairs, assumption=settings.assumption)
    except ValueError:
        return None


def _procedure(settings: Selection, picked: int) -> Procedure:
    if settings.method == "stepwise":
        return Stepwise(criterion=settings.criterion, direction=settings.direction, most=settings.most)
    if settings.method == "stability":
        return StabilitySelection(
            picked=picked,
            threshold=settings.threshold,
            pairs=settings.pairs,
            mixing=settings.mixing,
            assumption=Assumption(settings.assumption),
            grouped=settings.grouped,
        )
    adaptive = settings.method == "adaptive_lasso"
    grouped = settings.method == "group_lasso"
    return ElasticNet(
        mixing=1.0 if adaptive or grouped else settings.mixing,
        rule=settings.rule,
        folds=settings.inner_folds,
        adaptive=adaptive,
        grouped=grouped,
    )


def _grouped(prepared: Prepared) -> tuple[Prepared, list[Row]]:
    """The same with columns grouped as the plan groups their biomarkers (one without a group is its own), and the rows that say so."""
    names = [v.biomarker.group or v.biomarker.code for v in prepared.variables]
    place = {name: i for i, name in enumerate(dict.fromkeys(names))}
    number = np.array([place[names[int(v)]] for v in prepared.given.variable], dtype=np.int64)
    rows = [Row(part="model", stat="groups", value=float(len(place)))]
    rows += [
        Row(part="candidate", term=column, stat="group", text=names[int(v)])
        for column, v in zip(prepared.names, prepared.given.variable, strict=True)
    ]
    return replace(prepared, given=replace(prepared.given, group=number)), rows


def _represented(prepared: Prepared, settings: Selection) -> tuple[Prepared, list[Row], int]:
    """One numeric candidate of each cluster (categories all take part), the rows that say so, and how many candidates remain.

    Clusters look at the covariates alone and never at the outcome, so they need not be made again in each resample.
    """
    variables = prepared.variables
    numeric = [i for i, v in enumerate(variables) if not v.classes]
    rows: list[Row] = []
    for i, variable in enumerate(variables):
        column = int(np.flatnonzero(prepared.given.variable == i)[0])
        there = float(prepared.given.present[:, column].sum())
        rows.append(Row(part="candidate", term=variable.biomarker.code, stat="present", value=there))
    if settings.collinear is None or len(numeric) < 2:
        return prepared, rows, len(variables)
    columns = np.array([int(np.flatnonzero(prepared.given.variable == i)[0]) for i in numeric])
    values, present = prepared.given.values[:, columns].T, prepared.given.present[:, columns].T
    rho = rank_correlations(values, present)
    label = clusters(rho, settings.collinear)
    kept = {i for i, v in enumerate(variables) if v.classes}
    for number in range(int(label.max()) + 1):
        members = np.flatnonzero(label == number)
        best = _representative(prepared, numeric, members, rho, settings)
        kept.add(numeric[best])
        name = variables[numeric[best]].biomarker.code
        if members.size == 1:
            continue
        for m in members.tolist():
            code = variables[numeric[m]].biomarker.code
            rows += [
                Row(part="candidate", term=code, stat="cluster", value=float(number + 1)),
                Row(part="candidate", term=code, stat="representative", text=name),
            ]
            rows += [
                Row(
                    part="correlation",
                    term=code,
                    level=variables[numeric[other]].biomarker.code,
                    stat="rho",
                    value=float(rho[m, other]),
                )
                for other in members.tolist()
            ]
    order = sorted(kept)
    taking = np.flatnonzero(np.isin(prepared.given.variable, order))
    place = {old: new for new, old in enumerate(order)}
    given = prepared.given.pick(taking)
    renumbered = np.array([place[int(v)] for v in given.variable], dtype=np.int64)
    return (
        replace(
            prepared,
            variables=tuple(variables[i] for i in order),
            names=tuple(prepared.names[c] for c in taking),
            given=replace(given, variable=renumbered),
            censored=prepared.censored[order],
        ),
        rows,
        len(order),
    )


def _representative(prepared: Prepared, numeric: Sequence[int], members: Ints, rho: Floats, settings: Selection) -> int:
    """The member that stands for its cluster, by the declared order of preference; then the first of the plan."""

    def rank(m: int) -> tuple[float, ...]:
        variable = prepared.variables[numeric[m]]
        column = int(np.flatnonzero(prepared.given.variable == numeric[m])[0])
        worth = {
            "prespecified": float(variable.biomarker.prespecified),
            "complete": float(prepared.given.present[:, column].sum()),
            "central": float(np.abs(np.nan_to_num(rho[m, members])).mean().round(12)),
        }
        return tuple(-worth[rule] for rule in settings.representative)

    return min((int(m) for m in members), key=lambda m: (rank(m), m))


def _saved(
    prepared: Prepared, endpoint: Endpoint, settings: Selection, coefficient: Floats, inside: Ints, raw: Completed
) -> str:
    terms = [Term(name=prepared.names[c], of=(int(c),)) for c in inside]
    fill = fillings(prepared.given, np.ones((1, prepared.n)))[0].tolist() if settings.missing == "median" else None
    target = prepared.target
    baseline: tuple[list[float], list[float]] = ([], [])
    if isinstance(target, SurvivalTarget):
        at = baseline_hazard(raw.values[:, inside], coefficient[1 + inside], target.time, target.event)
        baseline = (at.time.tolist(), at.survival.tolist())
    return saved(
        prepared,
        name=settings.name,
        endpoint=endpoint.name,
        label=endpoint.label,
        kind="cox" if isinstance(target, SurvivalTarget) else "logistic",
        terms=terms,
        intercept=float(coefficient[0]),
        coefficient=coefficient[1 + inside].tolist(),
        fill=fill,
        rule=raw.rule,
        baseline=baseline,
    ).text()
