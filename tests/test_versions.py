"""Whoever changes what a version stands for raises its number: old warehouses are brought up to date by it alone."""

import json

import duckdb
import pytest

from tests.versions import FOLDER, VERSIONS, columns, golden
from warehouse.ledger.opening import FORMAT_VERSION
from warehouse.sql_files import define_macros, read_sql, sql_names

SHOWN = 20


@pytest.mark.parametrize("name", VERSIONS)
def test_what_a_version_stands_for_changes_with_its_number(name: str) -> None:
    version, lines, where = VERSIONS[name]
    file = golden(name, version)
    assert file.exists(), f"{file.name} is missing: run `python -m tests.versions`"
    before, now = ([*map(unordered, said)] for said in (file.read_text(encoding="utf-8").splitlines(), lines()))
    gone, new = [line for line in before if line not in set(now)], [line for line in now if line not in set(before)]
    # A golden URL more changes nothing of what was.
    new = [] if name == "policy" and not gone else new
    changed = "\n".join([f"- {line[:300]}" for line in gone[:SHOWN]] + [f"+ {line[:300]}" for line in new[:SHOWN]])
    assert not changed, f"raise {where}, then run `python -m tests.versions`; this is other than before:\n{changed}"


def unordered(line: str) -> str:
    """Return a line in which the order of an entry's columns, which means nothing, makes no difference."""
    name, tab, said = line.rpartition("\t")
    return name + tab + json.dumps(json.loads(said), sort_keys=True) if said.startswith("[[") else line


def test_a_ledger_of_each_format_is_migrated_to_the_next() -> None:
    known = sorted(int(file.stem.rpartition("_")[2]) for file in FOLDER.glob("format_*.txt"))
    assert known[-1] == FORMAT_VERSION
    for version in known[:-1]:
        step = f"migrate_{version}"
        assert step in sql_names("ledger"), f"{step}.sql is missing"
        with duckdb.connect() as connection:
            connection.execute("attach ':memory:' as ledger; use ledger")
            define_macros(connection)
            make_tables(connection, golden("format", version).read_text(encoding="utf-8").splitlines())
            connection.execute(read_sql("ledger", step))
            wanted = golden("format", version + 1).read_text(encoding="utf-8").splitlines()
            assert columns(connection) == wanted, f"{step}.sql does not lead to format {version + 1}"


def make_tables(connection: duckdb.DuckDBPyConnection, lines: list[str]) -> None:
    """Make the tables of a format."""
    tables: dict[str, list[str]] = {}
    for line in lines:
        table, name, kind, is_required = line.split("\t")
        tables.setdefault(table, []).append(f'"{name}" {kind}{is_required}')
    for table, parts in tables.items():
        connection.execute(f'create table "{table}" ({", ".join(parts)})')
