"""Flaws of texts, and what an error may show of one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import text as texts
from schemas.text import CLEAN, GARBLED, PLACEHOLDER, flaw, sample


@pytest.mark.parametrize(
    "text",
    [
        None,
        "A title",
        "50% off",
        "CAFÉ’S",
        "SÃO PAULO",
        "déjà\u00a0» vu",
        "日本語のニュース",
        "Ärger “hier”",
        "Nan Goldin",
        "Å“x",
    ],
)
def test_clean_texts(text: str | None) -> None:
    assert flaw(text) == CLEAN


@pytest.mark.parametrize(
    "text",
    ["CafÃ©", "donâ€™t", "Mobiusâ€”hosted", "a%20b", "Morningstar%2c Inc.", "%C3%A9", "\ufffd", "æ—¥æœ¬", "ðŸ˜€"],
)
def test_garbled_texts(text: str) -> None:
    assert flaw(text) == GARBLED


# Of all characters those that any of the sequences may begin with or go on in, for chance to make some.
_ODD = "".join(map(chr, range(0x80, 0x100))) + "\u0152\u0178\u02dc\u2013\u2019\u201e\u20ac\u2122\ufffd a"


@given(st.text(_ODD, max_size=8))
def test_what_is_garbled_begins_like_it(text: str) -> None:
    assert (flaw(text) == GARBLED) == (texts._MOJIBAKE.search(text) is not None)


@pytest.mark.parametrize("text", ["NA", "n/a", "Placeholder.", "[Untitled]", ".", "--", "None", "…"])
def test_placeholders(text: str) -> None:
    assert flaw(text) == PLACEHOLDER


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\x00", "a\\nb\\x00"),
        ("日本\u2028", "日本\\u2028"),
        ("false\nsecured: L+hM4JI5", "false\\n…"),
        ("x SECURED y", "x …"),
        ("q" + "Zq9+" * 20, "…"),
        ("q" + "Z-9_" * 20, "…"),
        ("only-small-words-that-are-joined-by-hyphens-9", "only-small-words-that-are-joined-by-hyphens-9"),
        ("9" * 70, "9" * 59 + "…"),
        ("a " * 200, "a " * 29 + "a…"),
    ],
)
def test_samples_are_short_and_keep_the_secret(text: str, shown: str) -> None:
    assert sample(text) == shown
