"""Results as tables: every association, prespecified and exploratory apart, and the comparisons of one biomarker across classes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import polars as pl

from correlates.rounding import NOTHING, fixed, interval, number, p_value, percent, unit_text
from correlates.tables.record import DisplayTable, ci_label, ci_levels, counts, marked, numbers, words

_EFFECTS: Mapping[str, tuple[str, str]] = {
    "wilcoxon": ("auc", "AUC"),
    "firth": ("odds_ratio", "OR"),
    "logistic_ml": ("odds_ratio", "OR"),
    "fisher": ("odds_ratio", "OR"),
    "firth_imputed": ("odds_ratio", "OR"),
    "proportional_odds": ("odds_ratio", "OR of a higher grade"),
    "censored_regression": ("ratio", "Ratio of geometric means"),
    "spearman": ("rho", "Spearman's \N{GREEK SMALL LETTER RHO}"),
    "kendall": ("tau", "Kendall's \N{GREEK SMALL LETTER TAU}"),
    "jonckheere": ("share_increasing", "Share of pairs rising"),
    "cox": ("hazard_ratio", "HR"),
    "cox_firth": ("hazard_ratio", "HR"),
    "fine_gray": ("hazard_ratio", "Subdistribution HR"),
    "restricted_mean": ("difference", "Difference, days"),
    "dunn": ("epsilon_squared", "\N{GREEK SMALL LETTER EPSILON}\N{SUPERSCRIPT TWO}"),
    "cox_from_known_day": ("hazard_ratio", "HR"),
    "kruskal_wallis": ("epsilon_squared", "\N{GREEK SMALL LETTER EPSILON}\N{SUPERSCRIPT TWO}"),
}
"""Statistic that stands for the effect of a method, with its abbreviation; its interval has the same name with _lower and _upper."""

_BOUND, _AT_LIMIT = "\N{DAGGER}", "at-limit"
_ENDS = ("", "_lower", "_upper")
_CHECKS = {"proportional_p": "proportional hazards P", "parallel_p": "parallel odds P"}
"""P values of what a model assumes, shown beside its result."""
_WIDE = dict.fromkeys(
    ("p", "p_adjusted", *(n + e for n in ("shift", "ratio", *(n for n, _ in _EFFECTS.values())) for e in _ENDS))
)

Texts = Mapping[str, str]


def associations(
    results: pl.DataFrame,
    labels: Texts,
    reasons: Texts,
    notices: Texts,
    declared: Literal["prespecified", "exploratory"],
    without: tuple[str, ...] = (),
) -> DisplayTable | None:
    """The associations of the biomarkers that were (or were not) prespecified; None where there is none.

    Parameters
    ----------
    results
        The results table.
    labels, reasons, notices
        Labels of biomarkers, endpoints, populations and methods; sentences of reasons and notices, by code.
    declared
        Which.
    without
        Analyses that are shown elsewhere.
    """
    mine = results.filter(
        (pl.col("prespecified") == (declared == "prespecified")) & ~pl.col("analysis_id").is_in(without)
    )
    if mine.is_empty():
        return None
    rows = _wide(mine)
    methods = rows["method"].to_list()
    effects = [_EFFECTS.get(m, ("", "")) for m in methods]

    def of(ending: str) -> list[float | None]:
        return [rows[f"{n}{ending}"][i] if n else None for i, (n, _) in enumerate(effects)]

    estimate, low, high = of(""), of("_lower"), of("_upper")
    per = {"standard deviation": "SD"}
    measures = [
        f"{word} per {per.get(what, what)}" if what and value is not None else word if value is not None else NOTHING
        for (_, word), what, value in zip(effects, rows["per"], estimate, strict=True)
    ]
    populations = rows["population"].unique().to_list()
    title = f"{declared.capitalize()} biomarkers: all associations"
    several = len(populations) > 1
    note = "" if several else f"Population: {labels.get(populations[0], populations[0])}. "
    ci = ci_label(mine)
    return DisplayTable(
        name=f"associations_{declared}",
        title=title,
        declared=declared,
        columns=(
            words("Biomarker", [labels.get(b, b) for b in rows["biomarker"]]),
            words("Endpoint", [labels.get(e, e) for e in rows["endpoint"]], choose=True),
            *([words("Population", [labels.get(p, p) for p in rows["population"]], choose=True)] if several else []),
            words("Method", [labels.get(m, m) for m in methods], choose=True),
            words("Measure", measures, choose=True),
            numbers("Estimate", estimate, fixed),
            marked(ci, map(interval, low, high), low),
            *ci_levels(rows["settings"]),
            numbers("P", rows["p"], p_value),
            numbers("P adjusted", rows["p_adjusted"], p_value),
            words("P from", rows["variant"]),
            counts("n", rows["n"]),
            counts("Events", rows["n_events"]),
            numbers("Censored", rows["share"], percent),
            marked("Median, no event", _medians(rows, "no"), rows["median_no"]),
            marked("Median, event", _medians(rows, "yes"), rows["median_yes"]),
            marked(f"Hodges-Lehmann ({ci})", _shifts(rows), _shift_values(rows)),
            words("Unit", [unit_text(u) for u in rows["unit"]]),
            words("Group", [g.replace("_", " ") if g else g for g in rows["biomarker_group"]], choose=True),
            words("Code", rows["biomarker"]),
            words("Checks", _checks(rows)),
            words("Remarks", _remarks(rows, reasons, notices)),
            words("Result", rows["result_id"]),
        ),
        note=note
        + f"AUC: probability that a subject with the event has the higher value, ties counted half (DeLong interval). OR: odds "
        f"ratio (profile interval; Fisher: conditional maximum likelihood, exact interval). Censored: share of values beyond a limit of quantification. {_BOUND}: the median lies at such a "
        "limit and is a bound. Hodges-Lehmann: median of all differences of a subject with the event less one without, on a log scale as a ratio (\N{MULTIPLICATION SIGN}). "
        "P adjusted: within the declared family. P from: the law P was computed from. Checks: what the model assumes. Result: what 'correlates trace RUN --result' takes.",
    )


def _wide(mine: pl.DataFrame) -> pl.DataFrame:
    """One row per result, in the order of the results, with a column per statistic shown."""
    whole, name = pl.col("level") == "", pl.col("stat_name")

    def value(stat: str, level: str = "") -> pl.Expr:
        return pl.col("value").filter((name == stat) & (pl.col("level") == level)).first()

    def bound(level: str) -> pl.Expr:
        at = (name == "median") & (pl.col("level") == level)
        return pl.col("notices").filter(at).first().list.contains(_AT_LIMIT)

    kept = ("biomarker", "biomarker_group", "endpoint", "population", "method", "settings")
    # notices of the result as a whole stand with its P value; those of one statistic stand with that statistic only
    return mine.group_by("result_id", maintain_order=True).agg(
        *(pl.col(k).first() for k in kept),
        *(value(stat).alias(stat) for stat in (*_WIDE, *_CHECKS, "missing_information", "n_imputed")),
        *(pl.col("text").filter((name == stat) & whole).first().alias(stat) for stat in ("variant", "separation")),
        n=pl.col("n").filter(whole).first(),
        n_events=pl.coalesce(value("n", "yes"), value("n_events")).cast(pl.Int64),
        share=(pl.col("n_censored") / pl.col("n")).filter(whole & (pl.col("n") > 0)).first(),
        median_no=value("median", "no"),
        median_yes=value("median", "yes"),
        bound_no=bound("no"),
        bound_yes=bound("yes"),
        unit=pl.col("unit").filter(name == "median").drop_nulls().first(),
        per=pl.col("text").filter(name == "per").first(),
        error=pl.col("error").drop_nulls().first(),
        notices=pl.col("notices").filter(name == "p").first(),
    )


def _medians(rows: pl.DataFrame, level: str) -> list[str]:
    pairs = rows.select(f"median_{level}", f"bound_{level}").iter_rows()
    return [number(value) + (_BOUND if bound else "") for value, bound in pairs]


def _shift_values(rows: pl.DataFrame) -> list[float | None]:
    """Hodges-Lehmann's ratio where there is one, its shift otherwise; of Wilcoxon's test only."""
    pairs = rows.select("method", "ratio", "shift").iter_rows()
    return [None if method != "wilcoxon" else shift if ratio is None else ratio for method, ratio, shift in pairs]


def _shifts(rows: pl.DataFrame) -> list[str]:
    told = []
    columns = [f"{n}{e}" for n in ("ratio", "shift") for e in _ENDS]
    for method, ratio, low, high, shift, below, above in rows.select("method", *columns).iter_rows():
        if method != "wilcoxon" or (ratio is None and shift is None):
            told.append(NOTHING)
        elif ratio is not None:
            told.append(f"\N{MULTIPLICATION SIGN} {fixed(ratio)} ({interval(low, high)})")
        else:
            told.append(f"{fixed(shift)} ({interval(below, above)})")
    return told


def _checks(rows: pl.DataFrame) -> list[str]:
    """What a model assumes, and how much of a pooled estimate is imputed."""
    told = []
    for row in rows.select(*_CHECKS, "missing_information", "n_imputed", "separation").iter_rows(named=True):
        parts = [f"{label} {p_value(row[stat])}" for stat, label in _CHECKS.items() if row[stat] is not None]
        if row["separation"] not in (None, "none"):
            parts.append(f"separation: {row['separation']}")
        if row["n_imputed"] is not None:
            parts.append(f"{row['n_imputed']:.0f} imputed, missing information {percent(row['missing_information'])}")
        told.append("; ".join(parts))
    return told


def _remarks(rows: pl.DataFrame, reasons: Texts, notices: Texts) -> list[str]:
    told = []
    for error, codes in rows.select("error", "notices").iter_rows():
        parts = [f"Not computed: {reasons.get(error, error).lower()}"] if error else []
        told.append("; ".join(parts + [notices.get(code, code) for code in codes or ()]))
    return told


def comparisons(
    results: pl.DataFrame, names: tuple[str, ...], labels: Texts, reasons: Texts, notices: Texts
) -> tuple[DisplayTable, ...]:
    """Of each comparison of a biomarker across classes: the classes, and the tests with their effects."""
    made: list[DisplayTable] = []
    for name in names:
        mine = results.filter(pl.col("analysis_id") == name)
        if not mine.is_empty():
            made += [_groups(name, mine, labels), _tests(name, mine, labels, reasons, notices)]
    return tuple(made)


def _said(mine: pl.DataFrame) -> dict[str, dict[str, dict[str, Any]]]:
    """Rows of a result by level and statistic."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in mine.iter_rows(named=True):
        found.setdefault(row["level"], {})[row["stat_name"]] = row
    return found


