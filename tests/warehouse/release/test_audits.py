"""Every audit passes on a good release and bites on a broken one.

Each test breaks one thing in a release from which all keys were taken, in a transaction that is rolled back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from schemas.errors import AuditFailed
from tests.documents import make_document, make_mention
from tests.ledgers import T, memory_ledger
from tests.recording import build, record_folders
from warehouse.release import runs
from warehouse.release.audit import audits, check, run_audits
from warehouse.release.catalog import TABLES_WITH_ROWS

SITE = "https://example.com"
AUDITS = {audit.name: audit for audit in audits()}

# Audit and what makes it bite, where no rule below says it.
BREAKS = {
    "unique__articles": "insert into dim_provider select * from dim_provider",
    "unique__related_articles": "insert into dim_article select * from dim_article",
    "unique__provider_summary": "insert into dim_provider select * replace (domain || '2' as domain) from dim_provider",
    "unique__topic_daily": (
        "create or replace view topic_daily as select topic.topic, null::date as date from dim_topic as topic "
        "cross join dim_document"
    ),
    "unique__match_candidate": "insert into dim_article select * from dim_article",
    "unique__alias": "insert into ops.alias select 'k', 'k', true, 'r', 1, 1, 'x' from range(2)",
    "unique__audit": "insert into ops.audit values ('a', 'pass', 0, null), ('a', 'pass', 0, null)",
    "rows__articles": "delete from fact_article where article_key in (select min(article_key) from fact_article)",
    "rows__provider_summary": "insert into dim_provider select * from dim_provider",
    "article_pairing": "delete from fact_article where article_key in (select min(article_key) from fact_article)",
    "balance": "update ops.run set documents_seen = documents_seen + 1",
    "calendar": "delete from dim_date where month = 6",
    "conservation": "delete from fact_mention where position = 1",
    "mention_count": "update ops.release set mention_count = mention_count + 1",
    "counts": "update fact_article set mention_count = mention_count + 1",
    "document_roots": "delete from fact_mention where position = 0",
    "history_current": "update article_history set title = 'other' where is_current",
    "history_overlap": "insert into article_history select * from article_history",
    "natural_keys": "update dim_topic set topic_key = topic_key + 1",
    "published_dates": "update fact_article set published_at = timestamp '1970-01-01'",
    "seen_order": "update dim_article set first_seen_at = timestamp '2100-01-01'",
    "withdrawn": "update dim_article set is_withdrawn = true, is_root = false",
    "mention_history_current": "delete from mention_history where is_current and role = 'root'",
    "mention_history_spans": "update mention_history set is_current = not is_current",
    "topic_weights": "update bridge_article_topic set weight = weight / 2",
    "date_roles": "update fact_article set first_seen_date_key = first_seen_date_key + 1",
    "reference__release_change__article_key": "insert into ops.release_change values (-1, 'added', 'title', null, 'x')",
    "relationships": "update ops.relationship set to_column = to_column || 'x'",
}

# One span told as two that meet.
SPAN_IN_TWO = """
    insert into mention_history
    select * replace (valid_from - interval 1 hour as valid_from, valid_from as valid_to, false as is_current)
    from mention_history
    where is_current
"""

OVERLAPPING_SPANS = """
    insert into mention_history select * replace (valid_from - interval 1 hour as valid_from) from mention_history
"""

LOPSIDED_WEIGHTS = """
    insert into bridge_article_topic
    select * replace (5 as topic_key, 0.25 as weight) from bridge_article_topic
    union all
    select * replace (6 as topic_key, -0.25 as weight) from bridge_article_topic
"""

# More ways to break what one audit watches from several sides.
MORE_BREAKS = [
    ("article_pairing", "delete from dim_article where article_key in (select min(article_key) from dim_article)"),
    ("calendar", "delete from dim_date where month = 12 and day = 31"),
    ("calendar", "delete from dim_date where month = 1 and day = 1"),
    ("conservation", "insert into fact_mention select * replace (99 as position) from fact_mention"),
    ("counts", "delete from bridge_article_image"),
    ("counts", "delete from bridge_article_topic"),
    ("document_roots", "update dim_document set article_key = article_key + 1"),
    ("document_roots", "update dim_document set removed_at = changed_at"),
    ("history_current", "delete from article_history"),
    ("history_current", "update dim_article set last_seen_at = first_seen_at"),
    ("history_current", "update fact_article set heat = 77"),
    ("history_current", "update fact_article set quality = 77"),
    ("history_current", "update fact_article set provider_key = 77"),
    ("history_current", "update fact_article set is_published = not coalesce(is_published, true)"),
    ("history_overlap", "update article_history set valid_to = null"),
    ("natural_keys", "update dim_article set url_key = url_key || 'x'"),
    ("natural_keys", "insert into dim_article select * from dim_article"),
    ("natural_keys", "update dim_provider set provider_key = 1"),
    ("natural_keys", "update dim_image set image_key = 1"),
    ("natural_keys", "update dim_document set path = 'other'"),
    ("published_dates", "update fact_article set published_at = timestamp '2100-01-01'"),
    ("rows__articles", "insert into dim_provider select * from dim_provider"),
    ("seen_order", "update dim_article set last_seen_at = first_seen_at"),
    ("seen_order", "update dim_document set changed_at = first_seen_at - interval 1 day"),
    ("seen_order", "update dim_document set removed_at = changed_at"),
    ("seen_order", "update article_history set valid_to = valid_from"),
    ("seen_order", "update article_history set valid_from = timestamp '2100-01-01'"),
    ("seen_order", "update mention_history set valid_from = timestamp '2100-01-01'"),
    ("seen_order", "update mention_history set valid_to = valid_from"),
    ("mention_history_current", "insert into mention_history select * replace (5 as article_key) from mention_history"),
    ("mention_history_current", "update mention_history set role = 'root'"),
    ("mention_history_current", "update mention_history set root_article_key = 5 where is_current"),
    ("mention_history_current", "delete from fact_mention where position = 1"),
    ("mention_history_spans", OVERLAPPING_SPANS),
    ("mention_history_spans", SPAN_IN_TWO),
    ("mention_history_spans", "update mention_history set article_key = 5 where role = 'root'"),
    ("topic_weights", "insert into bridge_article_topic select * replace (5 as topic_key) from bridge_article_topic"),
    ("topic_weights", LOPSIDED_WEIGHTS),
    ("date_roles", "update fact_article set last_seen_date_key = 20240101"),
    ("date_roles", "update fact_article set published_date_key = null"),
    ("date_roles", "delete from dim_date"),
    ("relationships", "update ops.relationship set from_table = 'x' where from_table = 'fact_article'"),
    ("relationships", "update ops.relationship set to_table = 'dim_provider', to_column = 'domain'"),
]


def breaking(name: str) -> str:
    """Return the statement that breaks what the audit watches: a key doubled, a reference led astray, or its own."""
    if name in BREAKS:
        return BREAKS[name]
    kind, _, rest = name.partition("__")
    if kind == "unique":
        table = next(one for one in TABLES_WITH_ROWS if one.name == rest)
        return f"insert into {table.qualified_name} select * from {table.qualified_name}"
    table = next(one for one in TABLES_WITH_ROWS if rest.startswith(one.name + "__"))
    (key,) = (one for one in table.foreign_keys if rest == f"{table.name}__{one.column}")
    return f"update {table.qualified_name} set {key.column} = '-1'"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a release with something in every table, all keys taken from it; who breaks it mends it."""
    with loose_release(tmp_path_factory.mktemp("audits") / "news") as connection:
        yield connection


