"""Asking the current release, with SQL that cannot get out.

Whoever may ask may not thereby read this machine's files, call out, or write. Two fences stand, and either would do for
most ways out. One is DuckDB's own (`db.py`): release opened read-only, no external access, no file system,
configuration locked. The other is here: only one statement, of a kind that reads, and only if it is a query, which is
what may stand in parentheses after FROM. The kind alone says little. DuckDB calls each statement that holds a PIVOT
over values of the data MULTI, also COPY, CREATE and SET, and a WITH that copies to a file is a SELECT to it. But
neither is taken in parentheses: the first is not parsed there, the second not bound. DuckDB itself splits, classifies
and parses; looking for `;` or keywords here would be fooled by any string.

A query runs without any file first. One that then needs more than its memory is begun again with a folder to spill
into, before any of its rows is written.

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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

import duckdb

from schemas.errors import NewsmartError, RunFailed, UsageError
from schemas.limits import MOST_SECONDS, size_bytes
from schemas.text import is_utf8, sample
from warehouse import interrupts
from warehouse.db import Limits, explain, release_connection, spilling_sandbox
from warehouse.home import Home
from warehouse.queries import render
from warehouse.queries.address_space import bounded_address_space
from warehouse.queries.hints import quotes_hint
from warehouse.queries.json_types import text_columns

Format = Literal["table", "csv", "json"]
Values = Mapping[str, object] | None

ALLOWED = frozenset({duckdb.StatementType.SELECT, duckdb.StatementType.MULTI})
# `EXPLAIN`, its options, and the statement that it explains. Options are words only: in a comment among them a
# parenthesis could close them for this pattern and not for DuckDB.
EXPLAIN = re.compile(r"\s*explain\s+(?:analyze\s+|analyse\s+)?", re.IGNORECASE)
EXPLAIN_HEAD = re.compile(EXPLAIN.pattern + r"(?:\([\w\s,]*\)\s*)?", re.IGNORECASE)
# What stands before a query to see that it is one. Its line is one more in what DuckDB says of a place.
IN_PARENTHESES = "from (\n{}\n)"
LINE = re.compile(r"(?<=\n\nLINE )[0-9]+(?=: )")
# How DuckDB refuses what is well-formed and no query: a WITH that writes, and a file where there are none.
WRITING_WITH = "must be at the top level"
NO_FILE_SYSTEM = "has been disabled by configuration"
# Types that Python has no like of: DuckDB writes them as text itself. %-codes are DuckDB's strftime's.
AS_TEXT = {
    "INTERVAL": "cast({} as varchar)",
    "TIMESTAMP_NS": "strftime({}, '%Y-%m-%dT%H:%M:%S.%n')",
    "TIMESTAMP WITH TIME ZONE": "strftime({}, '%Y-%m-%dT%H:%M:%S.%f+00:00')",
}
PLACE = re.compile(r"\n\n(LINE [0-9]+: [^\n]*\n *\^+)\s*\Z")
OPERATOR = duckdb.token_type.operator
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
    values: Mapping[str, object] | None = None,
    format: Format = "table",
    width: int | None = None,
    memory_limit: str = "2GB",
    timeout_seconds: float = 300.0,
    spill_limit: str = "10GB",
    out: TextIO,
    on_stuck: Callable[[], None] | None = None,
) -> int:
    """Run one reading statement on the current release and write its rows to `out`; return how many there were.

    In: SQL of one statement (SELECT, FROM, VALUES, WITH, SHOW, DESCRIBE, SUMMARIZE, PIVOT, EXPLAIN of those); sizes as
    DuckDB writes them; `values` of the SQL's `$name`s, bound and never pasted in; the `width` that a table is to fit,
    where `out` is no terminal that tells it.
    `on_stuck` is called from another thread when even the time limit is ignored; a command passes
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
    ending = size + SPARE_BYTES, on_stuck, out
    asking = _Asking(home, sql, format, limits, timeout_seconds, *ending, values=values or None, width=width)
    try:
        return asking.without_files()
    except _TooLittleMemory as error:
        count = asking.with_spilling()
        if count is None:
            raise _out_of_memory() from error.__cause__
        return count


class _TooLittleMemory(Exception):
    """A query that is allowed needs more memory than it may use, and none of its rows is written yet."""


