"""Nobody gets in: the server's API, Prefect's folder, and settings that lie about. See tests/README.md."""

import base64
import http.client
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.maintenance import maintain
from flows.refresh import refresh
from flows.scheduling.deployments import served_parameters
from flows.scheduling.environment import API_URL, for_prefect, their_settings
from flows.scheduling.server import PrefectServer, listen
from flows.scheduling.serving import KEY_FILE, hand_over_all, key_in, known_key, private_folder
from schemas.errors import RunFailed
from tests.conftest import PATIENCE_SECONDS
from tests.documents import make_document
from tests.soak.served import ROOT, running
from warehouse.home import Home

NOBODY = 65_534
JOB = {"source": ["news=/data/news"], "warehouse": "/data/n.duckdb", "engine": "", "dask_address": "", "workers": 0}


@dataclass(frozen=True)
class Asked:
    """A server of ours, and its key."""

    server: PrefectServer
    folder: Path
    key: str

    def ask(self, path: str, method: str = "GET", with_key: bool = True, /, **headers: str) -> tuple[int, str]:
        """Ask the server. Out: the status and the text of its answer."""
        given = {"Authorization": f"Basic {base64.b64encode(self.key.encode()).decode()}"} if with_key else {}
        connection = http.client.HTTPConnection(self.server.address.removeprefix("http://"), timeout=30)
        with closing(connection):
            connection.request(method, path, headers={**given, **headers}, body=b"{}" if method == "POST" else None)
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    home = Home.of(tmp_path_factory.mktemp("served") / "n.duckdb")
    home.prepare()
    folder = private_folder(home)
    server = PrefectServer(listen(), folder, with_page=True)
    key = key_in(folder)
    before = dict(os.environ)
    os.environ.update(for_prefect(os.environ, folder, server.api_url, key, serving=True))
    try:
        with running(server, PATIENCE_SECONDS):
            yield Asked(server, folder, key)
    finally:
        os.environ.clear()
        os.environ.update(before)


