"""What the ledger knows of releases.

The row of a release holds all that it was built from (the ledger's change, the rules' versions, a hash of the open
problems) and what its file was when it was published, so that a run can tell by it whether there is anything to do.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from itertools import islice
from typing import Any

import duckdb

from schemas.errors import RunFailed
from schemas.limits import file_state
from warehouse.clock import as_text
from warehouse.home import Home
from warehouse.ledger.opening import change_number
from warehouse.release import publish
from warehouse.release.build import Built, Versions
from warehouse.release.freshness import WAY_OUT
from warehouse.release.ops import quarantine_digest
from warehouse.release.publish import Fingerprint
from warehouse.sql_files import insert_rows


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A published release, a row of ledger.release."""

    release_id: str
    as_of: datetime
    published_at: datetime
    sha256: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    fingerprint: str
    change_number: int
    quarantine_digest: str
    contract_version: int
    policy_version: int
    rules_version: int
    document_count: int
    article_count: int
    mention_count: int

    @property
    def file(self) -> Fingerprint:
        """What the file was when it was published."""
        return Fingerprint(self.sha256, self.size, self.mtime_ns, self.ctime_ns, self.inode)

    @property
    def versions(self) -> Versions:
        """The versions of the rules that it was built under."""
        return Versions(self.policy_version, self.rules_version, self.contract_version)

    def as_record(self) -> dict[str, Any]:
        """What state.json tells of a release; sizes in bytes, times as ISO 8601 in UTC."""
        return {
            "release_id": self.release_id,
            "as_of": as_text(self.as_of),
            "published_at": as_text(self.published_at),
            "sha256": self.file.sha256,
            "bytes": self.file.size,
            "file": asdict(self.file),
            "fingerprint": self.fingerprint,
            "change_number": self.change_number,
            "documents": self.document_count,
            "articles": self.article_count,
            "mentions": self.mention_count,
        }


def known_releases(home: Home, connection: duckdb.DuckDBPyConnection) -> list[ReleaseRow]:
    """Return what the ledger knows of the releases that lie there, and of the latest, the latest first."""
    return all_releases(connection, publish.release_ids(home))


def current_release(home: Home, rows: Iterable[ReleaseRow]) -> ReleaseRow | None:
    """Return the one of these releases that readers see, None where they see none of them."""
    current = publish.current(home)
    return next((row for row in rows if row.release_id == current), None)


def sound_releases(
    home: Home, connection: duckdb.DuckDBPyConnection, rows: Iterable[ReleaseRow], count: int
) -> list[ReleaseRow]:
    """Return the first few of these releases that lie there as they were published."""
    recognised = (recognise(connection, home, row) for row in rows)
    return list(islice(filter(None, recognised), count))


def all_releases(connection: duckdb.DuckDBPyConnection, among: Collection[str] | None = None) -> list[ReleaseRow]:
    """Return the releases ever published, the latest first; by as-of, as a clock may have gone backwards.

    `among` leaves only these, and the latest: after years there are many, and few of them still lie there.
    """
    sql = f"select {_COLUMNS} from ledger.release where {_AMONG} order by as_of desc, published_at desc"
    return [ReleaseRow(*row) for row in connection.execute(sql, [None if among is None else list(among)]).fetchall()]


_COLUMNS = ", ".join(field.name for field in fields(ReleaseRow))
_AMONG = """
    ($1::varchar[] is null or list_contains($1::varchar[], release_id))
    or release_id = (select arg_max(release_id, {'as_of': as_of, 'at': published_at}) from ledger.release)
"""


def recognise(connection: duckdb.DuckDBPyConnection, home: Home, row: ReleaseRow) -> ReleaseRow | None:
    """Return the row of a release whose file is still the one that was published, else None.

    A copied or restored file has other times and another inode, so its bytes are read; the new numbers are noted, or
    each later run would read them again.
    """
    # They may have been noted since the row was read.
    noted = connection.execute(f"select {_COLUMNS} from ledger.release where release_id = $1", [row.release_id])
    row = next((ReleaseRow(*now) for now in noted.fetchall()), row)
    file = home.release_file(row.release_id)
    if not publish.is_untouched(file, row.file):
        return None
    size, mtime_ns, ctime_ns, inode = file_state(file.stat())
    now = replace(row, size=size, mtime_ns=mtime_ns, ctime_ns=ctime_ns, inode=inode)
    if now != row:
        sql = "update ledger.release set mtime_ns = $1, ctime_ns = $2, inode = $3 where release_id = $4"
        connection.execute(sql, [mtime_ns, ctime_ns, inode, row.release_id])
    return now


def write_release(
    connection: duckdb.DuckDBPyConnection, built: Built, file: Fingerprint, published_at: datetime
) -> ReleaseRow:
    """Note a published release, and what it was built from; return its row."""
    row = ReleaseRow(
        **asdict(file),
        release_id=built.release_id,
        as_of=built.as_of,
        published_at=published_at,
        fingerprint=built.fingerprint,
        change_number=change_number(connection),
        quarantine_digest=quarantine_digest(connection),
        contract_version=built.versions.contract,
        policy_version=built.versions.policy,
        rules_version=built.versions.rules,
        document_count=built.document_count,
        article_count=built.article_count,
        mention_count=built.mention_count,
    )
    insert_rows(connection, "ledger.release", [asdict(row)])
    return row


def check_copies(connection: duckdb.DuckDBPyConnection, copied: Mapping[str, str], todo: str = WAY_OUT) -> None:
    """Raise RunFailed where a copied release is not the one that the ledger knows.

    In: the ledger; the SHA-256 of each copied release by its id; what helps. One that the ledger does not know passes.
    """
    known = dict(connection.execute("select release_id, sha256 from ledger.release").fetchall())
    wrong = sorted(name for name, digest in copied.items() if known.get(name, digest) != digest)
    if wrong:
        raise RunFailed("a release is not as it was published", where=", ".join(wrong), todo=todo)
