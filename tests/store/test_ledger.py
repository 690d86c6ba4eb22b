"""The ledger of a study: entries in order, their levels, and what removes them."""

import math
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError
from store.store_fixtures import StoreHarness

from nnlab import store
from nnlab.records import GateVerdictName, LedgerEntry, Objective
from nnlab.stats.online_fdr import next_level

ACCURACY = Objective("val/accuracy", "max")
Start = Callable[..., subprocess.Popen[str]]


def trials(harness: StoreHarness, count: int) -> list[int]:
    run_ids = harness.queue(count)
    return [run.trial.id for run in store.runs(harness.db, run_ids=run_ids)]


def register(
    harness: StoreHarness, baseline: int, candidate: int, *, max_seeds: int = 10
) -> LedgerEntry:
    return store.register_candidate(
        harness.db,
        harness.study.id,
        baseline_trial=baseline,
        candidate_trial=candidate,
        objective=ACCURACY,
        min_effect=0.0,
        max_seeds=max_seeds,
        next_level=next_level,
    )


def put(
    harness: StoreHarness,
    entry: LedgerEntry,
    p: float,
    verdict: GateVerdictName | None,
    seeds: Sequence[int] = (0, 1),
) -> LedgerEntry:
    return store.put_gate_result(
        harness.db,
        entry.id,
        verdict=verdict,
        p=p,
        effect=0.25,
        low=-math.inf,
        high=0.5,
        seeds=seeds,
        expected_left=3.0,
        reason="because",
    )


def test_an_entry_is_read_as_it_was_written(harness: StoreHarness) -> None:
    first, second = trials(harness, 2)
    entry = register(harness, first, second)
    assert (entry.baseline_trial, entry.candidate_trial, entry.study) == (first, second, "depth")
    assert (entry.verdict, entry.p, entry.seeds, entry.ended_at) == (None, None, (), None)
    assert entry.level == next_level([])
    running = put(harness, entry, 0.5, None)
    assert (running.verdict, running.ended_at, running.p) == (None, None, 0.5)
    kept = put(harness, entry, 0.001, "keep", (0, 1, 2))
    assert kept.ended_at is not None
    assert (kept.verdict, kept.seeds, kept.effect) == ("keep", (0, 1, 2), 0.25)
    assert (kept.low, kept.high, kept.expected_left) == (-math.inf, 0.5, 3.0)
    assert (kept.reason, kept.objective, kept.level) == ("because", ACCURACY, entry.level)
    assert store.ledger(harness.db) == (kept,)
    assert store.ledger(harness.db, [harness.study.id]) == (kept,)
    assert store.ledger(harness.db, [harness.study.id + 1]) == ()


def test_levels_follow_from_the_p_values_before_in_their_order(harness: StoreHarness) -> None:
    base, *others = trials(harness, 6)
    store.register_baseline(harness.db, harness.study.id, base, ACCURACY)
    p_values = [0.9, 0.0001, 0.7, 0.01]
    for candidate, p in zip(others, p_values, strict=False):
        entry = register(harness, base, candidate)
        put(harness, entry, p, "keep" if p <= (entry.level or 0) else "not yet")
    last = register(harness, base, others[4])
    levels = [entry.level for entry in store.ledger(harness.db)]
    # The first baseline is not tested, and costs nothing.
    assert levels == [None, *(next_level(p_values[:n]) for n in range(5))]
    assert last.level == next_level(p_values)


def test_a_test_that_goes_on_counts_as_one_that_found_nothing(harness: StoreHarness) -> None:
    base, first, second, third = trials(harness, 4)
    running = register(harness, base, first)
    put(harness, running, 0.0001, None)
    assert register(harness, base, second).level == next_level([1.0])
    assert next_level([1.0]) == min(next_level([p]) for p in (0.0001, 0.01, 0.3, 0.6, 1.0))
    # The level of an entry stays as it is when the tests before it have ended.
    put(harness, running, 0.0001, "keep")
    assert register(harness, base, second).level == next_level([1.0])
    assert register(harness, base, third).level == next_level([0.0001, 1.0])


def test_the_same_test_has_one_entry_and_one_with_more_seeds_another(
    harness: StoreHarness,
) -> None:
    base, first = trials(harness, 2)
    entry = register(harness, base, first)
    assert register(harness, base, first) == entry
    put(harness, entry, 0.2, "not yet")
    assert register(harness, base, first).id == entry.id
    more = register(harness, base, first, max_seeds=20)
    assert more.id != entry.id
    assert more.level == next_level([0.2])


