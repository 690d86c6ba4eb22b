"""Output of `nnlab data show`: tables, and a mapping for JSON."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nnlab.catalogue import Choice, find_choice, is_plugin_name
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, render, say
from nnlab.settings import RunConfig

if TYPE_CHECKING:
    from nnlab.engine.data.dataset import FeatureColumn
    from nnlab.engine.data.split_dataset import SplitDataset
    from nnlab.engine.data.summary import DatasetSummary, TargetStatistics

_MAX_ROWS = 20
_ENCODINGS = {
    "hash": "hashed texts",
    "boolean": "0 or 1",
    "date": "days since 1970",
    "date_parts": "year, month, day, weekday and hour",
}


def _format_number(value: float) -> str:
    return f"{value:.4g}"


def _format_count(value: int) -> str:
    return f"{value:,}"


FACT_COLUMNS = (TableColumn("key", "property", wrap=True), TableColumn("value", "value", wrap=True))
CLASS_COUNT_COLUMNS = (
    TableColumn("class", "class"),
    *(
        TableColumn(split, split, _format_count, align_right=True)
        for split in ("train", "val", "test")
    ),
)
_STATISTIC_COLUMNS = (
    TableColumn("mean", "mean", _format_number, align_right=True),
    TableColumn("sd", "sd", _format_number, align_right=True),
    TableColumn("low", "min", _format_number, align_right=True, priority=1),
    TableColumn("high", "max", _format_number, align_right=True, priority=1),
)
TARGET_COLUMNS = (TableColumn("split", "split"), *_STATISTIC_COLUMNS)
NAMED_TARGET_COLUMNS = (TableColumn("name", "target"), *TARGET_COLUMNS)
FEATURE_COLUMNS = (
    TableColumn("name", "feature"),
    TableColumn("kind", "kind", priority=2),
    *_STATISTIC_COLUMNS,
    TableColumn("constant", "constant", lambda constant: "yes" if constant else "", priority=3),
)


def print_dataset_summary(
    config: RunConfig, split_dataset: "SplitDataset", summary: "DatasetSummary"
) -> None:
    """Prints tables of the properties, the classes or targets, and the features."""
    row = find_choice("data", config.data)
    facts = _fact_pairs(row, config, split_dataset, summary)
    render([{"key": key, "value": value} for key, value in facts], FACT_COLUMNS, Format.TABLE)
    rows: list[dict[str, Any]]
    if summary.counts:
        rows = [{"class": name, **counts} for name, counts in summary.counts.items()]
        is_tags = split_dataset.dataset.task == "multilabel"
        _print_first_rows(rows, CLASS_COUNT_COLUMNS, "tags" if is_tags else "classes")
    elif summary.targets:
        columns = NAMED_TARGET_COLUMNS if split_dataset.dataset.target_names else TARGET_COLUMNS
        rows = [dataclasses.asdict(target) for target in summary.targets]
        _print_first_rows(rows, columns, "rows")
    if summary.features:
        rows = [dataclasses.asdict(feature) for feature in summary.features]
        _print_first_rows(rows, FEATURE_COLUMNS, "features")


def _print_first_rows(
    rows: Sequence[Mapping[str, Any]], columns: tuple[TableColumn, ...], noun: str
) -> None:
    render(rows[:_MAX_ROWS], columns, Format.TABLE)
    if len(rows) > _MAX_ROWS:
        say(f"{len(rows) - _MAX_ROWS} more {noun}; --format json lists all", style="dim")


def _fact_pairs(
    row: Choice, config: RunConfig, split_dataset: "SplitDataset", summary: "DatasetSummary"
) -> list[tuple[str, str]]:
    dataset = split_dataset.dataset
    facts = [
        ("data set", dataset.name),
        ("description", row.summary),
        ("source", row.source),
        ("task", _describe_task(split_dataset)),
        ("targets", _describe_targets(split_dataset, summary)),
        ("vocabulary", _describe_vocabulary(split_dataset)),
        ("example", _describe_shape(split_dataset)),
        ("splits", _describe_splits(summary)),
        ("columns", _describe_columns(split_dataset)),
        ("missing values become", _filled_columns(split_dataset)),
        ("read as", "; ".join(dataset.notes)),
        ("constant features", _constant_features(summary)),
        ("classes with a single row", _join_names(summary.single_row_classes)),
        ("columns that look like identifiers", _identifier_columns(summary)),
        ("wrong labels (--label-noise)", _wrong_label_count(config, summary)),
        ("noise floor", _noise_floor(summary)),
        (
            "plugin" if is_plugin_name("data", config.data) else "content hash",
            dataset.version or "",
        ),
        ("fingerprint of data and splits", split_dataset.fingerprint),
    ]
    return [(key, value) for key, value in facts if value]


def _describe_task(split_dataset: "SplitDataset") -> str:
    dataset = split_dataset.dataset
    noun = "tags" if dataset.task == "multilabel" else "classes"
    if dataset.classes:
        return f"{dataset.task}, {len(dataset.classes)} {noun}"
    count = len(dataset.target_names)
    return f"{dataset.task}, {count} targets" if count else dataset.task


def _describe_targets(split_dataset: "SplitDataset", summary: "DatasetSummary") -> str:
    """The shape of a target, and how many positions count; empty for a single class or number."""
    dataset = split_dataset.dataset
    if dataset.targets is None:
        return "the preprocessed input"
    if dataset.targets.ndim == 1:
        return ""
    text = f"{' x '.join(map(str, dataset.targets.shape[1:]))} per example"
    if dataset.task == "multilabel":
        tags = sum(counts["train"] for counts in summary.counts.values()) / summary.sizes["train"]
        return f"{text}, {tags:.3g} of them set on average"
    if summary.ignored_share is None:
        return text
    return f"{text}, {summary.ignored_share:.1%} of the training split do not count"


def _describe_vocabulary(split_dataset: "SplitDataset") -> str:
    dataset = split_dataset.dataset
    if not dataset.vocabulary:
        return ""
    first = ", ".join(dataset.vocabulary[:8])
    text = f"{len(dataset.vocabulary):,} tokens: {first}"
    text += ", ..." if len(dataset.vocabulary) > 8 else ""
    return text if dataset.pad_token is None else f"{text}; {dataset.pad_token} is padding"


def _describe_shape(split_dataset: "SplitDataset") -> str:
    shape = split_dataset.dataset.in_shape
    stored = split_dataset.dataset.examples.dtype
    if split_dataset.dataset.has_tokens:
        return f"{shape[0]} tokens"
    if len(shape) == 3:
        channels = {1: "greyscale", 3: "colour"}.get(shape[0], f"{shape[0]} channels")
        return f"{shape[2]}x{shape[1]} pixels, {channels}, {stored}"
    noun = "values per signal" if split_dataset.dataset.signal else "features"
    return f"{shape[0]} {noun}, {stored}"


def _describe_splits(summary: "DatasetSummary") -> str:
    parts = (
        f"{split} {size:,}{' (of the data set)' if split in summary.provided_splits else ''}"
        for split, size in summary.sizes.items()
    )
    return ", ".join(parts)


def _describe_columns(split_dataset: "SplitDataset") -> str:
    columns = split_dataset.dataset.columns
    if not columns:
        return ""
    plain = [column for column in columns if column.encoding == "plain"]
    numbers = sum(not column.values for column in plain)
    descriptions = [f"{numbers} numeric"] if numbers else []
    descriptions += [
        f"{c.name}: categorical with {len(c.values)} values" for c in plain if c.values
    ]
    descriptions += [
        f"{c.name}: {_ENCODINGS[c.encoding]}" for c in columns if c.encoding in _ENCODINGS
    ]
    descriptions += [
        f"{c.name}: {len(c.values)} categories embedded as vectors of {c.embedding_size}"
        for c in columns
        if c.encoding == "embed"
    ]
    return "; ".join(descriptions)


def _filled_columns(split_dataset: "SplitDataset") -> str:
    """The columns that had missing values, with what replaces them."""
    columns = split_dataset.dataset.columns
    filled = [
        f"{c.name}: {', '.join(map(_format_number, c.fill))} and an indicator"
        for c in columns
        if c.indicator
    ]
    filled += [f"{c.name}: a category" for c in columns if c.missing_category]
    return "; ".join(filled)


def _constant_features(summary: "DatasetSummary") -> str:
    return _join_names([feature.name for feature in summary.features if feature.constant])


def _identifier_columns(summary: "DatasetSummary") -> str:
    names = _join_names(summary.id_columns)
    return f"{names} (a different value in every row; drop them)" if names else ""


def _join_names(names: Sequence[str]) -> str:
    first = ", ".join(names[:8])
    return f"{len(names)}: {first}{', ...' if len(names) > 8 else ''}" if names else ""


def _wrong_label_count(config: RunConfig, summary: "DatasetSummary") -> str:
    if not config.label_noise:
        return ""
    return f"{round(config.label_noise * summary.sizes['train']):,} of the training split"


def _noise_floor(summary: "DatasetSummary") -> str:
    if summary.noise_floor is None or not summary.targets:
        return ""
    scaled = summary.noise_floor / summary.targets[0].sd ** 2
    return (
        f"rmse {summary.noise_floor**0.5:.4g} (mse {summary.noise_floor:.4g};"
        f" {scaled:.4g} as the mse loss of the standardised target)"
    )


def dataset_json(
    config: RunConfig, split_dataset: "SplitDataset", summary: "DatasetSummary"
) -> dict[str, Any]:
    """All properties of a data set as JSON."""
    # numpy is imported only when a data set was read.
    from nnlab.engine.data.target_columns import target_columns_of

    row = find_choice("data", config.data)
    dataset = split_dataset.dataset
    return {
        "name": dataset.name,
        "summary": row.summary,
        "source": row.source,
        "task": dataset.task,
        "shape": list(dataset.in_shape),
        "dtype": str(dataset.examples.dtype),
        "classes": list(dataset.classes),
        "target_columns": list(target_columns_of(dataset)),
        "splits": dict(summary.sizes),
        "own_splits": list(summary.provided_splits),
        "counts": summary.counts,
        "targets": [_target_json(target) for target in summary.targets],
        "target_shape": [] if dataset.targets is None else list(dataset.targets.shape[1:]),
        "vocabulary": list(dataset.vocabulary),
        "pad_token": dataset.pad_token,
        "ignored_share": summary.ignored_share,
        "features": [dataclasses.asdict(feature) for feature in summary.features],
        "columns": [_column_json(column) for column in dataset.columns],
        "notes": list(dataset.notes),
        "noise_floor": summary.noise_floor,
        "single_row_classes": list(summary.single_row_classes),
        "id_columns": list(summary.id_columns),
        "version": dataset.version,
        "fingerprint": split_dataset.fingerprint,
    }


def _target_json(target: "TargetStatistics") -> dict[str, Any]:
    """The statistics of a target; a single one has no name."""
    values = dataclasses.asdict(target)
    if not target.name:
        del values["name"]
    return values


def _column_json(column: "FeatureColumn") -> dict[str, Any]:
    """The name and the categories of a column, and what else has an effect."""
    values = dataclasses.asdict(column)
    always = {"name": column.name, "values": values.pop("values")}
    return always | {key: value for key, value in values.items() if value and value != "plain"}
