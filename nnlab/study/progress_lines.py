"""The progress of training as text: an epoch in a line, a run in a line."""

from collections.abc import Callable, Mapping, Sequence

from nnlab.config.space import distinguishing_fields, setting_label
from nnlab.records import Run
from nnlab.stats import format_duration
from nnlab.workers.callbacks import RunResult

DescribeRun = Callable[[Run], str]


def run_describer(runs: Sequence[Run]) -> DescribeRun:
    """A function that names a run by its seed and by what distinguishes its trial in `runs`."""
    fields = distinguishing_fields([run.trial.setting for run in runs])

    def describe(run: Run) -> str:
        return f"{setting_label(run.trial.setting, fields)} seed={run.seed}".strip()

    return describe


def metrics_line(values: Mapping[str, float]) -> str:
    """Loss and score of both splits and the learning rate, in a line."""
    score = next((name for name in ("accuracy", "r2") if f"val/{name}" in values), "loss")
    parts = [f"loss {values['train/loss']:.4g}, val {values['val/loss']:.4g}"]
    if score != "loss":
        parts.append(f"{score} {values[f'train/{score}']:.4f}, val {values[f'val/{score}']:.4f}")
    return "  ".join([*parts, f"lr {values['lr']:.3g}"])


def run_result_line(result: RunResult, label: str) -> str:
    """The result of a run in a line."""
    parts = [f"run {result.run.id}", label]
    parts.append(f"{result.status}: {result.reason}" if result.reason else str(result.status))
    if result.selected_value is not None:
        metric = str(result.run.trial.setting["objective"]).partition(":")[0]
        parts.append(f"{metric} {result.selected_value:.4f} at epoch {result.selected_epoch}")
    if result.seconds is not None:
        parts.append(format_duration(result.seconds))
    return "  ".join(parts)
