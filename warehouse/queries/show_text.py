"""What `show` tells, as lines that a person reads: sections, a label a line, long texts wrapped to the width.

Long lists end after some lines and say how many more there are; the object itself (`--json`) has them all. Every text
is a stranger's, so what a terminal would obey is shown as an escape.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from schemas.text import counted
from warehouse.queries.render import columns, wrapped
from warehouse.queries.values import plain_text, visible

MOST_ROWS = 20
LABEL_COLUMNS = 14
# A value is shown with up to so many characters: embed codes and teasers have thousands.
MOST_CHARACTERS = 600

Row = Mapping[str, Any]
# A label, and the texts beside it, each of which begins a line.
Line = tuple[str, *tuple[str, ...]]
Block = tuple[str, Iterable[Line]]


def show_lines(facts: Row, width: int) -> Iterator[str]:
    """Yield the lines of what `show` returned, none wider than `width` columns but for words that are."""
    blocks = _document_blocks(facts) if facts["kind"] == "document" else _article_blocks(facts)
    for number, (title, lines) in enumerate(blocks):
        rows = list(lines)
        if not rows:
            continue
        if number:
            yield ""
        yield from wrapped(visible(title), width, 0)
        for label, *texts in rows:
            for place, text in enumerate(texts or [""]):
                head = "  " + visible("" if place else label)
                space = max(LABEL_COLUMNS + 2 - columns(head), 2)
                yield from wrapped(f"{head}{' ' * space}{visible(text)}", width, 2 + LABEL_COLUMNS)


def _article_blocks(facts: Row) -> Iterator[Block]:
    mentions, values = facts["mentions"], facts["values"]
    # Only today's mentions have places, and so ranks.
    is_ranked = any("position" in one for one in mentions)
    gone = [one for one in facts.get("mention_history", ()) if one["valid_to"] is not None]
    yield f"article: {values['title']['value'] or facts['url']}", _article_head(facts)
    yield "values", _values(values)
    spellings = [(one["kind"], one["url"], f"since {one['first_seen_at']}") for one in facts["spellings"]]
    yield "spellings of its URL", _few(spellings)
    yield f"mentions{', best-ranked first' if is_ranked else ''} ({len(mentions)})", _few(map(_mention, mentions))
    yield "history of values", _spans(facts["history"])
    ended = [(one["role"], *_document_of(one), f"{one['valid_from']} to {one['valid_to']}") for one in gone]
    yield "mentions that ended", _few(ended)
    for one in facts.get("documents", ()):
        yield from _version_blocks(one["versions"], f"{one['source']}/{one['path']}, ")
    yield "may be the same story", _few(("", one["url"], one["reason"]) for one in facts.get("may_be_the_same", ()))


def _article_head(facts: Row) -> Iterator[Line]:
    yield from ((name, facts[name]) for name in ("url", "url_key", "article_key"))
    yield "as of", _when(facts)
    yield "seen", f"{facts['first_seen_at']} to {facts['last_seen_at'] or 'now'}"
    own = (
        "an article with a document of its own" if facts["is_root"] else "only mentioned, without a document of its own"
    )
    yield "is", "withdrawn by its publisher" if facts["is_withdrawn"] else own
    yield "cited by", counted(facts["cited_by_count"], "document") + " of other articles"
    if "image_count" in facts:
        others = counted(facts["related_count"], "other article")
        yield "has", f"{counted(facts['image_count'], 'image')}; lists {others}"


def _when(facts: Row) -> str:
    span = f" (the same from {facts['valid_from']} to {facts['valid_to'] or 'now'})" if "valid_from" in facts else ""
    return f"{facts['as_of']}{span}, in release {facts['release_id']}"


def _values(values: Mapping[str, Row]) -> Iterator[Line]:
    for field, one in values.items():
        lost = one.get("lost", ())
        if one["value"] is None and not lost:
            continue
        yield field, _text(one["value"])
        if place := one.get("from"):
            where = "root" if place["position"] == 0 else f"related, position {place['position']}"
            yield "", f"  from {place['source']}/{place['path']} ({where})"
        for row in lost[:MOST_ROWS]:
            yield "", f"  lost {_text(row['value'])}  ({counted(row['mention_count'], 'mention')})"


def _mention(row: Row) -> Line:
    is_related = row["role"] != "root" and "position" in row
    return f"related {row['position']}" if is_related else row["role"], *_document_of(row)


def _document_of(row: Row) -> tuple[str, ...]:
    """Return where a document lies and its title, which of a root is the article's own."""
    place = f"{row['source']}/{row['path']}"
    return (place, row["document_title"]) if row.get("role") != "root" and row["document_title"] else (place,)


