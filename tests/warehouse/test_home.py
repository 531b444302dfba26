"""Where everything of a warehouse lies, and what in its place is not touched."""

import os
from pathlib import Path

import pytest

from schemas.errors import RunFailed, UsageError
from tests.warehouse.making import make_home
from warehouse.home import Home


def test_paths_stay_with_the_link_and_keep_its_name(tmp_path: Path) -> None:
    home = Home.of(tmp_path / "press.duckdb")
    assert home.folder == tmp_path / "press.duckdb.d"
    assert home.release_file("r1") == tmp_path / "press.duckdb.d" / "releases" / "r1" / "press.duckdb"
    assert home.link_target("r1") == "press.duckdb.d/releases/r1/press.duckdb"
    assert home.staging_file("r1").parent.parent == home.releases


def test_a_relative_file_becomes_absolute_without_following_the_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home = make_home(Path("w"))
    home.file.symlink_to(home.link_target("r1"))
    assert Home.of(Path("w/news.duckdb")).file == tmp_path / "w" / "news.duckdb"


@pytest.mark.parametrize("name", ["", ".", "/", "a/.."])
def test_a_file_without_a_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        Home.of(Path(name))


@pytest.mark.parametrize("release_id", ["", ".", "..", "../x", "a/b", "a.tmp", "é", "a" * 200, "-x", "a\n"])
def test_an_id_that_could_leave_the_folder_is_refused(tmp_path: Path, release_id: str) -> None:
    with pytest.raises(UsageError):
        Home.of(tmp_path / "n").release_file(release_id)


def test_our_link_is_known_even_when_it_dangles(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    home.check()
    assert home.linked_release() is None
    home.file.symlink_to(home.link_target("r1"))
    home.check()
    assert home.linked_release() == "r1"


@pytest.mark.parametrize(
    "target",
    [
        "elsewhere.duckdb",
        "/etc/hostname",
        "news.duckdb.d/releases/r1/other.duckdb",
        "news.duckdb.d/releases/../r1/news.duckdb",
        "news.duckdb.d/releases/r1.tmp/news.duckdb",
        "./news.duckdb.d/releases/r1/news.duckdb",
        "other.d/releases/r1/news.duckdb",
    ],
)
def test_a_foreign_link_is_refused_and_untouched(tmp_path: Path, target: str) -> None:
    home = make_home(tmp_path)
    home.file.symlink_to(target)
    with pytest.raises(UsageError):
        home.check()
    assert os.readlink(home.file) == target


def test_an_absolute_link_to_a_release_is_not_ours(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    home.file.symlink_to(home.release_file("r1"))
    with pytest.raises(UsageError):
        home.check()


def test_a_file_or_folder_in_the_place_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "news.duckdb").write_bytes(b"mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "third.d").write_text("mine")
    for name in ("news.duckdb", "folder", "third"):
        with pytest.raises(UsageError):
            Home.of(tmp_path / name).prepare()
    assert (tmp_path / "news.duckdb").read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "news.duckdb", "third.d"]


def test_folders_are_made_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        home = make_home(tmp_path / "deep" / "er")
    finally:
        os.umask(before)
    assert [folder.stat().st_mode & 0o777 for folder in (home.folder, home.releases, home.temp)] == [0o750] * 3


def test_a_folder_that_cannot_be_made_is_a_clear_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFailed, match="cannot make the warehouse's folder"):
        Home.of(tmp_path / "file" / "news.duckdb").prepare()


def test_a_read_only_file_system_is_a_clear_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(RunFailed, match="Read-only file system"):
        Home.of(tmp_path / "x" / "news.duckdb").prepare()
