"""Whether a posterior was found well enough to be reported."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from correlates.population.density import Floats
from correlates.population.laplace import LaplaceFit
from correlates.population.sampling import Chains
from correlates.population.settings import PopulationModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics:
    """What the rules of convergence are about; of Markov chains None in the fast mode.

    Attributes
    ----------
    step, importance, pareto
        Of the fast mode: the last step to the maximum in standard errors, the smallest share of effective importance
        samples of a subject, the shape of the tail of the population's weights.
    rhat, ess_bulk, ess_tail
        Of each component of the unconstrained vector (d,).
    rhat_subjects
        The largest over subjects.
    divergences
        Divergent transitions.
    draws, chains
        Draws of all chains, and chains.
    """

    step: float
    importance: float
    pareto: float
    draws: int
    chains: int | None = None
    rhat: Floats | None = None
    ess_bulk: Floats | None = None
    ess_tail: Floats | None = None
    rhat_subjects: float | None = None
    divergences: int | None = None


def arviz() -> Any:
    """ArviZ, whose import announces its next version as a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        import arviz as library
    return library


def of_laplace(found: LaplaceFit) -> Diagnostics:
    """Diagnostics of the fast mode."""
    return Diagnostics(step=found.step, importance=found.effective, pareto=found.pareto, draws=found.draws.shape[0])


def of_chains(chains: Chains, near: LaplaceFit) -> Diagnostics:
    """R-hat and effective sample sizes (Vehtari et al. 2021): rank-normalised, split."""
    library = arviz()
    draws = library.convert_to_dataset({"theta": chains.theta})
    several = chains.theta.shape[0] > 1
    subjects = library.convert_to_dataset({"phi": chains.phi})
    return Diagnostics(
        step=near.step,
        importance=near.effective,
        pareto=near.pareto,
        draws=int(np.prod(chains.theta.shape[:2])),
        chains=chains.theta.shape[0],
        rhat=np.asarray(library.rhat(draws)["theta"]) if several else None,
        ess_bulk=np.asarray(library.ess(draws, method="bulk")["theta"]),
        ess_tail=np.asarray(library.ess(draws, method="tail")["theta"]),
        rhat_subjects=float(library.rhat(subjects)["phi"].max()) if several else None,
        divergences=int(chains.diverging.sum()),
    )


def refused(found: Diagnostics, settings: PopulationModel) -> str | None:
    """The rules of convergence that are not met, in words; None where all are."""
    rule, broken = settings.convergence, []
    if settings.method == "laplace":
        if not found.step <= rule.step:
            broken.append(f"the last step is {found.step:.3g} standard errors, at most {rule.step:g} is required")
        if not found.importance >= rule.importance:
            broken.append(
                f"{found.importance:.1%} of a subject's importance samples are effective, at least {rule.importance:.1%} "
                "is required"
            )
        if not found.pareto <= rule.pareto:
            broken.append(
                f"the tail of the population's importance weights has a Pareto shape of {found.pareto:.2f}, at most "
                f"{rule.pareto:g} is required"
            )
        return "; ".join(broken) or None
    if found.rhat is None or found.rhat_subjects is None:
        return "one chain cannot show that it has converged: at least 2 are required"
    worst = float(max(found.rhat.max(), found.rhat_subjects))
    if not worst <= rule.rhat:
        broken.append(f"the largest R-hat is {worst:.3f}, at most {rule.rhat:g} is required")
    assert found.ess_bulk is not None
    assert found.ess_tail is not None
    least = float(min(found.ess_bulk.min(), found.ess_tail.min()))
    if not least >= rule.ess:
        broken.append(f"the smallest effective sample size is {least:.0f}, at least {rule.ess:g} is required")
    divergences = found.divergences or 0
    if divergences > rule.divergences * found.draws:
        broken.append(f"{divergences} of {found.draws} transitions diverged, at most {rule.divergences:.1%} may")
    return "; ".join(broken) or None
