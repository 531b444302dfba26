"""Making a release: from the one that readers see where that is sound and cheaper, else whole.

Both ways have the same steps, and what they make is the same, row by row. Whatever goes wrong on the way from a base, a
query that needs too much memory or an audit that fails, the staged file goes and the release is built whole: that alone
decides whether it can be published.
"""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event

import duckdb

from schemas.errors import AuditFailed, RunFailed
from warehouse import interrupts
from warehouse.clock import utc_now
from warehouse.durable import copy_to_disk
from warehouse.home import Home
from warehouse.ledger.opening import show_whole_ledger
from warehouse.release import build, changes, differing
from warehouse.release.audit import AuditResult, check, run_audits
from warehouse.release.base import PERIODIC, Base
from warehouse.release.build import INCREMENTAL, Built, FillOps, How
from warehouse.release.catalog import attach_release, attach_staged
from warehouse.release.fingerprint import TableFingerprint, fingerprint_tables
from warehouse.release.increment import Delta, dangling_audits, make_rows, read_back, write_rows
from warehouse.release.releases import ReleaseRow
from warehouse.release.scope import TooLarge, lay_out_scope
from warehouse.release.work import block_bytes_for, clear_work

TOO_LARGE = "large_change"
FAILED = "failed"

CATALOGS = ("news", "previous", "made", "before", "after")


