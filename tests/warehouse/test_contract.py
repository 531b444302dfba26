"""The contract is what the declarations give, what validators accept and what was promised; changes are told."""

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.cli import main
from schemas.declarations import fact, optional, required
from schemas.tables import ALL_TABLES, CONTRACT_VERSION
from tests.documents import make_document
from tests.environments import python_with
from tests.newsroom import Newsroom
from tests.warehouse.compare_contracts import Changes, compare_contracts
from tests.warehouse.contract_golden import path_of, published
from tests.warehouse.seed_releases import make_release
from warehouse.contract import relationships, render_contract
from warehouse.db import release_connection

Tree = dict[str, Any]


def rendered() -> Tree:
    """Return today's contract, parsed."""
    tree: Tree = yaml.load(render_contract(), Loader=yaml.CSafeLoader)
    return tree


def test_the_contract_is_the_one_that_was_published() -> None:
    """Additions may go into the version's file; whatever breaks consumers needs a new version."""
    found = compare_contracts(published(CONTRACT_VERSION), rendered())

    assert found.breaks == (), "raise CONTRACT_VERSION and publish it: python -m tests.warehouse.contract_golden"
    assert found == Changes(), "publish the additions: python -m tests.warehouse.contract_golden"
    assert path_of(CONTRACT_VERSION).read_text(encoding="utf-8") == render_contract()


@pytest.mark.parametrize("version", range(1, CONTRACT_VERSION))
def test_nothing_that_was_promised_has_gone(version: int) -> None:
    """What a version broke: narrower integers, and what a row is of two lists that people look through."""
    found = compare_contracts(published(version), published(version + 1))

    assert found.additions
    others = {text for text in found.breaks if not text.endswith(": physicalType was BIGINT, is INTEGER")}
    assert {text.partition(":")[0] for text in others} == {"match_candidate", "alias"}
    assert all("dataGranularityDescription was" in text for text in others)


def test_every_table_and_column_is_in_it_with_grain_key_unit_and_references() -> None:
    tables = {one["name"]: one for one in rendered()["schema"]}

    assert list(tables) == [table.name for table in ALL_TABLES]
    for table in ALL_TABLES:
        one = tables[table.name]
        assert one["dataGranularityDescription"] == f"One row per {table.grain}."
        assert [column["name"] for column in one["properties"]] == list(table.column_names)
        for column, declared in zip(one["properties"], table.columns, strict=True):
            assert (column["physicalType"], column["required"]) == (declared.type, not declared.is_nullable)
            assert [one["value"] for one in column.get("customProperties", [])] == [declared.unit] * bool(declared.unit)
    mention = {one["name"]: one for one in tables["fact_mention"]["properties"]}
    assert mention["position"]["primaryKeyPosition"] == 2
    spans = tables["mention_history"]["properties"]
    audited = {one["primaryKeyPosition"]: one["name"] for one in spans if one.get("primaryKey")}
    assert [audited[place] for place in (1, 2, 3, 4)] == ["article_key", "document_key", "role", "valid_from"]
    assert mention["article_key"]["relationships"] == [{"type": "foreignKey", "to": "dim_article.article_key"}]
    assert not any("primaryKey" in one for one in tables["topic_daily"]["properties"]), "its date may be NULL"


ONE = fact("t", "t", "T.", (required("k", "BIGINT", "K."), optional("v", "INTEGER", "V.", "points")), ("k",))


def altered(change: Callable[[Tree], None]) -> tuple[Tree, Tree]:
    """Return a small contract, and one that was changed."""
    old: Tree = yaml.safe_load(render_contract((ONE,), 1))
    new = copy.deepcopy(old)
    change(new)
    return old, new


def column(tree: Tree, place: int) -> Tree:
    """Return a column of the contract's only table."""
    found: Tree = tree["schema"][0]["properties"][place]
    return found


# A change, what it adds and what it breaks; the other way round it does the opposite.
CHANGES: list[tuple[str, Callable[[Tree], None], list[str], list[str]]] = [
    ("table", lambda tree: tree["schema"].append({"name": "u", "properties": []}), ["table u"], ["table u is gone"]),
    (
        "column",
        lambda tree: tree["schema"][0]["properties"].append({"name": "w", "required": True}),
        ["t.w"],
        ["t.w is gone"],
    ),
    ("not null", lambda tree: column(tree, 1).update(required=True), ["t.v is never NULL"], ["t.v may be NULL"]),
    (
        "reference",
        lambda tree: column(tree, 0).update(relationships=[{"to": "u.k"}]),
        ["t.k refers to u.k"],
        ["t.k no longer refers to u.k"],
    ),
]


