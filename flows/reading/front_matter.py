"""From the bytes of a file to its front matter.

The fences are found before any YAML is read. The closing fence is the first line at column 0 that is `---` and
nothing else but blanks: inside a quoted scalar YAML takes such a line for the end of the document and fails (YAML 1.1,
9.1.3), so no valid front matter can hold one, and `---` inside a title does no harm. Lines end with LF, CRLF or CR.
The whole file must be UTF-8 without NUL, body included, for it is kept and compared as text.
"""

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from dataclasses import dataclass

from flows.reading.line_path import path_at
from flows.reading.problems import Flaw, Path
from schemas.text import sample

_BOM = "\ufeff"
_OPENING = re.compile(r"---[ \t]*(?:\r\n|\r|\n|\Z)")
_CLOSING = re.compile(r"(\r\n|\r|\n)---[ \t]*(?:\r\n|\r|\n|\Z)")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """A document cut in two: text is the file without BOM, yaml_end the index where its YAML ends, body the rest.

    With a flaw there is none, and text is only what the place of the flaw is counted in.
    """

    text: str
    yaml_end: int = 0
    body: str = ""
    flaw: Flaw | None = None


def split(data: bytes) -> FrontMatter:
    """Cut the bytes of a file into front matter and body, or say what is wrong with them.

    Raises nothing: bytes that are not UTF-8, NULs, control characters and missing fences are flaws.
    """
    try:
        text = data.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        return _not_utf8(data, error)
    nul = text.find("\0")
    if nul >= 0:
        return FrontMatter(text, flaw=Flaw(nul, _path(text, nul), "nul_byte", "text without NUL", "\\x00"))
    opening = _OPENING.match(text)
    if opening is None:
        return FrontMatter(text, flaw=_no_opening(text))
    closing = _CLOSING.search(text, opening.end() - 1)
    if closing is None:
        return FrontMatter(text, flaw=Flaw(0, (), "unclosed_front_matter", "a closing `---` line", None))
    control = _FORBIDDEN.search(text, 0, closing.start())
    if control is not None:
        path = path_at(text, control.start())
        flaw = Flaw(control.start(), path, "control_character", "printable text", sample(control.group()))
        return FrontMatter(text, flaw=flaw)
    return FrontMatter(text, closing.end(1), text[closing.end() :])


def _no_opening(text: str) -> Flaw:
    if not text.strip():
        return Flaw(0 if text else None, (), "empty", "front matter between `---` lines", None)
    line = re.split(r"[\r\n]", text[:200], maxsplit=1)[0]
    return Flaw(0, (), "no_front_matter", "`---` as the first line", sample(line))


def _not_utf8(data: bytes, error: UnicodeDecodeError) -> FrontMatter:
    head = data[: error.start].decode("utf-8").removeprefix(_BOM)
    shown = "".join(f"\\x{byte:02x}" for byte in data[error.start : error.start + 4])
    read = data[error.start : error.start + 1].decode("cp1252", "replace")
    meant = f"; in windows-1252 the byte is `{read}`" if read.isprintable() and read != "\ufffd" else ""
    meant = ", not UTF-16: save the file anew" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else meant
    return FrontMatter(head, flaw=Flaw(len(head), _path(head, len(head)), "not_utf8", f"UTF-8{meant}", shown))


def _path(text: str, index: int) -> Path:
    """Return the path of a place in the front matter; of one in the body there is none."""
    opening = _OPENING.match(text)
    is_inside = opening is not None and _CLOSING.search(text, opening.end() - 1, index) is None
    return path_at(text, index) if is_inside else ()
