-- Count and hash of the events at or before an as-of.
select count(*), coalesce(bit_xor(hash(document_id, as_of, content_id, byte_count)), 0)::varchar
from ledger.event
where as_of <= $as_of
