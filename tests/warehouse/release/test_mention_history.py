"""Since when, and until when, a document mentioned an article so."""

from datetime import datetime
from itertools import count
from typing import Any

from duckdb import DuckDBPyConnection

from tests.ledgers import Row, T, put, select
from warehouse.sql_files import read_sql

A, B, C = 10, 20, 30
ROOT, RELATED = "root", "related"

Version = tuple[datetime, datetime | None, list[int]]


def history(connection: DuckDBPyConnection, *documents: list[Version]) -> list[Row]:
    """Return mention_history of documents 1, 2 …, each given by its versions: start, end, root and related articles."""
    entries = count()
    for number, versions in enumerate(documents, 1):
        put(connection, "ledger.document", {"document_id": number, "document_key": number, "path": f"{number}.md"})
        for start, end, articles in versions:
            version = {"document_id": number, "valid_from": start, "valid_to": end}
            put(connection, "work.version", version)
            for position, article in enumerate(articles):
                mention = {"article_key": article, "position": position, "entry_id": next(entries)}
                put(connection, "work.mention", {**version, **mention})
    return select(
        connection,
        "history",
        "mention_history",
        "document_key, article_key, role, root_article_key, valid_from, valid_to",
    )


def test_a_document_of_one_version_has_a_span_for_each_article_and_role(connection: DuckDBPyConnection) -> None:
    assert history(connection, [(T[0], None, [A, B, B, A])]) == [
        (1, A, RELATED, A, T[0], None),
        (1, A, ROOT, A, T[0], None),
        (1, B, RELATED, A, T[0], None),
    ]


def test_a_mention_that_goes_on_is_one_span(connection: DuckDBPyConnection) -> None:
    versions: list[Version] = [(T[0], T[1], [A, B]), (T[1], T[2], [A, C, B]), (T[2], None, [A, B, B])]

    assert history(connection, versions) == [
        (1, A, ROOT, A, T[0], None),
        (1, B, RELATED, A, T[0], None),
        (1, C, RELATED, A, T[1], T[2]),
    ]


def test_a_mention_that_comes_back_is_a_span_again(connection: DuckDBPyConnection) -> None:
    versions: list[Version] = [(T[0], T[1], [A, B]), (T[1], T[2], [A]), (T[2], T[3], [A, B])]

    assert history(connection, versions) == [
        (1, A, ROOT, A, T[0], T[3]),
        (1, B, RELATED, A, T[0], T[1]),
        (1, B, RELATED, A, T[2], T[3]),
    ]


def test_a_document_that_was_gone_parts_its_spans(connection: DuckDBPyConnection) -> None:
    assert history(connection, [(T[0], T[1], [A]), (T[3], None, [A])]) == [
        (1, A, ROOT, A, T[0], T[1]),
        (1, A, ROOT, A, T[3], None),
    ]


def test_a_document_that_turns_into_another_story_ends_its_spans(connection: DuckDBPyConnection) -> None:
    assert history(connection, [(T[0], T[1], [A, C]), (T[1], None, [B, C, A])]) == [
        (1, A, RELATED, B, T[1], None),
        (1, A, ROOT, A, T[0], T[1]),
        (1, B, ROOT, B, T[1], None),
        (1, C, RELATED, A, T[0], T[1]),
        (1, C, RELATED, B, T[1], None),
    ]


def test_documents_do_not_touch_each_other(connection: DuckDBPyConnection) -> None:
    found = history(connection, [(T[0], T[1], [A, B])], [(T[1], None, [A, B])], [(T[0], None, [B])])

    assert [(row[0], *row[4:]) for row in found] == [
        (1, T[0], T[1]),
        (1, T[0], T[1]),
        (2, T[1], None),
        (2, T[1], None),
        (3, T[0], None),
    ]


def test_whether_a_span_is_current_says_its_end(connection: DuckDBPyConnection) -> None:
    history(connection, [(T[0], T[1], [A, B]), (T[1], None, [A])])

    found: list[Any] = select(connection, "history", "mention_history", "valid_to is null, is_current")

    assert found == [(False, False), (True, True)]


def test_a_document_of_very_many_versions_costs_no_more_than_they_hold(connection: DuckDBPyConnection) -> None:
    connection.execute("set memory_limit = '60MB'")
    connection.execute("insert into ledger.document (document_id, document_key, source, path) values (1, 1, 'n', 'p')")
    connection.execute(
        "insert into work.version by name select 1 as document_id, timestamp '2020-01-01' + to_hours(v) as valid_from, "
        "case when v < 2999 then valid_from + interval 1 hour end as valid_to from range(3000) as versions (v)"
    )
    connection.execute(
        "insert into work.mention by name select document_id, valid_from, valid_to, position, entry_id, "
        "case when position % 2 = 0 then position else position * 2 + epoch(valid_from)::bigint // 3600 % 2 end "
        "as article_key from work.version cross join (select range as position, range as entry_id from range(60))"
    )

    ((spans, open_spans),) = connection.execute(
        f"select count(*), count(*) filter (where valid_to is null) from ({read_sql('history', 'mention_history')})"
    ).fetchall()

    assert open_spans == 60
    assert spans > 30 * 3000 / 2