def _declared(mine: pl.DataFrame) -> Literal["prespecified", "exploratory"]:
    return "prespecified" if mine["prespecified"][0] else "exploratory"


def _unit(mine: pl.DataFrame, stat: str) -> str:
    units = mine.filter(pl.col("stat_name") == stat)["unit"].drop_nulls()
    return "" if units.is_empty() else unit_text(units[0])


def _subject(mine: pl.DataFrame, labels: Texts) -> str:
    biomarker, endpoint = mine["biomarker"][0], mine["endpoint"][0]
    return f"{labels.get(biomarker, biomarker)} by {labels.get(endpoint, endpoint).lower()}"


def _groups(name: str, mine: pl.DataFrame, labels: Texts) -> DisplayTable:
    said = _said(mine)
    classes = [level for level, stats in said.items() if "median" in stats or ("n" in stats and level)]

    def stat(level: str, what: str) -> float | None:
        value = said[level].get(what, {}).get("value")
        return None if value is None else float(value)

    def whole(what: str) -> list[int | None]:
        return [None if (v := stat(c, what)) is None else round(v) for c in classes]

    bounds = [_BOUND if _AT_LIMIT in said[c].get("median", {}).get("notices", ()) else "" for c in classes]
    medians = [stat(c, "median") for c in classes]
    q1 = [stat(c, "q1") for c in classes]
    q3 = [stat(c, "q3") for c in classes]
    unit = _unit(mine, "median")
    return DisplayTable(
        name=f"classes_{name}",
        title=f"{_subject(mine, labels)}: classes",
        declared=_declared(mine),
        columns=(
            words("Class", [labels.get(f"class:{c}", c) for c in classes]),
            counts("n", whole("n")),
            counts("Censored", whole("n_censored")),
            marked(
                f"Median{f', {unit}' if unit else ''}",
                [fixed(m) + b for m, b in zip(medians, bounds, strict=True)],
                medians,
            ),
            marked("Quartiles", [interval(a, b) for a, b in zip(q1, q3, strict=True)], q1),
        ),
        note=f"{_BOUND}: at a limit of quantification, a bound." if any(bounds) else "",
    )


