"""Honest performance of a whole modelling procedure: everything it does to the outcome is done again inside every resample.

Harrell's optimism bootstrap (Harrell, Lee and Mark, Stat Med 1996;15:361-387), the .632+ estimate (Efron and Tibshirani, JASA 1997;92:548-560,
doi:10.1080/01621459.1997.10474007), repeated cross-validation (nested, since the procedure tunes itself inside), the permutation test of the procedure
(Golland and Fischl 2003; P as Phipson and Smyth, Stat Appl Genet Mol Biol 2010;9:39), and the learning curve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import ndtri

from correlates.stats.arrays import Bools, Floats, Ints, divide, where
from correlates.stats.candidates import Candidates
from correlates.stats.logistic_resamples import counts_of
from correlates.stats.target import Target

_LIMITS_FROM = 100  # resamples
_CALIBRATION = ("intercept", "slope", "observed_to_expected")
_MOST_PAIRS = 1000  # pairs of subjects left out, where one subject a fold leaves none to compare
_BATCH = 128  # resamples that a procedure is given at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What a procedure made in B resamples: linear predictors of all subjects (B, n), NaN where it made none; columns in (B, p).

    ``coefficient`` (B, 1 + p): intercept (0 for Cox) and coefficients, 0 for columns not in; None where the model is no sum.
    """

    eta: Floats
    selected: Bools
    coefficient: Floats | None = None

    @property
    def made(self) -> Bools:
        """Which resamples gave a model (B,)."""
        found: Bools = np.all(np.isfinite(self.eta), axis=1)
        return found


class Procedure(Protocol):
    """A way from candidates and outcome to a model, everything included: filling gaps, tuning, selection, estimation."""

    def fit(self, given: Candidates, target: Target, weight: Floats, seed: np.random.SeedSequence) -> Fitted:
        """Models of B resamples (B, n); a subject of weight 0 must not be looked at but for its own predictor."""


