-- One row per mention and version: what the entry at `position` said while the version lasted. mention_rank orders all
-- mentions for survivorship, smallest best: root before related, then version_rank, then position.
select
    version.document_id,
    version.valid_from,
    version.valid_to,
    content_entry.position,
    content_entry.entry_id,
    ((content_entry.position > 0)::bigint << 60) + (version.version_rank << 22) + content_entry.position as mention_rank
from work.version as version
inner join base.content_entry as content_entry on content_entry.content_id = version.content_id
