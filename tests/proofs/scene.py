"""What the proofs share: the command as a user runs it, sources that change, and a look at what readers see.

A look opens FILE as any program does, computes the fingerprint anew from the rows and runs every audit that needs no
ledger. So "FILE opens" means here that what it shows is whole.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from tests.documents import make_document, make_mention
from tests.proofs.forked import run_command
from warehouse.home import Home
from warehouse.release import publish
from warehouse.release.audit import audits
from warehouse.release.fingerprint import combine, fingerprint_tables
from warehouse.sql_files import define_macros

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "seeds"
COMMAND = (sys.executable, "-m", "flows.cli")
LEDGER_CATALOGS = ("base.", "ledger.", "work.")
SUPERSEDED = "the as-of must be later than the last run's"
WORKER_END_SECONDS = 10.0
READER_SECONDS = 120.0


class ProofFailed(Exception):
    """What was to be proved is not so."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a reader sees: the release, the fingerprint that it says it has and its rows have, and how it was made."""

    release_id: str
    as_of: datetime
    fingerprint: str
    build_kind: str


def run_proof(prove: Callable[[Path], Mapping[str, object]]) -> None:
    """Run a proof in a folder of its own; print what was found, and the seconds it took, as one JSON object."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="newsmart-proof-") as folder:
        told = prove(Path(folder))
    sys.stdout.write(json.dumps({**told, "seconds": round(time.monotonic() - began)}) + "\n")


@contextmanager
def reading(children: Sequence["subprocess.Popen[str]"]) -> Iterator[None]:
    """Wait until each reader has read once, and kill what is left of them after the block. Raises ProofFailed."""
    try:
        for child in children:
            if child.stdout is None or child.stdout.readline() != "reading\n":
                raise ProofFailed(f"a reader could not read: {child.communicate()[1]}")
        yield
    finally:
        for child in children:
            child.kill()
            child.communicate()


def told_by(child: "subprocess.Popen[str]") -> dict[str, Any]:
    """Wait for a reader that was told to stop, and return what it saw. Raises ProofFailed."""
    if child.stdout is None or child.stderr is None:
        raise ProofFailed("a reader was started without pipes")
    timer = threading.Timer(READER_SECONDS, child.kill)
    timer.start()
    # Not communicate(): the line may lie in the buffer already, behind the one that said "reading".
    output, errors = child.stdout.read(), child.stderr.read()
    timer.cancel()
    if child.wait() or errors:
        raise ProofFailed(f"a reader failed: {errors}")
    told: dict[str, Any] = json.loads(output)
    return told


def newsmart(
    *arguments: object, environment: Mapping[str, str] | None = None, timeout: float = 120, edge: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command of newsmart in a process of its own, wait for it and return what it said.

    In: `edge`, where the process is to die (tests/proofs/killed.py).
    """
    return run_command([*map(str, arguments)], {**os.environ, **(environment or {})}, timeout, edge)


def run_arguments(source: Path, home: Home, as_of: str, *more: str) -> list[str]:
    """Return the arguments of a direct run of the source `news`."""
    given = ["--source", f"news={source}", "--warehouse", str(home.file), "--as-of", as_of, "--direct", "--json"]
    return ["run", *given, *more]


