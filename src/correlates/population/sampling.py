"""Markov chain Monte Carlo of the whole posterior by the No-U-Turn sampler, in coordinates the fast mode suggests.

A subject's parameters are ``phi = mean + L z`` with ``z`` standard normal (non-centred). With many samples the data
tell ``phi`` and not ``z``, and population and ``z`` would pull against each other. So ``z`` is written as

    ``B = chol(1 + L' I L)``,  ``z = B'^-1 (B^-1 L' (b - I mean) + u)``

with ``I`` and ``b`` the information that gives a subject its moments in the fast mode: were the likelihood normal,
``u`` would be standard normal and independent of the population. It is an exact change of variables whatever the
likelihood; its Jacobian is part of the density.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from correlates.population.density import (
    Data,
    Floats,
    P,
    PriorNumbers,
    individual_means,
    log_level,
    log_prior,
    unpack,
)
from correlates.population.laplace import LaplaceFit
from correlates.population.marginal import normal

_ACCEPT = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Chains:
    """Draws of c chains of s draws: the unconstrained vector (c, s, d), the subjects (c, s, n, 6), divergences (c, s)."""

    theta: Floats
    phi: Floats
    diverging: Any
    steps: Any


def sample_in_step(
    data: Data, prior: PriorNumbers, near: LaplaceFit, *, chains: int, warmup: int, draws: int, seed: int
) -> Chains:
    """Sample the posterior; the chains start at random about the fast mode ``near`` and run in step, as one program."""
    with _software() as (jax, numpyro):
        jnp = jax.numpy
        root: Floats = np.asarray(np.linalg.cholesky(near.weighted), dtype=np.float64)
        unconstrained, density = _density(data, prior, near, root, jax)
        kernel = numpyro.infer.NUTS(
            potential_fn=jax.jit(lambda q: -density(q)), target_accept_prob=_ACCEPT, adapt_mass_matrix=False
        )
        rng = np.random.default_rng(seed)
        n = data.days.shape[0]
        start = {
            "population": jnp.asarray(rng.standard_normal((chains, root.shape[0]))),
            "subjects": jnp.asarray(rng.standard_normal((chains, n, P))),
        }
        runner = numpyro.infer.MCMC(
            kernel,
            num_warmup=warmup,
            num_samples=draws,
            num_chains=chains,
            chain_method="vectorized",
            progress_bar=False,
        )
        if chains == 1:
            start = {name: value[0] for name, value in start.items()}
        runner.run(jax.random.PRNGKey(seed), init_params=start, extra_fields=("diverging", "num_steps"))
        kept = runner.get_samples(group_by_chain=True)
        extra = runner.get_extra_fields(group_by_chain=True)
        theta, phi = jax.jit(jax.vmap(jax.vmap(unconstrained)))(kept)
        return Chains(
            theta=np.asarray(theta),
            phi=np.asarray(phi),
            diverging=np.asarray(extra["diverging"]),
            steps=np.asarray(extra["num_steps"]),
        )


@contextmanager
def _software() -> Iterator[tuple[Any, Any]]:
    """Jax with double precision, and NumPyro."""
    import jax
    import numpyro
    import numpyro.infer

    with jax.enable_x64(new_val=True):
        yield jax, numpyro


def _density(data: Data, prior: PriorNumbers, near: LaplaceFit, root: Floats, jax: Any) -> tuple[Any, Any]:
    jnp, lax = jax.numpy, jax.lax
    effects = data.design.shape[1]
    log_ndtr = jax.scipy.special.log_ndtr
    information, target = _information(data, prior, near)
    seen = data.valid & (data.code == 0)
    who, which = np.nonzero(data.valid & (data.code != 0))
    side = data.code[who, which].astype(np.float64)

    def placed(q: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
        theta = near.theta + root @ q["population"]
        population = unpack(theta, effects, correlated=prior.correlated, xp=jnp)
        means = individual_means(population, data, jnp)
        left = population.root
        matrix = jnp.eye(P) + left.T @ information @ left
        aim = (target - (information @ means[..., None])[..., 0]) @ left
        lower = lax.linalg.cholesky(matrix, symmetrize_input=False)
        ahead = lax.linalg.triangular_solve(lower, aim[..., None], left_side=True, lower=True)
        z = lax.linalg.triangular_solve(
            lower, ahead + q["subjects"][..., None], left_side=True, lower=True, transpose_a=True
        )[..., 0]
        volume = jnp.log(jnp.diagonal(lower, axis1=-2, axis2=-1)).sum()
        return theta, population, means + z @ left.T, -0.5 * (z * z).sum() - volume

    def unconstrained(q: dict[str, Any]) -> tuple[Any, Any]:
        theta, _, phi, _ = placed(q)
        return theta, phi

    def density(q: dict[str, Any]) -> Any:
        theta, population, phi, subjects = placed(q)
        levels = log_level(phi[:, None, :], data.days, jnp)
        z = (data.logs - levels) / population.sigma
        quantified = -0.5 * (jnp.where(seen, z, 0.0) ** 2).sum() - seen.sum() * jnp.log(population.sigma)
        beyond = log_ndtr(-side * z[who, which]).sum() if who.size else 0.0
        return log_prior(theta, prior, effects, jnp) + subjects + quantified + beyond

    return unconstrained, density


def _information(data: Data, prior: PriorNumbers, near: LaplaceFit) -> tuple[Floats, Floats]:
    """Information of the samples of each subject about its parameters (n, 6, 6), and information times estimate (n, 6).

    Were the likelihood normal, these would give the mean and the covariance that the subject has in the fast mode. The
    information is kept positive: where importance samples spread wider than the population, the samples told nothing.
    """
    means, outer = normal(near.theta, data, prior)
    inverse = np.linalg.inv(outer)
    told = outer.T @ np.linalg.inv(near.spread) @ outer - np.eye(P)
    values, vectors = np.linalg.eigh(told)
    kept = (vectors * np.maximum(values, 0.0)[:, None, :]) @ vectors.transpose(0, 2, 1)
    information = inverse.T @ kept @ inverse
    away = (near.centre - means)[..., None]
    target = information @ near.centre[..., None] + (inverse.T @ inverse) @ away
    return np.asarray(information), np.asarray(target[..., 0])
