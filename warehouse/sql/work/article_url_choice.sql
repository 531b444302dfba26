-- One row per article: the address to show. Any URL of the mentions that count and that this article owns may serve;
-- one that is not an AMP form wins, then the best-ranked mention, then web before original before AMP.
select
    article_entry.article_key,
    arg_min(
        entry_url.display_url,
        {'is_amp': entry_url.is_amp, 'mention_rank': article_entry.mention_rank, 'kind': entry_url.kind}
    ) as url,
from work.article_entry as article_entry
inner join work.entry_url as entry_url on entry_url.entry_id = article_entry.entry_id
inner join work.key_owner as key_owner
    on
        key_owner.url_key = entry_url.url_key
        and key_owner.article_key = article_entry.article_key
group by article_entry.article_key