def _tests(name: str, mine: pl.DataFrame, labels: Texts, reasons: Texts, notices: Texts) -> DisplayTable:
    said = _said(mine)
    settings = json.loads(mine["settings"][0])
    pairs = [tuple(pair) for pair in settings.get("pairs", ())]
    levels = ["", *(f"{one} vs {two}" for one, two in pairs if f"{one} vs {two}" in said)]
    compared = ["All classes"] + [
        f"{labels.get(f'class:{one}', one)} against {labels.get(f'class:{two}', two).lower()}"
        for one, two in pairs
        if f"{one} vs {two}" in said
    ]

    def stat(level: str, what: str) -> float | None:
        value = said.get(level, {}).get(what, {}).get("value")
        return None if value is None else float(value)

    def column(what: str) -> list[float | None]:
        return [stat(level, what) for level in levels]

    def with_interval(what: str) -> list[str]:
        return [
            NOTHING
            if stat(v, what) is None
            else f"{fixed(stat(v, what))} ({interval(stat(v, f'{what}_lower'), stat(v, f'{what}_upper'))})"
            for v in levels
        ]

    def first(level: str, key: str, stats: tuple[str, ...] = ("p",)) -> Any:
        return next((said[level][s][key] for s in stats if s in said.get(level, {})), None)

    method = mine["method"][0]
    h, df = stat("", "h"), stat("", "df")
    overall = "" if h is None else f", H = {fixed(h)}" + ("" if df is None else f", {df:.0f} df")
    tests = [f"{labels.get(method, method)}{overall}"]
    tests += [f"Wilcoxon rank-sum, {first(v, 'text', ('variant',)) or 'variant not told'}" for v in levels[1:]]
    adjusted = next((r["stat_label"] for v in levels[1:] for r in [said[v].get("p_adjusted")] if r), "P adjusted")
    remarks = []
    for level in levels:
        error = first(level, "error")
        parts = [f"Not computed: {reasons.get(error, error).lower()}"] if error else []
        remarks.append("; ".join(parts + [notices.get(c, c) for c in first(level, "notices") or ()]))
    unit, ci = _unit(mine, "shift"), ci_label(mine)
    return DisplayTable(
        name=f"tests_{name}",
        title=f"{_subject(mine, labels)}: tests and effects",
        declared=_declared(mine),
        columns=(
            words("Compared", compared),
            words("Test", tests),
            counts("n", [first(v, "n") for v in levels]),
            marked(f"HL ratio ({ci})", with_interval("ratio"), column("ratio")),
            marked(f"AUC ({ci})", with_interval("auc"), column("auc")),
            numbers("P", column("p"), p_value),
            numbers(adjusted.replace("P value, adjusted", "P adjusted"), column("p_adjusted"), p_value),
            marked(f"HL shift{f', {unit}' if unit else ''} ({ci})", with_interval("shift"), column("shift")),
            words("Remarks", remarks),
            words("Result", [mine["result_id"][0]] * len(levels)),
        ),
        note="HL (Hodges-Lehmann) ratio and shift: the first class against the second, median of all pairwise quotients or differences; AUC: probability "
        "that a subject of the first class has the higher value.",
    )
