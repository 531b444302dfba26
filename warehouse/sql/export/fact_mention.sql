-- Mentions with the month (yyyymm) in which they say that the article was published; NULL where they do not say.
select
    *,
    published_date_key // 100 as month_number,
from main.fact_mention
