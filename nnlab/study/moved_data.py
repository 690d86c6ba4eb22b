"""Recognizes data files at a new path: the same content belongs to the same trial."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from nnlab import store
from nnlab.objective import Setting
from nnlab.records import Study, Trial

# Data sets read from files: their settings hold a hash of the content, independent of the path.
_FILE_PREFIXES = ("csv:", "parquet:", "excel:", "npz:", "folder:")


def reuse_trials_of_moved_data(
    db: store.Database, study: Study, run_specs: Sequence[store.RunSpec]
) -> tuple[list[store.RunSpec], tuple[tuple[str, str], ...]]:
    """Replaces settings by those of stored trials that have the same data at another path.

    Two settings belong to the same trial if they agree in everything but the path of the data
    file, including the hash of its content.

    Returns:
        The run specifications, and pairs of the path in a stored setting and the new path.
    """
    if not any(_uses_data_file(spec.setting) for spec in run_specs):
        return list(run_specs), ()
    trials = {run.trial.id: run.trial for run in store.runs(db, study=study.id)}
    digests = {trial.digest for trial in trials.values()}
    trials_by_content: Mapping[str, Trial] = {
        _key_without_path(trial.setting): trial
        for trial in trials.values()
        if _uses_data_file(trial.setting)
    }
    reused, moved_paths = [], {}
    for spec in run_specs:
        trial = (
            trials_by_content.get(_key_without_path(spec.setting))
            if _uses_data_file(spec.setting)
            else None
        )
        if trial is not None and spec.digest not in digests:
            moved_paths[_data_path(trial.setting)] = _data_path(spec.setting)
            spec = replace(spec, setting=trial.setting, digest=trial.digest)
        reused.append(spec)
    return reused, tuple(moved_paths.items())


def _uses_data_file(setting: Setting) -> bool:
    data = str(setting.get("data", ""))
    return data.startswith(_FILE_PREFIXES) and setting.get("data_version") is not None


def _data_path(setting: Setting) -> str:
    """The path in `csv:PATH#OPTIONS`."""
    return str(setting["data"]).partition(":")[2].partition("#")[0]


def _key_without_path(setting: Setting) -> str:
    """A key that is equal for settings which differ only in the path of the data file."""
    kind, _, rest = str(setting["data"]).partition(":")
    return repr(sorted({**setting, "data": f"{kind}:#{rest.partition('#')[2]}"}.items()))
