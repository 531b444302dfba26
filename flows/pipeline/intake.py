"""The first half of a run: what lies in the sources, taking it into the ledger, and the limits that hold a run back.

Reading, taking in and appending events share one transaction: a run that dies on the way leaves the ledger as it was.

Limits are checked on what is recorded, not on what this run changed, so that the next run is refused again until the
source is mended or the limit lifted. Of a source that had documents and shows none nothing is recorded: it is most
likely a mount that is gone, and history should not say that all was removed and came back.
"""

from collections.abc import Callable, Iterator, Sequence
from time import monotonic

import pyarrow as pa

from flows.pipeline.run import Run, check_all_listed, step
from flows.sources.files import DENIED
from flows.sources.scan import References, Scan, scan
from schemas.errors import Refused, SourceUnreadable
from warehouse import interrupts
from warehouse.db import limit_memory
from warehouse.ledger import intake, record
from warehouse.ledger.feed import Feed
from warehouse.ledger.locked import give_memory, recording_memory_for
from warehouse.ledger.opening import count_rows, ledger_transaction
from warehouse.ledger.record import Balance
from warehouse.release import runs

OnBatch = Callable[[int, int], None]

MAX_QUARANTINE_SHARE = 0.05
FREE_QUARANTINE_COUNT = 10
MAX_SHRINK_SHARE = 0.5


def scan_sources(run: Run) -> Scan:
    """List the documents of the sources.

    Raises SourceUnreadable where there is not one, Refused where there were some before, UsageError or
    TransientFailure as a store does. Where other sources hold documents, they are recorded first.
    """
    with step(run, "scan"):
        found = scan(run.request.sources)
        skipped = [entry for entry in found.skipped if entry.reason != "bad_name"]
        run.notices.extend(f"skipped {entry.source}/{entry.path}: {entry.reason}" for entry in skipped)
        run.unlistable.extend(f"{one.source}/{one.folder} ({one.reason})" for one in found.unlistable)
        gone = _vanished(run, found)
        if not run.request.allow_shrink:
            run.vanished[:] = gone
        run.notices.extend(_renamed(run, found))
        if found.files.num_rows == 0 and not found.skipped and not (gone and run.request.allow_shrink):
            check_all_listed(run, "nothing was published")
            check_vanished(gone)
            where = ", ".join(source.root for source in run.request.sources)
            todo = "documents end in .md, .markdown, .txt, .yaml or .yml and are neither hidden nor README"
            raise SourceUnreadable("the source holds no document", where=where, todo=todo)
        return found


def _vanished(run: Run, found: Scan) -> list[tuple[str, int]]:
    # Each source's files are chunks of their own; pyarrow.compute, which knows `unique`, takes 30 ms to import.
    seen = {chunk[0].as_py() for chunk in found.files["source"].chunks if len(chunk)}
    seen |= {entry.source for entry in found.skipped if entry.reason == "bad_name"}
    empty = [source.name for source in run.request.sources if source.name not in seen]
    return record.vanished(run.connection, empty, [(folder.source, folder.folder) for folder in found.unlistable])


def _renamed(run: Run, found: Scan) -> Iterator[str]:
    given = [source.name for source in run.request.sources]
    for old, new, count in record.renamed(run.connection, given, found.files):
        yield (
            f"source {new} holds {count:,} paths of source {old}, which is not given: a name is a source's identity, "
            f"so readers see both; where it was renamed, give it as {old}=… again"
        )


def read_and_record(run: Run, found: Scan, on_batch: OnBatch | None = None) -> None:
    """Read what is new, take it into the ledger and append the events, all in one transaction."""
    connection, memory = run.connection, run.request.settings.build_memory
    with step(run, "record"):
        documents = found.files.num_rows + count_rows(connection, "document")
        limit_memory(connection, recording_memory_for(documents, memory))
        with ledger_transaction(connection):
            record_observation(run, found, on_batch)
            runs.write_run(connection, run.key, "started", run.balance)
            # Before the commit, which needs some of it; the reading processes have ended.
            give_memory(connection, memory, documents)
    run.seconds["record"] -= run.seconds["read"]  # which is counted by itself


