"""What the texts of a document are worth: trimming, and the flaws that make one text lose to another.

A flawed text is kept as it is; it only ranks below a clean one where sources disagree. So the
rules may be blunt, but must not call a good text bad: each pattern names sequences that no language writes. Repairing
(as ftfy does) was rejected: a guess that goes wrong invents a text that no source holds.
"""

import re

from schemas.ciphertext import HIDDEN, hide

CLEAN, GARBLED, PLACEHOLDER = 0, 1, 2

# UTF-8 read as windows-1252: the lead byte of a two-byte letter (C2, C3), of punctuation (E2 80, E2 84 A2, E2 82 AC),
# of an emoji (F0 9F), or two three-byte letters in a row, each followed by what continuation bytes look like then.
_CONTINUATION = "\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122"
_MOJIBAKE = re.compile(
    f"[\u00c2\u00c3][{_CONTINUATION}]|\u00e2(?:\u20ac|\u0080|\u201e\u00a2|\u201a\u00ac)|\u00f0[\u009f\u0178]"
    f"|(?:[\u00e0-\u00ef][{_CONTINUATION}]{{2}}){{2}}|[\ufffd\u0080-\u0084\u0086-\u009f]"
)
# RFC 3986 section 2.1, but only escapes that no percentage ("50%25") is likely to look like: blanks and punctuation
# of URLs, and the bytes of a UTF-8 letter.
_PERCENT_ESCAPED = re.compile(r"%(?:20|2[1-9A-Fa-f]|3[A-Fa-f])(?![0-9])|%[C-Fc-f][0-9A-Fa-f]%[89ABab][0-9A-Fa-f]")
_NO_TEXTS = ("na", "n/a", "n.a", "none", "null", "nil", "nan", "undefined", "tbd", "todo", "untitled", "placeholder")
_NO_FIELDS = ("no title", "no excerpt", "no description", "title", "excerpt", "description", "lorem ipsum", "")
_PLACEHOLDERS = frozenset((*_NO_TEXTS, *_NO_FIELDS))
_SHORT = 60
_LONG_WORD = re.compile(r"\S{1000,}")


def flaw(text: str | None) -> int:
    """Return 0 for a clean text (or none), 1 for a garbled one, 2 for a placeholder such as `NA`."""
    if text is None:
        return CLEAN
    if len(text) < 20 and text.casefold().strip(" .-\u2013\u2014_*[]()<>\u2026") in _PLACEHOLDERS:
        return PLACEHOLDER
    if "%" in text and _PERCENT_ESCAPED.search(text):
        return GARBLED
    return CLEAN if text.isascii() or not _MOJIBAKE.search(text) else GARBLED


def sample(text: str) -> str:
    """Return a text as an error may show it: one line, at most 60 characters, controls escaped, no ciphertext."""
    head = text[: 4 * _SHORT]
    kept = hide(head)
    shown = printable(kept)
    is_whole = len(shown) <= _SHORT and len(text) <= len(head)
    return shown if is_whole else shown[: _SHORT - 1].removesuffix(HIDDEN) + HIDDEN


def printable(text: str) -> str:
    """Escape what is not printable, so that a terminal is told nothing but text, and keep all languages' letters."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def counted(number: int, noun: str) -> str:
    """Return a number and what is counted: `1 problem`, `1,200 problems`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def is_utf8(text: str) -> bool:
    """Tell whether a text can be stored: an argument whose bytes are no UTF-8 comes with lone surrogates."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def cut_words(text: str) -> str:
    """Cut what has over a thousand characters without a blank, such as a number of 5,000 digits; paths are shorter."""
    return _LONG_WORD.sub(lambda word: f"{word[0][:60]}\u2026{word[0][-20:]}", text)
