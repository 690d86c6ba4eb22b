"""Parts of the execution of scripts: outcomes, output files, slots, restarts, shared devices."""

import threading
from pathlib import Path

import pytest

from nnlab.errors import UsageError
from nnlab.records import Status
from nnlab.workers.output_file import OutputFile, last_lines, shown_lines
from nnlab.workers.script_outcome import Retry, ScriptOutcome, StopCause, script_outcome
from nnlab.workers.script_restarts import MAX_KILLS, Restarts
from nnlab.workers.script_slots import ScriptResources, ScriptSlot, script_slots
from nnlab.workers.shared_devices import SharedDevices

OUT_OF_MEMORY = """\
Traceback (most recent call last):
  File "train.py", line 3, in <module>
    step()
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB.
"""
TORCHRUN = """\
[rank0]: Traceback (most recent call last):
[rank0]:   File "train.py", line 3, in <module>
[rank0]:     step()
[rank0]: ValueError: bad batch
E0101 12:00:00 torch/distributed/elastic/multiprocessing/api.py:869] failed (exitcode: 1)
Traceback (most recent call last):
  File "torch/distributed/run.py", line 3, in <module>
    main()
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
=====
"""


@pytest.mark.parametrize(
    ("code", "tail", "reason", "retry"),
    [
        (1, OUT_OF_MEMORY, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB.",
         Retry.OUT_OF_MEMORY),
        (1, TORCHRUN, "ValueError: bad batch", None),
        (1, "KeyError: 'x'\n", "exit code 1: KeyError: 'x'", None),
        (3, "", "exit code 3", None),
        (-9, "loss: 1\n", "its process was killed (SIGKILL)", Retry.KILLED),
        (137, "", "its process was killed (SIGKILL)", Retry.KILLED),
        (-11, "", "its process died of SIGSEGV", None),
        (1, "API_KEY=abcdefgh12345678 loss\n", "exit code 1: API_KEY=*** loss", None),
    ],
)  # fmt: skip
def test_how_a_process_ended(code: int, tail: str, reason: str, retry: Retry | None) -> None:
    outcome = script_outcome(code, tail, None)
    assert (outcome.status, outcome.reason, outcome.retry) == (Status.FAILED, reason, retry)


def test_a_traceback_ends_with_its_error() -> None:
    text = f"{OUT_OF_MEMORY}some more output\nand more\n"
    assert script_outcome(1, text, None).traceback == OUT_OF_MEMORY.strip()


def test_a_stopped_process_has_the_reason_of_the_stop() -> None:
    stop = StopCause(Status.INTERRUPTED, "stopped by nnlab stop")
    assert script_outcome(0, "", stop).status is Status.INTERRUPTED
    assert script_outcome(0, "", None) == ScriptOutcome(Status.FINISHED)


def test_a_long_output_keeps_its_beginning_and_its_end(tmp_path: Path) -> None:
    file = OutputFile(tmp_path / "output.txt", max_beginning=100, max_end=100)
    for number in range(100):
        file.write(f"line {number:04}\n".encode())
    assert file.tail.endswith("line 0099\n")
    file.close()
    text = (tmp_path / "output.txt").read_text()
    assert text.startswith("line 0000\n")
    assert text.endswith("line 0099\n")
    assert "[... 800 bytes left out ...]" in text
    assert last_lines(tmp_path / "output.txt", 2) == ["line 0098", "line 0099"]


def test_a_progress_bar_is_one_line() -> None:
    assert shown_lines("a\r 10%\r 20%\nb\r\n\nc") == [" 20%", "b", "c"]


