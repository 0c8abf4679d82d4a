"""Draw a trial: the order in which the blocks follow from one another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from correlates.simulate import causal, cytokines, events, labs, outcomes, patients, schedule, tumour
from correlates.simulate.causal import DEFAULT, Coefficients
from correlates.simulate.trial import Trial
from correlates.stats.kinetic_curve import KineticCurve

Floats = npt.NDArray[np.float64]

_LATENT = ("inflammation", "fitness", "conditioning", "efficacy", "crs", "neurotoxicity")
_WINDOW = 28.0


def draw(seed: int, n: int = 101, *, coefficients: Coefficients = DEFAULT) -> Trial:
    """Draw a trial with known truth.

    Parameters
    ----------
    seed
        Same seed, same trial. Every block has a generator of its own, so that a block added later moves no other.
    n
        Number of subjects, at least 1.
    coefficients
        The causal graph: nodes, path coefficients and constants.

    Returns
    -------
    Trial
        What happened and what is documented of it, before any instrument has seen it.

    Raises
    ------
    ValueError
        ``n`` is less than 1 or ``seed`` negative.

    Examples
    --------
    >>> trial = draw(1, 20)
    >>> trial.patients.height
    20
    """
    if n < 1 or seed < 0:
        raise ValueError(f"n must be at least 1 and seed at least 0, found n = {n}, seed = {seed}")
    width = max(3, len(str(n)))
    subjects = [f"C19-{i:0{width}d}" for i in range(1, n + 1)]
    scores = causal.scores(seed, n, coefficients)
    quantity = {node.name: causal.natural(node, scores[node.name]) for node in coefficients.nodes if not node.exact}
    curve = KineticCurve(**{p: quantity[p] for p in ("foldx", "tmax", "cmax", "alpha", "fb", "beta")})

    day = schedule.days(seed, n)
    kept = schedule.attended(seed, n, coefficients)
    plan = outcomes.course(seed, scores, day, coefficients)
    lesions, assessments, spd = tumour.draw_tumour(seed, subjects, quantity["burden"], plan, day, kept)
    last_contact = np.minimum(plan.death, plan.end)

    columns = tuple(c[:, None] for c in (quantity[p] for p in ("foldx", "tmax", "cmax", "alpha", "fb", "beta")))
    by_visit = KineticCurve(**dict(zip(("foldx", "tmax", "cmax", "alpha", "fb", "beta"), columns, strict=True)))
    car = np.where(day < 0, 0.0, by_visit.at(np.maximum(day, 0).astype(np.float64)))
    lymphocytes, monocytes = schedule.counts(seed, day, quantity["alc"], car)
    until = np.minimum(
        np.minimum(last_contact - 1.0, plan.progression + 14.0), np.minimum(plan.new_therapy, plan.transplant)
    )
    drawn_until = np.floor(np.minimum(until, 1e6)).astype(np.int64)
    samples = schedule.samples(seed, subjects, day, kept, drawn_until, car, lymphocytes, monocytes)
    levels = cytokines.cytokines(
        seed,
        samples.filter(pl.col("matrix") == "serum"),
        subjects,
        scores,
        quantity["tmax"],
        quantity["il15_day0"],
        plan.tocilizumab,
    )
    at_labs = kept & (day <= drawn_until[:, None])
    made = patients.product(subjects, quantity, coefficients)
    frame = _patients(seed, subjects, scores, quantity, curve, plan, spd, assessments, samples, last_contact)
    return Trial(
        seed=seed,
        patients=frame,
        product=made,
        samples=samples,
        cytokines=levels,
        lesions=lesions,
        assessments=assessments,
        adverse_events=events.adverse_events(seed, subjects, plan, last_contact),
        treatments=events.treatments(
            seed, subjects, plan, made["viable_dose_1e6"].to_numpy(), made["weight_kg"].to_numpy()
        ),
        labs=labs.labs(seed, subjects, scores, quantity, quantity["tmax"], day, at_labs, lymphocytes, monocytes),
        disposition=events.disposition(frame, lost=plan.lost),
    )


def _days(values: Floats, last: Floats | None = None) -> pl.Series:
    """Days as whole numbers; null where the event does not happen or lies after ``last``."""
    shown = np.isfinite(values) if last is None else np.isfinite(values) & (values <= last)
    whole = np.where(shown, values, 0.0).astype(np.int64)
    return pl.Series(whole, dtype=pl.Int64).set(pl.Series(~shown), None)


def _best(subjects: list[str], assessments: pl.DataFrame) -> pl.Series:
    order = {"CR": 4, "PR": 3, "SD": 2, "PD": 1, "NE": 0}
    best = (
        assessments.with_columns(rank=pl.col("response").replace_strict(order, return_dtype=pl.Int64))
        .sort("rank", descending=True)
        .group_by("subject_id")
        .agg(pl.col("response").first())
    )
    return (
        pl.DataFrame({"subject_id": subjects})
        .join(best, on="subject_id", how="left", maintain_order="left")["response"]
        .fill_null("NE")
    )


def _patients(
    seed: int,
    subjects: list[str],
    scores: dict[str, Floats],
    quantity: dict[str, Floats],
    curve: KineticCurve,
    plan: outcomes.Course,
    spd: Floats,
    assessments: pl.DataFrame,
    samples: pl.DataFrame,
    last_contact: Floats,
) -> pl.DataFrame:
    sampled = (
        samples.filter((pl.col("matrix") == "blood") & pl.col("study_day").is_between(0, int(_WINDOW)))
        .group_by("subject_id")
        .agg(pl.col("car_cells_per_ul").max().alias("sampled_peak"))
    )
    kinetic = {p: quantity[p] for p in ("foldx", "tmax", "cmax", "alpha", "fb", "beta")}
    frame = patients.covariates(seed, subjects, plan.cut_off).with_columns(
        **{f"latent_{name}": pl.Series(scores[name]) for name in _LATENT},
        **{name: pl.Series(value) for name, value in kinetic.items()},
        spd=pl.Series(spd),
        peak=pl.Series(curve.peak(np.minimum(_WINDOW, plan.death))),
        auc_0_28=pl.Series(curve.auc(_WINDOW)),
        il15_day0_pg_ml=pl.Series(quantity["il15_day0"]),
        best_response=_best(subjects, assessments),
        crs_grade=pl.Series(plan.crs),
        ne_grade=pl.Series(plan.ne),
        progression_day=_days(plan.progression, last_contact),
        death_day=_days(plan.death, plan.end),
        new_therapy_day=_days(plan.new_therapy, last_contact),
        transplant_day=_days(plan.transplant, last_contact),
        last_contact_day=_days(last_contact),
        tocilizumab=pl.Series(np.isfinite(plan.tocilizumab)),
        steroids=pl.Series(np.isfinite(plan.steroids)),
        tocilizumab_day=_days(plan.tocilizumab),
        steroids_day=_days(plan.steroids),
        uncensored_progression_day=_days(plan.progression),
        uncensored_death_day=_days(plan.death),
    )
    frame = frame.join(sampled, on="subject_id", how="left", maintain_order="left")
    frame = frame.with_columns(
        relapsed_after_landmark=(pl.col("progression_day") > outcomes.LANDMARK).fill_null(value=False)
        & pl.col("best_response").is_in(["CR", "PR"])
    )
    return frame.insert_column(frame.get_column_index("best_response") + 1, outcomes.durability(frame))
