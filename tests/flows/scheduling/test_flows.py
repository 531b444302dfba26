"""The flows on tiny documents, against a real Prefect server."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import duckdb
import psutil
import pytest
from distributed import Client
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentUpdate, GlobalConcurrencyLimitUpdate
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import Artifact, FlowRun, State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed, Failed, Running, Scheduled

from flows import maintenance
from flows import refresh as module
from flows.commands.output import Progress
from flows.pipeline import direct, intake
from flows.pipeline import run as run_module
from flows.pipeline.request import LOGGER, RunRequest, RunResult, parameters_of
from flows.readers import dask_readers
from flows.readers.dask_cluster import Cluster, Pending
from flows.refresh import refresh
from flows.scheduling import batches
from flows.scheduling import worker as scheduling_worker
from flows.scheduling.flow_run import call_flow, flush, step, tell_hooks
from flows.scheduling.serving import NEW_PROCESS, Job, Serving, When, hold_serving
from flows.scheduling.worker import Worker
from flows.sources.scan import Source
from schemas.errors import AuditFailed, LockedError, Refused, RunFailed, SourceUnreadable, TransientFailure
from tests.documents import make_document
from tests.newsroom import Newsroom
from tests.s3_server import KEY, SECRET, Fault, s3_gate
from tests.soak.served import wait_for
from warehouse.home import Home
from warehouse.lock import hold

pytestmark = pytest.mark.usefixtures("prefect_server")

Published = tuple[Newsroom, State[Any], FlowRun]


@contextmanager
def listening() -> Iterator[Progress]:
    """Yield a listener to the runs of the block that shows nothing."""
    with Progress.on_terminal(is_quiet=True) as progress:
        yield progress


def called(newsroom: Newsroom) -> RunResult:
    with listening() as progress:
        return call_flow(module.refresh, parameters_of(request_for(newsroom)), progress)


def request_for(newsroom: Newsroom, **options: Any) -> RunRequest:
    return RunRequest((Source("news", str(newsroom.folder)),), newsroom.warehouse, **options)


def refreshed(newsroom: Newsroom, **parameters: Any) -> State[Any]:
    """Run the flow as a worker would, by its parameters alone."""
    given = {"source": [f"news={newsroom.folder}"], "warehouse": str(newsroom.warehouse), **parameters}
    state: State[Any] = refresh(**given, return_state=True)
    return state


def flow_run_of(state: State[Any]) -> FlowRun:
    identity = state.state_details.flow_run_id
    assert identity is not None
    with get_client(sync_client=True) as client:
        (run,) = client.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[identity])))
    return run


def artifacts_of(run: FlowRun) -> dict[str, str]:
    with get_client(sync_client=True) as client:
        found: list[Artifact] = client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
        )
    return {str(artifact.key): str(artifact.data) for artifact in found}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, prefect_server: None) -> Published:
    """Give a newsroom of a good document and a bad one, and the flow run that published it."""
    newsroom = Newsroom.below(tmp_path_factory.mktemp("published"))
    newsroom.write("a.md", make_document("Tides", "https://example.com/tides"))
    newsroom.write("b.md", make_document(None, "https://example.com/<b>|x"))
    state = refreshed(newsroom)
    return newsroom, state, flow_run_of(state)


def test_refresh_publishes_and_the_flow_run_has_the_runs_name_and_carries_its_result(published: Published) -> None:
    newsroom, state, run = published
    assert state.is_completed()
    assert "published 1 mention of 1 article (1 added, 0 changed, 0 withdrawn, 0 departed)" in str(state.message)
    assert run.name == newsroom.one("select run_id from ops.run")
    result = state.result()
    assert isinstance(result, RunResult)
    assert (result.published, result.documents["new"]) == (True, 1)


def test_a_run_leaves_its_summary_quarantine_and_audits(published: Published) -> None:
    texts = artifacts_of(published[2])
    assert set(texts) == {f"newsmart-{name}" for name in ("summary", "quarantine", "audits", "headlines")}
    assert "| quarantined | 1 |" in texts["newsmart-summary"]
    assert f"- as of {published[1].result().as_json()['as_of']}" in texts["newsmart-summary"]
    assert json.loads(texts["newsmart-quarantine"])[0]["path"] == "b.md"
    assert {row["status"] for row in json.loads(texts["newsmart-audits"])} == {"pass"}


def test_an_event_with_the_warehouse_as_its_resource_tells_of_a_release_and_of_nothing_else(newsroom: Newsroom) -> None:
    newsroom.write("a.md", make_document("Tides", "https://example.com/tides"))
    refreshed(newsroom)
    refreshed(newsroom)
    newsroom.write("a.md", make_document("Ebb", "https://example.com/tides"))
    run = flow_run_of(refreshed(newsroom))
    for number in range(11):
        newsroom.write(f"{number}.md", "no front matter")
    assert refreshed(newsroom).is_failed()
    first, second = published_events(newsroom, 2)
    assert second["resource"]["prefect.resource.name"] == newsroom.warehouse.name
    assert str(run.id) in {related["prefect.resource.id"].rpartition(".")[2] for related in second["related"]}
    assert (first["payload"]["articles"]["added"], first["payload"]["headlines"]) == (1, [])
    told = second["payload"]
    assert (told["warehouse"], told["run_id"]) == (str(newsroom.warehouse), run.name)
    assert told.keys() == {"warehouse", "run_id", "release_id", "path", "as_of", "articles", "headlines"}
    assert told["articles"].keys() == {"added", "changed", "merged", "departed", "withdrawn"}
    assert told["headlines"] == [{"url": "https://example.com/tides", "before": "Tides", "after": "Ebb"}]
    assert "- Tides → **Ebb**" in artifacts_of(run)["newsmart-summary"]


def published_events(newsroom: Newsroom, count: int) -> list[dict[str, Any]]:
    """Return the events of the warehouse's releases, the first first, once there are so many."""
    flush()
    resource = {"id": [f"newsmart.warehouse.{newsroom.warehouse}"]}
    asked = {"filter": {"event": {"name": ["newsmart.release.published"]}, "resource": resource, "order": "ASC"}}

    def look() -> list[dict[str, Any]]:
        with get_client(sync_client=True) as client:
            found: list[dict[str, Any]] = client.request("POST", "/events/filter", json=asked).json()["events"]
        return found if len(found) >= count else []

    return wait_for(look, 30, "no event")


