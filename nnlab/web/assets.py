"""The files of pages, which the board serves and self-contained pages include."""

from importlib.resources import files
from importlib.resources.abc import Traversable

# Folders whose files may be served; `uplot` is filled when nnlab is built.
_FOLDERS = ("shared", "board", "report", "uplot")
CONTENT_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}


def find_asset(path: str) -> Traversable | None:
    """The file of a path such as `shared/chart.js`; None if there is none that may be served."""
    folder, *names = path.split("/")
    if folder not in _FOLDERS or not names or not all(map(_is_plain_name, names)):
        return None
    if not any(names[-1].endswith(suffix) for suffix in CONTENT_TYPES):
        return None
    asset = files("nnlab.web").joinpath(folder, *names)
    return asset if asset.is_file() else None


def asset_text(path: str) -> str:
    """The text of a file of the pages, by its path.

    Raises:
        FileNotFoundError: there is none.
    """
    asset = find_asset(path)
    if asset is None:
        raise FileNotFoundError(path)
    return asset.read_text(encoding="utf-8")


def has_uplot() -> bool:
    """Whether uPlot is there; a checkout that was installed without npm has no charts."""
    return find_asset("uplot/uPlot.iife.min.js") is not None


def _is_plain_name(name: str) -> bool:
    return name.replace("_", "").replace(".", "").isalnum() and not name.startswith(".")
