"""The sandbox of queries: statements of every kind, with nothing written or read that is not the release's rows."""

import io
import json
import signal
import sys
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest

from schemas.errors import NewsmartError, RunFailed, UsageError
from tests.warehouse.making import make_home, publish_release, run_python, start_python
from tests.warehouse.queries import statements
from warehouse.db import release_connection
from warehouse.queries.query import run_query
from warehouse.queries.statements import reading_statement

SECRET = "hush"


class Scene:
    """A warehouse, a file of the user's, and the folder in which the query runs."""

    def __init__(self, folder: Path) -> None:
        self.home = make_home(folder / "warehouse")
        publish_release(self.home, "r1", rows=40)
        self.release = self.home.release_file("r1")
        self.cwd = folder / "cwd"
        self.cwd.mkdir()
        self.secret = folder / "secret.csv"
        self.secret.write_text(f"word\n{SECRET}\n")
        self.folder = folder

    def filled(self, sql: str) -> str:
        for name, path in {
            "release": self.release,
            "link": self.home.file,
            "wal": f"{self.release}.wal",
            "spill": self.home.temp,
            "secret": self.secret,
            "folder": self.folder,
        }.items():
            sql = sql.replace(f"{{{name}}}", str(path))
        return sql

    def content(self) -> dict[str, tuple[int, str]]:
        """Every file and folder with its mode and bytes: what no query may change."""
        return {
            str(path.relative_to(self.folder)): (path.lstat().st_mode, _digest(path)) for path in self.folder.rglob("*")
        }

    def ask(self, sql: str, *, memory: str = "300MB", seconds: float = 20) -> str:
        out = io.StringIO()
        run_query(self.home, sql, format="json", memory_limit=memory, timeout_seconds=seconds, out=out)
        return out.getvalue()

    def refuses(self, statements: Iterable[str]) -> None:
        """See that each is refused by a sandbox that is opened once, and shows nothing of the secret."""
        with release_connection(self.home.file, sandboxed=True) as connection:
            for sql in statements:
                with pytest.raises((NewsmartError, duckdb.Error)) as caught:
                    connection.execute(reading_statement(connection, sql).statement).fetchall()
                assert SECRET not in str(caught.value), sql


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


@pytest.fixture(scope="module")
def shared_scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(tmp_path_factory.mktemp("scene"))


