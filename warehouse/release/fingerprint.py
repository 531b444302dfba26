"""A hash over the rows of a release, so that two builds can be compared without comparing them row by row.

Each row is written as text that no other row can give (every text with its length), hashed by MD5, and the hashes
joined by exclusive or, which does not depend on the order in which rows lie: it stands for the sorted rows, at the cost
of one scan. Every table has a key, so no two equal rows cancel out; the count stands beside it all the same. MD5 serves
against accidents here, not against forgery. DuckDB's own hash() is faster but may change between its versions.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

import duckdb

from schemas.declarations import Table
from schemas.tables import BASE_TABLES
from warehouse.db import named
from warehouse.parallel import map_queries


@dataclass(frozen=True, slots=True)
class TableFingerprint:
    """The count of a table's rows and the hash over them."""

    table: str
    row_count: int
    digest: str


def fingerprint_tables(connection: duckdb.DuckDBPyConnection, catalog: str) -> tuple[TableFingerprint, ...]:
    """Return the fingerprint of each table of schema `main` of the attached release, in the order of declaration.

    That of a table that is missing, or has other columns, is like no other.
    """

    def query(table: Table, cursor: duckdb.DuckDBPyConnection) -> TableFingerprint:
        try:
            return fingerprint_table(cursor, catalog, table)
        except (duckdb.CatalogException, duckdb.BinderException):
            return TableFingerprint(table.name, 0, "")

    return tuple(map_queries(connection, catalog, query, BASE_TABLES))


def combine(tables: tuple[TableFingerprint, ...]) -> str:
    """Return the release's fingerprint: SHA-256 over the tables' names, counts and digests."""
    lines = [f"{one.table} {one.row_count} {one.digest}\n" for one in tables]
    return sha256("".join(lines).encode()).hexdigest()


def fingerprint_table(connection: duckdb.DuckDBPyConnection, catalog: str, table: Table) -> TableFingerprint:
    """Return the fingerprint of one table of schema `main` of the attached release."""
    row = connection.execute(digest_sql(columns_of(table), f"{named(catalog)}.{table.schema}.{named(table.name)}"))
    ((count, digest),) = row.fetchall()
    return TableFingerprint(table.name, int(count), f"{int(digest):032x}")


def columns_of(table: Table) -> list[tuple[str, str]]:
    """Return name and type of each column of a table, as `digest_sql` takes them."""
    return [(column.name, column.type) for column in table.columns]


def digest_sql(columns: Iterable[tuple[str, str]], source: str) -> str:
    """Return the query that counts and hashes rows.

    In: name and type of each column, in order; what stands after FROM (a table, or what a copy of it is read by). The
    query gives one row: the count and the hash, a number. Any DuckDB from 1.2 on runs it, with the same answer.
    """
    return f"select count(*), coalesce(bit_xor(digest), 0) from (select {row_digest(columns)} as digest from {source})"


def row_digest(columns: Iterable[tuple[str, str]]) -> str:
    """Return the SQL of a row's hash, a number. In: name and type of each column, in order."""
    return f"md5_number(concat({', '.join(_value_text(name, type_) for name, type_ in columns)}))"


def _value_text(name: str, type_: str) -> str:
    """Return a value's parts for concat(), which writes NULL as nothing: fewer texts are made on the way."""
    column = named(name)
    if type_ == "VARCHAR":
        return f"coalesce(strlen({column})::varchar, '~'), case when {column} is null then '' else ':' end, {column}"
    return f"{column}, case when {column} is null then '~' else ';' end"
