"""What the claim of a study requires of the training of its runs."""

from dataclasses import replace

from nnlab.analysis.pair_metrics import has_pair_metrics
from nnlab.analysis.run_value import metrics_in
from nnlab.records import Comparison, Study
from nnlab.workers.executor import ExecutionOptions

# Runs that are trained as one program share its time and its energy equally.
_SHARED_COSTS = ("time/", "energy/")


def execution_for_claim(execution: ExecutionOptions, study: Study) -> ExecutionOptions:
    """The execution options with which the runs of a study can be compared as its claim requires.

    Comparisons of two solutions need the weights of the runs. Comparisons of seconds need runs
    that are trained one by one: an optimizer that cannot be trained in batches would be compared
    with runs that share their time with others. An explicit `--engine stacked` is kept.
    """
    if has_pair_metrics(study):
        execution = replace(execution, save_policy=replace(execution.save_policy, models=True))
    if execution.engine == "auto" and any(map(_compares_time, study.comparisons)):
        execution = replace(execution, engine="solo")
    return execution


def _compares_time(comparison: Comparison) -> bool:
    metrics = (*metrics_in(comparison.metric), *metrics_in(comparison.other_metric))
    moments = (comparison.at, comparison.other_at)
    return any(metric.startswith(_SHARED_COSTS) for metric in metrics) or any(
        moment.startswith("seconds") for moment in moments
    )
