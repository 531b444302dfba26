"""`newsmart run` as a flow run, as a whole process: what is on stdout, what on stderr, which status, what is left."""

import json
import os
import signal
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from distributed.security import Security

from flows.scheduling.environment import API_URL, HOME, PROFILES, QUIET, SERVING, for_prefect
from flows.scheduling.server import PrefectServer, alone_in, is_prefect, listen
from schemas.errors import LockedError, RunFailed
from tests.documents import make_document
from tests.soak.served import ROOT, running, wait_for

pytestmark = pytest.mark.timeout(300)


def test_the_users_variables_stay_except_where_our_own_server_needs_others(tmp_path: Path) -> None:
    given = {"PREFECT_LOGGING_COLORS": "true", HOME: "/theirs", "PATH": "/bin"}
    added = for_prefect(given, tmp_path, "http://127.0.0.1:1/api", "newsmart:key", serving=True)
    assert given == {"PREFECT_LOGGING_COLORS": "true", HOME: "/theirs", "PATH": "/bin"}
    assert "PREFECT_LOGGING_COLORS" not in added
    assert (added[HOME], added[API_URL]) == (str(tmp_path), "http://127.0.0.1:1/api")
    assert {*QUIET, *SERVING} <= {*added, "PREFECT_LOGGING_COLORS"}
    assert set(for_prefect({}, tmp_path, "http://x/api")) == {*QUIET, API_URL, HOME, PROFILES, "NO_PROXY", "no_proxy"}


@pytest.mark.slow
def test_a_server_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_SERVER_SERVICES_SCHEDULER_MAX_RUNS", "many")
    server = PrefectServer(listen(), tmp_path, with_page=False)
    with pytest.raises(RunFailed, match="did not start") as told, running(server):
        pass
    assert len(str(told.value).splitlines()) == 1
    assert not is_prefect(server.api_url)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["broken", "locked"])
def test_a_database_that_prefect_cannot_use_is_one_line_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    file = tmp_path / "prefect.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        if kind == "locked":
            database.execute("begin exclusive")
        else:
            file.write_bytes(b"no database " * 1000)
        for name, value in for_prefect({}, tmp_path, "http://127.0.0.1:1/api", "newsmart:key").items():
            monkeypatch.setenv(name, value)
        server = PrefectServer(listen(), tmp_path, with_page=False)
        seconds = 20.0 if kind == "locked" else 90.0
        with pytest.raises(RunFailed, match="did not start") as told, running(server, seconds):
            pass
    assert str(tmp_path) in str(told.value)
    assert len(str(told.value).splitlines()) == 1


def test_two_runs_at_once_do_not_make_one_database_twice(tmp_path: Path) -> None:
    with alone_in(tmp_path), pytest.raises(LockedError, match="another run holds the warehouse"), alone_in(tmp_path):
        pass
    with alone_in(tmp_path):
        pass


def test_a_server_under_tls_answers_only_where_it_is_trusted(tmp_path: Path) -> None:
    security = Security.temporary()
    (tmp_path / "cert").write_text(str(security.tls_scheduler_cert))
    (tmp_path / "key").write_text(str(security.tls_scheduler_key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        url = f"https://127.0.0.1:{server.server_port}/api/"
        assert not is_prefect(url)
        assert is_prefect(url, {"PREFECT_API_TLS_INSECURE_SKIP_VERIFY": "true"})
        assert not is_prefect(url, {"PREFECT_API_SSL_CERT_FILE": str(tmp_path / "none")})
        server.shutdown()
        thread.join()


class Healthy(BaseHTTPRequestHandler):
    """Answers as Prefect's health does, at its one address."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()
        self.wfile.write(b"true")

    def log_message(self, format: str, *_: object) -> None:
        """Be quiet."""


def command(place: Path, *options: str) -> list[str]:
    given = ["--source", f"news={place / 'news'}", "--warehouse", str(place / "out" / "n.duckdb")]
    return [sys.executable, "-m", "flows.cli", "run", *given, *options]


def environment(**more: str) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "NEWSMART_"))}
    return {**kept, **more}


def run(place: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(place, *options),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def write(place: Path, name: str, text: str) -> None:
    (place / "news").mkdir(exist_ok=True)
    (place / "news" / name).write_text(text)


@pytest.mark.slow
def test_stdout_is_json_alone_and_stderr_has_no_traceback(tmp_path: Path) -> None:
    write(tmp_path, "a.md", make_document())
    done = run(tmp_path, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["published"], len(done.stdout.splitlines())) == (0, True, 1)
    assert "Traceback" not in done.stderr
    assert "leaked" not in done.stderr


@pytest.mark.slow
def test_a_refused_run_is_one_clear_line(tmp_path: Path) -> None:
    for i in range(11):
        write(tmp_path, f"{i}.md", "no front matter")
    done = run(tmp_path, "--quiet")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "newsmart: 11 of 11 documents are in quarantine, over the limit of 5% "
        "(see `newsmart quarantine`; mend them, or raise --max-quarantine)"
    ]


def start_slowly(place: Path) -> subprocess.Popen[bytes]:
    """Start a run whose scan takes eight seconds, and tells when it begins."""
    write(place, "a.md", make_document())
    environ = environment(PYTHONPATH=str(place))
    (place / "sitecustomize.py").write_text(
        "import threading, time\n"
        "def wait():\n"
        "    import sys\n"
        "    while not hasattr(sys.modules.get('flows.pipeline.intake'), 'check_limits'):\n"
        "        time.sleep(0.01)\n"
        "    module = sys.modules['flows.pipeline.intake']\n"
        "    was = module.scan\n"
        "    def scan(sources):\n"
        f"        open({str(place / 'begun')!r}, 'w').close()\n"
        "        time.sleep(8)\n"
        "        return was(sources)\n"
        "    module.scan = scan\n"
        "threading.Thread(target=wait, daemon=True).start()\n"
    )
    return subprocess.Popen(
        command(place), cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_and_its_server(tmp_path: Path, number: signal.Signals, status: int) -> None:
    process = start_slowly(tmp_path)
    wait_for((tmp_path / "begun").exists, 120, "the run did not begin")
    os.killpg(process.pid, number)
    text, _ = process.communicate(timeout=30)
    assert process.returncode == status
    assert text.endswith(b"; nothing was left half done\n")
    assert [line for line in text.splitlines() if b"starting Prefect" not in line] == [text.splitlines()[-1]]
    assert not (tmp_path / "out" / "n.duckdb").exists()
    assert run(tmp_path, "--quiet").returncode == 0


@pytest.mark.slow
def test_a_server_that_goes_away_does_not_take_the_run_with_it(tmp_path: Path) -> None:
    process = start_slowly(tmp_path)
    wait_for((tmp_path / "begun").exists, 120, "the run did not begin")
    look = ["ps", "-axwwo", "pid=,ppid=,args="]
    out = subprocess.run(look, capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in out.splitlines()]
    (server,) = [int(row[0]) for row in rows if int(row[1]) == process.pid and "scheduling.server_process" in row[2]]
    os.kill(server, signal.SIGKILL)
    start = time.monotonic()
    try:
        text, _ = process.communicate(timeout=90)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, text
    assert (tmp_path / "out" / "n.duckdb").exists()
    assert b"Traceback" not in text
    assert time.monotonic() - start < 60
