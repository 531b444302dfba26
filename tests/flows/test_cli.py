"""The commands as a user calls them: exit statuses, one clear line, JSON where it was asked for."""

import csv
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from flows.cli import main
from schemas.errors import RunFailed
from schemas.tables import BASE_TABLES
from tests.documents import make_document, make_mention
from tests.newsroom import Newsroom
from warehouse.home import Home
from warehouse.state import read_state, write_state

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """A warehouse with one release, one problem in quarantine and one unknown field; nobody changes it."""
    room = Newsroom.below(tmp_path_factory.mktemp("shared"))
    listed = [make_mention("listed", "https://example.com/listed"), make_mention("bad", "ftp://example.com/<i>")]
    room.write("a.md", make_document("<b>bold</b>", related=listed, novelty="new"))
    room.run()
    return room


@pytest.fixture
def published(shared: Newsroom, tmp_path: Path) -> Newsroom:
    """A copy of it, to be changed."""
    return shared.copy(tmp_path)


def _call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    out, err = capsys.readouterr()
    return status, out, err


def _on(room: Newsroom, *arguments: str) -> tuple[str, ...]:
    return (*arguments, "--warehouse", str(room.warehouse))


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("frobnicate",),
        ("run", "--direct", "--source", "nowhere"),
        ("run", "--direct", "--source", "a=seeds", "--source", "a=schemas"),
        ("run", "--direct", "--as-of", "yesterday"),
        ("run", "--direct", "--as-of", "2999-01-01"),
        ("run", "--direct", "--max-quarantine", "2"),
        ("run", "--direct", "--workers", "-1"),
        ("serve", "--cron", "* * * * *", "--every", "5"),
        ("query",),
        ("query", "--recipe", "no_such_recipe"),
        ("purge",),
        ("build", "--as-of", "2024-01-01"),
        ("status", "--max-age", "soon"),
        ("status", "--max-run-age", "soon"),
        ("serve", "--every", "5", "--port", "99999999"),
        ("serve", "--every", "5", "--port", "-1"),
    ],
)
def test_wrong_usage_is_exit_2_and_one_line(
    capsys: pytest.CaptureFixture[str],
    shared: Newsroom,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
) -> None:
    monkeypatch.chdir(ROOT)
    file = shared.warehouse if arguments[:1] == ("status",) else tmp_path / "news.duckdb"
    monkeypatch.setenv("NEWSMART_WAREHOUSE", str(file))

    status, out, err = _call(capsys, *arguments)

    assert (status, out) == (2, "")
    assert err.startswith("newsmart: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "help"),
    [
        (("query", "--nope"), "newsmart query --help"),
        (("run", "seeds"), "newsmart run --help"),
        (("query", "--format", "xml"), "newsmart query --help"),
        (("--nope", "query"), "newsmart query --help"),
        (("--nope",), "newsmart --help"),
    ],
)
def test_wrong_options_name_the_help_of_their_command(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], help: str
) -> None:
    status, _, err = _call(capsys, *arguments)

    assert status == 2
    assert err.endswith(f" (see `{help}`)\n")


def test_run_json_is_the_last_line_and_has_the_contracts_names(
    capsys: pytest.CaptureFixture[str], newsroom: Newsroom
) -> None:
    newsroom.write("a.md", make_document())
    arguments = _on(newsroom, "run", "--direct", "--json", "--source", f"news={newsroom.folder}")

    status, out, _ = _call(capsys, *arguments)

    told = json.loads(out.splitlines()[-1])
    assert status == 0
    assert list(told) == [
        *(
            "run_id",
            "as_of",
            "published",
            "release",
            "documents",
            "mentions",
            "articles",
            "quarantine_entries",
            "seconds",
            "build",
        )
    ]
    assert (told["build"]["kind"], told["build"]["reason"]) == ("whole", "first_load")
    assert list(told["documents"]) == ["seen", "new", "changed", "touched", "unchanged", "quarantined", "removed"]
    assert list(told["seconds"]) == ["scan", "read", "record", "build", "audit", "publish", "total"]
    assert (told["published"], Path(told["release"]).is_file()) == (True, True)
    again = json.loads(_call(capsys, *arguments)[1].splitlines()[-1])
    assert (again["published"], again["release"]) == (False, None)


