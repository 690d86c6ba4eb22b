"""`ScriptSpec`, the record of a script that a study stores: how any worker executes its runs."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nnlab.errors import StoreError, UsageError, UserCodeError
from nnlab.io.files import sha256_of
from nnlab.objective import Scalar, Setting
from nnlab.scripts.arguments import build_arguments
from nnlab.scripts.flag_records import flags_from_json, flags_to_json
from nnlab.scripts.flags import Flag, ScriptFlags
from nnlab.scripts.script_version import script_version
from nnlab.settings import ExternalSetting, digest_of
from nnlab.settings.external import SCRIPT_VERSION_NAME

# Names in the setting of a trial that are not flags of the script: the version of its code,
# arguments that are passed unchanged, and the number of processes that torchrun starts.
VERSION_NAME = SCRIPT_VERSION_NAME
EXTRA_ARGUMENTS_NAME = "extra_arguments"
PROCESSES_NAME = "torchrun_processes"
RESERVED_NAMES = (VERSION_NAME, EXTRA_ARGUMENTS_NAME, PROCESSES_NAME)

# Metrics come from `nnlab.init` in the script or, without it, from the lines that it prints.
AUTOMATIC_METRICS = "auto"
LINE_METRICS = "lines"
NO_METRICS = "none"

DEFAULT_GRACE_SECONDS = 30.0
# Of a version, which is shown where trials differ in it.
_VERSION_DIGITS = 12
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^\W\d][\w.-]*)\}")
# Placeholders of a command that are no flags.
_SEED_PLACEHOLDER, _FOLDER_PLACEHOLDER = "seed", "dir"
_FOLDER_TEXT = f"{{{_FOLDER_PLACEHOLDER}}}"


@dataclass(frozen=True, slots=True)
class ScriptSpec:
    """A script, or any other command, as the study of its runs stores it.

    Attributes:
        path: the script; None for a command.
        template: a command with placeholders such as `{lr}`; None for a script.
        folder: the working folder of its processes.
        python: the interpreter of a script.
        flags: the flags of the script, or the placeholders of the command.
        seed_flag: the name of the flag that takes the seed; None if there is none.
        metrics: `auto`, `lines`, `none`, or a log folder, which may contain placeholders.
        version: the version of the code when the study was last started.
        time_limit: seconds after which a run is stopped, and fails.
        grace: seconds between SIGTERM and SIGKILL when a run is stopped.
    """

    path: str | None
    template: str | None
    folder: str
    python: str
    flags: ScriptFlags = field(default_factory=lambda: ScriptFlags("unknown"))
    seed_flag: str | None = None
    metrics: str = AUTOMATIC_METRICS
    version: str = ""
    time_limit: float | None = None
    grace: float = DEFAULT_GRACE_SECONDS

    @property
    def name(self) -> str:
        """What identifies the script: its path, or the command."""
        return self.path or self.template or ""

    @property
    def log_folder(self) -> str | None:
        """The folder in which the script logs; None if its metrics come from elsewhere."""
        others = (AUTOMATIC_METRICS, LINE_METRICS, NO_METRICS)
        return None if self.metrics in others else self.metrics

    def current_version(self) -> str:
        """The version of the code on this machine now.

        Raises:
            UserCodeError: a file cannot be read.
        """
        if self.path is not None:
            return script_version(Path(self.path)).digest[:_VERSION_DIGITS]
        return _command_version(self.template or "", Path(self.folder))

    def with_current_version(self) -> "ScriptSpec":
        """The record with the version of the code on this machine now."""
        return replace(self, version=self.current_version())

    def without_seed_flag(self) -> "ScriptSpec":
        """The record of a script that gets its seed only from its environment."""
        return replace(self, seed_flag=None)

    def to_json(self) -> dict[str, Any]:
        """The record as values of JSON."""
        return {
            "name": self.name,
            "path": self.path,
            "template": self.template,
            "folder": self.folder,
            "python": self.python,
            "flags": json.loads(flags_to_json(self.flags)),
            "seed_flag": self.seed_flag,
            "metrics": self.metrics,
            "version": self.version,
            "time_limit": self.time_limit,
            "grace": self.grace,
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "ScriptSpec":
        """The inverse of `to_json`.

        Raises:
            StoreError: the record was not written by this version of nnlab or a compatible one.
        """
        try:
            flags = flags_from_json(json.dumps(record["flags"]).encode("ascii"))
            values = {name: record[name] for name in cls.__slots__ if name != "flags"}
            return cls(**values, flags=flags)
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"the record of a study's script cannot be read: {error}") from None


def script_setting(spec: ScriptSpec, values: Mapping[str, Scalar]) -> tuple[Setting, str]:
    """The setting of a trial, and its digest: the values of the flags, and the code's version."""
    setting = ExternalSetting({**values, VERSION_NAME: spec.version})
    return setting, digest_of(setting)


