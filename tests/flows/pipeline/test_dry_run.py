"""A dry run finds what a run would find, and leaves everything as it was."""

import json
import tempfile
import zipfile
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.cli import main
from flows.pipeline.direct import DryRun, dry_run
from flows.pipeline.request import RunRequest, RunResult
from flows.readers.local import LocalReaders
from flows.sources.scan import Source
from schemas.errors import NewsmartError, RunFailed
from tests.conftest import phases
from tests.documents import make_document, make_mention
from tests.newsroom import A_DAY, Newsroom
from warehouse.home import Home
from warehouse.ledger.opening import open_ledger, set_meta
from warehouse.lock import hold

URL = "https://example.com/{}"
NAMES = ("a", "b", "c", "sub/d")


def tried(room: Newsroom, **options: Any) -> DryRun:
    """Try what the next run of a newsroom would do."""
    with LocalReaders(1) as readers:
        source = Source("news", str(room.folder))
        return dry_run(RunRequest((source,), room.warehouse, as_of=room.next_as_of, **options), readers)


def everything(room: Newsroom) -> dict[str, tuple[Any, ...]]:
    """What lies in the warehouse: names, modes, times and bytes of all but the lock."""
    home = Home.of(room.warehouse)
    found: dict[str, tuple[Any, ...]] = {}
    for path in (home.file, home.folder, *home.folder.rglob("*")):
        if path != home.lock and (path.is_symlink() or path.exists()):
            status = path.lstat()
            content = sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else ""
            found[str(path)] = (status.st_mode, status.st_mtime_ns, status.st_ino, content)
    return found


def outcome(room: Newsroom, **options: Any) -> tuple[RunResult | None, str | None]:
    """What the run that was tried does: its result, and the error that it ends by."""
    try:
        return room.run(**options), None
    except NewsmartError as error:
        return None, str(error)


Edits = tuple[str, ...]
EDIT = st.sampled_from(("keep", "first", "second", "bad", "gone"))
# Of what happens to each document, and whether it is a full refresh: all that a run counts, and a run that is refused.
RICH: list[tuple[Edits, bool]] = [
    (("first", "first", "first", "bad"), False),
    (("second", "gone", "keep", "first"), True),
    (("gone", "gone", "gone", "gone"), False),
]


