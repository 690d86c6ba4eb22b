"""Decodes the events of TensorBoard: scalars to samples, hyperparameters, and what is left out.

Source: https://github.com/tensorflow/tensorboard, compat/proto/{event,summary,tensor}.proto
"""

from collections.abc import Callable, Iterable

from nnlab.exchange.log_reader import Audit
from nnlab.exchange.protobuf import (
    BYTES,
    MalformedMessage,
    read_fields,
    to_bytes,
    to_double,
    to_float,
    to_int,
    to_text,
)
from nnlab.exchange.tensorboard.hyperparameters import HyperparameterLog
from nnlab.exchange.tensorboard.tensors import scalar_of_tensor
from nnlab.exchange.tensorboard.usual_event import ScalarEvent, decode_usual_event
from nnlab.records import Sample

# Limits on what a damaged or hostile log can make the reader keep.
MOST_TAGS = 100_000
LONGEST_TAG = 1000

_KINDS = {4: "images", 5: "histograms", 6: "audio clips"}  # by field of a value
_PLUGINS = {
    "images": "images", "histograms": "histograms", "audio": "audio clips", "text": "texts",
    "pr_curves": "precision-recall curves", "mesh": "meshes", "graphs": "graphs",
}  # fmt: skip
_SCALARS = "scalars"
_HYPERPARAMETERS = "hparams"


class EventDecoder:
    """Decodes the events of the files of one folder.

    `name_of` gives the metric of a tag; None leaves the tag out. `first_time` and `last_time` are
    the wall times of the first and last event in Unix seconds.
    """

    def __init__(
        self, name_of: Callable[[str], str | None], hyperparameters: HyperparameterLog, audit: Audit
    ) -> None:
        self._name_of = name_of
        self._hyperparameters = hyperparameters
        self._audit = audit
        self._names: dict[bytes, str | None] = {}
        self._is_scalar: dict[bytes, bool] = {}  # by tag
        self._scalar_metadata: set[bytes] = {b""}
        self.first_time: float | None = None
        self.last_time: float | None = None

    def decode(self, records: Iterable[bytes]) -> list[Sample]:
        """The samples of events, in order; damaged events are noted and left out."""
        samples: list[Sample] = []
        single_precision = 0
        for record in records:
            event = decode_usual_event(record)
            if event is not None and self._is_usual(event):
                tag, value, step, wall_time, is_single, _ = event
                name = self._names[tag] if tag in self._names else self._name(tag)
                if name is not None:
                    samples.append(Sample(name, value, step, None, wall_time))
                    single_precision += is_single
                self._note_time(wall_time)
                continue
            try:
                single_precision += self._decode_any(record, samples)
            except MalformedMessage:
                self._audit.add("malformed", "events that cannot be decoded are left out")
        if single_precision:
            self._audit.add("float32", "the log has 32 bits of these values", single_precision)
        return samples

    def _is_usual(self, event: ScalarEvent) -> bool:
        """Whether an event is a scalar also by what is known of its plugin."""
        if event.metadata is None:
            return True
        return event.metadata in self._scalar_metadata and self._is_scalar.get(event.tag, True)

    def _note_time(self, wall_time: float) -> None:
        self.last_time = wall_time
        if self.first_time is None:
            self.first_time = wall_time

    def _decode_any(self, record: bytes, samples: list[Sample]) -> int:
        """Adds the samples of any event; returns the number of values of 32 bits."""
        wall_time: float | None = None
        step = single_precision = 0
        summaries = []
        for number, _, content in read_fields(record):
            if number == 1:
                wall_time = to_double(content)
            elif number == 2:
                step = to_int(content)
            elif number == 5:
                summaries.append(to_bytes(content))
        if wall_time is not None:
            self._note_time(wall_time)
        for summary in summaries:
            for number, wire_type, content in read_fields(summary):
                if number == 1 and wire_type == BYTES:
                    scalar = self._decode_value(to_bytes(content), wall_time)
                    if scalar is not None:
                        name, value, is_single = scalar
                        samples.append(Sample(name, value, step, None, wall_time))
                        single_precision += is_single
        return single_precision

    def _decode_value(self, data: bytes, wall_time: float | None) -> tuple[str, float, bool] | None:
        """Metric, value and if it has 32 bits, of a value of a summary; None if it is no scalar."""
        tag = metadata = b""
        simple_value: float | None = None
        tensor: bytes | None = None
        kind = ""
        for number, _, content in read_fields(data):
            if number == 1:
                tag = to_bytes(content)
            elif number == 2:
                simple_value = to_float(content)
            elif number == 8:
                tensor = to_bytes(content)
            elif number == 9:
                metadata = to_bytes(content)
            elif number in _KINDS:
                kind = _KINDS[number]
        plugin, plugin_data = _plugin_of(metadata)
        if plugin == _HYPERPARAMETERS:
            self._hyperparameters.add(plugin_data, wall_time)
            return None
        if plugin:
            self._remember_plugin(tag, plugin, metadata)
        scalar: tuple[float, bool] | None = None
        if simple_value is not None:
            scalar = simple_value, True
        elif tensor is not None and self._is_scalar.get(tag, True):
            scalar = scalar_of_tensor(tensor)
        if scalar is None:
            self._note_left_out(kind or _PLUGINS.get(plugin, "other data"))
            return None
        name = self._names[tag] if tag in self._names else self._name(tag)
        return None if name is None else (name, *scalar)

    def _remember_plugin(self, tag: bytes, plugin: str, metadata: bytes) -> None:
        """Writers may name the plugin only in the first value of a tag."""
        if len(self._is_scalar) < MOST_TAGS and len(tag) <= LONGEST_TAG:
            self._is_scalar[tag] = plugin == _SCALARS
        if plugin == _SCALARS and len(metadata) < 0x80 and len(self._scalar_metadata) < 1000:
            self._scalar_metadata.add(bytes((0x4A, len(metadata))) + metadata)

    def _name(self, tag: bytes) -> str | None:
        name = self._name_of(to_text(tag))
        if len(self._names) < MOST_TAGS and len(tag) <= LONGEST_TAG:
            self._names[tag] = name
        return name

    def _note_left_out(self, kind: str) -> None:
        self._audit.add("not-imported", f"{kind} are not imported")


def _plugin_of(metadata: bytes) -> tuple[str, bytes]:
    """The name of the plugin that displays a value, and the data for it."""
    name, data = "", b""
    for number, _, content in read_fields(metadata):
        if number == 1:
            for inner, _, value in read_fields(to_bytes(content)):
                if inner == 1:
                    name = to_text(value)
                elif inner == 2:
                    data = to_bytes(value)
    return name, data
