"""`--notify`: events reach the command safely, and a failing command changes nothing."""

import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlab.workers.notify import Event, Notifier, environment_variables, run_notify_command

FULL = Event("failed", "depth", 7, "boom", 4, 1, 0.5, "val/loss", "lr=0.1")


def writes(path: Path) -> str:
    """A command that writes what it was told into a file."""
    code = (
        "import json, os, sys; told = {k: v for k, v in os.environ.items()"
        " if k.startswith('NNLAB_')};"
        f" open({str(path)!r}, 'w').write(json.dumps([told, json.load(sys.stdin)]))"
    )
    return shlex.join([sys.executable, "-c", code])


def test_the_command_is_told_by_variables_and_by_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NNLAB_DEVICES")
    run_notify_command(writes(tmp_path / "told"), FULL, 30.0)
    payload, read = json.loads((tmp_path / "told").read_text())
    assert payload == {
        "NNLAB_EVENT": "failed",
        "NNLAB_STUDY": "depth",
        "NNLAB_RUN": "7",
        "NNLAB_REASON": "boom",
        "NNLAB_RUNS": "4",
        "NNLAB_FAILED": "1",
        "NNLAB_BEST": "0.5",
        "NNLAB_BEST_METRIC": "val/loss",
        "NNLAB_BEST_TRIAL": "lr=0.1",
    }
    assert read == asdict(FULL)


@pytest.mark.parametrize(
    "evil",
    ["'; touch hacked; '", '"$(touch hacked)"', "`touch hacked`", "a\nb", "zero\0byte", "\udcff"],
)
def test_no_value_becomes_part_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evil: str
) -> None:
    monkeypatch.chdir(tmp_path)
    event = Event("failed", evil, 7, evil)
    run_notify_command('echo "$NNLAB_STUDY $NNLAB_REASON" > told', event, 30.0)
    assert [path.name for path in tmp_path.iterdir()] == ["told"]
    assert (tmp_path / "told").read_bytes()


@given(text=st.text(alphabet=st.characters(exclude_categories=())))
def test_every_text_fits_an_environment(text: str) -> None:
    variables = environment_variables(Event("failed", text, reason=text * 1000))
    for value in variables.values():
        assert "\0" not in value
        assert len(value.encode()) <= 4 * 2000


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("exit 3", "ended with exit code 3"),
        ("echo first >&2; echo no such host >&2; exit 1", "ended with exit code 1: no such host"),
        ("nnlab-no-such-command", "ended with exit code 127"),
        ("cat > /dev/null; kill -9 $$", "ended with exit code -9"),
    ],
)
def test_a_command_that_fails_is_told_in_a_line(command: str, message: str) -> None:
    with Notifier(command) as notifier:
        notifier.notify(FULL)
    assert notifier.failure_message is not None
    assert notifier.failure_message.startswith(f"the command of --notify {message}")
    assert len(notifier.failure_message.splitlines()) == 1


def test_failures_are_counted_and_a_good_command_is_not_complained_of(tmp_path: Path) -> None:
    with Notifier("exit 1") as bad, Notifier(f"echo x >> {tmp_path}/told") as good:
        for _ in range(3):
            bad.notify(FULL)
            good.notify(FULL)
    assert "exit code 1 (3 times)" in str(bad.failure_message)
    assert good.failure_message is None
    assert (tmp_path / "told").read_text() == "x\n" * 3


def test_a_command_that_hangs_is_ended_with_its_children_and_not_run_again(tmp_path: Path) -> None:
    command = f"echo x >> {tmp_path}/told; sleep 600 & sleep 600; echo y >> {tmp_path}/told"
    with Notifier(command, timeout_seconds=0.3) as notifier:
        notifier.notify(FULL)
        notifier.notify(FULL)
    assert "was killed after 0.3 s" in str(notifier.failure_message)
    assert (tmp_path / "told").read_text() == "x\n"


def test_what_a_command_leaves_running_is_not_waited_for(tmp_path: Path) -> None:
    with Notifier(f"sleep 3 & echo x > {tmp_path}/told", timeout_seconds=2.0) as notifier:
        notifier.notify(FULL)
    assert notifier.failure_message is None
    assert (tmp_path / "told").read_text() == "x\n"


def test_a_command_that_reads_nothing_is_fine() -> None:
    with Notifier("true") as notifier:
        notifier.notify(Event("failed", "depth", reason="x" * 1_000_000))
    assert notifier.failure_message is None