@pytest.mark.parametrize(
    ("change", "additions", "breaks"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES]
)
def test_an_addition_is_a_break_the_other_way_round(
    change: Callable[[Tree], None], additions: list[str], breaks: list[str]
) -> None:
    old, new = altered(change)

    assert compare_contracts(old, new) == Changes(additions=tuple(additions))
    assert compare_contracts(new, old) == Changes(breaks=tuple(breaks))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda tree: column(tree, 1).update(physicalType="BIGINT"), "t.v: physicalType was INTEGER, is BIGINT"),
        (
            lambda tree: column(tree, 1)["customProperties"][0].update(value="%"),
            "t.v: customProperties was points, is %",
        ),
        (lambda tree: column(tree, 0).pop("primaryKeyPosition"), "t.k: primaryKeyPosition was 1, is None"),
        (lambda tree: tree["schema"][0].update(physicalName="ops.t"), "t: physicalName was t, is ops.t"),
        (
            lambda tree: tree["schema"][0].update(dataGranularityDescription="One row per x."),
            "t: dataGranularityDescription was One row per t., is One row per x.",
        ),
    ],
)
def test_another_type_unit_key_place_or_grain_breaks_consumers_both_ways(
    change: Callable[[Tree], None], told: str
) -> None:
    old, new = altered(change)

    assert compare_contracts(old, new) == Changes(breaks=(told,))
    assert len(compare_contracts(new, old).breaks) == 1


def test_other_words_are_told_for_a_person_to_judge() -> None:
    old, new = altered(lambda tree: column(tree, 1).update(description="Something else."))
    assert compare_contracts(old, new) == Changes(rewordings=("t.v",))


def test_no_change_is_none() -> None:
    assert compare_contracts(rendered(), rendered()) == Changes()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release("a_day_later", tmp_path_factory.mktemp("contract"))


def test_a_release_holds_its_contract_and_relationships(file: Path) -> None:
    with release_connection(file) as connection:
        assert connection.execute("from ops.contract").fetchall() == [(CONTRACT_VERSION, "v3.1.0", render_contract())]
        rows = connection.execute("from ops.relationship").fetchall()
    assert [row[:4] for row in rows] == [tuple(list(row.values())[:4]) for row in relationships()]


def test_every_relationship_of_a_release_is_real(file: Path) -> None:
    """Also those of the views, which no audit looks at: the other side is unique, no row lacks what it must have."""
    with release_connection(file) as connection:
        rows = connection.execute("from ops.relationship").fetchall()
        for from_table, from_column, to_table, to_column, is_required in rows:
            ((doubled,),) = connection.execute(
                f"select count(*) - count(distinct {to_column}) from {to_table}"
            ).fetchall()
            ((lost,),) = connection.execute(
                f"select count(*) from {from_table} where {from_column} is not null and {from_column} not in "
                f"(select {to_column} from {to_table})"
            ).fetchall()
            ((unknown,),) = connection.execute(
                f"select count(*) from {from_table} where {from_column} is null"
            ).fetchall()
            assert (doubled, lost) == (0, 0), (from_table, from_column)
            assert not (is_required and unknown), (from_table, from_column)
    assert len(rows) > 30


def test_the_command_prints_the_contract_of_the_release(newsroom: Newsroom, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", "--warehouse", str(newsroom.warehouse)]) == 0
    assert capsys.readouterr() == (render_contract(), "")

    newsroom.write("a.md", make_document())
    newsroom.run()
    assert main(["contract", "--warehouse", str(newsroom.warehouse)]) == 0
    assert capsys.readouterr() == (newsroom.one("select yaml from ops.contract"), "")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_datacontract_command_line_finds_a_release_to_keep_its_contract(file: Path, tmp_path: Path) -> None:
    """In an environment of its own: it wants an older DuckDB than newsmart has."""
    tool = install(tmp_path / "environment")
    (tmp_path / "contract.yaml").write_text(render_contract(), encoding="utf-8")
    linted = subprocess.run([tool, "lint", tmp_path / "contract.yaml"], capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr
    for schema in ("main", "ops"):
        path = tmp_path / f"{schema}.yaml"
        path.write_text(yaml.safe_dump(of_schema(schema, file)), encoding="utf-8")
        told = tmp_path / f"{schema}.json"
        command: list[str | Path] = [tool, "test", path, "--output-format", "json", "--output", told]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        checks = json.loads(told.read_text(encoding="utf-8"))["checks"]
        assert len(checks) > 100
        assert {check["result"] for check in checks} <= {"passed", "warning"}


def of_schema(schema: str, file: Path) -> Tree:
    """Return the contract of one schema, with the file in which it is kept: the program opens one schema a server."""
    tree = rendered()
    tables = {table.name: table for table in ALL_TABLES}
    tree["schema"] = [
        {**one, "physicalName": one["name"]} for one in tree["schema"] if tables[one["name"]].schema == schema
    ]
    server = {"server": "release", "type": "duckdb", "database": str(file.resolve()), "schema": schema}
    return {**tree, "servers": [server]}


def install(environment: Path) -> Path:
    """Return the program, installed in an environment of its own; skip where it cannot be had."""
    return python_with(environment, "datacontract-cli[duckdb]>=1.2").with_name("datacontract")
