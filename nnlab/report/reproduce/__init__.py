"""Writes a folder that trains a study again: settings, package versions, expected numbers."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from nnlab import store
from nnlab.analysis.ranking import rank
from nnlab.analysis.records import Ranking, RankingRequest, RankingRow
from nnlab.analysis.remedies import minimal_fields
from nnlab.analysis.scope import Scope, current_runs
from nnlab.catalogue import is_user_code
from nnlab.engine import user_code
from nnlab.engine.metric_versions import metrics_version
from nnlab.engine.user_code import helper_files, is_user_file, matches_version, source_of
from nnlab.errors import OutputError, UsageError
from nnlab.io.escaping import escape_markdown, escape_terminal
from nnlab.io.files import write_atomic
from nnlab.io.text import format_count
from nnlab.records import Environment, Setting, Status
from nnlab.report.reproduce.lock import PackageLock, build_lock, how_to_install, nnlab_requirement
from nnlab.settings import CODE_VERSION_FIELDS, is_builtin_setting, parse_metrics
from nnlab.settings.arguments import is_argument
from nnlab.settings.setting_differences import setting_label
from nnlab.stats import format_duration
from nnlab.version import nnlab_version

# The tolerance of a trial with too few seeds for an interval, as a fraction of its value.
_RELATIVE_TOLERANCE = 0.05
_MIN_SEEDS = 3
# Runs with a result; a failed run would fail again.
_ENDED_STATUSES = (Status.FINISHED, Status.DIVERGED)
# Names of files that are written to the folder.
_RESERVED_NAMES = (
    "Makefile",
    "check.py",
    "expected.json",
    "requirements.txt",
    "README.md",
    "trials",
)
_README_TEMPLATE = """\
# Reproduction of {title}

`make reproduce` creates an environment with the packages of `requirements.txt`, trains the {trials}
of `trials/` with their {runs}, and compares the numbers with `expected.json`. It fails if a number
differs by more than its tolerance. The original runs took {duration} on {devices}.

The compared number is the mean over seeds of {metric} at each run's best epoch. The tolerance is
half of the 95 % interval of that mean, or {share:.0%} of the value with fewer than three seeds. On
the same machine, with the same packages and the same engine, runs are bitwise equal; `check.py`
prints how many are.

{install}{packages}{data}Made by nnlab {version} from commit{plural} {commits}.
"""
_DROPPED_PACKAGES_TEXT = """\
{count} of the recorded environment are not in `requirements.txt`: nnlab does not record packages
of these names, or their versions are invalid.

