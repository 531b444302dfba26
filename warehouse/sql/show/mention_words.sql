-- One row per current mention asked for, with all that it says; `version` as in document_versions.sql.
with

wanted as (
    select
        unnest($sources) as source,
        unnest($paths) as path,
        unnest($positions) as position
)

select
    version.source,
    version.path,
    content_entry.position,
    entry.* exclude (entry_id, entry_digest, unknown, title_flaw, excerpt_flaw, provider_name_flaw),
from wanted
inner join version
    on
        version.source = wanted.source
        and version.path = wanted.path
        and version.valid_to is null
inner join ledger.content_entry as content_entry
    on
        content_entry.content_id = version.content_id
        and content_entry.position = wanted.position
inner join ledger.entry as entry on entry.entry_id = content_entry.entry_id
