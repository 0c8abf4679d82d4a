"""Tables of docs/methods/error_rates.md from what the calibration tests printed: python scripts/error_rates.py LOG..."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

from correlates.association import METHODS

SIZES = ("20", "50", "101")
SHAPES = ("balanced", "15 %")
VALUES = ("no ties", "ties", "30 % censored")
LARGE = ", large samples"


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")


def _lines(paths: list[str]) -> dict[str, list[list[str]]]:
    """Printed lines by their first word."""
    found: dict[str, list[list[str]]] = defaultdict(list)
    for path in paths:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            at = line.find("|")
            if at >= 0 and line.rstrip().endswith("|"):
                kind, *cells = line[at:].strip()[1:-1].split("|")
                found[kind].append(cells)
    return found


def _short(value: str) -> str:
    return value[1:] if value.startswith("0.") else value


def type_one(rows: list[list[str]]) -> None:
    """One table per kind of values: a row per method, the asymptotic forms apart."""
    shares = {(name, n, shape, how): (share, made) for name, n, shape, how, share, made in rows}
    order = [method.code for method in METHODS]
    names = sorted({row[0] for row in rows}, key=lambda name: (order.index(name.partition(",")[0]), name))
    for large in (False, True):
        for how in VALUES:
            _tell(f"\n### {how.capitalize()}{', large-sample form' if large else ''}\n")
            _tell("| test | tests | " + " | ".join(f"{n}, {s}" for n in SIZES for s in SHAPES) + " |")
            _tell("|---|---|" + "---|" * 6)
            for name in names:
                if name.endswith(LARGE) != large or not any(key[0] == name and key[3] == how for key in shares):
                    continue
                cells = [shares.get((name, n, s, how)) for n in SIZES for s in SHAPES]
                made = sorted(int(cell[1]) for cell in cells if cell and int(cell[1]))
                told = " | ".join("-" if cell is None or int(cell[1]) < 50 else _short(cell[0]) for cell in cells)
                size = f"{made[0]:,}" if made[0] == made[-1] else f"{made[0]:,} to {made[-1]:,}"
                _tell(f"| {name.removesuffix(LARGE)} | {size} | {told} |")


def coverage(rows: list[list[str]]) -> None:
    """A row per interval, a column per size."""
    sizes = [n for n in dict.fromkeys(row[1] for row in rows) if n in SIZES]
    told: dict[str, dict[str, str]] = defaultdict(dict)
    made: dict[str, list[str]] = defaultdict(list)
    for name, n, share, of in rows:
        told[name][n] = _short(share)
        made[name].append(of)
    _tell("\n| interval | " + " | ".join(sizes) + " | trials |\n|---|" + "---|" * (len(sizes) + 1))
    for name, at in told.items():
        if set(at) & set(sizes):
            _tell(f"| {name} | " + " | ".join(at.get(n, "") for n in sizes) + f" | {min(made[name], key=len)} |")


def multiplicity(rows: list[list[str]]) -> None:
    """Parts added up."""
    total: dict[tuple[str, str, str], list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0, 0.0])
    for name, rho, real, *rates, families in rows:
        one = total[rho, real, name]
        for i, rate in enumerate(rates):
            one[i] += float(rate) * int(families)
        one[3] += int(families)
    _tell("\n| adjustment | correlation | true shifts | any | FDR | power | families |\n|---|---|---|---|---|---|---|")
    for (rho, real, name), (any_, fdr, power, n) in total.items():
        strong = _short(f"{power / n:.4f}") if int(real) else ""
        _tell(
            f"| {name} | {rho} | {real} | {_short(f'{any_ / n:.4f}')} | {_short(f'{fdr / n:.4f}')} | {strong} | {n:,.0f} |"
        )


def discoveries(power: list[list[str]], fdr: list[list[str]]) -> None:
    """Parts added up: shares of trials."""
    hits: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for endpoint, biomarker, kind, *counts in power:
        for i, count in enumerate(counts):
            hits[endpoint, biomarker, kind][i] += int(count)
    _tell("\n| endpoint | biomarker | | P < .05 | found (BH) |\n|---|---|---|---|---|")
    for (endpoint, biomarker, kind), (raw, found, n) in hits.items():
        _tell(f"| {endpoint} | {biomarker} | {kind} | {_short(f'{raw / n:.3f}')} | {_short(f'{found / n:.3f}')} |")
    _tell("")
    for endpoint in dict.fromkeys(row[0] for row in fdr):
        mine = [row for row in fdr if row[0] == endpoint]
        trials = sum(int(row[2]) for row in mine)
        share = sum(float(row[1]) * int(row[2]) for row in mine) / trials
        null = sum(int(row[3]) for row in mine) / sum(int(row[4]) for row in mine)
        tests = sum(int(row[4]) for row in mine)
        _tell(
            f"* {endpoint}: false discovery rate {share:.4f} in {trials} trials; P < .05 in {null:.4f} of {tests} tests of nulls."
        )


def main(paths: list[str]) -> None:
    """Print the tables of whatever the logs hold."""
    rows = _lines(paths)
    if "TYPE1" in rows:
        type_one(rows["TYPE1"])
    if "COVER" in rows:
        coverage([row for row in rows["COVER"] if len(row) == 4])
    if "MULT" in rows:
        multiplicity(rows["MULT"])
    if "POWER" in rows:
        discoveries(rows["POWER"], rows["FDR"])


if __name__ == "__main__":
    main(sys.argv[1:])
