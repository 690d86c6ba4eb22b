"""Shell completion of the names of catalogues, studies and runs; errors yield no completions."""

from collections.abc import Callable

from nnlab import catalogue
from nnlab.io.text import format_seed


def catalogue_completer(kind: str) -> Callable[[str], list[tuple[str, str]]]:
    """Completes the last item of a comma-separated list: `sgd,ad` yields `sgd,adam`."""

    def complete(incomplete: str) -> list[tuple[str, str]]:
        before, comma, last = incomplete.rpartition(",")
        rows = [(row.name, row.summary) for row in catalogue.CATALOGUES[kind]]
        if kind in catalogue.PLUGIN_TABLES:
            # Without its summary, because importing a plugin may take seconds.
            names = catalogue.PLUGIN_TABLES[kind].names()
            rows += [(name, f"plugin of {package}") for name, package in names.items()]
        return [(before + comma + name, text) for name, text in rows if name.startswith(last)]

    return complete


def kinds(incomplete: str) -> list[str]:
    """Completes the name of a catalogue."""
    return [kind for kind in catalogue.CATALOGUES if kind.startswith(incomplete)]


def findings(incomplete: str) -> list[tuple[str, str]]:
    """Completes the code of a finding."""
    from nnlab.diagnosis import ALL_RULES
    from nnlab.diagnosis.plugin_rules import RULE_PLUGINS

    prefix = incomplete.upper()
    rows = [(rule.code, rule.name) for rule in ALL_RULES]
    rows += [(code, f"plugin of {package}") for code, package in RULE_PLUGINS.names().items()]
    return [(code, name) for code, name in rows if code.startswith(prefix)]


def lecture_lines(incomplete: str) -> list[tuple[str, str]]:
    """Completes the name of a line of the lecture."""
    from nnlab.lecture.read_lines import lecture_lines

    rows = [(line.slug, line.sentence) for line in lecture_lines()]
    return [(slug, text) for slug, text in rows if slug.startswith(incomplete)]


def explained(incomplete: str) -> list[tuple[str, str]]:
    """Completes what `nnlab explain` takes: the code of a finding, or `train`."""
    rows = [("train", "the training of a setting")]
    return [row for row in rows if row[0].startswith(incomplete)] + findings(incomplete)


def log_kinds(incomplete: str) -> list[str]:
    """Completes a kind of log."""
    from nnlab.exchange.detection import reader_kinds

    return [kind for kind in reader_kinds() if kind.startswith(incomplete)]


def launchers(incomplete: str) -> list[tuple[str, str]]:
    """Completes the name of a launcher."""
    from nnlab.workers.cluster_options import Launcher
    from nnlab.workers.plugin_launchers import LAUNCHER_PLUGINS

    rows = [(name.value, "") for name in Launcher]
    rows += [(name, f"plugin of {package}") for name, package in LAUNCHER_PLUGINS.names().items()]
    return [(name, text) for name, text in rows if name.startswith(incomplete)]


def log_formats(incomplete: str) -> list[str]:
    """Completes the name of a format of `nnlab export --to`."""
    from nnlab.exchange.writers import WRITERS

    return [kind for kind in WRITERS if kind.startswith(incomplete)]


def studies(incomplete: str) -> list[tuple[str, str]]:
    """Completes the name of a study."""
    return [(name, help_) for name, help_ in _read_studies() if name.startswith(incomplete)]


def runs(incomplete: str) -> list[tuple[str, str]]:
    """Completes the number or name of a run, newest first."""
    return [(name, help_) for name, help_ in _read_runs() if name.startswith(incomplete)]


def studies_and_runs(incomplete: str) -> list[tuple[str, str]]:
    """Completes the name of a study, or the number or name of a run."""
    return studies(incomplete) + runs(incomplete)


def _read_studies() -> list[tuple[str, str]]:
    try:
        from nnlab import store
        from nnlab.cli.open_database import open_db

        with open_db(None) as db:
            return [(study.name, study.question) for study in store.all_studies(db)]
    except Exception:  # noqa: BLE001  a failed completion must not disturb the command line
        return []


def _read_runs() -> list[tuple[str, str]]:
    try:
        from nnlab import store
        from nnlab.cli.open_database import open_db

        with open_db(None) as db:
            recent = store.runs(db, limit=50, newest_first=True)
    except Exception:  # noqa: BLE001  a failed completion must not disturb the command line
        return []
    numbers = [
        (str(run.id), f"{run.trial.study}, seed {format_seed(run.seed)}, {run.status}")
        for run in recent
    ]
    return numbers + [(run.name, f"run {run.id}") for run in recent if run.name]
