"""The flows on tiny documents, against a real Prefect server."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import psutil
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import Artifact, FlowRun, State
from prefect.states import Completed, Failed

from flows import maintenance
from flows import refresh as module
from flows.commands.progress import Progress
from flows.engines import dask_readers
from flows.engines.dask_readers import Pending
from flows.pipeline import direct
from flows.pipeline.request import LOGGER, RunRequest, RunResult
from flows.refresh import refresh
from flows.scheduling.batches import TaskCluster
from flows.scheduling.call import call_refresh
from flows.scheduling.ends import step, tell_hooks
from flows.sources.scan import Source
from schemas.errors import AuditFailed, LockedError, Refused, RunFailed, TransientFailure
from tests.documents import make_document
from tests.newsroom import Newsroom
from tests.s3_server import KEY, SECRET, Fault, s3_gate
from warehouse.home import Home
from warehouse.lock import hold

pytestmark = pytest.mark.usefixtures("prefect_server")


@contextmanager
def listening() -> Iterator[Progress]:
    """Yield a listener to the runs of the block that shows nothing."""
    with Progress.on_terminal(is_quiet=True) as progress:
        yield progress


def called(newsroom: Newsroom) -> RunResult:
    with listening() as progress:
        return call_refresh(request_for(newsroom), progress)


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


def test_refresh_publishes_and_the_flow_run_has_the_runs_name(newsroom: Newsroom) -> None:
    newsroom.write("a.md", make_document("Tides", "https://example.com/tides"))
    state = refreshed(newsroom)
    run = flow_run_of(state)
    assert state.is_completed()
    assert "published 1 articles (1 added, 0 changed, 0 withdrawn)" in str(state.message)
    assert run.name == newsroom.one("select run_id from ops.run")


def test_a_run_leaves_its_summary_quarantine_and_audits(newsroom: Newsroom) -> None:
    newsroom.write("a.md", make_document("Tides", "https://example.com/tides"))
    newsroom.write("b.md", make_document(None, "https://example.com/<b>|x"))
    texts = artifacts_of(flow_run_of(refreshed(newsroom)))
    assert set(texts) == {"newsmart-summary", "newsmart-quarantine", "newsmart-audits"}
    assert "| quarantined | 1 |" in texts["newsmart-summary"]
    assert "b.md" in texts["newsmart-quarantine"]
    assert "| pass | 0 |" in texts["newsmart-audits"]


def test_nothing_new_is_completed_and_says_so(newsroom: Newsroom) -> None:
    newsroom.write("a.md", make_document())
    refreshed(newsroom)
    state = refreshed(newsroom)
    assert state.is_completed()
    assert "nothing new to publish" in str(state.message)


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


def test_a_completed_run_carries_its_result(newsroom: Newsroom) -> None:
    newsroom.write("a.md", make_document())
    result = refreshed(newsroom).result()
    assert isinstance(result, RunResult)
    assert (result.published, result.documents["new"]) == (True, 1)


def test_a_deployments_run_that_fails_tells_the_hook(
    newsroom: Newsroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSMART_ON_FAILURE", "tee told.json")
    state: State[Any] = Failed(name="Refused", message="too much")
    by_hand = FlowRun(flow_id=uuid4(), parameters={"warehouse": str(newsroom.warehouse)}, name="run-1")
    tell_hooks(refresh, by_hand, state, str(tmp_path))
    assert not (tmp_path / "told.json").exists()
    tell_hooks(refresh, by_hand.model_copy(update={"deployment_id": uuid4()}), state, str(tmp_path))
    event = json.loads((tmp_path / "told.json").read_text())
    assert (event["status"], event["warehouse"], event["run_id"]) == ("refused", str(newsroom.warehouse), None)


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


def test_the_command_gets_the_pipelines_own_result_and_error(newsroom: Newsroom) -> None:
    newsroom.write("a.md", make_document())
    result = called(newsroom)
    for i in range(11):
        newsroom.write(f"{i}.md", "no front matter")
    assert result.published
    with listening() as progress, pytest.raises(Refused):
        call_refresh(request_for(newsroom), progress)
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


def test_the_page_shows_the_tasks_and_what_the_steps_told(newsroom: Newsroom) -> None:
    newsroom.write("a.md", make_document())
    run = flow_run_of(refreshed(newsroom))
    with get_client(sync_client=True) as client:
        tasks = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id])))
    assert {task.name for task in tasks} == {"extract", "validate", "deduplicate", "load", "audit", "publish"}


def test_a_result_that_prefect_lost_is_still_told(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(**parameters: Any) -> None:
        direct.run_direct(request_for(newsroom))
        raise ConnectionError("the server is gone")

    newsroom.write("a.md", make_document())
    monkeypatch.setattr("flows.scheduling.call.refresh", lose)
    result = called(newsroom)
    assert result.published
    assert "could not note how the run ended: the server is gone" in result.notices[-1]


def test_any_other_error_keeps_its_class(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(run: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    newsroom.write("a.md", make_document())
    monkeypatch.setattr(module, "scan_sources", fail)
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
    def sleep(run: object) -> None:
        for _ in range(300):
            time.sleep(0.1)

    newsroom.write("a.md", make_document())
    with monkeypatch.context() as patch:
        patch.setattr(module, "scan_sources", sleep)
        quick = refresh.with_options(timeout_seconds=1)
        state = quick(source=[f"news={newsroom.folder}"], warehouse=str(newsroom.warehouse), return_state=True)
    assert (state.is_failed(), state.name) == (True, "TimedOut")
    assert refreshed(newsroom).is_completed()


def test_backfill_goes_in_order_and_goes_on_where_it_stopped(newsroom: Newsroom, tmp_path: Path) -> None:
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
    submit, seen = TaskCluster.submit, list[tuple[Any, set[str], int]]()

    def look_and_submit(self: TaskCluster, message: bytes) -> Pending:
        me = psutil.Process()
        sockets = [socket for process in (me, *me.children(recursive=True)) for socket in process.net_connections()]
        listening = {str(socket.laddr.ip) for socket in sockets if socket.status == psutil.CONN_LISTEN}
        seen.append((self.runner.client.scheduler, listening, dask_processes()))
        return submit(self, message)

    monkeypatch.setattr(TaskCluster, "submit", look_and_submit)
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
