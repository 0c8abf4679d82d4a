"""Fisher's exact test against scipy, by enumeration, and at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact as scipy_fisher
from scipy.stats.contingency import odds_ratio

from correlates.stats.fisher import fisher_exact

_cell = st.integers(0, 15)


@settings(max_examples=60, deadline=None)
@given(_cell, _cell, _cell, _cell)
def test_two_by_two_as_scipy(a, b, c, d):
    table = np.array([[a, b], [c, d]])
    found = fisher_exact(table)
    if (table.sum(axis=0) == 0).any() or (table.sum(axis=1) == 0).any():
        assert found.p_value is None
        return
    assert found.p_value == pytest.approx(scipy_fisher(table).pvalue, rel=1e-9)
    other = odds_ratio(table)
    assert found.unbounded == bool(np.isinf(other.statistic))
    if not found.unbounded:
        assert found.odds_ratio == pytest.approx(other.statistic, rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=6, max_size=6))
def test_two_by_three_by_full_enumeration(cells):
    table = np.array(cells).reshape(2, 3)
    if (table.sum(axis=0) == 0).any() or (table.sum(axis=1) == 0).any():
        return
    subjects = np.repeat(np.arange(3), table.sum(axis=0))
    found, total = {}, 0
    # every choice of the first row's subjects, grouped by the table it makes
    from math import comb

    columns, first = table.sum(axis=0), int(table[0].sum())
    for picked in ((i, j, first - i - j) for i in range(columns[0] + 1) for j in range(columns[1] + 1)):
        if 0 <= picked[2] <= columns[2]:
            found[picked] = comb(columns[0], picked[0]) * comb(columns[1], picked[1]) * comb(columns[2], picked[2])
            total += found[picked]
    assert total == comb(subjects.size, first)
    seen = found[tuple(int(v) for v in table[0])]
    assert fisher_exact(table).p_value == pytest.approx(sum(w for w in found.values() if w <= seen) / total, rel=1e-9)


def test_transposing_changes_nothing():
    table = np.array([[2, 1, 3, 0], [0, 5, 1, 2], [4, 3, 0, 6]])
    assert fisher_exact(table.T).p_value == pytest.approx(fisher_exact(table).p_value, rel=1e-12)


def test_empty_rows_do_not_matter():
    assert fisher_exact([[3, 1], [0, 0], [1, 3]]).p_value == pytest.approx(fisher_exact([[3, 1], [1, 3]]).p_value)


def test_large_tables_are_drawn_with_a_seed():
    table = np.array([[20, 10, 12, 8], [10, 15, 9, 17], [10, 15, 9, 7]])
    first, again = (fisher_exact(table, draws=2000, most_nodes=1000) for _ in range(2))
    assert first.variant == "Monte Carlo"
    assert first.p_value == again.p_value
    assert first.p_value != fisher_exact(table, draws=2000, most_nodes=1000, seed=5).p_value


@pytest.mark.parametrize("bad", [[[1, -1], [2, 3]], [[1.5, 1], [2, 3]], [1, 2, 3]])
def test_what_is_no_table_of_counts_is_refused(bad):
    with pytest.raises(ValueError, match="whole counts"):
        fisher_exact(bad)
