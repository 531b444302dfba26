"""A bucket as the place of an export (warehouse/s3.py).

A bucket has neither locks nor renames, but S3 replaces one object atomically, and only if it still is what the writer
last saw (conditional writes: If-Match, If-None-Match). So two exports at once are safe by construction: each has its
own folder, the first to write the manifest wins, and the other gets an error. A folder that no manifest names may be
that of an export in progress on another machine: it counts as a leftover a day after its last file was written.

Files are made in a temporary folder and uploaded one by one, so that the disk holds one at a time.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from schemas.errors import LockedError, NewsmartError, RunFailed, UsageError
from warehouse.export.manifest import FOLDER, MANIFEST, Manifest, parse_manifest
from warehouse.export.place import check_names
from warehouse.s3 import BUCKET, SCHEME, Answered, check_installed, connect, failure_of
from warehouse.spill import spill_folder

LEFTOVER_AGE = timedelta(days=1)
# RFC 3986 would let a URL carry a user and a password; here it is a bucket and a prefix, nothing else. S3 takes `.` and
# `..` for names, which tools that show a bucket as folders cannot reach.
ADDRESS = re.compile(rf"{SCHEME}(?P<bucket>{BUCKET})(?P<prefix>(?:/(?!\.\.?(?:/|$))[^/?#@]+)*)/?")
TAKEN = (409, 412)


class Bucket:
    """A prefix of a bucket."""

    def __init__(self, url: str, temp: Path) -> None:
        """In: `s3://bucket/prefix`; where files are made. Raises UsageError for another URL or without the extra."""
        address = ADDRESS.fullmatch(url)
        if address is None:
            raise UsageError(
                "not an address to export to",  # which is not shown: it may hold a password
                todo="s3://BUCKET/PREFIX, without . or ..; credentials come from AWS_ variables, a profile or a role",
            )
        check_installed()
        self._name, self._prefix = address["bucket"], address["prefix"].lstrip("/")
        self._temp = temp
        self._etag: str | None = None
        self._client = connect(self.shown)

    @property
    def shown(self) -> str:
        """The URL; it holds no credentials."""
        return f"{SCHEME}{self._name}/{self._prefix}".rstrip("/")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Look through the place; a bucket cannot be held, and need not be."""
        check_names(self._names(), self.shown)
        yield

    def _key(self, path: str) -> str:
        return f"{self._prefix}/{path}".lstrip("/")

    def _pages(self, folder: str, **more: str) -> Iterator[Mapping[str, Any]]:
        paginator = self._client.get_paginator("list_objects_v2")
        with self._explained():
            yield from paginator.paginate(Bucket=self._name, Prefix=self._key(folder), **more)

    def _names(self) -> set[str]:
        """Return what lies at the prefix: files, and folders of files."""
        names = set[str]()
        for page in self._pages("", Delimiter="/"):
            names |= {one["Prefix"].rstrip("/") for one in page.get("CommonPrefixes", ())}
            names |= {one["Key"] for one in page.get("Contents", ())}
        return {name.rpartition("/")[2] for name in names} - {""}

    def _files(self, folder: str) -> dict[str, Mapping[str, Any]]:
        """Return what S3 says of each file of an export, by its path below the prefix."""
        found = [one for page in self._pages(f"{folder}/") for one in page.get("Contents", ())]
        return {one["Key"].removeprefix(self._key("")): one for one in found}

    def read(self) -> Manifest | None:
        """Return the manifest, or None where there is none; remember which one it was."""
        with self._explained():
            try:
                answer = self._client.get_object(Bucket=self._name, Key=self._key(MANIFEST))
                content = answer["Body"].read()
            except self._client.exceptions.NoSuchKey:
                return None
        self._etag = str(answer["ETag"])
        return parse_manifest(content, f"{self.shown}/{MANIFEST}")

    @contextmanager
    def staged(self, folder: str) -> Iterator[Path]:
        """Give a temporary folder."""
        with spill_folder(self._temp) as temporary:
            staged = temporary / folder
            staged.mkdir()
            yield staged

    def keep(self, folder: str, file: Path, relative: str) -> None:
        """Upload the file, and remove it here. An upload in parts that fails is taken back by boto3."""
        from boto3.s3.transfer import TransferConfig

        key, config = self._key(f"{folder}/{relative}"), TransferConfig(use_threads=False)
        with file.open("rb") as content, self._explained():
            self._client.upload_fileobj(content, self._name, key, Config=config)
        file.unlink()

    def switch(self, content: bytes) -> None:
        """Replace the manifest by one request, if it is still the one that was read."""
        place = {"Bucket": self._name, "Key": self._key(MANIFEST)}
        known = {"IfNoneMatch": "*"} if self._etag is None else {"IfMatch": self._etag}
        with self._explained():
            try:
                self._client.put_object(**place, **known, Body=content, ContentType="application/json")
            except self._client.exceptions.ClientError as error:
                # A request whose answer was lost is sent again, and then refused because it was carried out.
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                if status not in TAKEN or self._client.get_object(**place)["Body"].read() != content:
                    raise

    def sizes(self, folder: str) -> Mapping[str, int]:
        """Return path and size of each file of an export."""
        return {path: int(one["Size"]) for path, one in self._files(folder).items()}

    def remove(self, folder: str) -> None:
        """Remove an export's files."""
        with suppress(NewsmartError), self._explained():
            for path in self._files(folder):
                self._client.delete_object(Bucket=self._name, Key=self._key(path))

    def leftovers(self, kept: tuple[str, ...]) -> list[str]:
        """Return the folders that are not kept and in which nothing was written for a day."""
        names = sorted(name for name in self._names() if FOLDER.fullmatch(name) and name not in kept)
        return [name for name in names if self._is_old(name)]

    def _is_old(self, folder: str) -> bool:
        moments = [one["LastModified"] for one in self._files(folder).values()]
        return bool(moments) and max(moments) < datetime.now(UTC) - LEFTOVER_AGE

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise, for an error of the client in the block, ours."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  judged by its kind
            raise self._error_of(failure_of(error, self.shown)) from None

    def _error_of(self, failure: Exception) -> Exception:
        if not isinstance(failure, Answered):
            return failure
        if failure.code == "NoSuchBucket":
            return UsageError("there is no such bucket", where=self.shown)
        if failure.status in TAKEN:
            todo = "export again; nothing of the other one was touched"
            return LockedError("another export was written meanwhile", where=self.shown, todo=todo)
        what, todo = "the store refused the export", "look at the credentials and what they may do"
        return RunFailed("not allowed" if failure.is_denial else what, where=f"{self.shown}: {failure.code}", todo=todo)
