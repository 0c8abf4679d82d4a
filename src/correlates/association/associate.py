"""The stage: the analysis table in, one row per statistic out."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace

import numpy as np
import polars as pl

from correlates.association.blocks import Panel, check, members
from correlates.association.conventions import MULTIPLICITY
from correlates.association.describe import SHARE
from correlates.association.notices import Notice
from correlates.association.outcomes import outcomes
from correlates.association.record import Block, Course, Estimate, Method, Outcome, censored, quantified
from correlates.association.registry import method
from correlates.association.settings import Biomarker, Comparison, Endpoint, Univariable
from correlates.association.wilcoxon import P_ADJUSTED
from correlates.provenance import short_id
from correlates.schema import RESULTS, conform
from correlates.schema.table import NUMBER, TEXT, WHOLE
from correlates.stats.arrays import Bools, Floats, Ints, divide
from correlates.stats.multiplicity import NEEDS_DATA, Adjust, adjust
from correlates.stats.westfall_young import westfall_young
from correlates.terms import OutcomeKind, Reason

ADJUSTMENTS: Mapping[Adjust, str] = {
    Adjust.NONE: "none",
    **{Adjust(record.code): record.name for record in MULTIPLICITY},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One method on one endpoint in one population: the results of m biomarkers."""

    keys: pl.DataFrame  # one row per biomarker: the columns of the result
    estimates: tuple[Estimate, ...]
    method: Method
    usable: Ints  # which biomarkers the estimates are of
    failed: Bools  # (m,)
    p: Floats  # (m,)
    block: Block


def associate(
    analysis: pl.DataFrame, biomarkers: Sequence[Biomarker], endpoints: Sequence[Endpoint], settings: Univariable
) -> pl.DataFrame:
    """Hold every biomarker against every endpoint, in every population, by every method that applies.

    Parameters
    ----------
    analysis
        Table ``analysis``: ``subject_id``, a column per biomarker with ``CODE|censoring``, endpoints, ``population:NAME``.
    biomarkers, endpoints
        What is tested against what.
    settings
        The analysis.

    Returns
    -------
    polars.DataFrame
        Table ``results``, ordered by population, endpoint, method, biomarker and statistic. A biomarker that cannot be analysed
        has the same rows without values, and ``error`` says why; the others are not touched by it. P values of a family
        (rows that agree in the columns ``settings.families``) are adjusted together; those without a value do not count.

    Raises
    ------
    DerivationError
        The declaration contradicts the table; see :func:`correlates.association.blocks.check`.
    """
    check(analysis, biomarkers, endpoints, settings)
    asked = [method(code) for code in settings.methods]
    panel = Panel(analysis, biomarkers)
    codes = [b.code for b in biomarkers]
    helping = np.array([codes.index(c) for c in settings.imputation.covariates], dtype=np.int64)
    parts: list[_Part] = []
    for population in settings.populations:
        within = members(analysis, population)
        for endpoint in endpoints:
            target = outcomes(analysis, endpoint)
            block = panel.block(target, within)
            if helping.size:
                block = replace(block, helpers=block.rows(helping))
            repeated = _repeated(analysis, settings, within & target.known)
            for record in asked:
                rows = _rows(record, asked, biomarkers, endpoint)
                if rows.size:
                    parts.append(
                        _part(
                            block.rows(rows),
                            record,
                            endpoint,
                            population,
                            settings,
                            finite=panel.finite[rows],
                            total=int(within.sum()),
                            repeated=repeated,
                        )
                    )
    if not parts:
        return RESULTS.empty()
    adjusted, families = _adjusted(parts, settings)
    frames = []
    start = 0
    for part in parts:
        stop = start + part.keys.height
        frames.append(_frame(part, adjusted[start:stop], families[start:stop], settings))
        start = stop
    return conform(pl.concat(frames), RESULTS)


def compare(analysis: pl.DataFrame, biomarker: Biomarker, endpoint: Endpoint, settings: Comparison) -> pl.DataFrame:
    """One biomarker across the classes of an endpoint: Kruskal-Wallis, and declared pairs by Wilcoxon.

    Parameters
    ----------
    analysis
        Table ``analysis``.
    biomarker, endpoint
        What is compared across what (peak divided by tumour burden across durable, relapsed and nonresponder, say).
    settings
        The comparison: P values of the pairs are adjusted among themselves, the Kruskal-Wallis P is one test.

    Returns
    -------
    polars.DataFrame
        Table ``results``; rows of a pair have the level ``A vs B``, and their shift, ratio and AUC are of A.
    """
    return associate(
        analysis,
        (biomarker,),
        (endpoint,),
        Univariable(
            name=settings.name,
            methods=("kruskal_wallis",),
            adjust=Adjust.NONE,
            pairs=settings.pairs,
            pair_adjust=settings.pair_adjust,
            populations=(settings.population,),
            level=settings.level,
            prespecified=settings.prespecified,
            wilcoxon=settings.wilcoxon,
        ),
    )