def record_observation(run: Run, found: Scan, on_batch: OnBatch | None = None) -> None:
    """Read what is new, take it in, append the events and count; the caller opens and ends the transaction."""
    connection = run.connection
    observation = record.Observation(
        files=found.files,
        sources=[source.name for source in run.request.sources],
        unlistable=[
            *((folder.source, folder.folder) for folder in found.unlistable),
            *((source, "") for source, _ in run.vanished),
        ],
        unnameable=[(entry.source, entry.path) for entry in found.skipped if entry.reason == "bad_name"],
        read_all=run.request.full_refresh,
    )
    run.readers.expect(*record.expected_work(connection, observation, found.scanned_at_ns))
    references = record.compare(connection, observation)
    _take_in_all(run, references, on_batch)
    run.balance = record.append_events(connection, run.as_of, found.scanned_at_ns)


def _take_in_all(run: Run, references: pa.Table, on_batch: OnBatch | None) -> None:
    start = monotonic()
    taking, count = 0.0, 0
    run.denied.clear()  # the step may be tried again
    files = References(run.request.sources, references)
    pa.default_memory_pool().release_unused()  # what the scan took, 0.2 kB a document
    with Feed(run.connection) as feed:
        for batch in run.readers.read_all(files, run.as_of):
            interrupts.check()
            taken = monotonic()
            if not run.keeps_bytes:
                batch = batch._replace(slices=batch.slices.slice(0, 0), packs=batch.packs.slice(0, 0))
            run.notices.extend(_reading_notices(batch.documents, references))
            run.denied.extend(_denied(batch.problems, references))
            intake.take_in(feed, batch, references, run.as_of)
            count += batch.documents.num_rows
            if on_batch is not None:
                on_batch(count, references.num_rows)
            taking += monotonic() - taken
    run.readers.close()
    run.seconds["read"] = monotonic() - start - taking


def _reading_notices(documents: pa.Table, references: pa.Table) -> Iterator[str]:
    words = {"vanished": "vanished before it was read", "unstable": "kept changing while it was read"}
    for ref, outcome in zip(*(documents.column(name).to_pylist() for name in ("ref", "outcome")), strict=True):
        if outcome in words:
            row = references.slice(ref, 1).to_pylist()[0]
            yield f"{row['source']}/{row['path']} {words[outcome]}; the next run looks again"


def _denied(problems: pa.Table, references: pa.Table) -> Iterator[str]:
    """Yield the documents of stores that may not be read: rights are missing, which no document can mend."""
    for row in problems.select(["ref", "reason", "found"]).to_pylist():
        if row["reason"] == "unreadable" and str(row["found"]).startswith(DENIED):
            file = references.slice(row["ref"], 1).to_pylist()[0]
            yield f"{file['source']}/{file['path']} ({row['found']})"


def check_limits(run: Run) -> None:
    """Raise Refused where a source shows nothing any more, too much is in quarantine or too much would go."""
    check_vanished(run.vanished)
    check_quarantine(run.balance, run.request.max_quarantine)
    if run.shown is not None:
        shown, gone = runs.shrink(run.connection, run.shown.as_of, run.as_of)
        check_shrink(shown, gone, run.request.allow_shrink)


def check_quarantine(balance: Balance, max_share: float | None) -> None:
    """Raise Refused where too many documents seen are in quarantine.

    By default over 5 % and more than 10; an explicit share, 0 to 1, applies alone, and 1 never refuses.
    """
    share = balance.quarantined / balance.seen if balance.seen else 0.0
    limit = MAX_QUARANTINE_SHARE if max_share is None else max_share
    if share <= limit or (max_share is None and balance.quarantined <= FREE_QUARANTINE_COUNT):
        return
    raise Refused(
        f"{balance.quarantined} of {balance.seen} documents are in quarantine, over the limit of {limit:.0%}",
        todo="see `newsmart quarantine`; mend them, or raise --max-quarantine",
    )


def check_vanished(sources: Sequence[tuple[str, int]]) -> None:
    """Raise Refused where a source that had documents shows none. In: their names and how many there were."""
    if sources:
        where = ", ".join(f"{name} had {count:,}" for name, count in sources)
        todo = "check that it is there and mounted; --allow-shrink takes its documents out"
        raise Refused("a source that had documents holds no document", where=where, todo=todo)


def check_shrink(shown: int, gone: int, allow: bool) -> None:
    """Raise Refused where over half of the documents that the current release shows would be removed."""
    if allow or shown == 0 or gone <= shown * MAX_SHRINK_SHARE:
        return
    raise Refused(
        f"{gone} of {shown} documents in the current release would be removed",
        todo="check that the source is whole, or give --allow-shrink",
    )
