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


def withhold(feed: Feed) -> bool:
    """Take what speaks of articles that were taken down out of the tables that the feed was given.

    Such a document's outcome is `purged` then. Out: whether any article was ever taken down.
    """
    if feed.connection.execute("select 1 from ledger.tombstone where kind = 'url' limit 1").fetchall() == []:
        return False
    for statement in _DOOMED:
        feed.connection.execute(statement)
    feed.change(_LEFT)
    return True


# An entry is of the article that its identifying URL names.
_DOOMED = (
    """
    create or replace temp table doomed_entry as
    select distinct entries.entry_id
    from entries
    inner join urls on urls.url_raw = coalesce(entries.web_url, entries.original_url)
    inner join ledger.tombstone as tombstone on tombstone.value in (sha256(urls.url_key), sha256(urls.url_raw))
    where tombstone.kind = 'url'
    """,
    """
    create or replace temp table doomed_mention as
    select mentions.ref, mentions.position from mentions semi join doomed_entry using (entry_id)
    """,
)

_LEFT = {
    "drift": r"""
        with fields as (
            select
                mentions.ref,
                if(mentions.position > 0, 'related[].', '')
                || regexp_replace(unnest(json_keys(entries.unknown)), '\[[0-9]+\]', '[]', 'g') as field
            from mentions
            inner join entries on entries.entry_id = mentions.entry_id
            anti join doomed_entry on doomed_entry.entry_id = mentions.entry_id
            where mentions.ref not in (select ref from doomed_mention where position = 0)
        )
        select field, min(fields.ref) as ref from temp.drift as drift inner join fields using (field) group by field
    """,
    "problems": """
        select *
        from problems
        where
            ref not in (select ref from doomed_mention where position = 0)
            and (position is null or (ref, position) not in (select (ref, position) from doomed_mention))
    """,
    "urls": """
        select *
        from urls
        where url_raw in (
            select unnest([web_url, original_url, amp_url, amp_cache_url])
            from entries anti join doomed_entry using (entry_id)
        )
    """,
    "mentions": "select * from mentions anti join doomed_entry using (entry_id)",
    "entries": "select * from entries anti join doomed_entry using (entry_id)",
    "documents": """
        select * replace (
            if(ref in (select ref from doomed_mention where position = 0), 'purged', outcome) as outcome
        )
        from documents
    """,
}


def bytes_left(feed: Feed, batch: ReadBatch) -> tuple[pa.Table, pa.Table]:
    """Return a batch's slices and packs without the bytes of documents that speak of what was taken down.

    Nor of those with problems, as what was not accepted may speak of anything. In: the feed, after `withhold`.
    """
    unkept = {digest for (digest,) in feed.connection.execute(_UNKEPT).fetchall()}
    if not unkept:
        return batch.slices, batch.packs
    kept = [Slice(**row) for row in batch.slices.to_pylist() if row["byte_digest"] not in unkept]
    return repacked([Pack(*row.values()) for row in batch.packs.to_pylist()], kept)


_UNKEPT = """
    select byte_digest
    from documents
    where
        byte_digest is not null
        and ref in (select ref from doomed_mention union select ref from problems where scope <> 'notice')
"""
