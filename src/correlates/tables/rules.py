"""The rule of an endpoint in words, from the settings that stand with every outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Rule = Mapping[str, Any]
Labels = Mapping[str, str]


def in_words(rule: Rule, labels: Labels) -> str:
    """The rule as a sentence; a kind without one is told by its settings.

    Parameters
    ----------
    rule
        Settings in force; ``derive`` names the kind of endpoint.
    labels
        Labels of endpoints by name and of classes as ``class:NAME``.
    """
    sentence = SENTENCES.get(str(rule.get("derive")))
    if sentence is None:
        return "; ".join(f"{key.replace('_', ' ')} {value}" for key, value in rule.items() if key != "label")
    return sentence(rule, labels)


def standard(name: str) -> str:
    """The name of a scale or of criteria as it is printed.

    Examples
    --------
    >>> standard("ctcae_4_03"), standard("lee_2014"), standard("recist_1_1")
    ('CTCAE 4.03', 'Lee 2014', 'RECIST 1.1')
    """
    head, *rest = name.split("_")
    shown = head.upper() if head in ("ctcae", "astct", "recist") else head.capitalize()
    return f"{shown} {'.'.join(rest)}".strip()


def _classes(names: Sequence[str], labels: Labels) -> str:
    shown = [labels.get(f"class:{name}", name) for name in names]
    return " or ".join(shown)


def _whose(rule: Rule) -> str:
    parts = [standard(rule["criteria"])] if rule.get("criteria") else []
    parts += ["derived from lesions"] if rule.get("assessments") == "lesions" else []
    parts += [f"read by {rule['evaluator']}"] if rule.get("evaluator") else []
    return f" ({', '.join(parts)})" if parts else ""


def _best_response(rule: Rule, _labels: Labels) -> str:
    until = "progression or new anticancer therapy" if rule.get("until_new_therapy", True) else "progression"
    text = f"Best overall response{_whose(rule)} of the evaluable assessments after the infusion and up to {until}."
    first = rule.get("stable_from", 1)
    text += f" Stable disease counts from day {first}." if first > 1 else ""
    if rule.get("confirm"):
        text += (
            f" {' and '.join(rule['confirm'])} count where a response at least as good confirms them {rule['confirm_after']} days "
            "later or more, else as stable disease."
        )
    return text


def _time_to_response(rule: Rule, _labels: Labels) -> str:
    until = "progression or new anticancer therapy" if rule.get("until_new_therapy", True) else "progression"
    rest = (
        "subjects without one have no time"
        if rule["among"] == "responders"
        else "others are censored at their last assessment"
    )
    return f"Days from the infusion to the first {rule['reach']} or better{_whose(rule)}, up to {until}; {rest}."


def _durability(rule: Rule, _labels: Labels) -> str:
    day = rule["landmark"]
    when = f"by day {day}" if rule.get("relapse") == "by_landmark" else "at any time"
    seen = "a response assessment" if rule.get("follow_up_by") == "assessment" else "any contact"
    slack = f" (or up to {rule['window']} days before)" if rule.get("window") else ""
    text = (
        f"Durable: response{_whose(rule)} without progression by day {day}, shown by {seen} on or after that day{slack}. "
        f"Relapsed: response, then progression {when}. Nonresponder: best response {' or '.join(rule['nonresponder_best'])}."
    )
    events = {
        "death_in_response": "death",
        "new_therapy_in_response": "new anticancer therapy",
        "transplant_in_response": "stem-cell transplant",
    }
    by_class: dict[str, list[str]] = {}
    for key, event in events.items():
        by_class.setdefault(rule.get(key, "undetermined"), []).append(event)
    words = {"ongoing": "does not end the response"}
    if (short := rule.get("follow_up_too_short", "undetermined")) != "undetermined":
        text += f" In response when last seen before the landmark: {short}."
    told = [f"{' or '.join(names)}: {words.get(outcome, outcome)}" for outcome, names in by_class.items()]
    return f"{text} In response before day {day}, {'; '.join(told)}."


def _class_is(rule: Rule, labels: Labels) -> str:
    rest = _classes(rule["no"], labels) if rule.get("no") else "every other determined class"
    of = labels.get(rule["of"], rule["of"])
    return f"{of}: yes for {_classes(rule['yes'], labels)}; no for {rest}. The undetermined have no outcome."


def _max_grade(rule: Rule, _labels: Labels) -> str:
    which = [f"of category {rule['category']}"] if rule.get("category") else []
    which += [f"with the term {' or '.join(rule['terms'])}"] if rule.get("terms") else []
    first, last = rule["window"]
    events = f"adverse events {' or '.join(which)}" if which else "adverse events"
    return f"Highest grade ({standard(rule['scale'])}) of {events} with onset on days {first} to {last}; 0 where there was none."


def _at_least(rule: Rule, labels: Labels) -> str:
    return f"Yes where {labels.get(rule['of'], rule['of'])} is {rule['grade']} or higher."


def _recorded(rule: Rule, _labels: Labels) -> str:
    text = f"As recorded in column {rule['column']} of {rule['source']}."
    if not rule.get("yes"):
        return text
    rest = " or ".join(rule["no"]) if rule.get("no") else "every other value"
    return f"{text} Yes: {' or '.join(rule['yes'])}; no: {rest}."


_MEASURES = {
    "os": "Days from the infusion to death; without it censored at the last day known alive.",
    "pfs": "Days from the infusion to progression or death{whose}; without either censored at the last evaluable assessment.",
    "efs": "Days from the infusion to progression, death or another event named here{whose}; without one censored at the last "
    "evaluable assessment.",
    "dor": "Days from the first complete or partial response to progression or death{whose}, of the responders; without either "
    "censored at the last evaluable assessment.",
    "relapse": "Days from the infusion to relapse or progression{whose}, death without it being the competing event; without either "
    "censored at the last evaluable assessment.",
}
_EFFECTS = {
    "event": "is an event",
    "censor": "censors at the last assessment on or before it",
    "ignore": "is not looked at",
}


def _time_to_event(rule: Rule, _labels: Labels) -> str:
    text = _MEASURES[rule["measure"]].format(whose=_whose(rule))
    if rule["measure"] == "os":
        return text + _cut(rule)
    force = rule["in_force"]
    text += f" New anticancer therapy {_EFFECTS[force['new_therapy']]}; a stem-cell transplant {_EFFECTS[force['transplant']]}."
    if force["missed_visits"]:
        days = ", ".join(str(v) for v in rule["visits"])
        text += (
            f" An event after {force['missed_visits']} or more missed assessments in a row is censored at the last assessment before "
            f"(scheduled on days {days}, each +/- {rule['visit_window']} days)."
        )
    if force["without_baseline"] == "censor":
        text += " Without a lesion or assessment at baseline censored at the start."
    if rule["unassessed_progression"] == "event":
        text += " Progression that only a disposition event tells of is an event."
    if rule.get("antigen"):
        text += f" Progression is told apart by the antigen status ({rule['antigen']['antigen']}) recorded as {rule['antigen']['name']}."
    preset = {"fda_2018": "FDA 2018, appendix 3, table A", "ema_2012": "EMA 2012, appendix 1"}.get(
        rule.get("rules") or ""
    )
    return text + _cut(rule) + (f" Rules left out in the plan are those of {preset}." if preset else "")


def _cut(rule: Rule) -> str:
    return f" What happened after the data cut of {rule['data_cut']} is not looked at." if rule.get("data_cut") else ""


def _days(rule: Rule) -> str:
    return f"days {rule['window'][0]} to {rule['window'][1]}"


def _daily_grade(rule: Rule, _labels: Labels) -> str:
    return (
        f"Highest grade ({standard(rule['scale'])}) recorded on {_days(rule)} (item {rule['item']} of {rule['source']}); "
        "a subject without a record has none."
    )


_COMPONENTS = ("fever", "pressors", "vasopressin", "oxygen", "fio2", "organ", "transaminases")
_NEUROLOGIC = ("ice", "arousal", "seizure", "weakness", "oedema")


def _of_components(rule: Rule, names: Sequence[str], scale: str) -> str:
    used = [name for name in (*names, "fatal") if rule.get(name)]
    text = f"Highest grade ({scale}) of {_days(rule)}"
    text += f", each day graded from its components ({', '.join(used)})" if used else ""
    text += f", or as recorded ({rule['recorded']})" if rule.get("recorded") else ""
    blank = "leaves the grade open" if rule["missing"] == "unknown" else "counts as not there"
    return f"{text}. A blank component {blank}."


def _crs_grade(rule: Rule, _labels: Labels) -> str:
    text = _of_components(rule, _COMPONENTS, standard(rule["scale"]))
    therapy = rule.get("therapy")
    return text + (f" Once {' or '.join(therapy)} was given in CRS, fever is not needed." if therapy else "")


def _icans_grade(rule: Rule, _labels: Labels) -> str:
    return _of_components(rule, _NEUROLOGIC, "ASTCT 2019")


def _onset(rule: Rule, labels: Labels) -> str:
    of = labels.get(rule["of"], rule["of"])
    return f"Days from the infusion to the first day of grade {rule['grade']} or higher ({of}); death before it is a competing event."


def _duration(rule: Rule, labels: Labels) -> str:
    of = labels.get(rule["of"], rule["of"])
    how = "from the first to the last day" if rule["count"] == "span" else "the days"
    return (
        f"Days of grade {rule['grade']} or higher ({of}): {how}, both ends counted; censored where it had not resolved."
    )


def _given(rule: Rule, _labels: Labels) -> str:
    return f"Yes where {' or '.join((*rule['treatments'], *rule['items']))} was given on {_days(rule)}."


def _icaht(rule: Rule, _labels: Labels) -> str:
    if rule["phase"] == "early":
        return (
            f"ICAHT of days 0 to 30 from {rule['test']} by the longest period at or below 500/uL (up to 6 days grade 1, 7 to 13 days 2, "
            f"from 14 days 3, never above 4) and 100/uL (from 7 days 3, from 14 days 4); gaps of up to {rule['max_gap']} days are "
            f"interpolated, and fewer than {rule['recovery']} days above the limit end no period."
        )
    return (
        f"ICAHT of days 31 to {rule['until']} from the lowest {rule['test']}: at or below 1500/uL grade 1, 1000/uL 2, 500/uL 3, 100/uL 4, "
        f"where it was at or below 1500/uL on {rule['times']} days."
    )


def _cytopenia(rule: Rule, _labels: Labels) -> str:
    return f"Yes where the {rule['test']} nearest to day {rule['day']} (+/- {rule['window']} days) is below {rule['below']:g} {rule['unit']}."


SENTENCES: Mapping[str, Callable[[Rule, Labels], str]] = {
    "best_response": _best_response,
    "durability": _durability,
    "time_to_response": _time_to_response,
    "class_is": _class_is,
    "max_grade": _max_grade,
    "at_least": _at_least,
    "recorded": _recorded,
    "time_to_event": _time_to_event,
    "daily_grade": _daily_grade,
    "crs_grade": _crs_grade,
    "icans_grade": _icans_grade,
    "onset": _onset,
    "duration": _duration,
    "given": _given,
    "icaht": _icaht,
    "cytopenia": _cytopenia,
}
"""By kind of endpoint."""
