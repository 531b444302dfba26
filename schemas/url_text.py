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
from html.entities import html5
from urllib.parse import quote

# Unicode 16, section 23.2 (layout controls) and 5.3: format characters that show nothing. Not here: tag characters and
# variation selectors, which make another emoji of the one before them.
_RANGES = ((0xAD, 0xAD), (0x61C, 0x61C), (0x180E, 0x180E), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F))
_ZERO_WIDTH = "".join(chr(code) for first, last in _RANGES for code in range(first, last + 1)) + "\ufeff"
_SPACE = "".join(filter(str.isspace, map(chr, range(0x3001))))

# The URL standard's C0 controls and space, all white space, and zero width.
_AROUND = "".join(map(chr, range(0x21))) + _SPACE + _ZERO_WIDTH

_ESCAPED = tuple(map(quote, _ZERO_WIDTH))
_ESCAPED_OR_SLASH = (*_ESCAPED, "/")
_TWO_BYTES = tuple(escape for escape in _ESCAPED if len(escape) == 6)
# A path must not end like this after trimming: it would be read as a dot segment or a session parameter.
_SPECIAL = ("/.", "/..", ";jsessionid")


def strip(text: str) -> str:
    """Return a text without what is invisible at its ends; an ASCII end is left to the URL parser, which strips it."""
    return text if text.isascii() and text[:1] > " " else text.strip(_AROUND)


def trim(text: str) -> str:
    """Return a part of a canonical URL without the escaped zero-width characters at its end."""
    if text[-3:-2] != "%":
        return text
    end = len(text)
    while text.endswith(_ESCAPED, 0, end):
        end -= _last_escape(text, end)
    return text[:end]


def trim_path(path: str) -> str:
    """Return a canonical path without the escaped zero-width characters at its end, slashes among them too."""
    if path.rstrip("/")[-3:-2] != "%":
        return path
    end = last = len(path)
    while end and path.endswith(_ESCAPED_OR_SLASH, 0, end):
        if path[end - 1] == "/":
            end -= 1
        else:
            end = last = end - _last_escape(path, end)
    if last == len(path) or path[:end].lower().endswith(_SPECIAL):
        return path
    return path[:end] or "/"


def _last_escape(text: str, end: int) -> int:
    return 6 if text.endswith(_TWO_BYTES, 0, end) else 9


_AMPERSAND = r"(?:amp|AMP|#0*38|#[xX]0*26);"
_REFERENCE = re.compile(
    rf"&(?=#?[0-9A-Za-z]+;)((?:{_AMPERSAND})*)"
    r"(?:#0*+([0-9]{1,7});|#[xX]0*+([0-9A-Fa-f]{1,6});|([A-Za-z][A-Za-z0-9]{1,31};))?"
)
_LAST = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)


def _windows_1252() -> dict[int, str]:
    """Return what 128 to 159 mean, by the table of 13.2.5.80: windows-1252, where that has a character."""
    table = {}
    for number in range(0x80, 0xA0):
        try:
            table[number] = bytes([number]).decode("cp1252")
        except UnicodeDecodeError:
            table[number] = chr(number)
    return table


_C1 = _windows_1252()


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