def _run_json(capsys: pytest.CaptureFixture[str], room: Newsroom, *more: str) -> tuple[int, dict[str, Any], str]:
    """Run with --json; give the status, the object on the only line of stdout, and the last line of stderr."""
    place = _on(room, "run", "--direct", "--json", "--source", f"news={room.folder}", *more)
    status, out, err = _call(capsys, *place)
    (line,) = out.splitlines()
    return status, json.loads(line), err.splitlines()[-1]


def test_a_refused_run_prints_the_object_too(capsys: pytest.CaptureFixture[str], published: Newsroom) -> None:
    for number in range(11):
        published.write(f"{number}.md", "no front matter")
    status, told, err = _run_json(capsys, published)
    assert (status, told["published"], told["release"], told["quarantine_entries"]) == (1, False, None, 12)
    assert (told["documents"]["seen"], told["documents"]["quarantined"]) == (12, 11)
    assert told["run_id"] == json.loads(_call(capsys, *_on(published, "status", "--json"))[1])["run"]["run_id"]
    assert "11 of 12" in err
    text = _call(capsys, *_on(published, "run", "--direct", "--source", f"news={published.folder}"))[1]
    assert "12 documents seen" in text
    assert "up to date" not in text


def test_a_run_that_published_says_so_though_a_source_could_not_be_read(
    capsys: pytest.CaptureFixture[str], published: Newsroom, tmp_path: Path
) -> None:
    (tmp_path / "cut.zip").write_bytes(b"PK")
    more = ("--source", f"z=zip://{tmp_path / 'cut.zip'}")
    published.write("b.md", make_document("b", "https://example.com/b"))
    status, told, err = _run_json(capsys, published, *more)
    assert (status, told["published"], Path(told["release"]).is_file()) == (1, True, True)
    assert "the rest was published" in err
    status, told, err = _run_json(capsys, published, *more)
    assert (status, told["published"], told["release"]) == (1, False, None)
    assert "nothing was new to publish" in err


def test_a_run_that_fails_before_it_counts_prints_the_object_with_what_is_known(
    capsys: pytest.CaptureFixture[str], newsroom: Newsroom
) -> None:
    status, told, err = _run_json(capsys, newsroom)
    assert (status, told["published"], told["mentions"]) == (1, False, None)
    assert told["run_id"].startswith("run-")
    assert set(told["documents"].values()) == {None}
    assert "holds no document" in err


def test_a_source_without_documents_is_exit_1(capsys: pytest.CaptureFixture[str], newsroom: Newsroom) -> None:
    status, _, err = _call(capsys, *_on(newsroom, "run", "--direct", "--source", str(newsroom.folder)))
    assert status == 1
    assert "holds no document" in err.splitlines()[-1]
    assert not newsroom.warehouse.exists()


def test_quarantine_and_drift_tell_places(capsys: pytest.CaptureFixture[str], shared: Newsroom) -> None:
    (problem,) = json.loads(_call(capsys, *_on(shared, "quarantine", "--json"))[1])
    assert list(problem) == [
        *("source", "path", "line", "column", "field", "reason", "expected", "found", "first_seen_at", "last_seen_at")
    ]
    assert (problem["source"], problem["path"], problem["field"]) == ("news", "a.md", "related[1].webUrl")
    text = shared.folder.joinpath("a.md").read_text().splitlines()
    assert text[problem["line"] - 1][problem["column"] - 1 :].strip('"') == "ftp://example.com/<i>"
    assert "news/a.md:" in _call(capsys, *_on(shared, "quarantine"))[1]
    (drift,) = json.loads(_call(capsys, *_on(shared, "drift", "--json"))[1])
    assert (drift["field"], drift["path"]) == ("novelty", "a.md")


