"""Every row of the pharmacokinetic parameters of the pharmaverse example (SDTM PP) against the stage on its concentrations (SDTM PC).

What agrees agrees in every row; what does not is explained in every row by one rule of each side.
"""

from __future__ import annotations

import csv
from typing import Any

import pytest
from tests.external import external
from tests.unit.parameters.frames import measurements, run

from correlates.parameters.settings import Blq, Line, Profile

EXACT = 1e-9  # closed forms; the file prints 15 digits
WHOLE: dict[str, Any] = {"of": "pc", "window": (0.0, 48.0), "rule": "linear"}
BELOW = Blq(before="zero", between="zero", after="drop")


def _rows(name: str) -> list[dict[str, str]]:
    with external(f"data/kinetics/pharmaverse/{name}.csv").open() as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def published() -> dict[tuple[str, str], set[float]]:
    found: dict[tuple[str, str], set[float]] = {}
    for row in _rows("pp"):
        if row["PPSPEC"] == "PLASMA":
            found.setdefault((row["USUBJID"], row["PPTESTCD"]), set()).add(float(row["PPSTRESN"]))
    assert len({s for s, _ in found}) == 168
    return found


@pytest.fixture(scope="module")
def derived(published: dict[tuple[str, str], set[float]]) -> dict[tuple[str, str], float | None]:
    """Our parameters of the 168 subjects with published ones, hours as days."""
    who = sorted({s for s, _ in published})
    profiles: dict[str, list[tuple[Any, ...]]] = {s: [] for s in who}
    for row in _rows("pc"):
        if row["PCSPEC"] == "PLASMA" and row["USUBJID"] in profiles:
            below = row["PCORRES"].startswith("<")
            point = (float(row["PCTPTNUM"]), float(row["PCLLOQ"] if below else row["PCSTRESN"]))
            profiles[row["USUBJID"]].append((*point, "left") if below else point)
    four = {s: tuple(sorted(p[0] for p in points if len(p) == 2))[-4:] for s, points in profiles.items()}
    specs = {
        "CMAX": Profile(take="cmax", **WHOLE),
        "TMAX": Profile(take="tmax", **WHOLE),
        "CLST": Profile(take="clast", **WHOLE),
        "AUCLST": Profile(take="auc", blq=BELOW, at_end="stop_at_last", **WHOLE),
        "LAMZHL": Profile(take="half_life", **WHOLE),
        "LAMZNPT": Profile(take="lambda_z_points", **WHOLE),
        "WITH_PEAK.HL": Profile(take="half_life", line=Line(days=four), **WHOLE),
        "WITH_PEAK.LAMZ": Profile(take="lambda_z", line=Line(days=four), **WHOLE),
        "WITH_PEAK.INF": Profile(take="auc_inf", line=Line(days=four), blq=BELOW, **WHOLE),
        "ALL": Profile(take="auc", blq=Blq(after="zero"), at_end="stop_at_last", **WHOLE),
    }
    given = measurements(profiles, assay="pc", analyte="XAN", unit="ug/mL")
    got = run(specs, who, measurements=given).parameters
    return {(s, c): v for s, c, v in got.select("subject_id", "code", "value").iter_rows()}


def _compare(published: Any, derived: Any, theirs: str, ours: str) -> list[float]:
    pairs = [(next(iter(values)), derived[s, ours]) for (s, code), values in published.items() if code == theirs]
    assert len(pairs) == 168
    return [a / b - 1 for a, b in pairs]


def test_a_parameter_of_a_subject_has_one_value(published: Any) -> None:
    """The file repeats AUCALL and CLST four times, with the same value."""
    assert {len(values) for values in published.values()} == {1}


@pytest.mark.parametrize("code", ["CMAX", "TMAX", "CLST", "AUCLST"])
def test_every_row_is_reproduced(published: Any, derived: Any, code: str) -> None:
    assert _compare(published, derived, code, code) == pytest.approx([0.0] * 168, abs=EXACT)


