"""`MetricLineParser` reads metrics from the lines that a script prints.

It understands `name: value`, `name=value` and `loss 0.5`, JSON objects and Python dicts, progress
bars of tqdm and Lightning, and Keras; with the epochs and steps that the lines name.
"""

import math
import re
from collections.abc import Sequence
from decimal import Decimal

from nnlab.objective import limits_of
from nnlab.records import Sample
from nnlab.scripts.line_names import LineMetricNames, split_in
from nnlab.scripts.line_positions import LinePosition, PositionCounter, find_position
from nnlab.scripts.line_values import Candidate, find_candidates, find_dict

LineSamples = tuple[Sample, ...]

# A longer line has no metrics; those of a JSON object may be many.
MAX_LINE_LENGTH = 20_000
_MAX_TEXT_LENGTH = 1_000
_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])|[\x08\x00]")
_LINE_END = re.compile(r"\r\n|\n|\r")
# tqdm: `Epoch 1:  45%|####  | 45/100 [00:10<00:12,  4.5it/s, loss=0.5]`, or without a total
_BAR = re.compile(
    r"^(?P<title>.*?)(?:\d+%\s*\|[^|]*\||:)?\s*(?P<n>\d+)(?:/(?P<total>\d+)|\s*it)\s+"
    r"\[\s*(?:[\d:?]+)\s*(?:<\s*[\d:?]+)?,\s*[^,\]]*(?P<postfix>,[^\]]*)?\]"
)
# Lightning with rich: `Epoch 0/9 ---- 10/10 0:00:01 - 0:00:00 20.2it/s v_num: 0 train_loss: 0.5`
_RICH_BAR = re.compile(
    r"^(?P<title>\S.*?)\s+[━╸╺─-]{4,}\s+(?P<n>\d+)/(?P<total>\d+)\s+\d+:\d+:\d+\s+\S\s+[-\d:]+\s+"
    r"[\d.]+\s?it/s(?P<postfix>.*)$"
)
# Keras: `469/469 [=====] - 2s 4ms/step - loss: 0.5 - val_loss: 0.4`
_KERAS = re.compile(
    r"^\s*(?P<n>\d+)/(?P<total>\d+)\s.*?\b\d+(?:\.\d+)?\s?[mun]?s(?:/(?:step|epoch|sample))?\b"
    r"(?P<postfix>\s+-\s+\w.*)$"
)
_POSITION_KEYS = {"epoch": "epoch", "step": "step", "global_step": "step", "iter": "step",
                  "iteration": "step", "_step": "step", "train/epoch": "epoch",
                  "train/global_step": "step"}  # fmt: skip
_LARGEST_STEP = 10**15


