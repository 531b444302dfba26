"""Which as-of a run gets, and what the ledger remembers of runs, releases and the quarantine."""

from datetime import datetime, timedelta

import pytest
from duckdb import DuckDBPyConnection

from schemas.errors import NewsmartError, UsageError
from tests.ledgers import T, put
from tests.recording import build
from warehouse.ledger.opening import bump_change_number
from warehouse.ledger.record import Balance
from warehouse.release import ops, releases, runs
from warehouse.release.build import Built, Versions
from warehouse.release.publish import Fingerprint
from warehouse.sql_files import fetch_records

NOW = T[3]
A_SECOND, A_DAY = timedelta(seconds=1), timedelta(days=1)
BALANCE = Balance(5, 1, 1, 1, 1, 1, 4)


def add_run(connection: DuckDBPyConnection, as_of: datetime, status: str = "published") -> None:
    """Record a run."""
    runs.write_run(connection, (runs.run_id_of(as_of), as_of, as_of), status, BALANCE)


@pytest.mark.parametrize(
    ("last", "given", "scheduled", "expected"),
    [
        pytest.param(None, None, None, NOW, id="the first run is as of now"),
        pytest.param(T[2], None, None, NOW, id="a later one too"),
        pytest.param(NOW, None, None, NOW + A_SECOND, id="never the last as-of again"),
        pytest.param(NOW + A_DAY, None, None, NOW + A_DAY + A_SECOND, id="a clock that went back"),
        pytest.param(NOW + 10 * A_DAY, None, None, NOW + 10 * A_DAY + A_SECOND, id="however far"),
        pytest.param(NOW + 10 * A_DAY, None, NOW, NOW + 10 * A_DAY + A_SECOND, id="also where it was scheduled"),
        pytest.param(None, T[0], None, T[0], id="any past before the first run"),
        pytest.param(T[0], T[1], None, T[1], id="any past after the last run"),
        pytest.param(T[0], NOW + A_DAY, None, NOW + A_DAY, id="a day ahead"),
        pytest.param(T[0], None, T[2], T[2], id="the scheduled time"),
        pytest.param(T[2], None, T[1], T[2] + A_SECOND, id="a second after the last, if scheduled before it"),
        pytest.param(T[2], None, T[2], T[2] + A_SECOND, id="and if scheduled with it"),
    ],
)
def test_as_of(
    connection: DuckDBPyConnection,
    last: datetime | None,
    given: datetime | None,
    scheduled: datetime | None,
    expected: datetime,
) -> None:
    if last is not None:
        add_run(connection, last)

    assert runs.choose_as_of(connection, NOW, given, scheduled) == expected


@pytest.mark.parametrize(
    ("last", "given", "error"),
    [
        pytest.param(T[2], T[1], UsageError, id="before the last run"),
        pytest.param(T[2], T[2], UsageError, id="that of a published run"),
        pytest.param(None, NOW + A_DAY + A_SECOND, UsageError, id="more than a day ahead"),
    ],
)
def test_as_of_that_does_not_fit(
    connection: DuckDBPyConnection, last: datetime | None, given: datetime | None, error: type[NewsmartError]
) -> None:
    if last is not None:
        add_run(connection, last)

    with pytest.raises(error):
        runs.choose_as_of(connection, NOW, given, None)


@pytest.mark.parametrize("status", ["started", "failed", "refused", "unchanged"])
def test_a_run_that_published_nothing_may_be_retried(connection: DuckDBPyConnection, status: str) -> None:
    add_run(connection, T[0])
    add_run(connection, T[1], status)

    assert runs.choose_as_of(connection, NOW, T[1], None) == T[1]


def test_a_run_before_the_last_may_not_be_retried(connection: DuckDBPyConnection) -> None:
    add_run(connection, T[0], "failed")
    add_run(connection, T[1])

    with pytest.raises(UsageError, match="later than the last"):
        runs.choose_as_of(connection, NOW, T[0], None)


def test_a_retry_is_written_over_its_run(connection: DuckDBPyConnection) -> None:
    add_run(connection, T[0], "failed")
    add_run(connection, T[1], "started")
    add_run(connection, T[1], "published")

    rows = connection.execute("select as_of, status from ledger.run order by as_of").fetchall()

    assert rows == [(T[0], "failed"), (T[1], "published")]


