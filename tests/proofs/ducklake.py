"""Proof that a DuckLake shows whole releases only, to readers that ask while exports go on, are killed, and collide.

    python -m tests.proofs.ducklake --releases 12 --readers 4 --kills 12

It makes an environment with the duckdb that has the extension, and starts a PostgreSQL server of its own for the
catalog, on a Unix socket and with a password. Real runs publish releases, `newsmart export` writes each into the lake
while readers hash what they see: every look must be a release that was published, whole. Then exports are killed at
moments spread over their time, and two at once are let loose on one lake.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from schemas.tables import ALL_TABLES, BASE_TABLES
from tests.documents import make_document, make_mention
from tests.proofs.lake_environment import Server, make_python, postgres
from tests.proofs.publisher import Publisher
from tests.proofs.scene import COMMAND, ROOT, ProofFailed, newsmart, reading, run_proof, told_by
from warehouse.release.fingerprint import TableFingerprint, combine, digest_sql

EXTENSIONS = ("ducklake", "postgres_scanner")
CANARY = "canary-9b1c-password"
READY_SECONDS = 120.0


class Lake:
    """A lake of the proof: its catalog and files, the interpreter that can open it, the releases exported into it."""

    def __init__(self, server: Server, python: Path, place: Path, name: str = "lake") -> None:
        """In: the server; the interpreter; a folder for the files; the database's name."""
        server.ask("postgres", f"create database {name}")
        self.server, self.python, self.name = server, python, name
        self.files = place / f"{name}-files"
        self.said: list[str] = []

    def arguments(self, file: Path) -> list[str]:
        """Return the arguments of an export of the warehouse into this lake."""
        given = ["--warehouse", str(file), "--to", self.server.address(self.name), "--data-path", str(self.files)]
        return ["export", *given, "--format", "ducklake", "--ducklake-python", str(self.python), "--json"]

    def export(self, file: Path) -> dict[str, Any]:
        """Export, and return what the command told. Raises ProofFailed."""
        done = newsmart(*self.arguments(file), environment={"PGPASSWORD": CANARY})
        self.said.append(done.stdout + done.stderr)
        if done.returncode:
            raise ProofFailed(f"export: {done.stderr}")
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def snapshots(self) -> int:
        """Return how many snapshots the catalog has."""
        return int(self.server.ask(self.name, "select count(*) from public.ducklake_snapshot"))

    @contextmanager
    def reading(self, stop: Path, readers: int, pause: float) -> Iterator[list["subprocess.Popen[str]"]]:
        """Start readers, wait until each has read once, and end what is left of them after the block."""
        tables = {
            table.name: digest_sql([(one.name, one.type) for one in table.columns], f"lake.{table.qualified_name}")
            for table in BASE_TABLES
        }
        job = {"catalog": self.server.address(self.name), "extensions": EXTENSIONS, "tables": tables}
        line = json.dumps({**job, "stop": str(stop), "pause": pause})
        command = [str(self.python), "-I", str(ROOT / "tests" / "proofs" / "lake_reader.py")]
        children = [start(command) for _ in range(readers)]
        for child in children:
            tell(child, line)
        with reading(children):
            yield children

    def look(self, place: Path) -> str:
        """Return the release that the lake shows, after checking that it is whole."""
        stop = place / "stop-one"
        stop.touch()
        with self.reading(stop, 1, 0) as (child,):
            told = told_by(child)
        return checked(told)[-1]


def start(command: Sequence[str]) -> "subprocess.Popen[str]":
    """Start a process that may log in to the catalog, with pipes."""
    pipe = subprocess.PIPE
    environment = {**os.environ, "PGPASSWORD": CANARY}
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT, env=environment)


def tell(child: "subprocess.Popen[str]", line: str) -> None:
    """Write a line to a process."""
    if child.stdin is not None:
        child.stdin.write(line + "\n")
        child.stdin.flush()


def checked(told: Mapping[str, Any]) -> list[str]:
    """Return the releases that a reader saw, in order. Raises ProofFailed where one look was not whole."""
    releases = []
    for seen in told["seen"]:
        ((release_id, fingerprint),) = seen["release"]
        rows = [TableFingerprint(name, count, f"{digest:032x}") for name, (count, digest) in seen["tables"].items()]
        if combine(tuple(rows)) != fingerprint or seen["articles"][0] != seen["tables"]["dim_article"][0]:
            raise ProofFailed(f"a torn look at {release_id}")
        releases.append(str(release_id))
    return releases


