"""Exports the current release to a DuckLake, by a writer that runs under an interpreter of its own.

DuckLake is an extension of DuckDB, and extensions are built for one version of it; there is none for the version that
newsmart runs on. Releases are written so that DuckDB from 1.2 on reads them, so an older DuckDB beside this one can do
it: `ducklake_writer.py`, whose interpreter the user names. It takes its job on stdin.
"""

import json
import os
import re
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import LockedError, NewsmartError, RunFailed, UsageError
from warehouse.db import Limits, release_connection
from warehouse.export import ducklake_writer
from warehouse.export.contents import Contents, Record, read_contents
from warehouse.release.fingerprint import digest_sql
from warehouse.spill import spill_folder

PREFIX = "ducklake:"
POSTGRES = re.compile(r"postgres(?:ql)?:(?P<rest>.*)", re.DOTALL)
# What libpq takes for a secret: a key of its connection strings, or a URL's user:password@; a password that is not
# written as a URL wants it, with a slash or a blank in it, is one too.
SECRET = re.compile(r"\b(?:password|passwd|pwd|sslpassword)\s*=|//[^@]*:[^@]*@", re.IGNORECASE)
# DuckLake knows other catalogs than files by such a beginning, so no file is called so.
OTHER_CATALOGS = re.compile(r"[a-z0-9+]+:", re.IGNORECASE)
# How libpq speaks of an address that it cannot read: it repeats a part, whatever that is.
UNREADABLE = re.compile(r"connection option|connection info string|\bURI\b|percent-encoded")
LONGEST_TEXT = 250
CATALOGS = "a file, or ducklake:postgres:dbname=… host=…"
CONNECT_TIMEOUT = "connect_timeout=15"
INSTALL = (
    "uv venv lake-env && uv pip install --python lake-env duckdb==1.5.5 {wheels}; "
    "then --ducklake-python lake-env/bin/python"
)


@dataclass(frozen=True, slots=True)
class Lake:
    """A DuckLake: its catalog as DuckLake names it, and where its files lie (None: it knows)."""

    catalog: str
    data_path: str | None

    @property
    def is_postgres(self) -> bool:
        """Whether the catalog is a PostgreSQL database, not a file."""
        return self.catalog.startswith("postgres:")

    @property
    def extensions(self) -> list[str]:
        """The extensions of DuckDB that it needs."""
        return ["ducklake", "postgres_scanner"] if self.is_postgres else ["ducklake"]


def parse_lake(target: str, data_path: str | None) -> Lake:
    """Return the lake that is meant.

    In: `[ducklake:]postgres:…` with a libpq connection string, or `[ducklake:]FILE`; the folder of the Parquet files.
    Raises UsageError for anything else, and for a password, which would be seen by all who list processes.
    """
    text = target.removeprefix(PREFIX)
    if SECRET.search(text):
        raise UsageError(
            "a password does not belong in the address of a catalog",
            todo="use PGPASSWORD, a .pgpass file or a pg_service.conf",
        )
    postgres = POSTGRES.fullmatch(text)
    if postgres is None and (not text or OTHER_CATALOGS.match(text)):
        raise UsageError("not a DuckLake catalog", where=text, todo=CATALOGS)
    catalog = _postgres(postgres["rest"]) if postgres else str(Path(text).absolute())
    if data_path is not None and "://" in data_path:
        raise UsageError("the files of a DuckLake go to a folder", where=data_path)
    return Lake(catalog, None if data_path is None else f"{Path(data_path).absolute()}/")


def _postgres(rest: str) -> str:
    """Return the catalog's address; a server that does not answer is given up after 15 s where nothing else is said."""
    if rest.startswith("//"):
        return f"postgres:postgresql:{rest}"
    return f"postgres:{rest}" if "connect_timeout" in rest else f"postgres:{rest} {CONNECT_TIMEOUT}"


def export_ducklake(
    release: Path, lake: Lake, *, python: str, limits: Limits, spill_parent: Path
) -> tuple[Contents, Record]:
    """Make the lake show the release that the file shows, as one snapshot.

    In: the interpreter that runs the writer. Out: what the release is, and what the writer tells: `is_new` (False where
    the lake showed the release already), `snapshot_id`, `changed` tables, rows `deleted` and `inserted`.
    Raises UsageError where the interpreter or its extension is not there or the lake holds tables that are not ours;
    LockedError where another export was faster; RunFailed for all else. The lake is as it was then.
    """
    _check_catalog(lake)
    file = release.resolve()
    with release_connection(file, spill_parent=spill_parent) as connection:
        contents = read_contents(connection)
    with spill_folder(spill_parent) as spill:
        outcome = run_writer(python, make_job(file, contents, lake, str(spill), limits.memory or "1GB"))
    if "error" in outcome:
        raise explained(outcome, lake)
    return contents, outcome


