"""The plan: what a translational scientist writes and a statistician signs, as a strict typed model.

The settings of the stages are embedded as they are: a field is defined, described and given its default once, in the
stage that uses it. What is here is only what binds them: sources, biomarkers, analyses, report.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from correlates.dataset.settings import Population
from correlates.endpoints.settings import (
    AtLeast,
    BestResponse,
    ClassIs,
    Conditioning,
    DurableClass,
    Imputation,
    Infusion,
    Lesions,
    MaxGrade,
    Recorded,
    ResponseTime,
)
from correlates.endpoints.time_settings import TimeToEvent
from correlates.endpoints.toxicity_settings import (
    CrsGrade,
    Cytopenia,
    DailyGrade,
    Duration,
    Icaht,
    IcansGrade,
    Onset,
    TreatmentGiven,
)
from correlates.figures.settings import Expansion, Flow, Forest, Panels, Profiles, ResponseCharts, Toxicity
from correlates.parameters.settings import (
    Burden,
    Characteristic,
    Composite,
    Lab,
    Modelled,
    Product,
    Profile,
    Ratio,
    Signature,
    Window,
)
from correlates.plan.analyses import AnalysisPlan
from correlates.plan.strict import Strict
from correlates.population.settings import PopulationModel
from correlates.quantify.settings import Dpcr, Immunoassay, Qpcr
from correlates.readers.settings import Gates, Records


class Study(Strict):
    """The study and what holds for the whole plan."""

    id: str
    """Identifier of the study."""
    title: str
    """Title of the report."""
    product: str | None = None
    """The cell product, as it should be called in the report."""
    seed: int = 20200923
    """Seed of everything random; split per task, so that results do not depend on the number of workers."""


class SdtmSource(Strict):
    """Clinical tables with SDTM names (SAS transport, SAS7BDAT, Dataset-JSON, CSV, XLSX or Parquet)."""

    kind: Literal["sdtm"]
    files: tuple[str, ...]
    """Globs relative to the plan."""
    infusion: Infusion = Infusion()
    """Which administration is the infusion (day 0)."""


class Days(Strict):
    """How dates become days relative to the infusion, for all clinical sources together."""

    infusion: Infusion | None = None
    """Which administration is the infusion (day 0), where no SDTM source says it."""
    conditioning: Conditioning | None = None
    """Which administrations are the conditioning: baseline ends before its first day, where a baseline asks for it."""
    imputation: dict[str, Imputation] = {}
    """Rule for incomplete dates by table (assessments) or date (subjects.death_date); without one nothing is imputed."""


class SamplesSource(Strict):
    """The manifest that links sample names to subjects and days."""

    kind: Literal["samples"]
    file: str
    """Path relative to the plan."""
    columns: dict[str, str]
    """Column of the samples table: column of the file, or columns joined by ' + '."""


class ProductSource(Strict):
    """Attributes of the infused product, one row per subject."""

    kind: Literal["product"]
    file: str
    """Path relative to the plan."""
    subject_id: str
    """Column that holds the subject."""
    units: dict[str, str] = {}
    """Unit by attribute, where the header does not say it in parentheses."""


class FlowSource(Strict):
    """Flow cytometry of the product: tables of FlowJo or FACSDiva, or plain ones, one row per sample."""

    kind: Literal["flow"]
    files: tuple[str, ...]
    """Globs relative to the plan."""
    subject_id: str | None = None
    """Column that holds the subject; either this or pattern is given."""
    pattern: str | None = None
    """Regular expression found in the name of a sample; its first group is the subject."""
    attributes: dict[str, str] = {}
    """Attribute: population and statistic, as 'CD3+/CAR+ | Freq. of Parent'; all others keep these as their name."""
    gates: tuple[Gates, ...] = ()
    """Populations that exclude each other; quadrants of two markers need not be declared."""
    exclude: tuple[str, ...] = ()
    """Names (or patterns) of samples that are not of a product."""


class TableSource(Strict):
    """A plain table as a source of biomarkers and outcomes: one row per subject, or per unit of analysis."""

    kind: Literal["table"]
    file: str
    """Path relative to the plan."""
    subject_id: str
    """Column that holds the subject."""
    unit_of_analysis: str | None = None
    """Column whose values are analysed as if each were a subject; how many subjects stand more than once is reported."""
    columns: tuple[str, ...] | None = None
    """Columns to read; null reads all."""


class DailySource(Strict):
    """Records of subjects day by day: grades, signs, treatments; one row per subject and day, one column per item."""

    kind: Literal["daily"]
    file: str
    """Path relative to the plan."""
    subject_id: str
    """Column that holds the subject."""
    day: str
    """Column that holds the day, 0 the day of infusion."""
    items: dict[str, str]
    """Item, as the endpoints name it: column of the file."""


Source = Annotated[
    SdtmSource | Records | SamplesSource | ProductSource | FlowSource | TableSource | DailySource,
    Field(discriminator="kind"),
]
AssayPlan = Annotated[Qpcr | Dpcr | Immunoassay, Field(discriminator="kind")]
ParameterPlan = Annotated[
    Profile | Window | Burden | Product | Characteristic | Lab | Ratio | Modelled | Composite | Signature,
    Field(discriminator="take"),
]
EndpointPlan = Annotated[
    BestResponse
    | DurableClass
    | ResponseTime
    | ClassIs
    | MaxGrade
    | AtLeast
    | Recorded
    | TimeToEvent
    | DailyGrade
    | CrsGrade
    | IcansGrade
    | Onset
    | Duration
    | TreatmentGiven
    | Icaht
    | Cytopenia,
    Field(discriminator="derive"),
]


class Biomarkers(Strict):
    """Groups of biomarkers. A name is the code of a parameter, or a pattern such as PEAK.* over a family."""

    prespecified: dict[str, tuple[str, ...]] = {}
    """Groups declared before the data were seen."""
    exploratory: dict[str, tuple[str, ...]] = {}
    """All other groups."""


class Report(Strict):
    """The report."""

    flow: Flow | None = None
    """Flow of subjects from all to those an analysis sees, with reasons."""
    response: ResponseCharts | None = None
    """Waterfall, spider and swimmer plot."""
    expansion: Expansion | None = None
    """Expansion curves."""
    profiles: Profiles | None = None
    """Panels of individual subjects."""
    forest: Forest | None = None
    """Forest of associations with efficacy and toxicity, side by side."""
    toxicity: Toxicity | None = None
    """Timeline of toxicities, day by day."""
    response_curves: Panels | None = None
    """Probability of the endpoints along biomarkers; the analyses need the method response_curve."""
    quartile_rates: Panels | None = None
    """Rates of the endpoints by quartile of biomarkers; the analyses need the method quartile_rates."""
    survival_by_biomarker: Panels | None = None
    """Time endpoints by groups of biomarkers; the analyses need the method log_rank or cutpoint."""
    pseudonyms: bool = False
    """Whether subjects appear under pseudonyms."""


class Plan(Strict):
    """The whole plan."""

    study: Study
    sources: dict[str, Source] = {}
    """Clinical records, manifests and plain tables, by name."""
    days: Days = Days()
    """Day 0, conditioning, incomplete dates."""
    lesions: Lesions = Lesions()
    """How lesions are measured and summed, for tumour burden and for responses derived from lesions."""
    assays: dict[str, AssayPlan] = {}
    """Assays, by name."""
    population_models: dict[str, PopulationModel] = {}
    """Population models of cellular kinetics, by name."""
    parameters: dict[str, ParameterPlan] = {}
    """Parameters, by code."""
    endpoints: dict[str, EndpointPlan] = {}
    """Endpoints, by name."""
    populations: dict[str, Population] = {}
    """Populations, by name; ``all`` (every treated subject) is always there."""
    biomarkers: Biomarkers = Biomarkers()
    """Which parameters are biomarkers, in groups, prespecified or exploratory."""
    analyses: dict[str, AnalysisPlan] = {}
    """Analyses, by name."""
    report: Report = Report()
    """The report."""
