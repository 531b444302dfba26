"""A field that was added to the models is missed, by name, at each place that a person has to write.

What stands in schemas/documents.py is read, recorded, chosen among mentions, compared and told of without another line.
These tests name what a person forgot: which column shows it, and what it is. The recipe is in schemas/README.md.
"""

import re
from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pydantic import BaseModel

from flows.reading.columns import table_of_entries
from flows.reading.read import judge_whole
from schemas import batches
from schemas import star_tables as star
from schemas.documents import ENTRIES, Image, Mention, Provider
from tests.documents import Plain, make_document
from tests.flows.reading.samples import CONTEXT
from tests.ledgers import T, make_work, memory_ledger, put, select
from tests.readme_documents import document_example
from warehouse.ledger.opening import add_columns
from warehouse.queries.show import FIELDS as SHOWN
from warehouse.queries.show import FIELDS_THEN
from warehouse.release.work import lay_out
from warehouse.sql_files import read_sql

# Columns of an entry under which a release shows them, where the name is another.
RENAMED = {
    "is_removed": "is_withdrawn",
    "provider_domain": "provider",
    "provider_authors": "authors",
}
# What an entry says that is not chosen among mentions field by field, and why.
NOT_CHOSEN = {
    "entry_id": "a key",
    "entry_digest": "a key",
    "is_removed": "any document of its own withdraws an article",
    "provider_name": "chosen for each provider (dim_provider)",
    "provider_logo_url": "chosen for each provider (dim_provider)",
    "provider_images": "the first one is the logo",
    **dict.fromkeys(("web_url", "original_url", "amp_url", "amp_cache_url"), "shown as url, and each in article_url"),
    **dict.fromkeys(("title_flaw", "excerpt_flaw", "provider_name_flaw"), "ranks the text that it is about"),
    "unknown": "kept for the day when a model knows it",
}


def example(model: type[BaseModel]) -> dict[str, Any]:
    """Return a value for every field of a model, by its name in a document."""
    nested: dict[str, Callable[[], Any]] = {
        "provider": lambda: example(Provider),
        "images": lambda: [example(Image)],
        "topics": lambda: ["A topic"],
        "authors": lambda: ["An author"],
    }
    found = {}
    for name, field in model.model_fields.items():
        alias = field.alias or name
        found[alias] = nested[name]() if name in nested else accepted(model, alias)
    return found


def accepted(model: type[BaseModel], alias: str) -> Any:
    """Return the first of some texts that a model takes for a field and that is not taken for nothing."""
    given = {"title": "A title"} if model is Mention else {}
    for text in ("https://news.example/a", "7", "true", "2024-05-01"):
        try:
            made = model.model_validate({**given, alias: text}, context=CONTEXT)
        except ValueError:
            continue
        if made.model_dump(by_alias=True)[alias] is not None:
            return Plain(text) if text in ("7", "true") else text
    raise AssertionError(f"no text is accepted as {alias}: give this test one")


def test_what_a_document_says_comes_into_every_column() -> None:
    verdict = judge_whole(make_document(**{"title": None, "url": None, **example(Mention)}).encode(), CONTEXT)
    assert verdict.problems == []
    (found,) = table_of_entries(verdict.entries, CONTEXT)[0].to_pylist()
    empty = [name for name, value in found.items() if value in (None, []) and name != "unknown"]
    assert not empty, f"flows/reading leaves {empty} empty"
    assert all(value is not None for image in found["images"] for value in image.values()), found["images"]


def ledger_columns(table: str) -> dict[str, str]:
    """Return the columns of a table of the ledger, and their types."""
    with duckdb.connect() as connection:
        connection.execute(read_sql("ledger", "schema"))
        return dict(connection.execute(f"select column_name, column_type from (describe {table})").fetchall())


def arrow_columns(schema: pa.Schema) -> dict[str, str]:
    """Return the columns of an Arrow schema, and their types in DuckDB."""
    with duckdb.connect() as connection:
        connection.register("batch", schema.empty_table())
        return dict(connection.execute("select column_name, column_type from (describe batch)").fetchall())


@pytest.mark.parametrize(("table", "schema"), [("entry", ENTRIES), ("url", batches.URLS), ("raw", batches.SLICES)])
def test_the_ledger_keeps_what_a_batch_brings(table: str, schema: pa.Schema) -> None:
    brought, kept = arrow_columns(schema), ledger_columns(table)
    differing = {name: (brought.get(name), kept.get(name)) for name in brought.keys() | kept.keys()}
    differing = {name: types for name, types in differing.items() if types[0] != types[1]}
    # A field that is not in schema.sql gets its column when the ledger is opened.
    if table == "entry":
        differing = {name: types for name, types in differing.items() if name in kept}
    assert not differing, f"schemas/ and ledger.{table} (sql/ledger/schema.sql) differ: {differing}"


def test_a_ledger_gets_a_column_for_each_new_field() -> None:
    with memory_ledger() as connection:
        connection.execute("alter table ledger.entry drop locale")
        add_columns(connection, ENTRIES)
        found = connection.execute("select column_name, column_type from (describe ledger.entry)").fetchall()
    assert dict(found) == arrow_columns(ENTRIES)


def test_a_field_that_no_rule_names_is_chosen_among_mentions_and_the_others_are_told() -> None:
    with memory_ledger() as connection:
        add_columns(connection, ENTRIES.append(pa.field("byline", pa.string())))
        connection.execute(read_sql("scope", "whole"))
        lay_out(connection, T[0])
        for number, byline in enumerate((None, "A. Writer", "B. Writer"), 1):
            put(connection, "ledger.entry", {"entry_id": number, "byline": byline})
            said = {"article_key": 1, "entry_id": number}
            put(
                connection, "work.article_entry", {**said, "mention_rank": number, "is_root": False, "mention_count": 1}
            )
            put(connection, "work.entry_shown_url", {**said, "url": "https://a.example"})
        put(connection, "work.article_url_choice", {"article_key": 1, "url": "https://a.example"})
        make_work(connection, "article_value")
        assert connection.execute("select byline from work.article_value").fetchall() == [("A. Writer",)]
        told = select(connection, "dimensions", "article_conflict", "field, kept, other")
        assert told == [("byline", "A. Writer", "B. Writer")]


def chosen() -> set[str]:
    """Return the fields of an article whose value is chosen among its mentions, as a release calls them."""
    return {RENAMED.get(name, name) for name in ENTRIES.names if name not in NOT_CHOSEN} | {"url"}


def test_a_release_shows_what_the_mentions_say() -> None:
    columns = {*star.DIM_ARTICLE.column_names, *star.FACT_ARTICLE.column_names}
    columns |= {"provider", "topics", "images"}  # by their keys, and the bridges
    missing = chosen() - columns
    assert not missing, f"schemas/star_tables.py has no {sorted(missing)}; add them, or say in NOT_CHOSEN why not"


def test_show_tells_every_field() -> None:
    difference = chosen() ^ set(SHOWN)
    assert not difference, f"warehouse/queries/show.py and the columns of an entry differ: {sorted(difference)}"
    kept = {re.sub("^provider_key$", "provider", name) for name in star.ARTICLE_HISTORY.column_names}
    assert set(FIELDS_THEN) == kept - {"article_key", "valid_from", "valid_to", "is_current"}


def test_the_document_that_the_readme_shows_is_accepted() -> None:
    text = document_example().removeprefix("```yaml\n").removesuffix("\n```")
    verdict = judge_whole(text.encode(), CONTEXT)
    assert (verdict.problems, verdict.notices, len(verdict.entries)) == ([], [], 2)
