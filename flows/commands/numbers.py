"""Numbers among the options, measured before anything is done with them.

argparse's `type=float` takes `nan`, `inf` and what no clock can count; what comes of them later is told far from the
option that was wrong.
"""

import argparse
from collections.abc import Callable

from schemas.limits import MOST_SECONDS

_DIGITS = 12


def seconds(least: int) -> Callable[[str], float]:
    """Return what reads a length of time in seconds, from so many to three decades."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not least <= value <= MOST_SECONDS:
            raise argparse.ArgumentTypeError(f"takes seconds, {least} to {MOST_SECONDS:,}: {text!r}")
        return value

    return read


def whole(what: str, least: int, most: int) -> Callable[[str], int]:
    """Return what reads a whole number within bounds; `what` says in an error what it is."""

    def read(text: str) -> int:
        is_number = text.isascii() and text.isdigit() and len(text) < _DIGITS
        if not (is_number and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"{what} from {least} to {most}: {text!r}")
        return int(text)

    return read
