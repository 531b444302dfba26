"""What a table declaration is made of.

One declaration gives the DDL, the comments, the data dictionary and the key audits, so that no column list is kept in
two places. Plain frozen dataclasses rather than an ORM: nothing here talks to a database, and the SQL that fills the
tables is written by hand in warehouse/sql.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

# Keys that one table has and that others refer to, also in a role: `root_article_key`, `first_seen_date_key`.
_HOMES = {
    "article_key": "dim_article",
    "provider_key": "dim_provider",
    "topic_key": "dim_topic",
    "image_key": "dim_image",
    "date_key": "dim_date",
    "document_key": "dim_document",
}

SqlType = Literal["BIGINT", "INTEGER", "DOUBLE", "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP"]
Kind = Literal["dimension", "fact", "bridge", "history", "view", "ops"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, type, meaning, unit (None where it has none) and whether NULL is allowed."""

    name: str
    type: SqlType
    description: str
    unit: str | None = None
    is_nullable: bool = True

    @property
    def comment(self) -> str:
        """The text of COMMENT ON COLUMN: the meaning, then the unit."""
        return self.description if self.unit is None else f"{self.description} Unit: {self.unit}."


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A reference that the audits check: `column` holds values of `table`.`to_column`, or NULL."""

    column: str
    table: str
    to_column: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view of a release: its kind, its name, what one row is, its columns and keys.

    `other_keys`: references that no column's name tells. `is_key_declared`: whether DuckDB knows the primary key, which
    costs an index; it is audited in any case.
    """

    kind: Kind
    name: str
    grain: str
    description: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    other_keys: tuple[ForeignKey, ...] = ()
    is_key_declared: bool = True

    @property
    def foreign_keys(self) -> tuple[ForeignKey, ...]:
        """Its references: columns of schema `main` that are named after another table's key, and the other ones."""
        homes = {} if self.kind == "ops" else _HOMES
        named = (
            ForeignKey(column.name, table, key)
            for column in self.columns
            for key, table in homes.items()
            if table != self.name and f"_{column.name}".endswith(f"_{key}")
        )
        return (*named, *self.other_keys)

    @property
    def declared_key(self) -> tuple[str, ...]:
        """The columns of the key that DuckDB knows; none where there is no key or it is audited only."""
        return self.primary_key if self.is_key_declared and self.kind != "view" else ()

    @property
    def schema(self) -> str:
        """`ops` for what the runs tell of themselves, `main` for what they tell of the news."""
        return "ops" if self.kind == "ops" else "main"

    @property
    def qualified_name(self) -> str:
        """Schema and name, as SQL writes them."""
        return f"{self.schema}.{self.name}"

    @property
    def comment(self) -> str:
        """The text of COMMENT ON TABLE: the grain in a fixed sentence, then the meaning."""
        return f"One row per {self.grain}. {self.description}"

    def take(self, *names: str) -> tuple[Column, ...]:
        """Return these columns, for a view that shows them as they are. Raises KeyError for a name that is none."""
        columns = {column.name: column for column in self.columns}
        return tuple(columns[name] for name in names)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)


dimension = partial(Table, "dimension")
fact = partial(Table, "fact")
bridge = partial(Table, "bridge")
history = partial(Table, "history")
view = partial(Table, "view")
ops_table = partial(Table, "ops")


def tables_in(names: Mapping[str, object]) -> tuple[Table, ...]:
    """Return the tables among the names of a module, in the order in which they are declared."""
    return tuple(value for value in names.values() if isinstance(value, Table))


def required(name: str, type_: SqlType, description: str, unit: str | None = None) -> Column:
    """Declare a column that is never NULL. A TIMESTAMP is in UTC."""
    return Column(name, type_, description, unit or _unit_of(type_), is_nullable=False)


def optional(name: str, type_: SqlType, description: str, unit: str | None = None) -> Column:
    """Declare a column in which NULL means unknown. A TIMESTAMP is in UTC."""
    return Column(name, type_, description, unit or _unit_of(type_))


def _unit_of(type_: SqlType) -> str | None:
    return "UTC" if type_ == "TIMESTAMP" else None
