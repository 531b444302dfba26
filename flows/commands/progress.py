"""Shows how a run goes: a live line on a terminal, one plain line a step elsewhere.

Always on stderr, since stdout is for results: its last line may be JSON. What there is to show comes by the log of the
steps (pipeline/steps.py), so that a direct run and a flow show the same.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from flows.pipeline.request import LOGGER, RunResult

STEPS = {
    "scan": "looking for documents",
    "record": "reading, validating and recording",
    "deduplicate": "deduplicating articles",
    "build": "building the release",
    "audit": "auditing it",
    "publish": "publishing it",
}
_CLEAR_LINE = "\r\x1b[2K"


class Progress(logging.Handler):
    """A listener to the log of a run. `result` and `error` are how the last run ended, by its log."""

    def __init__(self, out: TextIO | None, *, is_live: bool) -> None:
        """In: where steps are shown, None for nowhere; whether it is a terminal, where a line can be replaced."""
        super().__init__(logging.INFO)
        self.result: RunResult | None = None
        self.error: Exception | None = None
        self._out = out
        self._is_live = is_live

    @classmethod
    @contextmanager
    def on_terminal(cls, *, is_quiet: bool) -> "Iterator[Progress]":
        """Show progress on stderr for the block, and leave a clean line behind."""
        progress = cls(None if is_quiet else sys.stderr, is_live=sys.stderr.isatty())
        logger = logging.getLogger(LOGGER)
        logger.addHandler(progress)
        logger.setLevel(logging.INFO)
        try:
            yield progress
        finally:
            logger.removeHandler(progress)
            progress.clear()

    def emit(self, record: logging.LogRecord) -> None:
        """Show a step, or keep how a run ended."""
        if hasattr(record, "step"):
            self._show(record.step, getattr(record, "seconds", None))
        elif hasattr(record, "result"):
            self.result, self.error = record.result, getattr(record, "error", None)

    def say(self, text: str) -> None:
        """Show what is done before the first step."""
        self._write(f"{_CLEAR_LINE}{text}" if self._is_live else f"{text}\n")

    def clear(self) -> None:
        """Leave a clean line."""
        self._write(_CLEAR_LINE if self._is_live else "")

    def _show(self, name: str, seconds: float | None) -> None:
        if self._is_live and name in STEPS:
            done = [*STEPS].index(name) + 1
            self._write(f"{_CLEAR_LINE}{'█' * done}{'░' * (len(STEPS) - done)} {STEPS[name]} …")
        elif seconds is not None and not self._is_live:
            self._write(f"{name} {seconds:.2f} s\n")

    def _write(self, text: str) -> None:
        if self._out is not None and text:
            # A run does not fail because nobody can see how it goes.
            with suppress(OSError, ValueError):
                self._out.write(text)
                self._out.flush()
