"""What several commands print about studies: a setting, a verdict, a command for more seeds."""

import itertools
from collections.abc import Sequence

from nnlab import store
from nnlab.analysis.records import Ranking
from nnlab.analysis.significance import seeds_to_decide
from nnlab.cli.output.render import print_pairs, say
from nnlab.io.command_line import quote_command
from nnlab.records import Setting
from nnlab.settings import VERSION_FIELDS, is_builtin_setting, setting_field, setting_fields
from nnlab.settings.arguments import is_argument
from nnlab.settings.earlier_settings import has_earlier_value
from nnlab.settings.plugin_versions import parse_plugin_versions
from nnlab.settings.setting_differences import differing_fields, format_value


def print_setting(settings: Sequence[Setting]) -> None:
    """Prints the resolved settings that all trials share, by panel, and those that differ."""
    if not settings:
        return
    if not is_builtin_setting(settings[0]):
        _print_external_setting(settings)
        return
    # Users neither choose nor read the versions of files and plugins.
    varying = [name for name in differing_fields(settings) if name not in VERSION_FIELDS]
    panels: dict[str, list[str]] = {}
    arguments = sorted(name for name in settings[0] if is_argument(name))
    for name in (*setting_fields(), *arguments):
        field, value = setting_field(name), settings[0].get(name)
        if name in varying or name == "seed":
            continue
        is_usual = value == field.option.no_effect_value and not has_earlier_value(
            name, settings[0]
        )
        if value is not None and not is_usual:
            panels.setdefault(field.option.panel, []).append(f"{name} {format_value(value)}")
    pairs = [(panel, ", ".join(parts)) for panel, parts in panels.items()]
    for index, name in enumerate(varying):
        values = dict.fromkeys(format_value(s.get(name)) or "-" for s in settings)
        pairs.append(("" if index else "Varies", f"{name}: {', '.join(values)}"))
    if packages := _plugin_packages(settings):
        pairs.append(("Plugins", ", ".join(packages)))
    print_pairs(pairs)


def _print_external_setting(settings: Sequence[Setting]) -> None:
    """Prints the settings of another program, with its own names."""
    varying = differing_fields(settings)
    shared = [
        f"{name} {'none' if value is None else format_value(value)}"
        for name, value in settings[0].items()
        if name not in varying
    ]
    pairs = [("Setting", ", ".join(shared) or "none recorded")]
    for index, name in enumerate(varying):
        values = dict.fromkeys(format_value(s.get(name)) or "-" for s in settings)
        pairs.append(("" if index else "Varies", f"{name}: {', '.join(values)}"))
    print_pairs(pairs)


def _plugin_packages(settings: Sequence[Setting]) -> list[str]:
    """The packages whose plugins the settings need, with their versions."""
    texts = [str(setting.get("plugin_versions") or "") for setting in settings]
    return sorted({version for text in texts for version in parse_plugin_versions(text).values()})


def print_verdict(db: store.Database, study: str) -> None:
    """Prints the verdict on a study's claim in a line, if it makes one."""
    stored = store.find_study(db, study)
    if not stored.comparisons:
        return
    # Imported only here: few studies have a claim, and its statistics take time to import.
    from nnlab.analysis.deciding_seeds import undecided_texts
    from nnlab.analysis.verdict import evaluate_claim

    answer = evaluate_claim(db, stored)
    if answer is None:
        return
    say(f"claim: {stored.claim}")
    for text in undecided_texts(answer):
        say(f"cannot tell: {text}")
    report = quote_command("nnlab", "report", study)
    say(f"verdict: {answer.verdict}; {report} says why", style="bold")


def print_more_seeds_command(db: store.Database, ranking: Ranking) -> None:
    """Prints the command that trains enough seeds to distinguish the best trial from the next."""
    count = seeds_to_decide(ranking.rows)
    trials = store.trials(db, [row.trials[0] for row in ranking.rows])
    names = {trial.study for trial in trials.values()}
    grouped = any(len(row.trials) > 1 for row in ranking.rows)
    if count is None or len(names) != 1 or grouped:
        return
    settings = (row.setting for row in ranking.rows)
    seeds = {seed for row in ranking.rows for seed in row.seeds}
    if None in seeds or not all(map(is_builtin_setting, settings)):
        return  # nnlab cannot train them
    used = sorted(seed for seed in seeds if seed is not None)
    (name,) = names
    # The seeds on which a study was designed must not decide it.
    pilot = store.find_study(db, name).pilot
    first_new = 0 if pilot is None else max((*used, *pilot.seeds)) + 1
    words = ["nnlab", "train", "--study", name, *_seeds_option(used, count, first_new), "--extend"]
    say(f"more seeds: {quote_command(*words)}", style="dim")


def _seeds_option(used: Sequence[int], count: int, first_new: int = 0) -> tuple[str, str]:
    """The option, and its value, that extend the used seeds to a count.

    New seeds are counted from `first_new`.

    >>> _seeds_option((0, 1), 6)
    ('--seeds', '6')
    >>> _seeds_option((3, 5), 4)
    ('--seed', '0,1')
    >>> _seeds_option((100, 101), 4, first_new=102)
    ('--seed', '102,103')
    """
    if not first_new and set(used) <= set(range(count)):
        return "--seeds", str(count)
    free = (seed for seed in itertools.count(first_new) if seed not in set(used))
    extra = [next(free) for _ in range(count - len(used))]
    return "--seed", ",".join(map(str, extra))
