"""A source that had documents and shows none: most likely a mount that is gone."""

import io
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from flows.pipeline.request import RunResult
from flows.sources.scan import Source
from schemas.errors import NewsmartError, Refused, SourceUnreadable, UsageError
from tests.documents import make_document
from tests.newsroom import Newsroom
from tests.s3_server import s3_gate
from warehouse.home import Home
from warehouse.ledger.opening import open_ledger
from warehouse.ledger.record import vanished


def fill(folder: Path, name: str, count: int) -> None:
    """Write documents of a source."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        (folder / f"{number}.md").write_text(make_document(f"{name} {number}", f"https://{name}.com/{number}"))


class Two:
    """A warehouse of two sources; the second holds one document of five."""

    def __init__(self, room: Newsroom) -> None:
        self.room, self.other = room, room.folder.parent / "other"
        fill(self.other, "other", 1)

    def run(self, **options: Any) -> RunResult:
        """Run over both."""
        sources = [Source("news", str(self.room.folder)), Source("other", str(self.other))]
        return self.room.run(sources=sources, **options)

    def shown(self) -> list[tuple[str, int]]:
        """What readers see of each source."""
        sql = "select source, count(*) from dim_document where removed_at is null group by all order by all"
        return [(str(source), int(count)) for source, count in self.room.query(sql)]

    def histories(self) -> int:
        """How many versions the other source's documents have."""
        return int(self.room.one("select sum(version_count) from dim_document where source = 'other'"))


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Two:
    """A warehouse of two sources, only to be copied."""
    made = Two(Newsroom.below(tmp_path_factory.mktemp("origin")))
    fill(made.room.folder, "news", 4)
    made.run()
    return made


@pytest.fixture
def two(origin: Two, tmp_path: Path) -> Two:
    return Two(origin.room.copy(tmp_path))


def empty(folder: Path) -> None:
    """Take every document away."""
    for file in folder.rglob("*.md"):
        file.unlink()


def test_one_of_two_sources_is_an_empty_mount(two: Two) -> None:
    empty(two.other)
    fill(two.room.folder, "news", 5)
    for left in ("nothing", "folders", "a link to nowhere", "hidden"):
        if left == "folders":
            (two.other / "2024" / "01").mkdir(parents=True)
        if left == "a link to nowhere":
            (two.other / "x.md").symlink_to("nowhere.md")
        if left == "hidden":
            (two.other / ".x.md").write_text("x")
        with pytest.raises(Refused, match=r"holds no document: other had 1 .*--allow-shrink"):
            two.run()
        assert two.shown() == [("news", 4), ("other", 1)]

    (two.other / "x.md").unlink()
    fill(two.other, "other", 1)
    assert two.run().published
    assert two.shown() == [("news", 5), ("other", 1)]
    assert two.histories() == 1, "the mount's absence is no history"


def test_allow_shrink_takes_its_documents_out(two: Two) -> None:
    empty(two.other)
    assert two.run(allow_shrink=True).documents["removed"] == 1
    assert two.shown() == [("news", 4)]
    assert two.run().documents["removed"] == 0


def test_a_single_source_that_vanishes_is_refused_too(newsroom: Newsroom) -> None:
    with pytest.raises(SourceUnreadable, match="holds no document"):
        newsroom.run()
    fill(newsroom.folder, "news", 2)
    newsroom.run()
    empty(newsroom.folder)
    with pytest.raises(Refused, match="news had 2"):
        newsroom.run()
    assert newsroom.one("select count(*) from dim_document where removed_at is null") == 2
    assert newsroom.run(allow_shrink=True).documents["removed"] == 2
    assert newsroom.one("select count(*) from dim_document where removed_at is null") == 0


def test_a_source_that_is_all_in_quarantine_and_vanishes_is_refused(two: Two) -> None:
    third = two.room.folder.parent / "third"
    third.mkdir()
    (third / "bad.md").write_text("none")
    given = [Source("news", str(two.room.folder)), Source("third", str(third))]
    two.room.run(sources=given)
    (third / "bad.md").unlink()
    with pytest.raises(Refused, match="third had 1"):
        two.room.run(sources=given)


def test_a_source_that_is_not_given_has_not_vanished(two: Two) -> None:
    two.room.run()
    assert two.shown() == [("news", 4), ("other", 1)]


def test_a_name_that_is_given_another_folder_with_nothing_in_it(two: Two, tmp_path: Path) -> None:
    (tmp_path / "fresh").mkdir()
    with pytest.raises(Refused, match="other had 1"):
        two.room.run(sources=[Source("news", str(two.room.folder)), Source("other", str(tmp_path / "fresh"))])


def test_an_archive_that_has_become_empty(two: Two, tmp_path: Path) -> None:
    file = tmp_path / "export.zip"
    file.write_bytes(archive({"a.md": make_document("a", "https://zip.com/a")}))
    given = [Source("news", str(two.room.folder)), Source("zipped", f"zip://{file}")]
    two.room.run(sources=given)
    for content in ({}, {"readme.md": "x", "folder/": ""}):
        file.write_bytes(archive(content))
        with pytest.raises(Refused, match="zipped had 1"):
            two.room.run(sources=given)
    file.write_bytes(b"no zip at all")
    with pytest.raises(NewsmartError):
        two.room.run(sources=given)
    assert ("zipped", 1) in two.shown()


def archive(files: dict[str, str]) -> bytes:
    """Return a zip."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as out:
        for name, text in files.items():
            out.writestr(name, text)
    return made.getvalue()


@pytest.mark.slow
def test_a_bucket_that_has_become_empty(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_gate() as gate:
        for name, value in gate.environment().items():
            monkeypatch.setenv(name, value)
        gate.make("bucket")
        gate.put("bucket", "in/a.md", make_document("a", "https://s3.com/a"))
        gate.put("bucket", "out/picture.png", "x")
        two.room.run(sources=[Source("news", str(two.room.folder)), Source("pail", "s3://bucket/in/")])
        for place, error in (("s3://bucket/out/", Refused), ("s3://bucket/none/", UsageError)):
            with pytest.raises(error):
                two.room.run(sources=[Source("news", str(two.room.folder)), Source("pail", place)])
    assert ("pail", 1) in two.shown()


def test_what_lies_in_a_folder_that_cannot_be_listed_has_not_vanished(two: Two) -> None:
    with open_ledger(Home.of(two.room.warehouse)) as connection:
        assert vanished(connection, ["other"], []) == [("other", 1)]
        assert vanished(connection, ["other"], [("other", "")]) == []
        assert vanished(connection, ["other"], [("other", "sub"), ("news", "")]) == [("other", 1)]


def test_a_source_under_a_new_name_is_told(two: Two) -> None:
    renamed = two.room.run(sources=[Source("press", str(two.room.folder))])
    assert any("press holds 4 paths of source news" in notice for notice in renamed.notices)
    again = two.room.run(sources=[Source("press", str(two.room.folder))])
    assert again.notices == []
    both = two.room.run(datetime(2024, 6, 1), sources=[Source("a", str(two.other)), Source("other", str(two.other))])
    assert not any("source other" in notice for notice in both.notices)