def _document_blocks(facts: Row) -> Iterator[Block]:
    yield f"document: {facts['source']}/{facts['path']}", _document_head(facts)
    if "values" in facts:
        yield "values", _values(facts["values"])
    listed = [one for one in facts["lists"] if one["role"] == "related"]
    yield f"lists ({len(listed)})", _few((str(one.get("position", "")), *_titled(one)) for one in listed)
    yield f"listed by ({len(facts['listed_by'])})", _few(("", *_document_of(one)) for one in facts["listed_by"])
    yield "changes of its list", _changes(facts.get("changes", ()))
    yield "history of its article's values", _spans(facts["history"])
    yield from _version_blocks(facts.get("versions", ()), "")


def _document_head(facts: Row) -> Iterator[Line]:
    yield "article", *_titled(facts)
    yield "article_key", facts["article_key"]
    yield "document_key", facts["document_key"]
    yield "as of", _when(facts)
    yield "seen", f"{facts['first_seen_at']} to {facts['removed_at'] or 'now'}"
    yield "versions", f"{facts['version_count']:,}, the last since {facts['changed_at']} of {facts['bytes']:,} bytes"


def _titled(row: Row) -> tuple[str, ...]:
    return (row["title"], row["url"]) if row["title"] else (row["url"],)


def _changes(changes: Sequence[Row]) -> Iterator[Line]:
    for change in changes:
        yield (change["at"],)
        signed = [("+", row) for row in change["added"]] + [("-", row) for row in change["dropped"]]
        yield from _few((f"  {sign} {row['role']}", *_titled(row)) for sign, row in signed)


def _spans(spans: Sequence[Row]) -> Iterator[Line]:
    """Yield each span with all values where it is the first or follows a gap, else with those that changed."""
    before: Row = {"valid_to": None}
    for span in spans:
        names = [name for name in span if name not in ("valid_from", "valid_to")]
        if before["valid_to"] == span["valid_from"]:
            words = [
                f"{name} {_text(before[name])} → {_text(span[name])}" for name in names if before[name] != span[name]
            ]
        else:
            words = [f"{name} {_text(span[name])}" for name in names if span[name] is not None]
        yield span["valid_from"], "; ".join(words)
        before = span
    if before["valid_to"] is not None:
        yield before["valid_to"], "gone"


def _version_blocks(versions: Sequence[Row], of: str) -> Iterator[Block]:
    for one in versions:
        title = f"{of}version {one['number']}: {one['valid_from']} to {one['valid_to'] or 'now'}"
        yield title, _few(map(_change, one["changes"]))


def _change(one: Row) -> Line:
    """Tell what a version changed; where no known field shows it, what it can be."""
    field, before, after = one["field"], one["before"], one["after"]
    is_entry = field.startswith("related[")
    if before is None and after is None:
        return "", "the order of its list, its body, or fields that newsmart does not know"
    now = "gone" if is_entry and after is None else _text(after)
    words = now if before is None else f"{_text(before)} → {now}"
    return (field, "", words) if is_entry else (field, words)


def _text(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, list):  # of an image its address
        value = "; ".join(str(item["url"] if isinstance(item, dict) else item) for item in value)
    text = plain_text(value)
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}… ({len(text):,} characters)"


def _few(lines: Iterable[Line]) -> Iterator[Line]:
    rows = list(lines)
    yield from rows[:MOST_ROWS]
    if len(rows) > MOST_ROWS:
        yield "", f"… and {len(rows) - MOST_ROWS:,} more (--json has all)"
