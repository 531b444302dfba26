"""A Prefect server as a child process: started, waited for, and gone when its parent is gone.

The parent opens the listening socket and hands it down. So a port in use is known before anything starts, requests wait
in the socket's queue while the server is still importing (4 of its 5 seconds), and a server that dies is replaced
behind the same address. The child ends when its standard input closes, as it does when the parent is killed too.

Rejected, with Prefect 3.8.8: its own temporary server (it starts only after `import prefect`: 10 s for a trivial flow
and not 5.4; it shares the terminal's Ctrl-C, dies first, and the run's last state is lost), and `prefect server start`
(nothing can be put before its application, which checks no Host; and it ends with the service manager's signal, under
the runs).
"""

import errno
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

from flows.scheduling.environment import API_URL, environment_of, for_prefect, their_settings
from flows.scheduling.serving import hand_over_all, key_in, known_key, locked, private_folder, read_serving
from flows.settings import PREFIX, Settings, process_environment
from schemas.errors import LockedError, RunFailed
from warehouse.home import Home

HOST = "127.0.0.1"
OWN_NAMES = (HOST, "localhost", "::1")
READY_SECONDS = 120.0
STOP_SECONDS = 3.0
ROOT = str(Path(__file__).resolve().parents[2])


def child_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs `main` of a module of ours in a new interpreter.

    -P keeps the current folder off the module path, where a user's `flows/` would hide ours; PYTHONPATH would too, but
    the path is this process's own.
    """
    path = [*filter(None, sys.path), ROOT]
    code = f"import sys; sys.path[:] = {path!r}; from {module} import main; main()"
    return [sys.executable, "-P", "-c", code, *arguments]


def end_child(child: subprocess.Popen[bytes], seconds: float, is_urgent: Callable[[], bool] = lambda: False) -> None:
    """End a child by closing its standard input; by force where it takes longer, or when that is urgent."""
    with suppress(BrokenPipeError):
        if child.stdin is not None:
            child.stdin.close()
    deadline = monotonic() + seconds
    while child.poll() is None and monotonic() < deadline and not is_urgent():
        sleep(0.05)
    child.kill()
    child.wait()


@contextmanager
def prefect_server(
    home: Home,
    settings: Settings,
    listener: Callable[[], socket.socket],
    *,
    serving: bool,
) -> Iterator[tuple["PrefectServer | None", Path]]:
    """Yield the server that is started, None where one that answers is used, and FILE.d/prefect.

    The environment names it to Prefect, and our settings to our processes. Used are the user's own server and, for a
    single run, that of the `newsmart serve` that serves the warehouse. Never by another `serve`: it would lose its
    server with the first one. Raises RunFailed, LockedError.
    """
    folder, environment = private_folder(home), process_environment()
    environment.update(environment_of(settings))
    environment.pop(f"{PREFIX}SETTINGS", None)
    told = their_settings(environment)
    api_url, key = told.get(API_URL, "").strip().rstrip("/"), None
    served, known = (None, None) if serving else (read_serving(home), known_key(home))
    server = None
    with ExitStack() as stack:
        stack.callback(hand_over_all, folder)
        if api_url:
            if not is_prefect(api_url, told, timeout=5.0):
                todo = "start it, or unset PREFECT_API_URL" + ("" if serving else ", or run with --direct")
                raise RunFailed("no Prefect server answers", where=api_url, todo=todo)
        elif served is not None and known is not None and is_prefect(served.api_url):
            api_url, key = served.api_url, known
        else:
            if not serving:
                stack.enter_context(alone_in(folder))
            server = PrefectServer(listener(), folder, with_page=serving)
            stack.callback(server.stop)
            api_url, key = server.api_url, key_in(folder)
        environment.update(for_prefect(environment, folder, api_url, key, serving=serving))
        if server is not None:
            server.start()
        yield server, folder


def alone_in(folder: Path) -> AbstractContextManager[None]:
    """Be the only `newsmart run` that serves the folder's database: two that make its tables at once both fail."""
    busy = LockedError("another run holds the warehouse", where=str(folder.parent), todo="it ends by itself")
    return locked(folder / "lock", busy)


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
    try:
        return socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        what = "the port is in use" if error.errno == errno.EADDRINUSE else f"cannot listen: {error.strerror}"
        raise RunFailed(what, where=f"{HOST}:{port}", todo="choose another with --port") from error


class PrefectServer:
    """One server process behind a listening socket, which stays open over restarts."""

    def __init__(self, listener: socket.socket, folder: Path, *, with_page: bool) -> None:
        """In: the socket, which is ours to close from now on; FILE.d/prefect; whether page and scheduler are wanted."""
        self._listener = listener
        self._folder = folder
        self._with_page = with_page
        self._log = folder / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.address = f"http://{HOST}:{listener.getsockname()[1]}"
        self.api_url = f"{self.address}/api"

    def start(self) -> None:
        """Start the process, again where it has ended, and return at once. The environment is this process's."""
        self._end()
        number = self._listener.fileno()
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                child_command("flows.scheduling.server_process", str(number), "page" if self._with_page else "bare"),
                cwd=self._folder,
                pass_fds=[number],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self, seconds: float = READY_SECONDS, should_stop: Callable[[], bool] = lambda: False) -> bool:
        """Wait for the server's first answer; False where `should_stop` came before it."""
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
        return self.process is not None and self.process.poll() is None

    def leave_alone(self) -> None:
        """Close this process's copy of the socket: once the server is gone, calls fail at once and do not queue."""
        self._listener.close()

    def stop(self) -> None:
        """End the process and free the port. Safe to call twice."""
        self._end()
        self._listener.close()

    def _end(self) -> None:
        if self.process is not None:
            end_child(self.process, STOP_SECONDS)
            self.process = None

    def _last_words(self) -> str:
        lines = self._log.read_text("utf-8", "replace").strip()[-4000:].splitlines()
        telling = [line for line in lines if "Error" in line and "Traceback" not in line] or lines
        return telling[-1].strip()[:300] if telling else "it does not answer; does another program hold its database?"
