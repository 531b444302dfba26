"""Runs without Prefect: a real one, and a dry run, which finds what a run would find and keeps nothing of it.

`run_direct` calls the steps of flows/refresh.py in the same order; a test holds the two equal. Rejected: one order for
both, which took each step as a closure and hid the way from whoever opens the flow.

A dry run takes the steps up to the limits on a copy of the ledger in memory (warehouse/ledger/trial.py), under the
lock. Nothing is written in FILE.d but the lock: what only a run does first (finish a takedown, read again under newer
rules) is a notice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from flows.pipeline import release as making
from flows.pipeline.intake import check_limits, read_and_record, record_observation, scan_sources
from flows.pipeline.reparse import other_versions
from flows.pipeline.request import RunRequest, RunResult
from flows.pipeline.run import Run, check_all_listed, finish, open_run, result_of, step
from flows.readers.local import LocalReaders, Readers
from schemas.errors import NewsmartError
from schemas.text import counted, sample
from schemas.urls import url_key
from warehouse.clock import utc_now
from warehouse.db import limit_memory
from warehouse.home import Home
from warehouse.ledger.locked import memory_for
from warehouse.ledger.opening import count_rows, ledger_transaction
from warehouse.ledger.tombstones import is_unfinished
from warehouse.ledger.trial import Trial, trial_ledger
from warehouse.lock import hold
from warehouse.release import releases, runs
from warehouse.run_state import state_notices
from warehouse.state import problem_line
from warehouse.upkeep.moved import without_ledger

KINDS = ("new", "changed", "gone")
MOST_LINES = 20
URLS_PER_DOCUMENT = 5


def run_direct(request: RunRequest, readers: Readers | None = None) -> RunResult:
    """Do a run. `readers` read its documents; without, this machine does."""
    with LocalReaders(request.processes) as local, open_run(request, readers or local) as run:
        found = scan_sources(run)
        read_and_record(run, found)
        check_limits(run)
        if making.needs_release(run):
            with making.new_release(run) as release:
                making.deduplicate(release)
                making.load_release(release)
                making.audit_release(release)
                making.publish_release(release)
        return finish(run)


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a run would find. `changes`: by kind, {source, path, articles: [{url_key, url, title, position}]}.

    `reason`: why it would make a release, None where it would make none. `error`: by which it would end.
    """

    result: RunResult
    changes: Mapping[str, Sequence[Mapping[str, Any]]]
    reason: str | None
    error: NewsmartError | None

    def as_json(self) -> dict[str, Any]:
        """The object that `run --dry-run --json` prints: that of a run, and lists."""
        return {
            **self.result.as_json(),
            "would_publish": self.reason,
            "error": None if self.error is None else str(self.error),
            **self.changes,
            "problems": list(self.result.quarantine),
        }

    def lines(self) -> Iterator[str]:
        """Yield what it found as text, the first MOST_LINES of each kind."""
        for kind, documents in self.changes.items():
            yield from _first(f"{kind} documents", [f"{kind:8}{_in_words(document)}" for document in documents])
        yield from _first("problems", [f"problem {problem_line(row)}" for row in self.result.quarantine])
        if self.reason is not None:
            yield f"a run would publish: {self.reason}"
        elif self.error is None:
            yield "a run would find nothing new to publish"


def _first(what: str, lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:MOST_LINES]
    if len(lines) > MOST_LINES:
        yield f"… and {len(lines) - MOST_LINES:,} more {what}; --json lists all"


def _in_words(document: Mapping[str, Any]) -> str:
    own, *others = document["articles"] or [None]
    title = "" if own is None else f": {sample(own['title'] or own['url'])}"
    more = f" and {counted(len(others), 'more article')}" if others else ""
    return f"{document['source']}/{document['path']}{title}{more}"


def dry_run(request: RunRequest, readers: Readers) -> DryRun:
    """Do what a run does up to its limits, and keep nothing of it."""
    started_at = utc_now()
    home = Home.of(request.warehouse)
    home.check()
    notices = without_ledger(home, may_begin_anew=request.full_refresh)
    home.prepare(only_for_lock=True)
    with hold(home), trial_ledger(home, request.settings.build_memory) as trial:
        connection = trial.connection
        notices += state_notices(home) + _left_to_a_run(trial, request)
        notices += runs.clock_notices(connection, started_at) if request.as_of is None else []
        as_of = runs.choose_as_of(connection, started_at, request.as_of, request.scheduled_at)
        known = releases.known_releases(home, connection)
        run = Run(request, home, connection, as_of, started_at, readers, known, notices, keeps_bytes=False)
        found = scan_sources(run)
        documents = found.files.num_rows + count_rows(connection, "document")
        # Of the new ones' URLs nothing is known yet; of a million short documents there are four each.
        limit_memory(connection, memory_for(URLS_PER_DOCUMENT * documents, request.settings.build_memory))
        with step(run, "record"), ledger_transaction(connection):
            record_observation(run, found)
        run.seconds["record"] -= run.seconds["read"]
        refusal = _error_of(partial(check_limits, run))
        reason = None if refusal is not None else making.why_build_now(run)
        error = refusal or _error_of(partial(check_all_listed, run, "the rest would be published"))
        return DryRun(result_of(run), _changes(trial, run), reason, error)


def _left_to_a_run(trial: Trial, request: RunRequest) -> list[str]:
    notices = []
    if is_unfinished(trial.connection):
        notices.append("a takedown was cut off; a run finishes it first")
    if request.reparse or other_versions(trial.connection):
        notices.append("a run reads the kept bytes of every version again first; a dry run does not")
    return notices


def _changes(trial: Trial, run: Run) -> dict[str, list[dict[str, Any]]]:
    found = trial.changes(run.as_of)
    articles: dict[int, list[dict[str, Any]]] = {}
    for one in trial.spoken([change.content_id for change in found]):
        article = {"url_key": url_key(one.url), "url": one.url, "title": one.title, "position": one.position}
        articles.setdefault(one.content_id, []).append(article)
    return {
        kind: [
            {"source": change.source, "path": change.path, "articles": articles.get(change.content_id, [])}
            for change in found
            if change.kind == kind
        ]
        for kind in KINDS
    }


def _error_of(check: Callable[[], None]) -> NewsmartError | None:
    try:
        check()
    except NewsmartError as error:
        return error
    return None
