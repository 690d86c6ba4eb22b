"""The samples of JSON objects, one object per step; the readers of JSON formats use it."""

from collections.abc import Mapping

from nnlab.exchange.json_text import numbers_and_texts
from nnlab.exchange.log_reader import Audit, JsonValue, Position
from nnlab.exchange.metric_table import MetricNames, number_of
from nnlab.exchange.sample_rows import ColumnRoles, RowSamples, roles_of
from nnlab.records import Sample

# Objects of a log have few sets of keys; a hostile log has a new set in each line.
_MAX_CACHED_ROLES = 256


class JsonRowSamples:
    """The samples of objects; the roles of each set of keys are determined once."""

    def __init__(
        self,
        names: MetricNames,
        audit: Audit,
        position: Position | None = None,
        *,
        prefer_step: str | None = None,
        ignored: frozenset[str] = frozenset(),
    ) -> None:
        """Makes the reader of objects.

        Args:
            names: the names of the metrics of the run.
            audit: where values that are not numbers are noted.
            position: where the last reading ended.
            prefer_step: the key of the step, if the tool has its own.
            ignored: keys that are neither an index nor a metric.
        """
        self._names = names
        self._audit = audit
        self._prefer_step = prefer_step
        self._ignored = ignored
        self._roles: dict[tuple[str, ...], ColumnRoles] = {}
        self._rows = RowSamples(
            parse_json_number,
            names,
            audit,
            position,
            epochs_from_0=False if prefer_step else None,
        )

    def position(self) -> dict[str, int | None]:
        """What the next reading needs of this one."""
        return self._rows.position()

    def samples(self, row: Mapping[str, JsonValue]) -> list[Sample]:
        """The samples of an object."""
        flat = numbers_and_texts(row, self._audit)
        keys = tuple(flat)
        roles = self._roles.get(keys)
        if roles is None:
            roles = roles_of(
                keys,
                self._names,
                self._audit,
                prefer_step=self._prefer_step,
                ignored=self._ignored.__contains__,
            )
            if len(self._roles) >= _MAX_CACHED_ROLES:
                self._roles.clear()
            self._roles[keys] = roles
        return self._rows.samples(roles, tuple(flat.values()))


def parse_json_number(value: object) -> float | None:
    """The number of a value; None if it is missing.

    Raises:
        ValueError: the value is a text.
    """
    number = number_of(value)
    if number is None and value is not None:
        raise ValueError("not a number")
    return number
