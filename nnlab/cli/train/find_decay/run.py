"""What `nnlab find-decay` does: reads a history, proposes decays, and tries them."""

from collections.abc import Sequence
from pathlib import Path

from nnlab import store
from nnlab.analysis.find_decay import METRIC, DecaySuggestion, find_decay, with_decay
from nnlab.analysis.remedies import remedy_run_specs
from nnlab.analysis.selection import single_run
from nnlab.cli.open_database import open_db
from nnlab.cli.output.figure_files import check_figure_paths, write_figure
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, print_json, render, say
from nnlab.cli.train.train import execute
from nnlab.config import config_of, digest_of, setting_of
from nnlab.errors import UsageError
from nnlab.io.command_line import quote_command
from nnlab.objective import Objective
from nnlab.records import Run
from nnlab.stats.claims import Verdict, assess_claim
from nnlab.stats.paired import compare_paired
from nnlab.workers.save_policy import SavePolicy

PROPOSAL_COLUMNS = (
    TableColumn("decay", "decay"),
    TableColumn("options", "options"),
    TableColumn("why", "why", wrap=True),
)
RESULT_COLUMNS = (
    TableColumn("decay", "decay"),
    TableColumn("n", "n", align_right=True),
    TableColumn("mean", "mean", lambda value: f"{value:.4g}", align_right=True, priority=2),
    TableColumn("change", "against no decay", lambda value: f"{value:+.3g}", align_right=True),
    TableColumn("interval", "95 % interval", priority=1),
    TableColumn("helped", "did it help", wrap=True),
)


def run_find_decay(
    name: str,
    *,
    try_them: bool,
    seeds: int,
    output: Sequence[Path],
    force: bool,
    how: Format,
    db: str | None,
) -> None:
    """Prints, draws and, if asked, tries what the history of a run suggests.

    Raises:
        UsageError: no single run is meant, or it cannot tell.
    """
    check_figure_paths(output, force=force)
    if try_them and how is not Format.TABLE:
        raise UsageError(
            "--try prints how the training goes, and takes no --format",
            hint="nnlab compare find-decay/RUN --format json afterwards",
        )
    with open_db(db, write=try_them) as database:
        run = single_run(store.find_runs(database, [name]), name)
        history = store.history(database, run.id)
        found = find_decay(history, run.trial.setting)
        rows = [
            {"decay": p.name, "options": _option_text(p.options), "why": p.why}
            for p in found.proposals
        ]
        if how is Format.JSON:
            print_json({"run": run.id, "epoch": found.epoch, "why": found.why, "proposals": rows})
        elif how is Format.TABLE:
            say(f"run {run.id}: {found.why}")
        if rows and how is not Format.JSON:
            render(rows, PROPOSAL_COLUMNS, how)
        if output:
            curve = history.get(METRIC)
            _draw_figure(found, tuple(curve.values) if curve else (), output)
        if try_them and found.proposals:
            _train_proposals(database, run, found, range(seeds))
        elif found.proposals and how is Format.TABLE:
            say(f"next: {quote_command('nnlab', 'find-decay', name, '--try')}", style="dim")


def _option_text(options: object) -> str:
    assert isinstance(options, dict)
    return " ".join(f"--{key.replace('_', '-')} {value}" for key, value in options.items())


def _train_proposals(
    db: store.Database, run: Run, found: DecaySuggestion, seeds: Sequence[int]
) -> None:
    """Trains the run's setting and the proposals with the same seeds, and compares."""
    config = config_of(run.trial.setting, 0)
    objective = Objective.parse(config.objective or "")
    arms = {"none": run.trial.setting} | {
        one.name: with_decay(run.trial.setting, one.options) for one in found.proposals
    }
    settings = {name: setting_of(config_of(arm, 0)) for name, arm in arms.items()}
    study = store.create_study(
        db,
        name=f"find-decay/{run.id}",
        question=f"Which decay helps run {run.id}?",
        objective=objective,
        space=None,
        seeds=(),
    )
    queued = store.enqueue(db, study, remedy_run_specs(settings.values(), seeds))
    execute.work(
        db,
        queued.run_ids,
        execute.OutputOptions(quiet=False, verbose=False),
        execute.ExecutionOptions(keeping=SavePolicy(models=False), allow_diverged=True),
    )
    best = _best_values(db, queued.run_ids, objective.metric)
    rows = []
    control = best.get(digest_of(settings["none"]), {})
    for name, setting in settings.items():
        values = best.get(digest_of(setting), {})
        both = sorted(set(values) & set(control))
        if not both:
            continue
        compared = compare_paired([values[s] for s in both], [control[s] for s in both])
        rows.append(
            {
                "decay": name,
                "n": compared.n,
                "mean": sum(values[s] for s in both) / len(both),
                "change": compared.mean,
                "interval": f"{compared.low:+.3g} to {compared.high:+.3g}",
                "helped": "the control"
                if name == "none"
                else _describe_effect([values[s] - control[s] for s in both], objective),
            }
        )
    say(f"{objective.metric} at the selected epoch, paired by seed:")
    render(rows, RESULT_COLUMNS, Format.TABLE)
    curves = quote_command("nnlab", "plot", "curves", f"find-decay/{run.id}", "-o", "decays.pdf")
    say(f"next: {curves}", style="dim")


def _describe_effect(changes: Sequence[float], objective: Objective) -> str:
    """Whether a change of the objective, one a seed, is for the better, by the rule of verdicts."""
    sign = 1.0 if objective.direction == "max" else -1.0
    match assess_claim([sign * change for change in changes], above=0.0).verdict:
        case Verdict.SUPPORTED:
            return "yes"
        case Verdict.NOT_SUPPORTED:
            return "no, it hurt"
        case _:
            return f"cannot tell with {len(changes)} seeds"


def _best_values(
    db: store.Database, run_ids: Sequence[int], metric: str
) -> dict[str, dict[int, float]]:
    """The best value of a metric, by digest of the setting and seed, of runs that finished."""
    best = store.summaries(db, run_ids, [metric])
    found: dict[str, dict[int, float]] = {}
    for run in store.runs(db, run_ids=run_ids):
        if metric in best.get(run.id, {}):
            value = best[run.id][metric].best
            if value is not None:
                found.setdefault(run.trial.digest, {})[run.seed] = value
    return found


def _draw_figure(found: DecaySuggestion, losses: Sequence[float], output: Sequence[Path]) -> None:
    from nnlab.figures.draw.decay_points import draw_decay_points

    figure = draw_decay_points(losses, found.epoch)
    write_figure(figure, output, {"stalls": str(found.epoch)})
