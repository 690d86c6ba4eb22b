"""What TensorBoard's hparams plugin stores about a run: its settings, and how it ended.

Source: https://github.com/tensorflow/tensorboard, plugins/hparams/{plugin_data,api}.proto and
google/protobuf/struct.proto
"""

import math
from collections.abc import Mapping
from typing import cast

from nnlab.exchange.log_reader import JsonValue
from nnlab.exchange.protobuf import (
    MalformedMessage,
    read_fields,
    to_bytes,
    to_double,
    to_int,
    to_text,
)
from nnlab.records import Status

_STATUSES = {1: Status.FINISHED, 2: Status.FAILED}
_DEEPEST = 20
_MOST_SETTINGS = 10_000


class HyperparameterLog:
    """Collects the hyperparameters of a run.

    `ended_at` and `started_at` are Unix seconds; `end_logged_at` is the wall time of the event that
    says how the run ended.
    """

    def __init__(self) -> None:
        self.config: dict[str, JsonValue] = {}
        self.group: str | None = None
        self.status = Status.RUNNING
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self.end_logged_at: float | None = None

    def add(self, data: bytes, wall_time: float | None) -> None:
        """Adds what an event says.

        Raises:
            MalformedMessage: it cannot be decoded.
        """
        for number, _, content in read_fields(data):
            if number == 3:
                self._add_start(to_bytes(content))
            elif number == 4:
                self._add_end(to_bytes(content), wall_time)

    def _add_start(self, data: bytes) -> None:
        # A second start belongs to a process that resumed the run.
        self.status, self.ended_at, self.end_logged_at = Status.RUNNING, None, None
        for number, _, content in read_fields(data):
            if number == 1:
                name, value = _map_entry(to_bytes(content), 0)
                if len(self.config) < _MOST_SETTINGS:
                    self.config[name] = value
            elif number == 4:
                self.group = to_text(content) or None
            elif number == 5 and self.started_at is None:
                self.started_at = to_double(content) or None

    def _add_end(self, data: bytes, wall_time: float | None) -> None:
        self.end_logged_at = wall_time
        for number, _, content in read_fields(data):
            if number == 1:
                self.status = _STATUSES.get(to_int(content), Status.RUNNING)
            elif number == 2:
                self.ended_at = to_double(content) or None

    def state(self) -> Mapping[str, JsonValue]:
        """Everything as JSON, from which `restore` continues."""
        return {
            "config": self.config,
            "group": self.group,
            "status": str(self.status),
            "started_at": _finite(self.started_at),
            "ended_at": _finite(self.ended_at),
            "end_logged_at": _finite(self.end_logged_at),
        }

    @classmethod
    def restore(cls, state: object) -> "HyperparameterLog":
        """The log of an earlier reading; an empty one if there is none."""
        log = cls()
        if isinstance(state, dict):
            if isinstance(config := state.get("config"), dict):
                log.config = dict(config)
            log.group = group if isinstance(group := state.get("group"), str) else None
            if state.get("status") in list(Status):
                log.status = Status(state["status"])
            log.started_at = _number(state.get("started_at"))
            log.ended_at = _number(state.get("ended_at"))
            log.end_logged_at = _number(state.get("end_logged_at"))
        return log


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(cast("float", value)) if is_number else None


def _map_entry(data: bytes, depth: int) -> tuple[str, JsonValue]:
    name, value = "", cast("JsonValue", None)
    for number, _, content in read_fields(data):
        if number == 1:
            name = to_text(content)
        elif number == 2:
            value = _json_value(to_bytes(content), depth)
    return name, value


def _json_value(data: bytes, depth: int) -> JsonValue:
    """The value of a google.protobuf.Value."""
    if depth > _DEEPEST:
        raise MalformedMessage("a setting is nested too deeply")
    result: JsonValue = None
    for number, _, content in read_fields(data):
        if number == 2:
            result = _as_setting(to_double(content))
        elif number == 3:
            result = to_text(content)
        elif number == 4:
            result = bool(to_int(content))
        elif number == 5:
            fields = read_fields(to_bytes(content))
            result = dict(_map_entry(to_bytes(item), depth + 1) for n, _, item in fields if n == 1)
        elif number == 6:
            fields = read_fields(to_bytes(content))
            result = [_json_value(to_bytes(item), depth + 1) for n, _, item in fields if n == 1]
    return result


def _as_setting(number: float) -> float | int | str:
    """A setting: the log has integers as doubles, and JSON has no NaN."""
    if not math.isfinite(number):
        return str(number)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
