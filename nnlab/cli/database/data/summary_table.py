"""What `nnlab data show` prints of a data set: tables for readers, a mapping for programs."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nnlab.catalogue import Choice, lookup
from nnlab.cli.options import Format
from nnlab.cli.output.render import Column, render, say
from nnlab.config import RunConfig

if TYPE_CHECKING:
    from nnlab.engine.data.split_dataset import Arranged
    from nnlab.engine.data.summary import Summary

_MOST_ROWS = 20


def _number(value: float) -> str:
    return f"{value:.4g}"


def _count(value: int) -> str:
    return f"{value:,}"


FACTS = (Column("key", "what", wrap=True), Column("value", "value", wrap=True))
COUNTS = (
    Column("class", "class"),
    *(Column(split, split, _count, right=True) for split in ("train", "val", "test")),
)
_MEASURES = (
    Column("mean", "mean", _number, right=True),
    Column("sd", "sd", _number, right=True),
    Column("low", "min", _number, right=True, priority=1),
    Column("high", "max", _number, right=True, priority=1),
)
TARGETS = (Column("split", "target in"), *_MEASURES)
FEATURES = (
    Column("name", "feature"),
    Column("kind", "kind", priority=2),
    *_MEASURES,
    Column("constant", "constant", lambda constant: "yes" if constant else "", priority=3),
)


def print_summary(config: RunConfig, arranged: "Arranged", summary: "Summary") -> None:
    """Prints the facts, the classes or the targets, and the features."""
    row = lookup("data", config.data)
    told = _facts(row, config, arranged, summary)
    render([{"key": key, "value": value} for key, value in told], FACTS, Format.TABLE)
    if summary.counts:
        counted = [{"class": name, **counts} for name, counts in summary.counts.items()]
        _some(counted, COUNTS, "classes")
    else:
        render([dataclasses.asdict(target) for target in summary.targets], TARGETS, Format.TABLE)
    _some([dataclasses.asdict(feature) for feature in summary.features], FEATURES, "features")


def _some(rows: Sequence[Mapping[str, Any]], columns: tuple[Column, ...], noun: str) -> None:
    render(rows[:_MOST_ROWS], columns, Format.TABLE)
    if len(rows) > _MOST_ROWS:
        say(f"{len(rows) - _MOST_ROWS} more {noun}; --format json lists all", style="dim")


def _facts(
    row: Choice, config: RunConfig, arranged: "Arranged", summary: "Summary"
) -> list[tuple[str, str]]:
    dataset = arranged.dataset
    found = [
        ("data set", dataset.name),
        ("what it is", row.summary),
        ("source", row.source),
        ("task", _task(arranged)),
        ("an example", _shape(arranged)),
        ("splits", _splits(summary)),
        ("columns", _columns(arranged)),
        ("constant features", _constant(summary)),
        ("classes with a single row", _names(summary.single_row_classes)),
        ("columns like identifiers", _identifiers(summary)),
        ("wrong labels on purpose", _wrong(config, summary)),
        ("noise floor", _floor(summary)),
        ("hash of the content", dataset.version or ""),
        ("fingerprint of data and splits", arranged.fingerprint),
    ]
    return [(key, value) for key, value in found if value]


def _task(arranged: "Arranged") -> str:
    classes = len(arranged.dataset.classes)
    return f"classification, {classes} classes" if classes else "regression"


def _shape(arranged: "Arranged") -> str:
    shape = arranged.dataset.in_shape
    stored = arranged.dataset.examples.dtype
    if len(shape) == 3:
        channels = {1: "grey", 3: "in colour"}.get(shape[0], f"of {shape[0]} channels")
        return f"{shape[2]}x{shape[1]} pixels, {channels}, {stored}"
    noun = "values of a signal" if arranged.dataset.signal else "features"
    return f"{shape[0]} {noun}, {stored}"


def _splits(summary: "Summary") -> str:
    parts = (
        f"{split} {size:,}{' (its own)' if split in summary.own else ''}"
        for split, size in summary.sizes.items()
    )
    return ", ".join(parts)


def _columns(arranged: "Arranged") -> str:
    columns = arranged.dataset.columns
    if not columns:
        return ""
    numbers = sum(not column.values for column in columns)
    told = [f"{numbers} of numbers"] if numbers else []
    told += [f"{c.name}: a category of {len(c.values)} values" for c in columns if c.values]
    return "; ".join(told)


def _constant(summary: "Summary") -> str:
    return _names([feature.name for feature in summary.features if feature.constant])


def _identifiers(summary: "Summary") -> str:
    names = _names(summary.id_columns)
    return f"{names} (a different value in every row; drop them)" if names else ""


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:8])
    return f"{len(names)}: {shown}{', ...' if len(names) > 8 else ''}" if names else ""


def _wrong(config: RunConfig, summary: "Summary") -> str:
    if not config.label_noise:
        return ""
    return f"{round(config.label_noise * summary.sizes['train']):,} of the training split"


def _floor(summary: "Summary") -> str:
    if summary.noise_floor is None:
        return ""
    scaled = summary.noise_floor / summary.targets[0].sd ** 2
    return (
        f"rmse {summary.noise_floor**0.5:.4g} (mse {summary.noise_floor:.4g};"
        f" {scaled:.4g} as the loss mse of the standardised target)"
    )


def as_json(config: RunConfig, arranged: "Arranged", summary: "Summary") -> dict[str, Any]:
    """All that is shown, for programs."""
    row = lookup("data", config.data)
    dataset = arranged.dataset
    return {
        "name": dataset.name,
        "summary": row.summary,
        "source": row.source,
        "task": dataset.task,
        "shape": list(dataset.in_shape),
        "dtype": str(dataset.examples.dtype),
        "classes": list(dataset.classes),
        "splits": dict(summary.sizes),
        "own_splits": list(summary.own),
        "counts": summary.counts,
        "targets": [dataclasses.asdict(target) for target in summary.targets],
        "features": [dataclasses.asdict(feature) for feature in summary.features],
        "columns": [dataclasses.asdict(column) for column in dataset.columns],
        "noise_floor": summary.noise_floor,
        "single_row_classes": list(summary.single_row_classes),
        "id_columns": list(summary.id_columns),
        "version": dataset.version,
        "fingerprint": arranged.fingerprint,
    }
