"""prefect.yaml says what the flows take, and works with a server and a worker as its head says."""

import inspect
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pytest
import yaml

from flows import maintenance, refresh
from flows.scheduling.environment import for_prefect
from flows.scheduling.server import PrefectServer, listen
from tests.documents import make_document
from tests.soak.served import ROOT, running, wait_for

FILE = ROOT / "prefect.yaml"


def deployments() -> dict[str, dict[str, Any]]:
    return {told["name"]: told for told in yaml.safe_load(FILE.read_text())["deployments"]}


@pytest.mark.parametrize("name", ["refresh", "maintain", "backfill", "rebuild"])
def test_a_deployment_fits_its_flow(name: str) -> None:
    told = deployments()[name]
    module = refresh if name == "refresh" else maintenance
    assert told["entrypoint"] == f"flows/{module.__name__.rpartition('.')[2]}.py:{name}"
    assert set(told["parameters"]) <= set(inspect.signature(getattr(module, name).fn).parameters)
    assert "concurrency_limit" not in told
    assert all(schedule["timezone"] == "UTC" for schedule in told.get("schedules", []))


def prefect(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "prefect", *arguments]


@contextmanager
def worker(log: Path, number: signal.Signals = signal.SIGTERM) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process worker for the block, which the signal then ends."""
    command, environment = prefect("worker", "start", "--pool", "newsmart"), {**os.environ, "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
        try:
            yield process
        finally:
            process.send_signal(number)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_server_worker_deployment_and_a_scheduled_run_that_publishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "a.md").write_text(make_document("Tides"))
    told = yaml.safe_load(FILE.read_text())
    told["deployments"] = [deployment for deployment in told["deployments"] if deployment["name"] == "refresh"]
    told["deployments"][0]["parameters"] = {
        "source": [f"news={tmp_path / 'news'}"],
        "warehouse": str(tmp_path / "out" / "n.duckdb"),
    }
    told["deployments"][0]["schedules"] = [{"interval": 5}]
    file = tmp_path / "prefect.yaml"
    file.write_text(yaml.safe_dump(told))
    server = PrefectServer(listen(), tmp_path, with_page=True)
    added = for_prefect(os.environ, tmp_path / "home", server.api_url, "newsmart:key")
    for name, value in added.items():
        monkeypatch.setenv(name, value)
    with running(server):
        for command in (
            prefect("work-pool", "create", "newsmart", "--type", "process"),
            prefect("--no-prompt", "deploy", "--all", "--prefect-file", str(file)),
        ):
            done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=90)
            assert done.returncode == 0, done.stdout + done.stderr
        warehouse = tmp_path / "out" / "n.duckdb"
        with worker(tmp_path / "worker.log", signal.SIGKILL):
            wait_for(lambda: titles(warehouse) == ["Tides"], 180, f"no release; see {tmp_path / 'worker.log'}")
        # Both are killed, whatever they were at; what they left must not hold back the next run.
        assert server.process is not None
        server.process.kill()
        (tmp_path / "news" / "a.md").write_text(make_document("Ebb"))
        server.start()
        server.wait_until_ready()
        with worker(tmp_path / "again.log") as process:
            wait_for(lambda: titles(warehouse) == ["Ebb"], 180, f"no release; see {tmp_path / 'again.log'}")
            flows = psutil.Process(process.pid).children(recursive=True)
            # At their end DuckDB's binding would write a wall of text.
            wait_for(lambda: not any(flow.is_running() for flow in flows), 60, "a flow's process does not end")
        log = (tmp_path / "again.log").read_text("utf-8", "replace")
        assert "nanobind" not in log
        assert len(log.splitlines()) < 30


def titles(warehouse: Path) -> list[str]:
    if not warehouse.exists():
        return []
    with duckdb.connect(warehouse, read_only=True) as connection:
        return [str(row[0]) for row in connection.execute("select title from main.dim_article").fetchall()]
