"""Responses derived from lesions, evaluation by evaluation, and compared with the ones that were recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from correlates.endpoints.checks import Check, check
from correlates.endpoints.cheson import cheson
from correlates.endpoints.lesions import Evaluation, area, courses, meaning
from correlates.endpoints.lugano import lugano
from correlates.endpoints.recist import recist
from correlates.endpoints.settings import Lesions
from correlates.endpoints.timepoint import Pet, Point, Verdict
from correlates.endpoints.words import folded, response, tokens
from correlates.schema.clinical import ASSESSMENTS
from correlates.schema.responses import RESPONSES
from correlates.schema.table import conform

OVERALL = "OVRLRESP"
_SCORE = ("DEAUVILL", "DEAUVILLE", "DEAUVSC", "DVLSCORE", "PET5PS", "FIVEPS", "DS5PS")
_UPTAKE = ("PETUPTK", "UPTAKE", "PETUPTAKE", "FDGUPTK")
_SITES = ("PETNEW", "NEWFDG", "PETNEWL")
_MARROW = ("BMINVLI", "BMIND", "BMARROW", "BONEMARR", "BMRESP", "BMINV")
_UPTAKE_WORDS: Mapping[str, tuple[str, ...]] = {
    "decreased": ("DECREASED", "REDUCED", "DECREASE"),
    "unchanged": ("UNCHANGED", "NO CHANGE", "NO SIGNIFICANT CHANGE", "STABLE"),
    "increased": ("INCREASED", "INCREASE"),
}
_YES = ("Y", "YES", "POSITIVE", "INVOLVED", "PRESENT", "INVOLVEMENT")
_NO = ("N", "NO", "NEGATIVE", "NOT INVOLVED", "ABSENT", "CLEARED", "NORMAL")
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """Response criteria that can be applied to lesions: ``judge`` gives the response at one evaluation after baseline."""

    code: str
    label: str
    judge: Callable[[Point], Verdict]
    two_dimensional: bool
    """Whether a lesion needs two diameters."""
    formula: str
    citation: str
    page: str = "methods/response_criteria.md"


CRITERIA: tuple[Criteria, ...] = (
    Criteria(
        code="lugano_2014",
        label="Lugano 2014",
        judge=lugano,
        two_dimensional=True,
        formula="PET by the five-point scale where it can be evaluated, else CT: PD by one lesion (LDi above 15 mm, product up by 50 % from "
        "nadir, diameter up by 5 or 10 mm), new lesion, spleen, marrow; CR nodes at most 15 mm, all else gone; PR SPD down by 50 %",
        citation="Cheson 2014, J Clin Oncol 32:3059",
    ),
    Criteria(
        code="cheson_2007",
        label="Cheson 2007",
        judge=cheson,
        two_dimensional=True,
        formula="PD new lesion above 15 mm, SPD up by 50 % from nadir, or one longest diameter up by 50 %; CR PET negative, or nodes of "
        "normal size and all else gone; PR SPD down by 50 %",
        citation="Cheson 2007, J Clin Oncol 25:579",
    ),
    Criteria(
        code="recist_1_1",
        label="RECIST 1.1",
        judge=recist,
        two_dimensional=False,
        formula="PD sum of diameters up by 20 % and 5 mm from nadir, new lesion, or unequivocal progression of a non-target lesion; CR all gone, "
        "nodes below 10 mm in short axis; PR sum down by 30 % from baseline",
        citation="Eisenhauer 2009, Eur J Cancer 45:228",
    ),
)
"""Criteria that are derived from lesions. IMWG responses need serum and urine and are taken as recorded."""


def criteria_of(name: str | None) -> Criteria | None:
    """The criteria of that name (``lugano_2014``, ``Lugano 2014``); None where they are not derived from lesions."""
    wanted = tokens(name)
    return next((c for c in CRITERIA if tokens(c.code) == wanted), None)


def responses(
    tables: Mapping[str, pl.DataFrame], criteria: Sequence[Criteria], rules: Lesions
) -> tuple[pl.DataFrame, list[Check]]:
    """The response of each subject at each evaluation after baseline.

    Parameters
    ----------
    tables
        Clinical tables with days (``lesions``, ``assessments``, ``subjects``).
    criteria
        Which criteria.
    rules
        How lesions are measured, and which evaluation is baseline.

    Returns
    -------
    tuple
        ``RESPONSES``, and what was found on the way: subjects without baseline, lesions with one diameter where two are
        needed, words that nobody knows, responses that differ from the recorded ones.

    Undefined when
        There is no evaluation of lesions at baseline (no row, and the check ``no-baseline``); a target lesion has no size
        (NE, unless something else shows progression).
    """
    found = courses(tables["lesions"])
    conditioned = dict(tables["subjects"].select("subject_id", "conditioning_day").iter_rows())
    pets, marrows = _pets(tables["assessments"]), _marrows(tables["assessments"])
    recorded = _recorded(tables["assessments"])
    checks: list[Check] = list(_strange_words(tables["lesions"]))
    rows: list[dict[str, object]] = []
    for (subject, evaluator), evaluations in found.items():
        baseline = baseline_of(evaluations, conditioned.get(subject), rules)
        if baseline is None:
            checks.append(_no_baseline(subject, evaluator, evaluations, conditioned.get(subject), rules))
            continue
        if any(c.two_dimensional for c in criteria):
            checks += _one_diameter(subject, baseline, rules)
        of_subject = pets.get(subject, [])
        course = [e for e in evaluations if e.day >= baseline.day]
        for place, now in enumerate(course[1:], start=1):
            point = Point(
                now=now,
                baseline=baseline,
                earlier=tuple(course[:place]),
                rules=rules,
                pet=_at(of_subject, now, rules.pet_within),
                baseline_pet=_at(of_subject, baseline, rules.pet_within),
                marrow=marrows.get(subject, ()),
            )
            said = _same_time(recorded.get((subject, evaluator), []), now, rules.pet_within)
            rows += [_row(subject, evaluator, c, point, c.judge(point), said) for c in criteria]
    frame = RESPONSES.frame(rows)
    checks += _differences(frame)
    return conform(frame, RESPONSES), checks


def as_assessments(frame: pl.DataFrame, criteria: Criteria) -> pl.DataFrame:
    """Derived responses in the place of recorded ones: ``ASSESSMENTS`` with all source ids of each row in ``source_ids``."""
    mine = frame.filter(pl.col("criteria") == criteria.label)
    made = mine.select(
        "subject_id",
        test=pl.lit(OVERALL),
        criteria="criteria",
        response="response",
        evaluator=pl.when(pl.col("evaluator") != "").then("evaluator"),
        visit="visit",
        day="day",
        day_imputed="day_imputed",
        source_id=pl.col("source_ids").list.first().fill_null("derived"),
    )
    return conform(made, ASSESSMENTS).with_columns(mine["source_ids"])


def baseline_of(evaluations: Sequence[Evaluation], conditioning: int | None, rules: Lesions) -> Evaluation | None:
    """The last evaluation on or before the day of infusion; or before the first day of conditioning, where it is known."""
    last = 0
    if rules.baseline == "before_conditioning" and conditioning is not None:
        last = conditioning - 1
    before = [e for e in evaluations if e.day <= last]
    return before[-1] if before else None


def _row(
    subject: str,
    evaluator: str,
    criteria: Criteria,
    point: Point,
    verdict: Verdict,
    said: tuple[int | None, str, str] | None,
) -> dict[str, object]:
    meant = None if said is None else response(said[1])
    sums = verdict.sums
    notes = [*verdict.notes, *([sums.why] if sums is not None and sums.why else [])]
    ids = [*point.now.source_ids, *(point.pet.source_ids if point.pet else ()), *((said[2],) if said else ())]
    return {
        "subject_id": subject,
        "criteria": criteria.label,
        "evaluator": evaluator,
        "day": point.now.day,
        "day_imputed": point.now.imputed,
        "visit": point.now.visit,
        "response": verdict.response.value,
        "ct": None if verdict.ct is None else verdict.ct.value,
        "pet": None if verdict.pet is None else verdict.pet.value,
        "rule": verdict.rule,
        "detail": "; ".join(dict.fromkeys(notes)) or None,
        "baseline_day": point.baseline.day,
        "total": None if sums is None else sums.now,
        "from_baseline": None if sums is None else sums.from_baseline,
        "from_nadir": None if sums is None else sums.from_nadir,
        "recorded": None if said is None else said[1],
        "recorded_day": None if said is None else said[0],
        "agrees": None if meant is None else meant is verdict.response,
        "source_ids": list(dict.fromkeys(ids)),
    }


# ---- what the records say besides lesions --------------------------------------------------------------------------


def _dated(assessments: pl.DataFrame, tests: Iterable[str]) -> list[dict[str, object]]:
    wanted = assessments.filter(pl.col("test").str.to_uppercase().is_in(list(tests)) & pl.col("day").is_not_null())
    return wanted.sort("day", maintain_order=True).to_dicts()


def _pets(assessments: pl.DataFrame) -> dict[str, list[tuple[int, str | None, Pet]]]:
    """PET of each subject: day, visit, and what it showed."""
    together: dict[tuple[str, int], dict[str, object]] = {}
    for row in _dated(assessments, (*_SCORE, *_UPTAKE, *_SITES)):
        test, word = folded(str(row["test"])), folded(_text(row["response"]))
        kept = together.setdefault((str(row["subject_id"]), int(str(row["day"]))), {"visit": row["visit"], "ids": ()})
        kept["ids"] = (*tuple(kept["ids"]), str(row["source_id"]))  # type: ignore[arg-type]
        if test in _SCORE:
            digits = [c for c in word if c in "12345"]
            kept["score"] = int(digits[-1]) if digits else None
        elif test in _UPTAKE:
            kept["uptake"] = next((name for name, words in _UPTAKE_WORDS.items() if word in words), None)
        else:
            kept["new"] = word in _YES
    made: dict[str, list[tuple[int, str | None, Pet]]] = {}
    for (subject, day), kept in together.items():
        score, uptake, ids = kept.get("score"), kept.get("uptake"), kept["ids"]
        pet = Pet(
            score=score if isinstance(score, int) else None,
            uptake=uptake if isinstance(uptake, str) else None,
            new_sites=bool(kept.get("new")),
            source_ids=ids if isinstance(ids, tuple) else (),
        )
        made.setdefault(subject, []).append((day, _text(kept["visit"]), pet))
    return made


def _marrows(assessments: pl.DataFrame) -> dict[str, list[tuple[int, bool]]]:
    made: dict[str, list[tuple[int, bool]]] = {}
    for row in _dated(assessments, _MARROW):
        word = folded(_text(row["response"]))
        if word in _YES or word in _NO:
            made.setdefault(str(row["subject_id"]), []).append((int(str(row["day"])), word in _YES))
    return made


def _recorded(assessments: pl.DataFrame) -> dict[tuple[str, str], list[tuple[int | None, str | None, str, str]]]:
    """Overall responses by subject and evaluator: day, visit, word, source id."""
    made: dict[tuple[str, str], list[tuple[int | None, str | None, str, str]]] = {}
    rows = assessments.filter((pl.col("test").str.to_uppercase() == OVERALL) & pl.col("response").is_not_null())
    for row in rows.iter_rows(named=True):
        key = (str(row["subject_id"]), row["evaluator"] or "")
        made.setdefault(key, []).append((row["day"], _text(row["visit"]), str(row["response"]), str(row["source_id"])))
    return made


def _at(pets: Sequence[tuple[int, str | None, Pet]], now: Evaluation, within: int) -> Pet | None:
    """The PET of an evaluation: of the same visit, else the nearest within some days."""
    same = [pet for _, visit, pet in pets if visit is not None and visit == now.visit]
    if same:
        return same[-1]
    near = [(abs(day - now.day), pet) for day, _, pet in pets if abs(day - now.day) <= within]
    return min(near, key=lambda n: n[0])[1] if near else None


def _same_time(
    said: Sequence[tuple[int | None, str | None, str, str]], now: Evaluation, within: int
) -> tuple[int | None, str, str] | None:
    """The recorded response of an evaluation: of one of its days, else of its visit, else the nearest within some days."""
    dated = [(abs(day - now.day), day, word, i) for day, _, word, i in said if day is not None]
    exact = [(day, word, i) for _, day, word, i in dated if day in now.days]
    if exact:
        return exact[-1]
    same = [(day, word, i) for day, visit, word, i in said if visit is not None and visit == now.visit]
    if same:
        return same[-1]
    near = min((d for d in dated if d[0] <= within), default=None, key=lambda d: d[0])
    return None if near is None else near[1:]


# ---- what is found on the way --------------------------------------------------------------------------------------


def _strange_words(lesions: pl.DataFrame) -> list[Check]:
    """Every text that stands where a diameter should, and what it is taken for; one that nobody knows is not passed."""
    texts = lesions.filter(
        pl.col("value").is_null() & (pl.col("text").is_not_null()) & (pl.col("text").str.strip_chars() != "")
    )
    counted = texts.group_by("text", maintain_order=True).agg(n=pl.len(), ids=pl.col("source_id"))
    return [
        check(
            scope="source",
            item="lesions",
            target="text",
            rule="lesion-text",
            found=f"{text!r} in {n} {'row' if n == 1 else 'rows'}: {meaning(text) or 'unknown'}",
            value=float(n),
            required="a number, or a word for absent, too small to measure, not evaluable, merged, split, present, progressed",
            passed=meaning(text) is not None,
            action="kept" if meaning(text) is not None else "kept: taken as not evaluable",
            source_ids=ids[:_SHOWN],
        )
        for text, n, ids in counted.iter_rows()
    ]


def _no_baseline(
    subject: str,
    evaluator: str,
    evaluations: Sequence[Evaluation],
    conditioning: int | None,
    rules: Lesions,
) -> Check:
    before = rules.baseline == "before_conditioning" and conditioning is not None
    end = f"day {conditioning}, the first of conditioning" if before else "the day of infusion"
    return check(
        scope="subject",
        item=subject,
        target="lesions",
        rule="no-baseline",
        found=f"first evaluation of lesions on day {evaluations[0].day}" + (f" by {evaluator}" if evaluator else ""),
        value=float(evaluations[0].day),
        required=f"an evaluation {'before' if before else 'on or before'} {end}",
        action="no response is derived",
        source_ids=evaluations[0].source_ids,
    )


def _one_diameter(subject: str, baseline: Evaluation, rules: Lesions) -> list[Check]:
    """Target lesions with one diameter where the criteria need two."""
    found = []
    for name, lesion in baseline.of("TARGET").items():
        if len(lesion.diameters) == 1 and not lesion.too_small and lesion.problem is None:
            size, note = area(lesion, rules)
            found.append(
                check(
                    scope="subject",
                    item=subject,
                    target=name,
                    rule="one-diameter",
                    found=f"one diameter at baseline, {next(iter(lesion.diameters.values())):g} mm",
                    required="two diameters of each target lesion",
                    action=f"kept: {note.partition(': ')[2]}" if size is not None else "no size, as the plan has it",
                    source_ids=lesion.source_ids,
                )
            )
    return found


def _differences(frame: pl.DataFrame) -> list[Check]:
    """How many derived responses differ from the recorded one; each stands in the table of responses."""
    compared = frame.filter(pl.col("agrees").is_not_null())
    checks = []
    for (criteria, evaluator), group in compared.group_by("criteria", "evaluator", maintain_order=True):
        differ = group.filter(~pl.col("agrees"))
        pairs = differ.group_by("response", "recorded", maintain_order=True).agg(n=pl.len()).sort("n", descending=True)
        told = ", ".join(f"{ours} where {theirs} was recorded: {n}" for ours, theirs, n in pairs.iter_rows())
        checks.append(
            check(
                scope="source",
                item="assessments",
                target=str(criteria),
                rule="response-differs",
                found=f"{differ.height} of {group.height} evaluations"
                + (f" by {evaluator}" if evaluator else "")
                + (f": {told}" if told else ""),
                value=float(differ.height),
                required="responses from lesions that say what was recorded",
                passed=differ.is_empty(),
                action="kept: both stand in the table of responses" if differ.height else "none",
                source_ids=[i for ids in differ["source_ids"].to_list() for i in ids[:1]][:_SHOWN],
            )
        )
    return checks


def _text(value: object) -> str | None:
    return None if value is None else str(value)
