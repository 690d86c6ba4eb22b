"""The choices of an author about names, order, limits and uncertainty, for every kind of figure.

`with use_reader_options(options): ...` sets them for what is prepared and drawn inside. Names are
looked up with `displayed`, trials are chosen with `chosen_trials`, and `titles_and_limits` applies
the rest before the layout, so that a kind of figure needs no code for them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final, TypeVar

from nnlab.errors import UnknownName, UsageError
from nnlab.stats.uncertainty import DEFAULT_UNCERTAINTY, Uncertainty

T = TypeVar("T")
# The end of an axis that keeps its own limit is None.
AxisLimits = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class ReaderOptions:
    """What an author changes about a figure.

    `rename` maps names in the figure, or in the database, to other names. `select` are names of
    trials, or `FIELD=VALUE,VALUE`. `order` are names of trials or values, the first one first.
    `ylabels` and `ylims` are those of the first panels.
    """

    uncertainty: Uncertainty = DEFAULT_UNCERTAINTY
    rename: Mapping[str, str] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    title: str | None = None
    xlabel: str | None = None
    ylabels: tuple[str, ...] = ()
    xlim: AxisLimits | None = None
    ylims: tuple[AxisLimits, ...] = ()
    inset: tuple[float, float] | None = None
    brackets: bool = False


@dataclass(slots=True)
class _Usage:
    """The options, and which of their names were found in the figure."""

    options: ReaderOptions
    names: set[str] = field(default_factory=set)
    choices: set[str] = field(default_factory=set)
    common_choices: set[str] = field(default_factory=set)
    has_trials: bool = False


_current: ContextVar[_Usage | None] = ContextVar("reader_options", default=None)
_DEFAULT: Final = ReaderOptions()


def current_reader_options() -> ReaderOptions:
    """The options of the figure that is prepared or drawn now."""
    usage = _current.get()
    return _DEFAULT if usage is None else usage.options


@contextmanager
def use_reader_options(options: ReaderOptions) -> Iterator[None]:
    """A context in which figures are prepared and drawn with these options."""
    token = _current.set(_Usage(options))
    try:
        yield
    finally:
        _current.reset(token)


def displayed(name: str, *keys: str) -> str:
    """The name as the author renamed it; `keys` are other spellings, such as that in the database.

    >>> with use_reader_options(ReaderOptions(rename={"adam": "Ours"})):
    ...     displayed("Adam", "adam"), displayed("SGD", "sgd")
    ('Ours', 'SGD')
    """
    usage = _current.get()
    if usage is None:
        return name
    usage.names.update((name, *keys))
    renamed = usage.options.rename
    return next((renamed[key] for key in (name, *keys) if key in renamed), name)


def selected_values() -> dict[str, list[str]]:
    """The values of `--select FIELD=VALUE,VALUE` by field; empty without a choice.

    A trial has one value of a field, so repeated conditions on one field are alternatives.
    """
    values: dict[str, list[str]] = {}
    for name, equals, texts in (term.partition("=") for term in current_reader_options().select):
        if equals:
            values.setdefault(name.lstrip("-").replace("-", "_"), []).extend(texts.split(","))
    return values


def chosen_trials(
    trials: Sequence[T], names_of: Callable[[T], Mapping[str, Sequence[str]]]
) -> list[T]:
    """The trials that the author selected, in the chosen order; all of them without a choice.

    Args:
        trials: in the order of their ranking.
        names_of: the spellings of a trial's values by field, and of its title under an empty key.

    Raises:
        UnknownName: a selected title or value belongs to no trial.
    """
    usage = _current.get()
    if usage is None:
        return list(trials)
    usage.has_trials = True
    chosen = list(trials)
    titles = [term for term in usage.options.select if "=" not in term]
    requests: dict[str, Sequence[str]] = {**selected_values(), **({"": titles} if titles else {})}
    for key, values in requests.items():
        spellings = [names_of(trial).get(key, ()) for trial in trials]
        if key and not any(spellings):
            raise UnknownName("field", key, {name for t in trials for name in names_of(t)} - {""})
        for value in values:
            if not any(value in texts for texts in spellings):
                names = dict.fromkeys(texts[0] for texts in spellings if texts)
                raise UnknownName(f"value of {key}" if key else "trial", value, names)
        chosen = [
            trial for trial in chosen if not set(values).isdisjoint(names_of(trial).get(key, ()))
        ]
    if not chosen:
        raise UsageError("no trial meets all conditions of --select")
    return in_chosen_order(
        chosen, lambda trial: [text for texts in names_of(trial).values() for text in texts]
    )


def in_chosen_order(items: Sequence[T], names_of: Callable[[T], Sequence[str]]) -> list[T]:
    """The items with those that `order` names first; the others keep their order."""
    usage = _current.get()
    if usage is None or not usage.options.order:
        return list(items)
    order = {name: index for index, name in enumerate(usage.options.order)}
    names_of_items = [set(names_of(item)) for item in items]
    usage.choices.update(*names_of_items)
    if len(names_of_items) > 1:
        usage.common_choices.update(set.intersection(*names_of_items))

    def position(item: T) -> int:
        names = names_of(item)
        return min((order[name] for name in names if name in order), default=len(order))

    return sorted(items, key=position)


def check_reader_options(kind: str) -> None:
    """Refuses options that had no effect on the figure that was prepared and drawn.

    Raises:
        UnknownName: nothing in the figure has a name of `rename` or `order`.
        UsageError: the kind of figure has no trials to select.
    """
    usage = _current.get()
    if usage is None:
        return
    options = usage.options
    if options.select and not usage.has_trials:
        raise UsageError(f"--select has no effect on plot {kind}")
    for name in options.rename:
        if name not in usage.names:
            raise UnknownName("name in the figure", name, usage.names)
    for name in options.order:
        if not usage.choices:
            raise UsageError(f"--order has no effect on plot {kind}")
        if name not in usage.choices:
            # Values that all trials have cannot order them.
            raise UnknownName("trial or value", name, usage.choices - usage.common_choices)
