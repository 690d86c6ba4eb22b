"""Pages of runs and trials in SQL, on a file and on a server."""

import pytest
from board.curve_fixtures import add_curve, add_runs, add_study
from store.store_fixtures import StoreHarness, make_harness

from nnlab import store
from nnlab.store import (
    MetricCondition,
    NotCondition,
    RunOrder,
    RunQuery,
    SettingCondition,
    TextCondition,
    WordCondition,
)


@pytest.mark.parametrize("location", ["path", "server_url"])
def test_filters_orders_and_groups(location: str, request: pytest.FixtureRequest) -> None:
    harness: StoreHarness = make_harness(request.getfixturevalue(location))
    db = harness.db
    study = add_study(db)
    low = add_runs(db, study, 0.01, (0, 1))
    high = add_runs(db, study, 0.1, (0, 1))
    for position, run_id in enumerate((*low, *high)):
        add_curve(db, run_id, [1.0, position / 10])
    store.change_tags(db, [high[1]], add=["good"])

    def matching(*conditions: store.RunCondition, order: RunOrder | None = None) -> tuple[int, ...]:
        query = RunQuery(tuple(conditions), order=order or RunOrder(descending=False))
        ids = store.run_page(db, query, offset=0, limit=50)
        assert store.count_matching_runs(db, query) == len(ids)
        return ids

    assert matching(SettingCondition("lr", "<", 0.05)) == low
    assert matching(SettingCondition("lr", "!=", 0.01)) == high
    assert matching(SettingCondition("opt", "=", "SG*")) == (*low, *high)
    assert matching(SettingCondition("opt", "<", 3.0)) == ()
    assert matching(NotCondition(SettingCondition("lr", ">=", 0.1))) == low
    assert matching(MetricCondition("val/loss", "best", "<=", 0.1)) == low
    assert matching(MetricCondition("val/loss", "last", ">", 0.25)) == high[1:]
    assert matching(WordCondition("tag", "good")) == high[1:]
    assert matching(WordCondition("seed", "1")) == (low[1], high[1])
    assert matching(WordCondition("status", "finished")) == (*low, *high)
    assert matching(WordCondition("status", "running")) == ()
    assert matching(WordCondition("finding", "NN101")) == ()
    assert matching(WordCondition("study", "dep*")) == (*low, *high)
    assert matching(TextCondition("100%")) == ()
    by_loss = RunOrder("best", "val/loss", descending=True)
    assert matching(order=by_loss) == (high[1], high[0], low[1], low[0])
    by_rate = RunOrder("setting", "lr", descending=True)
    assert set(matching(order=by_rate)[:2]) == set(high)
    assert len(matching(order=RunOrder("setting", "opt", descending=False))) == 4
    for column in ("study", "name", "seed", "status", "epochs", "started", "duration"):
        assert len(matching(order=RunOrder("column", column))) == 4

    ascending = RunQuery(order=RunOrder(descending=False))
    trials, total = store.trial_page(
        db, ascending, metric_name="val/loss", kind="best", offset=0, limit=10
    )
    assert total == 2
    assert [trial.runs for trial in trials] == [low, high]
    assert trials[0].values == (0.0, 0.1)
    db.close()
