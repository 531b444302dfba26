"""`newsmart serve` for real: a server, a schedule, and what can go wrong with both."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from prefect.client.schemas.schedules import IntervalSchedule

from flows.pipeline.request import RunRequest, parameters_of
from flows.scheduling.deployments import schedule_of, spacing
from flows.scheduling.environment import KEPT_SECONDS, environment_of, retention
from flows.scheduling.serving import (
    Job,
    Serving,
    When,
    hold_serving,
    identity_in,
    key_in,
    read_serving,
    serving_file,
    write_serving,
)
from flows.scheduling.worker import Worker
from flows.serve import _listen, stop_signals
from flows.settings import Settings, load_settings
from flows.sources.scan import Source
from schemas.errors import LockedError, RunFailed, UsageError
from tests.documents import make_document
from tests.soak.served import ROOT, Served, wait_for
from warehouse.home import Home
from warehouse.lock import hold

pytestmark = pytest.mark.timeout(480)


def newsmart(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "NEWSMART_"))}
    command = [sys.executable, "-m", "flows.cli", *arguments]
    given = {**kept, **(environment or {})}
    return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False, timeout=120)


def serving(place: Path) -> Home:
    """Return the home of a warehouse whose folder is there."""
    home = Home.of(place / "out" / "news.duckdb")
    home.prepare()
    return home


def test_what_a_scheduler_tells_is_believed_only_while_it_lives(tmp_path: Path) -> None:
    home, told = serving(tmp_path), Serving(7, "every 5 s", "http://127.0.0.1:1/api", "2024-01-01T00:00:00Z")
    with hold_serving(home):
        write_serving(home, told)
        assert read_serving(home) == told
        with pytest.raises(LockedError, match="pid 7, every 5 s"), hold_serving(home):
            pass
        assert read_serving(home) == told
    assert not serving_file(home).exists()
    write_serving(home, told)
    assert read_serving(home) is None


def test_a_job_with_thousands_of_sources_and_any_name_travels() -> None:
    sources = tuple(Source(f"source {i}\n", f"/data/{i}") for i in range(20_000))
    serving = Serving(1, "every 5 s", "http://127.0.0.1:1/api", "2024-01-01T00:00:00Z")
    job = Job("n", When(5.0), parameters_of(RunRequest(sources, Path("n.duckdb"))), serving, "/")
    line = job.as_line()
    assert line.count(b"\n") == 1
    assert Job.from_line(line) == job


def test_the_settings_travel_by_the_environment() -> None:
    settings = Settings(webhook="https://x/token", on_failure="tee 'a b'", query_seconds=2.5, keep_runs=7)
    assert load_settings(environment_of(settings)) == settings


def test_an_interval_counts_from_a_fixed_moment() -> None:
    schedules = [schedule_of(When(86_400.0)) for _ in range(2)]
    anchors = {schedule.anchor_date for schedule in schedules if isinstance(schedule, IntervalSchedule)}
    assert anchors == {datetime(2024, 1, 1, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("cron", "timezone", "seconds"), [("0 * * * *", "UTC", 3600.0), ("0 3 * * *", "Europe/Berlin", 86_400.0)]
)
def test_a_cron_expression_has_a_spacing(cron: str, timezone: str, seconds: float) -> None:
    assert abs(spacing(cron, timezone) - seconds) <= 3600  # a day may have 23 or 25 hours


@pytest.mark.parametrize(
    ("cron", "timezone", "words"),
    [
        ("0 0 31 2 *", "UTC", "never comes"),
        ("0 0 30 2 *", "UTC", "never comes"),
        ("61 * * * *", "UTC", "not a cron expression"),
        ("0 * * * *", "Nowhere/X", "no such time zone: 'Nowhere/X'"),
        ("0 * * * *", "../../etc/passwd", "no such time zone"),
    ],
)
def test_a_cron_expression_that_is_none_is_wrong_usage(cron: str, timezone: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        spacing(cron, timezone)


def test_a_clock_that_is_set_back_is_noticed_once_and_one_that_is_set_ahead_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.time()
    times = iter([now, now + 1, now + 864_000, now + 2, now + 3])
    monkeypatch.setattr("time.time", lambda: next(times))
    told = Serving(1, "every 5 s", "http://127.0.0.1:1/api", "2024-01-01T00:00:00Z")
    worker = Worker(Job("n", When(5.0), {"warehouse": "n.duckdb"}, told, "/"), threading.Event())
    assert [worker.was_clock_set_back() for _ in range(4)] == [False, False, True, False]


def test_runs_are_kept_by_number_within_what_prefect_takes() -> None:
    kept = [int(next(iter(retention(seconds).values()))) for seconds in (1.0, 3600.0, 10**9)]
    assert kept == [KEPT_SECONDS[0], 3_600_000, KEPT_SECONDS[1]]


def test_the_usual_port_is_given_up_for_another_but_one_that_was_asked_for_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with _listen(0) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr("flows.serve.DEFAULT_PORT", port)
        with _listen(None) as other:
            assert other.getsockname()[1] != port
        with pytest.raises(RunFailed, match="the port is in use"):
            _listen(port)


def test_two_warehouses_at_one_path_have_two_identities(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    first, second = (identity_in(folder) for folder in folders)
    assert first != second
    assert identity_in(folders[0]) == first


def test_two_processes_that_make_the_key_at_once_have_one_and_nobody_else_may_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.touch(0o644)
    made = key_in(tmp_path)
    assert (file.read_text().strip(), file.stat().st_mode & 0o777) == (made, 0o600)
    file.unlink()
    monkeypatch.setattr("flows.scheduling.serving.token_urlsafe", lambda _: str(file.write_text("newsmart:theirs\n")))
    assert key_in(tmp_path) == file.read_text().strip() == "newsmart:theirs"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("--cron", "61 * * * *"), "not a cron expression: '61 * * * *'", marks=pytest.mark.slow),
        pytest.param(("--cron", "0 0 31 2 *"), "the cron expression never comes", marks=pytest.mark.slow),
        pytest.param(("--timezone", "Europe/Berlin"), "a time zone is for", marks=pytest.mark.slow),
        pytest.param(("--cron", "soon"), "not a cron expression: 'soon'", marks=pytest.mark.slow),
        (("--every", "0"), "--every: takes seconds"),
        pytest.param(("--every", "nan"), "--every: takes seconds", marks=pytest.mark.slow),
    ],
)
def test_a_wrong_schedule_is_told_before_anything_starts(tmp_path: Path, arguments: Sequence[str], words: str) -> None:
    done = newsmart("serve", "--warehouse", str(tmp_path / "out" / "n.duckdb"), "--source", str(tmp_path), *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("newsmart: ")
    assert words in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        file = str(tmp_path / "n.duckdb")
        done = newsmart("serve", "--warehouse", file, "--source", str(tmp_path), "--port", str(port))
    assert done.returncode == 1
    assert done.stderr.startswith(f"newsmart: the port is in use: 127.0.0.1:{port}")


def test_a_prefect_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    file = tmp_path / "n.duckdb"
    (tmp_path / "n.duckdb.d").mkdir()
    (tmp_path / "n.duckdb.d" / "prefect").write_text("in the way")
    done = newsmart("serve", "--warehouse", str(file), "--source", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("newsmart: cannot make Prefect's folder")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_told(tmp_path: Path) -> None:
    unused = {"PREFECT_API_URL": "http://127.0.0.1:9/api"}
    for command in ("serve", "run"):
        file = str(tmp_path / "n.duckdb")
        done = newsmart(command, "--warehouse", file, "--source", str(tmp_path), environment=unused)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("newsmart: no Prefect server answers: http://127.0.0.1:9/api")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give a scheduler that runs every two seconds and has published one document."""
    place = tmp_path_factory.mktemp("served")
    (place / "news").mkdir()
    (place / "news" / "a.md").write_text(make_document("One", "https://example.com/a"))
    failing = ("--webhook", "http://127.0.0.1:9/token-123", "--on-failure", "true token-456")
    hooks = (*failing, "--publish-webhook", "http://127.0.0.1:9/token-789", "--on-publish", "true token-000")
    with Served(place, ("--every", "2", *hooks)) as running:
        running.wait_until_serving()
        running.wait_for_titles({"a.md": "One"})
        yield running


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_asks_to_stop_unless_it_was_ignored_before_as_under_nohup(number: signal.Signals) -> None:
    for handler, is_asked in ((signal.SIG_IGN, False), (signal.default_int_handler, True)):
        before = signal.signal(number, handler)
        try:
            asked = stop_signals()
            signal.raise_signal(number)
            assert asked == ([number] if is_asked else [])
        finally:
            signal.signal(number, before)


