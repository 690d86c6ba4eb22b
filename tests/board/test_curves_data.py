"""The answers to `curves/index` and `curves/data`."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from board.curve_fixtures import (
    add_curve,
    add_external_run,
    add_runs,
    add_study,
    append_points,
    context_of,
    data_of,
    index_of,
)
from sqlalchemy import insert

from nnlab import store
from nnlab.board import curve_reader
from nnlab.errors import NnlabError, UsageError
from nnlab.records import Curve, Sample
from nnlab.stats.curve_band import BandKind, mean_curve
from nnlab.store.tables import attempt


@pytest.fixture(params=["file", "server"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[store.Database]:
    is_file = request.param == "file"
    location = str(tmp_path / "runs.db") if is_file else request.getfixturevalue("server_url")
    database = store.open_database(location, write=True, create=True)
    yield database
    database.close()


def lines_of(answer: Any, metric: str = "val/loss") -> dict[str, dict[str, Any]]:
    return {line["key"]: line for line in answer["metrics"][metric]["lines"]}


def test_the_index_names_runs_metrics_and_axes(db: store.Database) -> None:
    study = add_study(db)
    first = add_runs(db, study, 0.1, [0, 1])
    second = add_runs(db, study, 0.2, [0])
    for run_id in (*first, *second):
        add_curve(db, run_id, [1.0, 0.5])
    add_curve(db, first[0], [0.1], "time/epoch")
    store.enqueue(db, study, [store.RunSpec({"lr": 0.3}, "x", 0, 3)])  # has not begun
    index: Any = index_of(context_of(db))
    assert [(run["run"], run["label"]) for run in index["runs"]] == [
        (first[0], "lr=0.1"), (first[1], "lr=0.1"), (second[0], "lr=0.2"),
    ]  # fmt: skip
    assert index["total"] == 3
    assert index["metrics"] == [{"name": "time/epoch", "runs": 1}, {"name": "val/loss", "runs": 3}]
    assert index["axes"] == ["", "relative", "time"]


def test_more_trials_than_a_panel_shows_are_counted(db: store.Database) -> None:
    study = add_study(db)
    for number in range(52):
        add_runs(db, study, number + 1.0, [0])
    index: Any = index_of(context_of(db))
    assert len(index["runs"]) == 50
    assert index["runs"][-1]["label"] == "lr=52"
    assert index["total"] == 52


def test_seeds_are_drawn_as_the_mean_curve_of_the_figures(db: store.Database) -> None:
    ids = add_runs(db, add_study(db), 0.1, range(6))
    curves = []
    for number, run_id in enumerate(ids):
        values = [2.0 - 0.3 * epoch + 0.1 * number**2 for epoch in range(4)]
        add_curve(db, run_id, values[: 3 if number == 5 else 4])
        curves.append(Curve("val/loss", (1, 2, 3, 4)[: len(values)], tuple(values)))
    curves[5] = Curve("val/loss", (1, 2, 3), curves[5].values[:3])
    answer: Any = data_of(context_of(db), runs="1-6", metrics='["val/loss"]')
    band = mean_curve(curves, BandKind.INTERVAL)
    line = lines_of(answer)["trial:1"]
    assert line["x"] == [1, 2, 3, 4]
    assert line["y"] == pytest.approx(band.mean, rel=1e-5)
    assert line["low"] == pytest.approx(band.low, rel=1e-5)
    assert line["high"] == pytest.approx(band.high, rel=1e-5)
    assert line["best"] == (4.0, pytest.approx(band.mean[3]))


def test_only_what_is_new_is_sent(db: store.Database) -> None:
    study = add_study(db)
    (first,) = add_runs(db, study, 0.1, [0])
    (second,) = add_runs(db, study, 0.2, [0])
    add_curve(db, first, [3.0, 2.0, math.nan])
    add_curve(db, second, [3.0])
    context = context_of(db)
    request = {"runs": f"{first}-{second}", "metrics": '["val/loss"]', "seeds": "lines"}
    answer: Any = data_of(context, **request)
    assert lines_of(answer)[f"run:{first}"]["y"] == [3.0, 2.0, None]
    assert lines_of(answer)[f"run:{first}"]["nonFinite"] == [3]
    again: Any = data_of(context, **request, after=answer["cursor"])
    assert lines_of(again) == {}
    assert again["metrics"]["val/loss"]["keys"] == [f"run:{first}", f"run:{second}"]
    append_points(db, first, [0.5, 0.25])
    more: Any = data_of(context, **request, after=again["cursor"])
    (line,) = lines_of(more).values()
    assert (line["key"], line["keep"], line["x"]) == (f"run:{first}", 2, [3, 4, 5])
    unknown: Any = data_of(context, **request, after="of another server")
    assert lines_of(unknown)[f"run:{first}"]["x"] == [1, 2, 3, 4, 5]


def test_a_long_curve_has_the_extremes_of_buckets_and_zooming_its_values(
    db: store.Database,
) -> None:
    (run_id,) = add_runs(db, add_study(db), 0.1, [0])
    values = [math.sin(i / 500) for i in range(20_000)]
    values[12_345] = 50.0
    add_curve(db, run_id, values)
    context = context_of(db)
    request = {"runs": str(run_id), "metrics": '["val/loss"]', "buckets": "100"}
    answer: Any = data_of(context, **request)
    line = lines_of(answer)[f"trial:{run_id}"]
    assert len(line["x"]) <= 100
    assert line["points"] == 20_000
    assert line["size"] == 256
    assert max(line["high"]) == 50.0
    zoomed: Any = data_of(context, **request, **{"from": "12340", "to": "12350"})
    detail = lines_of(zoomed)[f"trial:{run_id}"]
    assert detail["size"] == 1
    assert [x for x in detail["x"] if 12_340 <= x <= 12_350] == list(range(12_340, 12_351))
    assert detail["y"][detail["x"].index(12_346)] == 50.0
    append_points(db, run_id, [1.0] * 300)
    more: Any = data_of(context, **request, after=answer["cursor"])
    tail = lines_of(more)[f"trial:{run_id}"]
    assert tail["keep"] == len(line["x"]) - 1
    assert line["x"][: tail["keep"]] + tail["x"] == sorted(set(line["x"][:-1] + tail["x"]))


def test_curves_that_were_not_read_in_time_are_pending(
    db: store.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run_id,) = add_runs(db, add_study(db), 0.1, [0])
    add_curve(db, run_id, [1.0])
    request = {"runs": str(run_id), "metrics": '["val/loss"]'}
    with monkeypatch.context() as patch:
        patch.setattr(curve_reader, "READING_SECONDS", -1.0)
        answer: Any = data_of(context_of(db), **request)
    assert answer["metrics"]["val/loss"]["pending"] == [run_id]
    assert lines_of(answer) == {}
    later: Any = data_of(context_of(db), **request, after=answer["cursor"])
    assert later["metrics"]["val/loss"]["pending"] == []
    assert lines_of(later)[f"trial:{run_id}"]["y"] == [1.0]


def test_samples_have_steps_epochs_and_times(db: store.Database) -> None:
    calls = [
        [
            Sample("loss", value, step, step / 10, 1000.0 + step),
            Sample("lr", 1.0 / (step + 1), step, step / 10, 1000.0 + step),
        ]
        for step, value in enumerate([4.0, math.nan, math.inf, 1.0])
    ]
    run_id = add_external_run(db, calls)
    context = context_of(db)

    def xy(axis: str) -> tuple[object, object, object]:
        request = {"runs": str(run_id), "metrics": '["loss"]', "x": axis, "seeds": "lines"}
        answer: Any = data_of(context, **request)
        line = lines_of(answer, "loss")[f"run:{run_id}"]
        return answer["x"]["kind"], line["x"], line["y"]

    assert xy("step") == ("number", [0, 1, 2, 3], [4.0, None, None, 1.0])
    assert xy("epoch") == ("number", [0.0, 0.1, 0.2, 0.3], [4.0, None, None, 1.0])
    assert xy("time") == ("time", [1000, 1001, 1002, 1003], [4.0, None, None, 1.0])
    assert xy("relative") == ("duration", [0, 1, 2, 3], [4.0, None, None, 1.0])
    kind, x, y = xy("metric:lr")
    assert kind == "number"
    assert x == pytest.approx([0.25, 1 / 3, 0.5, 1.0])
    assert y == [1.0, None, None, 4.0]


def test_epochs_have_times_through_their_durations(db: store.Database) -> None:
    (run_id,) = add_runs(db, add_study(db), 0.1, [0])
    add_curve(db, run_id, [3.0, 2.0, 1.0])
    add_curve(db, run_id, [10.0, 20.0, 30.0], "time/epoch")
    with db.write() as connection:
        for first_epoch, begin in [(1, "2026-01-01T00:00:00"), (3, "2026-01-01T01:00:00")]:
            connection.execute(
                insert(attempt).values(
                    run_id=run_id, hostname="h", pid_space="", pid=1, command="nnlab train",
                    first_epoch=first_epoch, started_at=f"{begin}+00:00",
                )
            )  # fmt: skip
    request = {"runs": str(run_id), "metrics": '["val/loss"]'}
    relative: Any = data_of(context_of(db), **request, x="relative")
    assert relative["seeds"] == "lines"
    assert lines_of(relative)[f"run:{run_id}"]["x"] == [10, 30, 60]
    clock: Any = data_of(context_of(db), **request, x="time")
    midnight = 1_767_225_600
    assert lines_of(clock)[f"run:{run_id}"]["x"] == [
        midnight + 10, midnight + 30, midnight + 3600 + 30,
    ]  # fmt: skip
    nothing: Any = data_of(context_of(db), **request, x="step")
    assert lines_of(nothing) == {}


def test_runs_that_the_board_does_not_show_are_unknown(db: store.Database) -> None:
    shown = add_runs(db, add_study(db, "shown"), 0.1, [0])
    hidden = add_runs(db, add_study(db, "hidden"), 0.1, [0])
    for run_id in (*shown, *hidden):
        add_curve(db, run_id, [1.0])
    for context in (context_of(db, "shown"), context_of(db, str(shown[0]))):
        index: Any = index_of(context)
        assert [run["run"] for run in index["runs"]] == list(shown)
        answer: Any = data_of(context, runs="1-9", metrics='["val/loss"]', seeds="lines")
        assert list(lines_of(answer)) == [f"run:{shown[0]}"]
        with pytest.raises(NnlabError):
            index_of(context, runs=str(hidden[0]))


@pytest.mark.parametrize(
    "parameters",
    [
        {"metrics": "loss"},
        {"metrics": "[1]"},
        {"metrics": "[" * 100_000},
        {"metrics": json.dumps([str(i) for i in range(30)])},
        {"x": "colour"},
        {"from": "a"},
        {"buckets": "1000000"},
        {"runs": "1-100000"},
    ],
)
def test_malformed_requests_are_refused(db: store.Database, parameters: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        data_of(context_of(db), **parameters)


def test_a_value_that_is_no_number_is_reported(tmp_path: Path) -> None:
    db = store.open_database(str(tmp_path / "runs.db"), write=True, create=True)
    corrupt, other = add_runs(db, add_study(db), 0.1, [0, 1])
    for run_id in (corrupt, other):
        add_curve(db, run_id, [1.0, 2.0])
    with db.write() as connection:
        connection.exec_driver_sql(
            f"UPDATE point SET value = 'high' WHERE epoch = 2 AND run_id = {corrupt}"
        )
    request = {"runs": f"{corrupt}-{other}", "metrics": '["val/loss"]', "seeds": "lines"}
    answer: Any = data_of(context_of(db), **request)
    assert answer["notes"] == ["a value of val/loss of run 1 is not a number"]
    assert list(lines_of(answer)) == [f"run:{other}"]
    db.close()
