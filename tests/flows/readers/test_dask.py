"""Reading on Dask's workers: the same release, whatever becomes of the workers, and errors that name what is wrong."""

import errno
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from distributed import Client, Future

from flows.pipeline.direct import dry_run, run_direct
from flows.pipeline.readers import readers_of
from flows.pipeline.request import RunRequest
from flows.readers import dask_cluster, dask_readers, worker
from flows.readers.cutting import pack
from flows.readers.dask_cluster import Answer, Cluster, Pending, direct_cluster
from flows.readers.dask_readers import AHEAD, DaskReaders
from flows.readers.worker import memo_for
from flows.sources.scan import References, Source
from schemas.errors import RunFailed, TransientFailure
from tests.flows.readers.dask_crew import Crew
from tests.flows.reading.samples import AS_OF, document, refs_of
from tests.newsroom import Newsroom
from warehouse import interrupts

DOCUMENTS = 48
Step = Callable[[Client], None]
Submit = Callable[[bytes], Pending]


@pytest.fixture(scope="module")
def crews(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Crew]]:
    """Give a list for crews, which are ended in the end."""
    made = list[Crew]()
    try:
        yield made
    finally:
        for one in made:
            one.close()


@pytest.fixture
def crew(crews: list[Crew], tmp_path_factory: pytest.TempPathFactory) -> Crew:
    """Give a scheduler and three workers; tests that end some of them come last.

    Another one where a scheduler was ended: tests that wait elsewhere may come over after that.
    """
    if not crews or crews[-1].scheduler.poll() is not None:
        crews.append(Crew(tmp_path_factory.mktemp("crew")))
        crews[-1].hire("a", "b", "c")
        with Client(crews[-1].address, set_as_default=False, timeout=60) as client:
            client.wait_for_workers(3, timeout=60)
    return crews[-1]


def write(folder: Path, count: int = DOCUMENTS) -> References:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        related = f'related:\n  - title: "B{number // 4}"\n    webUrl: "https://b.example/{number // 4}"\n'
        extra = related if number % 9 else f'heat: {number}\noriginalUrl: "https://o.example/{number}"\n'
        (folder / f"{number:02}.md").write_bytes(document(extra, str(number)))
    return refs_of(Source("s", str(folder)))


def readers(crew: Crew) -> DaskReaders:
    return DaskReaders(partial(direct_cluster, crew.address, 0), is_own=False)


def fingerprint(place: Path, source: Source, address: str | None, workers: int) -> str:
    newsroom = Newsroom(Path(source.root), place / "out" / "news.duckdb")
    request = RunRequest((source,), newsroom.warehouse, as_of=AS_OF, workers=workers, dask_address=address)
    with readers_of(request) as given:
        run_direct(request, readers=given)
    return str(newsroom.one("select fingerprint from ops.release"))


def act_on_submission(monkeypatch: pytest.MonkeyPatch, steps: dict[int, Step]) -> list[int]:
    """Let things happen to the cluster when the n-th batch is handed out; return how many were out at each."""
    outstanding = list[int]()

    def acting(cluster: Cluster) -> Submit:
        def submit_and_act(message: bytes) -> Pending:
            pending = cluster.submit(message)
            outstanding.append(len(cluster.client.futures))
            if len(outstanding) in steps:
                steps[len(outstanding)](cluster.client)
            return pending

        return submit_and_act

    submit_by(monkeypatch, acting)
    return outstanding


def submit_by(monkeypatch: pytest.MonkeyPatch, make: Callable[[Cluster], Submit]) -> None:
    """Let batches be handed out by what `make` makes of an open cluster."""
    monkeypatch.setattr(dask_cluster, "Cluster", lambda client, submit: Cluster(client, make(Cluster(client, submit))))


def addresses(client: Client) -> dict[str, str]:
    workers = client.scheduler_info(n_workers=-1)["workers"]
    return {str(worker["name"]): address for address, worker in workers.items()}


