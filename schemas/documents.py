"""What a source document says, as Pydantic models: strict about meaning, free of YAML's type guesses.

In come strings, None, lists and mappings (flows/reading/yaml_tree.py); out come typed values. Every rule about a single
value is here; rules that need the URL policy are in flows/reading/entries.py. Plain functions validate the leaves,
because Pydantic's own lax modes accept more than the rules do (`1_000` and `1.0` as integers, `yes` as a boolean,
numbers as dates). An absent or blank text is NULL in every optional field. Fields that no model knows are kept in
`model_extra`. The columns of a mention (ENTRIES) are made from the models, so a new field is recorded at once.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

import pyarrow as pa
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationInfo
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

from schemas.batches import DIGEST
from schemas.hosts import host_of

EARLIEST = datetime(1990, 1, 1)
YEARS_AHEAD = 2

_INTEGER = re.compile(r"[+-]?[0-9]+")
_MAX_INT64 = 2**63 - 1
# ISO 8601-1:2019, 5.2.2.1 and 5.4.2.1: the calendar date in extended form, alone or with a time and an offset.
_DATE = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?) ?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)

Context = dict[str, datetime]
"""What Pydantic gives to validators: the bounds of a run."""


def bounds(as_of: datetime) -> Context:
    """Return the validation context of a run: the latest date that a document may carry, as-of plus two years."""
    year = as_of.year + YEARS_AHEAD
    try:
        return {"latest": as_of.replace(year=year)}
    except ValueError:  # 29 February, or past the year 9999
        return {"latest": as_of.replace(year=min(year, 9999), day=28)}


def _text(value: object) -> str | None:
    """Return the text without surrounding Unicode white space, None where nothing is left."""
    if isinstance(value, str):
        if "\0" in value:
            raise PydanticCustomError("nul_character", "text without NUL")
        return value.strip() or None
    if value is None:
        return None
    raise PydanticCustomError("wrong_shape", "text")


def _title(value: object) -> str:
    text = _text(value)
    if text is None:
        raise PydanticCustomError("missing", "a title")
    return text


def _url(value: object) -> str | None:
    """Like a text, but an empty text stays: an empty string is an invalid URL, not a missing one."""
    return "" if isinstance(value, str) and not value.strip() else _text(value)


def _domain(value: object) -> str | None:
    """Return the host of a domain. A text that holds none is NULL and costs its mention nothing."""
    text = _text(value)
    return None if text is None else host_of(text)


def _integer(least: int) -> Callable[[object], int | None]:
    """Return the validator of integers from `least` on."""
    expected = f"an integer of {least} or more, within 64 bits"

    def validate(value: object) -> int | None:
        text = _text(value)
        if text is None:
            return None
        if _INTEGER.fullmatch(text) is None:
            raise PydanticCustomError("bad_integer", expected)
        digits = text.lstrip("+-").lstrip("0") or "0"
        number = int(text[0] + digits if text[0] in "+-" else digits) if len(digits) < 20 else _MAX_INT64 + 1
        if not least <= number <= _MAX_INT64:
            raise PydanticCustomError("out_of_range", expected)
        return number

    return validate


def _heat(value: object) -> int | None:
    heat = _integer(-1)(value)
    return None if heat == -1 else heat


def _boolean(value: object) -> bool | None:
    text = _text(value)
    if text is None:
        return None
    if text.lower() not in ("true", "false"):
        raise PydanticCustomError("bad_boolean", "true or false")
    return text.lower() == "true"


def _moment(value: object, info: ValidationInfo) -> datetime | None:
    text = _text(value)
    if text is None:
        return None
    moment = parse_moment(text)
    if moment is None:
        raise PydanticCustomError("bad_date", "an ISO 8601 date that exists, year first")
    latest = info.context["latest"] if info.context else datetime.max
    if not EARLIEST <= moment <= latest:
        # The text names no day: one that changes with the as-of would make a new release of each run.
        raise PydanticCustomError("date_out_of_range", f"a date from {EARLIEST:%Y} to two years after the as-of")
    return moment


def parse_moment(text: str) -> datetime | None:
    """Return the moment that an ISO 8601 text names, as naive UTC; None where it names none.

    Calendar dates only, year-month-day, extended form; a date alone is its midnight; without an offset it is UTC;
    fractions of a second are cut to microseconds.
    """
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    date, time, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{time or '00:00'}{(offset or 'Z').upper()}")
        return moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def _nothing(value: object) -> object:
    """Return None for an empty text where a list or mapping is expected."""
    return None if isinstance(value, str) and not value.strip() else value


def _author(value: object) -> str | None:
    """Return an author's name, given as text or as a mapping with a `name`."""
    return _text(value.get("name")) if isinstance(value, dict) else _text(value)


