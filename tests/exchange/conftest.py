"""Logs that the real packages write, once per session; each in a process of its own."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def run_script(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A function that runs a script, which needs a package, in a new folder; returns the folder.

    The packages emit warnings, start threads and change global state, so that they do not run in
    the process of the tests.
    """

    def run(package: str, script: str, **variables: str) -> Path:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"the package {package}, which writes the log, is not installed")
        folder = tmp_path_factory.mktemp(package)
        environment = {
            **os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "WANDB_MODE": "offline",
            "MLFLOW_DISABLE_TELEMETRY": "true", "HOME": str(folder), **variables,
        }  # fmt: skip
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script],
            cwd=folder, env=environment, check=True, timeout=300, capture_output=True,
        )  # fmt: skip
        return folder

    return run
