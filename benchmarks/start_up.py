"""Start-up: whole processes, against a bare Typer application and a bare import."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Compared, in_turn

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


def measure(runs_db: Path) -> list[Compared]:
    """`--help`, `--version` and completion; `ls` and `compare` on a database of 10,000 runs."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        nnlab = [sys.executable, "-c", "from nnlab.__main__ import entry; entry()"]
        completing = {
            "_NNLAB_COMPLETE": "complete_bash",
            "COMP_WORDS": "nnlab train --opt ad",
            "COMP_CWORD": "3",
        }
        bare_completing = {
            "_BARE_COMPLETE": "complete_bash",
            "COMP_WORDS": "bare hello --na",
            "COMP_CWORD": "2",
        }
        of_bare = "bare Typer"
        of_import = "import sqlalchemy, rich"
        imports = [sys.executable, "-c", "import sqlalchemy, rich"]
        return [
            _compared("--help", [*nnlab, "--help"], [sys.executable, str(bare), "--help"], of_bare),
            _compared(
                "--version", [*nnlab, "--version"], [sys.executable, str(bare), "--help"], of_bare
            ),
            _compared(
                "completion of `train --opt ad`",
                nnlab,
                [sys.executable, str(bare)],
                of_bare,
                ours_env=completing,
                reference_env=bare_completing,
            ),
            _compared(
                "ls, 10,000 runs", [*nnlab, "ls", "--db", str(runs_db)], imports, of_import, goal=2
            ),
            _compared(
                "compare, 10,000 runs",
                [*nnlab, "compare", "--db", str(runs_db)],
                imports,
                of_import,
                goal=2,
            ),
        ]


def _compared(
    name: str,
    ours: list[str],
    reference: list[str],
    of: str,
    *,
    goal: float = 1.2,
    ours_env: dict[str, str] | None = None,
    reference_env: dict[str, str] | None = None,
) -> Compared:
    return in_turn(
        name,
        lambda: _run(ours, ours_env),
        lambda: _run(reference, reference_env),
        of=of,
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
