"""Placements: `--devices`, the default, and how many runs fit on a GPU."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlab.engine import device as devices
from nnlab.engine.data import dataset_facts
from nnlab.errors import UsageError
from nnlab.settings import RunConfig, resolve
from nnlab.workers import placement
from nnlab.workers.placement import Placement

GPUS = (
    devices.DeviceInfo("cuda:0", "a GPU", 24 << 30),
    devices.DeviceInfo("cuda:1", "another", 24 << 30),
    devices.DeviceInfo("cpu", "a processor", None),
)


def config(**settings: Any) -> RunConfig:
    return resolve(RunConfig(**({"data": "digits"} | settings)), dataset_facts("digits"))


def test_slots_on_the_processor_are_counted() -> None:
    assert placement.parse_devices("cpu:3", None) == (Placement("cpu"),) * 3
    assert placement.parse_devices("cpu", None) == (Placement("cpu"),)
    assert (
        placement.parse_devices("cpu:2", 4) == (Placement("cpu"),) * 2
    )  # --per-device is about GPUs


def test_gpus_are_named_and_begin_with_one_slot_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "list_devices", lambda: GPUS)
    assert placement.parse_devices("cuda:0,cuda:1", None) == (
        Placement("cuda:0"),
        Placement("cuda:1"),
    )
    assert placement.parse_devices("cuda, cpu:1", 2) == (
        Placement("cuda:0"),
        Placement("cuda:0"),
        Placement("cpu"),
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "needs one device or more"),
        ("cpu:0", "processes can train on the CPU"),
        ("cpu,cpu", "each once"),
        ("gpu", "this machine has"),
        ("cuda:9", "this machine has"),
        ("cpu:two", "this machine has"),
    ],
)
def test_what_is_no_device_is_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        placement.parse_devices(text, None)


def test_a_process_a_core_where_a_run_uses_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "available_cores", lambda: 4)
    monkeypatch.setattr(placement, "_has_no_gpu", lambda: True)
    small = config(width=32, depth=1)
    assert len(placement.default_placements([small] * 64)) == 4
    assert len(placement.default_placements([small] * 3)) == 3
    assert placement.default_placements([small]) == ()
    # Runs that use several threads have the machine to themselves.
    assert placement.default_placements([config(widths="4096,4096", batch_size=512)] * 64) == ()
    assert placement.default_placements([config(model="cnn")] * 64) == ()
    assert placement.default_placements([config(threads=2)] * 64) == ()
    assert len(placement.default_placements([config(model="cnn", threads=1)] * 64)) == 4
    monkeypatch.setattr(placement, "_has_no_gpu", lambda: False)
    assert placement.default_placements([small] * 64) == ()
    assert len(placement.default_placements([config(device="cpu")] * 64)) == 4


def test_a_template_is_only_worth_it_for_several_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "available_cores", lambda: 4)
    monkeypatch.setattr(placement, "_has_no_gpu", lambda: True)
    assert placement.expects_several_workers(None, runs=2)
    assert not placement.expects_several_workers(None, runs=1)
    assert not placement.expects_several_workers("cpu:1", runs=9)
    assert placement.expects_several_workers("cpu:2", runs=1)


@given(peak=st.integers(0, 1 << 40), memory=st.integers(1, 1 << 40))
def test_what_fits_fits_and_is_at_least_one(peak: int, memory: int) -> None:
    count = placement.runs_per_gpu(peak, memory)
    assert count == 1 or count * (peak + placement.CUDA_CONTEXT_BYTES) <= memory


def test_the_processes_of_the_processor_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "available_cores", lambda: 16)
    assert len(placement.parse_devices("cpu:64", None)) == 64
    for count in ("65", "2000", "999999999"):
        with pytest.raises(UsageError, match="1 to 64 processes can train on the CPU"):
            placement.parse_devices(f"cpu:{count}", None)
    monkeypatch.setattr(placement, "available_cores", lambda: 2)
    assert len(placement.parse_devices("cpu:32", None)) == 32
