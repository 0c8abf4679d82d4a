"""Inquiries ``subgroups`` and ``local_effect``: whether the effect of a biomarker differs between declared subgroups, or along a modifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise

import numpy as np
import polars as pl

from correlates.association.blocks import Panel, members
from correlates.association.effect_scale import Covariates, covariates
from correlates.association.inquiry import Found, Inquiry, Result, results_table
from correlates.association.known import Decided
from correlates.association.notices import Notice
from correlates.association.outcomes import Outcomes, outcomes
from correlates.association.record import Statistic
from correlates.association.settings import Biomarker, CensoredOptions, Endpoint
from correlates.errors import DerivationError, Problem
from correlates.provenance import fingerprint
from correlates.stats.arrays import Bools, Floats, Ints
from correlates.stats.interaction import Interaction, interaction_cox, interaction_logistic
from correlates.stats.local_effect import local_effects
from correlates.stats.multiplicity import Adjust
from correlates.terms import OutcomeKind, Reason

EVERYBODY = "all"
_PER = {"log2": "doubling", "sd": "standard deviation", "unit": "unit"}
_LARGEST = 700.0  # exp of more does not fit a number


@dataclass(frozen=True, slots=True, kw_only=True)
class SubgroupBy:
    """A declared subgroup: a column of the analysis table, and for a number the values at which it is cut (each starts a group)."""

    code: str
    cut: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SubgroupSettings:
    """Effects in declared subgroups.

    Attributes
    ----------
    name
        ``analysis_id`` of the results.
    by
        Declared subgroups, each tested on its own.
    across
        Columns of numbers along which local effects are told (binary endpoints).
    window_share, shared_share
        Share of the subjects in a window, and of a window that neighbours have in common.
    least_in_window
        Subjects a window must have.
    """

    name: str
    by: tuple[SubgroupBy, ...] = ()
    across: tuple[str, ...] = ()
    population: str = "all"
    families: tuple[str, ...] = ("analysis_id", "endpoint", "method")
    adjust: Adjust = Adjust.HOLM
    window_share: float = 0.4
    shared_share: float = 0.75
    least_in_window: int = 20
    permutations: int = 999
    seed: int = 20200101
    level: float = 0.95
    few_events: int = 10
    prespecified: bool = False
    censored: CensoredOptions = field(default_factory=CensoredOptions)


def by_subgroup(
    analysis: pl.DataFrame,
    biomarkers: Sequence[Biomarker],
    endpoints: Sequence[Endpoint],
    settings: SubgroupSettings,
    decided: Decided | None = None,
) -> pl.DataFrame:
    """Effect of each biomarker in each declared subgroup with the test of interaction, and along each declared modifier.

    Parameters
    ----------
    analysis
        Table ``analysis``.
    biomarkers
        Numeric biomarkers.
    endpoints
        Binary or time endpoints; local effects are of binary ones.
    settings
        The analysis.
    decided
        See :func:`correlates.association.known.decided_before`.

    Returns
    -------
    polars.DataFrame
        Table ``results``: one result per biomarker, endpoint and subgroup (or modifier).

    Raises
    ------
    DerivationError
        An endpoint of another kind, a subgroup of numbers without a cut, a modifier that is not a number.
    """
    _refuse(analysis, endpoints, settings)
    panel = Panel(analysis, biomarkers).as_covariates(settings.censored)
    within = members(analysis, settings.population)
    made: list[Result] = []
    for endpoint in endpoints:
        target = outcomes(analysis, endpoint)
        keep = np.flatnonzero(within & target.known)
        scaled, x = _covariates(panel, keep)
        for declared in settings.by:
            names, number_of = _groups(analysis[declared.code], declared)
            made += _in_groups(panel, scaled, x, keep, target, endpoint, declared, names, number_of, within, settings)
        if endpoint.kind is OutcomeKind.BINARY:
            for code in settings.across:
                made += _along(panel, scaled, x, keep, target, endpoint, code, analysis[code], within, settings)
    early = decided or {}
    made = [
        replace(r, notices=(*r.notices, Notice.DESCRIBES)) if early.get((r.biomarker.code, r.endpoint)) else r
        for r in made
    ]
    return results_table(made, settings.families, settings.adjust)


def _refuse(analysis: pl.DataFrame, endpoints: Sequence[Endpoint], settings: SubgroupSettings) -> None:
    problems = [
        Problem(
            code="endpoint-kind",
            what=f"An effect in subgroups is told of a binary or a time endpoint, and {e.name!r} is none",
            found=e.kind.value,
            expected="binary or time",
        )
        for e in endpoints
        if e.kind not in (OutcomeKind.BINARY, OutcomeKind.TIME)
    ]
    for declared in settings.by:
        numeric = analysis[declared.code].dtype.is_numeric()
        if numeric and not declared.cut:
            problems.append(
                Problem(
                    code="subgroup-without-cut",
                    what=f"The subgroups by {declared.code!r} are of a number",
                    expected="the values at which it is cut",
                    do="Declare cut: [VALUE], chosen before the data were seen",
                )
            )
        if declared.cut and not numeric:
            problems.append(
                Problem(
                    code="cut-of-a-category",
                    what=f"The subgroups by {declared.code!r} have a cut, and it is no number",
                    do="Leave the cut out: its categories are the subgroups",
                )
            )
        if list(declared.cut) != sorted(set(declared.cut)):
            problems.append(
                Problem(
                    code="cuts-not-ascending",
                    what=f"The cuts of {declared.code!r} do not ascend",
                    found=str(declared.cut),
                )
            )
    problems += [
        Problem(code="modifier-not-numeric", what=f"The modifier {code!r} is no number", do="Declare it under 'by'")
        for code in settings.across
        if not analysis[code].dtype.is_numeric()
    ]
    if problems:
        raise DerivationError(problems)


def _covariates(panel: Panel, keep: Ints) -> tuple[Covariates, Floats]:
    scaled = covariates(
        panel.biomarkers,
        panel.values[:, keep],
        panel.present[:, keep],
        panel.censoring[:, keep],
        panel.finite,
        panel.left_out[:, keep],
    )
    own = np.array([b.scale != "sd" for b in panel.biomarkers], dtype=np.bool_)
    return scaled, scaled.x * np.where(own & np.isfinite(scaled.sd), scaled.sd, 1.0)[:, None]


def _groups(column: pl.Series, declared: SubgroupBy) -> tuple[list[str], Ints]:
    """Names of the subgroups in order, and the number of each subject's, -1 where it has none."""
    if declared.cut:
        ends = [f"{c:g}" for c in declared.cut]
        middle = [f"{a} to < {b}" for a, b in pairwise(ends)]
        values = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
        at = np.searchsorted(np.array(declared.cut), values, side="right")
        return [f"< {ends[0]}", *middle, f">= {ends[-1]}"], np.where(np.isnan(values), -1, at).astype(np.int64)
    words = column.cast(pl.String)
    names = words.drop_nulls().unique().sort().to_list()
    place = {name: i for i, name in enumerate(names)}
    return names, np.array([-1 if w is None else place[w] for w in words.to_list()], dtype=np.int64)


