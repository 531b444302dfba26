-- One row per pair of url_keys that one mention declares to be one article: its identifying URL and another of its URLs
-- on the same registrable domain, neither of them a site's front page. What fails this joins nothing: a false merge
-- loses data, a missed one is only untidy.
with

identifying as (
    select * from work.entry_url where is_identifying
),

aliases as (
    select * from work.entry_url where not is_identifying
)

select distinct
    identifying.url_key,
    aliases.url_key as alias_key,
from aliases
inner join identifying on identifying.entry_id = aliases.entry_id
where
    aliases.url_key <> identifying.url_key
    and aliases.registrable_domain = identifying.registrable_domain
    and not aliases.is_front_page
    and not identifying.is_front_page
