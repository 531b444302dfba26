-- Spans with the month (yyyymm, UTC) in which they began.
select
    *,
    year(valid_from) * 100 + month(valid_from) as month_number,
from main.mention_history
