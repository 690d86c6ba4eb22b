"""The same runs in the pages of other tools, for the benchmark `board_speed`."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from store_speed import METRICS

Values = Sequence[Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class PageOfTool:
    """A page: its address, the text of a run that it lists, and its version."""

    url: str
    run_text: str


def run_values(number: int, epochs: int) -> Values:
    """The metrics of each epoch of a run."""
    return [dict.fromkeys(METRICS, 1.0 / (epoch + 1) + number * 0.0001) for epoch in range(epochs)]


@contextmanager
def tensorboard_page(folder: Path, runs: int, epochs: int) -> Iterator[PageOfTool]:
    """TensorBoard of as many runs; all of them are loaded when it is entered."""
    from torch.utils.tensorboard import SummaryWriter

    for number in range(runs):
        with SummaryWriter(str(folder / f"run-{number:05}")) as writer:
            for step, values in enumerate(run_values(number, epochs)):
                for name, value in values.items():
                    writer.add_scalar(name, value, step)
    port = free_port()
    command = ["-m", "tensorboard.main", "--logdir", str(folder), "--port", str(port)]
    with serving([*command, "--host", "127.0.0.1"], port):
        wait_until_listed(f"http://127.0.0.1:{port}/data/runs", f"run-{runs - 1:05}")
        yield PageOfTool(f"http://127.0.0.1:{port}/#timeseries", "run-00000")


@contextmanager
def trackio_page(folder: Path, runs: int, epochs: int) -> Iterator[PageOfTool]:
    """The dashboard of trackio."""
    os.environ["TRACKIO_DIR"] = str(folder)
    from trackio.sqlite_storage import SQLiteStorage

    for number in range(runs):
        values = [dict(entry) for entry in run_values(number, epochs)]
        SQLiteStorage.bulk_log("bench", f"run-{number:05}", values, steps=list(range(epochs)))
    port = free_port()
    program = (
        "import trackio; trackio.show(project='bench', open_browser=False, block_thread=True,"
        f" host='127.0.0.1', server_port={port})"
    )
    with serving(["-c", program], port):
        yield PageOfTool(f"http://127.0.0.1:{port}/?project=bench", "run-0")


@contextmanager
def mlflow_page(folder: Path, runs: int, epochs: int) -> Iterator[PageOfTool]:
    """The list of runs of MLflow."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

    store = f"sqlite:///{folder / 'mlflow.db'}"
    client = MlflowClient(store)
    experiment = client.create_experiment("bench")
    for number in range(runs):
        run = client.create_run(experiment, run_name=f"run-{number:05}").info.run_id
        metrics = [
            Metric(name, value, 0, step)
            for step, values in enumerate(run_values(number, epochs))
            for name, value in values.items()
        ]
        client.log_batch(run, metrics=metrics)
    port = free_port()
    options = ["--backend-store-uri", store, "--host", "127.0.0.1", "--port", str(port)]
    with serving(["-m", "mlflow", "server", *options, "--workers", "1"], port):
        url = f"http://127.0.0.1:{port}/#/experiments/{experiment}/runs"
        yield PageOfTool(url, f"run-{runs - 1:05}")


TOOLS = {"tensorboard": tensorboard_page, "trackio": trackio_page, "mlflow": mlflow_page}


@contextmanager
def serving(arguments: Sequence[str], port: int) -> Iterator[None]:
    """A server of another tool, once its port answers."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        wait_until_listed(f"http://127.0.0.1:{port}/", "")
        yield
    finally:
        # With the processes that it started.
        os.killpg(process.pid, 15)
        process.wait()


def wait_until_listed(url: str, text: str, seconds: float = 300.0) -> None:
    """Waits until the answer to a request contains a text."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=30) as response:
                if text in response.read().decode("utf-8", "replace"):
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(0.5)
    raise TimeoutError(f"{url} does not answer with {text!r}")


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
