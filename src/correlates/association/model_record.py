"""What a kind of multivariable model is: one frozen record each; and how its findings become rows of the table ``models``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from correlates.association.notices import Notice
from correlates.provenance import short_id
from correlates.schema.models import MODELS
from correlates.terms import Reason

STATISTICS: Mapping[str, str] = {
    # model
    "n_events": "Subjects with the event",
    "n_missing": "Subjects of the population without outcome, or with a gap where only the complete take part",
    "columns": "Columns",
    "events_per_column": "Subjects with the rarer outcome (of grades: effective number of subjects) per column",
    "log_likelihood": "Log-likelihood",
    "chi_square": "Likelihood-ratio chi-square",
    "df": "Degrees of freedom",
    "f": "F of the pooled Wald test",
    "denominator_df": "Denominator degrees of freedom",
    "imputations": "Imputed data sets",
    "missing_information": "Fraction of missing information",
    "p": "P value",
    "separation": "Separation",
    "json": "The model",
    "intercept": "Intercept",
    "permutation_p": "P value of the procedure against permuted outcomes",
    "permutations": "Permuted outcomes",
    "error_bound": "Bound on the expected number of false selections",
    "candidates": "Candidates",
    "clusters": "Candidates after one of each cluster",
    "selected": "Candidates in the model",
    # terms and variables
    "coefficient": "Coefficient",
    "standard_error": "Standard error",
    "ratio": "Odds ratio or hazard ratio",
    "ratio_lower": "Ratio, lower limit",
    "ratio_upper": "Ratio, upper limit",
    "per": "What the ratio is per",
    "inflation": "Variance inflation",
    "influence": "Largest change when one subject is left out, in standard errors",
    "influential": "Subjects that change it by more than 2/sqrt(n) standard errors",
    "knots": "Knots",
    "parallel_chi_square": "Chi-square of proportional odds (score test)",
    "parallel_df": "Degrees of freedom of proportional odds",
    "parallel_p": "P value of proportional odds (score test)",
    # performance
    "apparent": "On the data it was made from",
    "optimism": "Optimism",
    "optimism_error": "Monte Carlo standard error of the optimism",
    "corrected": "Corrected for optimism",
    "corrected_lower": "Corrected, lower limit",
    "corrected_upper": "Corrected, upper limit",
    "plus": ".632+ estimate",
    "cross_validated": "Cross-validated",
    "cross_validated_sd": "Standard deviation over the repeats",
    "cross_validated_lower": "Cross-validated, lower limit",
    "cross_validated_upper": "Cross-validated, upper limit",
    "learning_mean": "Discrimination in the subjects left out, mean over the draws",
    "learning_sd": "The same, standard deviation over the draws",
    "resamples": "Resamples with a model",
    "without": "Without the added covariates",
    "with": "With the added covariates",
    "difference": "Difference, corrected for optimism",
    "difference_lower": "Difference, lower limit",
    "difference_upper": "Difference, upper limit",
    # curves
    "predicted": "Mean predicted probability",
    "observed": "Observed share",
    "observed_lower": "Observed share, lower limit",
    "observed_upper": "Observed share, upper limit",
    "subjects": "Subjects",
    "model_benefit": "Net benefit of the model",
    "everybody_benefit": "Net benefit of treating everybody",
    # candidates
    "cluster": "Cluster",
    "group": "Biomarker group",
    "groups": "Biomarker groups of the candidates that take part",
    "representative": "Candidate that stands for it",
    "rho": "Spearman's rho",
    "present": "Subjects with a value",
    "frequency": "Share of the half-samples that let it in",
    "bootstrap_frequency": "Share of the bootstrap resamples that selected it",
    "fold_frequency": "Share of the cross-validation models that selected it",
    "in_model": "Whether it is in the model",
    "univariable_excluded": "Why it did not take part",
}
"""Label of every statistic of the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMethod:
    """The record of a kind of model: ``does`` is the word after ``do:`` in a plan."""

    code: str
    does: str
    label: str
    formula: str
    citation: str
    docs: str


