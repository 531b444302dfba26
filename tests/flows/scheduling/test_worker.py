"""What the server is told of a served warehouse, which of its runs start, and what they get."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentUpdate, GlobalConcurrencyLimitUpdate
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.states import Running, Scheduled

from flows.pipeline.request import RunRequest
from flows.refresh import refresh
from flows.scheduling.deployments import schedule_of, spacing
from flows.scheduling.environment import KEPT_SECONDS, environment_of, retention
from flows.scheduling.parameters import parameters_of
from flows.scheduling.private import identity_in
from flows.scheduling.serving import Job, Serving, When
from flows.scheduling.worker import Worker
from flows.serve import _listen
from flows.settings import Settings, load_settings
from flows.sources.scan import Source
from schemas.errors import RunFailed, UsageError
from tests.documents import make_document
from tests.newsroom import Newsroom
from warehouse.home import Home
from warehouse.lock import hold


def job_of(newsroom: Newsroom, name: str) -> Job:
    Home.of(newsroom.warehouse).prepare()
    return Job(
        name=name,
        when=When(3600.0),
        parameters={"source": [f"news={newsroom.folder}"], "warehouse": str(newsroom.warehouse), "engine": ""},
        serving=Serving(1, "every 3600 s", "http://127.0.0.1:1/api", "2024-01-01T00:00:00Z"),
        folder=str(newsroom.folder),
    )


@contextmanager
def heard(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Let caplog hear the scheduler, which keeps its lines from the root logger once its log is set up."""
    logger = logging.getLogger("newsmart.serve")
    logger.addHandler(caplog.handler)
    caplog.set_level(logging.INFO, "newsmart.serve")
    try:
        yield
    finally:
        logger.removeHandler(caplog.handler)


def registered(newsroom: Newsroom, name: str, folder: str = "/") -> tuple[Worker, UUID]:
    """Return a worker for the warehouse, and its refresh's deployment."""
    worker = Worker(replace(job_of(newsroom, name), folder=folder), Event())
    with get_client(sync_client=True) as client:
        worker.register(client)
    return worker, next(iter(worker.served))


def work(worker: Worker) -> None:
    """Have the worker take what is due, and wait until it is done."""
    with get_client(sync_client=True) as client:
        worker.take_due(client)
    assert worker.is_idle(60)


def state_names(*runs: FlowRun) -> list[str | None]:
    with get_client(sync_client=True) as client:
        states = [client.read_flow_run(run.id).state for run in runs]
    return [None if state is None else state.name for state in states]


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


@pytest.mark.usefixtures("prefect_server")
class TestOnAServer:
    def test_each_warehouse_has_deployments_of_its_own_and_its_due_runs_are_told(self, newsroom: Newsroom) -> None:
        served = [set(registered(newsroom, name)[0].served) for name in ("news-a", "news-b")]
        with get_client(sync_client=True) as client:
            told = [client.read_deployment(identity) for identity in (*served[0], *served[1])]
        assert served[0].isdisjoint(served[1])
        assert sorted(deployment.name for deployment in told) == ["news-a", "news-a", "news-b", "news-b"]
        assert all(deployment.schedules and not deployment.paused for deployment in told)

    def test_what_a_crash_left_is_ended_and_its_slots_are_freed_and_nobody_elses(self, newsroom: Newsroom) -> None:
        (mine, identity), (_, other) = (registered(newsroom, name) for name in ("news-c", "news-d"))
        with get_client(sync_client=True) as client:
            runs = [client.create_flow_run_from_deployment(each, state=Running()) for each in (identity, other)]
            client.update_deployment(identity, DeploymentUpdate(concurrency_limit=1))
            limit = client.read_deployment(identity).global_concurrency_limit
            assert limit is not None
            client.update_global_concurrency_limit(limit.name, GlobalConcurrencyLimitUpdate(active_slots=1))
            mine.register(client)
            limit = client.read_deployment(identity).global_concurrency_limit
        assert state_names(*runs) == ["Crashed", "Running"]
        assert limit is None or limit.active_slots == 0

    def test_a_run_publishes_and_its_own_source_counts_for_nothing_and_others_are_skipped(
        self, newsroom: Newsroom, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Others: one that is due while it goes on, and one that was due long ago; what is no run of ours is left."""
        newsroom.write("a.md", make_document("Ours"))
        private = tmp_path / "private"
        private.mkdir()
        (private / "b.md").write_text(make_document("Private"))
        worker, identity = registered(newsroom, "news-e")
        parameters = {"source": [f"news={private}"], "warehouse": str(tmp_path / "stolen.duckdb")}
        an_hour_ago: State[None] = Scheduled(scheduled_time=datetime.now(UTC) - timedelta(hours=1))
        with get_client(sync_client=True) as client:
            late = client.create_flow_run_from_deployment(identity, state=an_hour_ago)
            runs = [client.create_flow_run_from_deployment(identity, parameters=parameters) for _ in range(2)]
            foreign = client.create_flow_run(refresh, parameters={"source": ["news=/etc"]}, state=Scheduled())
        with heard(caplog):
            work(worker)
        assert state_names(late, *runs, foreign) == ["Skipped", "Completed", "Skipped", "Scheduled"]
        assert newsroom.query("select title from articles") == [("Ours",)]
        assert not (tmp_path / "stolen.duckdb").exists()
        assert "a run asked for its own source, warehouse" in caplog.text

    def test_a_held_warehouse_skips_the_run_and_a_refused_one_tells_the_hook_in_its_folder(
        self, newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("NEWSMART_ON_FAILURE", "tee told.json")
        for i in range(11):
            newsroom.write(f"{i}.md", "no front matter")
        worker, identity = registered(newsroom, "news-h", str(tmp_path))
        with get_client(sync_client=True) as client:
            held = client.create_flow_run_from_deployment(identity)
            with hold(Home.of(newsroom.warehouse)):
                work(worker)
            assert not (tmp_path / "told.json").exists()
            refused = client.create_flow_run_from_deployment(identity)
            work(worker)
        assert state_names(held, refused) == ["Skipped", "Refused"]
        assert json.loads((tmp_path / "told.json").read_text())["status"] == "refused"
