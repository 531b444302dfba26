"""From the parsed tree of a document to its entries and problems.

Values are judged by the models (schemas/documents.py) and the URL policy; here each verdict meets its place in the
file and its consequence: a bad value at the root condemns the document, one in a related entry that entry alone, a
bad URL that does not identify itself alone. All problems of a document are told at once.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

from pydantic import ValidationError

from flows.reading.entries import SECRET, Entry, ValueFlaw, canonical_form, describe, entry_of, examine, unknown_fields
from flows.reading.hints import (
    RELATED,
    Source,
    deserves_notice,
    flaw_of_cut,
    mend_missing,
    odd_keys,
    place_of_key,
    plain_form,
)
from flows.reading.line_path import hidden_break
from flows.reading.problems import (
    NOTICE,
    Flaw,
    Lines,
    Path,
    Problem,
    Tree,
    hide_pieces,
    place_of,
    problem_of,
    value_at,
)
from schemas.documents import Context, Mention, explain
from schemas.text import sample

# What one document may hold, so that none takes long to judge or to explain. The largest real one has some 150 related
# entries. Beyond either limit the document is bad as a whole.
MAX_RELATED = 10_000
MAX_PROBLEMS = 1_000


class Judged(NamedTuple):
    """What one mention came to: its digest always, its entry unless a flaw is fatal."""

    digest: bytes
    entry: Entry | None
    flaws: Sequence[ValueFlaw]


class Verdict(NamedTuple):
    """What a document came to: for each accepted mention its position and its entry.

    content_digest is None for a bad document, and then there are no mentions. Notices tell what was accepted although
    a person may have meant something else; they refuse nothing.
    """

    content_digest: bytes | None
    positions: Sequence[int]
    entries: Sequence[Entry]
    problems: Sequence[Problem]
    notices: Sequence[Problem] = ()


def refused(flaws: Sequence[Flaw], text: str = "") -> Verdict:
    """Return the verdict on a document that flaws condemn as a whole. In: the text that they are in."""
    lines = Lines(text)
    return Verdict(None, (), (), hide_pieces([problem_of(flaw, lines, None, "document") for flaw in flaws]))


def judge_mention(tree: Tree, context: Context) -> Judged:
    """Judge one mention by itself: the root without its related list, or an item of one."""
    if isinstance(tree, dict) and SECRET in tree:
        tree = {key: value for key, value in tree.items() if key != SECRET}
    entry = entry_of(canonical_form(tree))
    flaws = prove_entry(entry, tree, context)
    return Judged(entry.digest, None if any(flaw.is_fatal for flaw in flaws) else entry, flaws)


def prove_entry(entry: Entry, tree: Tree, context: Context) -> Sequence[ValueFlaw]:
    """Judge a mention by its model. Out: what is wrong; where that is not fatal, the entry says what is good."""
    if not isinstance(tree, dict):
        return [ValueFlaw((), True, "wrong_shape", "a mapping")]
    try:
        mention = Mention.model_validate(tree, context=context)
    except ValidationError as error:
        return _value_flaws(error, tree, context)
    flaws, urls = examine(mention)
    if any(flaw.is_fatal for flaw in flaws):
        return flaws
    describe(entry, mention, urls, {flaw.path for flaw in flaws})
    if entry.drift or (mention.provider is not None and mention.provider.domain is None):
        flaws += _notices(tree, mention)
    return flaws


def _notices(tree: dict[str, Tree], mention: Mention) -> Iterator[ValueFlaw]:
    """Yield what is accepted but not read: keys that are nearly right, and a provider's domain without a host."""
    for path, expected in odd_keys(tree, (path for path, _ in unknown_fields(mention, ()))):
        yield ValueFlaw(path, False, "odd_key", expected, is_notice=True)
    domain = value_at(tree, _DOMAIN)
    if isinstance(domain, str) and domain.strip() and mention.provider is not None and mention.provider.domain is None:
        yield ValueFlaw(_DOMAIN, False, "not_a_host", "a host such as example.com", is_notice=True)


_DOMAIN = ("provider", "domain")


