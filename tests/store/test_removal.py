"""Removed runs are nowhere, and come back exactly as they were."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store.store_fixtures import Lab, copied_lab

from nnlab import store
from nnlab.errors import UnknownName, UsageError
from nnlab.records import Objective, Status
from nnlab.store.schema import TABLES


def dump(lab: Lab) -> list[str]:
    """Every row of every table."""
    with lab.db.read() as connection:
        return [
            f"{table} {tuple(row)}"
            for table in TABLES
            for row in connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY 1, 2")
        ]


def trained(lab: Lab) -> tuple[int, ...]:
    run_ids = store.enqueue(lab.db, lab.study, lab.plans(2, (0, 1), name="base")).run_ids
    for place, run_id in enumerate(run_ids):
        lab.train(run_id, 1.0, 0.5 + place / 10)
    return run_ids


def remove(lab: Lab, *run_ids: int, study: bool = False) -> store.Removal:
    return store.remove(lab.db, study_ids=[lab.study.id] if study else [], run_ids=run_ids)


def undo(lab: Lab) -> store.Removal:
    last = store.last_removal(lab.db)
    return store.restore(lab.db, study_ids=last.study_ids, run_ids=last.run_ids)


def test_a_removed_study_is_nowhere_and_comes_back_as_it_was(lab: Lab) -> None:
    run_ids = trained(lab)
    before = dump(lab)
    assert remove(lab, study=True) == store.Removal((lab.study.id,), run_ids)
    assert store.runs(lab.db) == ()
    assert store.all_studies(lab.db) == ()
    assert store.study_overviews(lab.db) == ()
    assert store.run_names(lab.db) == ()
    assert store.count_runs(lab.db) == {}
    assert store.count_trials(lab.db) == 0
    assert store.count_trials(lab.db, metric="val/loss") == 0
    assert store.count_objectives(lab.db) == {}
    assert store.missing_run_ids(lab.db, lab.study) == ()
    assert store.progress(lab.db, study_ids=None, failures=5).run_count == 0
    for chosen in (None, run_ids):
        found = store.rank_trials(lab.db, metric="val/loss", direction="min", run_ids=chosen)
        assert found == ()
    for name in ("base", str(run_ids[0])):
        with pytest.raises(UsageError):
            store.find_runs(lab.db, [name])
    with pytest.raises(UsageError, match="was removed"):
        store.find_study(lab.db, "depth")
    assert [run.id for run in store.runs(lab.db, removed=True)] == list(run_ids)
    assert undo(lab) == store.Removal((lab.study.id,), run_ids)
    assert dump(lab) == before


def test_a_removed_run_counts_nowhere_in_its_study(lab: Lab) -> None:
    first, *_ = trained(lab)
    remove(lab, first)
    (overview,) = store.study_overviews(lab.db)
    assert (overview.trials, overview.runs) == (2, 3)
    assert overview.by_status == {Status.FINISHED: 3}
    found = store.rank_trials(lab.db, metric="val/loss", direction="min")
    assert {result.run_id for trial in found for result in trial.results} == {2, 3, 4}
    assert [run.id for run in store.find_runs(lab.db, ["base"])] == [2, 3, 4]
    remove(lab, 3)  # the other seed of the same trial
    assert store.study_overviews(lab.db)[0].trials == 1


def test_a_removed_run_is_trained_again_as_a_new_repeat(lab: Lab) -> None:
    (old,) = lab.queue()
    lab.train(old, 0.5)
    remove(lab, old)
    queued = store.enqueue(lab.db, lab.study, lab.plans())
    assert (queued.created, queued.already_ended) == (1, 0)
    (new,) = store.runs(lab.db)
    assert (new.id, new.repeat, new.current) == (queued.run_ids[0], 1, True)
    undo(lab)
    assert [(run.id, run.current) for run in store.runs(lab.db)] == [(old, False), (new.id, True)]


def test_without_the_newest_repeat_the_one_before_counts_again(lab: Lab) -> None:
    (old,) = lab.queue()
    lab.train(old, 0.5)
    (new,) = store.enqueue(lab.db, lab.study, lab.plans(), repeat=True).run_ids
    before = dump(lab)
    remove(lab, new)
    assert [(run.id, run.current) for run in store.runs(lab.db)] == [(old, True)]
    assert store.enqueue(lab.db, lab.study, lab.plans()).already_ended == 1
    undo(lab)
    assert dump(lab) == before


def test_what_waits_and_was_removed_is_not_taken_up(lab: Lab) -> None:
    first, second = lab.queue(2)
    remove(lab, first)
    claimed = lab.claim([first, second])
    assert claimed is not None
    assert claimed.run.id == second
    assert lab.claim([first, second]) is None


def test_a_run_that_is_trained_is_refused_and_nothing_removed(lab: Lab) -> None:
    first, second = lab.queue(2)
    lab.writer([second])
    before = dump(lab)
    for study in (False, True):
        with pytest.raises(UsageError, match=f"run {second} cannot be removed") as caught:
            remove(lab, first, second, study=study)
        assert caught.value.hint == f"nnlab stop {second}, and then again"
    assert dump(lab) == before


def test_a_run_whose_worker_died_can_be_removed(lab: Lab) -> None:
    (run_id,) = lab.queue()
    assert lab.claim([run_id], lease_seconds=-1) is not None
    assert remove(lab, run_id).run_ids == (run_id,)


def test_runs_removed_before_their_study_stay_removed_when_it_comes_back(lab: Lab) -> None:
    first, *rest = trained(lab)
    remove(lab, first)
    remove(lab, study=True)
    back = store.restore(lab.db, study_ids=[lab.study.id], run_ids=[])
    assert back.run_ids == tuple(rest)
    # The study is there; now its name means all that is removed of it.
    assert store.restore(lab.db, study_ids=[lab.study.id], run_ids=[]).run_ids == (first,)


def test_one_run_brings_its_study_back(lab: Lab) -> None:
    first, *_ = trained(lab)
    remove(lab, study=True)
    back = store.restore(lab.db, study_ids=[], run_ids=[first])
    assert back == store.Removal((lab.study.id,), (first,))
    assert [run.id for run in store.runs(lab.db)] == [first]
    assert store.find_study(lab.db, "depth").removed_at is None


def test_nothing_removed_is_nothing_to_undo(lab: Lab) -> None:
    trained(lab)
    before = dump(lab)
    assert store.last_removal(lab.db) == undo(lab) == store.Removal((), ())
    assert dump(lab) == before


def test_numbers_of_the_wrong_kind_are_said_so(lab: Lab) -> None:
    first, second, *_ = trained(lab)
    remove(lab, first)
    with pytest.raises(UsageError, match=f"run {first} was removed") as caught:
        store.find_runs(lab.db, [str(first)])
    assert caught.value.hint == f"nnlab rm --undo {first} brings it back"
    with pytest.raises(UsageError, match=f"run {second} is not removed"):
        store.find_runs(lab.db, [str(second)], removed=True)
    with pytest.raises(UnknownName, match="Known: 2 to 4, base"):
        store.find_runs(lab.db, ["99"])


def create(lab: Lab, metric: str) -> int:
    objective = Objective.parse(metric)
    return store.create_study(
        lab.db, name="depth", question="", objective=objective, space=None, seeds=()
    ).id


def test_the_same_question_asked_again_is_the_removed_study_without_its_runs(lab: Lab) -> None:
    run_ids = trained(lab)
    remove(lab, study=True)
    assert create(lab, "val/loss") == lab.study.id
    assert store.find_study(lab.db, "depth").question == "How deep?"
    assert store.runs(lab.db) == ()
    assert undo(lab).run_ids == run_ids


def test_another_question_takes_the_name_of_a_removed_study(lab: Lab) -> None:
    run_ids = trained(lab)
    remove(lab, study=True)
    assert create(lab, "val/accuracy") != lab.study.id
    assert undo(lab) == store.Removal((lab.study.id,), run_ids)
    names = [study.name for study in store.all_studies(lab.db)]
    assert names == [f"depth (removed, {lab.study.id})", "depth"]


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
    steps: list[tuple[str, object]], blank: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lab = copied_lab(blank, tmp_path_factory.mktemp("steps"))
    lab.queue(2)
    for step, what in steps:
        if step == "queue":
            create(lab, "val/loss")
            store.enqueue(lab.db, lab.study, lab.plans(2), repeat=bool(what))
        elif step == "undo":
            undo(lab)
        else:
            chosen = what if isinstance(what, set) else set()
            before = dump(lab)
            done = remove(lab, *chosen, study=step == "study")
            if done != store.Removal((), ()):
                assert undo(lab) == done
            assert dump(lab) == before
            remove(lab, *chosen, study=step == "study")
        check_current(lab)
    lab.db.close()


def check_current(lab: Lab) -> None:
    newest: dict[tuple[int, int], int] = {}
    for run in store.runs(lab.db):
        key = run.trial.id, run.seed
        newest[key] = max(newest.get(key, -1), run.repeat)
    for run in store.runs(lab.db):
        assert run.current == (run.repeat == newest[run.trial.id, run.seed])
    assert not any(run.current for run in store.runs(lab.db, removed=True))