"""


def write_reproduction_folder(db: store.Database, scope: Scope, folder: Path) -> str:
    """Writes the folder for the trials of a scope; returns a short summary of its contents.

    Raises:
        OutputError: the folder exists and is not empty, or cannot be written.
        UsageError: no run has ended, or a run cannot be trained from its setting alone.
    """
    ended = tuple(run.id for run in current_runs(db, scope) if run.status in _ENDED_STATUSES)
    if not ended:
        raise UsageError(f"nothing to reproduce: no run of {scope.title} has ended")
    # All trials are trained again, including those that are not comparable.
    ranking = rank(db, replace(scope, studies=None, runs=ended), RankingRequest(mixed=True))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"'{folder}' already exists", hint="name a new folder")
    if not all(is_builtin_setting(row.setting) for row in ranking.rows):
        raise UsageError(
            f"{scope.title} has runs of other programs, which nnlab cannot repeat",
            hint="name the studies whose runs nnlab trained",
        )
    continued = [row.trials[0] for row in ranking.rows if row.setting.get("start_from")]
    if continued:
        raise UsageError(
            f"{format_count(len(continued), 'trial')} of {scope.title} started from the weights of"
            " other runs",
            hint="reproduce those first, then train with --from",
        )
    code = _user_code_files([row.setting for row in ranking.rows])
    runs = [run for row in ranking.rows for run in row.runs]
    environments = [a.environment for a in store.attempts_of_runs(db, runs) if a.environment]
    digests = {id_: trial.digest for id_, trial in store.trials(db, _trial_ids(ranking)).items()}
    (folder / "trials").mkdir(parents=True, exist_ok=True)
    for name, content in code.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / name, content)
    for number, row in enumerate(ranking.rows, start=1):
        text = _trial_toml(row.setting, [seed for seed in row.seeds if seed is not None])
        write_atomic(folder / "trials" / f"{number:04d}.toml", text.encode())
    expected = {
        "metric": ranking.objective.metric,
        "nnlab": nnlab_version(),
        "trials": [_expected_values(row, ranking, digests[row.trials[0]]) for row in ranking.rows],
    }
    write_atomic(folder / "expected.json", (json.dumps(expected, indent=1) + "\n").encode())
    lock = build_lock(environments[-1].packages if environments else {})
    write_atomic(folder / "requirements.txt", lock.text.encode())
    write_atomic(folder / "Makefile", _makefile().encode())
    write_atomic(folder / "check.py", _resource_text("check.py").encode())
    write_atomic(folder / "README.md", _readme_text(db, ranking, environments, lock).encode())
    dropped = f"; {format_count(lock.dropped, 'package')} left out" if lock.dropped else ""
    return f"{format_count(len(ranking.rows), 'trial')}, {format_count(len(runs), 'run')}{dropped}"


def _makefile() -> str:
    version = nnlab_version()
    variables = [f"NNLAB ?= {nnlab_requirement(version)}".rstrip()]
    if not nnlab_requirement(version):
        variables.append(f"HOW_TO_INSTALL = {how_to_install(version)}")
    return _resource_text("Makefile").replace("@NNLAB@", "\n".join(variables))


def _user_code_files(settings: Sequence[Setting]) -> dict[str, bytes]:
    """The contents of the files of user-defined models, losses, ..., by their path in the folder.

    Raises:
        UsageError: a file is missing, has changed since training, or cannot be placed there.
    """
    contents: dict[str, bytes] = {}
    for setting in settings:
        for kind, version_field in CODE_VERSION_FIELDS.items():
            reference, version = str(setting.get(kind)), setting.get(version_field)
            if version is not None and is_user_code(kind, reference):
                contents |= _files_of(reference, matches_version(reference, str(version)))
        if (metrics := setting.get("metrics")) is not None:
            is_unchanged = metrics_version(str(metrics)) == setting.get("metrics_version")
            for metric in parse_metrics(str(metrics)):
                if metric.is_user_defined:
                    contents |= _files_of(metric.reference, is_unchanged)
    return contents


def _files_of(reference: str, is_unchanged: bool) -> dict[str, bytes]:
    """The contents of the file of a reference, and of the files that it imports.

    None of an installed package, which requirements.txt names.
    """
    name = reference.rpartition(":")[0]
    if not name.endswith(".py"):
        source = source_of(reference)[0]
        if not source.is_file() or not is_user_file(str(source)):
            return {}
        name = os.path.relpath(source)
    path = Path(name)
    if path.is_absolute() or ".." in path.parts or len(path.parts) > 1 or name in _RESERVED_NAMES:
        raise UsageError(
            f"{name} cannot be copied to the new folder: it is in another folder, or its name"
            " is used for another file",
            hint="train with a file of another name in the current folder",
        )
    if not is_unchanged:
        raise UsageError(
            f"{name} has changed since it was trained",
            hint="restore the old file, or train again",
        )
    contents = {name: path.read_bytes()}
    return contents | {name: file.read_bytes() for name, file in helper_files(reference).items()}


def _trial_ids(ranking: Ranking) -> list[int]:
    return [row.trials[0] for row in ranking.rows]


def _resource_text(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _trial_toml(setting: Setting, seeds: Sequence[int]) -> str:
    # Writing a report only reads, so user code named by the database is not executed.
    with user_code.forbid_execution("a report executes no code"):
        names = minimal_fields(setting)
    lines = [f"{_toml_key(name)} = {_toml_literal(setting[name])}" for name in names]
    return "\n".join([*lines, f"seeds = {[int(seed) for seed in seeds]}"]) + "\n"


def _toml_key(name: str) -> str:
    """A key of a setting; TOML would take `model.width` without quotes as a key of a table."""
    return _toml_literal(name) if is_argument(name) else name


def _toml_literal(value: object) -> str:
    """A value as TOML; text as a basic string in ASCII."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return '"' + "".join(map(_toml_character, str(value))) + '"'


