"""Removed runs are excluded everywhere, and restored exactly."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store.store_fixtures import StoreHarness, copy_harness

from nnlab import store
from nnlab.errors import UnknownName, UsageError
from nnlab.records import Objective, Status
from nnlab.store.schema import TABLES


def dump(harness: StoreHarness) -> list[str]:
    """Every row of every table."""
    with harness.db.read() as connection:
        return [
            f"{table} {tuple(row)}"
            for table in TABLES
            for row in connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY 1, 2")
        ]


def trained(harness: StoreHarness) -> tuple[int, ...]:
    run_ids = store.enqueue(
        harness.db, harness.study, harness.plans(2, (0, 1), name="base")
    ).run_ids
    for place, run_id in enumerate(run_ids):
        harness.train(run_id, 1.0, 0.5 + place / 10)
    return run_ids


def remove(harness: StoreHarness, *run_ids: int, study: bool = False) -> store.Removal:
    return store.remove(harness.db, study_ids=[harness.study.id] if study else [], run_ids=run_ids)


def undo(harness: StoreHarness) -> store.Removal:
    last = store.last_removal(harness.db)
    return store.restore(harness.db, study_ids=last.study_ids, run_ids=last.run_ids)


def test_a_removed_study_is_nowhere_and_comes_back_as_it_was(harness: StoreHarness) -> None:
    run_ids = trained(harness)
    before = dump(harness)
    assert remove(harness, study=True) == store.Removal((harness.study.id,), run_ids)
    assert store.runs(harness.db) == ()
    assert store.all_studies(harness.db) == ()
    assert store.study_overviews(harness.db) == ()
    assert store.run_names(harness.db) == ()
    assert store.count_runs(harness.db) == {}
    assert store.count_trials(harness.db) == 0
    assert store.count_trials(harness.db, metric="val/loss") == 0
    assert store.count_objectives(harness.db) == {}
    assert store.missing_run_ids(harness.db, harness.study) == ()
    assert store.progress(harness.db, study_ids=None, failures=5).run_count == 0
    for chosen in (None, run_ids):
        ranked = store.rank_trials(harness.db, metric="val/loss", direction="min", run_ids=chosen)
        assert ranked == ()
    for name in ("base", str(run_ids[0])):
        with pytest.raises(UsageError):
            store.find_runs(harness.db, [name])
    with pytest.raises(UsageError, match="was removed"):
        store.find_study(harness.db, "depth")
    assert [run.id for run in store.runs(harness.db, removed=True)] == list(run_ids)
    assert undo(harness) == store.Removal((harness.study.id,), run_ids)
    assert dump(harness) == before


def test_a_removed_run_counts_nowhere_in_its_study(harness: StoreHarness) -> None:
    first, *_ = trained(harness)
    remove(harness, first)
    (overview,) = store.study_overviews(harness.db)
    assert (overview.trials, overview.runs) == (2, 3)
    assert overview.by_status == {Status.FINISHED: 3}
    ranked = store.rank_trials(harness.db, metric="val/loss", direction="min")
    assert {result.run_id for trial in ranked for result in trial.results} == {2, 3, 4}
    assert [run.id for run in store.find_runs(harness.db, ["base"])] == [2, 3, 4]
    remove(harness, 3)  # the other seed of the same trial
    assert store.study_overviews(harness.db)[0].trials == 1


def test_a_removed_run_is_trained_again_as_a_new_repeat(harness: StoreHarness) -> None:
    (old,) = harness.queue()
    harness.train(old, 0.5)
    remove(harness, old)
    queued = store.enqueue(harness.db, harness.study, harness.plans())
    assert (queued.created, queued.already_ended) == (1, 0)
    (new,) = store.runs(harness.db)
    assert (new.id, new.repeat, new.current) == (queued.run_ids[0], 1, True)
    undo(harness)
    assert [(run.id, run.current) for run in store.runs(harness.db)] == [
        (old, False),
        (new.id, True),
    ]


def test_without_the_newest_repeat_the_one_before_counts_again(harness: StoreHarness) -> None:
    (old,) = harness.queue()
    harness.train(old, 0.5)
    (new,) = store.enqueue(harness.db, harness.study, harness.plans(), repeat=True).run_ids
    before = dump(harness)
    remove(harness, new)
    assert [(run.id, run.current) for run in store.runs(harness.db)] == [(old, True)]
    assert store.enqueue(harness.db, harness.study, harness.plans()).already_ended == 1
    undo(harness)
    assert dump(harness) == before


def test_what_waits_and_was_removed_is_not_taken_up(harness: StoreHarness) -> None:
    first, second = harness.queue(2)
    remove(harness, first)
    claimed = harness.claim([first, second])
    assert claimed is not None
    assert claimed.run.id == second
    assert harness.claim([first, second]) is None


def test_a_run_that_is_trained_is_refused_and_nothing_removed(harness: StoreHarness) -> None:
    first, second = harness.queue(2)
    harness.writer([second])
    before = dump(harness)
    for study in (False, True):
        with pytest.raises(UsageError, match=f"run {second} cannot be removed") as caught:
            remove(harness, first, second, study=study)
        assert caught.value.hint == f"nnlab stop {second}, and then again"
    assert dump(harness) == before


def test_a_run_whose_worker_died_can_be_removed(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    assert harness.claim([run_id], lease_seconds=-1) is not None
    assert remove(harness, run_id).run_ids == (run_id,)


def test_runs_removed_before_their_study_stay_removed_when_it_comes_back(
    harness: StoreHarness,
) -> None:
    first, *rest = trained(harness)
    remove(harness, first)
    remove(harness, study=True)
    back = store.restore(harness.db, study_ids=[harness.study.id], run_ids=[])
    assert back.run_ids == tuple(rest)
    # The study is there; now its name means all that is removed of it.
    assert store.restore(harness.db, study_ids=[harness.study.id], run_ids=[]).run_ids == (first,)


def test_one_run_brings_its_study_back(harness: StoreHarness) -> None:
    first, *_ = trained(harness)
    remove(harness, study=True)
    back = store.restore(harness.db, study_ids=[], run_ids=[first])
    assert back == store.Removal((harness.study.id,), (first,))
    assert [run.id for run in store.runs(harness.db)] == [first]
    assert store.find_study(harness.db, "depth").removed_at is None


def test_nothing_removed_is_nothing_to_undo(harness: StoreHarness) -> None:
    trained(harness)
    before = dump(harness)
    assert store.last_removal(harness.db) == undo(harness) == store.Removal((), ())
    assert dump(harness) == before


def test_numbers_of_the_wrong_kind_are_said_so(harness: StoreHarness) -> None:
    first, second, *_ = trained(harness)
    remove(harness, first)
    with pytest.raises(UsageError, match=f"run {first} was removed") as caught:
        store.find_runs(harness.db, [str(first)])
    assert caught.value.hint == f"nnlab rm --undo {first} brings it back"
    with pytest.raises(UsageError, match=f"run {second} is not removed"):
        store.find_runs(harness.db, [str(second)], removed=True)
    with pytest.raises(UnknownName, match="Known: 2 to 4, base"):
        store.find_runs(harness.db, ["99"])


def create(harness: StoreHarness, metric: str) -> int:
    objective = Objective.parse(metric)
    return store.create_study(
        harness.db, name="depth", question="", objective=objective, space=None, seeds=()
    ).id


def test_the_same_question_asked_again_is_the_removed_study_without_its_runs(
    harness: StoreHarness,
) -> None:
    run_ids = trained(harness)
    remove(harness, study=True)
    assert create(harness, "val/loss") == harness.study.id
    assert store.find_study(harness.db, "depth").question == "How deep?"
    assert store.runs(harness.db) == ()
    assert undo(harness).run_ids == run_ids


def test_another_question_takes_the_name_of_a_removed_study(harness: StoreHarness) -> None:
    run_ids = trained(harness)
    remove(harness, study=True)
    assert create(harness, "val/accuracy") != harness.study.id
    assert undo(harness) == store.Removal((harness.study.id,), run_ids)
    names = [study.name for study in store.all_studies(harness.db)]
    assert names == [f"depth (removed, {harness.study.id})", "depth"]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("remove"), st.sets(st.integers(1, 8), max_size=4)),
        st.tuples(st.just("queue"), st.booleans()),
        st.tuples(st.just("study"), st.none()),
        st.tuples(st.just("undo"), st.none()),
    ),
    max_size=8,
)


@given(steps=STEPS)
def test_after_any_steps_the_newest_that_is_there_is_current_and_undo_undoes(
    steps: list[tuple[str, object]], empty_harness: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    harness = copy_harness(empty_harness, tmp_path_factory.mktemp("steps"))
    harness.queue(2)
    for step, what in steps:
        if step == "queue":
            create(harness, "val/loss")
            store.enqueue(harness.db, harness.study, harness.plans(2), repeat=bool(what))
        elif step == "undo":
            undo(harness)
        else:
            chosen = what if isinstance(what, set) else set()
            before = dump(harness)
            done = remove(harness, *chosen, study=step == "study")
            if done != store.Removal((), ()):
                assert undo(harness) == done
            assert dump(harness) == before
            remove(harness, *chosen, study=step == "study")
        check_current(harness)
    harness.db.close()


def check_current(harness: StoreHarness) -> None:
    newest: dict[tuple[int, int | None], int] = {}
    for run in store.runs(harness.db):
        key = run.trial.id, run.seed
        newest[key] = max(newest.get(key, -1), run.repeat)
    for run in store.runs(harness.db):
        assert run.current == (run.repeat == newest[run.trial.id, run.seed])
    assert not any(run.current for run in store.runs(harness.db, removed=True))
