"""What `train` and `init-study` say before and after: the setting, the queue, the result."""

from collections.abc import Sequence

from nnlab import store
from nnlab.analysis.ranking import rank_each_group
from nnlab.analysis.records import Ranking
from nnlab.analysis.scope import Scope
from nnlab.analysis.significance import seeds_to_decide
from nnlab.cli.options import Format
from nnlab.cli.output.render import TableColumn, note, print_pairs, render, say
from nnlab.cli.results.compare.ranking_table import print_rankings
from nnlab.config import setting_fields
from nnlab.config.space import differing_fields, distinguishing_fields, format_value, setting_label
from nnlab.io.command_line import quote_command
from nnlab.io.text import format_count
from nnlab.records import Setting, Study

_MAX_ROWS = 20
_MAX_NAMES = 5


def print_setting(settings: Sequence[Setting]) -> None:
    """The resolved choices that all trials share, by panel, and those in which they differ."""
    if not settings:
        return
    varying = differing_fields(settings)
    panels: dict[str, list[str]] = {}
    for name, choosable in setting_fields().items():
        value = settings[0].get(name)
        if name in varying or name == "seed":
            continue
        if value is not None and value != choosable.option.no_effect_value:
            panels.setdefault(choosable.option.panel, []).append(f"{name} {format_value(value)}")
    pairs = [(panel, ", ".join(parts)) for panel, parts in panels.items()]
    for place, name in enumerate(varying):
        values = dict.fromkeys(format_value(s.get(name)) or "-" for s in settings)
        pairs.append(("" if place else "Varies", f"{name}: {', '.join(values)}"))
    print_pairs(pairs)


def print_queued(study: Study, found: store.EnqueueResult) -> None:
    """How many runs there are to train, and how many are there already."""
    parts = [f"{format_count(len(found.run_ids), 'run')} in study '{study.name}'"]
    for count, what in (
        (found.new, "new"),
        (found.waiting, "waiting or interrupted"),
        (found.retried, "failed before, tried again"),
        (found.busy, "trained by another worker now"),
        (found.done, "already trained"),
    ):
        if count:
            parts.append(f"{count:,} {what}")
    say(parts[0] + ": " + ", ".join(parts[1:]))
    if found.done == len(found.run_ids):
        say("nothing to train; --again trains once more", style="dim")


def print_changes(study: Study, lines: Sequence[str]) -> None:
    """What is added to a study."""
    for line in lines:
        say(f"study '{study.name}': {line}")


def note_kept_names(name: str | None, found: store.EnqueueResult) -> None:
    """Which runs were there already, and so did not get the name that was asked for."""
    if not found.kept_names:
        return
    listed = [
        f"run {number} {'without a name' if old is None else repr(old)}"
        for number, old in list(found.kept_names.items())[:_MAX_NAMES]
    ]
    more = len(found.kept_names) - len(listed)
    note(
        f"--name {name!r} was not given to {format_count(len(found.kept_names), 'run')} with the same"
        f" setting and seed: {', '.join(listed)}{f' and {more:,} more' if more else ''};"
        " --again trains new runs under that name"
    )


def print_result(db: store.Database, run_ids: Sequence[int], *, quiet: bool) -> None:
    """The ranking of these runs, and what to type next."""
    runs = store.runs(db, run_ids=run_ids)
    if not any(run.epochs for run in runs):
        return
    studies = {study.name: study for study in store.all_studies(db)}
    names = list(dict.fromkeys(run.trial.study for run in runs))
    objectives = {studies[name].objective for name in names}
    objective = objectives.pop() if len(objectives) == 1 else None
    scope = Scope("these runs", runs=tuple(run_ids), objective=objective)
    rankings = rank_each_group(db, scope, top=_MAX_ROWS)
    print_rankings(rankings, Format.TABLE)
    if not quiet:
        if len(rankings) == 1:
            print_more_seeds_command(db, rankings[0])
        _print_next_commands(names[0], [run.id for run in runs])


def print_verdict(db: store.Database, study: str) -> None:
    """The verdict on a study's claim in a line, if it makes one."""
    found = store.find_study(db, study)
    if not found.decides:
        return
    from nnlab.analysis.verdict import evaluate_claim

    answered = evaluate_claim(db, found)
    assert answered is not None
    say(f"claim: {found.claim}")
    why = quote_command("nnlab", "report", study)
    say(f"verdict: {answered.verdict}; {why} says why", style="bold")


def print_more_seeds_command(db: store.Database, ranking: Ranking) -> None:
    """The command that trains as many seeds as may distinguish the best trial from the next."""
    count = seeds_to_decide(ranking.rows)
    trials = store.trials(db, [row.trials[0] for row in ranking.rows])
    names = {trial.study for trial in trials.values()}
    grouped = any(len(row.trials) > 1 for row in ranking.rows)
    if count is None or len(names) != 1 or grouped:
        return
    used = sorted({seed for row in ranking.rows for seed in row.seeds})
    words = ["nnlab", "train", "--study", *names, *_seeds_option(used, count), "--extend"]
    say(f"more seeds: {quote_command(*words)}", style="dim")


def _seeds_option(used: Sequence[int], count: int) -> tuple[str, str]:
    """The option, and its value, that bring the seeds in use to a count.

    >>> more_seeds((0, 1), 6)
    ('--seeds', '6')
    >>> more_seeds((3, 5), 4)
    ('--seed', '0,1')
    """
    if set(used) <= set(range(count)):
        return "--seeds", str(count)
    free = (seed for seed in range(count + len(used)) if seed not in set(used))
    extra = [next(free) for _ in range(count - len(used))]
    return "--seed", ",".join(map(str, extra))


def _print_next_commands(study: str, run_ids: Sequence[int]) -> None:
    which = [study] if study != "default" else []
    say(f"next: {quote_command('nnlab', 'compare', *which)}", style="dim")
    curves = quote_command("nnlab", "plot", "curves", *which, "-o", "curves.pdf")
    say(f"      {curves}", style="dim")
    say(f"      {quote_command('nnlab', 'show', run_ids[-1])}", style="dim")


def print_dry_run(wanted: Sequence[store.RunSpec], done: set[tuple[str, int]]) -> None:
    """The trials that would be trained, resolved, and how many runs are there already."""
    settings = list({plan.digest: plan.setting for plan in wanted}.values())
    print_setting(settings)
    fields = distinguishing_fields(settings)
    seeds = list(dict.fromkeys(plan.seed for plan in wanted))
    rows = [
        {"trial": setting_label(found, fields) or "the setting above", "epochs": found["epochs"]}
        for found in settings[:_MAX_ROWS]
    ]
    if len(settings) > 1:
        columns = [
            TableColumn("trial", "trial", wrap=True),
            TableColumn("epochs", "epochs", right=True),
        ]
        render(rows, columns, Format.TABLE)
        if len(settings) > len(rows):
            note(f"and {len(settings) - len(rows):,} more trials")
    there = sum((plan.digest, plan.seed) in done for plan in wanted)
    say(
        f"{format_count(len(settings), 'trial')} with {format_count(len(seeds), 'seed')}"
        f" ({', '.join(map(str, seeds[:10]))}{', ...' if len(seeds) > 10 else ''}):"
        f" {format_count(len(wanted), 'run')}, {there:,} already trained,"
        f" {len(wanted) - there:,} to train"
    )
    say("dry run: nothing was trained or written", style="dim")