def test_the_release_is_the_same_from_all_engines_while_workers_come_and_go(
    crew: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "docs")
    monkeypatch.chdir(tmp_path)  # a relative source means this folder on the workers too
    source = Source("s", "docs")
    here = fingerprint(tmp_path / "here", source, None, 1)
    with monkeypatch.context() as patch:
        patch.setattr("flows.readers.local._WORTH_PROCESSES", 0)
        assert fingerprint(tmp_path / "processes", source, None, 2) == here
    held: list[int] = []

    def kill_once_it_holds_a_batch(client: Client) -> None:
        count = 0 if held else len(client.processing()[addresses(client)["a"]])
        if count:
            held.append(count)
            crew.signal("a", signal.SIGKILL)

    def retire(client: Client) -> None:
        client.wait_for_workers(3, timeout=60)
        client.retire_workers([addresses(client)["b"]])

    outstanding = act_on_submission(
        monkeypatch,
        {
            2: lambda client: crew.hire("d"),
            3: lambda client: crew.signal("a", signal.SIGSTOP),  # what it is given from now on it cannot finish
            **dict.fromkeys(range(4, 11), kill_once_it_holds_a_batch),
            11: retire,
        },
    )

    monkeypatch.setattr(dask_readers, "read_batch", None)  # nothing is read here
    assert fingerprint(tmp_path / "dask", source, crew.address, 2) == here
    assert held
    assert len(outstanding) >= 12
    assert max(outstanding) <= AHEAD * 4
    with Client(crew.address, set_as_default=False) as client:
        assert set(addresses(client)) == {"c", "d"}


def test_batches_come_in_the_order_of_their_references(crew: Crew, tmp_path: Path) -> None:
    refs = write(tmp_path)
    found = list(readers(crew).read_all(refs, AS_OF))

    assert [number for batch in found for number in batch.documents["ref"].to_pylist()] == list(range(DOCUMENTS))
    assert found == list(readers(crew).read_all(refs, AS_OF))


def test_a_dry_run_reads_on_a_cluster_too(crew: Crew, tmp_path: Path) -> None:
    write(tmp_path / "docs", 8)
    request = RunRequest((Source("s", str(tmp_path / "docs")),), tmp_path / "out" / "news.duckdb")
    with readers(crew) as given:
        assert dry_run(request, given).result.documents["new"] == 8
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["news.duckdb.d", "lock"]


def test_where_nothing_is_to_be_read_no_cluster_is_needed() -> None:
    readers = DaskReaders(partial(direct_cluster, "tcp://127.0.0.1:1", 0), is_own=False)

    assert list(readers.read_all([], AS_OF)) == []


def test_what_was_handed_out_is_taken_back_when_the_run_ends(crew: Crew, tmp_path: Path) -> None:
    with readers(crew) as given:
        batches = given.read_all(write(tmp_path), AS_OF)
        next(batches)
    with Client(crew.address, set_as_default=False) as client:
        deadline = time.monotonic() + 10
        while left := client.run_on_scheduler(count_tasks):
            assert time.monotonic() < deadline, left
            time.sleep(0.05)
    batches.close()


def count_tasks(dask_scheduler: object) -> int:
    return len(dask_scheduler.tasks)  # type: ignore[attr-defined]


def test_a_batch_that_fails_by_our_own_fault_fails_the_run(crew: Crew, tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=r"worker tcp://127.0.0.1:\d+ failed: AttributeError"):
        list(readers(crew).read_all(write(tmp_path, 3), None))  # type: ignore[arg-type]


def test_a_worker_of_another_version_is_refused(crew: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "versions_here", lambda: "newsmart 9.9, rules 7, URL policy 7, tables abc")
    with pytest.raises(RunFailed, match=r"has newsmart 0\.1\.0, .* the run newsmart 9\.9, rules 7, .* tables abc"):
        list(readers(crew).read_all(write(tmp_path, 3), AS_OF))