def _interaction(
    x: Floats, target: Outcomes, keep: Ints, groups: Ints, k: int, present: Bools, level: float
) -> Interaction:
    if target.course is not None:
        course = target.course
        fine = course.time[keep] > 0  # nobody is at risk who ends on day 0
        return interaction_cox(
            x[:, fine],
            course.time[keep][fine],
            course.event[keep][fine],
            groups[fine],
            k,
            present[:, fine],
            level=level,
        )
    return interaction_logistic(x, target.group[keep] == 1, groups, k, present, level=level)


def _in_groups(
    panel: Panel,
    scaled: Covariates,
    x: Floats,
    keep: Ints,
    target: Outcomes,
    endpoint: Endpoint,
    declared: SubgroupBy,
    names: list[str],
    number_of: Ints,
    within: Bools,
    settings: SubgroupSettings,
) -> list[Result]:
    present, groups = panel.present[:, keep], number_of[keep]
    usable = np.array([i for i, e in enumerate(scaled.errors) if e is None], dtype=np.int64)
    k = max(len(names), 1)
    parts = _interaction(x[usable], target, keep, groups, k, present[usable], settings.level)
    whole = _interaction(x[usable], target, keep, np.where(groups >= 0, 0, -1), 1, present[usable], settings.level)
    place = {int(i): row for row, i in enumerate(usable)}
    measure = "hazard ratio" if target.course is not None else "odds ratio"
    made = []
    for i, biomarker in enumerate(panel.biomarkers):
        error = scaled.errors[i]
        there = present[i] & (groups >= 0)
        found: list[Found] = []
        notices: list[Notice] = []
        if error is None:
            row = place[i]
            if not whole.usable[row, 0]:
                error = Reason.NOT_ESTIMABLE
            elif parts.usable[row].sum() < 2:
                error = Reason.ONE_SUBGROUP
            else:
                found = _effects(parts, whole, row, names, declared, measure, biomarker)
                counts = parts.n_events[row][parts.usable[row]]
                if counts.min() < settings.few_events:
                    notices.append(Notice.FEW_EVENTS)
        notices += panel.entered(i, keep[groups >= 0])
        made.append(
            _result(
                SUBGROUPS,
                panel,
                i,
                biomarker,
                endpoint,
                keep,
                there,
                within,
                settings,
                found,
                notices,
                error,
                declared.code,
            )
        )
    return made


