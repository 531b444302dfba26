"""How commands find their warehouse, show progress, and print results: text, JSON, or through a pager.

Progress is a live line on a terminal, one plain line a step elsewhere; always on stderr, since stdout is for results.
It comes by the log of the steps (pipeline/run.py), so that a direct run and a flow show the same.

Long answers on a terminal go through `PAGER`, else `less`: `-S` cuts lines off at the edge, `-F` ends at once where all
fits on a screen. pydoc's pager wraps wide lines. The pager gets the whole text at once, because a query's time must not
run out while a person reads.
"""

import argparse
import json
import logging
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from flows.pipeline.request import LOGGER, RunResult
from flows.process import complain, put
from flows.settings import Settings, load_settings, overridden, process_environment
from schemas.text import printable
from warehouse.home import Home

LESS_OPTIONS = "-FRSX"
STEPS = {
    "scan": "looking for documents",
    "record": "reading, validating and recording",
    "deduplicate": "deduplicating articles",
    "build": "building the release",
    "audit": "auditing it",
    "publish": "publishing it",
}
_CLEAR_LINE = "\r\x1b[2K"


def settings_of(options: argparse.Namespace) -> Settings:
    """Return the settings in force: an option that has a setting's name goes before it."""
    return overridden(load_settings(), vars(options))


def home_of(options: argparse.Namespace) -> Home:
    """Return the warehouse that the option names, else the setting."""
    return Home.of(Path(load_settings().warehouse if options.warehouse is None else options.warehouse))


def released_home(options: argparse.Namespace) -> Home:
    """Return the warehouse that is meant. Raises UsageError where it has no release."""
    home = home_of(options)
    home.check_released()
    return home


def print_result(options: argparse.Namespace, value: object, lines: Iterable[str]) -> int:
    """Print a result: as JSON where `--json` is given, else as lines. Returns 0, the exit status."""
    if options.json:
        print_json(value)
    else:
        say(options, *lines)
    return 0


def print_json(value: object) -> None:
    """Print one JSON value on one line."""
    put(json_line(value) + "\n")


def json_line(value: object) -> str:
    """Return one JSON value on one line; what is not printable is escaped, as a terminal may obey it."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def say(options: argparse.Namespace, *lines: str) -> None:
    """Print lines of a result, unless --quiet is given; what they quote neither forges a line nor steers."""
    if not options.quiet:
        put("".join(f"{printable(line)}\n" for line in lines))


def warn(line: str) -> None:
    """Print a line on stderr; what it quotes of names and links can neither forge a line nor steer the terminal."""
    complain(f"newsmart: {printable(line)}\n")


def print_rows(options: argparse.Namespace, rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> int:
    """Print rows, as JSON or as an aligned table: control characters in data are shown, not obeyed. Returns 0."""
    if options.json:
        print_json(rows)
        return 0
    from warehouse.queries.render import write_table

    values = [tuple(row.get(name) for name in names) for row in rows]
    is_count = [all(isinstance(one, int | None) for one in column) for column in zip(*values, strict=True)]
    types = ["BIGINT" if is_number else "VARCHAR" for is_number in is_count]
    write_table(names, types, values, sys.stdout)
    return 0


def page(text: str, *, is_paged: bool = True) -> None:
    """Print a text; through the pager where stdout is a terminal and `is_paged` says so."""
    if not (is_paged and sys.stdout.isatty() and _show(text)):
        put(text)


def _show(text: str) -> bool:
    """Show a text in the pager, which gets Ctrl-C meanwhile; False where there is none."""
    sys.stdout.flush()
    try:
        command = shlex.split(process_environment().get("PAGER") or "less")
        command += [LESS_OPTIONS] if Path(command[0]).name == "less" else []
        pager = subprocess.Popen(command, stdin=subprocess.PIPE, encoding="utf-8", errors="backslashreplace")
    except (OSError, ValueError, IndexError):
        return False
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        pager.communicate(text)
    finally:
        signal.signal(signal.SIGINT, before)
    return True


class Progress(logging.Handler):
    """A listener to the log of a run. `result` and `error` are how the last run ended, by its log."""

    def __init__(self, out: TextIO | None, *, is_live: bool) -> None:
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
