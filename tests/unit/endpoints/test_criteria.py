"""Responses from lesions, worked by hand: each row a small history, the answer, and the rule of the published criteria it shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest

from correlates.endpoints.assessed import CRITERIA, criteria_of, responses
from correlates.endpoints.settings import Lesions
from correlates.schema.clinical import ASSESSMENTS, LESIONS, SUBJECTS

NODE, LIVER = "AXILLARY LYMPH NODE", "LIVER"


def node(name: str, *sizes: Any) -> tuple[str, str, str, Sequence[Any]]:
    """A target node: at each evaluation (long, across) in mm, one number, a text, or None where it is not recorded."""
    return name, "TARGET", NODE, sizes


def liver(name: str, *sizes: Any) -> tuple[str, str, str, Sequence[Any]]:
    return name, "TARGET", LIVER, sizes


def other(name: str, *sizes: Any, site: str = LIVER) -> tuple[str, str, str, Sequence[Any]]:
    return name, "NON-TARGET", site, sizes


def new(name: str, *sizes: Any, site: str = LIVER) -> tuple[str, str, str, Sequence[Any]]:
    return name, "NEW", site, sizes


def spleen(*lengths: Any) -> tuple[str, str, str, Sequence[Any]]:
    return "SPL", "NON-TARGET", "SPLEEN", [n if n is None or isinstance(n, str) else (n,) for n in lengths]


def history(
    *lesions: tuple[str, str, str, Sequence[Any]], pet: Sequence[tuple[int, str, str]] = ()
) -> dict[str, pl.DataFrame]:
    """Evaluations on days -5, 30, 60, 90 ...; ``pet`` are (evaluation, test, result)."""
    days = [-5, 30, 60, 90, 120]
    rows = []
    for name, kind, site, sizes in lesions:
        for place, size in enumerate(sizes):
            if size is None:
                continue
            texts = [("TUMSTATE", size)] if isinstance(size, str) else list(zip(("LDIAM", "LPERP"), size, strict=False))
            rows += [
                {
                    "subject_id": "P",
                    "lesion_id": name,
                    "kind": kind,
                    "location": site,
                    "measure": measure,
                    "value": value if isinstance(value, int | float) else None,
                    "text": str(value),
                    "unit": "mm",
                    "day": days[place],
                    "source_id": f"{name}/{measure}/{place}",
                }
                for measure, value in texts
            ]
    said = [
        {"subject_id": "P", "test": test, "response": result, "day": days[place], "source_id": f"rs/{place}/{test}"}
        for place, test, result in pet
    ]
    people = [{"subject_id": "P", "infusion_date": "2020-01-01", "source_id": "dm"}]
    return {"lesions": LESIONS.frame(rows), "assessments": ASSESSMENTS.frame(said), "subjects": SUBJECTS.frame(people)}


def derived(code: str, tables: dict[str, pl.DataFrame], rules: Lesions | None = None) -> list[dict[str, Any]]:
    criteria = criteria_of(code)
    assert criteria is not None
    return responses(tables, [criteria], rules or Lesions())[0].to_dicts()


DEAUVILLE, UPTAKE, SITES, MARROW = "DEAUVILL", "PETUPTK", "PETNEW", "BMINVLI"

# Cheson 2014, J Clin Oncol 32:3059, Table 3 (CT), Table 1 (Deauville); the words after each row are its rule
LUGANO: list[tuple[str, tuple[Any, ...], str, str]] = [
    ("CR: every target node at most 1.5 cm in LDi", (node("T1", (40, 30), (15, 10)),), "CR", "at most 15 mm"),
    ("no CR with a node of 1.6 cm, PR by the sum", (node("T1", (40, 30), (16, 10)),), "PR", "SPD -86.7 %"),
    ("CR: extranodal site gone", (liver("T1", (40, 30), "ABSENT"),), "CR", "all else gone"),
    ("no CR with an extranodal site still there, however small", (liver("T1", (40, 30), (6, 5)),), "PR", "-97.5 %"),
    ("PR at exactly half: 1200 to 600 mm2", (node("T1", (40, 30), (30, 20)),), "PR", "SPD -50.0 %"),
    ("SD just above half: 1200 to 609 mm2", (node("T1", (40, 30), (29, 21)),), "SD", "SPD -49.2 %"),
    ("too small to measure counts 5 x 5 mm: 1200 + 400 to 25 + 400", (node("T1", (40, 30), "TOO SMALL TO MEASURE"), node("T2", (20, 20), (20, 20))), "PR", "SPD -73.4 %"),
    ("no longer visible counts 0 x 0 mm", (node("T1", (40, 30), "ABSENT"), node("T2", (20, 20), (20, 20))), "PR", "SPD -75.0 %"),
    ("SD: no change", (node("T1", (40, 30), (40, 30)),), "SD", "SPD +0.0 %"),
    ("PD of one lesion up to 2 cm: PPD +50 % and +0.5 cm", (node("T1", (20, 10), (25, 12)), node("T2", (40, 30), (10, 9))), "PD", "T1: product +50 %"),
    ("no PD of it with +0.4 cm", (node("T1", (20, 10), (24, 14)), node("T2", (40, 30), (40, 30))), "SD", "SPD +9.7 %"),
    ("PD of one lesion above 2 cm needs +1.0 cm", (node("T1", (30, 20), (40, 23)),), "PD", "diameter +10 mm"),
    ("no PD of it with +0.9 cm", (node("T1", (30, 20), (39, 24)),), "SD", "SPD +56.0 %"),
    ("PD by the short diameter: SDi +1.0 cm", (node("T1", (30, 20), (30, 30)),), "PD", "diameter +10 mm"),
    ("no PD below 1.5 cm in LDi, though twice the size", (node("T1", (9, 6), (14, 12)), node("T2", (40, 30), (40, 30))), "SD", "SPD"),
    ("PD from the nadir, not from baseline", (node("T1", (40, 30), (20, 15), (26, 18)),), "PD", "from nadir"),
    ("PD: a resolved node that grew again beyond 1.5 cm", (node("T1", (40, 30), "ABSENT", (16, 12)),), "PD", "T1 regrown"),
    ("a resolved node that is again below 1.5 cm is no PD", (node("T1", (40, 30), "ABSENT", (14, 12)),), "CR", "at most 15 mm"),
    ("PD: a resolved extranodal site above 1.0 cm again", (liver("T1", (40, 30), "ABSENT", (12, 9)),), "PD", "T1 regrown"),
    ("PD: new node above 1.5 cm", (node("T1", (40, 30), (10, 9)), new("N1", None, (16, 10), site=NODE)), "PD", "new lesion N1: 16 mm"),
    ("a new node of 1.5 cm is no PD, and no CR either", (node("T1", (40, 30), (10, 9)), new("N1", None, (15, 10), site=NODE)), "PR", "SPD"),
    ("PD: new extranodal site above 1.0 cm", (node("T1", (40, 30), (10, 9)), new("N1", None, (11, 8))), "PD", "new lesion N1: 11 mm"),
    ("PD: new extranodal site below 1.0 cm that is unequivocal", (node("T1", (40, 30), (10, 9)), new("N1", None, (8, 6))), "PD", "new lesion N1"),
    ("an equivocal new site is no PD", (node("T1", (40, 30), (10, 9)), new("N1", None, "EQUIVOCAL")), "PR", "SPD"),
    ("CR needs non-measured lesions gone", (node("T1", (40, 30), (10, 9)), other("NT1", "PRESENT", "PRESENT")), "PR", "SPD"),
    ("CR with them gone", (node("T1", (40, 30), (10, 9)), other("NT1", "PRESENT", "ABSENT")), "CR", "gone"),
    ("PD: clear progression of a lesion that is not measured", (node("T1", (40, 30), (10, 9)), other("NT1", "PRESENT", "UNEQUIVOCAL PROGRESSION")), "PD", "NT1: clear progression"),
    ("PD: a lesion that is not measured there again", (node("T1", (40, 30), (10, 9), (10, 9)), other("NT1", "PRESENT", "ABSENT", "PRESENT")), "PD", "there again"),
    ("NE: a target lesion not evaluable", (node("T1", (40, 30), "NOT EVALUABLE"), node("T2", (20, 20), (10, 9))), "NE", "T1"),
    ("NE: a target lesion not recorded", (node("T1", (40, 30), None), node("T2", (20, 20), (10, 9))), "NE", "T1 is not recorded"),
    ("PD although a target lesion was not evaluable", (node("T1", (40, 30), "NE"), node("T2", (20, 20), (40, 30))), "PD", "T2: product"),
    ("only lesions that are not measured, still there: SD", (other("NT1", "PRESENT", "PRESENT"),), "SD", "no measurable lesion"),
    ("only lesions that are not measured, gone: CR", (other("NT1", "PRESENT", "ABSENT"),), "CR", "gone"),
    ("an enlarged spleen allows no CR: 15 cm", (node("T1", (40, 30), (10, 9)), spleen(150, 140)), "SD", "spleen not regressed"),
    ("PR: spleen regressed by more than half of its excess, 15 to 13.9 cm", (node("T1", (40, 30), (10, 9)), spleen(150, 139)), "PR", "SPD"),
    ("CR: spleen normal again, 13 cm", (node("T1", (40, 30), (10, 9)), spleen(150, 130)), "CR", "normal"),
    ("PD: a 15 cm spleen beyond 16 cm", (node("T1", (40, 30), (10, 9)), spleen(150, 161)), "PD", "spleen 161 mm"),
    ("no PD: a 15 cm spleen at 16 cm", (node("T1", (40, 30), (10, 9)), spleen(150, 160)), "SD", "SPD"),
    ("PD: a normal spleen 2 cm larger and enlarged", (node("T1", (40, 30), (10, 9)), spleen(115, 135)), "PD", "20 mm above baseline"),
    ("PD: a spleen enlarged again", (node("T1", (40, 30), (10, 9), (10, 9)), spleen(150, 128, 134)), "PD", "enlarged again"),
    ("one diameter: circular, 40 x 40 to 20 x 20", (node("T1", (40,), (20,)),), "PR", "SPD -75.0 %"),
    ("merged lesions: the second counts 0, the first has all", (node("T1", (40, 30), (30, 20)), node("T2", (40, 30), "MERGED WITH T1")), "PR", "SPD -75.0 %"),
    ("split lesion: the sum of its parts, 300 + 200 of 1200", (node("T1", (40, 30), "SPLIT"), node("T1.1", None, (20, 15)), node("T1.2", None, (20, 10))), "PR", "SPD -58.3 %"),
]  # fmt: skip

PET: list[tuple[str, tuple[Any, ...], list[tuple[int, str, str]], str, str]] = [
    ("Deauville 3 with a residual mass: CR", (node("T1", (40, 30), (30, 25)),), [(1, DEAUVILLE, "3")], "CR", "PET: Deauville 3"),
    ("Deauville 1: CR", (node("T1", (40, 30), (30, 25)),), [(1, DEAUVILLE, "Score 1")], "CR", "Deauville 1"),
    ("Deauville 4, uptake reduced: PR", (node("T1", (40, 30), (39, 30)),), [(1, DEAUVILLE, "4"), (1, UPTAKE, "DECREASED")], "PR", "uptake decreased"),
    ("Deauville 5, uptake unchanged: SD, though CT shows PR", (node("T1", (40, 30), (20, 15)),), [(1, DEAUVILLE, "5"), (1, UPTAKE, "NO CHANGE")], "SD", "uptake unchanged"),
    ("Deauville 5, uptake increased: PD", (node("T1", (40, 30), (20, 15)),), [(1, DEAUVILLE, "5"), (1, UPTAKE, "INCREASED")], "PD", "uptake increased"),
    ("from 5 to 4 the uptake is reduced", (node("T1", (40, 30), (39, 30)),), [(0, DEAUVILLE, "5"), (1, DEAUVILLE, "4")], "PR", "uptake decreased"),
    ("from 4 to 5 it is increased", (node("T1", (40, 30), (39, 30)),), [(0, DEAUVILLE, "4"), (1, DEAUVILLE, "5")], "PD", "uptake increased"),
    ("new FDG-avid site: PD whatever the score", (node("T1", (40, 30), (10, 9)),), [(1, DEAUVILLE, "2"), (1, SITES, "Y")], "PD", "new FDG-avid site"),
    ("score 5 before and after, uptake not told: CT decides", (node("T1", (40, 30), (20, 15)),), [(0, DEAUVILLE, "5"), (1, DEAUVILLE, "5")], "PR", "CT: SPD"),
    ("PET without a score: CT decides", (node("T1", (40, 30), (20, 15)),), [(1, DEAUVILLE, "NE")], "PR", "CT: SPD"),
    ("marrow involved at baseline and not examined again: no CR by CT", (node("T1", (40, 30), (10, 9)),), [(0, MARROW, "POSITIVE")], "PR", "SPD"),
    ("marrow cleared: CR", (node("T1", (40, 30), (10, 9)),), [(0, MARROW, "POSITIVE"), (1, MARROW, "NEGATIVE")], "CR", "gone"),
    ("marrow newly involved: PD", (node("T1", (40, 30), (10, 9)),), [(0, MARROW, "NEGATIVE"), (1, MARROW, "POSITIVE")], "PD", "marrow newly"),
]  # fmt: skip

# Cheson 2007, J Clin Oncol 25:579, Table 2
CHESON: list[tuple[str, tuple[Any, ...], list[tuple[int, str, str]], str, str]] = [
    ("CR: node above 1.5 cm to 1.5 cm", (node("T1", (40, 30), (15, 12)),), [], "CR", "normal size"),
    ("CR of a node of 1.1 to 1.5 cm needs a short axis of at most 1.0 cm", (node("T1", (14, 12), (12, 11)), node("T2", (40, 30), (10, 9))), [], "PR", "SPD"),
    ("CR of it with 1.0 cm", (node("T1", (14, 12), (12, 10)), node("T2", (40, 30), (10, 9))), [], "CR", "normal size"),
    ("CR: a residual mass of any size, PET negative", (node("T1", (40, 30), (30, 25)),), [(1, DEAUVILLE, "2")], "CR", "PET negative"),
    ("no CR with a positive PET, though the nodes are normal", (node("T1", (40, 30), (12, 9)),), [(1, DEAUVILLE, "4")], "PR", "SPD"),
    ("PR: SPD down by half", (node("T1", (40, 30), (30, 20)),), [], "PR", "-50.0 %"),
    ("SD: less", (node("T1", (40, 30), (31, 20)),), [], "SD", "-48.3 %"),
    ("PD: new lesion above 1.5 cm in any axis", (node("T1", (40, 30), (12, 9)), new("N1", None, (16, 5))), [], "PD", "new lesion N1: 16 mm"),
    ("no PD: a new lesion of 1.5 cm; no CR either", (node("T1", (40, 30), (12, 9)), new("N1", None, (15, 15))), [], "PR", "SPD"),
    ("PD: SPD of more than one node +50 % from nadir", (node("T1", (40, 30), (20, 20), (24, 24)), node("T2", (40, 30), (20, 20), (25, 25))), [], "PD", "SPD +50 %"),
    ("PD: longest diameter of a node above 1 cm in short axis +50 %", (node("T1", (20, 12), (30, 12)), node("T2", (40, 30), (20, 20))), [], "PD", "T1: longest diameter +50 %"),
    ("no PD with +45 %", (node("T1", (20, 12), (29, 12)), node("T2", (40, 30), (20, 20))), [], "SD", "SPD"),
    ("a node up to 1 cm in short axis has to grow beyond 1.5 cm too", (node("T1", (9, 8), (15, 12)), node("T2", (40, 30), (40, 30))), [], "SD", "SPD"),
    ("it does: PD", (node("T1", (9, 8), (16, 12)), node("T2", (40, 30), (40, 30))), [], "PD", "T1: longest diameter"),
    ("PD: marrow newly involved", (node("T1", (40, 30), (12, 9)),), [(0, MARROW, "N"), (1, MARROW, "Y")], "PD", "marrow newly"),
    ("no CR: marrow not examined again", (node("T1", (40, 30), (12, 9)),), [(0, MARROW, "Y")], "PR", "SPD"),
    ("PD: clear progression of a lesion that is not measured", (node("T1", (40, 30), (12, 9)), other("NT1", "PRESENT", "PROGRESSED")), [], "PD", "clear progression"),
    ("SD: no measurable lesion, disease still there", (other("NT1", "PRESENT", "PRESENT"),), [], "SD", "no measurable lesion"),
    ("NE: a target lesion not evaluable", (node("T1", (40, 30), "NOT EVALUABLE"),), [], "NE", "T1"),
    ("PD: new site positive on PET", (node("T1", (40, 30), (30, 25)),), [(1, DEAUVILLE, "5"), (1, SITES, "YES")], "PD", "new site positive"),
]  # fmt: skip

# Eisenhauer 2009, Eur J Cancer 45:228, section 4.3.1 and Tables 1 and 2
RECIST: list[tuple[str, tuple[Any, ...], str, str]] = [
    ("CR: target lesions gone", (liver("T1", (40, 30), "ABSENT"),), "CR", "gone"),
    ("CR: node below 10 mm in short axis", (node("T1", (30, 20), (20, 9)),), "CR", "below 10 mm"),
    ("no CR: node of 10 mm", (node("T1", (30, 20), (20, 10)),), "PR", "SLD -50.0 %"),
    ("nodes by short axis, others by longest diameter: 20 + 40 to 14 + 28", (node("T1", (60, 20), (60, 14)), liver("T2", (40, 30), (28, 28))), "PR", "SLD -30.0 %"),
    ("PR at exactly -30 %: 90 to 63 mm", (liver("T1", (90, 30), (63, 30)),), "PR", "SLD -30.0 %"),
    ("SD at -29 %", (liver("T1", (100, 30), (71, 30)),), "SD", "SLD -29.0 %"),
    ("PD: +20 % and 5 mm from the nadir", (liver("T1", (50, 30), (25, 20), (30, 20)),), "PD", "+20.0 % from nadir, +5 mm"),
    ("no PD: +20 % but 4 mm", (liver("T1", (50, 30), (20, 20), (24, 20)),), "PR", "SLD -52.0 %"),
    ("no PD: 5 mm but +10 %", (liver("T1", (50, 30), (55, 30)),), "SD", "SLD +10.0 %"),
    ("the nadir may be baseline", (liver("T1", (50, 30), (60, 30)),), "PD", "+20.0 %"),
    ("PD: there again after it had gone, 5 mm", (liver("T1", (50, 30), "ABSENT", (5, 5)),), "PD", "5 mm after 0 mm"),
    ("CR + non-CR/non-PD: PR", (liver("T1", (40, 30), "ABSENT"), other("NT1", "PRESENT", "PRESENT")), "PR", "still there"),
    ("CR + not evaluated: PR", (liver("T1", (40, 30), "ABSENT"), other("NT1", "PRESENT", None)), "PR", "not evaluated"),
    ("CR + CR: CR", (liver("T1", (40, 30), "ABSENT"), other("NT1", "PRESENT", "ABSENT")), "CR", "gone"),
    ("PR + not evaluated: PR", (liver("T1", (40, 30), (20, 20)), other("NT1", "PRESENT", "NE")), "PR", "-50.0 %"),
    ("SD + not evaluated: SD", (liver("T1", (40, 30), (40, 20)), other("NT1", "PRESENT", None)), "SD", "+0.0 %"),
    ("not all evaluated + non-PD: NE", (liver("T1", (40, 30), None), liver("T2", (40, 30), (10, 9))), "NE", "T1 is not recorded"),
    ("the lesions that have a size alone show PD", (liver("T1", (40, 30), None), liver("T2", (40, 30), (100, 30))), "PD", "already without"),
    ("any + PD of non-target: PD", (liver("T1", (40, 30), "ABSENT"), other("NT1", "PRESENT", "UNEQUIVOCAL PROGRESSION")), "PD", "unequivocal progression"),
    ("any + new lesion: PD", (liver("T1", (40, 30), "ABSENT"), new("N1", None, "PRESENT")), "PD", "new lesion N1"),
    ("non-target only, gone: CR", (other("NT1", "PRESENT", "ABSENT"),), "CR", "gone"),
    ("non-target only, there: non-CR/non-PD", (other("NT1", "PRESENT", "PRESENT"),), "SD", "still there"),
    ("non-target only, not evaluated: NE", (other("NT1", "PRESENT", "NE"),), "NE", "not evaluated"),
    ("non-target only, progressed: PD", (other("NT1", "PRESENT", "PROGRESSED"),), "PD", "unequivocal progression"),
    ("non-target node below 10 mm counts as gone", (liver("T1", (40, 30), "ABSENT"), other("NT1", (20, 12), (14, 9), site=NODE)), "CR", "gone"),
    ("too small to measure: 5 mm", (liver("T1", (40, 30), "TOO SMALL TO MEASURE"),), "PR", "SLD -87.5 %"),
    ("split: the sum of the parts, 15 + 15", (liver("T1", (60, 30), "SPLIT"), liver("T1.1", None, (15, 9)), liver("T1.2", None, (15, 9))), "PR", "SLD -50.0 %"),
    ("merged: one has all", (liver("T1", (30, 30), (42, 30)), liver("T2", (30, 30), "COALESCED WITH T1")), "PR", "SLD -30.0 %"),
]  # fmt: skip


def _last(code: str, lesions: tuple[Any, ...], pet: Sequence[tuple[int, str, str]] = ()) -> dict[str, Any]:
    return derived(code, history(*lesions, pet=pet))[-1]


@pytest.mark.parametrize(("case", "lesions", "expected", "words"), LUGANO, ids=[c[0] for c in LUGANO])
def test_lugano_by_ct(case: str, lesions: tuple[Any, ...], expected: str, words: str) -> None:
    found = _last("lugano_2014", lesions)
    assert (found["response"], words in found["rule"]) == (expected, True), found["rule"]
    assert (found["ct"], found["pet"]) == (expected, None)


@pytest.mark.parametrize(("case", "lesions", "pet", "expected", "words"), PET, ids=[c[0] for c in PET])
def test_lugano_with_pet(case: str, lesions: tuple[Any, ...], pet: Any, expected: str, words: str) -> None:
    found = _last("lugano_2014", lesions, pet)
    assert (found["response"], words in found["rule"]) == (expected, True), found["rule"]
    assert any(i.startswith("rs/") for i in found["source_ids"]) == any(
        t in (DEAUVILLE, SITES) and p for p, t, _ in pet
    )


@pytest.mark.parametrize(("case", "lesions", "pet", "expected", "words"), CHESON, ids=[c[0] for c in CHESON])
def test_cheson(case: str, lesions: tuple[Any, ...], pet: Any, expected: str, words: str) -> None:
    found = _last("cheson_2007", lesions, pet)
    assert (found["response"], words in found["rule"]) == (expected, True), found["rule"]


@pytest.mark.parametrize(("case", "lesions", "expected", "words"), RECIST, ids=[c[0] for c in RECIST])
def test_recist(case: str, lesions: tuple[Any, ...], expected: str, words: str) -> None:
    found = _last("recist_1_1", lesions)
    assert (found["response"], words in found["rule"]) == (expected, True), found["rule"]


def test_baseline_is_the_last_evaluation_before_conditioning_where_the_plan_says_so() -> None:
    given = history(node("T1", (40, 30), (60, 40), (20, 20)))
    moved = given["lesions"].with_columns(day=pl.col("day").replace({-5: -20, 30: -3, 60: 30}))
    given["lesions"] = moved
    before = given["subjects"].with_columns(conditioning_day=pl.lit(-5, pl.Int64))
    late = derived("recist_1_1", given)[-1]
    early = derived("recist_1_1", {**given, "subjects": before}, Lesions(baseline="before_conditioning"))[-1]
    assert (late["baseline_day"], early["baseline_day"]) == (-3, -20)
    # short axis 40 to 20 mm, and 30 to 20 mm with the growth before the infusion on study
    assert (late["from_baseline"], round(early["from_baseline"], 4)) == (-50.0, -33.3333)


def test_without_conditioning_baseline_ends_with_the_day_of_infusion() -> None:
    given = history(node("T1", (40, 30), (20, 20)))
    assert derived("recist_1_1", given, Lesions(baseline="before_conditioning"))[-1]["baseline_day"] == -5


def test_a_subject_without_baseline_is_named_and_has_no_response() -> None:
    given = history(node("T1", None, (40, 30), (20, 20)))
    frame, checks = responses(given, CRITERIA, Lesions())
    assert frame.is_empty()
    assert [(c["rule"], c["item"]) for c in checks if c["rule"] == "no-baseline"] == [("no-baseline", "P")]


def test_one_diameter_in_a_two_dimensional_criterion_is_named() -> None:
    given = history(node("T1", (40,), (20,)))
    checks = responses(given, CRITERIA, Lesions())[1]
    (named,) = [c for c in checks if c["rule"] == "one-diameter"]
    assert (named["item"], named["target"], named["found"]) == ("P", "T1", "one diameter at baseline, 40 mm")
    assert named["action"] == "kept: one diameter, taken as circular"
    strict = Lesions(one_diameter="missing")
    assert derived("lugano_2014", given, strict)[-1]["response"] == "NE"
    assert not [c for c in responses(given, CRITERIA[2:], Lesions())[1] if c["rule"] == "one-diameter"]


def test_every_text_is_named_with_what_it_is_taken_for() -> None:
    given = history(node("T1", (40, 30), "TOO SMALL TO MEASURE", "obscured by ascites", "<5"))
    frame, checks = responses(given, CRITERIA[:1], Lesions())
    words = {c["found"]: c["passed"] for c in checks if c["rule"] == "lesion-text"}
    assert words == {
        "'TOO SMALL TO MEASURE' in 1 row: too small": True,
        "'obscured by ascites' in 1 row: unknown": False,
        "'<5' in 1 row: too small": True,
    }
    assert frame["response"].to_list() == ["CR", "NE", "CR"]


def test_the_recorded_response_stands_beside_the_derived_one() -> None:
    given = history(node("T1", (40, 30), (20, 20), (10, 9)), pet=[(1, "OVRLRESP", "SD"), (2, "OVRLRESP", "CR")])
    frame, checks = responses(given, CRITERIA[:1], Lesions())
    assert frame.select("response", "recorded", "recorded_day", "agrees").rows() == [
        ("PR", "SD", 30, False),
        ("CR", "CR", 60, True),
    ]
    (named,) = [c for c in checks if c["rule"] == "response-differs"]
    assert named["found"] == "1 of 2 evaluations: PR where SD was recorded: 1"
    assert not named["passed"]


def test_names_of_criteria() -> None:
    assert [c.code for c in CRITERIA] == ["lugano_2014", "cheson_2007", "recist_1_1"]
    assert criteria_of("RECIST 1.1") is CRITERIA[2]
    assert criteria_of("imwg_2016") is None
    assert criteria_of(None) is None
