"""A batch of files to tables: outcomes, digests, raw bytes, and what is told of what cannot be read."""

import os
import threading
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from flows.reading.read import read_batch
from flows.sources.files import MAX_BYTES, read_file
from flows.sources.scan import FileRef, Source
from schemas import batches
from schemas.batches import ReadBatch, key_of_digest
from schemas.documents import ENTRIES
from schemas.packs import unpack
from tests.flows.reading.samples import AS_OF, document, read_folder, refs_of
from tests.fuzz.mutate import SEEDS

RELATED = 'related:\n  - title: "B"\n    webUrl: "https://b.example/"\n    foo: "x"\n'


def refs(folder: Path) -> list[FileRef]:
    return refs_of(Source("s", str(folder)))[:]


def outcomes(batch: ReadBatch) -> list[str | None]:
    return batch.documents["outcome"].to_pylist()


def test_the_seeds() -> None:
    batch = read_folder(SEEDS)
    counts = [table.num_rows for table in (batch.documents, batch.mentions, batch.entries, batch.problems, batch.drift)]
    assert counts == [5, 30, 27, 0, 0]
    assert outcomes(batch) == ["good"] * 5


def test_tables_have_their_schemas(tmp_path: Path) -> None:
    for batch in (read_folder(tmp_path), read_folder(SEEDS)):
        assert batch.documents.schema == batches.DOCUMENTS
        assert batch.mentions.schema == batches.MENTIONS
        assert batch.entries.schema == ENTRIES
        assert batch.urls.schema == batches.URLS
        assert batch.problems.schema == batches.PROBLEMS
        assert batch.drift.schema == batches.DRIFT


def kept(batch: ReadBatch) -> dict[bytes, bytes]:
    packs = {pack["pack_id"]: unpack(pack["bytes"]) for pack in batch.packs.to_pylist()}
    return {
        row["byte_digest"]: packs[row["pack_id"]][row["first"] : row["first"] + row["byte_count"]]
        for row in batch.slices.to_pylist()
    }


def test_a_good_document(tmp_path: Path) -> None:
    data = document(RELATED, "body")
    (tmp_path / "a.md").write_bytes(data)
    batch = read_folder(tmp_path)
    (row,) = batch.documents.to_pylist()
    status = (tmp_path / "a.md").stat()
    assert (row["byte_count"], row["byte_digest"], row["inode"]) == (len(data), sha256(data).digest(), status.st_ino)
    assert kept(batch) == {row["byte_digest"]: data}
    assert batch.mentions["position"].to_pylist() == [0, 1]
    assert batch.entries["title"].to_pylist() == ["A title", "B"]
    keys = [key_of_digest(digest) for digest in batch.entries["entry_digest"].to_pylist() if digest]
    assert batch.entries["entry_id"].to_pylist() == keys == batch.mentions["entry_id"].to_pylist()
    assert batch.urls["url_raw"].to_pylist() == ["https://news.example/a", "https://b.example/"]
    assert batch.drift.to_pylist() == [{"field": "related[].foo", "ref": 0}]


def test_ciphertext_in_the_place_of_a_key_is_told_nowhere(tmp_path: Path) -> None:
    cipher = "Zq9+" * 30
    (tmp_path / "a.md").write_bytes(document(f'"{cipher}": x\nprovider:\n  {cipher}: y\n'))
    (tmp_path / "b.md").write_bytes(document(f"images:\n  - width: 0\n    {cipher}: &x y\n"))
    batch = read_folder(tmp_path)
    assert [row["field"] for row in batch.drift.to_pylist()] == ["provider.\u2026", "\u2026"]
    assert batch.problems.num_rows == 1
    assert "Zq9+" not in str(batch.drift.to_pylist() + batch.problems.to_pylist() + batch.entries.to_pylist())


