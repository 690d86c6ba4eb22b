"""The reader of event files, on files that the real packages wrote."""

import json
import math
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from read_logs import read_only_run, read_run

from nnlab.errors import DataError
from nnlab.exchange.log_reader import Audit
from nnlab.exchange.tensorboard import TensorBoardReader
from nnlab.exchange.tensorboard.crc32c import masked_checksums
from nnlab.exchange.tensorboard.record_file import LARGEST_RECORD, frame_records
from nnlab.records import Sample, Status

pytest.importorskip("tensorboard", reason="the package tensorboard writes the logs")

READER = TensorBoardReader()


def single(value: float) -> float:
    """A value with the precision of float32."""
    import numpy as np

    return float(np.float32(value))


def writer(folder: Path):  # type: ignore[no-untyped-def]
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder))


def event_file(folder: Path) -> Path:
    (file,) = folder.glob("*tfevents*")
    return file


def write_scalars(folder: Path, count: int = 50) -> Path:
    """A log of one metric, the square root of the step."""
    with writer(folder) as log:
        for step in range(count):
            log.add_scalar("train/loss", math.sqrt(step), step)
    return event_file(folder)


def test_checksums_are_those_of_tensorboard() -> None:
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    strings = [os.urandom(size) for size in (0, 1, 8, 63, 64, 65, 128, 129, 1000, 70_001)]
    assert masked_checksums(strings) == [masked_crc32c(string) for string in strings]


def test_scalars_in_all_forms(tmp_path: Path) -> None:
    with writer(tmp_path / "run") as log:
        for step in (-1, 0, 300, 2**40):
            log.add_scalar("old", 0.1 * step, step)
            log.add_scalar("tensor", 0.1 * step, step, new_style=True)
            log.add_scalar("double", 0.1 * step, step, new_style=True, double_precision=True)
        log.add_scalar("nan", math.nan, 1, walltime=1.7e9)
        log.add_scalar("inf", -math.inf, 1, walltime=1.7e9 + 0.25)
    read = read_only_run(READER, tmp_path)
    steps = (-1, 0, 300, 2**40)
    assert read.values("old") == [(step, single(0.1 * step)) for step in steps]
    assert read.values("tensor") == [(step, single(0.1 * step)) for step in steps]
    assert read.values("double") == [(step, 0.1 * step) for step in steps]
    nan, inf = read.samples[-2:]
    assert (nan.metric, nan.step, nan.time) == ("nan", 1, 1.7e9)
    assert math.isnan(nan.value)
    assert inf == Sample("inf", -math.inf, 1, None, 1.7e9 + 0.25)
    assert read.notes == {"float32": 10}
    assert read.details.name == "run"
    assert read.details.status is Status.RUNNING  # the log does not say how the run ended


