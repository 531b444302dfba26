"""Everything that a release knows of one article or one document, as one object.

The release alone is read, so that no run is waited for. It keeps one mention's word only for some fields (provider,
day, quality); of the others it keeps the value that won and those that lost. So `from`, the best-ranked mention that
says a value, is told where it follows from the release, and is null elsewhere: a place that is probably right would be
believed. `versions.py` asks the ledger for the rest.

Keys are text, since many readers of JSON keep no integer beyond 2^53; times are ISO 8601.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb

from schemas.errors import RunFailed, UsageError
from schemas.tables import CONTRACT_VERSION
from schemas.text import CLEAN, flaw
from warehouse.db import Limits, release_connection
from warehouse.home import Home
from warehouse.queries.find import Found, find
from warehouse.release.runs import fetch_records
from warehouse.sql_files import read_sql

Record = dict[str, Any]
# The fields of an article as article_conflict calls them.
FIELDS = (
    *(
        "title",
        "excerpt",
        "provider",
        "published_at",
        "quality",
        "heat",
        "topics",
        "images",
        "category",
        "content_type",
    ),
    *("locale", "authors", "updated_at", "is_published", "featured_content", "url"),
)
# What article_history keeps.
FIELDS_THEN = ("title", "provider", "quality", "heat", "is_published")


def show(home: Home, name: str, as_of: datetime | None = None, *, threads: int = 2) -> Record:
    """Return what the current release knows of the article or document that a URL or path names.

    In: `as_of`, to be told what it said then. Raises UsageError where there is no release or the name is ambiguous,
    RunFailed where nothing is called so, or nothing was at that time.
    """
    if not home.file.exists():
        raise UsageError("there is no release yet", where=str(home.file), todo="run `newsmart run` first")
    with release_connection(home.file, sandboxed=True, limits=Limits(threads=threads)) as connection:
        release = _release(connection, home)
        found = find(connection, name)
        if found.kind == "document":
            told = _document(connection, found, as_of)
        elif as_of is None:
            told = _article(connection, found)
        else:
            told = _article_then(connection, found, as_of)
    head = {"kind": found.kind, "asked": name, "release_id": release["release_id"], "as_of": as_of or release["as_of"]}
    shown: Record = as_plain({**head, **told})
    return shown


def _release(connection: duckdb.DuckDBPyConnection, home: Home) -> Record:
    try:
        (release,) = fetch_records(connection, "select release_id, as_of, contract_version from ops.release")
    except duckdb.CatalogException:
        release = {"contract_version": 0}
    if release["contract_version"] != CONTRACT_VERSION:
        what = "another version of newsmart made this release"
        raise RunFailed(what, where=str(home.file), todo="`newsmart run` makes it anew")
    return release


def _article(connection: duckdb.DuckDBPyConnection, found: Found) -> Record:
    key = {"article_key": found.key}
    (article,) = fetch_records(connection, read_sql("show", "article"), key)
    mentions, conflicts = _asked(connection, "mentions", key), _asked(connection, "conflicts", key)
    return {
        **_identity(article),
        "values": {field: _value(field, article[field], mentions, conflicts) for field in FIELDS},
        **{name: article[name] for name in ("image_count", "mention_count", "related_count", "cited_by_count")},
        "spellings": _asked(connection, "spellings", key),
        "mentions": [_without(mention, "published_date_key") for mention in mentions],
        "history": _asked(connection, "article_spans", key),
        "mention_history": _asked(connection, "mention_spans", key),
        "may_be_the_same": _asked(connection, "candidates", key),
    }


def _identity(article: Mapping[str, Any]) -> Record:
    names = ("url", "url_key", "article_key", "is_root", "is_withdrawn", "first_seen_at", "last_seen_at")
    return {name: article[name] for name in names}


def _value(field: str, value: object, mentions: Sequence[Record], conflicts: Sequence[Record]) -> Record:
    """Return a value that was kept, the best-ranked mention that says so (null: not known), and what lost."""
    lost = [
        {"value": row["other"], "mention_count": row["mention_count"]} for row in conflicts if row["field"] == field
    ]
    source = None if value is None else next(iter(_sayers(field, value, mentions, lost)), None)
    return {"value": value, "from": None if source is None else _place(source), "lost": lost}


def _sayers(field: str, value: object, mentions: Sequence[Record], lost: Sequence[Record]) -> Sequence[Record]:
    """Return the mentions that say so, as they are ranked; none where the release does not tell them."""
    if len(mentions) == 1:
        return mentions
    if field in ("provider", "quality"):
        return [mention for mention in mentions if mention[field] == value]
    if field == "published_at" and isinstance(value, datetime):
        that_day = [one for one in mentions if one["published_date_key"] == int(f"{value:%Y%m%d}")]
        return that_day if len(that_day) == 1 or not lost else []
    if field == "title" and (flaw(str(value)) != CLEAN or all(flaw(str(row["value"])) == CLEAN for row in lost)):
        return mentions  # each mention has a title, and where all are as clean the best-ranked wins
    return []


def _place(mention: Mapping[str, Any]) -> Record:
    return {name: mention[name] for name in ("source", "path", "position")}


def _article_then(connection: duckdb.DuckDBPyConnection, found: Found, as_of: datetime) -> Record:
    key = {"article_key": found.key}
    (article,) = fetch_records(connection, read_sql("show", "article"), key)
    spans = _asked(connection, "article_spans", key)
    then = next((span for span in spans if holds(span, as_of)), None)
    if then is None:
        raise _not_then(str(article["url"]), as_of, article["first_seen_at"], article["last_seen_at"])
    mentioned = [span for span in _asked(connection, "mention_spans", key) if holds(span, as_of)]
    return {
        **_identity(article),
        "values": {field: {"value": then[field]} for field in FIELDS_THEN},
        "valid_from": then["valid_from"],
        "valid_to": then["valid_to"],
        "cited_by_count": sum(span["is_citation"] for span in mentioned),
        "spellings": [row for row in _asked(connection, "spellings", key) if row["first_seen_at"] <= as_of],
        "mentions": [_without(span, "valid_from", "valid_to", "is_citation") for span in mentioned],
        "history": [span for span in spans if span["valid_from"] <= as_of],
    }


def _not_then(name: str, as_of: datetime, first: datetime, last: datetime | None) -> RunFailed:
    seen = f"first seen at {iso(first)}" + ("" if last is None else f", gone at {iso(last)}")
    return RunFailed(f"no document mentioned it as of {iso(as_of)}", where=name, todo=seen)


def _document(connection: duckdb.DuckDBPyConnection, found: Found, as_of: datetime | None) -> Record:
    (document,) = fetch_records(connection, read_sql("show", "document"), {"document_key": found.key})
    spans = _asked(connection, "document_spans", {"document_key": found.key, "as_of": as_of})
    if as_of is None:
        lists: Record = {
            "lists": _asked(connection, "listed", {"document_key": found.key}),
            "changes": list_changes(spans),
            "history": _asked(connection, "article_spans", {"article_key": document["article_key"]}),
        }
    else:
        lists = _document_then(connection, document, spans, as_of)
    mentions = _asked(connection, "mention_spans", {"article_key": lists.pop("root_key", document["article_key"])})
    return {**document, **lists, "listed_by": _listed_by(document, mentions, as_of)}


def _document_then(
    connection: duckdb.DuckDBPyConnection, document: Record, spans: Sequence[Record], as_of: datetime
) -> Record:
    """Return what the document listed then; what it was itself stands in the places of what it is."""
    then = [span for span in spans if holds(span, as_of)]
    root = next((span for span in then if span["role"] == "root"), None)
    if root is None:
        name = f"{document['source']}/{document['path']}"
        raise RunFailed(
            f"the document was not there as of {iso(as_of)}",
            where=name,
            todo=f"first seen at {iso(document['first_seen_at'])}",
        )
    history = _asked(connection, "article_spans", {"article_key": root["article_key"]})
    values = next((span for span in history if holds(span, as_of)), {})
    return {
        "root_key": root["article_key"],
        "article_key": root["article_key"],
        "url": root["url"],
        "title": root["title"],
        "values": {field: {"value": values.get(field)} for field in FIELDS_THEN},
        "lists": [{name: span[name] for name in ("role", "title", "url")} for span in then],
        "history": [span for span in history if span["valid_from"] <= as_of],
    }


def _listed_by(document: Mapping[str, Any], spans: Sequence[Record], as_of: datetime | None) -> list[Record]:
    """Return the documents that list the article of a document, now or then."""
    return [
        {name: span[name] for name in ("source", "path", "document_title")}
        for span in spans
        if span["is_citation"] and (span["valid_to"] is None if as_of is None else holds(span, as_of))
    ]


def list_changes(spans: Sequence[Record]) -> list[Record]:
    """Return, by time, which articles came into a document's list or left it, and which it was itself."""
    first = min((span["valid_from"] for span in spans), default=None)
    moments = sorted({span[end] for span in spans for end in ("valid_from", "valid_to")} - {None, first})
    return [
        {
            "at": moment,
            "added": [_entry(span) for span in spans if span["valid_from"] == moment],
            "dropped": [_entry(span) for span in spans if span["valid_to"] == moment],
        }
        for moment in moments
    ]


def _entry(span: Mapping[str, Any]) -> Record:
    return {name: span[name] for name in ("role", "title", "url")}


def holds(span: Mapping[str, Any], moment: datetime) -> bool:
    """Return whether a span [valid_from, valid_to) holds at a moment."""
    is_over = span["valid_to"] is not None and span["valid_to"] <= moment
    return bool(span["valid_from"] <= moment) and not is_over


def _asked(connection: duckdb.DuckDBPyConnection, name: str, values: Mapping[str, object]) -> list[Record]:
    return fetch_records(connection, read_sql("show", name), values)


def _without(row: Mapping[str, Any], *names: str) -> Record:
    return {name: value for name, value in row.items() if name not in names}


def iso(moment: datetime) -> str:
    """Return a time in UTC as ISO 8601."""
    return moment.isoformat() + "Z"


def as_plain(value: Any, name: str = "") -> Any:
    """Return a value as JSON carries it: times and keys as text."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, dict):
        return {key: as_plain(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [as_plain(item, name) for item in value]
    return str(value) if isinstance(value, int) and name.endswith("_key") else value
