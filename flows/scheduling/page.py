"""What a run tells Prefect: a summary and tables on its page, how far a long load is, and the event of a release.

The page is for looking on: a server that is gone is a warning in the log, and the run goes on.

What comes from a document or a path is made harmless, as the page renders Markdown: its first version (of 3.8.8) in a
table's cells too, and there it keeps links to `javascript:`. Its second version shows cells as they are, so a cell is
changed no more than it must.
"""

import html
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import quote
from uuid import UUID

from prefect import artifacts, get_run_logger
from prefect.events import emit_event

from flows.pipeline.hooks import published_event
from flows.pipeline.request import RunResult, lines_of
from flows.pipeline.run import Run
from warehouse.clock import as_text
from warehouse.run_state import status_of

MAX_ROWS = 200
MAX_CELL_CHARS = 300
QUARANTINE_COLUMNS = ("source", "path", "line", "column", "field", "reason", "expected", "found", "first_seen_at")
HEADLINE_COLUMNS = ("url", "before", "after")
AUDIT_COLUMNS = ("name", "status", "offending_rows", "example")
FIRST_SECONDS = 5.0
BETWEEN_SECONDS = 2.0

_MARKDOWN = re.compile(r"([\\`*_\[\]|~])")
log = logging.getLogger("newsmart")

Event = Mapping[str, Any]


@contextmanager
def optional(warning: str) -> Iterator[None]:
    """Let what the run can do without fail in the block: an error of any kind is a warning in the flow run's log."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  # httpx's, Prefect's and the engine's have no common base
        get_run_logger().warning("%s: %s", warning, error)


def leave_report(run: Run | None, error: Exception | None = None) -> None:
    """Leave the report of a run, ended well or by an error, as artifacts; send the event of its release, if any."""
    if run is None or run.outcome is None:
        return
    result, event = run.outcome, _announce(run)
    audits = sorted(result.audits, key=lambda row: row.get("status") == "pass")
    headlines = [] if event is None else event["headlines"]
    text = summary(result, headlines, run.home.file.with_suffix(".html"), error)
    with optional("no artifacts in Prefect"):
        artifacts.create_markdown_artifact(text, key="newsmart-summary", description=f"run {result.run_id}")
        _leave_table(result, "quarantine", result.quarantine, QUARANTINE_COLUMNS)
        _leave_table(result, "audits", audits, AUDIT_COLUMNS)
        if event is not None:
            _leave_table(result, "headlines", headlines, HEADLINE_COLUMNS)


def _announce(run: Run) -> Event | None:
    """Send Prefect the event of the release that a run has published, with the warehouse as its resource."""
    home = run.home
    if run.outcome is None or run.outcome.release is None:
        return None
    resource = {"prefect.resource.id": f"newsmart.warehouse.{home.file}", "prefect.resource.name": home.file.name}
    with optional("no event in Prefect"):
        event = published_event(home.file, Path(run.outcome.release))
        emit_event(event["event"], resource, payload={name: event[name] for name in event if name != "event"})
        return event
    return None


def _leave_table(result: RunResult, name: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    count = f"the first {MAX_ROWS} of {len(rows)}" if len(rows) > MAX_ROWS else len(rows)
    table = [{column: cell(row.get(column)) for column in columns} for row in rows[:MAX_ROWS]]
    artifacts.create_table_artifact(table, key=f"newsmart-{name}", description=f"run {result.run_id}, rows: {count}")


def summary(
    result: RunResult,
    headlines: Sequence[Mapping[str, Any]] = (),
    report: Path | None = None,
    error: Exception | None = None,
) -> str:
    """Return the summary as Markdown: what was done, headlines before and after, the balance, where the time went."""
    status = status_of(error) if error is not None else "published" if result.published else "unchanged"
    page = "" if report is None or not report.exists() else f"[{escape(report.name)}]({quote(report.as_uri(), ':/%')})"
    lines = [f"as of {as_text(result.as_of)}", *lines_of(result, has_failed=error is not None)]
    parts = [
        f"# Run {escape(result.run_id)}: {escape(status)}",
        "" if error is None else f"**{escape(error)}**",
        "\n".join(f"- {escape(line)}" for line in lines),
        f"Report: {page or '`newsmart report` writes a page about the release.'}",
        "## Headlines" if headlines else "",
        "\n".join(f"- {escape(row['before'])} → **{escape(row['after'])}**" for row in headlines),
        "## Documents",
        _table_of("documents", result.documents),
        "## Seconds",
        _table_of("seconds", {name: f"{value:.3f}" for name, value in result.seconds.items()}),
        "## Notices" if result.notices else "",
        "\n".join(f"- {escape(notice)}" for notice in result.notices),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table_of(unit: str, values: Mapping[str, object]) -> str:
    rows = "".join(f"\n| {escape(name)} | {escape(value)} |" for name, value in values.items())
    return f"|  | {unit} |\n| --- | --- |{rows}" if rows else "None."


def escape(value: object) -> str:
    """Return a value as one line of harmless Markdown."""
    return _MARKDOWN.sub(r"\\\1", html.escape(_one_line(value), quote=False))


def cell(value: object) -> object:
    """Return a value for a table: a text is one line, cut where it is long, without HTML or links; NULL is empty."""
    if isinstance(value, bool | int | float):
        return value
    return _one_line(value).replace("<", "&lt;").replace("](", "] (").replace("]:", "] :")


def _one_line(value: object) -> str:
    line = "" if value is None else " ".join(str(value).split())
    return line if len(line) <= MAX_CELL_CHARS else line[: MAX_CELL_CHARS - 1] + "…"


class BatchProgress:
    """An `on_batch` callback that shows a bar on the page, once reading has taken FIRST_SECONDS."""

    def __init__(self) -> None:
        self._next = monotonic() + FIRST_SECONDS
        self._artifact: UUID | None = None

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` documents are taken in. Seldom asks the server; never after a failure."""
        is_last = done >= total and self._artifact is not None
        if not total or (monotonic() < self._next and not is_last):
            return
        self._next = monotonic() + BETWEEN_SECONDS
        percent, text = 100.0 * done / total, f"{done:,} of {total:,} documents are taken in"
        try:
            if self._artifact is not None:
                artifacts.update_progress_artifact(self._artifact, progress=percent, description=text)
                return
            made = artifacts.create_progress_artifact(progress=percent, key="newsmart-progress", description=text)
            self._artifact = made if isinstance(made, UUID) else None
        except Exception as error:  # noqa: BLE001  # httpx's and Prefect's errors have no common base
            self._next = float("inf")
            log.warning("no progress in Prefect: %s", error)