def test_nothing_new_is_completed_and_says_so(published: Published) -> None:
    state = refreshed(published[0])
    assert state.is_completed()
    assert "nothing to publish" in str(state.message)


@pytest.mark.slow
def test_a_source_in_s3_is_a_parameter_like_any_and_prefect_sees_no_credentials(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_gate() as gate:
        for name, value in gate.environment().items():
            monkeypatch.setenv(name, value)
        gate.make("bucket")
        gate.put("bucket", "in/a.md", make_document("Tides", "https://example.com/tides"))
        state = refreshed(newsroom, source=["news=s3://bucket/in/"])
        gate.judge = lambda call: Fault(403, "AccessDenied")
        failed = refreshed(newsroom, source=["news=s3://bucket/in/"])
    assert state.is_completed()
    assert "no right to list it" in str(failed.message)
    runs = [flow_run_of(state), flow_run_of(failed)]
    with get_client(sync_client=True) as client:
        logs = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id for run in runs])))
    told = [run.model_dump_json() for run in runs] + [log.model_dump_json() for log in logs]
    told += [text for run in runs for text in artifacts_of(run).values()]
    assert "s3://bucket/in/" in told[0]
    assert not any(secret in text for secret in (KEY, SECRET) for text in told)


def test_a_held_warehouse_skips_the_run(newsroom: Newsroom) -> None:
    newsroom.write("a.md", make_document())
    home = Home.of(newsroom.warehouse)
    home.prepare()
    with hold(home):
        state = refreshed(newsroom)
    assert (state.is_cancelled(), state.name) == (True, "Skipped")
    assert "another run holds the warehouse" in str(state.message)


