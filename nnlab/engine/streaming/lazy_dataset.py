"""Reads a data set whose examples stay in files: arrays, folders of images and Parquet tables."""

from pathlib import Path

from nnlab.catalogue import find_choice
from nnlab.engine.data import images, read_dataset
from nnlab.engine.data.array_files import open_arrays
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.table_options import TableOptions
from nnlab.engine.streaming.lazy_images import LazyImages
from nnlab.engine.streaming.lazy_tables import read_parquet_features
from nnlab.errors import DataError
from nnlab.io.command_line import quote_command
from nnlab.settings import RunConfig

# A larger table in a text file is refused: it would be read into memory as a whole.
MAX_TEXT_BYTES = 1 << 30


def read_lazy_dataset(config: RunConfig) -> Dataset:
    """The data set of a config; the examples of folders and Parquet tables stay in files.

    Other data sets are read into memory.

    Raises:
        DataError: the files cannot be used.
    """
    kind = find_choice("data", config.data).name
    if kind == "csv:":
        _check_text_size(config.data)
    if kind not in ("parquet:", "folder:", "npy:"):
        return read_dataset(config)
    unsupported = {"--classes": config.classes, "--rotate": config.rotate}
    used = [option for option, value in unsupported.items() if value]
    if used:
        raise DataError(
            f"{', '.join(used)} cannot be used with examples that are streamed from files"
        )
    if kind == "parquet:":
        return read_parquet_features(config.data, TableOptions.of(config))
    return _read_folder(config.data) if kind == "folder:" else open_arrays(config.data)


def _read_folder(name: str) -> Dataset:
    files = images.find_images(name)
    return files.as_dataset(LazyImages(files.paths, images.common_shape(files.paths)))


def _check_text_size(name: str) -> None:
    path = Path(name.removeprefix("csv:").partition("#")[0]).expanduser()
    if not path.is_file() or path.stat().st_size <= MAX_TEXT_BYTES:
        return
    target = path.with_suffix(".parquet")
    code = (
        "import sys, pyarrow as pa; from pyarrow import csv, parquet;"
        " r = csv.open_csv(sys.argv[1]); w = parquet.ParquetWriter(sys.argv[2], r.schema);"
        " [w.write_batch(b) for b in r]; w.close()"
    )
    command = quote_command(["python", "-c", code, str(path), str(target)])
    raise DataError(
        f"{path} has {path.stat().st_size:,} bytes; a CSV file of more than"
        f" {MAX_TEXT_BYTES:,} cannot be streamed, a Parquet file can",
        hint=f"{command}, then --data parquet:{target}",
    )
