"""A feed shows what it was given last, and lets go of what it was given before, even inside a transaction."""

import gc
import weakref

import duckdb
import pyarrow as pa
import pytest

from warehouse.ledger.feed import Feed
from warehouse.ledger.opening import transaction


def numbers(*values: int) -> pa.Table:
    return pa.table({"number": pa.array(values, pa.int64())})


def test_statements_see_the_rows_given_last() -> None:
    with duckdb.connect() as connection, Feed(connection) as feed:
        seen = []
        for table in (numbers(1, 2), numbers(), numbers(3)):
            feed.give({"rows_now": table})
            seen.append(connection.execute("select number from rows_now where number <> 2").fetchall())
    assert seen == [[(1,)], [], [(3,)]]


def test_rows_are_let_go_before_the_transaction_ends() -> None:
    with duckdb.connect() as connection, transaction(connection), Feed(connection) as feed:
        table = numbers(1)
        gone = weakref.ref(table)
        feed.give({"rows_now": table})
        connection.execute("create table kept as select * from rows_now")
        feed.give({"rows_now": numbers(2)})
        del table
        gc.collect()
        assert gone() is None


def test_afterwards_the_names_are_gone() -> None:
    with duckdb.connect() as connection:
        with Feed(connection) as feed:
            feed.give({"rows_now": numbers(1)})
        with pytest.raises(duckdb.CatalogException):
            connection.execute("select * from rows_now")


def test_the_error_of_a_statement_is_the_one_that_is_raised() -> None:
    with (
        duckdb.connect() as connection,
        pytest.raises(duckdb.ConversionException),
        transaction(connection),
        Feed(connection) as feed,
    ):
        feed.give({"rows_now": numbers(1)})
        connection.execute("select 'x'::integer + number from rows_now")
