"""Documents for the tests of reading: one good one, with a place for what a test is about."""

from datetime import datetime
from pathlib import Path
from typing import Any

from flows.reading.blocks import Memo, prove, read_fast
from flows.reading.columns import table_of_entries
from flows.reading.problems import Problem
from flows.reading.read import judge_whole, read_batch
from flows.reading.validate import Verdict
from flows.sources.scan import References, Source, scan
from schemas.batches import ReadBatch
from schemas.documents import bounds

AS_OF = datetime(2026, 11, 20)
CONTEXT = bounds(AS_OF)
HEAD = 'title: "A title"\nwebUrl: "https://news.example/a"\n'


def document(extra: str = "", body: str = "") -> bytes:
    """Return a good document with further lines of front matter, from line 4 on."""
    return f"---\n{HEAD}{extra}---\n{body}".encode()


def judge(extra: str) -> Verdict:
    """Judge a good document with further lines."""
    return judge_whole(document(extra), CONTEXT)


def problems(extra: str) -> list[Problem]:
    """Return the problems of a good document with further lines."""
    return list(judge(extra).problems)


def value(verdict: Verdict, column: str, mention: int = 0) -> Any:
    """Return a column of one accepted mention's entry."""
    table, refused = table_of_entries([verdict.entries[mention]], CONTEXT)
    assert not refused
    return table[column].to_pylist()[0]


def refs_of(*sources: Source) -> References:
    """Return references to the documents of sources, sorted by source and path as those of a run are."""
    found = scan(sources).files.sort_by([("source", "ascending"), ("path", "ascending")])
    return References(sources, found)


def read_folder(folder: Path) -> ReadBatch:
    """Scan and read a folder as the source `s`."""
    return read_batch(refs_of(Source("s", str(folder))), AS_OF)


def judge_fast(data: bytes, memo: Memo) -> Verdict | None:
    """Judge a document by its blocks, or return None where only the slow lane can."""
    verdict = read_fast(data, memo)
    if verdict is None:
        return None
    prove(verdict.entries, memo.context)
    return None if any(entry.is_flawed for entry in verdict.entries) else verdict


def judge_bytes(data: bytes, memo: Memo) -> Verdict:
    """Judge the bytes of one document, by the fast lane where its form allows it."""
    return judge_fast(data, memo) or judge_whole(data, memo.context)