def _rows(record: Method, asked: Sequence[Method], biomarkers: Sequence[Biomarker], endpoint: Endpoint) -> Ints:
    """The biomarkers a method gives rows for: those it applies to, and those to which none of the methods does."""

    def applies(one: Method, biomarker: Biomarker) -> bool:
        return endpoint.kind in one.endpoints and biomarker.kind in one.biomarkers

    return np.array(
        [
            i
            for i, biomarker in enumerate(biomarkers)
            if applies(record, biomarker) or not any(applies(one, biomarker) for one in asked)
        ],
        dtype=np.int64,
    )


def _repeated(analysis: pl.DataFrame, settings: Univariable, within: Bools) -> bool:
    if settings.unit_of is None:
        return False
    return bool(analysis[settings.unit_of].filter(pl.Series(within)).is_duplicated().any())


def _part(
    block: Block,
    record: Method,
    endpoint: Endpoint,
    population: str,
    settings: Univariable,
    *,
    finite: Bools,
    total: int,
    repeated: bool,
) -> _Part:
    m = len(block.biomarkers)
    given, left_out = block, record.leaves_out(settings)
    if left_out:
        block = quantified(block)
    sizes = np.stack(
        [block.members(j).sum(axis=1) for j in range(len(block.levels))] or [block.present.sum(axis=1)], axis=1
    )
    errors = _before(block, record, endpoint, settings, finite, sizes)
    cut, there, n = censored(given), given.present.sum(axis=1), block.present.sum(axis=1)
    for i in np.flatnonzero((cut == there) & (cut > 0)).tolist() if left_out else ():
        errors[i] = Reason.ALL_CENSORED if errors[i] is Reason.TOO_FEW else errors[i]
    usable = np.array([i for i, error in enumerate(errors) if error is None], dtype=np.int64)
    found = _compute(block, record, endpoint, settings, usable)
    estimates = tuple(
        replace(e, value=divide(cut[usable], there[usable])) if e.name == SHARE[0].name else e for e in found.estimates
    )
    notices: list[list[str]] = [[] for _ in range(m)]
    for i in range(m):
        if cut[i] and record.covariate != "no":
            notices[i].append(_entered(record, settings).value)
        if errors[i] is None:
            if _smallest(endpoint, sizes[i]) < settings.few_events:
                notices[i].append(Notice.FEW_EVENTS.value)
            if there[i] and cut[i] / there[i] >= settings.high_censored_share:
                notices[i].append(Notice.CENSORED_SHARE_HIGH.value)
        if repeated:
            notices[i].append(Notice.REPEATED_UNITS.value)
    p = np.full(m, np.nan)
    for position, i in enumerate(usable.tolist()):
        errors[i] = found.errors[position]
        notices[i] += [notice.value for notice in found.notices[position]]
    values = next((e.value for e in estimates if e.name == "p" and e.level == ""), None)
    if values is not None:
        p[usable] = values
    failed = np.array([error is not None for error in errors], dtype=np.bool_)
    p[failed] = np.nan
    keys = pl.DataFrame(
        {
            "result_id": [
                short_id(settings.name, b.code, endpoint.name, population, record.code) for b in block.biomarkers
            ],
            "analysis_id": [settings.name] * m,
            "biomarker": [b.code for b in block.biomarkers],
            "biomarker_group": [b.group or None for b in block.biomarkers],
            "endpoint": [endpoint.name] * m,
            "population": [population] * m,
            "method": [record.code] * m,
            "own_unit": [b.unit for b in block.biomarkers],
            "whole_n": n,
            "whole_censored": censored(block),
            "n_missing": total - n,
            "prespecified": [b.prespecified and settings.prespecified for b in block.biomarkers],
            "settings": [_settings(record, settings)] * m,
            "whole_notices": [_joined(row) for row in notices],
            "error": [None if error is None else error.value for error in errors],
        },
        schema_overrides={
            "biomarker_group": TEXT,
            "own_unit": TEXT,
            "whole_n": WHOLE,
            "whole_censored": WHOLE,
            "n_missing": WHOLE,
            "whole_notices": TEXT,
            "error": TEXT,
        },
    )
    return _Part(keys=keys, estimates=estimates, method=record, usable=usable, failed=failed, p=p, block=block)


def _entered(record: Method, settings: Univariable) -> Notice:
    """How values beyond limits entered a regression."""
    if record.leaves_out(settings):
        return Notice.CENSORED_EXCLUDED
    return Notice.CENSORED_SUBSTITUTED if settings.censored.by == "substitute" else Notice.CENSORED_LIKELIHOOD


