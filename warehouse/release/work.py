"""The scratch tables of a build, catalog `work`: one SELECT each, and which of them need which others.

Of two of them SQL makes only a part. Shared aliases are judged by a module of schemas/. And which URLs are one article
is the transitive closure of what mentions declare: SQL can do it by recursion, but then a long chain costs a round for
each link; a union of sets is linear. rustworkx does it in compiled code, starts in 20 ms (scipy needs 650, networkx
360) and takes millions of pairs.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

import duckdb
import rustworkx

from schemas.shared_alias import judge
from warehouse.ledger.opening import count_rows
from warehouse.parallel import THREADS, Step, run_steps
from warehouse.release.catalog import LARGE_BLOCK_BYTES, SMALL_BLOCK_BYTES
from warehouse.release.fingerprint import TableFingerprint
from warehouse.sql_files import execute_named, insert_rows, read_sql, sql_names

# With 270,000 entries, two steps at a time ran out of DuckDB's 350 MB; with 70,000 they took an eighth less than one.
MOST_ENTRIES_SIDE_BY_SIDE = 80_000
# With 275,000 entries small blocks cost a build nothing, and large ones the release after one change a fifth; with
# 810,000 large ones save a fifth to a third of a build.
MOST_ENTRIES_IN_SMALL_BLOCKS = 400_000

# What a step gives: those that fill a table of the release, its fingerprint.
BuildStep = Step[TableFingerprint | None]


def lay_out(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> None:
    """Fill the scratch tables of catalog `work` from the ledger's events at or before `as_of`."""
    run_steps(connection, "ledger", list(work_steps(as_of)), threads=threads_for(connection))


def threads_for(connection: duckdb.DuckDBPyConnection) -> int:
    """Return how many steps may run at a time: of a large ledger one, for two would not fit into the memory allowed.

    DuckDB spreads a step over large tables over all cores by itself.
    """
    return 1 if count_rows(connection, "entry") > MOST_ENTRIES_SIDE_BY_SIDE else THREADS


def block_bytes_for(connection: duckdb.DuckDBPyConnection) -> int:
    """Return how large the blocks of a release are that is built whole from the ledger."""
    is_small = count_rows(connection, "entry") <= MOST_ENTRIES_IN_SMALL_BLOCKS
    return SMALL_BLOCK_BYTES if is_small else LARGE_BLOCK_BYTES


def work_steps(as_of: datetime) -> Iterator[BuildStep]:
    """Yield a step for each scratch table; what one needs is read from its SQL."""
    for name in sql_names("work"):
        yield Step(name, needs_of(read_sql("work", name)) - {name}, partial(_lay_out, name, as_of))


def identity_steps(as_of: datetime) -> list[BuildStep]:
    """Return the steps that decide which URLs are one article: work.key_owner and all that it needs."""
    steps = {step.name: step for step in work_steps(as_of)}
    wanted = ["key_owner"]
    for name in wanted:
        wanted += steps[name].needs - set(wanted)
    return [steps[name] for name in wanted]


def needs_of(sql: str) -> frozenset[str]:
    """Return the scratch tables that a transform names."""
    return frozenset(re.findall(r"\bwork\.(\w+)", sql))


def _lay_out(name: str, as_of: datetime, cursor: duckdb.DuckDBPyConnection) -> None:
    execute_named(cursor, f"create or replace table work.{name} as {read_sql('work', name)}", {"as_of": as_of})
    if name in FILLED_IN_PYTHON:
        FILLED_IN_PYTHON[name](cursor)


def clear_work(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop the scratch tables, so that a long-lived process gives their memory back."""
    for name in sql_names("work"):
        connection.execute(f"drop table if exists work.{name}")


def judge_shared_aliases(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill work.alias_verdict from the aliases in work.shared_alias."""
    shared = connection.execute("select alias_key, declaring_keys, is_identifying from work.shared_alias").fetchall()
    columns = ("alias_key", "url_key", "partner_key", "reason")
    verdicts = [verdict for alias, keys, is_own in shared for verdict in judge(alias, keys, is_identifying=is_own)]
    insert_rows(connection, "work.alias_verdict", [dict(zip(columns, one, strict=True)) for one in verdicts])


def close_over_aliases(connection: duckdb.DuckDBPyConnection) -> None:
    """Add to work.closure the keys of the pairs in work.tangled_edge."""
    pairs = connection.execute("select url_key, alias_key from work.tangled_edge").fetchall()
    closed = [{"url_key": key, "component": component} for key, component in components(pairs)]
    insert_rows(connection, "work.closure", closed)


FILLED_IN_PYTHON = {"alias_verdict": judge_shared_aliases, "closure": close_over_aliases}


def components(pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield (key, component) for each key in the pairs; the component is named by its smallest key.

    The result depends on the set of pairs alone, neither on their order nor on which key stands first.
    """
    keys = sorted({key for pair in pairs for key in pair})
    number = {key: index for index, key in enumerate(keys)}
    graph = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from(keys)
    graph.add_edges_from_no_data([(number[one], number[other]) for one, other in pairs])
    for members in rustworkx.connected_components(graph):
        component = keys[min(members)]
        yield from ((keys[member], component) for member in members)
