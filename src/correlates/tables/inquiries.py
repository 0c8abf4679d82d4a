"""Results of the analyses with a question of their own as tables: efficacy against toxicity, ratios, subgroups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import polars as pl

from correlates.rounding import NOTHING, fixed, interval, number, p_value, percent, ratio, unit_text
from correlates.tables.record import DisplayTable, counts, marked, numbers, words

Texts = Mapping[str, str]
Declared = Literal["prespecified", "exploratory"]

APART = ("efficacy_against_toxicity", "ratio", "subgroups", "local_effect")
"""Methods whose results have tables of their own."""
_ABOVE = "confounded-by-indication"
"""The notice that the text above these tables says once for all of them."""
_CLASSES = {
    "efficacy_only": "efficacy only",
    "toxicity_only": "toxicity only",
    "trade_off": "trade-off",
    "concordant": "concordant",
    "neither": "neither",
}
_MODELS = {
    "both": "numerator and denominator",
    "ratio": "ratio",
    "numerator": "numerator alone",
    "denominator": "denominator alone",
    "none": "neither",
}


class _One:
    """The statistics of one result by level."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self.first = rows.row(0, named=True)
        self.said: dict[str, dict[str, dict[str, Any]]] = {}
        for row in rows.iter_rows(named=True):
            self.said.setdefault(row["level"], {})[row["stat_name"]] = row

    def value(self, name: str, level: str = "") -> float | None:
        found = self.said.get(level, {}).get(name, {}).get("value")
        return None if found is None else float(found)

    def text(self, name: str, level: str = "") -> str | None:
        found = self.said.get(level, {}).get(name, {}).get("text")
        return None if found is None else str(found)

    def whole(self, name: str, level: str = "") -> int | None:
        found = self.value(name, level)
        return None if found is None else round(found)

    def with_interval(self, name: str, level: str = "") -> str:
        value = self.value(name, level)
        if value is None:
            return NOTHING
        low, high = self.value(f"{name}_lower", level), self.value(f"{name}_upper", level)
        return f"{ratio(value)} ({interval(low, high, 2)})"

    def remarks(self, reasons: Texts, notices: Texts) -> str:
        error = self.first["error"]
        parts = [f"Not computed: {reasons.get(error, error).lower()}"] if error else []
        codes = self.said.get("", {}).get("p", self.first)["notices"] or ()
        return "; ".join(parts + [notices.get(code, code) for code in codes if code != _ABOVE])


def _count(n: int | None) -> str:
    return NOTHING if n is None else f"{n:,}"


def _ones(results: pl.DataFrame, method: str) -> list[_One]:
    mine = results.filter(pl.col("method") == method)
    return [_One(rows) for _, rows in mine.group_by("result_id", maintain_order=True)]


def _sides(label: str) -> tuple[str, str]:
    first, _, second = label.partition(" | ")
    return first, second


def balance(
    results: pl.DataFrame, labels: Texts, reasons: Texts, notices: Texts, declared: Declared
) -> DisplayTable | None:
    """Efficacy against toxicity of the biomarkers that were (or were not) prespecified; None where there is none."""
    ones = [
        one
        for one in _ones(results, "efficacy_against_toxicity")
        if one.first["prespecified"] == (declared == "prespecified")
    ]
    if not ones:
        return None
    pairs = [_sides(labels.get(one.first["endpoint"], one.first["endpoint"])) for one in ones]
    chances = [
        sorted(((one.value("class_probability", c) or 0.0, name) for c, name in _CLASSES.items()), reverse=True)
        for one in ones
    ]
    certain = [None if one.first["error"] else chance[0][0] for one, chance in zip(ones, chances, strict=True)]
    second = [
        NOTHING if one.first["error"] else f"{chance[1][1]} ({percent(chance[1][0])})"
        for one, chance in zip(ones, chances, strict=True)
    ]
    several = len({one.first["population"] for one in ones}) > 1
    return DisplayTable(
        name=f"balance_{declared}",
        title=f"{declared.capitalize()} biomarkers: efficacy against toxicity",
        declared=declared,
        columns=(
            words("Biomarker", [labels.get(one.first["biomarker"], one.first["biomarker"]) for one in ones]),
            words("Efficacy", [p[0] for p in pairs], choose=True),
            words("Toxicity", [p[1] for p in pairs], choose=True),
            *(
                [
                    words(
                        "Population", [labels.get(p, p) for p in (one.first["population"] for one in ones)], choose=True
                    )
                ]
                if several
                else []
            ),
            marked(
                "Ratio efficacy (95 % CI)",
                [one.with_interval("odds_ratio", "efficacy") for one in ones],
                [one.value("odds_ratio", "efficacy") for one in ones],
            ),
            marked(
                "Ratio toxicity (95 % CI)",
                [one.with_interval("odds_ratio", "toxicity") for one in ones],
                [one.value("odds_ratio", "toxicity") for one in ones],
            ),
            numbers("P equal", [one.value("p") for one in ones], p_value),
            numbers("P equal, adjusted", [one.value("p_adjusted") for one in ones], p_value),
            words("Likeliest class", [_CLASSES.get(one.text("class") or "", "") for one in ones], choose=True),
            numbers("Probability", certain, percent),
            words("Next", second),
            numbers("P efficacy, not toxicity", [one.value("p_efficacy_not_toxicity") for one in ones], p_value),
            numbers("P toxicity, not efficacy", [one.value("p_toxicity_not_efficacy") for one in ones], p_value),
            counts("n", [one.first["n"] for one in ones]),
            counts("Efficacy events", [one.whole("n_events", "efficacy") for one in ones]),
            counts("Toxicity events", [one.whole("n_events", "toxicity") for one in ones]),
            counts("Toxicity decided first", [one.whole("n_decided_before", "toxicity") for one in ones]),
            words("Group", [(one.first["biomarker_group"] or "").replace("_", " ") for one in ones], choose=True),
            words("Code", [one.first["biomarker"] for one in ones]),
            words("Remarks", [one.remarks(reasons, notices) for one in ones]),
            words("Result", [one.first["result_id"] for one in ones]),
        ),
        note="Ratio: odds ratio per standard deviation (of log2 for concentrations, counts and their ratios), profile interval; of a time to an event the hazard ratio, "
        "of efficacy 1 / hazard ratio. P equal: the two effects are the same. P "
        "efficacy, not toxicity: there is an effect on efficacy and the one on toxicity lies within the declared margin; a large value is no sign of the contrary. "
        "Probability and next: of the likeliest class and the one after it. Trade-off: both effects, of one sign; concordant: both, of opposite sign, so that one direction "
        "is better for both. Toxicity decided first: subjects whose toxicity was known before the biomarker was.",
    )


