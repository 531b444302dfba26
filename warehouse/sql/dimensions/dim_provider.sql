-- One row per provider domain that any version names, described by current versions, else by the last that named it. The
-- name: the cleanest, then the most frequent over articles, then the latest; the logo: that of the best-ranked mention.
with

entries as (
    select
        entry.provider_domain,
        entry.provider_name,
        entry.provider_name_flaw,
        entry.provider_logo_url,
        entry_article.article_key,
        used_entry.latest_at,
        used_entry.best_rank,
    from work.used_entry as used_entry
    inner join base.entry as entry on entry.entry_id = used_entry.entry_id
    inner join work.entry_article as entry_article on entry_article.entry_id = used_entry.entry_id
    where entry.provider_domain is not null
    qualify used_entry.last_at = max(used_entry.last_at) over (partition by entry.provider_domain)
),

names as (
    select
        provider_domain,
        provider_name,
        min(provider_name_flaw) as flaw,
        count(distinct article_key) as article_count,
        max(latest_at) as latest_at,
    from entries
    where provider_name is not null
    group by provider_domain, provider_name
),

best_names as (
    select provider_domain, provider_name
    from names
    qualify
        row_number() over (
            partition by provider_domain
            order by flaw, article_count desc, latest_at desc, provider_name
        ) = 1
),

logos as (
    select
        provider_domain,
        arg_min(provider_logo_url, best_rank) filter (where provider_logo_url is not null) as logo_url,
    from entries
    group by provider_domain
)

select
    surrogate_key(logos.provider_domain) as provider_key,
    logos.provider_domain as domain,
    best_names.provider_name as name,
    logos.logo_url,
from logos
left join best_names on best_names.provider_domain = logos.provider_domain
