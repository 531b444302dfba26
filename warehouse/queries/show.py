"""Everything that a release knows of one article or one document, as one object.

The release alone is read, so that no run is waited for. It keeps one mention's word only for some fields (provider,
day, quality); of the others it keeps the value that won and those that lost. So `from`, the best-ranked mention that
says a value, is given where it follows from the release, and is null elsewhere: a place that is probably right would be
believed. `versions.py` asks the ledger for the rest.

Keys are text, since many readers of JSON keep no integer beyond 2^53; times are ISO 8601.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from schemas.errors import RunFailed
from schemas.star_tables import DIM_ARTICLE
from schemas.text import CLEAN, flaw
from warehouse.clock import as_plain, as_text
from warehouse.home import Home
from warehouse.queries.lookup import Record, current_release, find
from warehouse.sql_files import fetch_records, read_sql

# Asks a file of sql/show of an article or a document, by its key.
Ask = Callable[..., list[Record]]

# What article_history keeps.
FIELDS_THEN = ("title", "provider", "quality", "heat", "is_published")
IDENTITY = ("url", "url_key", "article_key", "is_root", "is_withdrawn", "first_seen_at", "last_seen_at")
# The fields of an article as article_conflict calls them: those of most interest, then the others of dim_article.
_FIRST = ("title", "excerpt", "provider", "published_at", "quality", "heat", "topics", "images")
_OTHERS = tuple(name for name in DIM_ARTICLE.column_names if name not in (*_FIRST, *IDENTITY))
FIELDS = (*_FIRST, *_OTHERS, "is_published", "url")
PLACE = ("source", "path", "position")


def show(home: Home, name: str, as_of: datetime | None = None) -> Record:
    """Return what the current release knows of the article or document that a URL or path names.

    In: `as_of`, for what it said then. Raises UsageError where there is no release or the name is ambiguous,
    RunFailed where nothing is called so, nothing was at that time, or another version made the release.
    """
    with current_release(home) as connection:
        (release,) = fetch_records(connection, "select release_id, as_of from ops.release")
        kind, key = find(connection, name)
        moment = as_of or release["as_of"]

        def ask(question: str, key: int, **values: object) -> list[Record]:
            return fetch_records(connection, read_sql("show", question), {"key": key, **values})

        if kind == "document":
            facts = _document(ask, key, moment, is_now=as_of is None)
        else:
            facts = _article(ask, key) if as_of is None else _article_then(ask, key, as_of)
    head = {"kind": kind, "asked": name, "release_id": release["release_id"], "as_of": moment}
    shown: Record = as_plain({**head, **facts})
    return shown


def _article(ask: Ask, key: int) -> Record:
    (article,) = ask("article", key)
    mentions, conflicts = ask("mentions", key), ask("conflicts", key)
    return {
        **_only(article, *IDENTITY),
        "values": {field: _value(field, article[field], mentions, conflicts) for field in FIELDS},
        **_only(article, "image_count", "mention_count", "related_count", "cited_by_count"),
        "spellings": ask("spellings", key),
        "mentions": [_without(mention, "published_date_key") for mention in mentions],
        "history": ask("article_spans", key),
        "mention_history": ask("mention_spans", key),
        "may_be_the_same": ask("candidates", key),
    }


def _value(field: str, value: object, mentions: Sequence[Record], conflicts: Sequence[Record]) -> Record:
    """Return a value that was kept, the best-ranked mention that says so (null: not known), and what lost."""
    lost = [
        {"value": row["other"], "mention_count": row["mention_count"]} for row in conflicts if row["field"] == field
    ]
    sayers = [] if value is None else _sayers(field, value, mentions, lost)
    return {"value": value, "from": _only(sayers[0], *PLACE) if sayers else None, "lost": lost}


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


def _article_then(ask: Ask, key: int, as_of: datetime) -> Record:
    (article,) = ask("article", key)
    spans = ask("article_spans", key)
    then = next(_holding(spans, as_of), None)
    if then is None:
        gone = f", gone at {as_text(article['last_seen_at'])}" if article["last_seen_at"] else ""
        todo = f"first seen at {as_text(article['first_seen_at'])}{gone}"
        raise RunFailed(f"no document mentioned it as of {as_text(as_of)}", where=article["url"], todo=todo)
    mentioned = list(_holding(ask("mention_spans", key), as_of))
    return {
        **_only(article, *IDENTITY),
        "values": _values_then(then),
        **_only(then, "valid_from", "valid_to"),
        "cited_by_count": sum(span["is_citation"] for span in mentioned),
        "spellings": [row for row in ask("spellings", key) if row["first_seen_at"] <= as_of],
        "mentions": [_without(span, "valid_from", "valid_to", "is_citation") for span in mentioned],
        "history": [span for span in spans if span["valid_from"] <= as_of],
    }


def _document(ask: Ask, key: int, moment: datetime, *, is_now: bool) -> Record:
    """Return what is known of a document; of then, with its article and values of then instead of the current ones."""
    (document,) = ask("document", key)
    spans = ask("document_spans", key, as_of=None if is_now else moment)
    then = list(_holding(spans, moment))
    root = next((span for span in then if span["role"] == "root"), None)
    if root is None and not is_now:
        where, todo = f"{document['source']}/{document['path']}", f"first seen at {as_text(document['first_seen_at'])}"
        raise RunFailed(f"the document was not there as of {as_text(moment)}", where=where, todo=todo)
    own = document if is_now or root is None else root
    history = ask("article_spans", own["article_key"])
    if is_now:
        lists: Record = {"lists": ask("listed", key), "changes": list_changes(spans)}
    else:
        values = next(_holding(history, moment), {})
        lists = {"values": _values_then(values), "lists": [_only(span, "role", "title", "url") for span in then]}
    return {
        **document,
        **_only(own, "article_key", "url", "title"),
        **lists,
        "history": [span for span in history if span["valid_from"] <= moment],
        "listed_by": [
            _only(span, "source", "path", "document_title")
            for span in _holding(ask("mention_spans", own["article_key"]), moment)
            if span["is_citation"]
        ],
    }


def _values_then(span: Mapping[str, Any]) -> Record:
    return {field: {"value": span.get(field)} for field in FIELDS_THEN}


def list_changes(spans: Sequence[Record]) -> list[Record]:
    """Return, by time, which articles came into a document's list or left it, and which it was itself."""
    first = min((span["valid_from"] for span in spans), default=None)
    moments = sorted({span[end] for span in spans for end in ("valid_from", "valid_to")} - {None, first})
    return [
        {
            "at": moment,
            "added": [_only(span, "role", "title", "url") for span in spans if span["valid_from"] == moment],
            "dropped": [_only(span, "role", "title", "url") for span in spans if span["valid_to"] == moment],
        }
        for moment in moments
    ]


def _holding(spans: Iterable[Record], moment: datetime) -> Iterator[Record]:
    """Yield the spans [valid_from, valid_to) that hold at a moment."""
    for span in spans:
        if span["valid_from"] <= moment and (span["valid_to"] is None or span["valid_to"] > moment):
            yield span


def _only(row: Mapping[str, Any], *names: str) -> Record:
    return {name: row[name] for name in names}


def _without(row: Mapping[str, Any], *names: str) -> Record:
    return {name: value for name, value in row.items() if name not in names}
