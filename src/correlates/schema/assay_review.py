"""What an assay report adds to the tables of a run: results by plate, controls over plates, plates held together."""

from correlates.schema.table import FLAG, NUMBER, TEXT, TEXTS, WHOLE, Column, Table
from correlates.terms import Censoring, Reason, Role, Status

_ASSAY = Column(name="assay", dtype=TEXT, nullable=False, meaning="name of the assay")
_ANALYTE = Column(name="analyte", dtype=TEXT, nullable=False, meaning="target or analyte")
_FILE = Column(name="file_id", dtype=TEXT, nullable=False, meaning="the file")
_PLATE = Column(name="plate", dtype=TEXT, nullable=False, meaning="the plate")
_ORDER = Column(
    name="plate_order", dtype=WHOLE, nullable=False, minimum=1, meaning="place of the plate, by file and name"
)
_SAMPLE = Column(name="sample_id", dtype=TEXT, nullable=False, meaning="the sample")
_IDS = Column(name="source_ids", dtype=TEXTS, nullable=False, meaning="well_id of every well used")

PLATE_RESULTS = Table(
    name="plate_results",
    row="sample, analyte and plate",
    key=("assay", "analyte", "sample_id", "file_id", "plate"),
    columns=(
        _ASSAY,
        _ANALYTE,
        _SAMPLE,
        Column(name="role", dtype=TEXT, nullable=False, terms=Role, meaning="unknown or qc"),
        _FILE,
        _PLATE,
        _ORDER,
        Column(name="value", dtype=NUMBER, meaning="the value of this plate alone; at the limit where it is censored"),
        Column(name="estimate", dtype=NUMBER, meaning="point estimate even outside the limits"),
        Column(name="lower", dtype=NUMBER, meaning="lower end of its 95 % interval"),
        Column(name="upper", dtype=NUMBER, meaning="upper end of its 95 % interval"),
        Column(name="unit", dtype=TEXT, nullable=False, meaning="unit of these"),
        Column(name="censoring", dtype=TEXT, terms=Censoring, meaning="none, left or right"),
        Column(name="lloq", dtype=NUMBER, meaning="lower limit of quantification of this plate and sample"),
        Column(name="uloq", dtype=NUMBER, meaning="upper limit of quantification of this plate and sample"),
        Column(name="n_replicates", dtype=WHOLE, minimum=0, meaning="replicate wells used"),
        Column(name="cv", dtype=NUMBER, unit="%", meaning="coefficient of variation of the replicates"),
        Column(name="status", dtype=TEXT, nullable=False, terms=Status, meaning="reported or excluded"),
        Column(name="reason", dtype=TEXT, meaning="why there is no value, or it is excluded"),
        Column(name="nominal", dtype=NUMBER, meaning="nominal quantity of a control, when it is known"),
        Column(name="reported", dtype=NUMBER, meaning="mean of what the instrument computed for the same wells"),
        _IDS,
    ),
)

CONTROL_RESULTS = Table(
    name="control_results",
    row="control sample, analyte and plate",
    key=("assay", "analyte", "sample_id", "file_id", "plate"),
    columns=(
        _ASSAY,
        _ANALYTE,
        _SAMPLE,
        _FILE,
        _PLATE,
        _ORDER,
        Column(name="estimate", dtype=NUMBER, meaning="the control on this plate"),
        Column(name="unit", dtype=TEXT, nullable=False, meaning="unit of estimate, nominal and centre"),
        Column(name="nominal", dtype=NUMBER, meaning="nominal quantity"),
        Column(name="recovery", dtype=NUMBER, unit="%", meaning="100 x estimate / nominal"),
        Column(name="cv", dtype=NUMBER, unit="%", meaning="coefficient of variation of its wells"),
        Column(name="n_plates", dtype=WHOLE, nullable=False, meaning="plates the limits are of"),
        Column(name="centre", dtype=NUMBER, meaning="geometric mean over the plates"),
        Column(name="log_sd", dtype=NUMBER, meaning="standard deviation of log10 over the plates"),
        Column(
            name="between_cv", dtype=NUMBER, unit="%", meaning="CV between plates: sqrt(exp(s^2) - 1), s natural log"
        ),
        Column(name="z", dtype=NUMBER, meaning="(log10 estimate - log10 centre) / log_sd"),
        Column(name="rules", dtype=TEXTS, nullable=False, meaning="rules that flag it: 1_2s, 1_3s, 2_2s"),
        Column(name="largest_z", dtype=NUMBER, meaning="largest |z| that so many plates can give"),
        _IDS,
    ),
)

