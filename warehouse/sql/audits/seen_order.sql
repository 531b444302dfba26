-- Breaks where times of a thing run backwards or lie after the release's as-of.
select 'article' as thing, article_key as thing_key
from main.dim_article
where first_seen_at > $as_of or last_seen_at > $as_of or last_seen_at <= first_seen_at
union all
select 'document' as thing, document_key as thing_key
from main.dim_document
where changed_at < first_seen_at or changed_at > $as_of or removed_at > $as_of or removed_at <= changed_at
union all
select 'history' as thing, article_key as thing_key
from main.article_history
where valid_from > $as_of or valid_to > $as_of or valid_to <= valid_from
union all
select 'mention' as thing, document_key as thing_key
from main.mention_history
where valid_from > $as_of or valid_to > $as_of or valid_to <= valid_from
