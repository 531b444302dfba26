"""`newsmart show` as a user calls it: text, JSON, exit statuses."""

import json

import pytest

from flows.cli import main
from tests.documents import URL, make_document, make_mention
from tests.newsroom import Newsroom


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    room = Newsroom.below(tmp_path_factory.mktemp("shown"))
    room.write("a.md", make_document("Now", related=[make_mention("Listed", "https://example.net/listed")]))
    room.run()
    return room


def _show(room: Newsroom, *arguments: str) -> int:
    return main(["show", *arguments, "--warehouse", str(room.warehouse)])


@pytest.mark.parametrize("name", [URL, "a.md", "news/a.md", "http://EXAMPLE.com/story/?utm_source=x"])
def test_text_and_json_tell_the_same_thing(capsys: pytest.CaptureFixture[str], shown: Newsroom, name: str) -> None:
    assert _show(shown, name) == 0
    text = capsys.readouterr().out
    assert _show(shown, name, "--json") == 0
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert told["article_key"] in text
    assert "Now" in text
    assert isinstance(told["article_key"], str)


@pytest.mark.parametrize(
    ("arguments", "status", "error"),
    [
        (("https://nowhere.example/x",), 1, "no article has this URL"),
        (("x.md",), 1, "no article or document is called so"),
        ((URL, "--as-of", "2020-01-01"), 1, "no document mentioned it as of 2020-01-01T00:00:00Z"),
        ((URL, "--as-of", "then"), 2, "not a time in ISO 8601"),
        ((), 2, "the following arguments are required"),
    ],
)
def test_what_cannot_be_shown_is_one_line_and_its_status(
    capsys: pytest.CaptureFixture[str], shown: Newsroom, arguments: tuple[str, ...], status: int, error: str
) -> None:
    assert _show(shown, *arguments) == status
    told = capsys.readouterr()
    assert told.out == ""
    assert error in told.err
    assert len(told.err.splitlines()) == 1