PLATE_RATIOS = Table(
    name="plate_ratios",
    row="analyte and pair of plates with common samples",
    key=("assay", "analyte", "first_file_id", "first_plate", "file_id", "plate"),
    columns=(
        _ASSAY,
        _ANALYTE,
        Column(name="first_file_id", dtype=TEXT, nullable=False, meaning="file of the earlier plate"),
        Column(name="first_plate", dtype=TEXT, nullable=False, meaning="the earlier plate"),
        _FILE,
        _PLATE,
        Column(name="n_common", dtype=WHOLE, nullable=False, meaning="samples on both plates"),
        Column(name="n", dtype=WHOLE, nullable=False, meaning="of them quantified on both, which the ratio is of"),
        Column(name="ratio", dtype=NUMBER, unit="ratio", meaning="geometric mean of later over earlier plate"),
        Column(name="lower", dtype=NUMBER, unit="ratio", meaning="lower end of its interval (Student)"),
        Column(name="upper", dtype=NUMBER, unit="ratio", meaning="upper end of its interval (Student)"),
        Column(name="lowest", dtype=NUMBER, unit="ratio", meaning="smallest ratio of a sample"),
        Column(name="highest", dtype=NUMBER, unit="ratio", meaning="largest ratio of a sample"),
        Column(name="samples", dtype=TEXTS, nullable=False, meaning="the samples the ratio is of"),
    ),
)

PARTITION_WELLS = Table(
    name="partition_wells",
    row="well and target of digital PCR",
    key=("well_id",),
    columns=(
        Column(name="well_id", dtype=TEXT, nullable=False, meaning="the well and target"),
        _ASSAY,
        _ANALYTE,
        _FILE,
        _PLATE,
        Column(name="well", dtype=TEXT, nullable=False, meaning="position"),
        Column(name="sample_id", dtype=TEXT, meaning="the sample"),
        Column(name="role", dtype=TEXT, nullable=False, terms=Role, meaning="what the well holds"),
        Column(name="positives", dtype=WHOLE, meaning="positive partitions"),
        Column(name="partitions", dtype=WHOLE, meaning="accepted partitions"),
        Column(name="partition_nl", dtype=NUMBER, unit="nL", meaning="volume of a partition"),
        Column(name="concentration", dtype=NUMBER, unit="copies/uL", meaning="-ln(1 - p) / volume"),
        Column(name="lower", dtype=NUMBER, unit="copies/uL", meaning="lower end of its interval"),
        Column(name="upper", dtype=NUMBER, unit="copies/uL", meaning="upper end of its interval"),
        Column(name="printed", dtype=NUMBER, unit="copies/uL", meaning="concentration that the instrument printed"),
        Column(name="printed_lower", dtype=NUMBER, unit="copies/uL", meaning="lower end of the instrument's interval"),
        Column(name="printed_upper", dtype=NUMBER, unit="copies/uL", meaning="upper end of the instrument's interval"),
    ),
)

