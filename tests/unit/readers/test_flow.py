"""Tables of flow cytometry: FlowJo, FACSDiva and plain ones as product attributes, and gates that contradict each other."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from correlates.errors import InputError, PlanError
from correlates.parameters import derive
from correlates.pipeline.gather import gather
from correlates.pipeline.run import check
from correlates.pipeline.store import silent
from correlates.readers.flow import read_flow
from correlates.readers.settings import Gates
from correlates.schema import TABLES

T = "Lymphocytes/CD3+"
FLOWJO = f""",{T} | Freq. of Parent (%),{T} | Count,{T}/CD4+ | Freq. of Parent (%),{T}/CD8+ | Freq. of Parent (%),{T}/CAR+ | Freq. of Parent (%),{T}/CAR+ | Geometric Mean (Comp-APC-A),
S-01_product.fcs,91.5 %,9150,60 %,38 %,45.2 %,5120,
S-02_product.fcs,88.25 %,8825,20 %,75.5 %,¥,n/a,
S-02_FMO.fcs,88.3 %,8830,20 %,75 %,0.1 %,20,
Mean,89.4 %,8935,33 %,62 %,22.7 %,2570,
SD,1.9 %,200,23 %,21 %,31.9 %,3606,
"""
PATTERN = r"^(S-\d+)_"

DIVA_WIDE = """Specimen Name,Tube Name,Record Date,All Events #Events,T cells #Events,T cells %Parent,CAR %Parent,CAR APC-A Mean
S-01,product,"Mar 18, 2014 12:38:58 PM",20000,12000,60.0,41.5,5120
S-02,product,"Mar 18, 2014 12:41:07 PM",20000,25000,125.0,38.0,4711
"""

DIVA_BLOCKS = """Experiment Name:,Products
Specimen Name:,S-01
Tube Name:,product
Record Date:,"Mar 18, 2014 12:38:58 PM"

Population,Parent Name,#Events,%Parent,%Total
All Events,####,20000,####,100.0
T cells,All Events,12000,60.0,60.0
CAR,T cells,4980,41.5,24.9

Specimen Name:,S-02
Tube Name:,product

Population,Parent Name,#Events,%Parent,%Total
All Events,####,20000,####,100.0
T cells,All Events,10000,50.0,50.0
CAR,T cells,3800,38.0,19.0
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def wide(frame: pl.DataFrame) -> dict[tuple[str, str], float | None]:
    return {(s, a): v for s, a, v in frame.select("subject_id", "attribute", "value").iter_rows()}


def failed(checks: pl.DataFrame) -> list[tuple[str, str]]:
    return checks.filter(~pl.col("passed")).select("rule", "item").rows()


def codes(error: pytest.ExceptionInfo[InputError]) -> list[str]:
    return [p.code for p in error.value.problems]


def test_flowjo_table(tmp_path: Path) -> None:
    path = write(tmp_path / "flow.csv", FLOWJO)
    product, checks, file = read_flow(
        path,
        pattern=PATTERN,
        exclude=("*FMO*",),
        attributes={"CAR": "CD3+/CAR+ | Freq. of Parent"},
        relative_to=tmp_path,
    )
    found = wide(product)
    assert found["S-01", "CAR"] == 45.2
    assert found["S-02", "CAR"] is None
    assert found["S-01", f"{T} | Freq. of Parent"] == 91.5
    assert found["S-02", f"{T} | Count"] == 8825
    assert found["S-01", f"{T}/CAR+ | Geometric Mean (Comp-APC-A)"] == 5120
    assert set(product["subject_id"]) == {"S-01", "S-02"}
    units = dict(product.select("attribute", "unit").iter_rows())
    assert (units["CAR"], units[f"{T} | Count"]) == ("%", None)
    assert file.select("reader", "software").row(0) == ("flow", "FlowJo")
    assert failed(checks) == [("summary-row", "flow.csv"), ("summary-row", "flow.csv")]
    assert checks.filter(pl.col("rule") == "summary-row")["found"].to_list() == ["Mean in row 5", "SD in row 6"]
    assert set(checks.filter("passed")["rule"]) == {"percentage", "cd4-cd8-sum"}


def test_a_sample_called_mean_in_the_middle_is_a_sample(tmp_path: Path) -> None:
    text = "Sample,CD3+ | Count\nMean,1\nS-02,2\n"
    product, checks, _ = read_flow(write(tmp_path / "f.csv", text), pattern="(.+)")
    assert product["subject_id"].to_list() == ["Mean", "S-02"]
    assert failed(checks) == []


