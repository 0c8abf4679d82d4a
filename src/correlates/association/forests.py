"""Inquiries of trees and forests: which of many biomarkers tell an endpoint, without a model of how."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from correlates.association.blocks import Panel, members
from correlates.association.inquiry import Found, Inquiry, Result, results_table
from correlates.association.notices import Notice
from correlates.association.outcomes import outcomes
from correlates.association.record import Block, Statistic, censored, constant
from correlates.association.settings import Biomarker, Endpoint
from correlates.provenance import short_id
from correlates.schema import TREES
from correlates.stats.arrays import Floats, Ints
from correlates.stats.conditional_forest import ForestSettings, grow_forest, importance_test
from correlates.stats.conditional_tree import ConditionalTree, Grow, grow_tree, outcome_scores
from correlates.stats.cutpoint import ScoreTies, log_rank_scores
from correlates.stats.multiplicity import Adjust
from correlates.stats.out_of_bag import out_of_bag_concordance
from correlates.stats.random_forest import RandomForestSettings, boruta, grow_random_forest
from correlates.stats.target import survival_target
from correlates.terms import OutcomeKind, Reason

ForestMethod = Literal["conditional_tree", "conditional_forest", "random_forest", "boruta"]

PANEL = Biomarker(code="(panel)", label="All biomarkers together")
"""What a number of a whole forest is of."""

_P = Statistic(name="p", label="P value")
_P_ADJUSTED = Statistic(name="p_adjusted", label="P value, adjusted ({adjust})")
_IMPORTANCE = (
    Statistic(name="importance", label="Importance: rise of the squared error out of bag when permuted"),
    Statistic(name="importance_se", label="Importance, standard error over trees"),
    Statistic(name="rank", label="Place by importance"),
    Statistic(name="null_mean", label="Importance under permuted outcomes, mean"),
)
_WHOLE = tuple(
    Statistic(name=f"{name}{end}", label=f"{label}, out of bag{limit}", scopes=("cell",))
    for name, label in (("auc", "Area under the ROC curve"), ("c", "Harrell's C"))
    for end, limit in (("_out_of_bag", ""), ("_lower", ", lower limit"), ("_upper", ", upper limit"))
)

CONDITIONAL_TREE = Inquiry(
    code="conditional_tree",
    does="forest",
    label="Conditional inference tree",
    statistics=(
        _P,
        _P_ADJUSTED,
        Statistic(name="statistic", label="Quadratic statistic in the root"),
        Statistic(name="p_root", label="P value in the root, adjusted for the number of biomarkers"),
        Statistic(name="splits", label="Nodes it splits"),
    ),
    options=("node_level", "least_split", "least_leaf"),
    formula="the node is split by the biomarker of smallest P = P(chi-square > (T - E) Sigma^+ (T - E)), while 1 - (1 - P)^m is at most the "
    "level; the cut maximises the two-sample statistic",
    citation="Hothorn, Hornik and Zeileis, J Comput Graph Stat 2006;15:651-674",
    docs="methods/trees_and_forests.md",
)
CONDITIONAL_FOREST = Inquiry(
    code="conditional_forest",
    does="forest",
    label="Conditional inference forest",
    statistics=(_P, _P_ADJUSTED, *_IMPORTANCE, *_WHOLE),
    options=("trees", "permutations", "seed"),
    formula="importance = mean over trees of the rise of the squared error out of bag when the biomarker is permuted; P = (1 + number of "
    "forests on permuted outcomes with at least that importance) / (1 + permutations)",
    citation="Strobl et al., BMC Bioinformatics 2007;8:25; Altmann et al., Bioinformatics 2010;26:1340-1347",
    docs="methods/trees_and_forests.md",
)
RANDOM_FOREST = Inquiry(
    code="random_forest",
    does="forest",
    label="Random forest",
    statistics=(_P, _P_ADJUSTED, *_IMPORTANCE, *_WHOLE),
    options=("trees", "least_leaf", "permutations", "seed"),
    formula="importance and P as in a conditional inference forest; the cut with the largest fall of the squared error splits",
    citation="Breiman, Mach Learn 2001;45:5-32; Altmann et al., Bioinformatics 2010;26:1340-1347",
    docs="methods/trees_and_forests.md",
)
BORUTA = Inquiry(
    code="boruta",
    does="forest",
    label="Boruta",
    statistics=(
        Statistic(name="decision", label="Decision"),
        Statistic(name="hits", label="Rounds in which it beat every shadow"),
        Statistic(name="rounds", label="Rounds it was in"),
        Statistic(name="mean_z", label="Mean Z of its importance"),
        _P_ADJUSTED,
    ),
    options=("trees", "least_leaf", "rounds", "seed"),
    formula="confirmed or rejected by a binomial test of the rounds in which its Z (importance / standard error) is above that of the best "
    "permuted biomarker, at level / number of biomarkers",
    citation="Kursa and Rudnicki, J Stat Softw 2010;36(11):1-13",
    docs="methods/trees_and_forests.md",
)
FOREST_INQUIRIES: Mapping[str, Inquiry] = {
    record.code: record for record in (CONDITIONAL_TREE, CONDITIONAL_FOREST, RANDOM_FOREST, BORUTA)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Forests:
    """Trees and forests of many biomarkers for each endpoint.

    Attributes
    ----------
    name
        ``analysis_id`` of the results.
    methods
        Which of them.
    trees, permutations, rounds
        Trees of a forest; forests on permuted outcomes (0: no P of an importance); most rounds of Boruta.
    node_level, least_split, least_leaf
        Of the single tree: level of a split, and subjects of a node that is split and of its children. The children hold for forests too.
    population, families, adjust, seed, prespecified
        As in the other analyses.
    least_per_class, few_events
        Subjects each class must have; size of the smaller class below which the notice ``few-events`` is set.
    """

    name: str
    methods: tuple[ForestMethod, ...] = ("conditional_tree", "conditional_forest")
    trees: int = 500
    permutations: int = 0
    rounds: int = 100
    node_level: float = 0.05
    least_split: int = 20
    least_leaf: int = 7
    population: str = "all"
    families: tuple[str, ...] = ("analysis_id", "endpoint", "method")
    adjust: Adjust = Adjust.BH
    seed: int = 20200923
    level: float = 0.95
    least_per_class: int = 5
    few_events: int = 20
    prespecified: bool = False


def grow_forests(
    analysis: pl.DataFrame, biomarkers: Sequence[Biomarker], endpoints: Sequence[Endpoint], settings: Forests
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Grow trees and forests of the biomarkers for each endpoint.

    Parameters
    ----------
    analysis
        Table ``analysis``.
    biomarkers, endpoints
        What may split a node, and what for.
    settings
        The analysis.

    Returns
    -------
    results, trees
        Tables ``results`` (one result per endpoint, method and biomarker, and one of the whole forest) and ``trees`` (the nodes of each
        conditional inference tree). An endpoint that cannot be analysed has rows that say why.

    Notes
    -----
    Biomarkers enter as mid-ranks, values that their limits do not order sharing theirs: a test in a node is then one of ranks, and
    one very high concentration does not decide it. Thresholds are told as values. A subject without a value stays: a tree tests a
    biomarker on those who have it.
    """
    panel = Panel(analysis, biomarkers)
    within = members(analysis, settings.population)
    found: list[Result] = []
    nodes: list[dict[str, object]] = []
    for endpoint in endpoints:
        whole = panel.block(outcomes(analysis, endpoint), within)
        usable = np.flatnonzero(~constant(whole.values, whole.present) & panel.finite)
        block = whole.rows(usable)
        for code in settings.methods:
            record = FOREST_INQUIRIES[code]
            result = _maker(record, endpoint, settings, whole, int(within.sum()))
            why = _why_not(record, endpoint, settings, whole, usable)
            if why is not None:
                found += [result(j, (), (), why) for j in range(len(biomarkers))]
                continue
            given = _Given(
                block=block, scores=_scores(block), settings=settings, rng=_generator(settings, endpoint, code)
            )
            computed = _COMPUTE[code](given)
            found += [result(int(j), one, (), None) for j, one in zip(usable, computed.each, strict=True)]
            found += [
                result(int(j), (), (), Reason.CONSTANT if panel.finite[j] else Reason.NOT_FINITE)
                for j in np.setdiff1d(np.arange(len(biomarkers)), usable)
            ]
            if computed.whole:
                found.append(result(-1, computed.whole, (), None))
            nodes += [{**_key(endpoint, settings), **node} for node in computed.nodes]
    return results_table(found, settings.families, settings.adjust), TREES.frame(nodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """The biomarkers that vary, the scores of the outcome (n, q), and the generator of one method on one endpoint."""

    block: Block
    scores: Floats
    settings: Forests
    rng: np.random.Generator

    @property
    def x(self) -> Floats:
        """What the trees are grown on (m, n): mid-ranks of numbers, numbers of categories."""
        numeric = self.kinds == 0
        return np.where(numeric[:, None], self.block.ranks(), self.block.values)

    @property
    def kinds(self) -> Ints:
        """Categories of each biomarker, 0 for a number (m,)."""
        return np.array([len(c) for c in self.block.categories], dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Computed:
    """What was found of each biomarker, of the whole, and the nodes of a tree."""

    each: Sequence[tuple[Found, ...]]
    whole: tuple[Found, ...] = ()
    nodes: Sequence[dict[str, object]] = ()


def _tree(given: _Given) -> _Computed:
    settings, block = given.settings, given.block
    grow = Grow(level=settings.node_level, least_split=settings.least_split, least_leaf=settings.least_leaf)
    tree = grow_tree(given.x, given.scores, present=block.present, categories=given.kinds, grow=grow)
    splits = np.bincount(tree.nodes.variable[tree.nodes.variable >= 0], minlength=len(block.biomarkers))
    each = [
        (
            Found(name="p", value=float(tree.root.p_value[j])),
            Found(name="statistic", value=float(tree.root.statistic[j])),
            Found(name="p_root", value=float(tree.root.p_adjusted[j])),
            Found(name="splits", value=float(splits[j])),
        )
        for j in range(len(block.biomarkers))
    ]
    return _Computed(each=each, nodes=_nodes(tree, given))


def _conditional(given: _Given) -> _Computed:
    block, settings = given.block, given.settings
    how = ForestSettings(
        trees=settings.trees,
        grow=Grow(level=1.0, adjusted=False, least_split=settings.least_split, least_leaf=settings.least_leaf),
    )

    def importance(order: Ints, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        forest = grow_forest(
            given.x,
            given.scores[order],
            rng=rng,
            present=block.present,
            categories=given.kinds,
            settings=how,
        )
        return forest.importance, forest.importance_se, forest.by_tree

    return _importances(given, importance)


def _random(given: _Given) -> _Computed:
    block, settings = given.block, given.settings
    how = RandomForestSettings(trees=settings.trees, least_leaf=settings.least_leaf)

    def importance(order: Ints, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        forest = grow_random_forest(
            given.x,
            given.scores[order, 0],
            rng=rng,
            present=block.present,
            categories=given.kinds,
            settings=how,
        )
        return forest.importance, forest.importance_se, forest.by_tree

    return _importances(given, importance)


def _importances(
    given: _Given, grow: Callable[[Ints, np.random.Generator], tuple[Floats, Floats, Floats]]
) -> _Computed:
    """Importance of each biomarker, with its P where permutations are asked for, and the AUC out of bag."""
    n, permutations = given.scores.shape[0], given.settings.permutations
    first, rest = given.rng.spawn(2)
    importance, se, by_tree = grow(np.arange(n), first)
    rank = np.argsort(np.argsort(-importance, kind="stable"), kind="stable") + 1.0
    p, mean = np.full(importance.size, np.nan), np.full(importance.size, np.nan)
    if permutations:
        test = importance_test(
            importance, lambda order, rng: grow(order, rng)[0], n, permutations=permutations, rng=rest
        )
        p, mean = test.p_value, test.null_mean
    absent = () if permutations else (Notice.NO_PERMUTATIONS,)
    each = [
        (
            Found(name="p", value=float(p[j]), notices=absent),
            Found(name="importance", value=float(importance[j])),
            Found(name="importance_se", value=float(se[j])),
            Found(name="rank", value=float(rank[j])),
            Found(name="null_mean", value=float(mean[j]), notices=absent),
        )
        for j in range(importance.size)
    ]
    return _Computed(each=each, whole=_out_of_bag(given, by_tree))


def _out_of_bag(given: _Given, by_tree: Floats) -> tuple[Found, ...]:
    """How well trees rank the subjects that they have not seen, pair by pair; of a binary endpoint or a time to event."""
    block = given.block
    if block.kind is OutcomeKind.BINARY:
        name, event = "auc", block.group == 1
        earlier = event[:, None] & ~event[None, :]
    elif block.kind is OutcomeKind.TIME:
        course = block.follow_up()
        name, earlier = "c", survival_target(course.time, course.event).comparable()
    else:
        return ()
    found = out_of_bag_concordance(by_tree, earlier, level=given.settings.level)
    n = int(np.isfinite(by_tree).any(axis=0).sum())
    numbers = {f"{name}_out_of_bag": found.estimate, f"{name}_lower": found.lower, f"{name}_upper": found.upper}
    return tuple(Found(name=stat, value=value, n=n) for stat, value in numbers.items())


def _boruta(given: _Given) -> _Computed:
    block, settings = given.block, given.settings
    found = boruta(
        given.x,
        given.scores[:, 0],
        rng=given.rng,
        present=block.present,
        categories=given.kinds,
        settings=RandomForestSettings(trees=settings.trees, least_leaf=settings.least_leaf),
        rounds=settings.rounds,
    )
    return _Computed(
        each=[
            (
                Found(name="decision", text=found.decisions[j].value),
                Found(name="hits", value=float(found.hits[j])),
                Found(name="rounds", value=float(found.tested[j])),
                Found(name="mean_z", value=float(found.mean_z[j])),
            )
            for j in range(len(block.biomarkers))
        ]
    )


_COMPUTE: Mapping[str, Callable[[_Given], _Computed]] = {
    "conditional_tree": _tree,
    "conditional_forest": _conditional,
    "random_forest": _random,
    "boruta": _boruta,
}


def _generator(settings: Forests, endpoint: Endpoint, code: str) -> np.random.Generator:
    """A stream of the seed for each endpoint and method, whatever else is analysed."""
    words = [int(short_id(settings.name, endpoint.name, code)[i : i + 4], 16) for i in (0, 4, 8)]
    return np.random.default_rng([settings.seed, *words])


def _scores(block: Block) -> Floats:
    if block.kind is OutcomeKind.TIME:
        course = block.follow_up()
        return log_rank_scores(course.time, course.event, ties=ScoreTies.NELSON_AALEN)[:, None]
    if block.kind is OutcomeKind.CLASS:
        return outcome_scores(block.group, classes=len(block.levels))
    return outcome_scores(block.score)


def _why_not(record: Inquiry, endpoint: Endpoint, settings: Forests, block: Block, usable: Ints) -> Reason | None:
    """Why a method cannot be asked of an endpoint."""
    n = block.group.size
    if endpoint.kind is OutcomeKind.CLASS and record in (RANDOM_FOREST, BORUTA) and len(block.levels) > 2:
        return Reason.NOT_APPLICABLE
    if n < max(settings.least_split, 2 * settings.least_leaf):
        return Reason.TOO_FEW
    if endpoint.kind in (OutcomeKind.BINARY, OutcomeKind.CLASS):
        sizes = np.bincount(block.group, minlength=len(block.levels))
        if (sizes > 0).sum() < 2:
            return Reason.ONE_CLASS
        if endpoint.kind is OutcomeKind.BINARY and sizes.min() < settings.least_per_class:
            return Reason.TOO_FEW
    elif endpoint.kind is OutcomeKind.TIME:
        if not block.follow_up().event.any():
            return Reason.NO_EVENT
    elif block.score.min() == block.score.max():
        return Reason.OUTCOME_CONSTANT
    return None if usable.size else Reason.CONSTANT


def _maker(
    record: Inquiry, endpoint: Endpoint, settings: Forests, block: Block, total: int
) -> Callable[[int, tuple[Found, ...], tuple[Notice, ...], Reason | None], Result]:
    """Makes the result of a biomarker (of the whole forest, for -1)."""
    n, cut = block.present.sum(axis=1), censored(block)
    few = _smallest(block) < settings.few_events
    told: dict[str, object] = {
        name: getattr(settings, name) for name in ("population", "adjust", "families", *record.options)
    }

    def made(j: int, found: tuple[Found, ...], notices: tuple[Notice, ...], why: Reason | None) -> Result:
        whole = j < 0
        size = block.group.size if whole else int(n[j])
        own = (*notices, *((Notice.FEW_EVENTS,) if few and why is None else ()))
        return Result(
            record=record,
            analysis=settings.name,
            biomarker=PANEL if whole else block.biomarkers[j],
            endpoint=endpoint.name,
            population=settings.population,
            n=size,
            n_censored=0 if whole else int(cut[j]),
            n_missing=total - size,
            prespecified=settings.prespecified and (whole or block.biomarkers[j].prespecified),
            settings=told,
            found=found,
            notices=own,
            error=why,
        )

    return made


def _smallest(block: Block) -> int:
    if block.kind is OutcomeKind.TIME:
        return int(block.follow_up().event.sum())
    if block.kind in (OutcomeKind.BINARY, OutcomeKind.CLASS):
        return int(np.bincount(block.group, minlength=len(block.levels)).min())
    return int(block.group.size)


def _key(endpoint: Endpoint, settings: Forests) -> dict[str, object]:
    return {"analysis_id": settings.name, "endpoint": endpoint.name, "population": settings.population}


def _nodes(tree: ConditionalTree, given: _Given) -> list[dict[str, object]]:
    """The nodes of a tree as rows of the table ``trees``."""
    nodes, block = tree.nodes, given.block
    parent = {
        int(child): (k, side)
        for side in ("left", "right")
        for k, child in enumerate(getattr(nodes, side))
        if child >= 0
    }
    inside = _inside(tree)
    event = block.follow_up().event if block.kind is OutcomeKind.TIME else block.group == 1
    counted = block.kind in (OutcomeKind.BINARY, OutcomeKind.TIME)
    rows: list[dict[str, object]] = []
    for k in range(nodes.n.size):
        j = int(nodes.variable[k])
        above, side = parent.get(k, (None, None))
        words = block.categories[j] if j >= 0 else ()
        rows.append(
            {
                "node": k + 1,
                "parent": None if above is None else above + 1,
                "side": side,
                "biomarker": block.biomarkers[j].code if j >= 0 else None,
                "threshold": None if np.isnan(nodes.threshold[k]) else _value(given, j, float(nodes.threshold[k])),
                "categories": [w for w, go in zip(words, nodes.go_left[k], strict=False) if go],
                "n": int(nodes.n[k]),
                "n_event": int(event[inside[k]].sum()) if counted else None,
                "mean": float(given.scores[inside[k], -1].mean()),
                "p_node": None if np.isnan(nodes.p_value[k]) else float(nodes.p_value[k]),
            }
        )
    return rows


def _value(given: _Given, j: int, rank: float) -> float:
    """The largest value of a biomarker whose rank is at most ``rank``."""
    block = given.block
    return float(block.values[j, block.present[j] & (given.x[j] <= rank)].max())


def _inside(tree: ConditionalTree) -> list[npt.NDArray[np.bool_]]:
    """Who is in each node."""
    nodes = tree.nodes
    found = [tree.leaf == k for k in range(nodes.n.size)]
    for k in range(nodes.n.size - 1, -1, -1):
        if nodes.variable[k] >= 0:
            found[k] = found[nodes.left[k]] | found[nodes.right[k]]
    return found
