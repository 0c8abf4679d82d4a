"""The stage: a declared model in, its posterior and the tables that describe it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from correlates.errors import DerivationError
from correlates.population import laplace
from correlates.population.density import Floats, PriorNumbers
from correlates.population.diagnostics import Diagnostics, of_chains, of_laplace, refused
from correlates.population.emit import nothing, tables
from correlates.population.installed import SAMPLER, not_installed
from correlates.population.prepare import Prepared, prepare
from correlates.population.settings import NAMES, PopulationModel
from correlates.terms import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """Draws of c chains (one in the fast mode) of s draws.

    Attributes
    ----------
    theta
        The unconstrained vector of :mod:`correlates.population.density` (c, s, d).
    phi
        Logarithms of the parameters of the subjects (c, s, n, 6).
    diverging
        Divergent transitions (c, s); none in the fast mode.
    prior
        The priors as numbers.
    """

    theta: Floats
    phi: Floats
    diverging: np.ndarray
    prior: PriorNumbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A fitted model: the tables of :data:`correlates.schema.POPULATION` and ``checks`` by name.

    ``posterior`` is None where too few subjects have enough samples; it is there when the model did not converge, so
    that it can be looked into, though nothing of it is in the tables.
    """

    name: str
    settings: PopulationModel
    prepared: Prepared
    posterior: Posterior | None
    diagnostics: Diagnostics | None
    tables: dict[str, pl.DataFrame]


def fit(
    name: str,
    settings: PopulationModel,
    *,
    measurements: pl.DataFrame,
    covariates: pl.DataFrame,
    subjects: Sequence[str],
    seed: int = 0,
) -> Fitted:
    """Fit a population model of cellular kinetics.

    Parameters
    ----------
    name, settings
        The model; a seed in the settings wins over ``seed``.
    measurements
        The table of that name.
    covariates
        Rows of the table ``parameters`` with the covariates the settings name.
    subjects
        Everybody who gets rows.
    seed
        Source of everything random: the same seed gives the same numbers.

    Returns
    -------
    Fitted
        With a reason in place of every number where the model cannot be fitted or did not converge.

    Raises
    ------
    DerivationError
        As :func:`correlates.population.prepare.prepare`; or the sampler is asked for and not installed.
    """
    if settings.method == "nuts" and (absent := not_installed(SAMPLER)) is not None:
        raise DerivationError([absent])
    settings = replace(settings, seed=settings.seed if settings.seed is not None else seed)
    prepared = prepare(name, settings, measurements, covariates, subjects)
    if len(prepared.subjects) < settings.least_subjects:
        detail = f"{len(prepared.subjects)} subjects with enough samples; {settings.least_subjects} are required"
        made = nothing(name, settings, prepared, subjects, Reason.MODEL_NOT_FITTED, detail, None)
        return Fitted(name=name, settings=settings, prepared=prepared, posterior=None, diagnostics=None, tables=made)
    posterior, diagnostics = infer(prepared, settings)
    if (broken := refused(diagnostics, settings)) is not None:
        made = nothing(name, settings, prepared, subjects, Reason.MODEL_NOT_CONVERGED, broken, diagnostics)
    else:
        made = tables(name, settings, prepared, subjects, posterior.theta, posterior.phi, posterior.prior, diagnostics)
    return Fitted(
        name=name, settings=settings, prepared=prepared, posterior=posterior, diagnostics=diagnostics, tables=made
    )


def infer(prepared: Prepared, settings: PopulationModel) -> tuple[Posterior, Diagnostics]:
    """The posterior by the method of the settings, and how well it was found."""
    prior = numbers(prepared, settings)
    seed = settings.seed or 0
    rng = np.random.default_rng([seed, 1])
    quick = laplace.fit(prepared.data, prior, draws=settings.draws, rng=rng)
    if settings.method == "laplace":
        theta, phi = quick.draws[None], quick.phi[None]
        none = np.zeros(theta.shape[:2], dtype=np.bool_)
        return Posterior(theta=theta, phi=phi, diverging=none, prior=prior), of_laplace(quick)
    from correlates.population.two_processes import sample

    chains = sample(
        prepared.data,
        prior,
        quick,
        chains=settings.chains,
        warmup=settings.warmup,
        draws=settings.draws,
        seed=seed % 2**31,
    )
    posterior = Posterior(theta=chains.theta, phi=chains.phi, diverging=chains.diverging, prior=prior)
    return posterior, of_chains(chains, quick)


def numbers(prepared: Prepared, settings: PopulationModel) -> PriorNumbers:
    """The priors as numbers; the median of the peak is that of the subjects' highest samples where none is declared."""
    data, priors = prepared.data, settings.priors
    highest = np.median(np.where(data.valid, data.logs, -np.inf).max(axis=1))
    declared = [getattr(priors, name) for name in NAMES]
    return PriorNumbers(
        mean=np.array([highest if median is None else np.log(median) for median, _ in declared]),
        sd=np.array([sd for _, sd in declared]),
        effect=priors.effect,
        omega=priors.omega,
        correlation=priors.correlation,
        sigma=priors.sigma,
        correlated=settings.covariance == "full",
    )
