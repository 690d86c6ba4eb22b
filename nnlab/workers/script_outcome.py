"""How the process of a script ended: its status, the reason, and whether to start it again."""

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from nnlab.io.redaction import mask_secrets
from nnlab.records import Status
from nnlab.workers.output_file import shown_lines

# What torch, CUDA, XLA and Python print when memory is exhausted.
_OUT_OF_MEMORY = re.compile(
    r"OutOfMemoryError|(?:CUDA|HIP|MPS backend|XPU) out of memory|CUBLAS_STATUS_ALLOC_FAILED"
    r"|CUDNN_STATUS_ALLOC_FAILED|CUDA error: out of memory"
    r"|DefaultCPUAllocator: (?:can't|not enough)"
    r"|RESOURCE_EXHAUSTED: |^MemoryError|std::bad_alloc|Cannot allocate memory",
    re.MULTILINE,
)
_TRACEBACK = "Traceback (most recent call last):"
# Before a line of a rank, as torchrun prints it.
_RANK = re.compile(r"^\[(?:rank|default)?\d+\]:?\s?")
# The traceback of torchrun itself says only that a rank has failed.
_LAUNCHER_ERROR = re.compile(r"ChildFailedError|torch/distributed/(?:run|launcher|elastic)")
_ERROR_LINE = re.compile(r"^[A-Za-z_][\w.]*(?::|$)")
_MAX_REASON = 300


class Retry(Enum):
    """Why a process is started again."""

    OUT_OF_MEMORY = "it was out of memory"
    KILLED = "its process was killed (SIGKILL), perhaps by the system for lack of memory"


@dataclass(frozen=True, slots=True)
class StopCause:
    """Why nnlab has ended a process, and the status that the run gets."""

    status: Status
    reason: str
    pruned: bool = False


@dataclass(frozen=True, slots=True)
class ScriptOutcome:
    """The end of a process; `retry` if it should be started again."""

    status: Status
    reason: str | None = None
    traceback: str | None = None
    retry: Retry | None = None
    pruned: bool = False


def script_outcome(exit_code: int, tail: str, stop: StopCause | None) -> ScriptOutcome:
    """The outcome of a process.

    Args:
        exit_code: negative for the signal that has ended it.
        tail: the end of its output.
        stop: why nnlab has ended it, if it has.
    """
    if stop is not None:
        return ScriptOutcome(stop.status, stop.reason, pruned=stop.pruned)
    if exit_code == 0:
        return ScriptOutcome(Status.FINISHED)
    lines = [_RANK.sub("", line) for line in shown_lines(tail)]
    traceback = last_traceback(lines)
    # A shell reports a signal as 128 and its number.
    number = -exit_code if exit_code < 0 else exit_code - 128
    if number == signal.SIGKILL:
        return ScriptOutcome(Status.FAILED, "its process was killed (SIGKILL)", retry=Retry.KILLED)
    retry = Retry.OUT_OF_MEMORY if _OUT_OF_MEMORY.search("\n".join(traceback or lines)) else None
    if exit_code < 0:
        reason = f"its process died of {_signal_name(number)}"
    elif traceback:
        reason = _reason_of_traceback(traceback)
    else:
        reason = f"exit code {exit_code}" + (f": {lines[-1]}" if lines else "")
    text = "\n".join(traceback) if traceback else None
    return ScriptOutcome(
        Status.FAILED,
        mask_secrets(reason)[:_MAX_REASON],
        None if text is None else mask_secrets(text),
        retry,
    )


def last_traceback(lines: Sequence[str]) -> list[str] | None:
    """The last traceback of Python that is not one of torchrun; None without one."""
    starts = [index for index, line in enumerate(lines) if _TRACEBACK in line]
    ends = [*starts[1:], len(lines)]
    tracebacks = [_until_error(lines[start:end]) for start, end in zip(starts, ends, strict=False)]
    own = [block for block in tracebacks if not _LAUNCHER_ERROR.search("\n".join(block))]
    return next(iter([*reversed(own), *reversed(tracebacks)]), None)


def _until_error(block: Sequence[str]) -> list[str]:
    """The lines of a block from `Traceback` to the error, with the lines of its message."""
    end = next(
        (i for i, line in enumerate(block[1:], start=1) if _ERROR_LINE.match(line)), len(block) - 1
    )
    more = next(
        (i for i in range(end + 1, len(block)) if not block[i].startswith((" ", "\t"))), len(block)
    )
    return list(block[:more])


def _reason_of_traceback(traceback: Sequence[str]) -> str:
    errors = [line for line in traceback[1:] if _ERROR_LINE.match(line)]
    return errors[-1] if errors else traceback[-1].strip()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
