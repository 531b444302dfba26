"""Runs work side by side on one DuckDB instance.

One small statement keeps one core busy at most, and a release takes two hundred of them; DuckDB lets go of Python's
lock while it works, so two threads with a cursor each halve the time. A cursor is a connection of its own, with its own
transaction: `map_queries` is for questions, `run_steps` for steps that make what others need.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from threading import local
from typing import Any, Generic, Protocol, TypeVar

import duckdb

from warehouse import interrupts
from warehouse.db import named
from warehouse.macros import define_macros

Task = TypeVar("Task")
Made = TypeVar("Made")

THREADS = 2
_BETWEEN_INTERRUPTS_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Step(Generic[Made]):
    """A piece of work that may begin when the steps named in `needs` are done."""

    name: str
    needs: frozenset[str]
    do: Callable[[duckdb.DuckDBPyConnection], Made]


class _Start(Protocol):
    """Starts work in another thread, with that thread's cursor."""

    def __call__(self, do: Callable[[duckdb.DuckDBPyConnection], Made]) -> Future[Made]:
        """Start `do`; the future tells what it made."""


def map_queries(
    connection: duckdb.DuckDBPyConnection,
    catalog: str,
    query: Callable[[duckdb.DuckDBPyConnection, Task], Made],
    tasks: Iterable[Task],
) -> list[Made]:
    """Return what `query` makes of each task, in the order of the tasks.

    In: a connection with no transaction open; the catalog in which unqualified names are looked up. An error of one
    task is raised when the others that have begun are broken off.
    """

    def asked(task: Task) -> Callable[[duckdb.DuckDBPyConnection], Made]:
        return lambda cursor: query(cursor, task)

    with _threads(connection, catalog, THREADS) as start:
        # Where Ctrl-C comes while a thread starts, the pool forgets that thread, and it works on with the connection.
        with interrupts.deferred():
            futures = [start(asked(task)) for task in tasks]
        return [future.result() for future in futures]


def run_steps(
    connection: duckdb.DuckDBPyConnection, catalog: str, steps: Sequence[Step[Made]], threads: int = THREADS
) -> dict[str, Made]:
    """Do each step as soon as those that it needs are done, and return what each made. Earlier ones go first.

    In: as for `map_queries`; `threads`, how many steps may run at a time. An error of one step is raised when the
    others that have begun are broken off, and no further one begins. Raises LookupError where a step needs what no step
    makes.
    """
    waiting = list(steps)
    made: dict[str, Made] = {}
    running: dict[Future[Made], str] = {}
    with _threads(connection, catalog, threads) as start:
        while waiting or running:
            ready = [step for step in waiting if made.keys() >= step.needs]
            for step in ready[: threads - len(running)]:
                waiting.remove(step)
                with interrupts.deferred():
                    running[start(step.do)] = step.name
            if not running:
                raise LookupError(f"needed by {waiting[0].name}: {sorted(waiting[0].needs - made.keys())}")
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            made.update({running.pop(future): future.result() for future in done})
    return made


@contextmanager
def _threads(connection: duckdb.DuckDBPyConnection, catalog: str, count: int) -> Iterator[_Start]:
    """Give what starts work in other threads; on an error what runs is broken off, what waits never begins."""
    own = local()
    cursors: list[duckdb.DuckDBPyConnection] = []
    begun: list[Future[Any]] = []

    def work(do: Callable[[duckdb.DuckDBPyConnection], Made]) -> Made:
        interrupts.check()
        if not hasattr(own, "cursor"):
            cursors.append(connection.cursor())
            own.cursor = _prepared(cursors[-1], catalog)
        return do(own.cursor)

    with ThreadPoolExecutor(count, thread_name_prefix="query") as pool:
        try:
            # The threads see what the caller's context holds: which fault is armed, in the crash proof.
            yield lambda do: _kept(pool.submit(copy_context().run, work, do), begun)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            _break_off(cursors, begun)
            raise


def _kept(future: Future[Made], begun: list[Future[Any]]) -> Future[Made]:
    begun.append(future)
    return future


def _break_off(cursors: Sequence[duckdb.DuckDBPyConnection], begun: Sequence[Future[Any]]) -> None:
    """Interrupt until all has ended: an interrupt between two statements of a thread does not reach the second."""
    while left := [future for future in begun if not future.done()]:
        for cursor in tuple(cursors):
            cursor.interrupt()
        wait(left, timeout=_BETWEEN_INTERRUPTS_SECONDS)


def _prepared(cursor: duckdb.DuckDBPyConnection, catalog: str) -> duckdb.DuckDBPyConnection:
    interrupts.watch(cursor)
    cursor.execute(f"use {named(catalog)}")
    define_macros(cursor)
    return cursor
