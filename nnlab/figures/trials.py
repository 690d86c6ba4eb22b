"""The trials that figures and reports show: ranked, labelled, with histories and findings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nnlab import store
from nnlab.analysis.ranking import rank
from nnlab.analysis.records import Ranking, RankingRequest, RankingRow
from nnlab.analysis.remedy_studies import REMEDY_FIELD
from nnlab.analysis.scope import resolve_scope
from nnlab.diagnosis.headlines import headline_findings
from nnlab.errors import UsageError
from nnlab.figures.draw.display_names import trial_name, value_name
from nnlab.figures.draw.reader_options import chosen_trials, current_reader_options, displayed
from nnlab.figures.draw.series import Series
from nnlab.figures.selected_scope import narrow_to_selection
from nnlab.figures.usual_curves import with_usual_names
from nnlab.io.text import format_count
from nnlab.records import Direction, Run
from nnlab.settings import builtin_fields, metric_directions
from nnlab.settings.setting_differences import format_value


@dataclass(frozen=True, slots=True)
class TrialCurves:
    """The series of trials, best first, and their ranking.

    `loss` is the loss that all were trained with, None if they differ. `omitted` are notes on
    requested runs that are not drawn.
    """

    ranking: Ranking
    series: tuple[Series, ...]
    loss: str | None
    omitted: tuple[str, ...] = ()

    @property
    def runs(self) -> tuple[int, ...]:
        """The ids of the runs of all trials, best trial first."""
        return tuple(run for row in self.ranking.rows for run in row.runs)

    @property
    def summary(self) -> str:
        """The numbers of trials and runs, as text."""
        return f"{format_count(len(self.series), 'trial')}, {format_count(len(self.runs), 'run')}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the trials and runs that are not drawn."""
        hidden = self.ranking.total - len(self.ranking.rows)
        more = (
            (f"{format_count(hidden, 'more trial')} not drawn; --top N draws more",)
            if hidden
            else ()
        )
        return (*self.ranking.left_out, *more, *self.omitted)


def rank_for_figure(
    db: store.Database,
    words: Sequence[str],
    *,
    by: str | None = None,
    top: int | None = None,
    along: Sequence[str | None] = (),
    mixed: bool = False,
) -> Ranking:
    """A ranking of the comparable trials of studies or runs.

    Args:
        db: the database.
        words: names of studies, or runs by number or name.
        by: a metric; None uses the objective.
        top: the maximal number of trials; None takes all.
        along: fields that are an axis of the figure, see `rank`.
        mixed: whether to include trials that are not comparable.

    Raises:
        UnknownName: a word is neither a study nor a run, or no run has that metric or selected
            value.
        UsageError: no epoch is finished, or trials were selected that are not comparable.
    """
    scope = resolve_scope(db, words)
    fields = [name and name.lstrip("-").replace("-", "_") for name in along]
    # Trials are selected from the whole ranking, and then cut off.
    rows = None if current_reader_options().select else top
    if not mixed:
        scope = narrow_to_selection(db, scope, by=by, along=fields)
    ranking = rank(db, scope, RankingRequest(by=by, top=rows, along=fields, mixed=mixed))
    if not ranking.rows:
        raise UsageError(
            f"nothing to draw: no epoch of {scope.title} is finished", hint="nnlab train"
        )
    chosen = chosen_trials(ranking.rows, lambda row: _spellings(row, ranking))
    if not current_reader_options().select:
        return replace(ranking, rows=tuple(chosen))
    return replace(ranking, rows=tuple(chosen[:top]), total=len(chosen))


def _spellings(row: RankingRow, ranking: Ranking) -> dict[str, tuple[str, ...]]:
    """The spellings of a trial's title and values that `--select` and `--order` accept."""
    values = {
        field: tuple(dict.fromkeys((format_value(value), value_name(field, value))))
        for field, value in row.labelled_setting.items()
        if value is not None
    }
    return {"": (trial_title(row, ranking),), **values}


