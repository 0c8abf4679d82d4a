"""Gates of flow cytometry that contradict each other: sums, counts and frequencies of one sample that cannot all be true."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from correlates.readers.clinical import check
from correlates.readers.flow_layout import COUNT, PARENT
from correlates.readers.settings import Gates

Path = tuple[str, ...]

_SIGNED = r"[A-Za-z][A-Za-z0-9]*(?:[-.][A-Za-z0-9]+)*"
_QUADRANT = re.compile(rf"^(?:Q\d\s*:\s*)?(?P<a>{_SIGNED})\s?(?P<x>[+-])\s*[,;/]?\s*(?P<b>{_SIGNED})\s?(?P<y>[+-])$")
_ONE = re.compile(rf"^(?P<a>{_SIGNED})\s?(?P<x>[+-])$")
_CD4, _CD8 = re.compile(r"^CD4\s?\+?( T cells)?$", re.IGNORECASE), re.compile(r"^CD8\s?\+?( T cells)?$", re.IGNORECASE)
_OF_ONE_WHOLE = re.compile(r"^Freq\. of (?!Parent$|Grandparent$)")
_DECIMALS = re.compile(r"[.,](\d+)\s*%?$")
_DOUBLE_POSITIVE = 5.0  # per cent of CD3+ cells that may carry both CD4 and CD8
_ROUNDING = 1.0  # percentage points


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A statistic of a population of one sample; ``path`` and ``statistic`` as in the layout, ``text`` as written."""

    sample: str
    subject: str
    path: Path
    statistic: str
    attribute: str
    unit: str | None
    text: str
    value: float | None
    bad: bool
    source_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share:
    """A population in per cent of its parent: as the file says, else by the counts of both."""

    value: float
    source_ids: tuple[str, ...]


def _rule(file: str, rule: str, required: str, tried: int, failed: list[dict[str, object]]) -> list[dict[str, object]]:
    """The failures of a rule, or that it held wherever it was applied."""
    if failed or not tried:
        return failed
    return [
        check(
            scope="source",
            item=file,
            rule=rule,
            found=f"{tried} cases, all as required",
            value=float(tried),
            required=required,
            passed=True,
            action="none",
        )
    ]


def _failure(
    rule: str, required: str, found: str, value: float, sample: str, target: str, ids: Sequence[str]
) -> dict[str, object]:
    return check(
        scope="sample",
        item=sample,
        target=target,
        rule=rule,
        found=found,
        value=value,
        required=required,
        passed=False,
        action="flagged",
        source_ids=list(dict.fromkeys(ids)),
    )


def percentages(values: Sequence[Value], file: str) -> list[dict[str, object]]:
    """Frequencies outside 0 to 100, and a file whose frequencies look like fractions."""
    shares = [v for v in values if v.unit == "%" and v.value is not None]
    required = "a percentage of 0 to 100"
    failed = [
        _failure("percentage", required, f"{v.value:g} %", v.value, v.sample, v.attribute, [v.source_id])
        for v in shares
        if v.value is not None and not 0 <= v.value <= 100
    ]
    rows = _rule(file, "percentage", required, len(shares), failed)
    if len(shares) > 3 and max(v.value or 0.0 for v in shares) <= 1.0:
        rows.append(
            check(
                scope="source",
                item=file,
                rule="percent-or-fraction",
                found=f"no frequency of {len(shares)} is above 1",
                value=max(v.value or 0.0 for v in shares),
                required="frequencies in per cent",
                passed=False,
                action="flagged",
                source_ids=list(dict.fromkeys(v.source_id for v in shares)),
            )
        )
    return rows


