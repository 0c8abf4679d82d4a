"""Population models in a run: their covariates are derived first, their posteriors are kept beside the tables."""

from __future__ import annotations

import polars as pl

from correlates.pipeline.store import Store, Tables
from correlates.plan import Plan, PlanFile
from correlates.plan.population import rests_on
from correlates.schema import PARAMETERS, POPULATION

POPULATION_TABLES = tuple(table.name for table in POPULATION)
POSTERIORS = "population"
"""Folder of the run that holds the posteriors."""
OF_PARAMETERS = ("measurements", "burden", "product", "characteristics", "labs", "subjects")
"""Tables that parameters are derived from."""


def covariate_codes(plan: Plan) -> list[str]:
    """The declared parameters that the covariates of the population models rest on, in the order of the plan."""
    parameters = dict(plan.parameters)
    wanted: set[str] = set()
    for model in plan.population_models.values():
        for covariate in model.covariates:
            wanted |= rests_on(parameters, covariate.of)
    return [code for code in parameters if code in wanted]


def fit_populations(file: PlanFile, t: Tables, store: Store) -> Tables:
    """Fit every population model of the plan; a posterior is written to ``population/NAME.nc``."""
    models = file.plan.population_models
    if not models:
        return {table.name: table.empty() for table in POPULATION}
    from correlates.parameters import derive
    from correlates.population.fit import fit
    from correlates.population.save import save

    specs = {code: file.plan.parameters[code] for code in covariate_codes(file.plan)}
    covariates = derive(specs, **{name: t[name] for name in OF_PARAMETERS}).parameters if specs else PARAMETERS.empty()
    parts: list[Tables] = []
    for name, settings in models.items():
        store.progress(f"fitting the population model {name} ({settings.method})")
        fitted = fit(
            name,
            settings,
            measurements=t["measurements"],
            covariates=covariates,
            subjects=t["subjects"]["subject_id"].to_list(),
            seed=file.plan.study.seed,
        )
        made = dict(fitted.tables)
        if fitted.posterior is not None:
            (store.folder / POSTERIORS).mkdir(exist_ok=True)
            path = f"{POSTERIORS}/{name}.nc"
            save(fitted, store.folder / path)
            made["population_fits"] = made["population_fits"].with_columns(file=pl.lit(path))
        parts.append(made)
    return {name: pl.concat([part[name] for part in parts]) for name in (*POPULATION_TABLES, "checks")}