def test_decimal_commas(tmp_path: Path) -> None:
    text = FLOWJO.replace(",", ";").replace("91.5", "91,5").replace("88.25", "88,25").replace("45.2", "45,2")
    text = text.replace("60 %", "60,5 %")
    product, _, _ = read_flow(write(tmp_path / "f.csv", text), pattern=PATTERN, exclude=("*FMO*",))
    assert wide(product)["S-01", f"{T}/CD4+ | Freq. of Parent"] == 60.5


def test_facsdiva_rows(tmp_path: Path) -> None:
    product, checks, file = read_flow(write(tmp_path / "diva.csv", DIVA_WIDE), pattern="^(S-[0-9]+)_product")
    found = wide(product)
    assert found["S-01", "T cells | Freq. of Parent"] == 60.0
    assert found["S-01", "All Events | Count"] == 20000
    assert ("S-01", "CAR APC-A Mean") not in found  # a statistic of a parameter: kept in the header of the file
    assert "APC-A Mean" in file["header"][0]
    assert file["software"][0] == "BD FACSDiva"
    row = checks.filter(~pl.col("passed")).row(0, named=True)
    assert (row["rule"], row["item"], row["found"]) == ("percentage", "S-02_product", "125 %")


def test_facsdiva_blocks(tmp_path: Path) -> None:
    product, checks, _ = read_flow(write(tmp_path / "diva.csv", DIVA_BLOCKS), pattern="^(S-[0-9]+)_product$")
    found = wide(product)
    assert found["S-01", "All Events/T cells/CAR | Freq. of Parent"] == 41.5
    assert found["S-02", "All Events/T cells/CAR | Count"] == 3800
    assert found["S-02", "All Events | Freq. of Total"] == 100.0
    assert failed(checks) == []
    assert checks.filter(pl.col("rule") == "count-above-parent")["value"].to_list() == [4.0]


def test_plain_table_with_a_column_of_subjects(tmp_path: Path) -> None:
    text = "USUBJID,CD4+ (%),CD8+ (%),VIABILITY (%)\nS-1,61,44.5,93\nS-2,50,49,101\n"
    product, checks, _ = read_flow(write(tmp_path / "f.csv", text), subject_id="USUBJID")
    assert wide(product)["S-1", "CD4+"] == 61
    assert failed(checks) == [("percentage", "S-2"), ("cd4-cd8-sum", "S-1")]
    assert checks.filter(pl.col("rule") == "cd4-cd8-sum")["found"].to_list() == ["CD4+ 61 + CD8+ 44.5 = 105.5 %"]


QUADRANTS = ("CCR7+CD45RA+", "CCR7+CD45RA-", "CCR7-CD45RA+", "CCR7-CD45RA-")


@pytest.mark.parametrize(
    ("shares", "rule"),
    [
        ((20, 30, 25, 25), None),
        ((20.3, 30.4, 25.2, 24.9), None),
        ((20, 30, 25, 27), "complete-gates"),
        ((20, 30, 25, 20), "complete-gates"),
    ],
)
def test_quadrants_are_found_and_must_be_the_whole(tmp_path: Path, shares: tuple[float, ...], rule: str | None) -> None:
    heads = ",".join(f"T/{q} | Freq. of Parent" for q in QUADRANTS)
    text = f"Sample,{heads}\nS-1,{','.join(map(str, shares))}\n"
    _, checks, _ = read_flow(write(tmp_path / "f.csv", text), pattern="(.*)")
    assert failed(checks) == ([(rule, "S-1")] if rule else [])
    if rule:
        row = checks.filter(~pl.col("passed")).row(0, named=True)
        assert row["value"] == sum(shares)
        assert row["target"] == "T"
        assert "CCR7-CD45RA- " in row["found"]


def test_flowjos_own_names_of_quadrants(tmp_path: Path) -> None:
    names = ["Q1: HLA-DR- , CD38+", "Q2: HLA-DR+ , CD38+", "Q3: HLA-DR+ , CD38-", "Q4: HLA-DR- , CD38-"]
    heads = ",".join(f'"T/{q} | Freq. of Parent"' for q in names)
    _, checks, _ = read_flow(write(tmp_path / "f.csv", f"Sample,{heads}\nS-1,50,30,20,10\n"), pattern="(.*)")
    assert failed(checks) == [("complete-gates", "S-1")]


