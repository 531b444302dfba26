"""Whom a webhook tells: a server on loopback that keeps what it is sent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer


@contextmanager
def listener(status: int = 204, location: str = "") -> Iterator[tuple[str, list[bytes]]]:
    """Yield an address on loopback that answers with a status, and what it is told."""
    told: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.end_headers()

        def do_GET(self) -> None:
            told.append(b"asked")
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *_: object) -> None:
            """Be quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/token-123", told
        server.shutdown()
        thread.join()
