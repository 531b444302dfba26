"""What a run is asked for, and what it answers: plain values, so that a scheduler can carry them."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from flows.readers.choice import Engine, choose_engine
from flows.settings import FIELDS, Settings, overridden
from flows.sources.scan import Source, parse_sources
from schemas.text import counted
from warehouse.clock import as_text, parse_moment

LOGGER = "newsmart.run"
"""The log of a run: its steps and how it ended (run.py)."""

DOCUMENT_CLASSES = ("seen", "new", "changed", "touched", "unchanged", "quarantined", "removed")


def core_count() -> int:
    """Return the cores that this process may use; macOS knows no affinity, there it is all of them."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One run: which sources into which warehouse, and what the caller overrides.

    as_of is an explicit logical time, scheduled_at the time for which a scheduler started the run; both naive UTC.
    """

    sources: tuple[Source, ...]
    warehouse: Path
    as_of: datetime | None = None
    scheduled_at: datetime | None = None
    full_refresh: bool = False
    reparse: bool = False
    max_quarantine: float | None = None
    allow_shrink: bool = False
    workers: int = 0
    engine: Engine = field(default_factory=Engine)
    settings: Settings = field(default_factory=Settings)

    @property
    def processes(self) -> int:
        """How many processes read: as many as were asked for, else one for each core that this process may use."""
        return self.workers or core_count()


def request_of(
    settings: Settings,
    sources: tuple[Source, ...] = (),
    *,
    source: Sequence[str] | None = None,
    as_of: str | None = None,
    scheduled_at: datetime | None = None,
    full_refresh: bool = False,
    reparse: bool = False,
    allow_shrink: bool = False,
    **given: object,
) -> RunRequest:
    """Return the request that options or a flow's parameters make.

    In: sources that are known already, or their texts; under the name of a setting what goes before it. Raises
    UsageError where something does not fit.
    """
    if unknown := given.keys() - FIELDS:
        raise TypeError(f"a run has no parameter {', '.join(sorted(unknown))}")
    settings = overridden(settings, given)
    return RunRequest(
        sources=sources or parse_sources(source or [settings.source]),
        warehouse=Path(settings.warehouse),
        as_of=None if as_of is None else parse_moment(as_of),
        scheduled_at=scheduled_at,
        full_refresh=full_refresh,
        reparse=reparse,
        max_quarantine=None if settings.max_quarantine == -1 else settings.max_quarantine,
        allow_shrink=allow_shrink,
        workers=settings.workers,
        engine=choose_engine(settings.engine, settings.dask_address),
        settings=settings,
    )


@dataclass(frozen=True, slots=True)
class Changes:
    """What a release changed against the one before, in articles; and how many notices it holds."""

    added: int = 0
    changed: int = 0
    withdrawn: int = 0
    departed: int = 0
    notices: int = 0


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run did: the object of `run --json`, and what its report needs besides.

    Of a run that failed it holds what is known: `documents` is empty where it did not come so far as to count them.
    """

    run_id: str
    as_of: datetime
    published: bool
    release: str | None
    documents: Mapping[str, int]
    mentions: int | None
    articles: int | None
    quarantine_entries: int | None
    seconds: Mapping[str, float]
    build: Mapping[str, Any] | None = None
    changes: Changes = Changes()
    quarantine: Sequence[Mapping[str, Any]] = ()
    audits: Sequence[Mapping[str, Any]] = ()
    notices: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """The object that `run --json` prints."""
        return {
            "run_id": self.run_id,
            "as_of": as_text(self.as_of),
            "published": self.published,
            "release": self.release,
            "documents": {name: self.documents.get(name) for name in DOCUMENT_CLASSES},
            "mentions": self.mentions,
            "articles": self.articles,
            "quarantine_entries": self.quarantine_entries,
            "seconds": {name: round(value, 4) for name, value in self.seconds.items()},
            "build": self.build,
        }


def summary_of(result: RunResult) -> str:
    """Return what a run did, in one line."""
    problems = result.quarantine_entries or 0
    seen = f"{counted(result.documents.get('seen', 0), 'document')} seen, {counted(problems, 'problem')} in quarantine"
    if not result.published:
        return f"{result.run_id}: nothing new to publish; {seen}"
    change = result.changes
    return (
        f"{result.run_id}: published {counted(result.articles or 0, 'article')} "
        f"({change.added:,} added, {change.changed:,} changed, {change.withdrawn:,} withdrawn); {seen}"
    )


Runner = Callable[[RunRequest], RunResult]
"""Does one run, directly or as a flow run."""


class RunListener(Protocol):
    """A listener to the log of a run, with what was logged of its end."""

    result: RunResult | None
    error: Exception | None
