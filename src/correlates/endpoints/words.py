"""Words that clinical files use, folded to the controlled words: responses, disposition events, grading scales."""

from __future__ import annotations

import math
import re
from enum import StrEnum
from typing import TypeVar

from correlates.terms import Response, Scale

METABOLIC: dict[str, Response] = {
    "CMR": Response.CR,
    "COMPLETE METABOLIC RESPONSE": Response.CR,
    "PMR": Response.PR,
    "PARTIAL METABOLIC RESPONSE": Response.PR,
    "NMR": Response.SD,
    "NO METABOLIC RESPONSE": Response.SD,
    "SMD": Response.SD,
    "STABLE METABOLIC DISEASE": Response.SD,
    "PMD": Response.PD,
    "PROGRESSIVE METABOLIC DISEASE": Response.PD,
}
"""Lugano 2014, assessed with PET-CT."""

ANATOMIC: dict[str, Response] = {"CAR": Response.CR, "PAR": Response.PR, "SAD": Response.SD, "PAD": Response.PD}
"""Lugano 2014, assessed with CT alone (complete, partial anatomic response; stable, progressive anatomic disease)."""

OVERALL: dict[str, Response] = {
    "CR": Response.CR,
    "COMPLETE RESPONSE": Response.CR,
    "COMPLETE REMISSION": Response.CR,
    "SCR": Response.SCR,
    "STRINGENT COMPLETE RESPONSE": Response.SCR,
    "VGPR": Response.VGPR,
    "VERY GOOD PARTIAL RESPONSE": Response.VGPR,
    "MR": Response.MR,
    "MINIMAL RESPONSE": Response.MR,
    "PR": Response.PR,
    "PARTIAL RESPONSE": Response.PR,
    "PARTIAL REMISSION": Response.PR,
    "SD": Response.SD,
    "STABLE DISEASE": Response.SD,
    "NON-CR/NON-PD": Response.SD,
    "PD": Response.PD,
    "PROGRESSIVE DISEASE": Response.PD,
    "RELAPSED DISEASE": Response.PD,
    "RELAPSED DISEASE OR PROGRESSIVE DISEASE": Response.PD,
}
NOT_EVALUABLE = ("NE", "NOT EVALUABLE", "UNEVALUABLE")
NOT_DONE = ("", "ND", "NOT DONE", "NA", "NOT ASSESSED", "UNKNOWN")

_TRANSPLANTS = ("SCT", "HSCT", "HCT", "ASCT", "ALLOSCT", "AUTOSCT", "ALLOHSCT", "AUTOHSCT", "ALLOHCT", "AUTOHCT", "BMT")
"""Short forms of stem-cell and bone-marrow transplant."""
_BLANKS = re.compile(r"[\s_]+")


def folded(text: str | None) -> str:
    """Text in capitals with single blanks; empty for null."""
    return _BLANKS.sub(" ", (text or "").strip()).upper()


def tokens(text: str | None) -> frozenset[str]:
    """The words and numbers in a text, in lower case: ``LUGANO 2014`` and ``lugano_2014`` have the same."""
    return frozenset(re.findall(r"[a-z]+|\d+", (text or "").lower()))


def categories(criteria: str | None) -> tuple[Response, ...]:
    """The categories of response criteria, best first, NE left out: IMWG has seven, the others have four."""
    four = (Response.CR, Response.PR, Response.SD, Response.PD)
    return tuple(r for r in Response if r is not Response.NE) if "imwg" in tokens(criteria) else four


def response(text: str | None) -> Response | None:
    """The response a word means; NE for not evaluable and not done; None for a word that nobody knows."""
    word = folded(text)
    if word in NOT_EVALUABLE or word in NOT_DONE:
        return Response.NE
    return METABOLIC.get(word) or ANATOMIC.get(word) or OVERALL.get(word)


def is_death(event: str | None) -> bool:
    """Whether a disposition event is the death of the subject."""
    return folded(event) in {"DEATH", "DIED"}


def is_transplant(event: str | None) -> bool:
    """Whether a disposition event is a stem-cell transplant."""
    word = folded(event)
    return "TRANSPLANT" in word or any(part in _TRANSPLANTS for part in re.split(r"[^A-Z]+", word))


def is_progression(event: str | None) -> bool:
    """Whether a disposition event says that the disease progressed or relapsed (CDISC NCOMPLT)."""
    return folded(event) in {
        "PROGRESSIVE DISEASE",
        "DISEASE PROGRESSION",
        "DISEASE RELAPSE",
        "RELAPSE",
        "RELAPSED DISEASE",
    }