def _before(
    block: Block, record: Method, endpoint: Endpoint, settings: Univariable, finite: Bools, sizes: Ints
) -> list[Reason | None]:
    """Why a method is not asked, biomarker by biomarker."""
    unusable = record.unusable(block)
    errors: list[Reason | None] = []
    for i, biomarker in enumerate(block.biomarkers):
        if endpoint.kind not in record.endpoints or biomarker.kind not in record.biomarkers:
            errors.append(Reason.NOT_APPLICABLE)
        elif not finite[i]:
            errors.append(Reason.NOT_FINITE)
        else:
            errors.append(_outcome_reason(block, endpoint, settings, i, sizes[i]) or unusable[i])
    return errors


def _outcome_reason(block: Block, endpoint: Endpoint, settings: Univariable, row: int, sizes: Ints) -> Reason | None:
    """What is wrong with the outcome of the subjects that have the biomarker: too few, one class, no event."""
    kind, n = endpoint.kind, int(block.present[row].sum())
    if n == 0:
        return Reason.TOO_FEW
    if kind is OutcomeKind.TIME:
        if n < settings.least_subjects:
            return Reason.TOO_FEW
        return Reason.NO_EVENT if sizes[1] == 0 else None
    if kind is OutcomeKind.NUMBER:
        if n < settings.least_subjects:
            return Reason.TOO_FEW
        score = block.score[block.present[row]]
        return Reason.OUTCOME_CONSTANT if score.min() == score.max() else None
    if (sizes > 0).sum() < 2:
        return Reason.ONE_CLASS
    if kind is OutcomeKind.BINARY and sizes.min() < settings.least_per_class:
        return Reason.TOO_FEW
    return Reason.TOO_FEW if kind is OutcomeKind.GRADE and n < settings.least_subjects else None


def _smallest(endpoint: Endpoint, sizes: Ints) -> int:
    """What few events are counted by: the smaller class, or those with the event; of an ordinal outcome, all subjects."""
    if endpoint.kind is OutcomeKind.TIME:
        return int(sizes[1])
    if endpoint.kind in (OutcomeKind.GRADE, OutcomeKind.NUMBER):
        return int(sizes.sum())
    return int(sizes.min())


def _compute(block: Block, record: Method, endpoint: Endpoint, settings: Univariable, usable: Ints) -> Outcome:
    """The method on what can be analysed; where nothing can, on nothing, so that the rows are the same."""
    if endpoint.kind not in record.endpoints or (endpoint.kind is OutcomeKind.BINARY and settings.pairs):
        settings = replace(settings, pairs=())
    if endpoint.kind not in record.endpoints:
        block = _stand_in(block, record)
    return record.compute(block.rows(usable), settings)


def _stand_in(block: Block, record: Method) -> Block:
    """A block of a kind of endpoint that the method takes: it is asked about no biomarker, and so gives the rows it would have."""
    none = block.subjects(np.zeros(block.group.size, dtype=np.bool_))
    empty, whole = np.empty(0), np.empty(0, dtype=np.int64)
    kind = record.endpoints[0]
    return replace(
        none,
        kind=kind,
        levels=() if kind is OutcomeKind.NUMBER else (*block.levels, "", "")[:2],
        course=Course(time=empty, cause=whole, causes=("event",)) if kind is OutcomeKind.TIME else None,
    )


def _settings(record: Method, settings: Univariable) -> str:
    """The settings in force, as JSON."""
    names = ("adjust", "families", *record.options)
    if settings.adjust in NEEDS_DATA:
        names = (*names, "permutations", "seed")
    values = {name: getattr(settings, name) for name in names}
    plain = {
        name: asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
        for name, value in values.items()
    }
    return json.dumps(plain, sort_keys=True, separators=(",", ":"))


def _adjusted(parts: Iterable[_Part], settings: Univariable) -> tuple[Floats, list[str | None]]:
    """Adjusted P of every result, and the name of its family."""
    listed = list(parts)
    p = np.concatenate([part.p for part in listed])
    if settings.adjust == Adjust.NONE:
        return np.full(p.size, np.nan), [None] * p.size
    keys = pl.concat([part.keys.select(settings.families) for part in listed])
    names = [
        "; ".join(f"{column} {value or '-'}" for column, value in zip(settings.families, row, strict=True))
        for row in keys.iter_rows()
    ]
    result = np.full(p.size, np.nan)
    where: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        where.setdefault(name, []).append(i)
    if settings.adjust in NEEDS_DATA:
        result = _permuted(listed, where, settings)
    else:
        for at in where.values():
            result[at] = adjust(p[at], settings.adjust)
    return result, [f"{ADJUSTMENTS[settings.adjust]} over: {name}" for name in names]