@dataclass(frozen=True, slots=True)
class _Asking:
    """One query and its limits; address space in bytes, time in seconds."""

    home: Home
    sql: str
    format: Format
    limits: Limits
    seconds: float
    address_space: int
    on_stuck: Callable[[], None] | None
    out: TextIO
    values: Values = None
    width: int | None = None

    def without_files(self) -> int:
        """Answer where nothing can be spilled. Raises _TooLittleMemory where spilling may help."""
        with release_connection(self.home.file, sandboxed=True, limits=self.limits) as connection:
            return self._answer(connection, None)

    def with_spilling(self) -> int | None:
        """Answer with a folder to spill into; None where there can be none."""
        with spilling_sandbox(self.home.file, self.home.temp, limits=self.limits) as opened:
            return None if opened is None else self._answer(*opened)

    def _answer(self, connection: duckdb.DuckDBPyConnection, spill: Path | None) -> int:
        with (
            _explaining(self.home.file, self.seconds),
            _watchdog(self.seconds + STUCK_GRACE_SECONDS, spill, self.on_stuck),
            bounded_address_space(self.address_space),
        ):
            statement = reading_statement(connection, self.sql, self.values)
            try:
                result = _executed(connection, statement, self.values)
                first = result.fetchmany(BATCH_ROWS)
            except duckdb.OutOfMemoryException as error:
                # What DuckDB runs as several statements is not bound as one query: it only runs without files.
                if spill is None and statement.type != duckdb.StatementType.MULTI:
                    raise _TooLittleMemory from error
                raise
            if self.format == "table" and _is_plan(statement):
                return render.write_plan(_rows(first, result), self.out)
            if self.format == "json":
                return self._write_json(connection, statement, first, result)
            return _write(first, result, self.format, self.width, self.out)

    def _write_json(
        self,
        connection: duckdb.DuckDBPyConnection,
        statement: duckdb.Statement,
        first: Sequence[render.Row],
        result: duckdb.DuckDBPyConnection,
    ) -> int:
        names, types = _columns(result)
        # What DuckDB runs as several statements cannot be asked a second time as a part of a query.
        is_kept = statement.type != duckdb.StatementType.SELECT
        kept = list(_rows(first, result)) if is_kept else first
        text = text_columns(
            types,
            kept,
            is_all=is_kept or len(first) < BATCH_ROWS,
            ask_any=lambda tests: _ask_any(connection, statement, self.values, tests),
        )
        return render.write_json(names, kept if is_kept else _rows(first, result), self.out, text)


def reading_statement(connection: duckdb.DuckDBPyConnection, sql: str, values: Values = None) -> duckdb.Statement:
    """Return the SQL's one statement. Raises UsageError when there is none, more than one, or it does not only read."""
    if not is_utf8(sql):
        raise UsageError("the SQL is not UTF-8", where=sample(sql))
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        found = "no statement" if not statements else f"{len(statements)} statements"
        raise UsageError(f"one SQL statement is asked at a time, here is {found}")
    statement = statements[0]
    query = _explained_query(connection, statement)
    if _kind(statement) not in (duckdb.StatementType.EXPLAIN, *ALLOWED):
        raise _not_reading(_kind(statement))
    if _kind(query) not in ALLOWED or not _is_query(connection, query, values):
        raise _not_reading(_kind(query))
    return statement


def _not_reading(kind: duckdb.StatementType | None) -> UsageError:
    is_told = kind is not None and kind not in ALLOWED
    return UsageError(
        "only statements that read are allowed",
        where=kind.name.replace("_", " ") if kind is not None and is_told else "this one",
        todo="SELECT, FROM, WITH, VALUES, SHOW, DESCRIBE, SUMMARIZE, PIVOT, and EXPLAIN of these",
    )


def _kind(statement: duckdb.Statement) -> duckdb.StatementType | None:
    """Return the statement's kind; None for one that DuckDB's driver has no name for (`UPDATE EXTENSIONS`)."""
    try:
        return statement.type
    except ValueError:
        return None


