-- One row per touched entry, with what its mention may change beside the article.
select
    entry_id,
    provider_domain,
    topics,
    [image.url for image in images] as image_urls,
    list_filter([web_url, original_url, amp_url, amp_cache_url], lambda url: url is not null) as urls,
from ledger.entry
where
    rowid in (
        select entry.rowid
        from ledger.entry as entry
        semi join base.touched_entry as touched on touched.entry_id = entry.entry_id
    )
