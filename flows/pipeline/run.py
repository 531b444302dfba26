"""A run that is going on: what its steps share, and how a step is timed and logged.

The log is the standard library's, and the one way out for progress: a terminal listens to it (commands/output.py),
and Prefect's page shows it, as it is one of Prefect's extra loggers. So a step is a plain function that knows of
neither. How a run ended is logged too, in the record's `result` and `error`: Prefect cannot hand it over where its
server has died meanwhile.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

import duckdb

from flows.pipeline.request import LOGGER, Changes, RunRequest, RunResult
from flows.readers.local import Readers
from warehouse import interrupts
from warehouse.home import Home
from warehouse.ledger.record import Balance
from warehouse.release import runs
from warehouse.release.audit import AuditResult
from warehouse.release.build import Built
from warehouse.release.releases import ReleaseRow, current_release

NO_BALANCE = Balance(0, 0, 0, 0, 0, 0, 0)

log = logging.getLogger(LOGGER)


@dataclass(slots=True)
class Run:
    """A run: the lock is held, the ledger is open, the as-of is known. From `balance` on, steps fill it in.

    `releases`: those that the ledger knows, the latest first. `seconds` by step. `unlistable`: folders, and `denied`:
    objects, that there was no right to read. `vanished`: sources that had so many documents and show none. `reason`:
    why a release is made. `built`: the release that was published. `keeps_bytes`: whether the documents' bytes are
    stored. `is_recorded`: whether state.json says how the run ended. `outcome`: what it did, once it has ended.
    """

    request: RunRequest
    home: Home
    connection: duckdb.DuckDBPyConnection
    as_of: datetime
    started_at: datetime
    readers: Readers
    releases: list[ReleaseRow]
    notices: list[str]
    balance: Balance = NO_BALANCE
    seconds: dict[str, float] = field(default_factory=dict)
    unlistable: list[str] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    vanished: list[tuple[str, int]] = field(default_factory=list)
    reason: str | None = None
    audits: tuple[AuditResult, ...] = ()
    changes: Changes = field(default_factory=Changes)
    built: Built | None = None
    keeps_bytes: bool = True
    is_recorded: bool = False
    outcome: RunResult | None = None

    @property
    def run_id(self) -> str:
        """The name of the run; a retry at the same as-of has the same."""
        return runs.run_id_of(self.as_of)

    @property
    def key(self) -> tuple[str, datetime, datetime]:
        """Its id, as-of and start, by which the ledger knows it."""
        return self.run_id, self.as_of, self.started_at

    @property
    def shown(self) -> ReleaseRow | None:
        """The release that readers see; None where they see none that the ledger knows."""
        return current_release(self.home, self.releases)

    @property
    def has_counted(self) -> bool:
        """Whether the run came so far as to count its documents."""
        return self.balance is not NO_BALANCE


@contextmanager
def step(run: Run, name: str, *, counts_as: str | None = None) -> Iterator[None]:
    """Time the block, and log its start and its end.

    In: the step's name; `counts_as`, the step that its seconds belong to where that is another one, which is still to
    come and logs the sum.
    """
    interrupts.check()
    log.info("%s: %s …", run.run_id, name, extra={"step": name, "seconds": None})
    key, start = counts_as or name, monotonic()
    try:
        yield
    finally:
        run.seconds[key] = run.seconds.get(key, 0.0) + monotonic() - start
    if counts_as is None:
        spent = run.seconds[key]
        log.info("%s: %s done in %.2f s", run.run_id, name, spent, extra={"step": name, "seconds": spent})
