"""The download URLs and checksums of the published data sets.

Files in the MNIST format are identified by the SHA-256 of their unpacked content, so that a file
that was unpacked or compressed again is accepted. The archives of CIFAR are identified by the MD5
that their author publishes.
"""

import gzip
import hashlib
import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file of a data set: its name, its size in bytes and its checksum.

    `sha256` and `size` refer to the unpacked content of a `.gz` file, `md5` to the file itself.
    """

    name: str
    size: int = 0
    sha256: str = ""
    md5: str = ""

    def verified_content(self, raw: bytes) -> bytes | None:
        """The content, unpacked for an MNIST file; None if the checksum differs."""
        if self.md5:
            digest = hashlib.md5(raw, usedforsecurity=False).hexdigest()
            return raw if digest == self.md5 else None
        content = _gunzip(raw, self.size) if raw[:2] == b"\x1f\x8b" else raw
        return content if hashlib.sha256(content).hexdigest() == self.sha256 else None


def _gunzip(raw: bytes, size: int) -> bytes:
    """The unpacked content, at most `size` + 1 bytes: a small file may unpack to a huge one."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
            return file.read(size + 1)
    except (OSError, EOFError, zlib.error):
        return b""


@dataclass(frozen=True, slots=True)
class PublishedSource:
    """The files of a data set, their URLs, and the folder and name of a Linux package with them."""

    files: tuple[PublishedFile, ...]
    base_urls: tuple[str, ...]
    package: Path | None = None
    package_name: str = ""


SOURCES: Mapping[str, PublishedSource] = {
    "fashion-mnist": PublishedSource(
        (
            PublishedFile(
                "train-images-idx3-ubyte.gz",
                47_040_016,
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            ),
            PublishedFile(
                "train-labels-idx1-ubyte.gz",
                60_008,
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            ),
            PublishedFile(
                "t10k-images-idx3-ubyte.gz",
                7_840_016,
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            ),
            PublishedFile(
                "t10k-labels-idx1-ubyte.gz",
                10_008,
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ),
        ),
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        Path("/usr/share/datasets/fashion-mnist"),
        "dataset-fashion-mnist",
    ),
    "mnist": PublishedSource(
        (
            PublishedFile(
                "train-images-idx3-ubyte.gz",
                47_040_016,
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            ),
            PublishedFile(
                "train-labels-idx1-ubyte.gz",
                60_008,
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
            PublishedFile(
                "t10k-images-idx3-ubyte.gz",
                7_840_016,
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            ),
            PublishedFile(
                "t10k-labels-idx1-ubyte.gz",
                10_008,
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ),
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "http://yann.lecun.com/exdb/mnist/",
        ),
    ),
    "cifar10": PublishedSource(
        (PublishedFile("cifar-10-binary.tar.gz", md5="c32a1d4ab5d03f1284b67883e8d87530"),),
        ("https://www.cs.toronto.edu/~kriz/",),
    ),
    "cifar100": PublishedSource(
        (PublishedFile("cifar-100-binary.tar.gz", md5="03b5dce01913d631647c71ecec9e9cb8"),),
        ("https://www.cs.toronto.edu/~kriz/",),
    ),
}
