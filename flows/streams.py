"""Standard streams that are closed, full, or speak an encoding that not every title fits.

Under `>&-` or `2>&-` a program starts without a descriptor 1 or 2. Python then has no stream there, and the first file
that is opened gets the number: what a library prints would go into the ledger. So each gap is filled with /dev/null
before any file is opened. A disk can fill under stdout as well, and `| head` closes it early: what a run has done is
done all the same, and its exit status says so. So results are written without raising, and stdout
remembers why it lost something: `lost_output` asks for that at the end.
"""

import codecs
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO, cast

_ESCAPING = "newsmart_escape"
_NAMES = ("stdin", "stdout", "stderr")
_BMP_END = 0x10000


class Output:
    """Stdout, which remembers the first error of writing to it; all else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        """In: the stream that is written to."""
        self._stream = stream
        self.lost: OSError | None = None

    def __getattr__(self, name: str) -> object:
        """Return what the stream has under the name."""
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text. Raises OSError."""
        with self._remembered():
            return self._stream.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts. Raises OSError."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Write what waits. Raises OSError."""
        with self._remembered():
            self._stream.flush()

    @contextmanager
    def _remembered(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.lost = self.lost or error
            raise


@contextmanager
def prepared() -> Iterator[None]:
    """Make the standard streams usable for the block, whatever the program was started with.

    It begins before any file is opened, and at its end what cannot be written is let go: the interpreter would try
    again, and fail.
    """
    _prepare()
    stdout = sys.stdout
    sys.stdout = cast(TextIO, Output(stdout))
    try:
        yield
    finally:
        sys.stdout = stdout
        settle()


def _prepare() -> None:
    for number, name in enumerate(_NAMES):
        _fill(number, name)
    codecs.register_error(_ESCAPING, escaped)
    for stream in (sys.stdout, sys.stderr):
        # A stream of a test's or a notebook's own has another encoding, or none.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_ESCAPING)


def _fill(number: int, name: str) -> None:
    try:
        os.fstat(number)
    except OSError:
        opened = os.open(os.devnull, os.O_RDWR)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        os.set_inheritable(number, True)
    if getattr(sys, name) is None:
        stream = open(os.devnull, "r" if number == 0 else "w", encoding="utf-8")  # noqa: SIM115  for good
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def escaped(error: UnicodeError) -> tuple[str, int]:
    r"""Return what stands for characters that the encoding lacks: \uXXXX by UTF-16, so that JSON stays JSON."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units: list[int] = []
    for code in map(ord, error.object[error.start : error.end]):
        high, low = divmod(code - _BMP_END, 0x400)
        units += [code] if code < _BMP_END else [0xD800 + high, 0xDC00 + low]
    return "".join(f"\\u{unit:04x}" for unit in units), error.end


def put(text: str) -> None:
    """Write a result to stdout; where it cannot be written, `lost_output` says so at the end."""
    with suppress(OSError, ValueError):
        sys.stdout.write(text)


def complain(text: str) -> None:
    """Write to stderr; where that is closed or full there is nobody to tell."""
    with suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()


def lost_output() -> OSError | None:
    """Flush stdout, and return why not all of it could be written; None where it was."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    return getattr(sys.stdout, "lost", None)


def settle() -> None:
    """Flush both streams and let go what cannot be written: at its end the interpreter would try again, and fail."""
    _flush(sys.stdout, 1)
    _flush(sys.stderr, 2)


def _flush(stream: TextIO, number: int) -> None:
    try:
        stream.flush()
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)
        with suppress(OSError):
            stream.flush()
    except ValueError:  # it was closed
        return
