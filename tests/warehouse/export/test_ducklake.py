"""DuckLake: the job that the writer is given, what it does to tables, and what is said where it cannot work.

The writer's statements are tried here on DuckDB itself, in which a second database stands for the lake; with the
extension and a PostgreSQL catalog they are tried by `python -m tests.proofs.ducklake`.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.cli import main
from schemas.errors import LockedError, NewsmartError, RunFailed, UsageError
from tests.proofs.lake_environment import make_python
from tests.warehouse.export.exports import LIMITS, TOPICS, small_warehouse
from warehouse.db import release_connection
from warehouse.export import ducklake_writer
from warehouse.export.contents import read_contents
from warehouse.export.ducklake import Lake, explained, export_ducklake, make_job, parse_lake
from warehouse.export.ducklake_writer import Stop

JOB = dict[str, Any]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_warehouse(tmp_path_factory.mktemp("export"))


@pytest.fixture(scope="module")
def job(file: Path) -> JOB:
    """Give the job of an export of the small release, as the writer reads it."""
    with release_connection(file) as connection:
        contents = read_contents(connection)
    made: JOB = json.loads(json.dumps(make_job(file, contents, Lake("lake.db", None), "tmp", "1GB")))
    return made


@pytest.fixture
def lake(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection with the release as `news`, which can be changed here, and an empty database as `lake`."""
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"attach '{file.resolve()}' as origin (read_only)")
        connection.execute("attach ':memory:' as news")
        connection.execute("copy from database origin to news")
        connection.execute("attach ':memory:' as lake")
        connection.execute("create schema lake.ops")
        yield connection


def put_all(lake: duckdb.DuckDBPyConnection, job: JOB) -> dict[str, tuple[int, int]]:
    """Bring every table of the lake up to the release; return how many rows were deleted and inserted in each."""
    found = ducklake_writer.lake_columns(lake)
    return {table["name"]: ducklake_writer.put_table(lake, table, found) for table in job["tables"]}


def test_only_rows_that_differ_are_written(lake: duckdb.DuckDBPyConnection, job: JOB) -> None:
    assert put_all(lake, job) == {"dim_topic": (0, 2), "release": (0, 1)}
    assert put_all(lake, job) == {"dim_topic": (0, 0), "release": (0, 1)}

    lake.execute("update news.dim_topic set topic = 'ML' where topic_key = 1")
    lake.execute("insert into news.dim_topic values (3, 'new')")
    assert put_all(lake, job)["dim_topic"] == (1, 2)

    lake.execute("delete from news.dim_topic where topic_key = 2")
    assert put_all(lake, job)["dim_topic"] == (1, 0)
    assert lake.execute("from lake.dim_topic order by all").fetchall() == [(1, "ML"), (3, "new")]


def test_a_table_whose_columns_are_others_now_is_made_anew(lake: duckdb.DuckDBPyConnection, job: JOB) -> None:
    lake.execute("create table lake.dim_topic as select 1 as topic_key")

    assert put_all(lake, job)["dim_topic"] == (0, 2)

    assert lake.execute("from lake.dim_topic order by all").fetchall() == TOPICS


def test_a_lake_that_would_not_hold_the_release_is_not_committed(lake: duckdb.DuckDBPyConnection, job: JOB) -> None:
    put_all(lake, job)
    lake.execute("insert into news.dim_topic values (3, 'new')")
    (table,) = (one for one in job["tables"] if one["name"] == "dim_topic")

    # One row twice: it belongs there, so no comparison removes it; only the count and the hash tell.
    lake.execute("insert into lake.dim_topic values (3, 'new'), (3, 'new')")
    with pytest.raises(Stop, match=r"main\.dim_topic"):
        ducklake_writer.put_table(lake, table, ducklake_writer.lake_columns(lake))


