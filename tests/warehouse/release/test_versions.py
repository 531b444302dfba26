"""From events to versions, spans and documents."""

from datetime import datetime

import pytest
from duckdb import DuckDBPyConnection

from tests.ledgers import Row, T, make_work, put, select

LATER = {"as_of": T[9]}


def put_events(connection: DuckDBPyConnection, *events: tuple[int, datetime, int | None]) -> None:
    """Record events of documents called by their number: document 1 has the path `1.md`."""
    for document_id, as_of, content_id in events:
        put(connection, "ledger.event", {"document_id": document_id, "as_of": as_of, "content_id": content_id})
    for document_id in sorted({event[0] for event in events}):
        path = f"{document_id}.md"
        put(connection, "ledger.document", {"document_id": document_id, "document_key": document_id, "path": path})


def versions(connection: DuckDBPyConnection, as_of: datetime = T[9]) -> list[Row]:
    """Return document, content, valid_from, valid_to and number of each version."""
    columns = "document_id, content_id, valid_from, valid_to, version_number"
    return select(connection, "work", "version", columns, {"as_of": as_of})


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        pytest.param([7], [(1, 7, T[0], None, 1)], id="one"),
        pytest.param([7, 8], [(1, 7, T[0], T[1], 1), (1, 8, T[1], None, 2)], id="changed"),
        pytest.param([7, 7, 7], [(1, 7, T[0], None, 1)], id="equal neighbours collapse"),
        pytest.param(
            [7, 8, 7],
            [(1, 7, T[0], T[1], 1), (1, 7, T[2], None, 3), (1, 8, T[1], T[2], 2)],
            id="a return to an earlier state is a version again",
        ),
        pytest.param([7, None], [(1, 7, T[0], T[1], 1)], id="removed"),
        pytest.param(
            [7, None, None, 7], [(1, 7, T[0], T[1], 1), (1, 7, T[3], None, 2)], id="returned with the same content"
        ),
    ],
)
def test_a_version_is_a_maximal_span_of_equal_content(
    connection: DuckDBPyConnection, contents: list[int | None], expected: list[Row]
) -> None:
    put_events(connection, *((1, T[number], content) for number, content in enumerate(contents)))

    assert versions(connection) == expected


def test_events_after_the_as_of_do_not_count(connection: DuckDBPyConnection) -> None:
    put_events(connection, (1, T[0], 7), (1, T[2], 8), (2, T[2], 9))

    assert versions(connection, T[1]) == [(1, 7, T[0], None, 1)]
    assert versions(connection, T[2]) == [(1, 7, T[0], T[2], 1), (1, 8, T[2], None, 2), (2, 9, T[2], None, 1)]


def test_the_order_of_recording_does_not_matter(connection: DuckDBPyConnection) -> None:
    put_events(connection, (1, T[2], 7), (1, T[0], 7), (1, T[1], 8))

    assert versions(connection) == [(1, 7, T[0], T[1], 1), (1, 7, T[2], None, 3), (1, 8, T[1], T[2], 2)]


def test_versions_rank_by_time_then_source_then_path_in_bytes(connection: DuckDBPyConnection) -> None:
    names = [("b", "a.md"), ("a", "b.md"), ("a", "B.md"), ("a", "é.md"), ("a", "z.md")]
    for number, (source, path) in enumerate(names, 1):
        row = {"document_id": number, "document_key": number, "source": source, "path": path}
        put(connection, "ledger.document", row)
        put(connection, "ledger.event", {"document_id": number, "as_of": T[0], "content_id": number})
    put(connection, "ledger.event", {"document_id": 1, "as_of": T[1], "content_id": 9})

    ranked = select(connection, "work", "version", "version_rank, source, path, valid_from", LATER)

    assert ranked == [
        (1, "b", "a.md", T[1]),
        (2, "a", "B.md", T[0]),
        (3, "a", "b.md", T[0]),
        (4, "a", "z.md", T[0]),
        (5, "a", "é.md", T[0]),
        (6, "b", "a.md", T[0]),
    ]


def test_mentions_rank_root_first_then_version_then_position(connection: DuckDBPyConnection) -> None:
    put_events(connection, (1, T[0], 10), (2, T[1], 20))
    for content_id, position, entry_id in [(10, 0, 1), (10, 2, 2), (20, 0, 3), (20, 1, 4), (20, 4_000_000, 5)]:
        row = {"content_id": content_id, "position": position, "entry_id": entry_id}
        put(connection, "ledger.content_entry", row)
    make_work(connection, "version", LATER)

    ranked = select(connection, "work", "span", "mention_rank, entry_id")

    assert [entry_id for _, entry_id in ranked] == [3, 1, 4, 5, 2]


def test_a_used_entry_is_worth_what_its_current_versions_say(connection: DuckDBPyConnection) -> None:
    spans = [
        {"entry_id": 1, "valid_from": T[0], "valid_to": T[3], "mention_rank": 10},
        {"entry_id": 1, "valid_from": T[1], "valid_to": None, "mention_rank": 50},
        {"entry_id": 1, "valid_from": T[2], "valid_to": None, "mention_rank": 40},
        {"entry_id": 2, "valid_from": T[0], "valid_to": T[3], "mention_rank": 30},
        {"entry_id": 2, "valid_from": T[1], "valid_to": T[2], "mention_rank": 20},
    ]
    put(connection, "work.span", *spans)

    columns = "entry_id, first_seen_at, latest_at, best_rank, isfinite(last_at)"
    assert select(connection, "work", "used_entry", columns) == [
        (1, T[0], T[2], 40, False),
        (2, T[0], T[0], 30, True),
    ]


def test_dim_document_tells_of_the_last_version(connection: DuckDBPyConnection) -> None:
    for number, as_of, content_id, size in [
        (1, T[0], 7, 70),
        (1, T[1], 8, 80),
        (2, T[0], 7, 70),
        (2, T[2], None, None),
    ]:
        row = {"document_id": number, "as_of": as_of, "content_id": content_id, "byte_count": size}
        put(connection, "ledger.event", row)
    for number in (1, 2, 3):
        row = {"document_id": number, "document_key": number, "path": f"{number}.md"}
        put(connection, "ledger.document", row)
    make_work(connection, "version", LATER)
    mentions = [(1, T[0], 100), (1, T[1], 200), (2, T[0], 100)]
    for number, valid_from, article_key in mentions:
        row = {"document_id": number, "valid_from": valid_from, "position": 0, "article_key": article_key}
        put(connection, "work.mention", row, {**row, "position": 1})

    assert select(connection, "dimensions", "dim_document") == [
        (1, "news", "1.md", 200, 80, 2, T[0], T[1], None),
        (2, "news", "2.md", 100, 70, 1, T[0], T[0], T[2]),
    ]
