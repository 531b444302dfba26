-- Documents of the batch; one whose own article was taken down has the outcome `purged`.
select * replace (
    if(ref in (select ref from doomed_mention where position = 0), 'purged', outcome) as outcome
)
from documents