def test_the_balance_stands_in_the_columns_of_its_names(connection: DuckDBPyConnection) -> None:
    runs.write_run(connection, ("r", T[0], T[1]), "refused", Balance(15, 1, 2, 3, 4, 5, 6), finished_at=T[2])

    assert fetch_records(connection, "select * from ledger.run") == [
        {
            "run_id": "r",
            "as_of": T[0],
            "started_at": T[1],
            "finished_at": T[2],
            "status": "refused",
            "documents_seen": 15,
            "documents_new": 1,
            "documents_changed": 2,
            "documents_touched": 3,
            "documents_unchanged": 4,
            "documents_quarantined": 5,
            "documents_removed": 6,
            "mentions": None,
            "articles": None,
            "release_id": None,
        }
    ]


def test_run_ids_sort_as_their_times(connection: DuckDBPyConnection) -> None:
    ids = [runs.run_id_of(moment) for moment in (T[0], T[0] + timedelta(microseconds=1), T[1])]

    assert ids == sorted(set(ids))


def add_problem(connection: DuckDBPyConnection, path: str, **more: object) -> None:
    """Put a document with a problem into quarantine."""
    number = len(connection.execute("select 1 from ledger.document").fetchall()) + 1
    put(connection, "ledger.document", {"document_id": number, "document_key": number, "path": path})
    row = {"document_id": number, "scope": "document", "field": "", "reason": "r", "expected": "e"}
    put(connection, "ledger.problem", {**row, "first_seen_at": T[0], "last_seen_at": T[1], **more})


def test_the_quarantine_lists_open_problems_by_path(connection: DuckDBPyConnection) -> None:
    add_problem(connection, "b.md", line=3, column=1)
    add_problem(connection, "a.md")
    add_problem(connection, "0.md", cleared_at=T[2])

    rows = ops.quarantine(connection)

    assert [row["path"] for row in rows] == ["a.md", "b.md"]
    names = "source path line column field reason expected found first_seen_at last_seen_at"
    assert list(rows[0]) == names.split()


def test_another_last_seen_is_the_same_quarantine(connection: DuckDBPyConnection) -> None:
    add_problem(connection, "a.md")
    before = ops.quarantine_digest(connection)
    connection.execute("update ledger.problem set last_seen_at = ?", [T[5]])
    assert ops.quarantine_digest(connection) == before

    connection.execute("update ledger.problem set line = 7")

    assert ops.quarantine_digest(connection) != before


def test_shrink_counts_what_the_release_shows_and_what_of_it_is_gone(connection: DuckDBPyConnection) -> None:
    events = [(1, T[0], 7), (2, T[0], 7), (2, T[1], None), (3, T[0], 7), (3, T[2], None), (4, T[2], 7)]
    for document_id, as_of, content_id in events:
        put(connection, "ledger.event", {"document_id": document_id, "as_of": as_of, "content_id": content_id})

    assert runs.shrink(connection, T[1], T[2]) == (2, 1)
    assert runs.shrink(connection, T[0], T[2]) == (3, 2)


def test_releases_are_remembered_latest_first(connection: DuckDBPyConnection) -> None:
    versions = Versions(policy=2, rules=3)
    file = Fingerprint("sha", 1, 2, 3, 4)
    for number in (0, 1):
        built = Built(f"r{number}", T[number], T[number], 5, 6, 7, "fp", (), versions)
        releases.write_release(connection, built, file, T[number])
        bump_change_number(connection)

    latest, first = releases.all_releases(connection)

    assert (latest.release_id, first.release_id) == ("r1", "r0")
    assert (latest.file, latest.versions, latest.fingerprint) == (file, versions, "fp")
    assert (latest.document_count, latest.article_count, latest.mention_count) == (5, 6, 7)
    assert latest.change_number == first.change_number + 1
    assert [row.release_id for row in releases.all_releases(connection, ["r0", "gone"])] == ["r1", "r0"]
    assert [row.release_id for row in releases.all_releases(connection, [])] == ["r1"]


def test_a_release_as_of_then_holds_the_runs_up_to_then(connection: DuckDBPyConnection) -> None:
    for as_of in T[:3]:
        add_run(connection, as_of)
    build(connection, T[1])

    assert connection.execute("select as_of from news.ops.run order by 1").fetchall() == [(T[0],), (T[1],)]
