"""The data of the view "Curves": which runs and metrics there are, and the lines of a metric."""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nnlab import store
from nnlab.analysis.arm_labels import load_arms, trial_labels
from nnlab.analysis.run_value import EPOCH_TIME_METRIC
from nnlab.analysis.scope import Scope
from nnlab.board.context import BoardContext
from nnlab.board.curve_axes import METRIC_PREFIX, CurveAxis, parse_axis
from nnlab.board.curve_cursors import CurveCursors, SentLine, SentLines, kept_points, sent_line
from nnlab.board.curve_lines import CurveLine, line_values, mean_best, mean_line
from nnlab.board.curve_reader import CurveReader, CurveWindow
from nnlab.board.parameters import Parameters
from nnlab.board.selection import selected_scope
from nnlab.errors import UsageError
from nnlab.figures.draw.display_names import split_of
from nnlab.objective import direction_of
from nnlab.records import Finding, Run

MAX_LINES: Final = 50  # in a panel
MAX_METRICS: Final = 24  # in a request
# The trials of the newest runs are shown; of so many runs at most the trials are looked up.
_MAX_NEWEST_RUNS: Final = 2_000
_MAX_SEEDS_SHOWN: Final = 500
_COST_PREFIXES: Final = ("time/", "energy/", "cost/")
_ONSET_CODES: Final = ("NN101", "NN102")

_cursors = CurveCursors()


def read_index(context: BoardContext, parameters: Parameters) -> Mapping[str, Any]:
    """The runs whose curves are shown with their trials, and the metrics that they have.

    Parameters: `runs` or `study`, and `seeds`: `lines` limits the number of runs instead of
    that of trials.
    """
    scope = selected_scope(context, parameters)
    newest = store.newest_started_runs(
        context.db, _MAX_NEWEST_RUNS, study_ids=scope.studies, run_ids=scope.runs
    )
    ids = _shown_runs(context, newest, by_run=parameters.text("seeds") == "lines")
    if scope.runs is not None:
        ids = sorted(set(ids) & set(scope.runs))
    runs = store.runs(context.db, run_ids=ids)
    counts = store.curve_counts(context.db, ids)
    total = sum(
        count
        for status, count in store.count_runs(
            context.db, study_ids=scope.studies, run_ids=scope.runs
        ).items()
        if status != "queued"
    )
    return {
        "title": scope.title,
        "names": _names(context, scope),
        "runs": _run_entries(context, runs),
        "total": total,
        "limit": MAX_LINES,
        "metrics": [{"name": name, "runs": count} for name, count in counts.items()],
        "axes": _axes(runs, counts),
    }


def _names(context: BoardContext, scope: Scope) -> list[str]:
    """The words that name the scope on the command line; none for the whole database."""
    if scope.runs is not None:
        return [str(run_id) for run_id in scope.runs]
    if scope.studies is None:
        return []
    return [study.name for study in store.all_studies(context.db) if study.id in scope.studies]


def _shown_runs(
    context: BoardContext, newest: Sequence[tuple[int, int]], *, by_run: bool
) -> list[int]:
    if by_run:
        return sorted(run_id for run_id, _ in newest[:MAX_LINES])
    trials = list(dict.fromkeys(trial_id for _, trial_id in newest))[:MAX_LINES]
    return store.started_runs_of_trials(context.db, trials)[-_MAX_SEEDS_SHOWN:]


def _run_entries(context: BoardContext, runs: Sequence[Run]) -> list[Mapping[str, Any]]:
    labels = trial_labels([run.trial for run in runs], load_arms(context.db))
    findings = store.findings(context.db, [run.id for run in runs])
    return [
        {
            "run": run.id,
            "trial": run.trial.id,
            "study": run.trial.study,
            "label": labels[run.trial.id],
            "name": run.name,
            "seed": run.seed,
            "status": str(run.status),
            "axis": run.axis,
            "onsets": _onsets(findings.get(run.id, ())),
        }
        for run in runs
    ]