Text = Annotated[str | None, PlainValidator(_text)]
Url = Annotated[str | None, PlainValidator(_url)]
Flag = Annotated[bool | None, PlainValidator(_boolean)]
Moment = Annotated[datetime | None, PlainValidator(_moment)]
Pixels = Annotated[int | None, PlainValidator(_integer(1))]


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="allow", frozen=True)


class Image(_Model):
    """An image that an article or a provider declares. Sizes in pixels."""

    url: Url = None
    width: Pixels = None
    height: Pixels = None
    is_cached: Flag = None
    title: Text = None
    attribution: Text = None


Images = Annotated[list[Image | None] | None, BeforeValidator(_nothing)]
Texts = Annotated[list[Text] | None, BeforeValidator(_nothing)]


class Provider(_Model):
    """Who published an article. The domain is a host: lower case, in punycode, without `www.` (schemas/hosts.py)."""

    domain: Annotated[str | None, PlainValidator(_domain)] = None
    name: Text = None
    authors: Annotated[list[Annotated[str | None, PlainValidator(_author)]] | None, BeforeValidator(_nothing)] = None
    images: Images = None


class Mention(_Model):
    """What a document says of one article: its own, or one of its related list. Times are naive UTC."""

    title: Annotated[str, PlainValidator(_title)]
    excerpt: Text = None
    category: Text = None
    content_type: Annotated[Text, Field(alias="type")] = None
    locale: Text = None
    featured_content: Text = None
    published_at: Annotated[Moment, Field(alias="publishedDateTime")] = None
    updated_at: Annotated[Moment, Field(alias="updatedDateTime")] = None
    quality: Annotated[int | None, PlainValidator(_integer(0))] = None
    heat: Annotated[int | None, PlainValidator(_heat)] = None
    is_published: Annotated[Flag, Field(alias="published")] = None
    is_removed: Annotated[Flag, Field(alias="removed")] = None
    provider: Annotated[Provider | None, BeforeValidator(_nothing)] = None
    topics: Texts = None
    images: Images = None
    web_url: Url = None
    original_url: Url = None
    amp_url: Annotated[Url, Field(alias="ampWebUrl")] = None
    amp_cache_url: Annotated[Url, Field(alias="cdnAmpWebUrl")] = None


_LEAVES = {str: pa.string(), int: pa.int64(), bool: pa.bool_(), datetime: pa.timestamp("us")}


def columns_of(model: type[BaseModel], *, as_written: bool = False) -> "list[pa.Field[Any]]":
    """Return the Arrow fields of a model's values; as_written: every value a text, under its name in a document."""
    return [
        pa.field((field.alias or name) if as_written else name, _kind(field.annotation, as_written))
        for name, field in model.model_fields.items()
    ]


def _kind(annotation: Any, as_written: bool) -> Any:
    if get_origin(annotation) is list:
        return pa.list_(_kind(get_args(annotation)[0], as_written))
    inner = [part for part in get_args(annotation) if part is not NoneType]
    if inner:  # `X | None`, Annotated[X, …]
        return _kind(inner[0], as_written)
    if issubclass(annotation, BaseModel):
        return pa.struct(columns_of(annotation, as_written=as_written))
    return pa.string() if as_written else _LEAVES[annotation]


RANKED_TEXTS = ("title", "excerpt", "provider_name")
"""Columns of text that have a column beside them for what is wrong with the text (schemas/text.py: flaw)."""
_ENTRY_COLUMNS: list[Any] = [
    ("entry_id", pa.int64()),
    ("entry_digest", DIGEST),
    *(field for field in columns_of(Mention) if field.name != "provider"),
    *(field.with_name(f"provider_{field.name}") for field in columns_of(Provider)),
    ("provider_logo_url", pa.string()),
    *((f"{name}_flaw", pa.int8()) for name in RANKED_TEXTS),
    ("unknown", pa.string()),
]
# one row per distinct entry of a batch: what one mention says, whoever says it
ENTRIES = pa.schema(_ENTRY_COLUMNS)

# Pydantic's own error types for shapes, in our words; all other errors carry their words themselves.
SHAPES = {"list_type": "a list", "model_type": "a mapping", "model_attributes_type": "a mapping"}


def explain(error: ErrorDetails) -> tuple[str, str]:
    """Return reason and expectation of one of Pydantic's error details."""
    kind = error["type"]
    if kind in SHAPES:
        return "wrong_shape", SHAPES[kind]
    return kind, "a title" if kind == "missing" else error["msg"]
