"""Folders with limits: a small file system, a read-only folder."""

import os
import subprocess
from pathlib import Path


def mounted(where: Path, *options: str) -> bool:
    """Whether a file system of memory could be mounted there; that takes the right to."""
    where.mkdir(exist_ok=True)
    return (
        os.geteuid() == 0
        and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(where)],
            capture_output=True,
            check=False,
        ).returncode
        == 0
    )
