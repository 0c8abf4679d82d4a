"""The causal graph: what its coefficients imply, and what a change of them leaves alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from correlates.errors import InternalError
from correlates.simulate.causal import DEFAULT, Coefficients, covariance, natural, scores, stream
from correlates.simulate.describe import analyte_table, constant_table, edge_table, mermaid, node_table, refresh
from correlates.simulate.graph import Edge, Node

PAGE = Path(__file__).parents[3] / "docs" / "methods" / "simulated_trial.md"
N = 40_000


@pytest.fixture(scope="module")
def drawn() -> dict[str, np.ndarray]:
    return scores(11, N)


def test_a_chain_of_three_by_hand() -> None:
    graph = Coefficients(
        nodes=(Node(name="a", label="A"), Node(name="b", label="B"), Node(name="c", label="C")),
        edges=(
            Edge(cause="a", effect="b", coefficient=0.6, scale="path", source="test"),
            Edge(cause="b", effect="c", coefficient=0.5, scale="path", source="test"),
        ),
        constants=(),
    )
    names, implied, residual = covariance(graph)
    assert names == ("a", "b", "c")
    assert implied == pytest.approx(np.array([[1.0, 0.6, 0.3], [0.6, 1.0, 0.5], [0.3, 0.5, 1.0]]), rel=1e-12)
    assert residual == pytest.approx([1.0, 0.8, 0.75**0.5], rel=1e-12)


def test_drawn_scores_have_the_implied_covariance(drawn: dict[str, np.ndarray]) -> None:
    names, implied, _ = covariance()
    observed = np.cov(np.array([drawn[name] for name in names]))
    # standard error of a covariance of unit normals is at most sqrt(2 / n); five of them over all pairs
    assert np.abs(observed - implied).max() < 5.0 * (2.0 / N) ** 0.5


def test_exact_nodes_are_products_of_their_causes(drawn: dict[str, np.ndarray]) -> None:
    peak, burden = DEFAULT.node("cmax"), DEFAULT.node("burden")
    ratio = peak.spread * drawn["cmax"] - burden.spread * drawn["burden"]
    assert np.corrcoef(ratio, drawn["peak_per_burden"])[0, 1] == pytest.approx(1.0, abs=1e-12)


def test_taking_an_effect_away_keeps_every_marginal(drawn: dict[str, np.ndarray]) -> None:
    null = scores(11, N, DEFAULT.without("efficacy"))
    assert np.array_equal(null["cmax"], drawn["cmax"])
    assert null["efficacy"].std() == pytest.approx(1.0, abs=0.015)  # four standard errors of a standard deviation
    assert abs(np.corrcoef(null["efficacy"], null["peak_per_burden"])[0, 1]) < 0.02
    assert np.corrcoef(drawn["efficacy"], drawn["peak_per_burden"])[0, 1] > 0.5


def test_a_new_node_moves_no_other(drawn: dict[str, np.ndarray]) -> None:
    wider = replace(DEFAULT, nodes=(Node(name="newcomer", label="New"), *DEFAULT.nodes))
    again = scores(11, N, wider)
    assert all(np.array_equal(again[name], drawn[name]) for name in drawn)


def test_streams_are_independent_and_repeatable() -> None:
    assert stream(1, "a").random() == stream(1, "a").random()
    assert stream(1, "a").random() != stream(1, "b").random()
    assert stream(1, "a").random() != stream(2, "a").random()


def test_natural_quantities_have_their_median_and_bounds(drawn: dict[str, np.ndarray]) -> None:
    burden = natural(DEFAULT.node("burden"), drawn["burden"])
    assert burden.min() > 170.0
    assert burden.max() < 23300.0
    assert np.median(burden) == pytest.approx(
        3720.0, rel=0.05
    )  # truncation above takes 2.7 % and lowers the median by 3 %
    albumin = natural(DEFAULT.node("albumin"), drawn["albumin"])
    assert albumin.mean() == pytest.approx(37.0, rel=0.01)


def test_what_the_graph_does_not_have_is_refused() -> None:
    with pytest.raises(KeyError):
        DEFAULT.changed(edges={("age", "efficacy"): 0.5})
    with pytest.raises(KeyError):
        DEFAULT.changed(constants={"nothing": 1.0})
    with pytest.raises(KeyError):
        DEFAULT.node("nothing")


def test_more_than_the_variance_is_refused() -> None:
    with pytest.raises(InternalError, match="explain more than its variance"):
        covariance(DEFAULT.changed(edges={("inflammation", "crp"): 1.2}))


def test_a_cause_after_its_effect_is_refused() -> None:
    with pytest.raises(InternalError, match="stands after it"):
        covariance(replace(DEFAULT, nodes=tuple(reversed(DEFAULT.nodes))))


def test_every_record_has_a_source_and_names_are_unique() -> None:
    assert all(r.source for r in (*DEFAULT.nodes, *DEFAULT.edges, *DEFAULT.constants))
    for names in (
        [n.name for n in DEFAULT.nodes],
        [c.name for c in DEFAULT.constants],
        [(e.cause, e.effect) for e in DEFAULT.edges],
    ):
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("made", [mermaid, node_table, edge_table, constant_table, analyte_table])
def test_the_page_shows_the_tables_of_the_code(made: object) -> None:
    assert callable(made)
    assert made() in PAGE.read_text(encoding="utf-8"), (
        "run python -m correlates.simulate.describe docs/methods/simulated_trial.md"
    )


def test_edges_without_effect_are_not_drawn() -> None:
    assert "| efficacy" in mermaid()
    assert "| efficacy" not in mermaid(DEFAULT.without("efficacy"))


def test_refresh_replaces_only_the_marked_parts() -> None:
    page = "before\n<!-- made: edge_table -->\nold\n<!-- end -->\nafter\n"
    assert refresh(page) == f"before\n<!-- made: edge_table -->\n{edge_table()}\n<!-- end -->\nafter\n"
