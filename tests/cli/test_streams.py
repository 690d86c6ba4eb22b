"""Failing standard output: one clear line; no control characters in the output."""

import csv
import io
import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab

from nnlab.cli.main import main
from nnlab.cli.output.render import rich_text, say
from nnlab.cli.output.safe_console import SafeConsole
from nnlab.errors import DiskFull
from nnlab.io import files

NNLAB = f"{sys.executable} -m nnlab"
ATTACK = "\x1b[2Ja\x9b31mb\x07\x08\u202ec"
SHOWN = r"\x1b[2Ja\x9b31mb\x07\x08\u202ec"


def shell(folder: Path, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("words", ["choices", "ls --help", "choices --format json", "--version"])
def test_a_full_disk_is_one_line(folder: Path, words: str) -> None:
    answer = shell(folder, f"{NNLAB} {words} > /dev/full")
    assert answer.returncode == 1
    assert answer.stderr.startswith(
        "Error: cannot write to standard output: No space left on device"
    )
    assert "internal error" not in answer.stderr


def test_a_closed_output_is_one_line(folder: Path) -> None:
    answer = shell(folder, f"{NNLAB} choices >&-")
    assert answer.returncode == 1
    assert "to standard output: it is closed" in answer.stderr
    assert "Traceback" not in answer.stderr


class Broken(io.StringIO):
    """Standard output that fails in one way."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        raise self.error


@pytest.mark.parametrize("words", [["choices"], ["ls", "--help"], ["choices", "--format", "csv"]])
def test_a_closed_pipe_ends_quietly(
    folder: Path,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdout", Broken(BrokenPipeError(32, "Broken pipe")))
    assert main(words) == 141
    assert capsys.readouterr().err == ""


def test_a_run_whose_output_has_nowhere_to_go_is_interrupted_and_not_failed(
    nnlab: Nnlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Broken(BrokenPipeError(32, "Broken pipe")))
        assert main(["train", *QUICK, "-v"]) == 141
    assert [row["status"] for row in nnlab("ls", "--format", "json").json] in (
        [],
        ["queued"],
        ["interrupted"],
    )
    nnlab("train", *QUICK, "-q")
    assert [row["status"] for row in nnlab("ls", "--format", "json").json] == ["finished"]


def test_a_command_goes_on_without_standard_error(folder: Path) -> None:
    assert shell(folder, f"{NNLAB} choices opt 2>&-").returncode == 0
    assert shell(folder, f"{NNLAB} nothing 2> /dev/full").returncode == 2
    assert shell(folder, f"{NNLAB} show 1 2>&-").returncode == 1


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_letters_that_an_output_lacks_are_replaced(
    trained: Nnlab, folder: Path, environment: dict[str, str]
) -> None:
    answer = shell(folder, f"{NNLAB} compare", **environment)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.isascii()
    assert " +/- " in answer.stdout
    trained("init-study", "größe-学", *QUICK)
    result = shell(folder, f"{NNLAB} studies --format json", **environment)
    assert result.stdout.isascii()
    assert "größe-学" in [row["study"] for row in json.loads(result.stdout)]
    assert "grosse-?" not in shell(folder, f"{NNLAB} studies", **environment).stdout
    assert "gro?e-?" in shell(folder, f"{NNLAB} studies", **environment).stdout


@pytest.fixture
def malicious_database(trained: Nnlab, folder: Path) -> Nnlab:
    """A database whose texts hold control characters, markup and a formula."""
    with closing(sqlite3.connect(folder / "runs.db")) as connection, connection:
        connection.execute(
            "UPDATE run SET name = ?, reason = ?", (f"=HYPERLINK(1){ATTACK}", ATTACK)
        )
        connection.execute("UPDATE study SET question = ?", (f"# <b>`x`</b> {ATTACK}\n# y|z",))
        connection.execute("UPDATE attempt SET command = ?", (f"nnlab train {ATTACK}",))
        connection.execute("UPDATE finding SET message = ?, remedy = ?", (ATTACK, ATTACK))
        connection.execute("UPDATE environment SET hostname = ?", (ATTACK,))
    return trained


@pytest.mark.parametrize(
    "words",
    [
        *("ls", "ls --format csv", "ls --format json", "ls --format markdown", "show 1"),
        *("show 1 --format json", "studies", "studies --format csv", "diagnose", "compare"),
        *("watch --once", "report -o r.md"),
    ],
)
def test_no_control_character_of_a_database_is_printed(
    malicious_database: Nnlab, folder: Path, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for width in ("", "60"):
        monkeypatch.setenv("COLUMNS", width)
        answer = malicious_database(*words.split())
        text = answer.out + answer.err
        text += (folder / "r.md").read_text() if "report" in words else ""
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)


def test_what_a_database_holds_is_still_readable(malicious_database: Nnlab) -> None:
    assert SHOWN in malicious_database("ls").out
    (first, *_) = malicious_database("ls", "--format", "json").json
    assert first["name"] == f"=HYPERLINK(1){ATTACK}"


def test_an_error_holds_no_control_character(nnlab: Nnlab, trained: Nnlab) -> None:
    assert "\x1b" not in trained("show", f"x{ATTACK}", expect=2).err
    assert r"\x1b[2J" in trained("show", f"x{ATTACK}", expect=2).err


def test_a_spreadsheet_executes_no_cell(malicious_database: Nnlab) -> None:
    rows = list(csv.DictReader(io.StringIO(malicious_database("ls", "--format", "csv").out)))
    assert {row["name"] for row in rows} == {"'=HYPERLINK(1)" + SHOWN}
    assert all(float(row["best"]) for row in rows)


def test_a_console_escapes_what_is_printed_in_any_way() -> None:
    from rich.progress import Progress, TextColumn
    from rich.table import Table

    out = io.StringIO()
    screen = SafeConsole(file=out, width=80)
    table = Table(ATTACK)
    table.add_row(f"[red]{ATTACK}")
    screen.print(table, ATTACK)
    with Progress(TextColumn("{task.description}", markup=False), console=screen) as bar:
        bar.add_task(ATTACK)
    assert not set(out.getvalue()) & set("\x1b\x9b\u202e")
    assert str(rich_text(ATTACK)) == SHOWN


def test_json_lines_of_a_terminal_are_read_as_they_were(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from nnlab.cli.output.render import print_json

    value = {"a": ATTACK + "\U000e0041\u2028é", "n": float("nan")}
    print_json(value)
    text = capsys.readouterr().out
    assert json.loads(text) == {"a": value["a"], "n": None}
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert "é" in text


def test_lines_with_a_command_are_not_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    command = "next: nnlab train --data iris --width 8 --depth 1 --epochs 3"
    say(command)
    say("the best cannot be told from 3 other trials, 12345.6789 apart")
    assert capsys.readouterr().out.splitlines() == [
        command,
        "the best cannot be told from 3 other",
        "trials, 12345.6789 apart",
    ]


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    full = tmp_path / "figure.svg"
    full.symlink_to("/dev/full")
    with pytest.raises(DiskFull, match="no room left"):
        files.write_atomic(full, b"x")
    null = tmp_path / "null.svg"
    null.symlink_to("/dev/null")
    files.write_atomic(null, b"x")
    for device in ("/dev/full", "/dev/null"):
        assert Path(device).is_char_device()


def test_a_figure_and_a_report_on_a_full_device_are_one_line(trained: Nnlab, folder: Path) -> None:
    for name, words in (("f.svg", "plot curves"), ("r.html", "report")):
        (folder / name).symlink_to("/dev/full")
        answer = trained(*words.split(), "-o", name, expect=1)
        assert answer.err.startswith(f"Error: cannot write '{name}': no room left on the disk")


def test_what_has_no_end_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"12345")
    with pytest.raises(OSError, match="a pipe, not a regular file"):
        files.read_limited(tmp_path / "pipe", 10)
    with pytest.raises(OSError, match="a device, not a regular file"):
        files.read_limited(Path("/dev/zero"), 10)
    with pytest.raises(OSError, match="larger than the limit of 4 bytes"):
        files.read_limited(tmp_path / "large", 4)
    assert files.read_limited(tmp_path / "large", 5) == b"12345"


@pytest.mark.parametrize(
    "words",
    [
        *("train --data csv:/dev/zero", "data show npz:/dev/zero", "diagnose --csv /dev/zero"),
        *("train --data csv:pipe.csv", "train --config /dev/zero", "data show npz:pipe.csv"),
        *("diagnose --csv pipe.csv", "train --config pipe.csv"),
    ],
)
def test_devices_and_pipes_are_no_files_of_data(nnlab: Nnlab, folder: Path, words: str) -> None:
    os.mkfifo(folder / "pipe.csv")
    answer = nnlab(*words.split(), expect=2 if "--config" in words else 1)
    assert "not a regular file" in answer.err
    assert not (folder / "runs.db").exists()


def test_curves_come_from_a_pipe_of_the_shell(folder: Path) -> None:
    (folder / "a.csv").write_text("epoch,train_loss\n1,1.0\n2,0.5\n")
    answer = shell(
        folder,
        f"{NNLAB} diagnose --csv <(cat a.csv) && cat a.csv | {NNLAB} diagnose --csv /dev/stdin",
    )
    assert (answer.returncode, answer.stderr) == (0, "")


def test_an_output_that_fails_is_no_fault_of_nnlab(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", Broken(OSError(28, "No space left on device")))
    assert main(["choices"]) == 1
    assert capsys.readouterr().err.startswith("Error: cannot write to standard output: No space")
