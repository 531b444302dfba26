"""What a scan finds, and what it leaves out and tells."""

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from flows.sources.scan import References, Scan, Source, scan
from flows.sources.walk import Skipped, is_document


def look(folder: Path) -> Scan:
    return scan([Source("s", str(folder))])


def paths(folder: Path) -> list[str]:
    return sorted_paths(look(folder))


def sorted_paths(found: Scan) -> list[str]:
    return sorted(map(str, found.files["path"].to_pylist()))


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


@pytest.mark.parametrize(
    "name", ["a.md", "a.markdown", "a.txt", "a.yaml", "a.yml", "A.MD", "readme", "my-readme.md.txt"]
)
def test_names_of_documents(name: str) -> None:
    assert is_document(name) == (name != "readme")


@pytest.mark.parametrize("name", ["a.html", "md", ".a.md", ".md", "README.md", "ReadMe.txt", "a.md~", "a.md.bak"])
def test_names_of_other_files(name: str) -> None:
    assert not is_document(name)


def test_documents_come_with_their_metadata_and_nothing_else_does(tmp_path: Path) -> None:
    write(
        tmp_path, "b.md", "a/z.txt", "a.md", "é.md", "z.yml", "x.md/inner.md", ".git/a.md", "README.md", "a/.hidden.md"
    )
    found = look(tmp_path)
    names = ["a.md", "a/z.txt", "b.md", "x.md/inner.md", "z.yml", "é.md"]
    assert sorted_paths(found) == names
    status = (tmp_path / "a.md").stat()
    expected = ("s", "a.md", 1, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    assert expected in [tuple(row.values()) for row in found.files.to_pylist()]
    assert (found.unlistable, found.skipped) == ((), ())


def test_references_tell_where_a_document_lies(tmp_path: Path) -> None:
    write(tmp_path, "one/a.md", "two/b.md")
    sources = [Source("z", str(tmp_path / "one")), Source("a", str(tmp_path / "two"))]
    refs = References(sources, scan(sources).files)
    assert [(ref.source, ref.path) for ref in refs] == [("z", "a.md"), ("a", "b.md")]
    assert refs[0].location == str(tmp_path / "one" / "a.md")
    assert (len(refs), refs.sizes(), refs[1:]) == (2, [1, 1], [refs[1]])


def test_links_inside_are_followed_and_others_told(tmp_path: Path) -> None:
    source = tmp_path / "source"
    write(source, "real/a.md", "b.md")
    write(tmp_path, "outside/c.md")
    (source / "link.md").symlink_to("b.md")
    (source / "folder").symlink_to("real")
    (source / "real" / "up").symlink_to("..")
    (source / "away").symlink_to(tmp_path / "outside")
    (source / "away.md").symlink_to(tmp_path / "outside" / "c.md")
    (source / "self.md").symlink_to("self.md")
    (source / "broken.md").symlink_to("nothing")
    found = look(source)
    assert sorted_paths(found) == ["b.md", "folder/a.md", "link.md", "real/a.md"]
    assert {(skipped.path, skipped.reason) for skipped in found.skipped} == {
        ("away", "link_leaves_source"),
        ("away.md", "link_leaves_source"),
        ("broken.md", "broken_link"),
        ("self.md", "broken_link"),
        ("real/up", "link_loop"),
        ("folder/up", "link_within_link"),
    }


def test_many_links_between_folders_do_not_multiply(tmp_path: Path) -> None:
    for here in range(12):
        write(tmp_path, f"{here}/a.md")
        for there in range(12):
            (tmp_path / str(here) / f"to{there}").symlink_to(f"../{there}")
    started = time.perf_counter()
    assert len(paths(tmp_path)) == 12 * 12
    assert time.perf_counter() - started < 1


def test_what_is_no_file_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.md")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.md"))
        found = look(tmp_path)
    assert found.skipped == (Skipped("s", "fifo.md", "not_a_file"), Skipped("s", "s.md", "not_a_file"))


def test_names_that_are_not_utf8_are_told(tmp_path: Path) -> None:
    try:
        (tmp_path / "bad\udcff.md").write_text("x")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert look(tmp_path).skipped == (Skipped("s", "bad\\xff.md (escaped)", "bad_name"),)


def test_no_two_names_have_one_path(tmp_path: Path) -> None:
    names = [b"a\xff.md", b"a\\xff.md", b"\\xff\xff.md", b"\xff\\xff.md", b"\\xff\\xff.md"]
    try:
        for name in names:
            (tmp_path / os.fsdecode(name)).write_text("x")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    found = look(tmp_path)
    paths = [*found.files["path"].to_pylist(), *(one.path for one in found.skipped if one.reason == "bad_name")]
    assert len(set(paths)) == len(names)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path) -> None:
    write(tmp_path, "closed/a.md", "b.md")
    (tmp_path / "closed").chmod(0)
    found = look(tmp_path)
    (tmp_path / "closed").chmod(0o700)
    assert [(place.folder, place.reason) for place in found.unlistable] == [("closed", "Permission denied")]
    assert sorted_paths(found) == ["b.md"]


def test_a_source_that_is_not_there_is_unlistable(tmp_path: Path) -> None:
    assert [place.folder for place in look(tmp_path / "nothing").unlistable] == [""]


def test_a_scan_costs_little_more_than_find(tmp_path: Path) -> None:
    for folder in range(20):
        write(tmp_path, *(f"{folder}/a-document-{number}.md" for number in range(250)))
    find = min(_seconds(["find", str(tmp_path), "-printf", "%p %s %T@\n"]) for _ in range(3))
    own = min(_scan_seconds(tmp_path) for _ in range(3))
    assert own < 5 * find + 0.05


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no GNU find here")
    return time.perf_counter() - started


def _scan_seconds(folder: Path) -> float:
    started = time.perf_counter()
    assert look(folder).files.num_rows == 5000
    return time.perf_counter() - started


def test_a_file_of_the_year_2400_ends_no_scan(tmp_path: Path) -> None:
    write(tmp_path, "a.md")
    far = 13_569_465_600 * 10**9  # more nanoseconds than 64 bits hold
    try:
        os.utime(tmp_path / "a.md", ns=(far, far))
    except OverflowError:
        pytest.skip("this system sets no such time")
    if (tmp_path / "a.md").stat().st_mtime_ns != far:
        pytest.skip("this file system holds no such time")
    assert look(tmp_path).files["mtime_ns"].to_pylist() == [2**63 - 1]
