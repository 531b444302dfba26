"""What a run leaves in Prefect's page, as Markdown: a summary, the quarantine, the audits. Pure text, no Prefect.

Everything that comes from a document is escaped, as the page renders Markdown and HTML. Rejected: Prefect's table
artifacts, whose cells are shown as each version of the page likes, and have no place for "200 of 5,000".
"""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.pipeline.request import Changes, RunResult
from warehouse.clock import as_text
from warehouse.state import State

MAX_ROWS = 200
NO_CHANGES = Changes()
MAX_CELL_CHARS = 300
QUARANTINE_COLUMNS = ("source", "path", "line", "column", "field", "reason", "expected", "found", "first_seen_at")
AUDIT_COLUMNS = ("name", "status", "offending_rows", "example")

_MARKDOWN = re.compile(r"([\\`*_\[\]|~])")


@dataclass(frozen=True, slots=True)
class Report:
    """A run as its artifacts show it, ended well or not. Seconds by step; documents as in the balance."""

    run_id: str
    as_of: str | None
    status: str
    documents: Mapping[str, int]
    seconds: Mapping[str, float]
    mentions: int | None = None
    articles: int | None = None
    release: str | None = None
    error: str | None = None
    changes: Changes = NO_CHANGES
    quarantine: Sequence[Mapping[str, Any]] = ()
    audits: Sequence[Mapping[str, Any]] = ()
    notices: Sequence[str] = ()


def report_of(result: RunResult) -> Report:
    """Return the report of a run that ended well."""
    return Report(
        run_id=result.run_id,
        as_of=as_text(result.as_of),
        status="published" if result.published else "unchanged",
        documents=result.documents,
        seconds=result.seconds,
        mentions=result.mentions,
        articles=result.articles,
        release=result.release,
        changes=result.changes,
        quarantine=result.quarantine,
        audits=result.audits,
        notices=result.notices,
    )


def report_of_failure(run_id: str, error: str, state: State | None) -> Report:
    """Return the report of a run that failed, from what it left in state.json, where that is this run's."""
    told = State() if state is None or state.get("run", {}).get("run_id") != run_id else state
    run = told.get("run", {})
    has_counted = told.get("balance_run_id") == run_id
    return Report(
        run_id=run_id,
        as_of=run.get("as_of"),
        status=run.get("status", "failed"),
        documents=told.get("balance", {}) if has_counted else {},
        seconds=run.get("seconds", {}),
        error=error,
        quarantine=told.get("quarantine", []),
        audits=run.get("audits", []),
        notices=run.get("notices", []),
    )


def summary(report: Report) -> str:
    """Return the summary: what was done, the balance, what changed, where the time went."""
    parts = [f"# Run {escape(report.run_id)}: {escape(report.status)}"]
    if report.error is not None:
        parts.append(f"**{escape(report.error)}**")
    facts = {
        "as of": report.as_of,
        "release": report.release,
        "articles": report.articles,
        "mentions": report.mentions,
        "articles added": report.changes.added,
        "articles changed": report.changes.changed,
        "articles withdrawn": report.changes.withdrawn,
        "articles departed": report.changes.departed,
        "quarantine entries": len(report.quarantine),
    }
    shown = [{"what": name, "value": value} for name, value in facts.items() if value is not None]
    parts.append(table(shown, ("what", "value")))
    parts.append("## Documents\n\n" + _pairs(report.documents, "documents"))
    seconds = {name: f"{value:.3f}" for name, value in report.seconds.items()}
    parts.append("## Seconds\n\n" + _pairs(seconds, "seconds"))
    if report.notices:
        parts.append("## Notices\n\n" + table([{"notice": text} for text in report.notices], ("notice",)))
    return "\n\n".join(parts) + "\n"


def quarantine(report: Report) -> str:
    """Return the quarantine's table, its first MAX_ROWS rows."""
    return "# Quarantine\n\n" + table(report.quarantine, QUARANTINE_COLUMNS) + "\n"


def audits(report: Report) -> str:
    """Return the audits' table, the failed ones first."""
    rows = sorted(report.audits, key=lambda row: row.get("status") == "pass")
    return "# Audits\n\n" + table(rows, AUDIT_COLUMNS) + "\n"


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return rows as a Markdown table; a note says how many of the rows are left out."""
    if not rows:
        return "None."
    lines = [" | ".join(columns), " | ".join("---" for _ in columns)]
    lines += [" | ".join(escape(row.get(name)) for name in columns) for row in rows[:MAX_ROWS]]
    text = "\n".join(f"| {line} |" for line in lines)
    return text if len(rows) <= MAX_ROWS else f"{text}\n\nThe first {MAX_ROWS} of {len(rows)} rows."


def escape(value: object) -> str:
    """Return a value as one line of harmless Markdown; NULL is empty, long text is cut."""
    if value is None:
        return ""
    line = " ".join(str(value).split())
    cut = line if len(line) <= MAX_CELL_CHARS else line[: MAX_CELL_CHARS - 1] + "…"
    return _MARKDOWN.sub(r"\\\1", html.escape(cut, quote=False))


def _pairs(values: Mapping[str, object], unit: str) -> str:
    return table([{"": name, unit: value} for name, value in values.items()], ("", unit))
