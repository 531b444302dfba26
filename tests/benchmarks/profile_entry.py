"""What one distinct related entry costs to read, step by step, in microseconds of CPU.

    python -m tests.benchmarks.profile_entry

Each step is done for all entries of a corpus that repeats nothing; the best of five turns counts, as the machine may be
busy with other things.
"""

import gc
import re
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from time import process_time
from typing import Any, TypeVar

from flows.reading import columns
from flows.reading.blocks import prove
from flows.reading.columns import table_of_entries
from flows.reading.entries import canonical_form, entry_of
from flows.reading.lines import read_lines
from flows.reading.validate import prove_entry
from schemas.batches import URLS, table_of_rows
from schemas.documents import bounds
from schemas.urls import facts
from tests.benchmarks import corpus

T = TypeVar("T")
CONTEXT = bounds(datetime(2026, 11, 20))
TURNS = 5


def blocks_of(documents: int) -> list[bytes]:
    """Return the related entries of a corpus that repeats nothing, as the reader cuts them."""
    found = []
    with tempfile.TemporaryDirectory(prefix="newsmart-profile-") as place:
        corpus.generate(Path(place) / "corpus", documents, "short", repeats=0)
        for path in sorted((Path(place) / "corpus").glob("*.md")):
            front = path.read_bytes().replace(b"\r\n", b"\n").partition(b"\nsecured: ")[0]
            _, _, related = front.partition(b"\nrelated:\n  - ")
            found += re.split(rb"\n  - ", related.rstrip(b"\n")) if related else []
    return found


def main() -> int:
    """Print the table."""
    blocks = blocks_of(600)
    lines: list[tuple[str, float]] = []

    def step(name: str, work: Callable[[], T]) -> T:
        seconds = []
        for _ in range(TURNS):
            gc.collect()
            gc.disable()
            start = process_time()
            result = work()
            seconds.append(process_time() - start)
            gc.enable()
        lines.append((name, min(seconds) / len(blocks) * 1e6))
        return result

    trees = step("its lines as a tree", lambda: [read_lines(block, "    ") for block in blocks])
    texts = step("canonical JSON", lambda: [canonical_form(tree) for tree in trees])
    step("its SHA-256", lambda: [sha256(text).digest() for text in texts])
    entries = step("an entry, JSON and SHA-256 included", lambda: [entry_of(canonical_form(tree)) for tree in trees])
    prove(entries, CONTEXT)  # gives them their URLs
    step("JSON of all as Arrow's columns of text", lambda: columns._read([entry.said for entry in entries]))
    step("typed columns, JSON included", lambda: table_of_entries(entries, CONTEXT))
    spellings = [url.url_raw for entry in entries for url in entry.urls or ()]
    step(f"the facts of {len(spellings) / len(blocks):.1f} URLs", lambda: [facts(url) for url in spellings])
    found: list[Any] = [url for entry in entries for url in entry.urls or ()]
    step("the table of its URLs", lambda: table_of_rows(found, URLS))
    step(
        "in place of columns and facts: the model",
        lambda: [prove_entry(entry_of(b""), tree, CONTEXT) for tree in trees],
    )
    sys.stdout.write("| step | µs |\n|---|---|\n" + "".join(f"| {name} | {cost:.1f} |\n" for name, cost in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
