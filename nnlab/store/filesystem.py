"""What kind of file system a file is on: on one that machines share, SQLite must work otherwise.

Write-ahead logging keeps its index in memory that processes share, and two machines have none in
common: they would write over each other (sqlite.org/wal.html). The older rollback journal needs
only locks on the file, which the network file systems of today have.
"""

import re
from pathlib import Path

# As /proc/self/mountinfo names them.
_NETWORK_TYPES = re.compile(
    r"9p|afs|beegfs|ceph|cifs|gfs2|glusterfs|gpfs|lustre|nfs4?|ocfs2|orangefs|panfs|pvfs2|smb3|smbfs"
    r"|fuse\.(?:sshfs|s3fs|gcsfuse|goofys|glusterfs|ceph.*|juicefs|mfs|rclone|davfs.*|beegfs.*)"
)
_OCTAL_ESCAPE = re.compile(r"\\(\d{3})")

MOUNT_TABLE = Path("/proc/self/mountinfo")


def network_filesystem_type(path: Path) -> str | None:
    """The type of the network file system that a path is on; None if it is on none, or unknown.

    Args:
        path: a file or a folder, which need not exist.
    """
    try:
        lines = MOUNT_TABLE.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        place = path.resolve()
    except OSError:
        return None
    kind, longest = "", -1
    for line in lines:
        # proc(5): "36 35 98:0 /root /mounted/at rw,noatime optional - type source options"
        before, _, after = line.partition(" - ")
        where = Path(_OCTAL_ESCAPE.sub(lambda octal: chr(int(octal[1], 8)), before.split(" ")[4]))
        # Of two mounted at one place the later one hides the earlier.
        if place.is_relative_to(where) and len(where.parts) >= longest:
            kind, longest = after.split(" ", 1)[0], len(where.parts)
    return kind if _NETWORK_TYPES.fullmatch(kind) else None
