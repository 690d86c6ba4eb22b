"""What a .wandb file says about its run besides the history: config, summary, times, its end."""

from collections.abc import Iterator, Mapping

from nnlab.exchange.json_text import clean_config, parse_json
from nnlab.exchange.log_reader import Audit, JsonValue, RunDetails
from nnlab.exchange.log_times import utc_time
from nnlab.exchange.metric_table import clean_name, clean_text, number_of
from nnlab.exchange.protobuf import read_fields, to_bytes, to_int, to_text
from nnlab.exchange.seed_of_config import seed_of_config
from nnlab.exchange.wandb_offline.history import HistoryDecoder
from nnlab.exchange.wandb_offline.items import (
    decode_key,
    decode_value,
    split_item,
    split_usual_items,
)
from nnlab.io.command_line import quote_command
from nnlab.objective import Direction
from nnlab.records import Scalar, Status

_MOST_KEYS = 10_000
_MOST_DEFINITIONS = 100
_MOST_TEXTS = 1000
_LONGEST_RESULT = 10_000
_LARGEST_CONFIG = 16 << 20
_DIRECTIONS: dict[int, Direction] = {1: "min", 2: "max"}
# Fields of a Record, by which `RunRecord.add` is called.
SUMMARY, CONFIG, METRIC, RUN, EXIT, ENVIRONMENT = 3, 5, 12, 17, 18, 26
RUN_FIELDS = frozenset({SUMMARY, CONFIG, METRIC, RUN, EXIT, ENVIRONMENT})


