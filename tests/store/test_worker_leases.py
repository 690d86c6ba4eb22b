"""The leases of running runs, with the workers that hold them."""

import time

from store.store_fixtures import ENVIRONMENT, StoreHarness, finish

from nnlab import store
from nnlab.records import Epoch


def leases(harness: StoreHarness, **scope: object) -> tuple[store.WorkerLease, ...]:
    return store.worker_leases(harness.db, limit=10, **scope)  # type: ignore[arg-type]


def test_a_running_run_has_a_lease_and_its_worker(harness: StoreHarness) -> None:
    busy, done, _ = harness.queue(3)
    writer = harness.writer([busy])
    writer.write(Epoch(1, {"val/loss": 0.5}, 0.1))
    finish(harness.writer([done]))
    store.request_stop(harness.db, [busy])
    (lease,) = leases(harness)
    assert (lease.run_id, lease.study, lease.seed) == (busy, "depth", 0)
    assert (lease.epochs, lease.epochs_planned, lease.first_epoch) == (1, 3, 1)
    assert lease.is_alive
    assert lease.lease_until is not None
    assert lease.lease_until > time.time()
    assert lease.device == ENVIRONMENT.device
    assert lease.stop_requested_at is not None


def test_the_lease_of_a_dead_worker_is_not_alive(harness: StoreHarness) -> None:
    ended, elsewhere = harness.queue(2)
    assert harness.claim([ended], lease_seconds=-1) is not None
    assert harness.claim([elsewhere], hostname="elsewhere", pid=7) is not None
    first, second = leases(harness)
    assert (first.run_id, first.is_alive) == (ended, False)
    # The processes of another host cannot be checked: its lease counts.
    assert (second.hostname, second.pid, second.is_alive) == ("elsewhere", 7, True)


def test_leases_are_limited_to_a_scope(harness: StoreHarness) -> None:
    first, second = harness.queue(2)
    for run_id in (first, second):
        assert harness.claim([run_id]) is not None
    assert [lease.run_id for lease in leases(harness, run_ids=[second])] == [second]
    assert len(leases(harness, study_ids=[harness.study.id])) == 2
    assert leases(harness, study_ids=[harness.study.id + 1]) == ()
    assert len(store.worker_leases(harness.db, limit=1)) == 1


def test_the_progress_of_some_runs(harness: StoreHarness) -> None:
    first, second = harness.queue(2)
    harness.train(first, 0.5)
    some = store.progress(harness.db, study_ids=None, run_ids=[second], failures=0)
    assert (some.run_count, some.epochs_done) == (1, 0)


def test_studies_with_waiting_or_running_runs_are_in_progress(harness: StoreHarness) -> None:
    assert store.studies_in_progress(harness.db) == ()
    first, second = harness.queue(2)
    study = (harness.study.id, "depth")
    assert store.studies_in_progress(harness.db) == (study,)
    harness.train(first, 0.5)
    assert store.studies_in_progress(harness.db, run_ids=[first]) == ()
    assert harness.claim([second]) is not None
    assert store.studies_in_progress(harness.db, study_ids=[harness.study.id]) == (study,)
    assert store.studies_in_progress(harness.db, study_ids=[harness.study.id + 1]) == ()
