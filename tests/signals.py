"""Ctrl-C for tests and proofs, whatever they were started from.

A shell without job control starts its background commands with SIGINT ignored, and every child inherits that. Programs
should keep to it, but a proof of what Ctrl-C does would then wait for an interrupt that never comes.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ctrl_c_minded() -> Iterator[None]:
    """Mind SIGINT as a program of the foreground does; children started in the block do so too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
