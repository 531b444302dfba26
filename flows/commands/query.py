"""`newsmart query`: SQL or a recipe of the cookbook, as table, CSV or JSON.

SQL is one argument, a file, or standard input; its parameters are what its opening comment declares.
"""

import argparse
import io
import shutil
import sys
from collections.abc import Mapping

from flows.commands.output import home_of, page
from flows.process import put
from flows.settings import load_settings
from schemas.errors import UsageError

STDIN = "-"
MOST_BYTES = 5_000_000


def query(options: argparse.Namespace) -> int:
    """Print the rows of one reading statement on the current release; of a recipe with `--sql`, its SQL."""
    if options.sql is None and options.file is None and options.recipe is None:
        todo = 'newsmart query "SELECT …", --file Q.sql, - for standard input, or --recipe to see the cookbook'
        raise UsageError("no SQL is given", todo=todo)
    if options.shows_sql and options.recipe is None:
        raise UsageError("--sql prints a recipe", todo="newsmart query --recipe NAME --sql")
    if options.recipe == "":
        if options.set or options.shows_sql:
            raise UsageError("--recipe needs the name of one", todo="`newsmart query --recipe` lists them")
        _list_recipes(options.format)
        return 0
    sql = _sql(options)
    if options.shows_sql:
        put(sql)
        return 0
    from warehouse.queries.recipes import bound_values

    _run(options, sql, bound_values(sql, options.set))
    return 0


def _sql(options: argparse.Namespace) -> str:
    if options.recipe is not None:
        from warehouse.queries.recipes import recipe_sql

        return recipe_sql(options.recipe)
    if options.file is not None:
        try:
            with open(options.file, "rb") as file:
                return _decoded(file.read(MOST_BYTES + 1), options.file)
        except OSError as error:
            raise UsageError("cannot read the SQL", where=f"{options.file}: {error.strerror}") from error
    if options.sql == STDIN:
        return _decoded(sys.stdin.buffer.read(MOST_BYTES + 1), "standard input")
    return str(options.sql)


def _decoded(content: bytes, where: str) -> str:
    if len(content) > MOST_BYTES:
        raise UsageError(f"the SQL has over {MOST_BYTES:,} bytes", where=where)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError("the SQL is not UTF-8", where=f"{where}: byte {error.start}") from error


def _run(options: argparse.Namespace, sql: str, values: Mapping[str, object]) -> None:
    from warehouse.queries.query import exit_stuck, run_query

    settings = load_settings()
    is_paged = options.format == "table" and sys.stdout.isatty() and not options.no_pager
    out = io.StringIO() if is_paged else sys.stdout
    run_query(
        home_of(options),
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


def _list_recipes(form: str) -> None:
    """Print name and question of each recipe; for a program also its notes, which say what a row is, and parameters."""
    from warehouse.queries.recipes import list_recipes
    from warehouse.queries.values import write_csv, write_json

    recipes = list_recipes()
    if form == "table":
        put("".join(f"{recipe.name:32} {recipe.question}\n" for recipe in recipes))
        return
    names = ("recipe", "question", "notes", "parameters")
    rows = [(one.name, one.question, one.notes, "; ".join(map(str, one.parameters))) for one in recipes]
    (write_json if form == "json" else write_csv)(names, rows, sys.stdout)