class RunRecord:
    """Collects what the records say about a run.

    The summary repeats the history after each step, so that its values stay texts until they are
    needed.
    """

    def __init__(self, history: HistoryDecoder, audit: Audit) -> None:
        self._history = history
        self._audit = audit
        self._texts: dict[str, str] = {}  # run_id, name, project, group, host, program
        self._tags: list[str] = []
        self._arguments: list[str] = []
        self._config: dict[str, JsonValue] = {}
        self._config_bytes = 0
        self._summary: dict[str, bytes] = {}
        self._summary_names: dict[bytes, str] = {}
        self._directions: dict[str, Direction] = {}
        self._started_at: float | None = None
        self._exit_code: int | None = None

    def add(self, field: int, data: bytes) -> None:
        """Adds a record of one of the kinds above.

        Raises:
            MalformedMessage: it cannot be decoded.
        """
        if field == SUMMARY:
            self._add_summary(data)
        elif field == CONFIG:
            self._add_config(data)
        elif field == METRIC:
            self._add_metric(data)
        elif field == RUN:
            self._add_run(data)
        elif field == EXIT:
            codes = [to_int(content) for number, _, content in read_fields(data) if number == 1]
            self._exit_code = codes[-1] if codes else 0
        elif field == ENVIRONMENT:
            self._add_environment(data)

    def _add_run(self, data: bytes) -> None:
        self._exit_code = None  # a resumed run goes on
        tags: list[str] = []
        for number, _, content in read_fields(data):
            if number in _RUN_TEXTS:
                self._texts[_RUN_TEXTS[number]] = clean_text(to_text(content), self._audit)
            elif number == 4:
                self._add_config(to_bytes(content))
            elif number == 5:
                self._add_summary(to_bytes(content))
            elif number == 10 and len(tags) < _MOST_TEXTS:
                tags.append(clean_text(to_text(content), self._audit))
            elif number == 17 and self._started_at is None:
                self._started_at = seconds_of(to_bytes(content))
        self._tags = tags or self._tags

    def _add_environment(self, data: bytes) -> None:
        arguments: list[str] = []
        for number, _, content in read_fields(data):
            if number == 5 and len(arguments) < _MOST_TEXTS:
                arguments.append(clean_text(to_text(content), self._audit))
            elif number in (6, 12):
                name = "program" if number == 6 else "host"
                self._texts[name] = clean_text(to_text(content), self._audit)
        self._arguments = arguments or self._arguments

    def _add_config(self, data: bytes) -> None:
        for number, _, content in read_fields(data):
            if number not in (1, 2):
                continue
            item = to_bytes(content)
            *parents, name = decode_key(item)
            section = self._config
            for parent in parents:
                inner = section.get(parent)
                if not isinstance(inner, dict):
                    inner = section[parent] = {}
                section = inner
            if number == 2:
                section.pop(name, None)
            elif self._config_bytes > _LARGEST_CONFIG:
                self._audit.add("large-config", "the configuration is read up to 16 MiB")
                return
            else:
                self._config_bytes += len(item)
                section[name] = decode_value(item, self._audit)

    def _add_summary(self, data: bytes) -> None:
        usual = split_usual_items(data)
        if usual is not None:
            try:
                names = [self._summary_names[key] for key in usual[0]]
            except KeyError:
                pass  # the first time
            else:
                self._summary.update(zip(names, usual[1], strict=True))
                return
        for number, _, content in read_fields(data):
            if number not in (1, 2):
                continue
            item = to_bytes(content)
            parts = split_item(item)
            if number == 2 or parts is None:
                self._summary.pop(".".join(decode_key(item)), None)
                continue
            name = self._summary_names.get(parts[0])
            if name is None:
                if len(self._summary_names) >= _MOST_KEYS:
                    self._audit.add("large-summary", f"more than {_MOST_KEYS:,} final values")
                    continue
                name = ".".join(decode_key(parts[0]))[:_LONGEST_RESULT]
                self._summary_names[parts[0]] = name
            if len(parts[1]) <= _LONGEST_RESULT:
                self._summary[name] = parts[1]

    def _add_metric(self, data: bytes) -> None:
        name = axis = ""
        direction: Direction | None = None
        for number, _, content in read_fields(data):
            if number in (1, 2):
                name = to_text(content)
            elif number == 4:
                axis = to_text(content)
            elif number == 7:
                kinds = {inner for inner, _, value in read_fields(to_bytes(content)) if value}
                direction = direction or _SUMMARY_DIRECTIONS.get(frozenset(kinds))
            elif number == 8:
                direction = _DIRECTIONS.get(to_int(content), direction)
        if len(self._directions) < _MOST_DEFINITIONS and direction is not None and "*" not in name:
            self._directions[clean_name(name, self._audit)] = direction
        if axis:
            self._history.show_over(name, axis)

    def details(self, name: str) -> RunDetails:
        """Everything that is known; `name` is used if the run has no name."""
        config = {key: value for key, value in self._config.items() if key != "_wandb"}
        status, ended_at = Status.RUNNING, None
        if self._exit_code is not None:
            status = Status.FAILED if self._exit_code else Status.FINISHED
            ended_at = utc_time(self._history.last_time)
        cleaned = clean_config(config, self._audit)
        program = self._texts.get("program")
        return RunDetails(
            name=self._texts.get("name") or self._texts.get("run_id") or name,
            config=cleaned,
            tags=tuple(self._tags),
            group=self._texts.get("group") or None,
            project=self._texts.get("project") or None,
            started_at=utc_time(self._started_at),
            ended_at=ended_at,
            status=status,
            seed=seed_of_config(cleaned),
            results=dict(self._results()),
            directions=self._directions,
            command=quote_command(program, *self._arguments) if program else None,
            host=self._texts.get("host") or None,
        )

    def _results(self) -> Iterator[tuple[str, Scalar]]:
        """The scalars of the summary that the program has set.

        W&B itself adds its own values, the last value of each metric, and parts of media.
        """
        media = tuple(
            name.removesuffix("_type") for name in self._summary if name.endswith("._type")
        )
        for name, text in self._summary.items():
            if name.startswith(("_", *media)):
                continue
            try:
                value = parse_json(text, self._audit)
            except ValueError:
                continue
            if isinstance(value, str):
                value = clean_text(value, self._audit)
            number = number_of(value)
            if number is not None and self._history.is_last_value(name, number):
                continue
            if isinstance(value, str | int | float | bool):
                yield clean_name(name, self._audit), value

    def state(self) -> Mapping[str, JsonValue]:
        """Everything as JSON, from which `restore` continues."""
        return {
            "texts": self._texts,
            "tags": self._tags,
            "arguments": self._arguments,
            "config": clean_config(self._config, self._audit),
            "summary": {
                name: text.decode("utf-8", "replace") for name, text in self._summary.items()
            },
            "directions": self._directions,
            "started_at": self._started_at,
            "exit_code": self._exit_code,
        }

    @classmethod
    def restore(cls, state: JsonValue, history: HistoryDecoder, audit: Audit) -> "RunRecord":
        """The record of an earlier reading; values of other types are ignored."""
        record = cls(history, audit)
        if not isinstance(state, Mapping):
            return record
        record._texts = _texts_of(state.get("texts"))
        summary = _texts_of(state.get("summary"))
        record._summary = {name: text.encode("utf-8", "replace") for name, text in summary.items()}
        record._tags = list(_texts(state.get("tags")))
        record._arguments = list(_texts(state.get("arguments")))
        if isinstance(config := state.get("config"), Mapping):
            record._config = dict(config)
        for name, direction in _texts_of(state.get("directions")).items():
            record._directions[name] = "max" if direction == "max" else "min"
        if isinstance(started_at := state.get("started_at"), int | float):
            record._started_at = started_at
        if isinstance(exit_code := state.get("exit_code"), int):
            record._exit_code = exit_code
        return record


_RUN_TEXTS = {1: "run_id", 3: "project", 6: "group", 8: "name", 13: "host"}
# `define_metric(summary="min")` says that low values count; fields of a MetricSummary.
_SUMMARY_DIRECTIONS: dict[frozenset[int], Direction] = {
    frozenset({1}): "min",
    frozenset({2}): "max",
}


def seconds_of(timestamp: bytes) -> float | None:
    """The Unix seconds of a google.protobuf.Timestamp.

    Raises:
        MalformedMessage: it cannot be decoded.
    """
    seconds = nanos = 0
    for number, _, content in read_fields(timestamp):
        if number == 1:
            seconds = to_int(content)
        elif number == 2:
            nanos = to_int(content)
    return seconds + nanos / 1e9


def _texts_of(value: JsonValue) -> dict[str, str]:
    items = value.items() if isinstance(value, Mapping) else ()
    return {key: text for key, text in items if isinstance(text, str)}


def _texts(value: JsonValue) -> Iterator[str]:
    if isinstance(value, list | tuple):
        yield from (text for text in value if isinstance(text, str))
