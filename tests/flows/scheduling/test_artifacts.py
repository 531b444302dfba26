"""What the page shows is harmless, short and says what it leaves out."""

from typing import Any

import pytest

from flows.pipeline.request import Changes
from flows.scheduling.artifacts import MAX_ROWS, Report, audits, escape, quarantine, summary, table


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


def test_a_long_table_says_how_many_rows_it_leaves_out() -> None:
    text = table([{"a": i} for i in range(MAX_ROWS + 1)], ("a",))
    assert text.count("\n| ") == MAX_ROWS + 1
    assert text.endswith(f"The first {MAX_ROWS} of {MAX_ROWS + 1} rows.")


def test_the_summary_of_a_failed_run_has_its_error_and_what_it_saw() -> None:
    report = Report("run-1", "2024-01-01T00:00:00Z", "refused", {"seen": 3}, {"scan": 0.25}, error="too <many>")
    text = summary(report)
    assert text.startswith("# Run run-1: refused\n\n**too &lt;many&gt;**")
    assert "| seen | 3 |" in text
    assert "| scan | 0.250 |" in text


def test_the_summary_tells_what_changed() -> None:
    report = Report("r", None, "published", {}, {}, changes=Changes(added=3, changed=2, withdrawn=1))
    rows = ("| articles added | 3 |", "| articles changed | 2 |", "| articles withdrawn | 1 |")
    assert all(row in summary(report) for row in rows)


def test_failed_audits_come_first_and_empty_tables_say_so() -> None:
    rows: list[dict[str, Any]] = [{"name": "a", "status": "pass"}, {"name": "b", "status": "fail", "offending_rows": 2}]
    text = audits(Report("r", None, "failed", {}, {}, audits=rows))
    assert text.index("| b |") < text.index("| a |")
    assert quarantine(Report("r", None, "published", {}, {})) == "# Quarantine\n\nNone.\n"
