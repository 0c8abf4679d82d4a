"""A fitted model as plain JSON, and its predictions for other subjects, with the checks that guard against a wrong use."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from correlates.association.model_columns import Prepared, Variable
from correlates.association.model_data import Numbers, read
from correlates.association.model_transforms import grouped
from correlates.errors import InputError, Problem
from correlates.schema.table import NUMBER, TEXT
from correlates.stats.arrays import Bools, Floats, where
from correlates.stats.candidates import candidates
from correlates.stats.design import Term, expand
from correlates.stats.ordinal_target import OrdinalTarget, class_probabilities
from correlates.stats.performance import probability
from correlates.stats.resample_imputation import ConditionalMean
from correlates.stats.transforms import Take, defined, transformed
from correlates.terms import Reason

FORMAT = "correlates-model/2"
OUT_OF_RANGE = "outside-the-range"
FILLED = "filled"
AT_LIMIT = "counted-at-its-limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedModel:
    """A model: ``kind`` logistic, ordinal or cox; ``variables`` as they are transformed, ``terms`` made of their columns, ``coefficient`` of each.

    ``fill`` is what a missing column becomes; ``mean`` and ``covariance`` give its expectation by the columns that are there (imputed models); with
    neither a subject with a gap gets no prediction. ``horizon`` and ``survival``: days,
    and the probability of no event by then at a linear predictor of 0 (Cox). ``grades``, the lowest first, and ``threshold`` of all but the lowest
    (ordinal).
    """

    name: str
    kind: str
    endpoint: str
    label: str
    n: int
    events: int
    variables: tuple[dict[str, Any], ...]
    terms: tuple[Term, ...]
    intercept: float
    coefficient: tuple[float, ...]
    fill: tuple[float, ...] | None
    horizon: tuple[float, ...] = ()
    survival: tuple[float, ...] = ()
    grades: tuple[str, ...] = ()
    threshold: tuple[float, ...] = ()
    mean: tuple[float, ...] = ()
    covariance: tuple[tuple[float, ...], ...] = ()

    def text(self) -> str:
        """The model as JSON."""
        return json.dumps(
            {
                "format": FORMAT,
                "name": self.name,
                "kind": self.kind,
                "endpoint": self.endpoint,
                "label": self.label,
                "n": self.n,
                "events": self.events,
                "variables": list(self.variables),
                "terms": [
                    {"name": t.name, "of": list(t.of), "knots": list(t.knots), "part": t.part, "coefficient": c}
                    for t, c in zip(self.terms, self.coefficient, strict=True)
                ],
                "intercept": self.intercept,
                "fill": None if self.fill is None else list(self.fill),
                "conditional": {"mean": list(self.mean), "covariance": [list(row) for row in self.covariance]},
                "baseline": {"day": list(self.horizon), "survival": list(self.survival)},
                "grades": {"names": list(self.grades), "threshold": list(self.threshold)},
            },
            indent=1,
            allow_nan=False,
        )


def saved(
    prepared: Prepared,
    *,
    name: str,
    endpoint: str,
    label: str,
    kind: str,
    terms: Sequence[Term],
    intercept: float,
    coefficient: Sequence[float],
    fill: Sequence[float] | None,
    rule: ConditionalMean | None = None,
    baseline: tuple[Sequence[float], Sequence[float]] = ((), ()),
    threshold: Sequence[float] = (),
) -> SavedModel:
    """A fitted model with only the variables and columns its terms use."""
    used = sorted({column for term in terms for column in term.of})
    place = {column: i for i, column in enumerate(used)}
    variables: list[dict[str, Any]] = []
    for column in used:
        variable = prepared.variables[int(prepared.given.variable[column])]
        variables.append(_described(variable, prepared.names[column]))
    return SavedModel(
        name=name,
        kind=kind,
        endpoint=endpoint,
        label=label,
        n=prepared.n,
        events=_events(prepared),
        variables=tuple(variables),
        terms=tuple(Term(name=t.name, of=tuple(place[c] for c in t.of), knots=t.knots, part=t.part) for t in terms),
        intercept=float(intercept),
        coefficient=tuple(float(c) for c in coefficient),
        fill=None if fill is None else tuple(float(fill[c]) for c in used),
        horizon=tuple(float(v) for v in baseline[0]),
        survival=tuple(float(v) for v in baseline[1]),
        grades=prepared.grades,
        threshold=tuple(float(a) for a in threshold),
        mean=() if rule is None else tuple(float(rule.mean[0, c]) for c in used),
        covariance=() if rule is None else tuple(tuple(float(rule.covariance[0, c, d]) for d in used) for c in used),
    )


def _events(prepared: Prepared) -> int:
    """Subjects with the event; of grades, those above the lowest."""
    target = prepared.target
    return int((target.grade > 0).sum()) if isinstance(target, OrdinalTarget) else int(target.event.sum())


def _described(variable: Variable, column: str) -> dict[str, Any]:
    marker = variable.biomarker
    common = {"code": marker.code, "label": marker.label, "unit": marker.unit}
    if variable.classes:
        is_class = column.removeprefix(f"{marker.code}=")
        described = {**common, "is": is_class, "classes": list(variable.classes)}
        if not variable.cuts:
            return described
        number = variable.groups[variable.classes.index(is_class)]
        return {**described, "cuts": list(variable.cuts), "group": number, "range": [variable.low, variable.high]}
    return {
        **common,
        "take": variable.take,
        "centre": variable.centre,
        "divided_by": variable.unit,
        "range": [variable.low, variable.high],
    }


def load_model(text: str, *, file: str) -> SavedModel:
    """A model from its JSON.

    Raises
    ------
    InputError
        Not JSON, or not a model of this format.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            Problem(
                code="not-json",
                what=f"{file} is not JSON",
                found=str(error),
                expected="a model of a run (models/NAME.json)",
            )
        ) from error
    try:
        _ = {FORMAT: True}[data["format"]]
        return SavedModel(
            name=data["name"],
            kind=data["kind"],
            endpoint=data["endpoint"],
            label=data["label"],
            n=data["n"],
            events=data["events"],
            variables=tuple(data["variables"]),
            terms=tuple(
                Term(name=t["name"], of=tuple(t["of"]), knots=tuple(t["knots"]), part=t["part"]) for t in data["terms"]
            ),
            intercept=float(data["intercept"]),
            coefficient=tuple(float(t["coefficient"]) for t in data["terms"]),
            fill=None if data["fill"] is None else tuple(data["fill"]),
            horizon=tuple(data["baseline"]["day"]),
            survival=tuple(data["baseline"]["survival"]),
            grades=tuple(data["grades"]["names"]),
            threshold=tuple(data["grades"]["threshold"]),
            mean=tuple(data["conditional"]["mean"]),
            covariance=tuple(tuple(row) for row in data["conditional"]["covariance"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            Problem(
                code="not-a-model",
                what=f"{file} is no model that this version reads",
                found=f"{type(error).__name__}: {error}",
                expected=f"the format {FORMAT!r}, as a run writes it to models/NAME.json",
            )
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """``table`` of predictions, one row per subject, and ``warnings`` about whole columns."""

    table: pl.DataFrame
    warnings: tuple[str, ...]


def predict(model: SavedModel, data: pl.DataFrame, days: Sequence[float] = ()) -> Predicted:
    """Predictions for the rows of a table with a column per covariate.

    Parameters
    ----------
    model
        The model.
    data
        ``subject_id``, and the covariates by their codes; see :func:`correlates.association.model_data.read`.
    days
        Of a Cox model: days by which the probability of no event is told.

    Returns
    -------
    Predicted
        ``subject_id``, ``linear_predictor``, ``probability`` of the event (logistic; null otherwise); for grades ``likeliest_class`` and
        ``probability of CLASS`` for each; ``no event by day D`` (Cox; null beyond the last event of the model); ``error`` (why there is no
        prediction) and ``notices`` (values outside the range the model was made from, limits, gaps that were filled).

    Raises
    ------
    InputError
        With every column that is missing, not of numbers, or in a unit that does not convert; days of a model without time.
    """
    if days and model.kind != "cox":
        raise InputError(
            Problem(
                code="no-time",
                what=f"{model.name} is no model of a time to an event: it tells nothing by a day",
                do="Leave --day out",
            )
        )
    numeric = {v["code"]: v for v in model.variables if _numeric(v)}
    given = read(data, numeric, list(dict.fromkeys(v["code"] for v in model.variables if not _numeric(v))))
    n = data.height
    raw = np.zeros((n, len(model.variables)))
    there = np.zeros(raw.shape, dtype=np.bool_)
    errors: list[Reason | None] = [None] * n
    notices: list[list[str]] = [[] for _ in range(n)]
    for j, variable in enumerate(model.variables):
        code = variable["code"]
        raw[:, j], there[:, j] = (
            _number(variable, given.numbers[code], errors, notices)
            if code in given.numbers
            else _class(variable, given.words[code], errors)
        )
    missing = ~there
    for i in np.flatnonzero(missing.any(axis=1)):
        if errors[i] is not None:
            continue
        absent = [str(model.variables[j]["code"]) for j in np.flatnonzero(missing[i])]
        if model.fill is None and not (model.mean and there[i].any()):
            errors[i] = Reason.NOT_RECORDED
        else:
            notices[i] += [f"{FILLED}: {code}" for code in dict.fromkeys(absent)]
    filled = where(there, raw, 0.0 if model.fill is None else np.array(model.fill)[None, :])
    if model.mean and not there.all():
        rule = ConditionalMean(mean=np.array([model.mean]), covariance=np.array([model.covariance]))
        filled = rule.filled(candidates(filled, there))[0]
    eta: Floats = model.intercept + expand(model.terms, filled) @ np.array(model.coefficient)
    known: Bools = np.array([e is None for e in errors], dtype=np.bool_)
    chance = probability(np.where(known, eta, 0.0)) if model.kind == "logistic" else np.full(n, np.nan)
    graded: dict[str, pl.Series] = {}
    if model.kind == "ordinal":
        each = class_probabilities(where(known, eta, 0.0), np.array(model.threshold))
        likeliest = [model.grades[int(row.argmax())] if ok else None for row, ok in zip(each, known, strict=True)]
        graded["likeliest_class"] = pl.Series(likeliest, dtype=TEXT)
        for j, name in enumerate(model.grades):
            graded[f"probability of {name}"] = _told(each[:, j], known)
    for day in days:
        graded[f"no event by day {day:g}"] = _told(_survival(model, eta, day), known)
    table = pl.DataFrame(
        {
            "subject_id": given.subjects.cast(pl.String),
            "linear_predictor": _told(eta, known),
            "probability": _told(chance, known),
            **graded,
            "error": pl.Series([None if e is None else e.value for e in errors], dtype=TEXT),
            "notices": pl.Series(["; ".join(dict.fromkeys(row)) for row in notices], dtype=TEXT),
        }
    )
    return Predicted(table=table, warnings=given.warnings)


def _told(values: Floats, known: Bools) -> pl.Series:
    return pl.Series(where(known, values, np.nan), dtype=NUMBER).fill_nan(None)


def _survival(model: SavedModel, eta: Floats, day: float) -> Floats:
    """Probability of no event by a day at linear predictors (n,): baseline to the power exp(eta); NaN beyond the last event."""
    if not model.horizon or day > model.horizon[-1]:
        return np.full(eta.shape, np.nan)
    at = int(np.searchsorted(model.horizon, day, side="right"))
    baseline = 1.0 if at == 0 else model.survival[at - 1]
    found: Floats = baseline ** np.exp(np.clip(eta, -500.0, 500.0))
    return found


def _class(
    variable: Mapping[str, Any], words: Sequence[str | None], errors: list[Reason | None]
) -> tuple[Floats, Bools]:
    for i, word in enumerate(words):
        if word is not None and word not in variable["classes"]:
            errors[i] = Reason.UNKNOWN_CLASS
    known = np.array([w is not None for w in words], dtype=np.bool_)
    return np.array([float(w == variable["is"]) for w in words]), known


def _number(
    variable: Mapping[str, Any], given: Numbers, errors: list[Reason | None], notices: list[list[str]]
) -> tuple[Floats, Bools]:
    values, present = given.values, given.present
    low, high = variable["range"]
    for i in np.flatnonzero(present & ((values < low) | (values > high))).tolist():
        notices[i].append(f"{OUT_OF_RANGE}: {variable['code']}")
    for i in np.flatnonzero(present & given.limits).tolist():
        notices[i].append(f"{AT_LIMIT}: {variable['code']}")
    if "cuts" in variable:
        return (grouped(values, tuple(variable["cuts"])) == variable["group"]).astype(np.float64), present
    take: Take = variable["take"]
    for i in np.flatnonzero(present & ~defined(values, take)).tolist():
        errors[i] = Reason.NEGATIVE if take == "sqrt" else Reason.NOT_POSITIVE
    return (transformed(values, take) - variable["centre"]) / variable["divided_by"], present


def _numeric(variable: Mapping[str, Any]) -> bool:
    """Whether its column holds numbers: a category does not, a number divided into groups does."""
    return "classes" not in variable or "cuts" in variable
