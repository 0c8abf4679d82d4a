"""The posterior as InferenceData in a netCDF file, for whoever wants to look further with ArviZ."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from correlates.population.density import unpack
from correlates.population.diagnostics import arviz
from correlates.population.fit import Fitted
from correlates.population.settings import NAMES


def save(fitted: Fitted, path: Path) -> None:
    """Write posterior, sample statistics and data.

    Groups: ``posterior`` holds ``typical``, ``omega``, ``correlation``, ``sigma``, ``effect`` (a ratio; where there are
    covariates) and ``individual`` (parameters of each subject, not their logarithms); ``sample_stats`` divergences;
    ``observed_data`` the samples and ``constant_data`` their day, subject and side of censoring. The draws of the
    fast mode are one chain of draws of equal weight.

    Raises
    ------
    ValueError
        The model was not fitted.
    """
    if fitted.posterior is None:
        raise ValueError(f"{fitted.name} was not fitted")
    posterior, prepared = fitted.posterior, fitted.prepared
    population = unpack(posterior.theta, len(prepared.effects), correlated=posterior.prior.correlated, xp=np)
    variables = {
        "typical": np.exp(population.mu),
        "omega": population.omega,
        "correlation": population.corr @ np.swapaxes(population.corr, -1, -2),
        "sigma": population.sigma,
        "individual": np.exp(posterior.phi).astype(np.float32),
    }
    dims = {
        "typical": ["parameter"],
        "omega": ["parameter"],
        "correlation": ["parameter", "other"],
        "individual": ["subject", "parameter"],
        "value": ["sample"],
        "day": ["sample"],
        "subject_of_sample": ["sample"],
        "censoring": ["sample"],
    }
    coords = {
        "parameter": list(NAMES),
        "other": list(NAMES),
        "subject": list(prepared.subjects),
        "sample": prepared.points["measurement_id"].to_list(),
    }
    if prepared.effects:
        variables["effect"] = np.exp(population.effects)
        dims["effect"], coords["covariate"] = ["covariate"], [e.name for e in prepared.effects]
    library = arviz()
    data = library.from_dict(
        posterior=variables,
        sample_stats={"diverging": posterior.diverging},
        observed_data={"value": prepared.points["value"].to_numpy()},
        constant_data={
            "day": prepared.points["day"].to_numpy(),
            "subject_of_sample": prepared.points["row"].to_numpy(),
            "censoring": prepared.points["code"].to_numpy(),
        },
        coords=coords,
        dims=dims,
    )
    for group in data.groups():
        data[group].attrs.pop("created_at", None)
    data.posterior.attrs |= {
        "model": fitted.name,
        "analyte": prepared.analyte,
        "unit": prepared.unit or "",
        "settings": json.dumps(asdict(fitted.settings), sort_keys=True, ensure_ascii=False),
        "reported": str(bool(fitted.tables["population_fits"]["converged"][0])).lower(),
    }
    data.to_netcdf(str(path), engine="h5netcdf", groups=list(data.groups()), compress=True)