class TestTheApi:
    def test_answers_who_has_the_key(self, asked: Asked) -> None:
        assert asked.ask("/api/admin/version")[0] == 200

    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", "/api/admin/version"), ("POST", "/api/flow_runs/filter"), ("GET", "/api/csrf-token?client=x")],
    )
    def test_answers_nobody_else(self, asked: Asked, method: str, path: str) -> None:
        assert asked.ask(path, method, False)[0] in (401, 403)
        assert asked.ask(path, method, False, Authorization="Basic bmV3c21hcnQ6eA==")[0] in (401, 403)

    @pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "0.0.0.0", "[::]", "a@127.0.0.1"])
    @pytest.mark.parametrize("path", ["/api/admin/version", "/api/health", "/ui-settings", "/"])
    def test_answers_no_foreign_host(self, asked: Asked, host: str, path: str) -> None:
        assert asked.ask(path, Host=host)[0] == 421

    @pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost"])
    def test_answers_no_foreign_page(self, asked: Asked, origin: str) -> None:
        assert asked.ask("/api/admin/version", Origin=origin)[0] == 403
        assert asked.ask("/api/flow_runs/filter", "POST", Origin=origin)[0] == 403
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        told = asked.ask(
            "/api/events/out", Origin=origin, **upgrade, **{"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
        )
        assert told[0] == 403

    def test_changes_nothing_without_a_csrf_token(self, asked: Asked) -> None:
        assert asked.ask("/api/flow_runs/filter", "POST", **{"Content-Type": "application/json"})[0] == 403

    def test_the_page_is_served_from_our_folder_and_may_talk_to_us_alone(self, asked: Asked) -> None:
        status, text = asked.ask("/v2/", "GET", False, Accept="text/html")
        assert (status, "<html" in text) == (200, True)
        assert (asked.folder / "page").is_dir()
        assert json.loads(asked.ask("/ui-settings")[1])["auth"] == "BASIC"

    def test_the_key_is_on_no_command_line(self, asked: Asked) -> None:
        out = subprocess.run(["ps", "-axwwo", "args="], capture_output=True, text=True, check=True).stdout
        assert asked.key.partition(":")[2] not in out

    @pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
    def test_another_user_reads_neither_key_nor_database_nor_environment(self, asked: Asked) -> None:
        process = asked.server.process
        assert process is not None
        files = [asked.folder / KEY_FILE, asked.folder / "prefect.db", Path(f"/proc/{process.pid}/environ")]
        for file in files:
            if file.exists():
                done = subprocess.run(["cat", file], user=NOBODY, cwd="/", capture_output=True, text=True, check=False)
                assert (done.returncode, done.stdout) == (1, ""), file
                assert "Permission denied" in done.stderr


def refusal_of(headers: list[tuple[bytes, bytes]]) -> tuple[int, str] | None:
    # Not at the top: it takes Prefect's server, for which each process that collects tests would wait two seconds.
    from flows.scheduling import server_process

    return server_process.refusal_of({"type": "http", "headers": headers})


def test_two_hosts_or_none_are_refused() -> None:
    for headers in ([], [(b"host", b"127.0.0.1"), (b"host", b"evil.example")]):
        refusal = refusal_of(headers)
        assert refusal is not None
        assert refusal[0] == 421


def test_the_page_may_ask_under_each_of_its_names() -> None:
    for host in ("127.0.0.1:4200", "localhost:4200", "[::1]:4200", "localhost:9999"):
        headers = [(b"host", host.encode()), (b"origin", f"http://{host}".encode())]
        assert refusal_of(headers) is None


def test_a_served_run_takes_places_from_its_job_alone() -> None:
    asked = {
        "source": ["news=/home/other/private"],
        "warehouse": "/tmp/mine.duckdb",
        "engine": "dask",
        "dask_address": "tcp://evil.example:8786",
        "workers": 64,
        "max_quarantine": 1,
        "full_refresh": True,
        "allow_shrink": True,
    }
    assert served_parameters(refresh, asked, JOB) == {**JOB, "full_refresh": True, "allow_shrink": True}
    assert served_parameters(maintain, asked, JOB) == {"warehouse": JOB["warehouse"]}


class TestPrefectsFolder:
    def home(self, place: Path) -> Home:
        home = Home.of(place / "n.duckdb")
        home.prepare()
        return home

    def test_is_the_users_alone(self, tmp_path: Path) -> None:
        home = self.home(tmp_path)
        (home.folder / "prefect").mkdir(mode=0o755)
        folder = private_folder(home)
        key = key_in(folder)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / KEY_FILE).stat().st_mode) == 0o600
        assert key_in(folder) == key == known_key(home)
        assert len(key) > 40

    @pytest.mark.skipif(os.getuid() != 0, reason="only root can make files of another user's")
    def test_what_root_makes_is_the_warehouses_users(self, tmp_path: Path) -> None:
        home = self.home(tmp_path)
        os.chown(home.folder, NOBODY, NOBODY)
        folder = private_folder(home)
        key_in(folder)
        (folder / "prefect.db").write_text("")
        (tmp_path / "roots").write_text("")
        (folder / "link").symlink_to(tmp_path / "roots")
        hand_over_all(folder)
        owners = {path.name: path.stat().st_uid for path in (folder, folder / KEY_FILE, folder / "prefect.db")}
        assert owners == {"prefect": NOBODY, KEY_FILE: NOBODY, "prefect.db": NOBODY}
        assert (tmp_path / "roots").stat().st_uid == 0

    def test_is_no_link(self, tmp_path: Path) -> None:
        home = self.home(tmp_path)
        (tmp_path / "else").mkdir(mode=0o755)
        (home.folder / "prefect").symlink_to(tmp_path / "else")
        with pytest.raises(RunFailed, match="is a link"):
            private_folder(home)
        assert stat.S_IMODE((tmp_path / "else").stat().st_mode) == 0o755

    def test_a_key_that_is_a_link_is_not_followed(self, tmp_path: Path) -> None:
        folder = private_folder(self.home(tmp_path))
        (tmp_path / "known").write_text("newsmart:known\n")
        (folder / KEY_FILE).symlink_to(tmp_path / "known")
        with pytest.raises(RunFailed, match="cannot read the server's key"):
            key_in(folder)