def test_a_refused_run_ends_as_refused_and_carries_its_error(newsroom: Newsroom) -> None:
    for i in range(11):
        newsroom.write(f"{i}.md", "no front matter")
    state = refreshed(newsroom)
    assert (state.is_failed(), state.name) == (True, "Refused")
    assert isinstance(state.result(raise_on_failure=False), Refused)
    assert "Traceback" not in str(state.message)
    assert "| quarantined | 11 |" in artifacts_of(flow_run_of(state))["newsmart-summary"]


def test_a_deployments_run_that_fails_tells_the_hook(
    newsroom: Newsroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSMART_ON_FAILURE", "tee told.json")
    state: State[Any] = Failed(name="Refused", message="too much")
    by_hand = FlowRun(flow_id=uuid4(), parameters={"warehouse": str(newsroom.warehouse)}, name="run-1")
    tell_hooks(refresh, by_hand, state, str(tmp_path))
    assert not (tmp_path / "told.json").exists()
    for name, run_id in (("wise-owl", None), ("run-1", "run-1")):
        scheduled = by_hand.model_copy(update={"deployment_id": uuid4(), "name": name})
        tell_hooks(refresh, scheduled, state, str(tmp_path))
        event = json.loads((tmp_path / "told.json").read_text())
        assert (event["status"], event["warehouse"], event["run_id"]) == ("refused", str(newsroom.warehouse), run_id)


def test_a_deployments_run_that_publishes_tells_the_hook(
    newsroom: Newsroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSMART_ON_PUBLISH", "tee told.json")
    newsroom.write("a.md", make_document())
    run = FlowRun(flow_id=uuid4(), parameters={"warehouse": str(newsroom.warehouse)}, deployment_id=uuid4())
    for is_published in (True, False):
        state: State[Any] = Completed(data=newsroom.run())
        tell_hooks(refresh, run, state, str(tmp_path))
        assert (tmp_path / "told.json").exists() == is_published
        (tmp_path / "told.json").unlink(missing_ok=True)
    tell_hooks(refresh, run, Completed(data="the ledger was compacted"), str(tmp_path))
    assert not (tmp_path / "told.json").exists()


def test_a_deployments_run_that_publishes_and_then_fails_tells_both_hooks(
    newsroom: Newsroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("PUBLISH", "FAILURE"):
        monkeypatch.setenv(f"NEWSMART_ON_{kind}", f"tee {kind}.json")

    def refuse(*_: object) -> None:
        raise SourceUnreadable("folders could not be listed")

    newsroom.write("a.md", make_document())
    with monkeypatch.context() as patch:
        patch.setattr(run_module, "check_all_listed", refuse)
        state = refreshed(newsroom)
    run = flow_run_of(state).model_copy(update={"deployment_id": uuid4()})
    tell_hooks(refresh, run, state, str(tmp_path))
    published, failed = (json.loads((tmp_path / f"{kind}.json").read_text()) for kind in ("PUBLISH", "FAILURE"))
    assert (published["event"], published["run_id"]) == ("newsmart.release.published", run.name)
    assert (failed["event"], failed["run_id"], failed["status"]) == ("newsmart.run.failed", run.name, "failed")
    (tmp_path / "PUBLISH.json").unlink()
    for number in range(11):
        newsroom.write(f"{number}.md", "no front matter")
    state = refreshed(newsroom)
    tell_hooks(refresh, flow_run_of(state).model_copy(update={"deployment_id": uuid4()}), state, str(tmp_path))
    assert json.loads((tmp_path / "FAILURE.json").read_text())["status"] == "refused"
    assert not (tmp_path / "PUBLISH.json").exists()


def test_the_command_gets_the_pipelines_own_result_and_error(newsroom: Newsroom) -> None:
    newsroom.write("a.md", make_document())
    result = called(newsroom)
    for i in range(11):
        newsroom.write(f"{i}.md", "no front matter")
    assert result.published
    with listening() as progress, pytest.raises(Refused):
        call_flow(module.refresh, parameters_of(request_for(newsroom)), progress)
    assert progress.result is not None
    assert (progress.result.published, progress.result.documents["quarantined"]) == (False, 11)
    with hold(Home.of(newsroom.warehouse)), pytest.raises(LockedError):
        called(newsroom)


def test_the_flow_and_the_direct_run_go_the_same_way(newsroom: Newsroom, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", LOGGER)
    newsroom.write("a.md", make_document())

    def steps() -> list[str]:
        told = [record.__dict__["step"] for record in caplog.records if "step" in record.__dict__]
        caplog.clear()
        return told

    assert refreshed(newsroom).is_completed()
    by_flow = steps()
    newsroom.write("a.md", make_document("Other"))
    direct.run_direct(request_for(newsroom))
    assert steps() == by_flow
    names = ["scan", "record", "deduplicate", "build", "audit", "publish"]
    assert list(dict.fromkeys(by_flow)) == names


def test_the_page_shows_the_tasks(published: Published) -> None:
    run = published[2]
    with get_client(sync_client=True) as client:
        tasks = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id])))
    assert {task.name for task in tasks} == {"extract", "validate", "deduplicate", "load", "audit", "publish"}