@pytest.fixture
def scene(shared_scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.chdir(shared_scene.cwd)
    before = shared_scene.content()
    status = shared_scene.release.stat()
    yield shared_scene
    assert shared_scene.content() == before, "a query left the warehouse and all around it as they were"
    assert shared_scene.release.stat().st_mtime_ns == status.st_mtime_ns


def test_what_analysts_need_is_answered(scene: Scene) -> None:
    for sql in statements.ALLOWED:
        # Rows in any order: a PIVOT without ORDER BY gives them in that of its threads.
        answers = [sorted(scene.ask(sql)) for _ in range(2)]
        assert answers[0] == answers[1] or "analyze" in sql or "tablesample" in sql, sql


def test_what_does_more_than_read_is_refused(scene: Scene) -> None:
    for sql in statements.REFUSED:
        with pytest.raises(UsageError) as caught:
            scene.ask(scene.filled(sql))
        assert caught.value.exit_status == 2, sql
        assert len(str(caught.value).splitlines()) == 1, sql
        assert SECRET not in str(caught.value), sql


def test_a_query_that_is_no_query_by_itself_is_told_so(scene: Scene) -> None:
    for sql in (f"create temp table x as {statements.PIVOT}", "with x as (copy (select 1) to 'y') from x"):
        with pytest.raises(UsageError, match="only statements that read are allowed: this one"):
            scene.ask(sql)
    with pytest.raises(UsageError, match="not allowed in a query: it reads no file and writes none"):
        scene.ask("from read_text('/etc/hostname')")


def test_a_wrong_column_is_shown_at_its_line(scene: Scene) -> None:
    with pytest.raises(UsageError) as caught:
        scene.ask("select\n nope from article")
    assert caught.value.detail == "LINE 2:  nope from article\n         ^^^^"


def test_no_function_reads_a_file(scene: Scene) -> None:
    paths = (scene.secret, scene.release, scene.home.file, f"{scene.home.temp}/*", "http://127.0.0.1:9/x")
    for name in statements.FILE_READERS:
        more = ", 'word', 'other'" if name == "parquet_bloom_probe" else ""
        scene.refuses(f"from {name}('{path}'{more})" for path in paths)


def test_no_function_changes_a_setting_or_takes_a_pointer(scene: Scene) -> None:
    for name in (*statements.OF_SETTINGS, *statements.OF_OBJECTS_IN_MEMORY):
        arguments = ("", "1", "'x'", "'x', 'y'", "1, 2, 3", "null, null, null")
        scene.refuses(f"from {name}({some})" for some in arguments)


def test_an_external_resource_does_nothing(scene: Scene) -> None:
    """They name functions that DuckDB calls for them; those are nowhere but in this connection."""
    calls = [
        "create_external_resource('x', map {'a': 'b'})",
        "register_external_resource('x', name := 'y', handle := map {'a': 'b'}, uri := '/etc/passwd')",
        "register_external_resource_type('x', kind := 'y', create_function := 'read_text')",
        "destroy_external_resource('read_text', payload := '/etc/passwd')",
        "destroy_external_resource('query', payload := 'copy (select 1) to ''out''')",
        "deregister_external_resource('x')",
    ]
    for call in calls:
        try:
            assert "root:" not in scene.ask(f"from {call}")
        except NewsmartError as error:
            assert "root:" not in str(error)


def test_every_table_function_of_this_duckdb_is_judged(scene: Scene) -> None:
    with release_connection(scene.release, sandboxed=True) as connection:
        sql = "select distinct function_name from duckdb_functions() where function_type in ('table', 'table_macro')"
        found = {str(row[0]) for row in connection.execute(sql).fetchall()}
    assert found - statements.TABLE_FUNCTIONS == set(), "judge what is new: can it read, write or change anything?"


def test_every_suspicious_scalar_function_of_this_duckdb_is_judged(scene: Scene) -> None:
    with release_connection(scene.release, sandboxed=True) as connection:
        sql = """
            select distinct function_name from duckdb_functions()
            where function_type in ('scalar', 'macro') and regexp_matches(function_name, $1)
        """
        found = {str(row[0]) for row in connection.execute(sql, [statements.SUSPECTS]).fetchall()}
    known = {*statements.JUDGED_SCALARS}
    assert {name for name in found if not name.startswith(("collate_", "icu_collate_"))} - known == set()


def test_a_function_that_was_judged_harmless_shows_no_byte_of_a_file(scene: Scene) -> None:
    for name in statements.HARMLESS:
        try:
            assert SECRET not in scene.ask(f"from {name}()"), name
        except NewsmartError as error:
            assert SECRET not in str(error), name


def test_the_settings_that_shut_it_in_cannot_be_seen_open(scene: Scene) -> None:
    with release_connection(scene.release, sandboxed=True) as connection:
        sql = "select name, value from duckdb_settings()"
        found = dict(connection.execute(sql).fetchall())
    wanted = {
        "enable_external_access": "false",
        "lock_configuration": "true",
        "temp_directory": "",
        "python_enable_replacements": "false",
        "autoload_known_extensions": "false",
        "allow_unredacted_secrets": "false",
    }
    assert {name: found[name] for name in wanted} == wanted


def test_a_query_that_needs_more_than_its_memory_ends_with_the_limit_to_raise(scene: Scene) -> None:
    with pytest.raises(RunFailed, match=r"more memory than it may use .*raise query_memory"):
        scene.ask("select count(distinct i) from range(3000000) t(i)", memory="50MB")


def test_a_query_leaves_even_the_ctime(scene: Scene) -> None:
    """Or each run would have to hash the release to see that it is as it was published."""
    before = scene.release.stat().st_ctime_ns
    scene.ask("from article")
    assert scene.release.stat().st_ctime_ns == before


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_sigterm_leaves_nothing(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    code = (
        "import os, signal, sys\nfrom flows.cli import main\nimport threading\n"
        "threading.Timer(1.5, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()\n"
        "sys.exit(main(['query', sys.argv[2], '--warehouse', sys.argv[1]]))"
    )
    slow = "select count(*) from (select hash(i) h from range(2000000000) t(i) order by h)"
    done = run_python(code, scene.home.file, slow)
    assert done.returncode in (143, -signal.SIGTERM), done.stderr
    assert list(scene.home.temp.iterdir()) == []


def test_a_log_beside_the_release_is_not_read(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    Path(f"{scene.release}.wal").write_bytes(b"forged")
    with pytest.raises(RunFailed, match=r"a log lies beside it: .*r1/news\.duckdb\.wal") as caught:
        scene.ask("from articles")
    assert "newsmart run" in str(caught.value)


HUGE = [
    "select " + "(" * 3000 + "1" + ")" * 3000,
    "select " + "not " * 20_000 + "true",
    "select " + "- " * 20_000 + "1",
    "select 1" + " + 1" * 20_000,
    "select " + "[" * 3000 + "]" * 3000,
    "from " + "(select * from " * 2000 + "article" + ")" * 2000,
    " union all ".join(["select 1"] * 5000),
    "select case " + "when true then case " * 2000,
    "select '" + "x" * 3_000_000 + "' = nope",
]
ASKING = """
import io, json, sys
from pathlib import Path
from schemas.errors import NewsmartError
from warehouse.home import Home
from warehouse.queries.query import run_query
for number, sql in enumerate(json.load(sys.stdin)):
    try:
        run_query(Home.of(Path(sys.argv[1])), sql, out=io.StringIO())
    except NewsmartError:
        pass
    print(number, flush=True)
"""


@pytest.mark.parametrize("huge", [HUGE[:1] + HUGE[-2:], pytest.param(HUGE, marks=pytest.mark.slow)], ids=["few", "all"])
def test_a_huge_expression_ends_with_a_line(scene: Scene, huge: list[str]) -> None:
    child = start_python(ASKING, scene.home.file)
    out, _ = child.communicate(json.dumps(huge), timeout=100)
    assert (child.returncode, out.split()) == (0, [str(number) for number in range(len(huge))])
