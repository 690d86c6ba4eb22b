"""Groups of runs that can be ranked together: same validation data and same metric.

Every ranking, table and figure that compares values takes its runs from here. What makes two runs
comparable is explained in docs/comparing.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from nnlab import store
from nnlab.analysis.external_data import DATA_NAMES, data_of
from nnlab.analysis.objectives import define_hint, objective_candidates, resolve_direction
from nnlab.analysis.scope import Scope
from nnlab.errors import UnknownName, UsageError
from nnlab.objective import (
    EVALUATION_PREFIX,
    Direction,
    direction_of,
    is_layer_quantile,
    split_direction,
    unknown_direction_message,
)
from nnlab.records import Objective, Scalar, Setting, Trial
from nnlab.settings import (
    builtin_fields,
    default_for_setting,
    is_builtin_setting,
    is_builtin_value,
    metric_directions,
    setting_fields,
)
from nnlab.settings.arguments import is_argument
from nnlab.settings.setting_differences import format_value

# The fields that determine the validation data; size and label noise of the training split do not.
DATA_FIELDS = (
    "data", "samples", "data_noise", "data_seed", "classes", "rotate", "val_fraction",
    "test_fraction", "split_seed", "stratify_by", "split_by", "split_by_time", "split_file",
    "folds", "task", "task_version", "missing",
)  # fmt: skip
# The fields that determine the reported loss, which has no label smoothing and the mean reduction.
# Those of a user's loss also include its arguments, such as `loss.gamma`.
LOSS_FIELDS = ("loss", "huber_delta", "loss_version")
# The study of runs of other programs that do not name their data: there it is the same data.
_STUDY = "study"
_LOSS_QUANTITIES = ("loss", "loss_exact", "grad_norm")
# Fields that may differ between data sets without splitting a table that is spread over data sets.
_FIELDS_TIED_TO_DATA = frozenset(DATA_FIELDS) - {"val_fraction", "split_seed"} | frozenset(
    LOSS_FIELDS
)


@dataclass(frozen=True, slots=True)
class ComparableGroup:
    """Runs that can be ranked together, and the objective that ranks them.

    `heading` names what distinguishes them from the other groups of the scope; it is empty if
    there is no other group. `fields` holds the values of `DATA_FIELDS`, and of `LOSS_FIELDS` and
    the arguments of the loss if the objective is a loss and the losses differ.
    """

    scope: Scope
    objective: Objective
    heading: str = ""
    fields: Mapping[str, Scalar] | None = None

    def value(self, field: str) -> Scalar:
        """The value of a field that all runs of the group share."""
        return (self.fields or {}).get(field)


# Pairs of a field and its value.
_ReportedLoss = tuple[tuple[str, Scalar], ...]


@dataclass(frozen=True, slots=True)
class _UnnamedGroup:
    """A group without its heading; `newest` is the number of its last run with an epoch, or 0."""

    scope: Scope
    fields: Mapping[str, Scalar]
    version: Scalar
    newest: int


def comparable_groups(
    db: store.Database, scope: Scope, *, by: str | None = None
) -> tuple[ComparableGroup, ...]:
    """The groups of comparable runs in a scope: those with the metric first, newest first.

    Args:
        db: the database.
        scope: the runs to group.
        by: the metric to rank by; by default the objective of the scope or of each group.

    Raises:
        UnknownName: no run has that metric.
    """
    requested = None if by is None else resolve_objective(db, scope, by)
    parts = [
        (split, objective)
        for part in _split_by_data(db, scope)
        for objective in [requested or resolve_objective(db, part.scope, None)]
        for split in _split_by_loss(db, part, objective)
    ]
    if len(parts) == 1:
        return (ComparableGroup(parts[0][0].scope, parts[0][1], "", parts[0][0].fields),)
    headings = _group_headings([part for part, _ in parts])
    measured = [_is_measured(db, part.scope, objective) for part, objective in parts]
    order = sorted(range(len(parts)), key=lambda i: (not measured[i], -parts[i][0].newest))
    return tuple(
        ComparableGroup(parts[i][0].scope, parts[i][1], headings[i], parts[i][0].fields)
        for i in order
    )


def resolve_objective(db: store.Database, scope: Scope, by: str | None) -> Objective:
    """The objective that ranks a scope: `by`, the study's own, or that of most of its trials.

    Raises:
        UnknownName: no run has the metric `by`.
        UsageError: `by` is no metric, or it is unknown which of its values are better.
    """
    if by is None:
        if scope.objective is not None:
            return scope.objective
        objectives = store.count_objectives(db, study_ids=scope.studies, run_ids=scope.runs)
        if objectives:
            return Objective.parse(next(iter(objectives)))
        return _default_objective(db, scope)
    metrics = [name for name in store.metrics(db) if not name.startswith(EVALUATION_PREFIX)]
    metric = split_direction(by)[0]
    if metric.startswith(EVALUATION_PREFIX):
        raise UsageError(
            f"--by {metric}: rankings do not use evaluations on other data",
            hint="nnlab show RUN shows them",
        )
    if metric and ":" not in metric and metric not in metrics:
        listed = [name for name in metrics if not is_layer_quantile(name)]
        raise UnknownName("metric", metric, listed)
    if ":" in by:
        return _parse_objective(by, None)
    user = store.user_directions(db)
    declared = {} if by in user else _declared_directions(db, scope, by)
    return _parse_objective(by, resolve_direction(by, user, declared))


def _default_objective(db: store.Database, scope: Scope) -> Objective:
    """The objective of runs of other programs whose study has none: a metric that they have."""
    for objective in objective_candidates(store.metrics(db), store.user_directions(db)):
        if _is_measured(db, scope, objective):
            return objective
    return Objective.parse("val/loss")


def _declared_directions(db: store.Database, scope: Scope, by: str) -> Mapping[str, Direction]:
    """The directions that the settings of a scope give to the metrics of users."""
    if direction_of(by) is not None:
        return {}  # reading the settings of ten thousand trials takes 50 ms
    names = ["metrics", "task_directions"]
    rows = store.trial_fields(db, names, study_ids=scope.studies, run_ids=scope.runs)
    return metric_directions(*(dict(zip(names, row, strict=True)) for row in set(rows.values())))


def _parse_objective(by: str, direction: Direction | None) -> Objective:
    if by and ":" not in by and direction is None:
        raise UsageError(
            f"--by {by}: {unknown_direction_message(by)}",
            hint=f"--by {by}:max; {define_hint(by)}",
        )
    try:
        return Objective.parse(by, {by: direction} if direction else None)
    except ValueError as error:
        raise UsageError(
            f"--by {by}: {error}" if by else "--by needs a metric", hint="--by val/loss:min"
        ) from None


def merge_groups_along(
    groups: Sequence[ComparableGroup], along: Iterable[str | None]
) -> tuple[ComparableGroup, tuple[str, ...]]:
    """One group for a table or axis over some fields, and the headings of the groups left out.

    Values at different positions of an axis, for example over `split_seed`, are not ranked
    against each other. Therefore the newest group is merged with one group for each other value
    of these fields: the newest group that agrees with it in all other fields. If the fields do
    not affect comparability, the result is the newest group. Along an argument of a loss, the
    newest group is that of a loss with this argument.

    Args:
        groups: as `comparable_groups` returns them.
        along: fields of a setting; None is ignored.
    """
    arguments = _loss_arguments(*(group.fields or {} for group in groups))
    names = set(along)
    if names.intersection(DATA_NAMES):
        names.add("data")  # as another program calls it
    fields = [name for name in (*DATA_FIELDS, "huber_delta", *arguments) if name in names]
    with_argument = (g for g in groups if names & set(_loss_arguments(g.fields or {})))
    first = next(with_argument, groups[0])
    free = set(fields) | (_FIELDS_TIED_TO_DATA if "data" in fields else set())
    free |= {"task_version"} if "task" in fields else set()
    fixed = [name for name in (*DATA_FIELDS, _STUDY, *LOSS_FIELDS, *arguments) if name not in free]
    newest_by_value: dict[tuple[Scalar, ...], ComparableGroup] = {}
    for group in groups:
        if all(group.value(name) == first.value(name) for name in fixed):
            newest_by_value.setdefault(tuple(group.value(name) for name in fields), group)
    kept = list(newest_by_value.values()) if fields else [first]
    left_out = tuple(group.heading for group in groups if group not in kept)
    if len(kept) == 1:
        return first, left_out
    runs = tuple(run for group in kept for run in group.scope.runs or ())
    return replace(first, scope=replace(first.scope, runs=runs), heading=""), left_out


def not_ranked_note(headings: Sequence[str]) -> str:
    """The note that names the groups that a ranking leaves out."""
    return f"not comparable with these, not ranked here: {'; '.join(headings)}"


def depends_on_loss(metric: str) -> bool:
    """Whether values of a metric depend on the loss function of the training."""
    return metric.rpartition("/")[2] in _LOSS_QUANTITIES


def find_incomparable_fields(
    settings: tuple[Setting, Setting], studies: tuple[str, str], objective: Objective
) -> tuple[str, ...]:
    """The fields that make the values of two settings incomparable; empty if they are comparable.

    Args:
        settings: the two settings, whether or not they are stored.
        studies: the names of their studies: the same data if other programs do not name theirs.
        objective: the metric to compare; only a loss depends on the loss function.
    """
    first, second = settings
    fields: list[str] = []
    if _data_key(first, studies[0]) != _data_key(second, studies[1]):
        parts = [
            _data_fields(setting, name) for setting, name in zip(settings, studies, strict=True)
        ]
        fields += [name for name in parts[0] | parts[1] if parts[0].get(name) != parts[1].get(name)]
        fields = fields or ["data_version"]
    if depends_on_loss(objective.metric):
        names = (*LOSS_FIELDS, *_loss_arguments(builtin_fields(first), builtin_fields(second)))
        own = [builtin_fields(setting) for setting in settings]
        fields += [name for name in names if own[0].get(name) != own[1].get(name)]
    return tuple(fields)


def _is_measured(db: store.Database, scope: Scope, objective: Objective) -> bool:
    measured = store.count_trials(
        db, study_ids=scope.studies, run_ids=scope.runs, metric=objective.metric
    )
    return measured > 0


def _split_by_data(db: store.Database, scope: Scope) -> list[_UnnamedGroup]:
    """The scope split into parts with the same validation data, or one part if all are equal."""
    selection = {"study_ids": scope.studies, "run_ids": scope.runs}
    distinct = store.distinct_data(db, **selection)
    trials = store.trials(db, [run.trial_id for run in distinct])
    # A trial whose row is damaged cannot be read; it is left out and reported by the store.
    distinct = tuple(run for run in distinct if run.trial_id in trials)
    # Equal fingerprints are equal data, whatever the name: the setting of one trial is enough.
    by_fingerprint = {
        run.fingerprint: trials[run.trial_id] for run in distinct if run.fingerprint is not None
    }
    keys = [_data_key_of_trial(trials[run.trial_id]) for run in distinct]
    if len(set(keys)) <= 1:
        newest = max((run.run_id for run in distinct), default=0)
        if not distinct:
            return [_UnnamedGroup(scope, _data_fields({}), None, newest)]
        return [_unnamed_group(scope, trials[distinct[0].trial_id], newest)]
    newest_of: dict[tuple[Scalar, ...], int] = {}
    for run, key in zip(distinct, keys, strict=True):
        newest_of[key] = max(newest_of.get(key, 0), run.run_id)
    data_of_runs = store.data_of_runs(db, **selection)
    unread = {run.trial_id for run in data_of_runs if run.fingerprint not in by_fingerprint}
    trials |= store.trials(db, sorted(unread - set(trials)))
    runs: dict[tuple[Scalar, ...], list[int]] = {}
    trial_by_key: dict[tuple[Scalar, ...], Trial] = {}
    for run in data_of_runs:
        own = by_fingerprint.get(run.fingerprint or "") or trials.get(run.trial_id)
        if own is None:
            continue
        key = _data_key_of_trial(own)
        runs.setdefault(key, []).append(run.run_id)
        trial_by_key[key] = own
    return [
        _unnamed_group(
            replace(scope, studies=None, runs=tuple(numbers)),
            trial_by_key[key],
            newest_of.get(key, 0),
        )
        for key, numbers in runs.items()
    ]


def _unnamed_group(scope: Scope, trial: Trial, newest: int) -> _UnnamedGroup:
    fields = _data_fields(trial.setting, trial.study)
    return _UnnamedGroup(scope, fields, _data_version(trial.setting), newest)


def _data_key_of_trial(trial: Trial) -> tuple[Scalar, ...]:
    return _data_key(trial.setting, trial.study)


def _split_by_loss(
    db: store.Database, part: _UnnamedGroup, objective: Objective
) -> list[_UnnamedGroup]:
    """A part split by loss function, if the objective is a loss."""
    if not depends_on_loss(objective.metric):
        return [part]
    selection = {"study_ids": part.scope.studies, "run_ids": part.scope.runs}
    losses = _reported_losses(db, part.scope)
    if len(set(losses.values())) <= 1:
        return [part]
    runs: dict[_ReportedLoss, list[int]] = {}
    for run in store.data_of_runs(db, **selection):
        runs.setdefault(losses.get(run.trial_id, ()), []).append(run.run_id)
    return [
        _UnnamedGroup(
            replace(part.scope, studies=None, runs=tuple(numbers)),
            {**part.fields, **dict(loss)},
            part.version,
            numbers[-1],
        )
        for loss, numbers in runs.items()
    ]


def _reported_losses(db: store.Database, scope: Scope) -> Mapping[int, _ReportedLoss]:
    """What determines the reported loss of each trial of nnlab that has a current run."""
    selection = {"study_ids": scope.studies, "run_ids": scope.runs}
    values = store.trial_fields(db, LOSS_FIELDS[:1], **selection)
    user_losses = [number for number, (loss,) in values.items() if ":" in str(loss)]
    if user_losses or any(loss == "huber" for (loss,) in values.values()):
        # Only in this case, because reading a field of ten thousand settings takes 50 ms.
        values = store.trial_fields(db, LOSS_FIELDS, **selection)
    losses = {
        number: tuple(zip(LOSS_FIELDS, fields, strict=False)) for number, fields in values.items()
    }
    for number, setting in _settings_by_trial(db, user_losses).items():
        losses[number] += tuple((name, setting[name]) for name in _loss_arguments(setting))
    return losses


def _loss_arguments(*settings: Mapping[str, Scalar]) -> tuple[str, ...]:
    """The names of the arguments of users' losses in any of these settings, sorted."""
    names = {name for setting in settings for name in setting}
    return tuple(sorted(name for name in names if is_argument(name, "loss")))


