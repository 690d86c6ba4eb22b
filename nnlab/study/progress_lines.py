"""The progress of training as text: an epoch, a run or an event in a line."""

from collections.abc import Callable, Mapping, Sequence

from nnlab.analysis.arm_labels import NO_ARMS, ArmsOfStudies, trial_labels
from nnlab.io.text import format_count, format_seed
from nnlab.metric_names import split_of
from nnlab.records import Epoch, Run
from nnlab.stats import format_duration
from nnlab.study.events import (
    AbandonedRunsFound,
    ExecutionEvent,
    PairsMeasured,
    SamplerExhausted,
    SamplerTrialsQueued,
    SamplerWaiting,
    WaitingForRuns,
)
from nnlab.workers.callbacks import RunResult

DescribeRun = Callable[[Run], str]

_MAX_EXTERNAL_METRICS = 4


def run_describer(runs: Sequence[Run], arms: ArmsOfStudies = NO_ARMS) -> DescribeRun:
    """A function that names a run by its seed, and by its arm or what distinguishes its trial.

    Args:
        runs: all runs, from which a trial is distinguished.
        arms: the arms of their studies.
    """
    labels = trial_labels((run.trial for run in runs), arms)

    def describe(run: Run) -> str:
        return f"{labels.get(run.trial.id, '')} seed={format_seed(run.seed)}".strip()

    return describe


def metrics_line(values: Mapping[str, float], run: Run | None = None) -> str:
    """Loss and scores of both splits and the learning rate, in a line.

    The errors of a regression in the unit of the target come first.

    Args:
        values: the metrics of an epoch.
        run: the run, whose objective is shown too.
    """
    objective = "" if run is None else str(run.trial.setting.get("objective") or "")
    formats = {"rmse": ".4g", "mae": ".4g", "loss": ".4g", "accuracy": ".4f", "r2": ".4f"}
    formats.setdefault(objective.partition(":")[0].partition("/")[2], ".4g")
    parts = [
        f"{name} {values[f'train/{name}']:{number}}, val {values[f'val/{name}']:{number}}"
        for name, number in formats.items()
        if f"train/{name}" in values and f"val/{name}" in values
    ]
    if "lr" in values:  # second-order optimizers have none
        parts.append(f"lr {values['lr']:.3g}")
    return "  ".join(parts)


def epoch_line(epoch: Epoch, run: Run) -> str:
    """The newest values of a run, and the epoch or step that they belong to, in a line."""
    if run.origin.is_external:
        return f"{run.axis} {epoch.number}  {external_metrics_line(epoch.values)}"
    return f"epoch {epoch.number}/{run.epochs_planned}  {metrics_line(epoch.values, run)}"


def external_metrics_line(values: Mapping[str, float]) -> str:
    """A few metrics of a run of another program in a line, those of the validation split first.

    >>> external_metrics_line({"train/loss": 0.5, "lr": 0.1, "val/accuracy": 0.75})
    'val/accuracy 0.75  train/loss 0.5  lr 0.1'
    """
    order = ("val", "test", "train", None)
    names = sorted(
        (name for name in values if not name.startswith("system/")),
        key=lambda name: order.index(split_of(name)),
    )
    return "  ".join(f"{name} {values[name]:.4g}" for name in names[:_MAX_EXTERNAL_METRICS])


def run_result_line(result: RunResult, label: str) -> str:
    """The result of a run in a line."""
    parts = [f"run {result.run.id}", label]
    parts.append(f"{result.status}: {result.reason}" if result.reason else str(result.status))
    if result.selected_value is not None:
        metric = result.selected_metric or _objective_metric(result.run)
        values = [f"{name} {value:.5g}" for name, value in result.selected_errors.items()]
        if metric not in result.selected_errors:
            values.append(f"{metric} {_four_decimals(result.selected_value)}")
        parts.append(f"{', '.join(values)} at {result.run.axis} {result.selected_epoch}")
    if result.seconds is not None:
        parts.append(format_duration(result.seconds))
    return "  ".join(parts)


def _four_decimals(value: float) -> str:
    """A number with four decimals; with an exponent if it has more than six digits before them."""
    return f"{value:.4f}" if abs(value) < 1e6 else f"{value:.4g}"


def _objective_metric(run: Run) -> str:
    return str(run.trial.setting["objective"]).partition(":")[0]


def event_line(event: ExecutionEvent) -> str:
    """An event between runs in a line."""
    match event:
        case SamplerTrialsQueued(sampler, new, tried, total):
            return f"{sampler}: {format_count(new, 'trial')} more, {tried} of {total}"
        case SamplerWaiting(sampler):
            return f"{sampler} waits for runs that other processes train"
        case SamplerExhausted(sampler, tried, total):
            return f"{sampler} finds {format_count(tried, 'trial')}, not {total:,}"
        case WaitingForRuns(runs, epochs, epochs_planned, is_first):
            line = f"waiting for {format_count(runs, 'run')} that other processes train"
            if epochs_planned:  # unknown for runs of other programs
                line += f": {epochs:,} of {epochs_planned:,} epochs"
            return f"{line} (Ctrl-C or --no-wait returns at once)" if is_first else line
        case AbandonedRunsFound():
            return "a process that trained some of the runs is gone: they are taken over"
        case PairsMeasured(measured, problems):
            line = f"distance and loss barrier of {format_count(measured, 'pair')} of runs"
            return "; ".join([f"{line} measured", *problems])