@pytest.fixture
def own_release(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give such a release to break for good: audits run on cursors, which see only what is committed."""
    with loose_release(tmp_path / "news") as connection:
        yield connection


@contextmanager
def loose_release(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Build a release in memory and take all keys from it."""
    folder.mkdir()
    with memory_ledger() as connection:
        fill_ledger(connection, folder)
        build(connection, T[1])
        connection.execute("use news")
        for table in TABLES_WITH_ROWS:
            connection.execute(f"create table {table.schema}.loose as select * from {table.qualified_name}")
            connection.execute(f"drop table {table.qualified_name}")
            connection.execute(f"alter table {table.schema}.loose rename to {table.name}")
        yield connection


def fill_ledger(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Record two states of a small source: one document changes, one goes."""
    related = [make_mention(title, f"{SITE}/{title}") for title in ("other", "Other", "a")]
    provider, images = {"name": "A", "domain": "a.com"}, [{"url": f"{SITE}/1.png"}]
    said: dict[str, Any] = {"publishedDateTime": "2021-04-29", "provider": provider, "topics": ["AI"], "images": images}
    said |= {"quality": 3, "unknown": "field", "heat": 1, "published": True}
    (folder / "a.md").write_text(make_document("Old", f"{SITE}/a", **said))
    (folder / "b.md").write_text(make_document("B", f"{SITE}/b", related))
    for as_of in T[:2]:
        balance = record_folders(connection, as_of, folder)
        runs.write_run(connection, (runs.run_id_of(as_of), as_of, as_of), "published", balance)
        (folder / "a.md").write_text(make_document("New", f"{SITE}/a", related, **said))
        (folder / "b.md").unlink(missing_ok=True)


def offending(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """Return how many rows break the audit."""
    parameters = {"as_of": T[1]} if "$as_of" in AUDITS[name].sql else None
    return len(connection.execute(AUDITS[name].sql, parameters).fetchall())


@pytest.mark.parametrize("name", AUDITS)
def test_a_good_release_passes(release: duckdb.DuckDBPyConnection, name: str) -> None:
    assert offending(release, name) == 0


@pytest.mark.parametrize(
    ("name", "statement"), [*((name, breaking(name)) for name in AUDITS), *MORE_BREAKS], ids=lambda text: text[:50]
)
def test_the_audit_bites(release: duckdb.DuckDBPyConnection, name: str, statement: str) -> None:
    release.execute("begin")
    try:
        release.execute(statement)
        assert offending(release, name) > 0
    finally:
        release.execute("rollback")


def test_no_break_is_of_an_audit_that_is_gone() -> None:
    assert set(BREAKS) <= set(AUDITS)
    assert {name for name, _ in MORE_BREAKS} <= set(AUDITS)


def test_results_stand_in_the_release_and_a_failure_is_told(own_release: duckdb.DuckDBPyConnection) -> None:
    own_release.execute(BREAKS["withdrawn"])

    results = run_audits(own_release, T[1])

    with pytest.raises(AuditFailed, match=r"withdrawn \(4 rows, such as .*article_key") as failure:
        check(results)
    told = own_release.execute(
        "select name, status, offending_rows from news.ops.audit where status = 'fail'"
    ).fetchall()
    assert told == [("withdrawn", "fail", 4)]
    assert [result.name for result in results] == list(AUDITS)
    assert "history" not in str(failure.value)


def test_all_passing_is_no_failure(own_release: duckdb.DuckDBPyConnection) -> None:
    check(run_audits(own_release, T[1]))

    stored = own_release.execute("select count(*) from news.ops.audit where status = 'pass'").fetchall()
    assert stored == [(len(AUDITS),)]