def _settings_by_trial(db: store.Database, trial_ids: Sequence[int]) -> dict[int, Setting]:
    return {number: trial.setting for number, trial in store.trials(db, trial_ids).items()}


def _data_fields(setting: Setting, study: str = "") -> dict[str, Scalar]:
    """The values of `DATA_FIELDS`; a field that an older setting lacks has its default.

    Of a setting of another program only the name of the data is known, or else the study.
    """
    if not is_builtin_setting(setting):
        data = data_of(setting)
        known = {"data": data, _STUDY: study if data is None else None}
        return {**dict.fromkeys(DATA_FIELDS), **known}
    return {name: setting.get(name, _default_value(name, setting)) for name in DATA_FIELDS}


def _default_value(name: str, setting: Setting) -> Scalar:
    if name not in setting_fields():
        return None  # the version of a file
    kind = setting_fields()[name].option.default_from
    if kind is not None and not is_builtin_value(kind, setting.get(kind)):
        return None  # a plugin, which is not imported for a ranking
    try:
        _, default = default_for_setting(name, setting) if "data" in setting else (True, None)
    except UnknownName:  # a data set of another version of nnlab
        return None
    return default


def _data_version(setting: Setting) -> Scalar:
    return builtin_fields(setting).get("data_version")


def _data_key(setting: Setting, study: str = "") -> tuple[Scalar, ...]:
    """A key that is equal for settings with equal validation data; files compare by content."""
    fields = _data_fields(setting, study)
    version = _data_version(setting)
    if version is not None and ":" in str(fields["data"]):
        kind, _, rest = str(fields["data"]).partition(":")
        is_file = kind in ("csv", "npz", "folder")
        # The functions of a user's file have one version, but return different data.
        fields["data"] = f"{kind}#{rest.partition('#')[2]}" if is_file else f"#{rest}"
    return (version, *fields.values())


