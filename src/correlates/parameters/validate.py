"""What can be wrong with declared parameters, all of it found before anything is computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

import polars as pl

from correlates.errors import Problem, unknown
from correlates.parameters.courses import common_unit, same_unit, unit_problem
from correlates.parameters.recorded import OF_SUBJECTS, of_source
from correlates.parameters.scores import formula
from correlates.parameters.settings import (
    Burden,
    Characteristic,
    Composite,
    Gap,
    Lab,
    Product,
    Profile,
    Ratio,
    Signature,
    Window,
)
from correlates.parameters.settings import Parameter as ParameterSettings
from correlates.stats.terminal import MIN_POINTS


def family_codes(code: str, spec: ParameterSettings, analytes: Mapping[str, Sequence[str]]) -> list[str]:
    """The codes a declaration gives: itself, or CODE.ANALYTE for each analyte of the assay."""
    if isinstance(spec, Profile | Window) and spec.each is not None:
        return [f"{code}.{a}" for a in analytes.get(spec.of, ())]
    return [code]


def ratio_order(specs: Mapping[str, ParameterSettings]) -> list[str]:
    """The codes with every ratio after its parts. Raises graphlib.CycleError where there is none."""
    return list(TopologicalSorter(_graph(specs)).static_order())


def _graph(specs: Mapping[str, ParameterSettings]) -> dict[str, list[str]]:
    def owner(part: str) -> str | None:
        if part in specs:
            return part
        head = [c for c in specs if part.startswith(f"{c}.")]
        return max(head, key=len) if head else None

    return {code: [o for o in map(owner, parts_of(spec)) if o is not None] for code, spec in specs.items()}


def parts_of(spec: ParameterSettings) -> tuple[str, ...]:
    """The codes of the parameters one is made of."""
    if isinstance(spec, Ratio | Signature):
        return spec.of
    return tuple(spec.of.values()) if isinstance(spec, Composite) else ()


def problems(
    specs: Mapping[str, ParameterSettings],
    *,
    analytes: Mapping[str, Sequence[str]],
    burden: pl.DataFrame,
    product: pl.DataFrame,
    characteristics: pl.DataFrame,
    labs: pl.DataFrame,
    subjects: Sequence[str],
) -> list[Problem]:
    """Every problem of the declarations, by themselves and against the names that the data have."""
    codes = [name for code, spec in specs.items() for name in family_codes(code, spec, analytes)]
    found = [
        Problem(code="duplicate-code", what=f"Two parameters give the code {name!r}", do="Rename one")
        for name, count in sorted(Counter(codes).items())
        if count > 1
    ]
    for code, spec in specs.items():
        found += [problem for _, problem in declared_problems(code, spec)]
        if isinstance(spec, Profile | Window):
            found += _of_courses(code, spec, analytes)
        if isinstance(spec, Profile):
            named = spec.line.days
            found += [
                unknown("subject", name, subjects, code="unknown-subject") for name in named if name not in subjects
            ]
        elif isinstance(spec, Product):
            found += _of_product(code, spec, product)
        elif isinstance(spec, Burden):
            found += _of_burden(code, spec, burden)
        elif isinstance(spec, Ratio | Composite | Signature):
            found += [
                unknown("parameter", part, codes, code="unknown-parameter")
                for part in parts_of(spec)
                if part not in codes
            ]
        elif isinstance(spec, Characteristic):
            found += _of_characteristic(code, spec, characteristics)
        elif isinstance(spec, Lab):
            names = labs["test"].unique().sort().to_list()
            if names and spec.test not in names:
                found.append(unknown("laboratory test", spec.test, names, code="unknown-test"))
    return found + [problem for _, problem in circular(specs)]


Declared = tuple[tuple[str, ...], Problem]
"""A problem and where in the settings of the parameter it is: the names of the fields."""


def circular(specs: Mapping[str, ParameterSettings]) -> list[Declared]:
    """The problem of parameters that are made of each other, with the code of the first of them."""
    try:
        ratio_order(specs)
    except CycleError as error:
        circle = [str(c) for c in error.args[1]]
        what = "Parameters depend on each other in a circle"
        return [((circle[0],), Problem(code="circular-parameters", what=what, found=" -> ".join(circle)))]
    return []


def declared_problems(code: str, spec: ParameterSettings) -> list[Declared]:
    """What is wrong with the settings of a parameter, whatever the data are."""
    found: list[Declared] = []
    if isinstance(spec, Profile | Window | Lab):
        found += _window(code, spec.window)
    if isinstance(spec, Profile | Window):
        found += _gap(code, spec.gap)
        if spec.each is not None and spec.analyte is not None:
            what = f"{code} names one analyte and asks for each"
            found.append((("analyte",), Problem(code="analyte-and-each", what=what, do="Give one of them")))
    if isinstance(spec, Window):
        found += _baseline(code, spec)
    elif isinstance(spec, Profile):
        found += _rules(code, spec)
    elif isinstance(spec, Composite):
        found += _inputs(code, spec)
    elif isinstance(spec, Signature):
        found += _clusters(code, spec)
    return found


def _inputs(code: str, spec: Composite) -> list[Declared]:
    names = formula(spec.take).names
    found: list[Declared] = [
        (("of", n), unknown(f"input of {spec.take}", n, names, code="unknown-input")) for n in spec.of if n not in names
    ]
    absent = [n for n in names if n not in spec.of]
    if absent:
        problem = Problem(
            code="missing-input",
            what=f"{code} does not say which parameters {spec.take} is made of",
            found=f"no {', '.join(absent)}",
            expected=", ".join(names),
            do="Give the code of a parameter for each input under of",
        )
        found.append((("of",), problem))
    return found


def _clusters(code: str, spec: Signature) -> list[Declared]:
    parts = spec.of
    wrong = [
        ("of", ", ".join(parts), "two parameters or more, each once", len(set(parts)) == len(parts) >= 2),
        ("least", f"{spec.least}", f"1 to {len(parts)}", 1 <= spec.least <= len(parts)),
        ("clusters", f"{spec.clusters}", "icl, or 2 and more", spec.clusters == "icl" or spec.clusters >= 2),
        ("most", f"{spec.most}", "2 and more", spec.most >= 2),
    ]
    found: list[Declared] = [
        (
            (name,),
            Problem(
                code="wrong-rule", what=f"{name} of {code} cannot be meant", found=told or "none", expected=expected
            ),
        )
        for name, told, expected, fine in wrong
        if not fine
    ]
    for word, names in (("toward", (spec.toward,)), ("log", spec.log)):
        found += [
            ((word,), unknown(f"part of {code}", n, parts, code="unknown-parameter")) for n in names if n not in parts
        ]
    return found


def _gap(code: str, gap: Gap) -> list[Declared]:
    return [
        (
            ("gap", name),
            Problem(
                code="wrong-gap", what=f"gap.{name} of {code} is no time", found=f"{days:g}", expected="days above 0"
            ),
        )
        for name, days in (("before", gap.before), ("after", gap.after))
        if days is not None and days <= 0
    ]


def _rules(code: str, spec: Profile) -> list[Declared]:
    """What is wrong with the rules of areas, lines and second peaks."""
    line = spec.line
    found: list[Declared] = []
    for path, value, least, fine in (
        (("line", "last"), line.last, "at least 3 points", line.last is None or line.last >= MIN_POINTS),
        (("line", "after_peak"), line.after_peak, "0 days or more", line.after_peak >= 0),
        (("line", "within"), line.within, "days above 0", line.within > 0),
        (("rise",), spec.rise, "a fold above 1", spec.rise > 1),
    ):
        if not fine:
            what = f"{'.'.join(path)} of {code} is too small"
            found.append((path, Problem(code="wrong-rule", what=what, found=f"{value:g}", expected=least)))
    for name, days in line.days.items():
        if len(set(days)) < MIN_POINTS:
            problem = Problem(
                code="too-few-points",
                what=f"line.days of {code} names too few days for subject {name!r}",
                found=", ".join(f"{d:g}" for d in days) or "none",
                expected="at least 3 different days",
            )
            found.append((("line", "days", name), problem))
    if spec.take == "auc" and spec.window[0] == spec.window[1]:
        what = f"The window of the area {code} has no length"
        found.append((("window",), Problem(code="empty-window", what=what, found=f"{spec.window[0]:g}")))
    return found


def _baseline(code: str, spec: Window) -> list[Declared]:
    found: list[Declared] = []
    if spec.take == "baseline" and spec.window[1] > 0:
        problem = Problem(
            code="baseline-after-infusion",
            what=f"The baseline {code} would be taken after the infusion",
            found=f"window {spec.window[0]:g} to {spec.window[1]:g}",
            expected="a window that ends on or before day 0",
            do="Give a window such as [-14, -1]",
        )
        found.append((("window",), problem))
    if spec.take == "fold_change":
        found += _window(f"the baseline of {code}", spec.baseline, "baseline")
    return found


def _of_characteristic(code: str, spec: Characteristic, characteristics: pl.DataFrame) -> list[Problem]:
    rows = of_source(characteristics, spec)
    if rows.is_empty() and spec.name.casefold() not in OF_SUBJECTS:
        of = (
            characteristics
            if spec.source is None
            else characteristics.filter(pl.col("source").is_in([spec.source, ""]))
        )
        names = of["name"].unique().sort().to_list()
        return [unknown("characteristic", spec.name, names, code="unknown-characteristic")] if names else []
    sources = rows["source"].drop_nulls().unique().sort().to_list()
    if len(sources) > 1:
        return [
            Problem(
                code="several-sources",
                what=f"{code} does not say which source it is taken from",
                found=f"{spec.name} in {' and '.join(sources)}",
                expected="one source",
                do="Give source",
            )
        ]
    return [] if spec.categorical else _units(rows, None)


def _window(of: str, window: tuple[float, float], field: str = "window") -> list[Declared]:
    if window[0] <= window[1]:
        return []
    problem = Problem(
        code="empty-window",
        what=f"The window of {of} ends before it begins",
        found=f"[{window[0]:g}, {window[1]:g}]",
        expected="first day, last day",
    )
    return [((field,), problem)]


def _of_courses(code: str, spec: Profile | Window, analytes: Mapping[str, Sequence[str]]) -> list[Problem]:
    if spec.of not in analytes:
        return [unknown("assay", spec.of, sorted(analytes), code="unknown-assay")]
    names = list(analytes[spec.of])
    if spec.analyte is not None and spec.analyte not in names:
        return [unknown("analyte", spec.analyte, names, code="unknown-analyte")]
    if spec.each is None and spec.analyte is None and len(names) > 1:
        return [
            Problem(
                code="analyte-not-named",
                what=f"{code} does not say which analyte of {spec.of} it is of",
                expected=f"one of {', '.join(names)}",
                do="Give analyte, or each: analyte for one parameter per analyte",
            )
        ]
    return []


def _of_burden(code: str, spec: Burden, burden: pl.DataFrame) -> list[Problem]:
    readers = burden["evaluator"].unique().sort().to_list()
    if spec.evaluator is None and len(readers) > 1:
        return [
            Problem(
                code="several-evaluators",
                what=f"{code}: tumour burden was read by several evaluators",
                found=", ".join(map(repr, readers)),
                do="Say whose measurements count: evaluator",
            )
        ]
    if spec.evaluator is not None and readers and spec.evaluator not in readers:
        return [unknown("evaluator", spec.evaluator, readers, code="unknown-evaluator")]
    return []


def _of_product(code: str, spec: Product, product: pl.DataFrame) -> list[Problem]:
    names = product["attribute"].unique().sort().to_list()
    wanted = [spec.attribute] + ([spec.times] if spec.times is not None else [])
    found = [
        unknown("product attribute", n, names, code="unknown-attribute") for n in wanted if names and n not in names
    ]
    units = product.filter(pl.col("attribute") == spec.attribute)["unit"].unique().drop_nulls().sort().to_list()
    is_percent = [same_unit(u, "%") for u in units]
    if spec.times is not None and units and any(p != spec.percent for p in is_percent):
        found.append(
            Problem(
                code="percent-contradicted",
                what=f"{code}: percent is {str(spec.percent).lower()}, but {spec.attribute} is recorded in {', '.join(units)}",
                do="Set percent: true for a percentage, and false otherwise",
            )
        )
    found += _units(product.filter(pl.col("attribute") == spec.attribute), spec.unit if spec.times is None else None)
    if spec.times is not None:
        dose = product.filter(pl.col("attribute") == spec.times)
        found += _units(dose, spec.unit if spec.percent else None)
    return found


def _units(rows: pl.DataFrame, wanted: str | None) -> list[Problem]:
    """Units that do not convert to the one wanted, or to the most frequent one."""
    target = wanted or common_unit(rows["unit"])
    if target is None:
        return []
    own = rows["unit"].unique().drop_nulls().sort().to_list()
    return [p for u in own if u != target and (p := unit_problem(str(rows["attribute"][0]), u, target)) is not None]
