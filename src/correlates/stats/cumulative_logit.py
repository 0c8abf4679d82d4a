"""The likelihood of cumulative logits: what subjects with grades 0..K-1 add to it, its derivatives, its information.

A subject has the cumulative logits eta_j = logit P(Y >= j), j = 1..K-1, falling in j. Arrays are (r, n, K - 1): r fits of n subjects.
Source: McCullagh, JRSS B 1980;42:109-142.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit

from correlates.stats.arrays import Floats, Ints, where


@dataclass(frozen=True, slots=True, kw_only=True)
class Chances:
    """P(Y >= j) and its derivative by eta_j (r, n, K - 1); P(Y = j) for all K grades (r, n, K), kept above 0."""

    above: Floats
    slope: Floats
    share: Floats


_LEAST = 1e-140  # least share in a score: its square stays finite at steps so far out that no search takes them


def chances(eta: Floats) -> Chances:
    """The probabilities at cumulative logits (r, n, K - 1)."""
    above, under = expit(eta), expit(-eta)
    share = np.empty((*eta.shape[:2], eta.shape[2] + 1))
    share[:, :, 0], share[:, :, -1] = under[:, :, 0], above[:, :, -1]
    # expit(a) - expit(b) = expit(a) expit(-b) (1 - exp(b - a)): no cancellation where both are near 0 or 1
    gap = np.minimum(eta[:, :, 1:] - eta[:, :, :-1], 0.0)
    share[:, :, 1:-1] = above[:, :, :-1] * under[:, :, 1:] * -np.expm1(gap)
    return Chances(above=above, slope=above * under, share=np.maximum(share, 1e-300))


def log_likelihood(eta: Floats, y: Ints, weight: Floats) -> Floats:
    """(r,) of grades y (n,), each subject counted ``weight`` (r, n) times; minus infinity where thresholds are out of order."""
    r, n, q = eta.shape
    log = np.zeros((r, n))
    low, high = y == 0, y == q
    log[:, low] = log_expit(-eta[:, low, 0])
    log[:, high] = log_expit(eta[:, high, -1])
    for j in range(1, q):
        mine = y == j
        a, b = eta[:, mine, j - 1], eta[:, mine, j]
        gap = b - a  # log(expit(a) - expit(b)) without cancellation
        inside = where(gap < 0, -np.expm1(where(gap < 0, gap, -1.0)), 0.0)
        with_gap = np.full(inside.shape, -np.inf)
        np.log(inside, out=with_gap, where=inside > 0)
        log[:, mine] = log_expit(a) + log_expit(-b) + with_gap
    counted = weight > 0
    total: Floats = (where(counted, weight, 0.0) * where(counted, log, 0.0)).sum(axis=1)
    return total


def score(at: Chances, y: Ints) -> Floats:
    """Derivative of each subject's log-likelihood by its cumulative logits (r, n, K - 1), not weighted."""
    r, n, q = at.slope.shape
    found = np.zeros((r, n, q))
    own = np.maximum(at.share[:, np.arange(n), y], _LEAST)
    for j in range(1, q + 1):
        up, down = y == j, y == j - 1
        found[:, up, j - 1] = at.slope[:, up, j - 1] / own[:, up]
        found[:, down, j - 1] -= at.slope[:, down, j - 1] / own[:, down]
    return found


def expected_information(at: Chances) -> Floats:
    """Expected information of the cumulative logits of each subject (r, n, K - 1, K - 1), tridiagonal, not weighted."""
    r, n, q = at.slope.shape
    found = np.zeros((r, n, q, q))
    for j in range(q):
        own = at.slope[:, :, j]
        found[:, :, j, j] = own * (own / at.share[:, :, j] + own / at.share[:, :, j + 1])
        if j + 1 < q:
            cross = -own * (at.slope[:, :, j + 1] / at.share[:, :, j + 1])
            found[:, :, j, j + 1] = found[:, :, j + 1, j] = cross
    return found


def expected_bands(at: Chances) -> tuple[Floats, Floats]:
    """The expected information of :func:`expected_information` by its bands: the diagonal (r, n, K - 1), and beside it (r, n, K - 2)."""
    own, share = at.slope, at.share
    beside = -own[:, :, :-1] * (own[:, :, 1:] / share[:, :, 1:-1])
    return own * (own / share[:, :, :-1] + own / share[:, :, 1:]), beside


def observed_information(at: Chances, y: Ints) -> Floats:
    """Minus the second derivative of each subject's log-likelihood by its cumulative logits (r, n, K - 1, K - 1), not weighted."""
    n, q = at.slope.shape[1:]
    each = score(at, y)
    found: Floats = each[:, :, :, None] * each[:, :, None, :]
    own = np.maximum(at.share[:, np.arange(n), y], _LEAST)
    bend = at.slope * (1.0 - 2.0 * at.above)
    for j in range(1, q + 1):
        up, down = y == j, y == j - 1
        found[:, up, j - 1, j - 1] -= bend[:, up, j - 1] / own[:, up]
        found[:, down, j - 1, j - 1] += bend[:, down, j - 1] / own[:, down]
    return found
