"""`nnlab export --to wandb`: read with W&B's own messages, uploaded by the real `wandb sync`."""

import gzip
import http.server
import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from exported_logs import CALLS, CONFIG, RESTARTED, export, record, same
from read_logs import read_only_run, records_of_wandb_file

from nnlab import store
from nnlab.exchange.wandb_offline import WandbOfflineReader
from nnlab.records import Sample, Status

pytest.importorskip("wandb", reason="the package wandb reads the export")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[store.Database]:
    database = store.open_database(str(tmp_path / "runs.db"), write=True, create=True)
    yield database
    database.close()


def exported_file(folder: Path) -> Path:
    (file,) = folder.glob("offline-run-*/run-*.wandb")
    return file


def records_of(file: Path) -> Iterator[Any]:
    """The records of a file as W&B's own messages."""
    from wandb.proto import wandb_internal_pb2

    for content in records_of_wandb_file(file.read_bytes()):
        record = wandb_internal_pb2.Record()  # type: ignore[attr-defined]
        record.ParseFromString(content)
        yield record


def test_records_are_those_of_wandb(db: store.Database, tmp_path: Path) -> None:
    run = record(db)
    export(db, (run,), "wandb", tmp_path / "out")
    records = list(records_of(exported_file(tmp_path / "out")))
    assert [r.num for r in records] == list(range(1, len(records) + 1))
    (header,) = [r.run for r in records if r.HasField("run")]
    assert (header.project, header.display_name, list(header.tags)) == (
        "lm", "first try", ["a", "b c"],
    )  # fmt: skip
    config = {item.key: json.loads(item.value_json) for item in header.config.update}
    assert config == {**CONFIG, "seed": 3}
    rows = [
        {item.key: json.loads(item.value_json) for item in r.history.item}
        for r in records
        if r.HasField("history")
    ]
    expected = [
        {sample.metric: sample.value for sample in call}
        | {"_step": call[0].step, "_timestamp": call[0].time}
        | ({} if call[0].epoch is None else {"epoch": call[0].epoch})
        for call in CALLS
    ]
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected, strict=True):
        row.pop("_runtime")
        assert row.keys() == wanted.keys()
        assert all(same(row[key], value) for key, value in wanted.items() if value is not None)
    (summary,) = [r.summary for r in records if r.HasField("summary")]
    final = {item.key: json.loads(item.value_json) for item in summary.update}
    assert final["best"] == 0.1
    assert final["remark"] == "good"
    (exit_record,) = [r.exit for r in records if r.HasField("exit")]
    assert exit_record.exit_code == 0


def test_what_was_exported_is_read_again(db: store.Database, tmp_path: Path) -> None:
    run = record(db)
    export(db, (run,), "wandb", tmp_path / "out")
    read = read_only_run(WandbOfflineReader(), tmp_path / "out")
    assert repr(read.samples) == repr([sample for _, sample in store.samples(db, run.id)])
    assert read.details.config == {**CONFIG, "seed": 3}
    assert read.details.results == {"best": 0.1, "steps": 7, "remark": "good"}
    assert (read.details.name, read.details.project) == ("first try", "lm")
    assert read.details.tags == ("a", "b c")
    assert (read.details.seed, read.details.status) == (3, Status.FINISHED)
    assert read.notes == {}


def test_steps_that_go_back_are_a_metric(db: store.Database, tmp_path: Path) -> None:
    run = record(db, RESTARTED)
    export(db, (run,), "wandb", tmp_path / "out")
    rows = [
        {item.key: json.loads(item.value_json) for item in r.history.item}
        for r in records_of(exported_file(tmp_path / "out"))
        if r.HasField("history")
    ]
    assert [row["_step"] for row in rows] == [0, 1, 2, 3, 4]
    assert [row["step"] for row in rows] == [1, 2, 2, 1, 2]
    read = read_only_run(WandbOfflineReader(), tmp_path / "out")
    assert read.samples == [sample for call in RESTARTED for sample in call]


def test_usage_of_the_machine_is_kept_apart(db: store.Database, tmp_path: Path) -> None:
    usage = (Sample("system/cpu", 0.5, None, None, 1.7e9), Sample("loss", 1.0, 1, None, 1.7e9))
    run = record(db, (usage,))
    export(db, (run,), "wandb", tmp_path / "out")
    read = read_only_run(WandbOfflineReader(), tmp_path / "out")
    assert sorted(read.samples) == sorted(usage)


class _Server(http.server.ThreadingHTTPServer):
    """Answers as W&B's server does to an upload, and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, Any]] = []


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        answer: dict[str, Any] = {}
        if self.path.endswith(("graphql", "file_stream")):
            request = json.loads(body)
            self.server.requests.append((self.path, request))
            if "createRunFiles" in request.get("query", ""):
                url = f"http://127.0.0.1:{self.server.server_port}/upload"
                names = request["variables"]["files"]
                files = [{"name": name, "uploadUrl": url} for name in names]
                created = {"runID": "b", "uploadHeaders": [], "files": files}
                answer = {"data": {"createRunFiles": created}}
            if "upsertBucket" in request.get("query", ""):
                project = {"id": "p", "name": "lm", "entity": {"id": "e", "name": "me"}}
                bucket: dict[str, Any] = {"id": "b", "name": "r", "displayName": "r"}
                bucket |= {"config": "{}", "project": project, "historyLineCount": 0}
                answer = {"data": {"upsertBucket": {"bucket": bucket, "inserted": True}}}
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing is printed."""


def test_wandb_sync_uploads_all_values(db: store.Database, tmp_path: Path) -> None:
    run = record(db)
    export(db, (run,), "wandb", tmp_path / "out")
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        environment = {
            **os.environ,
            "HOME": str(tmp_path),
            "WANDB_BASE_URL": f"http://127.0.0.1:{server.server_port}",
            "WANDB_API_KEY": "a" * 40,
            "WANDB_ERROR_REPORTING": "false",
        }
        folder = exported_file(tmp_path / "out").parent
        done = subprocess.run(
            [sys.executable, "-m", "wandb", "sync", str(folder)],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert done.returncode == 0, done.stderr
    assert "Finished syncing" in done.stderr + done.stdout
    streams = [body for path, body in server.requests if path.endswith("file_stream")]
    lines = [
        json.loads(line)
        for body in streams
        for line in body.get("files", {}).get("wandb-history.jsonl", {}).get("content", [])
    ]
    assert len(lines) == len(CALLS)
    for line, call in zip(lines, CALLS, strict=True):
        for sample in call:
            # W&B uploads NaN and infinities as texts.
            value = line[sample.metric]
            assert same(float(value), sample.value)
            assert line["_step"] == sample.step
    assert any(body.get("complete") and body["exitcode"] == 0 for body in streams)
    assert math.isnan(float(lines[3]["train/loss"]))
