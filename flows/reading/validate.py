"""From the parsed tree of a document to its entries and problems.

Values are judged by the models (schemas/documents.py) and the URL policy; here each verdict meets its place in the
file and its consequence: a bad value at the root condemns the document, one in a related entry that entry alone, a
bad URL that does not identify itself alone. All problems of a document are told at once.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

import orjson
from pydantic import ValidationError

from flows.reading.entries import SECRET, Entry, canonical_digest, make_entry
from flows.reading.identify import examine
from flows.reading.problems import Lines, Path, Problem, field_path
from flows.reading.tree import Places, Tree, place_of, value_at
from schemas.documents import Mention, explain
from schemas.text import sample

RELATED = "related"
# What one document may hold, so that none takes long to judge or to explain. The largest real one has some 150 related
# entries. Beyond either limit the document is bad as a whole.
MAX_RELATED = 10_000
MAX_PROBLEMS = 1_000

Context = dict[str, datetime]


class ValueFlaw(NamedTuple):
    """A bad value under a path of its mention; a fatal one costs the mention, another only itself."""

    path: Path
    is_fatal: bool
    reason: str
    expected: str


class Judged(NamedTuple):
    """What one mention came to: its digest always, its entry unless a flaw is fatal."""

    digest: bytes
    entry: Entry | None
    flaws: Sequence[ValueFlaw]


class Verdict(NamedTuple):
    """What a document came to: for each accepted mention its position and its entry.

    content_digest is None for a bad document, and then there are no mentions.
    """

    content_digest: bytes | None
    positions: Sequence[int]
    entries: Sequence[Entry]
    problems: Sequence[Problem]


def judge_mention(tree: Tree, context: Context) -> Judged:
    """Judge one mention by itself: the root without its related list, or an item of one."""
    if not isinstance(tree, dict):
        return Judged(canonical_digest(tree), None, [ValueFlaw((), True, "wrong_shape", "a mapping")])
    if SECRET in tree:
        tree = {key: value for key, value in tree.items() if key != SECRET}
    return _judge(tree, canonical_digest(tree), context)


def judge_canonical(canonical: bytes, context: Context) -> Judged:
    """Judge one mention by the canonical form of its tree, a mapping without its secret."""
    return _judge(orjson.loads(canonical), sha256(canonical).digest(), context)


def _judge(tree: dict[str, Tree], digest: bytes, context: Context) -> Judged:
    try:
        mention = Mention.model_validate(tree, context=context)
    except ValidationError as error:
        return Judged(digest, None, _value_flaws(error, tree, context))
    url_flaws, urls = examine(mention)
    if not url_flaws:
        return Judged(digest, make_entry(digest, mention, urls), ())
    flaws = [ValueFlaw(*flaw) for flaw in url_flaws]
    if any(flaw.is_fatal for flaw in flaws):
        return Judged(digest, None, flaws)
    return Judged(digest, make_entry(digest, mention, urls, {flaw.path for flaw in flaws}), flaws)


def _value_flaws(error: ValidationError, tree: dict[str, Tree], context: Context) -> list[ValueFlaw]:
    """Return Pydantic's findings, and those on the URLs of the same mention, so that all are told at once."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    found = [ValueFlaw(detail["loc"], True, *explain(detail)) for detail in details]
    bad = {flaw.path[0] for flaw in found}
    rest = {key: value for key, value in tree.items() if key not in bad}
    mention = Mention.model_validate({**rest, "title": "-"}, context=context)
    return found + [ValueFlaw(*flaw) for flaw in examine(mention)[0] if flaw.path[0] not in bad]