def test_comments_and_views_are_kept(lake: duckdb.DuckDBPyConnection, job: JOB) -> None:
    table = {**job["tables"][0], "comment": 'It\'s a "table"'}
    view = {
        "schema": "main",
        "name": "topics",
        "comment": "One row per topic.",
        "sql": "create view topics as select topic from main.dim_topic",
        "columns": [{"name": "topic", "comment": "The topic."}],
    }
    ducklake_writer.put_table(lake, table, {})
    for _ in range(2):
        ducklake_writer.make_views(lake, [view])

    asked = "select comment from duckdb_{}() where database_name = 'lake' and not internal"
    assert lake.execute(asked.format("tables")).fetchall() == [('It\'s a "table"',)]
    assert lake.execute(asked.format("views")).fetchall() == [("One row per topic. Columns: topic: The topic.",)]
    assert lake.execute("from lake.topics order by all").fetchall() == [("AI",), ("x,'y",)]


def test_a_release_that_is_there_is_known_and_tables_of_others_are_not_touched(
    lake: duckdb.DuckDBPyConnection, job: JOB
) -> None:
    assert not ducklake_writer.is_there(lake, {}, job)
    with pytest.raises(Stop, match=r"main\.dim_topic"):
        ducklake_writer.is_there(lake, {"main.dim_topic": []}, job)
    put_all(lake, job)
    found = ducklake_writer.lake_columns(lake)

    assert ducklake_writer.is_there(lake, found, job)
    assert not ducklake_writer.is_there(lake, found, {**job, "fingerprint": "another"})


def test_a_catalog_is_a_file_or_postgres() -> None:
    assert parse_lake("ducklake:/a/lake.db", "/b") == Lake("/a/lake.db", "/b/")
    for text in ("ducklake:postgres:dbname=x", "postgresql:dbname=x"):
        assert parse_lake(text, None) == Lake("postgres:dbname=x connect_timeout=15", None)
    assert parse_lake("postgresql://me@host/x", None) == Lake("postgres:postgresql://me@host/x", None)
    for wrong in ("", "mysql://x", "ducklake:", "ducklake:sqlite:x.db", "mysql:host=x"):
        with pytest.raises(UsageError, match="not a DuckLake catalog"):
            parse_lake(wrong, None)
    with pytest.raises(UsageError, match="go to a folder"):
        parse_lake("lake.db", "s3://bucket")


@pytest.mark.parametrize(
    "to",
    [
        "postgres:dbname=x password=geheim",
        "ducklake:postgresql://me:geheim@host/x",
        "postgres:PASSWORD = geheim",
        "postgres://me:geheim/er@host/x",
        "postgres://me:sehr geheim@host/x",
    ],
)
def test_a_password_is_refused_and_not_repeated(to: str, file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status = main(["export", "--warehouse", str(file), "--to", to, "--format", "ducklake"])
    said = capfd.readouterr().err

    assert status == 2
    assert "geheim" not in said and "PGPASSWORD" in said


def test_an_interpreter_without_the_extension_says_what_to_install(
    file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    to = str(tmp_path / "lake.db")
    status = main(["export", "--warehouse", str(file), "--to", to, "--format", "ducklake"])
    (line,) = capfd.readouterr().err.splitlines()

    assert status == 2
    assert line.startswith("newsmart: the interpreter for DuckLake cannot load what it needs: ")
    assert "uv pip install --python lake-env duckdb==1.5.5 duckdb-extension-ducklake;" in line
    assert list(tmp_path.iterdir()) == []


def test_an_interpreter_that_is_none_or_has_no_duckdb_is_told(file: Path, tmp_path: Path) -> None:
    def export(python: str) -> None:
        lake = Lake(str(tmp_path / "lake.db"), None)
        export_ducklake(file, lake, python=python, limits=LIMITS, spill_parent=tmp_path)

    with pytest.raises(UsageError, match="cannot run the interpreter for DuckLake: /no/python"):
        export("/no/python")
    with pytest.raises(RunFailed, match="the writer for DuckLake ended: /bin/false"):
        export("/bin/false")
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nexec "{getattr(sys, "_base_executable", sys.executable)}" -S "$@"\n', encoding="utf-8")
    bare.chmod(0o755)
    with pytest.raises(UsageError, match=r"duckdb, .*bare"):
        export(str(bare))


@pytest.mark.parametrize(
    ("kind", "error", "status"),
    [("taken", LockedError, 3), ("foreign", UsageError, 2), ("differs", RunFailed, 1), ("attach", RunFailed, 1)],
)
def test_what_the_writer_tells_has_its_exit_status(kind: str, error: type[NewsmartError], status: int) -> None:
    told = explained({"error": kind, "text": "long " * 100 + "the cause"}, Lake("x", None))

    assert type(told) is error and told.exit_status == status
    assert kind == "taken" or "the cause" in str(told)


# As DuckDB 1.5.5 tells it, blank for blank.
SERVER = (
    'IO Error: Failed to attach DuckLake MetaData "__ducklake_metadata_lake" at path + "{0}"'
    'Unable to connect to Postgres at "{1}": '
)


@pytest.mark.parametrize("name", ["lake", "x" * 400])
def test_a_server_that_is_not_there_is_told_by_its_cause_alone(name: str) -> None:
    lake = parse_lake(f"postgres:host=db port=1 dbname={name} user=me", None)
    why = 'connection to server at "db", port 1 failed: Connection refused Is the server running on that host?'
    text = SERVER.format(lake.catalog, lake.catalog.removeprefix("postgres:")) + why

    told = explained({"error": "attach", "text": text}, lake)

    assert (type(told), str(told)) == (RunFailed, f"cannot open the lake: {why}")


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ("dbname=x geheim", 'missing "=" after "geheim" in connection info string'),
        ("//me@host:gehe/im", 'invalid integer value "gehe" for connection option "port"'),
        ("//me@ho st gehe im", 'unexpected spaces found in "gehe im", use percent-encoded spaces (%20) instead'),
    ],
)
def test_an_address_that_cannot_be_read_is_not_repeated(rest: str, why: str) -> None:
    lake = parse_lake(f"postgres:{rest}", None)
    text = SERVER.format(lake.catalog, lake.catalog.removeprefix("postgres:")) + why

    told = explained({"error": "attach", "text": text}, lake)

    assert told.exit_status == 2
    assert "gehe" not in str(told)


