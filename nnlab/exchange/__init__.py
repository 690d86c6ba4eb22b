"""Readers and writers for the logs of other tools."""

from nnlab.exchange.aim_repository import AimReader
from nnlab.exchange.comet_export import CometExportReader
from nnlab.exchange.json_lines import JsonLinesReader
from nnlab.exchange.keras_csv import KerasCsvReader
from nnlab.exchange.keras_history import KerasHistoryReader
from nnlab.exchange.lightning_csv import LightningCsvReader
from nnlab.exchange.log_reader import LogReader
from nnlab.exchange.mlflow_export import MlflowExportReader
from nnlab.exchange.mlflow_files import MlflowFilesReader
from nnlab.exchange.mlflow_sqlite import MlflowSqliteReader
from nnlab.exchange.plain_csv import PlainCsvReader
from nnlab.exchange.tensorboard import TensorBoardReader
from nnlab.exchange.trackio_sqlite import TrackioReader
from nnlab.exchange.trainer_state import TrainerStateReader
from nnlab.exchange.wandb_csv import WandbCsvReader
from nnlab.exchange.wandb_json import WandbJsonReader
from nnlab.exchange.wandb_offline import WandbOfflineReader
from nnlab.exchange.wandb_runs import WandbRunsReader

# One reader per line. The kind of a log is detected in this order.
READERS: tuple[LogReader, ...] = (
    TensorBoardReader(),
    WandbOfflineReader(),
    MlflowFilesReader(),
    MlflowSqliteReader(),
    TrackioReader(),
    LightningCsvReader(),
    TrainerStateReader(),
    AimReader(),
    WandbCsvReader(),
    WandbJsonReader(),
    WandbRunsReader(),
    MlflowExportReader(),
    CometExportReader(),
    KerasCsvReader(),
    KerasHistoryReader(),
    # Formats of no particular tool come last.
    JsonLinesReader(),
    PlainCsvReader(),
)