REPLICATE_SETS = Table(
    name="replicate_sets",
    row="sample, analyte and plate with two wells or more",
    key=("assay", "analyte", "sample_id", "role", "file_id", "plate"),
    columns=(
        _ASSAY,
        _ANALYTE,
        _SAMPLE,
        Column(name="role", dtype=TEXT, nullable=False, terms=Role, meaning="what the wells hold"),
        _FILE,
        _PLATE,
        Column(name="n", dtype=WHOLE, nullable=False, meaning="wells with a signal"),
        Column(name="level", dtype=NUMBER, meaning="mean Cq, or the quantity, or the mean signal"),
        Column(name="spread", dtype=NUMBER, meaning="standard deviation of Cq, or coefficient of variation in percent"),
        Column(name="measure", dtype=TEXT, nullable=False, meaning="what level and spread are, in words"),
        Column(name="unit", dtype=TEXT, meaning="unit of level, where it is a quantity"),
        Column(name="wells", dtype=TEXTS, nullable=False, meaning="positions"),
        _IDS,
    ),
)

PRINTED_CURVES = Table(
    name="printed_curves",
    row="plate and target",
    key=("assay", "analyte", "file_id", "plate"),
    columns=(
        _ASSAY,
        _ANALYTE,
        _FILE,
        _PLATE,
        Column(name="slope", dtype=NUMBER, unit="Cq per log10", meaning="slope that the instrument printed"),
        Column(name="intercept", dtype=NUMBER, unit="Cq", meaning="its intercept"),
        Column(name="r_squared", dtype=NUMBER, meaning="its coefficient of determination"),
        Column(name="efficiency", dtype=NUMBER, unit="%", meaning="its efficiency"),
    ),
)

INSTRUMENT_RATIOS = Table(
    name="instrument_ratios",
    row="analyte and plate with quantities of the instrument's own",
    key=("assay", "analyte", "file_id", "plate"),
    columns=(
        _ASSAY,
        _ANALYTE,
        _FILE,
        _PLATE,
        Column(name="n", dtype=WHOLE, nullable=False, meaning="samples and controls with both"),
        Column(
            name="median", dtype=NUMBER, unit="ratio", meaning="median of this package's over the instrument's quantity"
        ),
        Column(name="lowest", dtype=NUMBER, unit="ratio", meaning="smallest ratio"),
        Column(name="highest", dtype=NUMBER, unit="ratio", meaning="largest ratio"),
    ),
)

DETECTION_LEVELS = Table(
    name="detection_levels",
    row="analyte and level of the standards, over all plates",
    key=("assay", "analyte", "level"),
    columns=(
        _ASSAY,
        _ANALYTE,
        Column(name="level", dtype=NUMBER, nullable=False, minimum=0, meaning="nominal quantity"),
        Column(name="unit", dtype=TEXT, nullable=False, meaning="unit of level, mean and sd"),
        Column(name="plates", dtype=WHOLE, nullable=False, minimum=1, meaning="plates it stands on"),
        Column(name="tested", dtype=WHOLE, nullable=False, minimum=1, meaning="replicates that were run"),
        Column(name="detected", dtype=WHOLE, nullable=False, minimum=0, meaning="of them with a Cq"),
        Column(name="share_lower", dtype=NUMBER, unit="ratio", meaning="lower end of the 95 % interval of the share"),
        Column(name="share_upper", dtype=NUMBER, unit="ratio", meaning="upper end of it (Clopper-Pearson)"),
        Column(name="mean_cq", dtype=NUMBER, unit="Cq", meaning="mean Cq of the detected"),
        Column(name="sd_cq", dtype=NUMBER, unit="Cq", meaning="standard deviation of it"),
        Column(name="mean", dtype=NUMBER, meaning="mean back-calculated quantity of the detected"),
        Column(name="sd", dtype=NUMBER, meaning="standard deviation of it"),
        Column(name="cv", dtype=NUMBER, unit="%", meaning="100 x sd / mean"),
        Column(name="recovery", dtype=NUMBER, unit="%", meaning="100 x mean / level"),
        _IDS,
    ),
)

