"""Documents in S3, or in a store that speaks its protocol.

s3fs makes the client, so that regions, endpoints, profiles and roles are those of AWS's own settings and fsspec's; the
two calls that are needed are made on that client, for what they answer beside the bytes. A listing costs one call for
1,000 objects. Fetches are begun ahead of the one that is being read, so that the network and the parser both work; at
most AHEAD objects are held.

A listing is no moment in time: objects come and go while its pages are read. One that is gone at its turn is told and
left to the next run; one that was replaced is taken as it is now, with its own ETag, for one answer is always whole.
A prefix without any object does not exist, and is refused as a folder is that is not there: otherwise a slip of the
pen would remove all documents of the source.
"""

import asyncio
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from s3fs import S3FileSystem

from flows.sources.stores.address import Address
from flows.sources.stores.contract import (
    DENIED,
    MAX_BYTES,
    Entry,
    Got,
    NotListed,
    Numbers,
    Reference,
    hash63,
    numbers_of,
)
from flows.sources.stores.s3_calls import Answered, bad_settings, no_answer, tried
from schemas.errors import UsageError

T = TypeVar("T")

AHEAD = 32
CALL_SECONDS = 300.0
_OPTIONS: Mapping[str, Any] = {
    "config_kwargs": {
        "connect_timeout": 10,
        "read_timeout": 30,
        "retries": {"total_max_attempts": 1},
        "max_pool_connections": AHEAD,
    },
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Store(NamedTuple):
    """A bucket's client, and the loop that it lives in."""

    client: Any
    loop: AbstractEventLoop
    address: Address

    def begin(self, call: Callable[[], Awaitable[T]]) -> "Future[T]":
        """Start a call in the loop."""
        return asyncio.run_coroutine_threadsafe(tried(call, self.address.root), self.loop)

    def end(self, future: "Future[T]") -> T:
        """Wait for what a call gives. Raises TransientFailure where it takes too long, and what the call raises."""
        try:
            return future.result(CALL_SECONDS)
        except FutureTimeout:
            future.cancel()
            raise no_answer(self.address.root, "not in time") from None


def _connect(address: Address) -> _Store:
    """Return the client of this process; s3fs keeps it. Raises UsageError where AWS's settings make none."""
    try:
        system = S3FileSystem(**_OPTIONS)
        made = asyncio.run_coroutine_threadsafe(system.set_session(), system.loop)
        return _Store(made.result(CALL_SECONDS), system.loop, address)
    except Exception as error:  # noqa: BLE001  botocore's, fsspec's and their parsers' have no common base
        raise bad_settings(error, address.root) from None


def list_s3(address: Address) -> Iterator[Entry]:
    """Yield the objects below the address's prefix. Raises NotListed, UsageError, TransientFailure."""
    S3FileSystem.clear_instance_cache()  # a scheduler lives longer than a key in ~/.aws
    store = _connect(address)
    is_empty = True
    for page in _pages(store):
        for item in page.get("Contents", ()):
            is_empty = False
            if item["Key"].startswith(address.folder):
                yield Entry(item["Key"][len(address.folder) :], _numbers(item, item.get("Size")))
    if is_empty:
        raise UsageError("no object lies there", where=address.root, todo="check the URL given to --source")


def _pages(store: _Store) -> Iterator[Mapping[str, Any]]:
    arguments: dict[str, Any] = {"Bucket": store.address.container, "Prefix": store.address.folder}
    while True:
        try:
            page = store.end(store.begin(partial(store.client.list_objects_v2, **arguments)))
        except Answered as answer:
            raise _not_listed(store.address, answer) from None
        yield page
        token = page.get("NextContinuationToken")
        if not page.get("IsTruncated"):
            return
        if token is None or token == arguments.get("ContinuationToken"):
            raise NotListed("the store's list has no end")
        arguments = {**arguments, "ContinuationToken": token}


def _not_listed(address: Address, answer: Answered) -> Exception:
    if answer.code == "NoSuchBucket":
        return UsageError("no such bucket", where=address.root, todo="check the URL given to --source")
    return NotListed(f"no right to list it, {answer.code}" if answer.is_denial else f"the store answers {answer.code}")


def read_s3(address: Address, refs: Sequence[Reference]) -> Iterator[Got]:
    """Yield the documents, each as it is now. Raises TransientFailure, UsageError."""
    store = _connect(address)
    rest = iter(refs)
    begun = deque((ref, _begin(store, ref)) for ref in islice(rest, AHEAD))
    try:
        while begun:
            yield _end(store, *begun.popleft())
            begun.extend((ref, _begin(store, ref)) for ref in islice(rest, 1))
    finally:
        for _, future in begun:
            if future is not None:
                future.cancel()


def _begin(store: _Store, ref: Reference) -> "Future[Got] | None":
    """Start to fetch a document, unless it is too big."""
    if ref.size > MAX_BYTES:
        return None

    async def call() -> Got:
        key = store.address.folder + ref.path
        return await _take(await store.client.get_object(Bucket=store.address.container, Key=key), ref)

    return store.begin(call)


def _end(store: _Store, ref: Reference, future: "Future[Got] | None") -> Got:
    if future is None:
        return Got(None, numbers_of(ref), "too_big")
    try:
        return store.end(future)
    except Answered as answer:
        if answer.is_denial:
            S3FileSystem.clear_instance_cache()  # the next batch asks for credentials anew
        if answer.status == 404:
            return Got(None, None, "vanished")
        return Got(None, None, f"{DENIED if answer.is_denial else 'the store answers'}, {answer.code}")


async def _take(answer: Mapping[str, Any], ref: Reference) -> Got:
    """Take in an object, with the numbers of the listing where it is the same, else its own."""
    length = int(answer["ContentLength"])
    numbers = _numbers(answer, length)
    if (numbers.st_size, numbers.st_ctime_ns) == (ref.size, ref.ctime_ns):
        numbers = numbers_of(ref)  # the listing's time may be finer than that of the answer's head
    body = answer["Body"]
    try:
        if length > MAX_BYTES:
            return Got(None, numbers, "too_big")
        pieces: list[bytes] = []
        while (left := length - sum(map(len, pieces))) > 0 and (more := await body.read(left)):
            pieces.append(more)
    finally:
        body.close()
    if left:
        raise ConnectionResetError("the body ends early")
    return Got(b"".join(pieces), numbers)


def _numbers(item: Mapping[str, Any], size: int | None) -> Numbers:
    since = item.get("LastModified", _EPOCH) - _EPOCH
    mtime_ns = (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000
    return Numbers(size or 0, mtime_ns, hash63(item.get("ETag")), 0)
