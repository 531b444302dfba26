"""The server's process: Prefect's own application, behind our gate, on a socket that the parent opened.

It ends when standard input closes and by nothing gentler: a SIGTERM that a service manager sends to the whole group
must not take the server away under a run that is still to end.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from prefect.server.api.server import create_app

from flows.scheduling.gate import Gate

GRACE_SECONDS = 1


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the application, then leave at once: joining Prefect's idle threads takes another second."""
        await super().shutdown(sockets)
        os._exit(0)


def main() -> None:
    """Serve until standard input closes. Arguments: the socket's number, and `page` or `bare`."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    app = create_app(ephemeral=sys.argv[2] == "bare", final=True)
    config = uvicorn.Config(Gate(app), log_level="error", lifespan="on", timeout_graceful_shutdown=GRACE_SECONDS)
    server = _Server(config)
    threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
    server.run(sockets=[socket.socket(fileno=int(sys.argv[1]))])


def _end_with_parent(server: uvicorn.Server) -> None:
    while os.read(sys.stdin.fileno(), 1000):
        pass
    server.should_exit = True
    time.sleep(GRACE_SECONDS + 1)
    # Prefect's background services now and then outstay uvicorn's grace.
    os._exit(0)
