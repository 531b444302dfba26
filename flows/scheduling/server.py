"""A Prefect server as a child process: started, waited for, and gone when its parent is gone.

The parent opens the listening socket itself and hands it down. So a port in use is known before anything starts, no
port can be lost between choosing and binding, requests wait in the socket's queue while the server is still importing
(4 of its 5 seconds), and a server that dies is replaced behind the same address. The child ends when its standard
input closes, which the kernel does for a parent that was killed too.

Rejected: Prefect's own temporary server (it starts only after `import prefect`, so that the two imports cannot run side
by side: 5.4 s against 10 s for a trivial flow; it shares the terminal's Ctrl-C, dies first, and the run's last state is
lost), and `prefect server start` (Prefect 3.8.8: nothing can be put before its application, which checks no Host; a
port in use is known only seconds later; and it ends with the service manager's signal, under the runs).
"""

import errno
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import IO, Self
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

from schemas.errors import RunFailed

HOST = "127.0.0.1"
OWN_NAMES = (HOST, "localhost", "::1")
READY_SECONDS = 60.0
STOP_SECONDS = 3.0
ROOT = str(Path(__file__).resolve().parents[2])
LAST_LINE_BYTES = 4000


def child_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs `main` of a module of ours in a new interpreter.

    -P keeps the current folder off the module path, where a user's `flows/` would hide ours; so would PYTHONPATH, but
    that the path is this process's own.
    """
    path = [*filter(None, sys.path), ROOT]
    code = f"import sys; sys.path[:] = {path!r}; from {module} import main; main()"
    return [sys.executable, "-P", "-c", code, *arguments]


def is_prefect(url: str, settings: Mapping[str, str] | None = None, timeout: float = 2.0) -> bool:
    """Tell whether a Prefect server answers at this API address, under Prefect's TLS settings."""
    # Loopback is never reached through a proxy.
    proxies = [ProxyHandler({})] if urlsplit(url).hostname in OWN_NAMES else []
    try:
        opener = build_opener(*proxies, HTTPSHandler(context=_tls(settings or {})))
        with opener.open(f"{url.rstrip('/')}/health", timeout=timeout) as answer:
            return bool(answer.read(100).strip() == b"true")
    except (URLError, OSError, ValueError):
        return False


def _tls(settings: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.get("PREFECT_API_SSL_CERT_FILE") or None)
    if settings.get("PREFECT_API_TLS_INSECURE_SKIP_VERIFY", "").lower() in ("1", "true", "yes", "on", "t", "y"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def listen(port: int = 0) -> socket.socket:
    """Return a listening socket on loopback; port 0 takes a free one. Raises RunFailed where the port is in use."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        what = "the port is in use" if error.errno == errno.EADDRINUSE else f"cannot listen: {error.strerror}"
        raise RunFailed(what, where=f"{HOST}:{port}", todo="choose another with --port") from error
    return listener


class PrefectServer:
    """One server process behind a listening socket, which stays open over restarts. A context manager."""

    def __init__(self, listener: socket.socket, folder: Path, *, with_page: bool) -> None:
        """In: the socket, which is ours to close from now on; FILE.d/prefect; whether page and scheduler are wanted."""
        self._listener = listener
        self._folder = folder
        self._port: int = listener.getsockname()[1]
        self._with_page = with_page
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    @property
    def address(self) -> str:
        """The page's address."""
        return f"http://{HOST}:{self._port}"

    @property
    def api_url(self) -> str:
        """The API's address."""
        return f"{self.address}/api"

    @property
    def pid(self) -> int | None:
        """The process's id, None where none was started."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process and return at once. The environment is this process's."""
        self._end()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # outlives this call
        number = self._listener.fileno()
        kind = "page" if self._with_page else "bare"
        self._process = subprocess.Popen(
            child_command("flows.scheduling.server_process", str(number), kind),
            cwd=self._folder,
            pass_fds=[number],
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def wait_until_ready(self, seconds: float = READY_SECONDS, should_stop: Callable[[], bool] = lambda: False) -> bool:
        """Wait for the server's first answer; False where `should_stop` came before it.

        Raises RunFailed, with the server's last words, when there is none.
        """
        deadline = monotonic() + seconds
        while monotonic() < deadline and self.is_alive():
            if is_prefect(self.api_url, timeout=1.0):
                return True
            if should_stop():
                return False
        todo = f"its folder is {self._folder}; move its prefect.db away, or run with --direct"
        raise RunFailed("Prefect's server did not start", where=self._last_words(), todo=todo)

    def is_alive(self) -> bool:
        """Tell whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def leave_alone(self) -> None:
        """Close this process's copy of the socket: once the server is gone, calls fail at once and do not queue."""
        self._listener.close()

    def stop(self) -> None:
        """End the process, by force after STOP_SECONDS, and free the port. Safe to call twice."""
        self._end()
        self._listener.close()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            pipe_of(process).close()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._close_log()

    def _close_log(self) -> None:
        if self._log is not None:
            self._log.close()
        self._log = None

    def _last_words(self) -> str:
        if self._log is None:
            return "it was never started"
        size = self._log.seek(0, 2)
        self._log.seek(max(0, size - LAST_LINE_BYTES))
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        telling = [line for line in lines if "Error" in line and "Traceback" not in line] or lines
        return telling[-1].strip()[:300] if telling else "it does not answer; does another program hold its database?"

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop."""
        self.stop()


def pipe_of(process: subprocess.Popen[bytes]) -> IO[bytes]:
    """Return the child's standard input, which is a pipe by construction."""
    if process.stdin is None:
        raise ValueError("the child has no pipe")
    return process.stdin
