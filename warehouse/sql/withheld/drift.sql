-- New fields of the batch, but those that only doomed entries have.
with fields as (
    select
        mentions.ref,
        if(mentions.position > 0, 'related[].', '')
        || regexp_replace(unnest(json_keys(entries.unknown)), '\[[0-9]+\]', '[]', 'g') as field
    from mentions
    inner join entries on entries.entry_id = mentions.entry_id
    anti join doomed_entry on doomed_entry.entry_id = mentions.entry_id
    where mentions.ref not in (select ref from doomed_mention where position = 0)
)
select field, min(fields.ref) as ref from temp.drift as drift inner join fields using (field) group by field
