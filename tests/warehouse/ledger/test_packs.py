"""Packs on shelves: a run adds to the last one, finds what it looks for on any, and frees what nothing refers to."""

from collections.abc import Iterator
from hashlib import sha256

import duckdb
import pytest

from schemas.batches import PACKS, SLICES, table_of_rows
from schemas.errors import LedgerDamaged
from schemas.packs import Packer
from tests.ledgers import memory_ledger
from warehouse.ledger import packs
from warehouse.ledger.feed import Feed


@pytest.fixture
def ledger() -> Iterator[duckdb.DuckDBPyConnection]:
    with memory_ledger() as connection:
        yield connection


def keep(connection: duckdb.DuckDBPyConnection, *documents: bytes) -> list[bytes]:
    packer = Packer()
    for document in documents:
        packer.add(sha256(document).digest(), document)
    packer.close()
    with Feed(connection) as feed:
        feed.give({"slices": table_of_rows(packer.slices, SLICES), "packs": table_of_rows(packer.packs, PACKS)})
        connection.execute("insert into ledger.raw by name select * from slices")
        packs.store(connection)
    return [one.byte_digest for one in packer.slices]


def shelves(connection: duckdb.DuckDBPyConnection) -> list[tuple[int, int]]:
    return connection.execute("select shelf, count(*) from ledger.pack group by shelf order by shelf").fetchall()


def test_a_full_shelf_is_left_alone(ledger: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "SHELF_BYTES", 6)
    digests = [digest for text in (b"one", b"two", b"three", b"four") for digest in keep(ledger, text)]

    assert shelves(ledger) == [(0, 2), (1, 2)]
    found = dict(packs.kept_bytes(ledger, digests))
    assert [found[digest] for digest in digests] == [b"one", b"two", b"three", b"four"]


def test_a_pack_that_is_there_is_not_put_there_again(ledger: duckdb.DuckDBPyConnection) -> None:
    keep(ledger, b"one", b"two")
    keep(ledger, b"one", b"two")
    assert shelves(ledger) == [(0, 1)]


def test_what_nothing_refers_to_is_freed(ledger: duckdb.DuckDBPyConnection) -> None:
    one, two = keep(ledger, b"one", b"two")
    gone = keep(ledger, b"gone")
    ledger.execute("delete from ledger.raw where byte_digest in ($1, $2)", [one, gone[0]])

    assert packs.free(ledger) == 2
    assert packs.free(ledger) == 0
    assert shelves(ledger) == [(0, 1)]
    assert ledger.execute("select count(*) from ledger.shelf_0").fetchall() == [(1,)]
    assert dict(packs.kept_bytes(ledger, [one, two, *gone])) == {two: b"two"}


def test_bytes_that_are_missing_are_told(ledger: duckdb.DuckDBPyConnection) -> None:
    digests = keep(ledger, b"one")
    ledger.execute("delete from ledger.shelf_0")
    with pytest.raises(LedgerDamaged, match="not in the ledger"):
        dict(packs.kept_bytes(ledger, digests))


def test_a_shelf_that_was_emptied_is_filled_again(ledger: duckdb.DuckDBPyConnection) -> None:
    gone = keep(ledger, b"gone")
    ledger.execute("delete from ledger.raw")
    assert packs.free(ledger) == 1

    kept = keep(ledger, b"kept")
    assert shelves(ledger) == [(0, 1)]
    assert dict(packs.kept_bytes(ledger, [*gone, *kept])) == {kept[0]: b"kept"}
