"""The kept bytes in the ledger: finding them in their packs, and freeing packs of what nothing refers to.

The format of a pack is schemas/packs.py. A row of `raw` says where the bytes of one digest lie. Dropping that row is
what a takedown or a pruning does; the bytes themselves go when `free` packs what is left anew.

Packs lie on shelves, tables of a bounded size, because DuckDB writes the last rows of a table anew with every row that
is added, up to a row group of them: in one table, each run would write the bytes of the whole archive again (measured:
77 MB for one row after 150 packs of 500 kB).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from itertools import groupby

import duckdb
import pyarrow as pa

from schemas.batches import PACKS, SLICES, table_of_rows
from schemas.errors import LedgerDamaged
from schemas.packs import Pack, Slice, repack, unpack
from warehouse.explain import WAY_BACK
from warehouse.ledger.feed import Feed
from warehouse.ledger.opening import SHELF_PREFIX, is_shelf, table_names
from warehouse.sql_files import read_sql

# What a shelf takes before the next is begun, in bytes of the documents; compressed they are a fifth of it and less.
SHELF_BYTES = 128_000_000
# How a notice of lost packs begins, by which the doctor knows it.
LOST = "the ledger has lost the bytes of"


def kept_bytes(connection: duckdb.DuckDBPyConnection, digests: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield digest and bytes of the kept documents among these, pack by pack; one pack is held at a time."""
    connection.register("wanted", pa.table({"byte_digest": pa.array(digests, pa.binary())}))
    rows = connection.execute(read_sql("ledger", "kept_slices")).fetchall()
    connection.unregister("wanted")
    for pack_id, slices in groupby((Slice(*row) for row in rows), key=lambda slice_: slice_.pack_id):
        with _damage(pack_id):
            data = unpack(_content(connection, pack_id))
        for slice_ in slices:
            document = data[slice_.first : slice_.first + slice_.byte_count]
            if sha256(document).digest() != slice_.byte_digest:
                raise LedgerDamaged(f"pack {pack_id} of the ledger does not hold what it should", todo=WAY_BACK)
            yield slice_.byte_digest, document


@contextmanager
def _damage(pack_id: int) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise LedgerDamaged(
            f"pack {pack_id} of the ledger cannot be unpacked", where=str(error), todo=WAY_BACK
        ) from error


def free(connection: duckdb.DuckDBPyConnection) -> int:
    """Pack anew what is left of packs that hold bytes which nothing refers to; return how many packs that were.

    The caller opens the transaction, and compacts the file afterwards, as deleted rows stay in it.
    """
    loose = [int(row[0]) for row in connection.execute(read_sql("ledger", "loose_packs")).fetchall()]
    for pack_id in loose:
        rows = connection.execute("select * from ledger.raw where pack_id = $1 order by first", [pack_id]).fetchall()
        with _damage(pack_id):
            slices, packs = repacked([Pack(pack_id, 0, _content(connection, pack_id))], [Slice(*row) for row in rows])
        connection.execute("delete from ledger.raw where pack_id = $1", [pack_id])
        connection.execute(f"delete from ledger.{_shelf_of(connection, pack_id)} where pack_id = $1", [pack_id])
        connection.execute("delete from ledger.pack where pack_id = $1", [pack_id])
        connection.register("renewed", slices)
        connection.execute("insert into ledger.raw by name select * from renewed")
        connection.unregister("renewed")
        with Feed(connection) as feed:
            feed.give({"packs": packs})
            store(connection)
    return len(loose)