def test_a_result_that_prefect_lost_is_still_told(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(**parameters: Any) -> None:
        direct.run_direct(request_for(newsroom))
        raise ConnectionError("the server is gone")

    newsroom.write("a.md", make_document())
    monkeypatch.setattr("flows.refresh.refresh", lose)
    result = called(newsroom)
    assert result.published
    assert "could not note how the run ended: the server is gone" in result.notices[-1]


def test_any_other_error_keeps_its_class(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(sources: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    newsroom.write("a.md", make_document())
    monkeypatch.setattr(intake, "scan", fail)
    with pytest.raises(ZeroDivisionError):
        called(newsroom)


def test_only_an_error_of_the_right_class_is_tried_again() -> None:
    def tried(error: Exception) -> int:
        count = 0

        def fail() -> None:
            nonlocal count
            count += 1
            raise error

        @flow
        def trying() -> None:
            _ = step("fail")(fail).with_options(retry_delay_seconds=[0.0, 0.0, 0.0])()

        assert trying(return_state=True).is_failed()
        return count

    assert [tried(TransientFailure("x")), tried(AuditFailed("x")), tried(RunFailed("x"))] == [4, 1, 1]


def test_a_timeout_ends_the_run_and_frees_the_warehouse(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    def sleep(sources: object) -> None:
        for _ in range(300):
            time.sleep(0.1)

    newsroom.write("a.md", make_document())
    with monkeypatch.context() as patch:
        patch.setattr(intake, "scan", sleep)
        quick = refresh.with_options(timeout_seconds=1)
        state = quick(source=[f"news={newsroom.folder}"], warehouse=str(newsroom.warehouse), return_state=True)
    assert (state.is_failed(), state.name) == (True, "TimedOut")
    assert refreshed(newsroom).is_completed()


def test_backfill_goes_in_order_tells_of_each_release_and_goes_on_where_it_stopped(
    newsroom: Newsroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSMART_ON_PUBLISH", f"tee -a {tmp_path}/told")
    days = [datetime(2024, 1, day) for day in (1, 2, 3)]
    for day in days:
        folder = tmp_path / "days" / f"{day:%d}"
        folder.mkdir(parents=True)
        (folder / "a.md").write_text(make_document(f"Day {day:%d}"))
    manifest = tmp_path / "manifest.json"
    steps = [{"as_of": f"{day.isoformat()}Z", "folder": f"days/{day:%d}"} for day in days]

    def fill(count: int) -> str:
        manifest.write_text(json.dumps(steps[:count]))
        state = maintenance.backfill(
            manifest=str(manifest), name="days", warehouse=str(newsroom.warehouse), return_state=True
        )
        assert state.is_completed()
        return str(state.message)

    assert "20240102" in fill(2)
    assert "20240103" in fill(3)
    assert fill(3) == "every as-of of the manifest is recorded"
    titles = newsroom.query("select title from main.article_history order by valid_from")
    assert titles == [("Day 01",), ("Day 02",), ("Day 03",)]
    told = (tmp_path / "told").read_text()
    assert [f"2024-01-0{day}T00:00:00Z" in told for day in (1, 2, 3)] == [True] * 3
    assert told.count("newsmart.release.published") == 3


def test_rebuild_and_maintain(newsroom: Newsroom, tmp_path: Path) -> None:
    newsroom.write("a.md", make_document("Old"))
    newsroom.run(datetime(2024, 1, 1))
    newsroom.write("a.md", make_document("Newer"))
    newsroom.run(datetime(2024, 1, 2))
    target = tmp_path / "old.duckdb"
    built = maintenance.rebuild(
        as_of="2024-01-01T00:00:00Z", to=str(target), warehouse=str(newsroom.warehouse), return_state=True
    )
    kept = maintenance.maintain(warehouse=str(newsroom.warehouse), return_state=True)
    with duckdb.connect(target, read_only=True) as connection:
        assert connection.execute("select title from main.dim_article").fetchall() == [("Old",)]
    assert built.is_completed()
    assert "ledger bytes" in str(kept.message)


@pytest.mark.parametrize("make", [refresh, maintenance.backfill, maintenance.maintain])
def test_every_flow_has_a_timeout_and_no_retries(make: Callable[..., Any]) -> None:
    assert make.timeout_seconds  # type: ignore[attr-defined]
    assert make.retries == 0  # type: ignore[attr-defined]


@pytest.mark.slow
def test_a_flow_reads_by_tasks_on_a_cluster_of_its_own_that_only_this_machine_sees(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        newsroom.write(f"{number}.md", make_document(f"Tide {number}", f"https://example.com/{number}"))
    newsroom.run(as_of=datetime(2024, 1, 1))
    expected = newsroom.one("select fingerprint from ops.release")
    other = replace(newsroom, warehouse=newsroom.warehouse.with_name("dask.duckdb"))
    monkeypatch.setattr(dask_readers, "_WORTH_CLUSTER", 0)
    seen = list[tuple[Any, set[str], int]]()

    def looking(client: Client, submit: Callable[[bytes], Pending]) -> Cluster:
        def look_and_submit(message: bytes) -> Pending:
            me = psutil.Process()
            sockets = [socket for process in (me, *me.children(recursive=True)) for socket in process.net_connections()]
            listening = {str(socket.laddr.ip) for socket in sockets if socket.status == psutil.CONN_LISTEN}
            seen.append((client.scheduler, listening, dask_processes()))
            return submit(message)

        return Cluster(client, look_and_submit)

    monkeypatch.setattr(batches, "Cluster", looking)
    state = refreshed(other, engine="dask", workers=1, as_of="2024-01-01T00:00:00Z")
    run = flow_run_of(state)
    assert other.one("select fingerprint from ops.release") == expected
    scheduler, listening, count = seen[0]
    assert scheduler.address.startswith("tls://127.0.0.1:")
    assert listening == {"127.0.0.1"}
    assert (count, dask_processes()) == (1, 0)
    with get_client(sync_client=True) as client:
        tasks = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id])))
    assert sum(task.name == "read batch" for task in tasks) == len(seen) >= 2


def dask_processes() -> int:
    return sum("spawn_main" in " ".join(process.cmdline()) for process in psutil.Process().children(recursive=True))


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


class TestScheduledRuns:
    """What `newsmart serve` tells the server of a warehouse, which of its runs start, and what they get."""

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

    @pytest.mark.parametrize("ends_first", [False, True])
    def test_a_run_that_is_cancelled_ends_the_process_and_the_hook_is_told_of_what_it_has_published(
        self, newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ends_first: bool
    ) -> None:
        monkeypatch.setenv("NEWSMART_ON_PUBLISH", f"tee -a {tmp_path}/published")
        monkeypatch.setenv("NEWSMART_ON_FAILURE", f"tee -a {tmp_path}/failed")
        newsroom.write("a.md", make_document())
        worker, identity = registered(newsroom, f"news-cancelled-{ends_first}")
        ended, cancelling = Event(), State[None](type=StateType.CANCELLING)

        def run_flow(*_: Any, flow_run: FlowRun, **__: Any) -> State[None]:
            published = newsroom.run()
            with get_client(sync_client=True) as client:
                client.set_flow_run_name(flow_run.id, published.run_id)
                client.set_flow_run_state(flow_run.id, cancelling, force=True)
            if not ends_first:
                ended.wait(60)
            return cancelling

        exits: list[int] = []
        monkeypatch.setattr(scheduling_worker, "run_flow", run_flow)
        monkeypatch.setattr("os._exit", exits.append)
        with get_client(sync_client=True) as client:
            run = client.create_flow_run_from_deployment(identity)
            worker.take_due(client)
            assert not ends_first or worker.is_idle(60)
            while not exits:  # until it runs and is cancelled; the test's time limit ends a fault
                worker.end_where_stuck(client)
        assert (exits[0], state_names(run)) == (NEW_PROCESS, ["Cancelled"])
        told = json.loads((tmp_path / "published").read_text())
        assert (told["event"], told["warehouse"]) == ("newsmart.release.published", str(newsroom.warehouse))
        assert not (tmp_path / "failed").exists()
        ended.set()
        assert worker.is_idle(60)

    def test_a_cancel_that_the_worker_did_not_see_is_noted_by_the_next_one_and_the_hook_is_told_of_the_release(
        self, newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """As where the server was away, and the process ended by its timeout."""
        for kind in ("published", "failed"):
            name = "PUBLISH" if kind == "published" else "FAILURE"
            monkeypatch.setenv(f"NEWSMART_ON_{name}", f"tee -a {tmp_path}/{kind}")
        newsroom.write("a.md", make_document())
        _, identity = registered(newsroom, "news-unseen")
        with get_client(sync_client=True) as client:
            run = client.create_flow_run_from_deployment(identity, state=Running())
            client.set_flow_run_name(run.id, newsroom.run().run_id)
            client.set_flow_run_state(run.id, State[None](type=StateType.CANCELLING), force=True)
        registered(newsroom, "news-unseen")
        assert state_names(run) == ["Cancelled"]
        assert json.loads((tmp_path / "published").read_text())["warehouse"] == str(newsroom.warehouse)
        assert not (tmp_path / "failed").exists()

    def test_a_pause_from_the_page_ends_where_the_service_starts_and_not_where_its_worker_does(
        self, newsroom: Newsroom
    ) -> None:
        worker, identity = registered(newsroom, "news-paused")
        with get_client(sync_client=True) as client:
            worker.tell_next_due(client)
            client.pause_deployment(identity)
            registered(newsroom, "news-paused")
            assert client.read_deployment(identity).paused
        with hold_serving(Home.of(newsroom.warehouse)), get_client(sync_client=True) as client:
            registered(newsroom, "news-paused")
            assert not client.read_deployment(identity).paused

    def test_a_deployment_that_was_deleted_is_noticed(self, newsroom: Newsroom) -> None:
        worker, identity = registered(newsroom, "news-deleted")
        with get_client(sync_client=True) as client:
            client.delete_deployment(identity)
            with pytest.raises(ObjectNotFound):
                worker.tell_next_due(client)

    def test_a_run_that_prefect_holds_back_ends_the_process_and_one_that_has_begun_does_not(
        self, newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Prefect waits for a run's time, which lies days ahead where the clock was set back just then."""
        worker, identity = registered(newsroom, "news-held")
        exits: list[int] = []
        ended = Event()
        monkeypatch.setattr(scheduling_worker, "run_flow", lambda *_, **__: ended.wait(60))
        monkeypatch.setattr(scheduling_worker, "BEGIN_SECONDS", 0.0)
        monkeypatch.setattr("os._exit", exits.append)
        with get_client(sync_client=True) as client:
            run = client.create_flow_run_from_deployment(identity)
            worker.take_due(client)
            while worker._running is None:
                time.sleep(0.01)
            worker.end_where_stuck(client)
            assert exits == [1]
            client.set_flow_run_state(run.id, Running(), force=True)
            worker.end_where_stuck(client)
            assert exits == [1]
        ended.set()
        assert worker.is_idle(60)

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
            other = {"warehouse": str(tmp_path / "other.duckdb")}
            refused = client.create_flow_run_from_deployment(identity, parameters=other)
            work(worker)
            run_id = client.read_flow_run(refused.id).name
        assert state_names(held, refused) == ["Skipped", "Refused"]
        event = json.loads((tmp_path / "told.json").read_text())
        assert (event["status"], event["warehouse"]) == ("refused", str(newsroom.warehouse))
        assert event["run_id"] == run_id
        assert run_id.startswith("run-")
