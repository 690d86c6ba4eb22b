"""Shell completion of the names of catalogues, studies and runs; errors yield no completions."""

from collections.abc import Callable

from nnlab import catalogue


def catalogue_completer(kind: str) -> Callable[[str], list[tuple[str, str]]]:
    """Completes the last item of a comma-separated list: `sgd,ad` yields `sgd,adam`."""

    def complete(incomplete: str) -> list[tuple[str, str]]:
        before, comma, last = incomplete.rpartition(",")
        rows = catalogue.CATALOGUES[kind]
        return [
            (before + comma + row.name, row.summary) for row in rows if row.name.startswith(last)
        ]

    return complete


def kinds(incomplete: str) -> list[str]:
    """Completes the name of a catalogue."""
    return [kind for kind in catalogue.CATALOGUES if kind.startswith(incomplete)]


def findings(incomplete: str) -> list[tuple[str, str]]:
    """Completes the code of a finding."""
    from nnlab.diagnosis import ALL_RULES

    prefix = incomplete.upper()
    return [(rule.code, rule.name) for rule in ALL_RULES if rule.code.startswith(prefix)]


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
    numbers = [(str(run.id), f"{run.trial.study}, seed {run.seed}, {run.status}") for run in recent]
    return numbers + [(run.name, f"run {run.id}") for run in recent if run.name]
