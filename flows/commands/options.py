"""Names, options and help of all commands. No command's code is imported here."""

import argparse
from collections.abc import Callable
from typing import Any

from flows.settings import FIELDS
from schemas.limits import MOST_SECONDS

Adder = Any  # argparse gives its group of subparsers no public type


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Add every command to the parser; each names its handler as `module:function` of this package."""
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    for add in (_run_commands, _state_commands, _asking_commands, _ledger_commands, _file_commands):
        add(commands)


def _command(commands: Adder, name: str, handler: str, text: str, *, warehouse: bool = True) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=text[0].lower() + text[1:].split(". ")[0].rstrip("."), description=text, allow_abbrev=False
    )
    command.set_defaults(handler=f".{handler}")
    if warehouse:
        _settings(command, "warehouse")
    command.add_argument("--quiet", action="store_true", help="say nothing but results and errors")
    command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return command


def _settings(command: argparse.ArgumentParser, *names: str) -> None:
    """Add the options that stand for settings, which also judge their values."""
    for name in names:
        setting = FIELDS[name]
        default = f" (default: {setting.default})" if setting.default not in ("", 0, -1) else ""
        text = setting.metadata["meaning"].replace("%", "%%") + default
        command.add_argument(f"--{name.replace('_', '-')}", metavar=setting.metadata["form"], help=text)


def _number(kind: type[int] | type[float], what: str, least: int, most: int) -> Callable[[str], float]:
    """Return a parser of numbers within bounds: argparse's own `type=float` takes nan and inf.

    `what` is the beginning of the error's sentence, such as `takes seconds`.
    """

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{what} from {least} to {most:,}: {text!r}")
        return value

    return read


def _seconds(least: int) -> Callable[[str], float]:
    return _number(float, "takes seconds", least, MOST_SECONDS)


def _place(text: str) -> str:
    """Return a place as it is given; an empty one, as of a shell's variable that is not set, would be this folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("takes a place, and none is given")
    return text


def _json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print JSON")


def _add_run_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--source",
        dest="sources",
        action="append",
        metavar="[NAME=]DIR|URL",
        help="a folder of documents, or s3://, zip://, tar://; may be given several times (default: seeds)",
    )
    _add_reading_options(command)
    _settings(command, "on_failure", "webhook", "on_publish", "publish_webhook")


def _add_reading_options(command: argparse.ArgumentParser) -> None:
    _settings(command, "max_quarantine", "workers", "engine", "dask_address")
    command.add_argument(
        "--allow-shrink", action="store_true", help="publish though over half of the documents go, or all of a source"
    )


def _run_commands(commands: Adder) -> None:
    run = _command(commands, "run", "run:run", "Take in the sources and publish a release, once.")
    _add_run_options(run)
    run.add_argument("--as-of", metavar="ISO8601", help="logical time of the run (default: now)")
    run.add_argument("--full-refresh", action="store_true", help="read every file again, and lift a rollback's pin")
    run.add_argument("--reparse", action="store_true", help="read the kept bytes of every version under today's rules")
    run.add_argument("--direct", action="store_true", help="without Prefect")
    run.add_argument("--dry-run", action="store_true", help="print what a run would find, and change nothing")
    _json(run)
    serve = _command(commands, "serve", ".serve:serve", "Run on a schedule: scheduler, Prefect server and page in one.")
    _add_run_options(serve)
    when = serve.add_mutually_exclusive_group()
    when.add_argument("--cron", metavar="EXPR", help="schedule as a cron expression")
    when.add_argument("--every", type=_seconds(1), metavar="SECONDS", help="schedule as an interval (default: 3600)")
    serve.add_argument("--timezone", metavar="ZONE", help="time zone of --cron, such as Europe/Berlin (default: UTC)")
    port = _number(int, "takes a port", 1, 65_535)
    serve.add_argument("--port", type=port, help="port of the Prefect server that is started (default: 4200)")
    serve.add_argument("--now", action="store_true", help="start a first run at once")
    backfill = _command(commands, "backfill", "run:backfill", "Run over a manifest of folders and as-ofs, in order.")
    backfill.add_argument("manifest", metavar="MANIFEST", help="JSON list of {as_of, folder}")
    backfill.add_argument("--name", help="name of the source (default: the manifest's folder)")
    backfill.add_argument("--direct", action="store_true", help="without Prefect")
    _add_reading_options(backfill)
    _json(backfill)


def _state_commands(commands: Adder) -> None:
    status = _command(commands, "status", "status:status", "Show the last run, the release and how fresh it is.")
    _settings(status, "max_age")
    status.add_argument("--max-run-age", metavar="AGE", help="exit with 1 when the last run ended longer ago")
    status.add_argument("--format", choices=("text", "json", "prometheus"), default="text", help="how to print it")
    _json(status)
    quarantine = _command(commands, "quarantine", "state:quarantine", "List what could not be accepted, and why.")
    quarantine.add_argument(
        "--notices", action="store_true", help="list instead what was accepted but may not be meant so"
    )
    _json(quarantine)
    _json(_command(commands, "drift", "state:drift", "List the fields that newsmart does not know."))
    _json(_command(commands, "releases", "state:releases", "List the releases that are kept."))


