-- The documents of the scope.
select document.*
from ledger.document as document
semi join base.event as event on event.document_id = document.document_id