MODEL_METHODS: tuple[ModelMethod, ...] = (
    ModelMethod(
        code="firth_model",
        does="multivariable",
        label="Multivariable Firth logistic regression",
        formula="maximum of l(b) + 1/2 log det I(b) over declared columns; limits and P from its profile; apparent performance less the mean over bootstrap resamples of (resample's model on its resample - on the original data)",
        citation="Heinze and Schemper, Stat Med 2002;21:2409-2419; Harrell, Lee and Mark, Stat Med 1996;15:361-387",
        docs="methods/multivariable_models.md",
    ),
    ModelMethod(
        code="cox_model",
        does="multivariable",
        label="Multivariable Cox regression",
        formula="maximum of the partial likelihood (Efron) over declared columns; limits and P from its profile; performance as for logistic models, resamples with Breslow's ties",
        citation="Cox, JRSS B 1972;34:187-220; Harrell, Lee and Mark, Stat Med 1996;15:361-387",
        docs="methods/multivariable_models.md",
    ),
    ModelMethod(
        code="ordinal_model",
        does="multivariable",
        label="Multivariable proportional-odds regression",
        formula="logit P(Y >= k) = alpha_k + x'b, maximum of l + 1/2 log det I (Jeffreys' penalty; with two grades Firth's); limits and P from its profile; score test of one b at all thresholds; performance as for logistic models",
        citation="McCullagh, JRSS B 1980;42:109-142; Peterson and Harrell, Appl Statist 1990;39:205-217; Harrell, Lee and Mark, Stat Med 1996;15:361-387",
        docs="methods/multivariable_models.md",
    ),
    ModelMethod(
        code="elastic_net",
        does="selection",
        label="Elastic net",
        formula="minimum of -(1/N) l(b) + lambda sum [(1 - a)/2 b^2 + a |b|] of standardised candidates, lambda by cross-validated likelihood; everything again in each resample",
        citation="Zou and Hastie, JRSS B 2005;67:301-320; Friedman, Hastie and Tibshirani, J Stat Softw 2010;33(1):1-22",
        docs="methods/variable_selection.md",
    ),
    ModelMethod(
        code="group_lasso",
        does="selection",
        label="Group lasso",
        formula="minimum of -(1/N) l(b) + lambda sum over groups of sqrt(columns) ||b of the group||, candidates standardised, groups those of the plan, lambda by cross-validated likelihood; a group enters whole or not at all",
        citation="Yuan and Lin, JRSS B 2006;68:49-67; Meier, van de Geer and Bühlmann, JRSS B 2008;70:53-71",
        docs="methods/variable_selection.md",
    ),
    ModelMethod(
        code="adaptive_lasso",
        does="selection",
        label="Adaptive lasso",
        formula="the lasso with each candidate's penalty divided by its ridge coefficient, both penalties by cross-validated likelihood",
        citation="Zou, JASA 2006;101:1418-1429",
        docs="methods/variable_selection.md",
    ),
    ModelMethod(
        code="stepwise",
        does="selection",
        label="Stepwise selection",
        formula="candidates in or out while -2 l + k df falls, k = 2 (AIC) or log n (BIC); how often each is chosen in bootstrap resamples beside it",
        citation="Akaike, IEEE Trans Automat Contr 1974;19:716-723; Sauerbrei and Schumacher, Stat Med 1992;11:2093-2109",
        docs="methods/variable_selection.md",
    ),
    ModelMethod(
        code="stability",
        does="selection",
        label="Stability selection",
        formula="candidates that an elastic net lets in among the first q in a share of complementary half-samples of at least pi; expected false selections bounded",
        citation="Meinshausen and Bühlmann, JRSS B 2010;72:417-473; Shah and Samworth, JRSS B 2013;75:55-80",
        docs="methods/variable_selection.md",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One statistic of a model."""

    part: str
    stat: str
    term: str = ""
    level: str = ""
    value: float | None = None
    text: str | None = None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What all rows of a model share."""

    analysis: str
    endpoint: str
    population: str
    method: str
    n: int
    prespecified: bool
    settings: Mapping[str, object]

    @property
    def model_id(self) -> str:
        """The id of the model."""
        return short_id(self.analysis, self.endpoint, self.population, self.method)


def models_table(
    header: Header, rows: Sequence[Row], notices: Sequence[Notice] = (), error: Reason | None = None
) -> pl.DataFrame:
    """Rows of the table ``models``; ``notices`` and ``error`` are of the whole model and stand with its first row."""
    common = {
        "model_id": header.model_id,
        "analysis_id": header.analysis,
        "endpoint": header.endpoint,
        "population": header.population,
        "method": header.method,
        "n": header.n,
        "prespecified": header.prespecified,
        "settings": json.dumps(dict(header.settings), sort_keys=True, separators=(",", ":")),
    }
    made = []
    for i, row in enumerate(rows):
        known = row.value is not None and bool(np.isfinite(row.value))
        whole = notices if i == 0 else ()
        made.append(
            {
                **common,
                "part": row.part,
                "term": row.term,
                "stat_name": row.stat,
                "stat_label": STATISTICS[row.stat],
                "level": row.level,
                "value": row.value if known else None,
                "text": row.text,
                "notices": [n.value for n in dict.fromkeys((*whole, *row.notices))],
                "error": None if error is None else error.value,
            }
        )
    return MODELS.frame(made)
