"""Arrow tables that a connection reads by name, and whose rows change from batch to batch.

Registering each batch anew would keep every batch: inside a transaction DuckDB holds on to a view that was dropped,
and to what stands behind it, until the transaction ends (measured: 100,000 documents held 900 MB). So each name is
registered once, as an object that hands out what it holds at the moment when a statement scans it (the Arrow PyCapsule
interface).
"""

from collections.abc import Mapping
from contextlib import nullcontext, suppress
from secrets import token_hex
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa


class _Holder:
    """What stands behind a name: a table that can be exchanged for another of the same schema."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the table of the moment as an Arrow stream."""
        stream: object = self.table.__arrow_c_stream__(requested_schema)  # type: ignore[no-untyped-call]
        return stream


class Feed:
    """Tables under names, on one connection, for a block; afterwards the names are gone."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """In: the connection whose statements read the tables.

        `secret`, known to nobody, is the block's own; `rounds` counts how often tables were given.
        """
        self.connection = connection
        self.secret = token_hex(16)
        self.rounds = 0
        self._holders: dict[str, _Holder] = {}

    def give(self, tables: Mapping[str, pa.Table]) -> None:
        """Let each name stand for this table from now on; a name's schema is that of its first table."""
        self.rounds += 1
        for name, table in tables.items():
            if name not in self._holders:
                self._holders[name] = _Holder(table)
                self.connection.register(name, self._holders[name])
            self._holders[name].table = table

    def change(self, queries: Mapping[str, str]) -> None:
        """Let names stand for what queries make of the tables; each query sees all of them as they were."""
        made = {name: self.connection.sql(sql).to_arrow_table() for name, sql in queries.items()}
        for name, table in made.items():
            self._holders[name].table = table.cast(self._holders[name].table.schema)

    def __enter__(self) -> Self:
        """Return the feed."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the names back and let go of the rows; in a transaction that an error has broken, its end takes them."""
        for name, holder in self._holders.items():
            holder.table = holder.table.slice(0, 0)
            with suppress(duckdb.Error) if error is not None else nullcontext():
                self.connection.execute("select 1").fetchall()  # ends a result that was not read to its end
                self.connection.unregister(name)
