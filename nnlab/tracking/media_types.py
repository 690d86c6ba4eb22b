"""`nnlab.Image`, `nnlab.Table` and `nnlab.Histogram`."""

import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from nnlab.errors import UsageError
from nnlab.tracking.config_values import plain_value
from nnlab.tracking.media import Media, to_array

_MAX_TABLE_ROWS = 200_000


class Image(Media):
    """An image, stored as PNG.

    Args:
        data: a PIL image, a matplotlib figure, the path of an image, or an array or tensor of shape
            [height, width], [height, width, channels] or [channels, height, width] with 1, 3 or 4
            channels; numbers in [0, 1] or in [0, 255].
        caption: a text that is stored in the file.
        mode: the mode of PIL for an array; by default that of its number of channels.
        **ignored: accepted for scripts written for W&B.
    """

    def __init__(
        self, data: Any, caption: str | None = None, mode: str | None = None, **ignored: Any
    ) -> None:
        del ignored
        self.caption, self._mode = caption, mode
        self._data = data.image if isinstance(data, Image) else data

    @property
    def suffix(self) -> str:
        """`.png`."""
        return ".png"

    def snapshot(self) -> "Image":
        """See `Media`; figures are drawn now, because they are usually closed after the call."""
        data = self._data
        if callable(getattr(data, "savefig", None)):
            data = self.image
        elif callable(detach := getattr(data, "detach", None)):
            data = detach().clone()
        elif callable(copy := getattr(data, "copy", None)):
            data = copy()
        return Image(data, self.caption, self._mode)

    @property
    def image(self) -> Any:
        """The image of PIL.

        Raises:
            UsageError: the data are not an image.
        """
        from PIL import Image as PilImage

        if isinstance(self._data, PilImage.Image):
            return self._data
        if isinstance(self._data, str) or hasattr(self._data, "__fspath__"):
            with PilImage.open(self._data) as file:
                return file.copy()
        if callable(savefig := getattr(self._data, "savefig", None)):
            buffer = io.BytesIO()
            savefig(buffer, format="png")
            return PilImage.open(buffer)
        return PilImage.fromarray(_image_bytes(to_array(self._data)), self._mode)

    def encode(self) -> bytes:
        """The PNG file."""
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        if self.caption:
            info.add_text("Description", self.caption)
        buffer = io.BytesIO()
        image = self.image
        image = (
            image if image.mode in ("1", "L", "LA", "RGB", "RGBA", "P") else image.convert("RGB")
        )
        image.save(buffer, format="PNG", pnginfo=info)
        return buffer.getvalue()


def _image_bytes(array: Any) -> Any:
    """The array [height, width(, channels)] of bytes."""
    import numpy as np

    array = np.squeeze(array, 0) if array.ndim == 4 and array.shape[0] == 1 else array
    if array.ndim == 3 and array.shape[2] not in (1, 3, 4) and array.shape[0] in (1, 3, 4):
        array = np.moveaxis(array, 0, 2)
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise UsageError(
            f"an array of shape {array.shape} is no image",
            hint="[height, width], [height, width, channels] or [channels, height, width]",
        )
    if array.dtype == np.bool_:
        array = array.astype(np.float32)
    if array.dtype != np.uint8:
        finite = np.nan_to_num(array.astype(np.float64))
        is_unit = finite.size == 0 or (finite.min() >= 0.0 and finite.max() <= 1.0)
        is_unit = is_unit and np.issubdtype(array.dtype, np.floating)
        array = np.clip(np.round(finite * 255.0) if is_unit else finite, 0, 255).astype(np.uint8)
    return array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array


class LoggedTable(Media):
    """A table, stored as JSON with `columns` and `data`.

    Args:
        columns: the names of the columns.
        data: the rows.
        rows: the same as `data`.
        dataframe: a data frame of pandas instead of columns and data.
        **ignored: accepted for scripts written for W&B.
    """

    def __init__(
        self,
        columns: Sequence[str] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: Any = None,
        **ignored: Any,
    ) -> None:
        del ignored
        data = rows if data is None else data
        frame = dataframe if dataframe is not None else data if hasattr(data, "columns") else None
        if frame is not None:
            columns, data = list(frame.columns), frame.to_numpy().tolist()
        self.data: list[list[Any]] = [list(row) for row in (data if data is not None else ())]
        width = len(self.data[0]) if self.data else 0
        self.columns = [str(n) for n in (columns if columns is not None else range(width))]

    @property
    def suffix(self) -> str:
        """`.table.json`, as in W&B's files."""
        return ".table.json"

    def add_data(self, *row: Any) -> None:
        """Adds a row.

        Raises:
            UsageError: it has another number of values than there are columns.
        """
        if len(row) != len(self.columns):
            raise UsageError(
                f"the row has {len(row)} values, and the table {len(self.columns)} columns"
            )
        self.data.append(list(row))

    def add_column(self, name: str, data: Sequence[Any]) -> None:
        """Adds a column with a value for each row."""
        if self.data and len(data) != len(self.data):
            raise UsageError(
                f"the column has {len(data)} values, and the table {len(self.data)} rows"
            )
        self.data = self.data or [[] for _ in data]
        self.columns.append(name)
        for row, value in zip(self.data, data, strict=True):
            row.append(value)

    def snapshot(self) -> "LoggedTable":
        """See `Media`."""
        return LoggedTable(self.columns, self.data[:_MAX_TABLE_ROWS])

    def encode(self) -> bytes:
        """The JSON text."""
        rows = [[_cell(value) for value in row] for row in self.data]
        return json.dumps({"columns": self.columns, "data": rows}).encode()


def _cell(value: Any) -> Any:
    if isinstance(value, Media):
        return f"({type(value).__name__})"
    value = plain_value(value)
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


class Histogram(Media):
    """A histogram, stored as JSON with `bins` (edges) and `values` (counts).

    Args:
        sequence: the numbers, as an array, a tensor or a list; None with `np_histogram`.
        np_histogram: counts and edges, as `numpy.histogram` returns them.
        num_bins: the number of bins.
    """

    def __init__(self, sequence: Any = None, np_histogram: Any = None, num_bins: int = 64) -> None:
        import numpy as np

        if np_histogram is not None:
            counts, edges = np_histogram
        else:
            numbers = to_array(() if sequence is None else sequence).astype(np.float64).ravel()
            counts, edges = np.histogram(numbers[np.isfinite(numbers)], bins=num_bins)
        self.histogram = [float(count) for count in counts]
        self.bins = [float(edge) for edge in edges]

    @property
    def suffix(self) -> str:
        """`.histogram.json`."""
        return ".histogram.json"

    def snapshot(self) -> "Histogram":
        """See `Media`; the counts do not change."""
        return self

    def encode(self) -> bytes:
        """The JSON text."""
        content: Mapping[str, Any] = {"bins": self.bins, "values": self.histogram}
        return json.dumps(content).encode()
