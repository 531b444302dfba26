-- One row per provider domain to be described anew. Where all entries of it say the same, any of them will do; else all
-- are weighed.
with

said as (
    select
        entry.provider_domain,
        count(distinct coalesce('=' || entry.provider_name, '')) as name_count,
        count(distinct coalesce('=' || entry.provider_logo_url, '')) as logo_count,
    from ledger.entry as entry
    semi join base.domain as domain on domain.provider_domain = entry.provider_domain
    group by entry.provider_domain
)

select
    provider_domain,
    surrogate_key(provider_domain) as provider_key,
    name_count > 1 or logo_count > 1 as is_contested,
from said
