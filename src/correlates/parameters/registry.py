"""The parameters there are: one record each."""

from __future__ import annotations

from correlates.parameters import settings
from correlates.parameters.kinetics import auc, clast, cmax, n_quantifiable, tlast, tmax
from correlates.parameters.ratios import ratio
from correlates.parameters.record import Parameter
from correlates.parameters.recorded import characteristic, product, spd
from correlates.parameters.windows import fold_change, lab, last_value, peak_value
from correlates.schema import BURDEN, CHARACTERISTICS, LABS, MEASUREMENTS, PRODUCT, SUBJECTS

_NCA = "Gabrielsson J, Weiner D. Pharmacokinetic and Pharmacodynamic Data Analysis, 5th ed., 2016, section 2.8"
_STEIN = "Stein AM et al. CPT Pharmacometrics Syst Pharmacol 2019;8:285-295"
_ZUMA1 = "Locke FL et al. Blood Adv 2020;4:4898-4911"
_NEELAPU = "Neelapu SS et al. N Engl J Med 2017;377:2531-2544, Figure 3"
_KINETICS = "methods/cellular_kinetics_nca.md"
_DYNAMICS = "methods/pharmacodynamics.md"
_EFFECTOR = "methods/effector_target.md"
_IN_WINDOW = "baseline, day 0 or post by the window; known at the end of the window"

PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        kind="cmax",
        label="Cmax of {analyte}, day {start} to {end}",
        unit="own",
        needs=(MEASUREMENTS,),
        settings=settings.Profile,
        compute=cmax,
        formula="max of the values in the window",
        citation=_STEIN,
        docs=_KINETICS,
        timing=_IN_WINDOW,
        scale="log2",
        testcd="CMAX",
    ),
    Parameter(
        kind="tmax",
        label="Tmax of {analyte}, day {start} to {end}",
        unit="day",
        needs=(MEASUREMENTS,),
        settings=settings.Profile,
        compute=tmax,
        formula="day of the first sample that reaches Cmax",
        citation=_STEIN,
        docs=_KINETICS,
        timing=_IN_WINDOW,
        scale="unit",
        testcd="TMAX",
    ),
    Parameter(
        kind="auc",
        label="AUC of {analyte}, day {start} to {end}",
        unit="day x own",
        needs=(MEASUREMENTS,),
        settings=settings.Profile,
        compute=auc,
        formula="sum over intervals of dt (a + b) / 2 (linear) or dt (a - b) / ln(a / b) (logarithmic)",
        citation=_NCA,
        docs=_KINETICS,
        timing=f"{_IN_WINDOW}, or with the later sample its value at the end is interpolated with",
        scale="log2",
        testcd="AUCINT",
    ),
    Parameter(
        kind="clast",
        label="Last quantifiable {analyte}, day {start} to {end}",
        unit="own",
        needs=(MEASUREMENTS,),
        settings=settings.Profile,
        compute=clast,
        formula="the last value at or above the lower limit of quantification",
        citation=_NCA,
        docs=_KINETICS,
        timing=_IN_WINDOW,
        scale="log2",
        testcd="CLST",
    ),
    Parameter(
        kind="tlast",
        label="Day of the last quantifiable {analyte}, day {start} to {end}",
        unit="day",
        needs=(MEASUREMENTS,),
        settings=settings.Profile,
        compute=tlast,
        formula="day of the last value at or above the lower limit of quantification",
        citation=_NCA,
        docs=_KINETICS,
        timing=_IN_WINDOW,
        scale="unit",
        testcd="TLST",
    ),
    Parameter(
        kind="n_quantifiable",
        label="Quantifiable samples of {analyte}, day {start} to {end}",
        unit="none",
        needs=(MEASUREMENTS,),
        settings=settings.Profile,
        compute=n_quantifiable,
        formula="number of values at or above the lower limit of quantification",
        citation=_NCA,
        docs=_KINETICS,
        timing=_IN_WINDOW,
        scale="unit",
    ),
    Parameter(
        kind="baseline",
        label="Baseline {analyte}",
        unit="own",
        needs=(MEASUREMENTS,),
        settings=settings.Window,
        compute=last_value,
        formula="the last value of the window",
        citation=_ZUMA1,
        docs=_DYNAMICS,
        timing=_IN_WINDOW,
        scale="log2",
    ),
    Parameter(
        kind="peak",
        label="Peak {analyte}, day {start} to {end}",
        unit="own",
        needs=(MEASUREMENTS,),
        settings=settings.Window,
        compute=peak_value,
        formula="max of the values in the window (after baseline)",
        citation=_NEELAPU,
        docs=_DYNAMICS,
        timing=_IN_WINDOW,
        scale="log2",
        testcd="CMAX",
    ),
    Parameter(
        kind="fold_change",
        label="Peak {analyte} over baseline",
        unit="ratio",
        needs=(MEASUREMENTS,),
        settings=settings.Window,
        compute=fold_change,
        formula="peak of the window / last value of the baseline window",
        citation=_NEELAPU,
        docs=_DYNAMICS,
        timing=_IN_WINDOW,
        scale="log2",
    ),
    Parameter(
        kind="at_day",
        label="{analyte}, day {start} to {end}",
        unit="own",
        needs=(MEASUREMENTS,),
        settings=settings.Window,
        compute=last_value,
        formula="the last value of the window",
        citation=_ZUMA1,
        docs=_DYNAMICS,
        timing=_IN_WINDOW,
        scale="log2",
    ),
    Parameter(
        kind="spd",
        label="Tumour burden (SPD) at baseline",
        unit="mm2",
        needs=(BURDEN,),
        settings=settings.Burden,
        compute=spd,
        formula="sum over target lesions of longest x perpendicular diameter, last assessment on or before the day",
        citation="Cheson BD et al. J Clin Oncol 2007;25:579-586; Cheson BD et al. J Clin Oncol 2014;32:3059-3068",
        docs=_EFFECTOR,
        timing="baseline; known on the last day that counts",
        scale="log2",
    ),
    Parameter(
        kind="product",
        label="{attribute}{times}",
        unit="as recorded",
        needs=(PRODUCT,),
        settings=settings.Product,
        compute=product,
        formula="attribute, or attribute (/ 100 where a percentage) x dose",
        citation=_ZUMA1,
        docs=_EFFECTOR,
        timing="product; known on day 0",
        scale="sd",
    ),
    Parameter(
        kind="characteristic",
        label="{name}",
        unit="as recorded",
        needs=(CHARACTERISTICS, SUBJECTS),
        settings=settings.Characteristic,
        compute=characteristic,
        formula="as recorded",
        citation=_ZUMA1,
        docs=_EFFECTOR,
        timing="as declared, baseline by default; known on day 0, or as declared",
        scale="unit",
    ),
    Parameter(
        kind="lab",
        label="{test}, day {start} to {end}",
        unit="own",
        needs=(LABS,),
        settings=settings.Lab,
        compute=lab,
        formula="the last result of the window",
        citation=_ZUMA1,
        docs=_DYNAMICS,
        timing=_IN_WINDOW,
        scale="log2",
    ),
    Parameter(
        kind="ratio",
        label="{numerator} per {denominator}",
        unit="quotient",
        needs=(),
        settings=settings.Ratio,
        compute=ratio,
        formula="numerator / denominator",
        citation=_ZUMA1,
        docs=_EFFECTOR,
        timing="that of the later part; known when both are",
        scale="log2",
    ),
)


def record(kind: str) -> Parameter:
    """The record of a kind. Raises KeyError for a kind that is not registered."""
    for parameter in PARAMETERS:
        if parameter.kind == kind:
            return parameter
    raise KeyError(kind)
