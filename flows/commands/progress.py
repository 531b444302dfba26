"""Shows how a run goes: a live line on a terminal, one plain line a step elsewhere.

Always on stderr, since stdout is for results: its last line may be JSON.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TextIO

STEPS = ("scan", "record", "build", "audit", "publish")
DOING = {
    "scan": "looking for documents",
    "record": "reading, validating and recording",
    "build": "building the release",
    "audit": "auditing it",
    "publish": "publishing it",
}
_CLEAR_LINE = "\r\x1b[2K"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where steps are shown; out None: nowhere."""

    out: TextIO | None
    is_live: bool

    @classmethod
    @contextmanager
    def on_terminal(cls, *, is_quiet: bool) -> "Iterator[Progress]":
        """Show progress on stderr for the block, and leave a clean line behind."""
        progress = cls(None if is_quiet else sys.stderr, sys.stderr.isatty())
        try:
            yield progress
        finally:
            progress._write(_CLEAR_LINE if progress.is_live else "")

    def step(self, name: str, seconds: float | None) -> None:
        """Show that a step begins (seconds None) or is done."""
        if self.is_live:
            number = STEPS.index(name) + 1 if name in STEPS else len(STEPS)
            bar = "█" * number + "░" * (len(STEPS) - number)
            self._write(f"{_CLEAR_LINE}{bar} {DOING.get(name, name)} …")
        elif seconds is not None:
            self._write(f"{name} {seconds:.2f} s\n")

    def _write(self, text: str) -> None:
        if self.out is not None and text:
            # A run does not fail because nobody can see how it goes.
            with suppress(OSError, ValueError):
                self.out.write(text)
                self.out.flush()
