"""The scripts of the tests of flags: how they are queried and run."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnlab.objective import Scalar
from nnlab.scripts.arguments import build_arguments
from nnlab.scripts.flag_discovery import discover_flags
from nnlab.scripts.flag_values import parse_flag_values
from nnlab.scripts.flags import ScriptFlags

FOLDER = Path(__file__).parent / "assets" / "flag_scripts"


def flags_of(name: str) -> ScriptFlags:
    """The flags of a script of the assets."""
    return discover_flags(FOLDER / f"{name}.py", sys.executable)


def received(name: str, typed: Sequence[str]) -> Any:
    """What a script receives if these words are typed after its name for `nnlab run`."""
    flags = flags_of(name)
    values = parse_flag_values(flags, typed)
    assert not values.axes
    return run_with(name, flags, values.fixed, values.rest)


def run_with(
    name: str, flags: ScriptFlags, values: dict[str, Scalar] | Any, rest: Sequence[str] = ()
) -> Any:
    """What a script prints that is run with the arguments built from values."""
    command = [sys.executable, str(FOLDER / f"{name}.py"), *build_arguments(flags, values), *rest]
    # Hydra writes its outputs to the working folder.
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)
