"""Conversions of values to the text that the database stores: JSON, timestamps, names."""

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from nnlab.errors import MissingField
from nnlab.records import Scalar
from nnlab.settings.earlier_settings import with_earlier_values
from nnlab.settings.external import ExternalNames

_INFINITY_NAMES = {math.inf: "Infinity", -math.inf: "-Infinity"}


def to_json(value: Any) -> str:
    """JSON with sorted keys, so that equal values are equal text.

    Raises:
        ValueError: the value has a NaN or an infinity, which JSON cannot represent.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def evidence_to_json(evidence: Mapping[str, float]) -> str:
    """The JSON of a finding's numbers; NaN becomes null, an infinity its name."""
    return to_json({name: _null_or_infinity_name(float(value)) for name, value in evidence.items()})


def evidence_from_json(text: str) -> dict[str, float]:
    """The inverse of `evidence_to_json`."""
    evidence = json.loads(text)
    return {name: math.nan if value is None else float(value) for name, value in evidence.items()}


def _null_or_infinity_name(value: float) -> float | str | None:
    return None if math.isnan(value) else _INFINITY_NAMES.get(value, value)


def timestamp_to_text(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds: sortable as text, readable by SQLite's date functions.

    Raises:
        ValueError: the timestamp has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def timestamp_from_text(text: str | None) -> datetime | None:
    """The inverse of `timestamp_to_text`; a text without a time zone is read as UTC."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def replace_invalid_unicode(text: str) -> str:
    """The text with what databases cannot store or find again replaced by question marks.

    That is invalid Unicode, for example of a file name, and NUL: PostgreSQL has no such character,
    and the JSON functions of SQLite end a text there.
    """
    return text.encode("utf-8", errors="replace").decode("utf-8").replace("\0", "?")


@lru_cache(maxsize=4096)
def _check_setting(text: str) -> None:
    # Cached: all seeds of a trial have the same setting.
    setting = json.loads(text)
    if not isinstance(setting, dict):
        raise TypeError("its setting is not a JSON object")
    for name, value in setting.items():
        if isinstance(value, list | dict):
            raise TypeError(f"its setting does not have a plain value for {name}")


class StoredSetting(Mapping[str, Scalar]):
    """A setting that is parsed on first access: lists of runs show few settings.

    Raises:
        ValueError, TypeError: on creation, if the text is not a JSON object of plain values.
    """

    __slots__ = ("_parsed", "_text", "_trial_id")

    def __init__(self, text: str, trial_id: int = 0) -> None:
        _check_setting(text)
        self._text, self._trial_id = text, trial_id
        self._parsed: dict[str, Scalar] | None = None

    def _dict(self) -> dict[str, Scalar]:
        if self._parsed is None:
            self._parsed = self._parse()
        return self._parsed

    def _parse(self) -> dict[str, Scalar]:
        return dict(with_earlier_values(json.loads(self._text)))

    def __getitem__(self, name: str) -> Scalar:
        try:
            return self._dict()[name]
        except KeyError:
            raise self._missing_field(name) from None

    def _missing_field(self, name: str) -> MissingField:
        return MissingField(
            f"trial {self._trial_id} in the database cannot be read: its setting has no {name}",
            hint="nnlab db check lists all such rows",
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._dict())

    def __len__(self) -> int:
        return len(self._dict())

    def __eq__(self, other: object) -> bool:
        return dict(self._dict()) == dict(other) if isinstance(other, Mapping) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self._dict().items()))

    def __repr__(self) -> str:
        return repr(self._dict())


class StoredExternalSetting(ExternalNames, StoredSetting):
    """The stored setting of another program."""

    __slots__ = ()

    def _parse(self) -> dict[str, Scalar]:
        setting: dict[str, Scalar] = json.loads(self._text)
        return setting

    def _missing_field(self, name: str) -> MissingField:
        return MissingField(
            f"trial {self._trial_id} has no {name}: it is the setting of another program",
            hint="only trials that nnlab trains itself have nnlab's fields",
        )
