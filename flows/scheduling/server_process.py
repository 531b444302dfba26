"""The server's process: Prefect's own application, behind our gate, on a socket that the parent opened.

It ends when standard input closes and by nothing gentler: a SIGTERM that a service manager sends to the whole group
must not take the server away under a run that is still to end.

The gate lets only the page's own requests through. Any web page that a browser on this machine shows can send requests
to loopback. Its own come with its Origin; a page whose name was made to mean 127.0.0.1 (DNS rebinding) comes with its
name as Host. Prefect checks neither: its CORS setting only keeps answers from being read. Programs send no Origin; they
need the key. The page itself may talk to this server alone (Prefect 3.8's asks an address of its makers' for how to
count its users), and no other page may show it in a frame. Rejected: Starlette's TrustedHostMiddleware, which looks at
the first of two Hosts.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import uvicorn
from prefect.server.api.server import create_app
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flows.scheduling.server import OWN_NAMES

GRACE_SECONDS = 1
MISDIRECTED, FORBIDDEN = 421, 403  # RFC 9110, sections 15.5.20 and 15.5.4
# https://www.w3.org/TR/CSP3/; the page's own scripts need what is called unsafe.
POLICY = b"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'none'"


class Gate:
    """An ASGI application in front of another."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        refusal = refusal_of(scope) if scope["type"] in ("http", "websocket") else None
        answer = self._app if refusal is None else PlainTextResponse(refusal[1], refusal[0])

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"content-security-policy", POLICY)]
            await send(message)

        await answer(scope, receive, send_with_policy)


def refusal_of(scope: Scope) -> tuple[int, str] | None:
    """Return the status and text with which a request is refused; None where it is the page's own or a program's."""
    hosts = _all(scope, b"host")
    if len(hosts) != 1 or _name_of(hosts[0]) not in OWN_NAMES:
        return MISDIRECTED, "this server answers to 127.0.0.1 and localhost alone\n"
    if any(origin != f"http://{hosts[0]}" for origin in _all(scope, b"origin")):
        return FORBIDDEN, "other pages may not ask this server\n"
    return None


def _all(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1").lower() for key, value in scope["headers"] if key.lower() == name]


def _name_of(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname if "@" not in host and "/" not in host else None
    except ValueError:
        return None


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
