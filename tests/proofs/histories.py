"""Histories of a warehouse in which releases are made, each from the one before it where that can be.

A release of five documents costs as much as one of fifty: two hundred statements that DuckDB plans. So a warehouse can
hold several histories, which share no host, provider or topic; each edits at its own times, while runs, deaths,
rollbacks and takedowns come to all of them together.

A run that dies leaves what the disk holds at that moment: the folder is copied there and put in its place. Nothing is
flushed, as no power is cut here.
"""

import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

from flows.sources.scan import Source
from tests.proofs.desk import Desk
from tests.recording import record_folders
from warehouse.clock import utc_now
from warehouse.db import Limits
from warehouse.home import Home
from warehouse.ledger import record
from warehouse.ledger.opening import note_rewritten_past, open_ledger, transaction
from warehouse.ledger.purge import purge_documents
from warehouse.release import base, build, changes, making, ops, publish, releases, scope
from warehouse.release.build import INCREMENTAL, Built
from warehouse.release.catalog import attach_release
from warehouse.release.fingerprint import fingerprint_tables
from warehouse.release.making import Making
from warehouse.release.releases import ReleaseRow
from warehouse.release.work import clear_work

START = datetime(2024, 1, 1)
STEP = timedelta(hours=7)
OPS = {
    "alias": "select * from {}.ops.alias order by all",
    "notice": "select * from {}.ops.notice order by all",
    "release_change": "select * from {}.ops.release_change order by all",
    "release": "select as_of, contract_version, document_count, article_count, mention_count, fingerprint, "
    "previous_release_id, uncompared_reason from {}.ops.release",
}
# Where a run dies: after the first call of one of these.
DEADLY: tuple[tuple[ModuleType, str], ...] = (
    (record, "compare"),
    (record, "append_events"),
    (making, "lay_out_scope"),
    (making, "make_rows"),
    (making, "write_rows"),
    (making, "read_back"),
    (making, "run_audits"),
    (publish, "seal"),
    (publish, "flip"),
    (publish, "publish"),
    (base, "note_build"),
    (publish, "prune"),
)


class Differs(AssertionError):
    """A release is not what a whole build gives."""


class Died(BaseException):
    """A run died. Not an Exception: nothing may handle it."""


@dataclass
class Told:
    """How releases were made, what they changed, and what else happened."""

    made: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    befell: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Told") -> None:
        """Count what another tells, too."""
        self.made += other.made
        self.changed += other.changed
        self.befell += other.befell


