"""What a source's URL means, and which URLs are refused.

Refused are schemes without a list of what lies there (http), without a life beyond this process (memory), or that
nobody has tried here; and any URL with something like a name and password in it, in words that do not repeat it: what
is given as a source is kept in Prefect, in the ledger's notices and in logs. Credentials come from AWS's own ways.

    s3://BUCKET[/PREFIX]
    zip:///ARCHIVE, zip://PREFIX::/ARCHIVE      tar:// likewise; the second is how fsspec chains URLs
    file:///FOLDER                              the folder
"""

import os
import re
from dataclasses import dataclass
from typing import cast

from schemas.errors import UsageError
from warehouse import s3

URLS = ("s3://", "zip://", "tar://")
ARCHIVES = ("zip", "tar")

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_KINDS = "a source is a folder, s3://BUCKET/PREFIX, zip:///FILE, zip://PREFIX::/FILE, tar:// likewise"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a store is. container: the bucket, or the archive's absolute path; prefix without slashes at its ends."""

    scheme: str
    container: str
    prefix: str

    @property
    def root(self) -> str:
        """The URL in the one spelling that newsmart keeps."""
        if self.scheme not in ARCHIVES:
            return f"{self.scheme}://{self.container}" + (f"/{self.prefix}" if self.prefix else "")
        return f"{self.scheme}://" + (f"{self.prefix}::" if self.prefix else "") + self.container

    @property
    def name(self) -> str:
        """The last component of the prefix, else of the container."""
        return (self.prefix or self.container).rpartition("/")[2]

    @property
    def folder(self) -> str:
        """What the names of all that is meant begin with: the prefix with its slash, or nothing."""
        return f"{self.prefix}/" if self.prefix else ""


def is_url(text: str) -> bool:
    """Tell whether a source is given by a URL, of whatever scheme."""
    return _URL.match(text) is not None


def parse_address(url: str) -> Address | str:
    """Return the address that a URL names, or the folder that a file:// URL names. Raises UsageError."""
    match = _URL.match(url)
    if match is None:
        raise UsageError("not a URL", todo=_KINDS)
    scheme, rest = match[1].lower(), match[2]
    _refuse_credentials(scheme, rest)
    if scheme == "file":
        if not rest.startswith("/"):
            raise UsageError("a file:// source needs an absolute path", todo="write file:///FOLDER")
        return rest
    if scheme == "s3":
        bucket, _, prefix = rest.partition("/")
        if not bucket:
            raise UsageError("the source names no bucket", where="s3://", todo="write s3://BUCKET/PREFIX")
        if not re.fullmatch(s3.BUCKET, bucket):
            todo = "3 to 255 of a-z, A-Z, 0-9, dot, hyphen and underscore"
            raise UsageError("what the source names is no name of a bucket", where="s3://", todo=todo)
        return Address(scheme, bucket, _prefix(scheme, prefix))
    if scheme in ARCHIVES:
        return _archive(scheme, rest)
    raise UsageError("a source cannot be read from there", where=f"{scheme}://", todo=_KINDS)


def _refuse_credentials(scheme: str, rest: str) -> None:
    """Refuse what may be a name and password. (A URL inside that of an archive is refused anyway.)"""
    host = rest.partition("/")[0]
    if scheme not in ARCHIVES and ("@" in host or ":" in host):
        todo = "credentials come from AWS's own ways: the environment, ~/.aws, a role"
        raise UsageError("a source's URL must not hold credentials", where=f"{scheme}://", todo=todo)


def _prefix(scheme: str, text: str) -> str:
    prefix = text.strip("/")
    if prefix and any(part in ("", ".", "..") for part in prefix.split("/")):
        raise UsageError("a prefix has no empty, . or .. components", where=f"{scheme}://")
    return prefix


def _archive(scheme: str, rest: str) -> Address:
    inner, chained, archive = rest.rpartition("::")
    archive = archive.removeprefix("file://")
    if not archive or is_url(archive) or "::" in inner:
        todo = f"write {scheme}:///FILE or {scheme}://PREFIX::/FILE"
        raise UsageError("an archive must be a file on this machine", where=f"{scheme}://", todo=todo)
    return Address(scheme, os.path.abspath(archive), _prefix(scheme, inner) if chained else "")


def address_of(root: str) -> Address:
    """Return the address of a store that was accepted as a source, by its root."""
    return cast(Address, parse_address(root))


def check_reachable(address: Address) -> None:
    """Raise UsageError where the extra s3 is missing, or the archive is not there."""
    if address.scheme == "s3":
        s3.check_installed()
    elif not os.path.isfile(address.container):
        raise UsageError("no such source archive", where=address.container, todo="check the path given to --source")
