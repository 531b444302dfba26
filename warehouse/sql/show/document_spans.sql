-- One row per article, role and span in which the document mentioned it; its title is that of the time where it is known.
select
    history.article_key,
    history.role,
    history.valid_from,
    history.valid_to,
    coalesce(span.title, article.title) as title,
    article.url,
from main.mention_history as history
inner join main.dim_article as article on article.article_key = history.article_key
left join main.article_history as span
    on
        span.article_key = history.article_key
        and span.valid_from <= coalesce($as_of, history.valid_from)
        and (span.valid_to > coalesce($as_of, history.valid_from) or span.valid_to is null)
where history.document_key = $key
order by
    history.valid_from,
    history.role desc,
    article.url_key