def _value_flaws(error: ValidationError, tree: dict[str, Tree], context: Context) -> list[ValueFlaw]:
    """Return Pydantic's findings, and those on the URLs of the same mention, so that all are told at once."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    found = [ValueFlaw(detail["loc"], True, *explain(detail)) for detail in details]
    bad = {flaw.path[0] for flaw in found}
    rest = {key: value for key, value in tree.items() if key not in bad}
    mention = Mention.model_validate({**rest, "title": "-"}, context=context)
    return found + [flaw for flaw in examine(mention)[0] if flaw.path[0] not in bad]


def judge_document(source: Source, body: str, context: Context) -> Verdict:
    """Judge a whole document: what was read of its front matter, and its body."""
    tree = source.tree
    if not isinstance(tree, dict):
        expected = "a mapping: lines of `key: value`, with a blank after each colon" if tree else "a mapping"
        return refused([Flaw(source.places[()], (), "wrong_shape", expected, _shown(tree))], source.text)
    related = tree.get(RELATED)
    items = related if isinstance(related, list) else []
    root = judge_mention({key: value for key, value in tree.items() if key != RELATED}, context)
    shape = _related_flaws(related)
    flaws = [flaw for flaw in root.flaws if RELATED not in tree or not _is_of_root(flaw)]
    root = root._replace(flaws=[*flaws, *shape], entry=None if shape else root.entry)
    return _verdict([root, *([] if shape else _judge_items(items, context))], source, body)


def _is_of_root(flaw: ValueFlaw) -> bool:
    """Tell whether a flaw is a key that is nearly `related`, of which there is one at the root only."""
    return flaw.is_notice and len(flaw.path) == 1 and plain_form(str(flaw.path[0])) == RELATED


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
        mention = judge_mention(item, context)
        judged.append(mention._replace(flaws=[flaw for flaw in mention.flaws if not _is_of_root(flaw)]))
        flaws += sum(not flaw.is_notice for flaw in mention.flaws)
        if flaws > MAX_PROBLEMS:
            break
    return judged


def _verdict(mentions: Sequence[Judged], source: Source, body: str) -> Verdict:
    found = _problems(mentions, source)
    problems = _at_most([problem for problem in found if problem.scope != NOTICE])
    if mentions[0].entry is None or len(problems) > MAX_PROBLEMS:
        return Verdict(None, (), (), problems)
    accepted = {position: mention.entry for position, mention in enumerate(mentions) if mention.entry}
    digest = content_digest([mention.digest for mention in mentions], body)
    notices = [problem for problem in found if problem.scope == NOTICE]
    return Verdict(digest, [*accepted], [*accepted.values()], problems, notices[:MAX_PROBLEMS])


def content_digest(digests: Sequence[bytes], body: str) -> bytes:
    """Return the digest of a document's content: its root's, its related items' in order, and its body.

    The body counts with its line ends made LF, for the source flips them; a count keeps digests and body apart.
    """
    normal = body.replace("\r\n", "\n").replace("\r", "\n").encode()
    return sha256(len(digests).to_bytes(8, "big") + b"".join(digests) + normal).digest()


def _problems(mentions: Sequence[Judged], source: Source) -> list[Problem]:
    """Return the problems and notices of a document, in the order of its text."""
    cuts = [cut for cut in source.cuts if deserves_notice(source.text, cut)]
    if not cuts and not any(mention.flaws for mention in mentions):
        return []
    lines = Lines(source.text)
    found: list[Problem] = []
    counts: Counter[bool] = Counter()
    for position, mention in enumerate(mentions):
        above: Path = (RELATED, position - 1) if position else ()
        for flaw in mention.flaws:
            counts[flaw.is_notice] += 1
            # One more than the limit, so that it is passed.
            if counts[flaw.is_notice] <= MAX_PROBLEMS + 1:
                found.append(_problem(flaw, (*above, *flaw.path), source, lines))
    found += [problem_of(flaw_of_cut(source.text, cut), lines, _position(cut.path), NOTICE) for cut in cuts]
    return hide_pieces(sorted(found, key=lambda problem: (problem.line or 0, problem.column or 0)))


def _at_most(problems: list[Problem]) -> list[Problem]:
    """Return the problems, or the first of them and one that says so where there are too many."""
    if len(problems) <= MAX_PROBLEMS:
        return problems
    limit = f"at most {MAX_PROBLEMS} problems"
    return [*problems[:MAX_PROBLEMS], Problem(None, "document", 1, 1, "", "too_many_problems", limit, None)]


def _problem(flaw: ValueFlaw, path: Path, source: Source, lines: Lines) -> Problem:
    position = _position(path)
    scope = NOTICE if flaw.is_notice else "url" if not flaw.is_fatal else "mention" if position else "document"
    return problem_of(_placed(flaw, path, source), lines, position, scope)


def _placed(flaw: ValueFlaw, path: Path, source: Source) -> Flaw:
    """Return a flaw with its place and what is found there, and what would be right, as helpful as can be."""
    if flaw.reason == "missing":
        return mend_missing(source, path, flaw.expected)
    if flaw.reason == "odd_key":
        return Flaw(place_of_key(source, path), path, flaw.reason, flaw.expected, sample(str(path[-1])))
    index, value = place_of(source.places, path), value_at(source.tree, path)
    hidden = hidden_break(source.text, index) if flaw.reason == "wrong_shape" and isinstance(value, str) else None
    if hidden is not None:
        return Flaw(hidden[0], path, flaw.reason, f"{flaw.expected}: {hidden[1]}", _shown(value))
    is_text_list = flaw.expected == "a list" and isinstance(value, str) and value.startswith("-")
    expected = flaw.expected + (", with a blank after each dash" if is_text_list else "")
    return Flaw(index, path, flaw.reason, expected, _shown(value))


def _position(path: Path) -> int:
    """Return the position of the mention that a path leads into."""
    return path[1] + 1 if len(path) > 1 and path[0] == RELATED and isinstance(path[1], int) else 0


def _shown(value: Tree) -> str | None:
    """Return an offending value as an error shows it."""
    if value is None:
        return None
    return sample(value) if isinstance(value, str) else "a list" if isinstance(value, list) else "a mapping"
