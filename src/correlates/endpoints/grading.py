"""Grades from their components: CRS by ASTCT 2019 and by Lee 2014, ICANS by ASTCT 2019. Nothing here knows a table.

A component that was not recorded (null) leaves a grade open: every function gives the least and the most it may be.

Sources: Lee et al., Biol Blood Marrow Transplant 2019;25:625-638, tables 5 and 8 (ASTCT consensus; doi:10.1016/j.bbmt.2018.12.758). Lee et
al., Blood 2014;124:188-195, table 3 (doi:10.1182/blood-2014-05-552729).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from correlates.terms import Arousal, Oedema, Oxygen, Pressors, Seizure

FEVER = 38.0
"""Degrees Celsius from which a temperature is fever."""
_ENOUGH_OXYGEN = 0.40  # share of oxygen breathed at which grade 3 by Lee begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """Signs of CRS on one day; null is not recorded.

    ``pressors`` leaves vasopressin out, which ``vasopressin`` says. ``fio2`` is the share of oxygen breathed (0.21 to 1), which only
    Lee's scale asks for. ``organ`` is the highest CTCAE grade of an organ toxicity, transaminases left out; ``transaminases`` is theirs.
    ``fatal``: death by CRS on this day.
    """

    fever: bool | None = None
    pressors: Pressors | None = None
    vasopressin: bool | None = False
    oxygen: Oxygen | None = None
    fio2: float | None = None
    organ: int | None = 0
    transaminases: int | None = 0
    fatal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Neurologic:
    """Signs of ICANS on one day; null is not recorded.

    ``ice`` is the score of the immune effector cell-associated encephalopathy test, 0 to 10; ``weakness`` deep focal motor weakness;
    ``fatal`` death by ICANS on this day.
    """

    ice: int | None = None
    arousal: Arousal | None = None
    seizure: Seizure | None = Seizure.NONE
    weakness: bool | None = False
    oedema: Oedema | None = Oedema.NONE
    fatal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """The least and the most a grade may be, and what makes it, in words."""

    least: int
    most: int
    because: str

    @property
    def grade(self) -> int | None:
        """The grade; None where it is open."""
        return self.least if self.least == self.most else None


_Word = TypeVar("_Word")
_ASTCT_PRESSORS = {
    Pressors.NONE: 0,
    Pressors.FLUIDS: 2,
    Pressors.ONE_LOW: 3,
    Pressors.ONE_HIGH: 3,
    Pressors.MULTIPLE: 4,
}
_LEE_PRESSORS = {Pressors.NONE: 0, Pressors.FLUIDS: 2, Pressors.ONE_LOW: 2, Pressors.ONE_HIGH: 3, Pressors.MULTIPLE: 3}
_ASTCT_OXYGEN = {
    Oxygen.NONE: 0,
    Oxygen.LOW_FLOW: 2,
    Oxygen.HIGH_FLOW: 3,
    Oxygen.POSITIVE_PRESSURE: 4,
    Oxygen.VENTILATION: 4,
}
_AROUSAL = {
    Arousal.ALERT: 0,
    Arousal.SPONTANEOUS: 1,
    Arousal.VOICE: 2,
    Arousal.TACTILE: 3,
    Arousal.UNAROUSABLE: 4,
}
_SEIZURE = {Seizure.NONE: 0, Seizure.BRIEF: 3, Seizure.PROLONGED: 4}
_OEDEMA = {Oedema.NONE: 0, Oedema.FOCAL: 3, Oedema.DIFFUSE: 4}


def astct_crs(signs: Signs, *, fever_needed: bool = True) -> Graded:
    """CRS grade of one day by the ASTCT consensus.

    Parameters
    ----------
    signs
        Signs of the day.
    fever_needed
        Whether the day needs fever to be CRS. It does not once antipyretic or anticytokine therapy (tocilizumab, steroids) was given to
        a patient with CRS: hypotension and hypoxia alone then drive the grade.

    Notes
    -----
    Grade 1 fever (38 degrees C or more). Hypotension without pressor 2, one pressor with or without vasopressin 3, several pressors
    (vasopressin not counted) 4. Hypoxia on low flow 2, on high flow or a mask 3, on positive pressure 4. The higher of the two holds.
    Organ toxicities do not count. Grade 5 is death by CRS.
    """
    if signs.fatal:
        return Graded(least=5, most=5, because="death by CRS")
    parts = {"hypotension": _astct_pressors(signs), "hypoxia": _span(signs.oxygen, _ASTCT_OXYGEN)}
    worst = _highest(parts)
    if not fever_needed:
        fevered = _fever(signs)
        return Graded(
            least=max(worst.least, fevered[0]),
            most=max(worst.most, fevered[1]),
            because=worst.because if worst.least or not signs.fever else "fever",
        )
    if signs.fever is False:
        return Graded(least=0, most=0, because="no fever")
    whole = Graded(least=max(1, worst.least), most=max(1, worst.most), because=worst.because if worst.most else "fever")
    return whole if signs.fever else Graded(least=0, most=whole.most, because="temperature not recorded")


def lee_crs(signs: Signs, *, noninvasive: int = 4) -> Graded:
    """CRS grade of one day by Lee 2014.

    Parameters
    ----------
    signs
        Signs of the day.
    noninvasive
        Grade of CPAP and BiPAP: the scale says *ventilator support* (4) and, for oxygen of 40 % or more, 3.

    Notes
    -----
    Grade 1 fever (other symptoms are not read). Grade 2 hypotension that responds to fluids or one pressor at low dose, oxygen below 40 %, organ
    toxicity of grade 2. Grade 3 a pressor at high dose or several (vasopressin counts as one), oxygen of 40 % or more, organ toxicity of
    grade 3, transaminases of grade 3 or 4. Grade 4 ventilation, organ toxicity of grade 4 (transaminases not). Grade 5 death. Organ toxicity of grade 1 makes no CRS.

    Without ``fio2``, low flow is below 40 % and high flow is not.
    """
    if signs.fatal:
        return Graded(least=5, most=5, because="death by CRS")
    parts = {
        "fever": _fever(signs),
        "hypotension": _lee_pressors(signs),
        "hypoxia": _lee_oxygen(signs, noninvasive),
        "organ toxicity": _organ(signs.organ),
        "transaminases": (0, 3) if signs.transaminases is None else _twice(_transaminases(signs.transaminases)),
    }
    return _highest(parts)


def astct_icans(signs: Neurologic) -> Graded:
    """ICANS grade of one day by the ASTCT consensus: the most severe of its five domains.

    Notes
    -----
    ICE 7-9 is 1, 3-6 is 2, 0-2 is 3; a score of 0 in a patient who cannot be aroused is 4, and a patient who is awake (with global
    aphasia, say) stays at 3. Consciousness: awakens spontaneously 1, to voice 2, to tactile stimulus only 3, unarousable 4. A seizure
    that resolves 3, a prolonged or repetitive one 4. Deep focal motor weakness 4. Focal oedema 3, diffuse 4. Grade 5 is death.
    """
    if signs.fatal:
        return Graded(least=5, most=5, because="death by ICANS")
    parts = {
        "ICE score": (0, 3) if signs.ice is None else _twice(_ice(signs.ice)),
        "consciousness": _span(signs.arousal, _AROUSAL),
        "seizure": _span(signs.seizure, _SEIZURE),
        "motor weakness": (0, 4) if signs.weakness is None else _twice(4 if signs.weakness else 0),
        "oedema": _span(signs.oedema, _OEDEMA),
    }
    return _highest(parts)


def _ice(score: int) -> int:
    if not 0 <= score <= 10:
        raise ValueError(f"an ICE score lies between 0 and 10, found {score}")
    return 0 if score == 10 else 1 if score >= 7 else 2 if score >= 3 else 3


def _fever(signs: Signs) -> tuple[int, int]:
    return (0, 1) if signs.fever is None else _twice(int(signs.fever))


def _span(value: _Word | None, table: Mapping[_Word, int]) -> tuple[int, int]:
    """Grade of a word, twice; from none to the worst where it is not recorded."""
    return (0, max(table.values())) if value is None else _twice(table[value])


def _twice(grade: int) -> tuple[int, int]:
    return grade, grade


def _astct_pressors(signs: Signs) -> tuple[int, int]:
    low, high = _span(signs.pressors, _ASTCT_PRESSORS)
    if signs.vasopressin:
        return max(low, 3), max(high, 3)  # vasopressin is a pressor, and no second one
    return low, high if signs.vasopressin is False else max(high, 3)


def _lee_pressors(signs: Signs) -> tuple[int, int]:
    low, high = _span(signs.pressors, _LEE_PRESSORS)
    with_one = {
        Pressors.NONE: 2,
        Pressors.FLUIDS: 2,
    }  # vasopressin alone is one pressor; beside another it makes several
    added = (2, 3) if signs.pressors is None else _twice(with_one.get(signs.pressors, 3))
    if signs.vasopressin:
        return max(low, added[0]), max(high, added[1])
    return low, high if signs.vasopressin is False else max(high, added[1])


def _lee_oxygen(signs: Signs, noninvasive: int) -> tuple[int, int]:
    if signs.oxygen is None:
        return 0, 4
    if signs.oxygen is Oxygen.VENTILATION:
        return 4, 4
    if signs.oxygen is Oxygen.POSITIVE_PRESSURE:
        return _twice(noninvasive)
    if signs.oxygen is Oxygen.NONE:
        return 0, 0
    if signs.fio2 is not None:
        return _twice(3 if signs.fio2 >= _ENOUGH_OXYGEN else 2)
    return _twice(2 if signs.oxygen is Oxygen.LOW_FLOW else 3)


def _organ(grade: int | None) -> tuple[int, int]:
    return (0, 4) if grade is None else _twice(min(grade, 4) if grade >= 2 else 0)


def _transaminases(grade: int) -> int:
    return min(grade, 3) if grade >= 2 else 0


def _highest(parts: Mapping[str, tuple[int, int]]) -> Graded:
    least = max(low for low, _ in parts.values())
    most = max(high for _, high in parts.values())
    making = [name for name, (low, _) in parts.items() if low == least and least]
    open_ = [name for name, (low, high) in parts.items() if high > least and high > low]
    words = [*([", ".join(making)] if making else []), *([_not_recorded(open_)] if open_ else [])]
    return Graded(least=least, most=most, because="; ".join(words) or "no sign")


def _not_recorded(names: Iterable[str]) -> str:
    return f"{', '.join(names)} not recorded"
