"""Random histories in which every release that can be is made from the one before it, each compared with its rebuild.

    python -m tests.proofs.increments --histories 2000 --seed 1
    python -m tests.proofs.increments --replay DIR

A few documents are edited at random: added, changed, taken back to an earlier state, removed, made bad, under addresses
and aliases that bring articles together and part them. Now and then a run records and builds nothing, is tried again at
the same as-of, starts from the release before after a rollback, or the past is rewritten. Each release's file is read
from the disk and compared with a whole build, table by table, and so are its fingerprint and what `ops` tells of
aliases, notices and changes. With --replay the states of a real source, listed in DIR/manifest.json, take their place.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb

from flows.sources.scan import Source
from schemas.errors import NewsmartError
from tests.documents import make_document, make_mention
from tests.recording import record_folders
from warehouse.clock import utc_now
from warehouse.db import attach_release
from warehouse.home import Home
from warehouse.ledger.opening import note_rewritten_past, open_ledger, transaction
from warehouse.ledger.purge import purge_documents
from warehouse.release import base, changes, publish, runs, scope
from warehouse.release.build import INCREMENTAL, Built, building, clear_work, fill_release
from warehouse.release.fingerprint import fingerprint_tables
from warehouse.release.making import Making

START = datetime(2024, 1, 1)
STEP = timedelta(hours=7)
TELL_EVERY = 20
HOST = "https://www.example.com/"
PATHS = [f"{name}.md" for name in ("a", "b", "c", "sub/d", "e")]
NAMES = ["1", "2", "3?utm_source=x", "us/who-won-it", "uk/who-won-it", "who-lost-it", "who-lost-it#part", ""]
ALIASES = ["1", "amp/2", "3", "live/today", "amp/who-won-it", "amp/who-lost-it", "hub", "us/who-won-it", ""]
TITLES = ["A", "B", "C", "caf\u00c3\u00a9"]
PICTURES = [[], [{"url": f"{HOST}1.png", "width": 10}], [{"url": f"{HOST}1.png"}, {"url": f"{HOST}2.png", "height": 5}]]
PROVIDERS = [
    {"domain": "x.com", "name": "X", "logoUrl": "https://x.com/1.svg"},
    {"domain": "x.com", "name": "XX"},
    {"domain": "y.com", "name": "Y"},
    {"domain": "y.com"},
    {"domain": "z.com", "name": "Z", "logoUrl": "https://z.com/1.svg"},
]
DATES = ["2020-01-01", "2021-06-01T12:00:00Z", "2018-12-31", "2023-05-05T00:00:00+02:00"]
OPS = {
    "alias": "select * from {}.ops.alias order by all",
    "notice": "select * from {}.ops.notice order by all",
    "release_change": "select * from {}.ops.release_change order by all",
    "release": "select as_of, contract_version, document_count, article_count, mention_count, fingerprint, "
    "previous_release_id, uncompared_reason from {}.ops.release",
}


class Differs(AssertionError):
    """A release is not what a whole build gives."""


@dataclass
class Desk:
    """Where documents are written at random."""

    folder: Path
    chance: random.Random
    texts: dict[str, list[str]] = field(default_factory=dict)
    entries: list[dict[str, Any]] = field(default_factory=list)

    def edit(self) -> None:
        """Change a document somehow."""
        path, dice = self.chance.choice(PATHS), self.chance.random()
        file = self.folder / path
        file.parent.mkdir(exist_ok=True)
        known = self.texts.setdefault(path, [])
        if dice < 0.12:
            file.unlink(missing_ok=True)
        elif dice < 0.17:
            file.write_text("---\ntitle: no address\n---\n")
        elif dice < 0.3 and known:
            file.write_text(self.chance.choice(known[-3:]))
        else:
            known.append(self.document())
            file.write_text(known[-1])

    def document(self) -> str:
        """Return a document at random."""
        related = [self.mention() for _ in range(self.chance.randrange(4))]
        title, url, more = self.values()
        return make_document(title, url, related, "body\n", **more)

    def mention(self) -> dict[str, Any]:
        """Return a related entry at random; mostly one that another document has, as in the real source."""
        if self.entries and self.chance.random() < 0.6:
            return self.chance.choice(self.entries)
        title, url, more = self.values()
        self.entries.append(make_mention(title, url, **more))
        return self.entries[-1]

    def values(self) -> tuple[str, str, dict[str, Any]]:
        """Return title, address and some other fields."""
        pick = self.chance.choice
        fields: dict[str, Any] = {
            "ampWebUrl": HOST + pick(ALIASES),
            "originalUrl": pick([HOST + pick(ALIASES), "https://other.org/9"]),
            "quality": self.chance.randrange(3),
            "heat": self.chance.randrange(-1, 2),
            "published": pick([True, False]),
            "removed": pick([True, False]),
            "images": pick(PICTURES),
            "provider": pick(PROVIDERS),
            "topics": pick([["t"], ["t", "u"], ["v"]]),
            "publishedDateTime": pick(DATES),
        }
        chosen = {name: value for name, value in fields.items() if self.chance.random() < 0.4}
        return pick(TITLES), HOST + pick(NAMES), chosen


@dataclass
class History:
    """A source, its warehouse, and what was made of it so far."""

    home: Home
    desk: Desk
    connection: duckdb.DuckDBPyConnection
    now: datetime = START
    number: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)

    def step(self) -> None:
        """Edit, record and release, in one of many ways."""
        dice = self.desk.chance.random()
        self.now += STEP
        for _ in range(self.desk.chance.randrange(1, 4)):
            self.desk.edit()
            if self.desk.chance.random() < 0.1:
                self.record()
        self.record()
        if dice < 0.12:
            return
        if dice < 0.2:
            self.roll_back()
        elif dice < 0.24:
            self.rewrite_the_past()
        self.release()

    def record(self, folder: Path | Source | None = None) -> None:
        """Record what lies in the source, as of now; again at the same as-of where that was recorded before."""
        record_folders(self.connection, self.now, folder or self.desk.folder)

    def roll_back(self) -> None:
        """Show the release before the current one."""
        older = [one for one in publish.release_ids(self.home) if one != publish.current(self.home)]
        if older:
            publish.flip(self.home, older[-1])

    def rewrite_the_past(self) -> None:
        """Take a document down, or note what a second reading would."""
        with transaction(self.connection):
            ids = [row[0] for row in self.connection.execute("select document_id from ledger.document").fetchall()]
            if ids and self.desk.chance.random() < 0.5:
                purge_documents(self.connection, [self.desk.chance.choice(ids)], self.now)
            else:
                note_rewritten_past(self.connection)

    def release(self) -> None:
        """Make a release, publish it and compare it with its rebuild."""
        self.number += 1
        release_id = f"r{self.number:03d}"
        known = runs.known_releases(self.home, self.connection)
        previous = changes.find_previous(self.home, known)
        found = base.find_base(self.connection, previous, self.now)
        file = publish.stage(self.home, release_id)
        made = Making(self.connection, self.home, file, release_id, self.now, self.fill_ops, found, previous)
        with closing(made):
            made.deduplicate()
            built = made.load()
            made.audit()
        if made.notices:
            raise Differs("; ".join(made.notices))
        self.kinds[built.how.reason or built.how.kind] += 1
        sealed = publish.publish(self.home, release_id)
        with transaction(self.connection):
            runs.write_release(self.connection, built, sealed, self.now)
            base.note_build(self.connection, built, sealed.size, utc_now(), made.base)
        if built.how.kind == INCREMENTAL:
            self.compare(release_id, previous)
        publish.prune(self.home, publish.release_ids(self.home)[-3:])

    def fill_ops(self, _: Built) -> None:
        """Fill what a run tells of itself."""
        runs.fill_ops(self.connection, 100, self.now)

    def compare(self, release_id: str, previous: changes.Previous | str) -> None:
        """Raise Differs where the published file is not what a whole build gives."""
        connection, file = self.connection, self.home.temp / "rebuilt.duckdb"
        with building(connection, file):
            fill_release(connection, self.now, release_id, self.fill_ops)
            changes.tell_changes(connection, previous)
            clear_work(connection)
            attach_release(connection, self.home.release_file(release_id), "published")
            try:
                ours, theirs = (fingerprint_tables(connection, name) for name in ("news", "published"))
                wrong = [one.table for one, other in zip(ours, theirs, strict=True) if one != other]
                for name, sql in OPS.items():
                    rows = [connection.execute(sql.format(catalog)).fetchall() for catalog in ("news", "published")]
                    self.changed.update(row[1] for row in rows[0] if name == "release_change")
                    wrong += [] if rows[0] == rows[1] else [f"ops.{name}: {rows[1]} for {rows[0]}"]
            finally:
                connection.execute("use ledger")
                connection.execute("detach published")
        file.unlink()
        if wrong:
            raise Differs(f"other than rebuilt: {', '.join(wrong)}")


@contextmanager
def anything_goes() -> Iterator[None]:
    """Let small warehouses be made from their base, however much of them changes."""
    with (
        patch.object(scope, "LARGEST_SHARE", 10),
        patch.object(base, "MOST_REPLACED", 1e9),
        patch.object(base, "LARGEST_GROWTH", 1e9),
    ):
        yield


@contextmanager
def history(place: Path, seed: int) -> Iterator[History]:
    """Begin a history in an empty folder."""
    home = Home.of(place / "out" / "news.duckdb")
    home.prepare()
    (place / "news").mkdir()
    with anything_goes(), open_ledger(home) as connection:
        yield History(home, Desk(place / "news", random.Random(seed)), connection)


def live(seed: int, steps: int) -> tuple[Counter[str], Counter[str]]:
    """Live through one history; return how its releases were made, and what they changed. Raises Differs."""
    with tempfile.TemporaryDirectory() as place, history(Path(place), seed) as one:
        for _ in range(len(PATHS)):
            one.desk.edit()
        for _ in range(steps):
            one.step()
        return one.kinds, one.changed


def replay(folder: Path) -> tuple[Counter[str], Counter[str]]:
    """Record and release each state of a real source; return what `live` does. Raises Differs."""
    states = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as place, history(Path(place), 0) as one:
        for state in states:
            one.now = datetime.fromisoformat(state["as_of"]).astimezone(UTC).replace(tzinfo=None)
            one.record(Source("news", str(folder.parents[1] / state["folder"])))
            one.release()
        return one.kinds, one.changed


def lives(options: argparse.Namespace) -> Iterator[tuple[str, Callable[[], tuple[Counter[str], Counter[str]]]]]:
    """Yield the name of each history, and what lives through it."""
    for folder in options.replay:
        yield str(folder), partial(replay, folder)
    for seed in range(options.seed, options.seed + (0 if options.replay else options.histories)):
        yield f"history {seed}", partial(live, seed, options.steps)


def main(arguments: Sequence[str] | None = None) -> int:
    """Live through histories; print how the releases were made, and each history that went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.increments", description=__doc__.splitlines()[0])
    parser.add_argument("--histories", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=6, help="of each history (default: 6)")
    parser.add_argument("--seed", type=int, default=1, help="of the first history; the next ones count on")
    parser.add_argument("--replay", type=Path, nargs="+", default=[], help="folders of real histories, in their place")
    options = parser.parse_args(arguments)
    begun, kinds, changed, count, wrong = time.monotonic(), Counter[str](), Counter[str](), 0, 0
    for name, live_through in lives(options):
        try:
            made, changes_made = live_through()
            kinds, changed = kinds + made, changed + changes_made
        except (AssertionError, duckdb.Error, NewsmartError) as error:
            wrong += 1
            sys.stdout.write(f"{name}: {type(error).__name__}: {error}\n")
        count += 1
        if count % TELL_EVERY == 0:
            sys.stdout.write(f"{count} lived through, {wrong} wrong\n")
        sys.stdout.flush()
    spent = time.monotonic() - begun
    sys.stdout.write(f"{count} histories, {wrong} wrong, {spent:.0f} s\n")
    sys.stdout.write(f"releases: {dict(kinds)}\nchanges: {dict(changed)}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