def contradictions(
    values: Sequence[Value], declared: Sequence[tuple[list[Path], Gates]], file: str
) -> list[dict[str, object]]:
    """What cannot be true of the gates of a sample, rule by rule; a rule that held is one row.

    Parameters
    ----------
    values
        Statistics of one file.
    declared
        Populations that exclude each other, and how.
    file
        Its name, in the checks.
    """
    counts = _by_sample(values, COUNT)
    shares = _shares(values, counts)
    return [
        *_within_parent(values, file),
        *_by_count(values, counts, file),
        *_exclusive(shares, declared, file),
        *_cd4_cd8(shares, file),
    ]


def _by_sample(values: Sequence[Value], statistic: str) -> dict[str, dict[Path, Value]]:
    found: dict[str, dict[Path, Value]] = {}
    for value in values:
        if value.statistic == statistic and value.value is not None and value.path:
            found.setdefault(value.sample, {})[value.path] = value
    return found


def _shares(values: Sequence[Value], counts: Mapping[str, Mapping[Path, Value]]) -> dict[str, dict[Path, _Share]]:
    found: dict[str, dict[Path, _Share]] = {}
    for sample, of in counts.items():
        for path, child in of.items():
            parent = of.get(path[:-1])
            if parent is not None and child.value is not None and parent.value:
                share = _Share(value=100.0 * child.value / parent.value, source_ids=(child.source_id, parent.source_id))
                found.setdefault(sample, {})[path] = share
    for sample, frequencies in _by_sample(values, PARENT).items():
        for path, value in frequencies.items():
            assert value.value is not None
            found.setdefault(sample, {})[path] = _Share(value=value.value, source_ids=(value.source_id,))
    return found


def _within_parent(values: Sequence[Value], file: str) -> list[dict[str, object]]:
    """No more events than the parent, and no larger share of a whole that both are of (Freq. of Total)."""
    rows: list[dict[str, object]] = []
    for statistic in dict.fromkeys(v.statistic for v in values):
        if statistic != COUNT and not _OF_ONE_WHOLE.match(statistic):
            continue
        rule, required = (
            ("count-above-parent", "no more events than the parent gate has")
            if statistic == COUNT
            else ("frequency-above-parent", "no larger a share of the same whole than the parent gate has")
        )
        tried, failed = 0, []
        for sample, of in _by_sample(values, statistic).items():
            for path, child in of.items():
                parent = of.get(path[:-1])
                if parent is None or child.value is None or parent.value is None:
                    continue
                tried += 1
                slack = 0.0 if statistic == COUNT else _half_digit(child.text) + _half_digit(parent.text)
                if child.value > parent.value + slack:
                    unit = "" if statistic == COUNT else " %"
                    found = f"{path[-1]} {child.value:,.10g}{unit} > {path[-2]} {parent.value:,.10g}{unit}"
                    ids = [child.source_id, parent.source_id]
                    failed.append(_failure(rule, required, found, child.value, sample, child.attribute, ids))
        rows += _rule(file, rule, required, tried, failed)
    return rows


def _half_digit(text: str) -> float:
    """Half of the last digit that is written: what rounding may hide."""
    decimals = _DECIMALS.search(text.strip())
    return 0.5 * 10.0 ** -(len(decimals[1]) if decimals else 0) * (1.0 + 1e-9)


def _by_count(
    values: Sequence[Value], counts: Mapping[str, Mapping[Path, Value]], file: str
) -> list[dict[str, object]]:
    """A frequency of the parent against the events of the gate and of its parent, where the file has both."""
    tried, failed = 0, []
    required = "the frequency that the events of the gate and of its parent give, rounded"
    for sample, frequencies in _by_sample(values, PARENT).items():
        of = counts.get(sample, {})
        for path, share in frequencies.items():
            child, parent = of.get(path), of.get(path[:-1])
            if child is None or parent is None or child.value is None or not parent.value or share.value is None:
                continue
            tried += 1
            by_count = 100.0 * child.value / parent.value
            if abs(share.value - by_count) > _half_digit(share.text):
                found = f"{share.value:g} %; {child.value:,.10g} of {parent.value:,.10g} {path[-2]} events are {by_count:.4g} %"
                ids = [share.source_id, child.source_id, parent.source_id]
                failed.append(
                    _failure("frequency-by-count", required, found, share.value, sample, share.attribute, ids)
                )
    return _rule(file, "frequency-by-count", required, tried, failed)


