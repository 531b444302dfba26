-- Headlines that changed, those of the most cited articles first.
select article.url, left(change.before, $most_characters), left(change.after, $most_characters)
from ops.release_change as change
inner join main.dim_article as article on article.article_key = change.article_key
inner join main.fact_article as fact on fact.article_key = change.article_key
where change.kind = 'headline'
order by fact.cited_by_count desc, article.article_key
limit $most_headlines
