"""Groups of biomarkers that were cut, and who is left out of the analyses."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from correlates.rounding import NOTHING, fixed, interval, number, p_value, percent, unit_text
from correlates.tables.record import DisplayTable, ci_label, ci_levels, counts, marked, numbers, words

Texts = Mapping[str, str]
_GROUPED = ("quartile_rates", "log_rank", "cutpoint", "restricted_mean", "gray")
_IN_POPULATION = "in_population"


def by_group(results: pl.DataFrame, labels: Texts) -> DisplayTable | None:
    """Each group of a biomarker that was cut: its bound, subjects, events, and the rate or the time of its subjects."""
    whole = results.filter(pl.col("method").is_in(_GROUPED) & pl.col("error").is_null())
    mine = whole.filter(pl.col("level") != "")
    groups = mine.filter(pl.col("stat_name") == "group_n").select("result_id", "level")
    if groups.is_empty():
        return None
    mine = mine.join(groups, on=["result_id", "level"], how="semi", maintain_order="left")
    name = pl.col("stat_name")

    def value(stat: str) -> pl.Expr:
        return pl.col("value").filter(name == stat).first()

    told = ("rate", "median_time", "mean_time")
    keys = ("biomarker", "endpoint", "population", "method", "settings")
    rows = mine.group_by("result_id", "level", maintain_order=True).agg(
        *(pl.col(k).first() for k in keys),
        *(value(f"{s}{end}").alias(f"{s}{end}") for s in told for end in ("", "_lower", "_upper")),
        n=value("group_n").cast(pl.Int64),
        events=value("group_events").cast(pl.Int64),
        bound=value("bound"),
        unit=pl.col("unit").filter(name == "bound").drop_nulls().first(),
    )

    def shown(stat: str, *, share: bool) -> list[str]:
        found = []
        for v, low, high in rows.select(stat, f"{stat}_lower", f"{stat}_upper").iter_rows():
            if v is None:
                found.append(NOTHING)
            elif share:
                found.append(f"{percent(v)} ({percent(low)} to {percent(high)})")
            else:
                ends = (NOTHING if e is None else fixed(e) for e in (low, high))
                found.append(f"{fixed(v)} ({' to '.join(ends)})")
        return found

    ci = ci_label(mine)
    return DisplayTable(
        name="groups_of_biomarkers",
        title="Groups of biomarkers that were cut",
        columns=(
            words("Biomarker", [labels.get(b, b) for b in rows["biomarker"]]),
            words("Endpoint", [labels.get(e, e) for e in rows["endpoint"]], choose=True),
            words("Method", [labels.get(m, m) for m in rows["method"]], choose=True),
            words("Population", [labels.get(p, p) for p in rows["population"]], choose=True),
            words("Group", rows["level"]),
            numbers("Up to", _bounds(whole, rows)),
            words("Unit", [unit_text(u) for u in rows["unit"]]),
            counts("n", rows["n"]),
            counts("Events", rows["events"]),
            *ci_levels(rows["settings"]),
            marked(f"Rate ({ci})", shown("rate", share=True), rows["rate"]),
            marked(f"Median time, days ({ci})", shown("median_time", share=False), rows["median_time"]),
            marked(f"Restricted mean, days ({ci})", shown("mean_time", share=False), rows["mean_time"]),
            words("Result", rows["result_id"]),
        ),
        note="Up to: upper bound of the group; a value at it belongs to the group. Times by Kaplan-Meier; a dash is a median, or a limit, that the "
        "curve does not reach.",
    )


def _bounds(mine: pl.DataFrame, rows: pl.DataFrame) -> list[float | None]:
    """Upper bound of each group; of a selected cut-point the lower group ends at it."""
    cuts = dict(mine.filter(pl.col("stat_name") == "cutpoint").select("result_id", "value").iter_rows())
    return [
        cuts.get(result) if bound is None and level == "low" else bound
        for result, level, bound in rows.select("result_id", "level", "bound").iter_rows()
    ]


def left_out(results: pl.DataFrame, names: tuple[str, ...], labels: Texts, reasons: Texts) -> tuple[DisplayTable, ...]:
    """Of the analyses of missing data: the endpoints in every population, and the analysed against the excluded."""
    mine = results.filter(pl.col("analysis_id").is_in(names))
    if mine.is_empty():
        return ()
    made = (_populations(mine, labels), _compared(mine, labels, reasons))
    return tuple(table for table in made if table is not None)


def _populations(mine: pl.DataFrame, labels: Texts) -> DisplayTable | None:
    told = mine.filter(pl.col("method") == _IN_POPULATION)
    whole = told.filter(pl.col("stat_name").is_in(["rate", "median_time", "survival"]))
    if whole.is_empty():
        return None
    name = pl.col("stat_name")
    keys = ("endpoint", "population", "level")
    kind = name.str.replace("_lower$", "").str.replace("_upper$", "")
    rows = (
        told.with_columns(kind=kind)
        .group_by(*keys, "kind", maintain_order=True)
        .agg(
            value=pl.col("value").filter(name == pl.col("kind")).first(),
            lower=pl.col("value").filter(name.str.ends_with("_lower")).first(),
            upper=pl.col("value").filter(name.str.ends_with("_upper")).first(),
            n=pl.col("n").first(),
            n_missing=pl.col("n_missing").first(),
        )
    )
    events = rows.filter(pl.col("kind") == "events").select(*keys, events="value")
    rows = rows.filter(pl.col("kind") != "events").join(
        events, on=list(keys), how="left", nulls_equal=True, maintain_order="left"
    )
    measure, estimate, span = [], [], []
    for word, level, value, low, high in rows.select("kind", "level", "value", "lower", "upper").iter_rows():
        called = labels.get(f"class:{level}", level)
        if word == "median_time":
            measure.append("median, days")
            estimate.append(number(value))
            span.append(interval(low, high))
        else:
            measure.append(called if word == "rate" else f"without the event, {level}")
            estimate.append(percent(value))
            span.append(NOTHING if low is None else f"{percent(low)} to {percent(high)}")
    return DisplayTable(
        name="endpoints_by_population",
        title="Endpoints in each population",
        columns=(
            words("Endpoint", [labels.get(e, e) for e in rows["endpoint"]], choose=True),
            words("Class or measure", measure),
            words("Population", [labels.get(p, p) for p in rows["population"]], choose=True),
            counts("n", rows["n"]),
            counts("Without outcome", rows["n_missing"]),
            counts("Subjects", [None if v is None else round(v) for v in rows["events"]]),
            marked("Estimate", estimate, rows["value"]),
            marked(ci_label(told), span, rows["lower"]),
        ),
        note="Shares with Clopper-Pearson limits; times by Kaplan-Meier. n: subjects of the population with an outcome.",
    )


def _compared(mine: pl.DataFrame, labels: Texts, reasons: Texts) -> DisplayTable | None:
    tests = mine.filter(pl.col("method") != _IN_POPULATION)
    if tests.is_empty():
        return None
    name, level = pl.col("stat_name"), pl.col("level")

    def value(stat: str, at: str) -> pl.Expr:
        return pl.col("value").filter((name == stat) & (level == at)).first()

    rows = tests.group_by("result_id", maintain_order=True).agg(
        *(pl.col(k).first() for k in ("biomarker", "endpoint", "method")),
        p=value("p", ""),
        analysed=value("n", "analysed").cast(pl.Int64),
        excluded=value("n", "excluded").cast(pl.Int64),
        median_analysed=value("median", "analysed"),
        median_excluded=value("median", "excluded"),
        auc=value("auc", ""),
        error=pl.col("error").drop_nulls().first(),
    )
    return DisplayTable(
        name="analysed_and_excluded",
        title="Subjects with a biomarker against those without",
        columns=(
            words("Biomarker that is missing", [labels.get(e, e) for e in rows["endpoint"]], choose=True),
            words("Compared in", [labels.get(b, b) for b in rows["biomarker"]]),
            words("Test", [labels.get(m, m) for m in rows["method"]], choose=True),
            counts("Analysed", rows["analysed"]),
            counts("Excluded", rows["excluded"]),
            numbers("Median, analysed", rows["median_analysed"]),
            numbers("Median, excluded", rows["median_excluded"]),
            numbers("AUC of analysed", rows["auc"], fixed),
            numbers("P", rows["p"], p_value),
            words("Remarks", [f"Not computed: {reasons.get(e, e).lower()}" if e else "" for e in rows["error"]]),
        ),
        note="Unadjusted: a small P warns that the complete cases are not like all subjects; a large one with few excluded says little.",
    )
