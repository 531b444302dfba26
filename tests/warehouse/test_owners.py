"""Whose files a warehouse's are, whoever runs, and who is told what where they are another's."""

import os
import pwd
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.cli import main
from tests.documents import make_document
from tests.proofs.scene import look
from warehouse.durable import write_atomically
from warehouse.home import Home
from warehouse.owners import file_mode, hand_over
from warehouse.state import read_state
from warehouse.upkeep import backup, restore
from warehouse.upkeep.doctor import examine

# Users and a group that no system has: nobody's files, and a user without an entry in /etc/passwd as in a container.
SERVICE, COLLEAGUE, GROUP = 61_234, 61_235, 61_240

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to other users")


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A folder that every user may enter; pytest's own are root's alone."""
    with tempfile.TemporaryDirectory(prefix="newsmart-owners-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A warehouse with two releases, to be copied."""
    place = tmp_path_factory.mktemp("origin")
    (place / "news").mkdir()
    home = Home.of(place / "srv" / "news.duckdb")
    for number in range(2):
        assert run_one(home, number) == 0
    return home


@pytest.fixture
def home(origin: Home, open_place: Path) -> Home:
    """A copy of it that is SERVICE's."""
    shutil.copytree(origin.file.parent.parent, open_place, symlinks=True, dirs_exist_ok=True)
    open_place.chmod(0o755)
    home = Home.of(open_place / "srv" / origin.file.name)
    for path in (home.file.parent, *home.file.parent.rglob("*")):
        os.chown(path, SERVICE, GROUP, follow_symlinks=False)
    return home


def run_one(home: Home, number: int, *more: str) -> int:
    source = home.file.parent.parent / "news"
    (source / f"{number}.md").write_text(make_document(f"Story {number}", f"https://example.com/{number}"))
    given = ["--source", f"news={source}", "--warehouse", str(home.file), "--direct", "--quiet", "--workers", "1"]
    return main(["run", *given, *more])


def others_files(home: Home) -> dict[str, tuple[int, int]]:
    """Return what below FILE.d, and FILE itself, is not SERVICE's."""
    found = {str(path): path.lstat() for path in (home.file, home.folder, *home.folder.rglob("*"))}
    ids = {name: (status.st_uid, status.st_gid) for name, status in found.items()}
    return {name: whose for name, whose in ids.items() if whose != (SERVICE, GROUP)}


def as_user(uid: int, do: Callable[[], int], groups: tuple[int, ...] = ()) -> tuple[int, str]:
    """Do something as another user, in a forked process; return its exit status and what it wrote to stderr."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 99
        try:
            os.dup2(writer, 2)
            sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115
            os.setgroups(groups)
            os.setgid(GROUP)
            os.setuid(uid)
            os.umask(0o022)
            status = do()
            sys.stderr.flush()
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as told:
        text = told.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text


WORKS: dict[str, Callable[[Home], int]] = {
    "run": lambda home: run_one(home, 7),
    "full refresh": lambda home: run_one(home, 7, "--full-refresh"),
    "maintain": lambda home: main(["maintain", "--quiet", "--warehouse", str(home.file)]),
    "rollback": lambda home: main(["rollback", "--quiet", "--warehouse", str(home.file)]),
    "purge": lambda home: main(["purge", "--path", "news/0.md", "--quiet", "--warehouse", str(home.file)]),
    "restore": lambda home: _backup_and_restore(home),
    "damaged": lambda home: home.ledger.write_bytes(b"x" * 5000) and run_one(home, 7, "--full-refresh"),
}


def _backup_and_restore(home: Home) -> int:
    made = home.file.parent.parent / "backup"
    assert main(["backup", "--to", str(made), "--quiet", "--warehouse", str(home.file)]) == 0
    shutil.rmtree(home.folder / "releases")
    return main(["restore", "--from", str(made), "--force", "--quiet", "--warehouse", str(home.file)])


@pytest.mark.slow
@needs_root
@pytest.mark.parametrize("umask", [0o022, 0o077])
@pytest.mark.parametrize("work", WORKS)
def test_what_root_does_leaves_all_to_the_warehouses_owner(home: Home, work: str, umask: int) -> None:
    before = os.umask(umask)
    try:
        assert WORKS[work](home) == 0
    finally:
        os.umask(before)
    assert others_files(home) == {}
    assert stat.S_IMODE(home.ledger.stat().st_mode) == 0o600
    assert [one for one in examine(home) if one.name == "rights"] == []
    status, told = as_user(SERVICE, lambda: run_one_there(home))
    assert (status, "belongs" in told, "cannot" in told) == (0, False, False)
    assert as_user(COLLEAGUE, lambda: int(look(home.file).release_id == "")) == (0, "")


def run_one_there(home: Home) -> int:
    """Run without writing a document first: the source is root's."""
    source = home.file.parent.parent / "news"
    given = ["--source", f"news={source}", "--warehouse", str(home.file), "--direct", "--quiet", "--workers", "1"]
    return main(["run", *given])


