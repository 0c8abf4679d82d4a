"""Population models of cellular kinetics: how they fitted, what they estimate, and how they describe the data."""

from correlates.schema.table import FLAG, NUMBER, TEXT, TEXTS, WHOLE, Column, Table
from correlates.terms import Censoring

_MODEL = Column(name="model", dtype=TEXT, nullable=False, meaning="name of the model in the plan")
_SUBJECT = Column(name="subject_id", dtype=TEXT, nullable=False, meaning="the subject")

POPULATION_FITS = Table(
    name="population_fits",
    row="population model",
    key=("model",),
    columns=(
        _MODEL,
        Column(name="label", dtype=TEXT, nullable=False, meaning="label for people"),
        Column(name="assay", dtype=TEXT, nullable=False, meaning="the assay"),
        Column(name="analyte", dtype=TEXT, nullable=False, meaning="the analyte"),
        Column(name="unit", dtype=TEXT, meaning="unit of the levels"),
        Column(name="method", dtype=TEXT, nullable=False, meaning="nuts or laplace"),
        Column(name="n_subjects", dtype=WHOLE, nullable=False, meaning="subjects fitted"),
        Column(name="n_samples", dtype=WHOLE, nullable=False, meaning="samples fitted"),
        Column(name="n_below", dtype=WHOLE, nullable=False, meaning="of them below the limit of quantification"),
        Column(name="n_above", dtype=WHOLE, nullable=False, meaning="of them above the limit of quantification"),
        Column(
            name="converged", dtype=FLAG, nullable=False, meaning="whether the declared rules of convergence are met"
        ),
        Column(name="reason", dtype=TEXT, meaning="why nothing is reported (a term of Reason)"),
        Column(name="detail", dtype=TEXT, meaning="the rule that is not met and the figure that was found"),
        Column(name="chains", dtype=WHOLE, meaning="Markov chains (nuts)"),
        Column(name="draws", dtype=WHOLE, meaning="draws kept, of all chains together"),
        Column(name="divergences", dtype=WHOLE, meaning="divergent transitions among them (nuts)"),
        Column(
            name="rhat", dtype=NUMBER, meaning="largest R-hat of population and subjects, rank-normalised, split (nuts)"
        ),
        Column(name="ess_bulk", dtype=NUMBER, meaning="smallest effective sample size, bulk, of the population (nuts)"),
        Column(name="ess_tail", dtype=NUMBER, meaning="smallest effective sample size, tail, of the population (nuts)"),
        Column(
            name="step",
            dtype=NUMBER,
            meaning="largest last step to the maximum, in standard errors (of the fast mode, from which nuts starts)",
        ),
        Column(
            name="importance",
            dtype=NUMBER,
            meaning="share of effective importance samples, the smallest over subjects (of the fast mode)",
        ),
        Column(
            name="pareto",
            dtype=NUMBER,
            meaning="Pareto shape of the tail of the importance weights of the population (of the fast mode)",
        ),
        Column(name="seed", dtype=WHOLE, meaning="seed"),
        Column(name="settings", dtype=TEXT, nullable=False, meaning="settings in force, as JSON"),
        Column(name="file", dtype=TEXT, meaning="posterior draws as InferenceData (netCDF) in the run folder"),
    ),
)

POPULATION_ESTIMATES = Table(
    name="population_estimates",
    row="estimate of a population model",
    key=("model", "kind", "name"),
    columns=(
        _MODEL,
        Column(
            name="kind",
            dtype=TEXT,
            nullable=False,
            meaning="typical, derived (of typical values), effect (of a covariate), omega, correlation or residual",
        ),
        Column(name="name", dtype=TEXT, nullable=False, meaning="cmax, cmax~BURDEN, cmax:tmax ..."),
        Column(name="label", dtype=TEXT, nullable=False, meaning="label for people"),
        Column(name="unit", dtype=TEXT, meaning="unit of value, lower and upper"),
        Column(name="value", dtype=NUMBER, meaning="posterior median; null with a reason"),
        Column(name="lower", dtype=NUMBER, meaning="lower end of the posterior interval"),
        Column(name="upper", dtype=NUMBER, meaning="upper end of the posterior interval"),
        Column(name="level", dtype=NUMBER, nullable=False, meaning="level of the interval"),
        Column(name="sd", dtype=NUMBER, meaning="posterior standard deviation, on the scale of value"),
        Column(name="rhat", dtype=NUMBER, meaning="R-hat (nuts)"),
        Column(name="ess_bulk", dtype=NUMBER, meaning="effective sample size, bulk (nuts)"),
        Column(name="ess_tail", dtype=NUMBER, meaning="effective sample size, tail (nuts)"),
        Column(
            name="shrinkage",
            dtype=NUMBER,
            meaning="of an omega: one minus the standard deviation of the subjects' posterior means over it",
        ),
        Column(name="prior", dtype=TEXT, nullable=False, meaning="the prior in words; empty text for what is derived"),
        Column(name="reason", dtype=TEXT, meaning="why there is no value (a term of Reason)"),
    ),
)

