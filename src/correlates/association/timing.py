"""The clock of an association: from the infusion, from a landmark, or from the day a value is known; and what looks back.

A value that becomes known on day d says, by being known, that the subject lived to day d. Held against a time that counts from the
infusion, that time without risk is credited to the value (immortal-time bias). So such an association is refused unless the clock
starts no earlier than the value: at a landmark, or subject by subject. Against a yes-or-no endpoint nothing is credited, but where the
outcome was decided first the association looks back: it describes, and every result says so.

Sources: Anderson, Cain and Gelber, J Clin Oncol 1983;1:710-719. Suissa, Am J Epidemiol 2008;167:492-499.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from correlates.association.known import Decided
from correlates.association.notices import Notice
from correlates.association.settings import Biomarker, Endpoint
from correlates.errors import DerivationError, Problem
from correlates.terms import OutcomeKind, Timing

ALTERNATIVES = (
    "Set landmark: DAY, or from_known_day: true; or naive: true, which labels every result as immortal-time biased"
)
LEAVE_OUT = "Leave them out, or hold them against the time by do: univariable with landmark or from_known_day"
"""What to do instead, where an analysis has other clocks and where it has none."""
FROM_KNOWN, NAIVE = "from the known day", "naive"


def on_clock(endpoint: str, clock: str) -> str:
    """The name of an endpoint counted on another clock than from the infusion."""
    return f"{endpoint} [{clock}]"


def clock_of(name: str) -> tuple[str, str]:
    """The endpoint and its clock; the clock is empty where it is the infusion."""
    endpoint, bracket, clock = name.partition(" [")
    return endpoint, clock.removesuffix("]") if bracket else ""


def from_day(day: float) -> str:
    """The clock of a landmark."""
    return f"from day {day:g}"


def day_of(clock: str) -> float | None:
    """The landmark of a clock; None for any other clock."""
    head, _, day = clock.partition("from day ")
    return float(day) if day and not head else None


def known_later(parameters: pl.DataFrame, codes: Collection[str]) -> set[str]:
    """Codes of the biomarkers that are known only after the infusion, or of which nobody says when."""
    later = (pl.col("known_on_day") > 0) | (pl.col("known_on_day").is_null() & (pl.col("timing") == Timing.POST.value))
    mine = parameters.filter(
        pl.col("code").is_in(list(codes)) & (pl.col("value").is_not_null() | pl.col("category").is_not_null())
    )
    return set(mine.filter(later)["code"].unique().to_list())


def refuse_future(
    name: str,
    biomarkers: Sequence[Biomarker],
    endpoints: Sequence[Endpoint],
    parameters: pl.DataFrame,
    *,
    do: str = ALTERNATIVES,
) -> None:
    """Refuse to hold a biomarker known later against a time from the infusion.

    Raises
    ------
    DerivationError
        With the biomarkers, the times, and the two alternatives.
    """
    times = [e.name for e in endpoints if e.kind is OutcomeKind.TIME]
    if not times:
        return
    later = known_later(parameters, [b.code for b in biomarkers])
    if later:
        listed = [b.code for b in biomarkers if b.code in later]
        shown = ", ".join(listed[:6]) + (f" and {len(listed) - 6} more" if len(listed) > 6 else "")
        raise DerivationError(
            Problem(
                code="conditions-on-the-future",
                what=f"The analysis {name!r} counts {', '.join(times)} from the infusion and tests biomarkers that are known only later: "
                "whoever has such a value has lived to have it",
                found=shown,
                expected="a clock that starts when the value is known",
                do=do,
            )
        )


def at_landmark(
    analysis: pl.DataFrame, parameters: pl.DataFrame, outcomes: pl.DataFrame, endpoints: Sequence[Endpoint], day: float
) -> pl.DataFrame:
    """The analysis table as it was on a day, for what comes after it.

    Parameters
    ----------
    analysis, parameters, outcomes
        The tables of those names.
    endpoints
        Endpoints of the analysis.
    day
        The landmark.

    Returns
    -------
    polars.DataFrame
        The same rows. A biomarker that was not known by the day is null. A time that ends on or before the day is null, the others
        are counted from it. A yes-or-no outcome, a class or a grade that was decided on or before the day is null.
    """
    late = parameters.filter(~(pl.col("known_on_day") <= day).fill_null(value=False)).select("subject_id", "code")
    frame = analysis
    for (code,), part in late.group_by("code", maintain_order=True):
        if str(code) in frame.columns:
            frame = _nulled(frame, str(code), part["subject_id"])
            frame = _nulled(frame, f"{code}|censoring", part["subject_id"])
    for endpoint in endpoints:
        column = endpoint.column or endpoint.name
        if endpoint.kind is OutcomeKind.TIME:
            open_ = pl.col(column) > day
            beside = [c for c in (f"{column}|event", f"{column}|cause") if c in frame.columns]
            frame = frame.with_columns(
                *(pl.when(open_).then(pl.col(c)).otherwise(None).alias(c) for c in beside),
                pl.when(open_).then(pl.col(column) - day).otherwise(None).alias(column),
            )
        else:
            early = outcomes.filter((pl.col("endpoint") == column) & (pl.col("known_on_day") <= day))
            frame = _nulled(frame, column, early["subject_id"])
    return frame


def _nulled(frame: pl.DataFrame, column: str, subjects: pl.Series) -> pl.DataFrame:
    if column not in frame.columns:
        return frame
    hit = pl.col("subject_id").is_in(subjects.implode())
    return frame.with_columns(pl.when(hit).then(None).otherwise(pl.col(column)).alias(column))


def looking_back(results: pl.DataFrame, decided: Decided) -> pl.DataFrame:
    """Results with the notice that they describe, where outcomes were decided before the biomarker was known."""
    pairs = pl.DataFrame(
        [(code, endpoint) for (code, endpoint), n in decided.items() if n],
        schema={"biomarker": pl.String, "endpoint": pl.String},
        orient="row",
    ).with_columns(back=pl.lit(value=True))
    joined = results.join(pairs, on=["biomarker", "endpoint"], how="left", maintain_order="left")
    return _noticed(joined, pl.col("back").fill_null(value=False), Notice.DESCRIBES).drop("back")


def labelled_naive(results: pl.DataFrame, later: Collection[str], times: Collection[str]) -> pl.DataFrame:
    """Results of a naive analysis: those of biomarkers known later against a time are named and noticed as biased.

    Families and ids keep the endpoint as it was declared; only the name that is shown says naive.
    """
    biased = pl.col("biomarker").is_in(list(later)) & pl.col("endpoint").is_in(list(times))
    told = _noticed(results, biased, Notice.IMMORTAL)
    name = pl.concat_str(pl.col("endpoint"), pl.lit(f" [{NAIVE}]"))
    return told.with_columns(endpoint=pl.when(biased).then(name).otherwise(pl.col("endpoint")))


def _noticed(results: pl.DataFrame, where: pl.Expr, notice: Notice) -> pl.DataFrame:
    added = pl.concat_list(pl.col("notices"), pl.lit([notice.value])).list.unique(maintain_order=True)
    return results.with_columns(notices=pl.when(where).then(added).otherwise(pl.col("notices")))
