"""Documents in zip and tar archives: what is taken, what is left out and told, what a hostile archive cannot do."""

import bz2
import copy
import gzip
import io
import lzma
import os
import stat
import tarfile
import time
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from flows.readers.local import LocalReaders
from flows.reading.read import read_batch
from flows.sources.files import MAX_BYTES, read_files
from flows.sources.scan import Scan, Source, parse_source, scan
from flows.sources.stores import archives
from flows.sources.walk import Skipped, Unlistable
from schemas.errors import SourceUnreadable
from tests.documents import make_document
from tests.flows.reading.samples import refs_of
from tests.newsroom import FIRST_AS_OF, Newsroom

LONG_AGO = 10**9
URL = "https://example.com/{}"
Files = Mapping[str, str | bytes]
Pack = Callable[[Path, Files], Path]


def pack_zip(file: Path, files: Files) -> Path:
    """Write a zip of these files and return it; it was written long ago."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zip_entry(name), data)
    return settled(file)


def zip_entry(name: str, kind: int = stat.S_IFREG) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, (2001, 9, 9, 1, 46, 40))
    entry.external_attr = (kind | 0o644) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def pack_tar(file: Path, files: Files) -> Path:
    """Write a tar of these files and return it; it was written long ago."""
    with tarfile.open(file, "w") as archive:
        for name, data in files.items():
            add(archive, name, data)
    return settled(file)


def add(archive: tarfile.TarFile, name: str, data: str | bytes = "", kind: bytes = tarfile.REGTYPE) -> None:
    entry, content = tarfile.TarInfo(name), data.encode() if isinstance(data, str) else data
    entry.type, entry.mtime = kind, LONG_AGO
    if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        entry.linkname = "a.md"
    entry.size = len(content) if kind == tarfile.REGTYPE else 0
    archive.addfile(entry, io.BytesIO(content) if entry.size else None)


def settled(file: Path) -> Path:
    os.utime(file, (LONG_AGO, LONG_AGO))
    return file


def source(file: Path, prefix: str = "") -> Source:
    scheme = "zip" if file.suffix == ".zip" else "tar"
    return parse_source(f"news={scheme}://{prefix + '::' if prefix else ''}{file}")


def look(file: Path, prefix: str = "") -> Scan:
    return scan([source(file, prefix)])


def paths(found: Scan) -> list[str]:
    return sorted(map(str, found.files["path"].to_pylist()))


def read(file: Path, prefix: str = "") -> dict[str, bytes | str | None]:
    """Return each document's bytes, or its trouble, by its path."""
    origin = source(file, prefix)
    refs = refs_of(origin)[:]
    got = zip(refs, read_files(refs), strict=True)
    return {ref.path: one.trouble if one.data is None else one.data for ref, one in got}


both = pytest.mark.parametrize(("pack", "name"), [(pack_zip, "x.zip"), (pack_tar, "x.tar")], ids=["zip", "tar"])
FILES: Files = {"news/b.md": "b", "news/deep/a.txt": "a", "newsletter/c.md": "c"}


@both
def test_an_archive_is_read_whole_or_below_a_prefix(tmp_path: Path, pack: Pack, name: str) -> None:
    file = pack(tmp_path / name, FILES)
    assert read(file) == {"news/b.md": b"b", "news/deep/a.txt": b"a", "newsletter/c.md": b"c"}
    assert read(file, "news") == {"b.md": b"b", "deep/a.txt": b"a"}
    assert read(file, "none") == {}


@pytest.mark.parametrize("squeeze", [gzip.compress, bz2.compress])
def test_a_packed_tar_is_read_too(tmp_path: Path, squeeze: Callable[[bytes], bytes]) -> None:
    file = pack_tar(tmp_path / "x.tar", FILES)
    file.write_bytes(squeeze(file.read_bytes()))
    assert read(file, "news") == {"b.md": b"b", "deep/a.txt": b"a"}


def test_a_tar_packed_otherwise_is_told(tmp_path: Path) -> None:
    file = pack_tar(tmp_path / "x.tar", FILES)
    file.write_bytes(lzma.compress(file.read_bytes()))
    assert look(file).unlistable == (Unlistable("news", "", "no whole tar archive (plain, .gz or .bz2)"),)


