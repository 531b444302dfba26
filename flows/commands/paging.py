"""The pager: long answers on a terminal go through `PAGER`, else `less`, where there is one.

pydoc's pager is not used: its `less` wraps wide lines, and it looks for `more` by running it. `-S` cuts lines off at
the edge, `-F` ends at once where all fits on a screen. What is read is handed over whole, because a query's time must
not run out while a person reads.
"""

import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from flows.settings import pager
from flows.streams import put

LESS_OPTIONS = "-FRSX"


def print_lines(lines: Iterable[str], *, is_paged: bool) -> None:
    """Print lines; through the pager where stdout is a terminal and `is_paged` says so."""
    page("".join(f"{line}\n" for line in lines), is_paged=is_paged)


def page(text: str, *, is_paged: bool = True) -> None:
    """Print a text; through the pager where stdout is a terminal and `is_paged` says so."""
    command = _command() if is_paged and sys.stdout.isatty() else None
    if command is None or not _paged(command, text):
        put(text)


def _command() -> list[str] | None:
    """Return the pager's command, None where there is none."""
    try:
        command = shlex.split(pager() or "less")
    except ValueError:
        return None
    if not command or shutil.which(command[0]) is None:
        return None
    return [*command, LESS_OPTIONS] if Path(command[0]).name == "less" else command


def _paged(command: list[str], text: str) -> bool:
    """Let the pager show the text; False where it could not be started. Ctrl-C is the pager's meanwhile."""
    sys.stdout.flush()
    try:
        shown = subprocess.Popen(command, stdin=subprocess.PIPE, encoding="utf-8", errors="backslashreplace")
    except OSError:
        return False
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        shown.communicate(text)
    finally:
        signal.signal(signal.SIGINT, before)
    return True