def prove_reading(publisher: Publisher, lake: Lake, place: Path, releases: int, readers: int) -> dict[str, Any]:
    """Export releases in a row while processes read. Raises ProofFailed."""
    stop = place / "stop"
    published = [publisher.publish()]
    told = [lake.export(publisher.home.file)]
    with lake.reading(stop, readers, 0.3) as children:
        for _ in range(releases - 1):
            published.append(publisher.publish())
            told.append(lake.export(publisher.home.file))
        stop.touch()
        seen = [told_by(child) for child in children]
    order = {one.release_id: number for number, one in enumerate(published)}
    for one in seen:
        check_order([order.get(release_id, -1) for release_id in checked(one)], len(published) - 1)
    if lake.snapshots() != releases + 1:  # the lake itself is the first
        raise ProofFailed(f"{lake.snapshots()} snapshots of {releases} releases")
    again = lake.export(publisher.home.file)
    if again["exported"] or lake.snapshots() != releases + 1:
        raise ProofFailed("a release that was there already made a snapshot")
    return {
        "releases": releases,
        "readers": readers,
        "reads": sum(one["reads"] for one in seen),
        "looks_at_distinct_releases": len({release_id for one in seen for release_id in checked(one)}),
        "snapshots": lake.snapshots(),
        "first_export": {name: told[0][name] for name in ("inserted", "seconds")},
        "later_export_seconds_median": round(statistics.median(one["seconds"] for one in told[1:]), 2),
        "later_export_rows_median": statistics.median(one["inserted"] + one["deleted"] for one in told[1:]),
    }


def check_order(places: Sequence[int], last: int) -> None:
    """Raise ProofFailed where a reader saw what was not published, went back, or did not see the last release."""
    if -1 in places or list(places) != sorted(places) or places[-1] != last:
        raise ProofFailed(f"a reader saw releases {places}")


def prove_kills(publisher: Publisher, lake: Lake, place: Path, kills: int) -> dict[str, Any]:
    """Kill exports at moments spread over their time; the lake shows the release before or the new one, whole."""
    before, outcomes = publisher.publish().release_id, {"died_before_commit": 0, "died_after": 0, "had_ended": 0}
    began = time.monotonic()
    lake.export(publisher.home.file)
    seconds = time.monotonic() - began
    moments = [seconds * (number + 1) / kills for number in range(kills)]
    new = publisher.publish().release_id
    for moment in moments:
        snapshots = lake.snapshots()
        has_died = kill_after(lake.arguments(publisher.home.file), moment)
        wait_for_writers(lake)
        shown = lake.look(place)
        expected = {before: snapshots, new: snapshots + 1}
        if expected.get(shown) != lake.snapshots():
            raise ProofFailed(f"after a kill at {moment:.2f} s: {shown}, {lake.snapshots()} snapshots")
        outcomes[("died_after" if shown == new else "died_before_commit") if has_died else "had_ended"] += 1
        if shown == new:
            before, new = shown, publisher.publish().release_id
    lake.export(publisher.home.file)
    if lake.look(place) != new:
        raise ProofFailed("the export after the kills did not show the release")
    return {"kills": kills, "first_at": round(moments[0], 2), "last_at": round(moments[-1], 2), **outcomes}


def kill_after(arguments: Sequence[str], seconds: float) -> bool:
    """Start a command and kill it, as kill -9 does, after so long; return whether that is what it died of."""
    child = start([*COMMAND, *arguments])
    with suppress(subprocess.TimeoutExpired):
        child.wait(seconds)
    child.kill()
    child.communicate()
    return child.returncode == -signal.SIGKILL


def wait_for_writers(lake: Lake) -> None:
    """Wait until no connection to the catalog is left: a writer ends with the command that has started it."""
    deadline = time.monotonic() + 15
    others = f"select count(*) from pg_stat_activity where datname = '{lake.name}' and pid <> pg_backend_pid()"
    while lake.server.ask(lake.name, others) != "0":
        if time.monotonic() > deadline:
            raise ProofFailed("a writer outlived its command")
        time.sleep(0.1)


