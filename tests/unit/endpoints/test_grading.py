"""CRS and ICANS from their components: patients worked by hand, each with the place of the rule it follows."""

from __future__ import annotations

from typing import Any

import pytest

from correlates.endpoints.grading import Neurologic, Signs, astct_crs, astct_icans, lee_crs
from correlates.terms import Arousal, Oedema, Oxygen, Pressors, Seizure

WELL: dict[str, Any] = {"fever": False, "pressors": Pressors.NONE, "oxygen": Oxygen.NONE}
HOT: dict[str, Any] = {**WELL, "fever": True}
T5 = "ASTCT 2019, table 5"
T3 = "Lee 2014, table 3"
T8 = "ASTCT 2019, table 8"

# signs, grade by Lee 2014, grade by ASTCT 2019, where the rule stands
CRS = [
    ({**WELL}, 0, 0, "no sign"),
    ({**HOT}, 1, 1, f"{T3} grade 1; {T5} grade 1: fever alone"),
    ({**HOT, "pressors": Pressors.FLUIDS}, 2, 2, f"{T3}: responds to fluids; {T5}: not requiring vasopressors"),
    ({**HOT, "pressors": Pressors.ONE_LOW}, 2, 3, f"{T3}: low dose of one vasopressor is 2; {T5}: a vasopressor is 3"),
    ({**HOT, "pressors": Pressors.ONE_HIGH}, 3, 3, f"{T3}: high dose is 3; {T5}: one vasopressor is 3 at any dose"),
    ({**HOT, "pressors": Pressors.MULTIPLE}, 3, 4, f"{T3}: multiple is 3; {T5}: multiple is 4"),
    ({**HOT, "vasopressin": True}, 2, 3, "vasopressin alone is one pressor"),
    ({**HOT, "pressors": Pressors.FLUIDS, "vasopressin": True}, 2, 3, "vasopressin alone is one pressor"),
    (
        {**HOT, "pressors": Pressors.ONE_LOW, "vasopressin": True},
        3,
        3,
        f"{T3}: multiple; {T5}: with or without vasopressin",
    ),
    ({**HOT, "pressors": Pressors.MULTIPLE, "vasopressin": True}, 3, 4, f"{T5}: multiple, vasopressin excluded"),
    ({**HOT, "oxygen": Oxygen.LOW_FLOW}, 2, 2, f"{T3}: below 40 %; {T5}: low-flow cannula or blow-by"),
    ({**HOT, "oxygen": Oxygen.LOW_FLOW, "fio2": 0.40}, 3, 2, f"{T3}: 40 % or more; {T5} asks for the device only"),
    ({**HOT, "oxygen": Oxygen.HIGH_FLOW}, 3, 3, f"{T3}: 40 % or more; {T5}: high-flow cannula, mask"),
    ({**HOT, "oxygen": Oxygen.HIGH_FLOW, "fio2": 0.35}, 2, 3, f"{T3}: below 40 % by a Venturi mask; {T5}: mask"),
    ({**HOT, "oxygen": Oxygen.POSITIVE_PRESSURE}, 4, 4, f"{T5}: CPAP, BiPAP; {T3}: ventilator support, taken so"),
    ({**HOT, "oxygen": Oxygen.VENTILATION}, 4, 4, f"{T3}: ventilator support; {T5}: intubation"),
    ({**HOT, "organ": 1}, 1, 1, f"{T3}: organ toxicity counts from grade 2"),
    ({**HOT, "organ": 2}, 2, 1, f"{T3}: grade 2 organ toxicity; {T5}: organ toxicities do not count"),
    ({**HOT, "organ": 3}, 3, 1, f"{T3}: grade 3 organ toxicity"),
    ({**HOT, "organ": 4}, 4, 1, f"{T3}: grade 4 organ toxicity"),
    ({**HOT, "transaminases": 4}, 3, 1, f"{T3}: grade 4 transaminitis is 3"),
    ({**HOT, "transaminases": 3}, 3, 1, f"{T3}: an organ toxicity of grade 3"),
    ({**HOT, "pressors": Pressors.FLUIDS, "oxygen": Oxygen.HIGH_FLOW}, 3, 3, f"{T5}: the more severe of the two"),
    ({**WELL, "pressors": Pressors.ONE_LOW}, 2, 0, f"{T5}: no CRS without fever; {T3} does not ask for it"),
    ({**HOT, "fatal": True}, 5, 5, "death by CRS"),
]


@pytest.mark.parametrize(("signs", "lee", "astct", "rule"), CRS)
def test_crs_by_lee_against_astct(signs: dict[str, Any], lee: int, astct: int, rule: str) -> None:
    assert (lee_crs(Signs(**signs)).grade, astct_crs(Signs(**signs)).grade) == (lee, astct), rule


