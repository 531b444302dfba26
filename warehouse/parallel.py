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

from warehouse import interrupts
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
        # Where Ctrl-C comes while a thread starts, the pool forgets that thread, and it works on with the connection.
        with interrupts.deferred():
            futures = [pool.submit(do, task) for task in tasks]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _prepared(cursor: duckdb.DuckDBPyConnection, catalog: str) -> duckdb.DuckDBPyConnection:
    interrupts.watch(cursor)
    cursor.execute(f"use {named(catalog)}")
    define_macros(cursor)
    return cursor
