"""What the page shows is harmless, short and says what it leaves out."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from flows.pipeline.request import DOCUMENT_CLASSES, RunResult, lines_of
from flows.scheduling.page import cell, escape, summary
from schemas.errors import Refused


def result(**more: Any) -> RunResult:
    told: dict[str, Any] = {
        "run_id": "run-1",
        "as_of": datetime(2024, 1, 1),
        "published": True,
        "release": None,
        "documents": {**dict.fromkeys(DOCUMENT_CLASSES, 0), "seen": 3},
        "mentions": 1,
        "articles": 1,
        "quarantine_entries": 0,
        "seconds": {"scan": 0.25, "total": 1.0},
    }
    return RunResult(**told | more)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        ("a|b", r"a\|b"),
        ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
        ("two\nlines\r\nof\ttext", "two lines of text"),
        ("[a](http://x)", r"\[a\](http://x)"),
        ("`*_~\\", r"\`\*\_\~\\"),
        ("x" * 400, "x" * 299 + "…"),
        (7, "7"),
    ],
)
def test_escape(value: object, shown: str) -> None:
    assert escape(value) == shown


def test_a_cell_keeps_numbers_and_cuts_texts() -> None:
    assert [cell(value) for value in (None, 7, True, "a\nb", "x" * 301)] == ["", 7, True, "a b", "x" * 299 + "…"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)>"),
        ("[x](javascript:alert(1))", "[x] (javascript:alert(1))"),
        ("[![q](a)](javascript:alert(1))", "[![q] (a)] (javascript:alert(1))"),
        ("[w]: javascript:alert(1)", "[w] : javascript:alert(1)"),
        ("AT&T at 5 > 3", "AT&T at 5 > 3"),
    ],
)
def test_a_cell_is_no_link_and_no_html(text: str, shown: str) -> None:
    """Each was looked at in Chromium, in both versions of the page."""
    assert cell(text) == shown


def test_the_summary_of_a_failed_run_has_its_error_and_what_it_saw() -> None:
    text = summary(result(published=False), error=Refused("too <many>"))
    assert text.startswith("# Run run-1: refused\n\n**too &lt;many&gt;**")
    assert "| seen | 3 |" in text
    assert "| scan | 0.250 |" in text


def test_the_summary_shows_headlines_escaped_and_links_to_the_report(tmp_path: Path) -> None:
    headlines = [{"url": "https://x/1", "before": "Old | *news*", "after": "<b>New</b>"}]
    page = tmp_path / "a (b).html"
    text = summary(result(), headlines, page)
    assert "- Old \\| \\*news\\* → **&lt;b&gt;New&lt;/b&gt;**" in text
    assert "Report: `newsmart report` writes a page" in text
    page.write_text("")
    assert f"Report: [a (b).html](file://{tmp_path}/a%20%28b%29.html)" in summary(result(), headlines, page)


def test_the_summary_tells_what_changed() -> None:
    changes = {"added": 3, "changed": 2, "withdrawn": 4, "departed": 1}
    text = summary(result(documents={}, changes=changes, release="/n/news.duckdb"))
    assert "published 1 mention of 1 article (3 added, 2 changed, 4 withdrawn, 1 departed)" in text
    assert "- as of 2024-01-01T00:00:00" in text
    assert "release /n/news.duckdb" in text


def test_where_the_current_folder_was_deleted_the_release_is_told_by_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = result(release=str(tmp_path / "n.duckdb"))
    monkeypatch.chdir(tmp_path)
    assert [*lines_of(published)][-1] == "release n.duckdb"
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert [*lines_of(published)][-1] == f"release {tmp_path}/n.duckdb"
