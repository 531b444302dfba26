"""What of a batch speaks of an article that was taken down, and is not taken in.

Its mentions are left out, with the entries, the URLs that no other entry declares and the bytes of the documents; and
it is told neither as a problem, which quotes the text that it is about, nor as a new field, which can be a name. What a
document says of other articles is taken in as before. So no other place has to know of takedowns.
"""

import pyarrow as pa

from schemas.batches import ReadBatch
from schemas.packs import Pack, Slice
from warehouse.ledger.feed import Feed
from warehouse.ledger.packs import repacked
from warehouse.sql_files import read_sql, run_script, sql_names


def withhold(feed: Feed) -> bool:
    """Take what speaks of articles that were taken down out of the tables that the feed was given.

    Such a document's outcome is `purged` then. Out: whether any article was ever taken down.
    """
    if feed.connection.execute("select 1 from ledger.tombstone where kind = 'url' limit 1").fetchall() == []:
        return False
    run_script(feed.connection, "ledger", "doomed")
    feed.change({table: read_sql("withheld", table) for table in sql_names("withheld")})
    return True


def bytes_left(feed: Feed, batch: ReadBatch) -> tuple[pa.Table, pa.Table]:
    """Return a batch's slices and packs without the bytes of documents that speak of what was taken down.

    Nor of those with problems, as what was not accepted may speak of anything. In: the feed, after `withhold`.
    """
    unkept = {digest for (digest,) in feed.connection.execute(read_sql("ledger", "unkept_bytes")).fetchall()}
    if not unkept:
        return batch.slices, batch.packs
    kept = [Slice(**row) for row in batch.slices.to_pylist() if row["byte_digest"] not in unkept]
    return repacked([Pack(*row.values()) for row in batch.packs.to_pylist()], kept)
