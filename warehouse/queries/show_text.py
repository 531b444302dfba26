"""What `show` tells, as lines that a person reads: sections, a label a line, long texts wrapped to the width.

Long lists end after some lines and say how many more there are; the object itself (`--json`) has them all. Every text
is a stranger's, so what a terminal would obey is shown as an escape.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from warehouse.queries.render import LEAST_WIDTH, columns, plain_text, visible, wrapped

MOST_ROWS = 20
LABEL_COLUMNS = 14
# A value is shown with up to so many characters: embed codes and teasers have thousands.
MOST_CHARACTERS = 600

# A label, and its text in one part or several, each of which begins a line.
Line = tuple[str, str | tuple[str, ...]]


def show_lines(told: Mapping[str, Any], width: int) -> Iterator[str]:
    """Yield the lines of what `show` told, none wider than `width` columns but for words that are."""
    blocks = _document_blocks(told) if told["kind"] == "document" else _article_blocks(told)
    for number, (title, lines) in enumerate(blocks):
        rows = list(lines)
        if not rows:
            continue
        if number:
            yield ""
        yield from wrapped(visible(title), max(width, LEAST_WIDTH), 0)
        for label, text in rows:
            parts = (text,) if isinstance(text, str) else text
            for place, part in enumerate(parts):
                yield from _labelled("" if place else label, part, max(width, LEAST_WIDTH))


Block = tuple[str, Iterable[Line]]


def _article_blocks(told: Mapping[str, Any]) -> Iterator[Block]:
    values = told["values"]
    yield f"article: {values['title']['value'] or told['url']}", _article_head(told)
    yield "values", _values(values)
    yield (
        "spellings of its URL",
        _few((row["kind"], (row["url"], f"since {row['first_seen_at']}")) for row in told["spellings"]),
    )
    yield _mentions_title(told["mentions"]), _few(map(_mention, told["mentions"]))
    yield "history of values", _spans(told["history"])
    gone = [span for span in told.get("mention_history", ()) if span["valid_to"] is not None]
    yield "mentions that ended", _few((span["role"], (*_document_of(span), _until(span))) for span in gone)
    for document in told.get("documents", ()):
        yield from _version_blocks(document["versions"], f"{document['source']}/{document['path']}, ")
    yield (
        "may be the same story",
        _few(("", (one["url"], one["reason"])) for one in told.get("may_be_the_same", ())),
    )


def _article_head(told: Mapping[str, Any]) -> Iterator[Line]:
    yield "url", told["url"]
    yield "url_key", told["url_key"]
    yield "article_key", told["article_key"]
    yield "as of", _when(told)
    yield "seen", f"{told['first_seen_at']} to {told['last_seen_at'] or 'now'}"
    yield "is", "withdrawn by its publisher" if told["is_withdrawn"] else _kind_of(told)
    yield "cited by", f"{told['cited_by_count']:,} documents of other articles"
    if "image_count" in told:
        yield "has", f"{told['image_count']:,} images; lists {told['related_count']:,} other articles"


def _when(told: Mapping[str, Any]) -> str:
    span = f" (the same from {told['valid_from']} to {told['valid_to'] or 'now'})" if "valid_from" in told else ""
    return f"{told['as_of']}{span}, in release {told['release_id']}"


def _kind_of(told: Mapping[str, Any]) -> str:
    return (
        "an article with a document of its own" if told["is_root"] else "only mentioned, without a document of its own"
    )


def _values(values: Mapping[str, Mapping[str, Any]]) -> Iterator[Line]:
    for field, one in values.items():
        if one["value"] is None and not one.get("lost"):
            continue
        yield field, _text(one["value"])
        if one.get("from"):
            yield "", f"  from {_mention_place(one['from'])}"
        for row in one.get("lost", ())[:MOST_ROWS]:
            yield "", f"  lost {_text(row['value'])}  ({_counted(row['mention_count'], 'mention')})"


def _mentions_title(mentions: Sequence[Mapping[str, Any]]) -> str:
    """Only today's mentions have places, and so ranks."""
    return f"mentions{', best-ranked first' if 'position' in next(iter(mentions), {}) else ''} ({len(mentions)})"


def _mention(row: Mapping[str, Any]) -> Line:
    place = row["role"] if row["role"] == "root" or "position" not in row else f"related {row['position']}"
    return place, _document_of(row)


def _document_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return where a document lies and its title, which of a root is the article's own."""
    place = f"{row['source']}/{row['path']}"
    return (place, row["document_title"]) if row.get("role") != "root" and row["document_title"] else (place,)