def join_arguments(words: Sequence[str]) -> str:
    """Arguments that are passed unchanged, as a setting stores them."""
    return shlex.join(words)


def without_version(setting: Setting) -> dict[str, Scalar]:
    """The setting of a trial of a script without the version of the code."""
    return {name: value for name, value in setting.items() if name != VERSION_NAME}


def build_command(spec: ScriptSpec, setting: Setting, seed: int, run_folder: Path) -> list[str]:
    """The command line of a run.

    Args:
        spec: the script.
        setting: the setting of the trial.
        seed: the seed of the run.
        run_folder: the folder of the run's files, for `{dir}` in a command or in values of flags.

    Raises:
        UsageError: the script has no flag of a name in the setting.
    """
    # In the order in which a setting is stored.
    values = {
        name: _with_folder(setting[name], run_folder)
        for name in sorted(setting)
        if name not in RESERVED_NAMES
    }
    extra = shlex.split(str(setting.get(EXTRA_ARGUMENTS_NAME) or ""))
    if spec.template is not None:
        texts = placeholder_values(setting, seed, run_folder)
        quoted = {name: shlex.quote(text) for name, text in texts.items()}
        command = " ".join([fill_placeholders(spec.template, quoted), *map(shlex.quote, extra)])
        return ["/bin/sh", "-c", command]
    if spec.seed_flag is not None:
        values[spec.seed_flag] = seed
    launcher = [spec.python]
    if (processes := setting.get(PROCESSES_NAME)) is not None:
        # torchrun, in the interpreter of the script.
        launcher += ["-m", "torch.distributed.run", "--standalone"]
        launcher += [f"--nproc-per-node={processes}"]
    return [*launcher, str(spec.path), *build_arguments(spec.flags, values), *extra]


def _with_folder(value: Scalar, run_folder: Path) -> Scalar:
    """A value in which `{dir}` is the folder of the run; other braces may be JSON and stay."""
    return value.replace(_FOLDER_TEXT, str(run_folder)) if isinstance(value, str) else value


def placeholder_values(setting: Setting, seed: int, run_folder: Path) -> dict[str, str]:
    """The texts of the placeholders in a command or a path: flags, `{seed}` and `{dir}`."""
    texts = {name: _text(setting[name]) for name in setting if name not in RESERVED_NAMES}
    return {_SEED_PLACEHOLDER: str(seed), **texts, _FOLDER_PLACEHOLDER: str(run_folder)}


def placeholder_flags(template: str) -> ScriptFlags:
    """The placeholders of a command as flags that take one value.

    >>> [flag.name for flag in placeholder_flags("./train.sh {lr} --seed {seed}").flags]
    ['lr']
    """
    names = dict.fromkeys(match[1] for match in _PLACEHOLDER.finditer(template) if match[1])
    own = (name for name in names if name not in (_SEED_PLACEHOLDER, _FOLDER_PLACEHOLDER))
    return ScriptFlags("argparse", tuple(Flag(n, (f"--{n}",), required=True) for n in own))


def has_seed_placeholder(template: str) -> bool:
    """Whether a command receives the seed of a run."""
    return any(match[1] == _SEED_PLACEHOLDER for match in _PLACEHOLDER.finditer(template))


def fill_placeholders(template: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders replaced; `{{` and `}}` are braces.

    Raises:
        UsageError: a placeholder has no value.

    >>> fill_placeholders("./train.sh {lr} {{x}}", {"lr": "0.1"})
    './train.sh 0.1 {x}'
    """

    def value_of(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0][0]
        if match[1] not in values:
            raise UsageError(f"{{{match[1]}}} has no value", hint=f"--{match[1]} VALUE")
        return values[match[1]]

    return _PLACEHOLDER.sub(value_of, template)


def _text(value: Scalar) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _command_version(template: str, folder: Path) -> str:
    """The version of the local files that a command names; empty if it names none."""
    try:
        words = shlex.split(template)
    except ValueError:
        words = template.split()
    files = [
        path for word in words if (path := folder / word).is_file() and path.is_relative_to(folder)
    ]
    versions = []
    for path in dict.fromkeys(files):
        if path.suffix == ".py":
            versions.append(script_version(path).digest)
            continue
        try:
            versions.append(sha256_of(path))
        except OSError as error:
            raise UserCodeError(f"cannot read '{path}': {error.strerror or error}") from error
    if len(versions) == 1:
        return versions[0][:_VERSION_DIGITS]
    return (
        digest_of(ExternalSetting(files=json.dumps(versions)))[:_VERSION_DIGITS] if versions else ""
    )
