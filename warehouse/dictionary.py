"""The data dictionary, warehouse/DICTIONARY.md, rendered from the declarations: python -m warehouse.dictionary.

Declared once, rendered many times: the same text is in the comments of every release, so the page cannot tell another
story than the database. What stands above the page's mark is written by hand and kept. A test compares the committed
page with what is rendered. Rejected: a documentation generator that reads a built release, which would need a release
to write a page about its shape.
"""

from collections.abc import Iterator
from pathlib import Path

from schemas.declarations import Column, Table
from schemas.tables import ALL_TABLES, BASE_TABLES
from warehouse.contract import shown_name

PATH = Path(__file__).with_name("DICTIONARY.md")
MARK = "<!-- generated: all below -->\n"
GROUPS = {
    "view": "Views",
    "dimension": "Dimensions and look-ups",
    "fact": "Facts",
    "bridge": "Bridges",
    "history": "History",
    "ops": "Schema ops: what the runs tell of themselves",
}
TABLES_OF = {kind: [table for table in ALL_TABLES if table.kind == kind] for kind in GROUPS}
# What a parent is called in a join where the column's own name would not read well.
ROLES = {"date": "day", "url_raw": "spelling"}


def render_dictionary(page: str) -> str:
    """Return the page, with all that stands below its mark made anew."""
    introduction, mark, _ = page.partition(MARK)
    return introduction + mark + "\n" + "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    yield "## Contents\n"
    yield "| table | one row per |"
    yield "|---|---|"
    for tables in TABLES_OF.values():
        for table in tables:
            # GitHub and GitLab drop the dot in the heading's anchor.
            yield f"| [{shown_name(table)}](#{shown_name(table).replace('.', '')}) | {table.grain} |"
    yield "\n## How the tables hang together\n"
    yield "Keys only; every column is below.\n"
    yield f"```mermaid\n{render_diagram()}\n```\n"
    for kind, tables in TABLES_OF.items():
        yield f"## {GROUPS[kind]}\n"
        for table in tables:
            yield from _table_lines(table)


def render_diagram() -> str:
    """Return the tables of the star with their keys and references, as a Mermaid entity-relationship diagram."""
    lines = ["erDiagram"]
    for table in BASE_TABLES:
        for key in table.foreign_keys:
            parent = "|o" if _column(table, key.column).is_nullable else "||"
            child = "o|" if table.primary_key == (key.column,) else "o{"
            lines.append(f'    {key.table} {parent}--{child} {table.name} : "{key.column}"')
    for table in BASE_TABLES:
        references = {key.column for key in table.foreign_keys}
        lines.append(f"    {table.name} {{")
        for column in table.columns:
            marks = ["PK"] * (column.name in table.primary_key) + ["FK"] * (column.name in references)
            lines += [f"        {column.type} {column.name} {', '.join(marks)}"] if marks else []
        lines.append("    }")
    return "\n".join(lines)


def _table_lines(table: Table) -> Iterator[str]:
    yield f"### {shown_name(table)}\n"
    yield f"**One row per {table.grain}.** {table.description}\n"
    if table.primary_key:
        names = ", ".join(f"`{name}`" for name in table.primary_key)
        yield f"{'Primary key' if table.declared_key else 'Unique'}: {names}.\n"
    yield "| column | type | unit | required | meaning |"
    yield "|---|---|---|---|---|"
    for column in table.columns:
        required, meaning = "" if column.is_nullable else "required", column.description.replace("|", "\\|")
        yield f"| `{column.name}` | {column.type} | {column.unit or ''} | {required} | {meaning} |"
    yield ""
    if table.foreign_keys:
        joins = "\n".join(join_sql(table))
        yield f"Joins:\n\n```sql\n{joins}\n```\n"


def join_sql(table: Table) -> Iterator[str]:
    """Yield the lines of a FROM with a join for each reference: a left join where it may be NULL, to lose no row."""
    yield f"from {table.qualified_name}"
    for key in table.foreign_keys:
        kind = "left" if _column(table, key.column).is_nullable else "inner"
        # The part that the parent plays, as one table may be joined twice.
        role = ROLES.get(key.column) or key.column.removesuffix("_key").removesuffix("_date")
        yield f"{kind} join main.{key.table} as {role} on {role}.{key.to_column} = {table.name}.{key.column}"


def _column(table: Table, name: str) -> Column:
    return next(column for column in table.columns if column.name == name)


if __name__ == "__main__":
    PATH.write_text(render_dictionary(PATH.read_text(encoding="utf-8")), encoding="utf-8")
