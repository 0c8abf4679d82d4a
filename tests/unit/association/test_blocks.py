"""Endpoints of every kind as the methods see them."""

from __future__ import annotations

import numpy as np
import polars as pl
from tests.unit.association.trial import BIOMARKERS, DURABILITY, DURABLE, GRADE, OTHER, PFS, RELAPSE, table

from correlates.association.blocks import Panel, members
from correlates.association.outcomes import outcomes


def _block(endpoint, frame=None):
    frame = table() if frame is None else frame
    return Panel(frame, BIOMARKERS).block(outcomes(frame, endpoint), members(frame, "all"))


def test_classes_are_numbers_in_their_declared_order():
    block = _block(DURABILITY)
    assert [block.levels[g] for g in block.group] == table()["durability"].to_list()
    np.testing.assert_array_equal(block.score, block.group)
    assert block.course is None
    assert _block(DURABLE).levels == ("not durable", "durable")


def test_a_grade_keeps_its_value_and_its_place():
    block = _block(GRADE)
    np.testing.assert_array_equal(block.score, table()["grade"].to_numpy())
    assert [float(block.levels[g]) for g in block.group] == block.score.tolist()


def test_a_number_brings_its_censoring():
    block = _block(OTHER)
    there = table().filter(pl.col("IL6").is_not_null())
    np.testing.assert_array_equal(block.score, there["IL6"].to_numpy())
    np.testing.assert_array_equal(block.score_censoring, np.where(there["IL6|censoring"] == "left", -1, 0))
    np.testing.assert_array_equal(block.rows_of, np.flatnonzero(table()["IL6"].is_not_null().to_numpy()))
    assert block.levels == ()


def test_a_time_has_events_and_competing_causes():
    there = table().filter(pl.col("pfs").is_not_null())
    every = _block(PFS)
    np.testing.assert_array_equal(every.follow_up().event, there["pfs|event"].to_numpy())
    np.testing.assert_array_equal(every.follow_up().time, there["pfs"].to_numpy())
    one = _block(RELAPSE).follow_up()
    assert one.causes == ("relapse", "death")
    words = there["pfs|cause"].to_list()
    assert one.cause.tolist() == [{"relapse": 1, "death": 2, None: 0}[w] for w in words]
    assert one.any_event.sum() > one.event.sum() > 0
    np.testing.assert_array_equal(_block(RELAPSE).score_censoring, (one.cause != 1).astype(int))


def test_some_subjects_of_a_block():
    block = _block(RELAPSE)
    keep = block.group == 1
    some = block.subjects(keep)
    assert some.values.shape == (len(BIOMARKERS), keep.sum())
    assert some.follow_up().event.all()
    np.testing.assert_array_equal(some.rows_of, block.rows_of[keep])
