"""What state.json says of a run, above all of one that failed where the ledger could not be asked.

A failed run that left no trace would look like the success before it, and so would the numbers of that success, were
they shown as this run's. So every failure is written down, and `balance_run_id` says whose the balance is.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from schemas.errors import AuditFailed, LockedError, NewsmartError, Refused, RunFailed
from warehouse.clock import as_text, utc_now
from warehouse.home import Home
from warehouse.lock import hold
from warehouse.state import Record, State, read_state, write_state

FAILED = "failed"


def status_of(error: Exception) -> str:
    """Return `refused` for a run that was held back, `failed` for any other."""
    return "refused" if isinstance(error, Refused | AuditFailed) else FAILED


def state_before(home: Home) -> State:
    """Return the state that the last run left; a damaged one counts as empty, as this run writes it anew."""
    try:
        return read_state(home) or State()
    except RunFailed:
        return State()


def state_notices(home: Home) -> list[str]:
    """Return a warning where the state that the last run left is damaged."""
    try:
        read_state(home)
    except RunFailed as error:
        return [f"{error.what} ({error.where}); this run writes it anew, and forgets a rollback's pin"]
    return []


def failed_run_id(home: Home) -> str | None:
    """Return the id of the last run if state.json says that it failed."""
    run = state_before(home).get("run", {})
    run_id: str | None = run.get("run_id") if run.get("error") else None
    return run_id


def run_record(
    run_id: str | None, as_of: datetime | None, started_at: datetime, status: str, error: BaseException | None
) -> Record:
    """Return the record of a run; id and as-of are None where it failed before it had any."""
    return {
        "run_id": run_id,
        "as_of": as_text(as_of),
        "started_at": as_text(started_at),
        "finished_at": as_text(utc_now()),
        "status": status,
        "error": None if error is None else " ".join(str(error).split()) or type(error).__name__,
        "seconds": {},
        "notices": [],
        "audits": [],
    }


def balance_before(before: State) -> tuple[Record, str | None]:
    """Return the balance that the state holds, and the id of the run that counted it."""
    counted_by = before.get("balance_run_id", before.get("run", {}).get("run_id"))
    return before.get("balance", {}), counted_by


def write_failure(
    home: Home, run_id: str | None, as_of: datetime | None, started_at: datetime, error: BaseException
) -> None:
    """Write that a run has failed, and leave all else in state.json as it was; the caller holds the lock.

    Where the disk has failed it may not be possible to write it; the error itself is raised all the same.
    """
    before = state_before(home)
    balance, counted_by = balance_before(before)
    record = run_record(run_id, as_of, started_at, FAILED, error)
    with suppress(NewsmartError):
        write_state(home, State(**{**before, "run": record, "balance": balance, "balance_run_id": counted_by}))


@contextmanager
def attempt(warehouse: Path, tell_hooks: Callable[[Exception], None] = lambda error: None) -> Iterator[None]:
    """Report an error that ends the block, in state.json and to the hooks, and raise it again.

    An attempt is a run that a command, a schedule or a manifest's step asks for, and each start of `serve`, once its
    options could be read: a missing source or a refused as-of is a failed run for whoever watches the warehouse. What
    argparse refuses is no attempt: where options cannot be read, nobody knows which warehouse was meant.

    state.json is left alone where there is no warehouse yet, where another run holds the lock, and where it was
    written since the attempt began: by the run itself, which knows more, or by a later one. Raises UsageError where
    the warehouse has no name.
    """
    home, started_at = Home.of(warehouse), utc_now()
    before = _state_file(home)
    try:
        yield
    except Exception as error:
        is_known = home.ledger.exists() or home.state.exists()
        if is_known and not isinstance(error, LockedError):
            with suppress(NewsmartError, OSError), hold(home):
                if _state_file(home) == before:
                    write_failure(home, None, None, started_at, error)
        tell_hooks(error)
        raise


def _state_file(home: Home) -> tuple[int, int] | None:
    """Return what identifies the present state.json, which each write replaces; None where there is none."""
    try:
        status = home.state.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
