"""The trial that others are compared with, as `--ablation` and `--relative` name it."""

from collections.abc import Mapping, Sequence

from nnlab import store
from nnlab.analysis.ranking_options import parse_field_names
from nnlab.analysis.records import RankingRow
from nnlab.errors import UnknownName, UsageError
from nnlab.records import Scalar
from nnlab.settings import setting_fields
from nnlab.settings.setting_differences import distinguishing_fields, format_value

_MAX_NAMED = 5


def find_base_row(db: store.Database, rows: Sequence[RankingRow], name: str) -> RankingRow | None:
    """The row of the trial that a name or settings such as `opt=sgd,decay=none` describe.

    A name is that of an arm of a study with one trial, or the number or name of a run. The result
    is None if the trial is in none of the rows.

    Raises:
        UnknownName: there is no such run, and no row has that field.
        UsageError: several trials match, or a setting has no value.
    """
    if "=" in name:
        settings = _parse_settings(name)
        fields = {field for row in rows for field in row.setting}
        for field in settings:
            # Another group of runs may have a field that these do not have.
            if rows and field not in fields and field not in setting_fields():
                raise UnknownName("field", field, fields)
        matches = [row for row in rows if _has_settings(row, settings)]
    else:
        trials = _named_trials(db, rows, name)
        matches = [row for row in rows if trials.intersection(row.trials)]
    if len(matches) > 1:
        raise _ambiguous_error(name, matches)
    return matches[0] if matches else None


def unknown_base_error(title: str, name: str, rows: Sequence[RankingRow]) -> UsageError:
    """The error for a base that is no trial of the scope; it lists the values of its fields."""
    reason = ""
    if "=" in name:
        for field, text in _parse_settings(name).items():
            if not any(_equals(row.setting.get(field), text) for row in rows):
                values = dict.fromkeys(format_value(row.setting.get(field)) for row in rows)
                shown = ", ".join(sorted(filter(None, values))[:_MAX_NAMED])
                reason = (
                    f": the values of {field} are {shown}" if shown else f": no trial sets {field}"
                )
                break
        else:
            reason = ": these values exist, but not in one trial"
    return UsageError(f"no trial of {title} is {name}{reason}")


def values_by_seed(row: RankingRow) -> dict[int, float]:
    """The values of the seeds of a trial that work; none if every run diverged, as in rankings."""
    if row.all_diverged:
        return {}
    values = zip(row.seed_keys, row.runs, row.values, strict=True)
    collapsed = set(row.collapsed) if row.working_seeds[0] else set()
    return {seed: value for seed, run, value in values if run not in collapsed}


def _parse_settings(text: str) -> dict[str, str]:
    """The values by field of `FIELD=VALUE,...`.

    Raises:
        UsageError: a part is not FIELD=VALUE.
    """
    settings = {}
    for part in text.split(","):
        name, separator, value = part.partition("=")
        fields = parse_field_names(name)
        if not separator or not fields:
            raise UsageError(f"{text}: {part!r} is not FIELD=VALUE", hint="opt=sgd,lr=0.1")
        settings[fields[0]] = value.strip()
    return settings


def _has_settings(row: RankingRow, settings: Mapping[str, str]) -> bool:
    return all(_equals(row.setting.get(field), text) for field, text in settings.items())


def _equals(value: Scalar, text: str) -> bool:
    """Whether a value is the one that a text writes; `1e-3` is `0.001`, and `none` is no value."""
    if format_value(value) == text or (value is None and text in ("none", "-")):
        return True
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return float(text) == value
    except ValueError:
        return False


def _named_trials(db: store.Database, rows: Sequence[RankingRow], name: str) -> set[int]:
    """The ids of the trials that an arm, or the number or name of a run, stands for."""
    trials = store.trials(db, [trial for row in rows for trial in row.trials])
    studies = {trial.study for trial in trials.values()}
    digests = {
        (study.name, digest)
        for study in store.all_studies(db)
        if study.name in studies
        for arm in study.arms
        if arm.name == name
        for digest in arm.trials
    }
    if digests:
        return {id_ for id_, trial in trials.items() if (trial.study, trial.digest) in digests}
    return {run.trial.id for run in store.find_runs(db, [name])}


def _ambiguous_error(name: str, rows: Sequence[RankingRow]) -> UsageError:
    fields = distinguishing_fields([row.setting for row in rows])
    if not fields:
        return UsageError(f"{name} describes {len(rows)} trials", hint="name a run by its number")
    values = list(dict.fromkeys(format_value(row.setting.get(fields[0])) for row in rows))
    shown = ", ".join(values[:_MAX_NAMED])
    example = f"{fields[0]}={values[0] or 'none'}"
    return UsageError(
        f"{name} describes {len(rows)} trials, which differ in {', '.join(fields)}"
        f" ({fields[0]}: {shown})",
        hint=f"{name},{example}" if "=" in name else example,
    )