def fit_resamples(
    procedure: Procedure, given: Candidates, target: Target, weight: Floats, seed: np.random.SeedSequence
) -> Fitted:
    """A procedure in any number of resamples, so many at a time; each batch has its own seed."""
    starts = range(0, weight.shape[0], _BATCH)
    parts = [
        procedure.fit(given, target, weight[first : first + _BATCH], own)
        for first, own in zip(starts, seed.spawn(len(starts)), strict=True)
    ]
    return Fitted(
        eta=np.concatenate([part.eta for part in parts]), selected=np.concatenate([part.selected for part in parts])
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """What bootstrap validation found; mappings by measure.

    ``apparent``: of the model on its own data. ``optimism``: mean over resamples of a resample's model on that resample less the
    same on the original data; ``optimism_error`` its Monte Carlo standard error; ``corrected`` = apparent - optimism. ``plus`` the .632+
    estimates (discrimination, and Brier score for a binary outcome). ``lower`` and ``upper``: 95 % of the corrected measure, by shifting the
    bootstrap distribution of the apparent one by the optimism (location-shifted: Noma et al., Stat Med 2021;40:5691-5701); not with fewer
    than 100 resamples, and not for calibration, which is nearly perfect on the data of a model whatever they are.
    ``selected`` (p,) share of resamples each column was in. ``made`` of ``resamples`` gave a model.
    """

    apparent: Mapping[str, float]
    optimism: Mapping[str, float]
    optimism_error: Mapping[str, float]
    corrected: Mapping[str, float]
    plus: Mapping[str, float]
    lower: Mapping[str, float]
    upper: Mapping[str, float]
    selected: Floats
    resamples: int
    made: int


def bootstrap(
    procedure: Procedure,
    given: Candidates,
    target: Target,
    *,
    seed: np.random.SeedSequence,
    resamples: int = 1000,
    draws: Ints | None = None,
) -> Bootstrap:
    """Optimism and .632+ of a procedure.

    Parameters
    ----------
    procedure, given, target
        What is done, to which candidates, for which outcome.
    seed, resamples
        How many resamples of n subjects are drawn with replacement, and from which seed.
    draws
        (B, n) subjects of each resample, where they are given instead.

    Notes
    -----
    A resample whose model cannot be made (one class, a separated likelihood) counts in no mean, and is counted.

    The bootstrap corrects little where a procedure can fit any outcome (as many columns as subjects, or trees grown out), because
    a resample holds 63 % of the subjects it is tested on; cross-validation is to be read there.
    """
    n = target.size
    draw_seed, fit_seed, whole_seed = seed.spawn(3)
    index = np.random.default_rng(draw_seed).integers(0, n, (resamples, n)) if draws is None else draws
    weight = counts_of(index, n)
    everyone = np.ones((1, n))
    whole = procedure.fit(given, target, everyone, whole_seed)
    whole_risk = target.risk(whole.eta, everyone)
    apparent = {name: float(value[0]) for name, value in target.measures(whole.eta, everyone, whole_risk).items()}
    fits = fit_resamples(procedure, given, target, weight, fit_seed)
    made = fits.made
    eta, mass = fits.eta[made], weight[made]
    risk = target.risk(eta, mass)
    inside = target.measures(eta, mass, risk)
    outside = target.measures(eta, np.ones(eta.shape), risk)
    optimism, error, lower, upper = {}, {}, {}, {}
    for name, on_resample in inside.items():
        gap = on_resample - outside[name]
        gap = gap[np.isfinite(gap)]
        enough = gap.size > 1
        optimism[name] = float(gap.mean()) if gap.size else float("nan")
        error[name] = float(gap.std(ddof=1) / np.sqrt(gap.size)) if enough else float("nan")
        spread = on_resample[np.isfinite(on_resample)]
        limited = spread.size >= _LIMITS_FROM and name not in _CALIBRATION
        limits = np.quantile(spread, (0.025, 0.975)) if limited else (np.nan, np.nan)
        lower[name], upper[name] = (float(limit) - optimism[name] for limit in limits)
    return Bootstrap(
        apparent=apparent,
        optimism=optimism,
        optimism_error=error,
        corrected={name: apparent[name] - optimism[name] for name in apparent},
        plus=_plus(target, whole_risk[0], eta, risk, mass, apparent),
        lower=lower,
        upper=upper,
        selected=fits.selected[made].mean(axis=0) if made.any() else np.full(fits.selected.shape[1], np.nan),
        resamples=int(weight.shape[0]),
        made=int(made.sum()),
    )


def _plus(
    target: Target, whole_risk: Floats, eta: Floats, risk: Floats, weight: Floats, apparent: Mapping[str, float]
) -> dict[str, float]:
    """.632+ of the first measure (an AUC or C, no information 1/2) and of the Brier score."""
    discrimination = next(iter(apparent))
    away = where(weight == 0, 1.0, 0.0)
    won, pairs = target.pairs(eta, away)
    outside = float(won.sum() / pairs.sum()) if pairs.sum() > 0 else float("nan")
    found = {discrimination: 1.0 - _weigh(1.0 - apparent[discrimination], 1.0 - outside, 0.5)}
    if "brier" in apparent:
        y = target.event.astype(np.float64)
        loss = away * (risk - y) ** 2
        each = divide(loss.sum(axis=0), away.sum(axis=0))
        none = float(((whole_risk[:, None] - y[None, :]) ** 2).mean())
        each = each[np.isfinite(each)]
        found["brier"] = _weigh(apparent["brier"], float(each.mean()) if each.size else float("nan"), none)
    return found


def _weigh(apparent: float, outside: float, none: float) -> float:
    """Efron and Tibshirani 1997, (27)-(32): the error outside is not let exceed that without information."""
    capped = min(outside, none)
    overfit = (outside - apparent) / (none - apparent) if outside > apparent and none > apparent else 0.0
    share = 0.632 / (1.0 - 0.368 * min(overfit, 1.0))
    return (1.0 - share) * apparent + share * capped


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossValidation:
    """What repeated cross-validation found: the corrected performance, for every procedure.

    ``measures``: by measure, of each repeat (R,). Measures of discrimination count pairs within folds only, since predictors of different
    models are not on one scale (pooled, an AUC without any effect falls below 1/2); the other measures are of the pooled predictions.
    Without any effect the subjects of a fold are exchangeable to a model that has not seen them: discrimination is then 1/2 on
    average whatever the procedure. ``lower`` and ``upper``: limits of the mean discrimination (see :func:`cross_validate`).
    ``eta`` and ``risk`` (R, n): each subject's predictor, and probability of the event, by the model that did not see it, NaN where none was
    made. ``selected`` (p,): share of the models each column was in. ``failed``: folds without a model, of ``folds`` in all.
    """

    measures: Mapping[str, Floats]
    lower: Mapping[str, float]
    upper: Mapping[str, float]
    eta: Floats
    risk: Floats
    selected: Floats
    folds: int
    failed: int

    def mean(self) -> dict[str, float]:
        """Mean of each measure over the repeats."""
        return {
            name: float(_finite(v).mean()) if _finite(v).size else float("nan") for name, v in self.measures.items()
        }


def _finite(values: Floats) -> Floats:
    found: Floats = values[np.isfinite(values)]
    return found


def folds_of(event: Bools, folds: int, repeats: int, seed: np.random.SeedSequence) -> Ints:
    """The fold (R, n) of each subject in each repeat: at random, the events spread as evenly as they go, then the others."""
    random = np.random.default_rng(seed)
    n = event.size
    found = np.empty((repeats, n), dtype=np.int64)
    for r in range(repeats):
        shuffled = random.permutation(n)
        order = np.concatenate((shuffled[event[shuffled]], shuffled[~event[shuffled]]))
        found[r, order] = np.arange(n) % folds
        found[r] = random.permutation(folds)[found[r]]
    return found


def cross_validate(
    procedure: Procedure,
    given: Candidates,
    target: Target,
    *,
    seed: np.random.SeedSequence,
    folds: int = 10,
    repeats: int = 5,
    level: float = 0.95,
) -> CrossValidation:
    """Repeated stratified cross-validation of a whole procedure; as many folds as subjects leave one out.

    Notes
    -----
    Limits of discrimination: the influence of each subject on the pairs of its folds (LeDell, Petersen and van der Laan, Electron J Stat
    2015;9:1583-1607) gives the variance V of one repeat if folds were independent. They share most of the subjects that their models
    were made from: with R repeats of K folds the variance is taken as V (1/R + K/(K - 1)) (Nadeau and Bengio, Mach Learn 2003;52:239-281;
    Bouckaert and Frank 2004). The limits are a rule of experience; their coverage is on the page of the methods.

    One subject a fold leaves no pairs within folds. Discrimination is then that of models made without *two* subjects (Airola et al.,
    Comput Stat Data Anal 2011;55:1828-1844), all pairs or 1,000 drawn at random, and has no limits.
    """
    n = target.size
    if not 2 <= folds <= n:
        raise ValueError(f"folds must be between 2 and {n}, found {folds}")
    fold_seed, fit_seed, pair_seed = seed.spawn(3)
    fold = folds_of(target.event, folds, repeats, fold_seed)
    numbers = np.arange(folds)
    weight = (fold[:, None, :] != numbers[None, :, None]).astype(np.float64).reshape(repeats * folds, n)
    fits = fit_resamples(procedure, given, target, weight, fit_seed)
    made = fits.made

    def own(of: Floats) -> Floats:
        found: Floats = np.take_along_axis(of.reshape(repeats, folds, n), fold[:, None, :], axis=1)[:, 0, :]
        return found

    eta, risk = own(fits.eta), own(target.risk(fits.eta, weight))
    there = where(np.isfinite(eta), 1.0, 0.0)
    there[there.sum(axis=1) == 0] = 1.0  # a repeat without any model has no measures
    measures = dict(target.measures(eta, there, risk))
    lower, upper = {}, {}
    if folds < n:
        for name, pairs in target.pair_weights().items():
            each, variance = discrimination(eta, fold, pairs)
            measures[name] = each
            known = np.isfinite(each)
            error = (
                np.sqrt(variance[known].mean() * (1.0 / known.sum() + folds / (folds - 1.0))) if known.any() else 0.0
            )
            reach = float(ndtri(0.5 + level / 2.0)) * float(error) if error > 0 else float("nan")
            middle = float(each[known].mean()) if known.any() else float("nan")
            lower[name], upper[name] = max(middle - reach, 0.0), min(middle + reach, 1.0)
    else:
        measures |= _without_two(procedure, given, target, pair_seed)
    return CrossValidation(
        measures=measures,
        lower=lower,
        upper=upper,
        eta=eta,
        risk=risk,
        selected=fits.selected[made].mean(axis=0) if made.any() else np.full(fits.selected.shape[1], np.nan),
        folds=int(weight.shape[0]),
        failed=int((~made).sum()),
    )


def discrimination(eta: Floats, fold: Ints, weight: Floats) -> tuple[Floats, Floats]:
    """Share of the weighted pairs within folds that predictors order as the outcome is, and its variance (R,).

    Parameters
    ----------
    eta, fold
        (R, n) predictors, NaN where there is none, and the fold of each subject.
    weight
        (n, n) how much a pair counts of which the row's subject should have the higher predictor.

    Notes
    -----
    The variance is the infinitesimal jackknife: the sum over subjects of (sum over its pairs of (won - share) weight / total)^2.
    """
    count = eta.shape[0]
    share, variance = np.full(count, np.nan), np.full(count, np.nan)
    for r in range(count):
        known = np.isfinite(eta[r])
        one, other = eta[r, :, None], eta[r, None, :]
        counted = where((fold[r, :, None] == fold[r, None, :]) & known[:, None] & known[None, :], weight, 0.0)
        total = counted.sum()
        if total <= 0:
            continue
        won = (one > other) + 0.5 * (one == other)
        share[r] = (counted * won).sum() / total
        excess = counted * (won - share[r]) / total
        variance[r] = ((excess.sum(axis=0) + excess.sum(axis=1)) ** 2).sum()
    return share, variance


def _without_two(
    procedure: Procedure, given: Candidates, target: Target, seed: np.random.SeedSequence
) -> dict[str, Floats]:
    """Discrimination by models made without the two subjects that are compared; one number, as of one repeat."""
    draw_seed, fit_seed = seed.spawn(2)
    pair_weights = target.pair_weights()
    random = np.random.default_rng(draw_seed)
    one, other = np.nonzero(next(iter(pair_weights.values())) > 0)
    if one.size > _MOST_PAIRS:
        chosen = random.choice(one.size, _MOST_PAIRS, replace=False)
        one, other = one[chosen], other[chosen]
    if one.size == 0:
        return {name: np.full(1, np.nan) for name in pair_weights}
    rows = np.arange(one.size)
    weight = np.ones((one.size, target.size))
    weight[rows, one] = weight[rows, other] = 0.0
    eta = fit_resamples(procedure, given, target, weight, fit_seed).eta
    known = np.isfinite(eta).all(axis=1)
    first, second = eta[rows, one], eta[rows, other]
    won = where(first > second, 1.0, where(first == second, 0.5, 0.0))
    found = {}
    for name, pairs in pair_weights.items():
        mass = where(known, pairs[one, other], 0.0)
        found[name] = divide([(mass * where(known, won, 0.0)).sum()], [mass.sum()])
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PermutationTest:
    """Whether a procedure beats chance: its cross-validated discrimination, that of permuted outcomes (T,), and P."""

    observed: float
    permuted: Floats
    p_value: float


def permutation_test(
    procedure: Procedure,
    given: Candidates,
    target: Target,
    *,
    seed: np.random.SeedSequence,
    permutations: int = 199,
    folds: int = 10,
) -> PermutationTest:
    """One cross-validation of the procedure against the same for outcomes shuffled among subjects; P = (1 + as large) / (1 + T)."""
    order_seed, own, *seeds = seed.spawn(permutations + 2)
    random = np.random.default_rng(order_seed)

    def once(on: Target, with_seed: np.random.SeedSequence) -> float:
        found = cross_validate(procedure, given, on, seed=with_seed, folds=folds, repeats=1)
        return next(iter(found.mean().values()))

    observed = once(target, own)
    shuffled = np.array([once(target.permuted(random.permutation(target.size)), each) for each in seeds])
    known = shuffled[np.isfinite(shuffled)]
    larger = int((known >= observed - 1e-12).sum())
    return PermutationTest(observed=observed, permuted=shuffled, p_value=(1 + larger) / (1 + known.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningCurve:
    """Discrimination by number of subjects a model was made from: ``size`` (S,), mean and standard deviation over the draws (S,)."""

    size: Ints
    mean: Floats
    deviation: Floats


def learning_curve(
    procedure: Procedure,
    given: Candidates,
    target: Target,
    *,
    seed: np.random.SeedSequence,
    shares: tuple[float, ...] = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    draws: int = 30,
) -> LearningCurve:
    """Train on a share of the subjects (balanced by event), test on all others, ``draws`` times for each share."""
    n, event = target.size, target.event
    weights = []
    draw_seed, fit_seed = seed.spawn(2)
    random = np.random.default_rng(draw_seed)
    for share in shares:
        for _ in range(draws):
            chosen = np.zeros(n)
            for members in (np.flatnonzero(event), np.flatnonzero(~event)):
                take = max(1, round(share * members.size))
                chosen[random.permutation(members)[:take]] = 1.0
            weights.append(chosen)
    weight = np.array(weights)
    fits = fit_resamples(procedure, given, target, weight, fit_seed)
    made = fits.made
    won, pairs = target.pairs(where(made[:, None], fits.eta, 0.0), 1.0 - weight)
    value = where(made, divide(won, pairs), np.nan).reshape(len(shares), draws)
    return LearningCurve(
        size=weight.sum(axis=1).reshape(len(shares), draws)[:, 0].astype(np.int64),
        mean=np.array([_finite(row).mean() if _finite(row).size else np.nan for row in value]),
        deviation=np.array([_finite(row).std(ddof=1) if _finite(row).size > 1 else np.nan for row in value]),
    )
