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
from correlates.stats.arrays import Floats
from correlates.stats.ordinal_target import OrdinalTarget, class_probabilities
from correlates.stats.performance import decision_curve, probability
from correlates.stats.target import BinaryTarget, SurvivalTarget
from correlates.stats.validation import (
    Bootstrap,
    CrossValidation,
    Procedure,
    bootstrap,
    cross_validate,
    permutation_test,
)

MEASURES: Mapping[str, str] = {
    "auc": "Area under the ROC curve",
    "c_index": "Harrell's C",
    "brier": "Brier score",
    "scaled_brier": "Scaled Brier score",
    "intercept": "Calibration intercept",
    "slope": "Calibration slope",
}
"""Label of each measure of performance."""
_THRESHOLDS = np.arange(0.05, 0.951, 0.05)
_GROUPS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """What validation found: each None where it was not asked for, or not possible."""

    apparent: Mapping[str, float]
    bootstrap: Bootstrap | None
    crossed: CrossValidation | None
    permutation: tuple[float, int] | None


def validate(procedure: Procedure, prepared: Prepared, settings: Validation, seed: np.random.SeedSequence) -> Validated:
    """Validate a procedure as the settings ask."""
    given, target = prepared.given, prepared.target
    boot_seed, fold_seed, shuffle_seed, whole_seed = seed.spawn(4)
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


def left_out(prepared: Prepared, crossed: CrossValidation | None) -> tuple[Floats, Floats]:
    """Mean predictor, and mean probability (binary), of each subject (n,) over the repeats; NaN where none."""
    n = prepared.n
    if crossed is None:
        return np.full(n, np.nan), np.full(n, np.nan)
    known = np.isfinite(crossed.eta)
    count = np.maximum(known.sum(axis=0), 1)
    eta = np.where(known, crossed.eta, 0.0)
    mean = np.where(known.any(axis=0), eta.sum(axis=0) / count, np.nan)
    chance = np.where(known, probability(eta), 0.0).sum(axis=0) / count
    return mean, np.where(known.any(axis=0), chance, np.nan)


def curve_rows(prepared: Prepared, crossed: CrossValidation | None, level: float) -> list[Row]:
    """Calibration by fifths of the left-out probability, and the decision curve; of a binary outcome only."""
    target = prepared.target
    _, chance = left_out(prepared, crossed)
    known = np.isfinite(chance)
    if not isinstance(target, BinaryTarget) or known.sum() < _GROUPS:
        return []
    rows: list[Row] = []
    order = np.flatnonzero(known)[np.argsort(chance[known], kind="stable")]
    z = float(ndtri(0.5 + level / 2.0))
    for k, part in enumerate(np.array_split(order, _GROUPS), start=1):
        share, n = float(target.event[part].mean()), part.size
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        reach = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        numbers = {
            "predicted": float(chance[part].mean()),
            "observed": share,
            "observed_lower": float(middle - reach),
            "observed_upper": float(middle + reach),
            "subjects": float(n),
        }
        rows += [Row(part="calibration", stat=stat, level=f"fifth {k}", value=v) for stat, v in numbers.items()]
    curve = decision_curve(chance[known], target.event[known], _THRESHOLDS)
    for at, model, everybody in zip(curve.threshold, curve.model, curve.everybody, strict=True):
        name = f"{at:.2f}"
        rows += [
            Row(part="decision", stat="model_benefit", level=name, value=float(model)),
            Row(part="decision", stat="everybody_benefit", level=name, value=float(everybody)),
        ]
    return rows


def predictions(
    prepared: Prepared,
    header: Header,
    eta: Floats,
    crossed: CrossValidation | None,
    *,
    threshold: Floats | None = None,
) -> pl.DataFrame:
    """Rows of the table ``predictions`` for the linear predictors (n,) of the model, and the thresholds of its grades."""
    mean, chance = left_out(prepared, crossed)
    target = prepared.target
    logistic = isinstance(target, BinaryTarget)
    times = target.time.tolist() if isinstance(target, SurvivalTarget) else [None] * prepared.n
    own = probability(eta)
    seen: list[str | None] = [None] * prepared.n
    likeliest, shares = seen, seen
    if isinstance(target, OrdinalTarget) and threshold is not None:
        each = class_probabilities(eta, threshold)
        seen = [prepared.grades[g] for g in target.grade.tolist()]
        likeliest = [prepared.grades[int(row.argmax())] for row in each]
        shares = [json.dumps(dict(zip(prepared.grades, row.tolist(), strict=True))) for row in each]

    def number(value: float, *, told: bool = True) -> float | None:
        return float(value) if told and np.isfinite(value) else None

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
                "probability": number(own[i], told=logistic),
                "likeliest_class": likeliest[i],
                "class_probabilities": shares[i],
                "left_out_predictor": number(mean[i]),
                "left_out_probability": number(chance[i], told=logistic),
            }
            for i, subject in enumerate(prepared.subjects)
        ]
    )