@pytest.mark.parametrize(
    ("signs", "grade"),
    [
        ({**WELL, "oxygen": Oxygen.LOW_FLOW}, 2),
        ({**WELL, "pressors": Pressors.ONE_LOW}, 3),
        ({**WELL}, 0),
        ({**HOT}, 1),
    ],
)
def test_after_anticytokine_therapy_fever_is_not_needed(signs: dict[str, Any], grade: int) -> None:
    # ASTCT 2019, table 5, note: fever is no longer required to grade subsequent severity
    assert astct_crs(Signs(**signs), fever_needed=False).grade == grade


def test_noninvasive_ventilation_by_lee_is_a_choice() -> None:
    assert lee_crs(Signs(**{**HOT, "oxygen": Oxygen.POSITIVE_PRESSURE}), noninvasive=3).grade == 3


AWAKE: dict[str, Any] = {"ice": 10, "arousal": Arousal.ALERT}
ICANS = [
    ({**AWAKE}, 0, "ICE 10, alert"),
    ({**AWAKE, "ice": 9}, 1, f"{T8}: ICE 7-9"),
    ({**AWAKE, "ice": 7}, 1, f"{T8}: ICE 7-9"),
    ({**AWAKE, "ice": 6}, 2, f"{T8}: ICE 3-6"),
    ({**AWAKE, "ice": 3}, 2, f"{T8}: ICE 3-6"),
    ({**AWAKE, "ice": 2}, 3, f"{T8}: ICE 0-2"),
    ({**AWAKE, "ice": 0}, 3, f"{T8}, note: ICE 0 and awake (global aphasia) is 3"),
    ({"ice": 0, "arousal": Arousal.UNAROUSABLE}, 4, f"{T8}: ICE 0 and unarousable is 4"),
    ({**AWAKE, "arousal": Arousal.SPONTANEOUS}, 1, f"{T8}: awakens spontaneously"),
    ({**AWAKE, "arousal": Arousal.VOICE}, 2, f"{T8}: awakens to voice"),
    ({**AWAKE, "arousal": Arousal.TACTILE}, 3, f"{T8}: awakens only to tactile stimulus"),
    ({"ice": None, "arousal": Arousal.UNAROUSABLE}, 4, f"{T8}: unable to perform ICE"),
    ({**AWAKE, "seizure": Seizure.BRIEF}, 3, f"{T8}: a seizure that resolves"),
    ({**AWAKE, "seizure": Seizure.PROLONGED}, 4, f"{T8}: longer than 5 min, or repetitive"),
    ({**AWAKE, "weakness": True}, 4, f"{T8}: deep focal motor weakness"),
    ({**AWAKE, "oedema": Oedema.FOCAL}, 3, f"{T8}: focal oedema"),
    ({**AWAKE, "oedema": Oedema.DIFFUSE}, 4, f"{T8}: diffuse oedema, palsy, papilloedema, Cushing's triad"),
    ({"ice": 3, "arousal": Arousal.ALERT, "seizure": Seizure.BRIEF}, 3, f"{T8}, note: the most severe domain"),
    ({**AWAKE, "fatal": True}, 5, "death by ICANS"),
]


@pytest.mark.parametrize(("signs", "grade", "rule"), ICANS)
def test_icans(signs: dict[str, Any], grade: int, rule: str) -> None:
    assert astct_icans(Neurologic(**signs)).grade == grade, rule


@pytest.mark.parametrize(
    ("found", "bounds"),
    [
        (astct_icans(Neurologic(ice=0)), (3, 4)),  # awake or not is not known
        (astct_icans(Neurologic(ice=None, arousal=Arousal.VOICE)), (2, 3)),
        (astct_crs(Signs(fever=True, pressors=Pressors.FLUIDS)), (2, 4)),
        (astct_crs(Signs(fever=None, pressors=Pressors.FLUIDS, oxygen=Oxygen.NONE)), (0, 2)),
        (astct_crs(Signs(fever=False)), (0, 0)),  # whatever the rest
        (astct_crs(Signs(**{**HOT, "vasopressin": None})), (1, 3)),
        (lee_crs(Signs(**{**HOT, "vasopressin": None})), (1, 2)),
        (lee_crs(Signs(**{**HOT, "pressors": Pressors.ONE_LOW, "vasopressin": None})), (2, 3)),
        (lee_crs(Signs(**{**HOT, "organ": None})), (1, 4)),
        (lee_crs(Signs(**{**HOT, "transaminases": None})), (1, 3)),
        (lee_crs(Signs(fever=True, pressors=Pressors.NONE)), (1, 4)),
    ],
)
def test_a_component_that_was_not_recorded_leaves_bounds(found: Any, bounds: tuple[int, int]) -> None:
    assert (found.least, found.most) == bounds
    assert (found.grade is None) == (bounds[0] < bounds[1])


def test_an_ice_score_beyond_its_range() -> None:
    with pytest.raises(ValueError, match="between 0 and 10"):
        astct_icans(Neurologic(ice=11))
