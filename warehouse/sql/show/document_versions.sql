-- One row per mention and version of a document; the document's versions are those of warehouse/sql/work/version.sql, made
-- before as `version`.
select
    version.version_number,
    version.valid_from,
    version.valid_to,
    version.byte_count,
    content_entry.position,
    entry.* exclude (entry_id, entry_digest, unknown, title_flaw, excerpt_flaw, provider_name_flaw),
from version
inner join ledger.content_entry as content_entry on content_entry.content_id = version.content_id
inner join ledger.entry as entry on entry.entry_id = content_entry.entry_id
where
    version.source = $source
    and version.path = $path
order by
    version.version_number,
    content_entry.position
