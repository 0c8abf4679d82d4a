"""A multivariable model whose covariates are declared: logistic (Firth), proportional odds for grades and classes, Cox for a time to event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl

from correlates.association.declared_fit import Fit, baseline, fit_model, influence, pooled_fit, tested
from correlates.association.model_columns import Prepared, one_course_twice, prepare
from correlates.association.model_imputation import Completed, complete, within_resamples
from correlates.association.model_record import Header, Row, models_table
from correlates.association.model_settings import Multivariable
from correlates.association.model_validation import (
    Validated,
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
from correlates.schema.models import MODELS, PREDICTIONS
from correlates.stats.arrays import Bools, Floats, Ints
from correlates.stats.candidates import fillings
from correlates.stats.collinearity import rank_correlations, variance_inflation
from correlates.stats.design import Term, expand
from correlates.stats.imputed_procedure import MultiplyImputed
from correlates.stats.logistic import Separation
from correlates.stats.ordinal import parallel_test
from correlates.stats.ordinal_target import OrdinalTarget
from correlates.stats.procedures import Declared
from correlates.stats.splines import knots
from correlates.stats.validation import Procedure, bootstrap, fit_resamples
from correlates.terms import OutcomeKind, Reason

_METHODS = {
    OutcomeKind.BINARY: "firth_model",
    OutcomeKind.TIME: "cox_model",
    OutcomeKind.GRADE: "ordinal_model",
    OutcomeKind.CLASS: "ordinal_model",
}
_KINDS = {"firth_model": "logistic", "cox_model": "cox", "ordinal_model": "ordinal"}
"""What a saved model is called, by method."""
_CROOKED = 0.05  # P of proportional odds below which a notice is set
_LARGEST = 700.0  # exp of more does not fit a number


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTables:
    """Rows of the tables ``models`` and ``predictions``."""

    models: pl.DataFrame
    predictions: pl.DataFrame


def multivariable(
    analysis: pl.DataFrame, biomarkers: Sequence[Biomarker], endpoint: Endpoint, settings: Multivariable
) -> ModelTables:
    """Fit and validate a declared model.

    Parameters
    ----------
    analysis
        Table ``analysis``.
    biomarkers
        The covariates in their order.
    endpoint
        Binary, a grade or an ordered class, or a time to event.
    settings
        The model.

    Returns
    -------
    ModelTables
        Parts ``model``, ``term`` (columns), ``variable`` (likelihood-ratio test of all columns of a covariate), ``threshold`` (grades), ``added``,
        ``performance``, ``calibration``, ``decision``. A model that cannot be fitted has its counts and the reason.

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
        ordinal=True,
        quantified=settings.censored == "exclude",
        transforms=settings.transforms,
        horizon=settings.validation.horizon,
    )
    method = _METHODS[endpoint.kind]
    header = Header(
        analysis=settings.name,
        endpoint=endpoint.name,
        population=settings.population,
        method=method,
        n=prepared.n,
        prespecified=settings.prespecified and all(b.prespecified for b in biomarkers),
        settings={
            k: v for k, v in asdict(settings).items() if k not in {"name", "population", "prespecified", "courses"}
        },
    )
    terms, problem = _terms(prepared, settings)
    counts = _counts(prepared, len(terms))
    reason = problem or _impossible(prepared, len(terms))
    seed = np.random.SeedSequence([settings.seed, *settings.name.encode()])
    validation_seed, added_seed, imputation_seed = seed.spawn(3)
    raw = complete(prepared, settings.missing, settings.imputation, imputation_seed)
    design = expand(terms, raw.values) if terms else np.empty((prepared.n, 0))
    fit = None
    if reason is None and raw.sets is not None:
        fit, reason = pooled_fit(prepared, expand(terms, raw.sets), settings.level)
    elif reason is None:
        fit, reason = fit_model(prepared, design, settings.level)
    left = [
        Row(part="variable", stat="univariable_excluded", term=b.code, text=why.value) for b, why in prepared.left_out
    ]
    if fit is None:
        return ModelTables(models=models_table(header, [*counts, *left], error=reason), predictions=PREDICTIONS.empty())
    procedure = _procedure(terms, raw, settings)
    found = validate(procedure, prepared, settings.validation, validation_seed)
    inflation = variance_inflation(fit.covariance)
    saved_text = _saved(prepared, endpoint, settings, terms, fit, design, raw)
    parallel = [] if raw.sets is not None else _parallel_rows(prepared, terms, design)
    whole = tested(prepared, design, np.ones(len(terms), dtype=np.bool_), fit)
    rows = [
        *counts,
        *([Row(part="model", stat="log_likelihood", value=fit.log_likelihood)] if raw.sets is None else []),
        *([Row(part="model", stat="imputations", value=float(raw.sets.shape[0]))] if raw.sets is not None else []),
        *(Row(part="model", stat=stat, value=value) for stat, value in whole.items()),
        *([Row(part="model", stat="separation", text=fit.separation)] if fit.separation else []),
        Row(part="model", stat="json", text=saved_text),
        *_term_rows(prepared, terms, fit, inflation, design),
        *_variable_rows(prepared, terms, design, fit),
        *_threshold_rows(prepared, fit),
        *parallel,
        *left,
        *_added_rows(prepared, terms, design, fit, settings, raw, added_seed),
        *performance_rows(found, overfits=False),
        *curve_rows(prepared, found.crossed, settings.level),
        *learning_rows(found),
    ]
    notices = [*_notices(prepared, settings, len(terms), inflation, fit, found), *horizon_notices(found)]
    # of all columns together: one test for the notice, however many covariates there are
    if any(
        row.part == "model" and row.stat == "parallel_p" and row.value is not None and row.value < _CROOKED
        for row in parallel
    ):
        notices.append(Notice.NOT_PARALLEL)
    eta = fit.intercept + design @ fit.coefficient
    return ModelTables(
        models=models_table(header, rows, notices),
        predictions=predictions(prepared, header, eta, found, threshold=fit.threshold),
    )


