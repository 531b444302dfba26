"""The afternoon's script: what a good engineer writes when the task is only "load these files into a star schema".

PyYAML's C loader, Pydantic models, Arrow into DuckDB, dimensions by plain removal of repeats on the URL. It has no
history, no quarantine (a bad document is counted and left out), no identity beyond the URL as written, no audits and no
publishing. One process. It stands here to be compared with, so it is written to be fast within that: the C loader,
columns into Arrow instead of row inserts, the dimensions in SQL.

    python -m tests.benchmarks.script SOURCE FILE
"""

import json
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

SUFFIXES = {".md", ".markdown", ".txt", ".yaml", ".yml"}


class Loose(BaseModel):
    """The source writes camelCase, and a text may look like a number to YAML."""

    model_config = ConfigDict(alias_generator=to_camel, coerce_numbers_to_str=True)


class Image(Loose):
    """An image of an article."""

    url: str
    width: int | None = None
    height: int | None = None
    is_cached: bool | None = None


class Provider(Loose):
    """Who publishes."""

    name: str | None = None
    domain: str | None = None


class Entry(Loose):
    """An article, as a document says it of itself or of a related one."""

    title: str
    excerpt: str | None = None
    published_date_time: datetime | None = None
    web_url: str | None = None
    original_url: str | None = None
    amp_web_url: str | None = None
    type: str | None = None
    quality: int | None = None
    provider: Provider = Field(default_factory=Provider)
    images: list[Image] = Field(default_factory=list)


class Document(Entry):
    """A file."""

    category: str | None = None
    heat: int | None = None
    published: bool | None = None
    topics: list[str] = Field(default_factory=list)
    related: list[Entry] = Field(default_factory=list)


Columns = dict[str, list[Any]]
TEXT, WHOLE = pa.string(), pa.int64()
MENTIONS: list[tuple[str, pa.DataType]] = [
    ("path", TEXT),
    ("position", WHOLE),
    ("url", TEXT),
    ("title", TEXT),
    ("excerpt", TEXT),
    ("type", TEXT),
    ("published_at", pa.timestamp("us", "UTC")),
    ("quality", WHOLE),
    ("name", TEXT),
    ("domain", TEXT),
    ("category", TEXT),
    ("heat", WHOLE),
]
IMAGES: list[tuple[str, pa.DataType]] = [
    ("article_url", TEXT),
    ("url", TEXT),
    ("width", WHOLE),
    ("height", WHOLE),
    ("is_cached", pa.bool_()),
]
TOPICS: list[tuple[str, pa.DataType]] = [("url", TEXT), ("topic", TEXT)]
SCHEMAS = {"mentions": pa.schema(MENTIONS), "images": pa.schema(IMAGES), "topics": pa.schema(TOPICS)}

STAR = """
create table dim_article as
select url, title, excerpt, category, type, published_at, quality, heat, domain
from mentions
qualify row_number() over (partition by url order by position, path) = 1;

create table dim_provider as select domain, any_value(name) as name from mentions where domain is not null group by all;
create table dim_topic as select distinct topic from topics;
create table dim_image as
select url, any_value(width) as width, any_value(height) as height from images group by url;

create table dim_date as
select distinct published_at::date as date, year(published_at) as year, month(published_at) as month
from mentions where published_at is not null;

create table fact_mention as select path, position, url, domain, published_at::date as date, quality from mentions;
create table bridge_article_topic as select distinct url, topic from topics;
create table bridge_article_image as select distinct article_url, url as image_url from images;
"""


def documents(source: Path) -> Iterator[tuple[str, Document | None]]:
    """Yield every document by its path; None where it does not validate."""
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source).as_posix()
        if path.suffix not in SUFFIXES or path.name.startswith((".", "README.")):
            continue
        front = path.read_text(encoding="utf-8-sig").split("\n---", 1)[0].removeprefix("---")
        try:
            yield name, Document.model_validate(yaml.load(front, Loader=yaml.CSafeLoader))
        except (ValidationError, yaml.YAMLError) as error:
            sys.stderr.write(f"{name}: {error}\n")
            yield name, None


def mention(path: str, position: int, entry: Entry) -> dict[str, Any]:
    """Return the row of one mention."""
    return {
        "path": path,
        "position": position,
        "url": entry.web_url or entry.original_url,
        "title": entry.title,
        "excerpt": entry.excerpt,
        "type": entry.type,
        "published_at": entry.published_date_time,
        "quality": entry.quality,
        "name": entry.provider.name,
        "domain": entry.provider.domain,
        "category": entry.category if isinstance(entry, Document) else None,
        "heat": entry.heat if isinstance(entry, Document) else None,
    }


def collect(found: Iterable[tuple[str, Document]]) -> dict[str, Columns]:
    """Return the columns of the mentions, images and topics of all documents."""
    tables: dict[str, Columns] = {name: {field: [] for field in schema.names} for name, schema in SCHEMAS.items()}

    def add(table: str, row: dict[str, Any]) -> None:
        for field, values in tables[table].items():
            values.append(row[field])

    for path, document in found:
        for position, entry in enumerate((document, *document.related)):
            row = mention(path, position, entry)
            add("mentions", row)
            for image in entry.images:
                add("images", {"article_url": row["url"], **image.model_dump()})
        for topic in document.topics:
            add("topics", {"url": document.web_url or document.original_url, "topic": topic})
    return tables


def load(source: Path, file: Path) -> dict[str, int]:
    """Build the star schema in a new DuckDB file. Out: the counts of documents, mentions and articles."""
    tables = collect((path, document) for path, document in documents(source) if document is not None)
    with duckdb.connect(str(file)) as connection:
        for name, columns in tables.items():
            connection.register(name, pa.table(columns, schema=SCHEMAS[name]))
        connection.execute(STAR)
        articles = connection.execute("select count(*) from dim_article").fetchall()
    mentions = tables["mentions"]
    return {
        "documents": len(set(mentions["path"])),
        "mentions": len(mentions["path"]),
        "articles": int(articles[0][0]),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(load(Path(sys.argv[1]), Path(sys.argv[2]))) + "\n")
