"""A release made from the one before it: its file is copied, and the rows that change are taken out and put in.

All new rows are made before anything is written, by the SELECTs of a whole build over the scope (scope.py). A row is
told from another by its hash, of which the table's fingerprint is the exclusive or: so the fingerprint of the new table
follows from the old one's and from the rows that went and came. That never reads the file. So after the commit the file
is opened anew, what lies there of the scope is read and compared with what should, and the audits are asked of that.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import duckdb

from schemas.declarations import Table
from schemas.errors import AuditFailed
from schemas.ops_tables import ALIAS, NOTICE, OPS_TABLES
from schemas.tables import BASE_TABLES
from warehouse.db import named
from warehouse.ledger.opening import transaction
from warehouse.parallel import Step, run_steps
from warehouse.release.audit import Audit
from warehouse.release.catalog import attach_staged, block_bytes_of, create_tables, create_views, folder_of
from warehouse.release.fingerprint import TableFingerprint, columns_of, digest_sql, row_digest
from warehouse.release.work import BuildStep, identity_steps, needs_of, work_steps
from warehouse.sql_files import execute_named, read_sql

_OF_ARTICLE = "article_key in (select article_key from base.scope_article)"
_OF_DOCUMENT = (
    "document_key in (select document_key from base.document where document_id in "
    "(select document_id from base.redone_document))"
)
# Which rows of a table are made anew.
SCOPE = {
    "article_url": "own_key in (select own_key from base.key)",
    "dim_date": "true",
    "dim_document": _OF_DOCUMENT,
    "dim_image": "image_key in (select image_key from base.touched_image)",
    "dim_provider": "provider_key in (select provider_key from base.provider)",
    "dim_topic": "topic_key in (select topic_key from base.touched_topic)",
    "fact_mention": _OF_DOCUMENT,
    "mention_history": _OF_DOCUMENT,
    "alias": "surrogate_key(url_key) in (select own_key from base.alias)",
    "notice": "true",
}
# Which rows of a table are looked at afterwards, where it is more: all that counts or names an article of the scope. Of
# several conditions one has to hold.
LOOKED_AT = {
    "dim_document": (_OF_ARTICLE, _OF_DOCUMENT),
    "fact_mention": (_OF_ARTICLE, _OF_DOCUMENT),
    "mention_history": (_OF_ARTICLE, _OF_DOCUMENT),
    "dim_image": (SCOPE["dim_image"], "image_key in (select image_key from bridge_article_image)"),
    "dim_provider": ("true",),
    "dim_topic": ("true",),
}
# By name: the bridge stands before the images that it names.
CHANGING = tuple(sorted((*BASE_TABLES, ALIAS), key=lambda table: table.name))


@dataclass(frozen=True, slots=True)
class Delta:
    """What an increment makes of the base's tables: their fingerprints, and how many rows came and went in each."""

    tables: tuple[TableFingerprint, ...]
    came: Counter[str]
    went: Counter[str]


def make_rows(connection: duckdb.DuckDBPyConnection, as_of: datetime, base_tables: Sequence[TableFingerprint]) -> Delta:
    """Make the rows of the scope in the catalog `made`, and note which rows of the base go and which of them come.

    In: a connection with `base` and `previous` laid out; the fingerprints of the base.
    """
    _hold_before(connection)
    connection.execute("attach ':memory:' as made")
    connection.execute("use made")
    connection.execute(";\n".join(create_tables(without_key=BASE_TABLES)))
    done = {step.name for step in identity_steps(as_of)}
    run_steps(connection, "made", [*work_steps(as_of), *_row_steps(as_of)], done=done)
    differing = " union all ".join(
        f"select '{table.name}' as name, is_new, digest from base.differing_{table.name}" for table in CHANGING
    )
    counts = connection.execute(
        "select name, count(*) filter (is_new), count(*) filter (not is_new), bit_xor(digest) "
        f"from ({differing}) group by name"
    ).fetchall()
    came, went, digests = ({row[0]: row[at] for row in counts} for at in (1, 2, 3))
    tables = []
    for old in base_tables:
        row_count = old.row_count - went.get(old.table, 0) + came.get(old.table, 0)
        digest = int(old.digest, 16) ^ digests.get(old.table, 0)
        tables.append(TableFingerprint(old.table, row_count, f"{digest:032x}"))
    return Delta(tuple(tables), Counter(came), Counter(went))


def _hold_before(connection: duckdb.DuckDBPyConnection) -> None:
    """Take the base's rows that are looked at into `base`, with their row ids, and show them in a catalog `before`."""
    connection.execute("attach ':memory:' as before")
    connection.execute("use before")
    connection.execute("create schema before.ops")
    for table in CHANGING:
        name = table.qualified_name
        connection.execute(f"create table base.before_{table.name} as {looked_at(table, 'previous')}")
        connection.execute(f"create view before.{name} as select * exclude (row_id) from base.before_{table.name}")


def _row_steps(as_of: datetime) -> Iterator[BuildStep]:
    for table in (*CHANGING, NOTICE):
        sql = read_sql(folder_of(table), table.name)
        yield Step(table.name, needs_of(sql), partial(_make_rows, table, sql, as_of))