def test_declared_gates(tmp_path: Path) -> None:
    text = "Sample,T/Tn | Freq. of Parent,T/Tcm | Freq. of Parent,T/Tem | Freq. of Parent\nS-1,50,40,12\nS-2,50,40,5\n"
    path = write(tmp_path / "f.csv", text)
    loose = Gates(of=("Tn", "Tcm", "Tem"))
    _, checks, _ = read_flow(path, pattern="(.*)", gates=[loose])
    assert failed(checks) == [("exclusive-gates", "S-1")]
    whole = Gates(of=("T/Tn", "T/Tcm", "T/Tem"), complete=True)
    _, checks, _ = read_flow(path, pattern="(.*)", gates=[whole])
    assert failed(checks) == [("complete-gates", "S-1"), ("complete-gates", "S-2")]
    wide_tolerance = Gates(of=("Tn", "Tcm", "Tem"), complete=True, tolerance=5.0)
    assert failed(read_flow(path, pattern="(.*)", gates=[wide_tolerance])[1]) == []


def test_more_events_than_the_parent(tmp_path: Path) -> None:
    text = "Sample,T | Count,T/CAR+ | Count\nS-1,1000,1200\nS-2,1000,1000\n"
    _, checks, _ = read_flow(write(tmp_path / "f.csv", text), pattern="(.*)")
    assert checks.filter(~pl.col("passed"))["found"].to_list() == ["CAR+ 1,200 > T 1,000"]


def test_quadrants_that_are_given_by_events_alone_are_held_against_their_parent(tmp_path: Path) -> None:
    heads = ",".join(f"T/{q} | Count" for q in QUADRANTS)
    text = f"Sample,T | Count,{heads}\nS-1,1000,200,300,250,250\nS-2,1000,400,300,250,250\n"
    _, checks, _ = read_flow(write(tmp_path / "f.csv", text), pattern="(.*)")
    assert failed(checks) == [("complete-gates", "S-2")]
    row = checks.filter(~pl.col("passed")).row(0, named=True)
    assert row["value"] == pytest.approx(120)
    assert len(row["source_ids"]) == 1  # all of one line of the file


def test_a_sample_that_lacks_a_quadrant_is_held_against_the_whole(tmp_path: Path) -> None:
    heads = ",".join(f"T/{q} | Freq. of Parent" for q in QUADRANTS)
    text = f"Sample,{heads}\nS-1,20,30,25,25\nS-2,60,30,25,\nS-3,20,30,25,\n"
    _, checks, _ = read_flow(write(tmp_path / "f.csv", text), pattern="(.*)")
    assert failed(checks) == [("exclusive-gates", "S-2")]


def test_positive_and_negative_of_one_marker_are_at_most_the_whole(tmp_path: Path) -> None:
    text = "Sample,T/CAR+ | Freq. of Parent,T/CAR- | Freq. of Parent\nS-1,45,55\nS-2,45,58\nS-3,45,30\n"
    _, checks, _ = read_flow(write(tmp_path / "f.csv", text), pattern="(.*)")
    assert failed(checks) == [("exclusive-gates", "S-2")]
    assert checks.filter(~pl.col("passed"))["found"].to_list() == ["CAR+ 45 + CAR- 58 = 103 %"]


def test_a_frequency_must_be_that_of_the_events(tmp_path: Path) -> None:
    """451 of 1,000 are 45.1 %, which may be written 45; 6.85 of 146 of 2,132 is 6.848, rounded."""
    text = (
        "Sample,T | Count,T/CAR+ | Count,T/CAR+ | Freq. of Parent\n"
        "S-1,1000,451,45\nS-2,2132,146,6.85\nS-3,1000,451,54.1\nS-4,1000,451,45.2\n"
    )
    _, checks, _ = read_flow(write(tmp_path / "f.csv", text), pattern="(.*)")
    assert failed(checks) == [("frequency-by-count", "S-3"), ("frequency-by-count", "S-4")]
    assert "451 of 1,000 T events are 45.1 %" in checks.filter(~pl.col("passed"))["found"][0]


def test_a_share_of_the_total_is_no_larger_than_the_parents(tmp_path: Path) -> None:
    text = "Sample,T | Freq. of Total,T/CAR+ | Freq. of Total\nS-1,31.2,31.3\nS-2,31.2,31.4\n"
    _, checks, _ = read_flow(write(tmp_path / "f.csv", text), pattern="(.*)")
    assert failed(checks) == [("frequency-above-parent", "S-2")]  # 0.1 is what rounding hides


