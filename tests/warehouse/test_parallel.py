"""Steps side by side: their order, their errors, Ctrl-C, and a release that two threads fill."""

import threading
import time
from pathlib import Path

import duckdb
import pytest

from schemas.errors import AuditFailed
from schemas.tables import BASE_TABLES
from tests.ledgers import T, memory_ledger, put
from tests.warehouse.making import run_python
from warehouse.parallel import Step, run_steps
from warehouse.release import build
from warehouse.release.fingerprint import TableFingerprint
from warehouse.release.work import work_steps

ENDLESS = "select count(*) from range(1000000) as a(i), range(1000000) as b(i) where a.i % 7 = b.i % 11"


def step(name: str, needs: str = "", sql: str = "select 1") -> Step[object]:
    """Return a step that runs a statement; `needs` are names with blanks between."""
    return Step(name, frozenset(needs.split()), lambda cursor: cursor.execute(sql).fetchall())


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_step_begins_when_those_it_needs_are_done(connection: duckdb.DuckDBPyConnection, threads: int) -> None:
    steps = [
        step("sum", "one two", "insert into work.made select sum(n) from (from work.one union all from work.two)"),
        step("two", "made", "create table work.two as select 2 as n"),
        step("one", "made", "create table work.one as select 1 as n"),
        step("made", "", "create table work.made (n bigint)"),
    ]

    assert run_steps(connection, "ledger", steps, threads=threads).keys() == {"made", "one", "two", "sum"}
    assert connection.execute("from work.made").fetchall() == [(3,)]


def test_two_steps_run_at_the_same_time(connection: duckdb.DuckDBPyConnection) -> None:
    meeting = threading.Barrier(2, timeout=20)
    steps = [Step(name, frozenset[str](), lambda _: meeting.wait()) for name in ("one", "other")]

    assert sorted(run_steps(connection, "ledger", steps).values()) == [0, 1]


def test_an_error_of_one_step_breaks_off_the_others_and_none_begins_after_it(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    steps = [
        step("endless", "", ENDLESS),
        step("bad", "", "select error('mine')"),
        step("late", "", "create table work.late as select 1"),
    ]
    begun = time.monotonic()

    with pytest.raises(duckdb.InvalidInputException, match="mine"):
        run_steps(connection, "ledger", steps)

    assert time.monotonic() - begun < 20
    assert connection.execute("select count(*) from duckdb_tables() where table_name = 'late'").fetchall() == [(0,)]


def test_an_error_breaks_off_what_was_between_two_statements_too(connection: duckdb.DuckDBPyConnection) -> None:
    def pause(cursor: duckdb.DuckDBPyConnection) -> None:
        time.sleep(0.3)
        cursor.execute(ENDLESS)

    steps: list[Step[object]] = [Step("pausing", frozenset(), pause), step("bad", "", "select error('mine')")]
    begun = time.monotonic()
    with pytest.raises(duckdb.InvalidInputException, match="mine"):
        run_steps(connection, "ledger", steps)
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("steps", [[step("one", "other"), step("other", "one")], [step("one", "made other")]])
def test_a_step_that_needs_what_no_step_makes_is_told(
    connection: duckdb.DuckDBPyConnection, steps: list[Step[object]]
) -> None:
    with pytest.raises(LookupError, match=r"one needs what no step makes: \['other'\]"):
        run_steps(connection, "ledger", steps, done=["made"])


STEPS = """
import os, signal, sys, threading
from pathlib import Path
from tests.warehouse.test_parallel import ENDLESS, step
from warehouse import interrupts
from warehouse.db import memory_connection
from warehouse.parallel import run_steps
try:
    with interrupts.honoured(), memory_connection(Path(sys.argv[1])) as connection:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        run_steps(connection, "memory", [step(name, "", ENDLESS) for name in "abc"])
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_breaks_off_every_step(tmp_path: Path) -> None:
    assert run_python(STEPS, tmp_path, timeout=30).stdout == "interrupted\n"


def test_every_scratch_table_that_a_transform_names_is_made_before_it() -> None:
    steps = [*work_steps(T[0]), *build.release_steps(T[0])]
    needed = {need for one in steps for need in one.needs}

    assert needed <= {one.name for one in steps}
    assert {"alias_edge", "tangled_edge"} == next(one.needs for one in steps if one.name == "closure")


def fill(connection: duckdb.DuckDBPyConnection, threads: int) -> dict[str, TableFingerprint | None]:
    """Fill a release anew from what the scratch tables hold."""
    connection.execute("detach news")
    connection.execute("attach ':memory:' as news")
    done = [one.name for one in work_steps(T[0])]
    return run_steps(connection, "news", list(build.release_steps(T[0])), threads, done)


def test_a_key_that_stands_twice_is_an_audit_that_failed_and_names_its_table() -> None:
    with memory_ledger() as connection:
        fill(connection, 2)
        put(connection, "work.key_owner", {"url_key": "a", "article_url_key": "a", "article_key": 1})
        put(connection, "work.article_url_choice", {"article_key": 1, "url": "https://a"})
        for name in ("article_life", "article_value"):
            columns = connection.execute(f"describe work.{name}").fetchall()
            flags = {str(row[0]): False for row in columns if row[1] == "BOOLEAN"}
            put(connection, f"work.{name}", {**flags, "article_key": 1, **_SEEN.get(name, {})})
        put(connection, "work.article_url_choice", {"article_key": 1, "url": "https://b"})

        with pytest.raises(AuditFailed, match=r"a key or a required column is broken.*dim_article: .*duplicate key"):
            fill(connection, 2)


_SEEN: dict[str, dict[str, object]] = {"article_life": {"first_seen_at": T[0]}, "article_value": {"mention_count": 0}}


def test_one_thread_and_two_fill_the_same_release() -> None:
    with memory_ledger() as connection:
        put(connection, "work.key_owner", {"url_key": "a", "article_url_key": "a", "article_key": 1})
        one, two = fill(connection, 1), fill(connection, 2)

    assert one == two
    assert {table.name for table in BASE_TABLES} <= one.keys()
