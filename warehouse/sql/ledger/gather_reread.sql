-- Keeps which content and which notices a batch of kept bytes has now. The batch is of bytes that were kept at an as-of.

insert into temp.reread_event by name
select distinct byte_digest, $as_of as as_of, key_of_digest(content_digest) as content_id
from documents
where outcome = 'good';

insert into temp.reread_notice by name
select distinct documents.byte_digest, $as_of as as_of, problems.* exclude (ref)
from problems
inner join documents on documents.ref = problems.ref
where documents.outcome = 'good' and problems.scope = 'notice';
