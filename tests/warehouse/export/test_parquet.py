"""Parquet in a folder: whole, the same in every engine, and never half."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from schemas.errors import LockedError, RunFailed, UsageError
from schemas.tables import ALL_TABLES
from tests.ledgers import lay_tables
from tests.newsroom import Newsroom
from tests.warehouse.export.exports import (
    by_duckdb,
    by_polars,
    by_pyarrow,
    export,
    fill_newsroom,
    fingerprint,
    manifest_of,
    paths,
    pretend_older,
    small_warehouse,
)
from tests.warehouse.making import run_python
from warehouse.export.parquet import write_table
from warehouse.export.place import Folder


@pytest.fixture(scope="module")
def newsroom(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """Give one newsroom to all tests here; none changes it."""
    made = Newsroom.below(tmp_path_factory.mktemp("export"))
    fill_newsroom(made)
    return made


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, newsroom: Newsroom) -> Path:
    """Give a folder with an export of the current release, which no test changes."""
    made = tmp_path_factory.mktemp("exported") / "out"
    assert export(newsroom.warehouse, Folder(made)).is_new
    return made


@pytest.fixture
def root(tmp_path: Path, exported: Path) -> Path:
    """Give a copy of it."""
    shutil.copytree(exported, tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the warehouse of a release of three tables, for what is about places and not about rows."""
    return small_warehouse(tmp_path_factory.mktemp("small"))


@pytest.fixture
def small_root(tmp_path: Path, small: Path) -> Path:
    """Give a folder with an export of it."""
    assert export(small, Folder(tmp_path / "out")).is_new
    return tmp_path / "out"


@pytest.mark.parametrize("read", [by_duckdb, by_polars, by_pyarrow])
def test_every_engine_reads_the_very_rows_of_the_release(
    root: Path, newsroom: Newsroom, read: Callable[[list[str]], object]
) -> None:
    assert fingerprint(root, read) == newsroom.one("select fingerprint from ops.release")


def test_the_manifest_tells_what_the_release_tells(root: Path, newsroom: Newsroom) -> None:
    tree = manifest_of(root)

    for table in tree["tables"]:
        assert table["row_count"] == newsroom.one(f"select count(*) from {table['schema']}.{table['name']}")
    told = {f"{one['schema']}.{one['name']}": one for one in tree["tables"] + tree["views"]}
    assert sorted(told) == sorted(table.qualified_name for table in ALL_TABLES)
    for table in ALL_TABLES:
        one = told[table.qualified_name]
        assert one["comment"] == table.comment
        assert [(column["name"], column["type"], column["comment"]) for column in one["columns"]] == [
            (column.name, column.type, column.comment) for column in table.columns
        ]
    assert tree["release_id"] == newsroom.one("select release_id from ops.release")
    assert tree["as_of"] == newsroom.one("select as_of from ops.release").isoformat() + "Z"
    assert (tree["contract_version"], tree["policy_version"]) == newsroom.query(
        "select contract_version, policy_version from ops.release"
    )[0]


def test_files_are_those_that_the_manifest_names_with_their_sizes_and_hashes(root: Path) -> None:
    named = {file["path"]: file for table in manifest_of(root)["tables"] for file in table["files"]}

    assert {path.relative_to(root).as_posix() for path in root.rglob("*.parquet")} == set(named)
    for name, file in named.items():
        content = (root / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["size"], file["sha256"])


def test_the_contract_lies_beside_the_tables_and_is_named_by_the_manifest(root: Path, newsroom: Newsroom) -> None:
    tree = manifest_of(root)
    file = root / tree["contract"]["path"]

    assert file.parent.name == tree["folder"]
    assert file.read_text(encoding="utf-8") == newsroom.one("select yaml from ops.contract")
    content = file.read_bytes()
    assert tree["contract"] == {
        "path": f"{tree['folder']}/contract.yaml",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }

    file.unlink()
    assert export(newsroom.warehouse, Folder(root)).is_new