def judge_document(tree: Tree, places: Places, text: str, body: str, context: Context) -> Verdict:
    """Judge a whole document: its tree with the places of its nodes, its text to count lines in, and its body."""
    if not isinstance(tree, dict):
        line, column = Lines(text).place(place_of(places, ()))
        return Verdict(
            None, (), (), [Problem(None, "document", line, column, "", "wrong_shape", "a mapping", _shown(tree))]
        )
    related = tree.get(RELATED)
    items = related if isinstance(related, list) else []
    root = judge_mention({key: value for key, value in tree.items() if key != RELATED}, context)
    shape = _related_flaws(related)
    root = root._replace(flaws=[*root.flaws, *shape], entry=None if shape else root.entry)
    judged = [] if shape else _judge_items(items, context)
    return _verdict(root, judged, _Source(tree, places, text), body)


def _related_flaws(related: Tree) -> list[ValueFlaw]:
    """Return what is wrong with the related list as such."""
    if isinstance(related, list):
        expected = f"at most {MAX_RELATED} entries"
        return [ValueFlaw((RELATED,), True, "too_many_entries", expected)] if len(related) > MAX_RELATED else []
    is_nothing = related is None or (isinstance(related, str) and not related.strip())
    return [] if is_nothing else [ValueFlaw((RELATED,), True, "wrong_shape", "a list")]


def _judge_items(items: Sequence[Tree], context: Context) -> list[Judged]:
    """Judge related entries, up to where so much is wrong that the document is."""
    judged: list[Judged] = []
    flaws = 0
    for item in items:
        judged.append(judge_mention(item, context))
        flaws += len(judged[-1].flaws)
        if flaws > MAX_PROBLEMS:
            break
    return judged


class _Source(NamedTuple):
    """Where values and their places are looked up."""

    tree: Tree
    places: Places
    text: str


def _verdict(root: Judged, items: Sequence[Judged], source: _Source, body: str) -> Verdict:
    problems = _problems(root, items, source)
    if root.entry is None or len(problems) > MAX_PROBLEMS:
        return Verdict(None, (), (), problems)
    places = [number for number, item in enumerate(items, 1) if item.entry]
    entries = [item.entry for item in items if item.entry]
    digest = content_digest([root.digest, *(item.digest for item in items)], body)
    return Verdict(digest, [0, *places], [root.entry, *entries], problems)


def content_digest(digests: Sequence[bytes], body: str) -> bytes:
    """Return the digest of a document's content: its root's, its related items' in order, and its body.

    The body counts with its line ends made LF, for the source flips them; a count keeps digests and body apart.
    """
    normal = body.replace("\r\n", "\n").replace("\r", "\n").encode()
    return sha256(len(digests).to_bytes(8, "big") + b"".join(digests) + normal).digest()


def _problems(root: Judged, items: Sequence[Judged], source: _Source) -> list[Problem]:
    if not root.flaws and not any(item.flaws for item in items):
        return []
    lines = Lines(source.text)
    found = [_problem(flaw, 0, (), source, lines) for flaw in root.flaws[: MAX_PROBLEMS + 1]]
    for number, item in enumerate(items):
        found += [_problem(flaw, number + 1, (RELATED, number), source, lines) for flaw in item.flaws[:MAX_PROBLEMS]]
        if len(found) > MAX_PROBLEMS:
            break
    found.sort(key=lambda problem: (problem.line or 0, problem.column or 0))
    if len(found) <= MAX_PROBLEMS:
        return found
    limit = f"at most {MAX_PROBLEMS} problems"
    return [*found[:MAX_PROBLEMS], Problem(None, "document", 1, 1, "", "too_many_problems", limit, None)]


def _problem(flaw: ValueFlaw, position: int, prefix: Path, source: _Source, lines: Lines) -> Problem:
    path = (*prefix, *flaw.path)
    scope = "url" if not flaw.is_fatal else "mention" if position else "document"
    line, column = lines.place(place_of(source.places, path))
    found = _shown(value_at(source.tree, path)) if flaw.reason != "missing" else None
    return Problem(position, scope, line, column, field_path(path), flaw.reason, flaw.expected, found)


def _shown(value: Tree) -> str | None:
    """Return an offending value as an error shows it."""
    if value is None:
        return None
    return sample(value) if isinstance(value, str) else "a list" if isinstance(value, list) else "a mapping"