def _effects(
    parts: Interaction,
    whole: Interaction,
    row: int,
    names: list[str],
    declared: SubgroupBy,
    measure: str,
    marker: Biomarker,
) -> list[Found]:
    found = [
        Found(name="p", value=float(parts.p_interaction[row])),
        Found(name="chi_square", value=float(parts.chi_square[row])),
        Found(name="df", value=float(parts.df[row])),
        Found(name="subgroup", text=declared.code),
        Found(name="measure", text=measure),
        Found(name="per", text=_PER[marker.scale]),
    ]
    for fit, column, level in ((whole, 0, EVERYBODY), *((parts, g, name) for g, name in enumerate(names))):
        n = int(fit.n[row, column])
        why = () if fit.usable[row, column] else (Notice.SUBGROUP_UNUSABLE,)
        for name, value in (
            ("ratio", fit.coefficient),
            ("ratio_lower", fit.lower),
            ("ratio_upper", fit.upper),
        ):
            found.append(Found(name=name, level=level, value=_exp(value[row, column]), n=n, notices=why))
        found.append(Found(name="p_effect", level=level, value=float(fit.p_value[row, column]), n=n, notices=why))
        found.append(Found(name="n", level=level, value=float(n), n=n))
        found.append(Found(name="n_events", level=level, value=float(fit.n_events[row, column]), n=n))
    return found


def _along(
    panel: Panel,
    scaled: Covariates,
    x: Floats,
    keep: Ints,
    target: Outcomes,
    endpoint: Endpoint,
    code: str,
    column: pl.Series,
    within: Bools,
    settings: SubgroupSettings,
) -> list[Result]:
    modifier = column.cast(pl.Float64).fill_null(np.nan).to_numpy()[keep]
    made = []
    for i, biomarker in enumerate(panel.biomarkers):
        error = scaled.errors[i]
        there = panel.present[i, keep] & np.isfinite(modifier)
        n = int(there.sum())
        found: list[Found] = []
        size = max(settings.least_in_window, round(settings.window_share * n))
        if biomarker.code == code:
            error = error or Reason.NOT_APPLICABLE
        elif error is None and n < 2 * settings.least_in_window:
            error = Reason.TOO_FEW
        if error is None:
            seed = int(fingerprint([settings.seed, settings.name, biomarker.code, endpoint.name, code])[:8], 16)
            local = local_effects(
                x[i][there],
                (target.group[keep] == 1)[there],
                modifier[there],
                size=size,
                shared=int(settings.shared_share * size),
                permutations=settings.permutations,
                seed=seed,
                level=settings.level,
            )
            if local.p_value is None or local.statistic is None or local.critical is None:
                error = Reason.NOT_ESTIMABLE
            else:
                found = [
                    Found(name="p", value=local.p_value),
                    Found(name="statistic", value=local.statistic),
                    Found(name="critical", value=local.critical),
                    Found(name="ratio_overall", value=_exp(local.overall)),
                    Found(name="modifier", text=code),
                    Found(name="per", text=_PER[biomarker.scale]),
                ]
                for w in range(local.n.size):
                    level, count = f"window {w + 1}", int(local.n[w])
                    why = (Notice.SUBGROUP_UNUSABLE,) if np.isnan(local.coefficient[w]) else ()
                    numbers = {
                        "modifier_low": local.low[w],
                        "modifier_middle": local.middle[w],
                        "modifier_high": local.high[w],
                        "ratio": _exp(local.coefficient[w]),
                        "ratio_lower": _exp(local.lower[w]),
                        "ratio_upper": _exp(local.upper[w]),
                        "band_lower": _exp(local.band_lower[w]),
                        "band_upper": _exp(local.band_upper[w]),
                        "n_events": local.n_events[w],
                    }
                    found += [
                        Found(name=name, level=level, value=None if v is None else float(v), n=count, notices=why)
                        for name, v in numbers.items()
                    ]
        notices = list(panel.entered(i, keep))
        made.append(
            _result(
                LOCAL_EFFECT, panel, i, biomarker, endpoint, keep, there, within, settings, found, notices, error, code
            )
        )
    return made


def _exp(value: float) -> float | None:
    """The ratio; none where it is not defined or beyond what a number holds."""
    return float(np.exp(value)) if np.isfinite(value) and abs(value) < _LARGEST else None


