"""Asking the current release, with SQL that cannot get out.

Whoever may ask may not thereby read this machine's files, call out, or write. Two fences, either of which would do for
most ways out: DuckDB's own (release opened read-only, external access off, configuration locked: `db.py`), and a list
of the kinds of statement that only read. The second is needed: `EXPLAIN ANALYZE COPY …` does write into the spill
folder, and a temporary table is no reading. DuckDB itself splits and classifies the statements; splitting on `;` here
would be fooled by any string.

Time is limited by DuckDB's own `max_execution_time`, which covers the fetching too (a timer thread that interrupts
loses the race between two fetches). A few functions never look at it (`sleep_ms`, one huge `levenshtein`), so a
watchdog may end the process. Memory is limited by DuckDB's limit, and, as a single huge text is not counted there, by
the process's address space where the system knows such a limit.
"""

import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TextIO

import duckdb

from schemas.bounds import MOST_SECONDS
from schemas.errors import NewsmartError, RunFailed, UsageError
from schemas.sizes import size_bytes
from warehouse.db import Limits, explain, release_connection
from warehouse.home import Home
from warehouse.queries import render

Format = Literal["table", "csv", "json"]

ALLOWED = frozenset({duckdb.StatementType.SELECT, duckdb.StatementType.MULTI})
# `EXPLAIN`, its options, and the statement that it explains.
EXPLAIN_HEAD = re.compile(r"\s*explain\s+(?:analyze\s+|analyse\s+)?(?:\([^()]*\)\s*)?", re.IGNORECASE)
# Types that Python has no like of: DuckDB writes them as text itself. %-codes are DuckDB's strftime's.
AS_TEXT = {
    "INTERVAL": "cast({} as varchar)",
    "TIMESTAMP_NS": "strftime({}, '%Y-%m-%dT%H:%M:%S.%n')",
    "TIMESTAMP WITH TIME ZONE": "strftime({}, '%Y-%m-%dT%H:%M:%S.%f+00:00')",
}
PLACE = re.compile(r"\n\n(LINE [0-9]+: [^\n]*\n *\^+)\s*\Z")
BATCH_ROWS = 2_000
JOIN_SECONDS = 1.0
# A query that ignores its limit gets this long before the process ends.
STUCK_GRACE_SECONDS = 2.0
# Room for the interpreter, DuckDB's code and the rows on their way out, on top of the query's own limit.
SPARE_BYTES = 1 << 30


def run_query(
    home: Home,
    sql: str,
    *,
    format: Format = "table",
    memory_limit: str = "2GB",
    timeout_seconds: float = 300.0,
    spill_limit: str = "10GB",
    out: TextIO,
    on_stuck: Callable[[], None] | None = None,
) -> int:
    """Run one reading statement on the current release and write its rows to `out`; return how many there were.

    In: SQL of one statement (SELECT, FROM, VALUES, WITH, SHOW, DESCRIBE, SUMMARIZE, PIVOT, EXPLAIN of those); sizes as
    DuckDB writes them. `on_stuck` is called from another thread when even the time limit is ignored; a command passes
    `exit_stuck`. Raises UsageError for SQL that is wrong or refused, or where there is no release; RunFailed when a
    limit is met or the query fails on its way. Rows are streamed: what was written before an error stays written.
    """
    size = size_bytes(memory_limit)
    size_bytes(spill_limit)
    if not 0 < timeout_seconds <= MOST_SECONDS:
        raise UsageError(f"the time limit must be over 0, and at most {MOST_SECONDS:,} s", where=str(timeout_seconds))
    if not home.file.exists():
        raise UsageError("there is no release yet", where=str(home.file), todo="run `newsmart run` first")
    limits = Limits(memory=memory_limit, seconds=timeout_seconds, spill_size=spill_limit)
    with (
        release_connection(home.file, sandboxed=True, spill_parent=home.temp, limits=limits) as connection,
        _explaining(home.file, timeout_seconds),
        _watchdog(connection, timeout_seconds + STUCK_GRACE_SECONDS, on_stuck),
        _bounded_address_space(size + SPARE_BYTES),
    ):
        statement = reading_statement(connection, sql)
        result = _executed(connection, statement)
        if format == "table" and statement.type == duckdb.StatementType.EXPLAIN:
            return render.write_plan(_rows(result), out)
        return _write(result, format, out)


