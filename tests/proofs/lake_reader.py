"""One reader of the DuckLake proof: a script for the interpreter that has the extension; nothing of newsmart.

    PYTHON -I lake_reader.py     one line of JSON on stdin: catalog, extensions, tables, stop, pause

It connects in a loop until the file `stop` is there. In one transaction it asks which release the lake shows, hashes
all tables, waits, and hashes one of them again: what is seen in a transaction must not change. It prints each thing
seen once, in order, with how often it has read.
"""

import importlib.util
import json
import os
import random
import sys
import time
from typing import Any

import duckdb


def main() -> int:
    """Read until told to stop; print what was seen as one JSON object."""
    job = json.loads(sys.stdin.readline())
    reads = 0
    seen: list[dict[str, Any]] = []
    is_last = False
    while not is_last:
        is_last = os.path.exists(job["stop"])
        one = look(job)
        reads += 1
        if not seen or seen[-1] != one:
            seen.append(one)
        if reads == 1:
            say("reading")
        time.sleep(random.uniform(0, job["pause"]))
    say(json.dumps({"reads": reads, "seen": seen}))
    return 0


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def look(job: dict[str, Any]) -> dict[str, Any]:
    """Return the release that the lake shows, and the count and hash of each table."""
    config: dict[str, Any] = {"autoinstall_known_extensions": False, "autoload_known_extensions": False, "threads": 1}
    with duckdb.connect(":memory:", config=config) as connection:
        for name in job["extensions"]:
            spec = importlib.util.find_spec(f"duckdb_extension_{name}")
            folder = next(iter(spec.submodule_search_locations or [""])) if spec else ""
            connection.execute(f"load '{folder}/extensions/v{duckdb.__version__}/{name}.duckdb_extension'")
        connection.execute(f"attach '{job['catalog']}' as lake (read_only)")
        connection.execute("begin")
        release = connection.execute("select release_id, fingerprint from lake.ops.release").fetchall()
        tables = {name: connection.execute(sql).fetchone() for name, sql in job["tables"].items()}
        time.sleep(random.uniform(0, job["pause"]))
        again = {name: connection.execute(sql).fetchone() for name, sql in list(job["tables"].items())[:1]}
        articles = connection.execute("select count(*) from lake.main.articles").fetchone()
        connection.execute("commit")
    if any(tables[name] != found for name, found in again.items()):
        raise RuntimeError("a transaction saw two states")
    return {"release": [list(row) for row in release], "tables": tables, "articles": articles}


if __name__ == "__main__":
    sys.exit(main())
