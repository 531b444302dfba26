"""A real S3 server on loopback, in a process of its own (moto's), and a gate before it that can misbehave.

`python -m tests.s3_server` serves on a free port, which it prints, until its stdin ends. The bucket `many` is there
from the start: objects made over HTTP would take most of a test's time.
"""

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from subprocess import DEVNULL, PIPE, Popen
from threading import Thread
from typing import NamedTuple
from urllib.parse import quote, urlsplit

MANY = 1_100
HOST = "127.0.0.1"
NO_BODY = b""
KEY, SECRET = "AKIDTHATNOBODYMAYSEE", "secretThatNobodyMaySee"


def serve() -> None:
    """Serve until stdin ends."""
    # Not at the top: moto takes a second to import, and the tests do without.
    from moto.s3.models import s3_backends
    from moto.server import ThreadedMotoServer

    backend = s3_backends["123456789012"]["aws"]
    backend.create_bucket("many", "us-east-1")
    for number in range(MANY):
        backend.put_object("many", f"in/{number:04}.md", b"x")
    server = ThreadedMotoServer(HOST, 0, verbose=False)
    server.start()
    sys.stdout.write(f"{server.get_host_and_port()[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()


class Call(NamedTuple):
    """A request as the gate sees it; key: what is asked for, empty for a list."""

    method: str
    bucket: str
    key: str
    query: str

    @property
    def is_list(self) -> bool:
        """Whether objects are listed."""
        return self.method == "GET" and not self.key


class Fault(NamedTuple):
    """How the gate answers instead of the store: an error of S3, or, without a status, half an answer."""

    status: int = 0
    code: str = ""
    message: str = ""


Judge = Callable[[Call], Fault | None]


class Gate:
    """Stands before the server: notes each call, and lets `judge` answer some with a fault."""

    def __init__(self, port: int) -> None:
        self.server_port = port
        self.calls: list[Call] = []
        self.judge: Judge = lambda call: None
        self.url = ""

    def environment(self) -> dict[str, str]:
        """Return what tells any AWS program of this store; no file of the user's is looked at."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/nowhere",
            "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        }

    def reset(self) -> None:
        """Forget the calls, and let all through."""
        self.calls.clear()
        self.judge = lambda call: None

    def fetched(self) -> list[str]:
        """Return the keys that were fetched, sorted."""
        return sorted(call.key for call in self.calls if call.method == "GET" and call.key)

    def put(self, bucket: str, key: str, data: bytes | str) -> None:
        """Store an object, behind the gate."""
        self._do("PUT", f"/{bucket}/{quote(key)}", data.encode() if isinstance(data, str) else data)

    def delete(self, bucket: str, key: str) -> None:
        """Remove an object, behind the gate."""
        self._do("DELETE", f"/{bucket}/{quote(key)}")

    def make(self, bucket: str) -> None:
        """Make a bucket."""
        self._do("PUT", f"/{bucket}")

    def _do(self, method: str, path: str, body: bytes = NO_BODY) -> None:
        connection = HTTPConnection(HOST, self.server_port, timeout=30)
        connection.request(method, path, body=body, headers={"Authorization": "AWS owner:unchecked"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert answer.status < 300, (method, path, answer.status)


def _handler(gate: Gate) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            _, bucket, *rest = url.path.split("/", 2)
            call = Call(self.command, bucket, "/".join(rest), url.query)
            gate.calls.append(call)
            fault = gate.judge(call)
            if fault is not None and fault.status:
                told = f"<Error><Code>{fault.code}</Code><Message>{fault.message}</Message></Error>"
                self._answer(fault.status, [], told.encode())
                return
            status, headers, body = self._forward()
            self._answer(status, headers, body, is_cut=fault is not None)

        do_HEAD = do_GET

        def _forward(self) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = HTTPConnection(HOST, gate.server_port, timeout=30)
            connection.request(self.command, self.path, headers=dict(self.headers))
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            kept = [(n, v) for n, v in answer.getheaders() if n.lower() not in ("content-length", "connection")]
            return answer.status, kept, body

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, *, is_cut: bool = False) -> None:
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if is_cut else body)
            if is_cut:
                self.wfile.flush()
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that a client has left."""


@contextmanager
def s3_gate() -> Iterator[Gate]:
    """Give a gate, its store behind it in a process of its own; both end with the block."""
    command = [sys.executable, "-m", "tests.s3_server"]
    with Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, text=True) as process:
        assert process.stdin and process.stdout
        gate = Gate(int(process.stdout.readline()))
        with _Server((HOST, 0), _handler(gate)) as server:
            gate.url = f"http://{HOST}:{server.server_address[1]}"
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield gate
            finally:
                server.shutdown()
                thread.join()
                process.stdin.close()
                process.wait(10)


if __name__ == "__main__":
    serve()
