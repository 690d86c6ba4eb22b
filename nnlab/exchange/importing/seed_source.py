"""Where the seed of a logged run is taken from: its configuration, or its name."""

import re
from dataclasses import dataclass

from nnlab.errors import UsageError
from nnlab.exchange.seed_of_config import parse_seed

# Names of runs are from elsewhere, and a pattern may take long on a long text.
_MAX_NAME = 500
# The largest seed that the database can store.
_MAX_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SeedSource:
    """What `--seed-from` names: a key of the configuration, or a pattern of the run's name."""

    key: str | None = None
    pattern: re.Pattern[str] | None = None

    @classmethod
    def parse(cls, text: str) -> "SeedSource":
        r"""The source that a text names; a text with a group in parentheses is a pattern.

        Raises:
            UsageError: it is no valid pattern, or has several groups.

        >>> SeedSource.parse("trainer.seed").key, SeedSource.parse(r"-s(\d+)$").split_name("cnn-s3")
        ('trainer.seed', ('cnn', 3))
        """
        if "(" not in text:
            return cls(key=text)
        try:
            pattern = re.compile(text)
        except re.error as error:
            raise UsageError(f"--seed-from {text!r} is not a regular expression: {error}") from None
        if pattern.groups != 1:
            raise UsageError(
                f"--seed-from {text!r} has {pattern.groups} groups; one group matches the seed",
                hint=r"--seed-from 'seed(\d+)'",
            )
        return cls(pattern=pattern)

    def split_name(self, name: str) -> tuple[str, int | None]:
        """The name of a run without the part that matches the pattern, and the seed in it."""
        match = None if self.pattern is None else self.pattern.search(name[:_MAX_NAME])
        if match is None:
            return name, None
        rest = (name[: match.start()] + name[match.end() :]).strip(" -_/.,")
        return rest, storable_seed(match.group(1))


def storable_seed(value: object) -> int | None:
    """The seed that a value states; None if it is none, or too large for the database."""
    if not isinstance(value, int | float | str):
        return None
    seed = parse_seed(value)
    return seed if seed is not None and abs(seed) <= _MAX_SEED else None
