"""Notices from a document to the release: what is told, how it clears itself, and that it refuses nothing."""

from datetime import datetime
from pathlib import Path

import pytest

from flows.cli import main
from flows.sources.scan import Source
from tests.documents import make_document, make_mention
from tests.newsroom import A_DAY, FIRST_AS_OF, Newsroom, Rows
from warehouse.home import Home
from warehouse.ledger.opening import open_ledger
from warehouse.upkeep.takedown import purge

URL = "https://example.com/{}"
CUT = f'---\ntitle: Update #2\nwebUrl: "{URL.format("cut")}"\n---\n'
FRONT = "https://www.gazette.example/"
PLACE = 'path, line, "column", field, reason, found'


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """A newsroom with a notice and with a document without one, which is published; only to be read or copied."""
    room = Newsroom.below(tmp_path_factory.mktemp("origin"))
    room.write("a.md", CUT)
    room.write("b.md", make_document("b", URL.format("b")))
    result = room.run()
    assert (result.documents["new"], result.documents["quarantined"], result.quarantine_entries) == (2, 0, 0)
    assert result.changes["notices"] == 1
    return room


@pytest.fixture
def cut(origin: Newsroom, tmp_path: Path) -> Newsroom:
    """A copy of it."""
    return origin.copy(tmp_path)


def told(room: Newsroom, columns: str = "path, field, reason, found") -> Rows:
    """Return the notices of the current release."""
    return room.query(f"select {columns} from ops.notice order by all")


def test_a_cut_text_is_told_at_its_place_and_is_no_quarantine(origin: Newsroom) -> None:
    assert told(origin, PLACE) == [("a.md", 2, 15, "title", "cut_by_comment", "#2")]
    assert origin.one("select count(*) from ops.quarantine") == 0
    assert origin.query("select title from articles order by 1") == [("Update",), ("b",)]


def test_the_next_run_has_nothing_to_do_and_reads_nothing_again(cut: Newsroom) -> None:

    again = cut.run()

    assert (again.published, again.documents["unchanged"]) == (False, 2)
    with open_ledger(Home.of(cut.warehouse)) as connection:
        assert connection.execute("select known_at_ns from ledger.file_state").fetchall()
        assert connection.execute("select scope, last_seen_at from ledger.problem").fetchall() == [
            ("notice", FIRST_AS_OF + A_DAY)
        ]


def test_a_notice_clears_itself_also_where_the_content_stays(cut: Newsroom) -> None:
    cut.write("a.md", CUT.replace(" #2", ""))  # says the same: touched, and no new version

    result = cut.run()

    assert (result.documents["touched"], result.published) == (1, True)
    assert told(cut) == []