DETECTION_LIMITS = Table(
    name="detection_limits",
    row="analyte and way to a limit",
    key=("assay", "analyte", "limit"),
    columns=(
        _ASSAY,
        _ANALYTE,
        Column(
            name="limit",
            dtype=TEXT,
            nullable=False,
            meaning="lod_probit, lod_logit, lod_cloglog, lod_reduced, lod_rule, loq_rule or loq_curve",
        ),
        Column(name="label", dtype=TEXT, nullable=False, meaning="what it is, in words"),
        Column(name="chosen", dtype=FLAG, nullable=False, meaning="whether the settings name it as the limit"),
        Column(name="criterion", dtype=NUMBER, nullable=False, meaning="probability of detection, or CV in percent"),
        Column(name="value", dtype=NUMBER, meaning="the limit"),
        Column(name="lower", dtype=NUMBER, meaning="lower end of its interval (Fieller)"),
        Column(name="upper", dtype=NUMBER, meaning="upper end; null where there is none"),
        Column(name="unit", dtype=TEXT, nullable=False, meaning="unit of these"),
        Column(
            name="fit_p", dtype=NUMBER, meaning="P of the deviance: small where the curve does not describe the levels"
        ),
        Column(name="extrapolated", dtype=FLAG, meaning="whether the limit lies outside the tested levels"),
        Column(name="why", dtype=TEXT, meaning="why there is none, or what is to be known of it"),
    ),
)

DETECTION_CURVES = Table(
    name="detection_curves",
    row="point of a fitted detection or precision curve",
    key=("assay", "analyte", "curve", "level"),
    columns=(
        _ASSAY,
        _ANALYTE,
        Column(name="curve", dtype=TEXT, nullable=False, meaning="probit, logit, cloglog or cv"),
        Column(name="level", dtype=NUMBER, nullable=False, meaning="quantity"),
        Column(name="fitted", dtype=NUMBER, nullable=False, meaning="probability of detection, or CV in percent"),
    ),
)

BLANK_LIMITS = Table(
    name="blank_limits",
    row="target of digital PCR with control wells",
    key=("assay", "analyte"),
    columns=(
        _ASSAY,
        _ANALYTE,
        Column(name="wells", dtype=WHOLE, nullable=False, meaning="accepted control wells without target"),
        Column(name="partitions", dtype=WHOLE, nullable=False, meaning="their accepted partitions"),
        Column(name="positives", dtype=WHOLE, nullable=False, meaning="of them positive, falsely"),
        Column(
            name="limit_of_blank", dtype=NUMBER, meaning="positive partitions a well that 95 % of blanks do not exceed"
        ),
        Column(name="limit_of_blank_upper", dtype=NUMBER, meaning="the same at the upper 95 % limit of their mean"),
        Column(name="limit_of_detection", dtype=NUMBER, unit="copies/well", meaning="copies seen above it in 95 %"),
        Column(name="limit_of_detection_upper", dtype=NUMBER, unit="copies/well", meaning="the same, of the upper one"),
        Column(name="concentration", dtype=NUMBER, unit="copies/uL", meaning="limit of detection in the reaction"),
        Column(name="dispersion_p", dtype=NUMBER, meaning="P of the index of dispersion: small where wells differ"),
        _IDS,
    ),
)

_CHANNEL = Column(name="channel", dtype=TEXT, nullable=False, meaning="channel, as the file calls it")
_POSITION = Column(name="well", dtype=TEXT, nullable=False, meaning="position")