def test_a_worker_without_newsmart_is_told(crew: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def importing_nothing(cluster: Cluster) -> Submit:
        def submit(message: bytes) -> Pending:
            future: Future[Answer] = cluster.client.submit(import_nothing, pure=False)
            return Pending(future.result, future)

        return submit

    submit_by(monkeypatch, importing_nothing)
    with pytest.raises(RunFailed, match=r"cannot load newsmart: ModuleNotFoundError.*newsmart\[dask\]"):
        list(readers(crew).read_all(write(tmp_path, 3), AS_OF))


def test_a_worker_without_newsmart_is_refused_before_a_batch(
    crew: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "PACKAGE", "newsmart_that_is_not_there")
    with pytest.raises(RunFailed, match=r"a Dask worker has no newsmart: tcp://127\.0\.0\.1"):
        list(readers(crew).read_all(write(tmp_path, 3), AS_OF))


def import_nothing() -> Answer:
    raise ModuleNotFoundError("No module named 'flows'")


@pytest.mark.parametrize("folder", ["unmounted", "forbidden"])
def test_a_worker_whose_mount_point_is_empty_fails_the_run(
    crew: Crew, tmp_path: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_readers, "LANES_PER_THREAD", 1)
    with pytest.raises(RunFailed, match=rf"worker tcp://\S+ does not see the documents: {tmp_path}/{folder}/"):
        list(readers(crew).read_all(write(tmp_path / folder), AS_OF))


@pytest.mark.parametrize("folder", ["unmounted", "forbidden"])
def test_a_few_documents_that_a_worker_does_not_see_are_read_here(crew: Crew, tmp_path: Path, folder: str) -> None:
    write(tmp_path / "docs", 4), write(tmp_path / folder, 2)
    refs = refs_of(Source("s", str(tmp_path / "docs")), Source("t", str(tmp_path / folder)))
    (tmp_path / "docs" / "03.md").unlink()
    outcomes = [row for batch in readers(crew).read_all(refs, AS_OF) for row in batch.documents["outcome"].to_pylist()]

    assert outcomes == ["good", "good", "good", "vanished", "good", "good"]


def test_a_batch_that_ends_every_worker_fails_the_run(crew: Crew, tmp_path: Path) -> None:
    crew.hire("e")
    (tmp_path / "kills.md").write_bytes(document())
    with pytest.raises(RunFailed, match=r"ended every Dask worker that read it: 1 document from s/kills\.md on"):
        list(readers(crew).read_all(refs_of(Source("s", str(tmp_path))), AS_OF))


def test_a_lost_scheduler_is_a_failure_that_may_pass(
    crew: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(dask_cluster.CLIENT_OPTIONS, "timeout", 1.0)
    monkeypatch.setattr(dask_readers, "LOOK_SECONDS", 1.0)
    batches = readers(crew).read_all(write(tmp_path), AS_OF)
    next(batches)
    crew.scheduler.kill()
    started = time.monotonic()
    with pytest.raises(TransientFailure, match="Dask scheduler was lost"):
        list(batches)
    assert time.monotonic() - started < 30
    with pytest.raises(TransientFailure, match=r"no Dask scheduler answers: tcp://127"):
        list(readers(crew).read_all(write(tmp_path), AS_OF))


def test_a_scheduler_that_is_lost_while_workers_are_asked_is_told_by_what_comes_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cancelled(*_: object) -> None:
        raise CancelledError

    monkeypatch.setattr(dask_cluster, "wait", cancelled)
    asked, future = list[object](), Mock(status="cancelled")
    client: Any = SimpleNamespace(
        nthreads=lambda: {"a": 1},
        submit=lambda *_, **__: future,
        as_current=nullcontext,
        cancel=lambda futures, **_: asked.extend(futures),
    )
    dask_cluster.check_workers(client)
    assert asked == [future]


def test_what_the_system_refuses_a_worker_is_told_with_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/scratch/x")

    monkeypatch.setattr(dask_cluster, "get_worker", lambda: SimpleNamespace(address="tcp://10.0.0.7:40001"))
    monkeypatch.setattr(worker, "read_batch", full)
    answer = dask_cluster.read_on_worker(dask_cluster.versions_here(), pack(write(tmp_path, 1), 0, AS_OF))
    assert str(answer.error).startswith("the Dask worker tcp://10.0.0.7:40001 failed: ")
    assert "No space left" in str(answer.error)


def test_a_memo_is_kept_by_each_thread_for_one_as_of() -> None:
    first = memo_for(AS_OF)
    assert memo_for(AS_OF) is first
    with ThreadPoolExecutor(1) as other:
        assert other.submit(memo_for, AS_OF).result() is not first
    assert memo_for(AS_OF.replace(year=2025)) is not first


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_a_cluster_starts_waits_for_its_end_and_closes_it(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    steps: list[str] = []

    @contextmanager
    def cluster(**_: object) -> Iterator[None]:
        steps.append("open")
        yield
        steps.append("used")

    def interrupted(**given: object) -> AbstractContextManager[None]:
        signal.raise_signal(number)
        steps.append("started")
        return closing_notes(cluster(**given), steps)

    monkeypatch.setattr(dask_cluster, "LocalCluster", interrupted)
    with interrupts.honoured(), pytest.raises(KeyboardInterrupt), dask_cluster._own_cluster(1, ""):
        steps.append("never")
    assert steps == ["started", "open", "closed"]


@contextmanager
def closing_notes(given: AbstractContextManager[None], steps: list[str]) -> Iterator[None]:
    with given:
        try:
            yield
        finally:
            steps.append("closed")
