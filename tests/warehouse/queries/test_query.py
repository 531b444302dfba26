"""Queries: what they may do, how they are bounded, and how rows are written."""

import csv
import io
import json
import math
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import get_args

import pytest

from schemas.errors import NewsmartError, RunFailed, UsageError
from tests.warehouse.making import ROOT, make_home, publish_release, run_python
from warehouse.home import Home
from warehouse.queries.query import Format, run_query


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = make_home(tmp_path_factory.mktemp("warehouse"))
    publish_release(made, "r1")
    return made


def ask(home: Home, sql: str, form: Format = "json", seconds: float = 20, memory: str = "300MB") -> str:
    out = io.StringIO()
    run_query(home, sql, format=form, memory_limit=memory, timeout_seconds=seconds, out=out)
    return out.getvalue()


class Sink(io.StringIO):
    """Counts what it is given and keeps none of it."""

    written = 0

    def write(self, text: str) -> int:
        self.written += len(text)
        return len(text)


READING = [
    ("select count(*) as n from article", [{"n": 1000}]),
    ("from article select article_key where article_key = 3;", [{"article_key": 3}]),
    ("with a as (select 1 as n) from a -- the end", [{"n": 1}]),
    ("; ; /* first */ values (1);;", [{"col0": 1}]),
    ("select ';' as \"a;b\"", [{"a;b": ";"}]),
    ("show tables", [{"name": "article"}, {"name": "articles"}]),
    ("select column_name from (describe articles)", [{"column_name": "article_key"}, {"column_name": "title"}]),
    ("pivot (select 1 as a, 2 as b) on a using sum(b)", [{"1": 2}]),
    ("from query('select 1 as n')", [{"n": 1}]),
    ("select count(*) as n from query_table('articles')", [{"n": 500}]),
    (
        "with recursive r(i) as (select 1 union all select i + 1 from r where i < 9) select sum(i) as s from r",
        [{"s": 45}],
    ),
    ("select number from ops.release", [{"number": 1}]),
]


@pytest.mark.parametrize(("sql", "rows"), READING)
def test_reading_works(home: Home, sql: str, rows: list[object]) -> None:
    assert json.loads(ask(home, sql)) == rows


@pytest.mark.parametrize(
    "sql", ["explain select 1", "explain analyze from articles", "Explain (format json) from articles"]
)
def test_a_plan_is_drawn_over_lines(home: Home, sql: str) -> None:
    assert len(ask(home, sql, "table").splitlines()) > 3


@pytest.mark.parametrize(
    "sql",
    [
        "with recursive r(i) as (select 1 union all select i + 1 from r) select count(*) from r",
        "select count(*) from range(1000000) a(i), range(1000000) b(j) where hash(i + j) = 7",
        "from range(100000000000)",
    ],
)
def test_an_endless_query_ends(home: Home, sql: str) -> None:
    began = time.monotonic()
    with pytest.raises(RunFailed, match=r"longer than it may: 0\.5 s"):
        run_query(home, sql, format="csv", memory_limit="300MB", timeout_seconds=0.5, out=Sink())
    assert time.monotonic() - began < 10


def test_a_query_that_ignores_its_time_limit_ends_the_process(home: Home) -> None:
    code = """
import sys
from pathlib import Path
from warehouse.queries import query
from warehouse.queries.query import exit_stuck
from warehouse.home import Home
query.STUCK_GRACE_SECONDS = 0.2
query.run_query(Home.of(Path(sys.argv[1])), "select sleep_ms(30000)", timeout_seconds=0.2, out=sys.stdout,
    on_stuck=exit_stuck)
"""
    done = run_python(code, home.file, timeout=20)
    assert done.returncode == 1
    assert done.stderr == "newsmart: the query ignored its time limit (setting query_seconds); ended\n"
    assert list(home.temp.iterdir()) == []


def test_a_query_within_its_limits_leaves_no_watchdog(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(threading.Timer):
        def run(self) -> None:
            super().run()
            time.sleep(0.2)

    monkeypatch.setattr(threading, "Timer", Slow)
    calls: list[int] = []
    run_query(home, "select 1", timeout_seconds=5, out=io.StringIO(), on_stuck=lambda: calls.append(1))
    assert [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)] == []
    assert calls == []


def test_memory_is_limited(home: Home) -> None:
    with pytest.raises(RunFailed, match="more memory"):
        ask(home, "select list(i) from range(100000000) t(i)", memory="100MB")


