"""Ciphertext in twenty places: nothing of it is told, wherever a damaged document puts it."""

import base64
import json
import random
from pathlib import Path

import pytest

from flows.reading.problems import Problem
from flows.reading.read import judge_whole
from tests.flows.reading.samples import CONTEXT, HEAD
from tests.newsroom import Newsroom

SECRET = base64.b64encode(random.Random(11).randbytes(120)).decode()
_LONGEST_SHOWN = 11


def split(width: int, glue: str) -> str:
    """Return the secret in pieces."""
    return glue.join(SECRET[start : start + width] for start in range(0, len(SECRET), width))


PLACES = {
    "under its name, unclosed": HEAD + f'secured: "{SECRET}\n',
    "under its name, with a quote inside": HEAD + f'secured: "{SECRET[:40]}"{SECRET[40:]}"\n',
    "in capitals": HEAD + f'Secured: "{SECRET[:30]}"{SECRET[30:]}"\nheat: x\n',
    "misspelt": HEAD + f'securd: "{SECRET[:30]}"{SECRET[30:]}"\n',
    "under another name": HEAD + f"token: {SECRET}: x\n",
    "in a number": HEAD + f"heat: {SECRET}\n",
    "in a number, cut short": HEAD + f"heat: {SECRET[:24]}\n",
    "in a date": HEAD + f"publishedDateTime: {SECRET}\n",
    "in a URL field": HEAD + f"originalUrl: {SECRET}\n",
    "in a URL": HEAD + f"originalUrl: ftp://example.com/{SECRET}\n",
    "over two lines of its value": HEAD + f'secured: "{SECRET[:60]}\n{SECRET[60:]}": x\n',
    "in lines without quotes": HEAD + "secured: a\n" + split(20, "\n") + "\n",
    "in pieces of a list": HEAD + "images:\n" + "".join(f"  - width: {one}\n" for one in split(8, " ").split()),
    "in pieces with blanks": HEAD + f"heat: {split(6, ' ')}\n",
    "after a title that is not closed": f'title: "A\nwebUrl: https://e.com/a\nsecured: "{SECRET}"\n',
    "in a comment": f"title: A #{SECRET}\nwebUrl: https://example.com/a\n",
    "as a key": HEAD + f"{SECRET}: [x\n",
    "as a key, twice": HEAD + f"{SECRET}: x\n{SECRET}: y\n",
    "as an anchor": HEAD + f"secured: &{SECRET[:20]} x\ntoken: *{SECRET.replace('/', '').replace('+', '')}\n",
    "as a tag": HEAD + f"a: !{SECRET} x\n",
    "nested": HEAD + f'related:\n  - title: x\n    secured: "{SECRET[:50]}"{SECRET[50:]}"\n',
    "as a domain": HEAD + f"provider:\n  domain: {SECRET}\n",
    "in windows-1252": HEAD + f'secured: "{SECRET}\xe9"\n',
    "with the fence lost": f"--\n{HEAD}secured: {SECRET}\n",
    "as the first line": SECRET,
    "with a tab": HEAD + f"secured:\n\t{SECRET}\n",
}


def _document(front: str) -> bytes:
    text = front if front.startswith(("--\n", SECRET[:9])) else f"---\n{front}---\n"
    return text.encode("latin-1")


def shown_of(text: str) -> int:
    """Return how many characters in a row of the secret a text shows; what separates pieces does not count."""
    joined = "".join(c for c in text if c not in " \n\\\u2026")
    return next(
        size
        for size in range(len(SECRET), -1, -1)
        if any(SECRET[at : at + size] in joined for at in range(len(SECRET) - size + 1))
    )


def _texts(told: list[Problem]) -> str:
    return " ".join(f"{one.field} {one.expected} {one.found or ''}" for one in told)


@pytest.mark.parametrize("place", PLACES)
def test_nothing_of_it_is_told(place: str) -> None:
    verdict = judge_whole(_document(PLACES[place]), CONTEXT)

    told = [*verdict.problems, *verdict.notices]

    assert told or place in ("nested", "as a domain")  # neither need be wrong
    assert shown_of(_texts(told)) < _LONGEST_SHOWN


def test_nothing_of_it_is_in_a_release_the_state_or_an_answer(tmp_path: Path) -> None:
    room = Newsroom.below(tmp_path)
    for number, front in enumerate(PLACES.values()):
        room.folder.joinpath(f"{number}.md").write_bytes(_document(front))

    result = room.run(max_quarantine=1.0)

    folder = room.warehouse.parent / "news.duckdb.d"
    told = json.dumps([*result.quarantine, result.as_json()], default=str)
    assert shown_of(told) < _LONGEST_SHOWN
    assert shown_of((folder / "state.json").read_text()) < _LONGEST_SHOWN
    rows = room.query("select field, expected, found from ops.notice union all select field, '', '' from ops.drift")
    assert shown_of(json.dumps(rows)) < _LONGEST_SHOWN