THRESHOLDS = Table(
    name="thresholds",
    row="well and channel whose amplitudes the file lists",
    key=("well_id",),
    columns=(
        Column(name="well_id", dtype=TEXT, nullable=False, meaning="the well and channel"),
        _ASSAY,
        _FILE,
        _PLATE,
        _POSITION,
        Column(name="sample_id", dtype=TEXT, meaning="the sample"),
        _CHANNEL,
        Column(name="partitions", dtype=WHOLE, nullable=False, minimum=0, meaning="partitions with an amplitude"),
        Column(name="threshold", dtype=NUMBER, meaning="amplitude above which a partition is positive"),
        Column(name="origin", dtype=TEXT, meaning="fitted, declared, or plate (the median of its other wells)"),
        Column(name="positives", dtype=WHOLE, minimum=0, meaning="partitions above it"),
        Column(name="instrument_positives", dtype=WHOLE, minimum=0, meaning="positive by the software's classes"),
        Column(name="counted_by", dtype=TEXT, meaning="which count is used: instrument or threshold"),
        Column(name="rain", dtype=WHOLE, minimum=0, meaning="partitions between the two populations"),
        Column(name="negative_mean", dtype=NUMBER, meaning="mean of the lower population"),
        Column(name="negative_sd", dtype=NUMBER, meaning="its standard deviation"),
        Column(name="positive_mean", dtype=NUMBER, meaning="mean of the upper population"),
        Column(name="positive_sd", dtype=NUMBER, meaning="its standard deviation"),
        Column(name="bic_gain", dtype=NUMBER, meaning="by how much two populations are better than one (BIC)"),
        Column(name="reason", dtype=TEXT, terms=Reason, meaning="why there is no threshold"),
        Column(name="detail", dtype=TEXT, meaning="the same in words"),
    ),
)

AMPLITUDE_BINS = Table(
    name="amplitude_bins",
    row="bin of the amplitudes of a well and channel that holds a partition",
    key=("well_id", "low"),
    columns=(
        _ASSAY,
        Column(name="well_id", dtype=TEXT, nullable=False, meaning="the well and channel"),
        _FILE,
        _PLATE,
        _POSITION,
        _CHANNEL,
        Column(name="low", dtype=NUMBER, nullable=False, meaning="lower end of the bin"),
        Column(name="high", dtype=NUMBER, nullable=False, meaning="upper end of it"),
        Column(name="n", dtype=WHOLE, nullable=False, minimum=1, meaning="partitions"),
    ),
)

AMPLITUDE_PAIRS = Table(
    name="amplitude_pairs",
    row="pair of amplitudes in the first two channels of a well",
    key=("assay", "file_id", "plate", "well", "x", "y"),
    columns=(
        _ASSAY,
        _FILE,
        _PLATE,
        _POSITION,
        Column(name="channel_x", dtype=TEXT, nullable=False, meaning="first channel"),
        Column(name="channel_y", dtype=TEXT, nullable=False, meaning="second channel"),
        Column(name="x", dtype=NUMBER, nullable=False, meaning="middle of the cell in the first channel"),
        Column(name="y", dtype=NUMBER, nullable=False, meaning="middle of the cell in the second channel"),
        Column(name="n", dtype=WHOLE, nullable=False, minimum=1, meaning="partitions in the cell"),
    ),
)

QUADRANTS = Table(
    name="quadrants",
    row="well whose first two channels have thresholds",
    key=("assay", "file_id", "plate", "well"),
    columns=(
        _ASSAY,
        _FILE,
        _PLATE,
        _POSITION,
        Column(name="channel_x", dtype=TEXT, nullable=False, meaning="first channel"),
        Column(name="channel_y", dtype=TEXT, nullable=False, meaning="second channel"),
        Column(name="both", dtype=WHOLE, nullable=False, meaning="partitions above both thresholds"),
        Column(name="x_alone", dtype=WHOLE, nullable=False, meaning="above that of the first channel alone"),
        Column(name="y_alone", dtype=WHOLE, nullable=False, meaning="above that of the second channel alone"),
        Column(name="neither", dtype=WHOLE, nullable=False, meaning="above neither"),
    ),
)

REVIEW = (
    PLATE_RESULTS,
    CONTROL_RESULTS,
    PLATE_RATIOS,
    PARTITION_WELLS,
    REPLICATE_SETS,
    PRINTED_CURVES,
    INSTRUMENT_RATIOS,
    DETECTION_LEVELS,
    DETECTION_LIMITS,
    DETECTION_CURVES,
    BLANK_LIMITS,
    THRESHOLDS,
    AMPLITUDE_BINS,
    AMPLITUDE_PAIRS,
    QUADRANTS,
)
"""The tables of an assay report beside those of a run."""
