"""Statements that remove from the ledger what nothing in it refers to any more.

Takedowns, second readings and maintenance each leave such rows. The order counts: mentions and contents of no version
first, then entries of no mention, then URLs of no entry. Bytes are told apart by who may still want them.
"""

_OF_NO_VERSION = "content_id not in (select content_id from ledger.event where content_id is not null)"

MENTIONS = f"delete from ledger.content_entry where {_OF_NO_VERSION}"
CONTENTS = f"delete from ledger.content where {_OF_NO_VERSION}"
ENTRIES = "delete from ledger.entry where entry_id not in (select entry_id from ledger.content_entry)"
URLS = """
    with declared as (
        select unnest([web_url, original_url, amp_url, amp_cache_url]) as url_raw from ledger.entry
    )
    delete from ledger.url where url_raw not in (select url_raw from declared where url_raw is not null)
"""

RAW_OF_NO_VERSION = """
    delete from ledger.raw
    where byte_digest not in (select byte_digest from ledger.event where byte_digest is not null)
"""

# Bytes that were in quarantine once, of whichever document.
RAW_NOBODY_KNOWS = """
    delete from ledger.raw
    where
        byte_digest not in (select byte_digest from ledger.event where byte_digest is not null)
        and byte_digest not in (select byte_digest from ledger.file_state where byte_digest is not null)
"""
