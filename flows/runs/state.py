"""state.json as runs write it: what stands in it, and how a run that failed is told where the ledger cannot be asked.

A failed run that left no trace would look like the success before it, and so would the numbers of that success, were
they shown as this run's. So whatever ends a run is told, and `balance_run_id` says whose the balance is.
"""

from contextlib import suppress
from datetime import datetime

from flows.clock import as_text, utc_now
from schemas.errors import AuditFailed, NewsmartError, Refused, RunFailed
from warehouse.home import Home
from warehouse.state import Record, State, read_state, write_state

FAILED = "failed"


def status_of(error: Exception) -> str:
    """Return `refused` for a run that was held back, `failed` for any other."""
    return "refused" if isinstance(error, Refused | AuditFailed) else FAILED


def state_before(home: Home) -> State:
    """Return the state that the last run left; one that makes no sense is written anew by this run."""
    try:
        return read_state(home) or State()
    except RunFailed:
        return State()


def failed_run_id(home: Home) -> str | None:
    """Return the id of the last run where state.json says that it failed, for those who are told of the failure."""
    run = state_before(home).get("run", {})
    run_id: str | None = run.get("run_id") if run.get("error") else None
    return run_id


def state_notices(home: Home) -> list[str]:
    """Say where the state that the last run left makes no sense."""
    try:
        read_state(home)
    except RunFailed as error:
        return [f"{error.what} ({error.where}); this run writes it anew, and forgets a rollback's pin"]
    return []


def run_record(
    run_id: str | None, as_of: datetime | None, started_at: datetime, status: str, error: BaseException | None
) -> Record:
    """Return what state.json tells of a run; id and as-of are None where it failed before it had any."""
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
    """Return the balance that the state holds, and the run that counted it."""
    counted_by = before.get("balance_run_id", before.get("run", {}).get("run_id"))
    return before.get("balance", {}), counted_by


def tell_without_ledger(
    home: Home, run_id: str | None, as_of: datetime | None, started_at: datetime, error: BaseException
) -> None:
    """Tell that a run has failed, all else as it was before; the caller holds the lock.

    Where the disk has failed there may be nowhere to tell it; the error is raised all the same.
    """
    before = state_before(home)
    balance, counted_by = balance_before(before)
    record = run_record(run_id, as_of, started_at, FAILED, error)
    told = State(run=record, balance=balance, balance_run_id=counted_by)
    with suppress(NewsmartError):
        write_state(home, State(**{**before, **told}))
