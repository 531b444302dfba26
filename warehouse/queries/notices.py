"""The notices of a release: what was accepted as it reads, although a person may have meant something else.

They are read from the release and not from state.json. Half of them are about several documents together, which only
the build sees; so notices are true of what readers are shown, and change when that does.
"""

from pathlib import Path
from typing import Any

import duckdb

from schemas.errors import RunFailed
from warehouse.db import Limits, release_connection
from warehouse.release.runs import fetch_records, plain

_NOTICES = """
    from ops.notice
    order by source, path, line nulls first, "column", field, reason, found
"""


def read_notices(release: Path) -> list[dict[str, Any]]:
    """Return the notices of a release, times as ISO 8601 text. Raises RunFailed where it is absent, damaged or old."""
    with release_connection(release, sandboxed=True, limits=Limits(threads=1)) as connection:
        try:
            return [plain(row) for row in fetch_records(connection, _NOTICES)]
        except duckdb.CatalogException as error:
            what = "the release was built by an older newsmart and holds no notices"
            raise RunFailed(what, where=str(release), todo="run `newsmart run` first") from error
