"""What all readers of text formats have in common: detection, positions, damaged files."""

import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from log_examples import EXAMPLES
from log_readings import read_path, read_run

from nnlab.errors import DataError
from nnlab.exchange import READERS

_READERS = {reader.kind: reader for reader in READERS}
# Files that are rewritten as a whole, and databases: half of one is damaged.
_APPENDED = ("lightning", "wandb-csv", "comet", "keras-csv", "jsonl", "csv")


@pytest.fixture
def time_limit() -> Iterator[None]:
    """A reading that hangs fails the test."""
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.alarm(300)
    yield
    signal.alarm(0)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_log_is_claimed_by_its_own_reader_first(kind: str, tmp_path: Path) -> None:
    EXAMPLES[kind](tmp_path)
    assert next(reader.kind for reader in READERS if any(reader.find(tmp_path))) == kind


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_file_itself_has_the_same_runs_as_its_folder(kind: str, tmp_path: Path) -> None:
    path = EXAMPLES[kind](tmp_path)
    reader = _READERS[kind]
    by_file = [reading.samples for reading in read_path(reader, path)]
    by_folder = [reading.samples for reading in read_path(reader, tmp_path)]
    assert by_file
    assert _comparable(by_file) == _comparable(by_folder)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_nothing_is_read_twice(kind: str, tmp_path: Path) -> None:
    EXAMPLES[kind](tmp_path)
    reader = _READERS[kind]
    for first in read_path(reader, tmp_path):
        assert first.samples
        again = read_run(reader, first.run, first.position)
        assert (again.samples, again.restarts, again.position) == ([], 0, first.position)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_ids_do_not_depend_on_where_the_log_is(kind: str, tmp_path: Path) -> None:
    ids = []
    for place in ("here", "there"):
        folder = tmp_path / place / "logs"
        folder.mkdir(parents=True)
        EXAMPLES[kind](folder)
        ids.append([run.external_id for run in _READERS[kind].find(folder)])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(ids[0])


@pytest.mark.parametrize("kind", _APPENDED)
def test_a_growing_log_is_read_in_parts(kind: str, tmp_path: Path) -> None:
    path = EXAMPLES[kind](tmp_path)
    reader = _READERS[kind]
    complete = read_path(reader, tmp_path)
    content = path.read_bytes()
    line_ends = [match.end() for match in re.finditer(rb"\n", content)]
    for cut in range(line_ends[0], len(content)):
        path.write_bytes(content[:cut])
        runs = {reading.run.external_id: reading for reading in complete}
        first = [read_run(reader, reading.run) for reading in runs.values()]
        path.write_bytes(content)
        for part, whole in zip(first, runs.values(), strict=True):
            rest = read_run(reader, whole.run, part.position)
            joined = rest.samples if rest.restarts else part.samples + rest.samples
            assert _comparable(joined) == _comparable(whole.samples), content[:cut]


@pytest.mark.parametrize("kind", [*_APPENDED, "keras-history", "trainer-state", "wandb-json"])
def test_a_replaced_log_is_read_again(kind: str, tmp_path: Path) -> None:
    path = EXAMPLES[kind](tmp_path)
    reader = _READERS[kind]
    first = read_path(reader, tmp_path)[0]
    path.write_text(path.read_text().replace("2.5", "3.5"))
    again = read_run(reader, first.run, first.position)
    assert again.restarts == 1
    assert {3.5} == {s.value for s in again.samples if s.value in (2.5, 3.5)}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_links_are_not_followed(kind: str, tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    path = EXAMPLES[kind](outside)
    (inside / "folder").symlink_to(outside)
    (inside / path.name).symlink_to(path)
    assert not list(_READERS[kind].find(inside))


@pytest.mark.parametrize("kind", EXAMPLES)
@settings(max_examples=600, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_a_damaged_log_is_read_or_refused(
    kind: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory, time_limit: None
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    try:
        EXAMPLES[kind](folder)
        reader = _READERS[kind]
        runs = list(reader.find(folder))
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        file = data.draw(st.sampled_from(files))
        file.write_bytes(_damage(bytearray(file.read_bytes()), data))
        for run in [*runs, *reader.find(folder), *reader.find(file)]:
            with suppress(DataError):
                first = read_run(reader, run)
                read_run(reader, run, first.position)
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("kind", EXAMPLES)
@pytest.mark.parametrize(
    "position",
    [
        {},
        {"offset": -1},
        {"offset": 10**18, "fingerprint": "x"},
        {"offset": "1", "rows": "x", "epoch_shift": []},
        {"files": []},
        {"files": {"loss": 3, "gone": {}}},
        {"rowid": 10**18, "digest": "x"},
        {"rowid": -1, "digest": "x"},
        {"documents_rows": 10**9, "digest": None},
    ],
)
def test_a_position_of_another_reader_is_not_trusted(
    kind: str, position: dict[str, object], tmp_path: Path
) -> None:
    EXAMPLES[kind](tmp_path)
    reader = _READERS[kind]
    for whole in read_path(reader, tmp_path):
        again = read_run(reader, whole.run, position)  # type: ignore[arg-type]
        assert _comparable(again.samples) == _comparable(whole.samples)


def _comparable(samples: object) -> str:
    return repr(samples)  # nan equals nan


def _damage(content: bytearray, data: st.DataObject) -> bytes:
    """Content that is truncated or has a few other bytes."""
    if not content:
        return b""
    positions = st.integers(0, len(content) - 1)
    if data.draw(st.booleans()):
        return bytes(content[: data.draw(positions)])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(positions)] = data.draw(st.integers(0, 255))
    return bytes(content)
