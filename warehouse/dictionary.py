"""The data dictionary, warehouse/DICTIONARY.md, rendered from the declarations: python -m warehouse.dictionary.

Declared once, rendered many times: the same text is in the comments of every release, so the page cannot tell another
story than the database. A test compares the committed page with what is rendered. Rejected: a documentation generator
that reads a built release, which would need a release to write a page about its shape.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from schemas.declarations import Column, ForeignKey, Table
from schemas.tables import ALL_TABLES, BASE_TABLES

PATH = Path(__file__).with_name("DICTIONARY.md")

INTRODUCTION = """\
# Data dictionary

What each table and view of a release means. Made from `schemas/` by `python -m warehouse.dictionary`; do not edit it.
The same text stands in the release itself: `select * from duckdb_columns()` has a `comment` for every column.

- A **document** is a file of a source. A **mention** is one place where a document speaks of an article: its own
  (role `root`) or an entry of its `related:` list. An **article** is all mentions whose URLs are one.
- An **as-of** is the logical time of a run. Times are `TIMESTAMP` in UTC, named `*_at` or `valid_*`.
- NULL means unknown, never a magic value. A column that is *required* is never NULL.
- Keys are hashes of natural keys and not numbers in order of arrival, as surrogate keys mostly are. So they are the
  same in every release, however it was built; a saved key keeps its meaning, and two warehouses can be joined. They are
  above 2^53: take them as text where numbers are binary64 (JavaScript, spreadsheets). Counts and sizes are INTEGER,
  which every program takes as a number; scores and pixels are BIGINT, as a source may write any.
- A key that is not known is NULL, and no row of a dimension stands for "unknown". So a left join keeps every row where
  `ops.relationship` says that a reference is not required, and an inner join loses those without.
- One calendar, `dim_date`, plays every role of a date: join it once for each (`published_date_key`,
  `first_seen_date_key`, `last_seen_date_key`) under an alias that says which. Group weeks by `iso_year` and `iso_week`.
- An article has several topics, so sums over topics count it several times; multiply by `bridge_article_topic.weight`
  to share it out instead. The weights of an article add up to 1.
- A history holds spans: `valid_from <= t and (valid_to > t or valid_to is null)` is what held at t. `article_history`
  tells values, `mention_history` who mentioned what, so that a count at any time is one join.
- Foreign keys hold, which an audit proves before a release is published; they are not declared, as DuckDB's check costs
  several times the load. `ops.relationship` lists them for BI tools.
- What consumers may rely on stands in `ops.contract`, in the Open Data Contract Standard: tables and columns may be
  added under one contract version; nothing goes, or changes its type or meaning, without a new one.

Start with [articles](#articles): one row per article, no join needed. Ready questions: `newsmart query --recipe`.
"""

GROUPS: tuple[tuple[str, str], ...] = (
    ("Views", "view"),
    ("Dimensions and look-ups", "dimension"),
    ("Facts", "fact"),
    ("Bridges", "bridge"),
    ("History", "history"),
    ("Schema ops: what the runs tell of themselves", "ops"),
)


def render_dictionary() -> str:
    """Return the whole page as Markdown."""
    return "\n".join([INTRODUCTION, *_contents(), *_diagram(), *_groups()]).rstrip() + "\n"


def render_diagram() -> str:
    """Return the tables of the star with their keys and references, as a Mermaid entity-relationship diagram."""
    lines = ["erDiagram"]
    for table in BASE_TABLES:
        lines += [f"    {reference}" for reference in _references(table)]
    for table in BASE_TABLES:
        lines += [f"    {table.name} {{", *(f"        {line}" for line in _key_lines(table)), "    }"]
    return "\n".join(lines)


def _references(table: Table) -> Iterator[str]:
    """Yield `parent ||--o{ child : column`: one or maybe one parent, any number of children, or at most one."""
    for key in table.foreign_keys:
        parent = "|o" if _column(table, key.column).is_nullable else "||"
        child = "o|" if table.primary_key == (key.column,) else "o{"
        yield f'{key.table} {parent}--{child} {table.name} : "{key.column}"'


def _key_lines(table: Table) -> Iterator[str]:
    for column in table.columns:
        marks = _marks(table, column)
        if marks:
            yield f"{column.type} {column.name} {', '.join(marks)}"


def _marks(table: Table, column: Column) -> list[str]:
    is_reference = any(key.column == column.name for key in table.foreign_keys)
    return ["PK"] * (column.name in table.primary_key) + ["FK"] * is_reference


def _column(table: Table, name: str) -> Column:
    return next(column for column in table.columns if column.name == name)


def _contents() -> Iterator[str]:
    yield "## Contents\n"
    yield "| table | one row per |"
    yield "|---|---|"
    for _, kind in GROUPS:
        for table in _of_kind(kind):
            yield f"| [{_shown(table)}](#{_anchor(table)}) | {table.grain} |"
    yield ""


def _diagram() -> list[str]:
    heading = ["## How the tables hang together\n", "Keys only; every column is below.\n"]
    return [*heading, "```mermaid", render_diagram(), "```\n"]


def _groups() -> Iterator[str]:
    for title, kind in GROUPS:
        yield f"## {title}\n"
        for table in _of_kind(kind):
            yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    yield f"### {_shown(table)}\n"
    yield f"**One row per {table.grain}.** {table.description}\n"
    if table.primary_key:
        yield f"{'Primary key' if table.declared_key else 'Unique'}: {_names(table.primary_key)}.\n"
    yield "| column | type | unit | required | meaning |"
    yield "|---|---|---|---|---|"
    for column in table.columns:
        required = "" if column.is_nullable else "required"
        yield f"| `{column.name}` | {column.type} | {column.unit or ''} | {required} | {_cell(column.description)} |"
    yield ""
    if table.foreign_keys:
        yield "Joins:\n"
        yield "```sql"
        yield from join_sql(table)
        yield "```\n"


def join_sql(table: Table) -> Iterator[str]:
    """Yield the lines of a FROM with a join for each reference: a left join where it may be NULL, to lose no row."""
    yield f"from {table.qualified_name}"
    for key in table.foreign_keys:
        kind = "left" if _column(table, key.column).is_nullable else "inner"
        role = _role(key)
        yield f"{kind} join main.{key.table} as {role} on {role}.{key.to_column} = {table.name}.{key.column}"


def _role(key: ForeignKey) -> str:
    """Return the parent's alias: the part that it plays, as one table may be joined twice."""
    if key.column in ("date", "url_raw"):
        return {"date": "day", "url_raw": "spelling"}[key.column]
    return key.column.removesuffix("_key").removesuffix("_date")


def _of_kind(kind: str) -> Sequence[Table]:
    return [table for table in ALL_TABLES if table.kind == kind]


def _shown(table: Table) -> str:
    return table.qualified_name if table.schema == "ops" else table.name


def _anchor(table: Table) -> str:
    """Return the anchor that GitHub and GitLab make of the heading: lower case, dots dropped."""
    return _shown(table).replace(".", "")


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def write_dictionary() -> None:
    """Write the page beside this module."""
    PATH.write_text(render_dictionary(), encoding="utf-8")


if __name__ == "__main__":
    write_dictionary()
