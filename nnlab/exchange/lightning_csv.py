"""Reader of the logs of Lightning's CSVLogger: metrics.csv, and hparams.yaml beside it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from nnlab.errors import DataError
from nnlab.exchange.csv_rows import sniff_header
from nnlab.exchange.csv_samples import read_csv_samples
from nnlab.exchange.json_text import clean_config
from nnlab.exchange.log_files import files_below, path_text, read_document, relative_id
from nnlab.exchange.log_reader import Audit, JsonValue, LoggedRun, LogItem, Position, RunDetails
from nnlab.exchange.seed_of_config import seed_of_config
from nnlab.exchange.simple_yaml import parse_yaml

_MAX_HPARAMS = 1 << 20
_DEFAULT_NAME = "lightning_logs"


class LightningCsvReader:
    """Reads metrics.csv of Lightning and Fabric; its folder is one run.

    Each row has a step and the metrics of one log call; cells of other metrics are blank. Epochs
    are counted from 0 in the file. Values of Python objects in hparams.yaml are left out.
    """

    kind = "lightning"

    def find(self, path: Path) -> Iterable[LoggedRun]:
        """Folders with a metrics.csv that has a column `step` and is separated by commas."""
        for file in files_below(path, lambda name: name == "metrics.csv"):
            if "step" not in sniff_header(file):
                continue
            folder = file.absolute().parent
            hparams = file.parent / "hparams.yaml"
            paths = (file, hparams) if hparams.is_file() and not hparams.is_symlink() else (file,)
            name = path_text(Path(folder.parent.name, folder.name))
            yield LoggedRun(self.kind, _folder_id(file, path), name, paths)

    def read(self, run: LoggedRun, position: Position | None, audit: Audit) -> Iterator[LogItem]:
        """The hyperparameters and the samples."""
        config = read_hparams(run.paths[1], audit) if len(run.paths) > 1 else {}
        project = path_text(Path(run.paths[0].absolute().parent.parent.name))
        yield RunDetails(
            name=run.name,
            config=config,
            seed=seed_of_config(config),
            project=project if project not in (_DEFAULT_NAME, "") else None,
        )
        yield from read_csv_samples(run.paths[0], position, audit, epochs_from_0=True)


def _folder_id(file: Path, searched: Path) -> str:
    """The path of the folder of a file, however the file was named."""
    return relative_id(file, searched).removesuffix("/metrics.csv")


def read_hparams(path: Path, audit: Audit) -> dict[str, JsonValue]:
    """The hyperparameters in an hparams.yaml; empty, with a note, if it cannot be read."""
    try:
        text = read_document(path, _MAX_HPARAMS).decode("utf-8", "replace")
        return clean_config(parse_yaml(text, audit), audit)
    except (ValueError, DataError) as error:
        audit.add("unreadable-config", f"{path.name}: {error}")
        return {}