def load_trial_curves(
    db: store.Database, words: Sequence[str], *, top: int | None, by: str | None = None
) -> TrialCurves:
    """The best trials with all curves and findings of their runs.

    Runs that are named individually are all included, even if they are not comparable.

    Raises:
        UnknownName: a word is neither a study nor a run, or no run has that metric.
        UsageError: no epoch is finished.
    """
    names_runs = resolve_scope(db, words).runs is not None
    ranking = rank_for_figure(db, words, top=top, by=by, mixed=names_runs)
    return trial_curves_of_ranking(db, ranking)


def trial_curves_of_ranking(db: store.Database, ranking: Ranking) -> TrialCurves:
    """The trials of a ranking with all curves and headline findings of their runs."""
    runs = [run for row in ranking.rows for run in row.runs]
    histories = store.histories(db, runs)
    findings = store.findings(db, runs)
    defined = store.user_directions(db)
    user: dict[str, Direction] = {m: way for m, way in defined.items() if way != "none"}
    series = tuple(
        Series(
            label=trial_title(row, ranking),
            histories=tuple(with_usual_names(histories[run], row.setting) for run in row.runs),
            findings=tuple(f for run in row.runs for f in headline_findings(findings.get(run, ()))),
            selected=int(row.epoch) if row.epoch is not None else None,
            directions={
                **metric_directions(row.setting),
                **user,
                ranking.objective.metric: ranking.objective.direction,
            },
            axis=row.axis,
        )
        for row in ranking.rows
    )
    return TrialCurves(ranking, series, common_loss(ranking), omission_notes(db, ranking))


def omission_notes(db: store.Database, ranking: Ranking) -> tuple[str, ...]:
    """Notes on the requested trials or runs that cannot be drawn, with the reason."""
    scope, metric = ranking.scope, ranking.objective.metric
    if scope.runs is None:
        trained = store.count_trials(db, study_ids=scope.studies)
        measured = store.count_trials(db, study_ids=scope.studies, metric=metric)
        count = trained - measured
        return (f"{format_count(count, 'trial')} not drawn: no {metric}",) if count > 0 else ()
    drawable = (
        rank(db, scope, RankingRequest(by=str(ranking.objective), mixed=True))
        if _is_part_of_ranking(ranking)
        else ranking
    )
    drawn = {run for row in drawable.rows for run in row.runs}
    runs = store.runs(db, run_ids=scope.runs)
    return tuple(
        f"run {run.id} not drawn: {_omission_reason(run, metric)}"
        for run in runs
        if run.id not in drawn
    )


def _is_part_of_ranking(ranking: Ranking) -> bool:
    """Whether `--top` or `--select` left trials out, whose runs are not missing."""
    return ranking.total > len(ranking.rows) or bool(current_reader_options().select)


def _omission_reason(run: Run, metric: str) -> str:
    if not run.current:
        return "a newer run repeats it"
    if not run.epochs:
        return f"it is {run.status}, and no epoch is finished"
    return f"it has no {metric}"


def trial_title(row: RankingRow, ranking: Ranking) -> str:
    """The settings that distinguish a trial from the others; the name of the scope if none do."""
    title = ranking.heading or ranking.scope.title
    if ranking.fields == (REMEDY_FIELD,):
        return displayed(str(row.setting[REMEDY_FIELD]))
    name = trial_name(row.labelled_setting, ranking.label_fields(row))
    if row.rank in ranking.ranks_with_equal_fields:
        # These trials differ in something without a name, such as the content of a file.
        return f"{name} (trial {', '.join(map(str, row.trials))})".strip()
    return name or displayed(f"run {title}" if title.isdigit() else title)


def common_loss(ranking: Ranking) -> str | None:
    """The loss that all trials were trained with; None if they differ."""
    losses = {builtin_fields(row.setting).get("loss") for row in ranking.rows}
    loss = losses.pop() if len(losses) == 1 else None
    return None if loss is None else str(loss)


def is_loss_metric(metric: str) -> bool:
    """Whether a metric is a loss, which gets a logarithmic axis if it spans decades."""
    return metric.rpartition("/")[2] in ("loss", "loss_exact")
