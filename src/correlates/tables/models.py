"""Multivariable models to display tables: the model card, its covariates, what they add, performance, and the candidates of a selection."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from correlates.rounding import NOTHING, fixed, interval, number, p_value, percent
from correlates.tables.record import Declared, DisplayTable, counts, marked, numbers, words

Texts = Mapping[str, str]
_MEASURES = {
    "auc": "Area under the ROC curve",
    "c_index": "Harrell's C",
    "uno_c": "Uno's C, events by the horizon",
    "auc_at_horizon": "Area under the ROC curve at the horizon",
    "brier_at_horizon": "Brier score at the horizon",
    "scaled_brier_at_horizon": "Scaled Brier score at the horizon",
    "observed_to_expected": "Events observed per event predicted, by the horizon",
    "brier": "Brier score",
    "scaled_brier": "Scaled Brier score",
    "intercept": "Calibration intercept",
    "slope": "Calibration slope",
}
_RATIOS = {"cox_model": "Hazard ratio", "ordinal_model": "Odds ratio of a higher grade"}
_MANY = 1e5  # degrees of freedom that are as good as infinitely many
_NAMED = 12  # candidates named in a step of the flow
_SHOWN = 30  # candidates; all are in the table of the run


def models(
    found: pl.DataFrame, predictions: pl.DataFrame, labels: Texts, reasons: Texts, notices: Texts
) -> tuple[DisplayTable, ...]:
    """The tables of each model in the order of the plan.

    Parameters
    ----------
    found, predictions
        Tables ``models`` and ``predictions``.
    labels, reasons, notices
        Label of a biomarker, endpoint, population or method; sentence of a reason and of a notice.
    """
    tables: list[DisplayTable] = []
    for name in found["analysis_id"].unique(maintain_order=True):
        mine = found.filter(pl.col("analysis_id") == name)
        made = (
            _card(name, mine, labels, reasons, notices),
            _flow(name, mine, labels, reasons),
            _terms(name, mine, labels),
            _added(name, mine, labels),
            _performance(name, mine),
            _candidates(name, mine, labels),
            _predictions(name, mine, predictions.filter(pl.col("analysis_id") == name)),
        )
        tables += [table for table in made if table is not None]
    return tuple(tables)


def _title(mine: pl.DataFrame, labels: Texts) -> str:
    method, endpoint = mine["method"][0], mine["endpoint"][0]
    named = labels.get(method, method)
    return f"{labels.get(endpoint, endpoint)}: {named[:1].lower()}{named[1:]}"


def _declared(mine: pl.DataFrame) -> Declared:
    return "prespecified" if mine["prespecified"][0] else "exploratory"


def _stats(mine: pl.DataFrame, part: str) -> dict[str, dict[str, Any]]:
    """By term and statistic: value or text."""
    found: dict[str, dict[str, Any]] = {}
    for term, stat, value, text in (
        mine.filter((pl.col("part") == part) & (pl.col("level") == ""))
        .select("term", "stat_name", "value", "text")
        .iter_rows()
    ):
        found.setdefault(term, {})[stat] = text if value is None else value
    return found


def _named(term: str, labels: Texts) -> str:
    """The label of a column: of its covariate, with the class, the part of the spline or the partner of a product."""
    if ":" in term:
        return " x ".join(_named(part, labels) for part in term.split(":"))
    code, equals, level = term.partition("=")
    plain = code.rstrip("'")
    marks = code[len(plain) :]
    label = labels.get(plain, plain)
    return f"{label}{' (spline)' if marks else ''}{': ' + level if equals else ''}" + marks


def _card(name: str, mine: pl.DataFrame, labels: Texts, reasons: Texts, notices: Texts) -> DisplayTable:
    whole = _stats(mine, "model").get("", {})
    settings = json.loads(mine["settings"][0])
    validation = settings["validation"]
    population = mine["population"][0]
    gone = f"{whole.get('n_missing', 0):.0f} not analysed"
    grades = mine.filter((pl.col("part") == "threshold") & (pl.col("stat_name") == "subjects"))
    who = "; ".join(f"{level}: {value:.0f}" for level, value in grades.select("level", "value").iter_rows())
    if not who:
        who = f"{whole['n_events']:.0f} with the event"
    lines: list[tuple[str, str]] = [
        ("Endpoint", labels.get(mine["endpoint"][0], mine["endpoint"][0])),
        ("Population", labels.get(population, population)),
        ("Method", labels.get(mine["method"][0], mine["method"][0])),
        ("Subjects", f"{mine['n'][0]} ({who}; {gone})"),
    ]
    if grades.height:
        lines.append(("Order of the outcome, lowest first", " < ".join(grades["level"])))
    if "candidates" in whole:
        flow = f"{whole['candidates']:.0f} declared"
        excluded = mine.filter(pl.col("stat_name") == "univariable_excluded").height
        flow += f", {excluded} could not take part" if excluded else ""
        flow += f", {whole['clusters']:.0f} after one of each cluster"
        flow += f" (in {whole['groups']:.0f} biomarker groups)" if "groups" in whole else ""
        flow += f", {whole['selected']:.0f} selected" if "selected" in whole else ""
        lines.append(("Flow of candidates", flow))
    if "columns" in whole:
        per = whole.get("events_per_column")
        plain = "events" if mine["method"][0] == "cox_model" else "subjects with the rarer outcome"
        kind = "effective subjects" if grades.height else plain
        shown = "" if per is None else f"; {number(per)} {kind} per column"
        lines.append(("Columns", f"{whole['columns']:.0f}{shown}"))
    if "f" in whole:
        below = whole["denominator_df"]
        told = "many" if below is None or below > _MANY else number(below)
        text = f"F {fixed(whole['f'])} on {whole['df']:.0f} and {told} df, P {p_value(whole['p'])}"
        lines.append(("Pooled Wald test of all covariates", text))
    if "chi_square" in whole:
        text = f"chi-square {fixed(whole['chi_square'])} with {whole['df']:.0f} df, P {p_value(whole['p'])}"
        lines.append(("Likelihood ratio against no covariate", text))
    if "parallel_p" in whole:
        text = f"P {p_value(whole['parallel_p'])}" if whole["parallel_p"] is not None else "not testable"
        lines.append(("The same odds ratios at every threshold (score test)", text))
    if "error_bound" in whole:
        lines.append(("Expected number of false selections", f"at most {number(whole['error_bound'])}"))
    sets = (
        "{in_resamples} data sets, inside each resample too"
        if "candidates" in whole
        else "{imputations} data sets; {in_resamples} inside each resample"
    )
    gaps = {
        "complete": "only subjects without gaps",
        "median": "filled with the median inside each resample",
        "imputed": f"imputed by chained equations, {sets}",
    }[settings["missing"]].format(**settings["imputation"])
    lines.append(("Missing covariates", gaps))
    lines.append(("Validation", _validation(validation, mine["n"][0])))
    shuffled = _stats(mine, "performance").get("", {})
    if "permutation_p" in shuffled:
        text = f"P {p_value(shuffled['permutation_p'])} ({shuffled['permutations']:.0f} permuted outcomes)"
        lines.append(("The whole procedure against chance", text))
    left = _stats(mine, "variable")
    lines += [
        (labels.get(term, term), f"left out: {reasons.get(stats['univariable_excluded'], '').lower()}")
        for term, stats in left.items()
        if "univariable_excluded" in stats
    ]
    error = mine["error"].drop_nulls()
    if not error.is_empty():
        lines.append(("No model", reasons.get(error[0], error[0])))
    codes = dict.fromkeys(mine["notices"].explode(empty_as_null=True).drop_nulls().to_list())
    lines += [("To know", notices.get(code, code)) for code in codes]
    lines.append(("Model", mine["model_id"][0]))
    if "json" in whole:
        lines.append(("Saved as", f"models/{name}.json, for correlates predict"))
    return DisplayTable(
        name=f"model_{name}",
        title=f"{_title(mine, labels)} ({name.replace('_', ' ')})",
        declared=_declared(mine),
        columns=(words("Model card", [a for a, _ in lines]), words("This model", [b for _, b in lines])),
    )


def _flow(name: str, mine: pl.DataFrame, labels: Texts, reasons: Texts) -> DisplayTable | None:
    """Candidates on their way to the model: how many are left after each step, and which went."""
    whole = _stats(mine, "model").get("", {})
    if "candidates" not in whole:
        return None
    candidates = _stats(mine, "candidate")
    gone: dict[str, list[str]] = {}
    for term, stats in candidates.items():
        if "univariable_excluded" in stats:
            gone.setdefault(stats["univariable_excluded"], []).append(_named(term, labels))
    left = int(whole["candidates"])
    steps: list[tuple[str, int, str]] = [("Declared", left, "")]
    for reason, terms in gone.items():
        left -= len(terms)
        steps.append(
            (f"Less those that could not take part: {reasons.get(reason, reason).lower()}", left, _some(terms))
        )
    stood_for = [
        f"{_named(term, labels)} (by {labels.get(leader, leader)})"
        for term, stats in candidates.items()
        if (leader := stats.get("representative")) and leader != term
    ]
    if stood_for:
        steps.append(("Less those that another of their cluster stands for", int(whole["clusters"]), _some(stood_for)))
    if "selected" in whole:
        inside = [_named(term, labels) for term, stats in candidates.items() if stats.get("in_model")]
        steps.append(("In the model", int(whole["selected"]), _some(inside)))
    return DisplayTable(
        name=f"flow_{name}",
        title=f"{_title(mine, labels)}: flow of candidates to the model",
        declared=_declared(mine),
        columns=(
            words("Step", [step for step, _, _ in steps]),
            counts("Candidates left", [count for _, count, _ in steps]),
            words("Which", [which for _, _, which in steps]),
        ),
        note="A category counts once, and is in the model when any of its classes is.",
    )


def _some(terms: list[str]) -> str:
    shown = ", ".join(terms[:_NAMED])
    return shown + (f" and {len(terms) - _NAMED} more" if len(terms) > _NAMED else "")


def _predictions(name: str, mine: pl.DataFrame, found: pl.DataFrame) -> DisplayTable | None:
    """Each subject with what the model says, and what models that did not see it said."""
    if found.is_empty():
        return None
    method = mine["method"][0]
    columns = [words("Subject", found["subject_id"])]
    if method == "ordinal_model":
        each = [json.loads(text) for text in found["class_probabilities"]]
        columns += [
            words("Observed", found["observed_class"], choose=True),
            words("Likeliest", found["likeliest_class"], choose=True),
            *(numbers(f"P of {grade}", [row[grade] for row in each], percent) for grade in each[0]),
        ]
    elif found["time"].null_count() < found.height:
        columns += [
            numbers("Time, day", found["time"]),
            words("Event", ["yes" if seen else "no" for seen in found["observed"]], choose=True),
        ]
        horizon = json.loads(mine["settings"][0])["validation"]["horizon"]
        if horizon:
            columns += [
                numbers(f"Risk by day {number(horizon)}", found["probability"], percent),
                numbers(f"Risk by day {number(horizon)}, subject left out", found["left_out_probability"], percent),
            ]
    else:
        columns += [
            words("Event", ["yes" if seen else "no" for seen in found["observed"]], choose=True),
            numbers("Probability", found["probability"], percent),
            numbers("Probability, subject left out", found["left_out_probability"], percent),
        ]
    columns += [
        numbers("Linear predictor", found["linear_predictor"], fixed),
        numbers("Linear predictor, subject left out", found["left_out_predictor"], fixed),
    ]
    return DisplayTable(
        name=f"predictions_{name}",
        title=f"Predictions ({name.replace('_', ' ')})",
        declared=_declared(mine),
        columns=tuple(columns),
        note="By the model made from all subjects, and by the models of cross-validation that did not see the subject (mean over the repeats). The "
        "first are too good by the optimism told above.",
    )


def _validation(settings: Mapping[str, Any], n: int) -> str:
    parts = []
    if settings["bootstrap"]:
        parts.append(f"bootstrap, {settings['bootstrap']} resamples")
    if settings["folds"] >= n:
        parts.append("each subject left out once, for AUC and C each of two")
    elif settings["folds"]:
        parts.append(f"{settings['repeats']} x {settings['folds']}-fold cross-validation")
    if settings["horizon"]:
        parts.append(f"risk by day {number(settings['horizon'])}")
    return "; ".join(parts) or "none"


def _terms(name: str, mine: pl.DataFrame, labels: Texts) -> DisplayTable | None:
    found = _stats(mine, "term")
    if not found:
        return None
    pooled = any("missing_information" in s for s in found.values())
    ratio = _RATIOS.get(mine["method"][0], "Odds ratio")
    whole = _stats(mine, "variable")

    def column(stat: str) -> list[float | None]:
        return [stats.get(stat) for stats in found.values()]

    ratios = [
        f"{fixed(s['ratio'])} ({interval(s.get('ratio_lower'), s.get('ratio_upper'))})" if "ratio" in s else NOTHING
        for s in found.values()
    ]
    tests = "; ".join(
        f"{labels.get(code, code)}: P {p_value(s['p'])} ({s['df']:.0f} df)"
        for code, s in whole.items()
        if s.get("df", 1) > 1
    )
    crooked = "; ".join(
        f"{labels.get(code, code)}: P {p_value(s['parallel_p'])} ({s['parallel_df']:.0f} df)"
        for code, s in whole.items()
        if s.get("parallel_p") is not None
    )
    splines = "; ".join(f"{labels.get(t, t)}: {s['knots']}" for t, s in found.items() if "knots" in s)
    return DisplayTable(
        name=f"terms_{name}",
        title=f"{_title(mine, labels)}: covariates",
        declared=_declared(mine),
        columns=(
            words("Covariate", [_named(t, labels) for t in found]),
            marked(f"{ratio} (95 % CI)", ratios, column("ratio")),
            words("Per", [s.get("per") for s in found.values()]),
            numbers("P", column("p"), p_value),
            numbers("Coefficient", column("coefficient"), fixed),
            numbers("SE", column("standard_error"), fixed),
            numbers("VIF", column("inflation"), number),
            numbers("Missing information", column("missing_information"), percent)
            if pooled
            else numbers("Largest change, SE", column("influence"), number),
        ),
        note=(
            "Limits and P pooled over the imputed data sets (Rubin's rules, Barnard and Rubin's df). VIF: variance inflation."
            if pooled
            else "Limits and P from the profile likelihood. VIF: variance inflation. Largest change: of the coefficient when one subject is "
            "left out."
        )
        + (f" Whole covariates by {'pooled Wald test' if pooled else 'likelihood ratio'}: {tests}." if tests else "")
        + (f" The same odds ratio at every threshold, score test: {crooked}." if crooked else "")
        + (f" Knots: {splines}." if splines else ""),
    )


def _added(name: str, mine: pl.DataFrame, labels: Texts) -> DisplayTable | None:
    found = _stats(mine, "added")
    if not found:
        return None

    def column(stat: str) -> list[float | None]:
        return [stats.get(stat) for stats in found.values()]

    gains = [
        f"{fixed(s['difference'])} ({interval(s.get('difference_lower'), s.get('difference_upper'))})"
        if "difference" in s
        else NOTHING
        for s in found.values()
    ]
    pooled = any("f" in s for s in found.values())
    measure = "AUC" if mine["method"][0] == "firth_model" else "C"
    return DisplayTable(
        name=f"added_{name}",
        title=f"{_title(mine, labels)}: what is added to the other covariates",
        declared=_declared(mine),
        columns=(
            words("Added", [", ".join(labels.get(c, c) for c in t.split(", ")) for t in found]),
            numbers("F", column("f"), fixed) if pooled else numbers("Chi-square", column("chi_square"), fixed),
            numbers("df", column("df"), number),
            numbers("P", column("p"), p_value),
            numbers(f"{measure} without", column("without"), fixed),
            numbers(f"{measure} with", column("with"), fixed),
            marked(f"Change in {measure} (95 % CI)", gains, column("difference")),
        ),
        note=f"{'Wald test pooled over the imputed data sets' if pooled else 'Likelihood ratio of the nested models'}; {measure} corrected for optimism with the same resamples for both.",
    )


def _performance(name: str, mine: pl.DataFrame) -> DisplayTable | None:
    found = {t: s for t, s in _stats(mine, "performance").items() if t}
    if not found:
        return None
    horizon = json.loads(mine["settings"][0])["validation"]["horizon"]

    def column(stat: str) -> list[float | None]:
        return [stats.get(stat) for stats in found.values()]

    def limited(stat: str) -> list[str]:
        """A figure with its limits, or with the spread of the repeats where it has none."""
        made = []
        for one in found.values():
            limits = one.get(f"{stat}_lower"), one.get(f"{stat}_upper")
            spread = one.get(f"{stat}_sd")
            beside = f" ({interval(*limits)})" if None not in limits else f" (SD {fixed(spread)})" if spread else ""
            made.append(NOTHING if one.get(stat) is None else fixed(one[stat]) + beside)
        return made

    crossed = any(value is not None for value in column("cross_validated"))
    return DisplayTable(
        name=f"performance_{name}",
        title=f"Apparent and corrected performance ({name.replace('_', ' ')})"
        + (f", horizon day {number(horizon)}" if horizon else ""),
        declared=_declared(mine),
        columns=(
            words("Measure", [_MEASURES.get(t, t) for t in found]),
            numbers("Apparent", column("apparent"), fixed),
            marked("Corrected: cross-validated (95 % CI)", limited("cross_validated"), column("cross_validated")),
            numbers("Optimism", column("optimism"), fixed),
            marked("Less optimism, by bootstrap (95 % CI)", limited("corrected"), column("corrected")),
            numbers(".632+", column("plus"), fixed),
        ),
        note="Selection, tuning and filling of gaps are repeated in every resample. "
        + (
            "The corrected figure is the cross-validated one: without any effect it is 1/2 on average, whatever was selected; the bootstrap and .632+ leave a part of "
            "the optimism. SD: of the repeats. "
            if crossed
            else "No cross-validation is declared: the bootstrap and .632+ leave a part of the optimism. "
        )
        + "Ideal: AUC and C 1, Brier score 0, intercept 0, slope 1, observed per predicted 1; a slope below 1 tells of predictions that are too extreme.",
    )


def _candidates(name: str, mine: pl.DataFrame, labels: Texts) -> DisplayTable | None:
    found = {t: s for t, s in _stats(mine, "candidate").items() if "in_model" in s}
    if not found:
        return None
    stands: dict[str, list[str]] = {}
    for term, stats in _stats(mine, "candidate").items():
        leader = stats.get("representative")
        if leader and leader != term:
            stands.setdefault(leader, []).append(labels.get(term, term))
    order = sorted(
        found,
        key=lambda t: (
            -found[t]["in_model"],
            -max(found[t].get(s) or 0.0 for s in ("frequency", "bootstrap_frequency", "fold_frequency")),
        ),
    )
    shown = order[:_SHOWN]

    def column(stat: str) -> list[float | None]:
        return [found[t].get(stat) for t in shown]

    def share(value: float | None) -> str:
        return NOTHING if value is None else percent(value)

    return DisplayTable(
        name=f"candidates_{name}",
        title=f"{_title(mine, labels)}: candidates",
        declared=_declared(mine),
        columns=(
            words("Candidate", [_named(t, labels) for t in shown]),
            words("In the model", ["yes" if found[t]["in_model"] else "no" for t in shown]),
            numbers("Coefficient", [v if v else None for v in column("coefficient")], fixed),
            numbers("Half-samples", column("frequency"), share),
            numbers("Bootstrap", column("bootstrap_frequency"), share),
            numbers("Cross-validation", column("fold_frequency"), share),
            *(
                (words("Group", [found[t].get("group") for t in shown]),)
                if any("group" in s for s in found.values())
                else ()
            ),
            words("Stands for", [", ".join(stands.get(t, ())) for t in shown]),
            counts("Place", range(1, len(shown) + 1)),
        ),
        note=f"The {len(shown)} of {len(found)} candidates selected most often; shares of the resamples that selected them. Coefficients of "
        "a selected model are too large and have no limits. Stands for: candidates of its cluster, which say nearly the same.",
    )