def test_the_first_subject_by_hand_of_the_file(published: Any, derived: Any) -> None:
    assert derived["01-701-1028", "AUCLST"] == pytest.approx(18.0875151487602, rel=1e-14)
    assert published["01-701-1028", "AUCLST"] == {18.0875151487602}


def test_their_terminal_line_goes_through_the_peak(published: Any, derived: Any) -> None:
    """Four points with the peak in every row; ours leaves the peak out, as PKNCA and WinNonlin do, and has three."""
    assert {next(iter(v)) for (_, code), v in published.items() if code == "LAMZNPT"} == {4.0}
    assert {v for (_, code), v in derived.items() if code == "LAMZNPT"} == {3.0}
    assert max(map(abs, _compare(published, derived, "LAMZHL", "LAMZHL"))) == pytest.approx(7.543e-4, rel=1e-3)


def test_with_the_peak_chosen_by_hand_every_rate_is_reproduced(published: Any, derived: Any) -> None:
    assert _compare(published, derived, "LAMZ", "WITH_PEAK.LAMZ") == pytest.approx([0.0] * 168, abs=EXACT)


def test_their_half_life_is_0_693_over_the_rate(published: Any, derived: Any) -> None:
    """In every row, where ln 2 is 0.693147...: with that figure every row is reproduced."""
    ratio = [1 + d for d in _compare(published, derived, "LAMZHL", "WITH_PEAK.HL")]
    assert ratio == pytest.approx([0.693 / 0.6931471805599453] * 168, rel=EXACT)


def test_what_they_call_auc_all_is_the_area_to_infinity(published: Any, derived: Any) -> None:
    """AUCALL would add the triangle to the first value below the limit; in every row it adds Clast over lambda_z instead."""
    assert _compare(published, derived, "AUCALL", "WITH_PEAK.INF") == pytest.approx([0.0] * 168, abs=EXACT)
    assert min(abs(d) for d in _compare(published, derived, "AUCALL", "ALL")) > 1e-4


def test_subjects_without_published_parameters_had_placebo(published: Any) -> None:
    """86 subjects have concentrations and no parameters: all of their values are below the limit."""
    quantified = {r["USUBJID"] for r in _rows("pc") if r["PCSPEC"] == "PLASMA" and not r["PCORRES"].startswith("<")}
    everybody = {r["USUBJID"] for r in _rows("pc")}
    assert quantified == {s for s, _ in published}
    assert len(everybody - quantified) == 86


def test_indometh_by_the_stage() -> None:
    """Indometh: no sample at time 0, so there is no area from 0 unless the plan says how it starts."""
    with external("data/kinetics/r_datasets/Indometh.csv").open() as stream:
        rows = [(float(r["time"]), float(r["conc"])) for r in csv.DictReader(stream) if r["Subject"] == "1"]
    given = measurements({"1": rows}, assay="i", analyte="I", unit="ug/mL")
    specs = {
        "NONE": Profile(take="auc", of="i", window=(0.0, 8.0)),
        "FROM_FIRST": Profile(take="auc", of="i", window=(0.0, 8.0), rule="linear", at_start="first_sample"),
        "ZERO": Profile(take="auc", of="i", window=(0.0, 8.0), rule="linear", at_start="zero"),
    }
    got = {r["code"]: r for r in run(specs, ["1"], measurements=given).parameters.iter_rows(named=True)}
    assert got["NONE"]["reason"] == "window-not-covered"
    # 0.305 + 0.215 + 0.1575 + 0.10625 + 0.21 + 0.155 + 0.115 + 0.095 + 0.075 + 0.12, the ten trapezoids on paper
    assert got["FROM_FIRST"]["value"] == pytest.approx(1.55375, rel=1e-12)
    # a zero at time 0 of an intravenous dose adds a triangle of 0.25 h x 1.5 / 2 that nobody measured
    assert got["ZERO"]["value"] == pytest.approx(1.55375 + 0.1875, rel=1e-12)
