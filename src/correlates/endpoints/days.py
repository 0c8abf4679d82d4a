"""Study days: every date becomes a day relative to the infusion, and dates that contradict each other are named.

Day 0 is the day of infusion, the day before is -1 (SDTM's --DY has no day 0; it is not used). A date that is incomplete
has no day, unless the plan declares how one is made of it; the infusion itself is never imputed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from correlates.endpoints.checks import Check, check, unique
from correlates.endpoints.consistency import contradictions
from correlates.endpoints.imputation import imputed, rule_of
from correlates.endpoints.settings import Conditioning, Imputation, Infusion
from correlates.errors import DerivationError, Problem, unknown
from correlates.schema.checks import CHECKS
from correlates.schema.clinical import CLINICAL, SUBJECTS
from correlates.schema.exclusions import EXCLUSIONS
from correlates.schema.table import conform
from correlates.terms import Reason

COMPLETE = r"^\d{4}-\d{2}-\d{2}(T.*)?$"
_INCOMPLETE = r"^(\d{4}|-)(-(\d{2}|-))?(-(\d{2}|-))?(T.*)?$"
_DATES = (
    ("date", "day"),
    ("end_date", "end_day"),
    ("death_date", "death_day"),
    ("last_contact_date", "last_contact_day"),
)
DAY_ZERO = "day 0"
"""Date of infusion of records that count days from the infusion and hold no dates."""
_NO_DATE = "-"  # SDTM's sign for a part of a date that is not known
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """Clinical tables with their days.

    Attributes
    ----------
    tables
        The tables given, days filled; ``subjects.infusion_date`` is null for subjects who were not treated.
    checks
        ``CHECKS``: dates without a day, second infusions, dates that contradict each other.
    exclusions
        ``EXCLUSIONS``: who was not treated, or whose day of infusion is not known (scope ``treated``).
    """

    tables: Mapping[str, pl.DataFrame]
    checks: pl.DataFrame
    exclusions: pl.DataFrame


def parsed(date: pl.Expr) -> pl.Expr:
    """A complete ISO 8601 date as a date; null for any other text, an impossible date (2021-02-30) included."""
    return pl.when(date.str.contains(COMPLETE)).then(date.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False))


def study_days(
    tables: Mapping[str, pl.DataFrame],
    infusion: Infusion,
    conditioning: Conditioning | None = None,
    imputation: Mapping[str, Imputation] | None = None,
) -> Dated:
    """Put every date of the clinical tables on the day axis of the infusion.

    Parameters
    ----------
    tables
        Clinical tables by name (``subjects`` and ``exposure`` at least), as a reader gives them. A day that stands in a
        row without a date is kept: it was counted from the infusion by whoever wrote the file.
    infusion
        Which administration is the infusion.
    conditioning
        Which administrations are the conditioning; null leaves ``subjects.conditioning_day`` null.
    imputation
        Rule by table (``assessments``) or by column of dates (``subjects.death_date``, which goes before the table);
        without one nothing is imputed.

    Returns
    -------
    Dated
        Tables with days, checks and exclusions. Assessments before the infusion are kept, with negative days.

    Raises
    ------
    DerivationError
        The rule does not tell the infusion from other treatments; it names a category or treatment that no record has;
        it says ``only`` and a subject has infusions on more than one day.

    Undefined when
        The date of the infusion is incomplete, or a date is and no rule is declared for it: the day is null.
    """
    given = {table.name: tables.get(table.name, table.empty()) for table in CLINICAL}
    first, checks = _infusions(given["exposure"], infusion)
    subjects = (
        given["subjects"]
        .rename({"infusion_date": "\x00given"})
        .join(first, on="subject_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce("infusion_date", "\x00given"))
    )
    zero = subjects.select("subject_id", parsed(pl.col("infusion_date")).alias("\x00zero"))
    out: dict[str, pl.DataFrame] = dict(tables)
    for table in CLINICAL:
        frame = subjects if table.name == "subjects" else given[table.name]
        frame = frame.join(zero, on="subject_id", how="left", maintain_order="left")
        for date, day in _DATES:
            if date in table.names and day in table.names:
                frame, found = _with_day(frame, table.name, date, day, rule_of(imputation or {}, table.name, date))
                checks += found
        out[table.name] = conform(frame.select(table.names), table)
    if conditioning is not None:
        out["subjects"], found = _conditioned(out["subjects"], out["exposure"], conditioning)
        checks += found
    checks += contradictions(out)
    return Dated(
        tables=out,
        checks=CHECKS.frame(unique(checks)),
        exclusions=EXCLUSIONS.frame(_untreated(out["subjects"])),
    )


def _with_day(
    frame: pl.DataFrame, table: str, date: str, day: str, rule: Imputation | None
) -> tuple[pl.DataFrame, list[Check]]:
    """A table with the day of one of its dates, and with what part of the date was imputed."""
    zero = pl.col("\x00zero")
    whole = parsed(pl.col(date))
    flag = "\x00flag"
    frame = frame.with_columns((whole - zero).dt.total_days().alias("\x00day"), pl.lit(None, pl.String).alias(flag))
    differ = frame.filter(pl.col("\x00day") != pl.col(day))
    checks = [
        check(
            scope="subject",
            item=subject,
            target=table,
            rule="day-differs",
            found=f"{text} is day {counted}, the file says day {stated}",
            value=float(counted - stated),
            required="a day that is counted from the infusion",
            action="kept: the date counts",
            source_ids=[row],
        )
        for subject, text, counted, stated, row in differ.select(
            "subject_id", date, "\x00day", day, "source_id"
        ).iter_rows()
    ]
    if rule is not None:
        frame, found = imputed(frame, table=table, date=date, day="\x00day", flag=flag, zero="\x00zero", rule=rule)
        checks += found
    undated = frame.filter(pl.col("\x00day").is_null() & pl.col(day).is_null())
    checks += _undated(undated, table, date)
    frame = frame.with_columns(pl.coalesce("\x00day", day).alias(day), pl.col(flag).alias(f"{day}_imputed"))
    return frame.drop("\x00day", flag), checks


def _conditioned(
    subjects: pl.DataFrame, exposure: pl.DataFrame, rule: Conditioning
) -> tuple[pl.DataFrame, list[Check]]:
    """Subjects with the first day of their conditioning; a check names the treated ones who have none."""
    wanted = pl.lit(value=False)
    for column, words in (("category", (rule.category,)), ("treatment", rule.treatments)):
        known = exposure[column].drop_nulls().unique(maintain_order=True).to_list()
        for word in words:
            if word is None:
                continue
            if exposure.height and word.casefold() not in {k.casefold() for k in known}:
                raise DerivationError(unknown(f"{column} of the conditioning", word, known, code="which-conditioning"))
            wanted = wanted | (pl.col(column).str.to_lowercase() == word.lower()).fill_null(value=False)
    given = exposure.filter(
        wanted & pl.col("day").is_between(-rule.within, 0) & (pl.col("dose") != 0).fill_null(value=True)
    )
    first = given.group_by("subject_id").agg(pl.col("day").min().alias("conditioning_day"))
    subjects = subjects.drop("conditioning_day").join(first, on="subject_id", how="left", maintain_order="left")
    without = subjects.filter(pl.col("conditioning_day").is_null() & pl.col("infusion_date").is_not_null())
    checks = [
        check(
            scope="subject",
            item=subject,
            rule="no-conditioning",
            found=f"no administration of the conditioning in the {rule.within} days before the infusion",
            required="a first day of conditioning, before which baseline ends",
            action="baseline ends before the day of infusion",
            source_ids=[row],
        )
        for subject, row in without.select("subject_id", "source_id").iter_rows()
    ]
    return subjects.select(SUBJECTS.names), checks


def _infusions(exposure: pl.DataFrame, rule: Infusion) -> tuple[pl.DataFrame, list[Check]]:
    """The date of the infusion of each subject who has one."""
    rows = exposure
    for column, wanted in (("category", rule.category), ("treatment", rule.treatment)):
        if wanted is None:
            continue
        known = exposure[column].drop_nulls().unique(maintain_order=True).to_list()
        if exposure.height and wanted.casefold() not in {k.casefold() for k in known}:
            raise DerivationError(unknown(f"{column} of the infusion", wanted, known, code="which-infusion"))
        rows = rows.filter(pl.col(column).str.to_lowercase() == wanted.lower())
    kinds = rows.select("category", "treatment").unique(maintain_order=True).rows()
    if rule.category is None and rule.treatment is None and len(kinds) > 1:
        raise DerivationError(
            Problem(
                code="which-infusion",
                what="More than one treatment is recorded and the plan does not say which is the infusion",
                found="; ".join(f"{t} ({c})" if c else str(t) for c, t in kinds[:_SHOWN]),
                expected="category or treatment of the infusion",
                do="Set infusion.category or infusion.treatment of the source",
            )
        )
    none_given = rows.filter(pl.col("dose") == 0)
    rows = rows.filter((pl.col("dose") != 0).fill_null(value=True))
    per = (
        rows.with_columns(pl.col("date").fill_null(_NO_DATE))
        .sort("date", maintain_order=True)
        .group_by("subject_id", maintain_order=True)
        .agg(pl.col("date").str.slice(0, 10).unique(maintain_order=True).alias("dates"), pl.col("source_id"))
    )
    checks: list[Check] = [
        check(
            scope="subject",
            item=subject,
            rule="dose-zero",
            found=f"{treatment} of dose 0 on {date or 'an unknown date'}",
            value=0.0,
            required="a dose",
            action="no infusion",
            source_ids=[row],
        )
        for subject, treatment, date, row in none_given.select(
            "subject_id", "treatment", "date", "source_id"
        ).iter_rows()
    ]
    several = [
        check(
            scope="subject",
            item=subject,
            rule="several-infusions",
            found=f"infusions on {', '.join(dates)}",
            value=float(len(dates)),
            required="one infusion",
            action="kept: the first is day 0",
            source_ids=ids,
        )
        for subject, dates, ids in per.filter(pl.col("dates").list.len() > 1).iter_rows()
    ]
    if several and rule.which == "only":
        raise DerivationError(
            Problem(
                code="several-infusions",
                what=f"Subject {c['item']} has infusions on more than one day",
                found=str(c["found"]),
                expected="one infusion (the plan says which: only)",
                do="Set infusion.which to first, or correct the records",
            )
            for c in several
        )
    checks += several
    # sorted as text, 2021-03 comes before 2021-03-05: an incomplete first date may be any day of its month
    return per.select("subject_id", infusion_date=pl.col("dates").list.first()), checks


def _undated(frame: pl.DataFrame, table: str, date: str) -> list[Check]:
    """Dates that have no day, counted per table: incomplete ones, and texts that are no date."""
    without = frame.filter(pl.col(date).is_not_null() & parsed(pl.col(date)).is_null())
    incomplete = pl.col(date).str.contains(_INCOMPLETE) & ~pl.col(date).str.contains(COMPLETE)
    checks = []
    for rule, rows, required in (
        (
            "partial-date",
            without.filter(incomplete),
            "a complete date (year, month and day), or a rule of imputation that covers it",
        ),
        ("unreadable-date", without.filter(~incomplete), "a date in ISO 8601 (2021-03-05)"),
    ):
        if rows.is_empty():
            continue
        listed = [f"{s}: {d}" for s, d in rows.select("subject_id", date).head(_SHOWN).iter_rows()]
        more = f" and {rows.height - _SHOWN} more" if rows.height > _SHOWN else ""
        checks.append(
            check(
                scope="source",
                item=table,
                target=date,
                rule=rule,
                found="; ".join(listed) + more,
                value=float(rows.height),
                required=required,
                action="kept without a day",
                source_ids=rows["source_id"].to_list(),
            )
        )
    return checks


def _untreated(subjects: pl.DataFrame) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    dates = subjects.filter(
        parsed(pl.col("infusion_date")).is_null() & (pl.col("infusion_date") != DAY_ZERO).fill_null(value=True)
    )
    for subject, date in dates.select("subject_id", "infusion_date").iter_rows():
        reason = Reason.NOT_TREATED if date is None else Reason.PARTIAL_DATE
        detail = "no infusion recorded" if date is None else f"infusion on {date}"
        rows.append({"subject_id": subject, "scope": "treated", "reason": reason.value, "detail": detail})
    return rows