def _make_rows(table: Table, sql: str, as_of: datetime, cursor: duckdb.DuckDBPyConnection) -> None:
    name, where, digest = table.qualified_name, scope_of(table), row_digest(columns_of(table))
    execute_named(cursor, f"insert into made.{name} by name from ({sql}) as rows_made where {where}", {"as_of": as_of})
    if table is NOTICE:
        return
    # A row that is in both stands there twice.
    cursor.execute(
        f"create table base.differing_{table.name} as "
        "select any_value(is_new) as is_new, any_value(row_id) as row_id, digest from ("
        f"select false as is_new, row_id, {digest} as digest from base.before_{table.name} where {where} "
        f"union all select true as is_new, rowid as row_id, {digest} as digest from made.{name}"
        ") group by digest having count(*) = 1"
    )


def scope_of(table: Table) -> str:
    """Return the condition for rows of a table that are made anew."""
    return SCOPE.get(table.name, _OF_ARTICLE)


def looked_at(table: Table, release: str) -> str:
    """Return the query for the rows of a table of an attached release that are looked at, with their row ids.

    Row ids are found by one condition after another: joined by `or`, none of them could skip what it does not need.
    """
    name = f"{release}.{table.qualified_name}"
    found = (f"select rowid from {name} where {one}" for one in LOOKED_AT.get(table.name, (scope_of(table),)))
    return f"select rowid as row_id, * from {name} where rowid in ({' union '.join(found)})"


def write_rows(connection: duckdb.DuckDBPyConnection, delta: Delta, copy: Path, fill_ops: Callable[[], None]) -> None:
    """Attach a copy of the base's file as `news`, take out the rows that go and put in those that come.

    All of it is one transaction, with what `fill_ops` adds of the schema `ops`.
    """
    attach_staged(connection, copy, "news", block_bytes_of(connection, "previous"))
    connection.execute("use news")
    with transaction(connection):
        for table in CHANGING:
            name = table.qualified_name
            if delta.went[table.name]:
                connection.execute(
                    f"delete from news.{name} where rowid in "
                    f"(select row_id from base.differing_{table.name} where not is_new)"
                )
            if delta.came[table.name]:
                connection.execute(
                    f"insert into news.{name} by name select * from made.{name} "
                    f"where rowid in (select row_id from base.differing_{table.name} where is_new) "
                    f"order by {_order(table)}"
                )
        for table in OPS_TABLES:
            if table is not ALIAS:
                connection.execute(f"delete from news.ops.{named(table.name)}")
        # An insert of no row, before that of `fill_ops`, would have DuckDB lose that one's (ledger_transaction).
        if connection.execute("select 1 from made.ops.notice limit 1").fetchall():
            connection.execute("insert into news.ops.notice by name select * from made.ops.notice")
        fill_ops()


def _order(table: Table) -> str:
    """Rows of one article lie together, as in a whole build."""
    return "article_key" if "article_key" in table.column_names else "all"


def read_back(connection: duckdb.DuckDBPyConnection, file: Path, delta: Delta) -> None:
    """Open the written file anew and read what lies there of the scope into the catalog `after`.

    Raises AuditFailed where it is not what was to be written.
    """
    connection.execute("use ledger")
    connection.execute("detach news")
    attach_staged(connection, file, "news", block_bytes_of(connection, "previous"))
    connection.execute("attach ':memory:' as after")
    connection.execute("use after")
    connection.execute(";\n".join(create_tables(without_key=BASE_TABLES)))
    connection.execute(";\n".join(create_views()))
    for table in CHANGING:
        rows = f"select * exclude (row_id) from ({looked_at(table, 'news')})"
        connection.execute(f"insert into after.{table.qualified_name} by name {rows}")
    for table in OPS_TABLES:
        if table is not ALIAS:
            connection.execute(f"insert into after.ops.{table.name} by name select * from news.ops.{table.name}")
    differing = " union all ".join(map(_differing, CHANGING))
    counts = " union all ".join(f"select '{one.table}', count(*) from news.main.{one.table}" for one in delta.tables)
    wrong = {name for (name,) in connection.execute(differing).fetchall()}
    found = dict(connection.execute(counts).fetchall())
    wrong |= {one.table for one in delta.tables if found[one.table] != one.row_count}
    if wrong:
        raise AuditFailed("the file does not hold the rows that were written", where=", ".join(sorted(wrong)))


def _differing(table: Table) -> str:
    """Return the query that names a table where it holds other rows of the scope than were made."""
    columns, name = columns_of(table), table.qualified_name
    there, made = digest_sql(columns, f"after.{name} where {scope_of(table)}"), digest_sql(columns, f"made.{name}")
    return f"select '{table.name}' from ({there} except {made})"


def dangling_audits(delta: Delta) -> Iterator[Audit]:
    """Yield an audit for each reference to a table from which rows went: none that is left refers to one of them."""
    for table in BASE_TABLES:
        for key in (one for one in table.foreign_keys if delta.went[one.table]):
            gone = (
                f"select old.{key.to_column} from base.before_{key.table} as old "
                f"anti join made.main.{key.table} as new on new.{key.to_column} = old.{key.to_column} "
                f"where old.row_id in (select row_id from base.differing_{key.table} where not is_new)"
            )
            yield Audit(
                f"gone__{table.name}__{key.column}",
                f"select distinct referring.{key.column} from news.{table.qualified_name} as referring "
                f"semi join ({gone}) as gone on gone.{key.to_column} = referring.{key.column}",
            )