def error_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that tells the error; ProofFailed where there is not just one, or a traceback."""
    lines = [line for line in done.stderr.splitlines() if not re.fullmatch(r"[a-z]+ [0-9.]+ s", line)]
    if len(lines) != 1 or not lines[0].startswith("newsmart: ") or "unexpected" in lines[0]:
        raise ProofFailed(f"exit {done.returncode}, but not one clear line: {done.stderr}")
    return lines[0]


_seen: dict[bytes, Look] = {}


def look(file: Path) -> Look:
    """Open FILE as a reader does and check that what it shows is whole. Raises ProofFailed where it is not.

    Where no log lies beside it, a release of the same bytes is checked once in a process.
    """
    digest = sha256(file.read_bytes()).digest()
    with duckdb.connect(file, read_only=True) as connection:
        if digest in _seen and not list(file.parent.rglob("*.wal")):
            connection.execute("from ops.release").fetchall()
            return _seen[digest]
        seen = look_through(connection)
        define_macros(connection)
        broken = list(broken_audits(connection, seen.as_of))
    if broken:
        raise ProofFailed(f"{seen.release_id} breaks {', '.join(broken)}")
    if sha256(file.read_bytes()).digest() == digest:
        _seen[digest] = seen
    return seen


def look_through(connection: duckdb.DuckDBPyConnection) -> Look:
    """Compare what a release says of itself with its rows. Raises ProofFailed where they differ."""
    row = connection.execute(
        "select release_id, as_of, build_kind, fingerprint, document_count, article_count, mention_count "
        "from ops.release"
    ).fetchone()
    counts = connection.execute(
        "select (select count(*) from dim_document where removed_at is null), (select count(*) from dim_article), "
        "(select count(*) from fact_mention), (select sum(mention_count) from fact_article)"
    ).fetchone()
    if row is None or counts is None:
        raise ProofFailed("ops.release has no row")
    found = combine(fingerprint_tables(connection, "news"))
    release_id, as_of, build_kind, *said = row
    if [found, *counts] != [*said, said[-1]]:
        raise ProofFailed(f"{release_id} is torn: it says {said}, its rows say {(found, *counts)}")
    return Look(release_id, as_of, found, build_kind)


def broken_audits(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> Iterator[str]:
    """Yield the audits that a release breaks: those that need no ledger run again, the others as it says itself."""
    for audit in audits():
        if not any(catalog in audit.sql for catalog in LEDGER_CATALOGS):
            parameters = {"as_of": as_of} if "$as_of" in audit.sql else None
            offending = connection.execute(f"select count(*) from ({audit.sql}) as offending", parameters).fetchone()
            if offending != (0,):
                yield audit.name
    told = connection.execute("select name from ops.audit where status <> 'pass' or offending_rows <> 0").fetchall()
    yield from (str(name) for (name,) in told)


def check_tidy(home: Home) -> None:
    """Raise ProofFailed where a warehouse at rest holds more than it should: leftovers, logs, a fourth release."""
    rest = [str(path) for path in publish.leftovers(home)]
    rest += [str(path) for path in home.file.parent.rglob("*.wal")]
    rest += [str(path) for path in home.file.parent.iterdir() if path not in (home.file, home.folder)]
    kept = publish.release_ids(home)
    if rest or not 1 <= len(kept) <= 3:
        raise ProofFailed(f"left behind: {rest}; kept: {kept}")


def check_no_worker(group: int) -> None:
    """Raise ProofFailed where processes of a killed run's group live on: workers end with their parent."""
    deadline = time.monotonic() + WORKER_END_SECONDS
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    os.killpg(group, signal.SIGKILL)
    raise ProofFailed("a worker outlived its run")


def copy_warehouse(origin: Path, target: Path) -> Home:
    """Copy the folder that holds a warehouse, links as links, and return the copy's home."""
    shutil.copytree(origin, target, symlinks=True)
    return Home.of(target / "news.duckdb")


def write_source(folder: Path) -> Path:
    """Make a source of the seeds and one document of our own, and return its folder."""
    shutil.copytree(SEEDS, folder)
    edit_source(folder, 0)
    return folder


def edit_source(folder: Path, number: int) -> None:
    """Change one document of a source, so that each number gives another content."""
    related = [
        make_mention("Listed", f"https://example.com/listed/{number % 7}", quality=number),
        make_mention("Always listed", "https://example.org/always", quality=number % 3),
    ]
    text = make_document(f"Story {number}", "https://example.com/story", related, heat=number, quality=number % 50)
    (folder / "edited.md").write_text(text, encoding="utf-8")


def upset_source(folder: Path) -> None:
    """Change a source in every way at once: a document edited, one gone, one new, one bad, one re-encrypted."""
    first, second, third, *_ = sorted(folder.glob("0*"))
    first.unlink()
    second.write_text(second.read_text(encoding="utf-8").replace("title:", "title", 1), encoding="utf-8")
    third.write_bytes(third.read_bytes().replace(b"\n", b"\r\n"))
    edit_source(folder, 1)
    (folder / "new.md").write_text(make_document("New", "https://example.net/new?utm_source=x"), encoding="utf-8")
