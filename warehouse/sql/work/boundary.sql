-- One row per moment at which what is said of an article may change, numbered within the article. Articles that were
-- mentioned once and stay so have no such moment and are left to the shortcut in article_history.
with

moments as (
    select article_key, valid_from as moment_at from work.mention
    union
    select article_key, valid_to as moment_at from work.mention where valid_to is not null
),

eventful as (
    select article_key from work.article_life where is_eventful
)

select
    moments.article_key,
    moments.moment_at,
    row_number() over (partition by moments.article_key order by moments.moment_at) as moment_number,
    count(*) over (partition by moments.article_key) as moment_count,
from moments
inner join eventful on eventful.article_key = moments.article_key
