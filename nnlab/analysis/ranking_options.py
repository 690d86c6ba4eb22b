"""The options of a ranking as users write them, for `nnlab compare` and the Python API."""

from nnlab.analysis.records import EpochChoice
from nnlab.errors import UsageError


def parse_epoch_choice(text: str) -> EpochChoice:
    """The epoch of the values: `best`, `last`, or a number.

    Raises:
        UsageError: it is none of these.

    >>> parse_epoch_choice("last"), parse_epoch_choice("12")
    ('last', 12)
    """
    match text:
        case "best":
            return "best"
        case "last":
            return "last"
        case number if number.isdecimal() and int(number) >= 1:
            return int(number)
    raise UsageError(f"--at must be best, last or an epoch (1 or greater), got {text}")


def parse_field_names(text: str | None) -> tuple[str, ...]:
    """The fields of a setting in a text with commas; options such as `--weight-decay` are accepted.

    >>> parse_field_names("opt, --weight-decay")
    ('opt', 'weight_decay')
    """
    if not text:
        return ()
    return tuple(field.strip().lstrip("-").replace("-", "_") for field in text.split(","))
