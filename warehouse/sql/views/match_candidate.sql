-- One row per pair of articles that a person would look at, listed and never merged: they share a looser spelling of their
-- address; or a content id within one registrable domain, under another slug, section or edition; or one title and an alias
-- that could not join them. What more than eight articles share is a mark of the site and not of a story.
with

urls as (
    select distinct
        article_key,
        url_key,
        loose_key,
        split_part(split_part(url_key, '#', 1), '?', 1) as address,
        -- The registrable domain, nearly: two labels, or three below a suffix such as co.uk.
        regexp_extract(
            url_key,
            '^(?:[^/?#:]*?\.)??([^/?#:.]+\.(?:(?:ac|co|com|edu|go|gov|ne|net|or|org)\.[a-z]{2}|[^/?#:.]+))(?:[/?#:]|$)',
            1
        ) as domain,
    from main.article_url
    where article_key is not null
),

-- Few servers tell ! $ ' ( ) * , : @ from their escapes; those of / ? # & = + % are data and stay.
unescaped as (
    select
        *,
        case
            when not contains(loose_key, '%') then loose_key
            else url_decode(
                regexp_replace(replace(loose_key, '%', '%25'), '(?i)%25(2[147-9ac]|3a|40)', '%\1', 'g')
            )
        end as unescaped_key,
    from urls
),

spellings as (
    select
        article_key,
        loose_key,
        case
            when not contains(unescaped_key, 'amp') then unescaped_key
            else regexp_replace(
                regexp_replace(
                    regexp_replace(
                        unescaped_key, '([?&])(?:(?i:template|version|platform|amp-content)=amp(?:art|html)?(?:&|$))+', '\1', 'g'
                    ),
                    '[?&]$', ''
                ),
                '\.amphtml($|\?)', '\1'
            )
        end as spelling,
    from unescaped
),

-- A long number that is a day, alone or with hour and minute, is no id.
undated as (
    select
        article_key,
        url_key,
        address,
        domain,
        case
            when not regexp_matches(address, '[0-9]{8}') then address
            else regexp_replace(
                address,
                '(^|[^0-9])(?:(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01])(?:[0-9]{2}(?:[0-9]{2})?)?|'
                || '(?:[0-2][0-9]|3[01])(?:[0-2][0-9]|3[01])(?:19|20)[0-9]{2})([^0-9]|$)',
                '\1\2',
                'g'
            )
        end as undated_address,
    from urls
),

found as (
    select
        article_key,
        domain,
        coalesce(
            case when domain = 'msn.com' then nullif(regexp_extract(address, '/([a-z]{2}-[A-Za-z0-9]{6,})$', 1), '') end,
            case
                when domain = 'google.com' then nullif(regexp_extract(address, '/(C[A-Za-z0-9_-]{19,})$', 1), '')
            end,
            nullif(lower(regexp_extract(address, '(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}')), ''),
            nullif(
                regexp_extract(
                    address, '[^A-Za-z0-9]([A-Z2-7]{26}|[a-z2-7]{26}|[0-9a-f]{24}|[0-9a-f]{32})(?:[^A-Za-z0-9]|$)', 1
                ),
                ''
            ),
            nullif(regexp_extract(undated_address, '/(?:.*[^0-9])?([0-9]{7,})(?:[^0-9]|$)', 1), ''),
            nullif(
                regexp_extract(
                    url_key,
                    '[?&](?i:(?:article|content|doc|entry|item|news|post|story|video)?[_-]?id|p)=([0-9]{7,})(?:[&#]|$)',
                    1
                ),
                ''
            )
        ) as content_id,
    from undated
),

marks as (
    select distinct
        article_key,
        1 as rank,
        loose_key as mark,
        'one address but for mobile and AMP forms, index pages, case and ambiguous parameters' as reason,
    from spellings

    union all

    select distinct
        article_key,
        2 as rank,
        spelling as mark,
        'one address but for AMP forms and escapes of reserved characters' as reason,
    from spellings

    union all

    select distinct
        article_key,
        3 as rank,
        domain || ' ' || content_id as mark,
        'one content id under another slug, section or edition' as reason,
    from found
    where content_id is not null and not regexp_matches(content_id, '^[0-9]*000$')

    union all

    select distinct
        alias.article_key,
        4 as rank,
        alias.url_key as mark,
        'one title, and one alias that does not join them' as reason,
    from ops.alias as alias
),

story_marks as (
    select
        rank,
        mark,
    from marks
    group by
        rank,
        mark
    having count(*) between 2 and 8
),

shared as (
    select marks.*
    from marks
    semi join story_marks on story_marks.rank = marks.rank and story_marks.mark = marks.mark
),

pairs as (
    select
        one.article_key,
        other.article_key as other_article_key,
        arg_min(one.mark, (one.rank, one.mark)) as loose_key,
        arg_min(one.reason, (one.rank, one.mark)) as reason,
        min(one.rank) as rank,
    from shared as one
    inner join shared as other on other.rank = one.rank and other.mark = one.mark
    where one.article_key < other.article_key
    group by
        one.article_key,
        other.article_key
)

select
    pairs.article_key,
    pairs.other_article_key,
    pairs.loose_key,
    one.url,
    other.url as other_url,
    one.title,
    other.title as other_title,
    provider.domain as provider_domain,
    other_provider.domain as other_provider_domain,
    (epoch(other_fact.published_at) - epoch(fact.published_at)) / 86400.0 as days_between,
    pairs.reason
from pairs
left join main.dim_article as one on one.article_key = pairs.article_key
left join main.dim_article as other on other.article_key = pairs.other_article_key
left join main.fact_article as fact on fact.article_key = pairs.article_key
left join main.fact_article as other_fact on other_fact.article_key = pairs.other_article_key
left join main.dim_provider as provider on provider.provider_key = fact.provider_key
left join main.dim_provider as other_provider on other_provider.provider_key = other_fact.provider_key
where pairs.rank < 4 or lower(one.title) = lower(other.title)
