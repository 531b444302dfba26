"""Renders what a source document looks like, for schemas/README.md, from the models and the tables' declarations."""

from collections.abc import Iterator
from datetime import datetime
from types import NoneType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from schemas import documents
from schemas import star_tables as star
from schemas.declarations import Table
from schemas.documents import Image, Mention, Provider
from tests.documents import make_document

AS_OF = datetime(2026, 11, 20)
TYPES = {str: "text", int: "integer", bool: "true or false", datetime: "date"}
# Each is wrong for some type; what a field says it expected instead is what it must be.
WRONG: tuple[Any, ...] = ([], "no such value", "-2", "2024-02-30", "1989-12-31")
# What a field is, where no column of a release says it as a document would.
MEANINGS = {
    "publishedDateTime": "When it was published.",
    "updatedDateTime": "When it was last updated.",
    "removed": "Withdraws the article, in a document of its own.",
    "provider": "Who published it.",
    "topics": "Its topics. Spelling and case are kept.",
    "images": "Its images, the one to show first.",
    "webUrl": "The article's address. It identifies the article.",
    "originalUrl": "Address of the original. It identifies the article where there is no `webUrl`; else an alias.",
    "ampWebUrl": "Address of its AMP form: an alias.",
    "cdnAmpWebUrl": "Address of its AMP form in a cache: an alias.",
    "provider.name": "Its name.",
    "provider.domain": "Its domain. Scheme, port, path and `www.` are dropped; a text without a host is nothing.",
    "provider.images": "Its images; the first is its logo.",
    "provider.authors": "Who wrote the article: names, or mappings with a `name`.",
    "images[].url": "Its address. An image without one is left out.",
}


def document_fields() -> str:
    """A row for each field of a document: its name, type, what it must be and what it is."""
    head = ["| field | type | must be | what it is |", "|---|---|---|---|"]
    rows = [
        *_rows(Mention, "", (star.DIM_ARTICLE, star.FACT_ARTICLE)),
        *_rows(Provider, "provider.", (star.DIM_PROVIDER,)),
        *_rows(Image, "images[].", (star.DIM_IMAGE,)),
    ]
    return "\n".join([*head, *rows])


def _rows(model: type[BaseModel], prefix: str, tables: tuple[Table, ...]) -> Iterator[str]:
    columns = {column.name: column.description for table in tables for column in table.columns}
    for name, field in model.model_fields.items():
        alias = field.alias or name
        meaning = MEANINGS.get(prefix + alias) or columns[name].partition(" NULL")[0]
        yield f"| `{prefix}{alias}` | {_type(field)} | {'; '.join(_rules(model, alias))} | {meaning} |"


def _type(field: FieldInfo) -> str:
    if any(validator in field.metadata for validator in get_args(documents.Url)[1:]):
        return "URL"
    kind = next(kind for kind in (*get_args(field.annotation), field.annotation) if kind is not NoneType)
    return TYPES.get(kind) or ("mapping" if isinstance(kind, type) and issubclass(kind, BaseModel) else "list")


def _rules(model: type[BaseModel], alias: str) -> Iterator[str]:
    """Yield whether a field is required, and what it says that it expected, of values that it refuses."""
    if any(field.is_required() and alias in (name, field.alias) for name, field in model.model_fields.items()):
        yield "required"
    told: dict[str, None] = {}
    for value in WRONG:
        try:
            model.model_validate({"title": "A title", alias: value}, context=documents.bounds(AS_OF))
        except ValidationError as error:
            told |= {documents.explain(one)[1]: None for one in error.errors()}
    yield from (text for text in told if text not in (*TYPES.values(), "a list", "a mapping", "a title"))


def document_example() -> str:
    """A document with a related article."""
    text = make_document(
        "River otters return",
        "https://www.daily.example/2026/11/river-otters-return?utm_source=feed",
        [
            {
                "title": "How otters were counted",
                "webUrl": "https://science.example/otters-counted",
                "provider": {"name": "Science Weekly", "domain": "science.example"},
                "publishedDateTime": "2026-11-02",
            }
        ],
        "The body is text. It is kept, and part of what makes a version.",
        excerpt="After forty years they are back in the upper valley.",
        type="article",
        publishedDateTime="2026-11-19T06:30:00Z",
        quality=70,
        heat=-1,
        published=True,
        provider={"name": "The Daily", "domain": "daily.example", "authors": ["A. Writer"]},
        topics=["wildlife", "rivers"],
        images=[{"url": "https://img.daily.example/otter.jpg", "width": 1200, "height": 800}],
        ampWebUrl="https://amp.daily.example/2026/11/river-otters-return",
    )
    return f"```yaml\n{text}\n```"
