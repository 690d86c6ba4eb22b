"""Detects network file systems, on which SQLite must not use write-ahead logging.

The index of the write-ahead log is in shared memory, which two machines do not have: they would
overwrite each other's data (sqlite.org/wal.html). The older rollback journal needs only file
locks, which current network file systems support.
"""

import re
from pathlib import Path

# The names in /proc/self/mountinfo.
_NETWORK_TYPES = re.compile(
    r"9p|afs|beegfs|ceph|cifs|gfs2|glusterfs|gpfs|lustre|nfs4?|ocfs2|orangefs|panfs|pvfs2|smb3|smbfs"
    r"|fuse\.(?:sshfs|s3fs|gcsfuse|goofys|glusterfs|ceph.*|juicefs|mfs|rclone|davfs.*|beegfs.*)"
)
_OCTAL_ESCAPE = re.compile(r"\\(\d{3})")

MOUNT_TABLE = Path("/proc/self/mountinfo")


def network_filesystem_type(path: Path) -> str | None:
    """The type of the network file system that a path is on; None if it is local or unknown.

    Args:
        path: a file or a folder, which need not exist.
    """
    try:
        lines = MOUNT_TABLE.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        resolved = path.resolve()
    except OSError:
        return None
    kind, longest = "", -1
    for line in lines:
        # proc(5): "36 35 98:0 /root /mounted/at rw,noatime optional - type source options"
        before, _, after = line.partition(" - ")
        mount_point = Path(
            _OCTAL_ESCAPE.sub(lambda octal: chr(int(octal[1], 8)), before.split(" ")[4])
        )
        # Of two file systems with the same mount point the later one hides the earlier one.
        if resolved.is_relative_to(mount_point) and len(mount_point.parts) >= longest:
            kind, longest = after.split(" ", 1)[0], len(mount_point.parts)
    return kind if _NETWORK_TYPES.fullmatch(kind) else None
