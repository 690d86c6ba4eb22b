"""What `SummaryWriter` accepts as images, curves and embeddings, as media of nnlab."""

from typing import Any

from nnlab.compat.media import EncodedFile
from nnlab.tracking.media import to_array
from nnlab.tracking.media_types import Image, LoggedTable


def image_of(data: Any, formats: str) -> Image:
    """The image of an array or tensor; several are put side by side.

    Args:
        data: bytes, or numbers in [0, 1].
        formats: the axes in their order: N images, C channels, H height, W width.
    """
    import numpy as np

    array = to_array(data)
    axes = formats.upper()
    for axis in "NC":
        if axis not in axes:
            array, axes = array[None], axis + axes
    array = np.transpose(array, [axes.index(axis) for axis in "NHWC"])
    row = np.concatenate(list(array), axis=1)
    if row.dtype != np.uint8:
        row = np.clip(row * 255.0, 0, 255).astype(np.uint8)
    return Image(row)


def pr_curve_table(labels: Any, predictions: Any, thresholds: int) -> LoggedTable:
    """The precision and the recall at equally spaced thresholds.

    Args:
        labels: whether each example is positive, of shape [examples].
        predictions: the probabilities, of the same shape.
        thresholds: the number of thresholds.
    """
    import numpy as np

    positive, scores = to_array(labels).astype(bool).ravel(), to_array(predictions).ravel()
    rows = []
    for threshold in np.linspace(0, 1, thresholds):
        selected = scores >= threshold
        hits = int((selected & positive).sum())
        precision = hits / max(1, int(selected.sum()))
        recall = hits / max(1, int(positive.sum()))
        rows.append([float(threshold), precision, recall])
    return LoggedTable(["threshold", "precision", "recall"], rows)


def embedding_files(vectors: Any, labels: Any, header: Any) -> dict[str, EncodedFile]:
    """The files `vectors` and, if there are labels, `metadata`, in the form of the projector.

    Args:
        vectors: of shape [examples, features].
        labels: a label for each example, or a list of values.
        header: the names of these values.
    """
    array = to_array(vectors)
    array = array.reshape(len(array), -1)
    lines = ["\t".join(map(repr, row)) for row in array.tolist()]
    files = {"vectors": EncodedFile("\n".join(lines) + "\n", ".tsv")}
    if labels is not None:
        rows = [row if isinstance(row, list | tuple) else [row] for row in labels]
        rows = [list(header), *rows] if header else rows
        text = "\n".join("\t".join(_cell(value) for value in row) for row in rows)
        files["metadata"] = EncodedFile(text + "\n", ".tsv")
    return files


def _cell(value: Any) -> str:
    return " ".join(str(value).split())