def test_the_manifest_tells_a_key_that_duckdb_was_not_told_of(root: Path) -> None:
    keys = {table["name"]: table["primary_key"] for table in manifest_of(root)["tables"]}

    assert keys == {table.name: list(table.primary_key) for table in ALL_TABLES if table.kind != "view"}


def test_rows_lie_in_the_folder_of_their_month_and_those_without_a_date_in_one_of_their_own(root: Path) -> None:
    tables = {table["name"]: table for table in manifest_of(root)["tables"]}
    mentions = tables["fact_mention"]

    assert {file["month"] for file in mentions["files"]} == {"1999-12", "2024-02", "2024-03", "unknown"}
    for file in mentions["files"]:
        assert f"/fact_mention/month={file['month']}/" in file["path"]
        dates = duckdb.read_parquet(str(root / file["path"]), hive_partitioning=False).project("published_date_key")
        months = {None if key is None else f"{key // 10000}-{key // 100 % 100:02d}" for (key,) in dates.fetchall()}
        assert months == {None if file["month"] == "unknown" else file["month"]}
    assert {file["month"] for file in tables["article_history"]["files"]} == {"2024-01"}
    assert "partitioned_by" not in tables["dim_article"]


def test_the_views_run_over_the_files(root: Path, newsroom: Newsroom) -> None:
    tree = manifest_of(root)
    with duckdb.connect(":memory:") as connection:
        connection.execute("create schema ops")
        for table in tree["tables"]:
            connection.execute(
                f"create view {table['schema']}.{table['name']} as "
                f"from read_parquet({paths(root, table)!r}, hive_partitioning = false)"
            )
        for view in tree["views"]:
            connection.execute(view["sql"])
            order = f"from {view['name']} order by all"
            assert connection.execute(order).fetchall() == newsroom.query(order)
    assert len(tree["views"]) == 5


def test_a_table_without_rows_still_has_its_columns(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    lay_tables(connection)
    table = {"schema": "main", "name": "fact_mention", "full_name": "main.fact_mention", "comment": ""}

    ((relative, told),) = list(write_table(connection, {"release_id": "r", "fingerprint": "f"}, table, tmp_path))

    assert told == {"row_count": 0, "month": "unknown"}
    read = duckdb.read_parquet(str(tmp_path / relative), hive_partitioning=False)
    assert read.columns == [name for (name, *_) in connection.execute("describe main.fact_mention").fetchall()]


def test_the_same_release_again_writes_nothing_unless_a_file_is_gone(root: Path, newsroom: Newsroom) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}

    assert not export(newsroom.warehouse, Folder(root)).is_new
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()} == before

    next(root.rglob("dim_topic/*.parquet")).unlink()
    assert export(newsroom.warehouse, Folder(root)).is_new
    assert fingerprint(root, by_duckdb) == newsroom.one("select fingerprint from ops.release")


KILLED = """
import os, signal, sys
from pathlib import Path
from warehouse.db import Limits
from warehouse.export import parquet
from warehouse.export.place import Folder
from warehouse.export.release import export_release
copied, copy = [], parquet._copy
def dying(*arguments):
    copied.append(copy(*arguments))
    if len(copied) == 9:
        os.kill(os.getpid(), signal.SIGKILL)
    return copied[-1]
parquet._copy = dying
file, to = Path(sys.argv[1]), Path(sys.argv[2])
export_release(file, Folder(to), form="parquet", keep=3, limits=Limits(), spill_parent=to.parent)
"""


def test_an_export_that_is_killed_leaves_the_one_before_and_the_next_cleans_up(root: Path, newsroom: Newsroom) -> None:
    pretend_older(root)
    before = (root / "manifest.json").read_bytes()
    shown = fingerprint(root, by_duckdb)

    assert run_python(KILLED, newsroom.warehouse, root).returncode == -9

    folders = {path.name for path in root.iterdir() if path.is_dir()}
    assert len(folders) == 2
    assert (root / "manifest.json").read_bytes() == before
    assert fingerprint(root, by_duckdb) == shown
    done = export(newsroom.warehouse, Folder(root))
    assert done.is_new and set(done.removed) == folders - {manifest_of(root)["kept"][0]["folder"]}
    assert {path.name for path in root.iterdir() if path.is_dir()} == {done.manifest.folders[0]} | (
        folders - set(done.removed)
    )


