"""Start-up: no unnecessary imports in help, version and completion."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line_runner import Nnlab

from nnlab.cli.main import COMMANDS
from nnlab.version import nnlab_version

# typer brings pydantic with any command that has options; the rest is ours to leave out.
HEAVY = ("torch", "matplotlib", "sklearn", "scipy", "alembic", "numpy", "pandas")


def imported(folder: Path, *words: str, **environment: str) -> set[str]:
    """The heavy packages that a command line imports."""
    code = (
        "import sys\nfrom nnlab.cli.main import main\ntry:\n    main(sys.argv[1:])\n"
        "except SystemExit:\n    pass\n"
        f"print('IMPORTED', *(n for n in {HEAVY} if n in sys.modules), file=sys.stderr)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return set(answer.stderr.split("IMPORTED")[1].split())


@pytest.mark.parametrize(
    "words",
    [
        *(["--help"], ["--version"], ["train", "--help"], ["choices"], ["ls", "--help"]),
        *(["watch", "--help"], ["stop", "--help"], ["rm", "--help"], ["db", "gc", "--help"]),
    ],
)
def test_help_imports_nothing_heavy(folder: Path, words: list[str]) -> None:
    assert imported(folder, *words) == set()


@pytest.mark.parametrize(
    "words",
    [["ls"], ["compare"], ["studies"], ["show", "1"], ["watch"], ["stop", "1"], ["rm", "1", "-y"]],
)
def test_looking_at_results_imports_nothing_heavy(
    trained: Nnlab, folder: Path, words: list[str]
) -> None:
    assert imported(folder, *words) == set()


def test_only_plot_imports_matplotlib(trained: Nnlab, folder: Path) -> None:
    result = imported(folder, "plot", "curves", "-o", "x.svg")
    assert "matplotlib" in result
    assert "torch" not in result


def completions(folder: Path, line: str) -> list[str]:
    """What bash would offer for a line that ends at the cursor."""
    words = line.split(" ")
    answer = subprocess.run(
        [sys.executable, "-c", "from nnlab.__main__ import entry; entry()"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "_NNLAB_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        },
    )
    return answer.stdout.split()


def test_completion_of_names(trained: Nnlab, folder: Path) -> None:
    trained("train", "--data", "iris", "--epochs", "1", "--name", "first", "-q")
    trained("init-study", "depth", "--data", "iris")
    assert completions(folder, "nnlab tr") == ["train"]
    assert completions(folder, "nnlab train --opt adam") == ["adam", "adamw", "adamax"]
    assert completions(folder, "nnlab train --opt sgd,adag") == ["sgd,adagrad"]
    assert completions(folder, "nnlab train --study de") == ["default", "depth"]
    assert completions(folder, "nnlab compare dep") == ["depth"]
    assert completions(folder, "nnlab show fi") == ["first"]
    assert completions(folder, "nnlab show 2") == ["2"]
    assert completions(folder, "nnlab choices dec") == ["decay"]
    assert completions(folder, "nnlab db ba") == ["backup"]
    assert completions(folder, "nnlab explain tr") == ["train"]
    assert completions(folder, "nnlab explain NN101") == ["NN101"]
    assert completions(folder, "nnlab explain train --opt adamw") == ["adamw"]
    assert completions(folder, "nnlab export 2 --to sc") == ["script"]
    for command in ("stop", "rm"):
        assert completions(folder, f"nnlab {command} dep") == ["depth"]
        assert completions(folder, f"nnlab {command} 2") == ["2"]
    assert completions(folder, "nnlab watch dep") == ["depth"]


def test_completion_without_a_database_is_silent(folder: Path) -> None:
    assert completions(folder, "nnlab compare x") == []
    assert list(folder.iterdir()) == []


def test_completion_imports_nothing_heavy(folder: Path) -> None:
    line = "nnlab train --opt ad"
    words = {"_NNLAB_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": "3"}
    assert imported(folder, **words) == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(nnlab: Nnlab, name: str) -> None:
    text = nnlab(name, "--help").out
    if name in ("plot", "db", "data", "probe"):
        assert "Commands" in text
    else:
        assert "Example" in text
        assert f"nnlab {name}" in text


def test_version(nnlab: Nnlab) -> None:
    assert nnlab("--version").out == f"nnlab {nnlab_version()}\n"


def test_a_closed_pipe_is_no_error(trained: Nnlab, folder: Path) -> None:
    answer = subprocess.run(
        f"{sys.executable} -m nnlab choices | head -1",
        cwd=folder,
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in answer.stderr


def test_no_color_is_respected_on_a_terminal(trained: Nnlab, folder: Path) -> None:
    """A pseudo-terminal gets colours, unless NO_COLOR says no."""
    command = f"{sys.executable} -m nnlab ls"
    shown = {}
    for variable in ("", "NO_COLOR=1 "):
        answer = subprocess.run(
            ["script", "-qec", f"{variable}{command}", "/dev/null"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "TERM": "xterm-256color"},
        )
        shown[variable] = answer.stdout
    assert "\x1b[1m" in shown[""]
    assert "\x1b[3" not in shown["NO_COLOR=1 "]