def _shelves(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """Return the numbers of the shelves that there are, also of those that no pack speaks of."""
    return sorted(int(name.removeprefix(SHELF_PREFIX)) for name in table_names(connection) if is_shelf(name))


def lost(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """Return the ids of packs that rows of `raw` speak of and that are not on their shelf; none in a sound ledger."""
    rows = connection.execute(
        "select pack_id, any_value(pack.shelf) from ledger.raw left join ledger.pack using (pack_id) group by pack_id"
    ).fetchall()
    there = {
        (pack_id, number)
        for number in _shelves(connection)
        for (pack_id,) in connection.execute(f"select pack_id from ledger.{_shelf(number)}").fetchall()
    }
    return sorted(int(row[0]) for row in rows if row not in there)


def forget_lost(connection: duckdb.DuckDBPyConnection) -> int:
    """Forget the lost packs and what they held, so that the bytes of files that are still there are stored again.

    Out: how many runs of bytes were lost. The caller opens the transaction, and has all files read in it or later.
    """
    ids = lost(connection)
    if not ids:
        return 0
    rows = connection.execute("select count(*) from ledger.raw where pack_id in $1", [ids]).fetchall()
    # A file that is not known is read whole.
    connection.execute(
        "delete from ledger.file_state where byte_digest in (select byte_digest from ledger.raw where pack_id in $1)",
        [ids],
    )
    for table in ("raw", "pack", *map(_shelf, _shelves(connection))):
        connection.execute(f"delete from ledger.{table} where pack_id in $1", [ids])
    return int(rows[0][0])


def store(connection: duckdb.DuckDBPyConnection) -> None:
    """Put the packs that the connection knows as `packs` (schemas/batches.py) on the last shelf, or on a new one.

    Only those that a row of `raw` speaks of, and that are on no shelf yet.
    """
    wanting = [int(row[0]) for row in connection.execute(read_sql("ledger", "unstored_packs")).fetchall()]
    if not wanting:
        return
    shelves = connection.execute(
        "select shelf, sum(byte_count) from ledger.pack group by shelf order by shelf"
    ).fetchall()
    number, byte_count = shelves[-1] if shelves else (-1, SHELF_BYTES)
    if byte_count >= SHELF_BYTES:
        number += 1
        # It may stand there empty, when what it held was freed. Packs are compressed already.
        connection.execute(
            f"create table if not exists ledger.{_shelf(number)} "
            "(pack_id bigint not null, bytes blob not null using compression uncompressed)"
        )
    connection.execute(
        f"insert into ledger.{_shelf(number)} by name select pack_id, bytes from packs where pack_id in $1", [wanting]
    )
    connection.execute(
        "insert into ledger.pack by name select pack_id, byte_count, $2 as shelf from packs where pack_id in $1",
        [wanting, number],
    )


def _shelf(number: int) -> str:
    return f"{SHELF_PREFIX}{number:d}"


def _shelf_of(connection: duckdb.DuckDBPyConnection, pack_id: int) -> str:
    rows = connection.execute("select shelf from ledger.pack where pack_id = $1", [pack_id]).fetchall()
    if not rows:
        raise LedgerDamaged(f"the ledger knows no pack {pack_id}", todo=WAY_BACK)
    return _shelf(int(rows[0][0]))


def repacked(packs: Iterable[Pack], slices: Sequence[Slice]) -> tuple[pa.Table, pa.Table]:
    """Return the tables of slices and packs that hold these slices of these packs, and nothing else of them."""
    made: list[Pack] = []
    placed: list[Slice] = []
    for pack in packs:
        for new, places in repack(pack.content, [slice_ for slice_ in slices if slice_.pack_id == pack.pack_id]):
            made.append(new)
            placed += places
    return table_of_rows(placed, SLICES), table_of_rows(made, PACKS)


def _content(connection: duckdb.DuckDBPyConnection, pack_id: int) -> bytes:
    shelf = _shelf_of(connection, pack_id)
    rows = connection.execute(f"select bytes from ledger.{shelf} where pack_id = $1", [pack_id]).fetchall()
    if not rows:
        raise LedgerDamaged(f"the bytes of pack {pack_id} are not in the ledger", todo=WAY_BACK)
    content: bytes = rows[0][0]
    return content
