-- How many of the files scanned changed after the last scan that knew a file, and their bytes.
select count(*), coalesce(sum(size), 0)
from scanned
where
    $read_all
    or (
        ctime_ns > (select coalesce(max(known_at_ns), 0) from ledger.file_state)
        and ctime_ns <= $scanned_at_ns
    )
