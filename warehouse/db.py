"""The only module that opens DuckDB, so that every connection has the same safe settings.

A bare connection installs and loads extensions by itself, reads Python variables as tables, spills into `.tmp` of
the current folder and loads secrets from the home folder. None of that is wanted here, so each is switched off, by
name, and a test reads every setting back.

Nothing of ours leaves a write-ahead log: `auto_checkpoint_skip_wal_threshold` 0 makes each commit a checkpoint, which
swaps the file's header atomically. Measured on 2.0.0, a commit costs the same 2 ms, the ledger is always one file
(a backup copies one file, and its mode 0600 covers all of it), and a release never has a `.wal` beside it. Rejected:
`RECOVERY_MODE no_wal_writes`, which makes a commit last only until the next crash.

SQL that somebody else wrote runs in a sandbox. `enable_external_access = false` alone is none: DuckDB still lets SQL
read and write the opened file, its `.wal` and the spill folder. So the local file system is disabled as well, once the
file is open; DuckDB goes on reading through the descriptor that it has. What is lost is spilling: a query that needs
more than its memory ends. Rejected: a second sandbox with a folder to spill into, on a hard link that is gone once the
file is open. Its SQL reaches that folder, and no query on a release has needed it.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from schemas.errors import LedgerDamaged, RunFailed
from warehouse import interrupts
from warehouse.durable import check_no_link, fsync
from warehouse.explain import WAY_BACK, explain
from warehouse.owners import PRIVATE_MODE, give_to_warehouse
from warehouse.refusals import refusing
from warehouse.spill import spill_folder
from warehouse.sql_files import read_sql

SAFE_SETTINGS: dict[str, str | bool | int] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_extension_repositories": "forbidden",
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,
    "auto_checkpoint_skip_wal_threshold": 0,
    "wal_autocheckpoint": "0B",
    # Metadata that a second commit leaves where the first one put it makes a file unreadable for DuckDB 1.2 and 1.3.
    "experimental_metadata_reuse": False,
}

# Settings that DuckDB refuses at connect. It draws a progress bar on stdout when it takes the process for interactive.
SESSION_SETTINGS = {"TimeZone": "UTC", "enable_progress_bar": "false", "enable_progress_bar_print": "false"}

# What shuts SQL in. DuckDB takes them in this order only.
NO_EXTERNAL_ACCESS = "set enable_external_access = false"
NO_FILES = "set disabled_filesystems = 'LocalFileSystem'"
NO_SETTINGS = "set lock_configuration = true"
# What runs change all the same, on the ledger's connection.
CHANGEABLE = (
    "memory_limit",
    "max_memory",
    "schema",
    "search_path",
    "debug_force_external",
    "threads",
    "worker_threads",
)

# The rows of a row group are compressed as soon as they are together; those of one begun wait, uncompressed, for the
# commit, which lets one thread do it. DuckDB keeps this size only where the file is attached and not opened.
LEDGER_ROW_GROUP_ROWS = 30_720


@dataclass(frozen=True, slots=True)
class Limits:
    """What a connection may use; None leaves DuckDB's default (80 % of memory, every core, no time limit)."""

    memory: str | None = None
    threads: int | None = None
    seconds: float | None = None


NO_LIMITS = Limits()


