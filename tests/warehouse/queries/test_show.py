"""What `show` knows of an article or a document, now and then, and how it is found."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from flows.sources.scan import Source
from schemas.errors import RunFailed, UsageError
from tests.documents import URL, make_document, make_mention
from tests.newsroom import FIRST_AS_OF, Newsroom
from warehouse.home import Home
from warehouse.lock import hold
from warehouse.queries.render import columns
from warehouse.queries.show import show
from warehouse.queries.show_text import show_lines

OTHER = "https://news.example.org/2024/the-other-story"
ALIAS = "https://live.example.com/amp/blog"
SECOND, THIRD = datetime(2024, 1, 2), datetime(2024, 1, 3)


@pytest.fixture(scope="module")
def news(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """A story whose headline moves, and a lister of it, whose other entry is dropped on day three."""
    made = Newsroom.below(tmp_path_factory.mktemp("show"))
    made.write("a.md", make_document("First", quality=10, topics=["AI"], provider={"domain": "example.com"}))
    listed = make_mention("Listed as this", URL + "?utm_source=x", quality=7)
    gone = make_mention("Going", "https://example.net/going-soon")
    made.write("b.md", make_document("Lister", OTHER, [listed, gone]))
    made.run()
    made.write("a.md", make_document("Second", quality=11, topics=["AI"], provider={"domain": "example.com"}))
    made.run()
    made.write("b.md", make_document("Lister", OTHER, [listed]))
    made.run()
    return made


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """One run over documents that are odd in one way each."""
    made = Newsroom.below(tmp_path_factory.mktemp("odd"))
    entries = [
        make_mention("Story", URL, excerpt="Only here"),
        make_mention("Caf\u00e9 opens", "https://example.com/cafe"),
    ]
    related = [make_mention(f"Story {number}", f"https://example.com/{number}") for number in range(30)]
    hostile = "\x1b[2J\u202eowned\nfield  forged"
    documents = {
        "a.md": make_document("Story"),
        "lister.md": make_document("Lister", OTHER, entries),
        "garbled.md": make_document("Caf\u00c3\u00a9 opens", "https://example.com/cafe"),
        "one.md": make_document("one", "https://live.example.com/one-story", ampWebUrl=ALIAS),
        "two.md": make_document("two", "https://live.example.com/two-story", ampWebUrl=ALIAS),
        "hostile.md": make_document(hostile, "https://example.com/hostile", excerpt="\u65e5\u672c" * 200),
        "long.md": make_document("Lister", "https://example.com/long", related),
    }
    for name, text in documents.items():
        made.write(name, text)
    made.run()
    return made


def ask(news: Newsroom, name: str, as_of: datetime | None = None) -> dict[str, Any]:
    return show(Home.of(news.warehouse), name, as_of)


@pytest.mark.parametrize("spelling", [URL, "http://www.example.com/story/?utm_medium=mail#top", f" {URL}?fbclid=1 "])
def test_any_spelling_finds_the_article(news: Newsroom, spelling: str) -> None:
    told = ask(news, spelling)
    assert (told["kind"], told["url"], told["values"]["title"]["value"]) == ("article", URL, "Second")


def test_an_article_tells_its_values_where_they_came_from_and_what_lost(news: Newsroom) -> None:
    told = ask(news, URL)
    own = {"source": "news", "path": "a.md", "position": 0}
    lost = [{"value": "Listed as this", "mention_count": 1}]
    assert told["values"]["title"] == {"value": "Second", "from": own, "lost": lost}
    assert told["values"]["quality"] == {"value": 11, "from": own, "lost": [{"value": "7", "mention_count": 1}]}
    assert told["values"]["topics"]["value"] == ["AI"]
    assert told["values"]["heat"] == {"value": None, "from": None, "lost": []}
    assert [(one["path"], one["position"]) for one in told["mentions"]] == [("a.md", 0), ("b.md", 1)]
    assert [one["kind"] for one in told["spellings"]] == ["web", "web"]
    assert told["cited_by_count"] == 1


def test_a_value_whose_mention_the_release_does_not_know_has_none(odd: Newsroom) -> None:
    assert ask(odd, URL)["values"]["excerpt"] == {"value": "Only here", "from": None, "lost": []}


def test_a_garbled_title_that_ranks_best_is_not_told_as_the_source(odd: Newsroom) -> None:
    title = ask(odd, "https://example.com/cafe")["values"]["title"]
    assert (title["value"], title["from"]) == ("Caf\u00e9 opens", None)


def test_history_tells_what_it_said_before(news: Newsroom) -> None:
    assert [(one["valid_from"], one["title"], one["quality"]) for one in ask(news, URL)["history"]] == [
        ("2024-01-01T00:00:00Z", "First", 10),
        ("2024-01-02T00:00:00Z", "Second", 11),
    ]


def test_as_of_tells_what_it_said_then(news: Newsroom) -> None:
    told = ask(news, URL, datetime(2024, 1, 1, 12))
    assert told["values"]["title"] == {"value": "First"}
    assert (told["valid_from"], told["valid_to"]) == ("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z")
    assert told["cited_by_count"] == 1


def test_a_departed_article_is_told_as_of_when_it_was_there(news: Newsroom) -> None:
    name = "https://example.net/going-soon"
    assert ask(news, name)["last_seen_at"] == "2024-01-03T00:00:00Z"
    assert ask(news, name, SECOND)["cited_by_count"] == 1
    with pytest.raises(RunFailed, match=r"no document mentioned it as of 2024-01-03.*gone at 2024-01-03"):
        ask(news, name, THIRD)


def test_before_the_first_run_nothing_was(news: Newsroom) -> None:
    for name in (URL, "a.md"):
        with pytest.raises(RunFailed, match="first seen at 2024-01-01T00:00:00Z"):
            ask(news, name, datetime(2023, 12, 31))


@pytest.mark.parametrize("name", ["b.md", "news/b.md"])
def test_a_document_is_found_by_its_path(news: Newsroom, name: str) -> None:
    told = ask(news, name)
    assert (told["kind"], told["source"], told["path"], told["title"]) == ("document", "news", "b.md", "Lister")
    assert [(one["position"], one["title"]) for one in told["lists"]] == [(0, "Lister"), (1, "Second")]
    assert told["version_count"] == 2


def test_a_document_tells_what_changed_in_its_list_and_who_lists_it(news: Newsroom) -> None:
    (change,) = ask(news, "b.md")["changes"]
    assert change["at"] == "2024-01-03T00:00:00Z"
    assert [one["title"] for one in change["dropped"]] == ["Going"]
    assert change["added"] == []
    assert [one["path"] for one in ask(news, "a.md")["listed_by"]] == ["b.md"]


def test_a_document_then_lists_what_it_listed_then(news: Newsroom) -> None:
    told = ask(news, "b.md", FIRST_AS_OF)
    assert sorted(one["title"] for one in told["lists"]) == ["First", "Going", "Lister"]
    assert told["values"]["title"] == {"value": "Lister"}


def test_a_path_of_two_sources_is_ambiguous_and_names_them(newsroom: Newsroom, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for number, folder in enumerate((newsroom.folder, other)):
        (folder / "a.md").write_text(make_document("A", f"{URL}/{number}"))
    newsroom.run(sources=(Source("news", str(newsroom.folder)), Source("other", str(other))))
    with pytest.raises(UsageError, match=r"several documents.*: news/a\.md, other/a\.md \(write SOURCE/PATH\)"):
        ask(newsroom, "a.md")
    assert ask(newsroom, "other/a.md")["source"] == "other"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("https://m.news.example.org/2024/the-other-story", OTHER),
        ("https://news.example.org/2025/the-other-story", OTHER),
        ("elsewhere/b.md", "news/b.md"),
        ("b", "news/b.md"),
    ],
)
def test_what_is_not_found_is_answered_with_what_is_near(news: Newsroom, name: str, near: str) -> None:
    with pytest.raises(RunFailed) as caught:
        ask(news, name)
    assert "\n" not in str(caught.value)
    assert near in (caught.value.detail or "").splitlines()


@pytest.mark.parametrize("name", ["", "   ", "nothing", "https://nowhere.example/x", "\x00", "a.md'; drop table x --"])
def test_what_is_like_nothing_fails_in_one_line(news: Newsroom, name: str) -> None:
    with pytest.raises(RunFailed, match="see article_url and dim_document") as caught:
        ask(news, name)
    assert caught.value.detail is None


def test_an_alias_that_no_article_owns_is_told_with_those_that_declare_it(odd: Newsroom) -> None:
    with pytest.raises(RunFailed, match="no article owns this URL") as caught:
        ask(odd, ALIAS)
    assert "https://live.example.com/one-story" in (caught.value.detail or "")


def test_a_run_that_holds_the_lock_is_not_waited_for(news: Newsroom) -> None:
    with hold(Home.of(news.warehouse)):
        assert ask(news, URL)["kind"] == "article"


def test_without_a_release_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no release yet"):
        show(Home.of(tmp_path / "news.duckdb"), URL)


@pytest.mark.parametrize("name", [URL, "b.md"])
@pytest.mark.parametrize("as_of", [None, FIRST_AS_OF])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_lines_fit_and_are_always_the_same(news: Newsroom, name: str, as_of: datetime | None, width: int) -> None:
    lines = list(show_lines(ask(news, name, as_of), width))
    assert max(map(columns, lines)) <= width
    assert lines == list(show_lines(ask(news, name, as_of), width))


def test_what_a_terminal_would_obey_is_shown(odd: Newsroom) -> None:
    lines = list(show_lines(ask(odd, "https://example.com/hostile"), 60))
    assert all(line.isprintable() for line in lines)
    assert max(map(columns, lines)) <= 60
    assert any("\\x1b[2J\\u202eowned\\nfield  forged" in line for line in lines)


def test_long_lists_are_cut_and_say_so(odd: Newsroom) -> None:
    told = ask(odd, "long.md")
    assert len(told["lists"]) == 31
    assert any("and 10 more (--json has all)" in line for line in show_lines(told, 80))
