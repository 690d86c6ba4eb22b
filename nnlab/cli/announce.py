"""What `train` and `init-study` say before and after: the setting, the queue, the result."""

from collections.abc import Sequence

from nnlab import store
from nnlab.cli.options import Format
from nnlab.cli.ranking_table import print_rankings
from nnlab.cli.render import Column, note, print_pairs, render, say
from nnlab.command_line import quote_command
from nnlab.config import choosables
from nnlab.records import Setting, Study
from nnlab.report.ranking import Ranking, plural, rank_each
from nnlab.report.scope import Scope
from nnlab.report.standing import seeds_to_decide
from nnlab.space import differing, label, shown, telling

_MOST_ROWS = 20
_MOST_NAMED = 5


def setting(settings: Sequence[Setting]) -> None:
    """The resolved choices that all trials share, by panel, and those in which they differ."""
    if not settings:
        return
    varying = differing(settings)
    panels: dict[str, list[str]] = {}
    for name, choosable in choosables().items():
        value = settings[0].get(name)
        if name in varying or name == "seed":
            continue
        if value is not None and value != choosable.option.neutral:
            panels.setdefault(choosable.option.panel, []).append(f"{name} {shown(value)}")
    pairs = [(panel, ", ".join(parts)) for panel, parts in panels.items()]
    for place, name in enumerate(varying):
        values = dict.fromkeys(shown(s.get(name)) or "-" for s in settings)
        pairs.append(("" if place else "Varies", f"{name}: {', '.join(values)}"))
    print_pairs(pairs)


def queued(study: Study, found: store.Enqueued) -> None:
    """How many runs there are to train, and how many are there already."""
    parts = [f"{plural(len(found.run_ids), 'run')} in study '{study.name}'"]
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


def changes(study: Study, lines: Sequence[str]) -> None:
    """What is added to a study."""
    for line in lines:
        say(f"study '{study.name}': {line}")


def kept_names(name: str | None, found: store.Enqueued) -> None:
    """Which runs were there already, and so did not get the name that was asked for."""
    if not found.kept_names:
        return
    listed = [
        f"run {number} {'without a name' if old is None else repr(old)}"
        for number, old in list(found.kept_names.items())[:_MOST_NAMED]
    ]
    more = len(found.kept_names) - len(listed)
    note(
        f"--name {name!r} was not given to {plural(len(found.kept_names), 'run')} with the same"
        f" setting and seed: {', '.join(listed)}{f' and {more:,} more' if more else ''};"
        " --again trains new runs under that name"
    )


def result(db: store.Database, run_ids: Sequence[int], *, quiet: bool) -> None:
    """The ranking of these runs, and what to type next."""
    runs = store.runs(db, run_ids=run_ids)
    if not any(run.epochs for run in runs):
        return
    studies = {study.name: study for study in store.all_studies(db)}
    names = list(dict.fromkeys(run.trial.study for run in runs))
    objectives = {studies[name].objective for name in names}
    objective = objectives.pop() if len(objectives) == 1 else None
    scope = Scope("these runs", runs=tuple(run_ids), objective=objective)
    rankings = rank_each(db, scope, top=_MOST_ROWS)
    print_rankings(rankings, Format.TABLE)
    if not quiet:
        if len(rankings) == 1:
            more_seeds_command(db, rankings[0])
        _next(names[0], [run.id for run in runs])


def verdict(db: store.Database, study: str) -> None:
    """The verdict on a study's claim in a line, if it makes one."""
    found = store.find_study(db, study)
    if not found.decides:
        return
    from nnlab.experiments.verdict import answer

    answered = answer(db, found)
    assert answered is not None
    say(f"claim: {found.claim}")
    why = quote_command("nnlab", "report", study)
    say(f"verdict: {answered.verdict}; {why} says why", style="bold")


def more_seeds_command(db: store.Database, ranking: Ranking) -> None:
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

    >>> _seeds_option((0, 1), 6)
    ('--seeds', '6')
    >>> _seeds_option((3, 5), 4)
    ('--seed', '0,1')
    """
    if set(used) <= set(range(count)):
        return "--seeds", str(count)
    free = (seed for seed in range(count + len(used)) if seed not in set(used))
    extra = [next(free) for _ in range(count - len(used))]
    return "--seed", ",".join(map(str, extra))


def _next(study: str, run_ids: Sequence[int]) -> None:
    which = [study] if study != "default" else []
    say(f"next: {quote_command('nnlab', 'compare', *which)}", style="dim")
    curves = quote_command("nnlab", "plot", "curves", *which, "-o", "curves.pdf")
    say(f"      {curves}", style="dim")
    say(f"      {quote_command('nnlab', 'show', run_ids[-1])}", style="dim")


def dry_run(wanted: Sequence[store.Plan], done: set[tuple[str, int]]) -> None:
    """The trials that would be trained, resolved, and how many runs are there already."""
    settings = list({plan.digest: plan.setting for plan in wanted}.values())
    setting(settings)
    fields = telling(settings)
    seeds = list(dict.fromkeys(plan.seed for plan in wanted))
    rows = [
        {"trial": label(found, fields) or "the setting above", "epochs": found["epochs"]}
        for found in settings[:_MOST_ROWS]
    ]
    if len(settings) > 1:
        columns = [Column("trial", "trial", wrap=True), Column("epochs", "epochs", right=True)]
        render(rows, columns, Format.TABLE)
        if len(settings) > len(rows):
            note(f"and {len(settings) - len(rows):,} more trials")
    there = sum((plan.digest, plan.seed) in done for plan in wanted)
    say(
        f"{plural(len(settings), 'trial')} with {plural(len(seeds), 'seed')}"
        f" ({', '.join(map(str, seeds[:10]))}{', ...' if len(seeds) > 10 else ''}):"
        f" {plural(len(wanted), 'run')}, {there:,} already trained,"
        f" {len(wanted) - there:,} to train"
    )
    say("dry run: nothing was trained or written", style="dim")