@pytest.mark.skipif(sys.platform != "linux", reason="the address space is limited on Linux only")
def test_one_huge_text_is_limited_too(home: Home) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(RunFailed, match="more memory"):
        ask(home, "select length(repeat('x', 3000000000)), length(repeat('y', 3000000000))", memory="100MB")
    assert resource.getrlimit(resource.RLIMIT_AS) == before


@pytest.mark.parametrize(
    "form", [pytest.param(form, marks=() if form == "csv" else pytest.mark.slow) for form in get_args(Format)]
)
def test_many_rows_are_streamed(home: Home, form: Format) -> None:
    code = """
import resource, sys, io
from pathlib import Path
from warehouse.home import Home
from warehouse.queries.query import run_query
class Sink(io.StringIO):
    def write(self, text): return len(text)
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
home = Home.of(Path(sys.argv[1]))
run_query(home, "from range(1000)", format=sys.argv[2], out=Sink())
before = peak()
print(run_query(home, "select i, 'row ' || i as s from range(600000) t(i)", format=sys.argv[2], out=Sink()), end=" ")
print(peak() - before)
"""
    done = run_python(code, home.file, form)
    count, grown = (int(word) for word in done.stdout.split())
    assert count == 600_000
    assert grown < 60_000 * (1024 if sys.platform == "darwin" else 1), "kilobytes; the rows alone are 100 MB in Python"