def windows(results: pl.DataFrame, labels: Texts) -> DisplayTable | None:
    """The windows between efficacy and toxicity, with the bootstrap check."""
    ones = [one for one in _ones(results, "efficacy_against_toxicity") if "observed_lower" in one.said.get("", {})]
    if not ones:
        return None
    pairs = [_sides(labels.get(one.first["endpoint"], one.first["endpoint"])) for one in ones]

    def unit(one: _One) -> str:
        return unit_text(one.said[""]["observed_lower"]["unit"])

    return DisplayTable(
        name="exposure_windows",
        title="Windows of exposure, and the bootstrap check of the joint model",
        columns=(
            words("Biomarker", [labels.get(one.first["biomarker"], one.first["biomarker"]) for one in ones]),
            words("Efficacy", [p[0] for p in pairs]),
            words("Toxicity", [p[1] for p in pairs]),
            marked(
                "Window",
                [
                    "none observed"
                    if one.value("window_lower") is None
                    else f"{number(one.value('window_lower'))} to {number(one.value('window_upper'))}"
                    for one in ones
                ],
                [one.value("window_lower") for one in ones],
            ),
            words("Unit", [unit(one) for one in ones]),
            numbers("Samples with a window", [one.value("window_share") for one in ones], percent),
            numbers("Likeliest exposure", [one.value("best_exposure") for one in ones]),
            numbers("Both hold there", [one.value("best_probability") for one in ones], percent),
            numbers("SE of the difference", [one.value("difference_error") for one in ones], fixed),
            numbers("By bootstrap", [one.value("bootstrap_error") for one in ones], fixed),
            words(
                "Classes by bootstrap",
                [
                    "; ".join(
                        f"{name} {percent(v)}"
                        for c, name in _CLASSES.items()
                        if (v := one.value("class_share", c)) is not None and v >= 0.005
                    )
                    for one in ones
                ],
            ),
            words("Result", [one.first["result_id"] for one in ones]),
        ),
        note="Window: exposures observed at which efficacy is at least, and toxicity at most, as likely as declared, by the fitted curves. Samples with a window: share of the "
        "bootstrap samples that have one. Both hold there: probability, given how well the curves are known, that both conditions hold at the likeliest exposure.",
    )


