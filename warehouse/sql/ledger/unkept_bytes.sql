-- One row per run of bytes of the batch that is not kept: it speaks of what was taken down, or has a problem, and what
-- was not accepted may speak of anything.
select byte_digest
from documents
where
    byte_digest is not null
    and ref in (select ref from doomed_mention union select ref from problems where scope <> 'notice')
