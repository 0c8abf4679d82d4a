"""Parameters that a population model gives: individual exposures, each with its posterior interval."""

from __future__ import annotations

import json
from dataclasses import asdict

import polars as pl

from correlates.errors import Problem, unknown
from correlates.parameters.emit import ROWS
from correlates.parameters.record import Computed, Inputs
from correlates.parameters.settings import Modelled
from correlates.terms import Censoring, Reason

_WORDS = {
    "cmax": "Cmax",
    "tmax": "Tmax",
    "foldx": "Fold expansion",
    "alpha": "Rate of contraction",
    "fb": "Share that persists",
    "beta": "Rate of loss of persisting cells",
    "auc": "AUC day 0 to {day}",
    "level": "Level on day {day}",
    "days_above_lloq": "Days until below the LLOQ",
    "doubling_time": "Doubling time",
    "contraction_half_life": "Half-life of contraction",
    "terminal_half_life": "Terminal half-life",
}


def words_of(settings: Modelled) -> str:
    """What the quantity is called, with its day."""
    return _WORDS[settings.quantity].format(day="" if settings.day is None else f"{settings.day:g}")


def modelled_problems(code: str, settings: Modelled, fits: pl.DataFrame, subjects: pl.DataFrame) -> list[Problem]:
    """A model nobody fitted, or a quantity it does not give on that day."""
    models = fits["model"].sort().to_list()
    if settings.of not in models:
        return [unknown("population model", settings.of, models, code="unknown-population-model")]
    given = subjects.filter((pl.col("model") == settings.of) & (pl.col("quantity") == settings.quantity))
    days = given["day"].unique().sort().to_list()
    if settings.day not in days:
        return [
            Problem(
                code="quantity-not-given",
                what=f"{code}: the population model {settings.of!r} does not give {words_of(settings)}",
                found="no day" if settings.day is None else f"day {settings.day:g}",
                expected="no day" if days == [None] else f"day {', '.join(f'{d:g}' for d in days)}",
                do="Name it in auc_to or level_on of the model" if settings.day is not None else "Give day",
            )
        ]
    return []


def modelled(code: str, settings: Modelled, inputs: Inputs) -> Computed:
    """The posterior median of a quantity of each subject; known on the day of the last sample of the subject.

    ``rule`` holds the settings of the model, its diagnostics, and the posterior interval of the subject.
    """
    fit = inputs.population_fits.row(by_predicate=pl.col("model") == settings.of, named=True)
    told = ("method", "n_subjects", "n_samples", "converged", "rhat", "ess_bulk", "ess_tail", "divergences", "step")
    diagnostics = {key: fit[key] for key in (*told, "importance", "pareto", "detail") if fit[key] is not None}
    shared = asdict(settings) | {"model": json.loads(fit["settings"]), "diagnostics": diagnostics}
    mine = inputs.population_subjects.filter(
        (pl.col("model") == settings.of)
        & (pl.col("quantity") == settings.quantity)
        & pl.col("day").eq_missing(pl.lit(settings.day))
    )
    rules = {
        row["subject_id"]: json.dumps(
            shared | {"interval": {"level": row["level"], "lower": row["lower"], "upper": row["upper"]}},
            sort_keys=True,
            ensure_ascii=False,
        )
        for row in mine.iter_rows(named=True)
    }
    has = pl.col("value").is_not_null()
    rows = (
        inputs.subjects.select("subject_id")
        .join(mine.drop("day"), on="subject_id", how="left", maintain_order="left")
        .with_columns(
            code=pl.lit(code),
            reason=pl.when(~has).then(pl.coalesce("reason", pl.lit(Reason.NO_SAMPLE.value))),
            censoring=pl.when(has).then(pl.lit(Censoring.NONE.value)),
            known_on_day=pl.when(has).then("known_on_day"),
            source_ids=pl.col("source_ids").fill_null(pl.lit([], dtype=pl.List(pl.String))),
            rule=pl.col("subject_id").replace_strict(rules, return_dtype=pl.String, default=json.dumps(shared)),
        )
    )
    blank = {name: pl.lit(None, dtype=dtype) for name, dtype in ROWS.items() if name not in rows.columns}
    return Computed(rows=rows.with_columns(**blank).select([*ROWS, "rule"]))