@pytest.mark.parametrize(
    ("devices", "options", "expected"),
    [
        (None, {}, [None]),
        (None, {"jobs": 2}, [None, None]),
        ("cuda:0,cuda:3", {}, [(0,), (3,)]),
        ("cuda:0,cuda:1", {"jobs": 4}, [(0,), (1,), (0,), (1,)]),
        ("cuda", {"per_device": 2}, [(0,), (0,)]),
        ("cuda:0,cuda:1,cuda:2,cuda:3", {"processes": 2}, [(0, 1), (2, 3)]),
        ("cpu:2", {}, [(), ()]),
        ("cpu", {"processes": 2}, [()]),
    ],
)
def test_slots(
    devices: str | None, options: dict[str, int], expected: list[tuple[int, ...] | None]
) -> None:
    assert [slot.gpus for slot in script_slots(devices, **options)] == expected


@pytest.mark.parametrize("devices", ["", "cuda:0,cuda:0", "tpu:0", "cpu:0"])
def test_devices_that_cannot_be_read(devices: str) -> None:
    with pytest.raises(UsageError):
        script_slots(devices)


def test_indices_refer_to_the_visible_devices() -> None:
    slot = ScriptSlot((1,), threads=2)
    environment = slot.environment({"CUDA_VISIBLE_DEVICES": "4,6", "MKL_NUM_THREADS": "1"})
    assert environment == {"CUDA_VISIBLE_DEVICES": "6", "OMP_NUM_THREADS": "2"}
    assert ScriptSlot(()).environment({})["CUDA_VISIBLE_DEVICES"] == ""
    assert "CUDA_VISIBLE_DEVICES" not in ScriptSlot().environment({})


def test_a_script_without_a_shared_device_is_not_out_of_memory_twice() -> None:
    restarts = Restarts(ScriptResources())
    assert restarts.next(Retry.OUT_OF_MEMORY, progress=False) is None
    shared = Restarts(ScriptResources(wait_for_device=lambda: None))
    assert shared.next(Retry.OUT_OF_MEMORY, progress=False) is not None
    assert shared.next(Retry.OUT_OF_MEMORY, progress=False) is None


def test_kills_count_only_without_progress() -> None:
    restarts = Restarts(ScriptResources())
    for _ in range(10):
        assert restarts.next(Retry.KILLED, progress=True) is not None
    for _ in range(MAX_KILLS - 2):
        assert restarts.next(Retry.KILLED, progress=False) is not None
    assert restarts.next(Retry.KILLED, progress=False) is None


def test_a_run_that_waits_for_its_device_gets_it_alone() -> None:
    devices, first, second = SharedDevices(), ScriptSlot((0,)), ScriptSlot((1,))
    others_left, is_alone, entered = threading.Event(), threading.Event(), threading.Event()
    never = threading.Event().is_set

    def other_run() -> None:
        devices.enter(first, never)
        others_left.wait()
        devices.leave()

    def waiting_run() -> None:
        devices.enter(first, never)
        devices.wait_until_alone(first, never)
        is_alone.set()
        entered.wait(0.3)
        devices.leave()

    def later_run(slot: ScriptSlot) -> None:
        devices.enter(slot, never)
        entered.set()
        devices.leave()

    threads = [threading.Thread(target=other_run), threading.Thread(target=waiting_run)]
    for thread in threads:
        thread.start()
    assert not is_alone.wait(0.3)
    later_run(second)  # another device is not affected
    assert entered.is_set()
    entered.clear()
    others_left.set()
    assert is_alone.wait(5)
    later = threading.Thread(target=later_run, args=(first,))
    later.start()
    assert not entered.wait(0.2)
    for thread in (*threads, later):
        thread.join(5)
    assert entered.is_set()


def test_two_runs_that_wait_for_a_device_get_it_one_after_the_other() -> None:
    devices, slot = SharedDevices(), ScriptSlot((0,))
    never = threading.Event().is_set
    barrier, alone, most = threading.Barrier(3), [0], [0]
    lock = threading.Lock()

    def run() -> None:
        devices.enter(slot, never)
        barrier.wait(5)
        devices.wait_until_alone(slot, never)
        with lock:
            alone[0] += 1
            most[0] = max(most[0], alone[0])
        threading.Event().wait(0.05)
        with lock:
            alone[0] -= 1
        devices.leave()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert most == [1]
