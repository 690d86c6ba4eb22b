"""Requests of `nnlab run` and `init-study --script`: the script, its flags, and the study."""

import os
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnlab.errors import ConfigError, UsageError
from nnlab.objective import Objective
from nnlab.scripts.flag_discovery import discover_flags
from nnlab.scripts.flags import Flag, ScriptFlags
from nnlab.scripts.script_spec import (
    AUTOMATIC_METRICS,
    DEFAULT_GRACE_SECONDS,
    LINE_METRICS,
    ScriptSpec,
    has_seed_placeholder,
    placeholder_flags,
)
from nnlab.scripts.script_version import script_version
from nnlab.settings import parse_duration

# The names under which scripts take their seed.
_SEED_NAMES = ("seed", "random_seed", "rng_seed", "manual_seed", "random_state", "torch_seed")
NO_SEED_FLAG = "none"
# Options of `nnlab run` that are only recognised before the script.
_SHORT_OPTIONS = ("-j", "-q", "-v")


@dataclass(frozen=True, slots=True)
class ScriptRequest:
    """What the user asks for: a script or a command, and everything that belongs to its study.

    Attributes:
        script: the path of the script; None for a command.
        command: a command with placeholders; None for a script.
        tokens: the arguments of the script, as typed.
        own_options: the options of nnlab among the typed arguments.
        grid: further `name=values`.
        study: the name of the study; None is the name of the script.
        question: the question that the study answers.
        name: the name of the runs.
        tags: the tags of the runs.
        seed: a list of seeds, as text.
        seeds: a number of seeds, counted from 0.
        objective: `METRIC`, `METRIC:min` or `METRIC:max`.
        metrics: `lines`, `none` or a log folder; None decides by the code of the script.
        seed_flag: the flag that takes the seed; None looks for one.
        python: the interpreter; None is that of the active virtual environment.
        processes: how many processes torchrun starts for each run; None starts one without it.
        time_limit: the longest duration of a run, as `2h`.
        grace: the duration between SIGTERM and SIGKILL, as `30s`.
        sampler: options of the sampler, by `sampler_options.SAMPLER_KEYS`.
    """

    script: Path | None
    command: str | None = None
    tokens: tuple[str, ...] = ()
    own_options: tuple[str, ...] = ()
    grid: tuple[str, ...] = ()
    study: str | None = None
    question: str | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()
    seed: str | None = None
    seeds: int | None = None
    objective: str | None = None
    metrics: str | None = None
    seed_flag: str | None = None
    python: str | None = None
    processes: int | None = None
    time_limit: str | None = None
    grace: str | None = None
    sampler: Mapping[str, Any] = field(default_factory=dict)

    @property
    def default_study(self) -> str:
        """The name of the study if the request has none: that of the script's file."""
        if self.script is not None:
            name = self.script.stem
        else:
            words = [Path(word).stem for word in (self.command or "").split() if "{" not in word]
            interpreters = ("python", "python3", "bash", "sh", "env")
            name = next((word for word in words if word and word not in interpreters), "command")
        name = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "script"
        return f"script-{name}" if name[0].isdigit() else name

    def parsed_objective(self) -> Objective | None:
        """The objective; None if the request has none.

        Raises:
            UsageError: the direction of the metric is unknown or misspelled.
        """
        try:
            return None if self.objective is None else Objective.parse(self.objective)
        except ValueError as error:
            raise UsageError(f"--objective: {error}") from None


def default_python() -> str:
    """The interpreter of the active virtual environment or, without one, that of nnlab.

    nnlab may be installed in an environment of its own, without the packages of the script.
    """
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if folder := os.environ.get(variable):
            python = Path(folder) / "bin" / "python"
            if python.exists() and Path(folder).resolve() != Path(sys.prefix).resolve():
                return str(python)
    return sys.executable


