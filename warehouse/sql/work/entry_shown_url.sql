-- One row per article and entry that counts for its values: which of the entry's URLs it would show. Any that the
-- article owns may serve; one that is not an AMP form wins, then web before original before AMP.
with

chosen as (
    select
        article_entry.article_key,
        article_entry.entry_id,
        article_entry.mention_rank,
        arg_min(entry_url.url_id, entry_url.is_amp::bigint * 8 + entry_url.kind) as url_id,
        bool_and(entry_url.is_amp) as is_amp,
    from work.article_entry as article_entry
    inner join work.entry_url as entry_url on entry_url.entry_id = article_entry.entry_id
    inner join work.key_owner as key_owner
        on
            key_owner.url_key = entry_url.url_key
            and key_owner.article_key = article_entry.article_key
    group by
        article_entry.article_key,
        article_entry.entry_id,
        article_entry.mention_rank
)

select
    chosen.article_key,
    chosen.entry_id,
    chosen.mention_rank,
    url.display_url as url,
    chosen.is_amp,
from chosen
inner join base.url as url on url.url_id = chosen.url_id
