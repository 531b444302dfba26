"""Writing by rename: what lies in wait at the temporary name is neither followed nor overwritten."""

from pathlib import Path

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