def nothing() -> ModelTables:
    """No rows."""
    return ModelTables(models=MODELS.empty(), predictions=PREDICTIONS.empty())


def _procedure(terms: tuple[Term, ...], raw: Completed, settings: Multivariable) -> Procedure:
    """What is done in each resample."""
    declared = Declared(terms=terms)
    if raw.sets is None:
        return declared
    return MultiplyImputed(inner=declared, how=within_resamples(settings.imputation))


def _terms(prepared: Prepared, settings: Multivariable) -> tuple[tuple[Term, ...], Reason | None]:
    """The columns of the model; a spline whose values are too tied for its knots is a reason."""
    terms: list[Term] = []
    by_code: dict[str, list[Term]] = {}
    for variable in prepared.variables:
        code = variable.biomarker.code
        columns = prepared.columns_of(code)
        count = settings.splines.get(code)
        if count is None or variable.classes:
            made = [Term(name=prepared.names[c], of=(int(c),)) for c in columns]
        else:
            column = int(columns[0])
            known = prepared.given.values[prepared.given.present[:, column], column]
            try:
                at = knots(known, count)
            except ValueError:
                return (), Reason.TOO_TIED
            made = [Term(name=code + "'" * part, of=(column,), knots=at, part=part) for part in range(count - 1)]
        by_code[code] = made
        terms += made
    for one, other in settings.interactions:
        terms += [
            Term(name=f"{a.name}:{b.name}", of=(*a.of, *b.of))
            for a in by_code.get(one, ())
            for b in by_code.get(other, ())
            if not a.part and not b.part
        ]
    return tuple(terms), None


def _counts(prepared: Prepared, columns: int) -> list[Row]:
    target = prepared.target
    if isinstance(target, OrdinalTarget):
        people = [
            Row(part="threshold", level=name, stat="subjects", value=float((target.grade == j).sum()))
            for j, name in enumerate(prepared.grades)
        ]
    else:
        people = [Row(part="model", stat="n_events", value=float(target.event.sum()))]
    return [
        *people,
        Row(part="model", stat="n_missing", value=float(prepared.n_missing)),
        Row(part="model", stat="columns", value=float(columns)),
        *([Row(part="model", stat="events_per_column", value=prepared.rarer / columns)] if columns else []),
    ]


def _impossible(prepared: Prepared, columns: int) -> Reason | None:
    if not columns and prepared.left_out:
        return prepared.left_out[0][1]
    if not columns or prepared.n < 3:
        return Reason.TOO_FEW
    if prepared.rarer == 0:
        return Reason.ONE_CLASS
    if columns >= prepared.rarer:
        return Reason.MORE_COLUMNS_THAN_EVENTS
    return None


def _exp(value: float) -> float | None:
    return float(np.exp(value)) if np.isfinite(value) and abs(value) <= _LARGEST else None


