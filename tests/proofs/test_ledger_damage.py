"""A damaged ledger: a clear error with the way back, the release untouched, and the ways back themselves."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.proofs.publisher import Publisher
from tests.proofs.scene import Look, check_tidy, copy_warehouse, edit_source, error_line, look, newsmart, run_arguments
from warehouse.home import Home

LATER = "2026-10-01T00:00:00Z"
BLOCK = 256 * 1024
HEADERS = 3 * 4096


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Publisher, Look]:
    """A warehouse of two releases; the first one showed what the second does not."""
    publisher = Publisher(tmp_path_factory.mktemp("origin"))
    publisher.publish()
    (publisher.source / "edited.md").rename(publisher.source / "renamed.md")
    return publisher, publisher.publish()


@pytest.fixture
def published(origin: tuple[Publisher, Look], tmp_path: Path) -> tuple[Publisher, Look]:
    """A copy of it that a test may damage."""
    publisher, shown = origin
    return publisher.copy(tmp_path), shown


def flip_byte(path: Path, place: int) -> None:
    """Turn one byte of a file round."""
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)


def flip_every_block(path: Path) -> None:
    """Turn a byte in the middle of every block round: blocks in use are among them wherever they lie."""
    for place in range(HEADERS + BLOCK // 2, path.stat().st_size, BLOCK):
        flip_byte(path, place)


def truncate(path: Path, size: int) -> None:
    """Cut a file off."""
    path.write_bytes(path.read_bytes()[:size])


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: truncate(path, 0),
    "cut in the header": lambda path: truncate(path, 5000),
    "cut to the headers": lambda path: truncate(path, HEADERS),
    "cut in half": lambda path: truncate(path, path.stat().st_size // 2),
    "magic bytes": lambda path: flip_byte(path, 9),
    "version": lambda path: flip_byte(path, 12),
    "a byte of every block": flip_every_block,
    "no database": lambda path: path.write_bytes(b"something else " * 10_000),
}


# Too short, cut off, whole but wrong: one of each kind is tried by default.
USUAL = ("empty", "a byte of every block")


@pytest.mark.parametrize("how", [pytest.param(how, marks=() if how in USUAL else pytest.mark.slow) for how in DAMAGE])
def test_a_damaged_ledger_is_a_clear_error_and_a_full_refresh_the_way_back(
    published: tuple[Publisher, Look], how: str
) -> None:
    publisher, before = published
    home = publisher.home
    DAMAGE[how](home.ledger)
    damaged = home.ledger.read_bytes()

    done = newsmart(*run_arguments(publisher.source, home, LATER))
    assert done.returncode == 1
    assert "--full-refresh" in error_line(done)
    assert look(home.file) == before

    done = newsmart(*run_arguments(publisher.source, home, LATER, "--full-refresh"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["published"]
    (aside,) = home.folder.glob("ledger.damaged-*.duckdb")
    assert aside.read_bytes() == damaged
    assert aside.stat().st_mode & 0o777 == 0o600
    (notice,) = [line for line in done.stderr.splitlines() if "new ledger" in line]
    for lost in ("earlier versions", "removed documents", "first-seen", str(aside)):
        assert lost in notice
    assert look(home.file).release_id != before.release_id
    check_tidy(home)


@pytest.mark.slow
def test_the_warehouse_after_a_new_ledger_is_like_any_other(published: tuple[Publisher, Look]) -> None:
    publisher, _ = published
    home = publisher.home
    truncate(home.ledger, 0)
    assert newsmart(*run_arguments(publisher.source, home, LATER, "--full-refresh")).returncode == 0
    seen = look(home.file)
    again = newsmart(*run_arguments(publisher.source, home, "2026-10-02T00:00:00Z"))
    assert not json.loads(again.stdout.splitlines()[-1])["published"]
    assert look(home.file) == seen
    for command in ("verify", "doctor", "status"):
        assert newsmart(command, "--warehouse", home.file).returncode == 0, command
    assert newsmart("rollback", "--warehouse", home.file).returncode == 1


@pytest.mark.slow
@pytest.mark.parametrize("places", [2, 7])
def test_a_byte_flipped_anywhere_never_gives_a_wrong_release(
    published: tuple[Publisher, Look], tmp_path: Path, places: int
) -> None:
    """One byte at a time, all over the file: a run fails clearly and publishes nothing, or never needed that byte."""
    publisher, before = published
    start = publisher.home.file.parent
    edit_source(publisher.source, 77)
    sound = copy_warehouse(start, tmp_path / "sound")
    assert newsmart(*run_arguments(publisher.source, sound, LATER)).returncode == 0
    expected = look(sound.file).fingerprint
    size = publisher.home.ledger.stat().st_size
    outcomes = set()
    for place in (*range(9, HEADERS, 4096), *range(HEADERS + 100, size, size // places)):
        home = copy_warehouse(start, tmp_path / str(place))
        flip_byte(home.ledger, place)
        done = newsmart(*run_arguments(publisher.source, home, LATER))
        assert done.returncode in (0, 1), done.stderr
        if done.returncode == 1:
            assert "ledger is damaged" in error_line(done)
        assert look(home.file).fingerprint == (expected if done.returncode == 0 else before.fingerprint)
        outcomes.add(done.returncode)
    assert outcomes == {0, 1}


def test_a_full_refresh_of_a_sound_ledger_keeps_it(published: tuple[Publisher, Look]) -> None:
    publisher, before = published
    done = newsmart(*run_arguments(publisher.source, publisher.home, LATER, "--full-refresh"))
    assert done.returncode == 0
    assert list(publisher.home.folder.glob("ledger.damaged-*")) == []
    assert look(publisher.home.file) == before


def test_a_missing_ledger_is_started_anew_beside_the_old_release(published: tuple[Publisher, Look]) -> None:
    publisher, before = published
    publisher.home.ledger.unlink()
    done = newsmart(*run_arguments(publisher.source, publisher.home, LATER))
    assert done.returncode == 0, done.stderr
    assert look(publisher.home.file).release_id != before.release_id


def test_a_log_beside_a_damaged_ledger_is_not_replayed_into_the_new_one(published: tuple[Publisher, Look]) -> None:
    publisher, _ = published
    home = publisher.home
    truncate(home.ledger, 5000)
    log = home.ledger.with_name(home.ledger.name + ".wal")
    log.write_bytes(b"a log of the old ledger")
    done = newsmart(*run_arguments(publisher.source, home, LATER, "--full-refresh"))
    assert done.returncode == 0, done.stderr
    assert not log.exists()
    assert Home.of(home.file).linked_release() == look(home.file).release_id
