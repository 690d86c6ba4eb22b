"""Metrics on other data: they replace those of the same name, and keep the checksum correct."""

import math

import pytest
from sqlalchemy import update
from store.store_fixtures import StoreHarness, finish

from nnlab import store
from nnlab.errors import StoreError, UsageError
from nnlab.records import Epoch, Run, Status
from nnlab.store.tables import point
from nnlab.store.tables import run as run_table

NAME = "eval/other@01234567/accuracy"


def trained(harness: StoreHarness) -> Run:
    (run_id,) = harness.queue()
    writer = harness.writer([run_id])
    writer.write(Epoch(1, {"val/loss": 0.5}, 0.1))
    finish(writer)
    return store.runs(harness.db, run_ids=[run_id])[0]


def test_an_evaluation_is_stored_once_and_verified(harness: StoreHarness) -> None:
    run = trained(harness)
    for value in (0.25, 0.75):
        store.store_evaluation(harness.db, run, {NAME: value, "eval/other@01234567/loss": math.nan})
        assert store.find_problems(harness.db) == []
    assert dict(store.history(harness.db, run.id)[NAME]) == {1: 0.75}
    summary = store.summaries(harness.db, [run.id], [NAME])[run.id][NAME]
    assert (summary.n, summary.last, summary.best_epoch) == (1, 0.75, 1)


def test_a_run_of_an_earlier_version_gets_no_checksum(harness: StoreHarness) -> None:
    run = trained(harness)
    with harness.db.write() as connection:
        connection.execute(update(run_table).values(points_checksum=None))
    store.store_evaluation(harness.db, run, {NAME: 0.5})
    assert store.runs(harness.db, run_ids=[run.id])[0].points_checksum is None


def test_changed_points_and_unfinished_runs_are_refused(harness: StoreHarness) -> None:
    run = trained(harness)
    with harness.db.write() as connection:
        connection.execute(update(point).values(value=0.125))
    with pytest.raises(StoreError, match="its points have changed since it ended"):
        store.store_evaluation(harness.db, run, {NAME: 0.5})
    (other,) = harness.queue(seeds=[1])
    (queued,) = store.runs(harness.db, run_ids=[other])
    assert queued.status is Status.QUEUED
    with pytest.raises(UsageError, match="has no selected epoch"):
        store.store_evaluation(harness.db, queued, {NAME: 0.5})
