"""The report draws its charts, escapes what strangers wrote, loads nothing, and can be read without seeing it."""

import base64
import hashlib
import re
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from schemas.errors import RunFailed
from tests.documents import make_document
from tests.warehouse.making import run_python
from tests.warehouse.report.pages import AGAIN, HOSTILE, MADE_AT, POOR, Page, make_warehouse, read_page
from tests.warehouse.seed_releases import make_release
from warehouse.home import Home
from warehouse.report import render
from warehouse.report.questions import ask
from warehouse.sql_files import read_sql
from warehouse.state import State, read_state

# All that the page is made of. A tag from the data, such as script, img or iframe, would be another.
TAGS = set(
    re.findall(
        r"\w+",
        "html head meta link title style body header main footer section nav h1 h2 h3 p a ul li dl div dt dd "
        "strong span figure figcaption details summary table thead tbody tr th td time bdi code svg g path line text",
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


def test_every_section_is_there_and_tells_of_the_release(seeds: str) -> None:
    text = read_page(seeds).text
    for heading in ("Freshness", "Recent runs", "Coverage over time", "Topics", "Providers", "Quality and heat"):
        assert heading in text
    for heading in ("Related articles", "Quarantine", "Conflicts", "What the last release changed", "Movement"):
        assert heading in text
    assert "As of 2026-11-21 00:00 UTC" in text
    assert "Increasing use of facial recognition technology in China" in text
    assert "seeds/002_b2645a5efb6e71c2.txt:5:20" in text


def test_every_chart_is_drawn_for_a_wide_and_for_a_narrow_screen(seeds: str) -> None:
    page = read_page(seeds)
    charts = page.values("div", "aria-label")
    images = [attrs for tag, attrs in page.elements if tag == "div" and attrs.get("role") == "img"]
    assert len(images) == 9
    assert len(page.values("svg", "width")) == 2 * len(images)
    assert len(set(charts)) == len(charts)
    assert all(int(width) <= 340 for width in page.values("svg", "width")[1::2])


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
    assert _figures_without_table(page) == 0
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.values("a", "href") if link.startswith("#")} <= set(ids)
    assert all(attrs.get("scope") for tag, attrs in page.elements if tag == "th")


def _figures_without_table(page: Page) -> int:
    tags = [tag for tag, _ in page.elements if tag in ("figure", "table")]
    return sum(tag == "figure" and after != "table" for tag, after in zip(tags, [*tags[1:], ""], strict=True))


def test_a_poor_release_says_in_words_what_is_missing(poor: str) -> None:
    text = read_page(poor).text
    for words in ("No article has a known time", "No article has a topic", "No mention names a provider"):
        assert words in text
    for words in ("No article is rated", "No two of the newest", "Nothing is kept out", "All mentions agree"):
        assert words in text


def test_a_quality_of_any_size_is_charted(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("create table fact_article as select unnest([5, 9223372036854775807]) as quality")
        rows = connection.execute(read_sql("report", "quality")).fetchall()
    assert rows == [(0, 10, 1), (9223372036854775800, 9223372036854775810, 1)]
    document = make_document(quality=9223372036854775807)
    assert "<svg" in render(make_warehouse(tmp_path, {"a.md": document}), None)


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


def test_the_libraries_are_imported_only_when_a_page_is_made() -> None:
    code = "import sys, warehouse.report; print(sorted({'altair', 'vl_convert', 'jinja2'} & set(sys.modules)))"
    assert run_python(code).stdout.strip() == "[]"


def test_a_missing_library_is_said_with_what_to_install(seeds_file: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "sys.modules['altair'] = None\n"
        "from schemas.errors import UsageError\n"
        "from warehouse.report import render\n"
        "try: render(Path(sys.argv[1]), None)\n"
        "except UsageError as error: print(error)"
    )
    assert re.search(r"missing: altair .*come with newsmart", run_python(code, seeds_file).stdout)


def test_the_network_has_the_links_among_the_articles_that_it_draws(seeds_file: Path) -> None:
    answers = ask(seeds_file)
    drawn = {article["article_key"] for article in answers.network_articles}
    ends = {edge[name] for edge in answers.network_edges for name in ("article_key", "other_article_key")}
    assert ends
    assert ends <= drawn
    with duckdb.connect(seeds_file, read_only=True) as connection:
        few = {"article_keys": sorted(ends)[:3]}
        links = connection.execute(read_sql("report", "network_edges"), few).fetchall()
        assert {end for link in links for end in link} <= set(few["article_keys"])
        assert connection.execute(read_sql("report", "network_edges"), {"article_keys": []}).fetchall() == []


def test_what_is_read_aloud_of_a_chart_is_as_harmless(tmp_path: Path) -> None:
    """A chart's label names the most frequent topic and provider: they are in an attribute, not in the page's text."""
    document = POOR.replace("---\n", '---\ntopics: ["a\\u202etxt.exe\\" onload=x"]\n', 1)
    html = render(make_warehouse(tmp_path, {"a.md": document}), None, MADE_AT)
    labels = [attrs["aria-label"] for _, attrs in read_page(html).elements if "aria-label" in attrs]
    assert any('a\\u202etxt.exe" onload=x' in str(label) for label in labels)
    assert "\u202e" not in html
