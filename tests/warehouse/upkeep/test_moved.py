"""A warehouse that was renamed, moved or copied, in part or as a whole."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from flows.cli import main
from schemas.errors import LedgerDamaged, UsageError
from tests.documents import make_document
from tests.newsroom import Newsroom
from warehouse.durable import sha256_of
from warehouse.home import Home
from warehouse.release import publish
from warehouse.release.freshness import recorded
from warehouse.upkeep.doctor import Finding, examine


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    newsroom = Newsroom.below(tmp_path_factory.mktemp("built"))
    newsroom.write("a.md", make_document("one"))
    newsroom.run()
    newsroom.write("a.md", make_document("two"))
    newsroom.run()
    return newsroom


@pytest.fixture
def room(built: Newsroom, tmp_path: Path) -> Newsroom:
    return built.copy(tmp_path)


def file_finding(file: Path) -> Finding:
    """What the doctor tells of FILE."""
    home = Home.of(file)
    return next(one for one in examine(home, recorded(home)) if one.name == "file")


def test_what_is_in_its_place_is_well(room: Newsroom) -> None:
    assert file_finding(room.warehouse).status == "ok"


def test_a_file_that_was_renamed_is_told_from_both_sides(room: Newsroom, capsys: pytest.CaptureFixture[str]) -> None:
    other = room.warehouse.rename(room.warehouse.with_name("press.duckdb"))
    told = file_finding(other)
    assert told.status == "bad"
    assert "press.duckdb is the link of news.duckdb, whose folder news.duckdb.d is there" in told.text
    assert "it was renamed; name it news.duckdb again" in told.text
    left = file_finding(room.warehouse)
    assert left.status == "bad"
    assert "news.duckdb is gone while news.duckdb.d is there, and press.duckdb is a link into it" in left.text
    with pytest.raises(UsageError, match="the link of a warehouse called news"):
        Home.of(other).check()
    assert main(["status", "--warehouse", str(other)]) == 2
    assert "this is the link of a warehouse called news.duckdb" in capsys.readouterr().err
    assert room.run().published
    assert file_finding(room.warehouse).status == "ok"


def test_both_renamed_are_told(room: Newsroom) -> None:
    other = room.warehouse.rename(room.warehouse.with_name("press.duckdb"))
    (room.warehouse.parent / "news.duckdb.d").rename(room.warehouse.parent / "press.duckdb.d")
    told = file_finding(other)
    assert (told.status, "link of news.duckdb and press.duckdb.d its folder" in told.text) == ("bad", True)
    assert told.text.endswith("give both their names back")


def test_a_folder_that_was_moved_is_told_and_no_run_begins_anew(room: Newsroom) -> None:
    folder = Home.of(room.warehouse).folder
    moved = folder.rename(folder.with_name("old.d"))
    told = file_finding(room.warehouse)
    assert told.status == "bad"
    assert "news.duckdb.d, which is gone, and the ledger with it; old.d holds its releases" in told.text
    with pytest.raises(LedgerDamaged, match="the ledger is gone"):
        room.run()
    assert room.warehouse.is_symlink()
    assert not folder.exists(), "or moving it back would move it into the new one"
    moved.rename(folder)
    room.run()
    assert room.one("select version_count from dim_document") == 2


def test_a_full_refresh_begins_anew_and_says_what_is_lost(room: Newsroom) -> None:
    shutil.rmtree(Home.of(room.warehouse).folder)
    done = room.run(full_refresh=True)
    assert done.published
    assert any("past runs and takedowns' tombstones are lost" in notice for notice in done.notices)


def test_a_ledger_that_is_gone_alone_is_started_anew_and_told(room: Newsroom) -> None:
    Home.of(room.warehouse).ledger.unlink()
    done = room.run()
    assert done.published
    assert any("there was no ledger" in notice for notice in done.notices)


def test_a_copy_that_followed_the_link_is_told(room: Newsroom, tmp_path: Path) -> None:
    shutil.copytree(room.warehouse.parent, tmp_path / "copy")
    copied = tmp_path / "copy" / "news.duckdb"
    told = file_finding(copied)
    assert (told.status, "a plain file where the link should be" in told.text) == ("bad", True)
    assert "as a copy that follows links leaves it; move it away, and `newsmart run` sets the link" in told.text
    copied.rename(tmp_path / "away")
    assert replace(room, warehouse=copied).run().published
    assert file_finding(copied).status == "ok"


def test_a_copied_warehouse_is_told_and_read_whole_only_once(
    room: Newsroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = room.copy(_made(tmp_path / "copy"))
    for file in (copied.warehouse.parent / "news.duckdb.d").rglob("news.duckdb"):
        file.chmod(0o644)
        file.touch()
        file.chmod(0o444)
    home = Home.of(copied.warehouse)
    (told,) = [one for one in examine(home, recorded(home)) if one.name == "releases"]
    assert (told.status, told.text.startswith("2 kept, all as published; 2 copied since")) == ("ok", True)

    hashed: list[Path] = []

    def noting(path: Path) -> str:
        hashed.append(path)
        return sha256_of(path)

    monkeypatch.setattr(publish, "sha256_of", noting)
    assert not copied.run().published
    assert len(hashed) == 2
    assert not copied.run().published
    (told,) = [one for one in examine(home, recorded(home)) if one.name == "releases"]
    assert (len(hashed), told.text) == (2, "2 kept, all as published")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
