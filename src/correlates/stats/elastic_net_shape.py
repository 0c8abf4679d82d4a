"""The two shapes of the penalty of :mod:`correlates.stats.elastic_net`: each coefficient on its own, or whole groups of them.

Groups: sum_g f_g ||b_g|| (Yuan and Lin, JRSS B 2006;68:49-67, with columns standardised one by one): the columns of a group enter together or not at
all. Arrays: R resamples, k columns at hand, p columns in all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from correlates.stats.arrays import Bools, Floats, Ints, where

KKT = 1e-8  # how far, relative to the penalty, an optimality condition may be missed
_SWEEPS = 400
_ROOT = 60


class Shape(Protocol):
    """How a penalty sums coefficients."""

    def order(self, inside: Bools) -> Ints:
        """The columns (R, k) to work on, those ``inside`` (R, p) first."""

    def whole(self, inside: Bools) -> Bools:
        """The same with all that must enter together (R, p)."""

    def strength(self, gradient: Floats) -> Floats:
        """What of a gradient (R, p) is held against the bound of each column."""

    def size(self, beta: Floats, bound: Floats, index: Ints) -> Floats:
        """The penalty (R,) of coefficients (R, k) with bounds (R, k)."""

    def minimum(self, matrix: Floats, right: Floats, bound: Floats, start: Floats, index: Ints) -> Floats:
        """The minimum (R, k) of 1/2 c'Mc - r'c + penalty for R matrices (R, k, k)."""

    def counted(self, ever: Bools) -> Ints:
        """How many enter separately of the columns that were ever in (R, p): (R,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Single:
    """The sum of absolute values."""

    def order(self, inside: Bools) -> Ints:
        """See :class:`Shape`."""
        most = int(inside.sum(axis=1).max(initial=0))
        found: Ints = np.argsort(~inside, axis=1, kind="stable")[:, :most]
        return found

    def whole(self, inside: Bools) -> Bools:
        """See :class:`Shape`."""
        return inside

    def strength(self, gradient: Floats) -> Floats:
        """See :class:`Shape`."""
        return np.abs(gradient)

    def size(self, beta: Floats, bound: Floats, index: Ints) -> Floats:  # noqa: ARG002
        """See :class:`Shape`."""
        found: Floats = (bound * np.abs(beta)).sum(axis=1)
        return found

    def minimum(self, matrix: Floats, right: Floats, bound: Floats, start: Floats, index: Ints) -> Floats:  # noqa: ARG002
        """Coordinate descent, then exactly on the signs found.

        The signs are right when the solution has them and every coefficient left at 0 has a gradient within its bound.
        """
        return _solved(matrix, right, bound, start, _sweeps, _on_signs)

    def counted(self, ever: Bools) -> Ints:
        """See :class:`Shape`."""
        found: Ints = ever.sum(axis=1)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """The sum of the lengths of groups; ``group`` (p,) numbers them from 0."""

    group: Ints

    def order(self, inside: Bools) -> Ints:
        """The same columns for every resample, so that groups lie at the same places."""
        union = np.flatnonzero(inside.any(axis=0))
        return np.broadcast_to(union, (inside.shape[0], union.size))

    def whole(self, inside: Bools) -> Bools:
        """See :class:`Shape`."""
        return np.asarray(self._each(inside.astype(np.float64)) > 0, dtype=np.bool_)

    def strength(self, gradient: Floats) -> Floats:
        """See :class:`Shape`."""
        return np.sqrt(self._each(gradient**2))

    def _each(self, values: Floats) -> Floats:
        """Sums over the group of each column (R, p)."""
        member = (self.group[:, None] == np.arange(int(self.group.max()) + 1)[None, :]).astype(np.float64)
        found: Floats = (values @ member)[:, self.group]
        return found

    def size(self, beta: Floats, bound: Floats, index: Ints) -> Floats:
        """See :class:`Shape`."""
        total = np.zeros(beta.shape[0])
        for columns in self._blocks(index):
            total += bound[:, columns].max(axis=1) * np.sqrt((beta[:, columns] ** 2).sum(axis=1))
        return total

    def _blocks(self, index: Ints) -> list[Ints]:
        own = self.group[index[0]]
        return [np.flatnonzero(own == g) for g in np.unique(own)]

    def minimum(self, matrix: Floats, right: Floats, bound: Floats, start: Floats, index: Ints) -> Floats:
        """Descent over whole groups, each exactly, then Newton's method on the groups that are in.

        It is the minimum when that converges and every group left out has a gradient within its bound.
        """
        blocks = self._blocks(index)

        def descend(m: Floats, r: Floats, t: Floats, c: Floats, times: int) -> Floats:
            return _group_sweeps(m, r, t, c, times, blocks)

        def settle(m: Floats, r: Floats, t: Floats, c: Floats) -> tuple[Floats, Bools]:
            return _on_groups(m, r, t, c, blocks)

        return _solved(matrix, right, bound, start, descend, settle)

    def counted(self, ever: Bools) -> Ints:
        """See :class:`Shape`."""
        there = [ever[:, self.group == g].any(axis=1) for g in np.unique(self.group)]
        found: Ints = np.sum(there, axis=0, dtype=np.int64)
        return found


_Descend = Callable[[Floats, Floats, Floats, Floats, int], Floats]
_Settle = Callable[[Floats, Floats, Floats, Floats], tuple[Floats, Bools]]


def _solved(matrix: Floats, right: Floats, bound: Floats, start: Floats, descend: _Descend, settle: _Settle) -> Floats:
    """Sweeps until what settles on their pattern is the minimum, in each resample."""
    count, size = right.shape
    result = start.copy()
    live = np.arange(count)
    c = start.copy()
    for sweep in range(_SWEEPS):
        m, r, t = (matrix, right, bound) if live.size == count else (matrix[live], right[live], bound[live])
        if sweep or not start.any():
            c = descend(m, r, t, c, 2)
        exact, reached = settle(m, r, t, c)
        result[live] = where(reached[:, None], exact, c)
        keep = ~reached
        live, c = live[keep], c[keep]
        if live.size == 0:
            break
    return result.reshape(count, size)


def _sweeps(matrix: Floats, right: Floats, bound: Floats, start: Floats, times: int) -> Floats:
    """Cyclic coordinate descent, the resamples in the last axis."""
    rows = np.ascontiguousarray(matrix.transpose(1, 2, 0))
    c = np.ascontiguousarray(start.T)
    t = np.ascontiguousarray(bound.T)
    size = c.shape[0]
    diagonal = rows[np.arange(size), np.arange(size)]
    slack = right.T - np.einsum("klb,lb->kb", rows, c)
    for _ in range(times):
        for j in range(size):
            free = slack[j] + diagonal[j] * c[j]
            shrunk = free - np.clip(free, -t[j], t[j])
            change = shrunk / diagonal[j] - c[j]
            if change.any():
                c[j] += change
                slack -= rows[j] * change
    return np.ascontiguousarray(c.T)


def _on_signs(matrix: Floats, right: Floats, bound: Floats, c: Floats) -> tuple[Floats, Bools]:
    """The solution that has the signs of c, and whether it is the minimum."""
    sign = np.sign(c)
    support = (sign != 0) | (bound == 0)
    both = support[:, :, None] & support[:, None, :]
    size = c.shape[1]
    system = where(both, matrix, 0.0)
    system[:, np.arange(size), np.arange(size)] += where(support, 0.0, 1.0)
    exact = np.linalg.solve(system, where(support, right - bound * sign, 0.0)[:, :, None])[:, :, 0]
    exact = where(support, exact, 0.0)
    slack = right - (matrix @ exact[:, :, None])[:, :, 0]
    same = (np.sign(exact) == sign) | (bound == 0)
    within = support | (np.abs(slack) <= bound * (1.0 + KKT) + 1e-12)
    return exact, np.asarray((same & within).all(axis=1), dtype=np.bool_)


def _group_sweeps(
    matrix: Floats, right: Floats, bound: Floats, start: Floats, times: int, blocks: list[Ints]
) -> Floats:
    """Cyclic descent over groups: each takes the minimum given the others."""
    c = start.copy()
    own = [matrix[:, columns[:, None], columns[None, :]] for columns in blocks]
    parts = [np.linalg.eigh(block) for block in own]
    slack = right - (matrix @ c[:, :, None])[:, :, 0]
    for _ in range(times):
        for columns, block, (values, vectors) in zip(blocks, own, parts, strict=True):
            pull = slack[:, columns] + (block @ c[:, columns, None])[:, :, 0]
            new = _block_minimum(values, vectors, pull, bound[:, columns].max(axis=1))
            change = new - c[:, columns]
            if change.any():
                c[:, columns] = new
                slack -= (matrix[:, :, columns] @ change[:, :, None])[:, :, 0]
    return c


def _block_minimum(values: Floats, vectors: Floats, pull: Floats, bound: Floats) -> Floats:
    """The minimum (R, s) of 1/2 c'Dc - pull'c + bound ||c||, D by its eigenvalues (R, s) and vectors.

    c = (D + bound/rho)^-1 pull with rho = ||c||, where sum (v_i'pull)^2 / (d_i rho + bound)^2 = 1, solved by Newton's method on one over the root of
    the sum, which rises to it from below without leaving.
    """
    turned = (np.swapaxes(vectors, 1, 2) @ pull[:, :, None])[:, :, 0]
    length = np.sqrt((turned**2).sum(axis=1))
    inside = length > bound
    widest = np.maximum(values.max(axis=1), 1e-300)
    rho = where(inside, (length - bound) / widest, 1.0)
    for _ in range(_ROOT):
        part = np.maximum(values * rho[:, None] + bound[:, None], 1e-300)
        share = turned / part
        total = (share**2).sum(axis=1)
        slope = (share**2 * values / part).sum(axis=1)
        step = where(inside & (slope > 0), total * (np.sqrt(total) - 1.0) / np.maximum(slope, 1e-300), 0.0)
        rho = np.maximum(rho + step, 0.0)
        if not (np.abs(step) > 1e-14 * rho).any():
            break
    part = values * rho[:, None] + bound[:, None]
    found = where(inside[:, None], rho[:, None] * turned / np.maximum(part, 1e-300), 0.0)
    back: Floats = (vectors @ found[:, :, None])[:, :, 0]
    return back


def _on_groups(matrix: Floats, right: Floats, bound: Floats, c: Floats, blocks: list[Ints]) -> tuple[Floats, Bools]:
    """Newton's method on the groups of c that are not 0, and whether it found the minimum."""
    count, size = c.shape
    label = np.empty(size, dtype=np.int64)
    for number, columns in enumerate(blocks):
        label[columns] = number
    member = (label[:, None] == np.arange(len(blocks))[None, :]).astype(np.float64)
    same = label[:, None] == label[None, :]
    weight = np.stack([bound[:, columns].max(axis=1) for columns in blocks], axis=1)[:, label]
    kept = ((c**2) @ member)[:, label] > 0
    kept = kept | (weight == 0)
    both = kept[:, :, None] & kept[:, None, :]
    exact = c.copy()
    reached, lost = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    for _ in range(12):
        norm = np.sqrt(exact**2 @ member)[:, label]
        safe = where(norm > 0, norm, 1.0)
        gradient = (matrix @ exact[:, :, None])[:, :, 0] - right + weight * exact / safe
        unit = exact / safe
        system = where(
            both, matrix - where(same, (weight / safe)[:, :, None] * unit[:, :, None] * unit[:, None, :], 0.0), 0.0
        )
        diagonal = np.arange(size)
        system[:, diagonal, diagonal] += where(kept, weight / safe, 1.0)
        move = np.linalg.solve(system, where(kept, gradient, 0.0)[:, :, None])[:, :, 0]
        new = where(kept, exact - move, 0.0)
        turned = ((new * exact) @ member)[:, label]
        lost |= (kept & (weight > 0) & (turned <= 0)).any(axis=1)
        exact = where(lost[:, None], c, new)
        reached = np.abs(move).max(axis=1, initial=0.0) < 1e-11 * (1.0 + np.abs(exact).max(axis=1, initial=0.0))
        if (reached | lost).all():
            break
    slack = right - (matrix @ exact[:, :, None])[:, :, 0]
    strength = np.sqrt((slack**2) @ member)[:, label]
    within = kept | (strength <= weight * (1.0 + KKT) + 1e-12)
    return exact, np.asarray(reached & ~lost & within.all(axis=1), dtype=np.bool_)
