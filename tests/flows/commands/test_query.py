"""`newsmart query` as a user calls it: where SQL comes from, parameters, the pager and what errors say."""

import io
import json
import sys
from pathlib import Path

import pytest

from flows.cli import main
from tests.documents import make_document
from tests.newsroom import Newsroom
from warehouse.queries.recipes import recipe_sql

SQL = "-- $least integer = 0: the fewest.\nselect title from articles where quality >= $least\n"


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    room = Newsroom.below(tmp_path_factory.mktemp("asked"))
    room.write("a.md", make_document("Asked", quality=5))
    room.run()
    return room


def _query(room: Newsroom, *arguments: str) -> int:
    return main(["query", *arguments, "--warehouse", str(room.warehouse)])


class Piped:
    """Stdin as a pipe gives it."""

    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)


def test_sql_comes_from_a_file(capsys: pytest.CaptureFixture[str], asked: Newsroom, tmp_path: Path) -> None:
    file = tmp_path / "q.sql"
    file.write_bytes(b"\xef\xbb\xbf" + SQL.encode())
    for least, rows in (("5", [{"title": "Asked"}]), ("6", [])):
        assert _query(asked, "--file", str(file), "--format", "json", "--set", f"least={least}") == 0
        assert json.loads(capsys.readouterr().out) == rows


def test_sql_comes_from_standard_input(
    capsys: pytest.CaptureFixture[str], asked: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Piped(SQL.encode()))
    assert _query(asked, "-", "--format", "csv") == 0
    assert capsys.readouterr().out.splitlines() == ["title", "Asked"]


def test_a_recipe_is_printed_and_what_is_printed_can_be_asked(
    capsys: pytest.CaptureFixture[str], asked: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["query", "--recipe", "most_cited_articles", "--sql"]) == 0
    printed = capsys.readouterr().out
    assert printed == recipe_sql("most_cited_articles")
    monkeypatch.setattr(sys, "stdin", Piped(printed.encode()))
    assert _query(asked, "-", "--set", "rows=1") == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("select 1", "--recipe", "freshness"), "argument --recipe: not allowed with argument SQL"),
        (("select 1", "--file", "x.sql"), "argument --file: not allowed with argument SQL"),
        (("select 1", "--sql"), "--sql prints a recipe"),
        ((), "no SQL is given"),
        (("--sql",), "no SQL is given"),
        (("--recipe", "--sql"), "--recipe needs the name of one"),
        (("select 1", "--set", "a=1"), "no such parameter: 'a' (it takes no parameter)"),
        (("select $a",), "wrong SQL: Invalid Input Error: Values were not provided for the following parameters: a"),
        (
            ("--recipe", "topics_on_the_rise", "--set", "day=3"),
            "no such parameter: 'day' (there are: days integer = 28)",
        ),
        (("--recipe", "topics_on_the_rise", "--set", "days=3; drop"), "the parameter takes a whole number"),
        (("--file", "nowhere.sql"), "cannot read the SQL: nowhere.sql: No such file"),
        (("--file", "/"), "cannot read the SQL: /: Is a directory"),
        (('select title from articles where title = "Azure"',), "(text stands in single quotes: 'Azure')"),
        (('select a."It\'s" from articles a',), "(text stands in single quotes: 'It''s')"),
    ],
)
def test_wrong_usage_is_exit_2_and_says_what_to_do(
    capsys: pytest.CaptureFixture[str], asked: Newsroom, arguments: tuple[str, ...], error: str
) -> None:
    assert _query(asked, *arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert error in told.err.splitlines()[0]


@pytest.mark.parametrize(
    "sql", ["select titel from articles", "select a.titel from articles a", "select 'x' as \"y\", z"]
)
def test_a_name_without_double_quotes_is_no_text(capsys: pytest.CaptureFixture[str], asked: Newsroom, sql: str) -> None:
    assert _query(asked, sql) == 2
    assert "single quotes" not in capsys.readouterr().err


def test_sql_that_is_no_text_or_too_long_is_refused(
    capsys: pytest.CaptureFixture[str], asked: Newsroom, tmp_path: Path
) -> None:
    file = tmp_path / "q.sql"
    for content, error in (
        (b"select '\xff'", "the SQL is not UTF-8"),
        (b" " * 5_000_001, "the SQL has over 5,000,000"),
    ):
        file.write_bytes(content)
        assert _query(asked, "--file", str(file)) == 2
        assert error in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "value", "sql"),
    [
        (
            "query_seconds",
            "0.3",
            "select count(*) from range(1000000000) a(i), range(1000000000) b(j) where hash(i + j) = 7",
        ),
        ("query_memory", "100MB", "select list(i) from range(100000000) t(i)"),
    ],
)
def test_what_meets_a_limit_names_the_setting(
    capsys: pytest.CaptureFixture[str],
    asked: Newsroom,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    value: str,
    sql: str,
) -> None:
    monkeypatch.setenv(f"NEWSMART_{setting.upper()}", value)
    assert _query(asked, sql) == 1
    assert f"raise {setting}" in capsys.readouterr().err


def test_on_a_terminal_the_pager_gets_a_table_that_fits(asked: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    paged: list[str] = []
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("flows.commands.query.page", paged.append)
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert _query(asked, "select repeat('word ', 50) as words, 1 as n") == 0
    assert _query(asked, "from articles") == 0
    assert [max(map(len, text.splitlines())) <= 60 for text in paged] == [True, True]
    assert "…" in paged[0]
    assert paged[1].startswith("-- row 1 ---")
