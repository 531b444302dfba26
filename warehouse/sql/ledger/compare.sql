-- One row per file that the scan found, with what the ledger knows of it. needs_read: the file is new, was bad, has an
-- open problem, was gone, its stat differs, or its mtime is not over two seconds older than the scan that knew it (a
-- later write within the clock's grain could not be told from the one that was read). is_wanted_whole: what is known of
-- it must not spare its reading; of one that was gone, the bytes that are known may be no version's and so not kept.
with

open_problems as (
    select distinct document_id from ledger.problem where cleared_at is null and scope <> 'notice'
),

last_events as (
    select
        document_id,
        arg_max(content_id is null, as_of) as is_gone,
    from ledger.event
    group by document_id
),

known as (
    select
        document.document_id,
        document.source,
        document.path,
        file_state.size,
        file_state.mtime_ns,
        file_state.ctime_ns,
        file_state.inode,
        file_state.known_at_ns,
        file_state.byte_digest,
        file_state.content_digest,
        coalesce(file_state.is_bad, true) as is_bad,
        coalesce(file_state.is_bad, true)
        or open_problems.document_id is not null
        or coalesce(last_events.is_gone, false) as is_wanted_whole,
    from ledger.document as document
    left join ledger.file_state as file_state on file_state.document_id = document.document_id
    left join open_problems on open_problems.document_id = document.document_id
    left join last_events on last_events.document_id = document.document_id
),

highest as (
    select coalesce(max(document_id), 0) as document_id from ledger.document
),

compared as materialized (
    select
        scanned.*,
        known.document_id,
        known.byte_digest,
        known.content_digest,
        coalesce(known.is_bad, true) as is_bad,
        coalesce(known.is_wanted_whole, true) as is_wanted_whole,
        $read_all
        or coalesce(known.is_wanted_whole, true)
        or known.size <> scanned.size
        or known.mtime_ns <> scanned.mtime_ns
        or known.ctime_ns <> scanned.ctime_ns
        or known.inode <> scanned.inode
        or known.mtime_ns >= known.known_at_ns - 2000000000 as needs_read,
    from scanned
    left join known on known.source = scanned.source and known.path = scanned.path
)

-- Only what is unknown is sorted, for its number: of a hundred thousand files nearly all are known.
select
    false as is_unknown,
    *,
from compared
where document_id is not null
union all by name
select
    true as is_unknown,
    highest.document_id + row_number() over (order by compared.source, compared.path) as document_id,
    compared.* exclude (document_id),
from compared
cross join highest
where compared.document_id is null
