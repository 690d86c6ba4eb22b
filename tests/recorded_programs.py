"""Runs programs that record with nnlab in processes of their own, and reads what they stored."""

import os
import subprocess
import sys
from pathlib import Path

from nnlab import store
from nnlab.records import Attempt, Run, Sample

BEGIN = """
import os, signal, sys, time
import nnlab
"""


def start_program(folder: Path, body: str, **environment: str) -> "subprocess.Popen[str]":
    """Starts a program whose database is `r.db` in the folder; `body` follows the imports."""
    path = folder / "program.py"
    path.write_text(BEGIN + body)
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("NNLAB_", "RANK"))}
    variables |= {"NNLAB_DB": str(folder / "r.db"), "NNLAB_NO_GIT_DIFF": "1", **environment}
    return subprocess.Popen(
        [sys.executable, str(path)],
        cwd=folder,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_program(folder: Path, body: str, **environment: str) -> tuple[int, str, str]:
    """The exit code, output and error output of a program."""
    process = start_program(folder, body, **environment)
    output, errors = process.communicate(timeout=300)
    return process.returncode, output, errors


def stored_run(db: Path | str, run_id: int = 1) -> Run:
    database = store.open_database(str(db), write=False)
    (run,) = store.runs(database, run_ids=[run_id])
    database.close()
    return run


def stored_runs(db: Path | str) -> tuple[Run, ...]:
    database = store.open_database(str(db), write=False)
    runs = store.runs(database)
    database.close()
    return runs


def last_attempt(db: Path | str, run_id: int = 1) -> Attempt:
    database = store.open_database(str(db), write=False)
    attempt = store.attempts(database, run_id)[-1]
    database.close()
    return attempt


def stored_samples(db: Path | str, metric: str, run_id: int = 1) -> list[Sample]:
    database = store.open_database(str(db), write=False)
    rows = [item for _, item in store.samples(database, run_id, [metric])]
    database.close()
    return rows


def values_of(db: Path | str, metric: str, run_id: int = 1) -> list[float]:
    return [item.value for item in stored_samples(db, metric, run_id)]
