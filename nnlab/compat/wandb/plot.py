"""`wandb.plot`: stores the data of each chart as a table."""

from collections.abc import Iterable, Sequence
from typing import Any

from nnlab.tracking.media_types import LoggedTable


def plot_table(
    vega_spec_name: str,
    data_table: LoggedTable,
    fields: dict[str, Any],
    string_fields: dict[str, Any] | None = None,
    split_table: bool = False,
) -> LoggedTable:
    """The table of a custom chart."""
    return data_table


def line(
    table: LoggedTable, x: str, y: str, stroke: str | None = None, **ignored: Any
) -> LoggedTable:
    """The columns x and y of a table."""
    return _columns(table, x, y, *([stroke] if stroke else []))


def scatter(table: LoggedTable, x: str, y: str, **ignored: Any) -> LoggedTable:
    """The columns x and y of a table."""
    return _columns(table, x, y)


def bar(table: LoggedTable, label: str, value: str, **ignored: Any) -> LoggedTable:
    """The columns with the labels and the values of a table."""
    return _columns(table, label, value)


def histogram(table: LoggedTable, value: str, **ignored: Any) -> LoggedTable:
    """The column of a table."""
    return _columns(table, value)


def line_series(
    xs: Iterable[Any],
    ys: Iterable[Iterable[Any]],
    keys: Iterable[str] | None = None,
    title: str = "",
    xname: str = "x",
    **ignored: Any,
) -> LoggedTable:
    """A table with a row for each point: x, the name of the line, y."""
    x_values, y_values = list(xs), [list(y) for y in ys]
    if not x_values or not isinstance(x_values[0], Sequence):
        x_values = [x_values] * len(y_values)
    names = list(keys) if keys is not None else [f"line_{i}" for i in range(len(y_values))]
    rows = [
        [x, name, y]
        for name, of_line, line_y in zip(names, x_values, y_values, strict=True)
        for x, y in zip(of_line, line_y, strict=True)
    ]
    return LoggedTable([xname, "line", "y"], rows)


def confusion_matrix(
    probs: Any = None,
    y_true: Any = None,
    preds: Any = None,
    class_names: Sequence[str] | None = None,
    **ignored: Any,
) -> LoggedTable:
    """A table with a row for each pair of classes: actual, predicted, number of examples."""
    import numpy as np

    predicted = np.asarray(preds) if probs is None else np.asarray(probs).argmax(axis=1)
    actual = np.asarray(y_true)
    labels = np.union1d(actual, predicted)
    names = [str(label) for label in labels]
    if class_names is not None and np.issubdtype(labels.dtype, np.integer):
        labels, names = np.arange(len(class_names)), [str(name) for name in class_names]
    rows = [
        [row_name, column_name, int(((actual == row) & (predicted == column)).sum())]
        for row, row_name in zip(labels, names, strict=True)
        for column, column_name in zip(labels, names, strict=True)
    ]
    return LoggedTable(["Actual", "Predicted", "nPredictions"], rows)


def roc_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Any = None,
    classes_to_plot: Any = None,
    **ignored: Any,
) -> LoggedTable:
    """A table with the false and true positive rate of each class at each threshold."""
    from sklearn.metrics import roc_curve as compute

    rows: list[list[Any]] = []
    for name, is_class, score in _one_against_rest(y_true, y_probas, labels, classes_to_plot):
        rates = compute(is_class, score)[:2]
        rows += [[name, float(x), float(y)] for x, y in zip(*rates, strict=True)]
    return LoggedTable(["class", "fpr", "tpr"], rows)


def pr_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Any = None,
    classes_to_plot: Any = None,
    **ignored: Any,
) -> LoggedTable:
    """A table with the precision and recall of each class at each threshold."""
    from sklearn.metrics import precision_recall_curve as compute

    rows: list[list[Any]] = []
    for name, is_class, score in _one_against_rest(y_true, y_probas, labels, classes_to_plot):
        precision, recall, _ = compute(is_class, score)
        rows += [[name, float(p), float(r)] for p, r in zip(precision, recall, strict=True)]
    return LoggedTable(["class", "precision", "recall"], rows)


def _one_against_rest(
    y_true: Any, y_probas: Any, labels: Any, classes_to_plot: Any
) -> Iterable[tuple[str, Any, Any]]:
    """For each class its name, whether each example is of the class, and its probabilities."""
    import numpy as np

    actual, scores = np.asarray(y_true), np.asarray(y_probas)
    for index, label in enumerate(np.unique(actual)):
        if classes_to_plot is not None and label not in classes_to_plot:
            continue
        if index < scores.shape[1]:
            name = str(labels[index]) if labels is not None and index < len(labels) else str(label)
            yield name, actual == label, scores[:, index]


def _columns(table: LoggedTable, *names: str) -> LoggedTable:
    indices = [table.columns.index(name) for name in names if name in table.columns]
    return LoggedTable(
        [table.columns[index] for index in indices],
        [[row[index] for index in indices] for row in table.data],
    )
