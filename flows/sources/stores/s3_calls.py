"""One call to S3: tried while a try can help, its failure put in words that hold nothing secret.

There is one layer of tries, this one, since an answer that breaks off in mid-body needs it anyway; the client's own is
off. What may pass (throttling, a fault of the store, a connection that breaks or hangs) is tried TRIES times, then a
TransientFailure lets a scheduler try later. What will not pass is never tried twice: missing rights, no such bucket.

Of an error only the code or the class is repeated: a store's words may hold the caller's key id, the client's words
the endpoint, and people write passwords into endpoints. For that reason errors are also raised from None.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp
from botocore import exceptions as botocore
from botocore.parsers import ResponseParserError

from schemas.errors import NewsmartError, TransientFailure, UsageError

T = TypeVar("T")

TRIES = 5
FIRST_WAIT = 0.2

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


class Answered(Exception):
    """The store answers that it will not. status: that of HTTP; code: S3's own."""

    def __init__(self, status: int, code: str) -> None:
        """Keep both."""
        super().__init__(status, code)
        self.status, self.code = status, code

    @property
    def is_denial(self) -> bool:
        """Tell whether rights are missing."""
        return self.status in (401, 403)


async def tried(call: Callable[[], Awaitable[T]], where: str) -> T:
    """Make a call. Raises Answered, UsageError for settings that do not work, TransientFailure after TRIES tries."""
    wait = FIRST_WAIT
    for left in reversed(range(TRIES)):
        try:
            return await call()
        except Exception as error:  # noqa: BLE001  judged by its kind
            failure = failure_of(error, where)
            if not left or not isinstance(failure, TransientFailure):
                raise failure from None
        await asyncio.sleep(wait)
        wait *= 2
    raise no_answer(where, "tried in vain")  # never: the last try returns or raises


def failure_of(error: Exception, where: str) -> Exception:
    """Return what an error of the client means for the run."""
    if isinstance(error, NewsmartError):
        return error
    if isinstance(error, botocore.ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        code = re.sub("[^A-Za-z0-9.]", "", str(error.response.get("Error", {}).get("Code", "")))[:40]
        is_passing = code in _PASSING_CODES or status == 429 or (status >= 500 and status != 501)
        return no_answer(where, code) if is_passing else Answered(status, code)
    is_setting = isinstance(error, botocore.BotoCoreError | ValueError) and not isinstance(error, _PASSING)
    if is_setting or isinstance(error, botocore.SSLError):
        return bad_settings(error, where)
    return no_answer(where, type(error).__name__)  # an answer that makes no sense makes the client raise anything


def no_answer(where: str, why: str) -> TransientFailure:
    """Return the error of a store that does not answer as it should."""
    return TransientFailure(f"the store does not answer as it should, {why}", where=where, todo="run again")


def bad_settings(error: Exception, where: str) -> UsageError:
    """Return the error of settings from which no call can be made."""
    todo = "see AWS's own documentation of its environment variables and of ~/.aws"
    return UsageError(f"the AWS settings cannot be used, {type(error).__name__}", where=where, todo=todo)