def test_an_export_that_fails_takes_its_files_back(
    root: Path, newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_older(root)
    before = {path for path in root.rglob("*")}
    monkeypatch.setattr("warehouse.export.parquet.BY_MONTH", ("main.fact_mention",))
    monkeypatch.setattr("warehouse.export.parquet.read_sql", _without_undated)

    with pytest.raises(RunFailed, match="rows are missing in the export: fact_mention"):
        export(newsroom.warehouse, Folder(root))

    assert {path for path in root.rglob("*")} == before


def _without_undated(folder: str, name: str) -> str:
    return "select *, 1 as month_number from main.fact_mention where published_date_key is not null"


def test_the_last_exports_are_kept_for_readers_in_progress(small_root: Path, small: Path) -> None:
    folders = [manifest_of(small_root)["folder"]]
    for _ in range(3):
        pretend_older(small_root)
        folders.append(export(small, Folder(small_root)).manifest.folders[0])

    assert {path.name for path in small_root.iterdir() if path.is_dir()} == set(folders[1:])
    assert [one["folder"] for one in manifest_of(small_root)["kept"]] == [folders[2], folders[1]]


def test_a_second_export_at_once_is_refused(small_root: Path, small: Path) -> None:
    with Folder(small_root).held(), pytest.raises(LockedError, match="another export writes here"):
        export(small, Folder(small_root))


@pytest.mark.parametrize("name", ["manifest.json.tmp", "manifest.json.0123456789abcdef.tmp"])
def test_a_manifest_that_a_crash_left_half_written_is_ours(tmp_path: Path, small: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"{")
    assert export(small, Folder(tmp_path)).is_new


def test_what_is_not_ours_is_not_touched(tmp_path: Path, small: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"sun")
    with pytest.raises(UsageError, match=r"holds other things: .*holiday\.jpg"):
        export(small, Folder(tmp_path))
    (tmp_path / "manifest.json").write_text('{"name": "a web app"}', encoding="utf-8")
    with pytest.raises(UsageError, match="not one that newsmart wrote"):
        export(small, Folder(tmp_path))
    with pytest.raises(UsageError, match="not a folder"):
        export(small, Folder(tmp_path / "holiday.jpg"))
    assert {path.name for path in tmp_path.iterdir()} - {".newsmart-export.lock"} == {"holiday.jpg", "manifest.json"}


def test_a_manifest_cannot_name_a_folder_outside(small_root: Path, small: Path) -> None:
    victim = small_root.parent / "victim"
    shutil.copytree(small_root, victim)
    text = (small_root / "manifest.json").read_text(encoding="utf-8")
    (small_root / "manifest.json").write_text(text.replace('"kept": []', '"kept": [{"folder": "../victim"}]'), "utf-8")

    with pytest.raises(UsageError, match="not one that newsmart wrote"):
        export(small, Folder(small_root))


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ('"newsmart-parquet"', '"another"', "not one that newsmart wrote"),
        ('"manifest_version": 1', '"manifest_version": 2', "another version of newsmart has written the manifest"),
    ],
)
def test_a_manifest_of_another_kind_or_version_stays(
    small_root: Path, small: Path, old: str, new: str, error: str
) -> None:
    text = (small_root / "manifest.json").read_text(encoding="utf-8").replace(old, new)
    (small_root / "manifest.json").write_text(text, encoding="utf-8")

    with pytest.raises(UsageError, match=error):
        export(small, Folder(small_root))

    assert (small_root / "manifest.json").read_text(encoding="utf-8") == text