def test_it_needs_a_release(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no release yet"):
        ask(Home.of(tmp_path / "none.duckdb"), "select 1")
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_size_is_refused(home: Home) -> None:
    with pytest.raises(UsageError, match="not a size"):
        ask(home, "select 1", memory="1 PB")


@pytest.mark.parametrize("seconds", [0, -1, 1e30, math.inf, math.nan])
def test_a_wrong_time_limit_is_refused(home: Home, seconds: float) -> None:
    with pytest.raises(UsageError, match="time limit"):
        ask(home, "select 1", seconds=seconds)


def test_a_query_blocks_no_publish_and_no_run(home: Home, tmp_path: Path) -> None:
    other = make_home(tmp_path)
    publish_release(other, "r1", 1)
    rows: list[int] = []

    class Publishing(io.StringIO):
        def write(self, text: str) -> int:
            if not rows:
                rows.append(1)
                publish_release(other, "r2", 2)
            return len(text)

    run_query(other, "from article", format="csv", out=Publishing())
    assert json.loads(ask(other, "select number from ops.release")) == [{"number": 2}]


def test_importing_it_brings_no_library_but_duckdb() -> None:
    heavy = ("pyarrow", "pandas", "rich", "prefect", "pydantic")
    code = f"import sys, warehouse.queries.query; print(*sorted(n for n in {heavy} if n in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_values_that_json_cannot_carry_are_text(home: Home) -> None:
    sql = """
        select 9007199254740991 as fits, 9007199254740992 as big, -9007199254740992::hugeint as low,
            'nan'::double as n, '-inf'::float as i, 1.10::decimal(9, 2) as d,
            12345678901234567.89::decimal(20, 2) as exact, 5::decimal(38, 0) as whole, null as none,
            date '2020-02-03' as dt, timestamp '2020-02-03 04:05:06.7' as ts, time '04:05:06' as t,
            timestamptz '2020-02-03 04:05:06+02' as tz, timestamp_ns '2020-02-03 04:05:06.123456789' as ns,
            interval '1 month 2 days' as iv, 'a\\x00\\xFF'::blob as b, '101'::bit as bits,
            [1, null] as l, {'a': [9007199254740992], 'b': date '2020-02-03'} as s, map {1: 'x'} as m,
            [interval '25 hours'] as nested, '00000000-0000-0000-0000-000000000001'::uuid as u, true as yes
    """
    assert json.loads(ask(home, sql)) == [
        {
            "fits": 9007199254740991, "big": "9007199254740992", "low": "-9007199254740992",
            "n": "NaN", "i": "-Infinity", "d": 1.1,
            "exact": "12345678901234567.89", "whole": 5, "none": None,
            "dt": "2020-02-03", "ts": "2020-02-03T04:05:06.700000", "t": "04:05:06",
            "tz": "2020-02-03T02:05:06.000000+00:00", "ns": "2020-02-03T04:05:06.123456789",
            "iv": "1 month 2 days", "b": "6100ff", "bits": "101",
            "l": [1, None], "s": {"a": ["9007199254740992"], "b": "2020-02-03"}, "m": {"1": "x"},
            "nested": ["1 day, 1:00:00"], "u": "00000000-0000-0000-0000-000000000001", "yes": True,
        }
    ]  # fmt: skip


def test_types_cast_by_duckdb_survive_odd_sql(home: Home) -> None:
    sql = "select interval '1 month' as \"é;\", 1 as \"é;\", '; --' as c /* é */ ; -- ende;"
    assert json.loads(ask(home, sql)) == [{"é;": "1 month", "é;_1": 1, "c": "; --"}]


def test_repeated_names_are_told_apart(home: Home) -> None:
    assert json.loads(ask(home, "select 1 as a, 2 as a, 3 as a_1, 4 as a")) == [{"a": 1, "a_2": 2, "a_1": 3, "a_3": 4}]
    pivot = "pivot (select 1 as k, 'x' as c, 5 as v) on c using sum(v)"
    assert json.loads(ask(home, f"select p.*, q.* from ({pivot}) p, (select 7 as k) q")) == [{"k": 1, "x": 5, "k_1": 7}]


def test_a_column_of_decimals_is_one_kind_of_number(home: Home) -> None:
    assert "1.5" in (told := ask(home, "select unnest([1.50, 2.00]) as d")) and "2.0" in told


def test_no_rows(home: Home) -> None:
    sql = "select article_key, title from article where false"
    assert json.loads(ask(home, sql)) == []
    assert ask(home, sql, "csv") == "article_key,title\r\n"
    assert ask(home, sql, "table").splitlines() == ["article_key  title", "-----------  -----", "(0 rows)"]


def test_csv_is_read_back_as_it_was(home: Home) -> None:
    text = 'a "quoted", text\r\nof two lines\u2028\x1b[31m'
    sql = f"select $${text}$$ as \"x,y\", null as n, '' as e, ' pad ' as p, 1.5 as f, true as yes, [1, 2] as l"
    written = ask(home, sql, "csv")
    assert list(csv.reader(io.StringIO(written, newline=""))) == [
        ["x,y", "n", "e", "p", "f", "yes", "l"],
        [text, "", "", " pad ", "1.5", "true", "[1, 2]"],
    ]
    assert ',,"",' in written


def test_a_csv_of_one_null_keeps_its_row(home: Home) -> None:
    assert ask(home, "select null as n", "csv") == 'n\r\n""\r\n'


def test_a_table_is_aligned_and_shows_null(home: Home) -> None:
    sql = "select * from (values (1, 'a', null), (1000, '日本', 'NULL')) t(number, text, more)"
    assert ask(home, sql, "table").splitlines() == [
        "number  text  more",
        "------  ----  ------",
        "     1  a     NULL",
        '  1000  日本  "NULL"',
        "(2 rows)",
    ]


HOSTILE = "\x1b]0;owned\x07\x1b[2J \x9b31m \u202egnp.exe \r\n\t\x00 \x7f"


@pytest.mark.parametrize("form", get_args(Format))
def test_a_hostile_title_does_not_reach_a_terminal(home: Home, form: Format) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    codes = " || ".join(f"chr({ord(character)})" for character in HOSTILE)
    run_query(home, f"select {codes} as title", format=form, out=out)
    shown = out.getvalue().replace("\r\n", "\n").replace("\n", "")
    assert [character for character in shown if not character.isprintable()] == []
    if form == "json":
        assert json.loads(out.getvalue())[0]["title"] == HOSTILE


def test_a_plan_is_as_harmless(home: Home) -> None:
    shown = ask(home, "explain select n from range(3) as a(n) where 'o\x1b]0;\x07' || n > 'p\x9b'", form="table")
    assert [character for character in shown.replace("\n", "") if not character.isprintable()] == []
    assert "\\x1b]0;" in shown


def test_wide_values_are_cut_on_a_terminal_only(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "80")
    sql = "select repeat('ab', 500) as text, 1 as n"
    out = Terminal()
    run_query(home, sql, format="table", out=out)
    assert max(len(line) for line in out.getvalue().splitlines()) <= 80
    assert "…" in out.getvalue()
    assert "ab" * 500 in ask(home, sql, "table")


def test_a_column_name_is_as_hostile_as_a_value(home: Home) -> None:
    assert "\x1b" not in ask(home, 'select 1 as "\x1b[31m"', "table")


def test_an_error_text_is_harmless_too(home: Home) -> None:
    with pytest.raises(NewsmartError) as caught:
        ask(home, "select error('\x1b[31m')")
    assert "\x1b" not in str(caught.value)
