"""Documents to Arrow: a pure function from references to the tables of a batch.

Nothing here knows the ledger or any other batch, so a batch may be read in any process, in any order, twice. A
document that cannot be accepted is a row with its problems, never an exception. Bytes that are known are not parsed,
and content that is known (the source encrypts and breaks lines anew) yields no mentions.
"""

from array import array
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from hashlib import sha256
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa

from flows.reading.blocks import Draft, Memo, judge_fast, prove, read_fast
from flows.reading.entries import Entry
from flows.reading.front_matter import NoFrontMatter, split
from flows.reading.hints import Source
from flows.reading.problems import Problem, document_problems
from flows.reading.validate import Context, Verdict, judge_document
from flows.sources.files import MAX_BYTES, FileBytes, read_files
from flows.sources.scan import FileRef
from schemas.batches import DOCUMENTS, DRIFT, MENTIONS, PACKS, PROBLEMS, SLICES, URLS, ReadBatch, table_of_rows
from schemas.documents import bounds
from schemas.packs import Packer
from schemas.urls import facts

T = TypeVar("T")


class _Opened(NamedTuple):
    """A document whose bytes were read; draft: what the fast lane made of them, if anything."""

    ref: FileRef
    file: FileBytes
    digest: bytes | None
    draft: Draft | Verdict | None


class _Read(NamedTuple):
    """What one reference came to."""

    row: tuple[Any, ...]
    verdict: Verdict


def read_batch(refs: Sequence[FileRef], as_of: datetime, memo: Memo | None = None, first: int = 0) -> ReadBatch:
    """Read, validate and identify documents.

    In: references; as_of, naive UTC, bounds the dates; a memo of the same as-of only saves work. Out: tables whose
    `ref` is an index into refs, counted from first. Raises nothing for what the files hold; TransientFailure or
    SourceUnreadable where a store of them fails.
    """
    memo = Memo(bounds(as_of)) if memo is None else memo
    packer = Packer()
    opened = [_open(ref, file, memo) for ref, file in zip(refs, read_files(refs), strict=True)]
    drafts = (document.draft for document in opened if isinstance(document.draft, Draft))
    entries = dict.fromkeys(chain.from_iterable(draft.entries for draft in drafts))
    proved = prove(list(entries), memo.context)
    reads = [_read(number, document, memo, packer) for number, document in enumerate(opened, first)]
    rows, verdicts = [read.row for read in reads], [read.verdict for read in reads]
    return batch_of(rows, verdicts, packer, first, partial(proved.select, context=memo.context))


def judge_bytes(data: bytes, memo: Memo) -> Verdict:
    """Judge the bytes of one document, by the fast lane where its form allows it."""
    return judge_fast(data, memo) or judge_whole(data, memo.context)


def judge_whole(data: bytes, context: Context) -> Verdict:
    """Judge the bytes of one document by its whole text: the reading that all others must equal."""
    parts = split(data)
    if isinstance(parts, NoFrontMatter):
        return Verdict(None, (), (), document_problems([parts.flaw], parts.text))
    # Not at the top: most documents take the fast lane, and need not wait for PyYAML.
    from flows.reading.yaml_tree import read_tree

    reading = read_tree(parts.text[: parts.yaml_end])
    if reading.flaws:
        return Verdict(None, (), (), document_problems(reading.flaws, parts.text))
    source = Source(reading.tree, reading.places, parts.text, reading.cuts)
    return judge_document(source, parts.body, context)


def _open(ref: FileRef, file: FileBytes, memo: Memo) -> _Opened:
    digest = None if file.data is None else sha256(file.data).digest()
    if file.data is None or digest == ref.known_bytes:
        return _Opened(ref, file, digest, None)
    return _Opened(ref, file, digest, _guarded(read_fast, file.data, memo))


def _guarded(judge: Callable[[bytes, Memo], T], data: bytes, memo: Memo) -> T | Verdict:
    """Judge a document; one on which our own code fails is bad, for it must not keep all others from being read."""
    try:
        return judge(data, memo)
    except MemoryError:  # no fault of the document
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is; its text may hold the document's, so its kind is told
        found = type(error).__name__
        problem = Problem(None, "document", 1, 1, "", "internal_error", "a document that newsmart can judge", found)
        return Verdict(None, (), (), [problem])


