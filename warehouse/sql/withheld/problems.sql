-- Problems of the batch, but those that quote what was taken down.
select *
from problems
where
    ref not in (select ref from doomed_mention where position = 0)
    and (position is null or (ref, position) not in (select (ref, position) from doomed_mention))
