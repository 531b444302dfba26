"""Recording: the classes of the balance, the events appended, what is read again, and the quarantine."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from flows.reading.read import read_batch
from schemas.batches import ReadBatch
from tests.documents import Plain, make_document, make_mention
from tests.ledgers import Row, T
from tests.recording import SCANNED_AT_NS, observe, record_folders, references_of
from warehouse.ledger import record
from warehouse.ledger.feed import Feed
from warehouse.ledger.intake import take_in
from warehouse.ledger.opening import change_number, transaction
from warehouse.ledger.record import Balance

BAD = "---\nwebUrl: https://a.com/1\n---\n"
PAST_NS = 10**18
Reader = Callable[[ReadBatch], ReadBatch]


@dataclass
class Desk:
    """A ledger in memory and a source folder."""

    connection: duckdb.DuckDBPyConnection
    folder: Path

    def write(self, path: str, text: str, mtime_ns: int = PAST_NS) -> None:
        """Write a document with an mtime of long ago."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        os.utime(file, ns=(mtime_ns, mtime_ns))

    def record(self, as_of: datetime, *, read_all: bool = False) -> dict[str, int]:
        """Record the folder; return the classes that are not 0."""
        balance = record_folders(self.connection, as_of, self.folder, read_all=read_all)
        return told(balance)

    def ask(self, sql: str) -> list[Row]:
        """Ask the ledger."""
        return self.connection.execute(sql).fetchall()

    def events(self, path: str = "a.md") -> list[Row]:
        """Return as-of and whether it is there, of each event of a document."""
        return self.ask(
            "select as_of, content_id is not null from ledger.event inner join ledger.document using (document_id) "
            f"where path = '{path}' order by as_of"
        )

    def to_read(self) -> list[str]:
        """Return the paths that a run would open now."""
        with transaction(self.connection):
            table = record.compare(self.connection, observe(self.folder))
        return [str(path) for path in table["path"].to_pylist()]

    def open_problems(self) -> list[Row]:
        """Return reason, found, first and last seen of each open problem."""
        return self.ask(
            "select reason, found, first_seen_at, last_seen_at from ledger.problem "
            "where cleared_at is null order by all"
        )


def told(balance: Balance) -> dict[str, int]:
    """Return the classes that are not 0."""
    return {name: count for name, count in balance.as_dict().items() if count}


