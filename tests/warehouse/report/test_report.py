"""The report draws its charts, escapes what strangers wrote, loads nothing, and can be read without seeing it."""

import base64
import hashlib
import re
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from schemas.errors import RunFailed
from tests.warehouse.report.pages import AGAIN, HOSTILE, MADE_AT, POOR, Page, make_warehouse, read_page, run_again
from tests.warehouse.seed_releases import make_release
from warehouse.home import Home
from warehouse.report import render
from warehouse.report.page import ask
from warehouse.sql_files import read_sql
from warehouse.state import State, read_state

# All that the page is made of. A tag from the data, such as script, img or iframe, would be another.
TAGS = set(
    re.findall(
        r"\w+",
        "html head meta link title style body header main footer section nav h1 h2 h3 p a ul li dl div dt dd "
        "ol del strong span figure figcaption details summary table thead tbody tr th td time bdi code svg path rect",
    )
)


@pytest.fixture(scope="module")
def hostile_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    documents = {"a.md": HOSTILE, "c.md": AGAIN, "<b onload=x>.md": "---\ntitle: [\n---\n"}
    return make_warehouse(tmp_path_factory.mktemp("hostile"), documents)


@pytest.fixture(scope="module")
def hostile(hostile_file: Path) -> str:
    return render(hostile_file, read_state(Home.of(hostile_file)), MADE_AT)


@pytest.fixture(scope="module")
def seeds_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release("a_day_later", tmp_path_factory.mktemp("seeds"))


@pytest.fixture(scope="module")
def seeds(seeds_file: Path) -> str:
    return render(seeds_file, read_state(Home.of(seeds_file)), MADE_AT)


@pytest.fixture(scope="module")
def poor(tmp_path_factory: pytest.TempPathFactory) -> str:
    return render(make_warehouse(tmp_path_factory.mktemp("poor"), {"a.md": POOR}), None, MADE_AT)


@pytest.fixture(params=["seeds", "hostile", "poor"])
def html(request: pytest.FixtureRequest) -> str:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, str)
    return found


def test_news_come_first_and_health_later(seeds: str) -> None:
    page = read_page(seeds)
    ids = [attrs["id"] for tag, attrs in page.elements if tag in ("h2", "h3")]
    first = ["newest", "cited", "headlines", "rising", "changes"]
    assert ids == [
        *first, "network", "coverage", "topics", "providers", "scores", "movement",
        "health", "runs", "quarantine", "conflicts", "dictionary",
    ]  # fmt: skip
    assert page.text.index("News of seeds") < page.text.index("As of 2026-11-21 00:00 UTC, 0.0 hours old")
    assert "Increasing use of facial recognition technology in China" in page.text
    assert "seeds/002_b2645a5efb6e71c2.txt:5:20" in page.text


def test_one_is_not_told_in_the_plural(seeds: str) -> None:
    text = " ".join(read_page(seeds).text.split())
    assert "1 problem " in text and "1 problem keeps something out." in text
    assert not re.search(r"\b1 (articles|documents|problems|links|runs|columns|changes|mentions)\b", text)


def test_headlines_show_before_and_after_and_what_changed_is_counted(tmp_path: Path) -> None:
    file = make_warehouse(tmp_path, {"a.md": POOR})
    (tmp_path / "source" / "a.md").write_text(POOR.replace("Alone", "<i>Not</i> alone"), encoding="utf-8")
    run_again(tmp_path)
    page = read_page(render(file, None, MADE_AT))
    text = " ".join(page.text.split())
    assert "Alone <i>Not</i> alone 2026-11-20" in text
    assert "Articles: 1 with a new headline" in text
    assert "del" in page.tags() and "i" not in page.tags()


def test_every_table_named_is_explained_in_the_page(seeds: str) -> None:
    page = read_page(seeds)
    explained = {attrs["id"] for tag, attrs in page.elements if tag == "details" and "id" in attrs}
    linked = {link[1:] for link in page.values("a", "href") if link.startswith("#t-")}
    assert len(linked) > 10
    assert linked <= explained
    assert "One row per article" in page.text


def test_hostile_text_makes_no_element_and_is_shown_as_it_is(hostile: str) -> None:
    page = read_page(hostile)
    assert page.tags() <= TAGS
    assert "<script>alert(1)</script>\"'></title></style></svg><img src=x onerror=alert(2)>" in page.text
    assert "{{ 7 * 7 }} {% raw %}" in page.text
    assert "made/<b onload=x>.md" in page.text


