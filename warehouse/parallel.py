"""Runs reading queries side by side on one DuckDB instance.

One small query keeps one core busy at most, and a release takes a hundred of them; DuckDB lets go of Python's lock
while it works, so two threads with a cursor each halve the time. Only for queries: a cursor is a connection of its own,
with its own transaction.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import local
from typing import TypeVar

import duckdb

from warehouse.db import named
from warehouse.macros import define_macros

Task = TypeVar("Task")
Made = TypeVar("Made")

THREADS = 2


def map_queries(
    connection: duckdb.DuckDBPyConnection,
    catalog: str,
    query: Callable[[duckdb.DuckDBPyConnection, Task], Made],
    tasks: Iterable[Task],
) -> list[Made]:
    """Return what `query` makes of each task, in the order of the tasks.

    In: a connection with no transaction open; the catalog in which unqualified names are looked up. An error of one
    task is raised when the others that have begun are done.
    """
    own = local()

    def do(task: Task) -> Made:
        if not hasattr(own, "cursor"):
            own.cursor = _prepared(connection.cursor(), catalog)
        return query(own.cursor, task)

    with ThreadPoolExecutor(THREADS, thread_name_prefix="query") as pool:
        return list(pool.map(do, tasks))


def _prepared(cursor: duckdb.DuckDBPyConnection, catalog: str) -> duckdb.DuckDBPyConnection:
    cursor.execute(f"use {named(catalog)}")
    define_macros(cursor)
    return cursor
