"""Reading with processes: the same result in a steady order, and no process that outlives its parent."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

from flows.readers import cutting, local
from flows.readers.cutting import Span, batches, lanes
from flows.readers.local import LocalReaders
from flows.sources.scan import References, Source
from schemas.errors import RunFailed, TransientFailure
from tests.flows.reading.samples import AS_OF, document, refs_of

ROOT = Path(__file__).parents[3]


@pytest.fixture
def refs(tmp_path: Path) -> References:
    for number in range(40):
        related = f'related:\n  - title: "B{number // 4}"\n    webUrl: "https://b.example/{number // 4}"\n'
        (tmp_path / f"{number:02}.md").write_bytes(document(related if number % 9 else "heat: x\n", str(number)))
    return refs_of(Source("s", str(tmp_path)))


def started(count: int) -> LocalReaders:
    readers = LocalReaders(count)
    readers.start()
    return readers


def _rows(table: pa.Table, *keys: str) -> list[tuple[object, ...]]:
    return sorted(tuple(row[key] for key in keys) for row in table.to_pylist())


def test_processes_give_what_this_process_gives(refs: References, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "MAX_BATCH_FILES", 7)
    here = list(LocalReaders(1).read_all(refs, AS_OF))
    with started(2) as readers:
        there, again = list(readers.read_all(refs, AS_OF)), list(readers.read_all(refs, AS_OF))
    assert there == again
    assert [batch.documents["ref"][0].as_py() for batch in there] == [0, 21, 7, 28, 14, 35]
    for name, keys in (("documents", ("ref", "content_digest")), ("mentions", ("ref", "position", "entry_id"))):
        one, two = (pa.concat_tables([getattr(batch, name) for batch in found]) for found in (here, there))
        assert [str(row) for row in _rows(one, *keys)] == [str(row) for row in _rows(two, *keys)]


def test_no_reference_no_batch_and_nothing_is_imported_for_it() -> None:
    with started(2) as readers:
        assert list(readers.read_all([], AS_OF)) == []
    code = (
        "import sys; from flows.readers.local import LocalReaders;"
        "assert list(LocalReaders(2).read_all([], None)) == []; print(*sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    assert not {"pydantic", "flows.reading.read"} & set(ran.stdout.split())


def test_a_dead_process_is_a_failure_that_may_pass(refs: References, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "START", "raise SystemExit(3)")
    with started(2) as readers, pytest.raises(TransientFailure, match="status 3"):
        list(readers.read_all(refs, AS_OF))


def test_a_failing_process_says_why(refs: References, monkeypatch: pytest.MonkeyPatch) -> None:
    start = local.START.replace("main(", "import flows.readers.worker as w; w.read_batch = None; main(")
    monkeypatch.setattr(local, "START", start)
    with started(2) as readers, pytest.raises(RunFailed, match="TypeError"):
        list(readers.read_all(refs, AS_OF))


def test_an_answer_that_cannot_be_sent_ends_its_process_and_nobody_waits_for_it(
    refs: References, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As where there is no memory left to send it with."""
    broken = "import flows.readers.worker as w; w.RunFailed = lambda text: lambda: None; w.read_batch = None;"
    monkeypatch.setattr(local, "START", local.START.replace("from flows", broken + "from flows"))
    with started(1) as reader:
        given_up = threading.Timer(60, reader.programs[0].kill)
        given_up.start()
        with pytest.raises(TransientFailure, match="ended with status 1 "):
            list(reader.read_all(refs, AS_OF))
        given_up.cancel()
    assert "Can't pickle" in capfd.readouterr().err


def test_processes_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    code = "import time; from flows.readers.local import LocalReaders as L; two = L(2); two.start(); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as parent:
        found = _children(parent.pid, 2)
        parent.send_signal(signal.SIGKILL)
    _wait_until(lambda: not any(_is_alive(process) for process in found))


def test_a_file_of_the_current_folder_is_no_module_of_a_reading_process(
    refs: References, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "signal.py").write_text("raise SystemExit(5)")
    monkeypatch.chdir(tmp_path)
    with started(2) as readers:
        assert len(list(readers.read_all(refs, AS_OF))) == 2


def test_a_closed_pool_leaves_no_process() -> None:
    with started(2) as readers:
        found = _children(readers.programs[0].pid, 1)
    assert not any(map(_is_alive, found))
    assert readers.programs[0].returncode == 0


def _children(pid: int, count: int) -> list[psutil.Process]:
    """Wait until a process has so many processes below it."""
    found = list[psutil.Process]()

    def are_there() -> bool:
        found[:] = psutil.Process(pid).children(recursive=True)
        return len(found) == count

    _wait_until(are_there)
    return found


def _is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_worker_imports_no_more_than_reading_needs() -> None:
    tops = "{name.partition('.')[0] for name, loaded in sys.modules.items() if loaded}"
    code = f"import sys; {local.START.partition('main(')[0]} print(*{tops})".replace("sys.path[:] = {path!r};", "")
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    assert not {"duckdb", "prefect", "numpy", "pandas", "yaml", "urllib3"} & set(ran.stdout.split())


def test_reading_processes_start_before_arrow_is_imported() -> None:
    code = "import sys, flows.cli, flows.commands.run, flows.pipeline.readers; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    assert not {"duckdb", "pyarrow", "pydantic", "importlib.metadata"} & set(ran.stdout.split())


def test_lanes_are_neighbours_of_like_weight() -> None:
    assert lanes([1] * 10, 2) == [Span(0, 5), Span(5, 10)]
    assert lanes([10_000_000, 1, 1, 1], 2) == [Span(0, 1), Span(1, 4)]
    assert lanes([5], 3) == [Span(0, 1)]
    assert lanes([], 2) == []


def test_batches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "MAX_BATCH_BYTES", 10)
    monkeypatch.setattr(cutting, "MAX_BATCH_FILES", 3)
    assert list(batches([1, 1, 1, 1, 9, 9, 20, 1], Span(0, 8))) == [
        Span(0, 3),
        Span(3, 5),
        Span(5, 6),
        Span(6, 7),
        Span(7, 8),
    ]


@pytest.mark.parametrize(("documents", "largest"), [(5_000, 1_000), (180_000, 1_800), (1_000_000, 2_500)])
def test_a_large_load_is_cut_into_larger_batches(documents: int, largest: int) -> None:
    first, *_, last = batches([1] * documents, Span(0, documents))
    assert first == Span(0, largest)
    assert last.last == documents


def test_ctrl_c_does_not_reach_a_process_whose_interpreter_is_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    # A terminal's Ctrl-C is everybody's; Python would write a traceback below the run's one line.
    monkeypatch.setattr(local, "START", "import time; time.sleep(30)")
    readers = LocalReaders(1)
    readers.start()
    (program,) = readers.programs
    try:
        program.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            program.wait(0.5)
    finally:
        program.kill()
        readers.close()
