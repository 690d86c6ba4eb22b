"""However a program ends, its run has the right status, and everything logged is stored."""

import signal
import time
from pathlib import Path

import pytest
from recorded_programs import (
    last_attempt,
    run_program,
    start_program,
    stored_run,
    stored_runs,
    values_of,
)

from nnlab.records import Status

LOG = """
run = nnlab.init("s")
for step in range(100):
    run.log({"x": step})
"""
WAIT = """
run.flush()
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("end", "code", "status", "reason"),
    [
        ("", 0, Status.FINISHED, None),
        ("sys.exit(0)", 0, Status.FINISHED, None),
        ("sys.exit(3)", 3, Status.FAILED, "exited with code 3"),
        ("sys.exit('bad data')", 1, Status.FAILED, "bad data"),
        ("raise KeyError('lr')", 1, Status.FAILED, "KeyError: 'lr'"),
        ("raise KeyboardInterrupt", -signal.SIGINT, Status.INTERRUPTED, "interrupted by Ctrl-C"),
        ("run.finish(exit_code=2)", 0, Status.FAILED, "exited with code 2"),
        ("run.finish()\nraise KeyError", 1, Status.FINISHED, None),
        (
            "os.kill(os.getpid(), signal.SIGTERM)",
            -signal.SIGTERM,
            Status.INTERRUPTED,
            "stopped by SIGTERM",
        ),
    ],
)
def test_the_end_of_a_program(
    tmp_path: Path, end: str, code: int, status: Status, reason: str | None
) -> None:
    assert run_program(tmp_path, LOG + end)[0] == code
    run = stored_run(tmp_path / "r.db")
    assert (run.status, run.reason) == (status, reason)
    assert values_of(tmp_path / "r.db", "x") == list(range(100))


def test_the_traceback_of_an_exception_is_stored_without_secrets(tmp_path: Path) -> None:
    run_program(tmp_path, LOG + "raise ValueError('password=hunter22')")
    attempt = last_attempt(tmp_path / "r.db")
    assert attempt.traceback is not None
    assert "raise ValueError" in attempt.traceback
    assert "hunter22" not in attempt.traceback


def test_a_handler_of_the_user_is_called_at_sigterm(tmp_path: Path) -> None:
    body = (
        "signal.signal(signal.SIGTERM, lambda *_: (print('mine', flush=True), sys.exit(0)))\n"
        + LOG
        + WAIT
    )
    process = start_program(tmp_path, body)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert (output, process.returncode) == ("mine\n", 0)
    assert stored_run(tmp_path / "r.db").status is Status.INTERRUPTED


def test_a_killed_program_is_interrupted(tmp_path: Path) -> None:
    process = start_program(tmp_path, LOG + WAIT)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert stored_run(tmp_path / "r.db").status is Status.RUNNING
    process.kill()
    process.communicate()
    assert stored_run(tmp_path / "r.db").status is Status.INTERRUPTED
    assert values_of(tmp_path / "r.db", "x") == list(range(100))


def test_a_kill_loses_at_most_what_250_ms_hold_and_nothing_that_is_durable(tmp_path: Path) -> None:
    body = """
run = nnlab.init("s")
print("ready", flush=True)
step = 0
while True:
    run.log({"x": time.time()})
    if step % 50 == 0:
        run.log({"durable": step}, durable=True)
        print(step, flush=True)
    step += 1
    time.sleep(0.001)
"""
    process = start_program(tmp_path, body)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(3.0)
    process.kill()
    killed_at = time.time()
    durable = [int(line) for line in process.stdout.read().split()]
    process.communicate()
    assert killed_at - values_of(tmp_path / "r.db", "x")[-1] < 2.0  # 0.25 s on an idle machine
    assert set(durable) <= {int(value) for value in values_of(tmp_path / "r.db", "durable")}


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="the system has no fork")
def test_a_forked_child_neither_logs_nor_ends_the_run(tmp_path: Path) -> None:
    body = (
        LOG
        + """
pid = os.fork()
if pid == 0:
    run.log({"x": -1.0})
    nnlab.log({"x": -2.0})
    nnlab.finish()
    sys.exit(5)
os.waitpid(pid, 0)
run.log({"x": 100})
"""
    )
    code, _, errors = run_program(tmp_path, body)
    assert (code, errors) == (0, "")
    assert stored_run(tmp_path / "r.db").status is Status.FINISHED
    assert values_of(tmp_path / "r.db", "x") == list(range(101))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_of_multiprocessing_record_nothing_of_their_own(
    tmp_path: Path, method: str
) -> None:
    body = f"""
import multiprocessing
run = nnlab.init("s")

def work(number):
    run.log({{"x": number}})
    return number

if __name__ == "__main__":
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        assert pool.map(work, range(4)) == [0, 1, 2, 3]
    run.log({{"x": 7.0}})
"""
    code, _, errors = run_program(tmp_path, body)
    assert (code, errors) == (0, "")
    assert [run.status for run in stored_runs(tmp_path / "r.db")] == [Status.FINISHED]
    assert values_of(tmp_path / "r.db", "x") == [7.0]


def test_other_ranks_record_nothing(tmp_path: Path) -> None:
    body = LOG + "print(run.id, run.disabled, run.should_stop, run.config, nnlab.run is run)"
    assert run_program(tmp_path, body, RANK="3")[:2] == (0, "0 True False {} True\n")
    assert not (tmp_path / "r.db").exists()
    assert run_program(tmp_path, body, RANK="0", LOCAL_RANK="0")[1].startswith("1 False")
    assert run_program(tmp_path, body, LOCAL_RANK="1")[1].startswith("0 True")


def test_a_signal_handler_is_installed_only_where_it_can_be(tmp_path: Path) -> None:
    body = """
import threading
def work():
    with nnlab.init("s") as run:
        run.log({"x": 1.0})
thread = threading.Thread(target=work)
thread.start()
thread.join()
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
"""
    assert run_program(tmp_path, body)[0] == 0
    assert stored_run(tmp_path / "r.db").status is Status.FINISHED


def test_several_runs_of_a_process_are_recorded_at_once(tmp_path: Path) -> None:
    body = """
first = nnlab.init("s", config={"n": 1})
second = nnlab.init("s", config={"n": 2})
nnlab.log({"x": 2.0})
first.log({"x": 1.0})
second.finish()
nnlab.log({"x": 1.5})
"""
    assert run_program(tmp_path, body)[0] == 0
    assert values_of(tmp_path / "r.db", "x", 1) == [1.0, 1.5]
    assert values_of(tmp_path / "r.db", "x", 2) == [2.0]
    assert {run.status for run in stored_runs(tmp_path / "r.db")} == {Status.FINISHED}


def test_importing_nnlab_and_recording_import_no_torch(tmp_path: Path) -> None:
    body = LOG + "run.finish()\nprint('torch' in sys.modules, 'matplotlib' in sys.modules)"
    assert run_program(tmp_path, body)[1] == "False False\n"
