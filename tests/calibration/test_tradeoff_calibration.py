"""Level, power and coverage of the joint model, of the test of a ratio, of subgroups, and of the clocks of a late biomarker.

Figures are printed (``pytest -m calibration -s``) and stand in docs/methods. Bounds are the nominal value and 3.5 Monte Carlo standard
errors, widened where a method is known to be approximate in small samples; each widening says why.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import chdtrc, expit, ndtr, stdtr, stdtrit

from correlates.association.efficacy_toxicity import CLASSES, class_probabilities
from correlates.stats.cox import cox_screen
from correlates.stats.cutpoint import log_rank_scores
from correlates.stats.interaction import interaction_cox, interaction_logistic
from correlates.stats.joint_logistic import joint_effects, joint_logistic
from correlates.stats.joint_sides import Binary, Timed, _logistic_outside, influence
from correlates.stats.landmark import landmark
from correlates.stats.local_effect import local_effects
from correlates.stats.logistic_likelihood import batch, maximise
from correlates.stats.permutation import permuted_scores
from correlates.stats.ratio_claim import Shape, ratio_claim

pytestmark = pytest.mark.calibration

MARGIN = float(np.log(1.5))
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(60)


def _intercept(share, slope):
    """Intercept at which the share with the event is that, for a standard normal biomarker."""
    weight = _WEIGHTS / _WEIGHTS.sum()
    return brentq(lambda a: float((weight * expit(a + slope * _NODES)).sum()) - share, -12, 12)


def _trials(rng, trials, n, shares, slopes, correlation=0.3):
    """Biomarkers (trials, n) and two endpoints that depend on them, and on each other beside them (correlated thresholds)."""
    x = rng.normal(size=(trials, n))
    z = rng.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], (trials, n))
    events = [ndtr(z[:, :, k]) < expit(_intercept(shares[k], slopes[k]) + slopes[k] * x) for k in (0, 1)]
    return x, np.stack(events)


def _joint(x, events, margin=MARGIN):
    """What ``joint_logistic`` gives, for many trials at once: slopes, their covariance, P of equal effect, P beyond the margin, P of efficacy."""
    trials, n = x.shape
    here = np.ones(x.shape, dtype=bool)
    design = np.stack((np.ones(x.shape), x), axis=2)
    parts, slopes, outside, effect = [], [], [], None
    fine = ((events.sum(axis=2) > 0) & (events.sum(axis=2) < n)).all(axis=0)
    for k in (0, 1):
        models = batch(design, events[k].astype(float), here.astype(float), firth=True)
        top = maximise(models, np.zeros((trials, 2)), np.ones(2, dtype=bool))
        fine &= top.converged
        parts.append(influence(x, events[k], here, top.beta[:, 0], top.beta[:, 1], 1.0))
        slopes.append(top.beta[:, 1])
        outside.append(_logistic_outside(x, events[k], here, top.beta[:, 0], top.beta[:, 1], margin))
        if k == 0:
            held = maximise(models, np.zeros((trials, 2)), np.array([True, False]))
            effect = chdtrc(1, np.maximum(2 * (top.point.value - held.point.value), 0))
    stacked = np.concatenate(parts, axis=1)
    covariance = (stacked @ np.swapaxes(stacked, 1, 2))[:, 1::2, 1::2]
    error = np.sqrt(covariance[:, 0, 0] + covariance[:, 1, 1] - 2 * covariance[:, 0, 1])
    fine &= (events[0] != events[1]).any(axis=1)  # the same subjects: there is nothing to compare
    error = np.where(fine, error, 1.0)
    beta = np.stack(slopes, axis=1)
    p = 2 * stdtr(n - 2, -np.abs(beta[:, 0] - beta[:, 1]) / error)
    for row in np.flatnonzero(fine)[:2]:  # it is the kernel's own answer
        one = joint_logistic(x[row], events[:, row], margin=margin)
        assert one.difference_p[0] == pytest.approx(p[row], rel=1e-6)
        assert one.outside[0, 1] == pytest.approx(outside[1][row], rel=1e-5)
        assert one.p_value[0, 0] == pytest.approx(effect[row], rel=1e-6)
    return beta[fine], covariance[fine], p[fine], np.stack(outside, axis=1)[fine], effect[fine]


def _tell(what, where, value, replicates):
    print(f"{what:58s} {where!s:34s} {value:.4f}  ({replicates} replicates)", flush=True)


def _error(replicates, p=0.05):
    return float(np.sqrt(p * (1 - p) / replicates))


@pytest.mark.parametrize("n", [20, 50, 101])
@pytest.mark.parametrize("shares", [(0.4, 0.15), (0.3, 0.3)], ids=str)
@pytest.mark.parametrize("slope", [0.0, 0.7])
def test_equal_effect_holds_its_level(n, shares, slope):
    rng = np.random.default_rng([1, n, int(100 * shares[1]), int(10 * slope)])
    p = _joint(*_trials(rng, 4000, n, shares, (slope, slope)))[2]
    rate = float((p < 0.05).mean())
    _tell("equal effect, P < .05", (n, shares, slope), rate, p.size)
    # the correction is conservative where few have an event: 50 subjects with 15 % of events are 7, 20 are 3
    assert (0.0 if n == 20 else 0.02) <= rate <= 0.05 + 3.5 * _error(p.size) + 0.005


@pytest.mark.parametrize("n", [20, 50, 101])
def test_power_of_equal_effect(n):
    rng = np.random.default_rng([9, n])
    beta, covariance, p, *_ = _joint(*_trials(rng, 4000, n, (0.4, 0.3), (1.0, 0.0)))
    _tell("power of equal effect, log odds ratios 1 and 0", n, float((p < 0.05).mean()), p.size)
    error = np.sqrt(covariance[:, 0, 0] + covariance[:, 1, 1] - 2 * covariance[:, 0, 1])
    held = np.abs(beta[:, 0] - beta[:, 1] - 1.0) <= stdtrit(n - 2, 0.975) * error
    _tell("95 % limits of the difference of effects hold 1", n, float(held.mean()), p.size)
    assert held.mean() >= 0.95 - 3.5 * _error(p.size, 0.95)
    assert (p < 0.05).mean() > (0.0 if n == 20 else 0.3)


@pytest.mark.parametrize("n", [20, 50, 101])
def test_equivalence_and_its_intersection_hold_their_level(n):
    rng = np.random.default_rng([2, n])
    # toxicity at the margin, efficacy far from none: the corner at which the intersection is largest
    _, _, _, outside, effect = _joint(*_trials(rng, 4000, n, (0.4, 0.3), (1.2, MARGIN)))
    rates = {"equivalence at the margin 1.5, P < .05": outside[:, 1] < 0.05}
    rates["efficacy and not toxicity, toxicity at the margin"] = np.maximum(effect, outside[:, 1]) < 0.05
    _, _, _, outside, effect = _joint(*_trials(rng, 4000, n, (0.4, 0.3), (0.0, 0.0)))
    rates["efficacy and not toxicity, no effect on either"] = np.maximum(effect, outside[:, 1]) < 0.05
    for name, hits in rates.items():
        _tell(name, n, float(hits.mean()), hits.size)
        assert hits.mean() <= 0.05 + 3.5 * _error(hits.size), name
    for margin in (1.5, 2.0, 3.0):
        x, events = _trials(rng, 2000, n, (0.4, 0.3), (0.0, 0.0))
        hits = _joint(x, events, float(np.log(margin)))[3][:, 1] < 0.05
        _tell(f"power of equivalence at {margin}, no effect", n, float(hits.mean()), hits.size)


@pytest.mark.parametrize("n", [50, 101])
def test_classes_of_known_biomarkers(n):
    names = list(CLASSES)
    truths = {
        "neither": (0.0, 0.0),
        "efficacy_only": (0.9, 0.0),
        "toxicity_only": (0.0, 0.9),
        "trade_off": (0.9, 0.9),
        "concordant": (0.9, -0.9),
    }
    for truth, slopes in truths.items():
        rng = np.random.default_rng([3, n, names.index(truth)])
        beta, covariance, *_ = _joint(*_trials(rng, 2000, n, (0.4, 0.3), slopes))
        p = class_probabilities(beta, covariance, MARGIN)
        mine = names.index(truth)
        best, sure = p.argmax(axis=1), p.max(axis=1) >= 0.8
        where = (n, truth)
        _tell("likeliest class is the true one", where, float((best == mine).mean()), best.size)
        _tell("mean probability of the true class", where, float(p[:, mine].mean()), best.size)
        _tell("share with a class of .8 or more", where, float(sure.mean()), best.size)
        if sure.any():
            _tell("of these, the true class", where, float((best[sure] == mine).mean()), int(sure.sum()))
        if n == 101:
            assert (best == mine).mean() > 0.5, truth


@pytest.mark.parametrize("n", [50, 101])
@pytest.mark.parametrize("share", [0.15, 0.3])
def test_ratio_holds_its_level_and_has_power(n, share):
    rng = np.random.default_rng([4, n, int(100 * share)])
    for name, slopes in (("ratio right", (0.8, -0.8)), ("numerator alone", (0.8, 0.0)), ("no effect", (0.0, 0.0))):
        top = rng.normal(size=(2000, n))
        bottom = 0.4 * top + rng.normal(size=top.shape) * np.sqrt(1 - 0.16)
        spread = float(np.sqrt(slopes[0] ** 2 + slopes[1] ** 2 + 2 * 0.4 * slopes[0] * slopes[1]))
        events = rng.random(top.shape) < expit(_intercept(share, spread) + slopes[0] * top + slopes[1] * bottom)
        kept = (events.sum(axis=1) > 2) & (events.sum(axis=1) < n - 2)
        top, bottom, events = top[kept], bottom[kept], events[kept]
        design = np.stack((np.ones(top.shape), top - bottom, bottom), axis=2)
        models = batch(design, events.astype(float), np.ones(top.shape), firth=True)
        full = maximise(models, np.zeros((top.shape[0], 3)), np.ones(3, dtype=bool))
        held = maximise(models, np.zeros((top.shape[0], 3)), np.array([True, True, False]))
        p = chdtrc(1, np.maximum(2 * (full.point.value - held.point.value), 0))
        assert ratio_claim(top[0], bottom[0], events[0]).claim_p == pytest.approx(p[0], rel=1e-5)
        rate = float((p[full.converged & held.converged] < 0.05).mean())
        _tell(f"equal and opposite, {name}, P < .05", (n, share), rate, p.size)
        if name != "numerator alone":
            assert rate <= 0.05 + 3.5 * _error(p.size) + 0.005, name


@pytest.mark.parametrize("n", [101])
def test_set_of_the_exponent_covers_it(n):
    rng = np.random.default_rng([5, n])
    held = {"profile": [], "Fieller": []}
    unlimited = []
    for _ in range(200):
        top = rng.normal(size=n)
        bottom = 0.4 * top + rng.normal(size=n)
        events = rng.random(n) < expit(-0.5 + 0.8 * (top - 0.7 * bottom))
        claim = ratio_claim(top, bottom, events)
        if claim is None:
            continue
        for name, found in (("profile", claim.profile), ("Fieller", claim.fieller)):
            if found.shape is Shape.EVERYTHING:
                held[name].append(True)
            elif found.shape is Shape.INTERVAL:
                held[name].append(found.lower <= 0.7 <= found.upper)
            elif found.shape is Shape.BEYOND:
                held[name].append(not found.lower < 0.7 < found.upper)
        unlimited.append(claim.profile.shape is not Shape.INTERVAL)
    for name, values in held.items():
        _tell(f"{name} 95 % set holds the exponent .7", n, np.mean(values), len(values))
        assert np.mean(values) >= 0.95 - 3.5 * _error(len(values), 0.95) - 0.01
    _tell("profile set is no interval", n, np.mean(unlimited), len(unlimited))


@pytest.mark.parametrize("n", [50, 101])
@pytest.mark.parametrize("groups", [2, 3])
@pytest.mark.parametrize("slope", [0.0, 0.7])
def test_interaction_holds_its_level(n, groups, slope):
    """Biomarkers normal with variance 1 in each class, so that the log odds ratio per unit is the difference of the means."""
    rng = np.random.default_rng([6, n, groups, int(10 * slope)])
    hits = []
    for _ in range(20):
        events, subgroup = rng.random(n) < 0.3, rng.integers(0, groups, n)
        x = rng.normal(size=(200, n)) + slope * events
        p = interaction_logistic(x, events, subgroup, groups).p_interaction
        hits.append(p[np.isfinite(p)] < 0.05)
    found = np.concatenate(hits)
    _tell("interaction, logistic, P < .05", (n, groups, slope), float(found.mean()), found.size)
    # 20 designs of 200 biomarkers each: the designs differ more than their replicates
    assert found.mean() <= 0.05 + 3.5 * _error(found.size) + (0.02 if n == 50 else 0.01)


@pytest.mark.parametrize("n", [50, 101])
def test_interaction_of_a_time_endpoint_holds_its_level(n):
    rng = np.random.default_rng([10, n])
    hits = []
    for _ in range(60):
        time, seen, subgroup = rng.exponential(size=n), rng.random(n) < 0.6, rng.integers(0, 2, n)
        hits.append(interaction_cox(rng.normal(size=(40, n)), time, seen, subgroup, 2).p_interaction < 0.05)
    found = np.concatenate(hits)
    _tell("interaction, Cox, no effect, P < .05", n, float(found.mean()), found.size)
    assert found.mean() <= 0.05 + 3.5 * _error(found.size) + (0.02 if n == 50 else 0.01)


@pytest.mark.parametrize("prognostic", [0.0, 0.8])
@pytest.mark.parametrize("n", [50, 101])
@pytest.mark.parametrize("part", [0, 1])
def test_local_effects_hold_their_level(n, prognostic, part):
    """The effect is the same everywhere; the modifier changes the odds of the event itself, or does not."""
    rng = np.random.default_rng([7, n, int(10 * prognostic), part])
    rejected, covered, trials = [], [], 400
    start = _intercept(0.35, float(np.hypot(0.6, prognostic)))
    for trial in range(trials):
        x, z = rng.normal(size=n), rng.normal(size=n)
        events = rng.random(n) < expit(start + 0.6 * x + prognostic * z)
        found = local_effects(
            x, events, z, size=round(0.4 * n), shared=round(0.3 * n), permutations=99, draws=1000, seed=trial
        )
        if found.p_value is not None:
            rejected.append(found.p_value <= 0.05)
            inside = (found.band_lower <= 0.6) & (found.band_upper >= 0.6)
            covered.append(bool(inside[np.isfinite(found.coefficient)].all()))
    where = (n, prognostic)
    _tell("local effects, homogeneous, P <= .05", where, np.mean(rejected), len(rejected))
    _tell("simultaneous 95 % band holds the effect in all windows", where, np.mean(covered), len(covered))
    assert np.mean(rejected) <= 0.05 + 3.5 * _error(len(rejected))
    # normal limits in windows of 40 with 14 events, of 20 with 7
    assert np.mean(covered) >= 0.95 - 3.5 * _error(len(covered), 0.95) - (0.02 if n == 101 else 0.04)


@pytest.mark.parametrize("n", [50, 101])
def test_clocks_of_a_biomarker_that_is_known_late(n):
    """The highest of weekly values up to a day of its own, 20 to 120, or to the end of follow-up: it says nothing of survival."""
    rng = np.random.default_rng([8, n])
    found = {"naive, from the infusion": [], "landmark day 60": [], "from the known day": []}
    level = {name: [] for name in found}
    permuted = []
    for trial in range(1500):
        time = np.ceil(rng.exponential(180, n))
        event = rng.random(n) < 0.8
        day = rng.integers(20, 121, n).astype(float)
        visits = np.minimum(np.floor(np.minimum(time, day) / 7).astype(int) + 1, 18)
        weekly = rng.normal(size=(n, 18))
        x = np.where(np.arange(18) < visits[:, None], weekly, -np.inf).max(axis=1)
        fits = {"naive, from the infusion": cox_screen(x, time, event)}
        known = day <= 60
        at = landmark(time, event, 60.0)
        index = at.index[known[at.index]]
        fits["landmark day 60"] = cox_screen(x[index], time[index] - 60.0, event[index])
        if fits["landmark day 60"].converged[0]:
            scores = log_rank_scores(time[index] - 60.0, event[index], ties="nelson-aalen")
            permuted.append(permuted_scores(x[index], scores, permutations=2000, seed=trial).p_value[0] < 0.05)
        later = time > day
        fits["from the known day"] = cox_screen(x[later], time[later], event[later], entry=day[later])
        for name, fit in fits.items():
            if fit.converged[0]:
                found[name].append(fit.coefficient[0])
                level[name].append(fit.p_value[0] < 0.05)
    for name, values in found.items():
        _tell(f"{name}: mean log hazard ratio (truth 0)", n, np.mean(values), len(values))
        _tell(f"{name}: P < .05", n, np.mean(level[name]), len(level[name]))
    _tell("landmark day 60, permuted (few subjects): P < .05", n, np.mean(permuted), len(permuted))
    assert np.mean(permuted) <= 0.05 + 3.5 * _error(len(permuted))
    assert np.mean(found["naive, from the infusion"]) < -0.1
    for name in ("landmark day 60", "from the known day"):
        spread = np.std(found[name]) / np.sqrt(len(found[name]))
        # the mean of a maximum likelihood estimate of 15 subjects is not exactly 0: a landmark keeps few of 50
        assert abs(np.mean(found[name])) <= 3.5 * spread + 0.02, name
        assert np.mean(level[name]) <= 0.05 + 3.5 * _error(len(level[name])) + (0.02 if n == 50 else 0.01), name


def _joint_ends(rng, n, kinds, effect):
    """A biomarker (n,) and two endpoints with one effect on both, 30 % of the times censored, correlated beside the biomarker."""
    x = rng.normal(size=n)
    u = ndtr(rng.multivariate_normal([0, 0], [[1, 0.3], [0.3, 1]], n)).T
    ends = []
    for k, kind in enumerate(kinds):
        if kind == "binary":
            ends.append(Binary(event=u[k] < expit(_intercept(0.4, effect) + effect * x), known=np.ones(n, bool)))
            continue
        turned = k == 0
        time = -np.log(u[k]) / np.exp(-effect * x if turned else effect * x)
        last = rng.uniform(0.3, 3.5, n)
        ends.append(Timed(time=np.minimum(time, last), event=time <= last, known=np.ones(n, bool), turned=turned))
    return x, ends


@pytest.mark.parametrize("n", [50, 101])
@pytest.mark.parametrize(
    ("kinds", "effect"), [(("time", "binary"), 0.0), (("time", "time"), 0.0), (("time", "time"), 0.5)]
)
def test_equal_effect_on_a_time(kinds, effect, n):
    """Level of the test of equal effect, and coverage of each side's limits, with a time to an event among the endpoints."""
    rng = np.random.default_rng([60, n, len(set(kinds)), int(10 * effect)])
    trials = int(os.environ.get("TRIALS", "1500"))
    p, within, covered = [], [], []
    for _ in range(trials):
        x, ends = _joint_ends(rng, n, kinds, effect)
        fit = joint_effects(x[None], ends, margin=MARGIN)
        if fit.converged[0]:
            p.append(fit.difference_p[0])
            covered.append(fit.difference_lower[0] <= 0 <= fit.difference_upper[0])
            within.append((fit.lower[0] <= effect) & (effect <= fit.upper[0]))
    level, sides = float(np.mean(np.array(p) < 0.05)), np.mean(within, axis=0)
    where = f"{' and '.join(kinds)}, effect {effect:g}, n {n}"
    _tell("equal effect, P < .05", where, level, len(p))
    for name, value in zip(("efficacy", "toxicity"), sides, strict=True):
        _tell(f"limits of {name} cover", where, float(value), len(p))
    assert len(p) > 0.99 * trials
    assert level == pytest.approx(0.05, abs=3.5 * _error(len(p)) + 0.01)  # the sandwich is of large samples
    assert (np.abs(sides - 0.95) < 3.5 * _error(len(p)) + 0.01).all()  # and so is the profile
