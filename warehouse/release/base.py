"""Whether the release that readers see can be gone on from, and what is noted of each release so that it can be.

What was recorded up to its as-of must be what it was, and what makes rows of it the same. Where one of that cannot be
shown, a whole build costs time and nothing else.
"""

from collections import Counter
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from importlib.resources import files

import duckdb

from schemas.tables import CONTRACT_VERSION
from warehouse.ledger.opening import REWRITTEN, get_meta
from warehouse.release.build import Built
from warehouse.release.catalog import ROW_GROUP_ROWS, SMALL_BLOCK_BYTES, comments, create_tables, create_views
from warehouse.release.fingerprint import TableFingerprint, combine
from warehouse.release.releases import ReleaseRow
from warehouse.sql_files import read_sql, sql_names

LONGEST_CHAIN = 50
LONGEST_TIME = timedelta(days=7)
LARGEST_GROWTH = 1.4
MOST_REPLACED = 0.2
# Rows that lie together in a file, at the least: of a table that has no more, each release writes all anew.
SMALL_TABLE_ROWS = ROW_GROUP_ROWS[SMALL_BLOCK_BYTES]

# Why a release is built whole, beside the reasons for which there is no previous one (changes.py).
FULL_REFRESH = "full_refresh"
OTHER_TRANSFORMS = "transforms"
REWRITTEN_PAST = "rewritten_past"
NOT_KNOWN = "not_known"
OTHER_EVENTS = "other_events"
LATER = "later"
GROWN = "grown"
REPLACED = "replaced"
PERIODIC = "periodic"


@dataclass(frozen=True, slots=True)
class Base:
    """A release to go on from, as the ledger knows it."""

    release_id: str
    as_of: datetime
    tables: tuple[TableFingerprint, ...]
    replaced: dict[str, int]
    whole_at: datetime
    whole_size: int
    chain_length: int

    def is_due(self, now: datetime) -> bool:
        """Tell whether a whole build has to prove now what the chain of releases gives."""
        return self.chain_length + 1 >= LONGEST_CHAIN or not timedelta() <= now - self.whole_at < LONGEST_TIME


def find_base(connection: duckdb.DuckDBPyConnection, row: ReleaseRow | str, as_of: datetime) -> Base | str:
    """Return the release that readers see, to go on from to an as-of, or the reason to build whole.

    In: what `find_previous` gave.
    """
    if isinstance(row, str):
        return row
    made = connection.execute(
        "select whole_at, whole_size, chain_length, event_count, event_digest, transforms "
        "from ledger.release_build where release_id = $1",
        [row.release_id],
    ).fetchone()
    tables = connection.execute(
        "select table_name, row_count, digest, replaced_count from ledger.release_table where release_id = $1 "
        "order by rowid",
        [row.release_id],
    ).fetchall()
    parts = tuple(TableFingerprint(*one[:3]) for one in tables)
    if made is None or combine(parts) != row.fingerprint:
        return NOT_KNOWN
    base = Base(row.release_id, row.as_of, parts, {one[0]: one[3] for one in tables}, *made[:3])
    large = [one for one in parts if one.row_count > SMALL_TABLE_ROWS]
    faults = {
        LATER: as_of <= base.as_of,
        REWRITTEN_PAST: int(get_meta(connection, REWRITTEN, "0")) > row.change_number,
        OTHER_TRANSFORMS: made[5] != transforms_digest(),
        OTHER_EVENTS: made[3:5] != events_up_to(connection, base.as_of),
        GROWN: row.file.size > LARGEST_GROWTH * base.whole_size,
        REPLACED: any(base.replaced[one.table] > MOST_REPLACED * one.row_count for one in large),
    }
    return next((reason for reason, is_so in faults.items() if is_so), base)


def events_up_to(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> tuple[int, str]:
    """Return count and hash of the events at or before an as-of."""
    ((count, digest),) = connection.execute(read_sql("ledger", "events_up_to"), {"as_of": as_of}).fetchall()
    return int(count), str(digest)


@cache
def transforms_digest() -> str:
    """Return a hash of all that makes rows of what is recorded, and tables of them: our SQL, and DuckDB's version."""
    texts = [duckdb.__version__, str(CONTRACT_VERSION), *create_tables(), *create_views(), *comments()]
    folders = ("work", "scope", "dimensions", "facts", "history", "ops")
    texts += [read_sql(folder, name) for folder in folders for name in sql_names(folder)]
    texts += [files("schemas").joinpath(f"{name}.py").read_text("utf-8") for name in ("shared_alias", "story_key")]
    return sha256("\0".join(texts).encode()).hexdigest()


def note_build(
    connection: duckdb.DuckDBPyConnection, built: Built, size: int, now: datetime, base: Base | None = None
) -> None:
    """Note what the next release has to know of this one, whose file has so many bytes."""
    whole = (now, size, 0) if base is None else (base.whole_at, base.whole_size, base.chain_length + 1)
    events = events_up_to(connection, built.as_of)
    row = [built.release_id, built.how.base, *events, transforms_digest(), *whole]
    connection.execute("insert into ledger.release_build values (?, ?, ?, ?, ?, ?, ?, ?)", row)
    replaced = Counter({} if base is None else base.replaced) + Counter(dict(built.how.replaced))
    rows = [(built.release_id, *astuple(one), replaced[one.table]) for one in built.tables]
    connection.executemany("insert into ledger.release_table values (?, ?, ?, ?, ?)", rows)


def distrust(connection: duckdb.DuckDBPyConnection, release_id: str) -> None:
    """Let nothing be made from a release that was found to be other than its ledger says."""
    connection.execute("delete from ledger.release_build where release_id = $1", [release_id])
