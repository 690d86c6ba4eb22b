"""Start-up time of whole processes, compared with a minimal Typer application and with imports."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import TimingComparison, compare_alternately

BARE = """
import typer
app = typer.Typer()
@app.command()
def hello(name: str = "x") -> None:
    "Say hello."
@app.command()
def bye(name: str = "x") -> None:
    "Say bye."
app(prog_name="bare")
"""
ROUNDS = 11


def measure(runs_db: Path) -> list[TimingComparison]:
    """`--help`, `--version` and completion; `ls` and `compare` on a database of 10,000 runs."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        nnlab = [sys.executable, "-c", "from nnlab.__main__ import entry; entry()"]
        completion_env = {
            "_NNLAB_COMPLETE": "complete_bash",
            "COMP_WORDS": "nnlab train --opt ad",
            "COMP_CWORD": "3",
        }
        bare_completion_env = {
            "_BARE_COMPLETE": "complete_bash",
            "COMP_WORDS": "bare hello --na",
            "COMP_CWORD": "2",
        }
        imports = [sys.executable, "-c", "import sqlalchemy, rich"]
        return [
            _compare_commands(
                "--help", [*nnlab, "--help"], [sys.executable, str(bare), "--help"], "bare Typer"
            ),
            _compare_commands(
                "--version",
                [*nnlab, "--version"],
                [sys.executable, str(bare), "--help"],
                "bare Typer",
            ),
            _compare_commands(
                "completion of `train --opt ad`",
                nnlab,
                [sys.executable, str(bare)],
                "bare Typer",
                ours_env=completion_env,
                reference_env=bare_completion_env,
            ),
            _compare_commands(
                "ls, 10,000 runs",
                [*nnlab, "ls", "--db", str(runs_db)],
                imports,
                "import sqlalchemy, rich",
                goal=2,
            ),
            _compare_commands(
                "compare, 10,000 runs",
                [*nnlab, "compare", "--db", str(runs_db)],
                imports,
                "import sqlalchemy, rich",
                goal=2,
            ),
        ]


def _compare_commands(
    name: str,
    ours: list[str],
    reference: list[str],
    reference_name: str,
    *,
    goal: float = 1.2,
    ours_env: dict[str, str] | None = None,
    reference_env: dict[str, str] | None = None,
) -> TimingComparison:
    return compare_alternately(
        name,
        lambda: _run(ours, ours_env),
        lambda: _run(reference, reference_env),
        of=reference_name,
        rounds=ROUNDS,
        goal=goal,
    )


def _run(command: list[str], env: dict[str, str] | None) -> None:
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **(env or {})},
    )
