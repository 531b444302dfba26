"""The fingerprint tells two releases apart exactly where their rows differ."""

from typing import Any

from duckdb import DuckDBPyConnection
from hypothesis import given
from hypothesis import strategies as st

from schemas.declarations import dimension, optional
from schemas.star_tables import DIM_TOPIC
from schemas.tables import BASE_TABLES
from tests.ledgers import lay_tables, memory_ledger, put
from warehouse.release.fingerprint import TableFingerprint, combine, fingerprint_table, fingerprint_tables

PLAIN = dimension(
    "plain",
    "row",
    "A table of every type.",
    (
        optional("whole", "BIGINT", "A number."),
        optional("text", "VARCHAR", "A text."),
        optional("other", "VARCHAR", "A text."),
        optional("flag", "BOOLEAN", "A flag."),
        optional("time", "TIMESTAMP", "A time."),
    ),
    (),
)

TEXTS = st.none() | st.text("1:~;-é\0t", max_size=3)
ROWS = st.tuples(
    st.none() | st.integers(-2, 2),
    TEXTS,
    TEXTS,
    st.none() | st.booleans(),
    st.none() | st.datetimes(),
)


def fingerprint(connection: DuckDBPyConnection, rows: list[tuple[Any, ...]]) -> TableFingerprint:
    """Return the fingerprint of a table with these rows."""
    connection.execute(
        "create or replace table news.main.plain "
        "(whole bigint, text varchar, other varchar, flag boolean, time timestamp)"
    )
    if rows:
        connection.executemany("insert into news.main.plain values (?, ?, ?, ?, ?)", rows)
    return fingerprint_table(connection, "news", PLAIN)


# Every table of a release has a key, so no row stands twice.
@given(st.lists(ROWS, max_size=4, unique=True), st.lists(ROWS, max_size=4, unique=True))
def test_equal_rows_and_only_they_give_equal_fingerprints(
    one: list[tuple[Any, ...]], other: list[tuple[Any, ...]]
) -> None:
    def key(row: tuple[Any, ...]) -> str:
        return repr(row)

    with memory_ledger() as connection:
        same_rows = sorted(one, key=key) == sorted(other, key=key)
        assert (fingerprint(connection, one) == fingerprint(connection, other)) == same_rows


def test_the_order_of_rows_does_not_matter_and_their_number_does(connection: DuckDBPyConnection) -> None:
    rows = [(1, "a", None, True, None), (2, "b", "", False, None)]

    assert fingerprint(connection, rows) == fingerprint(connection, rows[::-1])
    assert fingerprint(connection, rows) != fingerprint(connection, [*rows, rows[0]])


def test_null_cannot_be_taken_for_a_sign_or_a_text(connection: DuckDBPyConnection) -> None:
    rows = [
        (None, "5", None, None, None),
        (None, None, "5", None, None),
        (-5, None, None, None, None),
        (5, None, None, None, None),
        (None, "", None, None, None),
        (None, "~", None, None, None),
        (None, None, None, None, None),
    ]

    assert len({fingerprint(connection, [row]).digest for row in rows}) == len(rows)


def test_a_release_is_fingerprinted_table_by_table_without_ops(connection: DuckDBPyConnection) -> None:
    lay_tables(connection)
    empty = fingerprint_tables(connection, "news")
    put(connection, "news.ops.drift", {"field": "f", "source": "s", "path": "p", "first_seen_at": "2024-01-01"})
    assert fingerprint_tables(connection, "news") == empty
    put(connection, "news.main.dim_topic", {"topic_key": 1, "topic": "AI"})

    changed = fingerprint_tables(connection, "news")

    assert [table.table for table in changed] == [table.name for table in BASE_TABLES]
    differing = [one.table for one, other in zip(changed, empty, strict=True) if one != other]
    assert differing == [DIM_TOPIC.name]
    assert combine(changed) != combine(empty)
    assert len(combine(changed)) == 64