def is_new_therapy(event: str | None) -> bool:
    """Whether a disposition event is the start of new anticancer therapy."""
    word = folded(event).replace("-", "").replace("ANTI CANCER", "ANTICANCER").replace("ANTI LYMPHOMA", "ANTILYMPHOMA")
    therapy = any(w in word for w in ("ANTICANCER THERAPY", "ANTICANCER TREATMENT", "ANTILYMPHOMA THERAPY"))
    return therapy and any(w in word for w in ("NEW", "SUBSEQUENT", "NEXT", "OTHER"))


def scale(text: str | None) -> Scale | None:
    """The grading scale a text names (``LEE 2014``, ``ASTCT``, ``CTCAE v4.03``); None when it names none we know."""
    found = tokens(text)
    if "astct" in found or "asbmt" in found:
        return Scale.ASTCT_2019
    if "lee" in found and ("2014" in found or not any(t.isdigit() for t in found)):
        return Scale.LEE_2014
    if "ctcae" in found or "ctcaev" in found:
        version = re.search(r"(\d)", (text or "").lower().split("ctcae")[-1])
        return {"4": Scale.CTCAE_4_03, "5": Scale.CTCAE_5_0}.get(version[1]) if version else None
    return None


def number(text: str) -> float | None:
    """A number as written with a decimal point or comma; None for any other text."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


_YES = ("1", "Y", "YES", "TRUE", "X", "+", "GIVEN")
_NO = ("0", "N", "NO", "FALSE", "-", "NONE")


def flag(text: str) -> bool | None:
    """Whether a record says yes: a word for it, or a number above 0 (a dose); None where it says neither."""
    word = folded(text)
    if word in _YES or word in _NO:
        return word in _YES
    value = number(text)
    return None if value is None or value < 0 else value > 0


_SPOKEN: dict[str, dict[str, tuple[str, ...]]] = {
    "pressors": {
        "none": ("NO", "0", "NO HYPOTENSION"),
        "fluids": ("FLUID", "IV FLUIDS", "FLUID RESPONSIVE", "NOT REQUIRING VASOPRESSORS"),
        "one_low": ("ONE LOW", "ONE LOW DOSE", "LOW DOSE", "LOW-DOSE"),
        "one_high": ("ONE HIGH", "ONE HIGH DOSE", "HIGH DOSE", "HIGH-DOSE"),
        "multiple": ("SEVERAL", "TWO OR MORE"),
    },
    "oxygen": {
        "none": ("NO", "0", "ROOM AIR", "RA"),
        "low_flow": ("LOW FLOW", "LOW-FLOW", "NASAL CANNULA", "NC", "LFNC", "BLOW-BY", "BLOW BY"),
        "high_flow": (
            "HIGH FLOW",
            "HIGH-FLOW",
            "HFNC",
            "FACEMASK",
            "FACE MASK",
            "MASK",
            "NON-REBREATHER",
            "NON-REBREATHER MASK",
            "NRB",
            "VENTURI",
            "VENTURI MASK",
        ),
        "positive_pressure": ("POSITIVE PRESSURE", "CPAP", "BIPAP", "NIV"),
        "ventilation": ("VENTILATOR", "INTUBATED", "INTUBATION", "MECHANICAL VENTILATION"),
    },
    "arousal": {
        "alert": ("NORMAL", "NONE", "0", "AWAKE"),
        "spontaneous": ("AWAKENS SPONTANEOUSLY", "SPONTANEOUSLY"),
        "voice": ("AWAKENS TO VOICE", "TO VOICE"),
        "tactile": ("AWAKENS ONLY TO TACTILE STIMULUS", "TACTILE STIMULUS"),
        "unarousable": ("STUPOR", "COMA", "STUPOR OR COMA"),
    },
    "seizure": {
        "none": ("NO", "0"),
        "brief": ("RESOLVES", "RESOLVED", "RESOLVES RAPIDLY", "NONCONVULSIVE"),
        "prolonged": ("STATUS", "STATUS EPILEPTICUS", "REPETITIVE"),
    },
    "oedema": {"none": ("NO", "0"), "focal": ("LOCAL", "FOCAL EDEMA"), "diffuse": ("DIFFUSE EDEMA", "PAPILLEDEMA")},
}


_Term = TypeVar("_Term", bound=StrEnum)


def spoken(terms: type[_Term], text: str) -> _Term | None:
    """The term a word means: its own, or one that records use for it; None for a word that nobody knows."""
    word = folded(text)
    for term in terms:
        if word == folded(term.value) or word in _SPOKEN[terms.__name__.lower()][term.value]:
            return term
    return None
