"""Documents to Arrow: a pure function from references to the tables of a batch.

Nothing here knows the ledger or any other batch, so a batch may be read in any process, in any order, twice. A
document that cannot be accepted is a row with its problems, never an exception. Bytes that are known are not parsed,
and content that is known (the source encrypts and breaks lines anew) yields no mentions.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from itertools import chain
from typing import Any, TypeVar

import pyarrow as pa

from flows.reading.blocks import Memo, prove, read_fast
from flows.reading.entries import Entry
from flows.reading.front_matter import split
from flows.reading.problems import Flaw
from flows.reading.validate import Verdict, judge_document, refused
from flows.sources.files import MAX_BYTES, FileBytes, read_files
from flows.sources.scan import FileRef
from schemas.batches import DOCUMENTS, DRIFT, MENTIONS, PACKS, PROBLEMS, SLICES, URLS, ReadBatch, table_of_rows
from schemas.documents import Context, bounds
from schemas.packs import Packer
from schemas.urls import facts

T = TypeVar("T")


_Row = tuple[Any, ...]
"""What one reference came to: its row of DOCUMENTS, but for the reference."""


def read_batch(refs: Sequence[FileRef], as_of: datetime, memo: Memo | None = None, first: int = 0) -> ReadBatch:
    """Read, validate and identify documents.

    In: references; as_of, naive UTC, bounds the dates; a memo of the same as-of only saves work. Out: tables whose
    `ref` is an index into refs, counted from first. Raises nothing for what the files hold; TransientFailure or
    SourceUnreadable where a store of them fails.
    """
    memo = Memo(bounds(as_of)) if memo is None else memo
    packer = Packer()
    files = list(read_files(refs))
    digests = [None if file.data is None else sha256(file.data).digest() for file in files]
    opened = list(zip(refs, files, digests, strict=True))
    drafts = [_draft(*document, memo) for document in opened]
    said = (draft.entries for draft in drafts if draft)
    proved = prove(list(dict.fromkeys(chain.from_iterable(said))), memo.context)
    reads = [_read(*document, draft, memo, packer) for document, draft in zip(opened, drafts, strict=True)]
    rows = [(number, *row) for number, (row, _) in enumerate(reads, first)]
    return batch_of(rows, [verdict for _, verdict in reads], packer, first, proved.select)


def judge_whole(data: bytes, context: Context) -> Verdict:
    """Judge the bytes of one document by its whole text: the reading that all others must equal."""
    parts = split(data)
    if parts.flaw is not None:
        return refused([parts.flaw], parts.text)
    # Not at the top: most documents take the fast lane, and need not wait for PyYAML.
    from flows.reading.yaml_tree import read_tree

    source = read_tree(parts.text[: parts.yaml_end])
    if source.flaws:
        return refused(source.flaws, parts.text)
    return judge_document(source, parts.body, context)


def _draft(ref: FileRef, file: FileBytes, digest: bytes | None, memo: Memo) -> Verdict | None:
    """Return what the fast lane makes of a document, if it is one to be parsed and of a form for that lane."""
    if file.data is None or digest == ref.known_bytes:
        return None
    return _guarded(lambda data: read_fast(data, memo), file.data)


def _guarded(judge: Callable[[bytes], T], data: bytes) -> T | Verdict:
    """Judge a document; one on which our own code fails is bad, for it must not keep all others from being read."""
    try:
        return judge(data)
    except MemoryError:  # no fault of the document
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is; its text may hold the document's, so its kind is told
        return refused([Flaw(0, (), "internal_error", "a document that newsmart can judge", type(error).__name__)])


def _read(
    ref: FileRef, file: FileBytes, digest: bytes | None, draft: Verdict | None, memo: Memo, packer: Packer
) -> tuple[_Row, Verdict]:
    if file.data is None or digest is None:
        return _unread(ref, file)
    # What a store says of a size is for telling states apart; bytes are counted.
    known = (*(file.state or (None,) * 4), len(file.data), digest)
    if digest == ref.known_bytes:
        return ("same_bytes", *known, None), _NOTHING
    verdict = draft
    if verdict is None or any([entry.is_flawed for entry in verdict.entries]):
        verdict = _guarded(lambda data: judge_whole(data, memo.context), file.data)
    content = verdict.content_digest
    if content is not None and content == ref.known_content:
        return ("touched", *known, content), verdict._replace(positions=(), entries=())
    packer.add(digest, file.data)
    return ("bad" if content is None else "good", *known, content), verdict


_NOTHING = Verdict(None, (), (), ())


def _unread(ref: FileRef, file: FileBytes) -> tuple[_Row, Verdict]:
    if file.trouble in ("vanished", "unstable"):
        return (file.trouble, *ref.state, None, None, None), _NOTHING
    if file.trouble == "too_big" and file.state is not None:
        size = file.state[0]
        flaw = Flaw(0, (), "too_big", f"at most {MAX_BYTES} bytes", f"{size} bytes")
        return ("bad", *file.state, size, None, None), refused([flaw])
    flaw = Flaw(None, (), "unreadable", "a file that can be read", file.trouble)
    return ("bad", *ref.state, None, None, None), refused([flaw])


def batch_of(
    rows: Sequence[_Row],
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
    rows = [
        (number, position, entry.entry_id)
        for number, verdict in enumerate(verdicts, first)
        for position, entry in zip(verdict.positions, verdict.entries, strict=True)
    ]
    return table_of_rows(rows, MENTIONS)


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
