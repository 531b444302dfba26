"""The kept bytes in the ledger: finding them in their packs, and freeing packs of what nothing refers to.

The format of a pack is schemas/packs.py. A row of `raw` says where the bytes of one digest lie. Dropping that row is
what a takedown or a pruning does; the bytes themselves go when `free` packs what is left anew.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import duckdb
import pyarrow as pa

from schemas.batches import PACKS, SLICES, table_of_rows
from schemas.packs import Pack, Slice, repack, unpack


def kept_bytes(connection: duckdb.DuckDBPyConnection, digests: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield digest and bytes of the kept documents among these, pack by pack; one pack is held at a time."""
    connection.register("wanted", pa.table({"byte_digest": pa.array(digests, pa.binary())}))
    rows = connection.execute(_WANTED).fetchall()
    connection.unregister("wanted")
    for pack_id, slices in groupby((Slice(*row) for row in rows), key=lambda slice_: slice_.pack_id):
        data = unpack(_content(connection, pack_id))
        for slice_ in slices:
            yield slice_.byte_digest, data[slice_.first : slice_.first + slice_.byte_count]


_WANTED = """
    select byte_digest, pack_id, first, byte_count
    from ledger.raw
    where byte_digest in (select byte_digest from wanted)
    order by pack_id, first
"""


def free(connection: duckdb.DuckDBPyConnection) -> int:
    """Pack anew what is left of packs that hold bytes which nothing refers to; return how many packs that were.

    The caller opens the transaction, and compacts the file afterwards, as deleted rows stay in it.
    """
    loose = [int(row[0]) for row in connection.execute(_LOOSE).fetchall()]
    for pack_id in loose:
        rows = connection.execute("select * from ledger.raw where pack_id = $1 order by first", [pack_id]).fetchall()
        slices, packs = repacked([Pack(pack_id, 0, _content(connection, pack_id))], [Slice(*row) for row in rows])
        connection.execute("delete from ledger.raw where pack_id = $1", [pack_id])
        connection.execute("delete from ledger.pack where pack_id = $1", [pack_id])
        for name, table in (("raw", slices), ("pack", packs)):
            connection.register("renewed", table)
            connection.execute(f"insert into ledger.{name} by name select * from renewed")
            connection.unregister("renewed")
    return len(loose)


_LOOSE = """
    select pack.pack_id
    from ledger.pack as pack
    left join ledger.raw as raw on raw.pack_id = pack.pack_id
    group by pack.pack_id
    having coalesce(sum(raw.byte_count), 0) < any_value(pack.byte_count)
    order by pack.pack_id
"""


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
    row = connection.execute("select bytes from ledger.pack where pack_id = $1", [pack_id]).fetchone()
    return b"" if row is None else row[0]
