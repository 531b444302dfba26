"""Making a release: from the one that readers see where that is sound and cheaper, else whole.

Both ways have the same steps, and what they make is the same, row by row. Whatever goes wrong on the way from a base, a
query that needs too much memory or an audit that fails, the staged file goes and the release is built whole: that alone
decides whether it can be published.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from schemas.errors import AuditFailed
from warehouse import interrupts
from warehouse.clock import utc_now
from warehouse.db import attach_new, attach_release
from warehouse.durable import copy_file, fsync
from warehouse.home import Home
from warehouse.release import build, changes, differing
from warehouse.release.audit import AuditResult, check, run_audits
from warehouse.release.base import PERIODIC, Base
from warehouse.release.build import INCREMENTAL, Built, FillOps, How
from warehouse.release.fingerprint import TableFingerprint, fingerprint_tables
from warehouse.release.increment import (
    Delta,
    dangling_audits,
    make_rows,
    read_back,
    write_rows,
)
from warehouse.release.scope import Span, TooLarge, lay_out_scope, stand_on_ledger

TOO_LARGE = "large_change"
FAILED = "failed"

CATALOGS = ("news", "previous", "made", "before", "after")


@dataclass(slots=True)
class Making:
    """A release that is being made into a staged file.

    In: the connection to the ledger, where `file` is to lie, what fills `ops`, the release to go on from or why not,
    and that to compare with. Then `base` is what it is made from; None: it is whole, and `why_whole`. `copying`: its
    file's copy, under way. `chain`: what a whole build has to be compared with.
    """

    connection: duckdb.DuckDBPyConnection
    home: Home
    file: Path
    release_id: str
    as_of: datetime
    fill_ops: FillOps
    found: Base | str
    previous: changes.Previous | str
    base: Base | None = None
    copying: Future[None] | None = None
    why_whole: str | None = None
    chain: Base | None = None
    chain_tables: tuple[TableFingerprint, ...] = ()
    delta: Delta | None = None
    notices: list[str] = field(default_factory=list)
    built: Built | None = None
    audits: tuple[AuditResult, ...] = ()

    def __post_init__(self) -> None:
        """Choose the way."""
        if isinstance(self.found, str):
            self.why_whole = self.found
        elif self.found.is_due(utc_now()):
            self.why_whole, self.chain = PERIODIC, self.found
        else:
            self.base = self.found

    @property
    def chain_file(self) -> Path:
        """Where the release lies that is only made to be compared: it goes with the connection."""
        ((folder,),) = self.connection.execute("select current_setting('temp_directory')").fetchall()
        return Path(str(folder)) / "chain.duckdb"

    def deduplicate(self) -> None:
        """Settle which URLs are one article."""
        if self.chain is not None:
            self._go_on_with_chain(self.chain)
        if not self._tried(self._begin_increment):
            attach_new(self.connection, self.file, "news")
            build.deduplicate(self.connection, self.as_of)

    def load(self) -> Built:
        """Fill the release's tables."""
        if not self._tried(self._load_increment, self.deduplicate):
            self.built = build.load(self.connection, self.as_of, self.release_id, self.fill_ops, self.why_whole)
            changes.tell_changes(self.connection, self.previous)
            self._compare_with_chain()
        if self.built is None:
            raise RuntimeError("nothing was built")
        return self.built

    def audit(self) -> tuple[AuditResult, ...]:
        """Audit the release. Raises AuditFailed."""
        if not self._tried(self._audit_increment, self.deduplicate, self.load):
            self.audits = run_audits(self.connection, self.as_of)
            build.clear_work(self.connection)
            check(self.audits)
        return self.audits

    def close(self) -> None:
        """Close the release's file, and let go of all that was made on the way."""
        if self.copying is not None:
            wait([self.copying])
        self.connection.execute("use ledger")
        for name in CATALOGS:
            self.connection.execute(f"detach database if exists {name}")
        build.clear_work(self.connection)
        stand_on_ledger(self.connection)

    def _tried(self, do: Callable[[Base], None], *redo: Callable[[], object]) -> bool:
        """Take a step from the base; where that fails, start without one, take the steps before again, return False."""
        if self.base is None:
            return False
        try:
            do(self.base)
        except TooLarge:
            self._start_whole(TOO_LARGE)
        except duckdb.InterruptException:
            raise
        except (duckdb.Error, AuditFailed, OSError) as error:
            interrupts.check()
            self.notices.append(f"built whole, as it could not be made from the last one: {_in_a_line(error)}")
            self._start_whole(FAILED)
        else:
            return True
        for again in redo:
            again()
        return False

    def _start_whole(self, why: str) -> None:
        self.close()
        self.base, self.why_whole = None, why
        with suppress(FileNotFoundError):
            self.file.unlink()

    def _begin_increment(self, base: Base) -> None:
        # Copied and on the disk by the time the new rows are made: DuckDB's commit would wait for it (0.3 s of 400 MB).
        copier = ThreadPoolExecutor(1)
        self.copying = copier.submit(_copy_to_disk, base.file, self.file)
        copier.shutdown(wait=False)
        self._lay_out(base)

    def _lay_out(self, base: Base) -> None:
        attach_release(self.connection, base.file, "previous")
        lay_out_scope(self.connection, Span(base.as_of, self.as_of))

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

    def _go_on_with_chain(self, base: Base) -> None:
        """Make the release from its base beside the whole build that is to be compared with it."""
        self.chain = None
        try:
            self._lay_out(base)
            delta = make_rows(self.connection, self.as_of, base.tables)
            copy_file(base.file, self.chain_file)
            write_rows(self.connection, delta, self.chain_file, lambda: None)
            self.connection.execute("use ledger")
            self.connection.execute("detach news")
            attach_release(self.connection, self.chain_file, "news")
            self.chain_tables = fingerprint_tables(self.connection, "news")
        except TooLarge:
            pass
        except duckdb.InterruptException:
            raise
        except (duckdb.Error, OSError) as error:
            interrupts.check()
            self.notices.append(
                f"a whole build could not be compared with what the releases before give: {_in_a_line(error)}"
            )
        finally:
            self.close()

    def _compare_with_chain(self) -> None:
        """Tell where the whole build is other than what the chain of releases gives, and keep that one's file."""
        if self.built is None or not self.chain_tables:
            return
        wrong = [one.table for one, other in zip(self.built.tables, self.chain_tables, strict=True) if one != other]
        if wrong:
            differing.keep(self.home, self.chain_file, self.release_id, wrong, utc_now())
            self.notices.append(str(differing.told(self.home)))

    def _audit_increment(self, base: Base) -> None:
        more = () if self.delta is None else dangling_audits(self.delta)
        self.audits = run_audits(self.connection, self.as_of, "after", more)
        check(self.audits)


def _copy_to_disk(source: Path, target: Path) -> None:
    copy_file(source, target)
    fsync(target)


def _how(base: Base, delta: Delta) -> How:
    counted = [one.table for one in delta.tables]
    came, went = (sum(rows[name] for name in counted) for rows in (delta.came, delta.went))
    replaced = tuple((name, max(delta.came[name], delta.went[name])) for name in counted)
    return How(INCREMENTAL, base.release_id, came, went, replaced=replaced)


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())[:500]
