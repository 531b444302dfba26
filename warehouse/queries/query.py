"""Asking the current release, with SQL that cannot get out.

Whoever may ask may not thereby read this machine's files, call out, or write. Two fences stand, and either would do for
most ways out. One is DuckDB's own (`db.py`): release opened read-only, no external access, no file system,
configuration locked. The other is `statements.py`: only one statement, and only if it is a query.

Time is limited by DuckDB's own `max_execution_time`, which covers the fetching too (a timer thread that interrupts
loses the race between two fetches). Beside it stand two limits of our own. DuckDB's limit of memory does not count a
single huge text, so this process's address space is limited where the system knows such a limit. A few functions
(`sleep_ms`, one huge `levenshtein`) never look at `max_execution_time`, so a watchdog may end the process.
"""

import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Literal, TextIO

import duckdb

from schemas.errors import NewsmartError, RunFailed, UsageError
from schemas.limits import MOST_SECONDS, size_bytes
from warehouse import interrupts
from warehouse.db import Limits, named, release_connection
from warehouse.explain import explain
from warehouse.home import Home
from warehouse.queries.render import write_plan, write_table
from warehouse.queries.statements import Reading, Values, reading_statement
from warehouse.queries.values import Row, text_columns, visible, wide_columns, write_csv, write_json

Format = Literal["table", "csv", "json"]

# How DuckDB refuses a file where there is no file system.
NO_FILE_SYSTEM = "has been disabled by configuration"
# Types that Python has no like of: DuckDB writes them as text itself. %-codes are DuckDB's strftime's.
AS_TEXT = {
    "INTERVAL": "cast({} as varchar)",
    "TIMESTAMP_NS": "strftime({}, '%Y-%m-%dT%H:%M:%S.%n')",
    "TIMESTAMP WITH TIME ZONE": "strftime({}, '%Y-%m-%dT%H:%M:%S.%f+00:00')",
}
PLACE = re.compile(r"\n\n(LINE [0-9]+: [^\n]*\n *\^+)\s*\Z")
# What DuckDB says where a name is no column; the name as it was written follows, without its quotes.
NO_COLUMN = re.compile(
    r'Referenced column "(?P<free>.+?)" (?:was )?not found|does not have a column named "(?P<of>.+?)"(?: |$)'
)
NO_VALUE = "Values were not provided"
DECLARE = "declare it in the SQL's opening comment: `-- $days integer = 28: what it means`"
BATCH_ROWS = 2_000
# A query that ignores its limit gets this long before the process ends.
STUCK_GRACE_SECONDS = 2.0
# Room for the interpreter, DuckDB's code and the rows on their way out, on top of the query's own limit.
SPARE_BYTES = 1 << 30
# How long a watchdog that is called off may take to end.
JOIN_SECONDS = 1.0


def run_query(
    home: Home,
    sql: str,
    *,
    values: Values = None,
    format: Format = "table",
    width: int | None = None,
    memory_limit: str = "2GB",
    timeout_seconds: float = 300.0,
    out: TextIO,
    on_stuck: Callable[[], None] | None = None,
) -> int:
    """Run one reading statement on the current release and write its rows to `out`; return how many there were.

    In: SQL of one statement (SELECT, FROM, VALUES, WITH, SHOW, DESCRIBE, SUMMARIZE, PIVOT, EXPLAIN of those); sizes as
    DuckDB writes them; `values` of the SQL's `$name`s, bound and never pasted in; the `width` that a table is to fit,
    where `out` is no terminal that tells it. `on_stuck` is called from another thread when even the time limit is
    ignored; a command passes `exit_stuck`.
    Raises UsageError for SQL that is wrong or refused, or where there is no release; RunFailed when a limit is met or
    the query fails on its way. Rows are streamed: what was written before an error stays written.
    """
    size = size_bytes(memory_limit)
    if not 0 < timeout_seconds <= MOST_SECONDS:
        raise UsageError(f"the time limit must be over 0, and at most {MOST_SECONDS:,} s", where=str(timeout_seconds))
    home.check_released()
    limits = Limits(memory=memory_limit, seconds=timeout_seconds)
    with (
        release_connection(home.file, sandboxed=True, limits=limits) as connection,
        _explaining(home.file, timeout_seconds),
        watchdog(timeout_seconds + STUCK_GRACE_SECONDS, on_stuck),
        bounded_address_space(size + SPARE_BYTES),
    ):
        reading = reading_statement(connection, sql, values)
        asked = _as_it_runs(reading)
        result = connection.execute(asked, values)
        first = result.fetchmany(BATCH_ROWS)
        types = [str(column[1]) for column in result.description or []]
        names = [str(column[0]) for column in result.description or []]
        rows: Iterable[Row] = chain(first, chain.from_iterable(iter(partial(result.fetchmany, BATCH_ROWS), [])))
        if format == "csv":
            return write_csv(names, rows, out)
        if format == "table":
            return write_plan(rows, out) if reading.is_plan else write_table(names, types, rows, out, width)
        if reading.query is None:
            rows = first = list(rows)
        as_text = text_columns(types, first)
        if reading.query is not None and len(first) == BATCH_ROWS and wide_columns(types) - as_text:
            as_text |= _later_text_columns(connection, asked, values, types)
        return write_json(names, rows, out, as_text)


