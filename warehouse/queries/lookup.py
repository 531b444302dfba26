"""Small questions to the current release: what a name means, whether two URLs are one article, which notices there are.

A URL is looked up by its key, so that any spelling finds its article. A text that is no URL, or that no document holds,
may still be a path: `SOURCE/PATH`, or the path alone where one source has it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import duckdb

from schemas.errors import RunFailed, UsageError
from schemas.tables import CONTRACT_VERSION
from schemas.urls import POLICY_VERSION, facts
from warehouse.clock import as_plain
from warehouse.db import Limits, release_connection
from warehouse.home import Home
from warehouse.sql_files import fetch_records, read_sql

Kind = Literal["article", "document"]
Record = dict[str, Any]
# Shorter endings of an address (`/a`, `/news`) say nothing about what was meant.
SHORTEST_ENDING = 5


@contextmanager
def current_release(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the current release for the block, sandboxed.

    Raises UsageError where there is none, RunFailed where another version of newsmart made it.
    """
    home.check_released()
    with release_connection(home.file, sandboxed=True, limits=Limits(threads=2)) as connection:
        try:
            made_by = connection.execute("select contract_version, policy_version from ops.release").fetchall()
        except duckdb.CatalogException:
            made_by = []
        if made_by != [(CONTRACT_VERSION, POLICY_VERSION)]:
            what = "another version of newsmart made this release"
            raise RunFailed(what, where=str(home.file), todo="`newsmart run` makes it anew")
        yield connection


def read_notices(home: Home) -> list[Record]:
    """Return the notices of the current release, times as ISO 8601 text; raises as `current_release` does.

    They are read from the release and not from state.json: half of them are about several documents together, which
    only the build sees.
    """
    with current_release(home) as connection:
        sql = 'from ops.notice order by source, path, line nulls first, "column", field, reason, found'
        notices: list[Record] = as_plain(fetch_records(connection, sql))
        return notices


def find(connection: duckdb.DuckDBPyConnection, name: str) -> tuple[Kind, int]:
    """Return what a URL or a path names in an open release, an article or a document, and its key.

    Raises UsageError where several sources hold the path, and RunFailed where nothing is found: near hits in `detail`.
    """
    wanted = name.strip()
    url = facts(wanted)
    asked = {"url_key": None if url is None else url.url_key, "name": wanted}
    owners = connection.execute(read_sql("show", "url_owners"), asked).fetchall()
    if owners and owners[0][1] is not None:
        return "article", int(owners[0][1])
    documents = connection.execute(read_sql("show", "documents_named"), {"name": wanted}).fetchall()
    if len(documents) > 1:
        choices = ", ".join(f"{source}/{path}" for _, source, path in documents)
        raise UsageError("several documents have this path", where=choices, todo="write SOURCE/PATH")
    if documents:
        return "document", int(documents[0][0])
    if owners:
        what = "no article owns this URL: it is an alias that joins nothing"
        near = _texts(connection, "alias_declarers", {"url_key": str(owners[0][0])})
    else:
        what = "no article has this URL" if url else "no article or document is called so"
        near = _near(connection, wanted)
    todo = "near hits follow" if near else "see article_url and dim_document for what there is"
    detail = "\n".join(["near it:", *near]) if near else None
    raise RunFailed(what, where=wanted or "''", todo=todo, detail=detail)


def _near(connection: duckdb.DuckDBPyConnection, wanted: str) -> list[str]:
    """Return URLs of articles and documents that may have been meant."""
    near: list[str] = []
    url = facts(wanted) or facts(f"https://{wanted}")
    if url is not None:
        ending = url.url_key.split("?")[0].rstrip("/").rpartition("/")[2]
        asked = {"loose_key": url.loose_key, "ending": ending if len(ending) >= SHORTEST_ENDING else None}
        near += _texts(connection, "near_urls", asked)
    if name := wanted.rstrip("/").rpartition("/")[2]:
        near += _texts(connection, "near_documents", {"ending": name})
    return near


def _texts(connection: duckdb.DuckDBPyConnection, question: str, asked: dict[str, str | None]) -> list[str]:
    return [str(row[0]) for row in connection.execute(read_sql("show", question), asked).fetchall()]


def ask_same(home: Home, one: str, other: str) -> Record:
    """Return whether the current release holds two url_keys for one article, and why; raises as `current_release` does.

    Out: is_same, reason; article_keys, the article of each (None: no article owns it, or it is not known); aliases,
    what each shared alias does to a key that declares it. The owners decide and ops.alias explains: an alias that one
    key alone declares joins by being declared, and leaves no row there.
    """
    keys = {"one": one, "other": other}
    with current_release(home) as connection:
        owners = {str(row[0]): row[1] for row in connection.execute(read_sql("same", "owners"), keys).fetchall()}
        aliases = fetch_records(connection, read_sql("same", "aliases"), keys)
    is_same = owners.get(one) is not None and owners.get(one) == owners.get(other)
    shared = [alias for alias in aliases if alias.pop("is_of_both")]
    deciding = sorted({alias["alias"] for alias in shared if alias["is_joined"] == is_same})
    unknown = [key for key in (one, other) if key not in owners]
    unowned = [key for key, article_key in owners.items() if article_key is None]
    if is_same and deciding:
        reason = f"they are one article, by the shared alias {deciding[0]}"
    elif is_same:
        reason = "they are one article, by what its documents declare together"
    elif unknown:
        reason = "no document names " + " or ".join(unknown)
    elif unowned:
        reason = f"no article owns {unowned[0]}: no document is identified by it, and as an alias it joins nothing"
    elif deciding:
        reason = f"they are two articles: the alias {deciding[0]} that they share joins only spellings of one story"
    else:
        reason = "they are two articles: no document declares them together"
    article_keys = [None if owners.get(key) is None else str(owners[key]) for key in (one, other)]
    return {"is_same": is_same, "reason": reason, "article_keys": article_keys, "aliases": aliases}
