"""Finds the flags of a script by running it until its own parser parses the arguments."""

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from nnlab.engine.local_imports import find_local_imports
from nnlab.errors import UserCodeError
from nnlab.io.escaping import escape_terminal
from nnlab.io.files import read_limited
from nnlab.scripts.flag_cache import cached_flags, flag_cache_key, write_cached_flags
from nnlab.scripts.flag_records import flags_from_json
from nnlab.scripts.flags import ScriptFlags

PROBE = Path(__file__).parent / "parser_probe"
# Imports of large frameworks take many seconds on a busy machine or a network file system.
TIME_LIMIT_SECONDS = 120.0
_MAX_SOURCE_BYTES = 16 << 20
_MAX_REPORT_BYTES = 16 << 20
_OUTPUT_CHUNKS = 16
_CHUNK_BYTES = 4096

# A script whose sources contain none of these words has no parser that could be queried. It is not
# run at all, because it would do its whole work.
_PARSER_WORDS = re.compile(
    rb"argparse|ArgumentParser|parse_args|parse_known_args|\bclick\b|\btyper\b|\btyro\b"
    rb"|\bhydra\b|\bfire\b|\bCLI\b|\bcli\b"
)
# Libraries that record runs must not record this one.
_ENVIRONMENT = {"WANDB_MODE": "disabled", "NNLAB_MODE": "off", "MPLBACKEND": "Agg"}


def discover_flags(
    script: Path, python: str, *, time_limit: float = TIME_LIMIT_SECONDS, use_cache: bool = True
) -> ScriptFlags:
    """The flags of a script: those of argparse, click, typer, tyro, Hydra or Fire.

    The script is run in a subprocess that ends where the arguments are parsed; what it does before
    (imports, mostly) is executed. Its input is empty and its output is discarded. The result is
    cached by the content of the script and of the local files that it imports.

    Args:
        script: the path of the script.
        python: the interpreter that runs it.
        time_limit: seconds after which the script is killed.
        use_cache: whether an earlier result is used.

    Returns:
        The flags; with the parser `unknown` and the reason in `problem` if the script ends, fails
        or exceeds the time limit before it parses arguments. `problem` is None if it contains no
        parser at all.

    Raises:
        UserCodeError: the script or the interpreter cannot be read.
    """
    sources = _read_sources(script)
    if not any(_PARSER_WORDS.search(source) for source in sources):
        return ScriptFlags("unknown")
    key = flag_cache_key(script, sources, python)
    flags = cached_flags(key) if use_cache else None
    if flags is None:
        flags = _query_parser(script, python, time_limit)
        if use_cache and flags.problem is None and flags.parser not in ("unknown", "hydra"):
            write_cached_flags(key, flags)  # Hydra's flags depend on files that are not sources
    return flags


def _read_sources(script: Path) -> list[bytes]:
    """The contents of the script and of the local files that it imports."""
    try:
        first = read_limited(script, _MAX_SOURCE_BYTES)
    except OSError as error:
        raise UserCodeError(f"cannot read the script '{script}': {error.strerror}") from error
    sources = [first]
    for path in find_local_imports(script, script.resolve().parent):
        with contextlib.suppress(OSError):
            sources.append(read_limited(path, _MAX_SOURCE_BYTES))
    return sources


def _query_parser(script: Path, python: str, time_limit: float) -> ScriptFlags:
    """The flags that the probe reports from a subprocess."""
    with tempfile.TemporaryFile() as report:
        output, problem = _run_probe(script, python, report, time_limit)
        report.seek(0)
        content = report.read(_MAX_REPORT_BYTES + 1)
    if not content:
        return ScriptFlags("unknown", problem=_with_output(problem, output))
    if len(content) > _MAX_REPORT_BYTES:
        return ScriptFlags("unknown", problem="its parser declares too many flags")
    return flags_from_json(content)


def _run_probe(script: Path, python: str, report: IO[bytes], time_limit: float) -> tuple[str, str]:
    """Runs the probe; returns the end of the output and why there may be no report."""
    command = [python, str(PROBE), str(script), str(report.fileno())]
    try:
        process = subprocess.Popen(  # noqa: S603 - the script that the user named
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(report.fileno(),),
            env={**os.environ, **_ENVIRONMENT},
            start_new_session=True,
        )
    except OSError as error:
        raise UserCodeError(f"cannot start '{python}': {error.strerror}") from error
    with _output_tail(process) as chunks:
        try:
            process.wait(time_limit)
            problem = f"it ended (exit code {process.returncode}) before it parsed its arguments"
        except subprocess.TimeoutExpired:
            problem = f"it did not parse its arguments within {time_limit:g} s"
        finally:
            _kill_group(process)
    return b"".join(chunks).decode(errors="replace"), problem


@contextlib.contextmanager
def _output_tail(process: "subprocess.Popen[bytes]") -> Iterator[Sequence[bytes]]:
    """Reads the output of a process in a thread and keeps its end."""
    chunks: deque[bytes] = deque(maxlen=_OUTPUT_CHUNKS)

    def read() -> None:
        if process.stdout is not None:
            with process.stdout:
                while chunk := os.read(process.stdout.fileno(), _CHUNK_BYTES):
                    chunks.append(chunk)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield chunks
    finally:
        # A process that left the group may keep the pipe open.
        reader.join(timeout=1.0)


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kills a process and those that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _with_output(problem: str, output: str) -> str:
    """A problem with the last line of the output, which is usually the error."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return f"{problem}: {escape_terminal(lines[-1][:300])}" if lines else problem
