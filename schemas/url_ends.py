"""What is invisible at the ends of a URL and names nothing: white space, controls and zero-width characters.

They come with a URL that is copied out of a page or a chat. At the end they are often percent-encoded, by the program
that pasted them. Inside a URL they are kept: there they are letters of a Persian or Hindi slug.
"""

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
# What an end may not become, for it would be read as something else: a dot segment, a session parameter.
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
