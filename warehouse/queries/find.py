"""Finding what a person means by a URL or a path: the article or the document, or what comes near.

A URL is looked up by its key, so that any spelling finds its article. A text that is no URL, or that no document holds,
may still be a path: `SOURCE/PATH`, or the path alone where one source has it.
"""

from dataclasses import dataclass
from typing import Literal

import duckdb

from schemas.errors import RunFailed, UsageError
from schemas.urls import facts
from warehouse.sql_files import read_sql

Kind = Literal["article", "document"]
# Shorter endings of an address (`/a`, `/news`) say nothing about what was meant.
SHORTEST_ENDING = 5


@dataclass(frozen=True, slots=True)
class Found:
    """What a name stands for: an article or a document, and its key."""

    kind: Kind
    key: int


def find(connection: duckdb.DuckDBPyConnection, name: str) -> Found:
    """Return the article or document that a URL or a path names in an open release.

    Raises UsageError where several sources hold the path, and RunFailed where nothing is found: near hits in `detail`.
    """
    wanted = name.strip()
    told = facts(wanted)
    url = {"url_key": None if told is None else told.url_key, "name": wanted}
    owners = connection.execute(read_sql("show", "url_owners"), url).fetchall()
    if owners and owners[0][1] is not None:
        return Found("article", int(owners[0][1]))
    documents = connection.execute(read_sql("show", "documents_named"), {"name": wanted}).fetchall()
    if len(documents) > 1:
        choices = ", ".join(f"{source}/{path}" for _, source, path in documents)
        raise UsageError("several documents have this path", where=choices, todo="write SOURCE/PATH")
    if documents:
        return Found("document", int(documents[0][0]))
    if owners:
        raise _unowned(connection, wanted, str(owners[0][0]))
    near = _near_urls(connection, wanted) + _near_documents(connection, wanted)
    raise _not_found("no article has this URL" if told else "no article or document is called so", wanted, near)


def _unowned(connection: duckdb.DuckDBPyConnection, wanted: str, key: str) -> RunFailed:
    rows = connection.execute(read_sql("show", "alias_declarers"), {"url_key": key}).fetchall()
    return _not_found(
        "no article owns this URL: it is an alias that joins nothing", wanted, [str(row[0]) for row in rows]
    )


def _not_found(what: str, wanted: str, near: list[str]) -> RunFailed:
    detail = "\n".join(["near it:", *near]) if near else None
    todo = "near hits follow" if near else "see article_url and dim_document for what there is"
    return RunFailed(what, where=wanted or "''", todo=todo, detail=detail)


def _near_urls(connection: duckdb.DuckDBPyConnection, wanted: str) -> list[str]:
    told = facts(wanted) or facts(f"https://{wanted}")
    if told is None:
        return []
    ending = told.url_key.split("?")[0].rstrip("/").rpartition("/")[2]
    meant = {"loose_key": told.loose_key, "ending": ending if len(ending) >= SHORTEST_ENDING else None}
    return [str(row[0]) for row in connection.execute(read_sql("show", "near_urls"), meant).fetchall()]


def _near_documents(connection: duckdb.DuckDBPyConnection, wanted: str) -> list[str]:
    ending = wanted.rstrip("/").rpartition("/")[2]
    if not ending:
        return []
    return [
        str(row[0]) for row in connection.execute(read_sql("show", "near_documents"), {"ending": ending}).fetchall()
    ]