@both
def test_names_in_an_archive_are_judged_as_in_a_folder(tmp_path: Path, pack: Pack, name: str) -> None:
    bad = ["../up.md", "/etc/a.md", "a//b.md", "a/../c.md", "a/./d.md"]
    other = [".hidden.md", ".git/a.md", "README.md", "x.html", "a.md~"]
    found = look(pack(tmp_path / name, dict.fromkeys([*bad, *other, "./in.md", "é.md"], "x")))
    assert paths(found) == ["in.md", "é.md"]
    assert found.skipped == tuple(Skipped("news", path, "bad_path") for path in sorted(bad))


def test_links_and_what_is_no_file_are_not_followed_in_a_tar(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        add(archive, "a.md", "a")
        add(archive, "soft.md", kind=tarfile.SYMTYPE)
        add(archive, "hard.md", kind=tarfile.LNKTYPE)
        add(archive, "folder", kind=tarfile.SYMTYPE)
        add(archive, "fifo.md", kind=tarfile.FIFOTYPE)
        add(archive, "a.md/inner.md", "i")
        add(archive, "folder.md", kind=tarfile.DIRTYPE)
    found = look(tmp_path / "x.tar")
    assert paths(found) == ["a.md", "a.md/inner.md"]
    told = {skipped.path: skipped.reason for skipped in found.skipped}
    assert told == {"soft.md": "link", "hard.md": "link", "folder": "link", "fifo.md": "not_a_file"}


def test_links_are_not_followed_in_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(zip_entry("soft.md", stat.S_IFLNK), "a.md")
        archive.writestr(zip_entry("a.md"), "a")
        archive.writestr("folder.md/", "")
    found = look(tmp_path / "x.zip")
    assert (paths(found), found.skipped) == (["a.md"], (Skipped("news", "soft.md", "link"),))


def test_of_two_entries_of_one_name_the_last_counts(tmp_path: Path) -> None:
    with warnings.catch_warnings(), zipfile.ZipFile(tmp_path / "x.zip", "w") as zipped:
        warnings.simplefilter("ignore")
        for text in ("first", "second", "third"):
            zipped.writestr(zip_entry("a.md" if text != "second" else "./a.md"), text)
    with tarfile.open(tmp_path / "x.tar", "w") as tarred:
        add(tarred, "a.md", "first")
        add(tarred, "./a.md", "third")
    assert read(tmp_path / "x.zip") == read(tmp_path / "x.tar") == {"a.md": b"third"}
    assert look(tmp_path / "x.zip").skipped == (Skipped("news", "a.md", "duplicate_name"),) * 2
    assert look(tmp_path / "x.tar").skipped == (Skipped("news", "a.md", "duplicate_name"),)


def test_the_bytes_of_an_entry_are_counted_and_not_believed(tmp_path: Path) -> None:
    file = pack_zip(tmp_path / "x.zip", {"a.md": make_document()})
    true, claimed = (size.to_bytes(4, "little") for size in (len(make_document()), 4_000_000))
    file.write_bytes(file.read_bytes().replace(true, claimed))
    source = Source("news", f"zip://{file}")
    batch = read_batch(refs_of(source)[:], FIRST_AS_OF)
    (row,) = batch.documents.to_pylist()
    assert (row["outcome"], row["size"], row["byte_count"]) == ("good", 4_000_000, len(make_document()))


def test_a_header_that_unpacks_to_too_much_is_not_read(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        name = tarfile.TarInfo("././@LongLink")
        name.type, name.size = tarfile.GNUTYPE_LONGNAME, MAX_BYTES + 2 * tarfile.RECORDSIZE
        archive.addfile(name, io.BytesIO(b"a.md".ljust(name.size, b"\0")))
        add(archive, "short.md", "x")
    found = look(settled(tmp_path / "x.tar.gz"))
    assert (paths(found), len(found.unlistable)) == ([], 1)


def test_a_name_that_is_no_text_is_told(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.GNU_FORMAT) as archive:
        add(archive, "bad\udcff.md", "x")
    assert look(tmp_path / "x.tar").skipped == (Skipped("news", "bad\\xff.md (escaped)", "bad_name"),)


def test_a_size_of_all_64_bits_is_one_documents_problem_and_ends_no_run(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.md", "---\n---\n")
        archive.filelist[0].file_size = 2**64 - 1
    batch = read_batch(refs_of(source(tmp_path / "x.zip"))[:], FIRST_AS_OF)
    assert batch.documents["size"].to_pylist() == batch.documents["byte_count"].to_pylist() == [2**63 - 1]
    assert batch.problems["reason"].to_pylist() == ["too_big"]


@both
def test_a_document_that_is_too_big_is_not_unpacked(tmp_path: Path, pack: Pack, name: str) -> None:
    file = pack(tmp_path / name, {"a.md": "a", "big.md": b"\0" * (MAX_BYTES + 1)})
    tracemalloc.start()
    got = read(file)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert got == {"a.md": b"a", "big.md": "too_big"}
    assert most < 2_000_000


def test_what_a_zip_says_of_sizes_is_not_believed(tmp_path: Path) -> None:
    file = pack_zip(tmp_path / "x.zip", {"bomb.md": b"\0" * 30_000_000, "b.md": "b"})
    # In the directory at the end: the first entry's size, 24 bytes after its signature.
    data = bytearray(file.read_bytes())
    place = data.index(b"PK\x01\x02") + 24
    data[place : place + 4] = (1_000).to_bytes(4, "little")
    file.write_bytes(data)
    tracemalloc.start()
    got = read(file)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert got == {"bomb.md": "a damaged entry of its archive", "b.md": b"b"}
    assert most < 2_000_000


def test_entries_of_a_zip_that_cannot_be_read_are_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "x.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("lzma.md", "x", zipfile.ZIP_LZMA)
        archive.writestr("secret.md", "x")
        archive.writestr("torn.md", "content to be torn")
        archive.writestr("good.md", "x")
    data = bytearray(file.read_bytes().replace(b"content to be torn", b"content that's torn"[:18]))
    data[data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1) + 8] |= 1
    file.write_bytes(data)
    assert read(file) == {
        "lzma.md": "packed by method 14, which is not read",
        "secret.md": "encrypted",
        "torn.md": "a damaged entry of its archive",
        "good.md": b"x",
    }


def test_a_header_that_claims_a_name_of_gigabytes_is_not_believed(tmp_path: Path) -> None:
    head = tarfile.TarInfo("long")
    head.type, head.size = tarfile.GNUTYPE_LONGNAME, 8 * 2**30
    (tmp_path / "x.tar").write_bytes(head.tobuf() + b"x" * 4096)
    tracemalloc.start()
    found = look(tmp_path / "x.tar")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [one.folder for one in found.unlistable] == [""]
    assert most < 2_000_000


def test_a_packed_tar_does_not_unpack_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_UNPACKED", 1_000_000)
    file = pack_tar(tmp_path / "x.tar", {"zeros.bin": b"\0" * 20_000_000, "a.md": "a"})
    assert paths(look(file)) == ["a.md"]
    file.write_bytes(gzip.compress(file.read_bytes()))
    assert (paths(look(file)), len(look(file).unlistable)) == ([], 1)


@pytest.mark.parametrize(
    ("pack", "name", "lengths"),
    [(pack_zip, "x.zip", (0, 40, 100, -10, -1)), (pack_tar, "x.tar", (0, 100, 512, 1536, 2000, 3072))],
    ids=["zip", "tar"],
)
def test_an_archive_that_is_cut_short_says_nothing_of_its_documents(
    tmp_path: Path, pack: Pack, name: str, lengths: tuple[int, ...]
) -> None:
    file = pack(tmp_path / name, {"a.md": "a" * 600, "b.md": "b" * 600})
    whole = file.read_bytes()
    for length in lengths:
        file.write_bytes(whole[:length])
        found = look(file)
        assert (paths(found), [one.folder for one in found.unlistable]) == ([], [""]), length


def test_a_run_over_a_damaged_archive_keeps_its_documents(newsroom: Newsroom) -> None:
    file = pack_zip(newsroom.folder / "x.zip", {"a.md": make_document("A", URL.format("a"))})
    newsroom.write("b.md", make_document("B", URL.format("b")))
    folder = Source("folder", str(newsroom.folder))
    newsroom.run(sources=[source(file), folder])
    file.write_bytes(b"no zip")
    with pytest.raises(SourceUnreadable, match=r"folders could not be listed: news/ \(no whole zip archive\)"):
        newsroom.run(sources=[source(file), folder])
    assert newsroom.one("select count(*) from dim_document where removed_at is null") == 2
    with pytest.raises(SourceUnreadable, match="no whole zip archive"):
        newsroom.run(sources=[source(file)])


def test_an_entry_that_says_what_it_said_is_not_unpacked_again(newsroom: Newsroom) -> None:
    kept, old = (make_document(title, URL.format(title)) for title in ("kept", "old"))
    file = newsroom.folder / "x.zip"
    pack_zip(file, {"a.md": old, "b.md": kept})
    assert newsroom.run(sources=[source(file)]).documents["new"] == 2
    # A new export, in which a document that stayed could not be read: it is not even looked at.
    pack_zip(file, {"c.md": old, "a.md": old.replace("old", "new"), "b.md": kept})
    _break_entry(file, kept)
    counts = newsroom.run(sources=[source(file)]).documents
    assert [counts[name] for name in ("new", "changed", "unchanged", "quarantined")] == [1, 1, 1, 0]


def _break_entry(file: Path, text: str) -> None:
    """Spoil the packed bytes of one document and leave the directory as it was."""
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo("b.md")
        assert archive.read(info) == text.encode()
    data = bytearray(file.read_bytes())
    place = info.header_offset + 30 + len(info.filename) + info.compress_size // 2
    data[place] ^= 0xFF
    file.write_bytes(data)
    settled(file)


def test_a_tar_that_is_replaced_while_it_is_read_ends_the_run(tmp_path: Path) -> None:
    file = pack_tar(tmp_path / "x.tar", FILES)
    refs = refs_of(source(file))[:]
    pack_tar(file, {**FILES, "news/more.md": "m"})
    with pytest.raises(SourceUnreadable, match=r"changed while it was read.*run again"):
        list(read_files(refs))


def test_a_reading_process_raises_what_reading_raised(tmp_path: Path) -> None:
    file = pack_zip(tmp_path / "x.zip", FILES)
    refs = refs_of(source(file))
    file.unlink()
    with LocalReaders(1) as pool, pytest.raises(SourceUnreadable, match="the archive cannot be read") as caught:
        pool.start()
        list(pool.read_all(refs, FIRST_AS_OF))
    assert caught.value.where == str(file)


def test_folder_zip_and_tar_make_the_same_release(tmp_path: Path, newsroom: Newsroom) -> None:
    files = {f"{name}.md": make_document(name, URL.format(name)) for name in ("x", "y", "z")}
    for path, text in files.items():
        newsroom.write(path, text)
    archives = [pack_zip(tmp_path / "x.zip", files), pack_tar(tmp_path / "x.tar", files)]
    newsroom.run(as_of=FIRST_AS_OF)
    fingerprints = {newsroom.one("select fingerprint from ops.release")}
    for number, file in enumerate(archives):
        room = replace(newsroom, warehouse=tmp_path / str(number) / "news.duckdb")
        assert room.run(as_of=FIRST_AS_OF, sources=[source(file)]).documents["new"] == 3
        fingerprints.add(room.one("select fingerprint from ops.release"))
    assert len(fingerprints) == 1


def overlapping_zip(file: Path, entries: int) -> Path:
    """Entries that all unpack the same 4 MB of zeros: each name in the directory, the bytes once."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.md", b"\0" * 4_000_000)
        first = archive.filelist[0]
        for number in range(1, entries):
            again = copy.copy(first)
            again.filename = f"{number}.md"
            archive.filelist.append(again)
            archive.NameToInfo[again.filename] = again
    return file


def quoted_zip(file: Path) -> Path:
    """Entries whose packed bytes hold the headers of those that follow."""
    pack_zip(file, {"a.md": "a" * 100, "b.md": "b" * 100})
    data = bytearray(file.read_bytes())
    place = data.index(b"PK\x01\x02")
    data[place + 20 : place + 28] = (150).to_bytes(4, "little") * 2
    file.write_bytes(data)
    return file


def refusal(file: Path) -> str:
    found = look(settled(file))
    assert paths(found) == []
    (unlistable,) = found.unlistable
    return unlistable.reason


def test_entries_of_a_zip_that_share_bytes_are_refused(tmp_path: Path) -> None:
    began = time.monotonic()
    assert refusal(overlapping_zip(tmp_path / "x.zip", 20)) == "an archive whose entries overlap"
    assert refusal(quoted_zip(tmp_path / "q.zip")) == "an archive whose entries overlap"
    assert time.monotonic() - began < 5


def test_a_zip_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    file = pack_zip(tmp_path / "x.zip", {f"{number}.md": b"\0" * 4_900_000 for number in range(30)})
    assert file.stat().st_size < 1_000_000
    began = time.monotonic()
    assert refusal(file).startswith("an archive that unpacks to too much: over 100 MB")
    assert time.monotonic() - began < 5


def test_a_packed_tar_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    file = pack_tar(tmp_path / "x.tar", {f"{number}.md": b"\0" * 4_900_000 for number in range(30)})
    for squeeze in (gzip.compress, bz2.compress):
        (tmp_path / "y.tar").write_bytes(squeeze(file.read_bytes()))
        assert refusal(tmp_path / "y.tar").startswith("an archive that unpacks to too much: over 100 MB")


def test_an_archive_of_too_many_entries_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_ENTRIES", 3)
    for pack, name in ((pack_zip, "x.zip"), (pack_tar, "x.tar")):
        file = pack(tmp_path / name, {f"{number}.md": "x" for number in range(4)})
        assert refusal(file) == "an archive of over 1,000,000 entries"


@pytest.mark.parametrize("size", [-512, -1024, -(2**40)])
@pytest.mark.timeout(20)
def test_a_tar_whose_entry_has_a_negative_size_ends(tmp_path: Path, size: int) -> None:
    head = bytearray(tarfile.TarInfo("a.md").tobuf())
    head[124:136] = b"\xff" + (256**11 + size).to_bytes(11, "big")
    head[148:156] = b"%06o\0 " % (sum(head[:148]) + 8 * 32 + sum(head[156:512]))
    (tmp_path / "x.tar").write_bytes(bytes(head) * 3 + b"\0" * 1024)
    assert refusal(tmp_path / "x.tar") == "no whole tar archive (plain, .gz or .bz2)"


@pytest.mark.timeout(20)
def test_a_header_of_digits_ends(tmp_path: Path) -> None:
    head = tarfile.TarInfo("././@PaxHeader")
    head.type, head.size = tarfile.XHDTYPE, 2_000_000
    (tmp_path / "x.tar").write_bytes(head.tobuf() + b"1" * 2_000_000 + b"\0" * 1408)
    assert refusal(tmp_path / "x.tar") == "no whole tar archive (plain, .gz or .bz2)"


def test_a_sparse_entry_a_device_and_a_hard_link_of_a_tar_are_not_read(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        add(archive, "device.md", kind=tarfile.CHRTYPE)
        add(archive, "pipe.md", kind=tarfile.FIFOTYPE)
        add(archive, "hard.md", kind=tarfile.LNKTYPE)
        add(archive, "sparse.md", kind=tarfile.GNUTYPE_SPARSE)
        add(archive, "/etc/absolute.md", "x")
        add(archive, "../up.md", "x")
        add(archive, "good.md", "x")
    found = look(settled(tmp_path / "x.tar"))
    assert paths(found) == ["good.md"]
    assert {one.path for one in found.skipped} >= {"device.md", "pipe.md", "hard.md", "sparse.md", "../up.md"}


def test_a_zip_that_is_rewritten_in_place_with_its_size_and_time_is_listed_and_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "x.zip"
    for name in ("a.md", "b.md"):
        pack_zip(file, {name: name})
        assert paths(look(file)) == [name]
        assert read(file) == {name: name.encode()}


@pytest.mark.parametrize("is_read", [True, False])
def test_no_archive_stays_open_after_a_run(tmp_path: Path, is_read: bool) -> None:
    file = pack_zip(tmp_path / "x.zip", {"a.md": make_document()})
    with LocalReaders(1) as readers:
        refs = refs_of(source(file))
        assert not is_read or len(list(readers.read_all(refs, FIRST_AS_OF))) == 1
    assert str(file) not in [opened.path for opened in psutil.Process().open_files()]
