"""Method ``fisher``: a categorical biomarker against the classes of an endpoint, exactly."""

from __future__ import annotations

import numpy as np

from correlates.association.describe import COUNTS, counts
from correlates.association.notices import Notice
from correlates.association.record import Block, Estimate, Method, Outcome, Statistic, constant
from correlates.association.settings import Univariable
from correlates.association.wilcoxon import P_ADJUSTED, P
from correlates.stats.fisher import TableVariant, fisher_exact
from correlates.terms import OutcomeKind, Reason


def cell_level(category: str, level: str) -> str:
    """How the count of a category in a class is called in ``level``."""
    return f"{category} in {level}"


def _unusable(block: Block) -> tuple[Reason | None, ...]:
    return tuple(Reason.CONSTANT if same else None for same in constant(block.values, block.present).tolist())


def _compute(block: Block, analysis: Univariable) -> Outcome:
    m = len(block.biomarkers)
    values = {
        name: np.full(m, np.nan)
        for name in ("p", "p_standard_error", "odds_ratio", "odds_ratio_lower", "odds_ratio_upper")
    }
    cells: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}
    variants: list[str | None] = []
    odds_notices: list[list[Notice]] = []
    upper_notices: list[list[Notice]] = []
    error_notices: list[list[Notice]] = []
    notices: list[tuple[Notice, ...]] = []
    errors: list[Reason | None] = []
    options = analysis.fisher
    for row in range(m):
        there = block.present[row]
        names = block.categories[row]
        # rows: categories, the last (or only other) first, so that a 2 x 2 odds ratio is of the second category and the event
        table = np.zeros((len(names), len(block.levels)), dtype=np.int64)
        np.add.at(table, (block.values[row, there].astype(np.int64), block.group[there]), 1)
        for i, category in enumerate(names):
            for j, level in enumerate(block.levels):
                cells.setdefault(cell_level(category, level), np.full(m, np.nan))[row] = table[i, j]
        test = fisher_exact(
            table[::-1, ::-1],
            level=analysis.level,
            most_nodes=options.most_nodes,
            draws=options.draws,
            seed=options.seed,
        )
        for name, value in (
            ("p", test.p_value),
            ("p_standard_error", test.p_standard_error),
            ("odds_ratio", test.odds_ratio),
            ("odds_ratio_lower", test.lower),
            ("odds_ratio_upper", test.upper),
        ):
            values[name][row] = np.nan if value is None else value
        variants.append(test.variant.value)
        drawn = test.variant is TableVariant.MONTE_CARLO
        small = test.lower is not None
        odds_notices.append(
            [] if small and not test.unbounded else [Notice.INFINITE if small else Notice.NOT_TWO_BY_TWO]
        )
        upper_notices.append([] if test.upper is not None else [Notice.INFINITE if small else Notice.NOT_TWO_BY_TWO])
        error_notices.append([] if drawn else [Notice.NOT_MONTE_CARLO])
        notices.append((Notice.MONTE_CARLO,) if drawn else ())
        errors.append(Reason.ONE_CLASS if test.variant is TableVariant.UNDEFINED else None)
    lower_notices = [[n for n in row if n is Notice.NOT_TWO_BY_TWO] for row in odds_notices]
    return Outcome(
        estimates=(
            Estimate(name="p", value=values["p"]),
            Estimate(name="variant", text=variants),
            Estimate(name="p_standard_error", value=values["p_standard_error"], notices=error_notices),
            Estimate(name="odds_ratio", value=values["odds_ratio"], notices=odds_notices),
            Estimate(name="odds_ratio_lower", value=values["odds_ratio_lower"], notices=lower_notices),
            Estimate(name="odds_ratio_upper", value=values["odds_ratio_upper"], notices=upper_notices),
            *counts(block),
            *(Estimate(name="count", level=level, value=count) for level, count in cells.items()),
        ),
        errors=tuple(errors),
        notices=tuple(notices),
    )


FISHER = Method(
    code="fisher",
    label="Fisher's exact test",
    endpoints=(OutcomeKind.BINARY, OutcomeKind.CLASS),
    biomarkers=("categorical",),
    statistics=(
        P,
        P_ADJUSTED,
        Statistic(name="variant", label="What P was computed from"),
        Statistic(name="p_standard_error", label="Monte Carlo standard error of P"),
        Statistic(name="odds_ratio", label="Odds ratio (conditional)"),
        Statistic(name="odds_ratio_lower", label="Odds ratio (conditional), lower limit"),
        Statistic(name="odds_ratio_upper", label="Odds ratio (conditional), upper limit"),
        *COUNTS,
        Statistic(name="count", label="Subjects of the category in the class", scopes=("cell",)),
    ),
    unusable=_unusable,
    compute=_compute,
    options=("level", "least_per_class", "few_events", "fisher"),
    formula="P = sum of the probabilities of all tables with the observed margins that are no likelier than the observed one",
    citation="Fisher, JRSS 1935;98:39-82; Freeman and Halton, Biometrika 1951;38:141-149; Mehta and Patel, JASA 1983;78:427-434",
    docs="methods/fisher_exact.md",
)
