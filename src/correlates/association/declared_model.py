"""A multivariable model whose covariates are declared: logistic (Firth) for a binary endpoint, Cox for a time to event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl
from scipy.special import chdtrc

from correlates.association.model_columns import Prepared, prepare
from correlates.association.model_record import Header, Row, models_table
from correlates.association.model_settings import Multivariable
from correlates.association.model_validation import curve_rows, performance_rows, predictions, validate
from correlates.association.notices import Notice
from correlates.association.saved_model import saved
from correlates.association.settings import Biomarker, Endpoint
from correlates.schema.models import MODELS, PREDICTIONS
from correlates.stats.arrays import Bools, Floats, Ints, where
from correlates.stats.candidates import filled, fillings
from correlates.stats.collinearity import rank_correlations, variance_inflation
from correlates.stats.cox import baseline_hazard, cox_model
from correlates.stats.design import Term, expand
from correlates.stats.logistic import Separation, logistic_model
from correlates.stats.logistic_likelihood import batch, maximise
from correlates.stats.procedures import Declared, estimates
from correlates.stats.splines import knots
from correlates.stats.target import SurvivalTarget
from correlates.stats.validation import bootstrap, fit_resamples
from correlates.terms import OutcomeKind, Reason

_LARGEST = 700.0  # exp of more does not fit a number


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTables:
    """Rows of the tables ``models`` and ``predictions``."""

    models: pl.DataFrame
    predictions: pl.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """Estimates of p columns: arrays (p,); ``covariance`` (p, p) without the intercept."""

    coefficient: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    chi_square: Floats
    p_value: Floats
    covariance: Floats
    intercept: float
    log_likelihood: float
    chi: float
    separation: str | None


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
        Binary, or a time to event.
    settings
        The model.

    Returns
    -------
    ModelTables
        Parts ``model``, ``term`` (columns), ``variable`` (likelihood-ratio test of all columns of a covariate), ``added``,
        ``performance``, ``calibration``, ``decision``. A model that cannot be fitted has its counts and the reason.

    Raises
    ------
    DerivationError
        The declaration contradicts the table; see :func:`correlates.association.model_columns.prepare`.
    """
    prepared = prepare(analysis, biomarkers, endpoint, settings.population, complete=settings.missing == "complete")
    method = "cox_model" if endpoint.kind is OutcomeKind.TIME else "firth_model"
    header = Header(
        analysis=settings.name,
        endpoint=endpoint.name,
        population=settings.population,
        method=method,
        n=prepared.n,
        prespecified=settings.prespecified and all(b.prespecified for b in biomarkers),
        settings={k: v for k, v in asdict(settings).items() if k not in {"name", "population", "prespecified"}},
    )
    terms, problem = _terms(prepared, settings)
    counts = _counts(prepared, len(terms))
    reason = problem or _impossible(prepared, len(terms))
    design = expand(terms, _whole(prepared)) if terms else np.empty((prepared.n, 0))
    fit = None
    if reason is None:
        fit, reason = _fit(prepared, design, settings.level)
    left = [
        Row(part="variable", stat="univariable_excluded", term=b.code, text=why.value) for b, why in prepared.left_out
    ]
    if fit is None:
        return ModelTables(models=models_table(header, [*counts, *left], error=reason), predictions=PREDICTIONS.empty())
    seed = np.random.SeedSequence([settings.seed, *settings.name.encode()])
    validation_seed, added_seed = seed.spawn(2)
    procedure = Declared(terms=terms)
    found = validate(procedure, prepared, settings.validation, validation_seed)
    inflation = variance_inflation(fit.covariance)
    saved_text = _saved(prepared, endpoint, settings, terms, fit, design)
    rows = [
        *counts,
        Row(part="model", stat="log_likelihood", value=fit.log_likelihood),
        Row(part="model", stat="chi_square", value=fit.chi),
        Row(part="model", stat="df", value=float(len(terms))),
        Row(part="model", stat="p", value=float(chdtrc(len(terms), fit.chi))),
        *([Row(part="model", stat="separation", text=fit.separation)] if fit.separation else []),
        Row(part="model", stat="json", text=saved_text),
        *_term_rows(prepared, terms, fit, inflation, design),
        *_variable_rows(prepared, terms, design, fit),
        *left,
        *_added_rows(prepared, terms, design, fit, settings, added_seed),
        *performance_rows(found, overfits=False),
        *curve_rows(prepared, found.crossed, settings.level),
    ]
    notices = _notices(prepared, settings, len(terms), inflation, fit, found.bootstrap)
    eta = fit.intercept + design @ fit.coefficient
    return ModelTables(
        models=models_table(header, rows, notices), predictions=predictions(prepared, header, eta, found.crossed)
    )