def _group_headings(parts: Sequence[_UnnamedGroup]) -> list[str]:
    """A heading for each part: its data set, and the fields that differ within that data set."""
    names = [_data_heading(part) for part in parts]
    headings = []
    for part, data_name in zip(parts, names, strict=True):
        peers = [other for other, name in zip(parts, names, strict=True) if name == data_name]
        words = [data_name] if len(set(names)) > 1 else []
        arguments = _loss_arguments(*(peer.fields for peer in peers))
        for name in (*DATA_FIELDS[1:], *LOSS_FIELDS, *arguments):
            value = part.fields.get(name)
            differs = len({peer.fields.get(name) for peer in peers}) > 1
            if differs and value is not None:
                words.append(f"{name} {format_value(value)}")
            elif differs and name == "classes":
                words.append("all classes")
            elif differs and name in arguments and _has_argument(part, name, peers):
                words.append(f"default {name}")
        versions = sorted({peer.version for peer in peers}, key=lambda v: _first_seen(peers, v))
        if len(versions) > 1:
            words.append(f"content {versions.index(part.version) + 1} of {len(versions)}")
        headings.append(", ".join(words))
    return headings


def _data_heading(part: _UnnamedGroup) -> str:
    """The name of the data of a group, or of the study of runs whose data is unknown."""
    data, study = (part.fields.get(name) for name in ("data", _STUDY))
    return format_value(data) or ("unknown data" if study is None else f"study {study}")


def _has_argument(part: _UnnamedGroup, name: str, peers: Sequence[_UnnamedGroup]) -> bool:
    """Whether the loss of a part has an argument, which its peers with the same loss set."""
    loss = part.fields.get("loss")
    return any(peer.fields.get("loss") == loss and name in peer.fields for peer in peers)


def _first_seen(parts: Sequence[_UnnamedGroup], version: Scalar) -> int:
    return min(part.newest for part in parts if part.version == version)
