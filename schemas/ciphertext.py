"""What looks like ciphertext, so that no error shows any. The one home of that judgement.

The source's `secured` is base64 (RFC 4648, sections 4 and 5) of some hundred characters. Where a fence, quote or key is
damaged it can stand under any name, cut short, or in several pieces. Its mark is that the kind of letter changes all
the time: `Zq9+Lm2xT` goes from capitals to small letters to digits at nearly every character, `organizations/cnn.com`
hardly ever. So a text is cut into parts of one kind (`Ferry` is one part), and what consists of short parts is hidden.
Words, paths, URLs, UUIDs and the ids of publishers stay, because a person needs them to mend a document. In a URL only
long tokens are hidden, since ids there look the same as ciphertext.

Rejected: the entropy of single characters, of which a short text has too few; and hiding whatever has 40 characters of
base64, which hid long paths and showed short secrets.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

HIDDEN = "\u2026"
"""What stands in the place of what is hidden."""
_MIN_ODD, _MIN_PIECES, _MIN_IN_URL, _MIN_SUM_IN_URL = 14, 20, 25, 40
_MOST_MEAN, _MOST_MEAN_PLAIN = 3.0, 3.5
_ODD_PARTS, _NEUTRAL, _MOST_GAP = 3, 4, 3
_MIN_SAMPLES, _MIN_SCATTERED = 3, 24
_LONGEST_NAME = 10

# In a text "security" is a word; as a key, whatever comes near `secured` counts.
_NAME = re.compile(r"secured|\bsecure?d?\w?[\"']?[ \t]*[:=]", re.IGNORECASE)
_NAME_OF_KEY = re.compile(r"secur\w*|\bs?e?c+u*r*e*d+\b", re.IGNORECASE)
_TOKEN = re.compile(r"[A-Za-z0-9+=_-]+")
_URL_TOKEN = re.compile(r"[A-Za-z0-9+]+")
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[A-Z]|[0-9]+")
# Hexadecimal, base32 and the like. SHA-1 in hexadecimal has 40 characters, and is an id.
_LONGEST_ID = 40
_LONG = re.compile(r"[A-Za-z0-9+=]{41,}")


class _Token(NamedTuple):
    """A word of a text: where it stands, its letters and digits, and how many parts of one kind they make."""

    start: int
    end: int
    length: int
    parts: int
    is_odd: bool

    @property
    def can_be_a_piece(self) -> bool:
        """Tell whether it may stand between pieces of ciphertext: no word of one part is, but for short ones."""
        return self.parts > 1 or self.length <= _NEUTRAL


def _token(match: re.Match[str]) -> _Token:
    text = match.group()
    parts = _PART.findall(text)
    length = sum(map(len, parts))
    is_odd = _is_mixed(text) and len(parts) >= _ODD_PARTS and length <= _MOST_MEAN * len(parts)
    return _Token(*match.span(), length, len(parts), is_odd)


def _runs(tokens: Iterator[_Token]) -> Iterator[list[_Token]]:
    """Yield the runs of neighbouring tokens that may be pieces of one ciphertext."""
    run: list[_Token] = []
    for token in tokens:
        if run and (token.start - run[-1].end > _MOST_GAP or not token.can_be_a_piece):
            yield run
            run = []
        if token.can_be_a_piece:
            run.append(token)
    yield run


def _secret_of(run: Sequence[_Token], text: str) -> tuple[int, int] | None:
    """Return where ciphertext stands in a run of a text: several odd tokens, or nearly nothing but broken ones."""
    odd = [token for token in run if token.is_odd]
    if sum(token.length for token in odd) >= _MIN_ODD:
        return odd[0].start, run[-1].end
    broken = [token for token in run if token.parts > 1]
    length = sum(token.length for token in broken)
    if length < _MIN_PIECES or len(broken) < 0.8 * len(run) or not _is_mixed(text[run[0].start : run[-1].end]):
        return None
    return (run[0].start, run[-1].end) if length <= _MOST_MEAN * sum(token.parts for token in broken) else None


def _is_mixed(text: str) -> bool:
    """Tell whether capitals and small letters stand in a text."""
    return text.upper() != text != text.lower()


def spans(text: str) -> list[tuple[int, int]]:
    """Return where ciphertext seems to stand in a text, first to last."""
    if "://" in text:
        secrets = [_secret_of_url(run, text) for run in _runs(map(_token, _URL_TOKEN.finditer(text)))]
        return [secret for secret in secrets if secret is not None]
    found = [match.span() for match in _LONG.finditer(text) if _is_no_word(match.group())]
    secrets = [_secret_of(run, text) for run in _runs(map(_token, _TOKEN.finditer(text)))]
    return sorted(found + [secret for secret in secrets if secret is not None])


def _secret_of_url(run: Sequence[_Token], text: str) -> tuple[int, int] | None:
    """Return where ciphertext stands in a run of a URL: a token longer than ids are, or many odd ones."""
    odd = [token for token in run if token.is_odd or _is_long(token, text)]
    is_secret = any(token.length >= _MIN_IN_URL for token in odd)
    if is_secret or sum(token.length for token in odd) >= _MIN_SUM_IN_URL:
        return odd[0].start, odd[-1].end
    return None


def _is_long(token: _Token, text: str) -> bool:
    return token.length > _LONGEST_ID and _is_no_word(text[token.start : token.end])


def _is_no_word(text: str) -> bool:
    parts = _PART.findall(text)
    return len(parts) > 1 and sum(map(len, parts)) <= _MOST_MEAN_PLAIN * len(parts)


def hide(text: str) -> str:
    """Return a text without ciphertext. It ends where the word `secured` begins, for no one knows what comes after.

    A URL goes on after what is hidden in it, any other text ends there.
    """
    name = _NAME.search(text)
    kept = text if name is None else text[: name.start()]
    found = spans(kept)
    if "://" not in kept:
        end = min([start for start, _ in found], default=len(kept))
        return kept[:end] + (HIDDEN if end < len(text) else "")
    for start, end in reversed(found):
        kept = kept[:start] + HIDDEN + kept[end:]
    return kept + (HIDDEN if name is not None else "")


def hide_in_key(key: str) -> str:
    """Return a key without ciphertext: where a quote or a colon is damaged, a value may stand in a key."""
    name = _NAME_OF_KEY.search(key)
    if name is None:
        return hide(key)
    end = min(name.end(), name.start() + _LONGEST_NAME)
    return key[:end] + (HIDDEN if key[end:].strip() else "")


def is_secret_name(name: str) -> bool:
    """Tell whether a key is `secured`, in whatever case, or nearly so."""
    return _NAME_OF_KEY.search(name) is not None


def hide_scattered(samples: Sequence[str | None]) -> list[str | None]:
    """Return the samples of one document, without those that are pieces of one ciphertext, each too short to tell."""
    pieces = [None if text is None or "://" in text else _piece_of(text) for text in samples]
    odd = {text for text, piece in zip(samples, pieces, strict=True) if piece is not None and piece.is_odd}
    if len(odd) < _MIN_SAMPLES or sum(len(text or "") for text in odd) < _MIN_SCATTERED:
        return list(samples)
    return [
        HIDDEN if piece is not None and piece.parts > 1 else text for text, piece in zip(samples, pieces, strict=True)
    ]


def _piece_of(text: str) -> _Token | None:
    match = _TOKEN.fullmatch(text)
    return None if match is None else _token(match)
