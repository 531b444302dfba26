-- One row per topic that any version names.
with

topics as (
    select distinct unnest(entry.topics) as topic
    from base.entry as entry
    inner join work.used_entry as used_entry on used_entry.entry_id = entry.entry_id
)

select
    surrogate_key(topic) as topic_key,
    topic,
from topics
