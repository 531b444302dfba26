"""Writing by rename: what lies in wait at the temporary name is neither followed nor overwritten; copies."""

import errno
import os
from pathlib import Path

import pytest

from tests.warehouse.making import small_disk
from warehouse import durable
from warehouse.durable import write_atomically


def test_a_link_in_the_place_of_the_temporary_file_is_not_followed(tmp_path: Path) -> None:
    victim, target = tmp_path / "victim", tmp_path / "r.html"
    victim.write_text("mine")
    (tmp_path / "r.html.tmp").symlink_to(victim)
    for content in (b"one", b"two"):
        write_atomically(target, content)
        assert target.read_bytes() == content
    assert victim.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.html", "r.html.tmp", "victim"]


def test_a_link_at_a_name_that_was_foreseen_is_not_followed_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable, "token_hex", lambda size: "0" * size)
    victim, waiting = tmp_path / "victim", tmp_path / "r.html.00000000.tmp"
    waiting.symlink_to(victim)
    for content in (None, "mine"):
        if content is not None:
            victim.write_text(content)
        with pytest.raises(FileExistsError):
            write_atomically(tmp_path / "r.html", b"one")
        assert waiting.is_symlink()
        assert (victim.read_text() if victim.exists() else None) == content


def no_ranges(*_: object) -> int:
    """Stand for a file system that copies no ranges."""
    raise OSError(errno.EXDEV, "Invalid cross-device link")


@pytest.mark.parametrize("has_ranges", [True, False])
def test_a_copy_has_the_same_bytes_whatever_the_file_system_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_ranges: bool
) -> None:
    if not has_ranges:
        monkeypatch.setattr(os, "copy_file_range", no_ranges, raising=False)
    monkeypatch.setattr(durable, "PIECE_BYTES", 1000)
    content = bytes(range(256)) * 100
    (tmp_path / "old").write_bytes(content)
    durable.copy_to_disk(tmp_path / "old", tmp_path / "new")
    assert (tmp_path / "new").read_bytes() == content
    with pytest.raises(FileExistsError):
        durable.copy_to_disk(tmp_path / "old", tmp_path / "new")


def test_a_file_that_becomes_shorter_while_it_is_copied_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old"
    old.write_bytes(bytes(5000))
    monkeypatch.setattr(durable, "PIECE_BYTES", 1000)

    def cut() -> bool:
        os.truncate(old, 2000)
        return False

    with pytest.raises(OSError, match="became shorter"):
        durable.copy_to_disk(old, tmp_path / "new", cut)


def test_a_full_disk_ends_a_copy(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        (tmp_path / "old").write_bytes(bytes(3_000_000))
        with pytest.raises(OSError, match="No space left on device"):
            durable.copy_to_disk(tmp_path / "old", disk / "new")


def test_a_copy_that_is_given_up_ends_after_a_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable, "PIECE_BYTES", 1000)
    (tmp_path / "old").write_bytes(bytes(5000))
    asked = iter([False, False, True])
    durable.copy_to_disk(tmp_path / "old", tmp_path / "new", lambda: next(asked))
    assert (tmp_path / "new").stat().st_size == 2000
