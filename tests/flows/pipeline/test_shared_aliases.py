"""Live blogs, from documents to articles: no post is lost, in any order of arrival, and the past is told anew."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.pipeline.request import RunResult
from tests.conftest import phases
from tests.documents import make_document, make_mention
from tests.ledgers import T, memory_ledger
from tests.newsroom import Newsroom, Rows
from tests.recording import digests, record_folders
from warehouse.db import ledger_connection
from warehouse.home import Home

pytestmark = pytest.mark.timeout(600)

SITE = "https://news.example.com/"
BLOG = f"{SITE}live/2020-05-08/"

# Documents by name. A blog, its posts and their shared AMP page; two spellings of one post; a daily column that two
# days part; an id page.
DOCUMENTS: Mapping[str, str] = {
    "blog.md": make_document("The day", BLOG, ampWebUrl=f"{SITE}amp/live/2020-05-08/"),
    "first.md": make_document("Cases", f"{BLOG}cases-rise-again", ampWebUrl=f"{SITE}amp/live/2020-05-08/"),
    "second.md": make_document("Schools", f"{BLOG}schools-open-soon", ampWebUrl=f"{SITE}amp/live/2020-05-08/"),
    "third.md": make_document("Shops", f"{BLOG}shops-open-too", ampWebUrl=BLOG),
    "again.md": make_document("Cases!", f"{SITE}uk/cases-rise-again", ampWebUrl=f"{SITE}amp/live/2020-05-08/"),
    "column.md": make_document("Column", f"{SITE}morning-briefing-here", ampWebUrl=f"{SITE}amp/today"),
    "monday.md": make_document("Mon", f"{SITE}2020/05/11/morning-briefing-here", ampWebUrl=f"{SITE}amp/today"),
    "tuesday.md": make_document("Tue", f"{SITE}2020/05/12/morning-briefing-here", ampWebUrl=f"{SITE}amp/today"),
    "law.md": make_document(
        "Deal", f"{SITE}articles/1268415/judge-halts-deal", ampWebUrl=f"{SITE}amp/articles/1268415"
    ),
    "listing.md": make_document(
        "List", f"{SITE}list-of-all", [make_mention("Deal", f"{SITE}amp/articles/1268415"), make_mention("Day", BLOG)]
    ),
}

# Documents that are one article in the end; every other one is an article of its own.
ONE = [{"first.md", "again.md"}]


def articles(connection: duckdb.DuckDBPyConnection) -> dict[int, set[str]]:
    """Return the documents of each article that has one."""
    found: dict[int, set[str]] = {}
    for key, path in connection.execute("select article_key, path from news.dim_document").fetchall():
        found.setdefault(key, set()).add(path)
    return found


@settings(phases=phases(), max_examples=settings().max_examples // 8)
@example(order=sorted(DOCUMENTS, reverse=True), cuts={2, 4})
@given(order=st.permutations(sorted(DOCUMENTS)), cuts=st.sets(st.integers(1, len(DOCUMENTS) - 1), max_size=3))
def test_articles_are_the_same_in_every_order_of_arrival(order: Sequence[str], cuts: set[int]) -> None:
    with tempfile.TemporaryDirectory() as place, memory_ledger() as one, memory_ledger() as other:
        folder = Path(place) / "news"
        folder.mkdir()
        starts = [0, *sorted(cuts)]
        for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(order)], strict=True)):
            for name in order[start:end]:
                (folder / name).write_text(DOCUMENTS[name], encoding="utf-8")
            record_folders(one, T[number], folder)
            digests(one, T[number])
        record_folders(other, T[0], folder)
        digests(other, T[0])

        whole, by_parts = articles(other), articles(one)
        assert whole == by_parts
        assert sorted(map(sorted, whole.values())) == sorted(
            sorted(group) for group in [*ONE, *({name} for name in DOCUMENTS if not any(name in one for one in ONE))]
        )
        told = "select * exclude (example) from news.ops.alias order by all"
        assert one.execute(told).fetchall() == other.execute(told).fetchall()


def write(newsroom: Newsroom, *names: str) -> None:
    """Write documents by their names."""
    for name in names:
        newsroom.write(name, DOCUMENTS[name])


class Lived(NamedTuple):
    """What four runs did: a daily column arrives, its third day, a join beside it, and the third day leaves."""

    merged: int
    split: RunResult
    joined: RunResult
    left: RunResult


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    newsroom = Newsroom.below(tmp_path_factory.mktemp("lived"))
    write(newsroom, "column.md", "monday.md")
    newsroom.write("one.md", make_document("Who won", f"{SITE}news/who-won-it"))
    newsroom.write("other.md", make_document("Who won it", f"{SITE}sport/who-won-it"))
    newsroom.run()
    of_column = "select article_key from dim_document where path in ('column.md', 'monday.md') group by all"
    merged = newsroom.one(of_column)
    write(newsroom, "tuesday.md")
    split = newsroom.run()
    newsroom.write("both.md", make_document("Won", f"{SITE}news/who-won-it", originalUrl=f"{SITE}sport/who-won-it"))
    newsroom.write("new.md", make_document("New", f"{SITE}new"))
    joined = newsroom.run()
    newsroom.remove("tuesday.md")
    return Lived(merged, split, joined, newsroom.run())


def ask(result: RunResult, sql: str) -> Rows:
    """Ask the release of a run."""
    with duckdb.connect(str(result.release), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_an_article_splits_when_a_later_document_shows_that_its_alias_is_shared(lived: Lived) -> None:
    assert ask(lived.split, "select is_joined, count(*) from ops.alias group by all") == [(False, 3)]
    # The past is told under the identities of now: both were there from the first run on, each with its own title.
    history = "select title, valid_from, valid_to from article_history where title in ('Column', 'Mon', 'Tue')"
    first, second = ask(lived.split, "select as_of from ops.run order by as_of")
    assert ask(lived.split, f"{history} order by title") == [
        ("Column", *first, None),
        ("Mon", *first, None),
        ("Tue", *second, None),
    ]
    # The key of the article that was both is that of one of them, and every key is found by its spelling.
    assert (lived.merged,) in ask(lived.split, "select article_key from dim_article")
    assert ask(lived.split, "select count(*) from article_url where article_key <> own_key") == [(0,)]
    assert ask(lived.split, "select count(*) from article_url where article_key is null") == [(1,)]


def test_a_run_counts_what_has_split_off_as_added_and_what_joins_as_changed(lived: Lived) -> None:
    split, joined = lived.split.changes, lived.joined.changes
    assert (split["added"], split["changed"], split["departed"]) == (2, 1, 0)
    assert (joined["added"], joined["changed"], joined["departed"]) == (1, 1, 0)


def test_what_a_removed_document_has_shown_of_an_alias_stays_known(lived: Lived) -> None:
    assert lived.left.documents["removed"] == 1
    assert ask(lived.left, "select count(*) from ops.alias where not is_joined") == [(3,)]
    root = "select count(*) from dim_article where title in ('Column', 'Mon') and is_root"
    assert ask(lived.left, root) == [(2,)]


def test_a_post_is_never_shown_with_the_address_of_its_blog(newsroom: Newsroom) -> None:
    write(newsroom, *DOCUMENTS)
    newsroom.run()

    shown: dict[str, str] = dict(newsroom.query("select title, url from articles where is_root"))
    assert shown["Schools"] == f"{BLOG}schools-open-soon"
    assert shown["The day"] == BLOG
    assert shown["Deal"] == f"{SITE}articles/1268415/judge-halts-deal"


def test_a_release_of_an_older_contract_is_made_anew_though_nothing_changed(published: Newsroom) -> None:
    before = published.warehouse.resolve()
    with ledger_connection(Home.of(published.warehouse).ledger) as connection:
        connection.execute("update release set contract_version = contract_version - 1")

    after = published.run()

    assert (after.documents["changed"], after.published) == (0, True)
    assert published.warehouse.resolve() != before
    assert published.run().published is False
