"""The committed data dictionary is what the declarations give, tells of everything, and its diagram and SQL hold."""

import difflib
import re
from pathlib import Path

import pytest

from schemas.declarations import Table
from schemas.tables import ALL_TABLES, BASE_TABLES
from tests.warehouse.seed_releases import make_release
from warehouse.db import release_connection
from warehouse.dictionary import PATH, join_sql, render_diagram, render_dictionary

REFERENCE = re.compile(r'    (\w+) (\|\||\|o)--(o\{|o\|) (\w+) : "(\w+)"')
ENTITY = re.compile(r"    (\w+) \{")
ATTRIBUTE = re.compile(r"        [A-Z]+ (\w+) (PK|FK|PK, FK)")
SHORTEST_MEANING = 8
PAGE = PATH.read_text(encoding="utf-8")


def test_the_committed_page_is_what_the_declarations_give() -> None:
    committed, rendered = PAGE, render_dictionary(PAGE)
    changes = difflib.unified_diff(committed.splitlines(), rendered.splitlines(), "committed", "rendered", lineterm="")
    assert committed == rendered, "run python -m warehouse.dictionary\n" + "\n".join(changes)


@pytest.mark.parametrize("table", ALL_TABLES, ids=[table.name for table in ALL_TABLES])
def test_each_table_tells_its_grain_and_every_column(table: Table) -> None:
    page = render_dictionary(PAGE)
    heading = f"### {table.qualified_name if table.schema == 'ops' else table.name}\n"
    assert page.count(heading) == 1
    section = page.split(heading)[1].split("\n### ")[0]
    assert section.startswith(f"\n**One row per {table.grain}.** {table.description}\n")
    rows = re.findall(r"^\| `(\w+)` \| ([A-Z]+) \| (\w*) \| (required|) \| (.+) \|$", section, re.MULTILINE)
    expected = [
        (column.name, column.type, column.unit or "", "" if column.is_nullable else "required", column.description)
        for column in table.columns
    ]
    assert rows == expected


def test_every_link_of_the_contents_leads_to_a_heading() -> None:
    page = render_dictionary(PAGE)
    anchors = {heading.replace(".", "") for heading in re.findall(r"^### (.+)$", page, re.MULTILINE)}
    links = set(re.findall(r"\]\(#([\w-]+)\)", page))
    assert links == anchors


def test_the_diagram_is_well_formed_and_holds_every_table_and_reference() -> None:
    first, *lines = render_diagram().splitlines()
    assert first == "erDiagram"
    references = [match.groups() for line in lines if (match := REFERENCE.fullmatch(line))]
    entities = [match[1] for line in lines if (match := ENTITY.fullmatch(line))]
    others = [line for line in lines if not (REFERENCE.fullmatch(line) or ENTITY.fullmatch(line))]
    assert all(line == "    }" or ATTRIBUTE.fullmatch(line) for line in others)
    assert others.count("    }") == len(entities)
    assert entities == [table.name for table in BASE_TABLES]
    told = [(parent, child, column) for parent, _, _, child, column in references]
    assert told == [(key.table, table.name, key.column) for table in BASE_TABLES for key in table.foreign_keys]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release("a_day_later", tmp_path_factory.mktemp("dictionary"))


def test_the_joins_run_as_they_stand_and_neither_lose_nor_repeat_a_row(file: Path) -> None:
    with release_connection(file) as connection:
        for table in ALL_TABLES:
            alone = connection.execute(f"select count(*) from {table.qualified_name}").fetchone()
            joined = connection.execute("select count(*)\n" + "\n".join(join_sql(table))).fetchone()
            assert joined == alone, table.name


def test_a_release_carries_the_same_comments(file: Path) -> None:
    with release_connection(file) as connection:
        found = connection.execute(
            "select schema_name, table_name, column_name, comment from duckdb_columns() where not internal"
        ).fetchall()
        tables = connection.execute(
            "select schema_name, table_name, comment from duckdb_tables() "
            "union all select schema_name, view_name, comment from duckdb_views() where not internal"
        ).fetchall()
    assert set(found) == {(t.schema, t.name, column.name, column.comment) for t in ALL_TABLES for column in t.columns}
    assert set(tables) == {(table.schema, table.name, table.comment) for table in ALL_TABLES}


@pytest.mark.parametrize("table", ALL_TABLES, ids=[table.name for table in ALL_TABLES])
def test_a_reader_of_only_the_comments_is_told_what_null_means(table: Table) -> None:
    assert table.comment.startswith("One row per ")
    for column in table.columns:
        assert column.description.endswith(".")
        assert len(column.description) >= SHORTEST_MEANING
        assert column.is_nullable == ("NULL" in column.description), f"{table.name}.{column.name}"
