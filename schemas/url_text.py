"""The characters of a URL's text: what is invisible at its ends, and the character references of HTML.

White space, controls and zero-width characters come with a URL that is copied out of a page or a chat; at the end they
are often percent-encoded, by the program that pasted them. Inside a URL they are kept: there they are letters of a
Persian or Hindi slug.

A URL that was copied out of HTML or a feed still holds references: `&amp;`, `&#38;`, `&#x26;`, `&eacute;`. A numeric
one holds a `#`, so it must be read before the fragment is cut. They are read as browsers read them (WHATWG HTML,
13.2.5.72 to 13.2.5.80), but for two things. One without its `;` is text, for `?x=1&copy=2` is a parameter. NUL,
surrogates and numbers out of range are text, where HTML puts U+FFFD, which would make one page of two. `html.unescape`
was rejected, since it differs in both and drops control characters. Texts are escaped more than once (`&amp;#38;`,
`&amp;amp;amp;`): a chain of references to `&` is read in one step, so that a long one costs as much as any text.
"""

import re
from collections.abc import Callable
from html.entities import html5
from urllib.parse import quote

# Unicode 16, section 23.2 (layout controls) and 5.3: format characters that show nothing. Not here: tag characters and
# variation selectors, which make another emoji of the one before them.
_RANGES = ((0xAD, 0xAD), (0x61C, 0x61C), (0x180E, 0x180E), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F))
_ZERO_WIDTH = "".join(chr(code) for first, last in _RANGES for code in range(first, last + 1)) + "\ufeff"
_SPACE = "".join(filter(str.isspace, map(chr, range(0x3001))))

# The URL standard's C0 controls and space, all white space, and zero width.
_AROUND = "".join(map(chr, range(0x21))) + _SPACE + _ZERO_WIDTH

# Read from the end, so that a long run that is not at the end costs nothing.
_BACKWARDS = "|".join(quote(character)[::-1] for character in _ZERO_WIDTH)
_INVISIBLE_END = re.compile(f"(?:{_BACKWARDS})+")
_INVISIBLE_PATH_END = re.compile(f"(?:{_BACKWARDS}|/)+")
# A path must not end like this after trimming: it would be read as a dot segment or a session parameter.
_SPECIAL = ("/.", "/..", ";jsessionid")


Note = Callable[[str], None]
"""Takes what a rule did, in words, for an explanation."""


def noted(note: Note | None, before: str, after: str, what: str) -> str:
    """Return what a rule made of a text, and say what it did where that is another text."""
    if note and before != after:
        note(what)
    return after


def strip(text: str) -> str:
    """Return a text without what is invisible at its ends; an ASCII end is left to the URL parser, which strips it."""
    return text if text.isascii() and text[:1] > " " else text.strip(_AROUND)


def trim(text: str) -> str:
    """Return a part of a canonical URL without the escaped zero-width characters at its end."""
    end = _INVISIBLE_END.match(text[::-1]) if text[-3:-2] == "%" else None
    return text if end is None else text[: -end.end()]


def trim_path(path: str) -> str:
    """Return a canonical path without the escaped zero-width characters at its end, slashes among them too."""
    end = _INVISIBLE_PATH_END.match(path[::-1])
    if end is None or "%" not in end[0]:
        return path
    bare = path[: -end.end()]
    return path if bare.lower().endswith(_SPECIAL) else bare or "/"


_AMPERSAND = r"(?:amp|AMP|#0*38|#[xX]0*26);"
_REFERENCE = re.compile(
    rf"&(?=#?[0-9A-Za-z]+;)((?:{_AMPERSAND})*)"
    r"(?:#0*+([0-9]{1,7});|#[xX]0*+([0-9A-Fa-f]{1,6});|([A-Za-z][A-Za-z0-9]{1,31};))?"
)
_LAST = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)


# What 128 to 159 mean, by the table of 13.2.5.80: windows-1252, where that has a character.
_C1 = {number: bytes([number]).decode("cp1252", "ignore") for number in range(0x80, 0xA0)}


def unescape(text: str) -> str:
    """Return a text with its character references read once, those to `&` as deep as they go."""
    return _REFERENCE.sub(_read, text) if "&" in text and ";" in text else text


def _read(found: re.Match[str]) -> str:
    chain, decimal, hexadecimal, name = found.groups()
    if name:
        character = html5.get(name)
    elif decimal or hexadecimal:
        character = _numbered(int(decimal) if decimal else int(hexadecimal, 16))
    else:
        return "&"
    return character or "&" + found[0][1 + len(chain) :]


def _numbered(number: int) -> str | None:
    if number == 0 or number > _LAST or number in _SURROGATES:
        return None
    return _C1.get(number) or chr(number)
