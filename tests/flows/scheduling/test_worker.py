"""When the process of a served run ends, with which status, and what it knows of the clock; without a server."""

import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import ObjectNotFound

from flows import serve
from flows.refresh import refresh
from flows.scheduling import worker as module
from flows.scheduling.serving import NEW_PROCESS, NEW_SERVER, Job, Serving, When, clock_offset
from flows.scheduling.worker import Worker

NOTED = ["read_flow_run", "set_flow_run_state"]
"""What the server is asked when a cancelled run's end is noted."""


class Exited(BaseException):
    """The process has ended."""


@pytest.fixture(autouse=True)
def exits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note each exit, and end what goes on by an exception."""
    noted = list[int]()

    def leave(status: int) -> None:
        noted.append(status)
        raise Exited

    monkeypatch.setattr("os._exit", leave)
    return noted


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """Give a job that nobody runs."""
    told = Serving(1, "every 5 s", "http://127.0.0.1:1/api", "2024-01-01T00:00:00Z")
    return Job("n", When(5.0), {"warehouse": str(tmp_path / "n.duckdb")}, told, "/")


@pytest.fixture
def worker(job: Job) -> Worker:
    """Give a worker whose run has begun and ended, and whose end is not noted."""
    made = Worker(job, Event())
    made.served = {uuid4(): refresh}
    made._running = uuid4(), time.monotonic()
    return made


class Client:
    """A server in which the run has a state, and which fails as it is told to."""

    def __init__(self, state: StateType, fails: str = "") -> None:
        self.state, self.fails, self.asked = state, fails, list[str]()

    def __getattr__(self, name: str) -> Any:
        def answer(*_: Any, **__: Any) -> Any:
            self.asked.append(name)
            if name == self.fails:
                raise ConnectionError
            run = FlowRun(id=uuid4(), flow_id=uuid4(), state=State(type=self.state))
            answers = {"read_flow_runs": [run], "read_deployment": SimpleNamespace(global_concurrency_limit=None)}
            return answers.get(name, run)

        return answer


@pytest.mark.parametrize("pending", [NEW_PROCESS, NEW_SERVER])
@pytest.mark.parametrize("fails", ["", "set_flow_run_state", "hooks"])
def test_a_cancelled_run_ends_the_process_whatever_fails_and_with_the_status_that_is_pending(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, exits: list[int], fails: str, pending: int
) -> None:
    told = list[str]()

    def tell(*_: object) -> None:
        told.append("hooks")
        if fails == "hooks":
            raise ValueError("a setting that is none")

    monkeypatch.setattr(module, "tell_hooks", tell)
    worker._successor = pending
    client: Any = Client(StateType.CANCELLING, fails)
    with pytest.raises(Exited):
        worker.end_where_stuck(client)
    assert (exits, told) == ([pending], [] if fails == "set_flow_run_state" else ["hooks"])


def test_a_cancelled_run_of_a_deployment_that_was_deleted_is_ended_and_told(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = list[str]()
    monkeypatch.setattr(module, "tell_hooks", lambda *given: told.append(given[2].name))
    worker.served = {}
    client: Any = Client(StateType.CANCELLING)
    with pytest.raises(Exited):
        worker.end_where_stuck(client)
    assert (client.asked, told) == (NOTED, ["Cancelled"])


@pytest.mark.parametrize("fails", ["", "read_deployment"])
def test_of_a_cancelled_run_that_was_left_the_hooks_are_told_whatever_fails_then(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    told = list[str]()
    monkeypatch.setattr(module, "tell_hooks", lambda *given: told.append(given[2].name))
    client: Any = Client(StateType.CANCELLING, fails)
    with pytest.raises(ConnectionError) if fails else nullcontext():
        worker._end_left(client)
    assert told == ["Cancelled"]


def test_a_run_that_is_overdue_is_a_failure_unless_the_clock_was_set_back(worker: Worker, exits: list[int]) -> None:
    worker._running = uuid4(), time.monotonic() - 10**6
    for pending in (NEW_PROCESS, NEW_SERVER):
        worker._successor = pending
        with pytest.raises(Exited):
            worker._wait(0)
    assert exits == [1, NEW_SERVER]


def test_a_run_that_does_not_begin_is_a_failure(worker: Worker, exits: list[int]) -> None:
    worker._running = uuid4(), time.monotonic() - 10**6
    worker._taken[uuid4()] = Future()
    client: Any = Client(StateType.PENDING)
    with pytest.raises(Exited):
        worker.end_where_stuck(client)
    assert exits == [1]


def test_a_run_that_ended_while_it_was_cancelled_is_noted_before_another_begins(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, exits: list[int]
) -> None:
    monkeypatch.setattr(module, "tell_hooks", lambda *_: None)
    client: Any = Client(StateType.CANCELLING)
    worker._told_at = time.monotonic()
    with pytest.raises(Exited):
        worker.look(client)
    assert (client.asked[:2], exits) == (NOTED, [NEW_PROCESS])
    assert "get_scheduled_flow_runs_for_deployments" not in client.asked


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_last_run_that_ended_while_it_was_cancelled_is_noted(
    job: Job, monkeypatch: pytest.MonkeyPatch, exits: list[int], is_closed: bool
) -> None:
    closed, client, paused = Event(), Client(StateType.CANCELLING), list[bool]()

    @contextmanager
    def connected(**_: object) -> Iterator[Client]:
        yield client

    def look(self: Worker, client: object) -> None:
        self.served = {uuid4(): refresh}
        self._running, self._runs_left = (uuid4(), time.monotonic()), 0
        if is_closed:
            closed.set()

    monkeypatch.setattr(module, "get_client", connected)
    monkeypatch.setattr(module, "prepare_process", lambda: None)
    monkeypatch.setattr(module, "tell_hooks", lambda *_: None)
    monkeypatch.setattr(Worker, "register", lambda *_: None)
    monkeypatch.setattr(Worker, "look", look)
    monkeypatch.setattr(Worker, "_pause", lambda _: paused.append(True))
    with pytest.raises(Exited):
        Worker(job, closed).serve()
    assert (client.asked[:2], exits) == (NOTED, [NEW_PROCESS])
    assert bool(paused) == is_closed


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_cancelled_run_that_was_deleted_or_ended_by_others_is_looked_at_once(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, is_deleted: bool
) -> None:
    client: Any = Client(StateType.CRASHED)
    if is_deleted:

        def read_flow_run(_: object) -> None:
            raise ObjectNotFound(ValueError())

        monkeypatch.setattr(client, "read_flow_run", read_flow_run, raising=False)
        with pytest.raises(ObjectNotFound):
            worker.end_where_stuck(client)
    worker.end_where_stuck(client)
    worker.end_where_stuck(client)
    assert client.asked == ([] if is_deleted else ["read_flow_run"])


def test_a_clock_that_was_set_back_before_a_worker_began_is_noticed_once(job: Job) -> None:
    worker = Worker(replace(job, clock_offset=clock_offset() + 60), Event())
    assert [worker.was_clock_set_back() for _ in range(2)] == [True, False]
    worker = Worker(replace(job, clock_offset=clock_offset() - 60), Event())
    assert not worker.was_clock_set_back()


def test_each_worker_gets_the_clock_of_the_servers_start(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    given, asked = list[float | None](), list[int]()
    statuses = iter([NEW_PROCESS, 1, NEW_SERVER, NEW_PROCESS])

    class Child:
        def poll(self) -> int:
            status = next(statuses, 0)
            if not status:
                asked.append(15)
            return status or NEW_PROCESS

    def start(job: Job, _: Path) -> Any:
        given.append(job.clock_offset)
        return Child()

    monkeypatch.setattr(serve, "_start", start)
    monkeypatch.setattr(serve, "end_child", lambda *_: None)
    monkeypatch.setattr(serve, "clock_offset", lambda: 2.0)
    monkeypatch.setattr(serve, "LOOK_SECONDS", 0.0)
    serve._supervise(replace(job, clock_offset=1.0), Path("/"), None, asked)
    assert given[:5] == [1.0, 1.0, 1.0, 2.0, 2.0]
