"""Single values of TensorBoard and W&B in the forms that their writers use rarely."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from read_logs import read_only_run

from nnlab.exchange.protobuf import bytes_field, int_field
from nnlab.exchange.tensorboard import TensorBoardReader
from nnlab.exchange.tensorboard.record_file import frame_records
from nnlab.exchange.tensorboard.tensors import scalar_of_tensor
from nnlab.exchange.wandb_offline import WandbOfflineReader
from nnlab.exchange.wandb_offline.block_log import HEADER
from nnlab.exchange.wandb_offline.block_log import frame_records as frame_blocks


@pytest.mark.parametrize("packed", [False, True], ids=["list", "bytes"])
@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("float32", 0.5), ("float64", 0.1), ("float16", -1.5), ("int8", -3), ("int16", -300),
        ("int32", -70_000), ("int64", -(2**40)), ("uint8", 200), ("uint16", 60_000),
        ("uint32", 2**31), ("uint64", 2**63), ("bool", 1),
    ],
)  # fmt: skip
def test_tensors_of_one_number(dtype: str, value: float, packed: bool) -> None:
    pytest.importorskip("tensorboard", reason="the package tensorboard makes the tensors")
    import numpy as np
    from tensorboard.util.tensor_util import make_tensor_proto

    array = np.array(value, dtype)
    tensor = make_tensor_proto(array)
    if packed:
        for field in ("float_val", "double_val", "half_val", "int_val", "int64_val", "bool_val",
                      "uint32_val", "uint64_val"):  # fmt: skip
            tensor.ClearField(field)
        tensor.tensor_content = array.tobytes()
    decoded = scalar_of_tensor(tensor.SerializeToString())
    assert decoded is not None
    assert decoded[0] == float(array)
    assert decoded[1] == (dtype in ("float32", "float16"))


def test_bfloat16() -> None:
    pytest.importorskip("tensorboard", reason="the package tensorboard makes the tensors")
    from tensorboard.compat.proto.tensor_pb2 import TensorProto

    for tensor in (
        TensorProto(dtype=14, half_val=[0x3FC0]),
        TensorProto(dtype=14, tensor_content=b"\xc0\x3f"),
    ):
        assert scalar_of_tensor(tensor.SerializeToString()) == (1.5, True)


def test_tensors_of_other_shapes_and_texts_are_no_scalars() -> None:
    pytest.importorskip("tensorboard", reason="the package tensorboard makes the tensors")
    from tensorboard.util.tensor_util import make_tensor_proto

    for value in ([1.0, 2.0], [], b"text"):
        assert scalar_of_tensor(make_tensor_proto(value).SerializeToString()) is None
    assert scalar_of_tensor(make_tensor_proto([[2.5]], dtype="float32").SerializeToString()) == (
        2.5, True,
    )  # fmt: skip


def test_the_plugin_may_be_named_only_once(tmp_path: Path) -> None:
    """As TensorFlow does; a text or histogram of a known tag is no scalar later either."""
    pytest.importorskip("tensorboard", reason="the package tensorboard makes the events")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.util.tensor_util import make_tensor_proto

    def event(step: int, tag: str, plugin: str) -> bytes:
        data = SummaryMetadata.PluginData(plugin_name=plugin)
        metadata = SummaryMetadata(plugin_data=data) if plugin else None
        value = Summary.Value(tag=tag, tensor=make_tensor_proto(1.5), metadata=metadata)
        content: bytes = Event(
            wall_time=1.7e9, step=step, summary=Summary(value=[value])
        ).SerializeToString()
        return content

    records = [
        event(1, "loss", "scalars"), event(2, "loss", ""), event(1, "curve", "pr_curves"),
        event(2, "curve", ""),
    ]  # fmt: skip
    (tmp_path / "events.out.tfevents.1.h").write_bytes(frame_records(records))
    read = read_only_run(TensorBoardReader(), tmp_path)
    assert read.values("loss") == [(1, 1.5), (2, 1.5)]
    assert read.metrics == ["loss"]
    assert read.notes["not-imported"] == 2


def test_several_values_in_one_event(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="the package tensorboard makes the events")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    values = [Summary.Value(tag=f"metric {i}", simple_value=i) for i in range(3)]
    record = Event(wall_time=1.7e9, step=-1, summary=Summary(value=values)).SerializeToString()
    (tmp_path / "events.out.tfevents.1.h").write_bytes(frame_records([record]))
    read = read_only_run(TensorBoardReader(), tmp_path)
    assert {m: read.values(m) for m in read.metrics} == {
        f"metric {i}": [(-1, float(i))] for i in range(3)
    }


def read_rows(folder: Path, *rows: bytes) -> Any:
    """What is read of a .wandb file with these rows of history."""
    records = (int_field(1, i) + bytes_field(2, row) for i, row in enumerate(rows, 1))
    content = HEADER + b"".join(frame_blocks(records, len(HEADER)))
    (folder / "run-abc.wandb").write_bytes(content)
    return read_only_run(WandbOfflineReader(), folder)


def test_typed_values_of_wandb(tmp_path: Path) -> None:
    """Later versions of W&B have fields for types, besides the JSON text."""
    pytest.importorskip("wandb", reason="the package wandb makes the records")
    from wandb.proto import wandb_internal_pb2 as messages

    row = messages.HistoryRecord(step={"num": 7})
    for key, kind, value in (
        ("float", "number", 0.1), ("nan", "number", math.nan), ("int", "integer", -5),
        ("bool", "boolean", True), ("text", "text", "x"), ("json", "json", '{"a": 2}'),
        ("none", "none", 0),
    ):  # fmt: skip
        row.item.add(nested_key=["typed", key], **{kind: value})
    read = read_rows(tmp_path, row.SerializeToString())
    (nan,) = [s.value for s in read.samples if s.metric == "typed.nan"]
    assert math.isnan(nan)
    values = {m: read.values(m) for m in read.metrics if m != "typed.nan"}
    assert values == {
        "typed.float": [(7, 0.1)], "typed.int": [(7, -5.0)], "typed.bool": [(7, 1.0)],
        "typed.json.a": [(7, 2.0)],
    }  # fmt: skip


def test_values_of_earlier_versions_of_wandb(tmp_path: Path) -> None:
    """Flat keys, nested values as one JSON text, and NaN as a text."""

    def item(key: str, value: object) -> bytes:
        return bytes_field(1, bytes_field(1, key) + bytes_field(16, json.dumps(value)))

    rows = [
        item("_step", 3) + item("a", {"b": {"c": 1.5}, "d": "NaN"}) + item("e", "Infinity"),
        item("_step", 4) + item("image", {"_type": "image-file", "width": 3}) + item("e", 1),
        item("_step", 5) + item("list", [1, 2]) + item("e", None),
    ]
    read = read_rows(tmp_path, *rows)
    assert read.values("a.b.c") == [(3, 1.5)]
    assert math.isnan(read.values("a.d")[0][1])
    assert read.values("e") == [(3, math.inf), (4, 1.0)]
    assert set(read.metrics) == {"a.b.c", "a.d", "e"}
    assert read.notes == {"not-imported": 1, "not-a-number": 1}
