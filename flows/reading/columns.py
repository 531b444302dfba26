"""What entries say, as columns: read from their JSON, checked and typed a column at a time.

Judging a distinct entry by its model (schemas/documents.py) is mostly calls of small functions. But nearly all values
are in the plainest form there is: digits, `2021-04-29T17:02:00Z`, a text without blanks at its ends. So the JSON of a
whole batch is read by Arrow in one go, and each column is compared with the form that needs no judgement. Any other
value is typed by the model's own validator. A row in which one of them refuses is not proved here: the model judges it,
and lets its entry say the same in plain form. So the models alone decide what is valid; a test compares both ways.
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import orjson
import pyarrow as pa
import pyarrow.json
from pydantic import BaseModel, PlainValidator
from pydantic_core import PydanticCustomError

from flows.reading.entries import URL_FIELDS, Entry, is_web_url
from flows.reading.problems import Tree
from schemas.documents import EARLIEST, ENTRIES, RANKED_TEXTS, Context, Image, Mention, Provider, columns_of
from schemas.text import flaw
from schemas.urls import UrlFacts, facts

T = TypeVar("T")
Array = Any
Validate = Callable[..., Any]
# From how many values on a column is compared as a whole: below, importing pyarrow.compute costs more than it saves.
MANY = 300
# Their text, JSON and columns are in memory together, several times.
_AT_ONCE = 8_000
_PLAIN = {
    pa.string(): r"^[!-~](?:[^\x00]*[!-~])?$",
    pa.int64(): "^[1-9][0-9]{0,17}$",
    pa.bool_(): "^(?:true|false)$",
    pa.timestamp("us"): "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]{6})?Z$",
}
_PLAIN_IMAGE_URL = r"^https?://[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)+/[!-~]{0,900}$"


def _validator(model: type[BaseModel], name: str) -> Validate:
    metadata: list[Any] = model.model_fields[name].metadata
    return cast(Validate, next(part.func for part in metadata if isinstance(part, PlainValidator)))


_SCHEMA = pa.schema(columns_of(Mention, as_written=True))
_text, _any_url, _domain = _validator(Image, "title"), _validator(Image, "url"), _validator(Provider, "domain")
_IMAGES = ENTRIES.field("images").type


def table_of_entries(entries: Sequence[Entry], context: Context) -> tuple[pa.Table, set[int]]:
    """Return entries as a table (schemas/documents.py: ENTRIES), and the places of those that the model must judge.

    The rows of the latter mean nothing. Gives each entry that is proved its URLs.
    """
    found = [_table(entries[first : first + _AT_ONCE], context) for first in range(0, len(entries) or 1, _AT_ONCE)]
    refused = {number * _AT_ONCE + place for number, (_, places) in enumerate(found) for place in places}
    return pa.concat_tables([table for table, _ in found]), refused


def _table(entries: Sequence[Entry], context: Context) -> tuple[pa.Table, set[int]]:
    written = _read([entry.said for entry in entries]) if entries else _SCHEMA.empty_table()
    reader = _Reader(written, context)
    columns = reader.columns()
    spellings = zip(*(columns[name].to_pylist() for name in URL_FIELDS), strict=True)
    for place, (entry, urls) in enumerate(zip(entries, spellings, strict=True)):
        if entry.urls is None and place not in reader.bad:
            entry.urls = _facts_of(urls)
            if entry.urls is None:
                reader.bad.add(place)
    columns["entry_id"] = pa.array([entry.entry_id for entry in entries], pa.int64())
    columns["entry_digest"] = pa.array([entry.digest for entry in entries], pa.binary(32))
    columns["unknown"] = pa.array([entry.unknown for entry in entries], pa.string())
    return pa.Table.from_arrays([columns[name] for name in ENTRIES.names], schema=ENTRIES), reader.bad


def _read(rows: Sequence[bytes]) -> pa.Table:
    """Return JSON rows as a table of text; a row that the models do not know the shape of, as an empty one."""
    try:
        return _parse(rows)
    except pa.ArrowInvalid:
        return _parse([row if _fits(orjson.loads(row), _SHAPE) else b"{}" for row in rows])


def _parse(rows: Sequence[bytes]) -> pa.Table:
    data = b"\n".join(rows)
    return pyarrow.json.read_json(
        cast(Any, pa.BufferReader(data)),
        pyarrow.json.ReadOptions(use_threads=False, block_size=len(data) + 1),
        pyarrow.json.ParseOptions(explicit_schema=_SCHEMA, unexpected_field_behavior="error"),
    )


_Shape = dict[str, "_Shape"] | list["_Shape"] | None
"""What a value is made of: a mapping by its keys, a list by its items; None for a text."""


def _shape_of(kind: pa.DataType) -> _Shape:
    if isinstance(kind, pa.StructType):
        return {field.name: _shape_of(field.type) for field in kind}
    return [_shape_of(kind.value_type)] if isinstance(kind, pa.ListType) else None


_SHAPE = _shape_of(pa.struct(list(_SCHEMA)))


def _fits(value: Tree, shape: _Shape) -> bool:
    """Tell whether a value has a shape, at every level; a null has any."""
    if value is None or shape is None:
        return value is None or isinstance(value, str)
    if isinstance(value, dict) and isinstance(shape, dict):
        return value.keys() <= shape.keys() and all([_fits(inner, shape[key]) for key, inner in value.items()])
    return isinstance(value, list) and isinstance(shape, list) and all([_fits(item, shape[0]) for item in value])


def _facts_of(urls: Sequence[str | None]) -> tuple[UrlFacts, ...] | None:
    """Return the facts of a mention's URLs; None where one is none, or none identifies it."""
    if urls[0] is None and urls[1] is None:
        return None
    found = [facts(url) for url in dict.fromkeys(urls) if url is not None]
    return None if None in found else tuple([good for good in found if good is not None])