def test_no_attribute_is_a_handler_or_a_style(html: str) -> None:
    names = {name for _, attrs in read_page(html).elements for name in attrs}
    assert not {name for name in names if name.startswith("on") or name in ("style", "srcdoc", "formaction")}


def test_direction_overrides_and_controls_are_shown_not_obeyed(hostile: str) -> None:
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200e\u200f\x00-\x08\x0b-\x1f\x7f-\x9f]", hostile)
    assert "\\u202etxt.exe\\u2066" in read_page(hostile).text


def test_nothing_is_loaded_and_links_lead_to_the_web_only(html: str) -> None:
    page = read_page(html)
    loading = {("link", "href"), ("img", "src"), ("image", "href"), ("use", "href"), ("script", "src")}
    loaded = [value for tag, name in loading for value in page.values(tag, name)]
    assert loaded == ["data:,"]
    assert all(link.startswith(("#", "https://", "http://")) for link in page.values("a", "href"))
    assert not re.search(r"url\((?!#)|@import|xlink:href", html)


def test_the_policy_forbids_all_but_the_one_style(html: str) -> None:
    page = read_page(html)
    policy = next(iter(page.values("meta", "content")))
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert html.count("<style") == 1
    assert "unsafe" not in policy


def test_the_page_can_be_read_without_seeing_it(html: str) -> None:
    page = read_page(html)
    assert page.values("html", "lang") == ["en"]
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert _charts_without_table(page) == 0
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.values("a", "href") if link.startswith("#")} <= set(ids)
    assert all(attrs.get("scope") for tag, attrs in page.elements if tag == "th")


def _charts_without_table(page: Page) -> int:
    """Drawings are hidden from screen readers: the numbers of a figure follow in a table."""
    tags = [tag for tag, attrs in page.elements if tag in ("figure", "table")]
    assert all(attrs.get("aria-hidden") == "true" for tag, attrs in page.elements if tag == "svg")
    return sum(tag == "figure" and after != "table" for tag, after in zip(tags, [*tags[1:], ""], strict=True))


def test_a_poor_release_says_in_words_what_is_missing(poor: str) -> None:
    text = read_page(poor).text
    for words in ("No article has a known time", "No article has a topic", "No mention names a provider"):
        assert words in text
    for words in (
        "No article is rated",
        "No article lists another.",
        "Nothing is kept out",
        "All mentions agree",
        "No headline has changed",
    ):
        assert words in text


def test_a_quality_of_any_size_has_its_ten_points() -> None:
    with duckdb.connect() as connection:
        connection.execute("create table fact_article as select unnest([5, 9223372036854775807]) as quality")
        rows = connection.execute(read_sql("report", "quality")).fetchall()
    assert rows == [(0, 10, 1), (9223372036854775800, 9223372036854775810, 1)]


def test_a_refused_run_is_told_above_all(seeds_file: Path) -> None:
    state: State = {
        "run": {"status": "refused", "as_of": "2026-11-22T00:00:00Z", "error": "too many <b>bad</b> documents"},
        "quarantine": [],
    }
    text = read_page(render(seeds_file, state, MADE_AT)).text
    assert "The last run was refused." in text
    assert "too many <b>bad</b> documents" in text
    assert "Nothing is kept out." in text


def test_the_same_release_gives_the_same_page(seeds_file: Path, seeds: str) -> None:
    assert render(seeds_file, read_state(Home.of(seeds_file)), MADE_AT) == seeds


def test_an_absent_release_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="no such database"):
        render(tmp_path / "news.duckdb", None)


def test_the_network_has_the_links_among_the_articles_that_it_draws(seeds_file: Path) -> None:
    answers = ask(seeds_file)
    drawn = {article["article_key"] for article in answers["network_articles"]}
    ends = {edge[name] for edge in answers["network_edges"] for name in ("article_key", "other_article_key")}
    assert ends
    assert ends <= drawn
    with duckdb.connect(seeds_file, read_only=True) as connection:
        few = {"article_keys": sorted(ends)[:3]}
        links = connection.execute(read_sql("report", "network_edges"), few).fetchall()
        assert {end for link in links for end in link} <= set(few["article_keys"])
        assert connection.execute(read_sql("report", "network_edges"), {"article_keys": []}).fetchall() == []
