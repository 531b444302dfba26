"""Small documents as text, for every test that needs one.

Values are written as the source writes them: text in double quotes, numbers, booleans and nothing plain. A double
quoted scalar of YAML takes JSON's escapes, so `json.dumps` quotes.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

URL = "https://example.com/story"


class Plain(NamedTuple):
    """A scalar to be written as it stands, such as `null`, `2021-04-29` or something that YAML refuses."""

    text: str


def make_mention(title: str | None = "A story", url: str | None = URL, **fields: Any) -> dict[str, Any]:
    """Return what one mention says. Fields have the source's names; None leaves the title or webUrl out."""
    given = {"title": title, "webUrl": url}
    return {**{name: value for name, value in given.items() if value is not None}, **fields}


def make_document(
    title: str | None = "A story",
    url: str | None = URL,
    related: Sequence[Mapping[str, Any]] = (),
    body: str = "",
    **fields: Any,
) -> str:
    """Return a document: front matter with these fields and related mentions, then the body."""
    tree = make_mention(title, url, **fields)
    if related:
        tree["related"] = list(related)
    return "\n".join(["---", *_mapping(tree, ""), "---", body])


def _mapping(tree: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield f"{indent}{key}:"
            yield from _mapping(value, indent + "  ")
        elif _is_list(value):
            yield f"{indent}{key}:"
            yield from _items(value, indent + "  ")
        else:
            yield f"{indent}{key}: {_scalar(value)}".rstrip()


def _items(items: Sequence[Any], indent: str) -> Iterator[str]:
    for item in items:
        if isinstance(item, Mapping):
            first, *rest = _mapping(item, indent + "  ")
            yield f"{indent}- {first.strip()}"
            yield from rest
        else:
            yield f"{indent}- {_scalar(item)}"


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | Plain)


def _scalar(value: object) -> str:
    if isinstance(value, Plain):
        return value.text
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False)