def nothing() -> ModelTables:
    """No rows."""
    return ModelTables(models=MODELS.empty(), predictions=PREDICTIONS.empty())


def _whole(prepared: Prepared) -> Floats:
    """Raw columns (n, q), gaps filled from all subjects."""
    raw = filled(prepared.given, np.ones((1, prepared.n)))
    return raw if raw.ndim == 2 else raw[0]


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
    return [
        Row(part="model", stat="n_events", value=float(prepared.target.event.sum())),
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


def _fit(prepared: Prepared, design: Floats, level: float) -> tuple[_Fit | None, Reason | None]:
    target = prepared.target
    if isinstance(target, SurvivalTarget):
        cox = cox_model(design, target.time, target.event, level=level)
        if not cox.full_rank:
            return None, Reason.COLLINEAR
        if cox.monotone:
            return None, Reason.SEPARATED
        if not cox.converged or cox.log_likelihood is None or cox.model_likelihood_ratio is None:
            return None, Reason.NOT_CONVERGED
        return _Fit(
            coefficient=cox.coefficient,
            standard_error=cox.standard_error,
            lower=cox.lower,
            upper=cox.upper,
            chi_square=cox.chi_square,
            p_value=cox.p_value,
            covariance=cox.covariance,
            intercept=0.0,
            log_likelihood=cox.log_likelihood,
            chi=cox.model_likelihood_ratio,
            separation=None,
        ), None
    fit = logistic_model(design, target.event, level=level)
    if not fit.full_rank:
        return None, Reason.COLLINEAR
    if not fit.converged or fit.log_likelihood is None or fit.model_chi_square is None:
        return None, Reason.NOT_CONVERGED
    return _Fit(
        coefficient=fit.coefficient[1:],
        standard_error=fit.standard_error[1:],
        lower=fit.lower[1:],
        upper=fit.upper[1:],
        chi_square=fit.chi_square[1:],
        p_value=fit.p_value[1:],
        covariance=fit.covariance[1:, 1:],
        intercept=float(fit.coefficient[0]),
        log_likelihood=fit.log_likelihood,
        chi=fit.model_chi_square,
        separation=fit.separation.value,
    ), None


def _exp(value: float) -> float | None:
    return float(np.exp(value)) if np.isfinite(value) and abs(value) <= _LARGEST else None


def _term_rows(prepared: Prepared, terms: tuple[Term, ...], fit: _Fit, inflation: Floats, design: Floats) -> list[Row]:
    change = _influence(prepared, design) / fit.standard_error
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
            "influential": float(strong[:, j].sum()),
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
            rows.append(Row(part="term", term=name, stat="knots", text=f"{shown}{' (log2)' if variable.log2 else ''}"))
    return rows


def _influence(prepared: Prepared, design: Floats) -> Floats:
    """How each coefficient changes when each subject is left out (n, p): estimate with all less that without; refitted, not approximated."""
    n = prepared.n
    weight = np.concatenate((np.ones((1, n)), 1.0 - np.eye(n)))
    found = estimates(prepared.target, design, weight)
    beta = where(found.converged[:, None], found.coefficient[:, 1:], np.nan)
    change: Floats = beta[0] - beta[1:]
    return change


def _variable_rows(prepared: Prepared, terms: tuple[Term, ...], design: Floats, fit: _Fit) -> list[Row]:
    """Likelihood-ratio test of all columns that a covariate has a part in."""
    rows = []
    for variable in prepared.variables:
        code = variable.biomarker.code
        own = set(prepared.columns_of(code).tolist())
        out = np.array([bool(own & set(t.of)) for t in terms])
        chi = _ratio(prepared, design, out, fit)
        numbers = {"chi_square": chi, "df": float(out.sum()), "p": float(chdtrc(out.sum(), chi))}
        rows += [Row(part="variable", term=code, stat=s, value=v) for s, v in numbers.items()]
    return rows


def _ratio(prepared: Prepared, design: Floats, out: Bools, fit: _Fit) -> float:
    """Twice the log-likelihood lost without the columns ``out`` (p,); Firth's penalty keeps the whole design."""
    target = prepared.target
    if isinstance(target, SurvivalTarget):
        rest = design[:, ~out]
        if rest.shape[1] == 0:
            return fit.chi
        smaller = cox_model(rest, target.time, target.event)
        return float("nan") if smaller.log_likelihood is None else 2.0 * (fit.log_likelihood - smaller.log_likelihood)
    columns = np.column_stack((np.ones(prepared.n), design))
    scale = np.sqrt((columns**2).mean(axis=0))
    models = batch((columns / scale)[None], target.event.astype(np.float64)[None], np.ones((1, prepared.n)), firth=True)
    start = np.zeros((1, columns.shape[1]))
    free = np.concatenate(([True], ~out))
    top = maximise(models, start, np.ones(columns.shape[1], dtype=np.bool_))
    null = maximise(models, start, np.asarray(free, dtype=np.bool_))
    if not null.converged[0]:
        return float("nan")
    return max(2.0 * float(top.point.value[0] - null.point.value[0]), 0.0)


def _added_rows(
    prepared: Prepared,
    terms: tuple[Term, ...],
    design: Floats,
    fit: _Fit,
    settings: Multivariable,
    seed: np.random.SeedSequence,
) -> list[Row]:
    """What the covariates ``adds`` add to the model of the others: likelihood ratio, and discrimination with and without them."""
    added = [c for c in settings.adds if any(v.biomarker.code == c for v in prepared.variables)]
    if not added:
        return []
    own = {int(c) for code in added for c in prepared.columns_of(code)}
    out = np.array([bool(own & set(t.of)) for t in terms])
    chi = _ratio(prepared, design, out, fit)
    name = ", ".join(added)
    numbers: dict[str, float] = {"chi_square": chi, "df": float(out.sum()), "p": float(chdtrc(out.sum(), chi))}
    if settings.validation.bootstrap and not out.all():
        numbers |= _gain(prepared, terms, out, settings, seed)
    return [Row(part="added", term=name, stat=s, value=v) for s, v in numbers.items()]


def _gain(
    prepared: Prepared, terms: tuple[Term, ...], out: Bools, settings: Multivariable, seed: np.random.SeedSequence
) -> dict[str, float]:
    """Discrimination without and with, corrected for optimism with the same resamples, and limits of the difference."""
    n, given, target = prepared.n, prepared.given, prepared.target
    draws: Ints = np.random.default_rng(seed).integers(0, n, (settings.validation.bootstrap, n))
    smaller = Declared(terms=tuple(t for t, gone in zip(terms, out, strict=True) if not gone))
    both = [bootstrap(p, given, target, seed=seed, draws=draws) for p in (smaller, Declared(terms=terms))]
    measure = next(iter(both[0].apparent))
    gap = both[1].corrected[measure] - both[0].corrected[measure]
    weight = np.stack([np.bincount(row, minlength=n) for row in draws]).astype(np.float64)
    inside = []
    for procedure in (smaller, Declared(terms=terms)):
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
    fit: _Fit,
    design: Floats,
) -> str:
    fill = fillings(prepared.given, np.ones((1, prepared.n)))[0].tolist() if settings.missing == "median" else None
    return saved(
        prepared,
        name=settings.name,
        endpoint=endpoint.name,
        label=endpoint.label,
        kind="cox" if isinstance(prepared.target, SurvivalTarget) else "logistic",
        terms=terms,
        intercept=fit.intercept,
        coefficient=fit.coefficient.tolist(),
        fill=fill,
        baseline=_baseline(prepared, design, fit.coefficient),
    ).text()


def _baseline(prepared: Prepared, design: Floats, coefficient: Floats) -> tuple[list[float], list[float]]:
    """Event times, and survival at a linear predictor of 0 (Breslow); nothing for a binary outcome."""
    target = prepared.target
    if not isinstance(target, SurvivalTarget):
        return [], []
    at = baseline_hazard(design, coefficient, target.time, target.event)
    return at.time.tolist(), at.survival.tolist()


def _notices(
    prepared: Prepared,
    settings: Multivariable,
    columns: int,
    inflation: Floats,
    fit: _Fit,
    boot: object,
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
    if fit.separation not in (None, Separation.NONE.value):
        found.append(Notice.SEPARATION)
    if prepared.censored.any():
        found.append(Notice.CENSORED_SUBSTITUTED)
    if not prepared.given.present.all():
        found.append(Notice.GAPS_FILLED)
    if prepared.left_out:
        found.append(Notice.COVARIATE_LEFT_OUT)
    if boot is not None and getattr(boot, "made", 0) < getattr(boot, "resamples", 0):
        found.append(Notice.RESAMPLES_WITHOUT_MODEL)
    return found