@pytest.fixture
def desk(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> Desk:
    """Give an empty ledger and an empty source."""
    folder = tmp_path / "news"
    folder.mkdir()
    return Desk(connection, folder)


def test_each_class_of_the_balance(desk: Desk) -> None:
    for name in ("same", "changed", "touched", "bad", "gone"):
        desk.write(f"{name}.md", make_document(name, body="one\n"))
    assert desk.record(T[0]) == {"seen": 5, "new": 5}
    desk.write("changed.md", make_document("changed", body="two\n"))
    desk.write("touched.md", make_document("touched", body="one\r\n", secured="other"))
    desk.write("bad.md", BAD)
    desk.write("new.md", make_document("new"))
    (desk.folder / "gone.md").unlink()

    balance = desk.record(T[1])

    assert balance == {"seen": 5, "new": 1, "changed": 1, "touched": 1, "unchanged": 1, "quarantined": 1, "removed": 1}
    assert desk.events("touched.md") == desk.events("bad.md") == desk.events("same.md") == [(T[0], True)]
    assert desk.events("changed.md") == [(T[0], True), (T[1], True)]
    assert desk.events("gone.md") == [(T[0], True), (T[1], False)]
    assert desk.record(T[2]) == {"seen": 5, "unchanged": 4, "quarantined": 1}


def test_a_return_to_an_earlier_content_is_a_change(desk: Desk) -> None:
    for number, title in enumerate("ABA"):
        desk.write("a.md", make_document(title))
        assert desk.record(T[number]) == {"seen": 1, "changed" if number else "new": 1}

    assert len(desk.events()) == 3
    assert desk.ask("select count(*), count(distinct content_id) from ledger.event") == [(3, 2)]


def test_what_returns_after_removal_is_changed_and_its_bytes_are_kept(desk: Desk) -> None:
    desk.write("a.md", make_document())
    desk.record(T[0])
    desk.write("a.md", make_document(secured="only touched"))
    assert desk.record(T[1]) == {"seen": 1, "touched": 1}
    moved = desk.folder.parent / "moved"
    (desk.folder / "a.md").rename(moved)
    assert desk.record(T[2]) == {"removed": 1}
    moved.rename(desk.folder / "a.md")

    assert desk.record(T[3]) == {"seen": 1, "changed": 1}

    assert desk.events() == [(T[0], True), (T[2], False), (T[3], True)]
    kept = "select count(*) from ledger.event inner join ledger.raw using (byte_digest) where content_id is not null"
    assert desk.ask(kept) == [(2,)]


def test_a_bad_document_keeps_its_version_and_mended_to_it_is_unchanged(desk: Desk) -> None:
    good = make_document()
    for number, (text, expected) in enumerate(
        [
            (good, "new"),
            (BAD, "quarantined"),
            (good, "unchanged"),
            (BAD, "quarantined"),
            (make_document("x"), "changed"),
        ]
    ):
        desk.write("a.md", text)
        assert desk.record(T[number]) == {"seen": 1, expected: 1}, number

    assert desk.events() == [(T[0], True), (T[4], True)]


def test_a_bad_document_that_is_mended_at_last_is_new(desk: Desk) -> None:
    desk.write("a.md", BAD)
    assert desk.record(T[0]) == {"seen": 1, "quarantined": 1}
    desk.write("a.md", make_document())

    assert desk.record(T[1]) == {"seen": 1, "new": 1}


def test_a_document_with_an_open_problem_that_is_encrypted_anew_is_touched(desk: Desk) -> None:
    for number, (secret, expected) in enumerate([("one", "new"), ("two", "touched"), ("two", "unchanged")]):
        desk.write("a.md", make_document(ampWebUrl="nowhere", secured=secret))
        assert desk.record(T[number]) == {"seen": 1, expected: 1}, number

    assert desk.open_problems() == [("not_a_url", "nowhere", T[0], T[2])]


def test_known_metadata_spares_the_reading(desk: Desk) -> None:
    desk.write("a.md", make_document())
    desk.record(T[0])

    assert desk.to_read() == []
    desk.write("b.md", make_document())
    assert desk.to_read() == ["b.md"]
    os.utime(desk.folder / "a.md", ns=(PAST_NS, PAST_NS + 1))
    assert desk.to_read() == ["a.md", "b.md"]


@pytest.mark.parametrize(("age_ns", "is_read"), [(2 * 10**9, True), (2 * 10**9 + 1, False), (-(10**9), True)])
def test_a_fresh_mtime_is_not_trusted(desk: Desk, age_ns: int, is_read: bool) -> None:
    desk.write("a.md", make_document(), SCANNED_AT_NS - age_ns)
    desk.record(T[0])

    assert desk.to_read() == (["a.md"] if is_read else [])


def test_all_is_read_on_demand_and_what_is_bad_always(desk: Desk) -> None:
    desk.write("a.md", make_document())
    desk.write("b.md", BAD)
    desk.write("c.md", make_document(related=[make_mention(quality=-5)]))
    desk.record(T[0])

    assert desk.to_read() == ["b.md", "c.md"]
    table = record.compare(desk.connection, observe(desk.folder, read_all=True))
    assert table["path"].to_pylist() == ["a.md", "b.md", "c.md"]


def test_a_date_that_lay_too_far_ahead_is_taken_in_when_its_time_has_come(desk: Desk) -> None:
    ahead = T[0].replace(year=T[0].year + 2, day=5)
    related = [make_mention("Later", "https://a.com/later", publishedDateTime=ahead.isoformat())]
    desk.write("a.md", make_document(related=related))
    assert desk.record(T[0]) == {"seen": 1, "new": 1}
    assert [row[0] for row in desk.open_problems()] == ["date_out_of_range"]

    assert desk.record(T[8]) == {"seen": 1, "changed": 1}

    assert desk.open_problems() == []
    counts = "select count(*) from ledger.event inner join ledger.content_entry using (content_id) group by as_of"
    assert desk.ask(f"{counts} order by as_of") == [(1,), (2,)]


def test_sources_not_given_are_not_looked_at(desk: Desk, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for folder in (desk.folder, other):
        (folder / "a.md").write_text(make_document())
    assert told(record_folders(desk.connection, T[0], desk.folder, other)) == {"seen": 2, "new": 2}
    (desk.folder / "a.md").unlink()

    assert told(record_folders(desk.connection, T[1], other)) == {"seen": 1, "unchanged": 1}
    assert told(record_folders(desk.connection, T[2], desk.folder)) == {"removed": 1}


def test_below_a_folder_that_cannot_be_listed_nothing_is_removed(desk: Desk) -> None:
    for path in ("sub/a.md", "sub/deep/a.md", "subway/a.md", "a.md"):
        desk.write(path, make_document())
    desk.record(T[0])
    found = observe(desk.folder)
    hidden = record.Observation(found.files.slice(0, 0), found.sources, [("news", "sub")], (), read_all=False)
    with transaction(desk.connection):
        record.compare(desk.connection, hidden)
        balance = record.append_events(desk.connection, T[1], SCANNED_AT_NS)

    assert told(balance) == {"removed": 2}
    assert desk.events("sub/a.md") == desk.events("sub/deep/a.md") == [(T[0], True)]


def test_a_whole_source_that_cannot_be_listed_loses_nothing(desk: Desk) -> None:
    desk.write("a.md", BAD)
    desk.record(T[0])
    hidden = record.Observation(observe(desk.folder).files.slice(0, 0), ["news"], [("news", "")], (), read_all=False)
    with transaction(desk.connection):
        record.compare(desk.connection, hidden)
        balance = record.append_events(desk.connection, T[1], SCANNED_AT_NS)

    assert told(balance) == {}
    assert desk.open_problems() == [("missing", None, T[0], T[0])]


def test_a_name_that_is_no_text_is_a_bad_document(desk: Desk) -> None:
    (desk.folder / os.fsdecode(b"a\xff.md")).write_text(make_document())

    assert desk.record(T[0]) == {"seen": 1, "quarantined": 1}
    assert desk.record(T[1]) == {"seen": 1, "quarantined": 1}
    assert desk.open_problems() == [("bad_name", "a\\xff.md (escaped)", T[0], T[1])]
    assert desk.to_read() == []


def test_a_name_that_is_no_text_is_never_taken_for_another_file(desk: Desk) -> None:
    (desk.folder / os.fsdecode(b"a\xff.md")).write_text(make_document())
    desk.write("a\\xff.md", make_document())

    for moment in T[:3]:
        assert desk.record(moment)["seen"] == 2
    assert desk.ask("select count(*), count(distinct document_key) from ledger.document") == [(2, 2)]
    assert [row[0] for row in desk.open_problems()] == ["bad_name"]


def test_a_document_that_was_recorded_twice_becomes_one(desk: Desk) -> None:
    desk.write("a.md", make_document("A"))
    desk.write("b.md", make_document("B", "https://example.com/b"))
    desk.record(T[0])
    for table in ("document", "event", "event", "file_state"):  # what two files of one escaped name once left
        columns = "* replace (document_id + 10 as document_id)"
        desk.connection.execute(
            f"insert into ledger.{table} select {columns} from ledger.{table} where document_id = 1"
        )
    desk.connection.execute("insert into ledger.event select * from ledger.event where document_id = 1")

    assert desk.record(T[1]) == {"seen": 2, "unchanged": 2}
    assert desk.ask("select count(*), count(distinct document_key) from ledger.document") == [(2, 2)]
    assert desk.events() == [(T[0], True)]
    assert desk.record(T[2]) == {"seen": 2, "unchanged": 2}


def test_a_retry_at_the_same_as_of_continues_the_run(desk: Desk) -> None:
    desk.write("a.md", make_document("A"))
    desk.record(T[0])
    # Classes compare content with the state before the as-of, but bytes with those last seen: at last it is touched.
    for title, expected in [("B", "changed"), ("C", "changed"), ("A", "touched")]:
        desk.write("a.md", make_document(title))
        assert desk.record(T[1]) == {"seen": 1, expected: 1}

    assert desk.events() == [(T[0], True)]


def test_a_retry_replaces_removal_by_content_and_content_by_removal(desk: Desk) -> None:
    desk.write("a.md", make_document("A"))
    desk.record(T[0])
    (desk.folder / "a.md").unlink()
    assert desk.record(T[1]) == {"removed": 1}
    assert desk.record(T[1]) == {"removed": 1}
    desk.write("a.md", make_document("B"))
    assert desk.record(T[1]) == {"seen": 1, "changed": 1}
    assert desk.events() == [(T[0], True), (T[1], True)]
    (desk.folder / "a.md").unlink()

    assert desk.record(T[1]) == {"removed": 1}

    assert desk.events() == [(T[0], True), (T[1], False)]


def test_a_retry_that_finds_a_removed_document_bad_keeps_its_last_good_version(desk: Desk) -> None:
    desk.write("a.md", make_document("A"))
    desk.record(T[0])
    (desk.folder / "a.md").unlink()
    desk.record(T[1])
    desk.write("a.md", BAD)

    assert desk.record(T[1]) == {"seen": 1, "quarantined": 1}

    assert desk.events() == [(T[0], True)]


def test_a_run_repeated_appends_nothing(desk: Desk) -> None:
    desk.write("a.md", make_document(related=[make_mention(), make_mention(width=0)]))
    desk.write("b.md", BAD)
    desk.record(T[0])
    tables = [str(row[0]) for row in desk.ask("select table_name from duckdb_tables() where database_name = 'ledger'")]
    counts = [desk.ask(f"select count(*) from ledger.{table}") for table in tables]
    number = change_number(desk.connection)

    desk.record(T[1])
    desk.record(T[2], read_all=True)

    assert [desk.ask(f"select count(*) from ledger.{table}") for table in tables] == counts
    assert change_number(desk.connection) == number


def test_a_problem_keeps_when_it_was_first_seen_until_it_is_mended(desk: Desk) -> None:
    texts = [BAD, BAD + "\n", make_document(quality=-5), make_document(), BAD]
    expected = [
        [("missing", None, T[0], T[0])],
        [("missing", None, T[0], T[1])],
        [("out_of_range", "-5", T[2], T[2])],
        [],
        [("missing", None, T[4], T[4])],
    ]
    for number, text in enumerate(texts):
        desk.write("a.md", text)
        desk.record(T[number])
        assert desk.open_problems() == expected[number], number

    cleared = "select reason, first_seen_at, last_seen_at, cleared_at from ledger.problem where cleared_at is not null"
    assert desk.ask(f"{cleared} order by 2") == [("missing", T[0], T[1], T[2]), ("out_of_range", T[2], T[2], T[3])]


def test_equal_problems_at_two_places_stay_two(desk: Desk) -> None:
    text = make_document(related=[make_mention(images=[{"width": 0}]), make_mention(images=[{"width": 0}])])
    desk.write("a.md", text)
    desk.record(T[0])
    desk.write("a.md", text.replace("---\n", "---\nlocale: en\n", 1))
    desk.record(T[1])

    rows = desk.ask("select field, line, first_seen_at, last_seen_at from ledger.problem order by field")
    assert rows == [
        ("related[0].images[0].width", 9, T[0], T[1]),
        ("related[1].images[0].width", 13, T[0], T[1]),
    ]


def test_the_quarantine_of_a_removed_document_is_cleared(desk: Desk) -> None:
    desk.write("a.md", BAD)
    desk.record(T[0])
    (desk.folder / "a.md").unlink()
    desk.record(T[1])

    assert desk.open_problems() == []


def record_with(desk: Desk, as_of: datetime, change: Reader) -> dict[str, int]:
    """Record the folder, with what was read changed on its way."""
    with transaction(desk.connection):
        table = record.compare(desk.connection, observe(desk.folder, read_all=True))
        batch = read_batch(references_of([desk.folder], table), as_of)
        with Feed(desk.connection) as feed:
            take_in(feed, change(batch), table, as_of)
        return told(record.append_events(desk.connection, as_of, SCANNED_AT_NS))


def without_reading(outcome: str) -> Reader:
    """Let every document have an outcome in which nothing was read."""

    def change(batch: ReadBatch) -> ReadBatch:
        rows = [{**row, "outcome": outcome} for row in batch.documents.to_pylist()]
        for row in rows:
            row.update(byte_count=None, byte_digest=None, content_digest=None)
        empty = ReadBatch(*(table.slice(0, 0) for table in batch))
        return empty._replace(documents=pa.Table.from_pylist(rows, schema=batch.documents.schema))

    return change


def test_what_vanishes_before_it_is_read_is_not_counted_and_not_removed(desk: Desk) -> None:
    desk.write("a.md", make_document())
    desk.record(T[0])
    desk.write("new.md", make_document())

    assert record_with(desk, T[1], without_reading("vanished")) == {}

    assert desk.events() == [(T[0], True)]
    (desk.folder / "a.md").unlink()
    assert desk.record(T[2]) == {"seen": 1, "new": 1, "removed": 1}


def test_what_never_rests_is_in_quarantine_until_it_does(desk: Desk) -> None:
    desk.write("a.md", make_document())
    desk.write("b.md", BAD)
    desk.record(T[0])
    unstable = ("unstable", None)
    for as_of in (T[1], T[2]):
        assert record_with(desk, as_of, without_reading("unstable")) == {"seen": 2, "quarantined": 2}
        problems = [("missing", None, T[0], as_of), (*unstable, T[1], as_of), (*unstable, T[1], as_of)]
        assert desk.open_problems() == problems

    assert desk.to_read() == ["a.md", "b.md"]
    assert desk.record(T[3]) == {"seen": 2, "unchanged": 1, "quarantined": 1}
    assert desk.open_problems() == [("missing", None, T[0], T[3])]


@pytest.mark.parametrize("size", [1, 2, 7])
@pytest.mark.parametrize("backwards", [False, True])
def test_batches_in_any_size_and_order_record_the_same(desk: Desk, size: int, backwards: bool) -> None:
    bad = make_mention(quality=Plain("x"))
    for number in range(7):
        desk.write(
            f"{number}.md", make_document(f"{number}", related=[make_mention(), *[bad] * (number % 2)], extra=number)
        )
    desk.write("3.md", BAD)

    balance = record_folders(desk.connection, T[0], desk.folder, batch_size=size, backwards=backwards)

    assert told(balance) == {"seen": 7, "new": 6, "quarantined": 1}
    mentions = """
        select path, count(*) from ledger.event
        inner join ledger.document using (document_id) inner join ledger.content_entry using (content_id)
        group by path order by path
    """
    assert desk.ask(mentions) == [(f"{number}.md", 2) for number in (0, 1, 2, 4, 5, 6)]
    problems = "select path, position from ledger.problem inner join ledger.document using (document_id) order by path"
    assert desk.ask(problems) == [("1.md", 2), ("3.md", 0), ("5.md", 2)]


def test_unknown_fields_are_reported_once(desk: Desk) -> None:
    desk.write("a.md", make_document(mood="good"))
    desk.write("b.md", make_document(mood="bad", related=[make_mention(mood="fair")]))
    desk.record(T[0])
    desk.write("a.md", make_document(mood="better", extra=1))
    desk.record(T[1])

    assert desk.ask("select field, path, first_seen_at from ledger.drift order by field") == [
        ("extra", "a.md", T[1]),
        ("mood", "a.md", T[0]),
        ("related[].mood", "b.md", T[0]),
    ]
    assert desk.ask("select count(*) from ledger.entry where unknown like '%\"mood\"%'") == [(4,)]


def test_ciphertext_stands_in_no_table_but_the_raw_bytes(desk: Desk) -> None:
    secret = "c2VjcmV0c2VjcmV0"
    desk.write("a.md", make_document(secured=secret, related=[make_mention(secured=secret)]))
    desk.write("b.md", make_document(quality=Plain("x"), secured=secret))
    desk.record(T[0])

    tables = [str(row[0]) for row in desk.ask("select table_name from duckdb_tables() where database_name = 'ledger'")]
    for table in sorted(set(tables) - {"shelf_0"}):
        rows = desk.ask(f"select * from ledger.{table}")
        assert secret not in repr(rows), table
    assert desk.ask("select count(*) from ledger.raw") == [(2,)]


def test_what_batches_and_runs_share_stands_once(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    folder = tmp_path / "news"
    folder.mkdir()
    shared = make_mention("Shared", "https://c.com/shared", ampWebUrl="https://c.com/amp/shared")
    for run, as_of in enumerate(T[:2]):
        for number in range(6):  # so many batches that URLs are compared in both ways
            related = [shared, make_mention("Pair", f"https://c.com/pair/{number // 2}")]
            text = make_document(f"Own {number}", f"https://c.com/{number}", related=related, body=f"run {run}\n")
            (folder / f"{number}.md").write_text(text, encoding="utf-8")
        record_folders(connection, as_of, folder, batch_size=1, read_all=True)

    for table, key in (("url", "url_raw"), ("entry", "entry_id"), ("raw", "byte_digest"), ("content", "content_id")):
        found = connection.execute(f"select count(*), count(distinct {key}) from ledger.{table}").fetchall()
        assert found[0][0] == found[0][1] > 0, table
    assert connection.execute("select count(*) from ledger.url").fetchall() == [(11,)]


def test_nothing_of_a_run_is_left_beside_the_ledger(desk: Desk) -> None:
    desk.write("a.md", make_document())
    desk.record(T[0])

    left = {str(row[0]) for row in desk.ask("select table_name from duckdb_tables() where database_name = 'temp'")}
    assert left == set()