def _signs(paths: Sequence[Path]) -> Iterator[tuple[list[Path], Gates]]:
    """The signs of two markers (quadrants) and of one marker under one parent."""
    groups: dict[tuple[Path, str, str], dict[str, Path]] = {}
    for path in paths:
        if found := _QUADRANT.match(path[-1]):
            groups.setdefault((path[:-1], found["a"], found["b"]), {})[found["x"] + found["y"]] = path
        elif found := _ONE.match(path[-1]):
            groups.setdefault((path[:-1], found["a"], ""), {})[found["x"]] = path
    for signs in groups.values():
        if len(signs) > 1:
            of = list(signs.values())
            yield of, Gates(of=tuple("/".join(p) for p in of), complete=len(signs) == 4, tolerance=_ROUNDING)


def _exclusive(
    samples: Mapping[str, Mapping[Path, _Share]], declared: Sequence[tuple[list[Path], Gates]], file: str
) -> list[dict[str, object]]:
    """Sums of gates that exclude each other; where a sample lacks some of a set, those it has are held against 100 %."""
    paths = list(dict.fromkeys(p for shares in samples.values() for p in shares))
    named = {frozenset(of) for of, _ in declared}
    sets = [*declared, *((of, g) for of, g in _signs(paths) if frozenset(of) not in named)]
    tried: dict[str, int] = {}
    failed: dict[str, list[dict[str, object]]] = {}
    needs: dict[str, str] = {}
    for of, gate in sets:
        parent = "/".join(of[0][:-1])
        for sample, shares in samples.items():
            there = [p for p in of if p in shares]
            if len(there) < 2:
                continue
            whole = gate.complete and len(there) == len(of)
            rule = "complete-gates" if whole else "exclusive-gates"
            bound = f"100 % within {gate.tolerance:g}" if whole else f"at most {100 + gate.tolerance:g} %"
            needs[rule] = bound
            total = sum(shares[p].value for p in there)
            tried[rule] = tried.get(rule, 0) + 1
            if total > 100 + gate.tolerance or (whole and total < 100 - gate.tolerance):
                terms = " + ".join(f"{p[-1]} {shares[p].value:.6g}" for p in there)
                ids = [i for p in there for i in shares[p].source_ids]
                row = _failure(rule, bound, f"{terms} = {total:.6g} %", total, sample, parent, ids)
                failed.setdefault(rule, []).append(row)
    return [row for rule, n in tried.items() for row in _rule(file, rule, needs[rule], n, failed.get(rule, []))]


def _cd4_cd8(samples: Mapping[str, Mapping[Path, _Share]], file: str) -> list[dict[str, object]]:
    """CD4+ and CD8+ of one parent: some cells carry both, few do."""
    tried, failed = 0, []
    required = f"CD4+ and CD8+ together at most {100 + _DOUBLE_POSITIVE:g} % of their parent"
    for sample, shares in samples.items():
        for path, four in shares.items():
            other = next((p for p in shares if p[:-1] == path[:-1] and _CD8.match(p[-1])), None)
            if not _CD4.match(path[-1]) or other is None:
                continue
            tried += 1
            eight = shares[other]
            total = four.value + eight.value
            if total > 100 + _DOUBLE_POSITIVE:
                found = f"{path[-1]} {four.value:.6g} + {other[-1]} {eight.value:.6g} = {total:.6g} %"
                parent = "/".join(path[:-1])
                ids = [*four.source_ids, *eight.source_ids]
                failed.append(_failure("cd4-cd8-sum", required, found, total, sample, parent, ids))
    return _rule(file, "cd4-cd8-sum", required, tried, failed)
