-- One row per topic of a touched entry.
select distinct surrogate_key(topic) as topic_key
from (select unnest(topics) as topic from base.touched)
