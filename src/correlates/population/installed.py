"""The software that a method needs beyond the core, and what is said where it is not installed."""

from __future__ import annotations

from importlib.util import find_spec

from correlates.errors import Problem, Where

SAMPLER = ("jax", "numpyro", "arviz")
"""What the sampler and the checks of its chains need."""
SAVED = ("arviz",)
"""What a posterior is saved with; the fast mode itself needs nothing."""


def not_installed(names: tuple[str, ...], where: Where | None = None) -> Problem | None:
    """The problem that some of these packages are absent; None where all are there."""
    absent = [name for name in names if find_spec(name) is None]
    if not absent:
        return None
    return Problem(
        code="extra-not-installed",
        what="A population model needs software that is not installed",
        where=where,
        found=f"no {', '.join(absent)}",
        expected="the extra 'population'",
        do="pip install 'correlates[population]'",
    )
