"""`wandb.Image`, `Table`, `Histogram`, `Video`, `Audio`, `Html` ..., and what `log` accepts."""

from collections.abc import Mapping
from typing import Any

from nnlab.compat.media import EncodedFile, encode_audio, encode_video, json_file, read_data
from nnlab.tracking import media_types
from nnlab.tracking.media import Media
from nnlab.tracking.media_types import Histogram as Histogram
from nnlab.tracking.media_types import LoggedTable as LoggedTable


class WandbImage(media_types.Image):
    """An image; boxes, masks and classes are ignored."""

    def __init__(
        self, data_or_path: Any, mode: str | None = None, caption: str | None = None, **ignored: Any
    ) -> None:
        super().__init__(data_or_path, caption=caption, mode=mode, **ignored)


class VideoFile(EncodedFile):
    """A video, from a file or from an array [time, channels, height, width]."""

    def __init__(
        self,
        data_or_path: Any,
        caption: str | None = None,
        fps: int | None = None,
        format: str | None = None,  # noqa: A002  its name in W&B
    ) -> None:
        self.caption = caption
        file = read_data(data_or_path, f".{format or 'gif'}")
        super().__init__(*(file or (encode_video(data_or_path, fps or 4), ".gif")))


class AudioFile(EncodedFile):
    """A sound, from a file or from an array of samples in [-1, 1]."""

    def __init__(
        self, data_or_path: Any, sample_rate: int | None = None, caption: str | None = None
    ) -> None:
        self.caption = caption
        file = read_data(data_or_path, ".wav")
        super().__init__(*(file or (encode_audio(data_or_path, sample_rate or 32000), ".wav")))


class HtmlFile(EncodedFile):
    """A page, from a text, a file or its path."""

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False) -> None:
        file = None if data_is_not_path else read_data(data, ".html")
        super().__init__(file[0] if file else str(data), ".html")


class SceneFile(EncodedFile):
    """A point cloud, from an array of points, or a file with a scene."""

    def __init__(self, data_or_path: Any, **ignored: Any) -> None:
        file = read_data(data_or_path, ".obj")
        super().__init__(*(file or (json_file(data_or_path).encode(), ".pts.json")))


class MoleculeFile(EncodedFile):
    """A molecule, from a file."""

    def __init__(self, data_or_path: Any, caption: str | None = None, **ignored: Any) -> None:
        self.caption = caption
        super().__init__(*(read_data(data_or_path, ".pdb") or (str(data_or_path), ".smi")))


class PlotlyFile(EncodedFile):
    """A figure of plotly, stored as JSON."""

    def __init__(self, figure: Any) -> None:
        super().__init__(str(figure.to_json()), ".plotly.json")


def convert_logged(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a log call, with figures, images, arrays and data frames as media."""
    return {str(name): _convert(value) for name, value in values.items()}


def _convert(value: Any) -> Any:
    if isinstance(value, Media | str | int | float | bool) or value is None:
        return value
    if isinstance(value, Mapping):
        return convert_logged(value)
    if callable(getattr(value, "savefig", None)) or _is_pillow_image(value):
        return WandbImage(value)
    if callable(getattr(value, "to_plotly_json", None)):
        return PlotlyFile(value)
    if hasattr(value, "columns") and hasattr(value, "to_numpy"):
        return LoggedTable(dataframe=value)
    if getattr(value, "ndim", 0) > 0 and callable(getattr(value, "numel", None) or value.any):
        return Histogram(value)
    if isinstance(value, list | tuple):
        items = [_convert(item) for item in value]
        return items if items and isinstance(items[0], Media) else json_file(items)
    return value


def _is_pillow_image(value: object) -> bool:
    return type(value).__module__.startswith("PIL.") and callable(getattr(value, "getbands", None))
