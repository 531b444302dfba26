"""Ctrl-C that cannot be lost.

Python raises KeyboardInterrupt wherever the main thread happens to be, and not every place lets it pass: DuckDB's
binding drops it where it comes during an import of its own (pandas, at the first Arrow table), so does a `__del__` or
a callback of the collector, and a program that catches `Exception` sees DuckDB's "Query interrupted" and no
KeyboardInterrupt. So the command line's handler notes the signal before it raises, interrupts the statements that run
in any thread, and `check` raises again at the next edge of a step: before a commit, before a table, before the link
moves. Signals belong to the process, which is why the note is one of the few things here that a module holds.

Without `honoured` (a Prefect worker, a notebook) nothing is noted and nothing changes.
"""

import signal
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Protocol


class Interruptible(Protocol):
    """A connection, as far as an interrupt needs it."""

    def interrupt(self) -> None:
        """Break off the statement that runs."""


class _Note:
    """What the handler knows: whether Ctrl-C came and is not yet told, and the connections that are open."""

    def __init__(self) -> None:
        self.is_pending = False
        self.is_quiet = False
        self.open: weakref.WeakSet[Interruptible] = weakref.WeakSet()

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Note the signal, break off what runs, and raise; where it is to be quiet, note it only."""
        self.is_pending = True
        if self.is_quiet:
            return
        for connection in list(self.open):
            # One that was closed says so by an error of the binding.
            with suppress(Exception):
                connection.interrupt()
        raise KeyboardInterrupt


_note = _Note()


@contextmanager
def honoured() -> Iterator[None]:
    """Note each SIGINT of the block, in the main thread. Where it is ignored, as under nohup, it stays so."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return
    _note.is_pending = _note.is_quiet = False
    signal.signal(signal.SIGINT, _note.handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        _note.is_pending = _note.is_quiet = False


@contextmanager
def deferred() -> Iterator[None]:
    """Let Ctrl-C wait for the end of the block, which is short: what may not be left half done, such as a new thread.

    Raises KeyboardInterrupt where one has come.
    """
    was_quiet, _note.is_quiet = _note.is_quiet, True
    try:
        yield
    finally:
        _note.is_quiet = was_quiet
    check()


def watch(connection: Interruptible) -> None:
    """Let an interrupt break off the statements of this connection, as long as it lives."""
    _note.open.add(connection)


def is_pending() -> bool:
    """Tell whether Ctrl-C has come."""
    return _note.is_pending


def conclude() -> bool:
    """Tell whether Ctrl-C has come; from here to the end of `honoured` another one raises nothing any more."""
    _note.is_quiet = True
    return _note.is_pending


def check() -> None:
    """Raise KeyboardInterrupt where Ctrl-C has come and was swallowed on its way."""
    if _note.is_pending:
        raise KeyboardInterrupt
