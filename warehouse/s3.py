"""S3, or a store that speaks its protocol: the client, and what its errors mean. For sources and exports alike.

boto3 makes the client, so that regions, endpoints, profiles and roles are those of AWS's own settings. It tries again
what may pass: throttling, a fault of the store, a connection that breaks.

Of an error only the code or the class is repeated: a store's words may hold the caller's key id, the client's words
the endpoint, and people write passwords into endpoints. For that reason errors are also raised from None.
"""

import re
from importlib.util import find_spec
from typing import Any

from schemas.errors import NewsmartError, TransientFailure, UsageError

SCHEME = "s3://"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, older names included
BUCKET = r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]"
TRIES = 5
CONNECTIONS = 32
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html: those that may pass though they are below 500
_PASSING_CODES = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestTimeout", "OperationAborted"})


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


def check_installed() -> None:
    """Raise UsageError where the extra is missing."""
    if find_spec("boto3") is None:
        raise UsageError("s3:// needs the extra s3", todo="pip install 'newsmart[s3]'")


def connect(where: str, *, is_anonymous: bool = False) -> Any:
    """Return a new client, which any thread may use. Raises UsageError where AWS's settings make none.

    In: the URL, for errors; whether requests are not signed. A new one each time: a key in ~/.aws may be replaced while
    a scheduler runs.
    """
    import boto3  # an extra: only who uses a bucket needs it
    from botocore import UNSIGNED
    from botocore.config import Config

    config = Config(
        connect_timeout=10,
        read_timeout=30,
        retries={"total_max_attempts": TRIES, "mode": "standard"},
        max_pool_connections=CONNECTIONS,
        signature_version=UNSIGNED if is_anonymous else None,
    )
    try:
        return boto3.session.Session().client("s3", config=config)
    except Exception as error:  # noqa: BLE001  botocore's and its parsers' have no common base
        raise _bad_settings(error, where) from None


def failure_of(error: Exception, where: str) -> Exception:
    """Return what an error of the client means: Answered, UsageError for AWS's settings, else TransientFailure."""
    from botocore import exceptions as botocore

    if isinstance(error, NewsmartError | Answered):
        return error
    if isinstance(error, botocore.ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        code = re.sub("[^A-Za-z0-9.]", "", str(error.response.get("Error", {}).get("Code", "")))[:40]
        is_passing = code in _PASSING_CODES or status == 429 or (status >= 500 and status != 501)
        return _no_answer(where, code) if is_passing else Answered(status, code)
    of_connection = (
        *(botocore.ConnectionError, botocore.HTTPClientError, botocore.IncompleteReadError),
        *(botocore.FlexibleChecksumError, botocore.PaginationError),
    )
    is_setting = isinstance(error, botocore.BotoCoreError | ValueError) and not isinstance(error, of_connection)
    if is_setting or isinstance(error, botocore.SSLError):
        return _bad_settings(error, where)
    return _no_answer(where, type(error).__name__)  # an answer that makes no sense makes the client raise anything


def _no_answer(where: str, why: str) -> TransientFailure:
    return TransientFailure(f"the store does not answer as it should, {why}", where=where, todo="run again")


def _bad_settings(error: Exception, where: str) -> UsageError:
    todo = "see AWS's own documentation of its environment variables and of ~/.aws"
    return UsageError(f"the AWS settings cannot be used, {type(error).__name__}", where=where, todo=todo)
