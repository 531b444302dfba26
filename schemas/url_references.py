"""Character references in a URL: `&amp;`, `&#38;`, `&#x26;`, `&eacute;`, as they stand in a page's source.

A URL that was copied out of HTML or a feed still holds them. A numeric one holds a `#`, so it must be read before the
fragment is cut. They are read as browsers read them (WHATWG HTML, 13.2.5.72 to 13.2.5.80), but for two things. One
without its `;` is text, for `?x=1&copy=2` is a parameter. NUL, surrogates and numbers out of range are text, where HTML
puts U+FFFD, which would make one page of two. `html.unescape` was rejected, since it differs in both and drops control
characters.

Texts are escaped more than once: `&amp;#38;`, `&amp;amp;amp;`. A chain of references to `&` is read in one step, so
that a long one costs as much as any text of its length.
"""

import re
from html.entities import html5

_AMPERSAND = r"(?:amp|AMP|#0*38|#[xX]0*26);"
_REFERENCE = re.compile(
    rf"&(?=#?[0-9A-Za-z]+;)((?:{_AMPERSAND})*+)"
    r"(?:#0*+([0-9]{1,7});|#[xX]0*+([0-9A-Fa-f]{1,6});|([A-Za-z][A-Za-z0-9]{1,31};))?+"
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
