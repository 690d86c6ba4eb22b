"""The loop on docs/gate.md runs, and the examples on the page are what the command prints."""

import os
import subprocess
import sys
from pathlib import Path

from documented_commands import FENCE

PAGE = Path(__file__).resolve().parent.parent / "docs/gate.md"


def test_the_documented_loop_keeps_what_helps_and_resumes(tmp_path: Path) -> None:
    blocks = [block for kind, block in FENCE.findall(PAGE.read_text()) if kind == "sh"]
    (loop,) = [block for block in blocks if block.startswith("# loop.sh")]
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "nnlab"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m nnlab "$@"\n')
    command.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}

    def run_loop() -> str:
        done = subprocess.run(
            ["/bin/sh", "-c", loop],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout

    first = run_loop()
    assert first.splitlines()[-1] == "best: --opt sgd --lr 0.005 --lr 0.1"
    assert "keep: lr 0.005 -> 0.1" in first
    assert "discard: lr 0.1 -> 0.0001" in first
    again = run_loop()
    assert again.count("from the ledger") == 3
    assert again.splitlines()[-1] == first.splitlines()[-1]