def _onsets(findings: Sequence[Finding]) -> Mapping[str, int]:
    return {
        finding.code: finding.onset
        for finding in findings
        if finding.code in _ONSET_CODES and finding.onset is not None
    }


def _axes(runs: Sequence[Run], counts: Mapping[str, int]) -> list[str]:
    """The values of the parameter `x` that some of the runs may have, without those of metrics."""
    axes = [""]
    if any(run.origin.is_external for run in runs):
        axes += ["step", "epoch"]
    elif len({run.axis for run in runs}) > 1:
        axes += sorted({run.axis for run in runs})
    if EPOCH_TIME_METRIC in counts or any(run.origin.is_external for run in runs):
        axes += ["relative", "time"]
    return axes


def read_data(context: BoardContext, parameters: Parameters) -> Mapping[str, Any]:
    """The lines of metrics, or what is new in them.

    Parameters: `runs`, `metrics` (a JSON list of names), `x`, `seeds` (`mean` or `lines`), `log`
    (1 for a logarithmic axis), `from`, `to`, `buckets` (points per line at most), `after` (the
    cursor of the last answer to the same request).
    """
    metrics = _metric_names(parameters.text("metrics"))
    runs = _visible_curve_runs(context, parameters.run_ids())
    window = CurveWindow(
        parse_axis(parameters.text("x")),
        parameters.number("from"),
        parameters.number("to"),
        parameters.integer("buckets", 1_000, low=10, high=2_000),
    )
    request = _DataRequest(
        runs,
        window,
        is_mean=parameters.text("seeds", "mean") == "mean" and window.axis.is_shared,
        log_axis=parameters.text("log") == "1",
    )
    identity = (id(context.db), tuple(runs), tuple(metrics), *request.drawn_as)
    sent = _cursors.sent(parameters.text("after"), identity)
    reader = CurveReader(context.db, runs, metrics, window)
    current: dict[tuple[str, str], SentLine] = {}
    answers = {}
    for metric in metrics:
        answers[metric], lines = _metric_answer(context, reader, request, metric, sent)
        current |= {(metric, key): line for key, line in lines.items()}
    return {
        "cursor": _cursors.add(identity, current),
        "x": _axis_values(window.axis, runs),
        "seeds": "mean" if request.is_mean else "lines",
        "metrics": answers,
        "notes": list(reader.notes),
    }


@dataclass(frozen=True, slots=True)
class _DataRequest:
    """The runs whose curves are drawn, and how."""

    runs: Mapping[int, store.CurveRun]
    window: CurveWindow
    is_mean: bool
    log_axis: bool

    @property
    def drawn_as(self) -> tuple[Hashable, ...]:
        return self.window, self.is_mean, self.log_axis

    @property
    def line_groups(self) -> Mapping[str, Sequence[int]]:
        """The runs of each line by its key: the seeds of a trial, or a single run."""
        if not self.is_mean:
            return {f"run:{run_id}": [run_id] for run_id in self.runs}
        groups: dict[str, list[int]] = {}
        for run in self.runs.values():
            groups.setdefault(f"trial:{run.trial_id}", []).append(run.id)
        return groups


def _metric_answer(
    context: BoardContext,
    reader: CurveReader,
    request: _DataRequest,
    metric: str,
    sent: SentLines,
) -> tuple[Mapping[str, Any], Mapping[str, SentLine]]:
    """What is new in the lines of a metric, and all its lines as the page then has them."""
    groups = request.line_groups
    stored = {key: reader.stored(run_ids, metric) for key, run_ids in groups.items()}
    changed = {
        key: run_ids
        for key, run_ids in groups.items()
        if not _is_sent(sent.get((metric, key)), stored[key])
    }
    lines = _lines(reader, changed, metric, request)
    pending = reader.pending.get(metric, [])
    built = {
        line.key: sent_line(
            line, None if set(groups[line.key]) & set(pending) else stored[line.key]
        )
        for line in lines
    }
    kept = {
        key: sent[metric, key] for key in groups if key not in changed and (metric, key) in sent
    }
    new = [
        line_values(line, keep)
        for line in _with_best(context, groups, metric, request.window.axis, lines)
        if (keep := kept_points(line, sent.get((metric, line.key)))) is not None
    ]
    current = {key: (built | kept)[key] for key in groups if key in built or key in kept}
    return {"keys": list(current), "lines": new, "pending": pending}, current


