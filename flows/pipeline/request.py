"""What a run is asked for, and what it answers: plain values, so that a scheduler can carry them."""

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from flows.settings import FIELDS, Settings, overridden
from flows.sources.scan import Source, absolute, parse_sources
from schemas.errors import UsageError
from schemas.text import counted
from warehouse.clock import as_text, parse_moment

LOGGER = "newsmart.run"
"""The log of a run: its steps and how it ended (run.py)."""

PER_RUN = ("as_of", "full_refresh", "reparse", "allow_shrink")
"""What each run is asked for by itself, beside sources and settings."""

DASK_PACKAGES = ("distributed", "prefect_dask")
# No user, path or query: Dask knows none of them, and an address stands in logs and in Prefect's page.
_DASK_ADDRESS = re.compile(r"(?:tcp|tls)://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")

DOCUMENT_CLASSES = ("seen", "new", "changed", "touched", "unchanged", "quarantined", "removed")


def core_count() -> int:
    """Return the cores that this process may use; macOS knows no affinity, there it is all of them."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One run: which sources into which warehouse, and what the caller overrides.

    as_of is an explicit logical time, scheduled_at the time for which a scheduler started the run; both naive UTC.
    dask_address: the Dask scheduler whose workers read; empty: a cluster of the run's own; None: this machine reads.
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
    dask_address: str | None = None
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
        dask_address=dask_address_of(settings.engine, settings.dask_address),
        settings=settings,
    )


def dask_address_of(engine: str, address: str) -> str | None:
    """Return what RunRequest holds for the settings `engine` and `dask_address`; an address alone means dask.

    Raises UsageError for an address that is none, or an extra that is not installed.
    """
    if engine == "local" or not (engine or address):
        return None
    if address and not _DASK_ADDRESS.fullmatch(address):
        # Not shown: it may hold a password.
        raise UsageError("not the address of a Dask scheduler", todo="write tcp://HOST:PORT or tls://HOST:PORT")
    missing = [package for package in DASK_PACKAGES if find_spec(package) is None]
    if missing:
        todo = "install the extra: pip install 'newsmart[dask]'"
        raise UsageError("the engine dask is not installed", where=", ".join(missing), todo=todo)
    return address


def parameters_of(request: RunRequest) -> dict[str, Any]:
    """Return the flow's parameters that say what the request says; paths are absolute, whatever the current folder.

    They are small, plain and free of secrets, as the server keeps and shows them.
    """
    return {
        "source": [f"{source.name}={absolute(source.root)}" for source in request.sources],
        "warehouse": os.path.abspath(request.warehouse),
        "as_of": None if request.as_of is None else request.as_of.isoformat(),
        "full_refresh": request.full_refresh,
        "reparse": request.reparse,
        "max_quarantine": request.max_quarantine,
        "allow_shrink": request.allow_shrink,
        "workers": request.workers,
        "engine": "local" if request.dask_address is None else "dask",
        "dask_address": request.dask_address or "",
    }


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run did: the object of `run --json`, and what its report needs besides.

    Of a run that failed it holds what is known: `documents` is empty where it did not come so far as to count them.
    `changes`: the articles that a new release added, changed, withdrew and lost, and its notices, by name.
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
    changes: Mapping[str, int] = field(default_factory=dict)
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


def lines_of(result: RunResult, *, has_failed: bool = False) -> Iterator[str]:
    """Yield the lines that describe a run: the balance, the content, where it is; of a failed one what is known."""
    if result.documents:
        yield balance_line(result)
    if result.quarantine_entries:
        yield f"{counted(result.quarantine_entries, 'problem')} in quarantine; see `newsmart quarantine`"
    if notices := result.changes.get("notices"):
        yield f"{counted(notices, 'notice')}; see `newsmart quarantine --notices`"
    if result.published:
        kinds = ("added", "changed", "withdrawn", "departed")
        changes = ", ".join(f"{result.changes.get(kind, 0):,} {kind}" for kind in kinds)
        content = f"{counted(result.mentions or 0, 'mention')} of {counted(result.articles or 0, 'article')}"
        yield f"published {content} ({changes}) in {result.seconds['total']:.2f} s"
        release = Path(str(result.release))
        with suppress(OSError, ValueError):  # the current folder was deleted, or the release lies elsewhere
            release = release.relative_to(Path.cwd())
        yield f"release {release}"
    elif not has_failed:
        yield f"nothing to publish: the release is up to date ({result.seconds['total']:.2f} s)"


def balance_line(result: RunResult) -> str:
    """Return how many documents a run has seen, by class."""
    counts = result.documents
    classes = ", ".join(f"{counts[name]:,} {name}" for name in DOCUMENT_CLASSES[1:-1])
    return f"{result.run_id}: {counts['seen']:,} documents seen = {classes}; {counts['removed']:,} removed"


class RunListener(Protocol):
    """A listener to the log of a run, with what was logged of its end."""

    result: RunResult | None
    error: Exception | None
