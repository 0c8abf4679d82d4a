"""Exposure parameters under other rules: the same parameters derived again, variant by variant, in one go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import polars as pl

from correlates.errors import DerivationError, Problem, unknown
from correlates.parameters.derive import derive
from correlates.parameters.settings import AtEnd, AtStart, AucRule, Blq, Composite, Profile, Ratio, Signature
from correlates.parameters.settings import Parameter as ParameterSettings
from correlates.parameters.validate import parts_of

AREAS = ("auc", "auc_inf")
"""What depends on the rule of an area and of the values below the limit."""

MARK = "#"
"""Stands between the code of a parameter and the number of its variant while both are derived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way of making an area; ``number`` 0 is the declared one."""

    number: int
    rule: AucRule
    blq: Blq
    at_start: AtStart
    at_end: AtEnd

    def of(self, spec: Profile) -> Profile:
        """The area made this way."""
        return replace(spec, rule=self.rule, blq=self.blq, at_start=self.at_start, at_end=self.at_end)


def owner(code: str, specs: Mapping[str, ParameterSettings]) -> str | None:
    """The declaration that gives a code: itself, or the family it is of."""
    if code in specs:
        return code
    return max((c for c in specs if code.startswith(f"{c}.")), key=len, default=None)


def ancestry(code: str, specs: Mapping[str, ParameterSettings]) -> list[str]:
    """The declarations a code rests on, itself the last."""
    found: dict[str, None] = {}

    def visit(name: str) -> None:
        declared = owner(name, specs)
        if declared is None or declared in found:
            return
        for part in parts_of(specs[declared]):
            visit(part)
        found[declared] = None

    visit(code)
    return list(found)


def area_of(code: str, specs: Mapping[str, ParameterSettings]) -> Profile | None:
    """The first area a code rests on; None where it rests on none."""
    for name in ancestry(code, specs):
        spec = specs[name]
        if isinstance(spec, Profile) and spec.take in AREAS:
            return spec
    return None


def variants(
    area: Profile,
    *,
    rules: Sequence[AucRule],
    blq: Sequence[Blq],
    at_start: Sequence[AtStart],
    at_end: Sequence[AtEnd],
) -> tuple[Variant, ...]:
    """Every combination asked for, the declared one first and once; an empty list keeps what is declared."""
    declared = (area.rule, area.blq, area.at_start, area.at_end)
    asked = product(rules or (area.rule,), blq or (area.blq,), at_start or (area.at_start,), at_end or (area.at_end,))
    kept = dict.fromkeys([declared, *asked])
    return tuple(
        Variant(number=i, rule=rule, blq=below, at_start=start, at_end=end)
        for i, (rule, below, start, end) in enumerate(kept)
    )


def _renamed(
    number: int, spec: ParameterSettings, specs: Mapping[str, ParameterSettings], moved: set[str]
) -> ParameterSettings:
    """A ratio or composite of the parts that have a variant."""

    def name(part: str) -> str:
        declared = owner(part, specs)
        if declared not in moved or declared is None:
            return part
        return f"{declared}{MARK}{number}{part[len(declared) :]}"

    if isinstance(spec, Ratio):
        return replace(spec, of=(name(spec.of[0]), name(spec.of[1])))
    if isinstance(spec, Composite):
        return replace(spec, of={key: name(part) for key, part in spec.of.items()})
    if isinstance(spec, Signature):
        return replace(spec, of=tuple(map(name, spec.of)), log=tuple(map(name, spec.log)), toward=name(spec.toward))
    return spec


def rederive(
    code: str,
    made: Sequence[Variant],
    specs: Mapping[str, ParameterSettings],
    tables: Mapping[str, pl.DataFrame],
) -> pl.DataFrame:
    """A parameter under every variant of the areas it rests on.

    Parameters
    ----------
    code
        Code of the parameter: an area, an area to infinity, or a ratio or composite of one.
    made
        From :func:`variants`.
    specs
        All declared parameters.
    tables
        The tables that :func:`correlates.parameters.derive` reads, by name.

    Returns
    -------
    polars.DataFrame
        ``variant, subject_id, value, unit, censoring, reason, difference``, variants in order, subjects in theirs. ``difference`` is
        value / declared value - 1; null where either is missing or not of the same censoring, or the declared value is zero.

    Raises
    ------
    DerivationError
        The parameter is not declared, or does not rest on an area.
    """
    base = owner(code, specs)
    if base is None:
        raise DerivationError([unknown("parameter", code, list(specs), code="unknown-parameter")])
    if area_of(code, specs) is None:
        raise DerivationError([no_area(code)])
    chain = ancestry(code, specs)
    moved: set[str] = set()
    for name in chain:
        spec = specs[name]
        area = isinstance(spec, Profile) and spec.take in AREAS
        if area or any(owner(part, specs) in moved for part in parts_of(spec)):
            moved.add(name)
    asked: dict[str, ParameterSettings] = {name: specs[name] for name in chain if name not in moved}
    for variant in made:
        for name in chain:
            if name in moved:
                spec = specs[name]
                if isinstance(spec, Profile) and spec.take in AREAS and variant.number:
                    spec = variant.of(spec)
                asked[f"{name}{MARK}{variant.number}"] = _renamed(variant.number, spec, specs, moved)
    found = derive(asked, **{name: tables[name] for name in NEEDS if name in tables}).parameters
    parts = [
        found.filter(pl.col("code") == f"{base}{MARK}{v.number}{code[len(base) :]}").select(
            "subject_id", "value", "unit", "censoring", "reason", variant=pl.lit(v.number, dtype=pl.Int64)
        )
        for v in made
    ]
    whole = pl.concat(parts)
    declared = parts[0].select("subject_id", own="value", own_censoring="censoring")
    comparable = (pl.col("own") != 0) & (pl.col("own_censoring") == pl.col("censoring"))
    return (
        whole.join(declared, on="subject_id", how="left", maintain_order="left")
        .with_columns(difference=pl.when(comparable).then(pl.col("value") / pl.col("own") - 1.0))
        .select("variant", "subject_id", "value", "unit", "censoring", "reason", "difference")
    )


NEEDS = (
    "measurements",
    "burden",
    "product",
    "characteristics",
    "labs",
    "subjects",
    "population_fits",
    "population_subjects",
)
"""The tables that parameters are derived from; those of a population model may be absent."""


def no_area(code: str) -> Problem:
    """The problem of a parameter that no rule of an area moves."""
    return Problem(
        code="rests-on-no-area",
        what=f"{code} rests on no area: the rules of areas and of values below the limit do not move it",
        expected="a parameter with take: auc or auc_inf, or a ratio of one",
    )
