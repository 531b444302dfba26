"""What DuckDB and the system say of files is told as what it is, whatever the path and however it is wrapped."""

import errno
import os
from pathlib import Path

import duckdb
import pytest

from schemas.errors import LedgerDamaged, LockedError, NewsmartError, RunFailed
from warehouse.explain import explain
from warehouse.refusals import known, refused

LONG = Path("/" + "/".join(["x" * 200] * 15) + "/news.duckdb.d/ledger.duckdb")
HOSTILE = Path('/srv/Corrupt database file/No space left on device/Out of Memory Error/"/ledger.duckdb')
PATHS = [Path("/w/ledger.duckdb"), LONG, HOSTILE]
IS_A_REFUSAL = {
    "No space left on device": "the disk refused",
    "Disk quota exceeded": "the disk refused",
    "File too large": "the disk refused",
    "Read-only file system": "the disk refused",
    "Input/output error": "the disk refused",
    "Too many open files": "too many files are open",
    "Cannot allocate memory": "out of memory",
}
# How DuckDB 2.0 was seen to wrap what the system says.
WRAPPED = [
    (duckdb.IOException, 'IO Error: Could not write file "{path}": {words}'),
    (duckdb.FatalException, "FATAL Error: Failed to create checkpoint because of error: Could not write file "
                            '"{path}": {words}'),
    (duckdb.TransactionException, 'TransactionContext Error: Failed to commit: Checkpoint failed for database "news". '
                                  'The database has been invalidated. Original error: Could not write file "{path}": '
                                  "{words}"),
    (duckdb.IOException, 'IO Error: Async write failed for range [offset=86, size=418]: {{"exception_type":"IO",'
                         '"exception_message":"Could not write file \\"{path}\\": {words}"}}'),
    (duckdb.FatalException, "FATAL Error: database has been invalidated because of a previous fatal error. Original "
                            'error: "Could not read from file "{path}": {words}"'),
]  # fmt: skip


def told(error: Exception, path: Path) -> NewsmartError:
    ours = explain(error, path, is_ledger=True)
    assert ours is not None
    assert len(str(ours)) < len(str(path)) + 700
    return ours


@pytest.mark.parametrize("path", PATHS, ids=["short", "long", "hostile"])
@pytest.mark.parametrize("words", IS_A_REFUSAL)
def test_what_the_system_refused_is_no_damage_however_it_is_wrapped(words: str, path: Path) -> None:
    for kind, text in WRAPPED:
        ours = told(kind(text.format(path=path, words=words)), path)
        assert type(ours) is RunFailed
        assert ours.what == IS_A_REFUSAL[words]
        assert words in str(ours) or ours.what == "out of memory"
        assert "restore a backup" not in str(ours)


@pytest.mark.parametrize("path", PATHS, ids=["short", "long", "hostile"])
def test_no_path_makes_an_error_another(path: Path) -> None:
    damage = duckdb.IOException(f'IO Error: The file "{path}" exists, but it is not a valid DuckDB database file!')
    locked = duckdb.IOException(f'IO Error: Could not set lock on file "{path}": Conflicting lock is held (PID 7)')
    assert isinstance(told(damage, path), LedgerDamaged)
    assert isinstance(told(locked, path), LockedError)
    other = duckdb.IOException(f'IO Error: Cannot do something odd with file "{path}"')
    assert explain(other, path, is_ledger=True) is None


def test_memory_is_told_as_memory() -> None:
    path = Path("/w/ledger.duckdb")
    for error in (
        duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block of size 256.0 KiB (95/95 used)"),
        duckdb.FatalException("FATAL Error: Failed to create checkpoint because of error: Failed to allocate block"),
        duckdb.TransactionException("TransactionContext Error: Failed to commit: failed to pin block of size 4.5 MiB"),
        MemoryError(),
        ImportError("libarrow.so: failed to map segment from shared object"),
    ):
        assert told(error, path).what == "out of memory"


def test_the_sql_of_a_user_is_never_taken_for_the_files_state() -> None:
    error = duckdb.CatalogException('Table with name "No space left on device" does not exist')
    assert explain(error, Path("/w/ledger.duckdb"), is_ledger=True) is None


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk refused: cannot write it: /w/x: No space left on device (free space"),
        (errno.EDQUOT, "the disk refused: cannot write it: /w/x: Disk quota exceeded (free space, raise the limit"),
        (errno.EMFILE, "too many files are open: /w/x: Too many open files (raise `ulimit -n`"),
        (errno.ENOMEM, "out of memory: /w/x"),
        (errno.EACCES, "cannot write it: /w/x: "),
        (errno.ENOTDIR, "cannot write it: /w/x: Not a directory"),
    ],
)
def test_an_error_of_the_system_is_told_as_what_it_is(number: int, words: str) -> None:
    error = OSError(number, os.strerror(number))
    assert str(refused("cannot write it", Path("/w/x"), error)).startswith(words)
    assert (known(error) is None) == (number == errno.ENOTDIR)


def test_whose_a_file_is_is_told_where_it_may_not_be_used() -> None:
    error = PermissionError(errno.EACCES, "Permission denied")
    text = str(refused("cannot write it", Path("/proc/1/nothing/there"), error))
    assert "root" in text or "Permission denied; /proc/1 is yours" in text
