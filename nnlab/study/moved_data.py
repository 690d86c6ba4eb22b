"""Data files under another path: what has the same content is trained as the same trial."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from nnlab import store
from nnlab.objective import Setting
from nnlab.records import Study, Trial

# Of these the setting holds a hash of the content, which does not depend on the path.
_FILE_PREFIXES = ("csv:", "npz:", "folder:")


def reuse_trials_of_moved_data(
    db: store.Database, study: Study, plans: Sequence[store.RunSpec]
) -> tuple[list[store.RunSpec], tuple[tuple[str, str], ...]]:
    """The plans, with the trials that the study has already of the same data at another path.

    Two settings are the same trial if they agree in all but the path of a data file, and in the
    hash of its content.

    Returns:
        The plans, and pairs of a path in an adopted setting and the path that was given.
    """
    if not any(_uses_data_file(plan.setting) for plan in plans):
        return list(plans), ()
    trials = {run.trial.id: run.trial for run in store.runs(db, study=study.id)}
    digests = {trial.digest for trial in trials.values()}
    known: Mapping[str, Trial] = {
        _key_without_path(trial.setting): trial
        for trial in trials.values()
        if _uses_data_file(trial.setting)
    }
    adopted, moved = [], {}
    for plan in plans:
        trial = (
            known.get(_key_without_path(plan.setting)) if _uses_data_file(plan.setting) else None
        )
        if trial is not None and plan.digest not in digests:
            moved[_data_path(trial.setting)] = _data_path(plan.setting)
            plan = replace(plan, setting=trial.setting, digest=trial.digest)
        adopted.append(plan)
    return adopted, tuple(moved.items())


def _uses_data_file(setting: Setting) -> bool:
    data = str(setting.get("data", ""))
    return data.startswith(_FILE_PREFIXES) and setting.get("data_version") is not None


def _data_path(setting: Setting) -> str:
    return str(setting["data"]).partition(":")[2].partition("#")[0]


def _key_without_path(setting: Setting) -> str:
    kind, _, rest = str(setting["data"]).partition(":")
    return repr(sorted({**setting, "data": f"{kind}:#{rest.partition('#')[2]}"}.items()))