def test_fractions_are_noticed(tmp_path: Path) -> None:
    text = "Sample,A | Freq. of Parent,B | Freq. of Parent\nS-1,0.6,0.3\nS-2,0.5,0.4\n"
    _, checks, _ = read_flow(write(tmp_path / "f.csv", text), pattern="(.*)")
    assert [r for r, _ in failed(checks)] == ["percent-or-fraction"]


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [
        (FLOWJO, {"pattern": r"^(X-\d+)"}, "no-subject"),
        (FLOWJO, {}, "no-subject-rule"),
        (FLOWJO, {"pattern": "S-.*"}, "no-subject-rule"),
        (FLOWJO, {"pattern": "(S-"}, "not-a-pattern"),
        (FLOWJO, {"subject_id": "USUBJID"}, "unknown-column"),
        (FLOWJO, {"pattern": PATTERN}, "duplicate-subject"),
        (FLOWJO, {"pattern": PATTERN, "exclude": ("*FMO*",), "attributes": {"X": "CD3+/TIM3+"}}, "unknown-column"),
        (FLOWJO, {"pattern": PATTERN, "exclude": ("*FMO*",), "attributes": {"X": "CAR+"}}, "ambiguous-population"),
        (FLOWJO, {"pattern": PATTERN, "exclude": ("*FMO*",), "gates": [Gates(of=("CAR+", "CARR"))]}, "unknown-gate"),
        (
            FLOWJO,
            {"pattern": PATTERN, "exclude": ("*FMO*",), "gates": [Gates(of=("CAR+", "CD3+"))]},
            "gates-of-two-parents",
        ),
        ("Sample\nS-1\n", {"pattern": "(.*)"}, "no-statistics"),
        ("Sample,A | Count,A | Count\nS-1,1,2\n", {"pattern": "(.*)"}, "duplicate-heading"),
        ("\n\n", {"pattern": "(.*)"}, "not-a-table"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, options: dict[str, object], code: str) -> None:
    with pytest.raises(InputError) as error:
        read_flow(write(tmp_path / "f.csv", text), **options)  # type: ignore[arg-type]
    assert code in codes(error)


PLAN = r"""
study: {id: F, title: Products}
sources:
  flow:
    kind: flow
    files: [flow/*.csv]
    pattern: '^(S-\d+)_'
    exclude: ['*FMO*']
    attributes: {CAR: CD3+/CAR+ | Freq. of Parent, CD4: CD3+/CD4+, CD8: CD3+/CD8+}
  product: {kind: product, file: product.csv, subject_id: USUBJID, units: {DOSE: 1e6 cells}}
parameters:
  CAR_CELLS: {take: product, attribute: CAR, times: DOSE, percent: true}
  CD4: {take: product, attribute: CD4}
  CD8: {take: product, attribute: CD8}
  CD4_CD8: {take: ratio, of: [CD4, CD8]}
"""


def derived(folder: Path) -> tuple[dict[tuple[str, str], tuple[float | None, str]], pl.DataFrame]:
    file, inputs = check(write(folder / "plan.yaml", PLAN))
    tables = gather(file, inputs, silent)
    needs = ("measurements", "burden", "product", "characteristics", "labs", "subjects")
    given = {t.name: tables.get(t.name, t.empty()) for t in TABLES if t.name in needs}
    rows = derive(file.plan.parameters, **given).parameters
    return {(s, c): (v, u) for s, c, v, u in rows.select("subject_id", "code", "value", "unit").iter_rows()}, tables[
        "checks"
    ]


def test_numbers_infused_and_ratios_through_a_plan(tmp_path: Path) -> None:
    (tmp_path / "flow").mkdir()
    write(tmp_path / "flow" / "f.csv", FLOWJO)
    write(tmp_path / "product.csv", "USUBJID,DOSE\nS-01,150\nS-02,200\n")
    found, checks = derived(tmp_path)
    assert found["S-01", "CAR_CELLS"] == (pytest.approx(67.8), "1e6 cells")  # 45.2 % of 150
    assert found["S-02", "CAR_CELLS"][0] is None
    assert found["S-01", "CD4_CD8"] == (pytest.approx(60 / 38), "ratio")
    assert {"summary-row", "cd4-cd8-sum"} <= set(checks["rule"])


def test_two_sources_of_one_attribute_are_refused(tmp_path: Path) -> None:
    (tmp_path / "flow").mkdir()
    write(tmp_path / "flow" / "f.csv", FLOWJO)
    write(tmp_path / "product.csv", "USUBJID,DOSE,CAR\nS-01,150,44\nS-02,200,31\n")
    with pytest.raises(InputError, match="attribute = 'CAR'"):
        derived(tmp_path)


def test_the_plan_names_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="matches no file"):
        check(write(tmp_path / "plan.yaml", PLAN))