@settings(phases=phases(), max_examples=settings().max_examples // 8)
@example(RICH)
@given(st.lists(st.tuples(st.tuples(*[EDIT] * len(NAMES)), st.booleans()), min_size=2, max_size=3))
def test_a_dry_run_finds_what_the_run_finds_and_changes_no_byte(steps: list[tuple[Edits, bool]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        room = Newsroom.below(Path(place))
        room.write("always.md", make_document("always", URL.format("always")))
        for number, (edits, is_full) in enumerate(steps):
            for name, edit in zip(NAMES, edits, strict=True):
                file = room.folder / f"{name}.md"
                if edit in ("first", "second"):
                    room.write(f"{name}.md", make_document(f"{name} {edit}", URL.format(name)))
                elif edit == "bad":
                    room.write(f"{name}.md", "none")
                elif edit == "gone":
                    file.unlink(missing_ok=True)
            before = everything(room)
            found = tried(room, full_refresh=is_full)
            if number:
                assert everything(room) == before
            result, error = outcome(room, full_refresh=is_full)
            assert (None if found.error is None else str(found.error)) == error
            if result is not None:
                assert found.result.documents == result.documents
                assert (found.reason is not None) == result.published
                assert list(found.result.quarantine) == list(result.quarantine)
                counts = [len(found.changes[kind]) for kind in ("new", "gone")]
                returned = result.documents["new"] + result.documents["changed"] - counts[0]
                assert (len(found.changes["changed"]), counts[1]) == (returned, result.documents["removed"])


def test_documents_are_listed_with_the_articles_they_speak_of(newsroom: Newsroom) -> None:
    listed = [make_mention("r", URL.format("r"))]
    newsroom.write("a.md", make_document("a 1", URL.format("a"), related=listed))
    newsroom.write("b.md", make_document("b", URL.format("b"), related=listed))
    newsroom.write("c.md", make_document("c", URL.format("c")))
    newsroom.run()
    newsroom.write("a.md", make_document("a 2", URL.format("a"), related=listed))
    newsroom.run()
    newsroom.write("a.md", make_document("a 1", URL.format("a"), related=listed))  # its content lies in the file only
    newsroom.remove("b.md")
    newsroom.write("d.md", make_document("d", URL.format("d")))
    newsroom.write("e.md", make_document("e", "no url"))

    found = tried(newsroom)

    articles = {
        (kind, document["path"]): [(one["position"], one["title"], one["url_key"]) for one in document["articles"]]
        for kind, documents in found.changes.items()
        for document in documents
    }
    related = (1, "r", "example.com/r")
    assert articles == {
        ("new", "d.md"): [(0, "d", "example.com/d")],
        ("changed", "a.md"): [(0, "a 1", "example.com/a"), related],
        ("gone", "b.md"): [(0, "b", "example.com/b"), related],
    }
    assert [(row["path"], row["line"]) for row in found.result.quarantine] == [("e.md", 3)]


def call(room: Newsroom, *options: str) -> int:
    given = ("--source", f"news={room.folder}", "--warehouse", str(room.warehouse), "--quiet")
    return main(["run", "--dry-run", *given, *options])


@pytest.fixture(scope="module")
def four_published(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """A release of four documents, to be copied."""
    room = Newsroom.below(tmp_path_factory.mktemp("four"))
    for name in NAMES:
        room.write(f"{name}.md", make_document(name, URL.format(name)))
    room.run()
    return room


@pytest.fixture
def shrunk(four_published: Newsroom, tmp_path: Path) -> Newsroom:
    """A copy of it, of which three documents are gone since."""
    room = four_published.copy(tmp_path)
    for name in NAMES[:3]:
        room.remove(f"{name}.md")
    return room


def test_a_first_dry_run_leaves_the_lock_alone(newsroom: Newsroom, capsys: pytest.CaptureFixture[str]) -> None:
    newsroom.write("a.md", make_document("a\x1b[2Ja", URL.format("a")))
    assert call(newsroom, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["published"], told["documents"]["new"], len(told["new"]), told["gone"]) == (False, 1, 1, [])
    assert told["would_publish"] == "readers see no release that the ledger knows"
    left = [str(path.relative_to(newsroom.warehouse.parent)) for path in newsroom.warehouse.parent.rglob("*")]
    assert sorted(left) == ["news.duckdb.d", "news.duckdb.d/lock"]


def test_a_dry_run_is_refused_as_the_run_would_be_and_is_no_attempt(
    shrunk: Newsroom, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything(shrunk)
    hook = ("--on-failure", f"tee {tmp_path}/told")
    assert call(shrunk, "--json", *hook) == 1
    shown = capsys.readouterr()
    assert "3 of 4 documents in the current release would be removed" in shown.err
    told = json.loads(shown.out)
    assert [document["path"] for document in told["gone"]] == ["a.md", "b.md", "c.md"]
    assert (told["would_publish"], "would be removed" in told["error"]) == (None, True)
    assert call(shrunk, "--source", "other=nowhere", *hook) == 2
    assert call(shrunk, "--allow-shrink") == 0
    with hold(Home.of(shrunk.warehouse)):
        assert call(shrunk) == 3
    assert (everything(shrunk), (tmp_path / "told").exists()) == (before, False)


def test_the_text_is_short_and_steers_no_terminal(newsroom: Newsroom, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(22):
        listed = [make_mention("r", URL.format(one)) for one in range(100, 100 + number % 3)]
        newsroom.write(f"{number:02}.md", make_document("a\x07b", URL.format(number), related=listed))
    newsroom.write("bad.md", "none")
    given = ("--source", f"news={newsroom.folder}", "--warehouse", str(newsroom.warehouse))
    assert main(["run", "--dry-run", *given]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "23 documents seen = 22 new" in lines[0]
    assert lines[1].startswith("new     news/00.md: a")
    assert [line.partition(" and ")[2] for line in lines[1:4]] == ["", "1 more article", "2 more articles"]
    assert "… and 2 more new documents; --json lists all" in lines
    assert any(line.startswith("problem news/bad.md:1:1: ") for line in lines)
    assert not any("\x07" in line for line in lines)


def test_an_archive_can_be_tried_too(newsroom: Newsroom, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "day.zip", "w") as archive:
        archive.writestr("a.md", make_document("a", URL.format("a")))
    with LocalReaders(1) as readers:
        source = Source("news", f"zip://{tmp_path}/day.zip")
        found = dry_run(RunRequest((source,), newsroom.warehouse), readers)
    assert [document["path"] for document in found.changes["new"]] == ["a.md"]


def test_a_run_goes_on_after_an_attempt_that_was_refused(shrunk: Newsroom) -> None:
    assert outcome(shrunk)[0] is None
    shrunk.next_as_of -= A_DAY
    found = tried(shrunk, allow_shrink=True)
    assert (found.result.documents["removed"], found.error) == (3, None)
    shrunk.next_as_of += timedelta(hours=1)
    found = tried(shrunk, allow_shrink=True)
    assert (found.result.documents["removed"], found.reason) == (0, "something new is recorded")


def test_a_ledger_of_another_format_is_left_to_a_run(published: Newsroom) -> None:
    with open_ledger(Home.of(published.warehouse)) as connection:
        set_meta(connection, "format_version", "0")
    with pytest.raises(RunFailed, match="newsmart run"):
        tried(published)
