"""The causal graph as tables: nodes, edges, constants. The numbers of the simulated trial stand here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A variable of the graph.

    ``typical`` is the median, ``spread`` the standard deviation of ``transform`` of it, ``low`` and ``high`` the bounds
    it is truncated to. ``exact`` nodes are sums of logarithms of their causes, without residual. Nodes that nobody can
    measure are not ``measured``.
    """

    name: str
    label: str
    unit: str = "score"
    typical: float = 0.0
    spread: float = 1.0
    transform: Literal["log", "linear"] = "linear"
    low: float | None = None
    high: float | None = None
    exact: bool = False
    measured: bool = True
    source: str = "assumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """An effect of one variable on another.

    ``scale`` says what the coefficient is: ``path`` standard deviations of the effect per standard deviation of the
    cause; ``log`` the power of the cause in a product or quotient; ``logit`` log odds per standard deviation;
    ``threshold`` the class is cut from the score of the cause; ``log time`` natural logarithm of a time per standard
    deviation.
    """

    cause: str
    effect: str
    coefficient: float
    scale: Literal["path", "log", "logit", "threshold", "log time"]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """A number that is not an effect: a share, a median time, a spread."""

    name: str
    value: float
    unit: str
    source: str


def _log(
    name: str,
    label: str,
    unit: str,
    typical: float,
    spread: float,
    source: str = "assumed",
    *,
    low: float | None = None,
    high: float | None = None,
) -> Node:
    return Node(
        name=name,
        label=label,
        unit=unit,
        typical=typical,
        spread=spread,
        transform="log",
        low=low,
        high=high,
        source=source,
    )


_STEIN = "Stein 2019, CPT-PSP 8:285, Table 1"
_LOCKE = "Locke 2020, Blood Adv 4:4898"
_NEJM = "Neelapu 2017, NEJM 377:2531"

NODES: tuple[Node, ...] = (
    # before treatment
    _log(
        "burden",
        "Tumour burden (SPD)",
        "mm2",
        3720.0,
        0.95,
        f"{_LOCKE} (median about 3720, range about 170-23300; recalled)",
        low=170.0,
        high=23300.0,
    ),
    Node(name="inflammation", label="Systemic inflammation", measured=False, source=_LOCKE),
    _log("weight", "Body weight", "kg", 82.0, 0.18, low=45.0, high=150.0),
    _log("ldh", "LDH, baseline", "U/L", 290.0, 0.55, low=110.0),
    _log("crp", "CRP, baseline", "mg/L", 28.0, 1.15, low=0.3, high=350.0),
    _log("ferritin", "Ferritin, baseline", "ng/mL", 520.0, 1.0, low=15.0),
    _log("il6", "IL-6, baseline", "pg/mL", 4.5, 1.0),
    Node(name="albumin", label="Albumin, baseline", unit="g/L", typical=37.0, spread=4.5, low=20.0, high=52.0),
    Node(name="haemoglobin", label="Haemoglobin, baseline", unit="g/dL", typical=10.6, spread=1.5, low=7.0, high=16.5),
    _log("platelets", "Platelets, baseline", "1e9/L", 165.0, 0.45, low=25.0),
    _log("alc", "Lymphocytes, baseline", "1e9/L", 0.72, 0.55, low=0.1),
    # product
    Node(name="fitness", label="T-cell fitness", measured=False, source=f"{_LOCKE}: product fitness drives expansion"),
    _log(
        "doubling_time",
        "Doubling time in manufacturing",
        "day",
        1.6,
        0.22,
        f"{_LOCKE} (median about 1.6; recalled)",
        low=0.9,
        high=4.5,
    ),
    _log("naive_percent", "CCR7+CD45RA+ in the product", "%", 16.0, 0.75, low=0.5, high=75.0),
    _log("cd8_percent", "CD8+ in the product", "%", 47.0, 0.34, low=8.0, high=92.0),
    _log("transduction", "Transduction", "%", 52.0, 0.24, low=15.0, high=90.0),
    _log("vcn", "Vector copies per transduced cell", "copies/cell", 2.0, 0.35, low=0.5, high=8.0),
    Node(name="viability", label="Viability of the product", unit="%", typical=92.0, spread=3.5, low=72.0, high=99.5),
    _log("ifng_coculture", "IFN-gamma in co-culture", "pg/mL", 5200.0, 0.65),
    Node(name="naive_number", label="CCR7+CD45RA+ cells infused", unit="1e6 cells", exact=True, source=_LOCKE),
    Node(name="cd8_number", label="CD8+ cells infused", unit="1e6 cells", exact=True, source=_LOCKE),
    # day 0
    Node(name="conditioning", label="Depth of lymphodepletion", measured=False),
    _log("il15_day0", "IL-15, day 0", "pg/mL", 28.0, 0.55),
    # kinetics
    _log(
        "cmax",
        "Peak of CAR T cells",
        "cells/uL",
        45.0,
        1.48,
        "scaled to the ZUMA-1 medians; spread from three orders of magnitude (Kirouac 2023)",
    ),
    _log(
        "tmax",
        "Time of the peak",
        "day",
        9.3,
        0.22,
        f"{_STEIN}; spread below the 0.38 there: the peak is between day 7 and 14 (US label 12.3)",
        low=5.0,
        high=20.0,
    ),
    _log("foldx", "Fold expansion", "ratio", 3900.0, 1.55, f"{_STEIN}; 2.4 read as a variance", low=50.0),
    _log(
        "alpha",
        "Contraction rate",
        "1/day",
        0.11,
        0.45,
        "below the 0.16 of Stein 2019, towards the AUC0-28 to peak ratio of the US label (12.3)",
        low=0.03,
        high=1.5,
    ),
    _log("fb", "Share that persists", "ratio", 0.0079, 0.80, _STEIN, low=1e-4, high=0.5),
    _log("beta", "Loss rate of persisting cells", "1/day", 0.0032, 0.86, _STEIN, high=0.03),
    Node(name="peak_per_burden", label="Peak divided by burden", unit="(cells/uL)/mm2", exact=True, source=_LOCKE),
    # outcomes as scores
    Node(name="efficacy", label="Tumour control", measured=False, source=_LOCKE),
    Node(name="crs", label="CRS severity", measured=False, source=_LOCKE),
    Node(name="neurotoxicity", label="Neurologic severity", measured=False, source=_LOCKE),
)

_JULIET = "Awasthi 2020, Blood Adv 4:560 (burden goes with CRS)"
_KOCHENDERFER = "Kochenderfer 2017, JCO (IL-15 goes with the peak, P = .001)"


def _path(cause: str, effect: str, coefficient: float, source: str = "assumed") -> Edge:
    return Edge(cause=cause, effect=effect, coefficient=coefficient, scale="path", source=source)


def _power(cause: str, effect: str, coefficient: float) -> Edge:
    return Edge(cause=cause, effect=effect, coefficient=coefficient, scale="log", source="definition")


EDGES: tuple[Edge, ...] = (
    _path("burden", "inflammation", 0.35, f"{_LOCKE}; Locke 2024, Nat Med: burden and LDH both adverse"),
    _path("burden", "ldh", 0.40),
    _path("inflammation", "ldh", 0.45),
    _path("inflammation", "crp", 0.75),
    _path("inflammation", "ferritin", 0.65),
    _path("inflammation", "il6", 0.65),
    _path("inflammation", "albumin", -0.60),
    _path("inflammation", "haemoglobin", -0.45),
    _path("inflammation", "platelets", -0.20),
    _path("inflammation", "alc", -0.20),
    _path("inflammation", "fitness", -0.25, "inflammation before apheresis impairs the cells (assumed)"),
    _path("fitness", "doubling_time", -0.70, f"{_LOCKE}: shorter doubling time, fitter product"),
    _path("fitness", "naive_percent", 0.55, f"{_LOCKE}: differentiated product, longer doubling time"),
    _path("fitness", "viability", 0.30),
    _path("naive_percent", "cd8_percent", 0.15),
    _path("transduction", "vcn", 0.50),
    _path("naive_percent", "ifng_coculture", -0.40, "effector-like cells release more"),
    _power("naive_percent", "naive_number", 1.0),
    _power("weight", "naive_number", 1.0),
    _power("cd8_percent", "cd8_number", 1.0),
    _power("weight", "cd8_number", 1.0),
    _path("conditioning", "il15_day0", 0.55, "IL-15 rises as lymphocytes fall"),
    _path("inflammation", "il15_day0", 0.15),
    _path("burden", "cmax", 0.20, f"{_LOCKE}: expansion commensurate with burden"),
    _path("doubling_time", "cmax", -0.25, f"{_LOCKE}: doubling time goes with expansion"),
    _path("naive_number", "cmax", 0.15, _LOCKE),
    _path("il15_day0", "cmax", 0.30, _KOCHENDERFER),
    _path("inflammation", "cmax", -0.25, _LOCKE),
    _path("naive_percent", "fb", 0.20, "memory cells persist (assumed)"),
    _power("cmax", "peak_per_burden", 1.0),
    _power("burden", "peak_per_burden", -1.0),
    _path("peak_per_burden", "efficacy", 0.47, f"{_LOCKE}, Figure 1E"),
    _path("naive_number", "efficacy", 0.22, _LOCKE),
    _path("cd8_number", "efficacy", 0.20, _LOCKE),
    _path("inflammation", "efficacy", -0.20, _LOCKE),
    _path("cmax", "crs", 0.35, "Awasthi 2020, Blood Adv 4:560 (peak goes with CRS)"),
    _path("burden", "crs", 0.30, _JULIET),
    _path("inflammation", "crs", 0.35, _LOCKE),
    _path("cmax", "neurotoxicity", 0.35, f"{_NEJM}: expansion goes with neurologic events"),
    _path("ifng_coculture", "neurotoxicity", 0.30, _LOCKE),
    _path("il15_day0", "neurotoxicity", 0.25, _LOCKE),
    Edge(
        cause="efficacy",
        effect="best_response",
        coefficient=1.0,
        scale="threshold",
        source="classes are cut from the score at published rates",
    ),
    Edge(
        cause="efficacy",
        effect="lasting_response",
        coefficient=1.9,
        scale="logit",
        source="calibrated to the peaks of ongoing and relapsed",
    ),
    Edge(cause="efficacy", effect="time_to_relapse", coefficient=0.15, scale="log time", source="assumed"),
    Edge(cause="crs", effect="crs_grade", coefficient=1.0, scale="threshold", source="cut at published rates"),
    Edge(cause="neurotoxicity", effect="ne_grade", coefficient=1.0, scale="threshold", source="cut at published rates"),
    Edge(
        cause="crs",
        effect="tocilizumab",
        coefficient=2.0,
        scale="logit",
        source="given for CRS: confounding by indication",
    ),
    Edge(
        cause="neurotoxicity",
        effect="tocilizumab",
        coefficient=0.8,
        scale="logit",
        source="given for neurologic events with CRS",
    ),
    Edge(
        cause="neurotoxicity", effect="steroids", coefficient=1.3, scale="logit", source="given for neurologic events"
    ),
    Edge(
        cause="crs",
        effect="steroids",
        coefficient=0.7,
        scale="logit",
        source="given for CRS that tocilizumab does not settle",
    ),
)


def _number(name: str, value: float, unit: str, source: str = "assumed") -> Constant:
    return Constant(name=name, value=value, unit=unit, source=source)


_FIVE = "Neelapu 2023, Blood 141:2307"

CONSTANTS: tuple[Constant, ...] = (
    # response
    _number("share_nonresponse", 0.165, "share of those assessed", f"ORR 83 % ({_FIVE})"),
    _number("share_pd_best", 0.07, "share of those assessed"),
    _number("share_not_cr", 0.437, "share of those assessed", f"CR 54-58 % ({_NEJM}; {_FIVE})"),
    _number(
        "cr_after_pr",
        0.28,
        "share of complete responses",
        f"partial responses deepen after month 1 ({_NEJM}, recalled)",
    ),
    _number("cr_after_sd", 0.04, "share of complete responses"),
    _number("pr_after_sd", 0.08, "share of partial responses"),
    _number("lasting_logit", -1.02, "log odds", "calibrated: 31 % ongoing at 60 months"),
    _number("relapse_median", 140.0, "day", "calibrated: 40 % ongoing at one year"),
    _number("relapse_spread", 1.0, "SD of log time"),
    # survival
    _number("death_in_response_per_year", 0.012, "1/year", "calibrated"),
    _number("salvaged", 0.155, "share of those who progressed", f"OS 42.6 % at 5 years ({_FIVE})"),
    _number("survival_after_progression", 142.0, "day, median", f"median OS 25.8 months ({_FIVE})"),
    _number("survival_shape", 0.85, "Weibull shape"),
    _number("death_rescued_per_year", 0.12, "1/year, from three years after progression"),
    _number("early_death", 0.006, "share"),
    # toxicity: upper shares of the score
    _number("crs_any", 0.93, "share", f"{_NEJM} (recalled)"),
    _number("crs_2", 0.56, "share", f"{_NEJM} (recalled)"),
    _number("crs_3", 0.13, "share", _NEJM),
    _number("crs_4", 0.04, "share", f"{_NEJM} (recalled)"),
    _number("crs_5", 0.01, "share", f"{_NEJM} (recalled)"),
    _number("ne_any", 0.64, "share", f"{_NEJM} (recalled)"),
    _number("ne_2", 0.43, "share", f"{_NEJM} (recalled)"),
    _number("ne_3", 0.28, "share", _NEJM),
    _number("ne_4", 0.05, "share", f"{_NEJM} (recalled)"),
    _number("tocilizumab_logit", -0.5, "log odds", f"43 % ({_NEJM}, recalled)"),
    _number("steroids_logit", -1.35, "log odds", f"27 % ({_NEJM}, recalled)"),
    # conduct
    _number("transplant_in_response", 0.02, "share of responders"),
    _number("new_therapy_in_response", 0.015, "share of responders"),
    _number("new_therapy_in_stable", 0.15, "share of stable disease"),
    _number("new_therapy_after_progression", 0.60, "share"),
    _number("transplant_after_new_therapy", 0.12, "share"),
    _number("lost", 0.025, "share"),
    _number("missed_visit", 0.04, "share of visits"),
    _number("accrual", 540.0, "day"),
    _number("follow_up_least", 330.0, "day", "so that a few are in response with less than a year of follow-up"),
    _number("dose_per_kg", 2.0, "1e6 cells/kg", f"{_NEJM} (recalled)"),
    _number("dose_cap", 200.0, "1e6 cells", f"{_NEJM} (recalled)"),
)
