"""The data set of runs of other programs, as far as their settings name it."""

from nnlab.objective import Scalar, Setting
from nnlab.settings import is_builtin_setting

# The names, in lower case, under which programs have the data set in their configuration. A folder
# is not among them: the same data has another path on another machine.
DATA_NAMES = (
    *("dataset", "data", "dataset_name", "data_name", "dataset.name", "data.name"),
    *("dataset_id", "data.dataset", "data.dataset_name", "task_name"),
)


def data_of(setting: Setting) -> Scalar:
    """The name of the data set of a run; None if its setting does not have it.

    >>> data_of({"data": "iris"})
    'iris'
    """
    if is_builtin_setting(setting):
        return setting.get("data")
    by_name = {name.lower().replace("-", "_"): name for name in reversed(list(setting))}
    values = (setting[by_name[name]] for name in DATA_NAMES if name in by_name)
    return next((value for value in values if isinstance(value, str) and value), None)