@pytest.mark.slow
@pytest.mark.xdist_group("served")
class TestServed:
    """One scheduler, looked at from all sides; each test leaves it serving."""

    def test_next_run_is_told_without_the_server(self, served: Served) -> None:
        told = served.wait_until_serving()
        assert (told.pid, told.schedule) == (served.process.pid, "every 2 s")

    def test_its_deployments_are_ready_under_the_warehouses_name(self, served: Served) -> None:
        wait_for(lambda: served.ask("/api/deployments/name/refresh/news")["status"] == "READY", 30, "never ready")
        assert served.ask("/api/deployments/name/maintain/news")["schedules"][0]["active"]

    def test_each_step_is_a_line_in_the_log_of_its_run_with_the_runs_id(self, served: Served) -> None:
        (served.source / "a.md").write_text(make_document("Logged", "https://example.com/a"))
        served.wait_for_titles({"a.md": "Logged"})
        steps = ("scan", "record", "deduplicate", "build", "audit", "publish")

        def has_steps(run: str) -> bool:
            lines = {str(log["message"]) for log in served.ask("/api/logs/filter", {"sort": "TIMESTAMP_DESC"})}
            return {f"{run}: {name} …" for name in steps} <= lines

        with duckdb.connect(served.home.file, read_only=True) as connection:
            run_ids = connection.execute("select run_id from ops.run order by as_of desc limit 1").fetchall()
        wait_for(lambda: has_steps(run_ids[0][0]), 30, "the log does not have the steps")

    def test_no_secret_is_on_a_command_line_but_the_users_own(self, served: Served) -> None:
        out = subprocess.run(["ps", "-axwwo", "pid=,args="], capture_output=True, text=True, check=True).stdout
        own = str(served.process.pid)
        others = [line for line in out.splitlines() if line.split()[0] != own]
        tokens = ("token-123", "token-456", "token-789", "token-000")
        assert not any(token in line for line in others for token in tokens)

    def test_a_run_from_the_page_reads_what_serve_was_told(self, served: Served, tmp_path: Path) -> None:
        (tmp_path / "b.md").write_text(make_document("Private", "https://example.com/b"))
        identity = served.ask("/api/deployments/name/refresh/news")["id"]
        parameters = {"source": [f"news={tmp_path}"], "warehouse": str(tmp_path / "stolen.duckdb")}

        def was_taken() -> bool:
            served.ask(f"/api/deployments/{identity}/create_flow_run", {"parameters": parameters})
            time.sleep(3)  # it is skipped where a scheduled one goes on
            return "asked for its own source, warehouse" in served.log()

        wait_for(was_taken, 60, "the run did not start")
        assert list(served.titles()) == ["a.md"]
        assert not (tmp_path / "stolen.duckdb").exists()

    def test_a_second_scheduler_is_refused(self, served: Served) -> None:
        done = newsmart("serve", "--warehouse", str(served.home.file), "--source", str(served.source))
        assert done.returncode == 3
        assert f"serves the warehouse: {served.home.file}, pid {served.process.pid}" in done.stderr

    def test_a_held_warehouse_skips_runs_and_fails_none(self, served: Served) -> None:
        wait_for(lambda: _held(served), 30, "the lock was never free")
        assert "another run holds the warehouse" in served.log()
        (served.source / "a.md").write_text(make_document("Two", "https://example.com/a"))
        served.wait_for_titles({"a.md": "Two"})
        assert "failed: " not in served.log()

    def test_newsmart_run_uses_its_server(self, served: Served) -> None:
        for _ in range(5):
            done = newsmart("run", "--json", "--warehouse", str(served.home.file), "--source", f"news={served.source}")
            if done.returncode != 3:
                break
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1].startswith('{"run_id"')

    def test_an_automation_starts_another_deployment_when_a_release_is_out(self, served: Served) -> None:
        identity = served.ask("/api/deployments/name/maintain/news")["id"]
        trigger = {
            "type": "event",
            "posture": "Reactive",
            "expect": ["newsmart.release.published"],
            "match": {"prefect.resource.id": f"newsmart.warehouse.{served.home.file}"},
            "threshold": 1,
            "within": 0,
        }
        action = {"type": "run-deployment", "source": "selected", "deployment_id": identity, "parameters": {}}
        served.ask("/api/automations/", {"name": "follow", "trigger": trigger, "actions": [action]})
        time.sleep(2)  # the server reads its automations anew
        (served.source / "a.md").write_text(make_document("Followed", "https://example.com/a"))
        served.wait_for_titles({"a.md": "Followed"})
        runs = {"deployments": {"id": {"any_": [identity]}}, "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
        wait_for(lambda: served.ask("/api/flow_runs/filter", runs), 60, "the automation started nothing")

    def test_a_server_that_dies_is_started_again(self, served: Served) -> None:
        os.kill(served.children()["server"], signal.SIGKILL)
        (served.source / "a.md").write_text(make_document("Three", "https://example.com/a"))
        served.wait_for_titles({"a.md": "Three"}, 90)
        assert "Prefect's server ended; starting it again" in served.log()

    def test_a_worker_that_dies_is_started_again(self, served: Served) -> None:
        os.kill(served.children()["worker"], signal.SIGKILL)
        (served.source / "a.md").write_text(make_document("Four", "https://example.com/a"))
        served.wait_for_titles({"a.md": "Four"}, 90)
        assert "the process that runs flows ended with status -9" in served.log()

    def test_it_stops_in_time_and_skips_what_it_missed(self, served: Served) -> None:
        status, seconds = served.stop(signal.SIGINT)
        assert (status, seconds < 15) == (0, True)
        assert read_serving(served.home) is None
        assert "Traceback" not in served.log()
        time.sleep(6)
        before = served.log()
        served.start()
        (served.source / "a.md").write_text(make_document("Five", "https://example.com/a"))
        served.wait_for_titles({"a.md": "Five"}, 90)
        assert served.log().removeprefix(before).count(" completed: ") <= 4

    def test_a_killed_scheduler_leaves_no_process_behind(self, served: Served) -> None:
        served.wait_until_serving()
        children = served.children()
        served.process.kill()
        served.process.wait()
        wait_for(lambda: not any(_is_alive(pid) for pid in children.values()), 20, f"{children} live on")
        assert set(children) == {"server", "worker"}

    def test_after_all_were_killed_at_once_the_next_due_run_runs(self, served: Served) -> None:
        served.start()
        served.wait_until_serving()
        children = served.children()
        for pid in (served.process.pid, *children.values()):
            os.kill(pid, signal.SIGKILL)
        served.process.wait()
        assert set(children) == {"server", "worker"}
        (served.source / "a.md").write_text(make_document("Six", "https://example.com/a"))
        served.start()
        served.wait_for_titles({"a.md": "Six"}, 90)
        assert served.stop()[0] == 0


@pytest.mark.slow
def test_a_run_that_goes_on_is_broken_off_in_time(tmp_path: Path) -> None:
    """A refused run whose hook sleeps for a minute stands for a run that does not end."""
    with Served(tmp_path, ("--every", "2", "--on-failure", "sleep 61")) as served:
        for i in range(11):
            (served.source / f"{i}.md").write_text("no front matter")
        served.wait_until_serving()
        wait_for(lambda: (served.home.folder / "state.json").exists(), 60, "no run")
        time.sleep(2)
        status, seconds = served.stop()
        text = served.log()
    assert (status, seconds < 15) == (0, True)
    assert "it is broken off" in text
    assert "Traceback" not in text


def _held(served: Served) -> bool:
    """Hold the warehouse long enough for a run to meet the lock."""
    try:
        with hold(served.home):
            wait_for(lambda: "skipped: " in served.log(), 10, "no run was skipped")
    except LockedError:
        return False
    return True


def _is_alive(pid: int) -> bool:
    out = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return out.strip() not in ("", "Z", "Zs")