def test_a_file_that_is_no_catalog_is_told_without_the_way_there() -> None:
    lake = Lake("/x/plain.txt", None)
    why = 'The file "/x/plain.txt" exists, but it is not a valid DuckDB database file!'
    text = f'IO Error: Failed to attach DuckLake MetaData "__ducklake_metadata_lake" at path + "/x/plain.txt"{why}'

    assert str(explained({"error": "attach", "text": text}, lake)) == f"cannot open the lake: {why}"


@pytest.mark.parametrize("make", [lambda path: path.write_text('{"a": 1}'), Path.mkdir, os.mkfifo])
def test_a_catalog_in_the_place_of_something_else_is_wrong_usage(
    file: Path, tmp_path: Path, make: Callable[[Path], object], capfd: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "lake.json"
    make(place)
    status = main(["export", "--warehouse", str(file), "--to", str(place), "--format", "ducklake"])
    assert status == 2
    assert capfd.readouterr().err.startswith("newsmart: the catalog's place is taken by something else: ")


def test_a_catalog_that_another_program_has_open_is_exit_3() -> None:
    text = (
        'IO Error: Failed to attach "lake.db": Could not set lock on file "lake.db": Conflicting lock is held in PID 1'
    )
    told = explained({"error": "attach", "text": text}, Lake("lake.db", None))

    assert isinstance(told, LockedError) and str(told).startswith("another program has the lake open: lake.db")


@pytest.mark.slow  # it installs another DuckDB, 60 MB with its extensions, and starts it four times
def test_a_lake_in_a_file_takes_a_release_once(file: Path, tmp_path: Path) -> None:
    python = str(make_python(tmp_path / "environment"))
    lake = parse_lake(str(tmp_path / "lake.db"), str(tmp_path / "files"))

    def export() -> tuple[bool, int, int]:
        _, done = export_ducklake(file, lake, python=python, limits=LIMITS, spill_parent=tmp_path)
        return done["is_new"], done["snapshot_id"], done["inserted"]

    assert [export(), export()] == [(True, 1, 3), (False, 1, 0)]
    assert len(list((tmp_path / "files").rglob("*.parquet"))) == 2
