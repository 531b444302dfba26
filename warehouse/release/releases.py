"""What the ledger knows of releases.

The row of a release holds all that it was built from (the ledger's change, the rules' versions, a hash of the open
problems) and what its file was when it was published, so that a run can tell by it whether there is anything to do.
"""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

import duckdb

from schemas.limits import file_state
from warehouse.home import Home
from warehouse.ledger.opening import change_number
from warehouse.release import publish
from warehouse.release.build import Built, Versions
from warehouse.release.ops import quarantine_digest
from warehouse.release.publish import Fingerprint


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A published release as the ledger remembers it."""

    release_id: str
    as_of: datetime
    published_at: datetime
    file: Fingerprint
    fingerprint: str
    change_number: int
    quarantine_digest: str
    versions: Versions
    document_count: int
    article_count: int
    mention_count: int

    def as_record(self) -> dict[str, Any]:
        """What state.json tells of a release; sizes in bytes, times as ISO 8601 in UTC."""
        return {
            "release_id": self.release_id,
            "as_of": self.as_of.isoformat() + "Z",
            "published_at": self.published_at.isoformat() + "Z",
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
    there = set(publish.release_ids(home))
    recognised = (recognise(connection, home, row) for row in rows if row.release_id in there)
    return list(islice(filter(None, recognised), count))


def all_releases(connection: duckdb.DuckDBPyConnection, among: Collection[str] | None = None) -> list[ReleaseRow]:
    """Return the releases ever published, the latest first; by as-of, as a clock may have gone backwards.

    `among` leaves only these, and the latest: after years there are many, and few of them still lie there.
    """
    sql = f"select {_RELEASE} from ledger.release where {_AMONG} order by as_of desc, published_at desc"
    rows = connection.execute(sql, [None if among is None else list(among)]).fetchall()
    return [_release_row(row) for row in rows]


_AMONG = """
    ($1::varchar[] is null or list_contains($1::varchar[], release_id))
    or release_id = (select arg_max(release_id, {'as_of': as_of, 'at': published_at}) from ledger.release)
"""


_RELEASE = (
    "release_id, as_of, published_at, sha256, size, mtime_ns, ctime_ns, inode, fingerprint, change_number, "
    "quarantine_digest, contract_version, policy_version, rules_version, document_count, article_count, mention_count"
)


def _release_row(row: tuple[Any, ...]) -> ReleaseRow:
    versions = Versions(policy=row[12], rules=row[13], contract=row[11])
    return ReleaseRow(row[0], row[1], row[2], Fingerprint(*row[3:8]), row[8], row[9], row[10], versions, *row[14:17])


def recognise(connection: duckdb.DuckDBPyConnection, home: Home, row: ReleaseRow) -> ReleaseRow | None:
    """Return the row of a release whose file is still the one that was published, else None.

    A copied or restored file has other times and another inode, so its bytes are read; the new numbers are noted, or
    each later run would read them again.
    """
    file = home.release_file(row.release_id)
    # They may have been noted since the row was read.
    sql = "select sha256, size, mtime_ns, ctime_ns, inode from ledger.release where release_id = $1"
    known = next((Fingerprint(*noted) for noted in connection.execute(sql, [row.release_id]).fetchall()), row.file)
    if not publish.is_untouched(file, known):
        return None
    numbers = file_state(file.stat())
    if numbers != (known.size, known.mtime_ns, known.ctime_ns, known.inode):
        sql = "update ledger.release set mtime_ns = $1, ctime_ns = $2, inode = $3 where release_id = $4"
        connection.execute(sql, [*numbers[1:], row.release_id])
    return replace(row, file=Fingerprint(row.file.sha256, *numbers))


def write_release(
    connection: duckdb.DuckDBPyConnection, built: Built, file: Fingerprint, published_at: datetime
) -> ReleaseRow:
    """Note a published release, and what it was built from; return its row."""
    row = [
        *(built.release_id, built.as_of, published_at),
        *(file.sha256, file.size, file.mtime_ns, file.ctime_ns, file.inode, built.fingerprint),
        *(change_number(connection), quarantine_digest(connection)),
        *(built.versions.contract, built.versions.policy, built.versions.rules),
        *(built.document_count, built.article_count, built.mention_count),
    ]
    connection.execute(f"insert into ledger.release ({_RELEASE}) values ({', '.join('?' * len(row))})", row)
    return _release_row(tuple(row))
