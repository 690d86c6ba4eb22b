"""Network file systems are detected from the mounts, and written safely."""

import sqlite3
from pathlib import Path

import pytest

from nnlab import store
from nnlab.store import filesystem
from nnlab.store.filesystem import network_filesystem_type

pytestmark = pytest.mark.file

MOUNTS = r"""
22 1 0:2 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:26 / /home rw,relatime shared:9 - nfs4 server:/home rw,vers=4.2
31 30 0:27 / /home/ann/scratch rw - xfs /dev/sdb1 rw
32 22 0:28 / /mnt/two\040words rw,nosuid - cifs //server/share rw
33 22 0:29 / /remote rw - fuse.sshfs ann@server:/data rw
34 22 0:30 / /stick rw - fuse.ntfs-3g /dev/sdc1 rw
35 22 0:31 / /twice rw - nfs server:/a rw
36 22 0:32 / /twice rw - tmpfs tmpfs rw
""".strip()


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    listed = tmp_path / "mountinfo"
    listed.write_text(MOUNTS)
    monkeypatch.setattr(filesystem, "MOUNT_TABLE", listed)
    return listed


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/data/runs.db", None),
        ("/home/ann/runs.db", "nfs4"),
        ("/homes/runs.db", None),
        ("/home/ann/scratch/deep/runs.db", None),
        ("/mnt/two words/runs.db", "cifs"),
        ("/remote/runs.db", "fuse.sshfs"),
        ("/stick/runs.db", None),
        ("/twice/runs.db", None),
    ],
)
def test_the_innermost_mount_tells(mounts: Path, path: str, kind: str | None) -> None:
    assert network_filesystem_type(Path(path)) == kind


def test_where_the_system_says_nothing_nothing_is_known(mounts: Path) -> None:
    mounts.unlink()
    assert network_filesystem_type(Path("/home/runs.db")) is None


def journal(path: Path) -> str:
    connection = sqlite3.connect(path)
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    connection.close()
    return str(mode)


def test_there_the_journal_is_the_safe_one_and_elsewhere_the_fast_one(
    mounts: Path, tmp_path: Path
) -> None:
    path = tmp_path / "runs.db"
    on_disk = mounts.read_text()
    for listed, mode, shared in (
        (f"{on_disk}\n40 22 0:40 / {tmp_path} rw - nfs4 server:/x rw", "delete", "nfs4"),
        (on_disk, "wal", None),
        (f"{on_disk}\n40 22 0:40 / {tmp_path} rw - nfs4 server:/x rw", "delete", "nfs4"),
    ):
        mounts.write_text(listed)
        with_it = store.open_database(str(path), write=True, create=True)
        assert with_it.shared == shared
        with_it.close()
        assert journal(path) == mode
