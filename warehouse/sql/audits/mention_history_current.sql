-- Breaks where the current spans of mention_history are other than the distinct documents, articles, roles and root
-- articles of fact_mention: citations as of now would differ by the table that they are counted from.
with

current_spans as (
    select
        document_key,
        article_key,
        role,
        root_article_key,
    from main.mention_history
    where is_current
),

mentions as (
    select distinct
        document_key,
        article_key,
        role,
        root_article_key,
    from main.fact_mention
)

(select *, 'not in fact_mention' as fault from (from current_spans except from mentions) as surplus)
union all
(select *, 'not in mention_history' as fault from (from mentions except from current_spans) as missing)
