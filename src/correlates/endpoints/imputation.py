"""Days of incomplete dates, by the rule the plan declares. Without a rule nothing is imputed."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from correlates.endpoints.checks import Check, check
from correlates.endpoints.settings import Imputation

_KNOWN = r"^(\d{4})(?:-(\d{2}|-))?(?:-(?:\d{2}|-)?)?(?:T.*)?$"
_COMPLETE = r"^\d{4}-\d{2}-\d{2}(T.*)?$"
_SHOWN = 20


def rule_of(rules: Mapping[str, Imputation], table: str, date: str) -> Imputation | None:
    """The rule of one column of dates: its own, else that of its table."""
    return rules.get(f"{table}.{date}", rules.get(table))


def imputed(
    frame: pl.DataFrame, *, table: str, date: str, day: str, flag: str, zero: str, rule: Imputation
) -> tuple[pl.DataFrame, list[Check]]:
    """Fill ``day`` and ``flag`` of the rows whose date is incomplete.

    Parameters
    ----------
    frame
        Rows with the text of the date, the day (null where the date is incomplete) and the date of infusion (``zero``).
    rule
        First, middle or last day of what is known. The middle is the 15th of a month and 30 June of a year, as admiral
        has it.

    Returns
    -------
    tuple
        The rows, ``flag`` D where the day was imputed and M where month and day were, and a check that lists them.
    """
    text = pl.col(date)
    year = text.str.extract(_KNOWN, 1).cast(pl.Int32, strict=False)
    month = text.str.extract(_KNOWN, 2).cast(pl.Int8, strict=False)
    month = pl.when(month.is_between(1, 12)).then(month)
    open_ = text.is_not_null() & pl.col(day).is_null() & year.is_not_null() & ~text.str.contains(_COMPLETE)
    part = pl.when(month.is_not_null()).then(pl.lit("D")).otherwise(pl.lit("M"))
    first = pl.date(year, month.fill_null(1), 1)
    end = pl.date(year, month.fill_null(12), 1).dt.month_end()
    middle = pl.when(month.is_not_null()).then(pl.date(year, month, 15)).otherwise(pl.date(year, 6, 30))
    made = {"first": first, "middle": middle, "last": end}[rule.rule]
    if rule.not_before_infusion:
        here = pl.col(zero)
        made = pl.when((made < here) & (end >= here)).then(here).otherwise(made)
    covered = open_ & pl.col(zero).is_not_null()
    if rule.missing == "day":
        covered = covered & month.is_not_null()
    frame = frame.with_columns(
        pl.when(covered).then((made - pl.col(zero)).dt.total_days()).otherwise(pl.col(day)).alias(day),
        pl.when(covered).then(part).otherwise(pl.col(flag)).alias(flag),
    )
    rows = frame.filter(pl.col(flag).is_not_null())
    if rows.is_empty():
        return frame, []
    dates = rows.select("subject_id", date, day).unique(maintain_order=True)
    listed = [f"{s}: {d} as day {n}" for s, d, n in dates.head(_SHOWN).iter_rows()]
    more = f" and {dates.height - _SHOWN} more" if dates.height > _SHOWN else ""
    bound = ", not before the infusion" if rule.not_before_infusion else ""
    return frame, [
        check(
            scope="source",
            item=table,
            target=date,
            rule="imputed-date",
            found="; ".join(listed) + more,
            value=float(rows.height),
            required="a complete date (year, month and day)",
            action=f"imputed: the {rule.rule} day of what is known{bound}",
            source_ids=rows["source_id"].to_list(),
        )
    ]