def reading_statement(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    """Return the SQL's one statement. Raises UsageError when there is none, more than one, or it does not only read."""
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        found = "no statement" if not statements else f"{len(statements)} statements"
        raise UsageError(f"one SQL statement is asked at a time, here is {found}")
    statement = statements[0]
    kind = _kind(statement)
    if kind in ALLOWED or (kind == duckdb.StatementType.EXPLAIN and _explains_reading(connection, statement)):
        return statement
    raise UsageError(
        "only statements that read are allowed",
        where="this one" if kind is None else kind.name.replace("_", " "),
        todo="SELECT, FROM, WITH, VALUES, SHOW, DESCRIBE, SUMMARIZE, PIVOT, and EXPLAIN of these",
    )


def _kind(statement: duckdb.Statement) -> duckdb.StatementType | None:
    """Return the statement's kind; None for one that DuckDB's driver has no name for (`UPDATE EXTENSIONS`)."""
    try:
        return statement.type
    except ValueError:
        return None


def _explains_reading(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> bool:
    head = EXPLAIN_HEAD.match(statement.query)
    if head is None:
        return False
    explained = connection.extract_statements(statement.query[head.end() :])
    return len(explained) == 1 and _kind(explained[0]) in ALLOWED


def _executed(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> duckdb.DuckDBPyConnection:
    """Run the statement; run it anew with text in place of the types that Python would bend or cannot hold."""
    result = connection.execute(statement)
    kinds = [str(column[1]) for column in result.description or []]
    if statement.type != duckdb.StatementType.SELECT or not any(kind in AS_TEXT for kind in kinds):
        return result
    places = [(f"#{place}", kind) for place, kind in enumerate(kinds, start=1)]
    names = [column[0].replace('"', '""') for column in result.description or []]
    fields = [
        f'{AS_TEXT.get(kind, "{}").format(place)} as "{name}"'
        for (place, kind), name in zip(places, names, strict=True)
    ]
    return connection.execute(f"select {', '.join(fields)} from (\n{_without_end(statement.query)}\n)")


def _without_end(sql: str) -> str:
    """Return one statement's SQL without its semicolon and the comment after it; DuckDB says which one that is."""
    text = sql.encode()  # DuckDB counts places in bytes
    kinds = duckdb.tokenize(sql)
    ends = [place for place, kind in kinds if kind == duckdb.token_type.operator and text[place : place + 1] == b";"]
    return text[: ends[-1]].decode() if ends else sql


def _write(result: duckdb.DuckDBPyConnection, form: Format, out: TextIO) -> int:
    description = result.description or []
    names = [str(column[0]) for column in description]
    if form == "json":
        return render.write_json(names, _rows(result), out)
    if form == "csv":
        return render.write_csv(names, _rows(result), out)
    return render.write_table(names, [str(column[1]) for column in description], _rows(result), out)


def _rows(result: duckdb.DuckDBPyConnection) -> Iterator[render.Row]:
    while batch := result.fetchmany(BATCH_ROWS):
        yield from batch


@contextmanager
def _explaining(file: Path, timeout_seconds: float) -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        raise RunFailed(
            "the query needs more memory than it may use", todo="ask for less, or raise the limit"
        ) from error
    except duckdb.Error as error:
        raise _explained(error, file, timeout_seconds) from error


def _explained(error: duckdb.Error, file: Path, timeout_seconds: float) -> NewsmartError:
    if isinstance(error, duckdb.InterruptException):
        return RunFailed("the query took longer than it may", where=f"{timeout_seconds:g} s", todo="raise the limit")
    if isinstance(error, duckdb.OutOfMemoryException):
        return RunFailed("the query needs more memory than it may use", todo="ask for less, or raise the limit")
    ours = explain(error, file, is_ledger=False)
    if ours is not None:
        return ours
    text, place = _text_and_place(error)
    if isinstance(error, duckdb.PermissionException):
        return UsageError("not allowed in a query", where=text, detail=place)
    if isinstance(error, duckdb.ProgrammingError):
        return UsageError("wrong SQL", where=text, detail=place)
    return RunFailed("the query failed", where=text, detail=place)


def _text_and_place(error: duckdb.Error) -> tuple[str, str | None]:
    """Return what DuckDB says on one line, and the two lines that show where in the SQL, the second one its carets.

    DuckDB gives a control character no width when it places the carets, so there they are left out.
    """
    text, place = str(error), None
    match = PLACE.search(text)
    if match is not None:
        text, place = text[: match.start()], "".join(c for c in match[1] if c.isprintable() or c == "\n")
    return render.visible(" ".join(text.split())), place


@contextmanager
def _watchdog(
    connection: duckdb.DuckDBPyConnection, seconds: float, on_stuck: Callable[[], None] | None
) -> Iterator[None]:
    if on_stuck is None:
        yield
        return
    row = connection.execute("select current_setting('temp_directory')").fetchone()
    spill = str(row[0]) if row is not None else ""

    def give_up() -> None:
        shutil.rmtree(spill, ignore_errors=True)
        on_stuck()

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        # A thread that still ends while the interpreter does makes the driver complain of what it holds.
        timer.join(JOIN_SECONDS)


@contextmanager
def _bounded_address_space(extra_bytes: int) -> Iterator[None]:
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


def exit_stuck() -> None:
    """End this process: for `on_stuck` of a command, whose query listens to nothing. Nothing is half done by it."""
    sys.stderr.write("newsmart: the query ignored its time limit; ended\n")
    sys.stderr.flush()
    os._exit(RunFailed.exit_status)