def test_a_source_that_is_not_given_keeps_its_notices(cut: Newsroom, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.md").write_text(make_document("b", URL.format("b")))

    cut.run(sources=[Source("other", str(other))])

    assert told(cut, "source, path") == [("news", "a.md")]


def test_a_removed_document_has_no_notice(cut: Newsroom) -> None:
    cut.remove("a.md")

    cut.run()

    assert told(cut) == []


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """A release of odd documents, a folder for each test; only to be read."""
    room = Newsroom.below(tmp_path_factory.mktemp("odd"))
    provider = {"name": "Gazette", "domain": "www.", "Images": []}
    related = [make_mention("r", URL.format("r"), Quality=5, images=[{"URL": "https://example.com/i.jpg"}])]
    room.write("keys/a.md", make_document("a", URL.format("a"), related, Heat=3, provider=provider))
    page = URL.format("notes/")
    room.write("pages/1.md", make_document("Release 1", page + "#v1"))
    room.write("pages/2.md", make_document("Release 2", page + "#v2"))
    room.write("pages/c.md", make_document("c", URL.format("c"), [make_mention("Release 3", page + "#v3")]))
    room.write("pages/d.md", make_document("d", URL.format("d#top")))
    room.write("pages/e.md", make_document("d", URL.format("d#comments")))  # one story
    room.write("same/a.md", make_document("one", URL.format("same")))
    room.write("same/b.md", make_document("two", URL.format("same?utm_source=x")))
    room.write("same/c.md", make_document("three", URL.format("q?a=1&#38;b=2")))
    room.write("same/d.md", make_document("four", URL.format("q?a=1&b=2")))
    room.run()
    return room


def told_below(room: Newsroom, folder: str) -> Rows:
    """Return the notices of the current release about documents in a folder."""
    return [row for row in told(room) if str(row[0]).startswith(f"{folder}/")]


def test_keys_in_the_wrong_case_and_a_domain_without_a_host(odd: Newsroom) -> None:
    assert told_below(odd, "keys") == [
        ("keys/a.md", "Heat", "odd_key", "Heat"),
        ("keys/a.md", "provider.Images", "odd_key", "Images"),
        ("keys/a.md", "provider.domain", "not_a_host", "www."),
        ("keys/a.md", "related[0].Quality", "odd_key", "Quality"),
        ("keys/a.md", "related[0].images[0].URL", "odd_key", "URL"),
    ]
    mentions = "fact_mention inner join dim_document using (document_key) where path = 'keys/a.md'"
    assert odd.one(f"select count(*) from {mentions}") == 2


def test_root_documents_that_differ_in_the_fragment_alone(odd: Newsroom) -> None:
    assert told_below(odd, "pages") == [
        ("pages/1.md", "webUrl", "fragment_only", URL.format("notes/#v1")),
        ("pages/2.md", "webUrl", "fragment_only", URL.format("notes/#v2")),
    ]


def test_two_documents_of_one_url_without_a_fragment_are_no_notice(odd: Newsroom) -> None:
    assert odd.one("select count(*) from dim_document where path like 'same/%'") == 4
    assert told_below(odd, "same") == []


def test_a_front_page_that_identifies_two_stories_is_told_from_the_second_on(newsroom: Newsroom) -> None:
    newsroom.write("a.md", make_document("Wolf protected", FRONT))
    newsroom.run()
    assert told(newsroom) == []
    newsroom.write("b.md", make_document("b", URL.format("b"), [make_mention("Need a book?", FRONT)]))

    newsroom.run()

    assert told(newsroom, "path, field, reason, found, first_seen_at") == [
        ("a.md", "webUrl", "front_page", FRONT, FIRST_AS_OF + A_DAY),
        ("b.md", "related[0].webUrl", "front_page", FRONT, FIRST_AS_OF + A_DAY),
    ]
    newsroom.write("b.md", make_document("b", URL.format("b"), [make_mention("WOLF: protected!", FRONT)]))
    newsroom.run()
    assert told(newsroom) == []


def test_a_takedown_takes_the_text_of_notices_and_leaves_the_bytes_of_other_documents_with_some(
    newsroom: Newsroom,
) -> None:
    word = "Zanzibarine"
    newsroom.write("a.md", f'---\ntitle: A #{word}\nwebUrl: "{URL.format("gone")}"\n---\n')
    newsroom.write("b.md", CUT)
    newsroom.run()
    purge(newsroom.warehouse, url=URL.format("gone"))
    newsroom.write("c.md", CUT.replace("/cut", "/c"))
    newsroom.run()

    assert told(newsroom, "path") == [("b.md",), ("c.md",)]
    files = [file for file in newsroom.warehouse.parent.rglob("*") if file.is_file()]
    assert [file for file in files if word.encode() in file.read_bytes()] == []
    with open_ledger(Home.of(newsroom.warehouse)) as connection:
        kept = connection.execute(
            "select count(*) from ledger.event as event inner join ledger.raw as raw using (byte_digest) "
            "inner join ledger.document as document using (document_id) where path = 'c.md'"
        ).fetchall()
    assert kept == [(1,)]


def test_a_warehouse_of_older_rules_comes_up_to_date_by_itself(newsroom: Newsroom) -> None:
    newsroom.write("a.md", CUT)
    newsroom.write("b.md", make_document("b", URL.format("b"), provider={"domain": "www."}))
    newsroom.run()
    _make_old(newsroom)

    result = newsroom.run()

    assert (result.published, result.documents["unchanged"]) == (True, 2)
    assert told(newsroom, f"{PLACE}, first_seen_at") == [
        ("a.md", 2, 15, "title", "cut_by_comment", "#2", FIRST_AS_OF + A_DAY),
        ("b.md", 5, 11, "provider.domain", "not_a_host", "www.", FIRST_AS_OF + A_DAY),
    ]


def test_reading_again_keeps_what_was_seen_before(cut: Newsroom) -> None:

    cut.run(reparse=True)

    assert told(cut, "path, first_seen_at") == [("a.md", FIRST_AS_OF)]


def test_reading_again_tells_nothing_of_documents_that_are_gone_or_bad(newsroom: Newsroom) -> None:
    newsroom.write("a.md", CUT)
    newsroom.write("b.md", CUT.replace("/cut", "/b"))
    newsroom.write("c.md", make_document("c", URL.format("c")))
    newsroom.run()
    newsroom.remove("a.md")
    newsroom.write("b.md", "---\n---\n")
    newsroom.run()

    newsroom.run(reparse=True)

    assert told(newsroom) == []
    assert newsroom.one("select count(*) from dim_article where title = 'Update'") == 2


def _make_old(room: Newsroom) -> None:
    """Let the ledger be one of rules that knew no notices."""
    with open_ledger(Home.of(room.warehouse)) as connection:
        connection.execute("update ledger.meta set value = '2' where name = 'rules_version'")
        connection.execute("delete from ledger.problem")


def test_the_command_lists_notices(cut: Newsroom, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["quarantine", "--warehouse", str(cut.warehouse)]

    assert main(options) == 0
    assert capsys.readouterr().out == "nothing is in quarantine\n"
    assert main([*options, "--notices"]) == 0
    assert capsys.readouterr().out.startswith("news/a.md:2:15 title: cut_by_comment: expected quotes round")
    assert main([*options, "--notices", "--json"]) == 0
    assert f'"first_seen_at": "{datetime.isoformat(FIRST_AS_OF)}Z"' in capsys.readouterr().out


def test_the_command_says_where_there_are_none(published: Newsroom, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["quarantine", "--notices", "--warehouse"]

    assert main([*options, str(published.folder / "none.duckdb")]) == 2
    assert main([*options, str(published.warehouse)]) == 0
    assert capsys.readouterr().out == "there are no notices\n"
