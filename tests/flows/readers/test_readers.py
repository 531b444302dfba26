"""When a run starts reading processes: as soon as it can guess that they pay, and not otherwise."""

import os
from datetime import datetime
from pathlib import Path
from time import time_ns
from typing import Any
from zipfile import ZipFile, ZipInfo

import pytest

from flows.pipeline.direct import run_direct
from flows.pipeline.readers import readers_of
from flows.pipeline.request import RunRequest
from flows.readers import local
from flows.readers.local import LocalReaders
from flows.sources.scan import References, Source
from schemas.errors import TransientFailure
from tests.flows.reading.samples import AS_OF, document, refs_of
from tests.newsroom import FIRST_AS_OF, Newsroom
from warehouse.ledger import record

LATER = datetime(2024, 2, 1)


@pytest.fixture
def refs(tmp_path: Path) -> References:
    for number in range(8):
        (tmp_path / f"{number}.md").write_bytes(document(body=str(number)))
    return refs_of(Source("s", str(tmp_path)))


@pytest.fixture
def cheap_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes pay from three documents on."""
    monkeypatch.setattr("flows.readers.local._WORTH_PROCESSES", 40_000)


@pytest.mark.usefixtures("cheap_processes")
def test_processes_begin_where_they_pay_and_more_than_one_may_read(refs: References) -> None:
    with LocalReaders(2) as two, LocalReaders(1) as one:
        two.expect(2, 500)
        assert not two.has_started
        two.expect(3, 500)
        one.expect(3, 500)
        assert (two.has_started, one.has_started) == (True, False)
        found = [[batch.mentions for batch in readers.read_all(refs, AS_OF)] for readers in (two, one, two)]
        assert found[0] == found[2]
        assert sum(table.num_rows for table in found[0]) == sum(table.num_rows for table in found[1]) == len(refs)
    assert not two.has_started


@pytest.mark.usefixtures("cheap_processes")
def test_what_is_read_where_nothing_was_expected_is_read_by_processes_too(refs: References) -> None:
    with LocalReaders(2) as readers:
        batches = readers.read_all(refs, AS_OF)
        next(batches)
        assert readers.has_started


@pytest.mark.usefixtures("cheap_processes")
def test_after_a_process_died_others_take_its_place(refs: References, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalReaders(2) as readers:
        with monkeypatch.context() as patch:
            patch.setattr(local, "START", "raise SystemExit(3)")
            readers.expect(3, 500)
            with pytest.raises(TransientFailure, match="status 3"):
                list(readers.read_all(refs, AS_OF))
        assert sum(batch.documents.num_rows for batch in readers.read_all(refs, AS_OF)) == len(refs)


@pytest.mark.usefixtures("cheap_processes")
def test_the_look_at_the_sources_ends_where_processes_have_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        (tmp_path / f"{number}.md").write_text("x")
    looked = list[object]()
    lstat = os.lstat

    def look(path: Any, **given: Any) -> os.stat_result:
        looked.append(path)
        return lstat(path, **given)

    monkeypatch.setattr("os.lstat", look)
    request = RunRequest((Source("news", str(tmp_path)),), tmp_path / "n.duckdb", workers=2)
    with readers_of(request) as readers:
        assert isinstance(readers, LocalReaders)
        assert readers.has_started
    assert len([path for path in looked if str(path).endswith(".md")]) == 3


class Watch:
    """Tells of each run whether its processes had begun when the scan was to be compared with the ledger."""

    def __init__(self, newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
        self.newsroom, self.begun = newsroom, list[bool]()
        self.readers: LocalReaders | None = None
        compare = record.compare

        def note_and_compare(*given: Any) -> object:
            assert self.readers is not None
            self.begun.append(self.readers.has_started)
            return compare(*given)

        monkeypatch.setattr(record, "compare", note_and_compare)

    def run(self, as_of: datetime, *, full_refresh: bool = False, root: str = "") -> bool:
        source = Source("news", root or str(self.newsroom.folder))
        request = RunRequest((source,), self.newsroom.warehouse, as_of=as_of, workers=2, full_refresh=full_refresh)
        with LocalReaders(2) as self.readers:
            assert not full_refresh or not self.readers.has_started
            run_direct(request, readers=self.readers)
            assert not self.readers.has_started, "what reading took is given back before the build"
        return self.begun[-1]


@pytest.fixture
def watch(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> Watch:
    for number in range(6):
        newsroom.write(f"{number}.md", _text(number, 0), is_settled=False)
    watch = Watch(newsroom, monkeypatch)
    monkeypatch.setattr("flows.readers.local._WORTH_PROCESSES", 40_000)
    return watch


def _text(number: int, state: int) -> str:
    return f'---\ntitle: "T{state}"\nwebUrl: "https://news.example/{number}"\n---\n'


@pytest.mark.slow
def test_processes_start_before_the_comparison_where_much_has_changed_since_the_last_run(watch: Watch) -> None:
    days = [datetime(2024, 2, day) for day in range(1, 5)]
    assert watch.run(FIRST_AS_OF)
    assert not watch.run(days[0]), "nothing has changed"
    for number in range(4):
        watch.newsroom.write(f"{number}.md", _text(number, 1), is_settled=False)
    assert watch.run(days[1])
    watch.newsroom.write("5.md", _text(5, 2), is_settled=False)
    assert not watch.run(days[2]), "little has changed"
    titles = "select title, count(*) from dim_article group by all order by all"
    assert watch.newsroom.query(titles) == [("T0", 1), ("T1", 4), ("T2", 1)]
    assert watch.run(days[3], full_refresh=True), "all is read again"


def test_times_that_lie_ahead_start_no_process(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        watch.newsroom.write(f"{number}.md", _text(number, 0))
    monkeypatch.setattr("flows.sources.scan.time_ns", lambda: time_ns() - 3600 * 10**9)
    watch.run(FIRST_AS_OF)
    assert not watch.run(LATER)


def test_an_archive_that_is_as_it_was_starts_no_process(watch: Watch, tmp_path: Path) -> None:
    """Its documents have a digest in the place of the time when they changed."""
    archive = tmp_path / "news.zip"
    with ZipFile(archive, "w") as file:
        for number in range(20):
            file.writestr(ZipInfo(f"{number}.md"), _text(number, 0))
    root = f"zip://{archive}"
    watch.run(FIRST_AS_OF, root=root)
    assert not watch.run(LATER, root=root)


@pytest.mark.usefixtures("cheap_processes")
def test_a_first_load_starts_processes_before_it_begins_and_a_later_run_waits_for_its_scan(newsroom: Newsroom) -> None:
    for number in range(6):
        newsroom.write(f"{number}.md", _text(number, 0))
    request = RunRequest((Source("news", str(newsroom.folder)),), newsroom.warehouse, as_of=FIRST_AS_OF, workers=2)
    with readers_of(request) as readers:
        assert isinstance(readers, LocalReaders)
        assert readers.has_started
    newsroom.run()
    with readers_of(request) as readers:
        assert isinstance(readers, LocalReaders)
        assert not readers.has_started
