"""A plain file server on loopback that answers requests for a range of bytes (RFC 9110 section 14), as any does."""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


class RangeHandler(SimpleHTTPRequestHandler):
    """Serves files below a folder, and counts the bytes it has sent."""

    protocol_version = "HTTP/1.1"
    sent: dict[str, int]

    def __init__(self, *arguments: object, sent: dict[str, int], **more: object) -> None:
        """Keep where bytes are counted, by path."""
        self.sent = sent
        super().__init__(*arguments, **more)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Send the bytes that are asked for, or all."""
        try:
            content = Path(self.translate_path(self.path)).read_bytes()
        except OSError:
            self.send_error(404)
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first = int(asked[1]) if asked else 0
        last = min(int(asked[2]) if asked and asked[2] else len(content), len(content) - 1)
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        self.wfile.write(content[first : last + 1])
        self.sent[self.path] = self.sent.get(self.path, 0) + last - first + 1

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serve(folder: Path, certificate: Path | None = None) -> Iterator[tuple[str, dict[str, int]]]:
    """Serve a folder for the block; give the server's address, and the bytes sent so far by path.

    In: a file with a key and its certificate for 127.0.0.1, to serve by HTTPS.
    """
    sent: dict[str, int] = {}
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(RangeHandler, directory=str(folder), sent=sent)) as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}", sent
        server.shutdown()