def prove_collision(publisher: Publisher, lake: Lake, place: Path, rounds: int) -> dict[str, Any]:
    """Let two exports of one new release loose at once; rows stand once, whoever wins."""
    outcomes: dict[str, int] = {}
    for _ in range(rounds):
        new, snapshots = publisher.publish().release_id, lake.snapshots()
        command = [*COMMAND, *lake.arguments(publisher.home.file)]
        pair = [start(command) for _ in range(2)]
        said = [child.communicate(timeout=READY_SECONDS) for child in pair]
        lake.said += [output + errors for output, errors in said]
        statuses = sorted(child.returncode for child in pair)
        if statuses not in ([0, 0], [0, 3]) or lake.look(place) != new or lake.snapshots() != snapshots + 1:
            raise ProofFailed(f"two at once: exit {statuses}, {lake.snapshots() - snapshots} snapshots, {said}")
        outcomes[str(statuses)] = outcomes.get(str(statuses), 0) + 1
    return {"rounds": rounds, "exit_statuses": outcomes}


def check_comments(publisher: Publisher, lake: Lake) -> int:
    """Return how many comments of tables, views and columns the lake keeps. Raises ProofFailed where one is missing."""
    asked = "select count(*) from public.ducklake_{} where key = 'comment' and end_snapshot is null"
    found = sum(int(lake.server.ask(lake.name, asked.format(table))) for table in ("tag", "column_tag"))
    columns = sum(len(table.columns) for table in ALL_TABLES if table.kind != "view")
    if found != len(ALL_TABLES) + columns:
        raise ProofFailed(f"{found} comments, not {len(ALL_TABLES) + columns}")
    return found


def check_secrets(lake: Lake, place: Path) -> None:
    """Raise ProofFailed where the password is in what was said, in the catalog, in a file or in a release."""
    dump = [str(lake.server.programs / "pg_dump"), "-h", str(lake.server.folder), "-U", lake.server.user, lake.name]
    environment = {**os.environ, "PGPASSWORD": CANARY}
    catalog = subprocess.run(dump, capture_output=True, env=environment, timeout=60, check=True).stdout
    files = [path for path in place.rglob("*") if path.is_file() and "postgres" not in path.parts]
    texts = {"catalog": catalog, "said": "".join(lake.said).encode(), **{str(one): one.read_bytes() for one in files}}
    found = [name for name, text in texts.items() if CANARY.encode() in text]
    if found or len(files) < len(BASE_TABLES):
        raise ProofFailed(f"the password is in {found}")


def add_documents(publisher: Publisher, number: int) -> None:
    """Write documents that stay as they are, so that a release is no trifle."""
    for one in range(number):
        related = [
            make_mention(f"Related {one} {place}", f"https://related.example/{(one * 7 + place) % (number * 3)}")
            for place in range(20)
        ]
        text = make_document(f"Steady {one}", f"https://steady.example/{one}", related=related, topics=["AI"])
        (publisher.source / f"steady-{one}.md").write_text(text, encoding="utf-8")


def prove(options: argparse.Namespace, place: Path) -> dict[str, Any]:
    """Run all proofs; return what was found. Raises ProofFailed."""
    place.chmod(0o755)
    python = options.python or make_python(place / "environment")
    publisher = Publisher(place)
    add_documents(publisher, options.documents)
    with postgres(place / "postgres", CANARY) as server:
        lake = Lake(server, python, place)
        told: dict[str, Any] = {"documents": options.documents}
        told["reading"] = prove_reading(publisher, lake, place, options.releases, options.readers)
        told["kills"] = prove_kills(publisher, lake, place, options.kills)
        told["collisions"] = prove_collision(publisher, lake, place, options.collisions)
        told["comments"] = check_comments(publisher, lake)
        check_secrets(lake, place)
    return told


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the proof; print what was found as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.ducklake", description=__doc__.splitlines()[0])
    parser.add_argument("--releases", type=int, default=12, help="releases in a row (default: 12)")
    parser.add_argument("--readers", type=int, default=4, help="processes that read (default: 4)")
    parser.add_argument("--kills", type=int, default=12, help="exports that are killed (default: 12)")
    parser.add_argument("--collisions", type=int, default=3, help="pairs of exports at once (default: 3)")
    parser.add_argument("--documents", type=int, default=1000, help="documents beside those that change")
    parser.add_argument("--python", type=Path, help="interpreter that has the extensions (default: make one)")
    options = parser.parse_args(arguments)
    run_proof(partial(prove, options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
