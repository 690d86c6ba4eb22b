"""The batch planner: groups of runs, batch sizes, and the cache of measurements."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workers.queue_helpers import queued

from nnlab import store
from nnlab.engine.batched.timing import seconds_by_width
from nnlab.records import Run
from nnlab.settings import RunConfig
from nnlab.workers import planner
from nnlab.workers.planner import MAX_BATCHED_RUNS, BatchPlanner, RunGroup, best_width


def runs_of(db: store.Database, *settings: dict[str, object]) -> tuple[Run, ...]:
    return store.runs(db, run_ids=[queued(db, **setting) for setting in settings])


def test_runs_of_one_kind_are_a_group_and_the_rest_is_another(db: store.Database) -> None:
    runs = runs_of(
        db, {"lr": 0.1}, {"width": 8}, {"lr": 0.2, "dropout": 0.0}, {"opt": "lbfgs", "lr": None}
    )
    groups = BatchPlanner("auto").groups(runs)
    assert [group.run_ids for group in groups] == [
        (runs[0].id, runs[2].id),
        (runs[1].id,),
        (runs[3].id,),
    ]
    assert [group.config is not None for group in groups] == [True, True, False]
    (alone,) = BatchPlanner("solo").groups(runs)
    assert alone == RunGroup(tuple(run.id for run in runs), None)


def test_stacked_takes_what_there_is_and_solo_one_at_a_time(db: store.Database) -> None:
    (group,) = BatchPlanner("stacked").groups(runs_of(db, {"lr": 0.1}))
    assert BatchPlanner("stacked").width(group, 3) == 3
    assert BatchPlanner("stacked").width(group, 100_000) == MAX_BATCHED_RUNS
    assert BatchPlanner("stacked").width(RunGroup(group.run_ids, None), 3) == 1
    assert BatchPlanner("auto").width(group, 1) == 1  # nothing to measure


def test_what_was_measured_is_remembered(
    db: store.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def measured(config: RunConfig, most: int) -> Mapping[int, float]:
        del config
        calls.append(most)
        return {1: 8.0, 4: 3.0} if most <= 4 else {1: 8.0, 4: 3.0, 16: 2.0, 64: 2.5}

    monkeypatch.setattr(planner, "seconds_by_width", measured)
    (group,) = BatchPlanner("auto").groups(runs_of(db, {"lr": 0.1}))
    memory = tmp_path / "cache" / "widths.json"
    assert [BatchPlanner("auto", memory).width(group, 4) for _ in range(2)] == [4, 4]
    assert calls == [4]
    # More runs wait, and the widest was the best so far: worth a look at wider ones, once.
    assert [BatchPlanner("auto", memory).width(group, 30) for _ in range(2)] == [15, 15]
    assert BatchPlanner("auto", memory).width(group, 500) == 16
    assert calls == [4, 30]
    memory.write_text("no longer JSON")
    assert BatchPlanner("auto", memory).width(group, 4) == 4
    assert calls == [4, 30, 4]
    assert json.loads(memory.read_text()).keys()


def test_a_memory_that_cannot_be_written_costs_only_time(
    db: store.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "seconds_by_width", lambda *_: {1: 8.0, 4: 3.0})
    (tmp_path / "file").write_text("")
    (group,) = BatchPlanner("auto").groups(runs_of(db, {"lr": 0.1}))
    assert BatchPlanner("auto", tmp_path / "file" / "widths.json").width(group, 4) == 4


@given(
    st.dictionaries(st.sampled_from((4, 16, 64, 256)), st.floats(0.1, 10.0)),
    st.floats(0.1, 10.0),
    st.integers(1, 300),
)
def test_the_width_is_never_slower_than_alone(
    wider: dict[int, float], alone: float, waiting: int
) -> None:
    seconds = {1: alone, **{width: wider[width] for width in sorted(wider)}}
    width = best_width(seconds, waiting)
    assert 1 <= width <= waiting
    assert planner._interpolated_seconds(seconds, width) <= planner.EQUAL_TIME_RATIO * alone


def test_widths_are_measured_until_they_no_longer_help(db: store.Database) -> None:
    (group,) = BatchPlanner("auto").groups(runs_of(db, {"lr": 0.1}))
    assert group.config is not None
    result = seconds_by_width(group.config, 6)
    assert next(iter(result)) == 1
    assert set(result) <= {1, 4, 16}
    assert all(seconds > 0 for seconds in result.values())
