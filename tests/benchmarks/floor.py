"""The floor: read every byte and parse it to a YAML tree with the fastest parser, in two processes.

rapidyaml builds a tree of views into the text and nothing else: no values, no checks of values, no keys, no storage.
Whoever reads these files at all cannot be much faster on two cores, so it says what everything else costs.

    python -m tests.benchmarks.floor SOURCE
"""

import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import ryml

SUFFIXES = {".md", ".markdown", ".txt", ".yaml", ".yml"}
PROCESSES = 2


def mentions_of(data: bytes) -> int:
    """Return how many mentions a document holds: its own and its related ones."""
    start = data.index(b"\n") + 1
    tree = ryml.parse_in_arena(data[start : data.index(b"\n---", start) + 1])
    related = tree.find_child(tree.root_id(), b"related")
    return 1 + (tree.num_children(related) if related != ryml.NONE else 0)


def count(paths: Sequence[str]) -> int:
    """Return how many mentions some files hold."""
    return sum(mentions_of(Path(path).read_bytes()) for path in paths)


def parse(source: Path) -> dict[str, int]:
    """Read and parse a folder. Out: the counts of documents and mentions."""
    paths = [
        str(path)
        for path in source.rglob("*")
        if path.suffix in SUFFIXES and not path.name.startswith((".", "README."))
    ]
    with ProcessPoolExecutor(PROCESSES) as pool:
        parts = pool.map(count, (paths[start::PROCESSES] for start in range(PROCESSES)))
        return {"documents": len(paths), "mentions": sum(parts)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(parse(Path(sys.argv[1]))) + "\n")
