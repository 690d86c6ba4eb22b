"""The curves of runs of other programs under the names that figures and reports look for."""

from nnlab.metric_names import split_of, usual_name
from nnlab.objective import Setting
from nnlab.records import Curve, History
from nnlab.settings import is_builtin_setting


def with_usual_names(history: History, setting: Setting) -> History:
    """The history of a run, in which a curve such as `val_acc` is also `val/accuracy`.

    Curves keep their own names, by which users ask for them. Those of nnlab's own runs have usual
    names already.
    """
    if is_builtin_setting(setting):
        return history
    added: dict[str, Curve] = {}
    for metric in history.metrics:
        usual = usual_name(metric)
        if usual not in history.curves and split_of(metric) is not None:
            added.setdefault(usual, history.curves[metric])
    return History({**history.curves, **added}) if added else history