POPULATION_SUBJECTS = Table(
    name="population_subjects",
    row="subject and quantity of a population model",
    key=("model", "subject_id", "name"),
    columns=(
        _MODEL,
        _SUBJECT,
        Column(
            name="name",
            dtype=TEXT,
            nullable=False,
            meaning="cmax, tmax, auc_28, level_90 ...: the quantity and its day",
        ),
        Column(name="quantity", dtype=TEXT, nullable=False, meaning="cmax, tmax, auc, level ..."),
        Column(name="day", dtype=NUMBER, unit="day", meaning="end of an area, or day of a level; null otherwise"),
        Column(name="value", dtype=NUMBER, meaning="posterior median; null with a reason"),
        Column(name="lower", dtype=NUMBER, meaning="lower end of the posterior interval"),
        Column(name="upper", dtype=NUMBER, meaning="upper end of the posterior interval"),
        Column(name="level", dtype=NUMBER, nullable=False, meaning="level of the interval"),
        Column(name="unit", dtype=TEXT, meaning="unit of value, lower and upper"),
        Column(name="reason", dtype=TEXT, meaning="why there is no value (a term of Reason)"),
        Column(name="known_on_day", dtype=NUMBER, unit="day", meaning="day of the last sample of the subject used"),
        Column(name="n_samples", dtype=WHOLE, nullable=False, meaning="samples of the subject used"),
        Column(name="n_below", dtype=WHOLE, nullable=False, meaning="of them below the limit of quantification"),
        Column(name="source_ids", dtype=TEXTS, nullable=False, meaning="measurement_id of every sample used"),
    ),
)

POPULATION_POINTS = Table(
    name="population_points",
    row="sample fitted by a population model",
    key=("model", "measurement_id"),
    columns=(
        _MODEL,
        Column(name="measurement_id", dtype=TEXT, nullable=False, meaning="the measurement"),
        _SUBJECT,
        Column(name="day", dtype=NUMBER, nullable=False, unit="day", meaning="day of the sample"),
        Column(name="value", dtype=NUMBER, nullable=False, meaning="the value, or the limit it is censored at"),
        Column(name="unit", dtype=TEXT, meaning="unit of value, individual and population"),
        Column(name="censoring", dtype=TEXT, nullable=False, terms=Censoring, meaning="none, left or right"),
        Column(name="lloq", dtype=NUMBER, meaning="lower limit of quantification of the sample"),
        Column(name="individual", dtype=NUMBER, nullable=False, meaning="prediction for the subject, posterior median"),
        Column(
            name="population",
            dtype=NUMBER,
            nullable=False,
            meaning="prediction for a typical subject with the same covariates, posterior median",
        ),
        Column(
            name="residual",
            dtype=NUMBER,
            nullable=False,
            meaning="individual residual in residual standard deviations; of a censored sample a normal quantile drawn within what the limit leaves",
        ),
        Column(
            name="discrepancy",
            dtype=NUMBER,
            nullable=False,
            meaning="normalised prediction discrepancy: normal quantile of the share of simulated subjects below the value; of a censored sample drawn within what the limit leaves",
        ),
    ),
)

POPULATION_CURVES = Table(
    name="population_curves",
    row="day of a fitted curve of a subject",
    key=("model", "subject_id", "day"),
    columns=(
        _MODEL,
        _SUBJECT,
        Column(name="day", dtype=NUMBER, nullable=False, unit="day", meaning="day"),
        Column(name="value", dtype=NUMBER, nullable=False, meaning="level of the curve, posterior median"),
        Column(name="lower", dtype=NUMBER, nullable=False, meaning="lower end of the posterior interval of the level"),
        Column(name="upper", dtype=NUMBER, nullable=False, meaning="upper end of the posterior interval of the level"),
        Column(name="level", dtype=NUMBER, nullable=False, meaning="level of the interval"),
    ),
)

POPULATION_PREDICTIVE = Table(
    name="population_predictive",
    row="statistic of the samples of a span of days, observed and predicted",
    key=("model", "bin", "statistic"),
    columns=(
        _MODEL,
        Column(name="bin", dtype=WHOLE, nullable=False, minimum=1, meaning="number of the span"),
        Column(name="day", dtype=NUMBER, nullable=False, unit="day", meaning="median day of its samples"),
        Column(name="first", dtype=NUMBER, nullable=False, unit="day", meaning="first day of its samples"),
        Column(name="last", dtype=NUMBER, nullable=False, unit="day", meaning="last day of its samples"),
        Column(name="n", dtype=WHOLE, nullable=False, meaning="samples"),
        Column(
            name="statistic",
            dtype=TEXT,
            nullable=False,
            meaning="p10, p50, p90 (percentiles of all samples, censored ones below) or below (share below the limit)",
        ),
        Column(
            name="observed", dtype=NUMBER, meaning="in the data; null where the percentile lies among censored samples"
        ),
        Column(
            name="median",
            dtype=NUMBER,
            meaning="median over simulated trials; null where it lies among censored samples",
        ),
        Column(name="lower", dtype=NUMBER, meaning="lower end of the prediction interval; null likewise"),
        Column(name="upper", dtype=NUMBER, meaning="upper end of the prediction interval; null likewise"),
        Column(name="level", dtype=NUMBER, nullable=False, meaning="level of the prediction interval"),
    ),
)

POPULATION = (
    POPULATION_FITS,
    POPULATION_ESTIMATES,
    POPULATION_SUBJECTS,
    POPULATION_POINTS,
    POPULATION_CURVES,
    POPULATION_PREDICTIVE,
)
"""What a run of population models makes."""
