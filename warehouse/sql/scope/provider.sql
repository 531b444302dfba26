-- One row per provider domain to be described anew. Where all entries of it say the same, any of them will do. Where some
-- only say less than others, one that says all is enough, if a document holds it now: the witness. Else all are weighed.
with

entries as (
    select
        entry.entry_id,
        entry.provider_domain,
        entry.provider_name,
        entry.provider_logo_url,
        (entry.provider_name is not null)::integer + (entry.provider_logo_url is not null)::integer as told_count,
    from ledger.entry as entry
    semi join base.domain as domain on domain.provider_domain = entry.provider_domain
),

said as (
    select
        provider_domain,
        count(distinct provider_name) as name_count,
        count(distinct provider_logo_url) as logo_count,
        min(told_count) as least_told_count,
        max({'told_count': told_count, 'entry_id': entry_id}, 8) as fullest,
    from entries
    group by provider_domain
),

judged as (
    select
        *,
        name_count > 1 or logo_count > 1 as is_contested,
        not is_contested and least_told_count < name_count + logo_count as is_partly_told,
    from said
),

candidates as (
    select
        provider_domain,
        candidate.entry_id,
    from (
        select
            provider_domain,
            name_count + logo_count as told_count,
            unnest(fullest) as candidate,
        from judged
        where is_partly_told
    )
    where candidate.told_count = told_count
),

held as (
    select
        candidates.provider_domain,
        candidates.entry_id,
        content_entry.content_id,
    from ledger.content_entry as content_entry
    inner join candidates on candidates.entry_id = content_entry.entry_id
),

documents as (
    select event.document_id
    from ledger.event as event
    semi join held on held.content_id = event.content_id
),

current_contents as (
    select arg_max_null(event.content_id, event.as_of) as content_id
    from ledger.event as event
    semi join documents on documents.document_id = event.document_id
    where event.as_of <= $as_of
    group by event.document_id
),

witnesses as (
    select
        held.provider_domain,
        max(held.entry_id) as witness_id,
    from held
    semi join current_contents on current_contents.content_id = held.content_id
    group by held.provider_domain
)

select
    judged.provider_domain,
    surrogate_key(judged.provider_domain) as provider_key,
    witnesses.witness_id,
    judged.is_contested or (judged.is_partly_told and witnesses.witness_id is null) as is_contested,
from judged
left join witnesses on witnesses.provider_domain = judged.provider_domain
