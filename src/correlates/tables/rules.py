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
    parts += [f"read by {rule['evaluator']}"] if rule.get("evaluator") else []
    return f" ({', '.join(parts)})" if parts else ""


def _best_response(rule: Rule, _labels: Labels) -> str:
    until = "progression or new anticancer therapy" if rule.get("until_new_therapy", True) else "progression"
    text = f"Best overall response{_whose(rule)} of the evaluable assessments after the infusion and up to {until}."
    first = rule.get("stable_from", 1)
    return text + (f" Stable disease counts from day {first}." if first > 1 else "")


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


SENTENCES: Mapping[str, Callable[[Rule, Labels], str]] = {
    "best_response": _best_response,
    "durability": _durability,
    "class_is": _class_is,
    "max_grade": _max_grade,
    "at_least": _at_least,
    "recorded": _recorded,
}
"""By kind of endpoint."""
