-- One row per document of which something was recorded after the base's as-of.
select distinct document_id
from ledger.event
where as_of > $base_as_of and as_of <= $as_of
