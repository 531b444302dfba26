"""Identity on real documents, where they are at hand: no two stories are one, and candidates are what they should be.

Skipped where the corpora are absent: they are not the project's to copy.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from flows.sources.scan import Source
from tests.ledgers import T, memory_ledger
from tests.recording import build, record_folders
from tests.test_replay import SHARED

pytestmark = pytest.mark.timeout(600)

# Articles that more than one address identifies, with all of their identifying keys and titles.
CLOSURES = """
    select
        article_url.article_key,
        list(distinct article_url.url_key) as keys,
        list(distinct entry.title) as titles,
    from ledger.entry as entry
    inner join news.article_url as article_url on article_url.url_raw = coalesce(entry.web_url, entry.original_url)
    where article_url.article_key is not null
    group by article_url.article_key
    having count(distinct article_url.url_key) > 1
"""


def recorded(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Record a folder and build its release as `news`."""
    if not folder.is_dir():
        pytest.skip(f"{folder.name} is not at hand")
    with memory_ledger() as connection:
        record_folders(connection, T[0].replace(year=2026), Source("news", str(folder)))
        build(connection, T[0].replace(year=2026))
        yield connection


@pytest.fixture(scope="module", params=["diablo4", pytest.param("azure", marks=pytest.mark.slow)])
def corpus(request: pytest.FixtureRequest) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a real corpus, built."""
    yield from recorded(SHARED / "corpus" / str(request.param))


def words(title: str) -> set[str]:
    """Return the words of a title that tell something."""
    return {word for word in re.findall(r"\w+", title.lower()) if len(word) > 3}


def test_no_closure_joins_titles_without_a_common_word_unless_told(corpus: duckdb.DuckDBPyConnection) -> None:
    told = {row[0] for row in corpus.execute("select declaring_key from news.ops.alias where is_joined").fetchall()}
    closures = corpus.execute(CLOSURES).fetchall()

    assert closures
    for _, keys, titles in closures:
        assert told & set(keys) or set.intersection(*map(words, titles))


def test_candidates_have_titles_alike(corpus: duckdb.DuckDBPyConnection) -> None:
    corpus.execute("use news")
    pairs = corpus.execute("select title, other_title, reason from match_candidate").fetchall()
    corpus.execute("use ledger")

    assert len(pairs) > 5
    assert [pair for pair in pairs if not words(pair[0]) & words(pair[1])] == []


def test_content_ids_are_proposed_and_days_are_not() -> None:
    for connection in recorded(SHARED / "cases" / "content_id_candidates" / "in"):
        connection.execute("use news")
        rows = connection.execute("select url, other_url, reason from match_candidate").fetchall()
        articles = connection.execute("select count(*) from dim_article where is_root").fetchall()
        connection.execute("use ledger")

        assert articles == [(8,)]
        assert len(rows) == 3
        assert {reason for *_, reason in rows} == {"one content id under another slug, section or edition"}
