"""Releases outside the run's way: one as of any time, and one built again to check the one that is published.

Both start from the ledger alone, so that they prove what a run claims: that a release is a pure function of events.
"""

import shutil
from contextlib import closing
from datetime import datetime
from pathlib import Path

import duckdb

from schemas.errors import UsageError
from schemas.text import is_utf8
from warehouse.durable import check_place, fsync
from warehouse.explain import explain
from warehouse.home import Home
from warehouse.release import changes, ops
from warehouse.release.build import Built
from warehouse.release.catalog import attach_release
from warehouse.release.fingerprint import TableFingerprint, fingerprint_tables
from warehouse.release.making import Making
from warehouse.spill import spill_folder

KEEP_RUNS = 10_000


def build_to(connection: duckdb.DuckDBPyConnection, home: Home, as_of: datetime, target: Path) -> Built:
    """Build a release as of a time into a file that does not exist, audited, whole or not at all.

    Raises UsageError where the file exists or its folder does not, AuditFailed where the release breaks an audit.
    """
    if target.exists() or target.is_symlink():
        raise UsageError("the file to build exists already", where=str(target), todo="choose another --to")
    check_place(target)
    if not is_utf8(str(target)):
        raise UsageError("the path is not UTF-8", where=ascii(str(target)), todo="choose another --to")
    with spill_folder(target.parent) as folder:
        # The ledger's connection reaches its own folders only; from there the file is moved, or copied to another disk.
        ((spill,),) = connection.execute("select current_setting('temp_directory')").fetchall()
        made = build_audited(connection, home, as_of, Path(str(spill)) / target.name)
        shutil.move(Path(str(spill)) / target.name, folder / target.name)
        fsync(folder / target.name)
        (folder / target.name).rename(target)
    fsync(target.parent)
    return made


def build_audited(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    as_of: datetime,
    file: Path,
    release_id: str | None = None,
    uncompared: str = changes.AS_OF,
) -> Built:
    """Build a release into a file, and audit it. It is compared with none, for the reason given. Raises AuditFailed."""

    def fill_ops(_: Built) -> None:
        ops.fill_ops(connection, KEEP_RUNS, as_of)

    name = release_id or f"build-{as_of:%Y%m%dT%H%M%S.%f}Z"
    with closing(Making(connection, home, file, name, as_of, fill_ops, uncompared, uncompared)) as making:
        making.deduplicate()
        built = making.load()
        making.audit()
    return built


def _published_tables(connection: duckdb.DuckDBPyConnection, file: Path) -> tuple[TableFingerprint, ...]:
    try:
        attach_release(connection, file, "published")
        return fingerprint_tables(connection, "published")
    except duckdb.Error as error:
        raise explain(error, file, is_ledger=False) or error from error
    finally:
        connection.execute("use ledger")
        connection.execute("detach database if exists published")


def compare_release(
    connection: duckdb.DuckDBPyConnection, home: Home, release_id: str, as_of: datetime
) -> tuple[tuple[TableFingerprint, ...], list[dict[str, object]]]:
    """Build a published release again and compare it, as it lies on the disk, table by table.

    Out: the fingerprints of the rebuild, and the tables that differ, with how many rows each has. There is no audit: a
    ledger that was tampered with is to be told by its tables. Raises RunFailed where the published file is damaged.
    """
    with spill_folder(home.temp) as folder:
        file, reason = folder / "rebuilt.duckdb", changes.AS_OF
        whole = Making(connection, home, file, "rebuilt", as_of, lambda _: None, reason, reason)
        with closing(whole):
            whole.deduplicate()
            rebuilt = whole.load().tables
    published = _published_tables(connection, home.release_file(release_id))
    differences = [
        {"table": ours.table, "published_rows": theirs.row_count, "rebuilt_rows": ours.row_count}
        for ours, theirs in zip(rebuilt, published, strict=True)
        if ours != theirs
    ]
    return rebuilt, differences
