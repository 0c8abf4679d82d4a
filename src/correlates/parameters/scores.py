"""Published composites of baseline values: their inputs with units, and what they make of them. No table is known here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from correlates.stats.profiles import Codes, Floats

READABLE, NOT_READABLE = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input of a composite.

    Attributes
    ----------
    unit
        The unit the formula is in; null for a number without unit or a category.
    molar_mass
        g/mol, where laboratories also report the amount of substance (umol/L).
    power
        Its power in a product (1 or -1).
    points
        For a score: points of values in ``unit``; they rise or fall with the value.
    read
        For a category: the number it stands for, None where the words are not known.
    """

    name: str
    meaning: str
    unit: str | None = None
    molar_mass: float | None = None
    power: int = 1
    points: Callable[[Floats], Floats] | None = None
    read: Callable[[str], float | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """A composite: a product of powers, or a sum of points."""

    code: str
    kind: Literal["product", "points"]
    inputs: tuple[Input, ...]
    unit: str

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the inputs."""
        return tuple(i.name for i in self.inputs)


_STAGE = re.compile(r"(?:STAGE\s*)?(IV|III|II|I|[1-4])\s*[ABESX]*")
_STAGES = {"I": 1.0, "II": 2.0, "III": 3.0, "IV": 4.0}


def stage(text: str) -> float | None:
    """Ann Arbor or Lugano stage as a number: ``III``, ``IIIA``, ``Stage 3``."""
    hit = _STAGE.fullmatch(text.strip().upper())
    return None if hit is None else _STAGES.get(hit.group(1)) or float(hit.group(1))


def performance(text: str) -> float | None:
    """ECOG performance status as a number: ``1``, ``1.0``, ``ECOG 1``, ``GRADE 1``."""
    hit = re.fullmatch(r"(?:ECOG|GRADE|PS|\s|:)*([0-5])(?:\.0+)?", text.strip().upper())
    return None if hit is None else float(hit.group(1))


def _number(value: Floats) -> Floats:
    return np.asarray(value, dtype=np.float64)


LDH = Input(name="ldh", meaning="lactate dehydrogenase", unit="U/L")
CREATININE = Input(name="creatinine", meaning="creatinine", unit="mg/dL", molar_mass=113.118)
CRP = Input(name="crp", meaning="C-reactive protein", unit="mg/dL")
PLATELETS = Input(name="platelets", meaning="platelets", unit="1e9/L", power=-1)

FORMULAS: tuple[Formula, ...] = (
    Formula(code="easix", kind="product", inputs=(LDH, CREATININE, PLATELETS), unit="(U/L x mg/dL)/(1e9/L)"),
    Formula(code="m_easix", kind="product", inputs=(LDH, CRP, PLATELETS), unit="(U/L x mg/dL)/(1e9/L)"),
    Formula(
        code="car_hematotox",
        kind="points",
        unit="score",
        inputs=(
            Input(
                name="platelets",
                meaning="platelets: above 175: 0, 75 to 175: 1, below 75: 2",
                unit="1e9/L",
                points=lambda v: np.where(v < 75, 2.0, np.where(v <= 175, 1.0, 0.0)),
            ),
            Input(
                name="anc",
                meaning="neutrophils: below 1200: 1",
                unit="cells/uL",
                points=lambda v: np.where(v < 1200, 1.0, 0.0),
            ),
            Input(
                name="hemoglobin",
                meaning="haemoglobin: below 9.0: 1",
                unit="g/dL",
                molar_mass=16114.5,
                points=lambda v: np.where(v < 9.0, 1.0, 0.0),
            ),
            Input(
                name="crp",
                meaning="C-reactive protein: 3.0 and above: 1",
                unit="mg/dL",
                points=lambda v: np.where(v >= 3.0, 1.0, 0.0),
            ),
            Input(
                name="ferritin",
                meaning="ferritin: below 650: 0, 650 to 2000: 1, above 2000: 2",
                unit="ng/mL",
                points=lambda v: np.where(v > 2000, 2.0, np.where(v >= 650, 1.0, 0.0)),
            ),
        ),
    ),
    Formula(
        code="ipi",
        kind="points",
        unit="score",
        inputs=(
            Input(name="age", meaning="age: above 60: 1", unit="year", points=lambda v: np.where(v > 60, 1.0, 0.0)),
            Input(
                name="ldh",
                meaning="lactate dehydrogenase over its upper limit of normal: above 1: 1",
                unit="x ULN",
                points=lambda v: np.where(v > 1, 1.0, 0.0),
            ),
            Input(
                name="stage",
                meaning="stage: III or IV: 1",
                read=stage,
                points=lambda v: np.where(v >= 3, 1.0, 0.0),
            ),
            Input(
                name="ecog",
                meaning="ECOG performance status: 2 and above: 1",
                read=performance,
                points=lambda v: np.where(v >= 2, 1.0, 0.0),
            ),
            Input(
                name="extranodal",
                meaning="extranodal sites: more than 1: 1",
                points=lambda v: np.where(v > 1, 1.0, 0.0),
            ),
        ),
    ),
)


def formula(code: str) -> Formula:
    """The formula of a composite. Raises KeyError for one that is not known."""
    for one in FORMULAS:
        if one.code == code:
            return one
    raise KeyError(code)


DEFINED, SIDES_DIFFER, NOT_POSITIVE, OPEN = 0, 1, 2, 3
"""Why a composite is defined or not: bounds on both sides; a value that must be positive is not; the points are open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Composites of n subjects; ``value`` is 0 where ``status`` is not 0."""

    value: Floats
    censoring: Codes
    status: Codes


def score(of: Formula, values: Floats, censoring: Codes) -> Scored:
    """A composite of inputs in its own units.

    Parameters
    ----------
    of
        The formula.
    values, censoring
        Values, or the limits they are censored at, (n, inputs), none missing; codes -1, 0, 1.

    Returns
    -------
    Scored
        A product is a bound where its inputs are bounds on one side: at most where an input of power 1 is at most, or one of power
        -1 at least. A sum of points is defined where every value a censored input may have gives the same points; a value beyond a
        limit is taken to be strictly beyond it.

    Notes
    -----
    Undefined where bounds point to both sides, where an input of a product is not positive, and where the points are open.
    """
    n = values.shape[0]
    if of.kind == "product":
        powers = np.array([i.power for i in of.inputs])
        sides = censoring * powers[None, :]
        at_most, at_least = np.any(sides < 0, axis=1), np.any(sides > 0, axis=1)
        fine = np.all(values > 0, axis=1)
        status = np.where(~fine, NOT_POSITIVE, np.where(at_most & at_least, SIDES_DIFFER, DEFINED))
        product = np.prod(np.where(values > 0, values, 1.0) ** powers[None, :], axis=1)
        code = np.where(at_most, -1, np.where(at_least, 1, 0))
        defined = status == DEFINED
        return Scored(
            value=np.where(defined, product, 0.0),
            censoring=np.where(defined, code, 0).astype(np.int8),
            status=status.astype(np.int8),
        )
    total, open_ = np.zeros(n), np.zeros(n, dtype=np.bool_)
    for j, item in enumerate(of.inputs):
        points = item.points or _number
        value, code = values[:, j], censoring[:, j]
        low = points(np.where(code < 0, 0.0, np.where(code > 0, np.nextafter(value, np.inf), value)))
        high = points(np.where(code > 0, np.inf, np.where(code < 0, np.nextafter(value, -np.inf), value)))
        open_ |= low != high
        total += low
    return Scored(
        value=np.where(open_, 0.0, total),
        censoring=np.zeros(n, dtype=np.int8),
        status=np.where(open_, OPEN, DEFINED).astype(np.int8),
    )
