"""Documents in S3, or in a store that speaks its protocol (warehouse/s3.py).

A listing costs one call for 1,000 objects. Fetches start ahead of the one that is being read, so that the network and
the parser both work; at most AHEAD objects are held.

A listing is no moment in time: objects come and go while its pages are read. One that is gone at its turn is reported
and left to the next run; one that was replaced is taken as it is now, with its own ETag, for one answer is always
whole. A prefix without any object is refused like a folder that is not there: otherwise a typing error would remove all
documents of the source.

The client tries again what fails before an answer; an answer that breaks off in its body is asked for again here.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from threading import Thread
from time import monotonic, sleep
from typing import Any

from flows.settings import is_s3_anonymous
from flows.sources.files import DENIED, MAX_BYTES, FileBytes
from flows.sources.scan import FileRef
from flows.sources.stores.address import Address
from flows.sources.stores.store import Entry, NotListed, hash63
from schemas.errors import TransientFailure, UsageError
from schemas.limits import FileState, cut_state
from warehouse.s3 import CONNECTIONS, TRIES, Answered, connect, failure_of

AHEAD = CONNECTIONS
FIRST_WAIT = 0.2
CLIENT_SECONDS = 300
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1)
def _client(root: str, time_slot: int) -> Any:
    """Return the client of this process, for all batches; a new one now and then, as a key in ~/.aws is replaced."""
    return connect(root, is_anonymous=is_s3_anonymous())


def list_entries(address: Address) -> Iterator[Entry]:
    """Yield the objects below the address's prefix. Raises NotListed, UsageError, TransientFailure."""
    _client.cache_clear()
    client = _client(address.root, 0)
    is_empty = True
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=address.container, Prefix=address.folder)
        for page in pages:
            for item in page.get("Contents", ()):
                is_empty = False
                if item["Key"].startswith(address.folder):
                    yield Entry(item["Key"][len(address.folder) :], _state(item, item.get("Size", 0)))
            if page.get("IsTruncated") and not page.get("NextContinuationToken"):
                raise NotListed("the store's list has no end")
    except NotListed:
        raise
    except Exception as error:  # noqa: BLE001  judged by its kind
        raise _not_listed(address, failure_of(error, address.root)) from None
    if is_empty:
        raise UsageError("no object lies there", where=address.root, todo="check the URL given to --source")


def _not_listed(address: Address, failure: Exception) -> Exception:
    if not isinstance(failure, Answered):
        return failure
    code = failure.code
    if code == "NoSuchBucket":
        return UsageError("no such bucket", where=address.root, todo="check the URL given to --source")
    return NotListed(f"no right to list it, {code}" if failure.is_denial else f"the store answers {code}")


def read_documents(address: Address, refs: Sequence[FileRef]) -> Iterator[FileBytes]:
    """Yield the documents, each as it is now. Raises TransientFailure, UsageError."""
    client = _client(address.root, int(monotonic() // CLIENT_SECONDS))
    rest = (_start(client, address, ref) for ref in refs)
    started = deque(islice(rest, AHEAD))
    while started:
        yield started.popleft().result()
        started.extend(islice(rest, 1))


def _start(client: Any, address: Address, ref: FileRef) -> "Future[FileBytes]":
    """Start to fetch a document.

    In a daemon thread, since a process waits at its end for the threads of a ThreadPoolExecutor: where a store hangs,
    Ctrl-C would take minutes.
    """
    future: Future[FileBytes] = Future()

    def fetch() -> None:
        try:
            future.set_result(_fetch(client, address, ref))
        except BaseException as error:  # noqa: BLE001  raised where the answer is taken
            future.set_exception(error)

    Thread(target=fetch, daemon=True).start()
    return future


def _fetch(client: Any, address: Address, ref: FileRef, tries: int = TRIES) -> FileBytes:
    if ref.size > MAX_BYTES:
        return FileBytes(None, ref.state, "too_big")
    try:
        answer = client.get_object(Bucket=address.container, Key=address.folder + ref.path)
    except Exception as error:  # noqa: BLE001  judged by its kind
        return _unread(failure_of(error, address.root))
    try:
        return _take(answer, ref)
    except Exception as error:  # noqa: BLE001  judged by its kind
        failure = failure_of(error, address.root)
        if tries == 1 or not isinstance(failure, TransientFailure):
            raise failure from None
    sleep(FIRST_WAIT * 2 ** (TRIES - tries))
    return _fetch(client, address, ref, tries - 1)


def _unread(failure: Exception) -> FileBytes:
    if not isinstance(failure, Answered):
        raise failure from None
    if failure.status == 404:
        return FileBytes(None, None, "vanished")
    return FileBytes(None, None, f"{DENIED if failure.is_denial else 'the store answers'}, {failure.code}")


def _take(answer: Mapping[str, Any], ref: FileRef) -> FileBytes:
    """Take in an object, with the numbers of the listing where it is the same, else its own."""
    length = int(answer["ContentLength"])
    state = _state(answer, length)
    if (length, hash63(answer.get("ETag"))) == (ref.size, ref.ctime_ns):
        state = ref.state  # the listing's time may be finer than that of the answer's head
    with closing(answer["Body"]) as body:
        if length > MAX_BYTES:
            return FileBytes(None, state, "too_big")
        data = body.read(length)  # never more than the answer's head says, whatever comes
        if len(data) != length or body.read(1):  # at its end the client compares length and checksum
            raise ConnectionResetError("the body is not as long as its head says")
        return FileBytes(data, state)


def _state(item: Mapping[str, Any], size: int) -> FileState:
    since = item.get("LastModified", _EPOCH) - _EPOCH
    mtime_ns = (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000
    return cut_state(size, mtime_ns, hash63(item.get("ETag")), 0)