def _document_blocks(told: Mapping[str, Any]) -> Iterator[Block]:
    yield f"document: {told['source']}/{told['path']}", _document_head(told)
    if "values" in told:
        yield "values", _values(told["values"])
    listed = [one for one in told["lists"] if one["role"] == "related"]
    yield f"lists ({len(listed)})", _few((str(one.get("position", "")), _titled(one)) for one in listed)
    yield f"listed by ({len(told['listed_by'])})", _few(("", _document_of(one)) for one in told["listed_by"])
    yield "changes of its list", _changes(told.get("changes", ()))
    yield "history of its article's values", _spans(told["history"])
    yield from _version_blocks(told.get("versions", ()), "")


def _document_head(told: Mapping[str, Any]) -> Iterator[Line]:
    yield "article", _titled(told)
    yield "article_key", told["article_key"]
    yield "document_key", told["document_key"]
    yield "as of", _when(told)
    yield "seen", f"{told['first_seen_at']} to {told['removed_at'] or 'now'}"
    yield "versions", f"{told['version_count']:,}, the last since {told['changed_at']} of {told['bytes']:,} bytes"


def _titled(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (row["title"], row["url"]) if row["title"] else (row["url"],)


def _changes(changes: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    for change in changes:
        yield change["at"], ""
        yield from _few((f"  {sign} {row['role']}", _titled(row)) for sign, row in _signed(change))


def _signed(change: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from (("+", row) for row in change["added"])
    yield from (("-", row) for row in change["dropped"])


def _spans(spans: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    """Yield each span with all values where it is the first or follows a gap, else with those that changed."""
    before: Mapping[str, Any] | None = None
    for span in spans:
        if before is not None and before["valid_to"] == span["valid_from"]:
            text = "; ".join(_changed(before, span))
        else:
            text = "; ".join(f"{name} {_text(span[name])}" for name in _names(span) if span[name] is not None)
        yield span["valid_from"], text
        before = span
    if before is not None and before["valid_to"] is not None:
        yield before["valid_to"], "gone"


def _names(span: Mapping[str, Any]) -> list[str]:
    return [name for name in span if name not in ("valid_from", "valid_to")]


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in _names(after):
        if before[name] != after[name]:
            yield f"{name} {_text(before[name])} → {_text(after[name])}"


def _version_blocks(versions: Sequence[Mapping[str, Any]], of: str) -> Iterator[Block]:
    for version in versions:
        title = f"{of}version {version['number']}: {version['valid_from']} to {version['valid_to'] or 'now'}"
        yield title, _few(map(_change, version["changes"]))


def _change(one: Mapping[str, Any]) -> Line:
    """Tell what a version changed; where no known field shows it, what it can be."""
    before, after = one["before"], one["after"]
    if before is None and after is None:
        return "", "the order of its list, its body, or fields that newsmart does not know"
    if one["field"].startswith("related["):
        words = _text(after) if before is None else f"{_text(before)} → {_text(after) if after is not None else 'gone'}"
        return one["field"], ("", words)
    return one["field"], _text(after) if before is None else f"{_text(before)} → {_text(after)}"


def _until(span: Mapping[str, Any]) -> str:
    return f"{span['valid_from']} to {span['valid_to']}"


def _mention_place(place: Mapping[str, Any]) -> str:
    where = "root" if place["position"] == 0 else f"related, position {place['position']}"
    return f"{place['source']}/{place['path']} ({where})"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _text(value: object) -> str:
    if value is None:
        return "unknown"
    text = "; ".join(map(_item, value)) if isinstance(value, list) else plain_text(value)
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}… ({len(text):,} characters)"


def _item(value: object) -> str:
    """Return an item of a list as text; of an image its address."""
    return str(value["url"]) if isinstance(value, dict) else str(value)


def _few(lines: Iterable[Line]) -> Iterator[Line]:
    rows = list(lines)
    yield from rows[:MOST_ROWS]
    if len(rows) > MOST_ROWS:
        yield "", f"… and {len(rows) - MOST_ROWS:,} more (--json has all)"


def _labelled(label: str, text: str, width: int) -> Iterator[str]:
    head = "  " + visible(label)
    space = max(LABEL_COLUMNS + 2 - columns(head), 2)
    yield from wrapped(f"{head}{' ' * space if text else ''}{visible(text)}", width, 2 + LABEL_COLUMNS)
