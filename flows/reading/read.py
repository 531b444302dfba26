"""Documents to Arrow: a pure function from references to the tables of a batch.

Nothing here knows the ledger or any other batch, so a batch may be read in any process, in any order, twice. A
document that cannot be accepted is a row with its problems, never an exception. Bytes that are known are not parsed,
and content that is known (the source encrypts and breaks lines anew) yields no mentions.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from flows.reading.assemble import batch_of
from flows.reading.blocks import Memo, judge_fast
from flows.reading.front_matter import NoFrontMatter, split
from flows.reading.hints import Source
from flows.reading.problems import Problem, document_problems
from flows.reading.validate import Context, Verdict, judge_document
from flows.sources.files import FileBytes, read_files
from flows.sources.scan import FileRef
from flows.sources.stores.contract import MAX_BYTES
from schemas.batches import ReadBatch
from schemas.documents import bounds
from schemas.file_state import file_state
from schemas.packs import Packer
from schemas.urls import facts


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
    files = zip(refs, read_files(refs), strict=True)
    reads = [_read(number, ref, file, memo, packer) for number, (ref, file) in enumerate(files, first)]
    return batch_of([read.row for read in reads], [read.verdict for read in reads], packer, first)


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


def _judged(data: bytes, memo: Memo) -> Verdict:
    """Judge a document; one on which our own code fails is bad, for it must not keep all others from being read."""
    try:
        return judge_bytes(data, memo)
    except MemoryError:  # no fault of the document
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is; its text may hold the document's, so its kind is told
        found = type(error).__name__
        problem = Problem(None, "document", 1, 1, "", "internal_error", "a document that newsmart can judge", found)
        return Verdict(None, (), (), [problem])


def _read(number: int, ref: FileRef, file: FileBytes, memo: Memo, packer: Packer) -> _Read:
    if file.data is None:
        return _unread(number, ref, file)
    digest = sha256(file.data).digest()
    if digest == ref.known_bytes:
        return _Read(_row(number, "same_bytes", file, digest), _NOTHING)
    verdict = _judged(file.data, memo)
    if verdict.content_digest is not None and verdict.content_digest == ref.known_content:
        return _Read(
            _row(number, "touched", file, digest, verdict.content_digest), verdict._replace(positions=(), entries=())
        )
    outcome = "bad" if verdict.content_digest is None else "good"
    packer.add(digest, file.data)
    return _Read(_row(number, outcome, file, digest, verdict.content_digest), verdict)


_NOTHING = Verdict(None, (), (), ())
_TOO_BIG = Problem(None, "document", 1, 1, "", "too_big", f"at most {MAX_BYTES} bytes", None)


def _unread(number: int, ref: FileRef, file: FileBytes) -> _Read:
    if file.trouble in ("vanished", "unstable"):
        return _Read((number, file.trouble, *_known(ref), None, None, None), _NOTHING)
    if file.trouble == "too_big" and file.status is not None:
        problem = _TOO_BIG._replace(found=f"{file.status.st_size} bytes")
        return _Read(_row(number, "bad", file, None), Verdict(None, (), (), [problem]))
    problem = Problem(None, "document", None, None, "", "unreadable", "a file that can be read", file.trouble)
    return _Read((number, "bad", *_known(ref), None, None, None), Verdict(None, (), (), [problem]))


def _known(ref: FileRef) -> tuple[int, int, int, int]:
    return ref.size, ref.mtime_ns, ref.ctime_ns, ref.inode


def _row(
    number: int,
    outcome: str,
    file: FileBytes,
    digest: bytes | None,
    content: bytes | None = None,
) -> tuple[Any, ...]:
    status = file.status
    known = file_state(status) if status else (None,) * 4
    # What a store says of a size is for telling states apart; bytes are counted.
    size = len(file.data) if file.data is not None else known[0]
    return (number, outcome, *known, size, digest, content)


def warm_up() -> None:
    """Load what the first document would wait for (the list of public suffixes), so that it does not."""
    facts("https://www.example.com/")
