"""The versions of another Python interpreter and its packages, for runs of scripts."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from nnlab.provenance.environment import RECORDED_PACKAGES
from nnlab.records import Environment

_TIMEOUT_SECONDS = 20.0
_PROGRAM = """
import json, platform, sys
from importlib import metadata
versions = {}
for name in sys.argv[1:]:
    try:
        versions[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
print(json.dumps([platform.python_version(), versions]))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The version of an interpreter, and those of its packages; empty if they are unknown."""

    python: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)


def environment_with_interpreter(environment: Environment, python: str) -> Environment:
    """The environment with the versions of the interpreter that executes a script."""
    if Path(python) == Path(sys.executable):
        return environment
    other = query_interpreter(python)
    return replace(
        environment,
        python=other.python,
        torch=other.packages.get("torch", ""),
        packages=other.packages,
    )


@cache
def query_interpreter(python: str) -> Interpreter:
    """Asks an interpreter for its versions, once per process."""
    try:
        process = subprocess.run(  # noqa: S603  the interpreter that executes the user's script
            [python, "-c", _PROGRAM, *RECORDED_PACKAGES],
            capture_output=True,
            text=True,
            check=True,
            timeout=_TIMEOUT_SECONDS,
        )
        version, packages = json.loads(process.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return Interpreter()
    return Interpreter(str(version), {str(name): str(text) for name, text in packages.items()})