def _later_text_columns(
    connection: duckdb.DuckDBPyConnection, asked: duckdb.Statement | str, values: Values, types: Sequence[str]
) -> frozenset[int]:
    """Ask a second time and return the columns that JSON has as text: rows are streamed, not kept.

    On a cursor, as those of the first question still stream.
    """
    found: frozenset[int] = frozenset()
    with closing(connection.cursor()) as cursor:
        interrupts.watch(cursor)
        cursor.execute(asked, values)
        while batch := cursor.fetchmany(BATCH_ROWS):
            found |= text_columns(types, batch)
    return found


def _as_it_runs(reading: Reading) -> duckdb.Statement | str:
    """Return what is executed: with text in place of the types that Python would bend or cannot hold."""
    if not any(kind in AS_TEXT for _, kind in reading.columns):
        return reading.statement
    fields = [
        f"{AS_TEXT.get(kind, '{}').format(f'#{place}')} as {named(name)}"
        for place, (name, kind) in enumerate(reading.columns, start=1)
    ]
    return f"select {', '.join(fields)} {reading.query}"


@contextmanager
def _explaining(file: Path, timeout_seconds: float) -> Iterator[None]:
    try:
        yield
    except (MemoryError, duckdb.OutOfMemoryException) as error:
        todo = "ask for less, or raise query_memory"
        raise RunFailed("the query needs more memory than it may use", todo=todo) from error
    except duckdb.Error as error:
        raise _explained(error, file, timeout_seconds) from error


def _explained(error: duckdb.Error, file: Path, timeout_seconds: float) -> NewsmartError:
    if isinstance(error, duckdb.InterruptException):
        todo = "ask for less, or raise query_seconds"
        return RunFailed("the query took longer than it may", where=f"{timeout_seconds:g} s", todo=todo)
    ours = explain(error, file, is_ledger=False)
    if ours is not None:
        return ours
    text, place = _text_and_place(error)
    if isinstance(error, duckdb.PermissionException):
        where = "it reads no file and writes none" if NO_FILE_SYSTEM in text else text
        return UsageError("not allowed in a query", where=where, detail=place)
    if isinstance(error, duckdb.ProgrammingError):
        hint = DECLARE if NO_VALUE in text else _quotes_hint(text, place)
        return UsageError("wrong SQL", where=text, todo=hint, detail=place)
    return RunFailed("the query failed", where=text, detail=place)


def _text_and_place(error: duckdb.Error) -> tuple[str, str | None]:
    """Return what DuckDB says on one line, and the two lines that show where in the SQL, the second one its carets.

    DuckDB gives a control character no width when it places the carets, so there they are left out.
    """
    text, place = str(error), None
    match = PLACE.search(text)
    if match is not None:
        text, place = text[: match.start()], "".join(c for c in match[1] if c.isprintable() or c == "\n")
    return visible(" ".join(text.split())), place


def _quotes_hint(text: str, place: str | None) -> str | None:
    """Return a hint where a name in double quotes is no column: people used to other languages mean a text by it."""
    found = NO_COLUMN.search(text)
    if found is None or place is None:
        return None
    name = found["free"] or found["of"]
    literal = name.replace("'", "''")
    is_quoted = f'"{name}"' in place.partition("\n")[0].replace('""', '"')
    return f"text stands in single quotes: '{literal}'" if is_quoted else None


@contextmanager
def bounded_address_space(extra_bytes: int) -> Iterator[None]:
    """Let this process grow by no more than so much during the block. Linux only; elsewhere the limit has no effect."""
    if sys.platform != "linux":
        yield
        return
    import resource  # POSIX only, so imported where the system is known

    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    wanted = pages * resource.getpagesize() + extra_bytes
    limits = [wanted, *(limit for limit in before if limit != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextmanager
def watchdog(seconds: float, on_stuck: Callable[[], None] | None) -> Iterator[None]:
    """Call `on_stuck` from another thread where the block takes longer."""
    if on_stuck is None:
        yield
        return
    timer = threading.Timer(seconds, on_stuck)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        # A thread that still ends while the interpreter does makes the driver complain of what it holds.
        timer.join(JOIN_SECONDS)


def exit_stuck() -> None:
    """End this process: for `on_stuck` of a command, whose query listens to nothing. Nothing is half done by it."""
    sys.stderr.write("newsmart: the query ignored its time limit (setting query_seconds); ended\n")
    sys.stderr.flush()
    os._exit(RunFailed.exit_status)
