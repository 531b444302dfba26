"""How a run ends: its row in the ledger, state.json for those who must not wait, and the answer to the caller."""

from contextlib import suppress
from dataclasses import asdict, replace
from itertools import islice

import duckdb

from flows.clock import utc_now
from flows.pipeline.begin import NO_BALANCE, Run
from flows.pipeline.request import Changes, RunResult
from flows.pipeline.state import balance_before, run_record, state_before, status_of
from flows.pipeline.steps import tell_end
from schemas.errors import NewsmartError, SourceUnreadable
from warehouse import interrupts
from warehouse.db import explain
from warehouse.home import Home
from warehouse.release import publish, runs
from warehouse.release.standing import ledger_record
from warehouse.release.told import pin_of
from warehouse.state import State, write_state


def finish(run: Run) -> RunResult:
    """Note the end of the run in the ledger and in state.json, remove old releases, and say what was done."""
    published = run.traces.published
    if published is None:
        _write_row(run, "unchanged")
    keep = [row.release_id for row in _kept(run)]
    result = _result(run)
    tell_end(result)
    tell(run, "unchanged" if published is None else "published", None)
    publish.prune(run.home, keep)
    return result


def _kept(run: Run) -> list[runs.ReleaseRow]:
    return kept_releases(run.home, run.connection, run.request.settings.keep_releases)


def _told_releases(run: Run, rows: list[runs.ReleaseRow], current: str | None) -> list[runs.ReleaseRow]:
    """Return the releases to tell: those that are kept, and the one that readers see, which is never removed."""
    kept = {row.release_id for row in _kept(run)} | {current}
    return [row for row in rows if row.release_id in kept]


def known_releases(home: Home, connection: duckdb.DuckDBPyConnection) -> list[runs.ReleaseRow]:
    """Return what the ledger knows of the releases that lie there, and of the latest, the latest first."""
    return runs.releases(connection, publish.release_ids(home))


def kept_releases(home: Home, connection: duckdb.DuckDBPyConnection, count: int) -> list[runs.ReleaseRow]:
    """Return the latest releases that lie there as they were published; one that was tampered with is not kept."""
    there = set(publish.release_ids(home))
    rows = (row for row in known_releases(home, connection) if row.release_id in there)
    return list(islice((row for row in rows if runs.recognise(connection, home, row)), count))


def check_all_listed(run: Run, rest: str) -> None:
    """Raise SourceUnreadable where there was no right to list a folder, or to read objects of a store.

    What could be seen is published all the same; `rest` says in the error what came of it.
    """
    if run.traces.unlistable:
        todo = f"their documents stay as they were, {rest}; mend the folders' rights, or the archive"
        raise SourceUnreadable("folders could not be listed", where="; ".join(run.traces.unlistable), todo=todo)
    if run.traces.denied:
        first, *others = run.traces.denied
        where = first + (f", and {len(others):,} more" if others else "")
        todo = f"they are in quarantine, {rest}; mend the rights"
        raise SourceUnreadable("objects could not be read", where=where, todo=todo)


def _write_row(run: Run, status: str) -> None:
    runs.write_run(run.connection, run.key, status, run.traces.balance, finished_at=utc_now())


def note_failure(run: Run, error: Exception) -> None:
    """Tell a failed or refused run to its caller, the ledger and state.json; the release before stays.

    Where the ledger has failed, or Ctrl-C broke into it, that is left to `open_run`.
    """
    if interrupts.is_pending():
        return
    # In our words, as the command says it: DuckDB calls a database "invalidated" because its disk was full.
    told = explain(error, run.home.ledger, is_ledger=True) or error
    tell_end(_result_so_far(run), error)
    status = status_of(told)
    with suppress(duckdb.Error, NewsmartError):
        if run.traces.balance is not NO_BALANCE:
            _write_row(run, status)
        tell(run, status, told)


def tell(run: Run, status: str, error: Exception | None) -> None:
    """Write state.json."""
    before = state_before(run.home)
    current = publish.current(run.home)
    rows = known_releases(run.home, run.connection)
    has_counted = run.traces.balance is not NO_BALANCE
    balance, counted_by = (run.traces.balance.as_dict(), run.run_id) if has_counted else balance_before(before)
    state = State(
        run={
            **run_record(run.run_id, run.as_of, run.started_at, status, error),
            "seconds": dict(run.traces.seconds),
            "notices": list(run.traces.notices),
            "audits": [asdict(audit) for audit in run.traces.audits],
        },
        balance=balance,
        balance_run_id=counted_by,
        quarantine=[runs.plain(row) for row in runs.quarantine(run.connection)],
        drift=[runs.plain(row) for row in runs.drift(run.connection)],
        release=next((row.as_record() for row in rows if row.release_id == current), None),
        releases=[row.as_record() for row in _told_releases(run, rows, current)],
        ledger=ledger_record(run.connection),
        pin=pin_of(run.home, before),
        pinned_at_change=before.get("pinned_at_change"),
    )
    write_state(run.home, state)
    run.traces.is_told = True


def _result_so_far(run: Run) -> RunResult:
    """Return what is known of a run that failed; a ledger that has failed itself is not relied on."""
    with suppress(duckdb.Error, NewsmartError):
        told = replace(_result(run), published=False, release=None)
        return told if run.traces.balance is not NO_BALANCE else replace(told, documents={})
    return RunResult(
        run_id=run.run_id,
        as_of=run.as_of,
        published=False,
        release=None,
        documents={} if run.traces.balance is NO_BALANCE else run.traces.balance.as_dict(),
        mentions=None,
        articles=None,
        quarantine_entries=None,
        seconds=_seconds(run),
        notices=list(run.traces.notices),
    )


def _seconds(run: Run) -> dict[str, float]:
    steps = ("scan", "read", "record", "build", "audit", "publish")
    seconds = {name: run.traces.seconds.get(name, 0.0) for name in steps}
    # A clock that was set back meanwhile gives no number that makes sense.
    return {**seconds, "total": max(0.0, (utc_now() - run.started_at).total_seconds())}


def _result(run: Run) -> RunResult:
    published = run.traces.published
    rows, current = known_releases(run.home, run.connection), publish.current(run.home)
    # That which readers see; where they see none of ours, the last one.
    shown = next((row for row in rows if row.release_id == current), rows[0] if rows else None)
    problems = [runs.plain(row) for row in runs.quarantine(run.connection)]
    return RunResult(
        run_id=run.run_id,
        as_of=run.as_of,
        published=published is not None,
        release=None if published is None else published.path,
        documents=run.traces.balance.as_dict(),
        mentions=None if shown is None else shown.mention_count,
        articles=None if shown is None else shown.article_count,
        quarantine_entries=len(problems),
        seconds=_seconds(run),
        changes=Changes() if published is None else published.changes,
        quarantine=problems,
        audits=[asdict(audit) for audit in run.traces.audits],
        notices=list(run.traces.notices),
    )
