-- Breaks where the weights of an article's topics do not add up to 1: sums over topics would count it more or less than
-- once.
select
    article_key,
    sum(weight) as weights,
from main.bridge_article_topic
group by article_key
having abs(sum(weight) - 1) > 1e-9 or min(weight) <= 0 or max(weight) - min(weight) > 1e-9
