"""Burden, product attributes, characteristics, laboratory values and ratios of them."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from tests.unit.parameters.frames import one, rules, run

from correlates.errors import DerivationError
from correlates.parameters.settings import Burden, Characteristic, Lab, Product, Ratio
from correlates.schema import BURDEN, CHARACTERISTICS, LABS, PRODUCT, SUBJECTS
from correlates.terms import Timing


def burden(*rows: tuple[str, int, float | None, str]) -> pl.DataFrame:
    return BURDEN.frame(
        [{"subject_id": s, "day": d, "spd": v, "evaluator": e, "source_ids": [f"l/{s}/{d}"]} for s, d, v, e in rows]
    )


def product(*rows: tuple[str, str, float | None, str | None, str | None]) -> pl.DataFrame:
    return PRODUCT.frame(
        [
            {"subject_id": s, "attribute": a, "value": v, "text": t, "unit": u, "source_id": f"p/{s}/{a}"}
            for s, a, v, t, u in rows
        ]
    )


def labs(*rows: tuple[str, int | None, float | None, str | None, str | None], **more: Any) -> pl.DataFrame:
    return LABS.frame(
        [
            {"subject_id": s, "test": "LDH", "day": d, "value": v, "text": t, "unit": u, "source_id": f"b/{i}"} | more
            for i, (s, d, v, t, u) in enumerate(rows)
        ]
    )


def test_burden_is_the_last_assessment_that_counts() -> None:
    table = burden(
        ("A", -20, 100.0, ""), ("A", -6, 200.0, ""), ("A", -1, None, ""), ("A", 30, 50.0, ""), ("B", 30, 50.0, "")
    )
    got = run({"SPD": Burden(take="spd"), "EARLY": Burden(take="spd", until=-5)}, ["A", "B"], burden=table)
    assert one(got, "SPD")["reason"] == "not-measurable"
    early = one(got, "EARLY")
    assert (early["value"], early["day"], early["known_on_day"], early["source_ids"]) == (200.0, -6.0, -5.0, ["l/A/-6"])
    assert one(got, "SPD", "B")["reason"] == "not-recorded"


def test_burden_before_conditioning_by_diameters_and_by_volume() -> None:
    rows = [
        {"subject_id": "A", "day": d, "evaluator": "", "spd": s, "sld": sld, "mtv": v, "source_ids": [f"l/{d}"]}
        | ({} if v is not None else {"mtv_reason": "not-recorded"})
        for d, s, sld, v in ((-20, 1200.0, 40.0, 85.0), (-3, 2000.0, 55.0, None))
    ]
    table = BURDEN.frame(rows)
    specs = {
        "SLD": Burden(take="sld"),
        "MTV": Burden(take="mtv"),
        "SLD_C": Burden(take="sld", before="conditioning"),
        "MTV_C": Burden(take="mtv", before="conditioning"),
        "EARLIER": Burden(take="sld", before="conditioning", until=-30),
    }
    got = run(
        specs,
        ["A"],
        burden=table,
        subjects=SUBJECTS.frame([{"subject_id": "A", "conditioning_day": -5, "source_id": "d"}]),
    )
    assert (one(got, "SLD")["value"], one(got, "SLD")["unit"]) == (55.0, "mm")
    assert (one(got, "MTV")["value"], one(got, "MTV")["reason"]) == (None, "not-recorded")
    assert (one(got, "SLD_C")["value"], one(got, "SLD_C")["day"]) == (40.0, -20.0)
    assert (one(got, "MTV_C")["value"], one(got, "MTV_C")["unit"]) == (85.0, "mL")
    assert one(got, "EARLIER")["reason"] == "not-recorded"


def test_several_evaluators_must_be_chosen_from() -> None:
    table = burden(("A", -3, 100.0, "INVESTIGATOR"), ("A", -3, 120.0, "INDEPENDENT"))
    with pytest.raises(DerivationError, match="several evaluators"):
        run({"SPD": Burden(take="spd")}, ["A"], burden=table)
    got = run({"SPD": Burden(take="spd", evaluator="INDEPENDENT")}, ["A"], burden=table)
    assert one(got, "SPD")["value"] == 120.0


def test_number_of_cells_infused() -> None:
    table = product(
        ("A", "CD8", 40.0, None, "%"),
        ("A", "DOSE", 150.0, None, "1e6 cells"),
        ("B", "CD8", None, "<2", "%"),
        ("B", "DOSE", 1.5e8, None, "cells"),
        ("C", "CD8", 40.0, None, "%"),
    )
    specs = {
        "CD8": Product(take="product", attribute="CD8"),
        "N": Product(take="product", attribute="CD8", times="DOSE", percent=True, unit="1e6 cells"),
    }
    got = run(specs, ["A", "B", "C"], product=table)
    rows = [(one(got, "N", s)["value"], one(got, "N", s)["censoring"], one(got, "N", s)["reason"]) for s in "ABC"]
    assert rows == [(60.0, "none", None), (3.0, "left", None), (None, None, "not-recorded")]
    assert one(got, "N")["unit"] == "1e6 cells"
    assert one(got, "N")["source_ids"] == ["p/A/CD8", "p/A/DOSE"]
    assert (one(got, "CD8")["timing"], one(got, "CD8")["known_on_day"], one(got, "CD8", "B")["censoring"]) == (
        "product",
        0.0,
        "left",
    )


def test_percent_must_agree_with_the_unit_of_the_file() -> None:
    table = product(("A", "CD8", 40.0, None, "%"), ("A", "DOSE", 150.0, None, "1e6 cells"))
    with pytest.raises(DerivationError, match="percent is false"):
        run({"N": Product(take="product", attribute="CD8", times="DOSE")}, ["A"], product=table)
    with pytest.raises(DerivationError, match="Did you mean 'DOSE'"):
        run({"N": Product(take="product", attribute="CD8", times="DOES", percent=True)}, ["A"], product=table)


def test_characteristics() -> None:
    table = CHARACTERISTICS.frame(
        [
            {"subject_id": s, "name": n, "value": v, "category": c, "source_id": f"c/{s}/{n}"}
            for s, n, v, c in [
                ("A", "ECOG", 0.0, "0"),
                ("B", "ECOG", 1.0, "1"),
                ("C", "ECOG", None, "UNK"),
                ("A", "STAGE", None, "III"),
                ("B", "IPI", 3.0, None),
                ("A", "CRP_D7", 5.0, None),
            ]
        ]
    )
    specs = {
        "ECOG": Characteristic(take="characteristic", name="ECOG"),
        "ECOG_CLASS": Characteristic(take="characteristic", name="ECOG", categorical=True),
        "STAGE": Characteristic(take="characteristic", name="STAGE"),
        "IPI_CLASS": Characteristic(take="characteristic", name="IPI", categorical=True),
        "CRP": Characteristic(take="characteristic", name="CRP_D7", timing=Timing.POST, known_on_day=7.0),
        "LATE": Characteristic(take="characteristic", name="CRP_D7", timing=Timing.POST),
        "SEX": Characteristic(take="characteristic", name="SEX"),
        "AGE": Characteristic(take="characteristic", name="AGE"),
    }
    got = run(specs, ["A", "B", "C"], characteristics=table)
    assert [one(got, "ECOG", s)["value"] for s in "ABC"] == [0.0, 1.0, None]
    assert (one(got, "ECOG", "C")["reason"], rules(got)) == ("not-recorded", ["characteristic-is-a-number"])
    assert [one(got, "ECOG_CLASS", s)["category"] for s in "ABC"] == ["0", "1", "UNK"]
    assert (one(got, "STAGE")["category"], one(got, "STAGE")["value"], one(got, "STAGE")["censoring"]) == (
        "III",
        None,
        None,
    )
    assert one(got, "IPI_CLASS", "B")["category"] == "3"
    assert (one(got, "CRP")["timing"], one(got, "CRP")["known_on_day"], one(got, "LATE")["known_on_day"]) == (
        "post",
        7.0,
        None,
    )
    assert (one(got, "SEX")["category"], one(got, "AGE")["value"], one(got, "AGE")["unit"]) == ("F", 60.0, "year")


def test_laboratory_values() -> None:
    table = labs(
        ("A", -20, 300.0, None, "U/L"),
        ("A", -3, None, "<5", "U/L"),
        ("A", 2, 900.0, None, "U/L"),
        ("B", -2, 0.4, ">0.4", "U/mL"),
        ("C", None, 9.0, None, "U/L"),
    )
    got = run({"LDH": Lab(take="lab", test="LDH")}, ["A", "B", "C"], labs=table)
    rows = [(one(got, "LDH", s)["value"], one(got, "LDH", s)["censoring"], one(got, "LDH", s)["reason"]) for s in "ABC"]
    assert rows == [(5.0, "left", None), (400.0, "right", None), (None, None, "no-sample")]
    assert (one(got, "LDH")["unit"], one(got, "LDH")["timing"], one(got, "LDH")["source_ids"]) == (
        "U/L",
        "baseline",
        ["b/1"],
    )


def test_a_laboratory_value_without_unit_is_left_out_where_others_have_one() -> None:
    table = labs(("A", -3, 5.0, None, "mg/L"), ("B", -3, 5.0, None, None), ("C", -3, 0.5, None, "mg/dL"))
    table = table.with_columns(test=pl.lit("CRP"))
    for unit, value in ((None, 5.0), ("mg/dL", 0.5)):  # whether the plan names a unit or not
        got = run({"CRP": Lab(take="lab", test="CRP", unit=unit)}, ["A", "B", "C"], labs=table.vstack(table[:1]))
        assert [one(got, "CRP", s)["value"] for s in "ABC"] == [value, None, pytest.approx(value)]
        assert ("B", "unit-known") in got.checks.select("item", "rule").rows()
    bare = table.with_columns(unit=pl.lit(None, dtype=pl.String))
    assert one(run({"CRP": Lab(take="lab", test="CRP")}, ["A"], labs=bare), "CRP")["value"] == 5.0


def test_laboratory_values_over_the_upper_limit_of_normal() -> None:
    table = pl.concat([labs(("A", -3, 500.0, None, "U/L"), upper_normal=250.0), labs(("B", -3, 500.0, None, "U/L"))])
    got = run({"LDH": Lab(take="lab", test="LDH", unit="x ULN")}, ["A", "B"], labs=table)
    assert (one(got, "LDH")["value"], one(got, "LDH")["unit"]) == (2.0, "x ULN")
    assert (one(got, "LDH", "B")["reason"], rules(got)) == ("no-sample", ["upper-normal-known"])


@pytest.mark.parametrize("unit", ["pg/mL", "nonesuch"])
def test_a_unit_that_cannot_be_had_is_refused(unit: str) -> None:
    with pytest.raises(DerivationError):
        run({"LDH": Lab(take="lab", test="LDH", unit=unit)}, ["A"], labs=labs(("A", -3, 500.0, None, "U/L")))


def test_ratio_of_burden_and_dose() -> None:
    table = product(("A", "DOSE", 150.0, None, "1e6 cells"), ("B", "DOSE", 150.0, None, "1e6 cells"))
    specs = {
        "R": Ratio(take="ratio", of=("DOSE", "SPD")),
        "DOSE": Product(take="product", attribute="DOSE"),
        "SPD": Burden(take="spd"),
        "SAME": Ratio(take="ratio", of=("DOSE", "DOSE")),
    }
    got = run(specs, ["A", "B"], product=table, burden=burden(("A", -4, 50.0, ""), ("B", -4, 0.0, "")))
    first = one(got, "R")
    assert (first["value"], first["unit"], first["timing"], first["known_on_day"]) == (
        3.0,
        "1e6 cells/mm2",
        "product",
        0.0,
    )
    assert one(got, "R", "B")["reason"] == "denominator-not-positive"
    assert (one(got, "SAME")["value"], one(got, "SAME")["unit"]) == (1.0, "ratio")
    assert got.parameters["code"].unique(maintain_order=True).to_list() == list(specs)


def test_numbers_over_weight_and_burden_have_known_units() -> None:
    from correlates.parameters.ratios import quotient_unit
    from correlates.units import factor

    assert quotient_unit("1e6 cells", "kg") == ("1e6 cells/kg", 1.0)
    assert quotient_unit("1e6 cells", "mm2") == ("1e6 cells/mm2", 1.0)
    assert quotient_unit("cells/uL", "mm2") == ("(cells/uL)/mm2", 1.0)
    assert quotient_unit("day x cells/uL", "mm2") == ("(day x cells/uL)/mm2", 1.0)
    assert factor("1e6 cells/kg", "cells/kg") == 1e6