class TestTheEnvironment:
    def test_no_variable_of_the_users_opens_our_server(self, tmp_path: Path) -> None:
        given = {"PREFECT_SERVER_API_AUTH_STRING": "a:b", "PREFECT_API_AUTH_STRING": "c:d", "PREFECT_HOME": "/theirs"}
        added = for_prefect(given, tmp_path, "http://127.0.0.1:1/api", "newsmart:key")
        assert added["PREFECT_API_AUTH_STRING"] == added["PREFECT_SERVER_API_AUTH_STRING"] == "newsmart:key"
        assert added["PREFECT_HOME"] == str(tmp_path)

    def test_loopback_goes_through_no_proxy(self, tmp_path: Path) -> None:
        added = for_prefect({"NO_PROXY": "internal"}, tmp_path, "http://127.0.0.1:1/api", "newsmart:key")
        assert added["no_proxy"] == added["NO_PROXY"] == "internal,127.0.0.1,localhost"

    def test_a_profile_names_a_server_and_a_broken_one_is_one_line(self, tmp_path: Path) -> None:
        file = tmp_path / "profiles.toml"
        given = {"PREFECT_PROFILES_PATH": str(file)}
        assert named(given) is None
        file.write_text('active = "a"\n[profiles.a]\nPREFECT_API_URL = "http://x/api/"\n[profiles.b]\n')
        assert named(given) == "http://x/api/"
        assert named({**given, "PREFECT_PROFILE": "b"}) is None
        assert named({**given, "PREFECT_API_URL": "http://y/api/"}) == "http://y/api/"
        for text in ("[profiles", 'active = ["a"]\n', "profiles = 3\n"):
            file.write_text(text)
            with pytest.raises(RunFailed, match="profiles cannot be read") as told:
                named(given)
            assert str(file) in str(told.value)


def named(given: Mapping[str, str]) -> str | None:
    return their_settings(given).get(API_URL)


def hostile_files(folder: Path) -> None:
    """Write every file of a current folder that Prefect reads settings from: a server and a logging class of theirs."""
    logging = folder / "logging.yml"
    logging.write_text(
        "version: 1\nhandlers: {x: {class: pathlib.Path, args: []}, y: {(): os.mkdir, path: "
        + str(folder / "pwned")
        + "}}\n"
        "loggers: {prefect: {handlers: [y]}}\n"
    )
    url = "http://127.0.0.1:9/api"
    (folder / ".env").write_text(f"PREFECT_API_URL={url}\nPREFECT_LOGGING_CONFIG_PATH={logging}\n")
    (folder / "prefect.toml").write_text(f'[api]\nurl = "{url}"\n[logging]\nconfig_path = "{logging}"\n')
    (folder / "pyproject.toml").write_text(f'[tool.prefect.logging]\nconfig_path = "{logging}"\n')


def clean_environment() -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "NEWSMART_"))}
    return {**kept, "PYTHONPATH": str(ROOT)}


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_run_reads_no_settings_of_the_current_folder_and_leaves_the_home_alone(tmp_path: Path) -> None:
    """The whole command, in a folder of a stranger's; the home is empty and stays so."""
    here, home = tmp_path / "here", tmp_path / "home"
    (here / "news").mkdir(parents=True)
    home.mkdir()
    (here / "news" / "a.md").write_text(make_document())
    hostile_files(here)
    command = [sys.executable, "-P", "-m", "flows.cli", "run", "--source", "news", "--warehouse", "out/n.duckdb"]
    done = subprocess.run(
        [*command, "--json"],
        cwd=here,
        env={
            **clean_environment(),
            "HOME": str(home),
            "HTTP_PROXY": "http://127.0.0.1:9",
            "ALL_PROXY": "http://127.0.0.1:9",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["published"]
    assert not (here / "pwned").exists()
    assert list(home.iterdir()) == []
    assert stat.S_IMODE((here / "out" / "n.duckdb.d" / "prefect").stat().st_mode) == 0o700
