"""Which SQL may be asked: one statement, of a kind that reads, and only if it is a query.

A query is what may stand in parentheses after FROM. The kind alone says little: DuckDB calls each statement that holds
a PIVOT over values of the data MULTI, also COPY, CREATE and SET, and a WITH that copies to a file is a SELECT to it.
But neither is taken in parentheses: the first is not parsed there, the second not bound. DuckDB itself splits,
classifies and parses; looking for `;` or keywords here would be fooled by any string.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from schemas.errors import UsageError
from schemas.text import is_utf8, sample

Values = Mapping[str, object] | None

ALLOWED = frozenset({duckdb.StatementType.SELECT, duckdb.StatementType.MULTI})
# `EXPLAIN`, its options, and the statement that it explains. Options are words only: in a comment among them a
# parenthesis could close them for this pattern and not for DuckDB.
EXPLAIN = re.compile(r"\s*explain\s+(?:analyze\s+|analyse\s+)?", re.IGNORECASE)
EXPLAIN_HEAD = re.compile(EXPLAIN.pattern + r"(?:\([\w\s,]*\)\s*)?", re.IGNORECASE)
# What stands before a query to see that it is one. Its line is one more in what DuckDB says of a place.
IN_PARENTHESES = "from (\n{}\n)"
LINE = re.compile(r"(?<=\n\nLINE )[0-9]+(?=: )")
# How DuckDB refuses a WITH that writes.
WRITING_WITH = "must be at the top level"
OPERATOR = duckdb.token_type.operator


@dataclass(frozen=True, slots=True)
class Reading:
    """A statement that only reads.

    `query` is its SQL in parentheses, None where DuckDB cannot run it so: an EXPLAIN (then `is_plan`), or what it runs
    as several statements. `columns` are its columns then, name and type.
    """

    statement: duckdb.Statement
    query: str | None = None
    columns: Sequence[tuple[str, str]] = ()
    is_plan: bool = False


def reading_statement(connection: duckdb.DuckDBPyConnection, sql: str, values: Values = None) -> Reading:
    """Return the SQL's one statement. Raises UsageError when there is none, more than one, or it does not only read."""
    if not is_utf8(sql):
        raise UsageError("the SQL is not UTF-8", where=sample(sql))
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise UsageError(f"one SQL statement is asked at a time, not {len(statements)}")
    statement = statements[0]
    explained = _explained_query(connection, statement)
    if _kind(statement) not in (duckdb.StatementType.EXPLAIN, *ALLOWED):
        raise _not_reading(_kind(statement))
    if _kind(explained) not in ALLOWED:
        raise _not_reading(_kind(explained))
    query = IN_PARENTHESES.format(_bare(explained.query))
    if len(_parsed(connection, query)) != 1:
        raise _not_reading(None)
    is_plan = explained is not statement
    if explained.type == duckdb.StatementType.MULTI:  # it cannot be bound alone
        return Reading(statement, is_plan=is_plan)
    columns = _bound_columns(connection, query, values)
    return Reading(statement, is_plan=True) if is_plan else Reading(statement, query, columns)


def _not_reading(kind: duckdb.StatementType | None) -> UsageError:
    return UsageError(
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


def _bound_columns(connection: duckdb.DuckDBPyConnection, query: str, values: Values) -> list[tuple[str, str]]:
    """Return name and type of a query's columns without running it.

    Raises UsageError for a WITH that writes, and what else DuckDB finds, with places as in the query itself.
    """
    try:
        return [(str(name), str(kind)) for name, kind, *_ in connection.execute(f"describe {query}", values).fetchall()]
    except duckdb.Error as error:
        if WRITING_WITH in str(error):
            raise _not_reading(None) from error
        raise type(error)(LINE.sub(lambda line: str(int(line[0]) - 1), str(error))) from error


def _bare(sql: str) -> str:
    """Return one statement's SQL without the semicolons around it, and what follows; DuckDB says which they are."""
    text = sql.encode()  # DuckDB counts places in bytes
    tokens = [(place, text[place : place + 1] == b";" and kind == OPERATOR) for place, kind in duckdb.tokenize(sql)]
    start = next((place for place, is_end in tokens if not is_end), 0)
    end = next((place for place, is_end in tokens if is_end and place > start), len(text))
    return text[start:end].decode()