def test_values_of_the_package_itself(tmp_path: Path) -> None:
    """Every scalar that TensorBoard's own reader finds, with step and time."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write_scalars(tmp_path / "run", 500)
    own = EventAccumulator(str(tmp_path / "run"), {"scalars": 0})
    own.Reload()
    expected = [
        Sample("train/loss", e.value, e.step, None, e.wall_time) for e in own.Scalars("train/loss")
    ]
    assert read_only_run(READER, tmp_path).samples == expected


def test_other_data_is_counted_and_left_out(tmp_path: Path) -> None:
    import numpy as np

    with writer(tmp_path) as log:
        log.add_text("notes", "hello", 1)
        log.add_histogram("weights", np.arange(10), 1)
        log.add_image("image", np.zeros((3, 4, 4), np.uint8), 1)
        log.add_scalar("loss", 1.0, 1)
    audit = Audit()
    (run,) = READER.find(tmp_path)
    list(READER.read(run, None, audit))
    messages = {note.message for note in audit.notes}
    assert {"texts are not imported", "histograms are not imported"} <= messages
    assert "images are not imported" in messages


def test_hyperparameters_and_groups_of_scalars_are_one_run(tmp_path: Path) -> None:
    with writer(tmp_path / "run") as log:
        log.add_scalar("loss", 1.0, 0)
        log.add_scalars("loss/parts", {"a": 1.0, "b": 2.0}, 3)
        log.add_hparams({"lr": 0.1, "layers": 3, "opt": "adam", "bn": True}, {"acc": 0.5})
    read = read_only_run(READER, tmp_path)
    assert read.first_details is not None
    assert read.first_details.config == {"lr": 0.1, "layers": 3, "opt": "adam", "bn": 1}
    assert read.details.results == {"acc": 0.5}
    assert read.details.status is Status.FINISHED
    assert {m: read.values(m) for m in read.metrics} == {
        "loss": [(0, 1.0)],
        "loss/parts/a": [(3, 1.0)],
        "loss/parts/b": [(3, 2.0)],
    }


def test_several_trials_of_one_writer_are_several_runs(tmp_path: Path) -> None:
    with writer(tmp_path / "search") as log:
        for trial in range(3):
            log.add_hparams({"lr": 0.1 * trial}, {"acc": trial}, run_name=f"trial{trial}")
    runs = list(READER.find(tmp_path))
    assert [run.name for run in runs] == [f"search/trial{trial}" for trial in range(3)]
    read = read_run(READER, runs[1])
    assert read.details.config == {"lr": 0.1}
    assert read.values("acc") == [(0, 1.0)]


def test_a_run_that_logs_after_its_end_goes_on(tmp_path: Path) -> None:
    from torch.utils.tensorboard.summary import hparams

    with writer(tmp_path) as log:
        # As Lightning does at the start.
        for summary in hparams({"lr": 0.5}, {}):
            log.file_writer.add_summary(summary)
        log.add_scalar("loss", 1.0, 5, walltime=time.time() + 60)
    read = read_only_run(READER, tmp_path)
    assert read.details.config == {"lr": 0.5}
    assert read.details.status is Status.RUNNING
    assert read.details.ended_at is None


def write_keras(folder: Path) -> None:
    """A log as Keras' callback writes it: tensors in the folders train and validation."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
    from tensorboard.util.tensor_util import make_tensor_proto

    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))
    writers = {name: EventFileWriter(str(folder / name)) for name in ("train", "validation")}

    def put(name: str, tag: str, value: float, step: int, wall_time: float) -> None:
        tensor = make_tensor_proto(value, dtype="float32")
        item = Summary.Value(tag=tag, tensor=tensor, metadata=metadata)
        writers[name].add_event(
            Event(wall_time=wall_time, step=step, summary=Summary(value=[item]))
        )

    for epoch in range(3):
        at = 1.7e9 + 10 * epoch
        put("validation", "evaluation_loss_vs_iterations", 0.75 - epoch, 100 * epoch, at)
        put("train", "epoch_loss", 0.5 - epoch, epoch, at + 1)
        put("validation", "epoch_loss", 0.75 - epoch, epoch, at + 1)
    for log in writers.values():
        log.close()


def test_folders_of_keras_are_one_run_over_epochs(tmp_path: Path) -> None:
    write_keras(tmp_path / "logs" / "fit")
    (run,) = READER.find(tmp_path / "logs")
    assert run.name == "fit"
    read = read_run(READER, run)
    # Both folders in the order of time, epochs counted from 1.
    assert [(s.metric, s.value, s.step, s.epoch) for s in read.samples] == [
        (f"{split}/epoch_loss", start - epoch, None, epoch + 1.0)
        for epoch in range(3)
        for split, start in (("train", 0.5), ("validation", 0.75))
    ]
    assert read.notes["not-imported"] == 1


def test_several_files_of_a_folder_and_a_restart(tmp_path: Path) -> None:
    for first in (0, 3):  # the second process begins at step 3, which the first one has logged
        with writer(tmp_path / "run") as log:
            for step in range(first, first + 5):
                log.add_scalar("loss", first + step, step)
    read = read_only_run(READER, tmp_path)
    assert read.values("loss") == [(s, s) for s in range(5)] + [(s, s + 3) for s in range(3, 8)]
    assert read.notes["purged"] == 1  # noted, and nothing is dropped


def test_links_are_not_followed(tmp_path: Path) -> None:
    write_scalars(tmp_path / "logs" / "run")
    write_scalars(tmp_path / "elsewhere")
    (tmp_path / "logs" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "logs" / "latest").symlink_to(tmp_path / "logs" / "run")
    assert [run.name for run in READER.find(tmp_path / "logs")] == ["run"]


def test_a_copy_has_the_same_id(tmp_path: Path) -> None:
    write_scalars(tmp_path / "a" / "run")
    write_scalars(tmp_path / "a" / "other")
    shutil.copytree(tmp_path / "a", tmp_path / "copied" / "deeper")
    ids = {run.external_id for run in READER.find(tmp_path / "a")}
    assert len(ids) == 2
    assert {run.external_id for run in READER.find(tmp_path / "copied")} == ids