@needs_root
def test_a_first_run_by_root_belongs_to_the_folders_owner(tmp_path: Path) -> None:
    place = tmp_path / "srv"
    place.mkdir()
    (tmp_path / "news").mkdir()
    os.chown(place, SERVICE, GROUP)
    home = Home.of(place / "news.duckdb")
    assert run_one(home, 0) == 0
    assert others_files(home) == {}
    deep = Home.of(place / "deep" / "er" / "news.duckdb")
    deep.prepare()
    for folder in (deep.file.parent, deep.file.parent.parent, deep.folder, deep.releases):
        assert (folder.stat().st_uid, folder.stat().st_gid) == (SERVICE, GROUP)


@needs_root
def test_a_second_user_is_told_whose_it_is_and_state_stays(home: Home) -> None:
    before = home.state.read_bytes()
    for command in ("run", "maintain", "rollback"):
        do = (lambda: run_one_there(home)) if command == "run" else (lambda: main([command, *to(home)]))  # noqa: B023
        for mode in (0o755, 0o775):  # the group's, too
            home.folder.chmod(mode)
            home.lock.chmod(mode & 0o666)
            status, told = as_user(COLLEAGUE, do)
            assert (status, told.count("\n")) == (1, 1)
            assert f"belongs to user {SERVICE}; " in told
            assert "the disk refused" not in told
    assert home.state.read_bytes() == before
    assert as_user(COLLEAGUE, lambda: main(["status", *to(home)])) == (0, "")


def to(home: Home) -> tuple[str, ...]:
    return ("--warehouse", str(home.file), "--quiet")


@needs_root
@pytest.mark.parametrize("command", ["run", "backup", "export"])
def test_where_a_user_may_make_nothing_the_folder_that_is_there_is_named(home: Home, command: str) -> None:
    """Never `chown -R`: that folder may be /srv, and holds more than what is ours."""
    place = home.file.parent
    new = place / "new.duckdb"
    there = ["--to", str(new), "--warehouse", str(home.file), "--quiet"]
    do = (lambda: run_one_there(Home.of(new))) if command == "run" else (lambda: main([command, *there]))
    home.ledger.chmod(0o644)
    status, told = as_user(COLLEAGUE, do)
    assert (status, told.count("\n")) == (1, 1)
    assert f"{place} belongs to user {SERVICE} and is closed to you; name another place" in told
    assert "chown" not in told


@needs_root
def test_a_user_who_makes_the_ledger_in_anothers_folder_is_told_so(home: Home) -> None:
    home.ledger.unlink()
    home.folder.chmod(0o777)
    for path in home.folder.rglob("*"):
        if path.is_dir() or path == home.lock:
            path.chmod(0o777)
    home.file.parent.chmod(0o777)
    status, told = as_user(COLLEAGUE, lambda: run_one_there(home))
    assert (status, f"belongs to user {SERVICE}" in told, f"user {COLLEAGUE}" in told) == (0, True, True)
    (finding,) = (one for one in examine(home) if one.name == "rights" and one.status == "bad")
    assert "ledger.duckdb" in finding.text
    assert f"chown -R {SERVICE}:{GROUP} {home.folder}" in finding.text


