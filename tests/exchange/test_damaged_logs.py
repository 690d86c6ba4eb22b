"""Damaged and hostile logs: only DataError is raised, memory is bounded, and reading ends."""

import json
import random
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from exported_logs import CALLS, record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from read_logs import read_run, records_of_wandb_file

from nnlab import store
from nnlab.errors import DataError
from nnlab.exchange.exported_runs import exported_runs
from nnlab.exchange.log_reader import LogReader
from nnlab.exchange.protobuf import bytes_field, double_field, encode_varint, int_field
from nnlab.exchange.tensorboard import TensorBoardReader
from nnlab.exchange.tensorboard.crc32c import masked_checksums
from nnlab.exchange.tensorboard.record_file import LARGEST_RECORD, frame_records
from nnlab.exchange.wandb_offline import WandbOfflineReader
from nnlab.exchange.wandb_offline.block_log import BLOCK, HEADER
from nnlab.exchange.wandb_offline.block_log import frame_records as frame_blocks
from nnlab.exchange.write_log import write_log
from nnlab.exchange.writers import WRITERS

FUZZ = settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
MEMORY_LIMIT = 40 << 20
NAMES = {"tensorboard": "events.out.tfevents.1700000000.host.1.0", "wandb": "run-abc.wandb"}
READERS: dict[str, LogReader] = {
    "tensorboard": TensorBoardReader(),
    "wandb": WandbOfflineReader(),
}


@pytest.fixture(scope="module", params=list(READERS))
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> "Log":
    """A valid log of each kind, with settings, values that are not finite, and an end."""
    folder = tmp_path_factory.mktemp(request.param)
    db = store.open_database(str(folder / "runs.db"), write=True, create=True)
    run = record(db, CALLS * 20)
    files = write_log(
        WRITERS[request.param], exported_runs(db, (run,)), folder / "out", force=False
    )
    db.close()
    file = max(files, key=lambda path: path.stat().st_size)
    return Log(request.param, file.read_bytes(), tmp_path_factory.mktemp("damaged"))


class Log:
    """A valid log, and a folder in which damaged copies of it are read."""

    def __init__(self, kind: str, content: bytes, folder: Path) -> None:
        self.kind, self.content, self.folder = kind, content, folder

    def read(self, content: bytes) -> int | None:
        """The number of samples in a file with this content; None if it is refused."""
        return read_content(self.kind, content, self.folder)


def read_content(kind: str, content: bytes, folder: Path) -> int | None:
    file = folder / NAMES[kind]
    file.write_bytes(content)
    started = time.monotonic()
    tracemalloc.start()
    count = 0
    try:
        for run in READERS[kind].find(folder):
            read = read_run(READERS[kind], run)
            json.dumps(read.position)
            count += len(read.samples)
    except DataError:
        return None
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < MEMORY_LIMIT + 4 * len(content)
        assert time.monotonic() - started < 60  # it hangs neither
    return count


