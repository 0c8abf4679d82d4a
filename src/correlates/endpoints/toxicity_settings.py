"""Settings of the toxicity endpoints that are made of daily records, of other toxicity endpoints, and of blood counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from correlates.terms import Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyGrade:
    """Maximum grade of a toxicity whose grade was recorded day by day."""

    derive: Literal["daily_grade"]
    source: str
    """The daily source."""
    item: str
    """Item that holds the grade."""
    scale: Scale
    """Grading scale of the recorded grades."""
    window: tuple[int, int] = (0, 90)
    """First and last day that count."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CrsGrade:
    """Maximum grade of cytokine release syndrome, from its components day by day; an item left out was not collected."""

    derive: Literal["crs_grade"]
    source: str
    """The daily source."""
    scale: Literal[Scale.LEE_2014, Scale.ASTCT_2019]
    """Scale by which the components are graded."""
    recorded: str | None = None
    """Item that holds the grade as recorded, by the same scale: it stands on days without components, and disagreements are listed."""
    fever: str | None = None
    """Item that holds the temperature (degrees C), or whether there was fever."""
    pressors: str | None = None
    """Item: none, fluids, one_low, one_high, multiple (vasopressin not counted)."""
    vasopressin: str | None = None
    """Item: whether vasopressin was given."""
    oxygen: str | None = None
    """Item: none, low_flow, high_flow, positive_pressure, ventilation."""
    fio2: str | None = None
    """Item: share or per cent of oxygen breathed (Lee 2014 only)."""
    organ: str | None = None
    """Item: highest CTCAE grade of an organ toxicity, transaminases left out (Lee 2014 only)."""
    transaminases: str | None = None
    """Item: CTCAE grade of the transaminases (Lee 2014 only)."""
    fatal: str | None = None
    """Item: whether the subject died of it on this day."""
    therapy: tuple[str, ...] = ()
    """Items of antipyretic and anticytokine therapy: once one was given in CRS, hypotension and hypoxia count without fever (ASTCT 2019)."""
    noninvasive: Literal[3, 4] = 4
    """Grade of CPAP and BiPAP by Lee 2014, which names ventilator support only."""
    missing: Literal["unknown", "absent"] = "unknown"
    """A blank component on a day with others: leaves the grade open between two bounds, or counts as not there."""
    window: tuple[int, int] = (0, 30)
    """First and last day that count."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IcansGrade:
    """Maximum grade of ICANS by ASTCT 2019, from its components day by day; an item left out was not collected."""

    derive: Literal["icans_grade"]
    source: str
    """The daily source."""
    recorded: str | None = None
    """Item that holds the grade as recorded: it stands on days without components, and disagreements are listed."""
    ice: str | None = None
    """Item: ICE score, 0 to 10."""
    arousal: str | None = None
    """Item: alert, spontaneous, voice, tactile, unarousable."""
    seizure: str | None = None
    """Item: none, brief, prolonged."""
    weakness: str | None = None
    """Item: whether there was deep focal motor weakness."""
    oedema: str | None = None
    """Item: none, focal, diffuse."""
    fatal: str | None = None
    """Item: whether the subject died of it on this day."""
    missing: Literal["unknown", "absent"] = "unknown"
    """A blank component on a day with others: leaves the grade open between two bounds, or counts as not there."""
    window: tuple[int, int] = (0, 30)
    """First and last day that count."""
    label: str | None = None

    @property
    def scale(self) -> Scale:
        """The scale."""
        return Scale.ASTCT_2019


@dataclass(frozen=True, slots=True, kw_only=True)
class Onset:
    """Time from the infusion to the first day of at least a grade; death before it is a competing event."""

    derive: Literal["onset"]
    of: str
    """The grade endpoint."""
    grade: int = 1
    """Smallest grade that counts."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """Days with at least a grade, of the subjects who had it; a toxicity that has not resolved is censored."""

    derive: Literal["duration"]
    of: str
    """The grade endpoint."""
    grade: int = 1
    """Smallest grade that counts."""
    count: Literal["span", "days"] = "span"
    """From the first day to the last, whatever lies between; or only the days of the grade."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentGiven:
    """Whether a treatment was given (tocilizumab, steroids, siltuximab, anakinra)."""

    derive: Literal["given"]
    treatments: tuple[str, ...] = ()
    """Names of treatments in the exposure records (case does not matter)."""
    source: str | None = None
    """A daily source, whose ``items`` say whether it was given."""
    items: tuple[str, ...] = ()
    """Items of the daily source: a number above 0, or yes."""
    window: tuple[int, int] = (0, 30)
    """First and last day that count."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Icaht:
    """Grade of immune effector cell-associated haematotoxicity from neutrophil counts (EHA/EBMT 2023)."""

    derive: Literal["icaht"]
    phase: Literal["early", "late"]
    """Days 0 to 30, by how long the count was low; or after day 30, by how low it was."""
    test: str = "NEUT"
    """Laboratory test of the neutrophil count."""
    unit: str = "cells/uL"
    """Unit the limits of 500, 100, 1000 and 1500 are in; counts are converted to it."""
    until: int = 100
    """Last day of the late phase."""
    max_gap: int = 7
    """Longest gap between counts, in days, that is filled by linear interpolation; a longer one is not known."""
    recovery: int = 3
    """Days above the limit in a row that end a period of neutropenia; fewer are part of it."""
    never_recovered_from: int = 3
    """A period that began by this day and lasts to the last count is grade 4 (never above 500)."""
    times: int = 2
    """Late phase: counts at or below 1500 on this many days make a grade; one alone is transient."""
    single: Literal["grade", "transient"] = "grade"
    """Late phase: a subject with one count only is graded by it, or has no grade."""
    end_at_relapse: bool = True
    """Counts after progression or new anticancer therapy do not count."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cytopenia:
    """Prolonged cytopenia: whether a blood count was still below a limit around a day."""

    derive: Literal["cytopenia"]
    test: str
    """Laboratory test (NEUT, PLAT, HGB)."""
    below: float
    """The limit; a count below it is a cytopenia."""
    unit: str
    """Unit of the limit; counts are converted to it."""
    day: int = 30
    """The day."""
    window: int = 7
    """Days around it within which the nearest count is taken; the later of two that are as near."""
    label: str | None = None


COMPONENTS: Mapping[type, tuple[str, ...]] = {
    CrsGrade: ("fever", "pressors", "vasopressin", "oxygen", "fio2", "organ", "transaminases", "fatal"),
    IcansGrade: ("ice", "arousal", "seizure", "weakness", "oedema", "fatal"),
}
"""Components that a grade is made of: fields that hold items."""