def _metric_names(text: str) -> list[str]:
    try:
        names = json.loads(text or "[]")
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UsageError("metrics: expected a JSON list of names")
    if len(names) > MAX_METRICS:
        raise UsageError(f"metrics: at most {MAX_METRICS}, got {len(names)}")
    return list(dict.fromkeys(names))


def _visible_curve_runs(context: BoardContext, ids: Sequence[int]) -> Mapping[int, store.CurveRun]:
    if context.scope.runs is not None:
        ids = sorted(set(ids) & set(context.scope.runs))
    runs = store.curve_runs(context.db, ids)
    studies = context.scope.studies
    visible = {i: run for i, run in runs.items() if studies is None or run.study_id in studies}
    if len(visible) > _MAX_SEEDS_SHOWN:
        raise UsageError(f"runs: at most {_MAX_SEEDS_SHOWN} in one request, got {len(visible)}")
    return visible


def _is_sent(sent: SentLine | None, stored: Hashable) -> bool:
    """Whether a line need not be built: the page has it, or there is none."""
    return stored is None if sent is None else sent.stored is not None and sent.stored == stored


def _lines(
    reader: CurveReader, groups: Mapping[str, Sequence[int]], metric: str, request: _DataRequest
) -> list[CurveLine]:
    if not request.is_mean:
        run_ids = [run_id for group in groups.values() for run_id in group]
        return reader.lines(run_ids, metric, same_size=False)
    seeds = {key: reader.lines(ids, metric, same_size=True) for key, ids in groups.items()}
    return [
        mean_line(key, metric, tuple(lines), log_axis=request.log_axis)
        for key, lines in seeds.items()
        if lines
    ]


def _with_best(
    context: BoardContext,
    groups: Mapping[str, Sequence[int]],
    metric: str,
    axis: CurveAxis,
    lines: Sequence[CurveLine],
) -> Sequence[CurveLine]:
    """The lines with their best value, where the metric is validated and the axis has epochs."""
    if not lines or axis.kind != "own" or not _is_result(metric):
        return lines
    run_ids = [run_id for line in lines for run_id in groups[line.key]]
    summaries = store.summaries(context.db, run_ids, [metric])
    best = {run_id: by_name[metric] for run_id, by_name in summaries.items() if metric in by_name}
    return [
        line.with_best(mean_best(line, [best[i].best_epoch for i in groups[line.key] if i in best]))
        for line in lines
    ]


def _is_result(metric: str) -> bool:
    """Whether the best value of a metric says which epoch is the best."""
    is_cost = metric.startswith(_COST_PREFIXES)
    return direction_of(metric) is not None and split_of(metric) != "train" and not is_cost


def _axis_values(axis: CurveAxis, runs: Mapping[int, store.CurveRun]) -> Mapping[str, str]:
    """How the page draws and names the axis."""
    if axis.kind == "metric":
        return {"kind": "number", "label": axis.metric, "name": f"{METRIC_PREFIX}{axis.metric}"}
    if axis.kind == "time":
        return {"kind": "time", "label": "time", "name": "time"}
    if axis.kind == "relative":
        return {"kind": "duration", "label": "time since the start", "name": "relative"}
    own = " or ".join(sorted({run.axis for run in runs.values()})) or "epoch"
    return {"kind": "number", "label": own if axis.kind == "own" else axis.kind, "name": axis.kind}
