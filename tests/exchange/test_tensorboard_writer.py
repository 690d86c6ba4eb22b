"""`nnlab export --to tensorboard`, read with the real package."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from exported_logs import CALLS, RESTARTED, SETTING, export, record, same
from read_logs import read_only_run

from nnlab import store
from nnlab.exchange.tensorboard import TensorBoardReader
from nnlab.records import Sample, Status

pytest.importorskip("tensorboard", reason="the package tensorboard reads the export")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[store.Database]:
    database = store.open_database(str(tmp_path / "runs.db"), write=True, create=True)
    yield database
    database.close()


def accumulated(folder: Path) -> Any:
    """What TensorBoard reads of a folder, all values of it, also those that it would purge."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), {"tensors": 0}, purge_orphaned_data=False)
    events.Reload()
    return events


def tensor_values(events: Any, tag: str) -> list[Sample]:
    from tensorboard.util.tensor_util import make_ndarray

    return [
        Sample(tag, make_ndarray(e.tensor_proto).item(), e.step, None, e.wall_time)
        for e in events.Tensors(tag)
    ]


def check_equal(read: list[Sample], written: list[Sample]) -> None:
    assert len(read) == len(written)
    for left, right in zip(read, written, strict=True):
        assert (left.metric, left.step, left.time) == (right.metric, right.step, right.time)
        assert same(left.value, right.value)


@pytest.mark.parametrize("calls", [CALLS, RESTARTED], ids=["usual", "steps go back"])
def test_values_are_equal(
    db: store.Database, tmp_path: Path, calls: tuple[tuple[Sample, ...], ...]
) -> None:
    run = record(db, calls)
    export(db, (run,), "tensorboard", tmp_path / "out")
    events = accumulated(tmp_path / "out" / f"lm-run{run.id}-seed3")
    written = [sample for call in calls for sample in call]
    assert set(events.Tags()["tensors"]) == {sample.metric for sample in written}
    for tag in events.Tags()["tensors"]:
        check_equal(tensor_values(events, tag), [s for s in written if s.metric == tag])


def test_tensorboard_shows_them_as_scalars(db: store.Database, tmp_path: Path) -> None:
    """Its interface takes scalars from a data provider, as 32-bit numbers are no longer needed."""
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.context import RequestContext
    from tensorboard.data.provider import RunTagFilter

    run = record(db)
    export(db, (run,), "tensorboard", tmp_path / "out")
    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(tmp_path / "out"))
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(tmp_path / "out"))
    scalars = provider.read_scalars(
        RequestContext(),
        experiment_id="",
        plugin_name="scalars",
        downsample=1000,
        run_tag_filter=RunTagFilter(tags=["train/loss"]),
    )
    (points,) = [tags["train/loss"] for tags in scalars.values()]
    expected = [s for call in CALLS for s in call if s.metric == "train/loss"]
    check_equal(
        [Sample("train/loss", p.value, p.step, None, p.wall_time) for p in points], expected
    )


def test_settings_and_final_values(db: store.Database, tmp_path: Path) -> None:
    from tensorboard.plugins.hparams import metadata

    run = record(db)
    export(db, (run,), "tensorboard", tmp_path / "out")
    events = accumulated(tmp_path / "out" / f"lm-run{run.id}-seed3" / "results")
    content = {
        tag: events.SummaryMetadata(tag).plugin_data.content
        for tag in events.Tags()["tensors"]
        if tag.startswith("_hparams_/")
    }
    start = metadata.parse_session_start_info_plugin_data(content["_hparams_/session_start_info"])
    values = {name: getattr(v, v.WhichOneof("kind")) for name, v in start.hparams.items()}
    assert values == {name: value for name, value in SETTING.items() if value is not None}
    assert start.group_name == "lm"
    end = metadata.parse_session_end_info_plugin_data(content["_hparams_/session_end_info"])
    assert end.status == 1  # success
    assert [s.value for s in tensor_values(events, "best")] == [0.1]
    assert [s.value for s in tensor_values(events, "steps")] == [7.0]


def test_what_was_exported_is_read_again(db: store.Database, tmp_path: Path) -> None:
    run = record(db)
    export(db, (run,), "tensorboard", tmp_path / "out")
    read = read_only_run(TensorBoardReader(), tmp_path / "out")
    written = [s._replace(epoch=None) for _, s in store.samples(db, run.id)]
    check_equal(read.samples, written)
    assert read.details.config == {k: v for k, v in SETTING.items() if v is not None}
    assert read.details.results == {"best": 0.1, "steps": 7.0}
    assert read.details.status is Status.FINISHED
    assert read.notes == {}


def test_a_run_without_final_values_is_one_file(db: store.Database, tmp_path: Path) -> None:
    runs = tuple(record(db, name=None, seed=seed) for seed in (0, None))
    without = tuple(store.runs(db, run_ids=[run.id])[0] for run in runs)
    files = export(db, without, "tensorboard", tmp_path / "out")
    assert len({file.parts[-2 if file.parent.name != "results" else -3] for file in files}) == 2
    names = sorted(run.name for run in TensorBoardReader().find(tmp_path / "out"))
    assert names == sorted([f"lm-run{runs[0].id}-seed0", f"lm-run{runs[1].id}"])
