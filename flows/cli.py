"""The command line: parses options, calls the command, reports errors, and returns the exit status.

argparse and not a richer library, because `newsmart --help` must answer at once and every other one imports more than
it shows. A command's code is imported only when it is called: the parser knows it by name.
"""

import argparse
import errno
import gc
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from flows import process
from flows.commands.options import add_commands
from schemas.errors import NewsmartError, UsageError
from warehouse import interrupts

INTERRUPTED, TERMINATED = 130, 143
# Commands that change something: their work counts even where their output is lost. All others only answer.
WRITING = frozenset(
    {"run", "serve", "backfill", "build", "purge", "maintain", "rollback"} | {"backup", "restore", "export", "report"}
)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one clear line, and exit status 2."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message, todo=f"see `{self.prog} --help`")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. In: the arguments, without the program's name. Out: the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    with process.prepared(), interrupts.honoured():
        status = _check_output(_call(arguments), arguments)
        if interrupts.conclude() and status not in (INTERRUPTED, TERMINATED):
            status = _interrupted("--debug" in arguments)
    if status in (INTERRUPTED, TERMINATED):
        # Where Ctrl-C came while Python ran a text of code, as in making a dataclass, CPython notes it, and `python -m`
        # ends by the signal whatever the status. Running another text makes it forget.
        exec("")
    if status and "duckdb" in sys.modules:
        # An error's traceback holds connections in cycles; DuckDB's binding complains at exit of what is left.
        gc.collect()
    return status


def _call(arguments: Sequence[str]) -> int:
    """Return the exit status of a command, its error reported; whatever Ctrl-C or SIGTERM led to counts as that."""
    is_debugging = "--debug" in arguments
    try:
        return _dispatch(arguments)
    except BaseException as error:  # noqa: BLE001  the last resort: one line, and the traceback where asked for
        if isinstance(error, KeyboardInterrupt) or interrupts.is_pending():
            return _interrupted(is_debugging)
        return _failed(error, is_debugging)


def _dispatch(arguments: Sequence[str]) -> int:
    if sys.platform not in ("linux", "darwin"):
        todo = "run it there, or in a Linux container"
        raise UsageError("newsmart runs on Linux and macOS", where=sys.platform, todo=todo)
    options, unknown = build_parser().parse_known_args(arguments)
    if unknown:
        todo = f"see `{' '.join(filter(None, ('newsmart', options.command)))} --help`"
        raise UsageError(f"unrecognized arguments: {' '.join(unknown)}", todo=todo)
    if options.version:
        from importlib.metadata import version

        process.put(f"newsmart {version('newsmart')}\n")
        return 0
    if options.handler is None:
        raise UsageError("no command is given", todo="see `newsmart --help`")
    # Not at the top: `--help` needs none of it.
    from flows.commands.output import warn
    from flows.settings import misspelt, process_environment

    if os.path.expanduser("~") == "~":  # the user has no entry in /etc/passwd, and HOME is not set, as in a container
        process_environment()["HOME"] = process.NO_HOME
    for line in misspelt():
        warn(line)
    module, _, function = str(options.handler).partition(":")
    is_direct = getattr(options, "direct", False) or getattr(options, "dry_run", False)
    if is_direct or module in (".check", ".upkeep"):
        from flows.process import prepare_process

        prepare_process()
    status: int = getattr(import_module(module, "flows.commands"), function)(options)
    return status


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = Parser(
        prog="newsmart",
        description="News documents in folders, deduplicated by URL, as a star schema in DuckDB.",
        epilog="Exit status: 0 done; 1 failed or refused, and what was published is said; 2 wrong usage; 3 another run "
        "holds the warehouse; 130 interrupted; 143 ended by SIGTERM. Settings: NEWSMART_<NAME> in the environment, or "
        "newsmart.toml; see the README.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    parser.set_defaults(handler=None)
    add_commands(parser)
    return parser


def _interrupted(is_debugging: bool) -> int:
    interrupts.conclude()
    if interrupts.is_terminated():
        return _fail("terminated by SIGTERM; nothing was left half done", TERMINATED, is_debugging)
    return _fail("interrupted; nothing was left half done", INTERRUPTED, is_debugging)


def _failed(error: BaseException, is_debugging: bool) -> int:
    if isinstance(error, OSError) and error.filename is None and (lost := process.lost_output()) is not None:
        return _fail_output(lost)
    if not isinstance(error, Exception):
        raise error
    ours = error if isinstance(error, NewsmartError) else _refused_by_system(error)
    if ours is not None:
        return _fail(str(ours), ours.exit_status, is_debugging, ours.detail or "")
    text = f"unexpected {type(error).__name__}: {error}; this is a fault of newsmart, --debug shows where"
    return _fail(text, 1, is_debugging)


def _refused_by_system(error: Exception) -> NewsmartError | None:
    # Not at the top: only an error needs it.
    from warehouse.refusals import known

    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return UsageError("a path is too long", where=str(error.filename))
    if isinstance(error, FileNotFoundError):
        try:
            os.getcwd()
        except OSError:
            return UsageError("the current folder was deleted", todo="go to another one")
    return known(error)


def _check_output(status: int, arguments: Sequence[str]) -> int:
    """Return the exit status once stdout is flushed: a command that only answers has failed where that is lost."""
    lost = process.lost_output()
    if lost is None:
        return status
    failed = _fail_output(lost)
    command = next((argument for argument in arguments if not argument.startswith("-")), "")
    return status if status or command in WRITING else failed


def _fail_output(error: OSError) -> int:
    """Say that stdout could not be written; a reader that has had enough and closed it needs no word."""
    if isinstance(error, BrokenPipeError):
        return 128 + signal.SIGPIPE
    return _fail(f"cannot write to stdout: {error.strerror}", 1, is_debugging=False)


def _fail(message: str, status: int, is_debugging: bool, detail: str = "") -> int:
    # Not at the top: only an error needs it.
    from schemas.text import cut_words, printable

    process.complain(f"newsmart: {printable(' '.join(cut_words(message).split()))}\n")
    for line in detail.splitlines():
        process.complain(f"  {printable(line)}\n")
    if is_debugging:
        process.complain(traceback.format_exc())
    return status


if __name__ == "__main__":
    sys.exit(main())
