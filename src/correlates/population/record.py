"""What a population model is: one frozen record with everything that is printed or asked about it."""

from __future__ import annotations

from dataclasses import dataclass

from correlates.schema import MEASUREMENTS, PARAMETERS, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A curve with its random effects and its likelihood.

    Attributes
    ----------
    code
        The word of ``model`` in the plan.
    label
        What it is called.
    needs
        The tables it reads.
    formula
        Curve, random effects, likelihood and methods, in words and symbols of the field.
    citation
        Where the curve stands.
    docs
        The page that explains it.
    """

    code: str
    label: str
    needs: tuple[Table, ...]
    formula: str
    citation: str
    docs: str


MODELS: tuple[Model, ...] = (
    Model(
        code="stein_2019",
        label="Population model of expansion, contraction and persistence",
        needs=(MEASUREMENTS, PARAMETERS),
        formula=(
            "cmax / foldx exp(ln(foldx) t / tmax) up to tmax, then cmax ((1 - fb) exp(-alpha (t - tmax)) + fb exp(-beta "
            "(t - tmax))); the logarithms of the parameters are normal between subjects, shifted by covariates; residuals are "
            "normal on the logarithm; a sample beyond a limit of quantification contributes the probability of lying there (M3). "
            "laplace: Laplace's approximation, corrected by importance sampling of the subjects and of the population; nuts: "
            "the whole posterior by the No-U-Turn sampler"
        ),
        citation="Stein AM et al. CPT Pharmacometrics Syst Pharmacol 2019;8:285-295",
        docs="methods/population_kinetics.md",
    ),
)
"""Every population model."""
