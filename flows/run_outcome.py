"""How a run ends: its row in the ledger, state.json for those who must not wait, and the answer to the caller."""

from contextlib import suppress
from dataclasses import asdict

import duckdb

from flows.clock import as_text, utc_now
from flows.request import Changes, RunResult
from flows.run_begin import NO_BALANCE, Published, Run
from schemas.errors import AuditFailed, NewsmartError, Refused, RunFailed, SourceUnreadable
from warehouse import faults, publish, runs
from warehouse.home import Home
from warehouse.state import State, read_state, write_state


def finish(run: Run, published: Published | None) -> RunResult:
    """Note the end of the run in the ledger and in state.json, remove old releases, and say what was done."""
    if published is None:
        _write_row(run, "unchanged")
    keep = [row.release_id for row in kept_releases(run)]
    result = _result(run, published)
    faults.at("before_state")
    tell(run, "unchanged" if published is None else "published", None)
    faults.at("after_state")
    publish.prune(run.home, keep)
    faults.at("after_prune")
    return result


def kept_releases(run: Run) -> list[runs.ReleaseRow]:
    """Return the latest releases that lie there as they were published; one that was tampered with is not kept."""
    there = set(publish.release_ids(run.home))
    rows = (row for row in runs.releases(run.connection) if row.release_id in there)
    sound = [row for row in rows if publish.is_untouched(run.home.release_file(row.release_id), row.file)]
    return sound[: run.request.settings.keep_releases]


def check_all_listed(run: Run) -> None:
    """Raise SourceUnreadable where there was no right to list a folder, or to read objects of a store.

    What could be seen is published all the same.
    """
    if run.traces.unlistable:
        todo = "their documents stay as they were; mend the folders' rights"
        raise SourceUnreadable("folders could not be listed", where="; ".join(run.traces.unlistable), todo=todo)
    if run.traces.denied:
        first, *others = run.traces.denied
        where = first + (f", and {len(others):,} more" if others else "")
        raise SourceUnreadable("objects could not be read", where=where, todo="they are in quarantine; mend the rights")


def _write_row(run: Run, status: str) -> None:
    run_key = (run.run_id, run.as_of, run.started_at)
    runs.write_run(run.connection, run_key, status, run.traces.balance, finished_at=utc_now())


def note_failure(run: Run, error: Exception) -> None:
    """Note a failed or refused run in the ledger and in state.json; the release before stays.

    Where the ledger or the disk has failed there may be nowhere to note it; the error is raised all the same.
    """
    status = "refused" if isinstance(error, Refused | AuditFailed) else "failed"
    with suppress(duckdb.Error, NewsmartError):
        if run.traces.balance is not NO_BALANCE:
            _write_row(run, status)
        tell(run, status, error)


def tell(run: Run, status: str, error: Exception | None) -> None:
    """Write state.json."""
    before = state_before(run.home)
    current = publish.current(run.home)
    rows = runs.releases(run.connection)
    state = State(
        run={
            "run_id": run.run_id,
            "as_of": as_text(run.as_of),
            "started_at": as_text(run.started_at),
            "finished_at": as_text(utc_now()),
            "status": status,
            "error": None if error is None else " ".join(str(error).split()),
            "seconds": dict(run.traces.seconds),
            "notices": list(run.traces.notices),
            "audits": [asdict(audit) for audit in run.traces.audits],
        },
        balance=run.traces.balance.as_dict(),
        quarantine=[runs.plain(row) for row in runs.quarantine(run.connection)],
        drift=[runs.plain(row) for row in runs.drift(run.connection)],
        release=next((row.as_record() for row in rows if row.release_id == current), None),
        releases=[row.as_record() for row in kept_releases(run)],
        pin=before.get("pin") if before.get("pin") == current else None,
    )
    write_state(run.home, state)


def state_before(home: Home) -> State:
    """Return the state that the last run left; one that makes no sense is written anew by this run."""
    try:
        return read_state(home) or State()
    except RunFailed:
        return State()


def _result(run: Run, published: Published | None) -> RunResult:
    steps = ("scan", "read", "record", "build", "audit", "publish")
    seconds = {name: run.traces.seconds.get(name, 0.0) for name in steps}
    seconds["total"] = (utc_now() - run.started_at).total_seconds()
    rows = runs.releases(run.connection)
    problems = [runs.plain(row) for row in runs.quarantine(run.connection)]
    return RunResult(
        run_id=run.run_id,
        as_of=run.as_of,
        published=published is not None,
        release=None if published is None else published.path,
        documents=run.traces.balance.as_dict(),
        mentions=rows[0].mention_count if rows else None,
        articles=rows[0].article_count if rows else None,
        quarantine_entries=len(problems),
        seconds=seconds,
        changes=Changes() if published is None else published.changes,
        quarantine=problems,
        audits=[asdict(audit) for audit in run.traces.audits],
        notices=list(run.traces.notices),
    )
