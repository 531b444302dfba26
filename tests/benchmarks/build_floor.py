"""What a whole build costs, against the least that writing its tables costs.

    python -m tests.benchmarks.build_floor WAREHOUSE_FILE --turns 3

The floor: the finished tables, copied with their keys, views and comments into a new file, by the same connection with
the same memory and as many threads. The build does that as well, and before it settles identities, chooses values and
tells history; after it, it hashes all rows. Build and floor take turns. The last line is a JSON object of medians;
audits, which a run times as a step of their own, are left out.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import duckdb

from flows.process import skip_numpy_and_pandas

skip_numpy_and_pandas()

from schemas.declarations import Table  # noqa: E402
from schemas.tables import BASE_TABLES  # noqa: E402
from warehouse.ledger.locked import locked_ledger  # noqa: E402
from warehouse.ledger.opening import transaction  # noqa: E402
from warehouse.parallel import Step, run_steps  # noqa: E402
from warehouse.release.build import deduplicate, load, make_tables  # noqa: E402
from warehouse.release.catalog import add_key, attach_release, attach_staged  # noqa: E402
from warehouse.release.work import block_bytes_for, clear_work, threads_for  # noqa: E402
from warehouse.spill import spill_folder  # noqa: E402


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds by the clock and of the processor, and the bytes of the file that was written."""

    wall: float
    cpu: float
    size: int


def timed(file: Path, work: Callable[[], object]) -> Spent:
    """Do the work, which writes a file, and return what it took. The file is removed."""
    wall, cpu = perf_counter(), process_time()
    work()
    spent = Spent(perf_counter() - wall, process_time() - cpu, file.stat().st_size)
    file.unlink()
    return spent


@contextmanager
def building(connection: duckdb.DuckDBPyConnection, file: Path) -> Iterator[None]:
    """Attach a new release file as `news` for the block."""
    attach_staged(connection, file, "news", block_bytes_for(connection))
    try:
        yield
    finally:
        connection.execute("use ledger")
        connection.execute("detach news")


def build(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    """Build a release as of the last event, whole."""
    ((as_of,),) = connection.execute("select max(as_of) from ledger.event").fetchall()
    with building(connection, file):
        deduplicate(connection, as_of)
        load(connection, as_of, "floor", lambda _: None)
        clear_work(connection)


def copy(connection: duckdb.DuckDBPyConnection, release: Path, file: Path) -> None:
    """Copy a release's tables with their keys into a new file."""
    attach_release(connection, release, "finished")
    with building(connection, file):
        make_tables(connection.cursor().execute("use news"))
        steps = [Step(table.name, frozenset[str](), partial(copy_table, table)) for table in BASE_TABLES]
        run_steps(connection, "news", steps, threads=threads_for(connection))
    connection.execute("detach finished")


def copy_table(table: Table, cursor: duckdb.DuckDBPyConnection) -> None:
    """Copy a table in a transaction of its own, as a build fills it."""
    with transaction(cursor):
        cursor.execute(f"insert into news.{table.qualified_name} from finished.{table.qualified_name}")
        if table.declared_key:
            cursor.execute(add_key(table))


def compare(warehouse: Path, turns: int) -> dict[str, float]:
    """Build and copy in turns. Out: medians, and the ratios turn by turn."""
    with locked_ledger(warehouse, "") as (home, connection), spill_folder(home.temp) as folder:
        built, floor = [], []
        for _ in range(turns):
            file = folder / "built.duckdb"
            built.append(timed(file, lambda file=file: build(connection, file)))  # type: ignore[misc]
            floor.append(timed(file, lambda file=file: copy(connection, home.file, file)))  # type: ignore[misc]
        ((mentions,),) = connection.execute("select count(*) from ledger.content_entry").fetchall()
    return {
        "mentions": int(mentions),
        "build_seconds": round(median(one.wall for one in built), 2),
        "build_cpu_seconds": round(median(one.cpu for one in built), 2),
        "floor_seconds": round(median(one.wall for one in floor), 2),
        "floor_cpu_seconds": round(median(one.cpu for one in floor), 2),
        "times_the_floor": round(median(one.wall / other.wall for one, other in zip(built, floor, strict=True)), 2),
        "times_its_cpu": round(median(one.cpu / other.cpu for one, other in zip(built, floor, strict=True)), 2),
        "file_mb": round(built[-1].size / 1e6, 1),
        "floor_file_mb": round(floor[-1].size / 1e6, 1),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.build_floor", description="Compare a build with a copy of what it builds."
    )
    parser.add_argument("warehouse", type=Path, help="the warehouse's file")
    parser.add_argument("--turns", type=int, default=3, help="turns of build and copy (default: 3)")
    given = parser.parse_args(arguments)
    sys.stdout.write(json.dumps(compare(given.warehouse, given.turns)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
