-- URLs of the batch that an entry declares which is not doomed.
select *
from urls
where url_raw in (
    select unnest([web_url, original_url, amp_url, amp_cache_url])
    from entries anti join doomed_entry using (entry_id)
)
