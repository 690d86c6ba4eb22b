"""The writers of the log formats of other tools; `nnlab export --to KIND` selects one by name."""

from collections.abc import Mapping

from nnlab.exchange.log_writer import LogWriter
from nnlab.exchange.writers.csv_table import CsvTableWriter
from nnlab.exchange.writers.mlflow import MlflowWriter
from nnlab.exchange.writers.model_card import ModelCardWriter
from nnlab.exchange.writers.parquet_table import ParquetTableWriter
from nnlab.exchange.writers.tensorboard import TensorBoardWriter
from nnlab.exchange.writers.trackio import TrackioWriter
from nnlab.exchange.writers.training_script import TrainingScriptWriter
from nnlab.exchange.writers.wandb import WandbWriter

# One writer per line, in the order of the documentation.
_WRITERS: tuple[LogWriter, ...] = (
    TensorBoardWriter(),
    MlflowWriter(),
    WandbWriter(),
    TrackioWriter(),
    CsvTableWriter(),
    ParquetTableWriter(),
    ModelCardWriter(),
    TrainingScriptWriter(),
)

WRITERS: Mapping[str, LogWriter] = {writer.kind: writer for writer in _WRITERS}
