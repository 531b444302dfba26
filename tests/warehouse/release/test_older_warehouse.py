"""A warehouse, a backup and an export that contract version 1 made are used on as they are.

golden/warehouse_v1.tar.xz was made by the newsmart of then: two runs a day apart over a.md and b.md, then `export` and
`backup`. Nothing in it is made anew.
"""

import json
import tarfile
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.cli import main
from schemas.tables import ALL_TABLES, CONTRACT_VERSION
from tests.newsroom import A_DAY, FIRST_AS_OF, Newsroom
from tests.warehouse.export.exports import by_duckdb, export, fingerprint, manifest_of
from tests.warehouse.seed_releases import ROOT
from warehouse.contract import render_contract
from warehouse.export.place import Folder

OLD = ROOT / "tests" / "golden" / "warehouse_v1.tar.xz"


@pytest.fixture
def old(tmp_path: Path) -> Newsroom:
    """Give the old warehouse and its source; beside them `export` and `backup`."""
    with tarfile.open(OLD) as archive:
        archive.extractall(tmp_path, filter="data")
    return Newsroom(tmp_path / "news", tmp_path / "out" / "news.duckdb", FIRST_AS_OF + 2 * A_DAY)


def contract_version(newsroom: Newsroom) -> Any:
    return newsroom.one("select contract_version from ops.release")


def tables_of(newsroom: Newsroom) -> set[str]:
    rows = newsroom.query("select schema_name || '.' || table_name from duckdb_columns() where not internal")
    return {str(row[0]) for row in rows}


def test_the_next_run_gives_an_older_warehouse_the_new_tables_though_no_document_changed(old: Newsroom) -> None:
    assert contract_version(old) == 1

    assert old.run().published

    assert contract_version(old) == CONTRACT_VERSION
    assert tables_of(old) == {table.qualified_name for table in ALL_TABLES}
    assert old.one("select uncompared_reason from ops.release") == "versions"
    assert old.query("select valid_from, valid_to from mention_history where not is_current") == [
        (FIRST_AS_OF, FIRST_AS_OF + A_DAY)
    ]
    assert not old.run().published


def test_until_then_an_older_release_is_read_and_told_of(
    old: Newsroom, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--warehouse", str(old.warehouse), "--to", str(tmp_path / "news.html")]) == 0
    assert main(["query", "--warehouse", str(old.warehouse), "--recipe", "most_cited_articles"]) == 0
    capsys.readouterr()

    assert main(["contract", "--warehouse", str(old.warehouse)]) == 0
    told = capsys.readouterr()
    assert told.out == render_contract()
    assert told.err == "newsmart: the current release has no contract; this is that of the next one\n"


def test_an_older_backup_is_restored_and_run_on(old: Newsroom, tmp_path: Path) -> None:
    restored = Newsroom(old.folder, tmp_path / "restored" / "news.duckdb", old.next_as_of)
    restored.warehouse.parent.mkdir()
    assert main(["restore", "--warehouse", str(restored.warehouse), "--from", str(tmp_path / "backup")]) == 0
    assert contract_version(restored) == 1

    restored.run()

    assert contract_version(restored) == CONTRACT_VERSION


def test_an_older_export_is_read_kept_and_followed(old: Newsroom, tmp_path: Path) -> None:
    root = tmp_path / "export"
    before = manifest_of(root)
    files = [str(root / file["path"]) for table in before["tables"] for file in table["files"]]
    assert not export(old.warehouse, Folder(root)).is_new, "an export of a release without a contract is whole"
    old.run()

    assert export(old.warehouse, Folder(root)).is_new

    after = manifest_of(root)
    assert [one["folder"] for one in after["kept"]] == [before["folder"]]
    assert all(duckdb.read_parquet(file).columns for file in files)
    assert fingerprint(root, by_duckdb) == old.one("select fingerprint from ops.release")
    assert json.loads(json.dumps(after["contract"]))["path"] == f"{after['folder']}/contract.yaml"
