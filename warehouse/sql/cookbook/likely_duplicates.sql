-- Which articles may be one and the same, told apart only by caution?
-- One row per pair that a looser reading of the address would join, those with one title first; nothing merges them.
-- $rows integer = 100: the most pairs to list.
select
    title is not distinct from other_title as is_same_title,
    title,
    other_title,
    provider_domain,
    round(days_between, 1) as days_between,
    url,
    other_url
from main.match_candidate
order by
    is_same_title desc,
    abs(days_between) nulls last,
    url,
    other_url
limit $rows
