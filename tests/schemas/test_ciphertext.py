"""What is taken for ciphertext: pieces of base64 however short, and no word, path, URL or id."""

import base64
import random

import pytest

from schemas.ciphertext import HIDDEN, hide, hide_in_key, hide_scattered, is_secret_name


def ciphertext(seed: int, length: int) -> str:
    """Return that many characters of base64 over random bytes."""
    return base64.b64encode(random.Random(seed).randbytes(length)).decode()[:length]


@pytest.mark.parametrize(
    "text",
    [
        "/assets/images/organizations/washingtonpost.com-50x50.jpg",
        "assets/images/organizations/reuters.com/united-states/logo.png",
        "https://www.reuters.com/article/us-microsoft-5g-idUSKBN26J2EE",
        "https://www.msn.com/en-us/news/technology/queue-times-eased/ar-AA192xP8",
        "https://cdn.mos.cms.futurecdn.net/EMPenQbWcXQmu6VHWEuJZa-1200-80.jpg",
        "https://www.youtube.com/channel/UCkgikrwDjs4J4U8zdNBV4aA",
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        "1e3cdbc4-c3be-5576-b550-76155e8069f4",
        "1E3CDBC4-C3BE-5576-B550-76155E8069F4",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "EMZ5JVWQ7BG5HOK5YQ7ZQYJ2AM",
        "AA192xP8",
        "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft",
        "WindowsServerActiveDirectoryFederationServices",
        "AMD Ryzen 9 5900X vs i9-10900K vs i7 and RTX 3080 Ti",
        "iPhone 6S vs iPhone XS vs iPad Pro M1",
        "COVID-19: US, UK and EU agree on H1N1-style plan",
        "Security flaw found in Azure",
        "2024-05-08T10:00:00Z",
        "only-small-words-that-are-joined-by-hyphens-9",
    ],
)
def test_what_a_person_needs_is_shown(text: str) -> None:
    assert hide(text) == text


@pytest.mark.parametrize(
    ("length", "piece", "missed"),
    [(24, 24, 5), (40, 40, 1), (60, 60, 1), (60, 8, 1), (60, 6, 2), (60, 4, 15), (160, 4, 1)],
)
def test_ciphertext_is_hidden_however_short_or_split(length: int, piece: int, missed: int) -> None:
    """Of 200 texts of random bytes nearly all are hidden; 24 characters look like an id once in a while."""
    texts = [ciphertext(seed, length) for seed in range(200)]
    split = [" ".join(text[start : start + piece] for start in range(0, length, piece)) for text in texts]
    assert sum(HIDDEN not in hide(text) for text in split) <= missed


@pytest.mark.parametrize("glue", ["\n", '", "', "-", "%2B", " + ", "/"])
def test_pieces_are_judged_together(glue: str) -> None:
    text = ciphertext(1, 64)
    assert hide("before " + glue.join(text[start : start + 16] for start in range(0, 64, 16))) == "before " + HIDDEN


def test_ciphertext_in_a_url_goes_and_the_url_stays() -> None:
    url = f"https://example.com/a/{ciphertext(3, 90).replace('/', 'x')}/b.html"
    assert hide(url) == f"https://example.com/a/{HIDDEN}/b.html"


def test_hexadecimal_longer_than_an_id_is_hidden() -> None:
    assert hide("x " + "da39a3ee5e6b4b0d" * 4) == "x " + HIDDEN


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("secured", "secured"),
        ("Secured", "Secured"),
        ('secured "Zq9', "secured" + HIDDEN),
        (ciphertext(5, 60), HIDDEN),
        ("securityLevel", "securityL" + "e" + HIDDEN),
    ],
)
def test_keys(key: str, shown: str) -> None:
    assert hide_in_key(key) == shown


@pytest.mark.parametrize("name", ["secured", "SECURED", "Secured", "secure", "securd", "secred", " secured", "secued"])
def test_names_that_nearly_are_the_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["title", "webUrl", "provider", "section", "excerpt", "sector"])
def test_other_names(name: str) -> None:
    assert not is_secret_name(name)


def test_pieces_over_several_samples_are_hidden_together() -> None:
    text = ciphertext(7, 80)
    pieces = [text[start : start + 8] for start in range(0, 80, 8)]
    shown = hide_scattered([*pieces, "a word", None])
    assert shown[-2:] == ["a word", None]
    assert sum(sample == HIDDEN for sample in shown) >= 8


def test_a_few_ids_in_samples_stay() -> None:
    samples = ["AA192xP8", "12px", "iPhone", None, "https://example.com/dQw4w9WgXcQ"]
    assert hide_scattered(samples) == samples