def _check_catalog(lake: Lake) -> None:
    """Raise UsageError where the catalog is a file of something else.

    DuckDB attaches some (.json) as tables in memory: an export would say that it is done, and nothing would be kept.
    """
    path = Path(lake.catalog)
    if lake.is_postgres or not path.exists():
        return
    is_file, head = path.is_file(), b""
    if is_file:
        with suppress(OSError), path.open("rb") as file:
            head = file.read(12)
    if not is_file or (head and head[8:] != b"DUCK"):
        raise UsageError("the catalog's place is taken by something else", where=str(path), todo="name another file")


def make_job(file: Path, contents: Contents, lake: Lake, spill: str, memory: str) -> Record:
    """Return the writer's job."""
    return {
        "parent": os.getpid(),
        "release": str(file),
        "release_id": contents.release["release_id"],
        "fingerprint": contents.release["fingerprint"],
        "catalog": lake.catalog,
        "data_path": lake.data_path,
        "extensions": lake.extensions,
        "memory": memory,
        "spill": spill,
        "tables": [{**table, "digest": digest_sql(_types(table), "$source")} for table in contents.tables],
        "views": contents.views,
    }


def _types(table: Record) -> list[tuple[str, str]]:
    return [(column["name"], column["type"]) for column in table["columns"]]


def run_writer(python: str, job: Record) -> Record:
    """Run the writer and return what it tells. It ends when this process does. Raises UsageError, RunFailed."""
    command = [python, "-I", ducklake_writer.__file__]
    try:
        done = subprocess.run(command, input=json.dumps(job), capture_output=True, text=True, check=False)
        outcome: Record = json.loads(done.stdout)
    except OSError as error:
        raise UsageError("cannot run the interpreter for DuckLake", where=f"{python}: {error.strerror}") from error
    except ValueError as error:
        last = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        if "No module named 'duckdb'" in last:
            raise _without_extension(f"duckdb, {python}", ["ducklake"]) from error
        raise RunFailed("the writer for DuckLake ended", where=f"{python}: {last[:200]}") from error
    return outcome


def explained(outcome: Record, lake: Lake) -> NewsmartError:
    """Return our error for what the writer tells."""
    kind, text = str(outcome["error"]), cause(str(outcome["text"]), lake)
    if kind == "extension":
        return _without_extension(text.split(": ")[0], lake.extensions)
    if kind == "foreign":
        todo = "name another catalog; newsmart writes into a lake of its own"
        return UsageError("the lake holds a table of this name that newsmart did not make", where=text, todo=todo)
    if kind == "taken":
        return LockedError("another export was written into the lake meanwhile", todo="export again")
    if kind == "attach" and "Could not set lock" in str(outcome["text"]):
        todo = "a catalog in a file is for one program at a time; PostgreSQL serves many"
        return LockedError("another program has the lake open", where=lake.catalog, todo=todo)
    if kind == "attach" and lake.is_postgres and UNREADABLE.search(text):
        return UsageError("the catalog's address is none that PostgreSQL's library reads", todo=CATALOGS)
    if kind == "differs":
        return RunFailed("the lake would not hold what the release does", where=text)
    return RunFailed("cannot open the lake" if kind == "attach" else "the export to DuckLake failed", where=text)


def cause(text: str, lake: Lake) -> str:
    """Return the end of a nested error of DuckDB, which is its cause, without the catalog's address of PostgreSQL.

    DuckLake and the extension for PostgreSQL each repeat the address in quotes before the cause.
    """
    text = " ".join(text.split())
    address = " ".join(lake.catalog.split())
    own = address.removeprefix("postgres:").strip()
    _, is_nested, rest = text.partition(f'at path + "{address}"')
    text = rest if is_nested else text
    if lake.is_postgres and own:
        text = text.rpartition(f'{own}": ')[2].replace(own, "…")
    return text if len(text) <= LONGEST_TEXT else "… " + text[-LONGEST_TEXT:].partition(" ")[2]


def _without_extension(where: str, extensions: list[str]) -> UsageError:
    wheels = " ".join(f"duckdb-extension-{name.replace('_', '-')}" for name in extensions)
    return UsageError(
        "the interpreter for DuckLake cannot load what it needs", where=where, todo=INSTALL.format(wheels=wheels)
    )
