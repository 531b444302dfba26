"""What a run is asked for, and what it answers: plain values, so that a scheduler can carry them."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from flows.clock import as_text
from flows.engines.choice import Engine
from flows.settings import Settings
from flows.sources.scan import Source

LOGGER = "newsmart.run"
"""Where the steps of a run tell how it goes (steps.py)."""

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
    changes: Changes = Changes()
    quarantine: Sequence[Mapping[str, Any]] = ()
    audits: Sequence[Mapping[str, Any]] = ()
    notices: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """The object that `run --json` prints (DESIGN section 7)."""
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
        }


DoRun = Callable[[RunRequest], RunResult]
"""Does one run, directly or as a flow run."""


class Told(Protocol):
    """Who listens to the log of a run, and keeps what it told of its end."""

    result: RunResult | None
    error: Exception | None
