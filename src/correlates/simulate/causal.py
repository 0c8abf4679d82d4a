"""The causal graph of the simulated trial: nodes, path coefficients and the draw of their scores.

Every node has a score that is standard normal in the population. A path coefficient is the change of the effect's score,
in its standard deviations, per standard deviation of the cause; the residual standard deviation of a node follows from
the coefficients so that its variance stays one (Wright 1934, Ann Math Stat 5:161, path analysis). So a coefficient may
be set to zero, or changed, and every marginal distribution stays what it was: only the association changes.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from correlates.errors import InternalError, Problem
from correlates.simulate.graph import CONSTANTS, EDGES, NODES, Constant, Edge, Node

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficients:
    """What the trial is drawn with: the nodes, the edges and the constants of the causal graph."""

    nodes: tuple[Node, ...] = NODES
    edges: tuple[Edge, ...] = EDGES
    constants: tuple[Constant, ...] = CONSTANTS

    def node(self, name: str) -> Node:
        """The node of that name. Raises KeyError for a name the graph does not have."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def causes(self, effect: str, scale: str) -> dict[str, float]:
        """Coefficients of the edges of that scale that end in ``effect``, by cause."""
        return {e.cause: e.coefficient for e in self.edges if e.effect == effect and e.scale == scale}

    def edge(self, cause: str, effect: str) -> float:
        """The coefficient of one edge. Raises KeyError for an edge the graph does not have."""
        for e in self.edges:
            if e.cause == cause and e.effect == effect:
                return e.coefficient
        raise KeyError((cause, effect))

    def constant(self, name: str) -> float:
        """The value of one constant. Raises KeyError for a name the table does not have."""
        for c in self.constants:
            if c.name == name:
                return c.value
        raise KeyError(name)

    def changed(
        self, *, edges: Mapping[tuple[str, str], float] | None = None, constants: Mapping[str, float] | None = None
    ) -> Coefficients:
        """The same graph with other coefficients or constants.

        Parameters
        ----------
        edges
            New coefficients by (cause, effect); zero takes the effect away.
        constants
            New values by name.

        Raises
        ------
        KeyError
            An edge or a constant is not in the graph.
        """
        edges, constants = dict(edges or {}), dict(constants or {})
        for cause, effect in edges:
            self.edge(cause, effect)
        for name in constants:
            self.constant(name)
        return replace(
            self,
            edges=tuple(replace(e, coefficient=edges.get((e.cause, e.effect), e.coefficient)) for e in self.edges),
            constants=tuple(replace(c, value=constants.get(c.name, c.value)) for c in self.constants),
        )

    def without(self, effect: str) -> Coefficients:
        """The graph with every path into ``effect`` set to zero: a trial in which nothing measured drives it."""
        return self.changed(edges={(e.cause, e.effect): 0.0 for e in self.edges if e.effect == effect})


DEFAULT = Coefficients()


def stream(seed: int, block: str) -> np.random.Generator:
    """The generator of one named block: blocks are independent, and a new block moves no other."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(zlib.crc32(block.encode()),)))


def _inputs(node: Node, coefficients: Coefficients) -> dict[str, float]:
    """Coefficients that enter the score of a node: path coefficients, or logs times the spread of the cause."""
    if node.exact:
        entering = coefficients.causes(node.name, "log")
        return {cause: b * coefficients.node(cause).spread for cause, b in entering.items()}
    return coefficients.causes(node.name, "path")


def covariance(coefficients: Coefficients = DEFAULT) -> tuple[tuple[str, ...], Floats, Floats]:
    """Covariance of the scores that the graph implies.

    Returns
    -------
    names, covariance, residual
        Node names in their order; the covariance matrix, whose diagonal is one; the residual standard deviation of
        each node (of an exact node: zero).

    Raises
    ------
    InternalError
        The coefficients into a node explain more than its variance, or a cause stands after its effect.
    """
    names = tuple(node.name for node in coefficients.nodes)
    place = {name: i for i, name in enumerate(names)}
    cov = np.eye(len(names))
    residual = np.ones(len(names))
    for i, node in enumerate(coefficients.nodes):
        entering = _inputs(node, coefficients)
        if any(place[cause] >= i for cause in entering):
            raise InternalError(
                Problem(code="graph-order", what=f"A cause of {node.name} stands after it in the table")
            )
        b = np.zeros(len(names))
        for cause, value in entering.items():
            b[place[cause]] = value
        explained = float(b @ cov @ b)
        scale = 1.0
        if node.exact:
            residual[i], scale = 0.0, math.sqrt(explained)
        elif explained >= 1.0:
            raise InternalError(
                Problem(
                    code="graph-variance",
                    what=f"The coefficients into {node.name} explain more than its variance",
                    found=f"{explained:.3f}",
                    expected="less than 1",
                )
            )
        else:
            residual[i] = math.sqrt(1.0 - explained)
        with_others = (cov @ b) / scale
        cov[i, :i], cov[:i, i], cov[i, i] = with_others[:i], with_others[:i], 1.0
    return names, cov, residual


def scores(seed: int, n: int, coefficients: Coefficients = DEFAULT) -> dict[str, Floats]:
    """Scores of all nodes for ``n`` subjects, each standard normal in the population; one random stream per node."""
    _, cov, residual = covariance(coefficients)
    place = {node.name: i for i, node in enumerate(coefficients.nodes)}
    drawn: dict[str, Floats] = {}
    for i, node in enumerate(coefficients.nodes):
        entering = _inputs(node, coefficients)
        linear = np.zeros(n)
        for cause, b in entering.items():
            linear += b * drawn[cause]
        if node.exact:
            b_vector = np.array(list(entering.values()))
            which = [place[c] for c in entering]
            linear /= math.sqrt(float(b_vector @ cov[np.ix_(which, which)] @ b_vector))
            drawn[node.name] = linear
        else:
            drawn[node.name] = linear + residual[i] * stream(seed, f"node {node.name}").standard_normal(n)
    return drawn


def natural(node: Node, score: Floats) -> Floats:
    """The quantity in its unit from its score: log-normal or normal, truncated to the node's bounds by quantile."""
    from scipy.special import ndtr, ndtri

    z = score
    if node.low is not None or node.high is not None:
        bounds = [
            side if value is None else (_transformed(node, value) - _transformed(node, node.typical)) / node.spread
            for value, side in ((node.low, -math.inf), (node.high, math.inf))
        ]
        low, high = ndtr(bounds[0]), ndtr(bounds[1])
        z = ndtri(low + ndtr(score) * (high - low))
    centre = _transformed(node, node.typical)
    value = centre + node.spread * z
    return np.asarray(np.exp(value) if node.transform == "log" else value, dtype=np.float64)


def _transformed(node: Node, value: float) -> float:
    return math.log(value) if node.transform == "log" else value