def test_truncation_at_any_byte(log: Log) -> None:
    whole = log.read(log.content)
    assert whole is not None
    last = 0
    total = len(log.content)
    # Each of the last records at each byte, the rest at some.
    for size in sorted({*range(0, total, total // 40), *range(total - 150, total), *range(50)}):
        count = log.read(log.content[:size])
        # Only what is after the end is missing.
        assert count is None or last <= count <= whole
        last = count or last
    assert last > 0.9 * whole


@FUZZ
@given(data=st.data())
def test_flipped_bytes(log: Log, data: st.DataObject) -> None:
    content = bytearray(log.content)
    for _ in range(data.draw(st.integers(1, 20))):
        position = data.draw(st.integers(0, len(content) - 1))
        content[position] = data.draw(st.integers(0, 255))
    log.read(bytes(content))


@FUZZ
@given(data=st.data())
def test_flipped_bytes_with_correct_checksums(log: Log, data: st.DataObject) -> None:
    """Damage that the checksums do not show reaches the decoders of the messages."""
    seed = data.draw(st.integers(0, 2**32))
    rng = random.Random(seed)
    records = [
        _flip(rng, record) if rng.random() < 0.2 else record
        for record in RECORDS_OF[log.kind](log.content)
    ]
    log.read(FRAMES_OF[log.kind](records))


def _flip(rng: random.Random, record: bytes) -> bytes:
    content = bytearray(record)
    for _ in range(rng.randint(1, 4)):
        match rng.randrange(3):
            case 0 if content:
                content[rng.randrange(len(content))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, 0x0A))
            case 1 if content:
                del content[rng.randrange(len(content)) :]
            case _:
                content.insert(rng.randint(0, len(content)), rng.randrange(256))
    return bytes(content)


def _event_records(content: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(content):
        (size,) = struct.unpack_from("<Q", content, position)
        yield content[position + 12 : position + 12 + size]
        position += 16 + size


def _blocks(records: list[bytes]) -> bytes:
    return HEADER + b"".join(frame_blocks(iter(records), len(HEADER)))


RECORDS_OF: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "tensorboard": _event_records,
    "wandb": records_of_wandb_file,
}
FRAMES_OF: dict[str, Callable[[list[bytes]], bytes]] = {
    "tensorboard": frame_records,
    "wandb": _blocks,
}


@FUZZ
@given(content=st.binary(max_size=2000))
@pytest.mark.parametrize("kind", list(READERS))
def test_random_bytes(kind: str, content: bytes, tmp_path: Path) -> None:
    read_content(kind, content, tmp_path)
    read_content(kind, (HEADER if kind == "wandb" else b"") + content, tmp_path)


@FUZZ
@given(records=st.lists(st.binary(max_size=200), max_size=20))
@pytest.mark.parametrize("kind", list(READERS))
def test_random_records(kind: str, records: list[bytes], tmp_path: Path) -> None:
    read_content(kind, FRAMES_OF[kind](records), tmp_path)


def _length(size: int) -> bytes:
    """The header of a record of an event file, with a correct checksum."""
    header = struct.pack("<Q", size)
    return header + struct.pack("<I", masked_checksums([header])[0])


@pytest.mark.parametrize("size", [2**20, LARGEST_RECORD + 1, 2**31, 2**63, 2**64 - 1])
def test_a_length_beyond_the_end_allocates_nothing(size: int, tmp_path: Path) -> None:
    assert read_content("tensorboard", _length(size) + b"x" * 100, tmp_path) == 0


def _value(tag: str) -> bytes:
    value = bytes_field(1, tag) + encode_varint(2 << 3 | 5) + struct.pack("<f", 1.0)
    return double_field(1, 1.7e9) + bytes_field(5, bytes_field(1, value))


def test_many_and_long_names_of_tags(tmp_path: Path) -> None:
    records = [_value(f"tag {i}") for i in range(25_000)] + [_value("x" * 10**6)]
    count = read_content("tensorboard", frame_records(records), tmp_path)
    assert count is not None
    assert 10_000 < count < 25_000


def _history(items: list[tuple[str, str]]) -> bytes:
    row = b"".join(bytes_field(1, bytes_field(1, k) + bytes_field(16, v)) for k, v in items)
    return int_field(1, 1) + bytes_field(2, row)


def test_many_and_long_names_of_wandb(tmp_path: Path) -> None:
    rows = [_history([(f"metric {i}", "1.0")]) for i in range(25_000)]
    rows.append(_history([("x" * 10**6, "1.0")]))
    count = read_content("wandb", _blocks(rows), tmp_path)
    assert count is not None
    assert 10_000 < count < 25_000


def test_deeply_nested_json_is_left_out(tmp_path: Path) -> None:
    text = '{"a":' * 50_000 + "1" + "}" * 50_000
    rows = [
        _history([("metric", "1.0")]),
        _history([("deep", text)]),
        _history([("m", "[" * 10**6)]),
    ]
    assert read_content("wandb", _blocks(rows), tmp_path) == 1


def test_a_record_without_an_end_is_not_collected(tmp_path: Path) -> None:
    """Parts of a record follow each other for ever."""
    content = bytes(BLOCK - 7)

    def chunk(kind: int) -> bytes:
        checksum = zlib.crc32(content, zlib.crc32(bytes([kind])))
        return struct.pack("<IHB", checksum, len(content), kind) + content

    first = bytes(BLOCK - 14)
    start = (
        HEADER + struct.pack("<IHB", zlib.crc32(first, zlib.crc32(b"\2")), len(first), 2) + first
    )
    parts = chunk(3)
    file = tmp_path / NAMES["wandb"]
    with file.open("wb") as stream:
        stream.write(start)
        for _ in range(3 * LARGEST_RECORD // BLOCK):
            stream.write(parts)
    tracemalloc.start()
    (run,) = READERS["wandb"].find(tmp_path)
    read = read_run(READERS["wandb"], run)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read.notes["too-large"] >= 1
    assert peak < 2 * LARGEST_RECORD


def test_paths_inside_a_file_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    rows = [
        _history([("../secret.txt", "1.0"), ("image", '{"_type": "image-file", "path": "/etc"}')])
    ]
    assert read_content("wandb", _blocks(rows), tmp_path) == 1
