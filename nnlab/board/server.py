"""The server of a board: in the foreground for `nnlab board`, in a thread for notebooks."""

import errno
import socket
import threading

import uvicorn
from starlette.applications import Starlette

from nnlab.errors import NnlabError, UsageError

_START_SECONDS = 20.0


class BoardServer(uvicorn.Server):
    """A server of an application of `create_app`; it ends at once although streams are open."""

    def __init__(self, app: Starlette, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            log_level="critical",  # its messages would contain addresses with the token
            access_log=False,
            server_header=False,
            proxy_headers=False,  # what a client says about itself is not trusted
            ws="none",
            timeout_graceful_shutdown=2,
            limit_concurrency=200,
            h11_max_incomplete_event_size=32_768,
        )
        super().__init__(config)
        self._app = app
        self._listener = listener
        self._thread: threading.Thread | None = None
        self._listening = threading.Event()

    def run_in_foreground(self) -> None:
        """Serves until Ctrl-C or SIGTERM."""
        self.run([self._listener])

    def start(self) -> None:
        """Serves in a thread; returns when requests are answered.

        Raises:
            NnlabError: the server does not start.
        """
        self._thread = threading.Thread(
            target=self.run_in_foreground, daemon=True, name="nnlab board"
        )
        self._thread.start()
        if not self._listening.wait(_START_SECONDS):
            raise NnlabError("the server of the board does not start")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts to listen."""
        await super().startup(sockets)
        self._listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends the streams of events first, for which uvicorn would wait."""
        self._app.state.watcher.stop()
        await super().shutdown(sockets)

    def stop(self) -> None:
        """Ends the server of `start`, and waits for it."""
        self.should_exit = True
        if self._thread is not None:
            self._thread.join()
        self._listener.close()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on a host and port; port 0 is a free one.

    Raises:
        UsageError: the port is in use, or this machine does not have the address.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UsageError(f"port {port} is in use", hint="--port 0 chooses a free one") from None
        reason = error.strerror or str(error)
        raise UsageError(f"cannot listen on {host} port {port}: {reason}") from None
    return listener
