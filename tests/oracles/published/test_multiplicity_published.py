"""Benjamini and Hochberg 1995, section 4.1: 15 P values of a myocardial infarction trial."""

from __future__ import annotations

from correlates.stats.multiplicity import adjust

P = [
    0.0001,
    0.0004,
    0.0019,
    0.0095,
    0.0201,
    0.0278,
    0.0298,
    0.0344,
    0.0459,
    0.3240,
    0.4262,
    0.5719,
    0.6528,
    0.7590,
    1.0,
]


def test_fifteen_hypotheses():
    # the paper: Bonferroni and Hochberg reject the first three at .05, the false discovery rate procedure the first four
    rejected = {m: [bool(v) for v in adjust(P, m) <= 0.05] for m in ("bonferroni", "hochberg", "bh")}
    assert rejected["bonferroni"] == [True] * 3 + [False] * 12
    assert rejected["hochberg"] == [True] * 3 + [False] * 12
    assert rejected["bh"] == [True] * 4 + [False] * 11
