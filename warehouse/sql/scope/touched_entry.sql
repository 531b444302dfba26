-- One row per entry that a changed document held at the base's as-of, or has held since.
with

contents as (
    select arg_max(event.content_id, event.as_of) as content_id
    from ledger.event as event
    semi join base.changed_document as changed on changed.document_id = event.document_id
    where event.as_of <= $base_as_of
    group by event.document_id
    union
    select content_id
    from ledger.event
    where as_of > $base_as_of and as_of <= $as_of
)

select distinct content_entry.entry_id
from ledger.content_entry as content_entry
semi join contents on contents.content_id = content_entry.content_id
