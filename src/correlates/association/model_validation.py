"""Performance of a model as rows: apparent beside corrected, calibration and decision curves, predictions by models that did not see a subject."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import ndtri

from correlates.association.model_columns import Prepared
from correlates.association.model_record import Header, Row
from correlates.association.model_settings import Validation
from correlates.association.notices import Notice
from correlates.schema.models import PREDICTIONS
from correlates.stats.arrays import Bools, Floats, Ints, divide
from correlates.stats.cox import baseline_hazard
from correlates.stats.horizon import free_at, net_benefit_at
from correlates.stats.kaplan_meier import Interval, kaplan_meier
from correlates.stats.ordinal_target import OrdinalTarget, class_probabilities
from correlates.stats.performance import decision_curve
from correlates.stats.target import SurvivalTarget, Target
from correlates.stats.validation import (
    Bootstrap,
    CrossValidation,
    LearningCurve,
    Procedure,
    bootstrap,
    cross_validate,
    learning_curve,
    permutation_test,
)

_THRESHOLDS = np.arange(0.05, 0.951, 0.05)
_GROUPS = 5
_LARGEST = 700.0  # exp of more does not fit a number


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """What validation found: each None where it was not asked for, or not possible."""

    apparent: Mapping[str, float]
    bootstrap: Bootstrap | None
    crossed: CrossValidation | None
    permutation: tuple[float, int] | None
    learning: LearningCurve | None

    @property
    def failed(self) -> int:
        """Resamples and folds that gave no model."""
        boot, crossed = self.bootstrap, self.crossed
        return (0 if boot is None else boot.resamples - boot.made) + (0 if crossed is None else crossed.failed)


def validate(procedure: Procedure, prepared: Prepared, settings: Validation, seed: np.random.SeedSequence) -> Validated:
    """Validate a procedure as the settings ask."""
    given, target = prepared.given, prepared.target
    boot_seed, fold_seed, shuffle_seed, whole_seed, learning_seed = seed.spawn(5)
    everyone = np.ones((1, prepared.n))
    whole = procedure.fit(given, target, everyone, whole_seed)
    folds = min(settings.folds, prepared.n)
    alone = folds == prepared.n
    permutation = None
    if settings.permutations:
        test = permutation_test(
            procedure, given, target, seed=shuffle_seed, permutations=settings.permutations, folds=min(folds, 10) or 10
        )
        permutation = (test.p_value, int(np.isfinite(test.permuted).sum()))
    return Validated(
        apparent={name: float(v[0]) for name, v in target.measures(whole.eta, everyone).items()},
        bootstrap=bootstrap(procedure, given, target, seed=boot_seed, resamples=settings.bootstrap)
        if settings.bootstrap
        else None,
        crossed=cross_validate(
            procedure, given, target, seed=fold_seed, folds=folds, repeats=1 if alone else settings.repeats
        )
        if folds
        else None,
        permutation=permutation,
        learning=learning_curve(procedure, given, target, seed=learning_seed, draws=settings.learning)
        if settings.learning
        else None,
    )


def performance_rows(found: Validated, *, overfits: bool) -> list[Row]:
    """Rows of part ``performance``; ``overfits``: the bootstrap corrects such a procedure too little, and says so."""
    rows: list[Row] = []
    boot, crossed = found.bootstrap, found.crossed
    mean = crossed.mean() if crossed is not None else {}
    why = (Notice.BOOTSTRAP_OPTIMISTIC,) if overfits else ()
    for measure, value in found.apparent.items():
        numbers: dict[str, float | None] = {"apparent": value}
        if boot is not None:
            numbers |= {
                "optimism": boot.optimism[measure],
                "optimism_error": boot.optimism_error[measure],
                "corrected": boot.corrected[measure],
                "corrected_lower": boot.lower[measure],
                "corrected_upper": boot.upper[measure],
                "plus": boot.plus.get(measure),
                "resamples": float(boot.made),
            }
        if crossed is not None:
            repeats = crossed.measures[measure]
            known = repeats[np.isfinite(repeats)]
            numbers |= {
                "cross_validated": mean[measure],
                "cross_validated_sd": float(known.std(ddof=1)) if known.size > 1 else None,
                "cross_validated_lower": crossed.lower.get(measure),
                "cross_validated_upper": crossed.upper.get(measure),
            }
        rows += [
            Row(
                part="performance",
                term=measure,
                stat=stat,
                value=number,
                notices=why if stat in {"corrected", "corrected_lower", "corrected_upper"} else (),
            )
            for stat, number in numbers.items()
            if number is not None
        ]
    if found.permutation is not None:
        rows += [
            Row(part="performance", stat="permutation_p", value=found.permutation[0]),
            Row(part="performance", stat="permutations", value=float(found.permutation[1])),
        ]
    return rows


def horizon_notices(found: Validated) -> list[Notice]:
    """What is to be known of the horizon."""
    at = found.apparent.get("auc_at_horizon")
    return [] if at is None or np.isfinite(at) else [Notice.HORIZON_NOT_JUDGED]


def learning_rows(found: Validated) -> list[Row]:
    """Rows of part ``learning``: discrimination by number of subjects that a model was made from, in those left out."""
    curve = found.learning
    if curve is None:
        return []
    return [
        Row(part="learning", stat=stat, level=str(size), value=float(value))
        for size, mean, deviation in zip(curve.size.tolist(), curve.mean, curve.deviation, strict=True)
        for stat, value in (("learning_mean", mean), ("learning_sd", deviation))
    ]


def left_out(prepared: Prepared, crossed: CrossValidation | None) -> tuple[Floats, Floats]:
    """Mean predictor, and mean probability of the event, of each subject (n,) over the repeats; NaN where none."""
    if crossed is None:
        return np.full(prepared.n, np.nan), np.full(prepared.n, np.nan)
    return _mean(crossed.eta), _mean(crossed.risk)


def _mean(of: Floats) -> Floats:
    known = np.isfinite(of)
    return divide(np.where(known, of, 0.0).sum(axis=0), known.sum(axis=0))


def curve_rows(prepared: Prepared, crossed: CrossValidation | None, level: float) -> list[Row]:
    """Calibration by fifths of the left-out probability, and the decision curve.

    Of a time to event with a horizon: what has happened by then, estimated by Kaplan and Meier in each fifth, and among those acted on.
    """
    target = prepared.target
    _, chance = left_out(prepared, crossed)
    known = np.isfinite(chance)
    if isinstance(target, OrdinalTarget) or known.sum() < _GROUPS or not _judged(target, known):
        return []
    rows: list[Row] = []
    order = np.flatnonzero(known)[np.argsort(chance[known], kind="stable")]
    for k, part in enumerate(np.array_split(order, _GROUPS), start=1):
        numbers = {
            "predicted": float(chance[part].mean()),
            **_observed(target, part, level),
            "subjects": float(part.size),
        }
        rows += [Row(part="calibration", stat=stat, level=f"fifth {k}", value=v) for stat, v in numbers.items()]
    if isinstance(target, SurvivalTarget):
        assert target.horizon is not None
        curve = net_benefit_at(chance[known], target.time[known], target.event[known], target.horizon, _THRESHOLDS)
    else:
        curve = decision_curve(chance[known], target.event[known], _THRESHOLDS)
    for at, model, everybody in zip(curve.threshold, curve.model, curve.everybody, strict=True):
        name = f"{at:.2f}"
        rows += [
            Row(part="decision", stat="model_benefit", level=name, value=float(model)),
            Row(part="decision", stat="everybody_benefit", level=name, value=float(everybody)),
        ]
    return rows


def _judged(target: Target, known: Bools) -> bool:
    """Whether it is known what has happened: of a time to event, whether anybody is followed to its horizon."""
    if not isinstance(target, SurvivalTarget) or target.horizon is None:
        return True
    return bool(
        np.isfinite(free_at(target.time[known], target.event[known], np.ones((1, known.sum())), target.horizon)[0])
    )


def _observed(target: Target, part: Ints, level: float) -> dict[str, float]:
    """Share with the event, with its limits, among the subjects ``part``: Wilson's, or by the horizon Kaplan and Meier's (log-log)."""
    if isinstance(target, SurvivalTarget):
        assert target.horizon is not None
        time, event = target.time[part], target.event[part]
        free = float(free_at(time, event, np.ones((1, part.size)), target.horizon)[0])
        curve = kaplan_meier(time, event, level=level, interval=Interval.LOG_LOG)
        at = int(np.searchsorted(curve.time, target.horizon, side="right")) - 1
        lower, upper = (float(curve.lower[at]), float(curve.upper[at])) if at >= 0 else (float("nan"),) * 2
        return {"observed": 1.0 - free, "observed_lower": 1.0 - upper, "observed_upper": 1.0 - lower}
    share, n = float(target.event[part].mean()), part.size
    z = float(ndtri(0.5 + level / 2.0))
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return {"observed": share, "observed_lower": float(middle - reach), "observed_upper": float(middle + reach)}


def _risk(target: Target, eta: Floats) -> Floats:
    """Probability of the event (n,) by the model itself, with the baseline that is saved with it; NaN where none is told."""
    if not isinstance(target, SurvivalTarget) or target.horizon is None:
        own: Floats = target.risk(eta[None], np.ones((1, eta.size)))[0]
        return own
    base = baseline_hazard(eta[:, None], np.ones(1), target.time, target.event)
    at = int(np.searchsorted(base.time, target.horizon, side="right")) - 1
    risk: Floats = 1.0 - (float(base.survival[at]) if at >= 0 else 1.0) ** np.exp(np.minimum(eta, _LARGEST))
    return risk


def predictions(
    prepared: Prepared,
    header: Header,
    eta: Floats,
    found: Validated,
    *,
    threshold: Floats | None = None,
) -> pl.DataFrame:
    """Rows of the table ``predictions`` for the linear predictors (n,) of the model, and the thresholds of its grades."""
    mean, chance = left_out(prepared, found.crossed)
    target = prepared.target
    risk = _risk(target, eta)
    times = target.time.tolist() if isinstance(target, SurvivalTarget) else [None] * prepared.n
    seen: list[str | None] = [None] * prepared.n
    likeliest, shares = seen, seen
    if isinstance(target, OrdinalTarget) and threshold is not None:
        each = class_probabilities(eta, threshold)
        seen = [prepared.grades[g] for g in target.grade.tolist()]
        likeliest = [prepared.grades[int(row.argmax())] for row in each]
        shares = [json.dumps(dict(zip(prepared.grades, row.tolist(), strict=True))) for row in each]

    def number(value: float) -> float | None:
        return float(value) if np.isfinite(value) else None

    return PREDICTIONS.frame(
        [
            {
                "model_id": header.model_id,
                "analysis_id": header.analysis,
                "subject_id": subject,
                "observed": None if seen[i] is not None else bool(target.event[i]),
                "observed_class": seen[i],
                "time": times[i],
                "linear_predictor": number(eta[i]),
                "probability": number(risk[i]),
                "likeliest_class": likeliest[i],
                "class_probabilities": shares[i],
                "left_out_predictor": number(mean[i]),
                "left_out_probability": number(chance[i]),
            }
            for i, subject in enumerate(prepared.subjects)
        ]
    )
