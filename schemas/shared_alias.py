"""Which of the articles that share an alias are spellings of one story, judged from their url_keys alone.

A publisher names one AMP page for every post of a live blog, and one page for all parts of a series. So an alias that
two or more identifying url_keys declare proves nothing by itself: it joins only keys that say the same story in their
last path segment, by a slug or by an id. The verdict on an alias depends on the keys that
declare it and on nothing else, so it does not depend on the order of arrival.

A false merge loses an article and a missed one is only untidy, so keys are kept apart where there is doubt:

- A slug is two words or more that are not the words of every page (`live`, `updates`, `video`). An id is a long number
  or a long mix of letters and digits at an end of the segment; dates, round numbers and short numbers do not count.
- Parameters that name a part of a page (`?post=7`, a long id, a slug, any one in a live blog) must be the same; others
  must not contradict each other.
- One slug under two dates or two ids is two stories (`/2020/05/08/morning-news`); a spelling without date or id then
  stands alone, as nobody can tell to which of them it belongs. In a live blog one id is enough: a post may have the
  slug of its blog and an id of its own.
- An id one segment above the slug (`/articles/1268415/slug` and `/amp/articles/1268415`) counts only where the alias is
  an AMP form, nothing else stands under that id, and no word tells of a live blog: the posts of a blog stand below its
  id page in the same way.
- Several stories that share one alias never become one through it: each is joined within itself, and the alias belongs
  to the one that it spells.

Rejected: titles (they change, and posts repeat that of their blog), the share of words in common (posts of a blog have
many), and a list of publishers.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from schemas.story_key import Marks, story_marks

Token = tuple[str, ...]

_ALONE = "its last path segment shares no slug and no id with the alias or with others that declare it"
# What parts stories of one slug or id, by the names of Marks.others; all others are parameters.
_APART = {"day": "day", "id": "id", "folder": "id above", "number": "number above"}
_NOTHING_SAID = "its last path segment holds neither a slug nor an id"
# Of the many spellings of one story so many are looked at for words to explain it by.
_MOST_LOOKED_AT = 20


class Verdict(NamedTuple):
    """What a shared alias does to one of its keys.

    `partner` is the key that `url_key` becomes one article with: the alias, or a sibling where the alias belongs to
    another story. None: the alias joins this key to nothing.
    """

    alias_key: str
    url_key: str
    partner: str | None
    reason: str


def judge(alias: str, declaring: Iterable[str], *, is_identifying: bool) -> list[Verdict]:
    """Return a verdict for each key that declares a shared alias, sorted; and for the alias where it identifies.

    In: the alias, the identifying keys of the mentions that declare it, and whether it identifies a mention itself.
    Out: verdicts that depend on the set of keys alone. Time grows with the number of keys.
    """
    keys = sorted({*declaring} - {alias})
    marks = {key: story_marks(key) for key in (*keys, alias)}
    contested = _contested(marks.values())
    stories = _stories(alias, marks, contested)
    of_alias = stories[alias]
    members: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        members[stories[key]].append(key)
    if not is_identifying and of_alias not in members:
        many = [story for story, spellings in members.items() if len(spellings) > 1]
        of_alias = many[0] if len(many) == 1 else of_alias
    verdicts = [
        _verdict(alias, key, members[stories[key]], marks, is_its_own=stories[key] == of_alias)
        or Verdict(alias, key, None, _why_alone(marks[key], contested))
        for key in keys
    ]
    if is_identifying:
        reason = "it identifies a mention itself" + ("" if of_alias in members else ", and spells no other key's story")
        verdicts.append(Verdict(alias, alias, alias if of_alias in members else None, reason))
    return sorted(verdicts)


def _verdict(
    alias: str, key: str, spellings: list[str], marks: dict[str, Marks], *, is_its_own: bool
) -> Verdict | None:
    """Return the verdict on a key, given all keys of its story, and whether the alias is of that story; None: alone."""
    siblings = [other for other in spellings[: _MOST_LOOKED_AT + 1] if other != key]
    if is_its_own:
        return Verdict(alias, key, alias, _shared_words(marks, key, [alias, *siblings]))
    if siblings:
        reason = _shared_words(marks, key, siblings) + "; the alias itself is of another story, or of several"
        return Verdict(alias, key, siblings[0], reason)
    return None


def _why_alone(marks: Marks, contested: Mapping[Token, set[str]]) -> str:
    """Say why a key is a story of its own: it shares nothing, or it does so with several stories."""
    for token, _ in _claims(marks):
        names = contested[token] - ({"number"} if "day" in contested[token] else set())
        if names:
            apart = " and ".join(sorted({_APART.get(name, "parameters") for name in names}))
            return f"the {token[0]} {token[1]} is that of several stories here, which differ in their {apart}"
    return _ALONE if marks.slug or marks.id else _NOTHING_SAID


def _shared_words(marks: dict[str, Marks], key: str, others: list[str]) -> str:
    """Say in words what a key shares with the first of the others that it shares a mark with."""
    for other in others:
        shared = spells_one(marks[key], marks[other])
        if shared:
            return f"shares {shared} with {other}"
    return "shares slug or id with others that declare the alias"


def spells_one(one: Marks, other: Marks) -> str | None:
    """Say in words what makes two keys spellings of one story; None where nothing does."""
    if one.page == other.page:
        return "all but AMP forms, mobile hosts, case and trackers"
    if one.part != other.part:
        return None
    if one.id and one.id == other.id and not _contradict(_params(one), _params(other)):
        return f"the id {one.id}"
    if one.slug and one.slug == other.slug and not _contradict(_qualifiers(one), _qualifiers(other)):
        return f"the slug {one.slug}"
    if _holds(one, other) or _holds(other, one):
        return f"the id {one.id or other.id}"
    return None


def _contradict(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return any(other.get(name, value) != value for name, value in one.items())


def _params(marks: Marks) -> dict[str, str]:
    """Return what may part two keys of one id: parameters of which nobody knows what they do."""
    return {name: value for name, value in marks.others.items() if name.startswith("?")}


def _qualifiers(marks: Marks) -> dict[str, str]:
    """Return what may part two keys of one slug; in a live blog also that one of them has no id, as the blog itself."""
    return marks.others | ({"id": marks.id or ""} if marks.id or marks.is_live else {})


def _holds(alias: Marks, key: Marks) -> bool:
    """Tell whether an alias is the AMP form, by id alone, of a key that has its slug below that id."""
    return (
        alias.is_amp
        and alias.id is not None
        and key.folder_id == alias.id
        and key.slug is not None
        and key.id is None
        and not (alias.is_live or key.is_live)
        and not key.path.startswith(alias.path + "/")
    )


def _stories(alias: str, marks: dict[str, Marks], contested: Mapping[Token, set[str]]) -> dict[str, str]:
    """Return for each key the name of its story: keys that share a token are one, and so on from key to key."""
    only_child = _only_child(alias, marks)
    parent = {key: key for key in marks}

    def root(key: str) -> str:
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    first: dict[Token, str] = {}
    for key in sorted(marks):
        for token in _tokens(marks[key], contested):
            one, other = sorted((root(key), root(first.setdefault(token, key))))
            parent[other] = one
        if key in only_child:
            one, other = sorted((root(key), root(alias)))
            parent[other] = one
    return {key: root(key) for key in marks}


def _tokens(marks: Marks, contested: Mapping[Token, set[str]]) -> Iterator[Token]:
    """Yield what a key shares with other spellings of its story and with no other story."""
    yield ("page", marks.page)
    for token, qualifiers in _claims(marks):
        names = sorted(contested[token])
        if all(name in qualifiers for name in names):
            yield (*token, *(qualifiers[name] for name in names))


def _claims(marks: Marks) -> Iterator[tuple[Token, dict[str, str]]]:
    """Yield the id and the slug of a key, each with what may part it from others that have the same."""
    if marks.id:
        yield ("id", marks.id, marks.part), _params(marks)
    if marks.slug:
        yield ("slug", marks.slug, marks.part), _qualifiers(marks)


def _contested(all_marks: Iterable[Marks]) -> dict[Token, set[str]]:
    """Return for each id and slug the qualifiers that come in two values, so that it alone tells nothing."""
    values: dict[Token, dict[str, str]] = defaultdict(dict)
    contested: dict[Token, set[str]] = defaultdict(set)
    for marks in all_marks:
        for token, qualifiers in _claims(marks):
            known = values[token]
            contested[token].update(
                name for name, value in qualifiers.items() if known.setdefault(name, value) != value
            )
    return contested


def _only_child(alias: str, marks: dict[str, Marks]) -> set[str]:
    """Return the keys that have their slug below the id that the alias is, where that is one slug and nothing else."""
    id_ = marks[alias].id
    under = {key: one for key, one in marks.items() if key != alias and id_ and id_ in (one.id, one.folder_id)}
    if len({(one.slug, one.part) for one in under.values()}) != 1:
        return set()
    return {key for key, one in under.items() if _holds(marks[alias], one) and one.part == marks[alias].part}
