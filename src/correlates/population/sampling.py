"""Markov chain Monte Carlo of the whole posterior by the No-U-Turn sampler, in coordinates the fast mode suggests.

A subject's parameters are ``phi = mean + L z`` with ``z`` standard normal (non-centred). With many samples the data
tell ``phi`` and not ``z``, and population and ``z`` would pull against each other. So ``z`` is written as

    ``B = chol(1 + L' I L)``,  ``z = B'^-1 (B^-1 L' (b - I mean) + u)``

with ``I`` and ``b`` the information of the subject's samples at the mode of the fast mode: were the likelihood normal,
``u`` would be standard normal and independent of the population. It is an exact change of variables whatever the
likelihood; its Jacobian is part of the density.
"""

from __future__ import annotations

import os
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

_ACCEPT = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Chains:
    """Draws of c chains of s draws: the unconstrained vector (c, s, d), the subjects (c, s, n, 6), divergences (c, s)."""

    theta: Floats
    phi: Floats
    diverging: Any
    steps: Any


def sample(
    data: Data, prior: PriorNumbers, near: LaplaceFit, *, chains: int, warmup: int, draws: int, seed: int
) -> Chains:
    """Sample the posterior; the chains start from draws of the normal approximation ``near``."""
    with _devices(chains) as (jax, numpyro):
        jnp = jax.numpy
        root: Floats = np.asarray(np.linalg.cholesky(near.covariance), dtype=np.float64)
        unconstrained, density = _density(data, prior, near, root, jax)
        kernel = numpyro.infer.NUTS(potential_fn=lambda q: -density(q), target_accept_prob=_ACCEPT)
        rng = np.random.default_rng(seed)
        n = data.days.shape[0]
        start = {
            "population": jnp.asarray(rng.standard_normal((chains, root.shape[0]))),
            "subjects": jnp.asarray(rng.standard_normal((chains, n, P))),
        }
        parallel = chains > 1 and jax.local_device_count() >= chains
        runner = numpyro.infer.MCMC(
            kernel,
            num_warmup=warmup,
            num_samples=draws,
            num_chains=chains,
            chain_method="parallel" if parallel else "sequential",
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
def _devices(chains: int) -> Iterator[tuple[Any, Any]]:
    """Jax with double precision, and one device per chain where jax has not been started yet."""
    flags = os.environ.get("XLA_FLAGS")
    os.environ["XLA_FLAGS"] = f"{flags or ''} --xla_force_host_platform_device_count={chains}".strip()
    try:
        import jax
        import numpyro
        import numpyro.infer

        jax.local_device_count()  # starts jax, which reads the flags once
    finally:
        if flags is None:
            del os.environ["XLA_FLAGS"]
        else:
            os.environ["XLA_FLAGS"] = flags
    with jax.enable_x64(new_val=True):
        yield jax, numpyro


def _density(data: Data, prior: PriorNumbers, near: LaplaceFit, root: Floats, jax: Any) -> tuple[Any, Any]:
    jnp = jax.numpy
    effects = data.design.shape[1]
    log_ndtr = jax.scipy.special.log_ndtr
    information = near.modes.information
    seen = data.valid & (data.code == 0)
    who, which = np.nonzero(data.valid & (data.code != 0))
    side = data.code[who, which].astype(np.float64)
    target = np.einsum("njk,nk->nj", information, near.modes.phi) + near.modes.score

    def placed(q: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
        theta = near.theta + root @ q["population"]
        population = unpack(theta, effects, correlated=prior.correlated, xp=jnp)
        means = individual_means(population, data, jnp)
        left = population.root
        matrix = jnp.eye(P) + jnp.einsum("ji,njk,kl->nil", left, information, left)
        aim = (target - jnp.einsum("njk,nk->nj", information, means)) @ left
        lower = _cholesky(matrix, jnp)
        z = _backward(lower, [a + b for a, b in zip(_forward(lower, aim), _columns(q["subjects"]), strict=True)])
        z = jnp.stack(z, axis=-1)
        volume = sum(jnp.log(lower[i][i]).sum() for i in range(P))
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


def _columns(matrix: Any) -> list[Any]:
    return [matrix[..., i] for i in range(P)]


def _cholesky(matrix: Any, jnp: Any) -> list[list[Any]]:
    """Cholesky roots of many small matrices, entry by entry over all of them: one pass that the compiler fuses."""
    lower: list[list[Any]] = []
    for i in range(P):
        row: list[Any] = []
        for j in range(i + 1):
            rest = matrix[:, i, j] - sum(row[k] * (lower[j] if j < i else row)[k] for k in range(j))
            row.append(jnp.sqrt(rest) if i == j else rest / lower[j][j])
        lower.append(row)
    return lower


def _forward(lower: list[list[Any]], right: Any) -> list[Any]:
    solved: list[Any] = []
    for i in range(P):
        solved.append((right[..., i] - sum(lower[i][k] * solved[k] for k in range(i))) / lower[i][i])
    return solved


def _backward(lower: list[list[Any]], right: list[Any]) -> list[Any]:
    solved: list[Any] = [None] * P
    for i in reversed(range(P)):
        solved[i] = (right[i] - sum(lower[k][i] * solved[k] for k in range(i + 1, P))) / lower[i][i]
    return solved