def read_script(request: ScriptRequest) -> ScriptSpec:
    """The script of a request with its flags and its version; starts it to ask for its flags.

    Raises:
        UsageError: the script does not exist, or there is neither a script nor a command.
        UserCodeError: the script cannot be read.
        ConfigError: a duration or the seed flag is not valid.
    """
    if (request.script is None) == (request.command is None):
        raise UsageError(
            "nnlab run needs a script, or a command with --cmd",
            hint='nnlab run train.py --lr 0.1, or nnlab run --cmd "./train.sh {lr}" --lr 0.1',
        )
    folder = Path.cwd()
    python = request.python or default_python()
    if request.command is not None:
        _check_command(request.command)
        flags, path = placeholder_flags(request.command), None
    else:
        path = _script_path(request.script or Path())
        flags = discover_flags(path, python)
    spec = ScriptSpec(
        path=None if path is None else str(path),
        template=request.command,
        folder=str(folder),
        python=python,
        flags=flags,
        seed_flag=_seed_flag(request, flags),
        metrics=_metrics(request.metrics, path),
        time_limit=_duration("--time-limit", request.time_limit),
        grace=_duration("--grace", request.grace) or DEFAULT_GRACE_SECONDS,
    )
    return spec.with_current_version()


def default_seed(spec: ScriptSpec) -> int:
    """The seed of a single run: the default of the script's own flag, or 0."""
    if spec.seed_flag is not None:
        flag = spec.flags.find_flag(spec.seed_flag)
        if flag is not None and type(flag.default) is int and flag.default >= 0:
            return flag.default
    return 0


def script_notes(request: ScriptRequest, spec: ScriptSpec, num_seeds: int) -> list[str]:
    """What the user should know about the flags and the seeds of a script."""
    notes = []
    if spec.flags.problem is not None:
        notes.append(
            f"the flags of {request.script} are not known ({spec.flags.problem}): they are passed"
            " as typed, and only --grid NAME=VALUES tries several values"
        )
    for option in dict.fromkeys(request.own_options):
        shadowed = spec.flags.find_flag(option) if option.startswith("--") else None
        if (
            shadowed is not None
            and shadowed.name != spec.seed_flag
            and option in shadowed.spellings
        ):
            notes.append(
                f"{option} is an option of nnlab; --flag.{option[2:]} sets the flag of the script"
            )
    short = [token for token in request.tokens if token[:2] in _SHORT_OPTIONS]
    if spec.flags.parser == "unknown" and short:
        notes.append(
            f"{short[0]} is passed to the script: options of nnlab with one letter stand before the"
            " script"
        )
    takes_seed = spec.seed_flag is not None or (
        spec.template is not None and has_seed_placeholder(spec.template)
    )
    if num_seeds > 1 and not takes_seed:
        where = "{seed} in the command" if spec.template is not None else "--seed-flag NAME"
        notes.append(
            "the seeds are passed only as the environment variable NNLAB_SEED:"
            f" {where} passes them as an argument"
        )
    return notes


def _script_path(script: Path) -> Path:
    path = script.expanduser().absolute()
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "not a file"
        raise UsageError(
            f"{script} is {kind}" if path.exists() else f"there is no script {script}",
            hint="options of nnlab may stand before the script, its own flags after it",
        )
    return path


def _check_command(command: str) -> None:
    if not command.strip():
        raise UsageError("--cmd is empty", hint='--cmd "./train.sh {lr}"')
    try:
        shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--cmd cannot be read: {error}") from None


def _seed_flag(request: ScriptRequest, flags: ScriptFlags) -> str | None:
    if request.seed_flag == NO_SEED_FLAG or request.command is not None:
        return None
    if request.seed_flag is not None:
        if flags.parser == "unknown":
            return request.seed_flag.removeprefix("--")
        return flags.resolve_flag(request.seed_flag).name
    found = (flags.find_flag(name) for name in _SEED_NAMES)
    return next((flag.name for flag in found if flag is not None and _takes_seed(flag)), None)


def _takes_seed(flag: Flag) -> bool:
    return flag.takes in ("one", "optional") and flag.kind in ("int", "any", "str", "float")


def _metrics(metrics: str | None, path: Path | None) -> str:
    """Where metrics come from; `auto` if the script may log them by itself."""
    if metrics is not None:
        return metrics
    files = () if path is None else script_version(path).files
    mentions = (b"nnlab" in file.read_bytes() for file in files)
    return AUTOMATIC_METRICS if any(mentions) else LINE_METRICS


def _duration(option: str, text: str | None) -> float | None:
    if text is None:
        return None
    seconds = parse_duration(text)
    if seconds is None or seconds <= 0:
        raise ConfigError([f"{option} {text}: not a duration such as 90s, 30min or 4h"])
    return seconds