REGISTER = """
import sys
from nnlab import store
from nnlab.records import Objective
from nnlab.stats.online_fdr import next_level
path, study, base, candidate = sys.argv[1], *map(int, sys.argv[2:])
db = store.open_database(path, write=True)
print("ready", flush=True)
sys.stdin.readline()
entry = store.register_candidate(
    db, study, baseline_trial=base, candidate_trial=candidate,
    objective=Objective("val/accuracy", "max"), min_effect=0.0, max_seeds=10,
    next_level=next_level,
)
print(entry.id, entry.level)
db.close()
"""


@pytest.mark.file
def test_processes_at_the_same_time_get_levels_one_after_the_other(
    harness: StoreHarness, path: Path, python: Start
) -> None:
    base, *others = trials(harness, 5)
    processes = [python(REGISTER, path, harness.study.id, base, other) for other in others]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60) for process in processes]
    assert [error for _, error in answers] == [""] * 4
    levels = [entry.level for entry in store.ledger(harness.db)]
    assert levels == [next_level([1.0] * n) for n in range(4)]
    assert {line.strip() for line, _ in answers} == {
        f"{entry.id} {entry.level}" for entry in store.ledger(harness.db)
    }


def test_the_ledger_goes_with_its_study_and_comes_back_with_it(harness: StoreHarness) -> None:
    base, first = trials(harness, 2)
    entry = put(harness, register(harness, base, first), 0.3, "not yet")
    removal = store.remove(harness.db, study_ids=[harness.study.id], run_ids=[])
    assert store.ledger(harness.db) == ()
    store.restore(harness.db, study_ids=removal.study_ids, run_ids=removal.run_ids)
    assert store.ledger(harness.db) == (entry,)


def test_a_study_that_is_created_again_begins_a_new_ledger(harness: StoreHarness) -> None:
    base, first = trials(harness, 2)
    put(harness, register(harness, base, first), 0.9, "not yet")
    store.remove(harness.db, study_ids=[harness.study.id], run_ids=[])
    store.create_study(
        harness.db,
        name="depth",
        question="",
        objective=harness.study.objective,
        space=None,
        seeds=(),
    )
    assert store.ledger(harness.db) == ()
    assert register(harness, base, first).level == next_level([])


@pytest.mark.file
def test_deleting_what_was_removed_deletes_the_ledger_and_keeps_tested_trials(
    harness: StoreHarness,
) -> None:
    base, first = trials(harness, 2)
    entry = put(harness, register(harness, base, first), 0.3, "not yet")
    run_ids = [run.id for run in store.runs(harness.db)]
    # Only the runs: the ledger still says which setting was tested.
    store.remove(harness.db, study_ids=[], run_ids=run_ids)
    store.collect_garbage(harness.db, store.find_garbage(harness.db))
    assert store.ledger(harness.db) == (entry,)
    assert set(store.trials(harness.db, [base, first])) == {base, first}
    store.remove(harness.db, study_ids=[harness.study.id], run_ids=[])
    store.collect_garbage(harness.db, store.find_garbage(harness.db))
    with harness.db.read() as connection:
        for table in ("gate", "study"):
            count = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
            assert count == 0, table
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall() == []


def test_a_verdict_that_nobody_knows_cannot_be_stored(harness: StoreHarness) -> None:
    base, first = trials(harness, 2)
    entry = register(harness, base, first)
    with pytest.raises(IntegrityError, match="gate_verdict_check"):
        put(harness, entry, 0.5, "maybe")  # type: ignore[arg-type]
    with pytest.raises(IntegrityError, match="gate_p_check"):
        put(harness, entry, 1.5, "keep")


@pytest.mark.file
def test_an_entry_that_cannot_be_read_is_left_out_and_lowers_later_levels(
    harness: StoreHarness,
) -> None:
    base, first, second, third = trials(harness, 4)
    put(harness, register(harness, base, first), 0.01, "not yet")
    entry = put(harness, register(harness, base, second), 0.01, "not yet")
    with harness.db.write() as connection:
        connection.exec_driver_sql("PRAGMA ignore_check_constraints=ON")
        connection.exec_driver_sql("UPDATE gate SET p = 'x' WHERE id = 1")
    assert store.ledger(harness.db) == (entry,)
    assert list(harness.db.unreadable_rows) == [("gate", 1)]
    assert store.find_problems(harness.db) == ["gate 1 cannot be read: TypeError: its p is str"]
    assert register(harness, base, third).level == next_level([1.0, 0.01])
