"""What a process of ours sets up: fast imports, little memory, and standard streams that may be closed or full.

pyarrow imports numpy, and pandas with its first array, where they are installed: up to a second, longer than all the
rest of a small run, and nothing here needs either. They stay allowed in a process that others share (a Prefect worker,
a notebook).

Under `>&-` or `2>&-` a program starts without a descriptor 1 or 2, and the first file that is opened gets the number:
what a library prints would go into the ledger. So /dev/null fills each gap before any file is opened. A disk can fill
under stdout as well, and `| head` closes it early. What a run has done is done all the same, so results are written
without raising, and stdout remembers its first error for the end.
"""

import codecs
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO, cast

from flows.settings import process_environment

# For our own libraries only; programs that the user names are started without. Pydantic does not search all installed
# packages for plugins, and Arrow takes its memory from the system.
OWN_ENVIRONMENT = {"PYDANTIC_DISABLE_PLUGINS": "__all__", "ARROW_DEFAULT_MEMORY_POOL": "system"}
# Debian's word for a home that is none, for a user without one: Prefect cannot be imported so. Ours alone, too.
NO_HOME = "/nonexistent"
_M_MMAP_THRESHOLD = -3  # malloc.h
_LARGE_BYTES = 400_000
_ESCAPING = "newsmart_escape"


def prepare_process() -> None:
    """Make later imports fast and memory small. Only for a process that is ours alone."""
    import ctypes  # not at the top: most commands do without

    process_environment().update(OWN_ENVIRONMENT)
    skip_numpy_and_pandas()
    # jemalloc, Arrow's own choice, runs a thread, which a process that forks must not have. glibc keeps freed blocks of
    # up to 32 MB unless this limit is set; with it, all processes together took an eighth less memory (measured).
    with suppress(OSError, AttributeError):  # another C library, with another allocator
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def skip_numpy_and_pandas() -> None:
    """Make later imports of numpy and pandas fail as if they were not installed. No-op once pyarrow is imported."""
    if "pyarrow" not in sys.modules:
        for name in ("numpy", "pandas"):
            sys.modules.setdefault(name, None)  # type: ignore[arg-type]


@contextmanager
def sigint_blocked() -> Iterator[None]:
    """Block SIGINT for the threads and processes that start in the block, which inherit the mask.

    Ctrl-C on a terminal reaches them as well, and Python would write a traceback below the one line of the run.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Output:
    """Stdout that remembers the first error of writing to it; all else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost: OSError | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text. Raises OSError."""
        with self._remembered():
            return self._stream.write(text)

    def flush(self) -> None:
        """Write what is buffered. Raises OSError."""
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
    """Make the standard streams usable for the block, whatever the program was started with."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        _fill(number, name)
    codecs.register_error(_ESCAPING, escaped)
    for stream in (sys.stdout, sys.stderr):
        # A stream of a test's or a notebook's own has another encoding, or none.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_ESCAPING)
    stdout = sys.stdout
    sys.stdout = cast(TextIO, Output(stdout))
    try:
        yield
    finally:
        sys.stdout = stdout
        _drop_unwritable()


def _fill(number: int, name: str) -> None:
    try:
        os.fstat(number)
    except OSError:
        _replace_by_null(number)
        os.set_inheritable(number, True)
    if getattr(sys, name) is None:
        stream = open(os.devnull, "r" if number == 0 else "w", encoding="utf-8")  # noqa: SIM115  for good
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _replace_by_null(number: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null != number:
        os.dup2(null, number)
        os.close(null)


def escaped(error: UnicodeError) -> tuple[str, int]:
    r"""Return what stands for characters that the encoding lacks: \uXXXX by UTF-16, so that JSON stays JSON."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4)), error.end


def put(text: str) -> None:
    """Write a result to stdout; where it cannot be written, `lost_output` says so at the end."""
    with suppress(OSError, ValueError):
        sys.stdout.write(text)


def complain(text: str) -> None:
    """Write to stderr; where that is closed or full there is nobody to tell."""
    with suppress(OSError, ValueError):
        sys.stderr.write(without_commands(text))
        sys.stderr.flush()


def without_commands(text: str) -> str:
    r"""Return a text without `##[`, which a GitHub workflow's log takes for a command; in JSON \u005b is the same."""
    return text.replace("##[", r"##\u005b")


def lost_output() -> OSError | None:
    """Flush stdout, and return why not all of it could be written; None where it was."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    return getattr(sys.stdout, "lost", None)


def _drop_unwritable() -> None:
    """Flush both streams, and drop what cannot be written: the interpreter would try again at its end, and fail."""
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        try:
            stream.flush()
        except OSError:
            _replace_by_null(number)
            with suppress(OSError):
                stream.flush()
        except ValueError:  # it was closed
            continue


def close_stderr() -> None:
    """Close stderr at exit. Register it with atexit before Prefect is imported, so that it runs after Prefect's ends.

    Prefect's daemon threads outlive the interpreter's clean-up, so that DuckDB's binding (nanobind) believes its types
    leaked and writes forty lines about it. No way is known to stop the threads or to turn that message off.
    """
    _drop_unwritable()
    _replace_by_null(2)
