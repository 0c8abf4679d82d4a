"""Survival analyses: Kaplan-Meier and cumulative incidence, of everybody or by group, from the infusion or from a landmark."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np
import polars as pl

from correlates.association.blocks import members
from correlates.association.inquiry import Found, Inquiry, Result, results_table
from correlates.association.notices import Notice
from correlates.association.record import Statistic
from correlates.association.settings import Biomarker
from correlates.association.small_samples import OPTIONS as SMALL
from correlates.association.small_samples import VARIANT, asymptotic, groups_law, variant_of
from correlates.association.survival_settings import Survival
from correlates.rounding import number, unit_text
from correlates.schema import RESULTS, SURVIVAL, conform
from correlates.schema.table import NUMBER
from correlates.stats.arrays import Bools, Floats, Ints
from correlates.stats.competing_risks import cumulative_incidence, gray_screen, gray_test, incidence_at
from correlates.stats.kaplan_meier import (
    KaplanMeier,
    kaplan_meier,
    number_at_risk,
    quantile,
    reverse_kaplan_meier,
    survival_at,
)
from correlates.stats.landmark import landmark
from correlates.stats.log_rank import log_rank, log_rank_screen
from correlates.stats.multiplicity import Adjust
from correlates.stats.permutation import Reference
from correlates.terms import Censoring, Reason

AT = "; day "
"""Between group and day in the level of a statistic; a day alone has ``day`` and the number."""
_STEPS = (7.0, 14.0, 30.0, 60.0, 90.0, 180.0, 360.0, 720.0, 1440.0)
_MOST_TICKS = 9
_NOBODY = Biomarker(code="", label="everybody")

_P = Statistic(name="p", label="P value (two-sided)")
_P_ADJUSTED = Statistic(name="p_adjusted", label="P value, adjusted ({adjust})")
_N = (
    Statistic(name="n", label="Subjects", scopes=("group",)),
    Statistic(name="n_events", label="Subjects with an event", scopes=("group",)),
)

KAPLAN_MEIER = Inquiry(
    code="kaplan_meier",
    does="survival",
    label="Kaplan-Meier estimate and log-rank test",
    statistics=(
        _P,
        _P_ADJUSTED,
        VARIANT,
        asymptotic("chi-square"),
        Statistic(name="chi_square", label="Log-rank chi-square"),
        Statistic(name="df", label="Degrees of freedom"),
        Statistic(name="cut", label="Value that divides the groups", unit="own", scopes=("group",)),
        *_N,
        Statistic(name="median", label="Median time (days)", scopes=("group",)),
        Statistic(name="median_lower", label="Median time, lower limit (days)", scopes=("group",)),
        Statistic(name="median_upper", label="Median time, upper limit (days)", scopes=("group",)),
        Statistic(name="follow_up", label="Median follow-up, reverse Kaplan-Meier (days)", scopes=("group",)),
        Statistic(name="follow_up_lower", label="Median follow-up, lower limit (days)", scopes=("group",)),
        Statistic(name="follow_up_upper", label="Median follow-up, upper limit (days)", scopes=("group",)),
        Statistic(name="survival", label="Survival", scopes=("group",)),
        Statistic(name="survival_lower", label="Survival, lower limit", scopes=("group",)),
        Statistic(name="survival_upper", label="Survival, upper limit", scopes=("group",)),
        Statistic(name="n_risk", label="Subjects at risk", scopes=("group",)),
        Statistic(name="left_out_early", label="Left out: ended on or before the landmark"),
        Statistic(name="left_out_unknown", label="Left out: group not known (by the landmark)"),
    ),
    options=("interval", "level", "landmark", "naive", "days", *SMALL),
    formula="S(t) = product over event times of (1 - d/n); limits on the scale log(-log S); median by Brookmeyer and Crowley; groups "
    "by the log-rank test, its P by permutation of the groups in few subjects; follow-up by the reverse estimate",
    citation="Kaplan and Meier, JASA 1958;53:457-481; Brookmeyer and Crowley, Biometrics 1982;38:29-41; Schemper and Smith, Control "
    "Clin Trials 1996;17:343-346",
    docs="methods/survival.md",
)
CUMULATIVE_INCIDENCE = Inquiry(
    code="cumulative_incidence",
    does="survival",
    label="Cumulative incidence and Gray's test",
    statistics=(
        _P,
        _P_ADJUSTED,
        VARIANT,
        asymptotic("chi-square"),
        Statistic(name="chi_square", label="Gray's chi-square", scopes=("whole", "group")),
        Statistic(name="df", label="Degrees of freedom", scopes=("whole", "group")),
        Statistic(name="p_cause", label="P value of a cause (Gray, two-sided)", scopes=("group",)),
        *_N,
        Statistic(name="incidence", label="Cumulative incidence", scopes=("group",)),
        Statistic(name="incidence_lower", label="Cumulative incidence, lower limit", scopes=("group",)),
        Statistic(name="incidence_upper", label="Cumulative incidence, upper limit", scopes=("group",)),
        Statistic(name="left_out_early", label="Left out: ended on or before the landmark"),
        Statistic(name="left_out_unknown", label="Left out: group not known (by the landmark)"),
    ),
    options=("level", "landmark", "naive", "days", "causes", *SMALL),
    formula="F_j(t) = sum over event times of S(s-) d_j / n, S the estimate of being free of any event; limits on the scale log(-log F); "
    "groups by Gray's test, cause by cause, P by permutation of the groups in few subjects",
    citation="Aalen and Johansen, Scand J Statist 1978;5:141-150; Gray, Ann Statist 1988;16:1141-1154",
    docs="methods/survival.md",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysed:
    """What an analysis gives: the tables ``results`` and ``survival``."""

    results: pl.DataFrame
    curves: pl.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class _Groups:
    """Groups of the N rows: number in ``names``, -1 where there is none; the cuts of a number."""

    number: Ints
    names: tuple[str, ...]
    cuts: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    """The subjects analysed: time, event, cause (0 censored, 1.. by the order of the causes), group."""

    time: Floats
    event: Bools
    cause: Ints
    group: Ints
    groups: _Groups


def survival(
    analysis: pl.DataFrame,
    settings: Survival,
    *,
    start: Mapping[str, float] | None = None,
    known: Mapping[str, float] | None = None,
) -> Analysed:
    """Survival of an endpoint, and the cumulative incidence of its kinds of event where they are asked for.

    Parameters
    ----------
    analysis
        Table ``analysis``: ``NAME``, ``NAME|event``, ``NAME|cause`` of the endpoint, the column of the grouping, ``population:NAME``.
    settings
        The analysis.
    start
        Day after the infusion on which the time of a subject begins; the infusion where it is not told.
    known
        Day after the infusion on which the group of a subject is known; a subject without one is not known in time.

    Returns
    -------
    Analysed
        Results with one row per statistic, group and day; the curves with the numbers at risk.

    Notes
    -----
    Groups that become known after the start are not compared from it: without a landmark the result has the error ``immortal-time``,
    unless ``naive`` asks for the comparison by name, and then each row carries that notice. With a landmark the subjects whose time
    ended on or before it, and those whose group was not known by then, are left out and counted.
    """
    within = members(analysis, settings.population)
    time = analysis[settings.endpoint].cast(NUMBER)
    event = analysis[f"{settings.endpoint}|event"]
    there = within & (time.is_not_null() & event.is_not_null()).to_numpy()
    ids = analysis["subject_id"].to_list()
    times = time.fill_null(0.0).to_numpy()
    events = event.fill_null(value=False).to_numpy().astype(np.bool_)
    cause = _causes(analysis, settings, events)
    begins = np.array([(start or {}).get(s, 0.0) for s in ids])
    days = np.array([(known or {}).get(s, np.inf) for s in ids]) if settings.grouping else np.full(len(ids), -np.inf)
    early = 0
    if settings.landmark is not None:
        after = landmark(times[there], events[there], settings.landmark)
        early = after.excluded_events + after.excluded_censored
        kept = there.copy()
        kept[there] = after.at_risk
        times = times - settings.landmark
        there = kept
        begins = np.full(len(ids), settings.landmark)
    groups = _grouped(analysis, settings, there)
    late = there & (groups.number >= 0) & (days > begins)
    if settings.landmark is not None:
        groups = _grouped(analysis, settings, there & (days <= begins))
    inside = there & (groups.number >= 0)
    refused = bool(late.any()) and settings.landmark is None and not settings.naive
    course = _Course(
        time=times[inside], event=events[inside], cause=cause[inside], group=groups.number[inside], groups=groups
    )
    notices = [Notice.FROM_LANDMARK] if settings.landmark is not None else []
    if late.any() and settings.naive and settings.landmark is None:
        notices.append(Notice.IMMORTAL_TIME)
    error = Reason.IMMORTAL_TIME if refused else Reason.TOO_FEW if not inside.any() else None
    left = [Found(name="left_out_unknown", value=float(there.sum() - inside.sum()))]
    if settings.landmark is not None:
        left.insert(0, Found(name="left_out_early", value=float(early)))
    asked = [(KAPLAN_MEIER, _kaplan_meier)] + ([(CUMULATIVE_INCIDENCE, _incidence)] if settings.causes else [])
    results, curves = [], []
    for record, compute in asked:
        found: list[Found] = []
        if error is None:
            found, rows = compute(course, settings)
            curves += rows
        results.append(
            Result(
                record=record,
                analysis=settings.name,
                biomarker=settings.grouping.by if settings.grouping else _NOBODY,
                endpoint=settings.endpoint,
                population=settings.population,
                n=int(inside.sum()),
                n_censored=int((~events[inside]).sum()),
                n_missing=int(within.sum() - inside.sum()),
                prespecified=settings.prespecified,
                settings={k: v for k, v in asdict(settings).items() if k in record.options}
                | ({"cut": settings.grouping.cut} if settings.grouping and settings.grouping.cut else {}),
                found=(*found, *left),
                notices=tuple(notices),
                error=error,
            )
        )
    table = results_table(results, (), Adjust.NONE).filter(pl.col("stat_name") != "p_adjusted")
    return Analysed(results=conform(table, RESULTS), curves=conform(SURVIVAL.frame(curves), SURVIVAL))


def _causes(analysis: pl.DataFrame, settings: Survival, events: Bools) -> Ints:
    words = analysis[f"{settings.endpoint}|cause"].to_list()
    place = {cause: i for i, cause in enumerate(settings.causes, start=1)}
    return np.array(
        [place.get(word or "", 0) if hit else 0 for word, hit in zip(words, events.tolist(), strict=True)],
        dtype=np.int64,
    )


def _grouped(analysis: pl.DataFrame, settings: Survival, there: Bools) -> _Groups:
    """The group of every row; the median of a number is that of the rows that are ``there``."""
    grouping = settings.grouping
    if grouping is None:
        return _Groups(number=np.where(there, 0, -1), names=("",))
    column = analysis[grouping.by.code]
    if column.dtype.is_numeric() and grouping.cut is not None:
        return _cut(analysis, settings, there)
    words = column.cast(pl.String)
    if column.dtype == pl.Boolean:
        words = column.replace_strict({True: "yes", False: "no"}, return_dtype=pl.String)
    found = words.filter(pl.Series(there)).drop_nulls().unique().sort().to_list()
    names = tuple(n for n in grouping.levels if n in found) if grouping.levels else tuple(found)
    place = {name: i for i, name in enumerate(names)}
    number_ = np.array([place.get(w, -1) if w is not None else -1 for w in words.to_list()], dtype=np.int64)
    return _Groups(number=np.where(there, number_, -1), names=names)


def _cut(analysis: pl.DataFrame, settings: Survival, there: Bools) -> _Groups:
    assert settings.grouping is not None
    code, cut = settings.grouping.by.code, settings.grouping.cut
    values = analysis[code].cast(NUMBER).to_numpy().astype(np.float64)
    present: Bools = there & np.isfinite(values)
    if not present.any():
        return _Groups(number=np.full(values.size, -1), names=())
    cuts = (float(np.median(values[present])),) if cut == "median" else tuple(sorted(cut or ()))
    group = np.searchsorted(np.array(cuts), np.where(present, values, 0.0), side="left")
    if f"{code}|censoring" in analysis.columns:  # a limit on the wrong side of a cut says nothing about the group
        told = analysis[f"{code}|censoring"].cast(pl.String).fill_null(Censoring.NONE.value).to_numpy()
        present &= ~((told == Censoring.LEFT.value) & (group > 0)) & ~(
            (told == Censoring.RIGHT.value) & (group < len(cuts))
        )
    unit = f" {unit_text(settings.grouping.by.unit)}".rstrip()
    shown = [number(c) for c in cuts]
    between = [f"> {a} to {b}{unit}" for a, b in itertools.pairwise(shown)]
    names = (f"<= {shown[0]}{unit}", *between, f"> {shown[-1]}{unit}")
    return _Groups(number=np.where(present, group, -1).astype(np.int64), names=names, cuts=cuts)


def _kaplan_meier(course: _Course, settings: Survival) -> tuple[list[Found], list[dict[str, object]]]:
    k = len(course.groups.names)
    found: list[Found] = []
    if k > 1:
        test = log_rank(course.time, course.event, course.group, k)
        why = () if test.df else (Notice.NO_GROUPS,)
        order = np.lexsort((course.event, course.time))
        time, event = course.time[order], course.event[order]
        law = groups_law(settings, course.group, lambda drawn: log_rank_screen(time, event, drawn, k).chi_square)
        found += [
            *_tested(test.p_value, test.chi_square, law, why),
            Found(name="chi_square", value=test.chi_square, notices=why),
            Found(name="df", value=float(test.df)),
        ]
    rows: list[dict[str, object]] = []
    for place, name in enumerate(course.groups.names):
        mine = course.group == place
        time, event = course.time[mine], course.event[mine]
        curve = kaplan_meier(time, event, level=settings.level, interval=settings.interval)
        n = int(mine.sum())
        found += [
            Found(name="n", level=name, value=float(n), n=n),
            Found(name="n_events", level=name, value=float(event.sum()), n=n),
        ]
        if course.groups.cuts and place:
            found.append(Found(name="cut", level=name, value=course.groups.cuts[place - 1], n=n))
        follow = reverse_kaplan_meier(time, event, level=settings.level, interval=settings.interval)
        for stat, one in (("median", quantile(curve)), ("follow_up", quantile(follow))):
            for suffix, value in (("", one.estimate), ("_lower", one.lower), ("_upper", one.upper)):
                why = (Notice.NOT_REACHED,) if value is None else ()
                found.append(Found(name=stat + suffix, level=name, value=value, n=n, notices=why))
        found += _at_days(name, time, curve, settings, n)
        rows += _curve_rows(settings, course, place, name, curve)
    return found, rows


def _at_days(name: str, time: Floats, curve: KaplanMeier, settings: Survival, n: int) -> list[Found]:
    at = survival_at(curve, settings.days)
    risk = number_at_risk(time, settings.days)
    found = []
    for i, day in enumerate(settings.days):
        level = level_at(name, day)
        for stat, values in (("survival", at.survival), ("survival_lower", at.lower), ("survival_upper", at.upper)):
            value = _told(values[i])
            beyond = value is None and not np.isfinite(at.survival[i])
            why = (Notice.BEYOND_FOLLOW_UP,) if beyond else (Notice.NO_LIMIT,) if value is None else ()
            found.append(Found(name=stat, level=level, value=value, n=n, notices=why))
        found.append(Found(name="n_risk", level=level, value=float(risk[i]), n=n))
    return found


def level_at(name: str, day: float) -> str:
    """Level of a statistic at a day; ``name`` is the group, or empty."""
    return f"{name}{AT}{day:g}" if name else f"day {day:g}"


def _tested(
    large: float | None, chi_square: float | None, law: Reference | None, why: tuple[Notice, ...]
) -> list[Found]:
    """P of groups, what it was computed from, and its asymptotic form."""
    p, variant = large, "chi-square"
    if law is not None and chi_square is not None:
        p, variant = law.p_value(chi_square), variant_of(law)
    return [
        Found(name="p", value=p, notices=why),
        Found(name="variant", text=variant),
        Found(name="p_asymptotic", value=large, notices=why),
    ]


def _gray(course: _Course, k: int, cause: int, drawn: Ints) -> Floats:
    order = np.lexsort((course.cause, course.time))
    return gray_screen(course.time[order], course.cause[order], drawn, k, of=cause).chi_square


def _incidence(course: _Course, settings: Survival) -> tuple[list[Found], list[dict[str, object]]]:
    k, causes = len(course.groups.names), settings.causes
    found: list[Found] = []
    if k > 1:
        for number_, cause in enumerate(causes, start=1):
            test = gray_test(course.time, course.cause, course.group, k, of=number_)
            why = () if test.df else (Notice.NO_GROUPS,)
            law = groups_law(settings, course.group, partial(_gray, course, k, number_))
            told = _tested(test.p_value, test.chi_square, law, why)
            if number_ == 1:
                found += told
                found.append(Found(name="chi_square", value=test.chi_square, notices=why))
                found.append(Found(name="df", value=float(test.df)))
            found.append(replace(told[0], name="p_cause", level=cause))
    rows: list[dict[str, object]] = []
    for place, name in enumerate(course.groups.names):
        mine = course.group == place
        time, cause_ = course.time[mine], course.cause[mine]
        curves = cumulative_incidence(time, cause_, len(causes), level=settings.level)
        at = incidence_at(curves, settings.days)
        n = int(mine.sum())
        for j, cause in enumerate(causes):
            level = f"{name}; {cause}" if name else cause
            found.append(Found(name="n", level=level, value=float(n), n=n))
            found.append(Found(name="n_events", level=level, value=float((cause_ == j + 1).sum()), n=n))
            for i, day in enumerate(settings.days):
                for stat, values in (
                    ("incidence", at.incidence),
                    ("incidence_lower", at.lower),
                    ("incidence_upper", at.upper),
                ):
                    value = _told(values[j, i])
                    beyond = value is None and not np.isfinite(at.incidence[j, i])
                    why = (Notice.BEYOND_FOLLOW_UP,) if beyond else (Notice.NO_LIMIT,) if value is None else ()
                    found.append(Found(name=stat, level=level_at(level, day), value=value, n=n, notices=why))
            rows += _steps(
                settings,
                place,
                name,
                cause,
                curves.time,
                curves.incidence[j],
                curves.lower[j],
                curves.upper[j],
                curves.n_risk,
                curves.n_event[j],
                first=0.0,
                last=curves.last,
            )
    return found, rows


def _curve_rows(
    settings: Survival, course: _Course, place: int, name: str, curve: KaplanMeier
) -> list[dict[str, object]]:
    mine = course.group == place
    time, event = course.time[mine], course.event[mine]
    rows = _steps(
        settings,
        place,
        name,
        "",
        curve.time,
        curve.survival,
        curve.lower,
        curve.upper,
        curve.n_risk,
        curve.n_event,
        first=1.0,
        last=curve.last,
    )
    days, counts = np.unique(time[~event], return_counts=True)
    at = survival_at(curve, days)
    base = _base(settings, place, name, "")
    rows += [
        {**base, "kind": "censored", "day": float(d), "estimate": _told(s), "n_censored": int(c)}
        for d, s, c in zip(days, at.survival, counts, strict=True)
    ]
    axis = ticks(float(course.time.max(initial=0.0)))
    rows += [
        {**base, "kind": "at_risk", "day": d, "n_risk": int(r)}
        for d, r in zip(axis, number_at_risk(time, axis), strict=True)
    ]
    return rows


def _steps(
    settings: Survival,
    place: int,
    name: str,
    cause: str,
    time: Floats,
    estimate: Floats,
    lower: Floats,
    upper: Floats,
    n_risk: Ints,
    n_event: Ints,
    *,
    first: float,
    last: float | None,
) -> list[dict[str, object]]:
    """The steps of a curve: its value at day 0, at each event time, and where it ends."""
    base = {**_base(settings, place, name, cause), "kind": "step"}
    rows: list[dict[str, object]] = []
    if not time.size or time[0] > 0:
        rows.append({**base, "day": 0.0, "estimate": first, "lower": first, "upper": first, "n_event": 0})
    rows += [
        {
            **base,
            "day": float(time[i]),
            "estimate": _told(estimate[i]),
            "lower": _told(lower[i]),
            "upper": _told(upper[i]),
            "n_risk": int(n_risk[i]),
            "n_event": int(n_event[i]),
        }
        for i in range(time.size)
    ]
    if last is not None and rows and last > float(str(rows[-1]["day"])):
        rows.append({**rows[-1], "day": last, "n_risk": None, "n_event": 0})
    return rows


def _base(settings: Survival, place: int, name: str, cause: str) -> dict[str, object]:
    return {
        "analysis_id": settings.name,
        "endpoint": settings.endpoint,
        "population": settings.population,
        "group": name,
        "place": place,
        "cause": cause,
    }


def ticks(last: float) -> Sequence[float]:
    """Days of the axis: the finest step that gives no more than nine of them after 0."""
    step = next((s for s in _STEPS if last / s <= _MOST_TICKS), _STEPS[-1])
    return [i * step for i in range(int(last // step) + 1)]


def _told(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
