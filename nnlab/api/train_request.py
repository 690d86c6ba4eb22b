"""The keywords of `nnlab.train` as a `TrainRequest`, the same that the command line makes."""

import difflib
import operator
import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from nnlab.errors import ConfigError, UnknownKeyword
from nnlab.objective import format_exact
from nnlab.settings import is_setting_name, setting_field, setting_fields

# Seeds: a number of seeds, a list of them, or the text of the command line, "0,2" or "0..4".
Seeds = int | str | Sequence[int]

# Options of `nnlab train` for clusters, several nodes and terminals.
_COMMAND_LINE_ONLY = frozenset({"launcher", "nodes", "dry_run", "notify"})


def check_keywords(settings: Collection[str], other_keywords: Collection[str]) -> None:
    """Checks that the keywords that are no parameters of `nnlab.train` are fields of a setting.

    Raises:
        UnknownKeyword: one is not; the message suggests those with a similar name.
    """
    accepted = {*setting_fields(), *other_keywords}
    for name in settings:
        if name in accepted or is_setting_name(name):
            continue
        if name in _COMMAND_LINE_ONLY:
            raise UnknownKeyword(
                f"train() got an unexpected keyword argument '{name}':"
                f" --{name.replace('_', '-')} is an option of the command line only",
                hint="nnlab train -h describes it",
            )
        close = difflib.get_close_matches(name, sorted(accepted), n=3, cutoff=0.6)
        suggestion = f": did you mean {' or '.join(close)}?" if close else ""
        raise UnknownKeyword(
            f"train() got an unexpected keyword argument '{name}'{suggestion}",
            hint="nnlab train --help lists the settings; --batch-size is the keyword batch_size",
        )


def check_types(
    texts: Mapping[str, Any],
    callbacks: Mapping[str, Any],
    choices: Mapping[str, tuple[Any, Sequence[str]]],
) -> None:
    """Checks the keywords that are not settings; None is always valid.

    Args:
        texts: keywords that are a text, or a list of texts.
        callbacks: keywords that are a function.
        choices: keywords whose value is one of a few, with these.

    Raises:
        ConfigError: one is of another type; all of them are reported at once.
    """
    problems = [
        f"{name} must be text, got {item!r}"
        for name, value in texts.items()
        for item in (value if isinstance(value, list | tuple) else [value])
        if item is not None and not isinstance(item, str)
    ]
    problems += [
        f"{name} must be a function, got {value!r}"
        for name, value in callbacks.items()
        if value is not None and not callable(value)
    ]
    problems += [
        f"{name} must be {' or '.join(accepted)}, got {value!r}"
        for name, (value, accepted) in choices.items()
        if value is not None and value not in accepted
    ]
    if problems:
        raise ConfigError(problems)


def setting_values(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a request by field: text, numbers, booleans and lists of them.

    Arrays become lists, ranges are expanded, and paths become text. None is left out: it means the
    default. A value that is itself a list of numbers, such as widths=[32, 16], becomes the text
    of the command line, "32,16".
    """
    return {
        name: _request_value(value, is_list=setting_field(name).option.commas)
        for name, value in settings.items()
        if value is not None and name != "seed"
    }


def _request_value(value: Any, *, is_list: bool) -> Any:
    value = _python_value(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if not isinstance(value, list | tuple | range):
        return value
    items = [_request_value(item, is_list=is_list) for item in value]
    if is_list and items and all(isinstance(item, int | float) for item in items):
        return ",".join(map(_number_text, items))
    return items


def _python_value(value: Any) -> Any:
    """An array, a tensor or a number of NumPy as Python numbers; other values as they are.

    A number of less precision becomes the shortest float that reads the same in that precision:
    float32(0.1) is 0.1, and not 0.10000000149011612.
    """
    if not hasattr(value, "tolist"):
        return value
    if str(getattr(value, "dtype", "")).removeprefix("torch.") not in ("float16", "float32"):
        return value.tolist()
    # Imported only for arrays and tensors, whose module has imported it already.
    import numpy as np

    array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    shortest = np.array([float(str(number)) for number in array.ravel()], np.float64)
    return shortest.reshape(array.shape).tolist()


def _number_text(number: float) -> str:
    return format_exact(number) if isinstance(number, float) else str(number)


def parse_seeds_keywords(seed: Seeds | None, seeds: Seeds | None) -> tuple[str | None, int | None]:
    """The list of seeds as text, and the number of seeds; both are None by default.

    >>> parse_seeds_keywords(None, 3), parse_seeds_keywords(None, [0, 2])
    ((None, 3), ('0,2', None))

    Raises:
        ConfigError: seeds are both listed and counted, or are not numbers.
    """
    listed = None if seed is None else _seed_list(seed)
    if seeds is None:
        return listed, None
    # Arrays with several numbers have __index__ too, which then fails.
    seeds = seeds.tolist() if hasattr(seeds, "tolist") else seeds
    if isinstance(seeds, str) and seeds.strip().isdecimal():
        return listed, int(seeds)
    if not isinstance(seeds, bool) and hasattr(seeds, "__index__"):
        return listed, operator.index(seeds)
    if listed is not None:
        raise ConfigError(["seed lists seeds, and seeds lists them too: give one of them"])
    return _seed_list(seeds), None


def _seed_list(seeds: Any) -> str:
    seeds = seeds.tolist() if hasattr(seeds, "tolist") else seeds
    items = seeds if isinstance(seeds, list | tuple | range) else [seeds]
    return ",".join(map(str, items))


def call_text(
    study: str | None, seed: Seeds | None, seeds: Seeds | None, settings: Mapping[str, Any]
) -> str:
    """The call that adds to an existing study, for hints.

    >>> call_text("depth", None, 6, {"lr": 0.1})
    "nnlab.train(study='depth', seeds=6, lr=0.1, extend=True)"
    """
    keywords = {"study": study, "seed": seed, "seeds": seeds, **settings}
    parts = [f"{name}={value!r}" for name, value in keywords.items() if value is not None]
    return f"nnlab.train({', '.join([*parts, 'extend=True'])})"


def option_from_environment(
    value: str | os.PathLike[str] | Sequence[str] | None, variable: str
) -> str | None:
    """The text of an option, or that of its environment variable; a list is joined by commas."""
    if value is None:
        return os.environ.get(variable) or None
    if isinstance(value, str | os.PathLike):
        return os.fspath(value)
    return ",".join(value)


def switch_from_environment(variable: str) -> bool:
    """Whether an environment variable turns a switch on, with the spellings of the command line."""
    return os.environ.get(variable, "").strip().lower() in ("1", "true", "t", "yes", "y", "on")
