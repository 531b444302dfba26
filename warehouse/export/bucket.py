"""A bucket as the place of an export, by s3fs (the extra `newsmart[s3]`).

A bucket has neither locks nor renames, but S3 replaces one object atomically, and only if it still is what the writer
last saw (conditional writes: If-Match, If-None-Match). So two exports at once are safe by construction: each has its
own folder, the first to write the manifest wins, and the other gets an error. A folder that no manifest names may be
that of an export in progress on another machine: it counts as a leftover a day after its last file was written.

Files are made in a temporary folder and uploaded one by one, so that the disk holds one at a time. Who may do what is
found as every S3 tool finds it (AWS_ variables, profiles, roles); of an error only its code is shown, never its text.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from schemas.errors import LockedError, NewsmartError, RunFailed, TransientFailure, UsageError
from warehouse.db import spill_folder
from warehouse.export.manifest import FOLDER, MANIFEST, Manifest, parse_manifest
from warehouse.export.place import check_names

SCHEME = "s3://"
LEFTOVER_AGE = timedelta(days=1)
# S3 takes parts from 5 MiB and 10,000 of them; s3fs raises the size where a file needs more.
PART_BYTES = 32 << 20
# RFC 3986 would let a URL carry a user and a password; here it is a bucket and a prefix, nothing else.
ADDRESS = re.compile(r"s3://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,254})(?P<prefix>(?:/[^/?#@]+)*)/?")
# aiobotocore's settings: a server that does not answer is given up, after retries.
PATIENCE = {"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 4, "mode": "standard"}}

DENIED = {"403", "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}
TAKEN = {"412", "PreconditionFailed", "ConditionalRequestConflict"}


class Bucket:
    """A prefix of a bucket."""

    def __init__(self, url: str, temp: Path, part_bytes: int = PART_BYTES) -> None:
        """In: `s3://bucket/prefix`; where files are made. Raises UsageError for another URL or without the extra."""
        address = ADDRESS.fullmatch(url)
        if address is None:
            raise UsageError(
                "not an address to export to",  # which is not shown: it may hold a password
                todo="s3://BUCKET/PREFIX; credentials come from AWS_ variables, a profile or a role",
            )
        self._bucket, self._prefix = address["bucket"], address["prefix"].strip("/")
        self._root = f"{self._bucket}/{self._prefix}".rstrip("/")
        self._temp, self._part_bytes = temp, part_bytes
        self._etag: str | None = None
        self._files = _s3fs().S3FileSystem(
            skip_instance_cache=True, use_listings_cache=False, config_kwargs=dict(PATIENCE)
        )

    @property
    def shown(self) -> str:
        """The URL; it holds no credentials."""
        return f"{SCHEME}{self._root}"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Look through the place; a bucket cannot be held, and need not be."""
        names = self._names()
        check_names(names, self.shown)
        yield

    def _names(self) -> set[str]:
        with self._failing("cannot list the bucket"):
            try:
                return {path.rsplit("/", 1)[-1] for path in self._files.ls(self._root, detail=False)}
            except FileNotFoundError as error:
                if _code(error) == "NoSuchBucket":
                    raise
                return set()

    def read(self) -> Manifest | None:
        """Return the manifest, or None where there is none; remember which one it was."""
        with self._failing("cannot read the manifest"):
            try:
                # The mark before the content: where another export comes between, ours is refused at its end.
                found = self._files.call_s3("head_object", **self._manifest_key())
                content = self._content()
            except FileNotFoundError:
                return None
        self._etag = str(found["ETag"])
        return parse_manifest(content, f"{self.shown}/{MANIFEST}")

    def _manifest_key(self) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": f"{self._prefix}/{MANIFEST}".lstrip("/")}

    def _content(self) -> bytes:
        return bytes(self._files.cat_file(f"{self._root}/{MANIFEST}"))

    @contextmanager
    def staged(self, folder: str) -> Iterator[Path]:
        """Give a temporary folder."""
        with spill_folder(self._temp) as temporary:
            staged = temporary / folder
            staged.mkdir()
            yield staged

    def keep(self, folder: str, file: Path, relative: str) -> None:
        """Upload the file, and remove it here. An upload in parts that fails is taken back by s3fs."""
        with self._failing("cannot write the export"):
            self._files.put_file(str(file), f"{self._root}/{folder}/{relative}", chunksize=self._part_bytes)
        file.unlink()

    def switch(self, content: bytes) -> None:
        """Replace the manifest by one request, if it is still the one that was read."""
        known = {"IfNoneMatch": "*"} if self._etag is None else {"IfMatch": self._etag}
        with self._failing("cannot write the manifest"):
            try:
                self._files.call_s3(
                    "put_object", **self._manifest_key(), **known, Body=content, ContentType="application/json"
                )
            except OSError as error:
                # A request whose answer was lost is sent again, and then refused because it was carried out.
                if _code(error) not in TAKEN or self._content() != content:
                    raise

    def sizes(self, folder: str) -> Mapping[str, int]:
        """Return path and size of each file of an export."""
        return {path: int(one["size"]) for path, one in self._found(folder).items()}

    def _found(self, folder: str) -> dict[str, dict[str, Any]]:
        with self._failing("cannot list the bucket"):
            found = self._files.find(f"{self._root}/{folder}", detail=True)
        return {path.removeprefix(f"{self._root}/"): one for path, one in found.items()}

    def remove(self, folder: str) -> None:
        """Remove an export's files."""
        with suppress(NewsmartError), self._failing("cannot remove an export"):
            self._files.rm(f"{self._root}/{folder}", recursive=True)

    def leftovers(self, kept: tuple[str, ...]) -> list[str]:
        """Return the folders that are not kept and in which nothing was written for a day."""
        names = sorted(name for name in self._names() if FOLDER.fullmatch(name) and name not in kept)
        return [name for name in names if self._is_old(name)]

    def _is_old(self, folder: str) -> bool:
        moments = [one["LastModified"] for one in self._found(folder).values()]
        return bool(moments) and max(moments) < datetime.now(UTC) - LEFTOVER_AGE

    @contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        try:
            yield
        except NewsmartError:
            raise
        except Exception as error:  # noqa: BLE001  aiobotocore, aiohttp and s3fs have no common base
            raise self._told(what, error) from None

    def _told(self, what: str, error: Exception) -> NewsmartError:
        code = _code(error)
        where = f"{self.shown}: {code}"
        if code == "NoSuchBucket":
            return UsageError("there is no such bucket", where=self.shown)
        if code in TAKEN:
            todo = "export again; nothing of the other one was touched"
            return LockedError("another export was written meanwhile", where=self.shown, todo=todo)
        if code in DENIED:
            return RunFailed("not allowed", where=where, todo="look at the credentials and what they may do")
        if code in ("NoCredentialsError", "PartialCredentialsError"):
            return RunFailed("no credentials for S3", where=where, todo="set AWS_ variables, a profile or a role")
        return TransientFailure(what, where=where)


def _code(error: BaseException) -> str:
    """Return S3's code for the error, or the name of its class; never its text, which may quote a request."""
    cause: BaseException | None = error
    while cause is not None:
        response = getattr(cause, "response", None)
        if isinstance(response, Mapping) and response.get("Error", {}).get("Code"):
            return str(response["Error"]["Code"])[:60]
        error, cause = cause, cause.__cause__
    return type(error).__name__


def _s3fs() -> ModuleType:
    try:
        import s3fs  # an extra: only who exports to a bucket needs it
    except ImportError as error:
        raise UsageError("s3:// needs the extra s3", todo="pip install 'newsmart[s3]'") from error
    module: ModuleType = s3fs
    return module
