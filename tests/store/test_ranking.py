"""Rankings: exact by either query plan, NaN last, ties by trial."""

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert
from store.store_fixtures import StoreHarness, copy_harness, finish

from nnlab import store
from nnlab.records import Direction, Epoch, Status
from nnlab.store import ranked_trials, tables
from nnlab.store.curve_summary import summarize_curve
from nnlab.store.enqueue import RunSpec
from nnlab.store.points import put_points, put_summaries

METRIC = "val/loss"

Values = Sequence[Sequence[float]]  # by trial, by seed


def fill(harness: StoreHarness, values: Values, metric: str = METRIC) -> None:
    """Trials whose runs each have one point."""
    plans = [
        RunSpec({"n": n}, f"d{n}", seed, 1)
        for n, seeds in enumerate(values)
        for seed in range(len(seeds))
    ]
    run_ids = store.enqueue(harness.db, harness.study, plans).run_ids
    flat = [value for seeds in values for value in seeds]
    direction: Direction = "max" if metric.endswith("accuracy") else "min"
    with harness.db.write() as connection:
        metric_id = connection.execute(
            insert(tables.metric)
            .values(name=metric, direction=direction)
            .returning(tables.metric.c.id)
        ).scalar_one()
        if not flat:
            return
        points = [
            (run_id, metric_id, 1, value) for run_id, value in zip(run_ids, flat, strict=True)
        ]
        put_points(connection, points)
        for run_id, _, _, value in points:
            summary = summarize_curve(direction, (1,), (value,))
            put_summaries(connection, run_id, [(metric_id, summary)])
        connection.exec_driver_sql("UPDATE run SET status = 'finished'")


def means(ranked: Sequence[store.RankedTrial]) -> list[float]:
    return [trial.mean for trial in ranked]


def by_hand(values: Values, direction: Direction) -> list[tuple[int, str]]:
    """Trial numbers and means, best first, by the definition."""
    rows = []
    for number, seeds in enumerate(values, start=1):
        if not seeds:
            continue
        mean = ranked_trials._mean([None if math.isnan(value) else value for value in seeds])
        loss = 0.0 if mean is None else mean if direction == "min" else -mean
        rows.append((mean is None, loss, number, math.nan if mean is None else mean))
    return [(number, str(mean)) for _, _, number, mean in sorted(rows)]


def shown(ranked: Sequence[store.RankedTrial]) -> list[tuple[int, str]]:
    return [(trial.trial_id, str(trial.mean)) for trial in ranked]


@pytest.fixture
def always_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranked_trials, "_SMALL_SCOPE", 0)


VALUE = st.one_of(
    st.sampled_from([0.0, 0.1, 0.2, 0.3, 1.0, math.nan, math.inf, -math.inf, 1e308]),
    st.floats(min_value=-1, max_value=1),
)
TRIALS = st.lists(st.lists(VALUE, min_size=1, max_size=4), min_size=0, max_size=60)


@settings(max_examples=40)
@given(values=TRIALS, top=st.integers(1, 8), maximise=st.booleans())
def test_the_top_is_the_beginning_of_the_whole(
    values: list[list[float]],
    top: int,
    empty_harness: Path,
    tmp_path_factory: pytest.TempPathFactory,
    *,
    maximise: bool,
) -> None:
    harness = copy_harness(empty_harness, tmp_path_factory.mktemp("lab"))
    metric, direction = ("val/accuracy", "max") if maximise else (METRIC, "min")
    fill(harness, values, metric)
    expected = by_hand(values, direction)  # type: ignore[arg-type]
    ask: dict[str, Any] = {"metric": metric, "direction": direction}
    assert shown(store.rank_trials(harness.db, **ask)) == expected
    assert shown(store.rank_trials(harness.db, **ask, top=top)) == expected[:top]
    assert (
        shown(store.rank_trials(harness.db, **ask, top=top, study_ids=[harness.study.id]))
        == expected[:top]
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ranked_trials, "_SMALL_SCOPE", 0)
        within = store.rank_trials(harness.db, **ask, top=top, study_ids=[harness.study.id])
        assert shown(within) == expected[:top]
    everything = [run.id for run in store.runs(harness.db)]
    assert shown(store.rank_trials(harness.db, **ask, run_ids=everything)) == expected
    assert shown(store.rank_trials(harness.db, **ask, at="last")) == expected
    assert shown(store.rank_trials(harness.db, **ask, at=1)) == expected
    harness.db.close()


@pytest.mark.usefixtures("always_walk")
@pytest.mark.parametrize("direction", ["min", "max"])
@pytest.mark.parametrize("seeds", [1, 3])
def test_a_long_walk_finds_the_same(
    harness: StoreHarness, direction: Direction, seeds: int
) -> None:
    draw = random.Random(seeds)
    values = [[draw.choice([0.25, draw.random()]) for _ in range(seeds)] for _ in range(900)]
    metric = METRIC if direction == "min" else "val/accuracy"
    fill(harness, values, metric)
    expected = by_hand(values, direction)
    for top in (1, 20, 200, 2000):
        for study_ids in (None, [harness.study.id]):
            ranked = store.rank_trials(
                harness.db, metric=metric, direction=direction, top=top, study_ids=study_ids
            )
            assert shown(ranked) == expected[:top]


