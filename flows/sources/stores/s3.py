"""Documents in S3, or in a store that speaks its protocol.

s3fs makes the client, so that regions, endpoints, profiles and roles are those of AWS's own settings and fsspec's. The
two calls that are needed are made on that client: s3fs's own return bytes without the ETag that those bytes had. A
listing costs one call for 1,000 objects. Fetches start ahead of the one that is being read, so that the network and the
parser both work; at most AHEAD objects are held.

A listing is no moment in time: objects come and go while its pages are read. One that is gone at its turn is told and
left to the next run; one that was replaced is taken as it is now, with its own ETag, for one answer is always whole.
A prefix without any object is refused like a folder that is not there: otherwise a typing error would remove all
documents of the source.

Tries are made here and not by the client, since an answer that breaks off in mid-body needs them anyway. What may pass
(throttling, a fault of the store, a connection that breaks or hangs) is tried TRIES times, then a TransientFailure lets
a scheduler try later. What will not pass (missing rights, no such bucket) is never tried twice.

Of an error only the code or the class is repeated: a store's words may hold the caller's key id, the client's words
the endpoint, and people write passwords into endpoints. For that reason errors are also raised from None.
"""

import asyncio
import re
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import aiohttp
from botocore import exceptions as botocore
from botocore.parsers import ResponseParserError
from s3fs import S3FileSystem

from flows.sources.files import DENIED, MAX_BYTES, FileBytes, Numbers
from flows.sources.scan import FileRef
from flows.sources.stores.address import Address
from flows.sources.stores.store import Entry, NotListed, hash63, numbers_of
from schemas.errors import NewsmartError, TransientFailure, UsageError

T = TypeVar("T")

