"""Published composites: by hand, every cut of every score, units, censoring, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.unit.parameters.frames import one, run

from correlates.errors import DerivationError
from correlates.parameters.scores import formula, performance, score, stage
from correlates.parameters.settings import Characteristic, Composite, Lab, Ratio
from correlates.schema import CHARACTERISTICS, LABS

BASE = {
    "LDH": ("U/L", 300.0),
    "CREAT": ("mg/dL", 0.8),
    "PLAT": ("1e9/L", 120.0),
    "CRP": ("mg/L", 25.0),
    "ANC": ("1e9/L", 3.0),
    "HGB": ("g/L", 101.0),
    "FERR": ("ug/L", 600.0),
}
UNITS = {"LDH": "U/L", "CREAT": None, "PLAT": None, "CRP": None, "ANC": None, "HGB": None, "FERR": None}
SPECS: dict[str, Any] = {name: Lab(take="lab", test=name, unit=unit) for name, unit in UNITS.items()}
EASIX = Composite(take="easix", of={"ldh": "LDH", "creatinine": "CREAT", "platelets": "PLAT"})
MEASIX = Composite(take="m_easix", of={"ldh": "LDH", "crp": "CRP", "platelets": "PLAT"})
HEMATOTOX = Composite(
    take="car_hematotox",
    of={"platelets": "PLAT", "anc": "ANC", "hemoglobin": "HGB", "crp": "CRP", "ferritin": "FERR"},
)


def labs(**changed: Any) -> pl.DataFrame:
    """One result of each test on day -7; a change is (unit, value), (unit, text) or None for one after the infusion only."""
    rows = []
    for test, given in (BASE | changed).items():
        unit, value = given or BASE[test]
        text = value if isinstance(value, str) else None
        rows.append(
            {
                "subject_id": "A",
                "test": test,
                "day": -7 if given else 7,
                "value": None if text else value,
                "text": text,
                "unit": unit,
                "upper_normal": 250.0,
                "source_id": f"LB/{test}",
            }
        )
    return LABS.frame(rows)


def of(spec: Composite, **changed: Any) -> dict[str, Any]:
    return one(run(SPECS | {"X": spec}, ["A"], labs=labs(**changed)), "X")


def test_easix_by_hand() -> None:
    row = of(EASIX)
    assert row["value"] == pytest.approx(2.0, rel=1e-14)  # 300 x 0.8 / 120
    assert (row["unit"], row["timing"], row["known_on_day"]) == ("(U/L x mg/dL)/(1e9/L)", "baseline", -1.0)
    assert row["source_ids"] == ["LDH@A", "CREAT@A", "PLAT@A"]
    assert row["label"] == "EASIX"
    # 70.72 umol/L of creatinine (113.118 g/mol) are 0.8 mg/dL; 120,000 platelets per uL are 120 per nL
    same = of(EASIX, CREAT=("umol/L", 8000 / 113.118), PLAT=("/uL", 120_000.0))
    assert same["value"] == pytest.approx(2.0, rel=1e-12)


def test_modified_easix_takes_crp_in_mg_per_dl() -> None:
    assert of(MEASIX)["value"] == pytest.approx(300 * 2.5 / 120, rel=1e-14)


@pytest.mark.parametrize(
    ("changed", "points"),
    [
        ({}, 1),  # platelets 120
        ({"PLAT": ("1e9/L", 176.0)}, 0),
        ({"PLAT": ("1e9/L", 175.0)}, 1),
        ({"PLAT": ("1e9/L", 75.0)}, 1),
        ({"PLAT": ("1e9/L", 74.9)}, 2),
        ({"ANC": ("cells/uL", 1200.0)}, 1),
        ({"ANC": ("cells/uL", 1199.0)}, 2),
        ({"HGB": ("g/dL", 9.0)}, 1),
        ({"HGB": ("g/dL", 8.9)}, 2),
        ({"HGB": ("mmol/L", 5.5)}, 2),  # 8.86 g/dL
        ({"CRP": ("mg/dL", 3.0)}, 2),
        ({"CRP": ("mg/L", 29.9)}, 1),
        ({"FERR": ("ng/mL", 650.0)}, 2),
        ({"FERR": ("ng/mL", 2000.0)}, 2),
        ({"FERR": ("ng/mL", 2000.1)}, 3),
        (
            {
                "PLAT": ("1e9/L", 20.0),
                "ANC": ("cells/uL", 100.0),
                "HGB": ("g/dL", 7.0),
                "CRP": ("mg/dL", 9.0),
                "FERR": ("ng/mL", 5000.0),
            },
            7,
        ),
    ],
)
def test_every_cut_of_car_hematotox(changed: dict[str, Any], points: int) -> None:
    row = of(HEMATOTOX, **changed)
    assert (row["value"], row["unit"], row["censoring"]) == (points, "score", "none")


def test_worked_cases_of_a_public_calculator_of_car_hematotox() -> None:
    cases = np.array(  # platelets, neutrophils, haemoglobin, CRP (mg/dL), ferritin
        [
            [220, 3400, 12.4, 0.8, 180],
            [130, 1800, 10.5, 1.4, 320],
            [110, 950, 10.1, 4.2, 540],
            [60, 700, 8.5, 2.4, 1400],
            [40, 400, 7.8, 9.5, 3200],
        ]
    )
    of_score = formula("car_hematotox")
    assert of_score.names == ("platelets", "anc", "hemoglobin", "crp", "ferritin")
    assert score(of_score, cases, np.zeros(cases.shape, dtype=np.int8)).value.tolist() == [0, 1, 3, 5, 7]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"CRP": ("mg/L", "<3")}, (1.0, None)),
        ({"FERR": ("ng/mL", ">2000")}, (3.0, None)),
        ({"FERR": ("ng/mL", ">1500")}, (None, "points-open")),
        ({"FERR": ("ng/mL", "<700")}, (None, "points-open")),
        ({"ANC": ("cells/uL", "<1200")}, (2.0, None)),
        ({"FERR": None}, (None, "no-sample")),
    ],
)
def test_a_censored_input_of_a_score(changed: dict[str, Any], expected: tuple[float | None, str | None]) -> None:
    row = of(HEMATOTOX, **changed)
    assert (row["value"], row["reason"]) == expected


@pytest.mark.parametrize(
    ("changed", "value", "censoring", "reason"),
    [
        ({"CREAT": ("mg/dL", "<0.2")}, 0.5, "left", None),
        ({"LDH": ("U/L", ">900")}, 6.0, "right", None),
        ({"PLAT": ("1e9/L", "<10")}, 24.0, "right", None),
        ({"PLAT": ("1e9/L", ">400")}, 0.6, "left", None),
        ({"PLAT": ("1e9/L", "<10"), "CREAT": ("mg/dL", "<0.2")}, None, None, "both-censored"),
        ({"PLAT": ("1e9/L", 0.0)}, None, None, "not-positive"),
        ({"CREAT": None}, None, None, "no-sample"),
        ({"CREAT": (None, 0.8)}, None, None, "unit-missing"),
    ],
)
def test_a_product_of_bounds(changed: dict[str, Any], value: Any, censoring: Any, reason: Any) -> None:
    row = of(EASIX, **changed)
    assert (row["value"], row["censoring"], row["reason"]) == (value and pytest.approx(value), censoring, reason)
    assert (row["known_on_day"] is None) == (value is None)


def test_a_unit_that_does_not_convert_is_refused() -> None:
    with pytest.raises(DerivationError, match="X, input creatinine: ng cannot be converted to mg/dL"):
        of(EASIX, CREAT=("ng", 0.8))
    with pytest.raises(DerivationError, match="X, input platelets"):
        of(EASIX, PLAT=("umol/L", 120.0))


CLINIC = {"AGE": ("AGE", 61.0), "STAGE": ("STAGE", "III"), "ECOG": ("ECOG", "2"), "EXTRANODAL": ("EXTRANODAL", 2.0)}
IPI = Composite(
    take="ipi", of={"age": "AGE_", "ldh": "LDH", "stage": "STAGE", "ecog": "ECOG", "extranodal": "EXTRANODAL"}
)


def ipi(ldh: float = 251.0, **changed: Any) -> dict[str, Any]:
    given = {"AGE_": 61.0, "STAGE": "III", "ECOG": "2", "EXTRANODAL": 2.0} | changed
    rows = [
        {
            "subject_id": "A",
            "name": name,
            "value": None if isinstance(v, str) else v,
            "category": v if isinstance(v, str) else None,
            "unit": "year" if name == "AGE_" else None,
            "source": "",
            "source_id": f"SC/{name}",
        }
        for name, v in given.items()
        if v is not None
    ]
    # another subject keeps each characteristic known, and a category where it is one
    rows += [row | {"subject_id": "B", "source_id": f"B/{row['name']}"} for row in rows]
    specs: dict[str, Any] = {
        "AGE_": Characteristic(take="characteristic", name="AGE_"),
        "STAGE": Characteristic(take="characteristic", name="STAGE", categorical=True),
        "ECOG": Characteristic(take="characteristic", name="ECOG", categorical=True),
        "EXTRANODAL": Characteristic(take="characteristic", name="EXTRANODAL"),
        "LDH": Lab(take="lab", test="LDH", unit="x ULN"),
        "X": IPI,
    }
    given_labs = labs(LDH=("U/L", ldh))
    return one(run(specs, ["A", "B"], labs=given_labs, characteristics=CHARACTERISTICS.frame(rows)), "X")


@pytest.mark.parametrize(
    ("changed", "points"),
    [
        ({}, 5),
        ({"ldh": 250.0}, 4),
        ({"AGE_": 60.0}, 4),
        ({"STAGE": "IIE"}, 4),
        ({"STAGE": "Stage IVB"}, 5),
        ({"STAGE": "4"}, 5),
        ({"ECOG": "1"}, 4),
        ({"EXTRANODAL": 1.0}, 4),
        ({"ldh": 100.0, "AGE_": 30.0, "STAGE": "I", "ECOG": "0", "EXTRANODAL": 0.0}, 0),
    ],
)
def test_every_cut_of_the_ipi(changed: dict[str, Any], points: int) -> None:
    assert ipi(**changed)["value"] == points


def test_words_nobody_knows_give_no_score() -> None:
    row = ipi(STAGE="bulky")
    assert (row["value"], row["reason"]) == (None, "not-readable")


@pytest.mark.parametrize(
    ("text", "number"),
    [("I", 1), ("ii", 2), ("IIIA", 3), ("Stage IV", 4), ("3", 3), ("IV BS", 4), ("V", None), ("unknown", None)],
)
def test_stages(text: str, number: float | None) -> None:
    assert stage(text) == number


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("1.0", 1), ("ECOG 2", 2), ("PS: 3", 3), ("6", None), ("?", None)]
)
def test_performance(text: str, number: float | None) -> None:
    assert performance(text) == number


def test_inputs_are_named_and_complete() -> None:
    with pytest.raises(DerivationError) as error:
        of(Composite(take="easix", of={"ldh": "LDH", "creatinin": "CREAT", "platelets": "NOBODY"}))
    told = " ".join(str(p) for p in error.value.problems)
    assert "'creatinin'" in told
    assert "no creatinine" in told
    assert "'NOBODY'" in told


def test_a_composite_can_be_a_part_and_circles_are_found() -> None:
    got = run(SPECS | {"E": EASIX, "R": Ratio(take="ratio", of=("E", "LDH"))}, ["A"], labs=labs())
    assert one(got, "R")["value"] == pytest.approx(2 / 300)
    with pytest.raises(DerivationError, match="circle"):
        of(Composite(take="easix", of={"ldh": "X", "creatinine": "CREAT", "platelets": "PLAT"}))


def test_formulas_name_their_inputs_once() -> None:
    for code in ("easix", "m_easix", "car_hematotox", "ipi"):
        names = formula(code).names
        assert len(set(names)) == len(names)