def ratios(results: pl.DataFrame, labels: Texts, reasons: Texts, notices: Texts) -> tuple[DisplayTable, ...]:
    """The tests of ratios: the claim, and the models and areas compared."""
    ones = _ones(results, "ratio")
    if not ones:
        return ()

    def label(one: _One, what: str) -> str:
        return labels.get(one.first[what], one.first[what])

    def exponent(one: _One) -> str:
        value = one.value("exponent")
        if value is None:
            return NOTHING
        low, high, shape = one.value("exponent_lower"), one.value("exponent_upper"), one.text("exponent_set")
        if shape == "everything":
            return f"{fixed(value)} (no limit)"
        if low is None or high is None:
            return f"{fixed(value)} (no single set)"
        if shape == "beyond":
            return f"{fixed(value)} (up to {fixed(low)} or from {fixed(high)})"
        return f"{fixed(value)} ({interval(low, high)})"

    claim = DisplayTable(
        name="ratio_claims",
        title="Is the ratio right? Coefficients of numerator and denominator",
        columns=(
            words("Ratio", [label(one, "biomarker") for one in ones]),
            words("Endpoint", [label(one, "endpoint") for one in ones]),
            marked(
                "Events / n",
                [f"{_count(one.whole('n_events'))} / {_count(one.first['n'])}" for one in ones],
                [one.whole("n_events") for one in ones],
            ),
            marked(
                "OR numerator",
                [one.with_interval("odds_ratio", "numerator") for one in ones],
                [one.value("odds_ratio", "numerator") for one in ones],
            ),
            marked(
                "OR denominator",
                [one.with_interval("odds_ratio", "denominator") for one in ones],
                [one.value("odds_ratio", "denominator") for one in ones],
            ),
            numbers("P of the claim", [one.value("p") for one in ones], p_value),
            numbers("P adjusted", [one.value("p_adjusted") for one in ones], p_value),
            marked("Exponent (95 % set)", [exponent(one) for one in ones], [one.value("exponent") for one in ones]),
            numbers("P neither matters", [one.value("p_overall") for one in ones], p_value),
            counts("Decided first", [one.whole("n_decided_before") for one in ones]),
            words("Remarks", [one.remarks(reasons, notices) for one in ones]),
            words("Result", [one.first["result_id"] for one in ones]),
        ),
        note="OR: odds ratio per doubling with its 95 % interval, the other part held. P of the claim that the two coefficients are equal and opposite: small says that the endpoint does not follow the ratio; large says only that these data "
        "do not refute it, and with P neither matters large as well there is nothing to refute. Exponent k: the endpoint follows numerator / denominator^k; 1 is the ratio, 0 "
        "the numerator alone. Its set holds every k that the data do not refute; it may reach through infinity (the denominator alone) or have no limit at all.",
    )
    rows = [(one, model) for one in ones if not one.first["error"] for model in _MODELS]
    if not rows:
        return (claim,)
    compared = DisplayTable(
        name="ratio_models",
        title="Is the ratio right? Models and areas compared",
        columns=(
            words("Ratio", [label(one, "biomarker") for one, _ in rows]),
            words("Endpoint", [label(one, "endpoint") for one, _ in rows], choose=True),
            words("Model", [_MODELS[model] for _, model in rows]),
            numbers("Log-likelihood", [one.value("log_likelihood", model) for one, model in rows], fixed),
            numbers("AIC", [one.value("aic", model) for one, model in rows], fixed),
            numbers("P against both", [one.value("p_against_both", model) for one, model in rows], p_value),
            marked(
                "AUC (95 % CI)",
                [one.with_interval("auc", model) for one, model in rows],
                [one.value("auc", model) for one, model in rows],
            ),
            numbers("P, AUC of the ratio", [one.value("p_auc", f"ratio vs {model}") for one, model in rows], p_value),
        ),
        note="Maximum likelihood. P against both: likelihood ratio against the model with numerator and denominator. AUC: each marker in the direction that the ratio claims "
        "(the denominator turned round), DeLong interval; P: paired DeLong test of the ratio's area against it. A smaller AIC is better; differences below 2 say little.",
    )
    return claim, compared


def subgroups(results: pl.DataFrame, labels: Texts, reasons: Texts, notices: Texts) -> DisplayTable | None:
    """The tests of interaction and of local effects, one a row."""
    ones = [*_ones(results, "subgroups"), *_ones(results, "local_effect")]
    if not ones:
        return None
    by = [one.text("subgroup") or one.text("modifier") or _by(one) for one in ones]

    def effects(one: _One) -> str:
        levels = [lv for lv in one.said if lv and lv != "all" and "ratio" in one.said[lv]]
        return "; ".join(f"{lv} {one.with_interval('ratio', lv)}" for lv in levels if not lv.startswith("window ")) or (
            f"{len(levels)} windows" if levels else ""
        )

    return DisplayTable(
        name="subgroups",
        title="Effects in declared subgroups: tests of interaction",
        columns=(
            words("Biomarker", [labels.get(one.first["biomarker"], one.first["biomarker"]) for one in ones]),
            words("Endpoint", [labels.get(one.first["endpoint"], one.first["endpoint"]) for one in ones], choose=True),
            words("By", [labels.get(b, b) for b in by], choose=True),
            words("How", [labels.get(one.first["method"], one.first["method"]) for one in ones]),
            numbers("P interaction", [one.value("p") for one in ones], p_value),
            numbers("P adjusted", [one.value("p_adjusted") for one in ones], p_value),
            words("Effects", [effects(one) for one in ones]),
            words("Per", [one.text("per") or "" for one in ones]),
            counts("n", [one.first["n"] for one in ones]),
            words("Remarks", [one.remarks(reasons, notices) for one in ones]),
            words("Result", [one.first["result_id"] for one in ones]),
        ),
        note="Subgroups are those that the plan declares, and all of them are here. P interaction: the effect is the same in all subgroups (likelihood ratio), or along the "
        "modifier (permutation).",
    )


def _by(one: _One) -> str:
    import json

    return str(json.loads(one.first["settings"]).get("by", ""))