def test_url_explains_each_in_order_and_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = _call(capsys, "url", "--json", "--", "https://www.example.com/a?utm_source=x", "-no url")
    first, second = json.loads(out)
    assert status == 0
    assert (first["url_key"], second["url_key"]) == ("example.com/a", None)
    assert any("utm_source" in rule for rule in first["rules"])
    assert second["reason"]


def test_no_name_and_no_argument_steers_the_terminal_or_forges_a_line(
    capsys: pytest.CaptureFixture[str], newsroom: Newsroom
) -> None:
    newsroom.write("a.md", make_document())
    (newsroom.folder / "b\x1b[2J\nnewsmart: all is well.md").symlink_to("nowhere")
    source = f"news={newsroom.folder}"
    _, _, err = _call(capsys, *_on(newsroom, "run", "--direct", "--quiet", "--source", source))
    assert "skipped news/b\\x1b[2J\\nnewsmart: all is well.md" in err
    _, out, _ = _call(capsys, "url", "--", "https://example.com/\x1b[2J\n  key     forged")
    assert "\x1b" not in out
    assert not any(line.startswith("  key     forged") for line in out.splitlines())
    _, _, err = _call(capsys, *_on(newsroom, "run", "--direct", "--source", "no\x1b[2J\nnewsmart: all is well"))
    assert err.startswith("newsmart: no such source folder: no\\x1b[2J newsmart: all is well (")