class MetricLineParser:
    r"""Reads metrics from a text that arrives in pieces.

    >>> parser = MetricLineParser()
    >>> parser.feed("epoch 3 | loss 0.5 | took 12 s\nEpoch 4 val_acc: 81")
    [(Sample(metric='loss', value=0.5, step=None, epoch=3.0, time=None),)]
    >>> [[sample.metric for sample in line] for line in parser.finish()]
    [['val/accuracy']]
    """

    def __init__(self, extra_names: tuple[str, ...] = ()) -> None:
        """Starts before the first line.

        Args:
            extra_names: names that are metrics in any case, such as that of the objective.
        """
        self._names = LineMetricNames(extra_names)
        self._position = PositionCounter()
        self._partial = ""
        self._is_too_long = False
        self._bar_bases: dict[str, int] = {}
        self._bar_counts: dict[str, int] = {}
        self._last_bar: tuple[object, ...] = ()

    def feed(self, text: str) -> list[LineSamples]:
        """The samples of each line that the text completes; lines without metrics have none."""
        *lines, self._partial = _LINE_END.split(self._partial + text)
        samples = []
        for line in lines:
            if not self._is_too_long and (found := self._read_line(line)):
                samples.append(found)
            self._is_too_long = False
        if len(self._partial) > MAX_LINE_LENGTH:
            self._partial, self._is_too_long = "", True
        return samples

    def finish(self) -> list[LineSamples]:
        """The samples of the last line, which has no end."""
        return self.feed("\n") if self._partial else []

    def _read_line(self, line: str) -> LineSamples:
        line = _ANSI.sub("", line)
        if len(line) > MAX_LINE_LENGTH:
            return ()
        if (values := find_dict(line)) is not None:
            return self._read_dict(line, values)
        if len(line) > _MAX_TEXT_LENGTH:
            return ()
        if match := _BAR.match(line) or _RICH_BAR.match(line):
            return self._read_bar(match)
        if match := _KERAS.match(line):
            # Before the end of an epoch, Keras prints means of a part of it.
            if match["n"] != match["total"]:
                return ()
            return _samples(self._named_values(match["postfix"]), None, self._position.epoch)
        return self._read_text(line)

    def _read_text(self, line: str) -> LineSamples:
        position = find_position(line)
        values = self._named_values(
            position.rest, is_certain=position.epoch is not None or position.step is not None
        )
        # Other lines, such as `resuming from epoch 0`, say nothing about the lines after them.
        if not values and not _is_heading(position):
            return ()
        step, epoch = self._position.advance(position)
        return _samples(values, step, epoch)

    def _read_dict(self, line: str, values: dict[str, float]) -> LineSamples:
        """The samples of a JSON object, which may have the epoch and the step as values."""
        positions = {
            _POSITION_KEYS[k.lower()]: v for k, v in values.items() if k.lower() in _POSITION_KEYS
        }
        before = find_position(line[: line.index("{")])
        step, epoch = before.step, before.epoch
        if "epoch" in positions and math.isfinite(positions["epoch"]):
            epoch = positions["epoch"]
        if "step" in positions and abs(positions["step"]) < _LARGEST_STEP:
            step = int(positions["step"])
        if epoch is None:
            epoch = self._position.epoch
        samples = []
        is_certain = bool(positions) or before.step is not None or before.epoch is not None
        for key, value in values.items():
            name = None if key.lower() in _POSITION_KEYS else self._names.name_of(key, None)
            if name is not None:
                is_certain |= self._names.is_known(name) and name != "lr"
                samples.append(Sample(name, value, step, epoch))
        return _unique(samples) if is_certain else ()

    def _read_bar(self, match: "re.Match[str]") -> LineSamples:
        """The samples of a progress bar: its step is counted over all bars of its title."""
        position = find_position(match["title"])
        _, epoch = self._position.advance(LinePosition("", position.epoch, position.is_count))
        split = split_in(match["title"])
        count = int(match["n"][-15:])
        title = re.sub(r"[\d\W]+", " ", match["title"]).strip()
        if count < self._bar_counts.get(title, 0):
            self._bar_bases[title] = self._bar_bases.get(title, 0) + self._bar_counts[title]
        self._bar_counts[title] = count
        step = self._bar_bases.get(title, 0) + count
        text = f"{position.rest} | {match['postfix'] or ''}"
        samples = _samples(self._named_values(text, split=split), step, epoch)
        # A bar is drawn again when it is closed.
        key = (title, step, samples)
        if key == self._last_bar:
            return ()
        self._last_bar = key
        return samples

    def _named_values(
        self, text: str, *, split: str | None = None, is_certain: bool = False
    ) -> list[tuple[str, float]]:
        """The metrics in a text; none if no name in it is certainly that of a metric.

        Args:
            text: a line without its position.
            split: the split that was named before it.
            is_certain: whether the line has metrics even if their names are unknown.
        """
        values: list[tuple[str, float]] = []
        for candidate in find_candidates(text):
            split = split_in(candidate.between) or split
            label = candidate.label if candidate.mark else _last_words(candidate.label)
            name = self._names.name_of(label, split)
            if candidate.mark and name is None:
                name = self._names.name_of(candidate.sentence, split)
            value = None if name is None else _value_of(name, candidate)
            if name is None or value is None or not self._is_accepted(name, candidate):
                continue
            is_certain |= self._names.is_known(name) and name != "lr"
            values.append((name, value))
        return values if is_certain else []

    def _is_accepted(self, name: str, candidate: Candidate) -> bool:
        """Whether a number may be a metric, given what is between it and its name."""
        if not candidate.mark:
            return self._names.is_known_quantity(name)
        # `main:45` is a line of code.
        return not candidate.tight or candidate.mark == "=" or self._names.is_known(name)


def _samples(
    values: Sequence[tuple[str, float]], step: int | None, epoch: float | None
) -> LineSamples:
    return _unique([Sample(name, value, step, epoch) for name, value in values])


def _is_heading(position: LinePosition) -> bool:
    """Whether a line consists of its position: `Epoch 3/10`, `===== Epoch 3 =====`."""
    has_position = position.epoch is not None or position.step is not None
    return has_position and not any(character.isalnum() for character in position.rest)


def _last_words(label: str) -> str:
    """The words that name the number after them where no sign separates them from it.

    >>> _last_words("INFO trainer finished with val loss"), _last_words("Accuracy of all of the")
    ('val loss', 'the')
    """
    words = label.split()
    if len(words) <= 3:
        return label
    return " ".join(words[-2:] if split_in(words[-2]) else words[-1:])


def _value_of(name: str, candidate: Candidate) -> float | None:
    """The value of a metric; a percentage or `97/100` of a fraction becomes 0.97."""
    is_fraction = limits_of(name) == (0.0, 1.0)
    if candidate.total is not None:
        return candidate.value / candidate.total if is_fraction and candidate.total else None
    if candidate.is_percent and is_fraction:
        return float(Decimal(repr(candidate.value)).scaleb(-2))
    return candidate.value


def _unique(samples: list[Sample]) -> LineSamples:
    """The samples with the first value of each metric."""
    by_name: dict[str, Sample] = {}
    for sample in samples:
        by_name.setdefault(sample.metric, sample)
    return tuple(by_name.values())
