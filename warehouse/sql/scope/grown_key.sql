-- One row per key that has to join the scope: of an article that one of the scope has become part of, or of an alias that
-- a touched entry declares and that joins it, now or in the base.
with

components as (
    select distinct closure.component
    from work.closure as closure
    semi join base.key as key on key.own_key = surrogate_key(closure.url_key)
),

grown as (
    select closure.url_key
    from work.closure as closure
    semi join components on components.component = closure.component
    union
    select verdict.url_key
    from work.alias_verdict as verdict
    semi join base.touched_url as touched on touched.own_key = surrogate_key(verdict.alias_key)
    where verdict.partner_key is not null
    union
    select alias.declaring_key as url_key
    from previous.ops.alias as alias
    semi join base.touched_url as touched on touched.own_key = surrogate_key(alias.url_key)
    where alias.is_joined
)

select surrogate_key(grown.url_key) as own_key
from grown
anti join base.key as key on key.own_key = surrogate_key(grown.url_key)
