"""`newsmart query`: SQL or a recipe of the cookbook, as table, CSV or JSON."""

import argparse
import io
import pydoc
import sys

from flows.commands.common import warehouse_of
from flows.settings import load_settings
from schemas.errors import UsageError
from warehouse.home import Home


def query(options: argparse.Namespace) -> int:
    """Print the rows of one reading statement on the current release."""
    from warehouse.queries.query import exit_stuck, run_query

    settings = load_settings()
    sql = _sql(options)
    if sql is None:
        return 0
    home = Home.of(warehouse_of(options, settings))
    paged = options.format == "table" and sys.stdout.isatty() and not options.no_pager
    out = io.StringIO() if paged else sys.stdout
    run_query(
        home,
        sql,
        format=options.format,
        memory_limit=settings.query_memory,
        timeout_seconds=settings.query_seconds,
        out=out,
        on_stuck=exit_stuck,
    )
    if isinstance(out, io.StringIO):
        pydoc.pager(out.getvalue())
    return 0


def _sql(options: argparse.Namespace) -> str | None:
    """Return the statement to run, or None where the cookbook was to be listed."""
    if options.recipe is None:
        if options.sql is None:
            raise UsageError("no SQL is given", todo='newsmart query "SELECT …", or --recipe to see the cookbook')
        return str(options.sql)
    if options.sql is not None:
        raise UsageError("give SQL or --recipe, not both")
    if options.recipe:
        from warehouse.queries.recipes import recipe_sql

        return recipe_sql(options.recipe)
    _list_cookbook(options.format)
    return None


def _list_cookbook(form: str) -> None:
    """Print name and question of each recipe; for a program with the notes, that say what a row is."""
    from warehouse.queries.recipes import list_recipes
    from warehouse.queries.render import write_csv, write_json

    recipes = list_recipes()
    if form == "table":
        sys.stdout.writelines(f"{recipe.name:32} {recipe.question}\n" for recipe in recipes)
        return
    rows = [(recipe.name, recipe.question, recipe.notes) for recipe in recipes]
    (write_json if form == "json" else write_csv)(("recipe", "question", "notes"), rows, sys.stdout)
