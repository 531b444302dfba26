-- The shape of work.closure, which the connected-components routine fills: one row per url_key that a pair holds.
select
    null::varchar as url_key,
    null::varchar as component,
limit 0