def _read(number: int, document: _Opened, memo: Memo, packer: Packer) -> _Read:
    ref, file, digest, draft = document
    if file.data is None or digest is None:
        return _unread(number, ref, file)
    if digest == ref.known_bytes:
        return _Read(_row(number, "same_bytes", file, digest), _NOTHING)
    verdict = draft.verdict() if isinstance(draft, Draft) else draft
    if verdict is None:
        verdict = _guarded(lambda data, memo: judge_whole(data, memo.context), file.data, memo)
    if verdict.content_digest is not None and verdict.content_digest == ref.known_content:
        row = _row(number, "touched", file, digest, verdict.content_digest)
        return _Read(row, verdict._replace(positions=(), entries=()))
    outcome = "bad" if verdict.content_digest is None else "good"
    packer.add(digest, file.data)
    return _Read(_row(number, outcome, file, digest, verdict.content_digest), verdict)


_NOTHING = Verdict(None, (), (), ())
_TOO_BIG = Problem(None, "document", 1, 1, "", "too_big", f"at most {MAX_BYTES} bytes", None)


def _unread(number: int, ref: FileRef, file: FileBytes) -> _Read:
    if file.trouble in ("vanished", "unstable"):
        return _Read((number, file.trouble, *ref.state, None, None, None), _NOTHING)
    if file.trouble == "too_big" and file.state is not None:
        problem = _TOO_BIG._replace(found=f"{file.state[0]} bytes")
        return _Read(_row(number, "bad", file, None), Verdict(None, (), (), [problem]))
    problem = Problem(None, "document", None, None, "", "unreadable", "a file that can be read", file.trouble)
    return _Read((number, "bad", *ref.state, None, None, None), Verdict(None, (), (), [problem]))


def _row(
    number: int,
    outcome: str,
    file: FileBytes,
    digest: bytes | None,
    content: bytes | None = None,
) -> tuple[Any, ...]:
    known = file.state or (None,) * 4
    # What a store says of a size is for telling states apart; bytes are counted.
    size = len(file.data) if file.data is not None else known[0]
    return (number, outcome, *known, size, digest, content)


def batch_of(
    rows: Sequence[tuple[Any, ...]],
    verdicts: Sequence[Verdict],
    packer: Packer,
    first: int,
    table_of_entries: Callable[[Sequence[Entry]], pa.Table],
) -> ReadBatch:
    """Return the tables of a batch.

    In: for each reference its row of DOCUMENTS and its verdict; the packed bytes; the first reference's number; how
    entries become a table.
    """
    packer.close()
    distinct = dict.fromkeys(chain.from_iterable(verdict.entries for verdict in verdicts))
    entries = list({entry.digest: entry for entry in distinct}.values())
    problems = [
        (number, *problem)
        for number, verdict in enumerate(verdicts, first)
        for problem in chain(verdict.problems, verdict.notices)
    ]
    return ReadBatch(
        table_of_rows(rows, DOCUMENTS),
        table_of_rows(packer.slices, SLICES),
        table_of_rows(packer.packs, PACKS),
        _mentions(verdicts, first),
        table_of_entries(entries),
        table_of_rows(list({url.url_raw: url for entry in entries for url in entry.urls or ()}.values()), URLS),
        table_of_rows(problems, PROBLEMS),
        _drift(verdicts if any(entry.drift for entry in entries) else (), first),
    )


def _mentions(verdicts: Sequence[Verdict], first: int) -> pa.Table:
    refs, positions, keys = array("i"), array("i"), array("q")
    for number, verdict in enumerate(verdicts, first):
        refs.extend([number] * len(verdict.entries))
        positions.extend(verdict.positions)
        keys.extend(map(attrgetter("entry_id"), verdict.entries))
    columns = [
        pa.Array.from_buffers(kind.type, len(refs), [None, pa.py_buffer(values)])
        for kind, values in zip(MENTIONS, (refs, positions, keys), strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=MENTIONS)


def _drift(verdicts: Sequence[Verdict], first: int) -> pa.Table:
    found: dict[str, int] = {}
    for number, verdict in enumerate(verdicts, first):
        for position, entry in zip(verdict.positions, verdict.entries, strict=True):
            for name in entry.drift:
                found.setdefault(f"related[].{name}" if position else name, number)
    return table_of_rows(list(found.items()), DRIFT)


def warm_up() -> None:
    """Load what the first document would wait for (the list of public suffixes), so that it does not."""
    facts("https://www.example.com/")
