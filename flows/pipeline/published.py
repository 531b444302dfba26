"""What the hooks and Prefect are told when a release is out, read from the release that readers see.

The release itself is asked, and no longer once it is gone: so no event says what was taken down since. An event is
sent once, after the lock was let go; a process that is killed just then sends none.
"""

from pathlib import Path
from typing import Any

import duckdb

from schemas.errors import NewsmartError, RunFailed
from warehouse.clock import as_text
from warehouse.db import Limits, release_connection
from warehouse.release.runs import run_id_of

MOST_HEADLINES = 20
MOST_CHARACTERS = 500


def published_event(warehouse: Path, release: Path) -> dict[str, Any]:
    """Return the event of a release that was published, in plain values; what is not known is None.

    `articles` counts what the release changed against the one before (ops.release_change), `headlines` are up to 20 of
    its headlines that changed, those of the most cited articles first. Raises RunFailed where the release is gone.
    """
    try:
        with release_connection(release, sandboxed=True, limits=Limits(threads=1)) as connection:
            ((release_id, as_of, reason),) = connection.execute(_RELEASE).fetchall()
            counts = connection.execute(_COUNTS).fetchall()[0]
            headlines = connection.execute(_HEADLINES, [MOST_CHARACTERS, MOST_HEADLINES]).fetchall()
    except (NewsmartError, OSError, duckdb.Error) as error:
        raise RunFailed("the release is gone, or cannot be read", where=f"{release}: {error}") from error
    names = ("added", "changed", "merged", "departed", "withdrawn")
    if reason not in (None, "first_load"):
        counts = (None,) * len(names)  # it was compared with none, and so nobody knows what it changed
    return {
        "event": "newsmart.release.published",
        "warehouse": str(warehouse.absolute()),
        "run_id": run_id_of(as_of),
        "release_id": release_id,
        "path": str(release.absolute()),
        "as_of": as_text(as_of),
        "articles": dict(zip(names, counts, strict=True)),
        "headlines": [dict(zip(("url", "before", "after"), row, strict=True)) for row in headlines],
    }


_RELEASE = "select release_id, as_of, uncompared_reason from ops.release"

_COUNTS = """
    select
        count(distinct article_key) filter (where kind in ('added', 'split'))
        + (select count(*) from main.dim_article where (select uncompared_reason = 'first_load' from ops.release)),
        count(distinct article_key) filter (where kind not in ('added', 'split', 'departed', 'merged')),
        count(*) filter (where kind = 'merged'),
        count(distinct article_key) filter (where kind = 'departed'),
        count(distinct article_key) filter (where field = 'is_withdrawn' and after = 'true'),
    from ops.release_change
"""

_HEADLINES = """
    select article.url, left(change.before, $1), left(change.after, $1)
    from ops.release_change as change
    inner join main.dim_article as article on article.article_key = change.article_key
    inner join main.fact_article as fact on fact.article_key = change.article_key
    where change.kind = 'headline'
    order by fact.cited_by_count desc, article.article_key
    limit $2
"""