@dataclass(slots=True)
class Making:
    """A release that is being made into a staged file.

    In: the connection to the ledger, where `file` is to lie, what fills `ops`, the release to go on from or why not,
    and that to compare with. Then `base` is what it is made from; None: it is whole, and `why_whole`. `copying`: the
    copy of its file, under way until it is `given_up`. `chain_tables`: what a whole build is compared with.
    """

    connection: duckdb.DuckDBPyConnection
    home: Home
    file: Path
    release_id: str
    as_of: datetime
    fill_ops: FillOps
    found: Base | str
    previous: ReleaseRow | str
    base: Base | None = None
    copying: Future[None] | None = None
    given_up: Event = field(default_factory=Event)
    why_whole: str | None = None
    chain_tables: tuple[TableFingerprint, ...] = ()
    delta: Delta | None = None
    notices: list[str] = field(default_factory=list)
    built: Built | None = None
    audits: tuple[AuditResult, ...] = ()

    @property
    def chain_file(self) -> Path:
        """Where the release lies that is only made to be compared: it goes with the connection."""
        ((folder,),) = self.connection.execute("select current_setting('temp_directory')").fetchall()
        return Path(str(folder)) / "chain.duckdb"

    def deduplicate(self) -> None:
        """Choose the way, and decide which URLs are one article."""
        if isinstance(self.found, str):
            self.why_whole = self.found
        elif self.found.is_due(utc_now()):
            self.why_whole = PERIODIC
            told = "a whole build could not be compared with what the releases before give"
            self._why_failed(self._make_chain, self.found, told)
            self.close()
        else:
            self.base = self.found
        if not self._tried(self._begin_increment):
            self._deduplicate_whole()

    def _deduplicate_whole(self) -> None:
        if os.path.lexists(self.file):
            raise RunFailed("a release is never written into a file that exists", where=str(self.file))
        attach_staged(self.connection, self.file, "news", block_bytes_for(self.connection))
        build.deduplicate(self.connection, self.as_of)

    def load(self) -> Built:
        """Fill the release's tables."""
        if not self._tried(self._load_increment, self._deduplicate_whole):
            self._load_whole()
        if self.built is None:
            raise RuntimeError("nothing was built")
        return self.built

    def _load_whole(self) -> None:
        self.built = build.load(self.connection, self.as_of, self.release_id, self.fill_ops, self.why_whole)
        changes.tell_changes(self.connection, self.home, self.previous)
        theirs = self.chain_tables or self.built.tables
        wrong = [one.table for one, other in zip(self.built.tables, theirs, strict=True) if one != other]
        if wrong:
            differing.keep(self.home, self.chain_file, self.release_id, wrong, utc_now())
            self.notices.append(str(differing.told(self.home)))

    def audit(self) -> tuple[AuditResult, ...]:
        """Audit the release. Raises AuditFailed."""
        if not self._tried(self._audit_increment, self._deduplicate_whole, self._load_whole):
            self.audits = run_audits(self.connection, self.as_of)
            clear_work(self.connection)
            check(self.audits)
        return self.audits

    def close(self) -> None:
        """Close the release's file, and let go of all that was made on the way."""
        self.given_up.set()
        wait([] if self.copying is None else [self.copying])
        self.connection.execute("use ledger")
        for name in CATALOGS:
            self.connection.execute(f"detach database if exists {name}")
        clear_work(self.connection)
        show_whole_ledger(self.connection)

    def _tried(self, do: Callable[[Base], None], *redo: Callable[[], object]) -> bool:
        """Take a step from the base; where that fails, start without one, take the steps before again, return False."""
        if self.base is None:
            return False
        why = self._why_failed(do, self.base, "built whole, as it could not be made from the last one")
        if why is None:
            return True
        self.close()
        self.base, self.why_whole = None, why
        self.file.unlink(missing_ok=True)
        for again in redo:
            again()
        return False

    def _why_failed(self, do: Callable[[Base], None], base: Base, told: str) -> str | None:
        """Take a step that nothing depends on; return why it failed, None where it did not. A notice says more."""
        try:
            do(base)
        except TooLarge:
            return TOO_LARGE
        except duckdb.InterruptException:
            raise
        except (duckdb.Error, AuditFailed, OSError) as error:
            interrupts.check()
            self.notices.append(f"{told}: {' '.join(str(error).split())[:500]}")
            return FAILED
        return None

    def _begin_increment(self, base: Base) -> None:
        # Copied and on the disk by the time the new rows are made: DuckDB's commit would wait for it (0.3 s of 400 MB).
        copier = ThreadPoolExecutor(1)
        # Where Ctrl-C comes while a thread starts, the pool forgets it, and it would write on after `close`.
        with interrupts.deferred():
            self.copying = copier.submit(copy_to_disk, self._file_of(base), self.file, self.given_up.is_set)
        copier.shutdown(wait=False)
        self._lay_out(base)

    def _file_of(self, base: Base) -> Path:
        return self.home.release_file(base.release_id)

    def _lay_out(self, base: Base) -> None:
        attach_release(self.connection, self._file_of(base), "previous")
        lay_out_scope(self.connection, base.as_of, self.as_of)

    def _load_increment(self, base: Base) -> None:
        self.delta = delta = make_rows(self.connection, self.as_of, base.tables)
        if self.copying is not None:
            self.copying.result()

        def fill_ops() -> None:
            self.built = build.describe(self.connection, self.as_of, self.release_id, delta.tables, _how(base, delta))
            build.write_what_it_is(self.connection, self.built)
            self.fill_ops(self.built)

        write_rows(self.connection, delta, self.file, fill_ops)
        read_back(self.connection, self.file, delta)
        changes.insert_changes(self.connection, base.release_id)

    def _make_chain(self, base: Base) -> None:
        """Make the release from its base, as that lies on the disk, to compare the whole build with it."""
        self._lay_out(base)
        delta = make_rows(self.connection, self.as_of, base.tables)
        copy_to_disk(self._file_of(base), self.chain_file)
        write_rows(self.connection, delta, self.chain_file, lambda: None)
        self.connection.execute("use ledger")
        self.connection.execute("detach news")
        attach_release(self.connection, self.chain_file, "news")
        self.chain_tables = fingerprint_tables(self.connection, "news")

    def _audit_increment(self, base: Base) -> None:
        more = () if self.delta is None else dangling_audits(self.delta)
        self.audits = run_audits(self.connection, self.as_of, "after", more)
        check(self.audits)


def _how(base: Base, delta: Delta) -> How:
    counted = [one.table for one in delta.tables]
    came, went = (sum(rows[name] for name in counted) for rows in (delta.came, delta.went))
    replaced = tuple((name, max(delta.came[name], delta.went[name])) for name in counted)
    return How(INCREMENTAL, base.release_id, came, went, replaced=replaced)
