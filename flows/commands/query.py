"""`newsmart query`: SQL or a recipe of the cookbook, as table, CSV or JSON.

SQL is one argument, a file, or standard input; its parameters are what its opening comment declares.
"""

import argparse
import io
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from flows.commands.common import warehouse_of
from flows.commands.paging import page
from flows.settings import load_settings
from flows.streams import put
from schemas.errors import UsageError
from warehouse.home import Home

STDIN = "-"
MOST_BYTES = 5_000_000


def query(options: argparse.Namespace) -> int:
    """Print the rows of one reading statement on the current release; of a recipe with `--sql`, its SQL."""
    if options.recipe == "":
        _check_alone(options)
        _list_cookbook(options.format)
        return 0
    sql = _sql(options)
    if options.shows_sql:
        put(sql)
        return 0
    from warehouse.queries.parameters import bound_values

    _ask(options, sql, bound_values(sql, options.set))
    return 0


def _ask(options: argparse.Namespace, sql: str, values: Mapping[str, object]) -> None:
    from warehouse.queries.bounds import exit_stuck
    from warehouse.queries.query import run_query

    settings = load_settings()
    is_paged = options.format == "table" and sys.stdout.isatty() and not options.no_pager
    out = io.StringIO() if is_paged else sys.stdout
    run_query(
        Home.of(warehouse_of(options, settings)),
        sql,
        values=values,
        format=options.format,
        width=shutil.get_terminal_size().columns if is_paged else None,
        memory_limit=settings.query_memory,
        timeout_seconds=settings.query_seconds,
        out=out,
        on_stuck=exit_stuck,
    )
    if isinstance(out, io.StringIO):
        page(out.getvalue())


def _sql(options: argparse.Namespace) -> str:
    """Return the SQL that was given, in the one way in which it was."""
    ways = [way for way in (options.sql, options.recipe, options.file) if way is not None]
    if not ways:
        todo = 'newsmart query "SELECT …", --file Q.sql, - for standard input, or --recipe to see the cookbook'
        raise UsageError("no SQL is given", todo=todo)
    if len(ways) > 1:
        raise UsageError("give SQL, --file or --recipe, and only one of them")
    if options.shows_sql and options.recipe is None:
        raise UsageError("--sql prints a recipe", todo="newsmart query --recipe NAME --sql")
    if options.recipe is not None:
        from warehouse.queries.recipes import recipe_sql

        return recipe_sql(options.recipe)
    if options.file is not None:
        return _read_file(Path(options.file))
    return _read_stdin() if options.sql == STDIN else str(options.sql)


def _check_alone(options: argparse.Namespace) -> None:
    if options.sql is not None or options.file is not None or options.set or options.shows_sql:
        raise UsageError("--recipe needs the name of one", todo="`newsmart query --recipe` lists them")


def _read_file(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return _decoded(opened.read(MOST_BYTES + 1), str(file))
    except OSError as error:
        raise UsageError("cannot read the SQL", where=f"{file}: {error.strerror}") from error


def _read_stdin() -> str:
    stream = getattr(sys.stdin, "buffer", None)
    text = sys.stdin.read(MOST_BYTES + 1).encode() if stream is None else stream.read(MOST_BYTES + 1)
    return _decoded(text, "standard input")


def _decoded(content: bytes, where: str) -> str:
    if len(content) > MOST_BYTES:
        raise UsageError(f"the SQL has over {MOST_BYTES:,} bytes", where=where)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError("the SQL is not UTF-8", where=f"{where}: byte {error.start}") from error


def _list_cookbook(form: str) -> None:
    """Print name, question and parameters of each recipe; for a program with the notes, that say what a row is."""
    from warehouse.queries.json_rows import write_json
    from warehouse.queries.recipes import list_recipes
    from warehouse.queries.render import write_csv

    recipes = list_recipes()
    if form == "table":
        for recipe in recipes:
            put(f"{recipe.name:32} {recipe.question}\n")
        return
    names = ("recipe", "question", "notes", "parameters")
    rows = [(one.name, one.question, one.notes, "; ".join(map(str, one.parameters))) for one in recipes]
    (write_json if form == "json" else write_csv)(names, rows, sys.stdout)
