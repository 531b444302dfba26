"""DuckDB's errors about files, in our words.

DuckDB has few classes for what is wrong with a file (a checksum that fails is a bare `duckdb.Error`), and it wraps one
error in another: a full disk comes as a fatal one, "the database has been invalidated". So its text decides, all of
it, as a long path stands before the reason; but never the paths in it, for a folder may be called anything.
"""

import re
from pathlib import Path

import duckdb

from schemas.errors import LedgerDamaged, LockedError, NewsmartError, RunFailed
from warehouse.refusals import MEND_DISK, MEND_FILES, MEND_MEMORY, known, of_rights

WAY_BACK = (
    "restore a backup with `newsmart restore`; without one, `newsmart run --full-refresh` starts a new ledger from the "
    "sources, and earlier versions, removed documents and first-seen times are lost"
)

# What DuckDB's text says when a file, not a statement, is at fault. The first kind that matches counts: what the
# system refused is never damage, though DuckDB gives the database up for it.
MARKS = {
    "disk": (
        "No space left on device",
        "Disk quota exceeded",
        "Quota exceeded",
        "File too large",
        "Read-only file system",
        "Input/output error",
        "I/O error",
        "Stale file handle",
        "max_temp_directory_size",
    ),
    "files": ("Too many open files",),
    "memory": (
        "Out of Memory Error",
        "Cannot allocate memory",
        "could not allocate",
        "ailed to allocate",
        "ailed to pin block",
        "Allocation failure",
        "bad_alloc",
    ),
    "rights": ("Permission denied", "Operation not permitted"),
    "locked": (
        "Could not set lock on file",
        "different configuration than existing connections",
        "is already attached by database",
    ),
    "newer": ("newer version of DuckDB", "newer DuckDB version"),
    "absent": ("database does not exist",),
    "damage": (
        "Corrupt database file",
        "not a valid DuckDB database file",
        "Could not read enough bytes",
        "Could not read from file",
        "ailed to deserialize",
        "Serialization Error",
        "database has been invalidated",
        "database file with version number",
    ),
}

# Errors of these classes speak of the SQL, whatever words the SQL itself has put into their text.
OF_SQL = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ConstraintException,
    duckdb.ConversionException,
    duckdb.InvalidInputException,
    duckdb.OutOfRangeException,
    duckdb.ParserException,
    duckdb.PermissionException,
    duckdb.TypeMismatchException,
)
MESSAGES: dict[str, tuple[type[NewsmartError], str, str]] = {
    "locked": (LockedError, "another program holds the database", "close the program that has it open for writing"),
    "files": (RunFailed, "too many files are open", MEND_FILES),
    "newer": (RunFailed, "a newer DuckDB wrote this file", "upgrade newsmart"),
    "absent": (RunFailed, "there is no such database yet", "run `newsmart run` first"),
    "damage": (RunFailed, "the release is damaged", "the next `newsmart run` replaces it"),
}
LONGEST_TEXT = 300
# A file as DuckDB names it, also in the JSON that it makes of an error of another thread.
_FILE = re.compile(r'"(/[^"]*?)\\?"')


def explain(error: Exception, path: Path, *, is_ledger: bool) -> NewsmartError | None:
    """Return our error for what DuckDB, or the system, says about a file; None where it speaks of the SQL instead."""
    if not isinstance(error, duckdb.Error):
        return known(error)
    if isinstance(error, OF_SQL):
        return None
    text = str(error)
    bare = _without_paths(text, path)
    kind, words = next(((kind, words) for kind, marks in MARKS.items() for words in marks if words in bare), ("", ""))
    if not kind and isinstance(error, duckdb.OutOfMemoryException):
        kind = "memory"
    if not kind and isinstance(error, duckdb.SerializationException | duckdb.FatalException):
        kind = "damage"
    where = f"{path}: {_short(text, path)}"
    if kind == "disk":
        named = _FILE.findall(text.partition(words)[0]) or [str(path)]
        return RunFailed("the disk refused", where=f"{named[-1]}: {words}", todo=MEND_DISK)
    if kind == "rights":
        return RunFailed("cannot open the database", where=f"{path}: {of_rights(path, words)}")
    if kind == "memory":
        where = _short(text, path).partition(" Possible solutions")[0]
        return RunFailed("out of memory", where=where, todo=MEND_MEMORY)
    if kind == "damage" and is_ledger:
        return LedgerDamaged("the ledger is damaged", where=where, todo=WAY_BACK)
    if kind in MESSAGES:
        error_type, what, todo = MESSAGES[kind]
        return error_type(what, where=where, todo=todo)
    return None


def _without_paths(text: str, path: Path) -> str:
    """Return a text without the names of files in it."""
    for name in (path, path.parent, path.parent.parent):
        text = text.replace(str(name), "") if len(str(name)) > 1 else text
    return " ".join(_FILE.sub('""', text).split())


def _short(text: str, path: Path) -> str:
    """Return DuckDB's text on one line, the path by its name alone, cut where it is long."""
    return " ".join(text.replace(str(path), path.name).split())[:LONGEST_TEXT]
