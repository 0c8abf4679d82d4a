"""Settings of the times to an event, and the presets that fill those a plan leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Measure = Literal["os", "pfs", "efs", "dor", "relapse"]
Preset = Literal["fda_2018", "ema_2012"]
Effect = Literal["event", "censor", "ignore"]

RETAINED = ("RETAINED", "POSITIVE", "POS", "CD19+", "CD19 POSITIVE", "BRIGHT")
LOWERED = ("LOW", "DIM", "CD19 LOW", "CD19 DIM", "PARTIAL", "REDUCED", "PARTIAL LOSS")
LOST = ("LOST", "NEGATIVE", "NEG", "CD19-", "CD19 NEGATIVE", "LOSS", "ABSENT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Antigen:
    """Where the antigen status at relapse stands, and the words for it (case does not matter)."""

    name: str
    """Characteristic (a column of a table source, or a qualifier of SUPPDM) that holds the status at relapse."""
    antigen: str = "CD19"
    """The antigen, as the causes call it."""
    retained: tuple[str, ...] = RETAINED
    """Words for an antigen that is there as before."""
    low: tuple[str, ...] = LOWERED
    """Words for a lower density."""
    lost: tuple[str, ...] = LOST
    """Words for its loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeToEvent:
    """Overall, progression-free or event-free survival, duration of response, relapse against death without it."""

    derive: Literal["time_to_event"]
    measure: Measure
    """os: death. pfs: progression or death. efs: progression, death or what counts as an event besides. dor: progression or death,
    counted from the first response, of the responders. relapse: progression, with death without it as the competing event."""
    rules: Preset | None = None
    """Preset that fills the rules left out: fda_2018 or ema_2012. Without one each rule must be given, but for os, which needs none."""
    criteria: str | None = None
    """Response criteria of the assessments used; null takes the only criteria, and it is an error when there are several."""
    evaluator: str | None = None
    """Whose assessments count; null takes the only evaluator, and it is an error when there are several."""
    assessments: Literal["recorded", "lesions"] = "recorded"
    """Responses as recorded, or derived from lesions by the criteria (Lugano 2014, Cheson 2007, RECIST 1.1); not for os."""
    new_therapy: Effect | None = None
    """New anticancer therapy before an event: an event, censors at the last assessment on or before it, or is ignored."""
    transplant: Effect | None = None
    """Stem-cell transplant before an event: the same."""
    missed_visits: int | None = None
    """An event after this many scheduled assessments were missed in a row is censored at the last assessment before; 0 never."""
    visits: tuple[int, ...] = ()
    """Days of the scheduled assessments; missed visits are counted against them."""
    visit_window: int = 14
    """Days around a scheduled assessment within which one still is that visit."""
    without_baseline: Literal["censor", "ignore"] | None = None
    """A subject without any lesion or assessment on or before day 0: censored at the start, or treated like the others."""
    unassessed_progression: Literal["event", "ignore"] = "ignore"
    """Progression that only a disposition event tells of: an event on its day, or not looked at."""
    data_cut: str | None = None
    """Date (ISO 8601) of the data cut: what happened later is not looked at."""
    antigen: Antigen | None = None
    """Antigen status at relapse, as a subtype of progression."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules in force."""

    new_therapy: Effect
    transplant: Effect
    missed_visits: int
    without_baseline: Literal["censor", "ignore"]


_OS = Rules(new_therapy="ignore", transplant="ignore", missed_visits=0, without_baseline="ignore")
_FDA = Rules(new_therapy="censor", transplant="censor", missed_visits=2, without_baseline="censor")
_EMA = Rules(new_therapy="ignore", transplant="ignore", missed_visits=0, without_baseline="ignore")
_FDA_EFS = Rules(new_therapy="event", transplant="censor", missed_visits=2, without_baseline="censor")
_EMA_EFS = Rules(new_therapy="event", transplant="ignore", missed_visits=0, without_baseline="ignore")

PRESETS: Mapping[Preset, Mapping[Measure, Rules]] = {
    "fda_2018": {"os": _OS, "pfs": _FDA, "efs": _FDA_EFS, "dor": _FDA, "relapse": _FDA},
    "ema_2012": {"os": _OS, "pfs": _EMA, "efs": _EMA_EFS, "dor": _EMA, "relapse": _EMA},
}
"""FDA, Clinical Trial Endpoints for the Approval of Cancer Drugs and Biologics, December 2018, appendix 3, table A (documented
progression only; deaths and progressions after two or more missed visits and whatever follows new anticancer therapy are censored). EMA,
appendix 1 to the guideline on anticancer medicinal products, EMA/CHMP/27994/2008/Rev.1, December 2012 (every progression and death is an
event, whatever was missed or given before it)."""


def in_force(spec: TimeToEvent) -> Rules | list[str]:
    """The rules of an endpoint, the preset filling those left out; the names of those that nothing fills."""
    base = PRESETS[spec.rules][spec.measure] if spec.rules else _OS if spec.measure == "os" else None
    names = ("new_therapy", "transplant", "missed_visits", "without_baseline")
    values: dict[str, Any] = {n: v if (v := getattr(spec, n)) is not None else getattr(base, n, None) for n in names}
    absent = [n for n, v in values.items() if v is None]
    return absent or Rules(**values)
