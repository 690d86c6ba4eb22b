"""Published data sets: order of search, checksums, parsing, atomic downloads."""

import gzip
import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from nnlab.catalogue import find_choice
from nnlab.catalogue.data import PUBLISHED
from nnlab.engine.data import dataset_facts, fetch, read_dataset
from nnlab.engine.data.published import SOURCES, cifar, file_search, idx
from nnlab.engine.data.published import fetch as fetch_files
from nnlab.engine.data.published.sources import PublishedFile, PublishedSource
from nnlab.errors import DataError
from nnlab.settings import RunConfig

DRAW = np.random.default_rng(0)
IMAGES = DRAW.integers(0, 256, (60, 3, 4)).astype(np.uint8)
LABELS = (np.arange(60) % 10).astype(np.uint8)


def as_idx(array: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes((0, 0, 8, array.ndim)) + sizes + array.tobytes()


CONTENTS: Mapping[str, bytes] = {
    "train-images-idx3-ubyte": as_idx(IMAGES[:40]),
    "train-labels-idx1-ubyte": as_idx(LABELS[:40]),
    "t10k-images-idx3-ubyte": as_idx(IMAGES[40:]),
    "t10k-labels-idx1-ubyte": as_idx(LABELS[40:]),
}


def records(labels: int, targets: Mapping[str, int]) -> dict[str, bytes]:
    """Members of a CIFAR archive: two records each, the class in the last byte of the labels."""
    pixels = DRAW.integers(0, 256, (2, cifar.PIXELS)).astype(np.uint8)
    heads = {name: np.full((2, labels), 0, np.uint8) for name in targets}
    for name, target in targets.items():
        heads[name][:, -1] = [target, target + 1]
    return {name: np.hstack([head, pixels]).tobytes() for name, head in heads.items()}


def archive(members: Mapping[str, bytes]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(f"folder/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return held.getvalue()


TENS = [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]
CIFAR10 = archive(
    records(1, {name: n for n, name in enumerate(TENS)})
    | {"batches.meta.txt": b"\n".join(f"thing{n}".encode() for n in range(10)) + b"\n\n"}
)
CIFAR100 = archive(
    records(2, {"train.bin": 3, "test.bin": 8})
    | {"fine_label_names.txt": b"\n".join(f"fine{n}".encode() for n in range(100))}
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The sets in small, nothing of them on this machine, no proxy between us and ourselves."""
    files = tuple(
        PublishedFile(f"{name}.gz", len(content), hashlib.sha256(content).hexdigest())
        for name, content in CONTENTS.items()
    )
    closed = ("http://127.0.0.1:9/",)  # the port "discard": nobody listens
    package = tmp_path / "package"
    monkeypatch.setitem(SOURCES, "mnist", PublishedSource(files, closed))
    monkeypatch.setitem(
        SOURCES, "fashion-mnist", PublishedSource(files, closed, package, "dataset-fashion-mnist")
    )
    for name, raw in (("cifar10", CIFAR10), ("cifar100", CIFAR100)):
        digest = hashlib.md5(raw).hexdigest()
        file = PublishedFile(SOURCES[name].files[0].name, md5=digest)
        monkeypatch.setitem(SOURCES, name, PublishedSource((file,), closed))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("NNLAB_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "*")


def put(folder: Path, *, packed: bool = True, without: str = "") -> Path:
    """The four small files of the MNIST format."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in CONTENTS.items():
        if name != without:
            raw = gzip.compress(content) if packed else content
            (folder / (f"{name}.gz" if packed else name)).write_bytes(raw)
    return folder


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An address of this machine, and the folder that it serves."""
    root = tmp_path / "served"
    root.mkdir()

    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", root
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_published_set_has_its_source() -> None:
    assert set(SOURCES) == set(PUBLISHED)
    for name in PUBLISHED:
        assert dataset_facts(name).own_test
        assert find_choice("data", f"{name}:/some/folder").name == name


@pytest.mark.parametrize("packed", [True, False])
def test_a_folder_that_is_named_is_read_packed_or_not(tmp_path: Path, packed: bool) -> None:
    folder = put(tmp_path / "mine", packed=packed)
    dataset = read_dataset(RunConfig(data=f"mnist:{folder}"))
    assert dataset.name == f"mnist:{folder}"
    assert np.array_equal(dataset.examples, IMAGES[:, None])
    assert dataset.target_array.tolist() == LABELS.tolist()
    assert dataset.target_array.dtype == np.int64
    assert (dataset.num_provided_test, dataset.version) == (20, None)


def test_places_are_looked_at_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NNLAB_DATA", str(tmp_path / "data"))
    in_order = [tmp_path / "data" / "fashion-mnist", tmp_path / "package"]
    in_order.append(tmp_path / "cache" / "nnlab" / "data" / "fashion-mnist")
    assert file_search.find_files("fashion-mnist") is None
    for folder in reversed(in_order):
        put(folder)
        paths = file_search.find_files("fashion-mnist")
        assert paths is not None
        assert {path.parent for path in paths} == {folder}
    (in_order[0] / "t10k-labels-idx1-ubyte.gz").unlink()  # no longer whole: the next is taken
    paths = file_search.find_files("fashion-mnist")
    assert paths is not None
    assert paths[0].parent == in_order[1]


def test_a_named_folder_without_the_files_names_them(tmp_path: Path) -> None:
    folder = put(tmp_path / "mine", without="t10k-labels-idx1-ubyte")
    with pytest.raises(DataError, match=r"mine does not contain t10k-labels-idx1-ubyte\.gz$"):
        read_dataset(RunConfig(data=f"mnist:{folder}"))
    with pytest.raises(DataError, match=r"no folder at .*none"):
        read_dataset(RunConfig(data=f"mnist:{tmp_path / 'none'}"))


def test_a_file_that_changed_is_refused(tmp_path: Path) -> None:
    folder = put(tmp_path / "mine")
    for raw in (gzip.compress(CONTENTS["t10k-images-idx3-ubyte"] + b"\0"), b"\x1f\x8b broken"):
        (folder / "train-images-idx3-ubyte.gz").write_bytes(raw)
        with pytest.raises(DataError, match=r"train-images.* is not the expected file"):
            read_dataset(RunConfig(data=f"mnist:{folder}"))


def test_a_download_is_checked_kept_and_not_repeated(
    served: tuple[str, Path], tmp_path: Path
) -> None:
    home, root = served
    put(root)
    calls: list[tuple[str, int, int | None]] = []
    paths = fetch_files(
        "mnist", progress=lambda *arguments: calls.append(arguments), base_urls=(home,)
    )
    assert {path.parent for path in paths} == {tmp_path / "cache" / "nnlab" / "data" / "mnist"}
    assert {arguments[0] for arguments in calls} == {file.name for file in SOURCES["mnist"].files}
    assert all(done <= (total or 0) for _, done, total in calls)
    assert not [path for path in paths[0].parent.iterdir() if path not in paths]  # nothing half
    calls.clear()
    assert fetch("mnist", lambda *arguments: calls.append(arguments)) == paths
    assert not calls
    assert len(read_dataset(RunConfig(data="mnist")).target_array) == 60


def test_a_download_goes_to_the_folder_of_the_environment(
    served: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(served[1])
    monkeypatch.setenv("NNLAB_DATA", str(tmp_path / "data"))
    paths = fetch_files("mnist", base_urls=(served[0],))
    assert {path.parent for path in paths} == {tmp_path / "data" / "mnist"}


def test_another_home_is_asked_where_one_fails(served: tuple[str, Path]) -> None:
    put(served[1])
    assert fetch_files("mnist", base_urls=("http://127.0.0.1:9/", served[0]))


def test_a_wrong_file_is_not_kept(served: tuple[str, Path], tmp_path: Path) -> None:
    home, root = served
    put(root)
    (root / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"other"))
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz: the checksum differs"):
        fetch_files("mnist", base_urls=(home,))
    folder = tmp_path / "cache" / "nnlab" / "data" / "mnist"
    assert not (folder / "t10k-labels-idx1-ubyte.gz").exists()


def test_a_missing_file_at_the_home_is_told(served: tuple[str, Path]) -> None:
    with pytest.raises(DataError, match="HTTP 404"):
        fetch_files("cifar10", base_urls=(served[0],))


def test_a_refused_network_is_one_line_that_says_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_dataset(RunConfig(data="fashion-mnist"))
    message = caught.value.message
    assert "\n" not in message
    assert "Connection refused" in message
    for name in CONTENTS:
        assert f"{name}.gz" in message
    assert str(tmp_path / "cache" / "nnlab" / "data" / "fashion-mnist") in message
    assert "apt install dataset-fashion-mnist" in (caught.value.hint or "")
    assert "--data fashion-mnist:FOLDER" in (caught.value.hint or "")


def test_other_sets_are_fetched_without_a_word() -> None:
    assert fetch("iris") == fetch("two-moons") == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a file in the MNIST format"),
        (b"\0\0\x0d\x01\0\0\0\0", "is not a file in the MNIST format"),
        (b"\0\0\x08\x03\0\0", "is not a file in the MNIST format"),
        (as_idx(IMAGES)[:-1], "announces 60x3x4 bytes, it has 719"),
    ],
)
def test_a_malformed_idx_file_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        idx.parse(content, "file")
    assert np.array_equal(idx.parse(as_idx(IMAGES), "file"), IMAGES)


def test_cifar10_is_read_from_its_archive(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(CIFAR10)
    dataset = read_dataset(RunConfig(data=f"cifar10:{tmp_path}"))
    assert dataset.examples.shape == (12, 3, 32, 32)
    assert dataset.target_array.tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6]
    assert dataset.num_provided_test == 2
    assert dataset.classes[:2] == ("thing0", "thing1")
    assert len(dataset.classes) == 10


def test_cifar100_has_its_fine_classes(tmp_path: Path) -> None:
    (tmp_path / "cifar-100-binary.tar.gz").write_bytes(CIFAR100)
    dataset = read_dataset(RunConfig(data=f"cifar100:{tmp_path}", classes="3-9"))
    assert dataset.target_array.tolist() == [0, 1, 5, 6]
    assert dataset.num_provided_test == 2
    assert dataset.classes[0] == "fine3"


def test_pixels_of_cifar_are_planes_of_red_green_and_blue() -> None:
    row = bytes([7]) + bytes(1024) + bytes([1]) * 1024 + bytes([2]) * 1024
    images, targets = cifar.parse_records(row, 1, "file")
    assert targets.tolist() == [7]
    assert [images[0, channel].mean() for channel in range(3)] == [0, 1, 2]


def test_a_malformed_archive_is_refused() -> None:
    with pytest.raises(DataError, match="is not a readable archive"):
        cifar.extract_members(b"nonsense", ["a"], "file")
    with pytest.raises(DataError, match=r"does not contain b\.bin"):
        cifar.extract_members(archive({"a.bin": b"1"}), ["a.bin", "b.bin"], "file")
    with pytest.raises(DataError, match="has 5 bytes, not a multiple of 3,073"):
        cifar.parse_records(b"12345", 1, "file")


def test_nothing_in_an_archive_becomes_a_path(tmp_path: Path) -> None:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as tar:
        info = tarfile.TarInfo("../../evil.bin")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"bad"))
        link = tarfile.TarInfo("a.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(DataError, match=r"does not contain a\.bin"):
        cifar.extract_members(held.getvalue(), ["a.bin"], "file")
    assert not list(tmp_path.iterdir())


REAL = Path("/usr/share/datasets/fashion-mnist")


@pytest.mark.skipif(not REAL.is_dir(), reason="needs Debian's dataset-fashion-mnist")
def test_fashion_mnist_is_read_from_debians_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    dataset = read_dataset(RunConfig(data="fashion-mnist"))
    assert dataset.examples.shape == (70_000, 1, 28, 28)
    assert dataset.num_provided_test == 10_000
    assert np.bincount(dataset.target_array[:60_000]).tolist() == [6000] * 10
    assert dataset.examples[:60_000].mean() / 255 == pytest.approx(0.2860, abs=1e-4)
    assert dataset.classes[9] == "Ankle boot"