AHEAD = 32
CALL_SECONDS = 300.0
TRIES = 5
FIRST_WAIT = 0.2
_OPTIONS: Mapping[str, Any] = {
    "config_kwargs": {
        "connect_timeout": 10,
        "read_timeout": 30,
        "retries": {"total_max_attempts": 1},
        "max_pool_connections": AHEAD,
    },
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html: those that may pass though they are below 500
_PASSING_CODES = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestTimeout", "OperationAborted"})
_PASSING = (
    botocore.ConnectionError,
    botocore.HTTPClientError,
    botocore.IncompleteReadError,
    botocore.ChecksumError,
    botocore.FlexibleChecksumError,
    ResponseParserError,
    aiohttp.ClientError,
)


class _Answered(Exception):
    """The store answers that it will not. status: that of HTTP; code: S3's own."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(status, code)
        self.status, self.code = status, code

    @property
    def is_denial(self) -> bool:
        """Tell whether rights are missing."""
        return self.status in (401, 403)


class _Store(NamedTuple):
    """A bucket's client, and the loop that it lives in."""

    client: Any
    loop: AbstractEventLoop
    address: Address

    def start(self, call: Callable[[], Awaitable[T]]) -> "Future[T]":
        """Start a call in the loop."""
        return asyncio.run_coroutine_threadsafe(_tried(call, self.address.root), self.loop)

    def wait(self, future: "Future[T]") -> T:
        """Wait for what a call gives. Raises TransientFailure where it takes too long, and what the call raises."""
        try:
            return future.result(CALL_SECONDS)
        except FutureTimeout:
            future.cancel()
            raise _no_answer(self.address.root, "not in time") from None


def _connect(address: Address) -> _Store:
    """Return the client of this process; s3fs keeps it. Raises UsageError where AWS's settings make none."""
    try:
        system = S3FileSystem(**_OPTIONS)
        made = asyncio.run_coroutine_threadsafe(system.set_session(), system.loop)
        return _Store(made.result(CALL_SECONDS), system.loop, address)
    except Exception as error:  # noqa: BLE001  botocore's, fsspec's and their parsers' have no common base
        raise _bad_settings(error, address.root) from None


async def _tried(call: Callable[[], Awaitable[T]], where: str) -> T:
    """Make a call. Raises _Answered, UsageError for settings that do not work, TransientFailure after TRIES tries."""
    wait = FIRST_WAIT
    for _ in range(TRIES):
        try:
            return await call()
        except Exception as error:  # noqa: BLE001  judged by its kind
            failure = _failure_of(error, where)
            if not isinstance(failure, TransientFailure):
                raise failure from None
        await asyncio.sleep(wait)
        wait *= 2
    raise failure


def _failure_of(error: Exception, where: str) -> Exception:
    """Return what an error of the client means for the run."""
    if isinstance(error, NewsmartError):
        return error
    if isinstance(error, botocore.ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        code = re.sub("[^A-Za-z0-9.]", "", str(error.response.get("Error", {}).get("Code", "")))[:40]
        is_passing = code in _PASSING_CODES or status == 429 or (status >= 500 and status != 501)
        return _no_answer(where, code) if is_passing else _Answered(status, code)
    is_setting = isinstance(error, botocore.BotoCoreError | ValueError) and not isinstance(error, _PASSING)
    if is_setting or isinstance(error, botocore.SSLError):
        return _bad_settings(error, where)
    return _no_answer(where, type(error).__name__)  # an answer that makes no sense makes the client raise anything


def _no_answer(where: str, why: str) -> TransientFailure:
    return TransientFailure(f"the store does not answer as it should, {why}", where=where, todo="run again")


def _bad_settings(error: Exception, where: str) -> UsageError:
    todo = "see AWS's own documentation of its environment variables and of ~/.aws"
    return UsageError(f"the AWS settings cannot be used, {type(error).__name__}", where=where, todo=todo)


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
            page = store.wait(store.start(partial(store.client.list_objects_v2, **arguments)))
        except _Answered as answer:
            raise _not_listed(store.address, answer) from None
        yield page
        token = page.get("NextContinuationToken")
        if not page.get("IsTruncated"):
            return
        if token is None or token == arguments.get("ContinuationToken"):
            raise NotListed("the store's list has no end")
        arguments = {**arguments, "ContinuationToken": token}


def _not_listed(address: Address, answer: _Answered) -> Exception:
    if answer.code == "NoSuchBucket":
        return UsageError("no such bucket", where=address.root, todo="check the URL given to --source")
    return NotListed(f"no right to list it, {answer.code}" if answer.is_denial else f"the store answers {answer.code}")


def read_s3(address: Address, refs: Sequence[FileRef]) -> Iterator[FileBytes]:
    """Yield the documents, each as it is now. Raises TransientFailure, UsageError."""
    store = _connect(address)
    rest = iter(refs)
    started = deque((ref, _start(store, ref)) for ref in islice(rest, AHEAD))
    try:
        while started:
            yield _wait(store, *started.popleft())
            started.extend((ref, _start(store, ref)) for ref in islice(rest, 1))
    finally:
        for _, future in started:
            if future is not None:
                future.cancel()


def _start(store: _Store, ref: FileRef) -> "Future[FileBytes] | None":
    """Start to fetch a document, unless it is too big."""
    if ref.size > MAX_BYTES:
        return None

    async def call() -> FileBytes:
        key = store.address.folder + ref.path
        return await _take(await store.client.get_object(Bucket=store.address.container, Key=key), ref)

    return store.start(call)


def _wait(store: _Store, ref: FileRef, future: "Future[FileBytes] | None") -> FileBytes:
    if future is None:
        return FileBytes(None, numbers_of(ref), "too_big")
    try:
        return store.wait(future)
    except _Answered as answer:
        if answer.is_denial:
            S3FileSystem.clear_instance_cache()  # the next batch asks for credentials anew
        if answer.status == 404:
            return FileBytes(None, None, "vanished")
        return FileBytes(None, None, f"{DENIED if answer.is_denial else 'the store answers'}, {answer.code}")


async def _take(answer: Mapping[str, Any], ref: FileRef) -> FileBytes:
    """Take in an object, with the numbers of the listing where it is the same, else its own."""
    length = int(answer["ContentLength"])
    numbers = _numbers(answer, length)
    if (numbers.st_size, numbers.st_ctime_ns) == (ref.size, ref.ctime_ns):
        numbers = numbers_of(ref)  # the listing's time may be finer than that of the answer's head
    body = answer["Body"]
    try:
        if length > MAX_BYTES:
            return FileBytes(None, numbers, "too_big")
        pieces: list[bytes] = []
        while (left := length - sum(map(len, pieces))) > 0 and (more := await body.read(left)):
            pieces.append(more)
    finally:
        body.close()
    if left:
        raise ConnectionResetError("the body ends early")
    return FileBytes(b"".join(pieces), numbers)


def _numbers(item: Mapping[str, Any], size: int | None) -> Numbers:
    since = item.get("LastModified", _EPOCH) - _EPOCH
    mtime_ns = (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000
    return Numbers(size or 0, mtime_ns, hash63(item.get("ETag")), 0)
