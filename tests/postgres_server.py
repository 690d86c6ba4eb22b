"""A PostgreSQL server for the tests, from the distribution's packages."""

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

# Names a server to test on; each test takes a schema of its own in it, and drops that.
VARIABLE = "NNLAB_TEST_POSTGRES"

_CONF = """
listen_addresses = '127.0.0.1'
max_connections = 250
fsync = on
"""


@dataclass(frozen=True)
class Server:
    """A server that this process has started, and can stop and start again."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def reload(self) -> None:
        """Has it read who may enter, and how, once more."""
        _run("pg_ctl", "-D", self.folder / "data", "reload")

    def restart(self) -> None:
        """Has it read all of its settings once more."""
        self.stop()
        self.start()

    def put(self, name: str, content: str | bytes, *, first: bool = False) -> Path:
        """Writes a file of its own; `first` puts the content before what is there."""
        path = self.folder / "data" / name
        data = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(data + (path.read_bytes() if first else b""))
        path.chmod(0o600)
        if (user := _user()) is not None and os.geteuid() == 0:
            os.chown(path, user.pw_uid, user.pw_gid)
        return path

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder}"
        log = self.folder / "log"
        _run("pg_ctl", "-D", self.folder / "data", "-l", log, "-w", "-o", options, "start")

    def stop(self, how: str = "fast") -> None:
        """Ends it: `fast` breaks connections off, `immediate` is as good as kill -9."""
        _run("pg_ctl", "-D", self.folder / "data", "-m", how, "-w", "stop")


def why_not() -> str:
    """Why no server can be used here; empty where one can."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "psycopg (nnlab[postgres]) not installed"
    return "" if os.environ.get(VARIABLE) else why_none_of_our_own()


def why_none_of_our_own() -> str:
    """Why no server can be started here, which a test may also stop."""
    if _programs() is None:
        return f"no server: the package postgresql is not installed, {VARIABLE} not set"
    if os.geteuid() == 0 and _user() is None:
        return "no server: root may not start one, and there is no user postgres"
    return ""


@contextmanager
def server() -> Iterator[Server]:
    """Starts one; it is gone in the end, with all that is in it."""
    folder = Path(tempfile.mkdtemp(prefix="nnlab-postgres-", dir="/tmp"))
    user = _user() if os.geteuid() == 0 else None
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    created = Server(folder, _free_port())
    try:
        _run("initdb", "-D", folder / "data", "-A", "trust", "-U", "postgres", "--no-sync")
        with (folder / "data" / "postgresql.conf").open("a") as conf:
            conf.write(_CONF)
        created.start()
        yield created
    finally:
        with suppress(subprocess.CalledProcessError):  # a test has left it stopped
            created.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


def schemas(url: str) -> Iterator[str]:
    """URLs of schemas that nobody else uses."""
    joint = "&" if "?" in url else "?"
    for number in itertools.count():
        yield f"{url}{joint}schema=test_{os.getpid()}_{time.time_ns() % 10**9}_{number}"


def drop(url: str) -> None:
    """Removes a schema and all in it."""
    import psycopg

    from nnlab.store.address import ServerAddress, parse_address

    address = parse_address(url)
    assert isinstance(address, ServerAddress)
    with psycopg.connect(**address.options, autocommit=True) as connection:  # type: ignore[arg-type]
        connection.execute("SET client_min_messages TO warning")
        connection.execute(f"DROP SCHEMA IF EXISTS {address.schema} CASCADE".encode())


def _programs() -> Path | None:
    result = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if result:
        return result[-1].parent
    on_path = shutil.which("pg_ctl")
    return Path(on_path).parent if on_path else None


def _user() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return None


def _free_port() -> int:
    with socket.socket() as server_socket:
        server_socket.bind(("127.0.0.1", 0))
        port: int = server_socket.getsockname()[1]
    return port


def _run(program: str, *words: object) -> None:
    folder = _programs()
    assert folder is not None
    user = "postgres" if os.geteuid() == 0 else None
    subprocess.run(
        [str(folder / program), *map(str, words)],
        user=user,
        cwd="/tmp",
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
    )
