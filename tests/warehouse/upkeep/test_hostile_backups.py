"""A backup or ledger that somebody else has written: SQL in it does not run, links in it lead nowhere."""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from schemas.errors import LedgerDamaged, NewsmartError, RunFailed
from tests.documents import make_document
from tests.newsroom import Newsroom
from tests.warehouse.making import files_below
from warehouse.db import ledger_connection, release_connection
from warehouse.durable import sha256_of
from warehouse.home import Home
from warehouse.ledger.opening import open_ledger
from warehouse.ledger.packs import kept_bytes
from warehouse.release.foreign import check_no_foreign_sql
from warehouse.release.releases import check_copies
from warehouse.upkeep import backup as module
from warehouse.upkeep.backup import backup
from warehouse.upkeep.restore import restore

SECRET = "a secret of the machine's"

# What is put into the ledger, and what is said of it.
FOREIGN = {
    "view": (
        "create table drift_kept as from drift; drop table drift; "
        "create view drift as select content as field, '' as source, '' as path, now()::timestamp as first_seen_at "
        "from read_text('{secret}')"
    ),
    "macro": "create macro sha256(a) as 'forged'",
    "table macro": "create macro duckdb_tables() as table select 1 as x",
    "schema": "create schema other",
    "type": "create type varchar2 as enum ('a')",
    "sequence": "create sequence s",
    "index": "create index i on meta (name)",
    "constraint": "create table checked (a int check (a > 0))",
    "computed column": "create table generated (a int, b int generated always as (a + 1))",
    "default": "alter table meta add column x double default random()",
    "trigger": "create trigger t after insert on event for each statement insert into drift from drift",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """Give a warehouse with one article, and a backup of it in the folder `backup` beside."""
    made = Newsroom.below(tmp_path_factory.mktemp("built"))
    made.write("a.md", make_document("A", "https://example.com/a"))
    made.run()
    backup(Home.of(made.warehouse), made.folder.with_name("backup"))
    return made


@pytest.fixture
def newsroom(built: Newsroom, tmp_path: Path) -> Newsroom:
    return built.copy(tmp_path)


@pytest.fixture
def warehouse(newsroom: Newsroom) -> Home:
    return Home.of(newsroom.warehouse)


@pytest.fixture
def folder(built: Newsroom, tmp_path: Path) -> Path:
    """Give a copy of the backup."""
    return Path(shutil.copytree(built.folder.with_name("backup"), tmp_path / "backup"))


def release_of(folder: Path) -> Path:
    """Return the path of the release in a backup, made writable."""
    (release,) = folder.glob("releases/*/release.duckdb")
    release.chmod(0o644)
    return release


def tamper(ledger: Path, sql: str) -> None:
    with duckdb.connect(ledger) as connection:
        connection.execute(sql)
        connection.execute("force checkpoint")


def sign(folder: Path) -> None:
    """Write the manifest anew, as whoever changed a backup would."""
    manifest = folder / "manifest.json"
    told = json.loads(manifest.read_text())
    for name, entry in told["files"].items():
        content = (folder / name).read_bytes()
        entry.update(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
    manifest.write_text(json.dumps(told))


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_ledger_that_holds_more_than_tables_is_not_opened(tmp_path: Path, kind: str, folder: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    ledger = folder / "ledger.duckdb"
    try:
        tamper(ledger, FOREIGN[kind].format(secret=secret))
    except duckdb.Error as error:
        pytest.skip(f"this DuckDB makes no such thing: {error}")
    expected = pytest.raises(LedgerDamaged, match=r"newsmart makes tables only.*restore a backup")
    with expected as caught, ledger_connection(ledger, read_only=True):
        pass
    assert SECRET not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_such_a_ledger_is_neither_restored_nor_run(
    newsroom: Newsroom, warehouse: Home, tmp_path: Path, folder: Path
) -> None:
    other = Home.of(tmp_path / "other" / "news.duckdb")
    for ledger in (folder / "ledger.duckdb", warehouse.ledger):
        tamper(ledger, FOREIGN["macro"])
    sign(folder)
    for call in (lambda: restore(folder, other), newsroom.run):
        with pytest.raises(LedgerDamaged, match="newsmart makes tables only"):
            call()
    assert files_below(tmp_path / "other") == ["lock"]


def test_a_ledger_that_lacks_a_column_is_not_restored_and_not_run(
    newsroom: Newsroom, warehouse: Home, tmp_path: Path, folder: Path
) -> None:
    for ledger in (folder / "ledger.duckdb", warehouse.ledger):
        tamper(ledger, "alter table event alter column byte_count type varchar")
    sign(folder)
    for call in (lambda: restore(folder, Home.of(tmp_path / "other" / "news.duckdb")), newsroom.run):
        with pytest.raises(LedgerDamaged, match="table event has no column byte_count of type BIGINT"):
            call()


@pytest.mark.parametrize("name", ["shelf_abc", "shelf_-1", "shelf_", "shelf_01", "shelf_1_0", "shelf_0; drop table x"])
def test_a_table_that_is_only_called_as_a_shelf_is_let_be(newsroom: Newsroom, warehouse: Home, name: str) -> None:
    tamper(warehouse.ledger, f'create table "{name}" (a int)')
    newsroom.run()


@pytest.mark.parametrize(
    ("forged", "told"),
    [
        ("no pack", "cannot be unpacked"),
        ("a bomb", "cannot be unpacked: over 16,000,000 bytes"),
        ("other bytes", "does not hold what it should"),
    ],
)
def test_a_forged_pack_is_told(warehouse: Home, forged: str, told: str) -> None:
    compress = pa.Codec("zstd").compress
    content = {"no pack": b"x", "a bomb": compress(bytes(500_000_000), asbytes=True)}.get(
        forged, compress(bytes(10_000), asbytes=True)
    )
    with open_ledger(warehouse) as connection:
        connection.execute("update shelf_0 set bytes = $content", {"content": content})
        digests = [row[0] for row in connection.execute("select byte_digest from raw").fetchall()]
        with pytest.raises(LedgerDamaged, match=told):
            list(kept_bytes(connection, digests))


def test_a_shelf_of_other_columns_is_told(newsroom: Newsroom, warehouse: Home) -> None:
    tamper(warehouse.ledger, "create table shelf_7 (pack_id bigint, bytes varchar)")
    with pytest.raises(LedgerDamaged, match="table shelf_7 has no column bytes of type BLOB"):
        newsroom.run()


def test_sql_of_the_ledgers_connection_reaches_no_other_folder(warehouse: Home, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    with open_ledger(warehouse) as connection:
        for sql in (
            f"from read_text('{secret}')",
            f"copy (select 1) to '{tmp_path}/out.csv'",
            f"attach '{tmp_path}/other.duckdb' as other",
            "set enable_external_access = true",
            "set allowed_directories = ['/']",
            "load httpfs",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(sql)
    assert not (tmp_path / "out.csv").exists()


# SQL in a release, which every reader would run with a DuckDB that may do what the reader may.
IN_A_RELEASE = {
    "a view that reads a file": "create or replace view articles as select content as title from read_text('{secret}')",
    "a view that does so only where it may": (
        "create or replace view articles as from query(case when current_setting('enable_external_access') "
        "then 'from read_text(''{secret}'')' else 'select 1 as a' end)"
    ),
    "a view over a file that is named as a table": "create or replace view articles as select * from '{secret}'",
    "a view with the file in a subquery": (
        "create or replace view articles as select (select content from read_text('{secret}')) as title"
    ),
    "a view with the file behind a WITH": (
        "create or replace view ops.more as with x as (from read_blob('{secret}')) select filename from x"
    ),
    "a view with an odd name": ("""create view "as select 1 as a -- " as select content from read_text('{secret}')"""),
    "a view in the place of a table": (
        "alter table dim_topic rename to kept; create view dim_topic as select content as topic from "
        "read_text('{secret}')"
    ),
    "a macro": "create macro upper(a) as (select content from read_text('{secret}'))",
    "a table macro": "create macro news() as table from read_text('{secret}')",
    "a schema": "create schema other",
    "a type": "create type headline as varchar",
    "a sequence": "create sequence s",
    "a computed column": "create table more (a int, b int generated always as (a + 1))",
    "a CHECK": "create table more (a int check (a > 0))",
}


@pytest.mark.parametrize("kind", IN_A_RELEASE)
def test_a_release_that_holds_sql_of_others_is_told(tmp_path: Path, kind: str, folder: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text(SECRET)
    release = release_of(folder)
    tamper(release, IN_A_RELEASE[kind].format(secret=secret))
    with pytest.raises(RunFailed, match=r"the release holds a .* of somebody else's.*manifest\.json") as caught:
        check_no_foreign_sql(release)
    assert SECRET not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_such_a_release_is_not_restored(tmp_path: Path, folder: Path) -> None:
    release, other = release_of(folder), Home.of(tmp_path / "other" / "news.duckdb")
    tamper(release, IN_A_RELEASE["a macro"].format(secret=tmp_path))
    sign(folder)
    tamper(folder / "ledger.duckdb", f"update release set sha256 = '{sha256_of(release)}'")
    sign(folder)
    with pytest.raises(RunFailed, match="the release holds a macro of somebody else's"):
        restore(folder, other)
    assert files_below(tmp_path / "other") == ["lock"]


def test_a_release_with_views_of_another_newsmart_is_restored(tmp_path: Path, folder: Path) -> None:
    release, other = release_of(folder), Home.of(tmp_path / "other" / "news.duckdb")
    tamper(release, "create view older as with a as (from articles) select a.*, unnest([1, 2]) as n from a")
    sign(folder)
    tamper(folder / "ledger.duckdb", f"update release set sha256 = '{sha256_of(release)}'")
    sign(folder)
    restore(folder, other)
    with release_connection(other.file) as connection:
        assert connection.execute("select count(*) from older").fetchall() == [(2,)]


def test_a_release_that_the_ledger_does_not_know_so_is_not_restored(
    newsroom: Newsroom, warehouse: Home, folder: Path
) -> None:
    release, other = release_of(folder), Home.of(newsroom.warehouse.with_name("other.duckdb"))
    tamper(release, "update dim_article set title = 'forged'")
    sign(folder)
    with pytest.raises(RunFailed, match=r"not as it was published.*take this release out of its manifest") as caught:
        restore(folder, other)
    assert "`newsmart run` builds one anew" in str(caught.value)
    manifest = folder / "manifest.json"
    told = json.loads(manifest.read_text())
    del told["files"][f"releases/{told['release']}/release.duckdb"]
    manifest.write_text(json.dumps({**told, "release": None}))
    restore(folder, other)
    assert other.linked_release() is None


@pytest.mark.parametrize(
    "text",
    [
        '{"version": 1, "made_at": "", "release": null, "files": [1, 2]}',
        '{"version": 1, "release": null, "made_at": 1, "files": {"ledger.duckdb": {"sha256": "", "bytes": Infinity}}}',
        '{"version": 1, "made_at": "", "release": null, "files": {"ledger.duckdb": {"sha256": "x", "bytes": NaN}}}',
        '{"version": Infinity}',
        "[" * 100_000,
        '"',
        "7",
    ],
)
def test_a_manifest_that_makes_no_sense_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(RunFailed, match=r"the backup is damaged|of a newer newsmart"):
        restore(tmp_path, Home.of(tmp_path / "other" / "news.duckdb"))


def test_a_manifest_that_lies_about_a_size_is_told(folder: Path) -> None:
    manifest = folder / "manifest.json"
    told = json.loads(manifest.read_text())
    told["files"]["ledger.duckdb"]["bytes"] = -7
    manifest.write_text(json.dumps(told))
    with pytest.raises(RunFailed, match="its bytes are not those that were copied"):
        restore(folder, Home.of(folder.with_name("other") / "news.duckdb"))


LINKED = ["ledger.duckdb", "state.json", "manifest.json", "releases", "releases/{id}", "releases/{id}/release.duckdb"]


@pytest.mark.parametrize("name", LINKED)
def test_no_link_in_a_backup_is_followed(tmp_path: Path, name: str, folder: Path) -> None:
    place = folder / name.format(id=release_of(folder).parent.name)
    place.rename(tmp_path / "moved")
    place.symlink_to(tmp_path / "moved")
    other = Home.of(tmp_path / "other" / "news.duckdb")
    with pytest.raises(NewsmartError, match="a link, which is not followed here") as caught:
        restore(folder, other)
    assert str(folder) in str(caught.value)
    assert files_below(tmp_path / "other") == ([] if name == "manifest.json" else ["lock"])


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_is_no_file_is_not_waited_for(kind: str, folder: Path) -> None:
    (folder / "state.json").unlink()
    (os.mkfifo if kind == "pipe" else os.mkdir)(folder / "state.json")
    with pytest.raises(RunFailed, match=r"state\.json: not a file"):
        restore(folder, Home.of(folder.with_name("other") / "news.duckdb"))


def test_a_log_in_a_backup_is_left_there(tmp_path: Path, folder: Path) -> None:
    (folder / "ledger.duckdb.wal").write_bytes(b"forged")
    other = Home.of(tmp_path / "other" / "news.duckdb")
    restore(folder, other)
    assert list(other.folder.rglob("*.wal")) == []


def test_what_is_put_in_place_is_the_copy_that_was_judged(
    warehouse: Home, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    judge = check_copies

    def judge_then_swap(*arguments: Any) -> None:
        judge(*arguments)
        tamper(folder / "ledger.duckdb", "create view v as select 1")

    wanted = sha256_of(folder / "ledger.duckdb")
    monkeypatch.setattr(module, "check_known", judge_then_swap)
    restore(folder, warehouse, force=True)
    assert sha256_of(warehouse.ledger) == wanted
    assert list(warehouse.temp.iterdir()) == []


def test_what_is_wrong_is_told_of_the_backup_and_not_of_its_copy(tmp_path: Path, folder: Path) -> None:
    tamper(folder / "ledger.duckdb", FOREIGN["macro"])
    sign(folder)
    with pytest.raises(LedgerDamaged, match=re.escape(str(folder / "ledger.duckdb"))):
        restore(folder, Home.of(tmp_path / "other" / "news.duckdb"))


def test_what_is_told_over_several_lines_is_told_of_a_restore_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    def refuse(*_: object) -> None:
        raise RunFailed("wrong", detail="here\n^")

    monkeypatch.setattr(module, "check_known", refuse)
    with pytest.raises(RunFailed, match="wrong") as caught:
        restore(folder, Home.of(tmp_path / "other" / "news.duckdb"))
    assert caught.value.detail == "here\n^"


@pytest.mark.parametrize("name", ["lock", "ledger.duckdb", "state.json", "releases", "tmp", "prefect"])
def test_no_link_in_the_warehouses_folder_is_followed(
    newsroom: Newsroom, warehouse: Home, tmp_path: Path, name: str
) -> None:
    place, target = warehouse.folder / name, tmp_path / "target"
    if place.exists():
        place.rename(target)
    else:
        target.mkdir()
    place.symlink_to(target)
    before = target.read_bytes() if target.is_file() else sorted(target.rglob("*"))
    with pytest.raises(RunFailed, match=f"a link in the warehouse's folder is not followed: .*{name}"):
        newsroom.run()
    assert before == (target.read_bytes() if target.is_file() else sorted(target.rglob("*")))


def test_a_lock_that_is_another_file_too_is_not_truncated(newsroom: Newsroom, warehouse: Home, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    warehouse.lock.unlink()
    os.link(victim, warehouse.lock)
    with pytest.raises(RunFailed, match="has another name too"):
        newsroom.run()
    assert victim.read_text() == "mine"


def test_a_release_that_is_a_link_is_replaced_by_the_next_run(
    newsroom: Newsroom, warehouse: Home, tmp_path: Path
) -> None:
    release = warehouse.release_file(str(warehouse.linked_release()))
    release.rename(tmp_path / "moved")
    release.symlink_to(tmp_path / "moved")
    assert newsroom.run().published
    assert not warehouse.file.resolve().is_symlink()
    assert warehouse.file.resolve() != tmp_path / "moved"


def test_a_ledger_of_an_older_format_is_opened_still(warehouse: Home) -> None:
    with ledger_connection(warehouse.ledger) as connection:
        connection.execute("update meta set value = '1' where name = 'format_version'")
    with pytest.raises(duckdb.Error), open_ledger(warehouse):
        pass