def _term_rows(prepared: Prepared, terms: tuple[Term, ...], fit: Fit, inflation: Floats, design: Floats) -> list[Row]:
    pooled = fit.each is not None  # refitting without each subject would impute anew each time
    change = np.full(design.shape, np.nan) if pooled else influence(prepared, design) / fit.standard_error
    strong = np.abs(change) > 2.0 / np.sqrt(prepared.n)
    rows = []
    for j, term in enumerate(terms):
        variable = prepared.variables[int(prepared.given.variable[term.of[0]])]
        plain = len(term.of) == 1 and not term.knots
        away = change[:, j][np.isfinite(change[:, j])]
        numbers: dict[str, float | None] = {
            "coefficient": float(fit.coefficient[j]),
            "standard_error": float(fit.standard_error[j]),
            "chi_square": float(fit.chi_square[j]),
            "p": float(fit.p_value[j]),
            "inflation": float(inflation[j]),
            "influence": float(np.abs(away).max()) if away.size else None,
            "influential": None if pooled else float(strong[:, j].sum()),
            "missing_information": None if fit.missing_information is None else float(fit.missing_information[j]),
        }
        if plain:
            numbers |= {
                "ratio": _exp(fit.coefficient[j]),
                "ratio_lower": _exp(fit.lower[j]),
                "ratio_upper": _exp(fit.upper[j]),
            }
        name = term.name
        rows += [Row(part="term", term=name, stat=s, value=v) for s, v in numbers.items() if v is not None]
        if plain:
            rows.append(Row(part="term", term=name, stat="per", text=variable.per))
        if term.knots and term.part == 0:
            shown = ", ".join(f"{k * variable.unit + variable.centre:.4g}" for k in term.knots)
            rows.append(
                Row(
                    part="term",
                    term=name,
                    stat="knots",
                    text=f"{shown}{'' if variable.take == 'as_is' else f' ({variable.take})'}",
                )
            )
    return rows


def _variable_rows(prepared: Prepared, terms: tuple[Term, ...], design: Floats, fit: Fit) -> list[Row]:
    """Likelihood-ratio test of all columns that a covariate has a part in."""
    rows = []
    for variable in prepared.variables:
        code = variable.biomarker.code
        own = set(prepared.columns_of(code).tolist())
        out = np.array([bool(own & set(t.of)) for t in terms])
        numbers = tested(prepared, design, out, fit)
        rows += [Row(part="variable", term=code, stat=s, value=v) for s, v in numbers.items()]
    return rows


def _threshold_rows(prepared: Prepared, fit: Fit) -> list[Row]:
    """Log odds of each grade or a higher one, at the mean of each number and the reference of each category."""
    return [
        Row(part="threshold", level=name, stat="coefficient", value=float(alpha))
        for name, alpha in zip(prepared.grades[1:], fit.threshold, strict=bool(prepared.grades))
    ]


def _parallel_rows(prepared: Prepared, terms: tuple[Term, ...], design: Floats) -> list[Row]:
    """Score tests that the odds ratios are the same at every threshold: of all columns, and of those of each covariate."""
    target = prepared.target
    if not isinstance(target, OrdinalTarget) or target.levels < 3:
        return []
    rows = []
    groups: list[tuple[str, str, Ints]] = [("model", "", np.arange(len(terms)))]
    for variable in prepared.variables:
        own = set(prepared.columns_of(variable.biomarker.code).tolist())
        at = np.array([j for j, t in enumerate(terms) if own & set(t.of)], dtype=np.int64)
        groups.append(("variable", variable.biomarker.code, at))
    for part, term, columns in groups:
        test = parallel_test(design, target.grade, columns)
        numbers = {"parallel_chi_square": test.chi_square, "parallel_df": float(test.df), "parallel_p": test.p_value}
        absent = () if np.isfinite(test.chi_square) else (Notice.NO_TEST,)
        rows += [Row(part=part, term=term, stat=s, value=v, notices=absent) for s, v in numbers.items()]
    return rows


def _added_rows(
    prepared: Prepared,
    terms: tuple[Term, ...],
    design: Floats,
    fit: Fit,
    settings: Multivariable,
    raw: Completed,
    seed: np.random.SeedSequence,
) -> list[Row]:
    """What the covariates ``adds`` add to the model of the others: likelihood ratio, and discrimination with and without them."""
    added = [c for c in settings.adds if any(v.biomarker.code == c for v in prepared.variables)]
    if not added:
        return []
    own = {int(c) for code in added for c in prepared.columns_of(code)}
    out = np.array([bool(own & set(t.of)) for t in terms])
    name = ", ".join(added)
    numbers = tested(prepared, design, out, fit)
    if settings.validation.bootstrap and not out.all():
        numbers |= _gain(prepared, terms, out, settings, raw, seed)
    return [Row(part="added", term=name, stat=s, value=v) for s, v in numbers.items()]


