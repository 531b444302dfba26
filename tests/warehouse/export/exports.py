"""Releases with something odd in every table that an export tells apart, and exports read back as a reader does."""

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

from tests.documents import make_document, make_mention
from tests.newsroom import Newsroom
from tests.warehouse.making import make_home
from warehouse.db import Limits, memory_connection
from warehouse.export.release import Exported, Format, Place, export_release
from warehouse.release.catalog import attach_staged, create_tables
from warehouse.release.fingerprint import TableFingerprint, combine, digest_sql
from warehouse.release.publish import publish, stage

LIMITS = Limits(memory="300MB", threads=1)
Tree = dict[str, Any]
TOPICS = [(1, "AI"), (2, "x,'y")]


def fill_newsroom(newsroom: Newsroom) -> None:
    """Run twice, over documents with and without dates, in several months, with text that quoting could break."""
    related = [
        make_mention("No date", "https://other.example/no-date"),
        make_mention(
            'It\'s "quoted" – ü \N{GREEN BOOK}; $1\\', "https://other.example/old", publishedDateTime="1999-12-31"
        ),
        make_mention("Leap", "https://other.example/leap", publishedDateTime="2024-02-29T23:59:59.123456Z", quality=7),
    ]
    newsroom.write("one.md", make_document(related=related, publishedDateTime="2024-03-01", topics=["AI", "x,'y"]))
    newsroom.write("two.md", make_document("Two", "https://example.com/two", heat=-1, colour="red"))
    newsroom.run()
    newsroom.write("two.md", make_document("Two, again", "https://example.com/two", heat=4))
    newsroom.run()


def pretend_older(root: Path) -> None:
    """Let the manifest say that it shows another release than it does: a run costs a second, this does not."""
    tree = manifest_of(root)
    (root / "manifest.json").write_text(json.dumps({**tree, "release_id": "an older one"}), encoding="utf-8")


def small_warehouse(folder: Path) -> Path:
    """Return the warehouse FILE of a release of three tables, made without a run, for tests of places."""
    home, release_id = make_home(folder), "20240101T000000.000000Z-abcdef"
    with memory_connection(folder) as connection:
        attach_staged(connection, stage(home, release_id), "news")
        connection.execute("use news")
        for statement in create_tables():
            if "create schema" in statement or any(f'"{name}"' in statement for name in ("release", "dim_topic")):
                connection.execute(statement)
        connection.execute("insert into dim_topic values (?, ?), (?, ?)", [*TOPICS[0], *TOPICS[1]])
        connection.execute(
            "insert into ops.release by name select $1 as release_id, now()::timestamp as as_of, as_of as built_at, "
            "1 as contract_version, 1 as policy_version, 1 as rules_version, 0 as document_count, 0 as article_count, "
            "0 as mention_count, 'f' as fingerprint, 'whole' as build_kind",
            [release_id],
        )
        connection.execute("use memory")
        connection.execute("detach news")
    publish(home, release_id)
    return home.file


def export(file: Path, place: Place, keep: int = 3, form: Format = "parquet") -> Exported:
    """Export a warehouse's current release."""
    return export_release(file, place, form=form, keep=keep, limits=LIMITS, spill_parent=file.parent)


def manifest_of(root: Path) -> Tree:
    """Return the manifest of an export."""
    tree: Tree = json.loads((root / "manifest.json").read_bytes())
    return tree


def paths(root: Path, table: Mapping[str, Any]) -> list[str]:
    """Return the paths of a table's files."""
    return [str(root / file["path"]) for file in table["files"]]


def by_duckdb(files: list[str]) -> duckdb.DuckDBPyRelation:
    return duckdb.read_parquet(files, hive_partitioning=False)


def by_polars(files: list[str]) -> object:
    import polars

    return polars.read_parquet(files, hive_partitioning=False).to_arrow()


def by_pyarrow(files: list[str]) -> object:
    import pyarrow.parquet

    return pyarrow.parquet.read_table(files, partitioning=None)


def fingerprint(root: Path, read: Callable[[list[str]], object]) -> str:
    """Return the fingerprint of the tables of schema main as another engine has read them."""
    tree = manifest_of(root)
    told = []
    with closing(duckdb.connect(":memory:", config={"threads": 1})) as connection:
        for table in tree["tables"]:
            if table["schema"] != "main":
                continue
            rows: Any = read(paths(root, table))
            connection.register(
                "rows_read", rows.to_arrow_table() if isinstance(rows, duckdb.DuckDBPyRelation) else rows
            )
            columns = [(column["name"], column["type"]) for column in table["columns"]]
            ((count, digest),) = connection.execute(digest_sql(columns, "rows_read")).fetchall()
            assert count == table["row_count"]
            told.append(TableFingerprint(table["name"], count, f"{digest:032x}"))
    return combine(declared(told))


def declared(told: list[TableFingerprint]) -> tuple[TableFingerprint, ...]:
    """Return the fingerprints in the order of declaration, which the release's is made in."""
    from schemas.tables import BASE_TABLES

    by_name = {one.table: one for one in told}
    return tuple(by_name[table.name] for table in BASE_TABLES)