@dataclass
class History:
    """A source, its warehouse, and what was made of it so far."""

    folder: Path
    desks: Sequence[Desk]
    chance: random.Random
    now: datetime = START
    number: int = 0
    told: Told = field(default_factory=Told)
    _open: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        """Open the warehouse, which is empty at first."""
        self.home = Home.of(self.folder / "out" / "news.duckdb")
        self.home.prepare()
        self.connection = self._open.enter_context(open_ledger(self.home, limits=Limits(threads=1)))

    @property
    def source(self) -> Path:
        """The folder in which all desks write."""
        return self.folder / "news"

    def close(self) -> None:
        """Close the warehouse."""
        self._open.close()

    def edit(self) -> None:
        """Change a document somehow."""
        self.chance.choice(self.desks).edit()

    def step(self) -> None:
        """Edit, record and release, in one of many ways."""
        dice = self.chance.random()
        self.now += STEP
        for desk in self.desks:
            for _ in range(desk.chance.randrange(1 if len(self.desks) == 1 else 0, 4)):
                desk.edit()
        if self.chance.random() < 0.2:
            self.told.befell["recorded twice"] += 1
            self.record()
            self.edit()
        if dice < 0.12:
            self.told.befell["released nothing"] += 1
            self.record()
        elif dice < 0.27:
            self.die()
        else:
            if dice < 0.35:
                self.roll_back()
            elif dice < 0.39:
                self.rewrite_the_past()
            self.run()

    def run(self) -> None:
        """Record and release."""
        self.record()
        self.release()

    def record(self, folder: Path | Source | None = None) -> None:
        """Record what lies in the source, as of now; again at the same as-of where that was recorded before."""
        record_folders(self.connection, self.now, folder or self.source)

    def die(self) -> None:
        """Let a run die on the way, and try again at the same as-of."""
        module, name = self.chance.choice(DEADLY)
        call, disk = getattr(module, name), self.folder / "disk"

        def deadly(*arguments: Any, **named: Any) -> None:
            call(*arguments, **named)
            shutil.copytree(self.home.file.parent, disk, symlinks=True)
            raise Died

        try:
            with patch.object(module, name, deadly):
                self.run()
        except Died:
            self.told.befell[f"died after {name}"] += 1
            self.close()
            shutil.rmtree(self.home.file.parent)
            disk.rename(self.home.file.parent)
            self._open = ExitStack()
            self.__post_init__()
            publish.clean(self.home)
            self.run()

    def roll_back(self) -> None:
        """Show the release before the current one."""
        older = [one for one in publish.release_ids(self.home) if one != publish.current(self.home)]
        if older:
            self.told.befell["rolled back"] += 1
            publish.flip(self.home, older[-1])

    def rewrite_the_past(self) -> None:
        """Take a document down, or note what a second reading would."""
        with transaction(self.connection):
            ids = [row[0] for row in self.connection.execute("select document_id from ledger.document").fetchall()]
            if ids and self.chance.random() < 0.5:
                self.told.befell["taken down"] += 1
                purge_documents(self.connection, [self.chance.choice(ids)], self.now)
            else:
                note_rewritten_past(self.connection)

    def release(self) -> None:
        """Make a release, publish it and compare it with its rebuild."""
        self.number += 1
        release_id = f"r{self.number:03d}"
        known = releases.known_releases(self.home, self.connection)
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
        sealed = publish.publish(self.home, release_id)
        with transaction(self.connection):
            releases.write_release(self.connection, built, sealed, self.now)
            base.note_build(self.connection, built, sealed.size, utc_now(), made.base)
        self.told.made[built.how.reason or built.how.kind] += 1
        if built.how.kind == INCREMENTAL:
            self.compare(release_id, previous)
        publish.prune(self.home, publish.release_ids(self.home)[-3:])

    def fill_ops(self, _: Built) -> None:
        """Fill what a run tells of itself."""
        ops.fill_ops(self.connection, 100, self.now)

    def compare(self, release_id: str, previous: ReleaseRow | str) -> None:
        """Raise Differs where the published file is not what a whole build gives."""
        connection = self.connection
        with ExitStack() as stack:
            stack.callback(clear_work, connection)
            for name in ("news", "published"):
                stack.callback(connection.execute, f"detach {name}")
            connection.execute("attach ':memory:' as news")
            attach_release(connection, self.home.release_file(release_id), "published")
            stack.callback(connection.execute, "use ledger")
            with patch.object(build, "comments", lambda: ("select 1",)):
                build.deduplicate(connection, self.now)
                built = build.load(connection, self.now, release_id, self.fill_ops)
            changes.tell_changes(connection, self.home, previous)
            published = fingerprint_tables(connection, "published")
            wrong = [one.table for one, other in zip(built.tables, published, strict=True) if one != other]
            for name, sql in OPS.items():
                rows = [connection.execute(sql.format(catalog)).fetchall() for catalog in ("news", "published")]
                self.told.changed.update(row[1] for row in rows[0] if name == "release_change")
                ours, theirs = (sorted({*one} - {*other}, key=str) for one, other in (rows, rows[::-1]))
                wrong += [] if rows[0] == rows[1] else [f"ops.{name}: {theirs} for {ours}"]
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
def history(place: Path, *seeds: int) -> Iterator[History]:
    """Begin the histories of some seeds in an empty folder, in one warehouse."""
    (place / "news").mkdir()
    chance = random.Random(f"of the warehouse of {seeds[0]}")
    desks = [Desk(place / "news" / str(number), random.Random(seed), number) for number, seed in enumerate(seeds)]
    with anything_goes(), patch.object(os, "fsync"), closing(History(place, desks, chance)) as one:
        yield one