def _gain(
    prepared: Prepared,
    terms: tuple[Term, ...],
    out: Bools,
    settings: Multivariable,
    raw: Completed,
    seed: np.random.SeedSequence,
) -> dict[str, float]:
    """Discrimination without and with, corrected for optimism with the same resamples, and limits of the difference."""
    n, given, target = prepared.n, prepared.given, prepared.target
    draws: Ints = np.random.default_rng(seed).integers(0, n, (settings.validation.bootstrap, n))
    fewer = tuple(t for t, gone in zip(terms, out, strict=True) if not gone)
    pair = (_procedure(fewer, raw, settings), _procedure(terms, raw, settings))
    both = [bootstrap(p, given, target, seed=seed, draws=draws) for p in pair]
    measure = next(iter(both[0].apparent))
    gap = both[1].corrected[measure] - both[0].corrected[measure]
    weight = np.stack([np.bincount(row, minlength=n) for row in draws]).astype(np.float64)
    inside = []
    for procedure in pair:
        eta = fit_resamples(procedure, given, target, weight, seed).eta
        inside.append(target.measures(eta, weight)[measure])
    spread = inside[1] - inside[0]
    spread = spread[np.isfinite(spread)]
    shift = (both[1].optimism[measure] - both[0].optimism[measure]) if spread.size else float("nan")
    lower, upper = np.quantile(spread, ((1 - settings.level) / 2, (1 + settings.level) / 2)) - shift
    return {
        "without": both[0].corrected[measure],
        "with": both[1].corrected[measure],
        "difference": gap,
        "difference_lower": float(lower),
        "difference_upper": float(upper),
    }


def _saved(
    prepared: Prepared,
    endpoint: Endpoint,
    settings: Multivariable,
    terms: tuple[Term, ...],
    fit: Fit,
    design: Floats,
    raw: Completed,
) -> str:
    fill = fillings(prepared.given, np.ones((1, prepared.n)))[0].tolist() if settings.missing == "median" else None
    return saved(
        prepared,
        name=settings.name,
        endpoint=endpoint.name,
        label=endpoint.label,
        kind=_KINDS[_METHODS[endpoint.kind]],
        terms=terms,
        intercept=fit.intercept,
        coefficient=fit.coefficient.tolist(),
        fill=fill,
        rule=raw.rule,
        baseline=baseline(prepared, design, fit.coefficient),
        threshold=fit.threshold.tolist(),
    ).text()


def _notices(
    prepared: Prepared,
    settings: Multivariable,
    columns: int,
    inflation: Floats,
    fit: Fit,
    validated: Validated,
) -> list[Notice]:
    found = []
    if prepared.rarer / columns < settings.least_events_per_variable:
        found.append(Notice.FEW_EVENTS_PER_COLUMN)
    plain = np.array([j for j, v in enumerate(prepared.given.variable) if not prepared.variables[int(v)].classes])
    rho = (
        rank_correlations(prepared.given.values[:, plain].T, prepared.given.present[:, plain].T) if plain.size else None
    )
    near = rho is not None and bool(
        (np.abs(np.nan_to_num(rho - np.eye(plain.size))) >= settings.high_correlation).any()
    )
    curved = bool(settings.splines or settings.interactions)  # their columns inflate each other by design
    if near or (not curved and bool((np.nan_to_num(inflation) >= settings.high_inflation).any())):
        found.append(Notice.COLLINEAR_COVARIATES)
    if one_course_twice((v.biomarker.code for v in prepared.variables), settings.courses):
        found.append(Notice.SAME_COURSE)
    if fit.separation not in (None, Separation.NONE.value):
        found.append(Notice.SEPARATION)
    if prepared.n_beyond:
        found.append(Notice.CENSORED_EXCLUDED)
    if prepared.censored.any():
        found.append(Notice.CENSORED_SUBSTITUTED)
    if not prepared.given.present.all():
        found.append(Notice.GAPS_FILLED if fit.each is None else Notice.GAPS_IMPUTED)
    if prepared.left_out:
        found.append(Notice.COVARIATE_LEFT_OUT)
    if validated.failed:
        found.append(Notice.RESAMPLES_WITHOUT_MODEL)
    return found