def _toml_character(character: str) -> str:
    """A character of a basic string. Unlike JSON, TOML has no surrogates and forbids bare DEL."""
    if character in '"\\':
        return "\\" + character
    if character.isascii() and character.isprintable():
        return character
    code = ord(character)
    return "?" if 0xD800 <= code < 0xE000 else f"\\U{code:08X}"


def _one_line(text: str) -> str:
    """Text that `check.py` can print safely; it runs without nnlab."""
    return escape_terminal(text.replace("\n", " "))


def _expected_values(row: RankingRow, ranking: Ranking, digest: str) -> Mapping[str, Any]:
    finite = all(map(math.isfinite, row.values))
    mean = row.value.mean
    tolerance = _RELATIVE_TOLERANCE * abs(mean) if finite else 0.0
    if finite and row.interval is not None and row.value.n >= _MIN_SEEDS:
        low, high = row.interval
        tolerance = (high - low) / 2
    return {
        "label": _one_line(
            setting_label(row.labelled_setting, ranking.label_fields(row)) or ranking.scope.title
        ),
        "digest": digest,
        "tolerance": tolerance,
        "runs": [
            {"seed": seed, "value": value if math.isfinite(value) else None}
            for seed, value in zip(row.seeds, row.values, strict=True)
        ],
    }


def _readme_text(
    db: store.Database, ranking: Ranking, environments: list[Environment], lock: PackageLock
) -> str:
    runs = [run for row in ranking.rows for run in row.runs]
    seconds = sum(run.device_seconds or 0.0 for run in store.runs(db, run_ids=runs))
    commits = sorted({e.git_commit for e in environments if e.git_commit})
    return _README_TEMPLATE.format(
        title=escape_markdown(ranking.scope.title),
        trials=format_count(len(ranking.rows), "trial"),
        runs=format_count(len(runs), "run"),
        duration=format_duration(seconds),
        devices=escape_markdown(", ".join(sorted({e.device for e in environments})))
        or "an unknown device",
        metric=escape_markdown(ranking.objective.metric),
        share=_RELATIVE_TOLERANCE,
        install=""
        if nnlab_requirement(nnlab_version())
        else f"{how_to_install(nnlab_version())}\n\n",
        packages=_DROPPED_PACKAGES_TEXT.format(count=format_count(lock.dropped, "package"))
        if lock.dropped
        else "",
        data=_data_note([row.setting for row in ranking.rows]),
        version=nnlab_version(),
        plural="s" if len(commits) > 1 else "",
        commits=escape_markdown(", ".join(commits)) or "unknown (not in a git repository)",
    )


def _inline_code(text: str) -> str:
    """Text as inline code in Markdown, so that it can be copied."""
    return f"`{_one_line(text).replace('`', '?')}`"


def _data_note(settings: Sequence[Setting]) -> str:
    """The note on data files, which are not copied: they may be large or confidential."""
    names = {str(setting["data"]) for setting in settings}
    names |= {
        str(m) for s in settings if str(m := s.get("model")).startswith("hf:") and "/" in str(m)
    }
    files = sorted(name for name in names if ":" in name)
    if not files:
        return ""
    paths = ", ".join(map(_inline_code, files))
    return f"It needs these data files, with paths relative to this folder: {paths}.\n\n"
