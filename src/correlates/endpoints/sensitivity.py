"""How the counts of the durable classes depend on each setting: one setting is changed at a time, all else as declared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from correlates.endpoints.record import Given
from correlates.endpoints.response import durable_classes
from correlates.endpoints.settings import DurableClass
from correlates.schema.sensitivity import SENSITIVITY
from correlates.schema.table import conform
from correlates.terms import Durability, Response

DECLARED = "as declared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """One setting and the values it is tried with."""

    setting: str
    values: tuple[Any, ...]


VARIATIONS: tuple[Variation, ...] = (
    Variation(setting="landmark", values=(183, 274, 365, 548, 730)),
    Variation(
        setting="nonresponder_best",
        values=((Response.SD,), (Response.SD, Response.PD), (Response.MR, Response.SD, Response.PD)),
    ),
    Variation(setting="relapse", values=("by_landmark", "any_time")),
    Variation(setting="death_in_response", values=("undetermined", "relapsed")),
    Variation(setting="new_therapy_in_response", values=("undetermined", "relapsed", "ongoing")),
    Variation(setting="transplant_in_response", values=("undetermined", "ongoing")),
    Variation(setting="follow_up_by", values=("contact", "assessment")),
    Variation(setting="window", values=(0, 30, 60)),
    Variation(setting="follow_up_too_short", values=("undetermined", "durable", "relapsed")),
)
"""Every setting of durability, and the values it is tried with; the declared value is the first row of its endpoint."""

CLASSES = tuple(d.value for d in Durability)


def sensitivity(specs: Mapping[str, object], given: Mapping[str, Given]) -> pl.DataFrame:
    """Class counts of each durable class endpoint under each variation.

    Parameters
    ----------
    specs
        Endpoints by name; those that are no durable class are passed over.
    given
        What each is derived from.

    Returns
    -------
    polars.DataFrame
        ``SENSITIVITY``: one row per endpoint, setting, value and class; the first rows of an endpoint are its declared settings.
        ``changed`` counts the subjects whose class differs from the declared one.
    """
    rows: list[dict[str, object]] = []
    for name, spec in specs.items():
        if not isinstance(spec, DurableClass):
            continue
        tried = [(DECLARED, DECLARED, spec)]
        for variation in VARIATIONS:
            now = getattr(spec, variation.setting)
            imwg = Response.MR in variation.values[-1] if variation.setting == "nonresponder_best" else False
            values = variation.values[:-1] if imwg and "imwg" not in (spec.criteria or "") else variation.values
            tried += [
                (variation.setting, words(value), replace(spec, **{variation.setting: value}))
                for value in values
                if value != now
            ]
        classes = durable_classes(name, [rule for _, _, rule in tried], given[name])
        base = classes[0]
        for (setting, value, _), found in zip(tried, classes, strict=True):
            counts = Counter(found.values())
            changed = sum(found[subject] != base[subject] for subject in base)
            rows += [
                {
                    "endpoint": name,
                    "setting": setting,
                    "value": value,
                    "category": category,
                    "n": counts.get(category, 0),
                    "changed": changed,
                }
                for category in CLASSES
            ]
    return conform(SENSITIVITY.frame(rows), SENSITIVITY)


def words(value: object) -> str:
    """A value of a setting as it is printed."""
    if isinstance(value, tuple):
        return " or ".join(str(v) for v in value)
    return str(value).replace("_", " ")
