-- One row: the release that is shown.
select
    release_id,
    as_of,
    contract_version,
from ops.release