def test_a_growing_file_is_read_on_from_where_it_ended(tmp_path: Path) -> None:
    content = write_scalars(tmp_path / "whole").read_bytes()
    grown = tmp_path / "run" / "events.out.tfevents.1700000000.host.1.0"
    grown.parent.mkdir()
    samples: list[Sample] = []
    position = None
    for size in range(0, len(content) + 97, 97):  # the end is in the middle of records
        grown.write_bytes(content[:size])
        (run,) = READER.find(tmp_path / "run")
        read = read_run(READER, run, position)
        assert not read.restarted
        samples += read.samples
        position = json.loads(json.dumps(read.position))
    assert samples == read_only_run(READER, tmp_path / "whole").samples


def test_details_are_kept_when_reading_on(tmp_path: Path) -> None:
    with writer(tmp_path / "run") as log:
        log.add_hparams({"lr": 0.1}, {"acc": 1.0}, run_name=".")
        log.add_scalar("loss", 1.0, 7)
        log.flush()
        (run,) = READER.find(tmp_path / "run")
        first = read_run(READER, run)
        log.add_scalar("loss", 2.0, 3)
    (run,) = READER.find(tmp_path / "run")
    second = read_run(READER, run, json.loads(json.dumps(first.position)))
    assert second.details.config == {"lr": 0.1}
    assert second.details.started_at == first.details.started_at
    assert second.values("loss") == [(3, 2.0)]
    assert second.notes["purged"] == 1


def test_a_file_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    file = write_scalars(tmp_path / "run", 20)
    (run,) = READER.find(tmp_path)
    first = read_run(READER, run)
    file.write_bytes(write_scalars(tmp_path / "other", 30).read_bytes())
    second = read_run(READER, run, first.position)
    assert second.restarted
    assert len(second.samples) == 30


def test_a_checksum_error_leaves_out_one_record(tmp_path: Path) -> None:
    file = write_scalars(tmp_path / "run", 10)
    content = bytearray(file.read_bytes())
    content[content.index(b"train/loss", len(content) // 2)] ^= 1
    file.write_bytes(content)
    read = read_only_run(READER, tmp_path)
    assert len(read.samples) == 9
    assert read.notes["checksum"] == 1


def test_a_damaged_length_ends_the_reading_of_the_file(tmp_path: Path) -> None:
    file = write_scalars(tmp_path / "run", 10)
    content = bytearray(file.read_bytes())
    content[-58 - 58] ^= 0xFF  # within the length of one of the last records
    damaged = content.rindex(b"train/loss") - 100
    content[damaged:] = bytes(len(content) - damaged)
    file.write_bytes(content)
    read = read_only_run(READER, tmp_path)
    assert read.samples == read_only_run(READER, tmp_path).samples
    assert 0 < len(read.samples) < 10
    assert read.notes["damaged"] == 1


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "events.out.tfevents.123.host"
    file.write_bytes(b"this is a text and no event file " * 10)
    (run,) = READER.find(tmp_path)
    with pytest.raises(DataError, match="damaged from the beginning"):
        list(READER.read(run, None, Audit()))


def test_a_large_record_is_skipped_without_reading_it(tmp_path: Path) -> None:
    file = write_scalars(tmp_path / "run", 3)
    record = event_file(tmp_path / "run").read_bytes()
    large = frame_records([bytes(LARGEST_RECORD + 1)])
    file.write_bytes(record + large + record)
    read = read_only_run(READER, tmp_path)
    assert len(read.samples) == 6
    assert read.notes["too-large"] == 1


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    import tracemalloc

    file = write_scalars(tmp_path / "run", 2000)
    content = file.read_bytes()
    peaks = []
    for repetitions in (12, 24):
        file.write_bytes(content * repetitions)
        (run,) = READER.find(tmp_path)
        tracemalloc.start()
        count = sum(len(getattr(item, "samples", ())) for item in READER.read(run, None, Audit()))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count == 2000 * repetitions
    assert peaks[1] < 1.2 * peaks[0]


_KILLED = """
import os, signal, sys
from torch.utils.tensorboard import SummaryWriter
log = SummaryWriter(sys.argv[1])
for step in range(10_000):
    log.add_scalar("loss", step, step)
    if step == 5000:
        log.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_log_of_a_killed_process(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path / "run")], check=False)
    read = read_only_run(READER, tmp_path)
    assert len(read.samples) > 5000
    assert read.values("loss") == [(step, step) for step in range(len(read.samples))]
    assert set(read.notes) <= {"truncated", "float32"}
    assert read.details.status is Status.RUNNING
