"""How the documents of a corpus change from step to step.

The source rewrites its files in place: some changes only encrypt `secured` again or flip the line ends, most move heat,
quality, titles and related lists, one change of content in four goes back to an earlier state, and now and then another
publisher's story is put into the same file. A document's state at a step is a pure function of the seed, its number and
the shares of all steps so far, so a step needs no memory of the last one but the list of shares.

Rejected: editing the text of the files. It cannot go back to an earlier state without keeping every state.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import accumulate
from typing import Literal

Edit = Literal[
    "secured", "newlines", "heat", "quality", "title", "published", "topics", "related", "returned", "story", "removed",
    "reappeared",
]  # fmt: skip

# Weights over 100 edits. `returned` is a quarter of those that change the content; a document that is gone can only
# reappear, and one that has no earlier state gets a related list instead.
WEIGHTS: dict[Edit, int] = {
    "secured": 12,
    "newlines": 6,
    "heat": 17,
    "quality": 9,
    "title": 4,
    "published": 3,
    "topics": 3,
    "related": 21,
    "returned": 20,
    "story": 2,
    "removed": 3,
}
KINDS = tuple(WEIGHTS)
BOUNDS = tuple(bound / sum(WEIGHTS.values()) for bound in accumulate(WEIGHTS.values()))
CONTENT_KINDS = frozenset[Edit](
    ("heat", "quality", "title", "published", "topics", "related", "returned", "story")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Content:
    """What a document says: for each part the step that last changed it, 0 as generated; `published` is turned."""

    story: int = 0
    heat: int = 0
    quality: int = 0
    title: int = 0
    published: int = 0
    topics: int = 0
    related: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """A document's state: content, the step that last encrypted `secured`, line ends flipped or not, there or not."""

    content: Content = Content()
    secured: int = 0
    is_flipped: bool = False
    is_there: bool = True


def fraction(*name: int) -> tuple[float, float]:
    """Return two numbers from 0 to 1 that hang on a name alone: whether something happens, and what."""
    digest = blake2b(",".join(map(str, name)).encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "big") / 2**64, int.from_bytes(digest[8:], "big") / 2**64


def state_after(seed: int, document: int, shares: Sequence[float]) -> tuple[State, Edit | None]:
    """Return a document's state after all steps, and the edit that the last step made, None where it made none.

    In: the corpus's seed, the document's number, and for each step the share of the documents that it edits.
    """
    state, kind = State(), None
    earlier: tuple[Content, ...] = ()
    for step, share in enumerate(shares, start=1):
        happens, what = fraction(seed, document, step)
        kind = chosen(what, state, earlier) if happens < share else None
        if kind is None:
            continue
        before = state.content
        state = edited(state, kind, step, earlier)
        if state.content != before:
            earlier = (*earlier, before)
    return state, kind


def chosen(what: float, state: State, earlier: Sequence[Content]) -> Edit:
    """Return the edit that a number from 0 to 1 stands for, given what the document can undergo."""
    if not state.is_there:
        return "reappeared"
    kind = next(kind for kind, bound in zip(KINDS, BOUNDS, strict=True) if what <= bound)
    return "related" if kind == "returned" and not any(old != state.content for old in earlier) else kind


def edited(state: State, kind: Edit, step: int, earlier: Sequence[Content]) -> State:
    """Return the state that an edit leaves behind. A change of content encrypts `secured` again, as in the source."""
    if kind in {"removed", "reappeared"}:
        return replace(state, is_there=kind == "reappeared")
    if kind == "newlines":
        return replace(state, is_flipped=not state.is_flipped)
    if kind == "secured":
        return replace(state, secured=step)
    return replace(state, content=new_content(state.content, kind, step, earlier), secured=step)


def new_content(content: Content, kind: Edit, step: int, earlier: Sequence[Content]) -> Content:
    """Return the content after an edit: the part's step moves on, or the latest other state comes back."""
    if kind == "returned":
        return next(old for old in reversed(earlier) if old != content)
    if kind == "story":
        return Content(story=step)
    if kind == "published":
        return replace(content, published=1 - content.published)
    return replace(content, **{kind: step})
