"""A release that was tampered with does not leave the warehouse; nor do copies of a takedown that is not finished."""

from pathlib import Path

import duckdb
import pytest

from flows.cli import main
from schemas.errors import LedgerDamaged, RunFailed
from tests.documents import make_document
from tests.newsroom import Newsroom
from warehouse.home import Home
from warehouse.ledger.opening import open_ledger, set_meta
from warehouse.ledger.packs import kept_bytes
from warehouse.ledger.tombstones import UNFINISHED
from warehouse.upkeep.backup import backup
from warehouse.upkeep.doctor import known_troubles


def _tamper(room: Newsroom) -> None:
    file = room.warehouse.resolve()
    file.chmod(0o644)
    with duckdb.connect(file) as connection:
        connection.execute("update dim_article set title = 'forged'")


def _goes_out(room: Newsroom, place: Path, capfd: pytest.CaptureFixture[str]) -> list[str]:
    """Export and back up; return the lines on stderr."""
    place.mkdir()
    for command in ("export", "backup"):
        status = main([command, "--warehouse", str(room.warehouse), "--to", str(place / command), "--quiet"])
        assert (status == 0) == (place / command).exists()
    return capfd.readouterr().err.splitlines()


def test_a_tampered_release_is_neither_exported_nor_backed_up(
    published: Newsroom, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _goes_out(published, tmp_path / "1", capfd) == []

    _tamper(published)
    lines = _goes_out(published, tmp_path / "2", capfd)
    assert ["not as it was published" in line and "`newsmart run`" in line for line in lines] == [True, True]

    published.run()
    assert _goes_out(published, tmp_path / "3", capfd) == []


def test_a_takedown_that_is_not_finished_is_not_backed_up(published: Newsroom, tmp_path: Path) -> None:
    with open_ledger(Home.of(published.warehouse)) as connection:
        set_meta(connection, UNFINISHED, "2024-01-01T00:00:00Z")

    with pytest.raises(RunFailed, match="takedown is not finished"):
        backup(Home.of(published.warehouse), tmp_path / "backup")
    published.run()
    backup(Home.of(published.warehouse), tmp_path / "backup")


def _told_of_bytes(home: Home) -> list[str]:
    return [status for name, status, _ in known_troubles(home) if name == "bytes"]


@pytest.mark.parametrize("table", ["shelf_0", pytest.param("pack", marks=pytest.mark.slow)])
def test_lost_bytes_are_told_and_a_full_refresh_stores_them_again(published: Newsroom, table: str) -> None:
    newsroom, home = published, Home.of(published.warehouse)
    with open_ledger(home) as connection:
        connection.execute(f"delete from ledger.{table}")
    newsroom.run()
    assert _told_of_bytes(home) == ["bad"]
    with pytest.raises(LedgerDamaged, match="--full-refresh"):
        backup(home, newsroom.folder.parent / "backup")

    result = newsroom.run(full_refresh=True)

    assert (result.documents["unchanged"], _told_of_bytes(home)) == (1, [])
    newsroom.run(reparse=True)
    with open_ledger(home) as connection:
        digests = [row[0] for row in connection.execute("select byte_digest from ledger.event").fetchall()]
        assert [data for _, data in kept_bytes(connection, digests)] == [make_document().encode()]
    backup(home, newsroom.folder.parent / "backup")
