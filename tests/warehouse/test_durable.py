"""Writing by rename: what lies in wait at the temporary name is neither followed nor overwritten."""

from pathlib import Path

import pytest

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
