-- Forgets documents whose own article was taken down: they are not seen either.

delete from seen where document_id in (select document_id from staged_document where outcome = 'purged');

delete from staged_document where outcome = 'purged';
