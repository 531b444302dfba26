-- One row per document whose identity is not its own: a site's front page that identifies several stories, and root
-- documents of one url_key whose URLs differ in the fragment alone. Two titles are two stories; case and punctuation
-- make no difference. What each document is by itself is added from the ledger (warehouse/release/runs.py).
with

current_keys as (
    select
        mention.document_id,
        mention.position,
        entry_url.entry_id,
        entry_url.url_key,
        entry_url.url_id,
        entry_url.kind,
        entry_url.is_front_page,
    from work.mention as mention
    inner join work.entry_url as entry_url on entry_url.entry_id = mention.entry_id
    where
        mention.valid_to is null
        and entry_url.is_identifying
        and (entry_url.is_front_page or mention.position = 0)
),

suspects as (
    select url_key
    from current_keys
    anti join base.owner as owner on owner.url_key = current_keys.url_key
    group by url_key
    having count(distinct entry_id) > 1
),

-- The first as-of at which a document said this title under this key, over all of its versions.
since as (
    select
        mention.document_id,
        entry_url.url_key,
        entry.title,
        min(mention.valid_from) as since_at,
    from work.entry_url as entry_url
    inner join suspects on suspects.url_key = entry_url.url_key
    inner join work.mention as mention on mention.entry_id = entry_url.entry_id
    inner join base.entry as entry on entry.entry_id = entry_url.entry_id
    where entry_url.is_identifying
    group by all
),

stories as (
    select
        document.source,
        document.path,
        current_keys.position,
        current_keys.url_key,
        current_keys.is_front_page,
        url.url_raw,
        if(current_keys.kind = 1, 'webUrl', 'originalUrl') as url_field,
        since.since_at,
        trim(regexp_replace(lower(entry.title), '[^\p{L}\p{N}]+', ' ', 'g')) as story,
        -- `&#38;` is a character, and no fragment
        regexp_extract(url.url_raw, '(?s)(?:^|[^&])#(.*)$', 1) as fragment,
    from current_keys
    inner join suspects on suspects.url_key = current_keys.url_key
    inner join base.entry as entry on entry.entry_id = current_keys.entry_id
    inner join base.url as url on url.url_id = current_keys.url_id
    inner join base.document as document on document.document_id = current_keys.document_id
    inner join since
        on since.document_id = current_keys.document_id
        and since.url_key = current_keys.url_key
        and since.title = entry.title
),

firsts as (
    select
        url_key,
        story,
        min(since_at) as first_at,
    from stories
    group by url_key, story
),

-- From the second story on it is a notice.
shared as (
    select
        url_key,
        list_sort(list(first_at))[2] as shared_at,
    from firsts
    group by url_key
    having count(*) > 1
),

fragments as (
    select url_key
    from stories
    where position = 0
    group by url_key
    having count(distinct fragment) > 1 and count(distinct story) > 1
),

front_pages as (
    select
        *,
        'front_page' as reason,
        'the URL of the story itself: this front page identifies others too' as expected,
    from stories
    where is_front_page
    qualify row_number() over (partition by url_key, story order by position > 0, source, path, position) = 1
),

fragment_only as (
    select
        *,
        'fragment_only' as reason,
        'a URL of its own: that of another document differs in the fragment alone, so both are one article' as expected,
    from stories
    where position = 0 and url_key in (select url_key from fragments)
),

told as (
    select * from front_pages
    union all by name
    select * from fragment_only
)

select
    told.source,
    told.path,
    null::bigint as line,
    null::bigint as "column",
    if(told.position = 0, '', 'related[' || (told.position - 1) || '].') || told.url_field as field,
    told.reason,
    told.expected,
    if(length(told.url_raw) > 60, left(told.url_raw, 59) || '…', told.url_raw) as found,
    greatest(told.since_at, shared.shared_at) as first_seen_at,
    $as_of::timestamp as last_seen_at,
from told
inner join shared on shared.url_key = told.url_key

union all by name

select
    *,
    $as_of::timestamp as last_seen_at,
from base.notice
