"""The seed of a run, taken from its configuration or command line under the usual names."""

import re
from collections.abc import Iterable, Mapping
from itertools import islice

from nnlab.exchange.log_reader import JsonValue

# In order of preference, after lower case and with words joined by _.
_SEED_NAMES = (
    *("seed", "random_seed", "manual_seed", "global_seed", "train_seed", "training_seed"),
    *("rng_seed", "seed_value", "random_state", "seed_everything", "model_seed", "init_seed"),
)
# A seed in a nested configuration is looked for in these sections before all others.
_PREFERRED_SECTIONS = ("", "trainer", "training", "train", "args", "general", "experiment", "run")
_WORDS = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
# PyTorch takes 64 bits, signed or unsigned; a larger number is no seed.
_LIMIT = 1 << 64
# A hostile configuration is not searched without end.
_MAX_KEYS = 100_000
_MAX_DEPTH = 20


def seed_of_config(config: Mapping[str, JsonValue]) -> int | None:
    """The seed in a configuration, flat with dotted names or nested; None if it has no seed.

    A shorter path, a usual section such as `trainer` and an earlier name in the list of usual
    names are preferred. A value that is not a seed, such as None, is skipped.

    >>> seed_of_config({"lr": 0.1, "trainer": {"seed": 3}}), seed_of_config({"random-state": "7"})
    (3, 7)
    >>> seed_of_config({"data.seed": 5, "seed": 1}), seed_of_config({"seed": None})
    (1, None)
    """
    candidates = [
        (rank, seed)
        for path, value in islice(_leaves(config, (), 0), _MAX_KEYS)
        if (rank := _rank_of(path)) is not None and (seed := parse_seed(value)) is not None
    ]
    return min(candidates, key=lambda candidate: candidate[0])[1] if candidates else None


def is_seed_name(name: str) -> bool:
    """Whether a flat name of a configuration usually belongs to a seed.

    >>> is_seed_name("trainer.seed"), is_seed_name("random-state"), is_seed_name("seeds")
    (True, True, False)
    """
    return _rank_of(tuple(re.split(r"[./]", name[:500]))) is not None


def parse_seed(value: JsonValue) -> int | None:
    """The seed that a value states; None if it is not a whole number of at most 64 bits.

    >>> parse_seed(3), parse_seed("3"), parse_seed(3.0), parse_seed(True), parse_seed("abc")
    (3, 3, 3, None, None)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = int(value) if re.fullmatch(r"\s*[+-]?[0-9]{1,20}\s*", value) else None
    if isinstance(value, float):
        value = int(value) if value.is_integer() and abs(value) < 2**53 else None
    return value if isinstance(value, int) and abs(value) < _LIMIT else None


def _leaves(
    config: Mapping[str, JsonValue], path: tuple[str, ...], depth: int
) -> Iterable[tuple[tuple[str, ...], JsonValue]]:
    """The path and value of every scalar; dotted names and names with / are paths as well."""
    for name, value in config.items():
        full_path = (*path, *re.split(r"[./]", str(name)[:500]))
        if not isinstance(value, Mapping):
            yield full_path, value
        elif depth < _MAX_DEPTH:
            yield from _leaves(value, full_path, depth + 1)


def _rank_of(path: tuple[str, ...]) -> tuple[int, int, int] | None:
    """How little a path is preferred as the seed of the run; None if it does not name a seed."""
    words = [word for word in _WORDS.split(path[-1]) if word]
    name = "_".join(words).lower()
    if name not in _SEED_NAMES:
        return None
    section = path[-2].lower() if len(path) > 1 else ""
    section_rank = (
        _PREFERRED_SECTIONS.index(section)
        if section in _PREFERRED_SECTIONS
        else len(_PREFERRED_SECTIONS)
    )
    return section_rank, len(path), _SEED_NAMES.index(name)