def test_equal_entries_are_one_row(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.md").write_bytes(document(RELATED, str(number)))
    batch = read_folder(tmp_path)
    assert (batch.mentions.num_rows, batch.entries.num_rows, batch.drift.num_rows) == (6, 2, 1)


def test_known_bytes_are_not_parsed_and_known_content_gives_no_mentions(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(document("secured: 'x'\n"))
    (ref,) = refs(tmp_path)
    (first,) = read_batch([ref], AS_OF).documents.to_pylist()
    known = replace(ref, known_bytes=first["byte_digest"], known_content=first["content_digest"])
    assert outcomes(read_batch([known], AS_OF)) == ["same_bytes"]
    (tmp_path / "a.md").write_bytes(document("secured: 'y'\n").replace(b"\n", b"\r\n"))
    touched = read_batch([known], AS_OF)
    assert outcomes(touched) == ["touched"]
    assert (touched.mentions.num_rows, touched.entries.num_rows) == (0, 0)
    (tmp_path / "a.md").write_bytes(document("locale: x\n"))
    assert outcomes(read_batch([known], AS_OF)) == ["good"]


def test_problems_of_touched_documents_are_still_told(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(document("ampWebUrl: x\n"))
    (ref,) = refs(tmp_path)
    known = replace(ref, known_content=read_batch([ref], AS_OF).documents["content_digest"][0].as_py())
    again = read_batch([known], AS_OF)
    assert (outcomes(again), again.problems.num_rows) == (["touched"], 1)


def test_bad_documents_keep_their_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"nothing")
    batch = read_folder(tmp_path)
    (row,) = batch.documents.to_pylist()
    assert (row["outcome"], row["content_digest"]) == ("bad", None)
    assert kept(batch) == {row["byte_digest"]: b"nothing"}


def test_numbers_begin_where_they_are_told_to(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(document("heat: -5\n" + RELATED))
    (tmp_path / "b.md").write_bytes(document(RELATED))
    batch = read_batch(refs(tmp_path), AS_OF, first=7)
    assert batch.documents["ref"].to_pylist() == [7, 8]
    assert (batch.problems["ref"].to_pylist(), set(batch.mentions["ref"].to_pylist())) == ([7], {8})


def test_a_batch_survives_its_streams() -> None:
    batch = read_folder(SEEDS)
    assert ReadBatch.from_streams(batch.to_streams()) == batch


def test_reading_again_gives_the_same() -> None:
    assert read_folder(SEEDS) == read_folder(SEEDS)


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(document())
    (ref,) = refs(tmp_path)
    (tmp_path / "a.md").unlink()
    assert outcomes(read_batch([ref], AS_OF)) == ["vanished"]


@pytest.mark.parametrize("kind", ["fifo", "folder", "link out", "broken link"])
def test_a_file_that_became_something_else(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    path = source / "a.md"
    path.write_bytes(document())
    (ref,) = refs(source)
    path.rename(tmp_path / "out.md")
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / ("out.md" if kind == "link out" else "nothing"))
    assert outcomes(read_batch([ref], AS_OF)) == ["vanished"]


def test_a_link_inside_its_source_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(document())
    (tmp_path / "b.md").symlink_to("a.md")
    assert outcomes(read_folder(tmp_path)) == ["good", "good"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(document())
    (tmp_path / "a.md").chmod(0)
    batch = read_folder(tmp_path)
    assert outcomes(batch) == ["bad"]
    assert [(row["reason"], row["found"], row["line"]) for row in batch.problems.to_pylist()] == [
        ("unreadable", "Permission denied", None)
    ]


def test_a_document_on_which_our_code_fails_is_bad_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(data: bytes, _memo: object) -> None:
        if b"trap" in data:
            raise RecursionError("what the document says")

    monkeypatch.setattr("flows.reading.read.read_fast", fail)
    (tmp_path / "a.md").write_bytes(document("x: trap\n"))
    (tmp_path / "b.md").write_bytes(document())
    batch = read_folder(tmp_path)
    assert outcomes(batch) == ["bad", "good"]
    (problem,) = batch.problems.to_pylist()
    assert (problem["reason"], problem["found"], problem["line"]) == ("internal_error", "RecursionError", 1)


def test_an_unreadable_file_is_a_problem_whoever_runs_this(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.md").write_bytes(document())

    def refuse(*_args: object) -> int:
        raise PermissionError(13, "Permission denied")

    (ref,) = refs(tmp_path)
    monkeypatch.setattr(os, "open", refuse)
    assert read_batch([ref], AS_OF).problems["reason"].to_pylist() == ["unreadable"]


def test_a_file_that_never_holds_still_is_unstable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.md"
    path.write_bytes(document())
    (ref,) = refs(tmp_path)
    real = os.read

    def read_and_write(descriptor: int, size: int) -> bytes:
        data = real(descriptor, size)
        with path.open("ab") as file:
            file.write(b"x")
        return data

    monkeypatch.setattr(os, "read", read_and_write)
    assert read_file(ref).trouble == "unstable"


def test_a_file_under_writing_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    states = (document(body="a" * 100_000), document(body="b" * 200_000))
    path.write_bytes(states[0])
    (ref,) = refs(tmp_path)
    done = threading.Event()

    def rewrite() -> None:
        for number in range(200):
            (tmp_path / "new").write_bytes(states[number % 2])
            (tmp_path / "new").replace(path)
        done.set()

    writer = threading.Thread(target=rewrite)
    writer.start()
    while not done.is_set():
        assert read_file(ref).data in (*states, None)
    writer.join()


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.md").open("wb") as file:
        file.truncate(50_000_000)
    batch = read_folder(tmp_path)
    (row,), (problem,) = batch.documents.to_pylist(), batch.problems.to_pylist()
    assert (row["outcome"], row["byte_digest"], row["byte_count"]) == ("bad", None, 50_000_000)
    assert (batch.slices.num_rows, batch.packs.num_rows) == (0, 0)
    assert (problem["reason"], problem["found"], problem["line"]) == ("too_big", "50000000 bytes", 1)


def test_a_file_at_the_limit_is_read(tmp_path: Path) -> None:
    head = document()
    (tmp_path / "a.md").write_bytes(head + b"x" * (MAX_BYTES - len(head)))
    (tmp_path / "b.md").write_bytes(head + b"x" * (MAX_BYTES - len(head) + 1))
    assert outcomes(read_folder(tmp_path)) == ["good", "bad"]
