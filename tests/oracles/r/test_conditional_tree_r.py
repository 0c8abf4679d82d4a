"""Conditional inference trees against R 4.2.2 (partykit): the same splits, statistics, P values and leaves.

Statistics and P values 1e-8 relative (closed forms); splits and leaves exact.
"""

from __future__ import annotations

import numpy as np
import pytest
from tests.external import oracle

from correlates.stats.conditional_tree import grow_tree, outcome_scores
from correlates.stats.cutpoint import ScoreTies, log_rank_scores

RESPONSE = ("response", "time", "status")


@pytest.mark.parametrize("name", ["airquality", "birthwt", "survival-response", "no-split"])
def test_the_tree_of_partykit(name: str) -> None:
    case = oracle("multivariable")[f"ctree-{name}"]
    given, expected = case["input"], case["expected"]
    names = [key for key in given if key not in RESPONSE]
    scores = (
        log_rank_scores(given["time"], given["status"], ties=ScoreTies.NELSON_AALEN)[:, None]
        if "time" in given
        else outcome_scores(given["response"])
    )
    tree = grow_tree(np.array([given[key] for key in names], dtype=float), scores)
    nodes = tree.nodes
    inner = np.flatnonzero(nodes.variable >= 0)
    assert (inner + 1).tolist() == expected["inner_node_ids"]
    assert [names[v] for v in nodes.variable[inner]] == expected["split_variable"]
    assert nodes.threshold[inner].tolist() == expected["split_point"]
    assert tree.root.statistic == pytest.approx(expected["root_statistic_quadratic"], rel=1e-8)
    assert tree.root.p_adjusted == pytest.approx(expected["root_p_adjusted"], rel=1e-8)
    assert nodes.p_value[inner] == pytest.approx(expected["inner_p"], rel=1e-8)
    assert (tree.leaf + 1).tolist() == expected["node_of_row"]
    assert nodes.n[nodes.variable < 0].tolist() == expected["terminal_n"]
