"""What only the ledger knows of an article or document: each version's words, and which mention gave a value.

Releases hold values over time but not what every version said; that would be the ledger again. So this opens the
ledger, read-only, and its caller holds the warehouse's lock, as for everything that opens it: it is asked for by an
option of its own. Fields that the rules do not know are not shown, nor any ciphertext, which no entry has.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any

import duckdb

from schemas.errors import RunFailed
from warehouse.clock import as_plain
from warehouse.db import Limits, ledger_connection
from warehouse.home import Home
from warehouse.ledger.opening import FORMAT_VERSION, read_format, show_whole_ledger
from warehouse.queries.lookup import Record
from warehouse.queries.show import PLACE
from warehouse.sql_files import fetch_records, read_sql

_NOT_SAID = {*PLACE, "version_number", "valid_from", "valid_to", "byte_count"}
OTHER = "other"
"""The field of a change that none of the known fields shows: the list's order, the body, or an unknown field."""


def add_versions(home: Home, facts: Mapping[str, Any]) -> Record:
    """Return what `show` returned, with `versions` of its documents, and `from` of every value whose mention is known.

    In: what `show` returned. The caller holds the lock. Raises RunFailed where the ledger is absent, or of another
    format.
    """
    if not home.ledger.is_file():
        raise RunFailed("there is no ledger", where=str(home.ledger), todo="run `newsmart run` first")
    as_of = datetime.fromisoformat(facts["as_of"].removesuffix("Z"))
    with ledger_connection(home.ledger, read_only=True, limits=Limits(threads=2)) as connection:
        if read_format(connection) != FORMAT_VERSION:
            todo = "`newsmart run` brings it up to date"
            raise RunFailed("the ledger is of another version of newsmart", where=str(home.ledger), todo=todo)
        show_whole_ledger(connection)
        connection.execute(f"create temp table version as {read_sql('work', 'version')}", {"as_of": as_of})
        if facts["kind"] == "document":
            return {**facts, "versions": document_versions(connection, facts["source"], facts["path"])}
        spans = [*facts["mentions"], *facts.get("mention_history", ())]
        own = {(one["source"], one["path"]) for one in spans if one["role"] == "root"}
        documents = [
            {"source": source, "path": path, "versions": document_versions(connection, source, path)}
            for source, path in sorted(own)
        ]
        return {**facts, "values": _sourced(connection, facts), "documents": documents}


def document_versions(connection: duckdb.DuckDBPyConnection, source: str, path: str) -> list[Record]:
    """Return the versions of a document, by time, each with what changed since the one before.

    Of the first, every field that has a value is a change from null. The table `version` must be there.
    """
    asked = {"source": source, "path": path}
    rows = fetch_records(connection, read_sql("show", "document_versions"), asked)
    versions = [list(group) for _, group in groupby(rows, key=lambda row: row["version_number"])]
    nothing = {"field": OTHER, "before": None, "after": None}
    facts: list[Record] = as_plain(
        [
            {
                "number": after[0]["version_number"],
                "valid_from": after[0]["valid_from"],
                "valid_to": after[0]["valid_to"],
                "bytes": after[0]["byte_count"],
                "changes": list(compare(_words(before), _words(after))) or [nothing],
            }
            for before, after in pairwise([[], *versions])
        ]
    )
    return facts


def _words(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what a version says, by field; an entry of its list is named by its URL, one URL twice with its number."""
    words: dict[str, Any] = {}
    seen: dict[str, int] = {}
    for row in rows:
        said = {name: value for name, value in row.items() if name not in _NOT_SAID and value not in (None, [])}
        if row["position"] == 0:
            words |= said
            continue
        url = str(row["web_url"] or row["original_url"])
        seen[url] = seen.get(url, 0) + 1
        name = f"related[{url}]" if seen[url] == 1 else f"related[{url}#{seen[url]}]"
        words[name] = said
    return words


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Record]:
    """Yield each field that differs between two versions; of an entry that stayed, each field of it."""
    for field in dict.fromkeys([*after, *before]):
        old, new = before.get(field), after.get(field)
        is_entry = field.startswith("related[")
        if old == new:
            continue
        if is_entry and old and new:
            inner = compare(old, new)
            yield from ({**change, "field": f"{field}.{change['field']}"} for change in inner)
        elif is_entry:
            yield {"field": field, "before": old and old["title"], "after": new and new["title"]}
        else:
            yield {"field": field, "before": old, "after": new}


def _sourced(connection: duckdb.DuckDBPyConnection, facts: Mapping[str, Any]) -> dict[str, Record]:
    """Return the values, each that has no `from` with that of the best-ranked mention that says so."""
    places = [one for one in facts["mentions"] if "position" in one]
    asked = {f"{name}s": [one[name] for one in places] for name in PLACE}
    rows = fetch_records(connection, read_sql("show", "mention_words"), asked) if places else []
    said = {(row["source"], row["path"], row["position"]): as_plain(row) for row in rows}
    ranked = [(place, said.get((place["source"], place["path"], place["position"]), {})) for place in places]
    values = dict(facts["values"])
    for field, one in values.items():
        sayers = [place for place, words in ranked if words.get(field) == one["value"]]
        if sayers and one["value"] is not None and one.get("from", sayers) is None:
            values[field] = {**one, "from": {name: sayers[0][name] for name in PLACE}}
    return values
