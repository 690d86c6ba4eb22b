"""A folder that trains a study again: settings, a lock of packages, the numbers to expect."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import nnlab
from nnlab import store
from nnlab.engine.user import model_version
from nnlab.errors import OutputError, UsageError
from nnlab.escaping import escaped
from nnlab.experiments.remedying import typed_fields
from nnlab.files import write_whole
from nnlab.records import Environment, Setting, Status
from nnlab.report.ranking import Ranking, Row, last_runs, plural, rank
from nnlab.report.scope import Scope
from nnlab.space import label

# Of a trial with too few seeds for an interval: this share of its value.
_SHARE = 0.05
_LEAST_SEEDS = 3
# What has a result: a run that failed would fail again.
_OVER = (Status.FINISHED, Status.DIVERGED)
_README = """\
# {title}, once more

`make reproduce` makes an environment with the packages of `requirements.txt`, trains the {trials}
of `trials/` with their {runs}, and compares the numbers with `expected.json`. It ends with an
error if one differs by more than its tolerance. The runs took {seconds:.0f} s on {devices}
when they were trained first.

Compared is the mean over seeds of {metric} at each run's best epoch. The tolerance is half of
the 95 % interval of that mean, and {share:.0%} of the value where there are fewer than three seeds.
On the same machine, with the same packages and trained in the same way, a run ends equal to the
last bit; `check.py` says of how many that is so.

{data}Made by nnlab {version} from commit{plural} {commits}.
"""


def write_folder(db: store.Database, scope: Scope, folder: Path) -> str:
    """Writes the folder for the trials of a scope, and says in a few words what is in it.

    Raises:
        OutputError: it is there already and not empty, or cannot be written.
        UsageError: nothing was trained, or a run cannot be trained from its setting alone.
    """
    over = tuple(run.id for run in last_runs(db, scope) if run.status in _OVER)
    if not over:
        raise UsageError(f"nothing to reproduce: no run of {scope.title} has ended")
    ranking = rank(db, replace(scope, studies=None, runs=over))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"'{folder}' is there already", hint="name a new folder")
    begun = [row.trials[0] for row in ranking.rows if row.setting.get("start_from")]
    if begun:
        raise UsageError(
            f"{plural(len(begun), 'trial')} of {scope.title} began with the weights of other runs",
            hint="reproduce those first, then train with --from",
        )
    models = _models([row.setting for row in ranking.rows])
    runs = [run for row in ranking.rows for run in row.runs]
    environments = [a.environment for a in store.attempts_of(db, runs) if a.environment]
    digests = {number: one.digest for number, one in store.trials(db, _trials(ranking)).items()}
    (folder / "trials").mkdir(parents=True, exist_ok=True)
    for name, content in models.items():
        write_whole(folder / name, content)
    for number, row in enumerate(ranking.rows, start=1):
        text = _toml(row.setting, row.seeds)
        write_whole(folder / "trials" / f"{number:04d}.toml", text.encode())
    expected = {
        "metric": ranking.objective.metric,
        "nnlab": nnlab.__version__,
        "trials": [_expected(row, ranking, digests[row.trials[0]]) for row in ranking.rows],
    }
    write_whole(folder / "expected.json", (json.dumps(expected, indent=1) + "\n").encode())
    write_whole(folder / "requirements.txt", _lock(environments).encode())
    makefile = _resource("Makefile").replace("@VERSION@", nnlab.__version__)
    write_whole(folder / "Makefile", makefile.encode())
    write_whole(folder / "check.py", _resource("check.py").encode())
    write_whole(folder / "README.md", _readme(db, ranking, environments).encode())
    return f"{plural(len(ranking.rows), 'trial')}, {plural(len(runs), 'run')}"


def _models(settings: Sequence[Setting]) -> dict[str, bytes]:
    """The files of the user's own models, by the name that they are found under in the folder.

    Raises:
        UsageError: one is not where it was, is not the one that was trained, or lies elsewhere.
    """
    found: dict[str, bytes] = {}
    for setting in settings:
        model = str(setting.get("model"))
        name = model.partition(":")[0]
        if "model_version" not in setting or setting["model_version"] is None:
            continue
        path = Path(name)
        if path.is_absolute() or ".." in path.parts or len(path.parts) > 1:
            raise UsageError(
                f"{name} lies in another folder", hint="train with a model file in this one"
            )
        if model_version(model) != setting["model_version"]:
            raise UsageError(
                f"{name} has changed since it was trained",
                hint="put the old one back, or train again",
            )
        found[name] = path.read_bytes()
    return found


def _trials(ranking: Ranking) -> list[int]:
    return [row.trials[0] for row in ranking.rows]


def _resource(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _toml(setting: Setting, seeds: tuple[int, ...]) -> str:
    lines = [f"{name} = {_literal(setting[name])}" for name in typed_fields(setting)]
    return "\n".join([*lines, f"seeds = {list(seeds)}"]) + "\n"


def _literal(value: object) -> str:
    """A TOML value; text is escaped as JSON, which TOML reads."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return json.dumps(str(value))


def _expected(row: Row, ranking: Ranking, digest: str) -> Mapping[str, Any]:
    finite = all(map(math.isfinite, row.values))
    mean = row.value.mean
    tolerance = _SHARE * abs(mean) if finite else 0.0
    if finite and row.interval is not None and row.value.n >= _LEAST_SEEDS:
        tolerance = row.interval[1] - mean
    return {
        "label": label(row.setting, ranking.fields) or ranking.scope.title,
        "digest": digest,
        "tolerance": tolerance,
        "runs": [
            {"seed": seed, "value": value if math.isfinite(value) else None}
            for seed, value in zip(row.seeds, row.values, strict=True)
        ],
    }


def _lock(environments: list[Environment]) -> str:
    """The packages of the newest environment, exactly; nnlab itself is the Makefile's."""
    packages = environments[-1].packages if environments else {}
    lines = [
        f"{name}=={version.partition('+')[0]}"
        for name, version in sorted(packages.items())
        if name != "nnlab"
    ]
    return "\n".join(lines) + "\n"


def _readme(db: store.Database, ranking: Ranking, environments: list[Environment]) -> str:
    runs = [run for row in ranking.rows for run in row.runs]
    seconds = sum(run.device_seconds or 0.0 for run in store.runs(db, run_ids=runs))
    commits = sorted({e.git_commit for e in environments if e.git_commit})
    return _README.format(
        title=escaped(ranking.scope.title),
        trials=plural(len(ranking.rows), "trial"),
        runs=plural(len(runs), "run"),
        seconds=seconds,
        devices=escaped(", ".join(sorted({e.device for e in environments}))) or "an unknown device",
        metric=escaped(ranking.objective.metric),
        share=_SHARE,
        data=_data_needed([row.setting for row in ranking.rows]),
        version=nnlab.__version__,
        plural="s" if len(commits) > 1 else "",
        commits=escaped(", ".join(commits)) or "unknown (not in a git repository)",
    )


def _data_needed(settings: Sequence[Setting]) -> str:
    """What must be put beside it: data are not copied, for they may be large or not to be given."""
    named = sorted({str(setting["data"]) for setting in settings if ":" in str(setting["data"])})
    if not named:
        return ""
    return f"It needs data of your own, by paths from this folder: {escaped(', '.join(named))}.\n\n"