class _Reader:
    """Types the columns of a table of text, and notes the rows in which a value is refused."""

    def __init__(self, table: pa.Table, context: Context) -> None:
        self._table, self._latest = table, context["latest"]
        self._info = SimpleNamespace(context=context)
        self.bad: set[int] = set()

    def columns(self) -> dict[str, Array]:
        """Return the columns of ENTRIES but for the keys and what no model knows."""
        written = {name: self._table[name].combine_chunks() for name in _SCHEMA.names}
        provider = written.pop("provider")
        found = self._columns(Mention, written) | self._columns(Provider, _children(provider), "provider_")
        logos = found["provider_images"]
        urls = logos.values.field("url").to_pylist()
        first = [urls[start] if start < end else None for start, end in pairwise(logos.offsets.to_pylist())]
        found["provider_logo_url"] = pa.array(first, pa.string())
        self.bad.update(_places(found["title"].is_null()))
        for name in RANKED_TEXTS:
            found[f"{name}_flaw"] = pa.array(_of_each(found[name].to_pylist(), flaw), pa.int8())
        return found

    def _columns(self, model: type[BaseModel], written: Mapping[str, Array], prefix: str = "") -> dict[str, Array]:
        """Return the typed columns of a model. In: what is written under each of its names in a document."""
        given = {name: written.get(field.alias or name) for name, field in model.model_fields.items()}
        return {
            prefix + name: self._column(model, name, texts, ENTRIES.field(prefix + name).type)
            for name, texts in given.items()
            if texts is not None
        }

    def _column(self, model: type[BaseModel], name: str, texts: Array, kind: pa.DataType) -> Array:
        if pa.types.is_list(kind):
            return self._images(texts) if kind == _IMAGES else self._texts(texts)
        validate = _validator(model, name)
        if validate is _domain:
            return self._hosts(texts)
        return self._typed(texts, kind, partial(validate, info=self._info) if kind == pa.timestamp("us") else validate)

    def _typed(self, texts: Array, kind: pa.DataType, validate: Validate, rows: Sequence[int] | None = None) -> Array:
        """Return typed values. In: where the values of each row start, of lists; else a value is a row."""
        typed, odd = self._plain(texts, kind, _PLAIN[kind] if validate is not _image_url else _PLAIN_IMAGE_URL)
        if not odd:
            return typed
        values, written = typed.to_pylist(), texts.to_pylist()
        for place in odd:
            try:
                values[place] = validate(written[place])
            except PydanticCustomError:
                self.bad.add(place if rows is None else bisect_right(rows, place) - 1)
        return pa.array(values, kind)

    def _plain(self, texts: Array, kind: pa.DataType, form: str) -> tuple[Array, Sequence[int]]:
        """Return the typed values of those texts that have the plain form, and the places of the others."""
        if len(texts) - texts.null_count < MANY:
            return pa.nulls(len(texts), cast(Any, kind)), _places(texts.is_valid())
        import pyarrow.compute as pc  # takes longer than a few documents

        is_plain: Array = pc.match_substring_regex(texts, form)
        odd: Sequence[int] = pc.indices_nonzero(cast(Any, pc.invert(is_plain))).to_pylist()
        plain: Array = pc.if_else(is_plain, texts, cast(Any, None)) if odd else texts
        if kind == pa.bool_():
            return pc.equal(plain, cast(Any, "true")), odd
        if kind != pa.timestamp("us"):
            return plain.cast(kind), odd
        try:
            moments = plain.cast(pa.timestamp("us", "UTC")).cast(kind)
        except pa.ArrowInvalid:  # 30 February
            return pa.nulls(len(texts), cast(Any, kind)), _places(texts.is_valid())
        bounds: Any = pc.min_max(moments).as_py()
        is_within = bounds["min"] is None or (bounds["min"] >= EARLIEST and bounds["max"] <= self._latest)
        return (moments, odd) if is_within else (moments, _places(texts.is_valid()))

    def _hosts(self, domains: Array) -> Array:
        texts = domains.to_pylist()
        hosts = _of_each(texts, _host)
        # A text that holds no host is worth a notice.
        self.bad.update(place for place, host in enumerate(hosts) if host is None and texts[place])
        return pa.array(hosts, pa.string())

    def _texts(self, lists: Array) -> Array:
        rows = lists.offsets.to_pylist()
        texts = self._typed(lists.values, pa.string(), _text, rows)
        self._refuse(_places(texts.is_null()), rows)
        return pa.ListArray.from_arrays(lists.offsets, texts)

    def _images(self, lists: Array) -> Array:
        rows = lists.offsets.to_pylist()
        written = _children(lists.values)
        typed = []
        for field, (name, told) in zip(_IMAGES.value_type, Image.model_fields.items(), strict=True):
            validate = _image_url if name == "url" else _validator(Image, name)
            typed.append(self._typed(written[told.alias or name], field.type, validate, rows))
        self._refuse(_places(typed[0].is_null()), rows)
        return pa.ListArray.from_arrays(
            lists.offsets, pa.StructArray.from_arrays(typed, fields=list(_IMAGES.value_type))
        )

    def _refuse(self, places: Collection[int], rows: Sequence[int]) -> None:
        self.bad.update(bisect_right(rows, place) - 1 for place in places)


def _of_each(texts: Sequence[str | None], function: Callable[[str | None], T]) -> list[T]:
    """Return what a function makes of each text, asked once for those that repeat."""
    found = {text: function(text) for text in set(texts)}
    return [found[text] for text in texts]


def _image_url(text: str) -> str:
    url: str = _any_url(text)
    if not is_web_url(url):
        raise PydanticCustomError("not_a_url", "an image that the model must judge")
    return url


def _host(domain: str | None) -> str | None:
    try:
        return cast("str | None", _domain(domain))
    except PydanticCustomError:
        return None


def _children(structs: Array) -> dict[str, Array]:
    return dict(zip([field.name for field in structs.type], structs.flatten(), strict=True))


def _places(marks: Array) -> Sequence[int]:
    """Return where an array of booleans is true."""
    return [place for place, is_marked in enumerate(marks.to_pylist()) if is_marked]
