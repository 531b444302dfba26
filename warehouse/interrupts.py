"""Ctrl-C, and SIGTERM, that cannot be lost.

Python raises KeyboardInterrupt wherever the main thread happens to be, and not every place lets it pass: DuckDB's
binding drops it where it comes during an import of its own (pandas, at the first Arrow table), so does a `__del__` or
a callback of the collector, and a program that catches `Exception` sees DuckDB's "Query interrupted" and no
KeyboardInterrupt. So the command line's handler notes the signal before it raises, interrupts the statements that run
in any thread, and `check` raises again at the next edge of a step: before a commit, before a table, before the link
moves. Signals belong to the process, which is why the note is one of the few things here that a module holds.

SIGTERM, by which service managers end a program, goes the same way, so that it ends as whole, and says so. Prefect
puts a handler of its own in front while a flow runs, and uses SIGTERM to cancel flows of its workers; `in_front` puts
ours there again, but only where `honoured` has put it first.

Without `honoured` (a Prefect worker, a notebook) nothing is noted and nothing changes.
"""

import signal
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


class Terminated(KeyboardInterrupt):
    """SIGTERM has come. It goes wherever KeyboardInterrupt goes."""

    def __init__(self) -> None:
        """Say so; the text is what state.json tells of the run."""
        super().__init__("ended by SIGTERM")


class _Note:
    """The first signal that came, the signals that are noted, and the connections that are open."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.is_quiet = False
        self.noted: tuple[signal.Signals, ...] = ()
        self.open: weakref.WeakSet[duckdb.DuckDBPyConnection] = weakref.WeakSet()

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Note the first signal, break off what runs, and raise; where it is to be quiet, note it only."""
        self.number = self.number or number
        if self.is_quiet:
            return
        for connection in list(self.open):
            # One that was closed says so by an error of the binding.
            with suppress(Exception):
                connection.interrupt()
        raise error()


_note = _Note()
_DEFAULTS: Mapping[signal.Signals, Callable[[int, FrameType | None], None] | signal.Handlers] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}


@contextmanager
def honoured() -> Iterator[None]:
    """Note each SIGINT and SIGTERM of the block, in the main thread.

    One that is ignored, as under nohup, or that the program handles itself, stays so.
    """
    noted = tuple(number for number, default in _DEFAULTS.items() if signal.getsignal(number) is default)
    if not noted or threading.current_thread() is not threading.main_thread():
        yield
        return
    _note.number, _note.is_quiet, _note.noted = None, False, noted
    for number in noted:
        signal.signal(number, _note.handle)
    try:
        yield
    finally:
        for number in noted:
            signal.signal(number, _DEFAULTS[number])
        _note.number, _note.is_quiet, _note.noted = None, False, ()


@contextmanager
def in_front() -> Iterator[None]:
    """Be in front of a handler for SIGTERM that was put in the place of ours since, for the block."""
    if signal.SIGTERM not in _note.noted or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _note.handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def deferred() -> Iterator[None]:
    """Let signals wait for the end of the block, which is short: what may not be left half done, such as a new thread.

    Raises KeyboardInterrupt where one has come.
    """
    was_quiet, _note.is_quiet = _note.is_quiet, True
    try:
        yield
    finally:
        _note.is_quiet = was_quiet
    check()


def watch(connection: "duckdb.DuckDBPyConnection") -> None:
    """Let an interrupt break off the statements of this connection, as long as it lives."""
    _note.open.add(connection)


def is_pending() -> bool:
    """Tell whether Ctrl-C or SIGTERM has come."""
    return _note.number is not None


def is_terminated() -> bool:
    """Tell whether it was SIGTERM that came, and came first."""
    return _note.number == signal.SIGTERM


def conclude() -> bool:
    """Tell whether a signal has come; from here to the end of `honoured` another one raises nothing any more."""
    _note.is_quiet = True
    return is_pending()


def check() -> None:
    """Raise KeyboardInterrupt where a signal has come and was swallowed on its way."""
    if is_pending():
        raise error()


def error() -> KeyboardInterrupt:
    """Return what the signal that has come raises."""
    return Terminated() if is_terminated() else KeyboardInterrupt()
