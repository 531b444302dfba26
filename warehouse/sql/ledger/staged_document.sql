-- Stages what was read of the batch's documents.
insert into temp.staged_document by name
select document_id, outcome, size, mtime_ns, ctime_ns, inode, byte_count, byte_digest, content_digest
from documents
