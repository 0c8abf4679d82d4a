"""What an analysis declares beside its methods: how P values are adjusted, when the clock starts, what values beyond limits become.

Each is a record, so that the methods text of a report and the reference pages say the same of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from correlates.stats.multiplicity import Adjust


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """A convention: ``code`` is its word in a plan, ``name`` what tables call it."""

    code: str
    name: str
    label: str
    formula: str
    citation: str
    docs: str


def _adjustment(adjust: Adjust, name: str, formula: str, citation: str) -> Convention:
    return Convention(
        code=adjust.value,
        name=name,
        label=f"P values adjusted by {name}",
        formula=formula,
        citation=citation,
        docs="methods/multiplicity.md",
    )


_WESTFALL_YOUNG = "Westfall and Young, Resampling-Based Multiple Testing, 1993; Ge, Dudoit and Speed, Test 2003;12:1-77"
MULTIPLICITY = (
    _adjustment(
        Adjust.BONFERRONI,
        "Bonferroni",
        "k p of k tests of a family: family-wise error, under any dependence",
        "Dunn, JASA 1961;56:52-64",
    ),
    _adjustment(
        Adjust.HOLM,
        "Holm",
        "max over j <= i of (k - j + 1) p(j) of the ordered P values of a family: family-wise error, under any dependence",
        "Holm, Scand J Statist 1979;6:65-70",
    ),
    _adjustment(
        Adjust.HOCHBERG,
        "Hochberg",
        "min over j >= i of (k - j + 1) p(j) of the ordered P values of a family: family-wise error, under independence or positive dependence",
        "Hochberg, Biometrika 1988;75:800-802",
    ),
    _adjustment(
        Adjust.BH,
        "Benjamini-Hochberg",
        "min over j >= i of k p(j) / j of the ordered P values of a family: false discovery rate, under independence or positive dependence",
        "Benjamini and Hochberg, JRSS B 1995;57:289-300",
    ),
    _adjustment(
        Adjust.BY,
        "Benjamini-Yekutieli",
        "min over j >= i of k p(j) / j times 1 + 1/2 + ... + 1/k: false discovery rate, under any dependence",
        "Benjamini and Yekutieli, Ann Statist 2001;29:1165-1188",
    ),
    _adjustment(
        Adjust.STOREY,
        "Storey q",
        "Benjamini and Hochberg's value times the estimated share of true null hypotheses (bootstrap rule; 1 in families below 50 tests): false discovery rate, in large families",
        "Storey, Taylor and Siegmund, JRSS B 2004;66:187-205",
    ),
    _adjustment(
        Adjust.MAX_T,
        "Westfall-Young maxT",
        "share of permutations of the outcome in which the largest statistic of the test and of all less extreme ones reaches its own (step-down): family-wise error, by the dependence of the tests",
        _WESTFALL_YOUNG,
    ),
    _adjustment(
        Adjust.MIN_P,
        "Westfall-Young minP",
        "share of permutations of the outcome in which the smallest permutation P of the test and of all less extreme ones reaches its own (step-down): family-wise error, by the dependence of the tests",
        _WESTFALL_YOUNG,
    ),
)
"""Adjustments for multiplicity, but for none."""

_NAIVE = "Suissa, Am J Epidemiol 2008;167:492-499"
CLOCKS = (
    Convention(
        code="landmark",
        name="landmark",
        label="Landmark analysis",
        formula="of the subjects whose outcome is still open after the landmark, by what was known on it; times count from it",
        citation="Anderson, Cain and Gelber, J Clin Oncol 1983;1:710-719",
        docs="methods/landmark.md",
    ),
    Convention(
        code="naive",
        name="naive",
        label="Naive analysis, asked for by name",
        formula="times count from the infusion although the biomarker became known later: biased by immortal time, and labelled so",
        citation=_NAIVE,
        docs="methods/landmark.md",
    ),
)
"""When the clock of an analysis starts, where not at the infusion or against the rule."""

_MAY = "May, Ibrahim and Chu, Stat Med 2011;30:2551-2561"
_HELSEL = "Helsel, Statistics for Censored Environmental Data, 2nd ed. 2012"
LIMITS = (
    Convention(
        code="likelihood",
        name="by likelihood",
        label="Covariates beyond a limit of quantification, by likelihood",
        formula="the likelihood of the outcome averaged over the normal distribution of the biomarker (on its scale) beyond the limit; where a method has no such likelihood these subjects are left out",
        citation=_MAY,
        docs="methods/censored_values.md",
    ),
    Convention(
        code="exclude",
        name="left out",
        label="Covariates beyond a limit of quantification, left out",
        formula="subjects whose value lies beyond a limit take no part in a regression on it",
        citation=_HELSEL,
        docs="methods/censored_values.md",
    ),
    Convention(
        code="substitute",
        name="substituted",
        label="Covariates beyond a limit of quantification, substituted as declared",
        formula="the limit times the declared factor takes the place of the value in a regression on it",
        citation=_HELSEL,
        docs="methods/censored_values.md",
    ),
)
"""What a regression does with a covariate beyond a limit of quantification."""

CONVENTIONS = (*MULTIPLICITY, *CLOCKS, *LIMITS)


def convention(code: str) -> Convention:
    """The convention of that code. Raises KeyError where there is none."""
    for record in CONVENTIONS:
        if record.code == code:
            return record
    raise KeyError(code)