def test_quoted_text_that_is_printed_again_steers_no_terminal_either(
    capsys: pytest.CaptureFixture[str], published: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    published.write("b\x1b[2J\n.md", "no front matter")
    published.run(max_quarantine=1.0)
    home = Home.of(published.warehouse)
    state = read_state(home)
    assert state is not None
    write_state(
        home, {**state, "run": {**state["run"], "status": "failed", "error": "lost \x1b]0;x\x07 \x9b2J \u202e"}}
    )
    for command, words in (
        ("quarantine", "news/b\\x1b[2J\\n.md:1:1"),
        ("status", "lost \\x1b]0;x\\x07 \\x9b2J \\u202e"),
    ):
        out = _call(capsys, *_on(published, command))[1]
        assert words in out
        assert not any(sign in out for sign in "\x1b\x07\x9b\u202e")

    def fail(*_: object, **__: object) -> None:
        raise RunFailed("it failed", detail="at\x1b[2J\n  ^")

    monkeypatch.setattr("warehouse.queries.query.run_query", fail)
    assert _call(capsys, *_on(published, "query", "select 1"))[2] == "newsmart: it failed\n  at\\x1b[2J\n    ^\n"


def test_query_formats(capsys: pytest.CaptureFixture[str], shared: Newsroom) -> None:
    sql = "select title, 9007199254740993 as big from articles where is_root"
    assert json.loads(_call(capsys, *_on(shared, "query", sql, "--format", "json"))[1]) == [
        {"title": "<b>bold</b>", "big": "9007199254740993"}
    ]
    assert (
        _call(capsys, *_on(shared, "query", sql, "--format", "csv"))[1].splitlines()[1]
        == "<b>bold</b>,9007199254740993"
    )
    assert "(1 row)" in _call(capsys, *_on(shared, "query", sql))[1]
    assert _call(capsys, *_on(shared, "query", "--recipe"))[1].count("\n") >= 15
    assert _call(capsys, *_on(shared, "query", "copy articles to 'x.csv'"))[0] == 2


def test_the_cookbook_is_listed_in_the_format_that_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    listed = [line.split()[0] for line in _call(capsys, "query", "--recipe")[1].splitlines()]
    told = json.loads(_call(capsys, "query", "--recipe", "--format", "json")[1])
    assert [set(one) for one in told] == [{"recipe", "question", "notes", "parameters"}] * len(listed)
    assert [one["recipe"] for one in told] == listed
    rows = list(csv.reader(io.StringIO(_call(capsys, "query", "--recipe", "--format", "csv")[1])))
    assert rows == [["recipe", "question", "notes", "parameters"], *([*one.values()] for one in told)]


def test_a_recipe_answers_in_the_format_that_was_asked_for(
    capsys: pytest.CaptureFixture[str], shared: Newsroom
) -> None:
    asked = _on(shared, "query", "--recipe", "quarantine_by_reason")
    told = json.loads(_call(capsys, *asked, "--format", "json")[1])
    assert len(told) == 1
    assert _call(capsys, *asked, "--format", "csv")[1].splitlines()[0] == ",".join(told[0])


@pytest.mark.parametrize(
    ("sql", "status", "shown"),
    [
        ("selec 1", 2, ["  LINE 1: selec 1", "          ^^^^^"]),
        ("select\n\ttilte\nfrom articles", 2, ["  LINE 2: tilte", "          ^^^^^"]),
        (
            "select '\x1b[2J', tilte from articles",
            2,
            ["  LINE 1: select '[2J', tilte from articles", 24 * " " + "^^^^^"],
        ),
        ("select cast('x' as int)", 1, ["  LINE 1: select cast('x' as int)", 17 * " " + 16 * "^"]),
        ("select 1; select 2", 2, []),
    ],
)
def test_wrong_sql_is_one_line_and_the_place_below_it(
    capsys: pytest.CaptureFixture[str], shared: Newsroom, sql: str, status: int, shown: list[str]
) -> None:
    told, out, err = _call(capsys, *_on(shared, "query", sql))
    first, *below = err.splitlines()
    assert (told, out) == (status, "")
    assert first.startswith("newsmart: ")
    assert "^" not in first
    assert below == shown


def test_status_in_every_form_and_its_exit_status(capsys: pytest.CaptureFixture[str], shared: Newsroom) -> None:
    told = json.loads(_call(capsys, *_on(shared, "status", "--json"))[1])
    assert (told["run"]["status"], told["release"]["articles"], told["quarantine_entries"]) == ("published", 2, 1)
    assert "1 problem; 1 unknown field\n" in _call(capsys, *_on(shared, "status"))[1]
    metrics = _call(capsys, *_on(shared, "status", "--format", "prometheus"))[1]
    assert "newsmart_last_run_ok 1\n" in metrics
    assert 'newsmart_documents{class="new"} 1\n' in metrics
    assert _call(capsys, *_on(shared, "status", "--max-age", "1d"))[0] == 0
    time.sleep(0.01)
    assert _call(capsys, *_on(shared, "status", "--max-age", "0.001s"))[0] == 1
    assert 0 < told["run_age_seconds"] <= told["release_age_seconds"]
    assert "newsmart_last_run_age_seconds " in metrics
    assert _call(capsys, *_on(shared, "status", "--max-run-age", "1d"))[0] == 0
    assert _call(capsys, *_on(shared, "status", "--max-run-age", "0.001s", "--max-age", "1d"))[0] == 1


def test_status_before_the_first_run_says_what_to_do(capsys: pytest.CaptureFixture[str], newsroom: Newsroom) -> None:
    status, _, err = _call(capsys, *_on(newsroom, "status"))
    assert status == 1
    assert "newsmart run" in err


def test_the_report_is_one_escaped_page(capsys: pytest.CaptureFixture[str], shared: Newsroom, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert _call(capsys, *_on(shared, "report", "--to", str(page)))[0] == 0
    text = page.read_text()
    assert "ftp://example.com/&lt;i&gt;" in text
    assert "<i>" not in text
    assert "<b>bold" not in text


@pytest.mark.parametrize("arguments", [("report",), ("build", "--as-of", "2024-01-01")], ids=lambda words: words[0])
def test_a_file_to_write_needs_a_folder_that_is_there(
    capsys: pytest.CaptureFixture[str], shared: Newsroom, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for place in (tmp_path / "no" / "x", tmp_path, pipe):
        status, out, err = _call(capsys, *_on(shared, *arguments, "--to", str(place)))
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert "choose another --to" in err
    assert pipe.is_fifo()


def test_the_ledgers_commands(capsys: pytest.CaptureFixture[str], published: Newsroom, tmp_path: Path) -> None:
    target = tmp_path / "then.duckdb"
    assert _call(capsys, *_on(published, "build", "--as-of", "2024-01-01", "--to", str(target)))[0] == 0
    assert target.is_file()
    status, out, _ = _call(capsys, *_on(published, "verify"))
    assert (status, out.count("equal ")) == (0, len(BASE_TABLES))
    assert _call(capsys, *_on(published, "rollback"))[0] == 1
    assert len(json.loads(_call(capsys, *_on(published, "releases", "--json"))[1])) == 1
    assert _call(capsys, *_on(published, "doctor"))[0] == 0
    assert _call(capsys, *_on(published, "backup", "--to", str(tmp_path / "backup")))[0] == 0
    assert _call(capsys, *_on(published, "restore", "--from", str(tmp_path / "backup")))[0] == 2
    assert _call(capsys, *_on(published, "restore", "--from", str(tmp_path / "backup"), "--force"))[0] == 0
    assert _call(capsys, *_on(published, "maintain"))[0] == 0
    assert _call(capsys, *_on(published, "purge", "--path", "news/a.md"))[0] == 0


def test_a_fault_of_ours_is_one_line_and_a_traceback_only_with_debug(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(text: str) -> None:
        raise ZeroDivisionError("broken\nwithin")

    monkeypatch.setattr("flows.commands.url.explain", broken)
    status, _, err = _call(capsys, "url", "x")
    assert (status, err.count("\n")) == (1, 1)
    assert "ZeroDivisionError: broken within" in err
    assert "Traceback" in _call(capsys, "url", "x", "--debug")[2]


def test_help_imports_nothing_heavy() -> None:
    heavy = ("duckdb", "prefect", "pyarrow", "pydantic", "numpy", "yaml")
    code = (
        "import sys, flows.cli; flows.cli.build_parser().format_help(); "
        f"print([n for n in {heavy} if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = _call(capsys, "--version")
    assert (status, out.startswith("newsmart 0.")) == (0, True)


def test_backfill_goes_on_where_it_stopped(
    capsys: pytest.CaptureFixture[str], newsroom: Newsroom, tmp_path: Path
) -> None:
    for day in ("one", "two"):
        folder = tmp_path / "replay" / day
        folder.mkdir(parents=True)
        folder.joinpath("a.md").write_text(make_document(f"story of {day}"))
    steps = [{"as_of": "2024-01-01", "folder": "one"}, {"as_of": "2024-01-02T00:00:00Z", "folder": "two"}]
    manifest = tmp_path / "replay" / "manifest.json"
    manifest.write_text(json.dumps(steps))

    status, out, _ = _call(capsys, *_on(newsroom, "backfill", str(manifest), "--direct", "--json"))

    assert (status, [json.loads(line)["documents"]["new"] for line in out.splitlines()]) == (0, [1, 0])
    assert newsroom.query("select title, is_current from article_history order by valid_from") == [
        ("story of one", False),
        ("story of two", True),
    ]
    assert "nothing to do" in _call(capsys, *_on(newsroom, "backfill", str(manifest), "--direct"))[1]
    manifest.write_text("{}")
    assert _call(capsys, *_on(newsroom, "backfill", str(manifest), "--direct"))[0] == 2


ONE_STORY = ("https://www.example.com/us/who-won", "https://www.example.com/uk/who-won?utm_source=x")
TWO_STORIES = ("https://www.example.com/us/who-won", "https://www.example.com/us/who-lost")


def _same(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Return what `url --same --json` tells."""
    status, out, _ = _call(capsys, "url", "--same", "--json", *arguments)
    assert status == 0
    told: dict[str, Any] = json.loads(out)
    return told


def test_url_same_tells_of_one_key_and_of_two(capsys: pytest.CaptureFixture[str]) -> None:
    one = _same(capsys, "https://a.com/x", "http://www.a.com/x/?utm_source=y")
    assert (one["is_same"], one["reason"]) == (True, "the URL policy gives both one key")
    assert [told["url_key"] for told in one["urls"]] == ["a.com/x", "a.com/x"]
    assert "warehouse" not in one
    may = _same(capsys, *ONE_STORY)
    assert (may["is_same"], may["reason"].rpartition(", ")[2]) == (False, "as they share the slug who-won")
    assert _same(capsys, *TWO_STORIES)["reason"].endswith("an alias that both declare would not join them")
    status, out, _ = _call(capsys, "url", "--same", *TWO_STORIES)
    assert (status, "same      no\n" in out, "policy    the URL policy gives them two keys" in out) == (0, True, True)


@pytest.fixture(scope="module")
def aliased(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """A warehouse in which documents share an alias; nobody changes it."""
    room = Newsroom.below(tmp_path_factory.mktemp("aliased"))
    for number, url in enumerate([*ONE_STORY, TWO_STORIES[1]]):
        room.write(f"{number}.md", make_document(url=url, ampWebUrl="https://www.example.com/live/today"))
    amp, foreign = "https://example.com/amp/other", "https://b.org/elsewhere"
    room.write("other.md", make_document(url="https://example.com/other", ampWebUrl=amp, originalUrl=foreign))
    room.run()
    return room


@pytest.mark.parametrize(
    ("pair", "is_same", "reason"),
    [
        (ONE_STORY, True, "they are one article, by the shared alias example.com/live/today"),
        (TWO_STORIES, False, "they are two articles: the alias example.com/live/today that they share joins only"),
        ((TWO_STORIES[1], "https://example.com/other"), False, "they are two articles: no document declares them"),
        (("https://example.com/other", "https://example.com/amp/other"), True, "they are one article, by what its"),
        ((TWO_STORIES[1], "https://example.com/never"), False, "no document names example.com/never"),
        ((TWO_STORIES[1], "https://b.org/elsewhere"), False, "no article owns b.org/elsewhere"),
    ],
)
def test_url_same_asks_a_warehouse(
    capsys: pytest.CaptureFixture[str], aliased: Newsroom, pair: tuple[str, str], is_same: bool, reason: str
) -> None:
    told = _same(capsys, *pair, "--warehouse", str(aliased.warehouse))

    assert (told["is_same"], told["warehouse"]["is_same"]) == (is_same, is_same)
    assert told["warehouse"]["reason"].startswith(reason)
    keys = told["warehouse"]["article_keys"]
    assert (keys[0] == keys[1]) is is_same
    for alias in told["warehouse"]["aliases"]:
        assert alias["alias"] == "example.com/live/today"
        assert alias["is_joined"] is ("who-won" in alias["declaring_key"])
        assert alias["reason"]
    status, out, _ = _call(capsys, "url", "--same", *pair, "--warehouse", str(aliased.warehouse))
    assert (status, f"warehouse {reason}" in out) == (0, True)


def test_url_same_says_what_is_wrong(capsys: pytest.CaptureFixture[str], newsroom: Newsroom) -> None:
    missing = ("--warehouse", str(newsroom.warehouse))
    for arguments, said in [
        (("--same", "https://a.com/x", "no url"), "newsmart: not a URL: no url ("),
        (("--same", "https://a.com/x", ""), "newsmart: not a URL: '' ("),
        (("--same", "https://a.com/x"), "newsmart: --same takes two URLs: 1 given"),
        (("--same", *ONE_STORY, "https://a.com/"), "newsmart: --same takes two URLs: 3 given"),
        (("https://a.com/x", *missing), "newsmart: --warehouse is for two URLs and --same"),
        (("--same", *ONE_STORY, *missing), "newsmart: there is no release yet: "),
    ]:
        status, out, err = _call(capsys, "url", *arguments)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert err.startswith(said)


def test_url_same_wants_a_release_of_its_own_rules(
    capsys: pytest.CaptureFixture[str], shared: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.queries.lookup.POLICY_VERSION", 10_000)

    status, _, err = _call(capsys, "url", "--same", *ONE_STORY, "--warehouse", str(shared.warehouse))

    assert status == 1
    assert err.startswith("newsmart: another version of newsmart made this release: ")
    assert "`newsmart run` makes it anew" in err