@pytest.mark.usefixtures("always_walk")
@pytest.mark.parametrize("top", [None, 1, 2, 4, 5])
def test_trials_with_a_diverged_run_come_last(harness: StoreHarness, top: int | None) -> None:
    """Trial 1 diverged whole and looks best, trial 2 in one of two seeds."""
    fill(harness, [[0.1, 0.1], [0.2, 0.2], [0.4, 0.4], [0.3, 0.3], [math.nan, 0.1]])
    with harness.db.write() as connection:
        connection.exec_driver_sql("UPDATE run SET status = 'diverged' WHERE trial_id = 1")
        connection.exec_driver_sql(
            "UPDATE run SET status = 'diverged' WHERE trial_id = 2 AND seed = 1"
        )
    ranked = store.rank_trials(harness.db, metric=METRIC, direction="min", top=top)
    assert [trial.trial_id for trial in ranked] == [4, 3, 2, 1, 5][:top]


def test_seeds_are_aggregated_and_each_is_told(harness: StoreHarness) -> None:
    fill(harness, [[0.5, 0.3], [0.1, math.nan], [0.4, 0.2]])
    best, second, last = store.rank_trials(harness.db, metric=METRIC, direction="min")
    assert means([best, second]) == pytest.approx([0.3, 0.4])
    assert [result.value for result in best.results] == [0.4, 0.2]
    assert [result.seed for result in best.results] == [0, 1]
    assert {result.status for result in best.results} == {Status.FINISHED}
    trial = store.trials(harness.db, [best.trial_id])[best.trial_id]
    assert trial.setting == {"n": 2}
    assert trial.study == "depth"
    assert math.isnan(last.mean)
    assert [result.epoch for result in last.results] == [1, None]


def test_best_last_and_an_epoch_are_three_things(harness: StoreHarness) -> None:
    for run_id, losses in zip(harness.queue(2), ((0.1, 0.9), (0.5, 0.4, 0.3)), strict=True):
        harness.train(run_id, *losses)

    def order(at: Literal["best", "last"] | int) -> list[tuple[int, float, int | None]]:
        ranked = store.rank_trials(harness.db, metric=METRIC, direction="min", at=at)
        return [(t.trial_id, t.mean, t.results[0].epoch) for t in ranked]

    assert order("best") == [(1, 0.1, 1), (2, 0.3, 3)]
    assert order("last") == [(2, 0.3, 3), (1, 0.9, 2)]
    assert order(2) == [(2, 0.4, 2), (1, 0.9, 2)]
    assert order(3) == [(2, 0.3, 3)]
    assert order(4) == []


def test_a_metric_can_be_ranked_against_its_own_direction(harness: StoreHarness) -> None:
    for run_id, losses in zip(harness.queue(2), ((0.1, 0.9, math.nan), (0.5, 0.4)), strict=True):
        harness.train(run_id, *losses)
    ranked = store.rank_trials(harness.db, metric=METRIC, direction="max", top=1)
    assert [(t.trial_id, t.mean, t.results[0].epoch) for t in ranked] == [(1, 0.9, 2)]
    ranked = store.rank_trials(
        harness.db, metric=METRIC, direction="max", study_ids=[harness.study.id]
    )
    assert [(t.trial_id, t.mean) for t in ranked] == [(1, 0.9), (2, 0.5)]


def test_only_current_runs_in_the_scope_that_have_the_metric_are_ranked(
    harness: StoreHarness,
) -> None:
    run_ids = harness.queue(3)
    harness.train(run_ids[0], 0.1)
    harness.train(run_ids[1], 0.2)
    store.enqueue(harness.db, harness.study, harness.plans(1), repeat=True)
    ask: dict[str, Any] = {"metric": METRIC, "direction": "min"}
    assert [t.trial_id for t in store.rank_trials(harness.db, **ask)] == [2]
    assert [t.trial_id for t in store.rank_trials(harness.db, **ask, top=5)] == [2]
    assert store.rank_trials(harness.db, **ask, study_ids=[99]) == ()
    assert store.rank_trials(harness.db, **ask, run_ids=[3]) == ()
    assert store.rank_trials(harness.db, **ask, top=0) == ()
    assert store.rank_trials(harness.db, metric="val/nothing", direction="min") == ()


def test_a_dead_worker_is_told_in_the_ranking_too(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    claim = harness.claim([run_id], lease_seconds=60)
    assert claim is not None
    writer = store.RunWriter(harness.worker, claim, lease_seconds=-1)
    writer.write(Epoch(1, {METRIC: 0.5}, 0.1))
    (trial,) = store.rank_trials(harness.db, metric=METRIC, direction="min", top=1)
    assert trial.results[0].status is Status.INTERRUPTED
    finish(writer)
    (trial,) = store.rank_trials(harness.db, metric=METRIC, direction="min")
    assert trial.results[0].status is Status.FINISHED