def _result(
    record: Inquiry,
    panel: Panel,
    i: int,
    biomarker: Biomarker,
    endpoint: Endpoint,
    keep: Ints,
    there: Bools,
    within: Bools,
    settings: SubgroupSettings,
    found: list[Found],
    notices: list[Notice],
    error: Reason | None,
    of: str,
) -> Result:
    n = int(there.sum())
    return Result(
        record=record,
        analysis=settings.name,
        biomarker=biomarker,
        endpoint=endpoint.name,
        population=settings.population,
        n=n,
        n_censored=int((there & (panel.censoring[i, keep] != 0)).sum()),
        n_missing=int(within.sum()) - n,
        prespecified=biomarker.prespecified and settings.prespecified,
        settings={"by": of, **_in_force(settings)},
        found=tuple(found),
        notices=tuple(notices),
        error=error,
        of=of,
    )


def _in_force(settings: SubgroupSettings) -> dict[str, object]:
    return {
        "adjust": settings.adjust.value,
        "families": list(settings.families),
        "level": settings.level,
        "few_events": settings.few_events,
        "censored": asdict(settings.censored),
        "cuts": {s.code: list(s.cut) for s in settings.by if s.cut},
        "window_share": settings.window_share,
        "shared_share": settings.shared_share,
        "least_in_window": settings.least_in_window,
        "permutations": settings.permutations,
        "seed": settings.seed,
    }


def _part(name: str, label: str) -> Statistic:
    return Statistic(name=name, label=label, scopes=("group",))


_OPTIONS = ("by", *_in_force(SubgroupSettings(name="")))
_P_ADJUSTED = Statistic(name="p_adjusted", label="P value, adjusted ({adjust})")

SUBGROUPS = Inquiry(
    code="subgroups",
    does="subgroups",
    label="Subgroups with a test of interaction",
    statistics=(
        Statistic(name="p", label="P value of the interaction"),
        _P_ADJUSTED,
        Statistic(name="chi_square", label="Likelihood-ratio chi-square of the interaction"),
        Statistic(name="df", label="Degrees of freedom"),
        Statistic(name="subgroup", label="Subgroups by"),
        Statistic(name="measure", label="What the ratio is"),
        Statistic(name="per", label="What the ratio is per"),
        _part("ratio", "Odds or hazard ratio"),
        _part("ratio_lower", "Odds or hazard ratio, lower limit"),
        _part("ratio_upper", "Odds or hazard ratio, upper limit"),
        _part("p_effect", "P value within the subgroup"),
        _part("n", "Subjects"),
        _part("n_events", "Subjects with the event"),
    ),
    options=_OPTIONS,
    formula="logit P = a_g + b_g x (Firth), or a Cox model stratified by subgroup (Firth): likelihood ratio of b_1 = ... = b_k, k - 1 df, the penalty keeping the full design",
    citation="Wang et al., N Engl J Med 2007;357:2189-2194; Heinze and Schemper, Stat Med 2002;21:2409-2419",
    docs="methods/subgroups.md",
)

LOCAL_EFFECT = Inquiry(
    code="local_effect",
    does="subgroups",
    label="Local effects along a modifier (STEP)",
    statistics=(
        Statistic(name="p", label="P value, effect the same along the modifier (permutation)"),
        _P_ADJUSTED,
        Statistic(name="statistic", label="Largest standardised distance from the overall effect"),
        Statistic(name="critical", label="Critical value of the simultaneous band"),
        Statistic(name="ratio_overall", label="Odds ratio, all subjects"),
        Statistic(name="modifier", label="Modifier"),
        Statistic(name="per", label="What the odds ratio is per"),
        _part("modifier_low", "Lowest modifier of the window"),
        _part("modifier_middle", "Median modifier of the window"),
        _part("modifier_high", "Highest modifier of the window"),
        _part("ratio", "Odds ratio"),
        _part("ratio_lower", "Odds ratio, lower limit"),
        _part("ratio_upper", "Odds ratio, upper limit"),
        _part("band_lower", "Odds ratio, lower edge of the band"),
        _part("band_upper", "Odds ratio, upper edge of the band"),
        _part("n_events", "Subjects with the event"),
    ),
    options=_OPTIONS,
    formula="Firth's log odds ratio in overlapping windows of subjects ordered by the modifier; heterogeneity: max |b_w - b| / sd_w against permutations of the modifier; band: quantile of max |Z_w| by Gaussian multipliers",
    citation="Bonetti and Gelber, Biostatistics 2004;5:465-481; Bonetti et al., Stat Med 2009;28:1255-1268",
    docs="methods/subgroups.md",
)
