"""How a run ends: its row in the ledger, state.json for those who must not wait, and the answer to the caller."""

from contextlib import suppress
from dataclasses import asdict, replace

import duckdb

from flows.pipeline.request import RunResult, summary_of
from flows.pipeline.run import Run, log
from schemas.errors import NewsmartError, SourceUnreadable
from warehouse import interrupts
from warehouse.clock import utc_now
from warehouse.db import explain
from warehouse.release import publish, runs
from warehouse.release.why_build import ledger_state
from warehouse.run_state import balance_before, run_record, state_before, status_of
from warehouse.state import State, write_state

STEPS = ("scan", "read", "record", "build", "audit", "publish")


def finish(run: Run) -> RunResult:
    """Note the end of the run in the ledger and in state.json, remove old releases, and return what was done."""
    if run.built is None:
        _write_row(run, "unchanged")
    result = run.outcome = result_of(run)
    log_end(result)
    kept = _write_state(run, "unchanged" if run.built is None else "published", None)
    publish.prune(run.home, kept)
    return result


def note_failure(run: Run, error: Exception) -> None:
    """Log a failed or refused run, and note it in the ledger and in state.json; the release before stays.

    Where the ledger has failed, or Ctrl-C broke into it, that is left to `open_run`.
    """
    if interrupts.is_pending():
        return
    # In our words, as the command says it: DuckDB calls a database "invalidated" because its disk was full.
    ours = explain(error, run.home.ledger, is_ledger=True) or error
    run.outcome = _result_of_failure(run)
    log_end(run.outcome, error)
    status = status_of(ours)
    with suppress(duckdb.Error, NewsmartError):
        if run.has_counted:
            _write_row(run, status)
        _write_state(run, status, ours)


def check_all_listed(run: Run, rest: str) -> None:
    """Raise SourceUnreadable where there was no right to list a folder, or to read objects of a store.

    What could be seen is published all the same; `rest` says in the error what came of it.
    """
    if run.unlistable:
        todo = f"their documents stay as they were, {rest}; mend the folders' rights, or the archive"
        raise SourceUnreadable("folders could not be listed", where="; ".join(run.unlistable), todo=todo)
    if run.denied:
        first, *others = run.denied
        where = first + (f", and {len(others):,} more" if others else "")
        todo = f"they are in quarantine, {rest}; mend the rights"
        raise SourceUnreadable("objects could not be read", where=where, todo=todo)


def log_end(result: RunResult, error: Exception | None = None) -> None:
    """Log what a run did, and the error that it ended by."""
    extra = {"result": result, "error": error}
    if error is None:
        log.info("%s", summary_of(result), extra=extra)
    else:
        log.error("%s: %s", result.run_id, error, extra=extra)


def _write_row(run: Run, status: str) -> None:
    runs.write_run(run.connection, run.key, status, run.balance, finished_at=utc_now())


def _write_state(run: Run, status: str, error: Exception | None) -> list[str]:
    """Write state.json. Returns the ids of the releases to keep: the latest sound ones."""
    before = state_before(run.home)
    kept = runs.sound_releases(run.home, run.connection, run.releases, run.request.settings.keep_releases)
    # Readers may see an older one, of a rollback, which is never removed.
    older = [run.shown] if run.shown and run.shown.release_id not in {row.release_id for row in kept} else []
    state = ledger_state(run.home, run.connection, [*kept, *older], before)
    balance, counted_by = (run.balance.as_dict(), run.run_id) if run.has_counted else balance_before(before)
    state["balance"], state["balance_run_id"] = balance, counted_by
    state["run"] = {
        **run_record(run.run_id, run.as_of, run.started_at, status, error),
        "seconds": dict(run.seconds),
        "notices": list(run.notices),
        "audits": [asdict(audit) for audit in run.audits],
    }
    write_state(run.home, State(**state))
    run.is_recorded = True
    return [row.release_id for row in kept]


def result_of(run: Run) -> RunResult:
    """Return what a run has done so far."""
    # What readers see; where they see none of ours, the last one.
    shown = run.shown or next(iter(run.releases), None)
    problems = [runs.plain(row) for row in runs.quarantine(run.connection)]
    release = None if run.built is None else str(run.home.release_file(run.built.release_id))
    return replace(
        _result_without_ledger(run),
        published=run.built is not None,
        release=release,
        mentions=None if shown is None else shown.mention_count,
        articles=None if shown is None else shown.article_count,
        quarantine_entries=len(problems),
        build=None if run.built is None else run.built.how.as_record(),
        changes=run.changes,
        quarantine=problems,
        audits=[asdict(audit) for audit in run.audits],
    )


def _result_of_failure(run: Run) -> RunResult:
    """Return what is known of a run that failed; a ledger that has failed itself is not relied on."""
    with suppress(duckdb.Error, NewsmartError):
        return replace(result_of(run), published=False, release=None)
    return _result_without_ledger(run)


def _result_without_ledger(run: Run) -> RunResult:
    # A clock that was set back meanwhile gives no number that makes sense.
    total = max(0.0, (utc_now() - run.started_at).total_seconds())
    return RunResult(
        run_id=run.run_id,
        as_of=run.as_of,
        published=False,
        release=None,
        documents=run.balance.as_dict() if run.has_counted else {},
        mentions=None,
        articles=None,
        quarantine_entries=None,
        seconds={**{name: run.seconds.get(name, 0.0) for name in STEPS}, "total": total},
        notices=list(run.notices),
    )