@needs_root
def test_a_restore_into_anothers_warehouse_is_told_before_anything_is_copied(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = home.file.parent.parent / "backup"
    assert main(["backup", "--to", str(made), *to(home)]) == 0
    for path in (made, *made.rglob("*")):
        path.chmod(0o755)
    copy = backup.copy

    def copy_aloud(reading: int, target: Path) -> backup.Copied:
        sys.stderr.write("copied\n")
        return copy(reading, target)

    monkeypatch.setattr(restore, "copy", copy_aloud)
    status, told = as_user(COLLEAGUE, lambda: main(["restore", "--from", str(made), "--force", *to(home)]))
    assert (status, told.count("\n"), f"belongs to user {SERVICE}; " in told) == (1, 1, True)


@needs_root
def test_the_group_of_the_folder_is_the_owners_only_where_the_owner_is_in_it(home: Home) -> None:
    nobody = pwd.getpwnam("nobody")
    assert 0 not in os.getgrouplist(nobody.pw_name, nobody.pw_gid)
    for path in (home.folder, *home.folder.rglob("*")):
        os.chown(path, nobody.pw_uid, 0)
    assert [one for one in examine(home) if one.name == "rights"] == []
    home.ledger.chmod(0o660)
    for group, expected in ((nobody.pw_gid, []), (0, ["bad"])):
        os.chown(home.ledger, 0, group)
        found = [one for one in examine(home) if one.name == "rights"]
        assert [one.status for one in found] == expected
        assert all("closed to the warehouse's owner: " in one.text and "ledger.duckdb" in one.text for one in found)


@needs_root
def test_doctor_names_what_the_owner_and_what_readers_cannot_use(home: Home) -> None:
    release = home.file.resolve()
    os.chown(home.ledger, 0, 0)
    release.chmod(0o400)
    texts = {one.status: one.text for one in examine(home) if one.name == "rights"}
    assert "ledger.duckdb" in texts["bad"]
    assert str(release.relative_to(home.folder)) in texts["warn"]
    assert run_one(home, 3) == 0  # root's next run gives the ledger back
    assert others_files(home) == {}


def test_a_run_under_another_umask_lets_the_same_readers_in(tmp_path: Path) -> None:
    (tmp_path / "news").mkdir()
    home = Home.of(tmp_path / "srv" / "news.duckdb")
    modes = []
    for number, umask in enumerate((0o022, 0o077)):
        before = os.umask(umask)
        try:
            assert run_one(home, number) == 0
        finally:
            os.umask(before)
        release = home.file.resolve()
        modes.append([stat.S_IMODE(path.stat().st_mode) for path in (release, release.parent, home.state, home.lock)])
    assert modes == [[0o444, 0o755, 0o644, 0o644]] * 2
    assert stat.S_IMODE(home.ledger.stat().st_mode) == 0o600


def test_a_warehouse_that_was_made_private_stays_private(tmp_path: Path) -> None:
    (tmp_path / "news").mkdir()
    home = Home.of(tmp_path / "srv" / "news.duckdb")
    for number, umask in enumerate((0o077, 0o022)):
        before = os.umask(umask)
        try:
            assert run_one(home, number) == 0
        finally:
            os.umask(before)
        paths = [home.folder, *(path for path in home.folder.rglob("*") if not path.is_symlink())]
        assert [str(path) for path in paths if path.stat().st_mode & 0o077] == []
    assert read_state(home) is not None


def test_a_file_keeps_the_mode_of_the_one_that_it_replaces(tmp_path: Path) -> None:
    target = tmp_path / "r.html"
    for mode in (0o640, 0o600, 0o666):
        write_atomically(target, b"one")
        target.chmod(mode)
        write_atomically(target, b"two")
        assert stat.S_IMODE(target.stat().st_mode) == mode


@needs_root
def test_root_gives_nothing_away_by_a_link_or_another_name(tmp_path: Path) -> None:
    place, secret = tmp_path / "srv", tmp_path / "secret"
    place.mkdir()
    os.chown(place, SERVICE, GROUP)
    secret.write_text("root's")
    os.link(secret, place / "lock")
    with (place / "lock").open() as file:
        hand_over(file.fileno(), place, 0o644)
    assert (secret.stat().st_uid, stat.S_IMODE(secret.stat().st_mode) & 0o200) == (0, 0o200)
    assert file_mode(place) in (0o644, 0o600)


def test_the_modes_of_files_follow_their_folder(tmp_path: Path) -> None:
    for folder, file in ((0o755, 0o644), (0o700, 0o600), (0o775, 0o664), (0o750, 0o640), (0o711, 0o644)):
        tmp_path.chmod(folder)
        assert file_mode(tmp_path) == file
    tmp_path.chmod(0o700)