def _explained_query(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> duckdb.Statement:
    """Return the statement that an EXPLAIN explains, any other as it is.

    What looks like options may be a query in parentheses: it is, where nothing that can be explained follows.
    """
    for pattern in (EXPLAIN_HEAD, EXPLAIN):
        head = pattern.match(statement.query)
        explained = [] if head is None else _parsed(connection, statement.query[head.end() :])
        if len(explained) == 1:
            return explained[0]
    return statement


def _parsed(connection: duckdb.DuckDBPyConnection, sql: str) -> list[duckdb.Statement]:
    """Return the statements of an SQL text; none where it is not SQL."""
    try:
        return connection.extract_statements(sql)
    except duckdb.ParserException:
        return []


def _is_plan(statement: duckdb.Statement) -> bool:
    return EXPLAIN_HEAD.match(statement.query) is not None


def _is_query(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement, values: Values) -> bool:
    """Return whether the statement may stand in parentheses: nothing that writes may.

    A SELECT is bound so as well, which runs nothing. What DuckDB runs as several statements cannot be bound alone.
    """
    wrapped = IN_PARENTHESES.format(_bare(statement.query))
    is_one = len(_parsed(connection, wrapped)) == 1
    return is_one and (statement.type == duckdb.StatementType.MULTI or _is_bound(connection, wrapped, values))


def _is_bound(connection: duckdb.DuckDBPyConnection, wrapped: str, values: Values) -> bool:
    """Return False for a WITH that writes. Raises what else DuckDB finds, with places as in the query itself."""
    try:
        connection.execute(f"describe {wrapped}", values)
    except duckdb.Error as error:
        if WRITING_WITH in str(error):
            return False
        raise type(error)(LINE.sub(lambda line: str(int(line[0]) - 1), str(error))) from error
    return True


def _executed(
    connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement, values: Values
) -> duckdb.DuckDBPyConnection:
    """Run the statement; run it anew with text in place of the types that Python would bend or cannot hold."""
    result = connection.execute(statement, values)
    kinds = [str(column[1]) for column in result.description or []]
    if statement.type != duckdb.StatementType.SELECT or not any(kind in AS_TEXT for kind in kinds):
        return result
    places = [(f"#{place}", kind) for place, kind in enumerate(kinds, start=1)]
    names = [column[0].replace('"', '""') for column in result.description or []]
    fields = [
        f'{AS_TEXT.get(kind, "{}").format(place)} as "{name}"'
        for (place, kind), name in zip(places, names, strict=True)
    ]
    return connection.execute(f"select {', '.join(fields)} from (\n{_bare(statement.query)}\n)", values)


def _ask_any(
    connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement, values: Values, tests: Sequence[str]
) -> Sequence[bool | None]:
    """Return of each test on a row whether any row of the statement meets it; on a cursor, as the rows still stream."""
    with closing(connection.cursor()) as cursor:
        interrupts.watch(cursor)
        asked = ", ".join(f"bool_or({test})" for test in tests)
        rows = cursor.execute(f"select {asked} from (\n{_bare(statement.query)}\n)", values).fetchall()
    return list(rows[0])


def _bare(sql: str) -> str:
    """Return one statement's SQL without the semicolons around it, and what follows; DuckDB says which they are."""
    text = sql.encode()  # DuckDB counts places in bytes
    tokens = [(place, text[place : place + 1] == b";" and kind == OPERATOR) for place, kind in duckdb.tokenize(sql)]
    begin = next((place for place, is_end in tokens if not is_end), 0)
    end = next((place for place, is_end in tokens if is_end and place > begin), len(text))
    return text[begin:end].decode()


def _write(
    first: Sequence[render.Row], result: duckdb.DuckDBPyConnection, form: Format, width: int | None, out: TextIO
) -> int:
    names, types = _columns(result)
    if form == "csv":
        return render.write_csv(names, _rows(first, result), out)
    return render.write_table(names, types, _rows(first, result), out, width)


def _columns(result: duckdb.DuckDBPyConnection) -> tuple[list[str], list[str]]:
    """Return the names of a result's columns, and their types."""
    description = result.description or []
    return [str(column[0]) for column in description], [str(column[1]) for column in description]


def _rows(first: Sequence[render.Row], result: duckdb.DuckDBPyConnection) -> Iterator[render.Row]:
    yield from first
    while batch := result.fetchmany(BATCH_ROWS):
        yield from batch


@contextmanager
def _explaining(file: Path, timeout_seconds: float) -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        raise _out_of_memory() from error
    except duckdb.Error as error:
        raise _explained(error, file, timeout_seconds) from error


def _out_of_memory() -> RunFailed:
    todo = "ask for less, or raise query_memory"
    return RunFailed("the query needs more memory than it may use", todo=todo)


def _explained(error: duckdb.Error, file: Path, timeout_seconds: float) -> NewsmartError:
    if isinstance(error, duckdb.InterruptException):
        todo = "ask for less, or raise query_seconds"
        return RunFailed("the query took longer than it may", where=f"{timeout_seconds:g} s", todo=todo)
    if isinstance(error, duckdb.OutOfMemoryException):
        return _out_of_memory()
    ours = explain(error, file, is_ledger=False)
    if ours is not None:
        return ours
    text, place = _text_and_place(error)
    if isinstance(error, duckdb.PermissionException):
        where = "it reads no file and writes none" if NO_FILE_SYSTEM in text else text
        return UsageError("not allowed in a query", where=where, detail=place)
    if isinstance(error, duckdb.ProgrammingError):
        return UsageError("wrong SQL", where=text, todo=quotes_hint(text, place), detail=place)
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
def _watchdog(seconds: float, spill: Path | None, on_stuck: Callable[[], None] | None) -> Iterator[None]:
    if on_stuck is None:
        yield
        return

    def give_up() -> None:
        if spill is not None:
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


def exit_stuck() -> None:
    """End this process: for `on_stuck` of a command, whose query listens to nothing. Nothing is half done by it."""
    sys.stderr.write("newsmart: the query ignored its time limit (setting query_seconds); ended\n")
    sys.stderr.flush()
    os._exit(RunFailed.exit_status)
