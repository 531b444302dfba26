"""Runs work side by side on one DuckDB instance.

One small statement keeps one core busy at most, and a release takes two hundred of them; DuckDB lets go of Python's
lock while it works, so two threads with a cursor each halve the time. A cursor is a connection of its own, with its own
transaction: `map_queries` is for questions, `run_steps` for steps that make what others need.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from threading import local
from typing import Any, Generic, TypeVar

import duckdb

from warehouse import interrupts
from warehouse.db import named
from warehouse.sql_files import define_macros

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


def map_queries(
    connection: duckdb.DuckDBPyConnection,
    catalog: str,
    query: Callable[[Task, duckdb.DuckDBPyConnection], Made],
    tasks: Iterable[Task],
    threads: int = THREADS,
) -> list[Made]:
    """Return what `query` makes of each task, in the order of the tasks. In, and errors: as for `run_steps`."""

    steps = [Step(str(number), frozenset(), partial(query, task)) for number, task in enumerate(tasks)]
    made = run_steps(connection, catalog, steps, threads)
    return [made[step.name] for step in steps]


def run_steps(
    connection: duckdb.DuckDBPyConnection,
    catalog: str,
    steps: Sequence[Step[Made]],
    threads: int = THREADS,
    done: Collection[str] = (),
) -> dict[str, Made]:
    """Do each step as soon as those that it needs are done, and return what each made. Earlier ones go first.

    In: a connection with no transaction open; the catalog in which unqualified names are looked up; how many steps may
    run at a time; the names of steps that were done before, which are left out. An error of one step is raised when the
    others that have begun are broken off, and no further one begins. Raises LookupError where a step needs what no step
    makes.
    """
    made, known = dict[str, Made](), set(done)
    waiting = [step for step in steps if step.name not in known]
    running: dict[Future[Made], str] = {}
    own, cursors = local(), list[duckdb.DuckDBPyConnection]()

    def work(do: Callable[[duckdb.DuckDBPyConnection], Made]) -> Made:
        interrupts.check()
        if not hasattr(own, "cursor"):
            own.cursor = connection.cursor()
            cursors.append(own.cursor)
            interrupts.watch(own.cursor)
            own.cursor.execute(f"use {named(catalog)}")
            define_macros(own.cursor)
        return do(own.cursor)

    with ThreadPoolExecutor(threads, thread_name_prefix="query") as pool:
        try:
            while waiting or running:
                ready = [step for step in waiting if step.needs <= known]
                for step in ready[: threads - len(running)]:
                    waiting.remove(step)
                    # Where Ctrl-C comes while a thread starts, the pool forgets it, and it works on with the cursor.
                    with interrupts.deferred():
                        running[pool.submit(work, step.do)] = step.name
                if not running:
                    missing = sorted(waiting[0].needs - known)
                    raise LookupError(f"{waiting[0].name} needs what no step makes: {missing}")
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                made.update({running.pop(future): future.result() for future in ended})
                known |= made.keys()
        except BaseException:
            _break_off(cursors, running)
            raise
    return made


def _break_off(cursors: Sequence[duckdb.DuckDBPyConnection], running: Collection[Future[Any]]) -> None:
    """Interrupt until all has ended: an interrupt between two statements of a thread does not reach the second."""
    while left := [future for future in running if not future.done()]:
        for cursor in tuple(cursors):
            cursor.interrupt()
        wait(left, timeout=_BETWEEN_INTERRUPTS_SECONDS)
