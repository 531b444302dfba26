"""What the ledger adds to `show`: every version's words, and where each value came from."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from flows.cli import main
from schemas.errors import RunFailed
from tests.documents import URL, make_document, make_mention
from tests.newsroom import Newsroom
from warehouse.home import Home
from warehouse.lock import hold
from warehouse.queries.show import show
from warehouse.queries.versions import OTHER, add_versions, compare

LIST_URL = "https://example.com/list"
OTHER_URL = "https://news.example.org/2024/the-other-story"
SECRET = "Zq9+Lm2xTb7Kd0RpWv4Hs8Yc1Nf6Jg3Qe5Ua" * 3


def ask(news: Newsroom, name: str, as_of: datetime | None = None) -> dict[str, Any]:
    home = Home.of(news.warehouse)
    with hold(home):
        return add_versions(home, show(home, name, as_of))


@pytest.fixture(scope="module")
def news(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """Three runs: a document that goes back, one whose list changes, one of which only the body does."""
    made = Newsroom.below(tmp_path_factory.mktemp("versions"))
    listed = make_mention("Listed", "https://example.net/listed", quality=1)
    rated = make_mention("Listed", "https://example.net/listed", quality=2)
    first = make_document("First", excerpt="Old words", related=[listed], secured=SECRET)
    texts = (first, make_document("First", excerpt="New words", related=[rated]), first)
    for text, name, body in zip(texts, ("one", "two", "two"), ("one", "two", "two"), strict=True):
        made.write("a.md", text)
        entry = make_mention(name, f"https://example.net/{name}")
        made.write("list.md", make_document("List", LIST_URL, [entry]))
        made.write("body.md", make_document("Body", "https://example.com/body", body=body))
        made.run()
    return made


def test_a_document_that_goes_back_has_three_versions_and_what_each_changed(news: Newsroom) -> None:
    told = ask(news, "a.md")
    one, two, three = told["versions"]
    assert [one["number"], two["number"], three["number"]] == [1, 2, 3]
    assert {"field": "title", "before": None, "after": "First"} in one["changes"]
    assert two["changes"] == [
        {"field": "excerpt", "before": "Old words", "after": "New words"},
        {"field": "related[https://example.net/listed].quality", "before": 1, "after": 2},
    ]
    assert [(change["before"], change["after"]) for change in three["changes"]] == [("New words", "Old words"), (2, 1)]
    assert (one["valid_to"], three["valid_to"]) == ("2024-01-02T00:00:00Z", None)
    assert SECRET[:20] not in str(told)


def test_entries_that_come_and_go_are_told_by_their_titles(news: Newsroom) -> None:
    changes = ask(news, LIST_URL)["documents"][0]["versions"][1]["changes"]
    assert changes == [
        {"field": "related[https://example.net/two]", "before": None, "after": "two"},
        {"field": "related[https://example.net/one]", "before": "one", "after": None},
    ]


def test_a_change_that_no_known_field_shows_is_told_as_such(news: Newsroom) -> None:
    assert ask(news, "body.md")["versions"][1]["changes"] == [{"field": OTHER, "before": None, "after": None}]


def test_versions_as_of_a_time_end_with_it(news: Newsroom) -> None:
    assert [one["number"] for one in ask(news, "a.md", datetime(2024, 1, 1))["versions"]] == [1]


def test_each_value_names_the_best_ranked_mention_that_says_it(newsroom: Newsroom) -> None:
    said = {"excerpt": "Only here", "topics": ["B", "A"], "type": "video", "provider": {"authors": ["N", "M"]}}
    picture = {"url": "https://example.com/i.png", "width": 1, "height": 2}
    newsroom.write("a.md", make_document("Story", heat=3))
    newsroom.write("b.md", make_document("Lister", OTHER_URL, [make_mention("Story", URL, images=[picture], **said)]))
    newsroom.run()
    values = ask(newsroom, URL)["values"]
    places = {field: one["from"] and (one["from"]["path"], one["from"]["position"]) for field, one in values.items()}
    for field in ("excerpt", "topics", "content_type", "authors", "images"):
        assert places[field] == ("b.md", 1), field
    for field in ("title", "heat", "url"):
        assert places[field] == ("a.md", 0), field
    assert [field for field, one in values.items() if one["value"] is not None and one["from"] is None] == []


def test_one_url_twice_in_a_list_is_two_entries() -> None:
    assert list(
        compare({"related[u]": {"title": "a"}}, {"related[u]": {"title": "a"}, "related[u#2]": {"title": "b"}})
    ) == [{"field": "related[u#2]", "before": None, "after": "b"}]


def test_while_a_run_goes_on_it_is_exit_3_and_without_a_ledger_it_says_so(
    news: Newsroom, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newsroom = news.copy(tmp_path)
    home = Home.of(newsroom.warehouse)
    call = ["show", "a.md", "--warehouse", str(newsroom.warehouse)]
    with hold(home):
        assert main([*call, "--versions"]) == 3
        assert main(call) == 0
    assert main([*call, "--versions"]) == 0
    assert "version 1: 2024-01-01T00:00:00Z to 2024-01-02T00:00:00Z" in capsys.readouterr().out
    home.ledger.unlink()
    with pytest.raises(RunFailed, match="there is no ledger"):
        ask(newsroom, "a.md")