def _permuted(parts: Sequence[_Part], families: Mapping[str, list[int]], settings: Univariable) -> Floats:
    """Westfall and Young's adjusted P; a family lies within one endpoint, population and method (see ``check``)."""
    starts = np.cumsum([0, *(part.keys.height for part in parts)])
    result = np.full(int(starts[-1]), np.nan)
    for name, at in families.items():
        place = int(np.searchsorted(starts, at[0], side="right")) - 1
        part = parts[place]
        rows = np.array(at, dtype=np.int64) - starts[place]
        rows = rows[~part.failed[rows]]
        if not rows.size or part.method.scores is None:
            continue
        scores = part.method.scores(part.block.rows(rows), settings)
        found = westfall_young(
            scores.biomarkers,
            scores.outcome,
            permutations=settings.permutations,
            rng=np.random.default_rng([settings.seed, zlib.crc32(name.encode())]),
            min_p=settings.adjust == Adjust.MIN_P,
        )
        result[starts[place] + rows] = found.min_p if settings.adjust == Adjust.MIN_P else found.max_t
    return result


def _frame(part: _Part, adjusted: Floats, families: list[str | None], settings: Univariable) -> pl.DataFrame:
    """The rows of a part: every statistic of every biomarker."""
    m = part.keys.height
    unadjusted = [[Notice.NOT_ADJUSTED]] * m if settings.adjust == Adjust.NONE else None
    first, *rest = part.estimates
    tables = [_estimate(part, first, m, part.usable, settings, order=0)]
    whole = Estimate(name=P_ADJUSTED.name, value=adjusted, notices=unadjusted)
    tables.append(_estimate(part, whole, m, np.arange(m), settings, order=1))
    tables += [_estimate(part, e, m, part.usable, settings, order=i) for i, e in enumerate(rest, start=2)]
    keys = part.keys.with_columns(pl.Series("family", families, dtype=TEXT)).with_row_index("row")
    rows = pl.concat(tables).join(keys, on="row", how="left").sort("row", "order", maintain_order=True)
    none = pl.lit(None)
    told = pl.concat_str("whole_notices", "own_notices").str.split(";").list.unique(maintain_order=True)
    return rows.with_columns(
        value=pl.when(pl.col("error").is_null()).then("value").otherwise(none),
        text=pl.when(pl.col("error").is_null()).then("text").otherwise(none),
        unit=pl.when(pl.col("own")).then("own_unit").otherwise("unit"),
        n=pl.coalesce("n", "whole_n"),
        n_censored=pl.coalesce("n_censored", "whole_censored"),
        notices=told.list.filter(pl.element() != ""),
    ).select(RESULTS.names)


def _estimate(
    part: _Part, estimate: Estimate, m: int, usable: Ints, settings: Univariable, *, order: int
) -> pl.DataFrame:
    """One statistic of m biomarkers; those that could not be analysed get an empty row."""
    statistic = part.method.statistic(estimate.name)
    value, n, cut = np.full(m, np.nan), np.full(m, -1), np.full(m, -1)
    text: list[str | None] = [None] * m
    notices = [""] * m
    if estimate.value is not None:
        value[usable] = estimate.value
    if estimate.n is not None and estimate.n_censored is not None:
        n[usable], cut[usable] = estimate.n, estimate.n_censored
    for position, i in enumerate(usable.tolist()):
        if estimate.text is not None:
            text[i] = estimate.text[position]
        if estimate.notices is not None:
            notices[i] = _joined(notice.value for notice in estimate.notices[position])
    used = settings.adjust if estimate.level == "" else settings.pair_adjust
    table = pl.DataFrame(
        {
            "row": np.arange(m, dtype=np.uint32),
            "order": np.full(m, order),
            "stat_name": [estimate.name] * m,
            "stat_label": [statistic.label.format(adjust=ADJUSTMENTS[used])] * m,
            "level": [estimate.level] * m,
            "value": pl.Series(value, dtype=NUMBER).fill_nan(None),
            "text": pl.Series(text, dtype=TEXT),
            "unit": pl.Series(["ratio" if statistic.unit == "ratio" else None] * m, dtype=TEXT),
            "own": [statistic.unit == "own"] * m,
            "n": pl.Series(n, dtype=WHOLE).replace(-1, None),
            "n_censored": pl.Series(cut, dtype=WHOLE).replace(-1, None),
            "own_notices": pl.Series(notices, dtype=TEXT),
        }
    )
    if "cell" in statistic.scopes:  # categories of other biomarkers
        return table.filter(pl.col("value").is_not_null())
    return table


def _joined(codes: Iterable[str]) -> str:
    """Codes of notices as one text, each ended by a semicolon."""
    return "".join(f"{code};" for code in codes)


__all__ = ["ADJUSTMENTS", "associate", "compare"]
