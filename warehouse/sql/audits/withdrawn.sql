-- Breaks where an article without a document of its own counts as withdrawn: only an own document can say so.
select article_key
from main.dim_article
where is_withdrawn and not is_root