@contextmanager
def ledger_connection(
    path: Path, *, read_only: bool = False, spill_parent: Path | None = None, limits: Limits = NO_LIMITS
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the ledger for the block; it is made, empty and 0600, where it is absent and may be written.

    It is attached, and names are looked up in it first; a cursor of the connection has to `use` it by itself.
    SQL reaches the folders of releases and of temporary files beside it and no other, so that a ledger that somebody
    else has written brings in nothing. Raises LedgerDamaged, with the way back, when it does not open, holds more than
    tables, or a checksum fails inside the block; LockedError when another program has it open; RunFailed when the disk
    is full or not to be written, or it is a link.
    """
    with ExitStack() as stack:
        stack.enter_context(_explained(path, is_ledger=True))
        check_no_link(path)
        spill = stack.enter_context(spill_folder(spill_parent or path.parent / "tmp"))
        if not read_only:
            _make_private(path, spill)
        connection = stack.enter_context(_opened(":memory:", False, spill, limits))
        attach_ledger(connection, path, path.stem, read_only=read_only)
        # The ledger's SQL reaches the folders in which runs build and compact.
        folders = ", ".join(quoted(str(path.parent.resolve() / name)) for name in ("releases", "tmp"))
        connection.execute(f"set allowed_directories = [{folders}]")
        connection.execute(f"set allowed_configs = [{', '.join(map(quoted, CHANGEABLE))}]")
        connection.execute(NO_EXTERNAL_ACCESS)
        connection.execute(NO_SETTINGS)
        for kind, name, _ in foreign(connection, path.stem):
            what = f"the ledger holds a {kind} of somebody else's: newsmart makes tables only"
            raise LedgerDamaged(what, where=f"{path}: {name[:100]!r}", todo=WAY_BACK)
        # Not before it is known to be ours: a macro in it could stand for a function that is called above.
        connection.execute(f"use {named(path.stem)}")
        yield connection


def attach_ledger(connection: duckdb.DuckDBPyConnection, path: Path, alias: str, *, read_only: bool = False) -> None:
    """Attach a ledger, or a new file that is to be one. Every one that writes it has to come this way: see above."""
    access = "read_only" if read_only else f"row_group_size {LEDGER_ROW_GROUP_ROWS}"
    connection.execute(f"attach {quoted(str(path))} as {named(alias)} ({access})")


def foreign(connection: duckdb.DuckDBPyConnection, catalog: str) -> list[tuple[str, str, str | None]]:
    """Return what a catalog holds beside tables of plain columns: kind, name; SQL of a view, kind of a constraint."""
    return connection.execute(read_sql("ledger", "foreign"), {"catalog": catalog}).fetchall()


@contextmanager
def memory_connection(
    spill_parent: Path | None = None, *, limits: Limits = NO_LIMITS
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory for the block; without `spill_parent` it spills nothing.

    Raises RunFailed when the disk is full or not to be written.
    """
    with ExitStack() as stack:
        stack.enter_context(_explained(spill_parent or Path("memory"), is_ledger=False))
        spill = None if spill_parent is None else stack.enter_context(spill_folder(spill_parent))
        yield stack.enter_context(_opened(":memory:", False, spill, limits))


@contextmanager
def release_connection(
    path: Path, *, sandboxed: bool = False, spill_parent: Path | None = None, limits: Limits = NO_LIMITS
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a release read-only for the block, following the link.

    `sandboxed` shuts SQL in: no file (the release's own included), network, extension or setting can be reached from
    it. Nothing is spilled then: a query that needs more than its memory ends. Raises RunFailed when it is absent or
    damaged, LockedError when a program has it open for writing.
    """
    _check_no_log(path)
    with ExitStack() as stack:
        stack.enter_context(_explained(path, is_ledger=False))
        spill = None if sandboxed else stack.enter_context(spill_folder(spill_parent))
        connection = stack.enter_context(_opened(path.resolve(), True, spill, limits))
        if sandboxed:
            # The order is DuckDB's: it would look at the file's path to switch external access off.
            for statement in (NO_EXTERNAL_ACCESS, NO_FILES, NO_SETTINGS):
                connection.execute(statement)
        yield connection


def _check_no_log(path: Path) -> None:
    """Raise RunFailed where a `.wal` lies beside a release: DuckDB would show what it says to every reader."""
    log = path.resolve().with_name(path.resolve().name + ".wal")
    if os.path.lexists(log):
        todo = "`newsmart run` replaces it"
        raise RunFailed("the release is not as it was published: a log lies beside it", where=str(log), todo=todo)


def limit_memory(connection: duckdb.DuckDBPyConnection, limit: str) -> None:
    """Change how much memory an open connection may use, such as `350MB`."""
    connection.execute(f"set memory_limit = {quoted(limit)}")


def quoted(text: str) -> str:
    """Return the text as an SQL string literal; ATTACH takes no parameter."""
    return "'" + text.replace("'", "''") + "'"


def named(name: str) -> str:
    """Return the name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _settings(spill: Path | None, limits: Limits) -> dict[str, str | bool | int | float | list[str]]:
    chosen = {
        "temp_directory": "" if spill is None else str(spill),
        "memory_limit": limits.memory,
        "threads": limits.threads,
        "max_execution_time": None if limits.seconds is None else max(1, round(limits.seconds * 1000)),
    }
    return {**SAFE_SETTINGS, **{name: value for name, value in chosen.items() if value is not None}}


def _make_private(path: Path, spill: Path) -> None:
    """Make an absent ledger: in the private folder, then moved, so that it is never open to others and never half."""
    with refusing("cannot make the ledger private", path):
        if not path.exists():
            new = spill / path.name
            duckdb.connect(new, config=_settings(spill, NO_LIMITS)).close()
            give_to_warehouse(new, path.parent, PRIVATE_MODE)
            new.rename(path)
            fsync(path.parent)
        elif os.geteuid() == 0 or path.stat().st_mode & ~PRIVATE_MODE & 0o777:
            give_to_warehouse(path, path.parent, PRIVATE_MODE)


@contextmanager
def _opened(
    database: Path | str, read_only: bool, spill: Path | None, limits: Limits
) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(database, read_only=read_only, config=_settings(spill, limits))
    interrupts.watch(connection)
    try:
        for name, value in SESSION_SETTINGS.items():
            connection.execute(f"set {name} = {quoted(value)}")
        yield connection
        interrupts.check()
    except (RuntimeError, duckdb.InterruptException) as error:
        # The driver swallows what a signal's handler raises during a statement (Ctrl-C: KeyboardInterrupt), and raises
        # a RuntimeError instead. Where an alarm is set (time limits of Prefect and pytest) it may have been that.
        is_ctrl_c = str(error) == "Query interrupted" and not callable(signal.getsignal(signal.SIGALRM))
        if interrupts.is_pending() or is_ctrl_c:
            raise interrupts.error() from error
        raise
    finally:
        connection.close()


@contextmanager
def _explained(path: Path, *, is_ledger: bool) -> Iterator[None]:
    """Turn errors of DuckDB and of the system about the file into ours; errors of SQL pass as they are."""
    try:
        yield
    except (duckdb.Error, MemoryError, OSError) as error:
        # An OSError of a reader's may be of the place to which it writes what it has read.
        is_told_elsewhere = isinstance(error, OSError) and not is_ledger
        ours = None if is_told_elsewhere else explain(error, path, is_ledger=is_ledger)
        if ours is None:
            raise
        raise ours from error