def _asking_commands(commands: Adder) -> None:
    query = _command(commands, "query", "query:query", "Ask the current release in SQL, read-only and sandboxed.")
    asked = query.add_mutually_exclusive_group()
    asked.add_argument("sql", metavar="SQL", nargs="?", help="one statement; - reads it from standard input")
    asked.add_argument("--file", metavar="Q.sql", help="a file that holds the statement")
    asked.add_argument("--recipe", metavar="NAME", nargs="?", const="", help="a question of the cookbook; none: list")
    query.add_argument("--sql", dest="shows_sql", action="store_true", help="print the recipe's SQL, do not ask it")
    query.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the recipe or SQL; may be repeated",
    )
    query.add_argument("--format", choices=("table", "csv", "json"), default="table", help="how to print the rows")
    query.add_argument("--no-pager", action="store_true", help="print straight to the terminal")
    check = _command(commands, "check", "check:check", "Check documents as a run would, without one.", warehouse=False)
    check.add_argument("paths", metavar="PATH", nargs="+", help="documents, or folders of them")
    form = check.add_mutually_exclusive_group()
    form.add_argument("--format", choices=("text", "github"), default="text", help="github: a workflow's annotations")
    form.add_argument("--json", action="store_true", help="print JSON")
    url = _command(commands, "url", "url:url", "Show a URL's key, and each rule that made it.", warehouse=False)
    url.add_argument("urls", metavar="URL", nargs="+", help="URLs; write -- before one that starts with a dash")
    url.add_argument("--same", action="store_true", help="say whether two URLs are one article, and why")
    url.add_argument("--warehouse", metavar="FILE", help="with --same: ask the aliases known there, too")
    _json(url)
    show = _command(commands, "show", "state:show", "Show everything about an article or a document.")
    show.add_argument("name", metavar="URL|PATH", help="any of its URLs, or [SOURCE/]PATH of a document")
    show.add_argument("--as-of", metavar="ISO8601", help="show what it said then")
    show.add_argument(
        "--versions",
        action="store_true",
        help="show what each version of its documents said, from the ledger, which a run holds meanwhile",
    )
    show.add_argument("--no-pager", action="store_true", help="print straight to the terminal")
    _json(show)
    _command(commands, "contract", "state:contract", "Print the contract of the tables, as YAML.")
    report = _command(commands, "report", "state:report", "Write one HTML page about the current release.")
    report.add_argument(
        "--to", type=_place, metavar="FILE.html", help="where to (default: news.html beside the warehouse)"
    )


def _ledger_commands(commands: Adder) -> None:
    build = _command(commands, "build", "upkeep:build", "Build a release as of any time, beside the warehouse.")
    build.add_argument("--as-of", metavar="ISO8601", required=True, help="logical time")
    build.add_argument("--to", type=_place, metavar="FILE", required=True, help="file to write; it must not exist")
    verify = _command(commands, "verify", "upkeep:verify", "Rebuild from the ledger and compare with the release.")
    _json(verify)
    purge = _command(commands, "purge", "upkeep:purge", "Take down a document or a URL for good, bytes included.")
    what = purge.add_mutually_exclusive_group(required=True)
    what.add_argument("--path", metavar="[SOURCE/]PATH", help="a document")
    what.add_argument("--url", metavar="URL", help="an article, by any of its URLs")
    _json(purge)
    maintain = _command(commands, "maintain", "upkeep:maintain", "Compact the ledger and drop what is past its keep.")
    _json(maintain)
    _command(commands, "rollback", "upkeep:rollback", "Go back to the release before, and stay there.")


def _file_commands(commands: Adder) -> None:
    backup = _command(commands, "backup", "upkeep:backup", "Copy the warehouse, ledger included, while runs go on.")
    backup.add_argument("--to", type=_place, metavar="DIR", required=True, help="folder to make")
    backup.add_argument("--wait", type=_seconds(0), default=60.0, metavar="SECONDS", help="how long to wait for a run")
    restore = _command(commands, "restore", "upkeep:restore", "Put a backup in the warehouse's place.")
    restore.add_argument(
        "--from", dest="origin", type=_place, metavar="DIR", required=True, help="folder that backup made"
    )
    restore.add_argument("--force", action="store_true", help="replace the warehouse that is there")
    doctor = _command(commands, "doctor", "upkeep:doctor", "Examine locks, readers, files, space and versions.")
    doctor.add_argument("--clean", action="store_true", help="remove what a crash has left behind")
    _json(doctor)
    export = _command(
        commands, "export", "export:export", "Write the current release as Parquet, DuckDB or into a DuckLake."
    )
    export.add_argument(
        "--to", type=_place, metavar="PLACE", required=True, help="DIR or s3://BUCKET/PREFIX; a DuckLake's catalog"
    )
    formats = ("parquet", "duckdb", "ducklake")
    export.add_argument("--format", choices=formats, default="parquet", help="default: parquet")
    export.add_argument("--data-path", type=_place, metavar="DIR", help="where the files of a new DuckLake go")
    _settings(export, "ducklake_python")
    _json(export)
