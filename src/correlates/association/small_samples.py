"""P values of regressions in few subjects: by permutation of the outcome, the asymptotic ones beside them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from correlates.association.record import Block, Estimate, Statistic
from correlates.association.settings import Univariable
from correlates.association.survival_settings import Survival
from correlates.stats.arrays import Bools, Floats, Ints
from correlates.stats.permutation import Groupings, Reference, groupings, permuted_groups, permuted_scores

VARIANT = Statistic(name="variant", label="What P was computed from")
OPTIONS = ("small_samples", "permutations", "seed")
_FIRST = 2000  # orders of groups tried first; all that are asked for, where fewer than 20 of these are as far out
FEW = 20
"""Orders as far out as the observed one, below which more orders are tried."""
PERMUTED, COMPLETE = "permutation", "exact permutation"


def asymptotic(of: str) -> Statistic:
    """The P value that would be told of many subjects, beside the permuted one."""
    return Statistic(name="p_asymptotic", label=f"P value, asymptotic ({of})")


def patterns(present: Bools) -> dict[bytes, list[int]]:
    """Biomarkers (rows) that have a value in the same subjects."""
    found: dict[bytes, list[int]] = {}
    for row in range(present.shape[0]):
        found.setdefault(present[row].tobytes(), []).append(row)
    return found


def is_small(analysis: Univariable | Survival, n: int) -> bool:
    """Whether the P value of so many subjects is permuted."""
    return analysis.small_samples.p == "permuted" and n <= analysis.small_samples.up_to


def p_values(
    block: Block,
    analysis: Univariable,
    scores: Floats,
    outcome: Callable[[Bools], Floats],
    large: Floats,
    name: str,
) -> tuple[Estimate, Estimate, Estimate]:
    """P, where it comes from, and the asymptotic P.

    Parameters
    ----------
    scores
        (m, n) of the biomarkers.
    outcome
        Gives the scores of the outcome of some subjects (a mask).
    large, name
        The asymptotic P (m,), NaN where there is no estimate, and what it is of.
    """
    p, variant = large.copy(), [name] * large.size
    known = np.isfinite(large)
    for rows in patterns(block.present).values():
        keep = block.present[rows[0]]
        at = np.array([row for row in rows if known[row]], dtype=np.int64)
        if not at.size or not is_small(analysis, int(keep.sum())):
            continue
        found = permuted_scores(
            scores[np.ix_(at, np.flatnonzero(keep))],
            outcome(keep),
            permutations=analysis.permutations,
            seed=analysis.seed,
        )
        p[at] = found.p_value
        for place, row in enumerate(at.tolist()):
            variant[row] = COMPLETE if found.complete else f"{PERMUTED} ({int(found.orders[place])} orders)"
    return (
        Estimate(name="p", value=p),
        Estimate(name="variant", text=variant),
        Estimate(name="p_asymptotic", value=large),
    )


def group_p_values(
    block: Block,
    analysis: Univariable,
    groups: Ints,
    observed: Floats,
    large: Floats,
    statistics: Callable[[Ints], Callable[[Ints], Floats]],
) -> tuple[Estimate, Estimate, Estimate]:
    """P, where it comes from, and the asymptotic P, of a comparison of times between groups.

    Parameters
    ----------
    groups
        (m, n) the group of each subject.
    observed, large
        (m,) chi-squares and their asymptotic P, NaN where there is none.
    statistics
        Given the subjects (row numbers, in the order of their times), gives what computes the chi-squares of groupings of them.

    Notes
    -----
    Biomarkers with values in the same subjects and groups of the same sizes share a law: it is found once, from the first orders, and
    once more from all where a chi-square is far out.
    """
    course = block.follow_up()
    by_time = np.lexsort((course.cause, course.time))
    p, variant = large.copy(), ["chi-square"] * large.size
    laws: dict[tuple[bytes, bytes, int], Reference] = {}
    tried: dict[tuple[bytes, int], Groupings] = {}
    for row in np.flatnonzero(np.isfinite(large)).tolist():
        keep = block.present[row]
        if not is_small(analysis, int(keep.sum())):
            continue
        sizes = np.sort(groups[row, keep])
        for permutations in stages(analysis.permutations):
            key = keep.tobytes(), sizes.tobytes(), permutations
            if key not in laws:
                law = statistics(by_time[keep[by_time]])
                drawn = drawn_once(tried, sizes, permutations, analysis.seed)
                laws[key] = permuted_groups(law, sizes, permutations=permutations, seed=analysis.seed, drawn=drawn)
            p[row], variant[row] = laws[key].p_value(float(observed[row])), variant_of(laws[key])
            if not is_rare(laws[key], p[row]):
                break
    return (
        Estimate(name="p", value=p),
        Estimate(name="variant", text=variant),
        Estimate(name="p_asymptotic", value=large),
    )


def drawn_once(tried: dict[tuple[bytes, int], Groupings], sizes: Ints, permutations: int, seed: int) -> Groupings:
    """Groupings of subjects with groups of these sizes, drawn at the first call; biomarkers of as many subjects share them."""
    key = sizes.tobytes(), permutations
    if key not in tried:
        tried[key] = groupings(sizes, permutations=permutations, seed=seed)
    return tried[key]


def stages(permutations: int) -> tuple[int, ...]:
    """Orders of groups to be tried, and how many where these are too few to tell a small P."""
    return (permutations,) if permutations <= _FIRST else (_FIRST, permutations)


def is_rare(law: Reference, p: float) -> bool:
    """Whether so few of the orders are as far out as the observed one that more should be tried."""
    return not law.complete and p * law.statistics.size < FEW


def groups_law(analysis: Survival, group: Ints, statistics: Callable[[Ints], Floats]) -> Reference | None:
    """Law of the chi-square of groups when they are permuted over subjects, who stand in the order of their times; None of many."""
    if not is_small(analysis, group.size):
        return None
    return permuted_groups(statistics, group, permutations=analysis.permutations, seed=analysis.seed)


def variant_of(law: Reference) -> str:
    """What a P value of the law was computed from."""
    return COMPLETE if law.complete else f"{PERMUTED} ({law.statistics.size} orders)"
